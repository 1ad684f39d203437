# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=sh
#
# Sourced: `$steady COMMAND` runs it, and all that it starts, without random addresses (where the system lets it).
#
# Wine needs the page at 0x7ffe0000. Its program lies 46 MB below, and the kernel has the heap begin within a GB from there: once
# in some 1500 starts, busy or not, the heap lies on the page, and Wine ends with 1 before the program has begun.
if setarch -R true 2> /dev/null; then
    steady="setarch -R"
else
    steady=
fi
# Else not a word of that would be said.
export WINEDEBUG="${WINEDEBUG:--all,err+virtual}"
