#!/bin/sh
# Called by `meson install`: the built console and DuckDB's library, both made beside this build. packaging/install.sh CONSOLE_DIR LIB_DIR LIBDUCKDB
set -eu
dist=$MESON_SOURCE_ROOT/console/dist
console=$MESON_INSTALL_DESTDIR_PREFIX/$1
lib=$MESON_INSTALL_DESTDIR_PREFIX/$2

mkdir -p "$lib"
install -m 0644 "$3" "$lib/libduckdb.so"
if [ -f "$dist/index.html" ]; then
    rm -rf "$console"
    mkdir -p "$console"
    cp -R "$dist/." "$console/"
    # The package for Windows hosts, where tools/msi.sh has made it: the console's line for PowerShell fetches it.
    if [ -f "$MESON_SOURCE_ROOT/build/msi/alto-$(cat "$MESON_SOURCE_ROOT/VERSION").msi" ]; then
        "$MESON_SOURCE_ROOT/tools/msi.sh" offer "$console"
    fi
else
    echo "packaging/install.sh: the console is not built (make console), so it is not installed" >&2
fi
