#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
#
# Builds the Kubernetes parts that tests run against (go/): OUTDIR/kfix, a link to it by the name of each component,
# informer, and agnhost, which Kubernetes' own tests run in Pods. Static, stripped. The first time some ten minutes on two
# cores, mostly of compiling; afterwards Go's own caches make it seconds.
#
#   tests/kube/build.sh [OUTDIR]      build/kube
#
# Exit 77, with the reason, where Go is absent or older than 1.24 or modules cannot be had.
set -euo pipefail
out=${1:-$(dirname "$0")/../../build/kube}
mkdir -p "$out"
out=$(cd "$out" && pwd)
cd "$(dirname "$0")/go"

skip()
{
    echo "skipped: $*"
    exit 77
}

command -v go > /dev/null || skip "no Go here (1.24 or later is needed)"
export CGO_ENABLED=0 GOTOOLCHAIN=local GOFLAGS="${GOFLAGS:-} -buildvcs=false"
has=$(go env GOVERSION)
[ "$(printf '%s\n' 1.24 "${has#go}" | sort -V | head -1)" = 1.24 ] || skip "$has here, 1.24 or later is needed"
agnhost=k8s.io/kubernetes/test/images/agnhost
if ! go list -deps ./... $agnhost > /dev/null 2> "$out/modules.log"; then
    # Our own mistakes are no reason to skip.
    grep -qE 'dial|lookup|timeout|timed out|connection|module lookup disabled|403|404|502|503|TLS' "$out/modules.log" ||
        { cat "$out/modules.log"; exit 1; }
    tail -3 "$out/modules.log"
    skip "Go modules cannot be had here"
fi

version=$(go list -m -f '{{.Version}}' k8s.io/kubernetes)
minor=${version#v1.}
# nice: ten minutes of compiling shall not slow down the tests that run beside it: they go first.
set -- # a kubelet without a version says v0.0.0-master
for package in k8s.io/component-base/version k8s.io/client-go/pkg/version; do
    set -- "$@" -X $package.gitVersion="$version" -X $package.gitMajor=1 -X $package.gitMinor="${minor%%.*}" \
        -X $package.gitTreeState=clean
done
nice -n 10 go build -trimpath -ldflags "-s -w $*" -o "$out/kfix" .
for component in kube-apiserver kube-controller-manager kube-scheduler kube-proxy kubelet kubectl; do
    ln -sf kfix "$out/$component"
done
nice -n 10 go build -trimpath -ldflags "-s -w" -o "$out/informer" ./informer
nice -n 10 go build -trimpath -ldflags "-s -w" -o "$out/agnhost" $agnhost
echo "$version in $out"
