#!/bin/bash
# A real Samba for tests: smbd on a free loopback port, in a folder of its own, with a user and a password of its own.
#
#   samba.sh start DIR [--conf "LINE"]...   prints "PORT USER PASSWORDFILE"; smb://127.0.0.1:PORT/SHARE/...
#   samba.sh stop DIR                       ends it (by process id) and unmounts what start mounted; DIR itself stays
#   samba.sh restart DIR                    the same server again, on the same port
#   samba.sh children DIR                   process ids of the connections' servers, one a line
#   samba.sh pids DIR                       process ids of all of it, for SIGSTOP and SIGCONT
#
# Shares:  share      DIR/share, writable          readonly   DIR/share, nobody may write
#          guest      DIR/guest, no password       foreign    DIR/foreign, carries another customer's identity file
#          small      DIR/small, a tmpfs of SAMBA_SMALL_KIB (default 4096) when started with SAMBA_SMALL=1
# DIR must be open to others (chmod 755) where the guest share is used. Needs root (smbd takes the connecting user's identity) and Debian's package samba. --conf adds a line to [global].
set -euo pipefail

usage() {
    sed -n '2,/^set /s/^# \{0,1\}//p' "$0" >&2
    exit 2
}

[ $# -ge 2 ] || usage
verb=$1
mkdir -p "$2"
dir=$(cd "$2" && pwd)
shift 2
user=root

running() {
    [ -s "$dir/smbd.pid" ] && kill -0 "$(cat "$dir/smbd.pid")" 2>/dev/null
}

# smbd itself and what it forked, found by parent id so that no other server is ever touched.
family() {
    local pid child
    for pid in "$@"; do
        echo "$pid"
        for child in $(cat "/proc/$pid/task/$pid/children" 2>/dev/null); do
            family "$child"
        done
    done
}

# Those of the family that hold a connection to our port: their sockets' inodes stand in /proc/net/tcp as established (01).
serving() {
    local p inodes
    inodes=$(awk -v port="$(printf ':%04X' "$(cat "$dir/port")")" \
        '$2 ~ port "$" && $4 == "01" { printf "socket:[%s]\n", $10 }' /proc/net/tcp)
    [ -n "$inodes" ] || return 0
    for p in $(family "$(cat "$dir/smbd.pid")" | sed 1d); do
        for fd in "/proc/$p"/fd/*; do
            if readlink "$fd" 2>/dev/null | grep -qxF "$inodes"; then
                echo "$p"
                break
            fi
        done
    done
}

free_port() {
    python3 - <<'PY'
import socket
s = socket.socket()
s.bind(("127.0.0.1", 0))
print(s.getsockname()[1])
PY
}

write_conf() {
    mkdir -p "$dir"/{private,lock,state,cache,pid,ncalrpc,share,guest,foreign,small}
    chmod 700 "$dir/private"
    chmod 777 "$dir/guest"
    cat >"$dir/smb.conf" <<CONF
[global]
    server role = standalone server
    workgroup = ALTO
    netbios name = ALTOTEST
    interfaces = lo
    bind interfaces only = yes
    smb ports = $1
    disable netbios = yes
    server min protocol = SMB2_10
    passdb backend = tdbsam:$dir/private/passdb.tdb
    private dir = $dir/private
    lock directory = $dir/lock
    state directory = $dir/state
    cache directory = $dir/cache
    pid directory = $dir/pid
    ncalrpc dir = $dir/ncalrpc
    log file = $dir/log
    log level = 0
    max log size = 0
    map to guest = bad user
    guest account = nobody
    load printers = no
    printing = bsd
    printcap name = /dev/null
    disable spoolss = yes
    unix extensions = no
    rpc start on demand helpers = no
$2
[share]
    path = $dir/share
    read only = no
    valid users = $user
[readonly]
    path = $dir/share
    read only = yes
    valid users = $user
[guest]
    path = $dir/guest
    read only = no
    guest ok = yes
    force user = nobody
    force create mode = 0666
    force directory mode = 0777
[foreign]
    path = $dir/foreign
    read only = no
    valid users = $user
[small]
    path = $dir/small
    read only = no
    valid users = $user
CONF
}

spawn() {
    local port i
    port=$(cat "$dir/port")
    # A session of its own: smbd signals its whole process group when it ends.
    setsid smbd --foreground --no-process-group --configfile="$dir/smb.conf" </dev/null >"$dir/smbd.out" 2>&1 &
    echo $! >"$dir/smbd.pid"
    for ((i = 0; i < 200; i++)); do
        (exec 3<>"/dev/tcp/127.0.0.1/$port") 2>/dev/null && return 0
        running || break
        sleep 0.05
    done
    cat "$dir/smbd.out" "$dir/log" >&2 2>/dev/null || true
    echo "samba.sh: smbd does not answer on port $port" >&2
    return 1
}

start() {
    local extra='' port
    while [ $# -ge 2 ] && [ "$1" = --conf ]; do
        extra+="    $2"$'\n'
        shift 2
    done
    [ $# -eq 0 ] || usage
    command -v smbd >/dev/null || {
        echo "samba.sh: smbd is missing: install samba" >&2
        exit 1
    }
    if ! running; then
        port=$(cat "$dir/port" 2>/dev/null || free_port)
        (exec 3<>"/dev/tcp/127.0.0.1/$port") 2>/dev/null && port=$(free_port) # somebody else's by now
        echo "$port" >"$dir/port"
        write_conf "$port" "$extra"
        if [ ! -s "$dir/password" ]; then
            (umask 077 && head -c 12 /dev/urandom | od -An -tx1 | tr -d ' \n' >"$dir/password")
        fi
        if [ ! -e "$dir/private/passdb.tdb" ]; then
            (cat "$dir/password" && echo && cat "$dir/password" && echo) |
                smbpasswd -c "$dir/smb.conf" -L -s -a "$user" >/dev/null
        fi
        [ -e "$dir/foreign/alto-share.json" ] ||
            echo '{"format":1,"customer_id":"0000000000000000somebodyel","made":"2026-01-01T00:00:00Z"}' \
                >"$dir/foreign/alto-share.json"
        if [ -n "${SAMBA_SMALL:-}" ] && ! mountpoint -q "$dir/small"; then
            mount -t tmpfs -o "size=${SAMBA_SMALL_KIB:-4096}k" alto-small "$dir/small"
        fi
        spawn
    fi
    echo "$(cat "$dir/port") $user $dir/password"
}

stop() {
    local pids i
    if running; then
        mapfile -t pids < <(family "$(cat "$dir/smbd.pid")")
        kill -CONT "${pids[@]}" 2>/dev/null || true
        kill -TERM "${pids[@]}" 2>/dev/null || true
        for ((i = 0; i < 60; i++)); do
            kill -0 "${pids[@]}" 2>/dev/null || break
            sleep 0.05
        done
        kill -KILL "${pids[@]}" 2>/dev/null || true
    fi
    rm -f "$dir/smbd.pid"
    if [ "${1:-}" != keep ] && mountpoint -q "$dir/small"; then
        umount "$dir/small"
    fi
}

case $verb in
start) start "$@" ;;
stop) stop ;;
restart)
    stop keep
    spawn
    ;;
children) running && serving ;;
pids) running && family "$(cat "$dir/smbd.pid")" ;;
*) usage ;;
esac
