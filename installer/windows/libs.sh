#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
#
# Cross-builds the static libraries that Seine's programs for Windows need, from Debian's source packages
# (with Debian's security patches), by the mingw compiler of preset `windows`.
#
#   installer/windows/libs.sh             builds what is missing, prints the folder
#   installer/windows/libs.sh --find      only prints the folder that a build would use; 1 if there is none
#
# The folder is ${SEINE_DEPS_DIR:-build/deps}/windows-STAMP, where STAMP is of this script and of the names of the source
# packages. It is built beside and renamed in, so it is whole or not there, and several checkouts may share it. Newer
# source packages are looked for once a day. The same sources give the same bytes in any folder: everything is compiled
# by relative names, and OpenSSL's date is that of its package.
set -euo pipefail
export LC_ALL=C
cd "$(dirname "$0")/../.."

packages=(libuv1 cjson libyaml http-parser cmocka openssl nghttp2 zlib)
triple=x86_64-w64-mingw32
cc=$triple-gcc-win32
flags=(-O2 -D_WIN32_WINNT=0x0A00 -D__USE_MINGW_ANSI_STDIO=1 -fstack-protector-strong -w)

case ${1:-} in
"" | --find) ;;
*) sed -n '3,14s/^# \{0,1\}//p' "$0" >&2; exit 2 ;;
esac
deps=${SEINE_DEPS_DIR:-build/deps}
mkdir -p "$deps"
deps=$(cd "$deps" && pwd)
script=$(sha256sum "installer/windows/libs.sh" | cut -c1-10)

# The newest folder of this script, if there is one.
newest()
{
    local dir newest=
    for dir in "$deps/windows-$script"-*/; do
        [ -d "$dir" ] && { [ -z "$newest" ] || [ "$dir" -nt "$newest" ]; } && newest=${dir%/}
    done
    [ -n "$newest" ] && echo "$newest"
}

if [ "${1:-}" = --find ]; then
    newest
    exit
fi
exec 9> "$deps/.lock"
flock 9
have=$(newest || true)
if [ -n "$have" ] && [ -n "$(find "$have" -maxdepth 0 -mtime -1)" ]; then
    echo "$have"
    exit 0
fi

rm -rf "$deps"/.building.* # of one that was killed: we have the lock
work=$(mktemp -d "$deps/.building.XXXXXX")
trap 'rm -rf "$work"' EXIT
exec 3>&1 >&2

# ---- sources ----

# A private apt state that knows the source packages of this release, whatever the system's lists know of them: the
# system's own sources, both styles, asked for sources in place of binaries.
apt_options=(-q -o Dir::Etc::sourcelist=/dev/null -o Dir::Etc::sourceparts="$work/apt/parts"
             -o Dir::State::lists="$work/apt/lists" -o Dir::Cache="$work/apt/cache" -o APT::Sandbox::User="$(id -un)"
             -o Acquire::Retries=3)
apt_state()
{
    local codename file n=0
    codename=$(. /etc/os-release && echo "$VERSION_CODENAME")
    mkdir -p "$work/apt/parts" "$work/apt/lists/partial" "$work/apt/cache/archives/partial"
    for file in /etc/apt/sources.list /etc/apt/sources.list.d/*.list; do
        [ -f "$file" ] || continue
        n=$((n + 1))
        { grep -E "^deb(-src)?[[:space:]].*[[:space:]]$codename(-updates|-security|/updates)?[[:space:]]" "$file" || true; } |
            sed -E 's/^deb(-src)?[[:space:]]/deb-src /' | sort -u > "$work/apt/parts/$n.list"
    done
    for file in /etc/apt/sources.list.d/*.sources; do
        [ -f "$file" ] || continue
        n=$((n + 1))
        # Paragraphs of this release only.
        grep -v '^#' "$file" | awk -v name="$codename" 'BEGIN { RS = ""; ORS = "\n\n" }
            $0 ~ "(^|\n)Suites:[^\n]*[ \t]" name "(-updates|-security|/updates)?([ \t\n]|$)"' |
            sed 's/^Types:.*/Types: deb-src/' > "$work/apt/parts/$n.sources"
    done
    apt-get "${apt_options[@]}" -qq update ||
        echo "libs.sh: some source lists could not be had" >&2
}

