#!/usr/bin/env python3
"""Stubs on ext4, XFS and btrfs: every way to read one gives the original bytes; what must not be tiered is refused by name."""
import contextlib, ctypes, fcntl, mmap, os, re, struct, subprocess, sys, time

sys.path.insert(0, os.path.join(os.environ.get("ALTO_SOURCE", os.path.join(os.path.dirname(__file__), "../../..")), "test/lib"))
from gatelab import *

FICLONE = 0x40049409
FS = sys.argv[1] if len(sys.argv) > 1 else "xfs"
DATA = os.urandom(1 << 20) + b"the tail that is no whole block"
FEW = 64  # MiB: mkfs.ext4 makes blocks of 1 KiB
lab = None


def fresh(name="f"):
    p = lab.path(name)
    if os.path.exists(p):
        os.unlink(p)
    lab.stub(name, DATA)
    equal(lab.is_stub(name), True, "it is a stub")
    return p


def reads_right(function, name="f"):
    p = fresh(name)
    r = Reader(function, p).result()
    assert r is not None, "the reader hangs"
    equal(r[0], "ok", r)
    equal(r[1], sha(DATA), "bytes")
    equal(lab.is_stub(name), False, "it is whole again")


def by_command(*command):
    def run(p):
        out = p + ".copy"
        subprocess.run([c.replace("IN", p).replace("OUT", out) for c in command], check=True, capture_output=True)
        d = digest(out)
        os.unlink(out)
        return d
    return run


@test
def read_gives_the_bytes():
    reads_right(digest)


@test
def mmap_shared_and_private_give_the_bytes():
    def mapped(flags):
        def run(p):
            with open(p, "rb") as f:
                with mmap.mmap(f.fileno(), 0, flags=flags, prot=mmap.PROT_READ) as m:
                    return sha(bytes(m))
        return run
    reads_right(mapped(mmap.MAP_SHARED))
    reads_right(mapped(mmap.MAP_PRIVATE))


@test
def sendfile_splice_and_copy_file_range_give_the_bytes():
    def through(call):
        def run(p):
            out = p + ".copy"
            with open(p, "rb") as a, open(out, "w+b") as b:
                left = os.fstat(a.fileno()).st_size
                while left > 0:
                    n = call(a.fileno(), b.fileno(), left)
                    assert n > 0
                    left -= n
                b.seek(0)
                d = sha(b.read())
            os.unlink(out)
            return d
        return run

    def splice(a, b, n):
        r, w = os.pipe()
        try:
            got = os.splice(a, w, min(n, 65536))
            done = 0
            while done < got:
                done += os.splice(r, b, got - done)
            return got
        finally:
            os.close(r)
            os.close(w)
    reads_right(through(lambda a, b, n: os.sendfile(b, a, None, n) if False else os.sendfile(b, a, os.lseek(b, 0, os.SEEK_CUR), n)))
    reads_right(through(splice))
    reads_right(through(lambda a, b, n: os.copy_file_range(a, b, n)))


@test
def pages_in_a_pipe_keep_their_bytes_while_their_file_is_tiered():
    """Nobody has the file open any more, so nothing keeps it from being tiered. On ext4 with blocks of 1 KiB the last page may be freed in part."""
    own = Lab(FS, mib=FEW) if FS == "ext4" else lab
    with own if own is not lab else contextlib.nullcontext():
        if FS == "ext4":
            equal(os.statvfs(own.mount).f_bsize, 1024, "bytes of a block")
        for size in [1024 * n for n in range(1, 10)] + [4097, 50000, 65536, 65537]:
            data = os.urandom(size)
            p = own.write("p", data)
            r, w = os.pipe()
            fcntl.fcntl(w, fcntl.F_SETPIPE_SZ, 1 << 20)
            with open(p, "rb") as f:
                left = size
                while left > 0:
                    left -= os.splice(f.fileno(), w, left)
            equal(own.ask("tier p").split()[0], "ok", size)
            got = b""
            while len(got) < size:
                got += os.read(r, size - len(got))
            equal(sha(got), sha(data), "%d bytes out of the pipe" % size)
            os.close(r)
            os.close(w)
            os.unlink(p)


@test
def who_watches_the_folder_is_not_told_of_a_write_when_a_file_is_tiered():
    """An indexer would open the stub, and so bring it back."""
    modify, close_write, attrib = 2, 8, 4
    p = lab.write("watched", DATA)
    os.utime(p, ns=(10 ** 18 + 1, 10 ** 18 + 2))
    libc = ctypes.CDLL(None, use_errno=True)
    fd = libc.inotify_init1(os.O_NONBLOCK)
    try:
        assert libc.inotify_add_watch(fd, lab.mount.encode(), modify | close_write | attrib) >= 0
        equal(lab.ask("tier watched").split()[0], "ok")
        masks = 0
        while True:
            try:
                seen, at = os.read(fd, 65536), 0
            except BlockingIOError:
                break
            while at < len(seen):
                _, mask, _, length = struct.unpack_from("iIII", seen, at)
                masks |= mask
                at += 16 + length
    finally:
        os.close(fd)
    equal(masks, attrib, "events")
    st = os.stat(p)
    equal((st.st_atime_ns, st.st_mtime_ns), (10 ** 18 + 1, 10 ** 18 + 2), "times")
    os.unlink(p)


