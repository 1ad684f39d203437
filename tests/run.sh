#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
#
# Runs all tests of Seine, from a fresh checkout, with one command.
#
#   tests/run.sh                everything
#   tests/run.sh --label L      only tests with that label (unit, lint, build, fuzz, system, kube, property, vm,
#                               bench, windows, cluster); several: --label L --label M
#   tests/run.sh --list         the tests and their labels, nothing run
#   tests/run.sh -- ARGS        further arguments for ctest, such as -R NAME or -V
#
# It installs the packages it needs (root, if any is missing), builds `debug` (ASan and UBSan) and
# `release`, and runs one CTest in build/debug. Its tests include clang's look at all sources, run the fuzz
# targets for 20 seconds each and drive the release programs on real Open vSwitch in network namespaces. A test that cannot
# run here is skipped and says why. CTest's own summary closes the output.
set -euo pipefail
cd "$(dirname "$0")/.."

list=
labels=()
more=()
while [ $# -gt 0 ]; do
    case $1 in
    --label) [ $# -gt 1 ] || { echo "run.sh: --label needs a name" >&2; exit 2; }
             labels+=("$2"); shift ;;
    --label=*) labels+=("${1#--label=}") ;;
    --list) list=1 ;;
    --) shift; more=("$@"); break ;;
    -h | --help) sed -n '3,15s/^# \{0,1\}//p' "$0"; exit 0 ;;
    *) echo "run.sh: unknown argument $1 (see --help)" >&2; exit 2 ;;
    esac
    shift
done

# The libraries for Windows are built by a test, beside others.
installer/deps.sh --packages build run test vm windows kube
# Most tests mostly wait; what takes all processors by itself says so (PROCESSORS).
jobs=$((2 * $(nproc)))
[ "$jobs" -le 4 ] || jobs=4

step()
{
    echo "== $*" >&2
}

# build PRESET [ARGS of cmake --build]: quiet while it goes well, the compiler's words otherwise.
build()
{
    step "build $1"
    cmake --preset "$1" > /dev/null
    cmake --build --preset "$@" -- -j "$(nproc)" --quiet
}

if [ -n "$list" ]; then
    cmake --preset debug > /dev/null
    ctest --test-dir build/debug -N --show-only=json-v1 | python3 -c '
import json, sys
for t in json.load(sys.stdin)["tests"]:
    labels = [p["value"] for p in t.get("properties", []) if p["name"] == "LABELS"]
    print("%-40s %s" % (t["name"], " ".join(labels[0] if labels else [])))'
    exit 0
fi

build debug
# Unit tests are those of the debug tree.
build release --target programs

select=()
if [ ${#labels[@]} -gt 0 ]; then
    select=(-L "^($(IFS='|'; echo "${labels[*]}"))\$")
fi
step "ctest"
# Failures show what they printed, skipped tests their reason.
exec ctest --test-dir build/debug -j "$jobs" --output-on-failure --no-tests=error \
    "${select[@]}" "${more[@]}"
