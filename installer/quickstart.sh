#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
#
# Shows Seine at work on this one machine: two nodes as network namespaces, each with its own Open
# vSwitch and seine-agent, Pods made by CNI calls, NetworkPolicies from docs/examples/, and who
# reaches whom, expected and measured.
#
#   installer/quickstart.sh [up]         install packages, build, set up, measure (the default)
#   installer/quickstart.sh status       the agents' state, and the matrix measured again
#   installer/quickstart.sh shell NODE   a shell in node1 or node2 (from a terminal, or commands from stdin)
#   installer/quickstart.sh down         remove all of it
#
#   --name PREFIX   another one beside it (default: seine)
#   --mixed         with up: the nodes are `linux` and `windows`, the Windows programs under Wine; shows besides that
#                   both systems make the same flows (the first time, libraries for Windows are built: some minutes)
#   --kubernetes    with up: a real Kubernetes cluster, installed as docs/install.md says: API server, two nodes with kubelet and
#                   containerd, Seine their only CNI. Needs Go 1.24 (the first time, Kubernetes is built: some ten minutes)
#
# Needs root and nothing beforehand. Exit status 0 only if every cell measured is the one expected.
set -euo pipefail
root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)

usage()
{
    sed -n '8,17s/^# \{0,1\}//p' "$0" >&2
    exit 2
}

verb='' name=seine node='' kind=''
while [ $# -gt 0 ]; do
    case $1 in
    -h | --help) sed -n '4,19s/^# \{0,1\}//p' "$0"; exit 0 ;;
    --name) [ $# -gt 1 ] || usage; name=$2; shift ;;
    --name=*) name=${1#--name=} ;;
    --mixed | --kubernetes) [ -z "$kind" ] || usage; kind=${1#--} ;;
    up | down | status | shell) [ -z "$verb" ] || usage; verb=$1 ;;
    -*) usage ;;
    *) [ "$verb" = shell ] && [ -z "$node" ] || usage; node=$1 ;;
    esac
    shift
done
verb=${verb:-up}
[[ $name =~ ^[a-z][a-z0-9-]{0,15}$ ]] || { echo "quickstart: --name: lower-case letters, digits and -, at most 16" >&2; exit 2; }
[ "$verb" != shell ] || [ -n "$node" ] || usage
[ "$(id -u)" = 0 ] || { echo "quickstart: needs root (it makes network namespaces)" >&2; exit 1; }

if [ "$verb" = up ]; then
    echo "== packages"
    declare -A groups=([mixed]=windows [kubernetes]=kube)
    "$root/installer/deps.sh" build run ${kind:+${groups[$kind]}}
    echo "== build"
    (cd "$root" && cmake --preset release > /dev/null && cmake --build --preset release --target seine-agent seine-cni seinectl)
    case $kind in
    mixed)
        (cd "$root" && cmake --preset windows > /dev/null && cmake --build --preset windows --target node) ;;
    kubernetes)
        "$root/tests/kube/build.sh" "$root/build/kube" || { echo "quickstart: --kubernetes needs what is missing above" >&2; exit 1; }
        "$root/installer/linux/image.sh" ;;
    esac
    node=$kind
fi
if ! command -v python3 > /dev/null; then
    # Without it nothing was ever set up.
    [ "$verb" = down ] && exit 0
    echo "quickstart: nothing is up; start with: installer/quickstart.sh" >&2
    exit 1
fi
export PYTHONDONTWRITEBYTECODE=1
exec python3 "$root/installer/linux/quickstart.py" "$root" "$name" "$verb" "$node"
