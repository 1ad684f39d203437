#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
#
# Prints what `helm template seine installer/linux/chart -n kube-system` prints, without helm.
#
#   installer/linux/render.sh [--set KEY=VALUE]... [--set-file KEY=FILE]... [-n NAMESPACE]
#   installer/linux/render.sh --write     writes seine.yaml, seine-ovs.yaml and uninstall.yaml anew
#
# KEY is one of installer/linux/chart/values.yaml, with dots: image.tag.
set -euo pipefail
export PYTHONDONTWRITEBYTECODE=1
exec python3 "$(dirname "${BASH_SOURCE[0]}")/render.py" "$@"
