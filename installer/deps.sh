#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
#
# Installs the Debian packages that a piece of work on Seine needs.
#
#   installer/deps.sh build|run|test|vm|windows|kube ...      several at once; needs root if anything is missing;
#                                                             windows also cross-builds libraries (windows/libs.sh)
#                                                             and installs the scripts' grammar (windows/npm.sh)
#   installer/deps.sh --packages ...                           without them
#   installer/deps.sh --list build|run|test|vm|windows|kube ... only prints the names
#
# Idempotent: with everything there it runs nothing but dpkg-query. The package index is refreshed when it is
# absent, older than a day, or does not know a package. No service is started by what it installs: tests and
# the quickstart run their own Open vSwitch, in their own namespaces.
set -euo pipefail

declare -A packages=(
    [build]="cmake ninja-build gcc libc6-dev pkg-config libuv1-dev libcjson-dev libssl-dev libcmocka-dev
             libmnl-dev libyaml-dev libhttp-parser-dev libnghttp2-dev zlib1g-dev"
    [run]="openvswitch-switch iproute2 nftables ethtool iputils-ping kmod procps python3"
    [test]="clang-14 clang-format-14 libclang-rt-14-dev universal-ctags jq tcpdump iperf3 iputils-ping
            netcat-openbsd socat python3 python3-yaml openssl containernetworking-plugins busybox-static
            podman runc conmon openvswitch-switch nftables iproute2 ethtool procps"
    [vm]="qemu-system-x86 cpio kmod"
    [windows]="gcc-mingw-w64-x86-64-win32 binutils-mingw-w64-x86-64 cmake ninja-build wine64 wine wixl msitools
               dpkg-dev xz-utils make perl nodejs npm python3"
    [kube]="containerd runc podman conmon containernetworking-plugins iptables busybox-static libfaketime openssl
            python3-grpcio python3-yaml jq"
)

usage()
{
    sed -n '5,11s/^# \{0,1\}//p' "$0" >&2
    exit 2
}

list_only=
packages_only=
libraries=
wanted=()
[ $# -gt 0 ] || usage
for arg in "$@"; do
    case $arg in
    --list) list_only=1 ;;
    --packages) packages_only=1 ;;
    build | run | test | vm | windows | kube)
        [ "$arg" != windows ] || libraries=1
        read -r -d '' -a more <<< "${packages[$arg]}" || true
        wanted+=("${more[@]}") ;;
    -h | --help) sed -n '3,14s/^# \{0,1\}//p' "$0"; exit 0 ;;
    *) usage ;;
    esac
done
[ ${#wanted[@]} -gt 0 ] || usage
mapfile -t wanted < <(printf '%s\n' "${wanted[@]}" | sort -u)
if [ -n "$list_only" ]; then
    printf '%s\n' "${wanted[@]}"
    exit 0
fi

# With the packages there: what is built from them.
finish()
{
    [ -n "$libraries" ] && [ -z "$packages_only" ] || return 0
    "$(dirname "$0")/windows/libs.sh" > /dev/null
    "$(dirname "$0")/windows/npm.sh" > /dev/null
}

# npm comes with some packages of nodejs, and then has no package of its own that could be installed.
have_npm()
{
    command -v npm > /dev/null
}

# Prints those of the wanted packages that are not installed.
missing_packages()
{
    local name
    for name in "${wanted[@]}"; do
        [ "$name" != npm ] || ! have_npm || continue
        [ "$(dpkg-query -W -f '${db:Status-Status}' "$name" 2> /dev/null)" = installed ] ||
            echo "$name"
    done
}

mapfile -t missing < <(missing_packages)
if [ ${#missing[@]} -eq 0 ]; then
    finish
    exit
fi
if [ "$(id -u)" != 0 ]; then
    echo "deps.sh: missing: ${missing[*]}; run this as root" >&2
    exit 1
fi
echo "deps.sh: installing ${missing[*]}" >&2

# While packages are unpacked no service may start. A file that is already there is left as it is.
policy=/usr/sbin/policy-rc.d
if [ ! -e $policy ]; then
    printf '#!/bin/sh\nexit 101\n' > $policy
    chmod 755 $policy
    trap 'rm -f $policy' EXIT
fi

export DEBIAN_FRONTEND=noninteractive
apt=(apt-get -q -o Dpkg::Use-Pty=0 -o DPkg::Lock::Timeout=300 -o Acquire::Retries=3)

index_is_fresh()
{
    [ -n "$(find /var/lib/apt/lists -maxdepth 1 -name '*_Packages*' -mtime -1 -print -quit 2> /dev/null)" ]
}

install_missing()
{
    "${apt[@]}" install -y --no-install-recommends "${missing[@]}" >&2
}

index_is_fresh || "${apt[@]}" update >&2
if ! install_missing; then
    echo "deps.sh: refreshing the package index and trying once more" >&2
    "${apt[@]}" update >&2
    install_missing
fi
finish
