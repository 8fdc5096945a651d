#!/usr/bin/python3
"""What happens to stubs in life: truncated, renamed, linked, moved, copied with their attributes, restored elsewhere, forged, robbed of their marker. Each
is recognised as doc/format/marker.md says, told, and never shows zeros for content. stub_hazards.py xfs|ext4|btrfs"""
import ctypes
import errno
import hashlib
import os
import random
import subprocess
import sys
import tempfile

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path[:0] = [os.path.join(HERE, "../lib"), os.path.join(HERE, "../torture"), os.path.join(HERE, "../../tools/run")]
import tap  # noqa: E402
from stack import Failure, Stack, binary, run, wait_for  # noqa: E402
from unseen import unseen  # noqa: E402
from tree import is_stub, write  # noqa: E402

FS = sys.argv[1] if len(sys.argv) > 1 else "xfs"
MARKER = "trusted.alto"
SIZE = 70001  # not a whole block, more than one
COUNT = 80
stack = Stack(tempfile.mkdtemp(prefix="alto-hazards-"), fs=FS, size="1G")
content, left = {}, []
state = {}


def at(*parts):
    return os.path.join(stack.volume, *parts)


def test_the_stack_starts_and_stubs_are_made():
    if os.geteuid() != 0:
        raise tap.Skip("mounting a volume needs root")
    os.makedirs(stack.path("agent"), mode=0o700)
    run("mount", "-t", "tmpfs", "-o", "size=16m,mode=0700", "none", stack.path("agent"))  # its state on a disk that one test fills
    state["disk"] = stack.path("agent")
    stack.start()
    os.makedirs(at("f"))
    for i in range(COUNT):
        path = at("f", "file %02d.bin" % i)
        content[path] = random.Random("hazard %d" % i).randbytes(SIZE)
        write(path, content[path])
    os.sync()
    stack.scan()
    job = stack.tier("modified older than 90d")
    tap.equal(sum(is_stub(p) for p in content), COUNT, "stubs, %s" % job["reasons"])
    left.extend(sorted(content))
    state["up"] = True


def fresh():
    """A stub that no test has touched, and what it must read as."""
    if "up" not in state:
        raise tap.Skip("there are no stubs")
    path = left.pop()
    tap.check(is_stub(path), "%s is no stub" % path)
    return path, content[path]


def read(path):
    """The bytes, or the name of the error."""
    try:
        with open(path, "rb") as f:
            return f.read()
    except OSError as error:
        return errno.errorcode[error.errno]


def same(path, wanted, what):
    found = read(path)
    if found != wanted:
        told = "%s" % found if isinstance(found, str) else "%d bytes, sha256 %s, zeros: %s" % (
            len(found), hashlib.sha256(found).hexdigest()[:12], not any(found))
        raise AssertionError("%s reads as %s" % (what, told))


def events(act, path, volume=None):
    subject = "/" + os.path.relpath(path, volume or stack.volume)
    return [e for e in stack.api.items("/audit?customer_id=" + stack.customer["id"]) if e["act"] == act and e["subject"] == subject]


def told(act, path, reason=None, volume=None):
    """Waits for the audit event; outcomes travel by themselves."""
    try:
        return wait_for(act, lambda: [e for e in events(act, path, volume) if reason is None or e["detail"].get("reason") == reason], 15)
    except Failure:
        found = [(e["act"], e["detail"].get("reason"), e["detail"].get("text")) for a in ("host.alarm", "file.adopt", "file.drop_marker", "file.recall")
                 for e in events(a, path, volume)]
        raise AssertionError("the audit has no %s %s of %s, but %s" % (act, reason or "", path, found)) from None


def frame(path, size=SIZE, fill=None):
    """A file of holes, or of written bytes."""
    with open(path, "wb") as out:
        if fill is None:
            out.truncate(size)
        else:
            out.write(fill)
    return path


