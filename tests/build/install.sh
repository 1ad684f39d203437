#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# `cmake --install` puts each program where the documentation says, and each answers.
set -euo pipefail
prefix=$(mktemp -d)
trap 'rm -rf "$prefix"' EXIT
cmake --install build/release --prefix "$prefix" > /dev/null
for file in bin/seine-agent bin/seine-cni bin/seinectl bin/kubectl-seine lib/cni/seine-cni; do
    [ -x "$prefix/$file" ] || { echo "not installed: $file"; exit 1; }
    "$prefix/$file" --version
    "$prefix/$file" --help > /dev/null
done
# One version in all of them: that of the commit.
version=$(git -c "safe.directory=$PWD" rev-list --count HEAD)
[ "$(git -c "safe.directory=$PWD" rev-parse --is-shallow-repository)" = false ] || version=0
for program in seine-agent seine-cni seinectl; do
    said=$("$prefix/bin/$program" --version)
    [[ $said =~ ^"$program "[0-9]+\.[0-9]+\."$version"$ ]] || { echo "not of this commit: $said"; exit 1; }
done
cmp "$prefix/bin/seine-cni" "$prefix/lib/cni/seine-cni"
# The plugin must run in any mount namespace: it is static.
if ldd "$prefix/lib/cni/seine-cni" 2>&1 | grep -q '=>'; then
    echo "seine-cni is not static:"
    ldd "$prefix/lib/cni/seine-cni"
    exit 1
fi
