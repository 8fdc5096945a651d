#!/bin/bash
# Cross-builds what the Windows programs link, static, from the distribution's own source packages into build/third/mingw. Idempotent.
set -euo pipefail
top=$(cd "$(dirname "$0")/.." && pwd)
to=$top/build/third/mingw
# shellcheck disable=SC1091
suite=$(. /etc/os-release && echo "$VERSION_CODENAME")
stamp="$suite 1"

[ "$(cat "$to/stamp" 2>/dev/null || true)" != "$stamp" ] || exit 0
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
mkdir -p "$to"
cat >"$work/toolchain.cmake" <<'CMAKE'
set(CMAKE_SYSTEM_NAME Windows)
set(CMAKE_C_COMPILER x86_64-w64-mingw32-gcc-posix)
set(CMAKE_CXX_COMPILER x86_64-w64-mingw32-g++-posix)
set(CMAKE_ASM_COMPILER x86_64-w64-mingw32-gcc-posix)
set(CMAKE_RC_COMPILER x86_64-w64-mingw32-windres)
set(CMAKE_FIND_ROOT_PATH_MODE_PROGRAM NEVER)
set(CMAKE_FIND_ROOT_PATH_MODE_LIBRARY ONLY)
set(CMAKE_FIND_ROOT_PATH_MODE_INCLUDE ONLY)
CMAKE

build() { # package, folder of CMakeLists.txt, options
    local package=$1 sub=$2
    shift 2
    "$top/tools/debsrc.sh" "$suite" "$package" "$work/$package" >/dev/null
    {
        cmake -S "$work/$package/$sub" -B "$work/b-$package" -DCMAKE_TOOLCHAIN_FILE="$work/toolchain.cmake" -DCMAKE_BUILD_TYPE=Release \
            -DBUILD_SHARED_LIBS=OFF -DCMAKE_INSTALL_PREFIX="$to" -DCMAKE_INSTALL_LIBDIR=lib "$@" &&
            cmake --build "$work/b-$package" -j2 && cmake --install "$work/b-$package"
    } >"$work/$package.log" 2>&1 || {
        tail -n 20 "$work/$package.log" >&2
        echo "tools/mingw-deps.sh: $package does not build for Windows" >&2
        exit 1
    }
}
build jansson . -DJANSSON_EXAMPLES=OFF -DJANSSON_BUILD_DOCS=OFF -DJANSSON_WITHOUT_TESTS=ON
build pcre2 . -DPCRE2_BUILD_PCRE2GREP=OFF -DPCRE2_BUILD_TESTS=OFF -DPCRE2_SUPPORT_JIT=ON
build libzstd build/cmake -DZSTD_BUILD_PROGRAMS=OFF -DZSTD_BUILD_SHARED=OFF -DZSTD_BUILD_TESTS=OFF
build xxhash cmake_unofficial -DXXHASH_BUILD_XXHSUM=OFF
# Upstream writes its own prefix whatever it is given.
sed -i "s|^prefix=.*|prefix=$to|" "$to"/lib/pkgconfig/*.pc
printf "[properties]\npkg_config_libdir = '%s'\n" "$to/lib/pkgconfig" >"$to/paths.ini"
echo "$stamp" >"$to/stamp"
