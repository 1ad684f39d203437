#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
#
# Installs what the lint of PowerShell scripts needs: a grammar and its interpreter, from npm. No script of theirs is run,
# nothing of them goes into what is built.
#
#   installer/windows/npm.sh        installs what is missing, prints the folder
#
# The folder is ${SEINE_DEPS_DIR:-build/deps}/npm-STAMP, where STAMP is of this script; it is filled beside and renamed in.
set -euo pipefail
cd "$(dirname "$0")/../.."

packages=(tree-sitter-powershell@0.26.4 web-tree-sitter@0.27.1)
deps=${SEINE_DEPS_DIR:-build/deps}
mkdir -p "$deps"
deps=$(cd "$deps" && pwd)
folder=$deps/npm-$(sha256sum installer/windows/npm.sh | cut -c1-10)
exec 9> "$deps/.npm.lock"
flock 9
if [ ! -d "$folder" ]; then
    work=$(mktemp -d "$deps/.npm.XXXXXX")
    trap 'rm -rf "$work"' EXIT
    npm install --prefix "$work" --ignore-scripts --legacy-peer-deps --no-audit --no-fund --no-package-lock \
        --loglevel=error "${packages[@]}" >&2
    mv "$work" "$folder"
fi
echo "$folder"