# The newest version that the mirror really has: a list may be ahead of it.
get_source()
{
    local version
    for version in $(apt-cache "${apt_options[@]}" showsrc --only-source "$1" | sed -n 's/^Version: //p' | sort -ruV); do
        if (cd "$work/src" && apt-get "${apt_options[@]}" -qq source --download-only "$1=$version"); then
            return
        fi
        rm -f "$work/src/$1"_*
        echo "libs.sh: $1 $version is listed but cannot be had, taking the one before" >&2
    done
    echo "libs.sh: no source package $1" >&2
    return 1
}

get_sources()
{
    local name
    apt_state
    for name in "${packages[@]}"; do
        get_source "$name" || return
    done
}

mkdir "$work/src"
if ! get_sources; then
    [ -n "$have" ] || exit 1
    echo "libs.sh: keeping $have" >&2
    echo "$have" >&3
    exit 0
fi
final="$deps/windows-$script-$(cd "$work/src" && printf '%s\n' *.dsc | sha256sum | cut -c1-10)"
if [ -d "$final" ]; then
    touch "$final" || true # not ours: it is looked for again the next time
    echo "$final" >&3
    exit 0
fi
echo "libs.sh: building $final" >&2
out=$work/out
mkdir -p "$out/include" "$out/lib"
cd "$work/src"
for file in *.dsc; do
    dpkg-source --no-check -x "$file" "${file%%_*}" > /dev/null
done

# ---- builds ----