def give_marker(source, target, change=None):
    marker = os.getxattr(source, MARKER)
    os.setxattr(target, MARKER, change(bytearray(marker)) if change else marker)


# ---- what users do ----


def test_a_stub_that_is_renamed_moved_or_linked_stays_one_and_reads_right():
    path, data = fresh()
    os.rename(path, at("f", "renamed.dat"))
    tap.check(is_stub(at("f", "renamed.dat")), "renaming made it no stub")
    same(at("f", "renamed.dat"), data, "the renamed stub")
    path, data = fresh()
    os.makedirs(at("other", "folder"))
    os.rename(path, at("other", "folder", "moved"))
    os.rename(at("other"), at("elsewhere"))
    same(at("elsewhere", "folder", "moved"), data, "the stub whose folder was moved too")
    path, data = fresh()
    os.link(path, at("linked.bin"))
    os.symlink(path, at("soft"))
    tap.check(is_stub(at("linked.bin")), "the link is no stub")
    same(at("linked.bin"), data, "the hard link")
    same(path, data, "the first name of it")
    same(at("soft"), data, "the symbolic link")
    path, data = fresh()
    replaced, _ = fresh()
    os.rename(path, replaced)
    same(replaced, data, "the stub that replaced another")
    path, data = fresh()
    os.link(path, at("still there"))
    os.unlink(path)
    same(at("still there"), data, "the name that was left")


def test_a_stub_whose_mode_owner_or_attributes_are_changed_reads_right():
    path, data = fresh()
    os.chmod(path, 0o600)
    os.chown(path, 1234, 5678)
    os.setxattr(path, "user.note", b"hello")
    os.utime(path, ns=(1500000000 * 10**9 + 7, 1400000000 * 10**9 + 9))
    tap.check(is_stub(path), "it is no stub any more")
    same(path, data, "the stub")
    st = os.stat(path)
    tap.equal((st.st_mode & 0o7777, st.st_uid, st.st_gid, st.st_mtime_ns, os.getxattr(path, "user.note")), (0o600, 1234, 5678, 1400000000 * 10**9 + 9, b"hello"),
              "what was set")


def test_a_stub_that_is_emptied_is_empty_and_can_be_written_again():
    def by_open(path):
        os.close(os.open(path, os.O_WRONLY | os.O_TRUNC))
    for how in (lambda p: os.truncate(p, 0), lambda p: run("truncate", "-s", "0", p), lambda p: run("sh", "-c", '>"$1"', "sh", p), by_open):
        path, _ = fresh()
        how(path)
        same(path, b"", "the emptied file")
        tap.check(not is_stub(path), "it is still a stub")
        with open(path, "ab") as out:
            out.write(b"new")
        same(path, b"new", "the file written anew")


def test_a_stub_that_is_cut_or_grown_keeps_its_beginning():
    for how in (os.truncate, lambda p, n: run("truncate", "-s", str(n), p)):
        for size in (1, 4096, 50000, SIZE - 1, SIZE + 1, 200000):
            path, data = fresh()
            how(path, size)
            same(path, data[:size] + bytes(max(0, size - SIZE)), "the file of %d bytes" % size)


def test_a_stub_that_is_written_in_the_middle_or_at_its_end_keeps_the_rest():
    path, data = fresh()
    with open(path, "r+b") as out:
        out.seek(30000)
        out.write(b"middle")
    same(path, data[:30000] + b"middle" + data[30006:], "the file")
    path, data = fresh()
    run("sh", "-c", 'printf tail >>"$1"', "sh", path)
    same(path, data + b"tail", "the file")
    path, data = fresh()
    run("fallocate", "--punch-hole", "--offset", "0", "--length", "4096", path)
    same(path, bytes(4096) + data[4096:], "the file with a hole")


# ---- copies of the marker ----


