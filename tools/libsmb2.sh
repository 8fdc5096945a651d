#!/bin/bash
# Makes libsmb2 (6.2 or later) available to the build. Where the distribution's own package is new enough (Debian 13) it is
# installed; otherwise the library is built, static and position-independent, from Debian 13's signed source package into
# build/third/libsmb2, where Meson looks for it. Idempotent; the second run costs milliseconds.
#
# The mirror is the machine's own (apt-get indextargets); apt verifies the source with the Debian archive keyring. Nothing of the
# machine's apt configuration or package lists is changed by the build.
set -euo pipefail

least=6.2
suite=trixie
top=$(cd "$(dirname "$0")/.." && pwd)
to=$top/build/third/libsmb2
keyring=/usr/share/keyrings/debian-archive-keyring.gpg

die() {
    echo "tools/libsmb2.sh: $*" >&2
    exit 1
}

new_enough() { # version as in "6.2.0"
    [ -n "$1" ] && dpkg --compare-versions "$1" ge "$least"
}

# Our own build says the package's version in its .pc file; upstream's 6.2 calls itself 6.1.0 there.
ours=$(sed -n 's/^Version: *//p' "$to/lib/pkgconfig/libsmb2.pc" 2>/dev/null || true)
theirs=$(dpkg-query -W -f='${Version}' libsmb2-dev 2>/dev/null || true)
if new_enough "$ours" || new_enough "$theirs"; then
    exit 0
fi

# The distribution's package, where it is new enough.
candidate=$(apt-cache policy libsmb2-dev 2>/dev/null | sed -n 's/^ *Candidate: *//p')
if new_enough "${candidate/(none)/}"; then
    [ "$(id -u)" = 0 ] || die "as root, install: libsmb2-dev"
    DEBIAN_FRONTEND=noninteractive apt-get -q -y -o Dpkg::Use-Pty=0 install --no-install-recommends libsmb2-dev >/dev/null
    exit 0
fi

for tool in cmake cc patch apt-get; do
    command -v $tool >/dev/null 2>&1 || die "$tool is missing: run tools/deps.sh build first"
done
[ -r $keyring ] || die "$keyring is missing: install debian-archive-keyring"

# Debian's main archive as this machine reaches it: not the security one, which has no source of libsmb2.
mirror=$(apt-get indextargets --format '$(ORIGIN) $(LABEL) $(COMPONENT) $(REPO_URI)' 2>/dev/null |
    sed -n 's/^Debian Debian main //p' | sort -u | head -n 1)
[ -n "$mirror" ] || die "this machine's apt knows no Debian mirror (run apt-get update, then try again)"

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
chmod 755 "$work" # apt drops its rights to _apt while it downloads
mkdir -p "$work"/state/lists/partial "$work"/cache/archives/partial "$work"/src
printf 'Types: deb-src\nURIs: %s\nSuites: %s\nComponents: main\nSigned-By: %s\n' "$mirror" "$suite" "$keyring" \
    >"$work/$suite.sources"
: >"$work/status"
private=(-o Dir::Etc::sourcelist="$work/$suite.sources" -o Dir::Etc::sourceparts=- -o Dir::Etc::preferences=-
    -o Dir::Etc::preferencesparts=- -o Dir::State="$work/state" -o Dir::State::status="$work/status" -o Dir::Cache="$work/cache"
    -o APT::Get::List-Cleanup=0 -o Acquire::Languages=none -o APT::Sandbox::User=root)

if ! apt-get -q "${private[@]}" update >"$work/log" 2>&1 || grep -q '^[WE]: .*NO_PUBKEY' "$work/log"; then
    tail -n 10 "$work/log" >&2
    if grep -q 'NO_PUBKEY' "$work/log"; then
        die "the machine's debian-archive-keyring is too old to know $suite's signing key: upgrade debian-archive-keyring"
    fi
    die "no source index of $suite at the mirror this machine's apt uses"
fi
# The two archives are enough, and apt checks their hashes against the signed index: the .dsc, which some mirrors do not carry, says
# nothing more.
for part in --tar-only --diff-only; do
    (cd "$work/src" && apt-get -q "${private[@]}" source --download-only $part libsmb2 >>"$work/log" 2>&1) || {
        tail -n 10 "$work/log" >&2
        die "cannot download the source package libsmb2 of $suite"
    }
done
version=$(ls "$work"/src/libsmb2_*.debian.tar.*) || die "the source package is not of format 3.0 (quilt)"
version=${version##*/libsmb2_}
version=${version%.debian.tar.*}
new_enough "$version" || die "the source package is $version, at least $least is needed"
{
    mkdir "$work/src/tree" &&
        tar -C "$work/src/tree" --strip-components=1 -xf "$work"/src/libsmb2_*.orig.tar.* &&
        tar -C "$work/src/tree" -xf "$work"/src/libsmb2_*.debian.tar.* &&
        if [ -s "$work/src/tree/debian/patches/series" ]; then
            sed 's/#.*//; /^ *$/d' "$work/src/tree/debian/patches/series" | while read -r patch _; do
                patch -d "$work/src/tree" -p1 -s <"$work/src/tree/debian/patches/$patch" || exit 1
            done
        fi
} >>"$work/log" 2>&1 || {
    tail -n 10 "$work/log" >&2
    die "cannot unpack libsmb2 $version"
}

rm -rf "$to.new"
{
    cmake -S "$work/src/tree" -B "$work/build" -DCMAKE_BUILD_TYPE=RelWithDebInfo -DCMAKE_POSITION_INDEPENDENT_CODE=ON \
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
