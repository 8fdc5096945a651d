#!/bin/bash
# A filesystem of one's own for a test: a loop image below /tmp, so that nothing of the machine's is ever marked.
#   image.sh make DIR ext4|xfs|btrfs [MIB]   makes DIR/image, mounts it at DIR/mount and prints the mount point
#   image.sh mount DIR                        mounts it again          image.sh umount DIR
#   image.sh end DIR                          unmounts and removes DIR; ends whoever still uses the mount, but not its caller
set -euo pipefail
verb=$1 dir=$2
case $verb in
make)
    fs=$3 mib=${4:-512}
    mkdir -p "$dir/mount"
    truncate -s "${mib}M" "$dir/image"
    case $fs in
    ext4) mkfs.ext4 -q -F "$dir/image" ;;
    xfs) mkfs.xfs -q -f "$dir/image" ;;
    btrfs) mkfs.btrfs -q -f "$dir/image" >/dev/null ;;
    *)
        echo "image.sh: no such filesystem: $fs" >&2
        exit 2
        ;;
    esac
    mount -o loop "$dir/image" "$dir/mount"
    echo "$dir/mount"
    ;;
mount) mount -o loop "$dir/image" "$dir/mount" ;;
umount) umount "$dir/mount" ;;
end)
    for _ in 1 2 3 4 5; do
        mountpoint -q "$dir/mount" || break
        umount -R "$dir/mount" 2>/dev/null && continue
        # Not the test that calls this: it has to tell what failed.
        for pid in $(fuser -M -m "$dir/mount" 2>/dev/null); do
            [ "$pid" = "$PPID" ] || kill -9 "$pid" 2>/dev/null || true
        done
        sleep 0.2
    done
    mountpoint -q "$dir/mount" && umount -l "$dir/mount"
    rm -rf "$dir"
    ;;
*)
    echo "usage: image.sh make|mount|umount|end DIR ..." >&2
    exit 2
    ;;
esac