def test_attributes_copied_by_cp_never_give_a_wrong_byte():
    path, data = fresh()
    run("cp", "-a", "--attributes-only", path, at("attributes only"))
    same(at("attributes only"), b"", "the copy of the attributes")
    same(path, data, "the stub")
    path, data = fresh()
    run("cp", "-a", path, at("archived"))
    same(at("archived"), data, "the copy")


def test_a_marker_set_on_a_file_with_data_of_its_own_is_dropped_and_the_data_stays():
    for fill in (b"own bytes " * 5000, bytes(SIZE), b"x"):
        path, data = fresh()
        other = frame(at("own %d" % len(fill)), fill=fill)
        give_marker(path, other)
        same(other, fill, "the file with data of its own")
        tap.check(not is_stub(other), "the marker is still there")
        told("file.drop_marker", other, "copied")
        same(path, data, "the stub it came from")
    path, _ = fresh()
    give_marker(path, frame(at("nothing"), 0))
    same(at("nothing"), b"", "the empty file")


def test_a_marker_set_on_a_frame_of_the_same_length_is_adopted():
    path, data = fresh()
    other = frame(at("frame"))
    give_marker(path, other)
    same(other, data, "the frame")
    told("file.adopt", other)
    same(path, data, "the stub it came from")


def test_a_marker_set_on_a_frame_of_another_length_is_an_error_and_told():
    path, data = fresh()
    other = frame(at("longer frame"), SIZE + 4096)
    give_marker(path, other)
    same(other, "EIO", "the frame")
    told("host.alarm", other, "changed")
    same(path, data, "the stub it came from")


def forgeries(other_key):
    def flip(at_byte, bit=0x40):
        def change(marker):
            marker[at_byte] ^= bit
            return bytes(marker)
        return change
    return {"bad checksum": flip(60), "another object": flip(12), "another inode": flip(30), "another length": flip(43), "another time": flip(50),
            "another state": flip(1, 3), "future version": flip(0, 3), "cut": lambda m: bytes(m[:63]), "too long": lambda m: bytes(m) + b"x",
            "much too long": lambda m: bytes(m) * 8, "empty": lambda m: b"", "another volume's": lambda m: other_key}


def test_a_forged_marker_is_an_error_for_every_opener_and_told():
    for what, change in forgeries(random.Random(5).randbytes(64)).items():
        path, data = fresh()
        whole = os.getxattr(path, MARKER)
        os.setxattr(path, MARKER, change(bytearray(whole)))
        same(path, "EIO", "the stub whose marker is: " + what)
        tap.equal(os.lstat(path).st_blocks <= 8, True, "it still has no blocks")
        told("host.alarm", path, "forged")
        os.setxattr(path, MARKER, whole)
        same(path, data, "the stub with its own marker again, after: " + what)


def test_a_forged_marker_on_data_is_an_error_until_it_is_taken_away_and_changes_nothing():
    path, _ = fresh()
    other = frame(at("good data"), fill=b"good" * 10000)
    give_marker(path, other, forgeries(b"")["bad checksum"])
    same(other, "EIO", "the file")
    os.removexattr(other, MARKER)
    same(other, b"good" * 10000, "the file without the marker")


# ---- what no listener sees ----


def test_what_was_done_to_stubs_on_another_host_is_recognised():
    emptied, cut, grown, written, copied, whole = (fresh() for _ in range(6))
    newest = b"newest content"

    def act(folder):
        def there(path):
            return os.path.join(folder, os.path.relpath(path, stack.volume))
        os.truncate(there(emptied[0]), 0)
        os.truncate(there(cut[0]), 100)
        os.truncate(there(grown[0]), SIZE + 100000)
        with open(there(written[0]), "r+b") as out:
            out.seek(8192)
            out.write(newest)
        run("cp", "-a", there(copied[0]), os.path.join(folder, "raw copy"))
    unseen(stack, act)
    same(emptied[0], b"", "the emptied stub")
    told("file.drop_marker", emptied[0], "truncated")
    same(cut[0], "EIO", "the cut stub")
    told("host.alarm", cut[0], "changed")
    same(grown[0], "EIO", "the grown stub")
    told("host.alarm", grown[0], "data" if FS == "btrfs" else "changed")  # btrfs writes the rest of the old end's block
    same(written[0], "EIO", "the stub that was written to")
    told("host.alarm", written[0], "data")
    same(at("raw copy"), copied[1], "the copy made by a host that knows no stubs")
    told("file.adopt", at("raw copy"))
    same(copied[0], copied[1], "the stub it was copied from")
    same(whole[0], whole[1], "a stub that nobody touched")
    fd = os.open(written[0], os.O_RDONLY | os.O_PATH)
    os.close(fd)
    seen = []
    unseen(stack, lambda folder: seen.append(open(os.path.join(folder, os.path.relpath(written[0], stack.volume)), "rb").read()[8192:8192 + len(newest)]))
    tap.equal(seen, [newest], "the bytes that were written there")


