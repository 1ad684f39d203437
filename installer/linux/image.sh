#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
#
# Makes the container images of a Linux node as one archive, without a registry and without an engine.
#
#   installer/linux/image.sh [OUT.tar]     OUT.tar is build/image/seine.tar if not said; the last line is its path
#   installer/linux/image.sh --root DIR    fills DIR/seine and DIR/seine-ovs with the images' files, for the Dockerfile
#
# The archive holds seine.dev/seine:VERSION (agent, CNI plugin, CLI, nft, the libraries they need) and
# seine.dev/seine-ovs:VERSION (Open vSwitch of this machine's Debian). VERSION is the project's, which the manifests name,
# and beside it that of the build, which tells two builds of one project version apart. `ctr images import`,
# `podman load` and `docker load` take it. The same tree and the same Debian packages make the same bytes.
#
# Installs the packages it needs (installer/deps.sh) and builds what is missing.
set -euo pipefail
root=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)

usage()
{
    sed -n '6,7s/^# \{0,1\}//p' "${BASH_SOURCE[0]}" >&2
    exit 2
}

tree='' out=''
while [ $# -gt 0 ]; do
    case $1 in
    -h | --help) sed -n '4,14s/^# \{0,1\}//p' "${BASH_SOURCE[0]}"; exit 0 ;;
    --root) [ $# -gt 1 ] || usage; tree=$2; shift ;;
    --root=*) tree=${1#--root=} ;;
    -*) usage ;;
    *) [ -z "$out" ] || usage; out=$1 ;;
    esac
    shift
done
[ -z "$tree" ] || [ -z "$out" ] || usage

"$root/installer/deps.sh" build run
(cd "$root" && cmake --preset release > /dev/null &&
    cmake --build --preset release --target seine-agent seine-cni seinectl -- --quiet) >&2

export PYTHONDONTWRITEBYTECODE=1
if [ -n "$tree" ]; then
    exec python3 "$root/installer/linux/image.py" "$root" root "$tree"
fi
exec python3 "$root/installer/linux/image.py" "$root" archive "${out:-$root/build/image/seine.tar}"
