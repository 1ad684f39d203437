#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# Configures and builds one CMake preset; 77 (skipped) where clang is absent. For Windows nothing is skipped.
set -euo pipefail
if [ "$1" != windows ] && ! command -v clang-14 > /dev/null; then
    echo "skipped: no clang-14 here (installer/deps.sh test)"
    exit 77
fi
cmake --preset "$1" > /dev/null
cmake --build --preset "$1" -- --quiet