@test
def o_direct_gives_the_bytes():
    reads_right(by_command("dd", "if=IN", "of=OUT", "bs=64k", "iflag=direct", "status=none"))


@test
def cp_which_asks_for_holes_gives_the_bytes():
    reads_right(by_command("cp", "IN", "OUT"))
    reads_right(by_command("cp", "--sparse=always", "IN", "OUT"))


@test
def tar_that_asks_for_holes_gives_the_bytes():
    def run(p):
        out = p + ".dir"
        os.mkdir(out)
        subprocess.run(["sh", "-c", f"cd {lab.mount} && tar -S -c f | tar -S -x -C {out}"], check=True, capture_output=True)
        d = digest(out + "/f")
        os.unlink(out + "/f")
        os.rmdir(out)
        return d
    reads_right(run)


@test
def clone_gives_the_bytes():
    if FS == "ext4":
        raise Skip("ext4 has no clones")
    reads_right(by_command("cp", "--reflink=always", "IN", "OUT"))


@test
def seek_data_sees_no_hole():
    p = fresh()
    with open(p, "rb") as f:
        equal(os.lseek(f.fileno(), 0, os.SEEK_DATA), 0, "first data")
        equal(os.lseek(f.fileno(), 0, os.SEEK_HOLE), len(DATA), "first hole")


@test
def exec_of_a_stub_runs_it():
    p = lab.path("prog")
    if os.path.exists(p):
        os.unlink(p)
    with open("/bin/true", "rb") as f:
        lab.write("prog", f.read())
    os.chmod(p, 0o755)
    r = lab.ask("tier prog")
    assert r.startswith("ok"), r
    equal(subprocess.run([p]).returncode, 0, "exit code")
    lab.write("script", b"#!/bin/sh\n" + b"#" * 8192 + b"\necho said\n")
    os.chmod(lab.path("script"), 0o755)
    assert lab.ask("tier script").startswith("ok")
    equal(subprocess.run([lab.path("script")], capture_output=True).stdout, b"said\n", "script")


@test
def truncate_by_path_recalls_first():
    p = fresh()
    if not lab.status()["accesses"]:
        raise Skip("this kernel asks nobody about truncate(2)")
    r = Reader(lambda: os.truncate(p, 4097)).result()
    equal(r[0], "ok", r)
    with open(p, "rb") as f:
        equal(f.read(), DATA[:4097], "what was left")
    equal(lab.is_stub("f"), False, "it is whole")
    fresh()
    lab.ask("fail-answers")
    r = Reader(lambda: os.truncate(p, 10)).result()
    lab.ask("give-answers")
    equal(r[:2], ("errno", errno.EIO), "refused while the share is away")
    equal(digest(p), sha(DATA), "nothing was cut")


@test
def times_and_capabilities_survive_both_ways():
    p = lab.write("f", DATA)
    os.chmod(p, 0o4755)
    cap = bytes.fromhex("0100000200200000000000000000000000000000")
    os.setxattr(p, "security.capability", cap)
    os.utime(p, ns=(1234567890123456789, 987654321987654321))
    assert lab.ask("tier f").startswith("ok")

    def look(st):
        equal(st.st_mtime_ns, 987654321987654321, "mtime")
        equal(st.st_mode & 0o7777, 0o4755, "mode")
        equal(os.getxattr(p, "security.capability"), cap, "capability")
    equal(os.stat(p).st_atime_ns, 1234567890123456789, "atime of the stub")
    look(os.stat(p))
    equal(digest(p), sha(DATA))
    look(os.stat(p))


@test
def a_stub_costs_no_block():
    p = fresh()
    equal(os.stat(p).st_blocks, 0, "blocks")
    equal(len(os.getxattr(p, MARKER)), 64, "marker")