def snapshot(image):
    run("fsfreeze", "-f", stack.volume)
    try:
        run("cp", "--sparse=always", stack.path("volume.img"), image)
    finally:
        run("fsfreeze", "-u", stack.volume)


def test_a_volume_put_back_from_a_backup_in_its_place_reads_right():
    path, data = fresh()
    recalled, was = fresh()
    image = stack.path("backup.img")
    snapshot(image)
    same(recalled, was, "the stub, after the backup")  # resident now; a stub again in the backup
    stack.end("alto-agent")
    wait_for("the volume to be free", lambda: subprocess.run(["umount", stack.volume], stderr=subprocess.DEVNULL).returncode == 0)
    os.replace(image, stack.path("volume.img"))
    stack.mount(stack.path("volume.img"))
    stack.start_agent()
    tap.check(is_stub(recalled), "the backup is not what it should be")
    same(recalled, was, "the stub that had been recalled after the backup")
    same(path, data, "the other stub")


def test_a_backup_mounted_as_another_volume_gives_errors_and_no_zeros():
    path, data = fresh()
    if FS == "btrfs":
        raise tap.Skip("btrfs does not mount two filesystems of one UUID")
    image, folder = stack.path("second.img"), stack.path("second")
    snapshot(image)
    os.makedirs(folder)
    run(binary("mount.alto"), image, folder, "-o", "socket=" + stack.socket + (",nouuid" if FS == "xfs" else ""))
    state["second"] = folder
    there = os.path.join(folder, os.path.relpath(path, stack.volume))
    volume = stack.api.post("/volumes", {"host_id": stack.host["id"], "name": "restored", "path": folder, "share_id": stack.share_noun["id"]})
    wait_for("the second volume", lambda: stack.api.get("/volumes/" + volume["id"])["state"] == "ok", 20)
    same(there, "EIO", "the stub in the copy")
    told("host.alarm", there, "forged", folder)
    tap.check(is_stub(there), "its marker is gone")
    same(path, data, "the stub itself")


def listen():
    """A listener that is given descriptors of the volume's files, as some virus scanners are."""
    libc = ctypes.CDLL(None, use_errno=True)
    group = libc.fanotify_init(0x1, os.O_RDONLY)  # FAN_CLOEXEC
    tap.check(group >= 0, "no group: %s" % ctypes.get_errno())
    done = libc.fanotify_mark(group, 0x1 | 0x100, ctypes.c_uint64(0x8), -100, stack.volume.encode())  # ADD, FILESYSTEM; CLOSE_WRITE
    tap.check(done == 0, "no mark: %s" % ctypes.get_errno())
    return group


