#!/bin/bash
# Builds libsmb2 (6.2 or later), static, position-independent and without Kerberos, from Debian 13's signed source package into build/third/libsmb2,
# where Meson looks for it. Not the package itself: Debian 12 has none, and Debian 13's shared library hides requests that its headers declare
# (smb2_cmd_read_async, smb2_cmd_flush_async). Idempotent; the second run costs milliseconds.
set -euo pipefail

least=6.2
suite=trixie
top=$(cd "$(dirname "$0")/.." && pwd)
to=$top/build/third/libsmb2

die() {
    echo "tools/libsmb2.sh: $*" >&2
    exit 1
}

new_enough() { # version as in "6.2.0"
    [ -n "$1" ] && dpkg --compare-versions "$1" ge "$least"
}

# Our own build says the package's version in its .pc file; upstream's 6.2 calls itself 6.1.0 there.
ours=$(sed -n 's/^Version: *//p' "$to/lib/pkgconfig/libsmb2.pc" 2>/dev/null || true)
if new_enough "$ours"; then
    exit 0
fi
for tool in cmake cc; do
    command -v $tool >/dev/null 2>&1 || die "$tool is missing: run tools/deps.sh build first"
done
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
version=$("$top/tools/debsrc.sh" "$suite" libsmb2 "$work/tree") || die "no source of libsmb2 $least"
new_enough "$version" || die "the source package is $version, at least $least is needed"

rm -rf "$to.new"
{
    cmake -S "$work/tree" -B "$work/build" -DCMAKE_BUILD_TYPE=RelWithDebInfo -DCMAKE_POSITION_INDEPENDENT_CODE=ON \
        -DBUILD_SHARED_LIBS=OFF -DENABLE_LIBKRB5=OFF -DENABLE_GSSAPI=OFF -DENABLE_EXAMPLES=OFF \
        -DCMAKE_C_FLAGS="-ffile-prefix-map=$work=." -DCMAKE_INSTALL_PREFIX="$to" -DCMAKE_INSTALL_LIBDIR=lib \
        -DINSTALL_LIB_DIR="$to/lib" -DINSTALL_INC_DIR="$to/include" -DINSTALL_PKGCONFIG_DIR="$to/lib/pkgconfig" &&
        cmake --build "$work/build" -j2 && DESTDIR="$work/root" cmake --install "$work/build"
} >"$work/build.log" 2>&1 || {
    tail -n 20 "$work/build.log" >&2
    die "libsmb2 $version does not build"
}
grep -q smb2_set_passthrough "$work/root$to/include/smb2/libsmb2.h" || die "libsmb2 $version has not what 6.2 has"
sed -i "s/^Version:.*/Version: ${version%%[+-]*}/" "$work/root$to/lib/pkgconfig/libsmb2.pc"
mkdir -p "$(dirname "$to")"
mv "$work/root$to" "$to.new"
rm -rf "$to"
mv "$to.new" "$to"
echo "libsmb2 $version built in build/third/libsmb2"