@test
def what_must_not_be_tiered_is_refused_by_name():
    def refused(name, why):
        r = lab.ask("tier " + name)
        equal(r.split()[:2], ["refused", why], name)
    p = lab.write("hard", DATA)
    os.link(p, lab.path("hard2"))
    refused("hard", "hard_linked")
    far = lab.write("far", DATA)
    os.utime(far, ns=(8_000_000_000 * 10**9, 9_300_000_000 * 10**9))  # the year 2264
    if os.stat(far).st_mtime_ns == 9_300_000_000 * 10**9:  # else this filesystem cannot keep it either
        refused("far", "time_out_of_range")
        equal(os.stat(far).st_mtime_ns, 9_300_000_000 * 10**9, "the time stays")
    os.mkfifo(lab.path("fifo"))
    refused("fifo", "not_a_file")
    os.symlink("hard", lab.path("link"))
    refused("link", "not_a_file")
    os.mkdir(lab.path("dir"))
    refused("dir", "not_a_file")
    refused("nothing", "gone")
    refused("dir/nothing", "gone")
    lab.write("empty", b"")
    refused("empty", "saves_no_blocks")
    with open(lab.path("sparse"), "wb") as f:
        f.write(b"x" * 65536)
        f.seek(10 << 20)
        f.write(b"y" * 65536)
    refused("sparse", "sparse")
    with open(lab.path("hole"), "wb") as f:
        f.truncate(1 << 20)
    refused("hole", "saves_no_blocks" if os.stat(lab.path("hole")).st_blocks == 0 else "sparse")
    fresh("already")
    refused("already", "already_stub")
    with open(lab.write("open", DATA), "r+b"):
        refused("open", "open_elsewhere")
    with open(lab.path("open"), "rb"):
        refused("open", "open_elsewhere")
    with open(lab.path("open"), "rb") as f:
        m = mmap.mmap(f.fileno(), 0, flags=mmap.MAP_SHARED, prot=mmap.PROT_READ)
    refused("open", "open_elsewhere")
    m.close()
    for flag, why in (("i", "immutable"), ("a", "append_only")):
        p = lab.write("flag" + flag, DATA)
        subprocess.run(["chattr", "+" + flag, p], check=True)
        try:
            refused("flag" + flag, why)
        finally:
            subprocess.run(["chattr", "-" + flag, p], check=True)


@test
def a_swap_file_is_refused_by_name():
    if FS == "btrfs":
        raise Skip("a swap file on btrfs needs nodatacow")
    p = lab.path("swapfile")
    with open(p, "wb") as f:
        f.write(b"\0" * (4 << 20))
    os.chmod(p, 0o600)
    subprocess.run(["mkswap", p], check=True, capture_output=True)
    if subprocess.run(["swapon", p], capture_output=True).returncode != 0:
        raise Skip("swapon does not work here")
    try:
        equal(lab.ask("tier swapfile").split()[:2], ["refused", "swap_file"])
    finally:
        subprocess.run(["swapoff", p], check=True)


@test
def a_file_below_a_mount_point_is_refused():
    d = lab.path("below")
    os.mkdir(d)
    subprocess.run(["mount", "-t", "tmpfs", "none", d], check=True)
    try:
        with open(d + "/f", "wb") as f:
            f.write(DATA)
        equal(lab.ask("tier below/f").split()[:2], ["refused", "other_filesystem"])
    finally:
        subprocess.run(["umount", d], check=True)


@test
def sizes_around_a_block_come_back():
    for size in (1, 4095, 4096, 4097, 65536, 65537):
        data = os.urandom(size)
        name = f"size{size}"
        p = lab.write(name, data)
        r = lab.ask("tier " + name)
        if r.startswith("refused saves_no_blocks"):
            assert FS == "btrfs" and size < 4096, (size, r)
        else:
            assert r.startswith("ok"), (size, r)
            equal(lab.is_stub(name), True, name)
        equal(digest(p), sha(data), name)


# ---- the marker table, on real files ----

@test
def a_renamed_stub_is_still_a_stub():
    p = fresh()
    os.rename(p, lab.path("g"))
    equal(lab.ask("examine g"), "ok stub")
    fresh()
    os.unlink(p)
    fresh()
    os.rename(p, lab.path("g"))
    equal(digest(lab.path("g")), sha(DATA))


@test
def a_hard_link_made_to_a_stub_reads_right():
    p = fresh()
    os.link(p, lab.path("hardlink"))
    equal(digest(lab.path("hardlink")), sha(DATA))
    os.unlink(lab.path("hardlink"))


@test
def a_copy_with_the_marker_keeps_its_own_data():
    p = fresh()
    marker = os.getxattr(p, MARKER)
    other = lab.write("copied", b"new content" * 1000)
    os.setxattr(other, MARKER, marker)
    equal(lab.ask("examine copied"), "ok copied")
    equal(lab.ask("drop copied"), "ok copied")
    with open(other, "rb") as f:
        equal(f.read(), b"new content" * 1000)
    equal(lab.is_stub("copied"), False)


@test
def an_empty_frame_with_a_valid_marker_is_adopted():
    p = fresh()
    marker = os.getxattr(p, MARKER)
    other = lab.path("frame")
    os.close(os.open(other, os.O_CREAT | os.O_WRONLY | os.O_EXCL))
    os.truncate(other, len(DATA))
    os.setxattr(other, MARKER, marker)
    equal(lab.ask("examine frame"), "ok adopt")
    equal(lab.ask("adopt frame"), "ok adopt")
    equal(lab.ask("examine frame"), "ok stub")
    equal(digest(other), sha(DATA), "adopted, then recalled")
    os.unlink(other)