def test_nothing_is_tiered_while_somebody_listens_who_would_be_given_zeros():
    path = at("watched")
    write(path, b"watched" * 10000)
    os.sync()
    stack.scan()
    asked = {"paths": ["/" + os.path.relpath(os.fsdecode(path), stack.volume)]}
    group = listen()
    try:
        job = stack.api.job(stack.api.post("/volumes/%s/tier" % stack.volume_noun["id"], asked))
    finally:
        os.close(group)
    tap.equal([(r["reason"], r["files"]) for r in job["reasons"]], [("watched_by_others", 1)], "reasons")
    tap.check(not is_stub(path), "it became a stub")
    job = stack.api.job(stack.api.post("/volumes/%s/tier" % stack.volume_noun["id"], asked))
    tap.check(is_stub(path), "it is no stub when nobody listens any more: %s" % job)
    same(path, b"watched" * 10000, "its content")


def test_a_stub_that_lost_its_marker_is_told_by_the_next_scan():
    path, _ = fresh()
    stack.scan()
    os.removexattr(path, MARKER)
    job = stack.scan()
    tap.equal(job["state"], "done", "the scan (%s)" % job["text"])
    event = told("host.alarm", path, "marker_lost")[0]
    tap.check(event["detail"].get("object_id"), "it does not say where the content is: %s" % event)
    found = stack.api.get("/volumes/%s/file?path=/f/%s" % (stack.volume_noun["id"], os.path.basename(path).replace(" ", "%20")))
    tap.equal(found["state"], "stub", "its state in the inventory")


def test_a_scan_tells_of_every_hazard_that_nobody_opened():
    path, data = fresh()
    bad, _ = fresh()
    long, _ = fresh()
    os.setxattr(bad, MARKER, forgeries(b"")["another object"](bytearray(os.getxattr(bad, MARKER))))
    os.setxattr(long, MARKER, forgeries(b"")["much too long"](bytearray(os.getxattr(long, MARKER))))
    adopted, other = frame(at("scanned frame")), frame(at("scanned longer"), SIZE + 1)
    give_marker(path, adopted)
    give_marker(path, other)
    tap.equal(stack.scan()["state"], "done", "the scan")
    told("host.alarm", bad, "forged")
    told("host.alarm", long, "forged")
    told("host.alarm", other, "changed")
    told("file.adopt", adopted)
    same(adopted, data, "the frame")
    same(path, data, "the stub it came from")


def set_immutable(path, on):
    """By path, so that nothing is opened. False: this kernel or filesystem has no such call."""
    libc, attr = ctypes.CDLL(None, use_errno=True), (ctypes.c_uint64 * 3)()
    if libc.syscall(468, -100, path.encode(), attr, 24, 0) != 0:
        return False
    attr[0] = attr[0] | 8 if on else attr[0] & ~8
    return libc.syscall(469, -100, path.encode(), attr, 24, 0) == 0


def test_a_stub_that_was_made_immutable_says_what_to_do():
    path, data = fresh()
    if not set_immutable(path, True):
        raise tap.Skip("no file_setattr(2) here")
    try:
        same(path, "EIO", "the immutable stub")
        tap.check("chattr" in told("file.recall", path, "immutable")[0]["detail"]["text"], "it does not name chattr")
    finally:
        set_immutable(path, False)
    same(path, data, "the stub")


