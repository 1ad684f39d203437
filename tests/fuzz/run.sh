#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
#
# Fuzzes one target for a minute: tests/fuzz/run.sh TARGET CORPUS [SECONDS]. Inputs that reach new code
# are kept in build/fuzz/corpus/TARGET and used by the next run; worth keeping for good: copy them to
# CORPUS. A crash leaves its input in build/fuzz/crashes/.
set -euo pipefail
cd "$(dirname "$0")/../.."
target=$1 corpus=$2 seconds=${3:-60}
program=build/fuzz/fuzz/$target
if [ ! -x "$program" ]; then
    echo "skipped: $program is not built (clang-14 is needed)"
    exit 77
fi
grown=build/fuzz/corpus/$target
mkdir -p "$grown" build/fuzz/crashes
# A crash ends with 77 unless told otherwise, which is what CTest takes for skipped.
exec "$program" -error_exitcode=1 -max_total_time="$seconds" -timeout=10 -rss_limit_mb=2048 -print_final_stats=1 \
    -verbosity=0 -artifact_prefix="build/fuzz/crashes/$target-" "$grown" "$corpus"
