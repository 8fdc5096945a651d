#!/bin/bash
# Installs what building, running or testing Alto needs, from the distribution alone. Idempotent and quick when nothing is missing.
#   tools/deps.sh build   compilers and libraries      tools/deps.sh run    what `make run` starts besides
#   tools/deps.sh test    servers, Wine, Chromium, sanitizers, valgrind     tools/deps.sh bench  the peers
#   tools/deps.sh msi     what the Windows programs and their package are built with
set -euo pipefail

build=(build-essential meson ninja-build pkg-config ccache curl libmicrohttpd-dev libjansson-dev libsqlite3-dev libpq-dev
    libhiredis-dev libsodium-dev libpcre2-dev libcurl4-openssl-dev libssl-dev libzstd-dev zlib1g-dev libxxhash-dev libgnutls28-dev
    libacl1-dev libattr1-dev liburing-dev nodejs dpkg-dev cmake patch
    libglib2.0-dev tzdata)
run=(samba bindfs xfsprogs e2fsprogs util-linux attr acl openssl)
test=("${run[@]}" clang libclang-rt-dev valgrind gcc-mingw-w64-x86-64-posix g++-mingw-w64-x86-64-posix mingw-w64-tools
    autoconf automake libtool wine64 wine wixl msitools btrfs-progs chromium smbclient rsync sqlite3 git strace python3 python3-yaml jq groff-base zstd)
msi=(gcc-mingw-w64-x86-64-posix g++-mingw-w64-x86-64-posix mingw-w64-tools wixl msitools python3)
bench=("${test[@]}" libsimdjson-dev rclone wrk hyperfine)

# Debian 12 has clang's runtime under its number alone. A Node.js that is not the distribution's will do (tools/node.sh).
adjust() {
    local p version
    version=$(. /etc/os-release && echo "${VERSION_ID:-}")
    for p in "$@"; do
        case $p in
        libclang-rt-dev) [ "$version" = 12 ] && echo libclang-rt-14-dev || echo "$p" ;;
        nodejs) { command -v node && command -v npm; } >/dev/null 2>&1 || echo "nodejs npm" ;;
        *) echo "$p" ;;
        esac
    done
}

missing() {
    local p
    for p in "$@"; do
        dpkg-query -W -f='${db:Status-Status}\n' "$p" 2>/dev/null | grep -qx installed || echo "$p"
    done
}

case ${1:-} in
build) want=("${build[@]}") ;;
run) want=("${build[@]}" "${run[@]}") ;;
test) want=("${build[@]}" "${test[@]}") ;;
bench) want=("${build[@]}" "${bench[@]}") ;;
msi) want=("${build[@]}" "${msi[@]}") ;;
*)
    echo "usage: tools/deps.sh build|run|test|bench|msi" >&2
    exit 2
    ;;
esac

lack=$(missing $(adjust "${want[@]}"))
[ -n "$lack" ] || exit 0
[ "$(id -u)" = 0 ] || {
    echo "tools/deps.sh: as root, install: $(echo $lack)" >&2
    exit 1
}
export DEBIAN_FRONTEND=noninteractive
apt-get -q update >/dev/null || { echo "tools/deps.sh: apt-get update failed: is a Debian mirror reachable?" >&2; exit 1; }
# No recommends: a file server's build machine needs no desktop. Services that packages bring are not started.
policy=/usr/sbin/policy-rc.d
made=
[ -e $policy ] || { printf '#!/bin/sh\nexit 101\n' >$policy && chmod +x $policy && made=1; }
trap '[ -z "$made" ] || rm -f $policy' EXIT
apt-get -q -y -o Dpkg::Use-Pty=0 install --no-install-recommends $lack >/tmp/alto-deps.$$.log 2>&1 || {
    tail -20 /tmp/alto-deps.$$.log >&2
    echo "tools/deps.sh: installation failed; the whole log is /tmp/alto-deps.$$.log" >&2
    exit 1
}
rm -f /tmp/alto-deps.$$.log
