#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
#
# Makes the MSI from the programs of preset `windows`; `cmake --build --preset windows --target msi` runs it.
#
#   installer/windows/msi.sh BUILD        BUILD/seine-VERSION-x64.msi from BUILD/bin, in place of earlier ones
set -euo pipefail
build=$(realpath "$1")
version=$(cat "$build/generated/version.c.txt") # what --version of the programs says
source=$(realpath "$(dirname "$0")/../..")
[[ $version =~ ^[0-9]+\.[0-9]+\.[0-9]+$ ]] || { echo "msi.sh: '$version' is no version for an MSI" >&2; exit 1; }

# A code of its own for each version, the same whoever makes it.
code()
{
    python3 -c 'import sys, uuid; print(uuid.uuid5(uuid.UUID("8f0c1a5e-2f0d-4f7b-9c55-5b7d7c0a6e21"), sys.argv[1]))' "$1"
}

# wixl takes relative names only.
cd "$build"
work=$(mktemp -d "$build/.msi.XXXXXX")
trap 'rm -rf "$work"' EXIT
sed -e "s|@VERSION@|$version|g; s|@PRODUCT@|$(code "product $version")|; s|@PACKAGE@|$(code "package $version")|" \
    -e "s|@BIN@|bin|; s|@SOURCE@|$(realpath --relative-to="$build" "$source")|" \
    "$source/installer/windows/seine.wxs.in" > "$work/seine.wxs"
wixl -a x64 -o "$work/seine.msi" "$work/seine.wxs"
rm -f seine-*-x64.msi
mv "$work/seine.msi" "seine-$version-x64.msi"
echo "seine-$version-x64.msi"
