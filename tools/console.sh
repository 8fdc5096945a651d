#!/bin/bash
# Builds the console into console/dist when its sources changed since; with --test checks types and runs its unit tests instead.
set -euo pipefail
cd "$(dirname "$0")/../console"
[ -f src/main.tsx ] || exit 0
node=$(../tools/node.sh)
[ -z "$node" ] || PATH=$node:$PATH
quiet() { "$@" >/tmp/alto-console.$$ 2>&1 || { tail -40 /tmp/alto-console.$$ >&2; rm -f /tmp/alto-console.$$; exit 1; }; rm -f /tmp/alto-console.$$; }
if [ ! -f node_modules/.package-lock.json ] || [ package-lock.json -nt node_modules/.package-lock.json ]; then
    # A package that the registry stops sending midway is not asked for again by npm itself; what came before is kept for the second try.
    ci() { npm ci --ignore-scripts --no-audit --no-fund || npm ci --ignore-scripts --no-audit --no-fund; }
    quiet ci
fi
if [ "${1:-}" = --test ]; then
    npm run --silent check
    exit
fi
if [ ! -f dist/index.html ] || [ -n "$(find src tools index.html package-lock.json vite.config.ts lingui.config.mjs ../api/openapi.yaml -newer dist/index.html -print -quit)" ]; then
    quiet npm run build
fi
