#!/bin/sh
# Downloads one npm package at the version its lock file names, checks the sum that stands there, and unpacks it: nothing of it is run, and none of what it
# depends on is fetched. tools/npmpkg.sh LOCKFILE PACKAGE FOLDER. (npm ci would do, but the one of Debian 12 does not take a lock file without dependencies.)
set -eu
lock=${1:?usage: tools/npmpkg.sh LOCKFILE PACKAGE FOLDER} package=$2 to=$3

die() {
    echo "tools/npmpkg.sh: $*" >&2
    exit 1
}

command -v npm >/dev/null || die "npm is missing: run tools/deps.sh build first"
of_lock() {
    node -p 'require(process.argv[1]).packages["node_modules/" + process.argv[2]][process.argv[3]]' "$(readlink -f "$lock")" "$package" "$1"
}
version=$(of_lock version)
sum=$(of_lock integrity)
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
(cd "$work" && npm pack --ignore-scripts --loglevel=error "$package@$version" >npm.log 2>&1) || {
    cat "$work/npm.log" >&2
    die "npm cannot fetch $package@$version: is an npm registry reachable?"
}
set -- "$work"/*.tgz
[ "sha512-$(node -p 'require("crypto").createHash("sha512").update(require("fs").readFileSync(process.argv[1])).digest("base64")' "$1")" = "$sum" ] || die "$package@$version is not what $lock says"
rm -rf "$to"
mkdir -p "$to"
tar -xzf "$1" -C "$to" --strip-components=1