def test_of_volumes_within_one_another_each_stub_is_of_the_one_that_tiered_it():
    fresh()
    inner, outer = at("nest", "inner.bin"), at("nest", "outer.bin")
    os.makedirs(at("nest"))
    for path in (inner, outer):
        write(path, random.Random(path).randbytes(SIZE))
    nested = stack.api.post("/volumes", {"host_id": stack.host["id"], "name": "nested", "path": at("nest"), "share_id": stack.share_noun["id"]})
    wait_for("the inner volume", lambda: stack.api.get("/volumes/" + nested["id"])["state"] == "ok", 20)
    for volume, name in ((nested, "inner.bin"), (stack.volume_noun, "outer.bin")):
        stack.api.job(stack.api.post("/volumes/%s/scan" % volume["id"]))
        rule = next((r for r in stack.api.items("/rules") if r["volume_id"] == volume["id"]), None)  # the outer one has one
        rule = rule or stack.api.post("/rules", {"volume_id": volume["id"], "name": name, "where": 'name = "%s"' % name, "action": "tier"})
        tap.equal(stack.api.job(stack.api.post("/rules/%s/run" % rule["id"]))["state"], "done", "tiering of " + name)
    tap.check(is_stub(inner) and is_stub(outer), "no stubs")
    for volume in (stack.volume_noun, nested):
        stack.api.job(stack.api.post("/volumes/%s/scan" % volume["id"]))
        stack.api.job(stack.api.post("/volumes/%s/reconcile" % volume["id"]))
        for path in (inner, outer):
            tap.equal(events("host.alarm", path, volume["path"]), [], "alarms of %s" % volume["name"])
    for volume, path, name in ((stack.volume_noun, "/nest/inner.bin", inner), (nested, "/outer.bin", outer)):
        job = stack.api.job(stack.api.post("/volumes/%s/recall" % volume["id"], {"paths": [path]}))
        tap.check(job["state"] == "done" and not is_stub(name), "recall of %s by %s: %s" % (path, volume["name"], job["reasons"]))
        same(name, random.Random(name).randbytes(SIZE), path)
    text = wait_for("both to say so", lambda: [v["state_text"] for v in stack.api.items("/volumes") if "around this one" in v["state_text"]
                                              or "within this one" in v["state_text"]][1:], 30)
    tap.check(text, "nothing")


def fill(path):
    try:
        with open(path, "ab", buffering=0) as f:
            while True:
                f.write(bytes(4096))
    except OSError as e:
        tap.equal(e.errno, errno.ENOSPC, "why the disk takes no more")


def test_a_full_disk_under_the_agents_state_keeps_nobody_from_the_content():
    paths, early = [fresh() for _ in range(5)], [fresh() for _ in range(12)]
    filler = stack.path("agent", "filler")
    stack.kill("altod")
    fill(filler)
    stack.kill("alto-agent")
    stack.start_agent()
    fill(filler)  # it writes its journal anew, which makes room
    for path, data in early:  # what is told of some still fits into the last block of the agent's spool
        same(path, data, "with a disk that is nearly full")
        if is_stub(path):
            break
    for path, data in paths[:3]:
        same(path, data, "with a full disk")
        tap.check(os.getxattr(path, MARKER)[1] == 4, "the marker does not tell of the recall")
    with open(paths[0][0], "r+b") as f:
        f.write(b"newest")
    stack.kill("alto-agent")  # what it had in memory is gone
    stack.start_agent()
    fill(filler)
    same(paths[0][0], b"newest" + paths[0][1][6:], "after the agent's end")
    same(paths[3][0], paths[3][1], "with the next agent")
    os.unlink(filler)
    stack.start_altod(stack.listen)
    for path, data in paths[1:]:
        same(path, data, "with room again")
    wait_for("the host to be back", lambda: stack.api.get("/hosts/" + stack.host["id"])["state"] == "online", 30)
    job = stack.api.job(stack.api.post("/volumes/%s/reconcile" % stack.volume_noun["id"]))
    tap.equal(job["state"], "done", "reconcile")
    for path, _ in paths:
        tap.check(not is_stub(path), "%s still carries its marker" % path)
        tap.equal(len(told("file.recall", path)), 1, "recalls told of %s" % path)


def test_the_audit_holds_and_everything_stops():
    if "up" in state:
        tap.check(stack.api.get("/audit/verify?customer_id=" + stack.customer["id"])["ok"], "the chain does not hold")
        for name in list(stack.children):
            tap.check(stack.alive(name), "%s ended by itself: %s" % (name, stack.said(name)))


try:
    status = tap.run([v for k, v in list(globals().items()) if k.startswith("test_")])
finally:
    stack.end("alto-agent")
    if "second" in state:
        subprocess.run(["umount", state["second"]])
    stack.stop()
    if "disk" in state:
        subprocess.run(["umount", state["disk"]])
    stack.stop(remove=True)
sys.exit(status)
