#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# Configures and builds one CMake preset; 77 (skipped) where its compiler is absent.
set -euo pipefail
if ! command -v clang-14 > /dev/null; then
    echo "skipped: no clang-14 here (installer/deps.sh test)"
    exit 77
fi
cmake --preset "$1" > /dev/null
cmake --build --preset "$1" -- --quiet
