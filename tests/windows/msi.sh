#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
#
# Makes the MSI as a user does, and tests it.
set -euo pipefail
cd "$(dirname "$0")/../.."
cmake --build "${SEINE_WINDOWS_BUILD:-build/windows}" --target msi > /dev/null
exec python3 tests/windows/test_msi.py
