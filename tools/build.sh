#!/bin/bash
# Configures (once) and builds one flavour into build/FLAVOUR: gcc, clang, asan, tsan, fuzz, mingw, or release (PREFIX, default /usr; what
# `make install` installs). Quiet unless something fails.
set -euo pipefail
cd "$(dirname "$0")/.."
flavour=${1:?usage: tools/build.sh FLAVOUR [ninja targets]}
shift
dir=build/$flavour
options=()
cc=gcc
case $flavour in
gcc) ;;
clang) cc=clang ;;
release)
    # mount(8) looks for mount.alto in /sbin alone, hence /usr.
    options=(--prefix="${PREFIX:-/usr}" --buildtype=debugoptimized)
    [ ! -f "$dir/build.ninja" ] || meson configure "$dir" --prefix="${PREFIX:-/usr}"
    ;;
asan) cc=clang options=(-Db_sanitize=address,undefined -Db_lundef=false) ;;
tsan) cc=clang options=(-Db_sanitize=thread -Db_lundef=false) ;;
fuzz) cc=clang options=(-Dfuzzer=true -Db_lundef=false) ;;
mingw)
    tools/mingw-deps.sh
    options=(--cross-file tools/mingw.ini --cross-file build/third/mingw/paths.ini)
    ;;
*)
    echo "tools/build.sh: unknown flavour $flavour" >&2
    exit 2
    ;;
esac
command -v ccache >/dev/null 2>&1 && [ "$flavour" != mingw ] && cc="ccache $cc"
if [ ! -f "$dir/build.ninja" ]; then
    mkdir -p build
    CC="$cc" meson setup "$dir" "${options[@]}" >"build/setup-$flavour.log" 2>&1 || {
        tail -20 "build/setup-$flavour.log" >&2
        exit 1
    }
fi
ninja -C "$dir" "$@" >"build/build-$flavour.log" 2>&1 || {
    grep -E -A12 'error|FAILED|undefined' "build/build-$flavour.log" | head -60 >&2
    echo "tools/build.sh: building $flavour failed; the whole log is build/build-$flavour.log" >&2
    exit 1
}
