#!/bin/sh
# Puts libduckdb.so and the matching duckdb.h into build/third/duckdb/{lib,include} of this checkout, from the npm packages that
# package-lock.json names with their checksums. Nothing of them is run. Quick when it was done before.
set -eu
here=$(cd "$(dirname "$0")" && pwd)
top=$(cd "$here/../.." && pwd)
to=$top/build/third/duckdb
stamp=$(cksum <"$here/package-lock.json")

[ "$(cat "$to/stamp" 2>/dev/null || true)" != "$stamp" ] || exit 0
[ "$(uname -m)" = x86_64 ] || { echo "tools/duckdb/fetch.sh: the lock file has DuckDB for x86_64 only" >&2; exit 1; }

mkdir -p "$to/lib" "$to/include"
work=$(mktemp -d "$to/npm.XXXXXX")
trap 'rm -rf "$work"' EXIT
"$top/tools/npmpkg.sh" "$here/package-lock.json" @duckdb/node-bindings-linux-x64 "$work/library"
"$top/tools/npmpkg.sh" "$here/package-lock.json" duckdb "$work/header"
cp "$work/library/libduckdb.so" "$to/lib/libduckdb.so.new"
cp "$work/header/src/duckdb/src/include/duckdb.h" "$to/include/duckdb.h"
mv "$to/lib/libduckdb.so.new" "$to/lib/libduckdb.so"
echo "$stamp" >"$to/stamp"
