#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# The programs for Windows come out byte for byte the same in another folder at another time. The commit is built in a
# clone; the other side is build/windows, or a second clone where the tree has changes of its own.
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
programs=(seine-agent seine-cni seinectl)
deps=$(installer/windows/libs.sh --find)
export SEINE_DEPS_DIR=${deps%/*}

# build NAME: a clone of this commit under another folder name.
build()
{
    git -c safe.directory='*' clone -q . "$work/$1"
    git -C "$work/$1" checkout -q "$(git rev-parse HEAD)"
    (cd "$work/$1" && cmake --preset windows > /dev/null &&
        cmake --build --preset windows --target "${programs[@]}" -- --quiet)
}

build clone
one=$work/clone/build/windows/bin
other=build/windows/bin
if [ -n "$(git status --porcelain --untracked-files=no)" ]; then
    echo "the tree has changes: comparing two clones"
    build "another clone"
    other="$work/another clone/build/windows/bin"
fi
for program in "${programs[@]}"; do
    cmp "$one/$program.exe" "$other/$program.exe"
done
if strings -n 8 "$one/seine-agent.exe" | grep -F -e "$work" -e "$PWD"; then
    echo "a path of the machine that built it is in seine-agent.exe"
    exit 1
fi
sha256sum "$one"/*.exe | sed "s|$one/||"
