#!/bin/bash
# Downloads a Debian source package and unpacks it, patches applied: tools/debsrc.sh SUITE PACKAGE FOLDER; prints its version.
#
# The mirrors are the machine's own (apt-get indextargets), the security one included where it has one: what is linked into our
# programs should have the fixes. A mirror need not have every source file that its index names: the other archive is asked for it,
# then an older version is taken. apt verifies the source with the Debian archive keyring. Nothing of the machine's apt configuration
# or package lists is changed.
set -euo pipefail

suite=${1:?usage: tools/debsrc.sh SUITE PACKAGE FOLDER} package=$2 to=$3
keyring=/usr/share/keyrings/debian-archive-keyring.gpg

die() {
    echo "tools/debsrc.sh: $*" >&2
    exit 1
}

for tool in patch apt-get tar xz; do
    command -v $tool >/dev/null 2>&1 || die "$tool is missing: run tools/deps.sh build first"
done
[ -r $keyring ] || die "$keyring is missing: install debian-archive-keyring"

mirror() { # label of the archive: its address as this machine reaches it
    apt-get indextargets --format '$(ORIGIN) $(LABEL) $(COMPONENT) $(REPO_URI)' 2>/dev/null |
        sed -n "s/^Debian $1 main //p" | sort -u | head -n 1
}
main=$(mirror Debian)
security=$(mirror Debian-Security)
[ -n "$main" ] || die "this machine's apt knows no Debian mirror (run apt-get update, then try again)"

# One private apt state per suite and build tree, so that several packages cost one index.
state=$(cd "$(dirname "$0")/.." && pwd)/build/third/sources-$suite
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
mkdir -p "$state"/state/lists/partial "$state"/cache/archives/partial "$work/src"
stanza() { # mirror, suite
    printf 'Types: deb-src\nURIs: %s\nSuites: %s\nComponents: main\nSigned-By: %s\n\n' "$1" "$2" "$keyring"
}
: >"$state/status"
private() { # archive, apt's command, its arguments
    local list=$1 command=$2
    shift 2
    "$command" -q -o Dir::Etc::sourcelist="$state/$list.sources" -o Dir::Etc::sourceparts=- -o Dir::Etc::preferences=- \
        -o Dir::Etc::preferencesparts=- -o Dir::State="$state/state" -o Dir::State::status="$state/status" \
        -o Dir::Cache="$state/cache" -o APT::Get::List-Cleanup=0 -o Acquire::Languages=none -o APT::Sandbox::User=root "$@"
}

if [ ! -e "$state/complete" ]; then
    stanza "$main" "$suite" >"$state/main.sources"
    [ -z "$security" ] || stanza "$security" "$suite-security" >"$state/security.sources"
    if ! private main apt-get update >"$work/log" 2>&1 || grep -q '^[WE]: .*NO_PUBKEY' "$work/log"; then
        tail -n 10 "$work/log" >&2
        if grep -q 'NO_PUBKEY' "$work/log"; then
            die "the machine's debian-archive-keyring is too old to know $suite's signing key: upgrade debian-archive-keyring"
        fi
        die "no source index of $suite at the mirror this machine's apt uses"
    fi
    [ -z "$security" ] || private security apt-get update >>"$work/log" 2>&1 || rm -f "$state/security.sources"
    : >"$state/complete"
fi
archives=(main)
[ ! -e "$state/security.sources" ] || archives+=(security)
versions=$(for archive in "${archives[@]}"; do
    private "$archive" apt-cache showsrc --only-source "$package" 2>>"$work/log" | sed -n 's/^Version: //p' || true
done | sort -rVu)
[ -n "$versions" ] || die "$suite has no source package $package"

# The two files are enough, and apt checks their hashes against the signed index: the .dsc, which some mirrors do not carry, says
# nothing more.
download() { # version
    local part archive
    rm -f "$work"/src/*
    for part in --tar-only --diff-only; do
        for archive in "${archives[@]}"; do
            (cd "$work/src" && private "$archive" apt-get source --download-only $part "$package=$1" >>"$work/log" 2>&1) && continue 2
        done
        return 1
    done
}
got=
for version in $versions; do
    ! download "$version" || { got=1; break; }
    echo "tools/debsrc.sh: no mirror of this machine has all of $package $version" >&2
done
[ -n "$got" ] || {
    tail -n 10 "$work/log" >&2
    rm -rf "$state"
    die "cannot download the source package $package of $suite"
}
# Format 3.0 (quilt) brings debian.tar, format 1.0 one diff.gz.
change=$(find "$work/src" -name "${package}_*.debian.tar.*" -o -name "${package}_*.diff.gz")
[ -n "$change" ] || die "the source package $package has neither debian.tar nor diff.gz"
version=${change##*/"$package"_}
version=${version%.debian.tar.*}
version=${version%.diff.gz}
rm -rf "$to"
mkdir -p "$to"
{
    tar -C "$to" --strip-components=1 -xf "$(ls "$work"/src/"$package"_*.orig.tar.* | grep -v '\.asc$' | head -n 1)" &&
        case $change in
        *.diff.gz) gzip -dc "$change" | patch -d "$to" -p1 -s ;;
        *) tar -C "$to" -xf "$change" ;;
        esac &&
        if [ -s "$to/debian/patches/series" ]; then
            sed 's/#.*//; /^ *$/d' "$to/debian/patches/series" | while read -r patch _; do
                patch -d "$to" -p1 -s <"$to/debian/patches/$patch" || exit 1
            done
        fi
} >>"$work/log" 2>&1 || {
    tail -n 10 "$work/log" >&2
    die "cannot unpack $package $version"
}
echo "$version"
