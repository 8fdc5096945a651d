#!/bin/sh
# Puts libduckdb.so and the matching duckdb.h into build/third/duckdb/{lib,include} of this checkout, from the npm packages that
# package-lock.json names with their checksums. Nothing of them is run. Quick when it was done before.
set -eu
here=$(cd "$(dirname "$0")" && pwd)
top=$(cd "$here/../.." && pwd)
to=$top/build/third/duckdb
stamp=$(cksum <"$here/package-lock.json")

[ "$(cat "$to/stamp" 2>/dev/null || true)" != "$stamp" ] || exit 0
command -v npm >/dev/null || { echo "tools/duckdb/fetch.sh: npm is missing (package npm)" >&2; exit 1; }
[ "$(uname -m)" = x86_64 ] || { echo "tools/duckdb/fetch.sh: the lock file has DuckDB for x86_64 only" >&2; exit 1; }

mkdir -p "$to"
work=$(mktemp -d "$to/npm.XXXXXX")
trap 'rm -rf "$work"' EXIT
cp "$here/package.json" "$here/package-lock.json" "$work/"
(cd "$work" && npm ci --ignore-scripts --no-audit --no-fund --loglevel=error >npm.log 2>&1) || {
    cat "$work/npm.log" >&2
    echo "tools/duckdb/fetch.sh: npm ci failed: is an npm registry reachable?" >&2
    exit 1
}
mkdir -p "$to/lib" "$to/include"
cp "$work/node_modules/@duckdb/node-bindings-linux-x64/libduckdb.so" "$to/lib/libduckdb.so.new"
cp "$work/node_modules/duckdb/src/duckdb/src/include/duckdb.h" "$to/include/duckdb.h"
mv "$to/lib/libduckdb.so.new" "$to/lib/libduckdb.so"
echo "$stamp" >"$to/stamp"