# archive NAME FLAGS... -- FILES: compiles files of this folder, by relative names, into lib/NAME.
archive()
{
    local name=$1 own=()
    shift
    while [ "$1" != -- ]; do own+=("$1"); shift; done
    shift
    rm -rf .objects
    mkdir .objects
    printf '%s\n' "$@" | xargs -P "$(nproc)" -I{} sh -c \
        'f=$1; shift; "$@" -c "$f" -o ".objects/$(echo "$f" | tr / _).o"' sh {} "$cc" "${flags[@]}" "${own[@]}"
    $triple-gcc-ar-win32 rcsD "$out/lib/$name" .objects/*.o
}

build_libuv()
{
    cd "$work/src/libuv1"
    archive libuv.a -DWIN32_LEAN_AND_MEAN -U_WIN32_WINNT -D_WIN32_WINNT=0x0602 -DNDEBUG -Iinclude -Isrc -- src/*.c src/win/*.c
    cp -r include/* "$out/include/"
}

build_cjson()
{
    cd "$work/src/cjson"
    archive libcjson.a -DCJSON_HIDE_SYMBOLS -- cJSON.c
    mkdir "$out/include/cjson"
    cp cJSON.h "$out/include/cjson/"
}

build_yaml()
{
    cd "$work/src/libyaml"
    local version
    version=$(sed -n 's/^set (YAML_VERSION_\(MAJOR\|MINOR\|PATCH\) \([0-9]*\))/\2/p' CMakeLists.txt | paste -sd.)
    IFS=. read -r major minor patch <<< "$version"
    archive libyaml.a -DYAML_DECLARE_STATIC -DYAML_VERSION_MAJOR="$major" -DYAML_VERSION_MINOR="$minor" \
        -DYAML_VERSION_PATCH="$patch" -DYAML_VERSION_STRING="\"$version\"" -Iinclude -- src/*.c
    cp include/yaml.h "$out/include/"
}

build_http_parser()
{
    cd "$work/src/http-parser"
    archive libhttp_parser.a -I. -- http_parser.c
    cp http_parser.h "$out/include/"
}

build_nghttp2()
{
    cd "$work/src/nghttp2"
    local version
    version=$(sed -n 's/^AC_INIT(\[nghttp2\], \[\([0-9.]*\)\].*/\1/p' configure.ac)
    IFS=. read -r major minor patch <<< "$version"
    sed -e "s/@PACKAGE_VERSION@/$version/" \
        -e "s/@PACKAGE_VERSION_NUM@/$(printf '0x%02x%02x%02x' "$major" "$minor" "$patch")/" \
        lib/includes/nghttp2/nghttp2ver.h.in > lib/includes/nghttp2/nghttp2ver.h
    archive libnghttp2.a -DNGHTTP2_STATICLIB -DBUILDING_NGHTTP2 -DNDEBUG -DHAVE_STDINT_H -DHAVE_SYSINFOAPI_H \
        -DHAVE_GETTICKCOUNT64=1 -Ilib/includes -Ilib -- lib/*.c
    mkdir "$out/include/nghttp2"
    cp lib/includes/nghttp2/*.h "$out/include/nghttp2/"
}

# In memory only: not the part that reads and writes files.
build_zlib()
{
    cd "$work/src/zlib"
    archive libz.a -- adler32.c crc32.c deflate.c inffast.c inflate.c inftrees.c trees.c zutil.c
    cp zlib.h zconf.h "$out/include/"
}

# Its header checks formats as the C runtime of Windows reads them; Seine's tests use standard ones.
build_cmocka()
{
    cd "$work/src/cmocka"
    archive libcmocka.a -DHAVE_MALLOC_H -DHAVE_INTTYPES_H -DHAVE_SIGNAL_H -Iinclude -- src/cmocka.c
    cp include/cmocka*.h "$out/include/"
    sed -i s/__printf__/__gnu_printf__/ "$out/include/cmocka.h"
}

# TLS 1.2 and 1.3 over memory buffers, certificates and keys from PEM files; nothing else of it is used.
build_openssl()
{
    cd "$work/src/openssl"
    SOURCE_DATE_EPOCH=$(dpkg-parsechangelog -S Timestamp)
    export SOURCE_DATE_EPOCH
    ./Configure mingw64 --cross-compile-prefix=$triple- CC=gcc-win32 AR=gcc-ar-win32 RANLIB=gcc-ranlib-win32 \
        CFLAGS="${flags[*]}" --prefix=/seine --libdir=lib --openssldir='C:/ProgramData/seine/ssl' \
        no-shared no-module no-tests no-legacy no-engine no-dso no-comp no-ui-console no-autoload-config \
        no-ssl3 no-tls1 no-tls1_1 no-dtls no-srp no-psk no-srtp no-ct no-cms no-ts no-rfc3779 no-nextprotoneg no-cmp \
        no-ocsp no-sock no-deprecated no-aria no-bf no-blake2 no-camellia no-cast no-des no-dsa no-gost no-idea no-md4 \
        no-mdc2 no-rc2 no-rc4 no-rmd160 no-scrypt no-seed no-siphash no-siv no-sm2 no-sm3 no-sm4 no-whirlpool no-ec2m \
        > /dev/null
    make -s -j"$(nproc)" build_generated
    make -s -j"$(nproc)" libcrypto.a libssl.a
    cp libcrypto.a libssl.a "$out/lib/"
    cp -r include/openssl "$out/include/"
    rm -f "$out"/include/openssl/*.in
}

for name in libuv cjson yaml http_parser nghttp2 zlib cmocka openssl; do
    start=$SECONDS
    log=$work/$name.log
    # In the background, since errexit does not hold inside a condition.
    ("build_$name") > "$log" 2>&1 &
    if ! wait $!; then
        tail -40 "$log" >&2
        echo "libs.sh: $name did not build" >&2
        exit 1
    fi
    echo "libs.sh: $name, $((SECONDS - start)) s" >&2
done
printf '%s\n' "$work"/src/*.dsc | sed 's|.*/||' > "$out/sources"
mv "$out" "$final"
echo "$final" >&3
