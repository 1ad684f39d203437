#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
#
# Builds helm (helm/, of the Kubernetes version that tests/kube builds, so that Go compiles most of it once) into OUTDIR, and holds
# the manifests, render.sh and what helm prints of the chart together.
#
#   tests/install/helm.sh [OUTDIR]      build/kube
#
# Exit 77, with the reason, where Go is absent or older than 1.24 or modules cannot be had.
set -euo pipefail
root=$(cd "$(dirname "$0")/../.." && pwd)
out=${1:-$root/build/kube}
mkdir -p "$out"
out=$(cd "$out" && pwd)

skip()
{
    echo "skipped: $*"
    exit 77
}

command -v go > /dev/null || skip "no Go here (1.24 or later is needed)"
export CGO_ENABLED=0 GOTOOLCHAIN=local GOFLAGS="${GOFLAGS:-} -buildvcs=false"
has=$(go env GOVERSION)
[ "$(printf '%s\n' 1.24 "${has#go}" | sort -V | head -1)" = 1.24 ] || skip "$has here, 1.24 or later is needed"
cd "$root/tests/install/helm"
helm=helm.sh/helm/v3/cmd/helm
if ! go list -deps $helm > /dev/null 2> "$out/helm.log"; then
    # Our own mistakes are no reason to skip.
    grep -qE 'dial|lookup|timeout|timed out|connection|module lookup disabled|403|404|502|503|TLS' "$out/helm.log" ||
        { cat "$out/helm.log"; exit 1; }
    tail -3 "$out/helm.log"
    skip "Go modules cannot be had here"
fi
go build -trimpath -ldflags "-s -w" -o "$out/helm" $helm
cd "$root"
PATH="$out:$PATH"
helm version --short
helm lint --quiet installer/linux/chart
python3 tests/lint/manifests.py

# Other values than the manifests' too.
settings=(--set apiServer=https://192.0.2.1:6443 --set image.tag=0.1.7 --set-file config=tests/install/config.yaml
    --set metrics.port=9101 --set "cni.chained=portmap\,bandwidth" --set runDir=/run/other/seine --set image.pullPolicy=Always)
for more in "" "--set ovs.enabled=true" "--set uninstall=true"; do
    # shellcheck disable=SC2086
    diff <(helm template seine installer/linux/chart -n other "${settings[@]}" $more) \
        <(installer/linux/render.sh -n other "${settings[@]}" $more)
done
echo "helm and render.sh print the same"