@test
def a_forged_marker_lets_nobody_in():
    p = fresh()
    marker = bytearray(os.getxattr(p, MARKER))
    for at, what in ((12, "object"), (63, "checksum"), (1, "state")):
        bad = bytearray(marker)
        bad[at] ^= 3 if what == "state" else 0x40
        os.setxattr(p, MARKER, bytes(bad))
        equal(lab.ask("examine f"), "ok forged", what)
        r = Reader(digest, p).result()
        equal(r[:2], ("errno", errno.EIO), what)
    for bad in (b"", b"x", bytes(marker) + b"x"):
        os.setxattr(p, MARKER, bad)
        equal(lab.ask("examine f"), "ok forged", len(bad))
        equal(Reader(digest, p).result()[:2], ("errno", errno.EIO))
    os.setxattr(p, MARKER, bytes(marker))
    equal(digest(p), sha(DATA))


@test
def a_time_that_was_set_by_path_is_the_files_where_truncates_are_asked_about():
    if not lab.status()["accesses"]:
        raise Skip("this kernel tells nobody of truncate(2)")
    p = fresh()
    os.utime(p, ns=(5, 1234567890))
    equal(lab.ask("examine f"), "ok stub")
    equal(lab.is_stub("f"), True)
    equal(digest(p), sha(DATA))
    equal(os.stat(p).st_mtime_ns, 1234567890)
    equal(lab.ask("tier f").split()[0], "ok")
    equal(digest(p), sha(DATA))
    equal(os.stat(p).st_mtime_ns, 1234567890)


@test
def a_stub_with_other_times_is_for_an_operator_where_truncates_go_unasked():
    if lab.status()["accesses"]:
        raise Skip("this kernel asks about truncate(2)")
    p = fresh()
    st = os.stat(p)
    os.utime(p, ns=(1, 1))
    equal(lab.ask("examine f"), "ok changed")
    equal(Reader(digest, p).result()[:2], ("errno", errno.EIO))
    equal(lab.ask("drop f").split()[:2], ["error", "conflict"])
    os.utime(p, ns=(st.st_atime_ns, st.st_mtime_ns))
    equal(lab.ask("examine f"), "ok stub")
    equal(digest(p), sha(DATA))


@test
def what_is_written_into_a_recalled_file_and_synced_outlives_a_power_cut():
    """The image as the disk has it the moment fdatasync(2) is back, mounted as after the next start: the marker must be gone or say "whole", or it would be filled over."""
    if FS == "btrfs":
        raise Skip("btrfs mounts no copy of a mounted filesystem")
    p = fresh()
    with open(p, "r+b", buffering=0) as f:
        f.seek(4096)
        f.write(b"written since")
        os.fdatasync(f.fileno())
        cut = lab.dir + "/cut"
        os.mkdir(cut)
        subprocess.run(["cp", "--sparse=always", lab.dir + "/img/image", cut + ".img"], check=True)
    subprocess.run(["mount", "-o", "loop,nouuid" if FS == "xfs" else "loop", cut + ".img", cut], check=True)
    try:
        name = cut + "/" + os.path.basename(p)
        if "trusted.alto" in os.listxattr(name):
            equal(os.getxattr(name, "trusted.alto")[1], 3, "the marker's state")
        with open(name, "rb") as f:
            equal(sha(f.read()), sha(DATA[:4096] + b"written since" + DATA[4096 + 13:]), "bytes")
    finally:
        subprocess.run(["umount", cut], check=True)
        os.unlink(cut + ".img")


@test
def a_kill_at_any_point_of_sealing_leaves_the_file_or_a_stub():
    for where, verdict in (("hold", None), ("mark", "ok filling"), ("punch", "ok stub")):
        if os.path.exists(lab.path("f")):
            os.unlink(lab.path("f"))
        p = lab.write("f", DATA)
        lab.ask("stop-at " + where)
        lab.agent.stdin.write("tier f\n")
        lab.agent.wait()
        lab.start_agent()
        if verdict is None:
            equal(lab.ask("examine f").split()[:2], ["error", "no_data"], where)
        else:
            equal(lab.ask("examine f"), verdict, where)
        equal(lab.status()["guarded"], 0, "guards of the dead agent")
        equal(digest(p), sha(DATA), where)


@test
def the_file_system_passes_its_check_and_the_probe():
    equal(lab.ask("probe").split()[0], "ok")
    equal(lab.ask("marked"), "ok yes")


def run():
    global lab
    if why_not():
        return main()
    with Lab(FS) as lab:
        return main()


sys.exit(run())
