#!/usr/bin/python3
"""Archive with placeholders, end to end: a tree on a FUSE mount (bindfs) goes to real Samba by rule and comes back, equal in bytes, times and names. The agent is killed in the
middle of both ways; people edit, rename and delete placeholders meanwhile."""
import hashlib
import os
import random
import shutil
import subprocess
import sys
import tempfile
import threading
import time

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path[:0] = [os.path.join(HERE, "../lib"), os.path.join(HERE, "../../tools/run")]
import tap  # noqa: E402
from stack import ApiError, Stack, binary, run, wait_for  # noqa: E402

BUSY = 12  # files that somebody writes into all the time, leaving size and times as they were
FILES = int(sys.argv[1]) if len(sys.argv) > 1 else 200
GIB = 1 << 30
OLD_NS = 1550000000123456789
stack = Stack(tempfile.mkdtemp(prefix="alto-archive-"))
files = {}  # path below the volume, bytes ─▶ what it was
state = {"kills": 0}
last = {}  # of a busy file: the number written last


class File:
    def __init__(self, path, rel):
        st = os.lstat(path)
        self.size, self.mtime_ns, self.mode, self.owner = st.st_size, st.st_mtime_ns, st.st_mode, (st.st_uid, st.st_gid)
        self.sha = sha(path)
        name = os.path.basename(rel)
        self.goes = self.size > 4096 and len(name) <= 250


def sha(path):
    h = hashlib.sha256()
    with open(path, "rb") as f:
        while chunk := f.read(1 << 20):
            h.update(chunk)
    return h.hexdigest()


def at(rel):
    return os.path.join(os.fsencode(stack.volume), rel)


def below():
    return os.fsencode(stack.path("below"))


def make(rel, content, mode=0o644):
    path = os.path.join(below(), rel)
    os.makedirs(os.path.dirname(path), exist_ok=True)
    with open(path, "wb") as f:
        if isinstance(content, bytes):
            f.write(content)
        else:
            f.truncate(content)
            for place in (0, content // 2 + 13, content - 5000):
                f.seek(place)
                f.write(b"some bytes in a hole" * 200)
    if os.path.basename(rel).startswith(b"owned"):
        os.chown(path, 1234, 2345)
    os.chmod(path, mode)
    os.utime(path, ns=(OLD_NS + 7, OLD_NS))
    files[rel] = None


def make_tree():
    chance = random.Random(7)
    for size in (0, 1, 4095, 4096, 4097, 5000, 1 << 20, 3 * (1 << 20) + 17):
        make(b"cold/sizes/%d.bin" % size, chance.randbytes(size))
    for name in (b"new\nline.txt", b"\xff\xfe\x80.dat", b"-rf", b" ", b"a;b$(c)`d`.sh", b'q"u\'o.te', b"trailing.", b"ends.alto", b"n" * 246 + b".mov", b"l" * 255, "fünf – 五.mov".encode()):
        make(b"cold/names/" + name, chance.randbytes(9000))
    make(b"cold/owned.bin", chance.randbytes(20000), 0o640)
    make(b"cold/read only.bin", chance.randbytes(20000), 0o444)
    make(b"cold/program", chance.randbytes(20000), 0o755)
    make(b"cold/large/holes.img", GIB)
    for i in range(FILES):
        make(b"cold/many/d%d/file %04d.bin" % (i % 9, i), chance.randbytes(chance.randrange(4097, 200000)))
    os.setxattr(os.path.join(below(), b"cold/owned.bin"), "user.note", b"kept")
    os.utime(os.path.join(below(), b"cold/owned.bin"), ns=(OLD_NS + 7, OLD_NS))
    for i in range(BUSY):
        make(b"cold/busy/%d.bin" % i, chance.randbytes(300000))
        last[b"cold/busy/%d.bin" % i] = None
    make(b"warm/new.bin", chance.randbytes(50000))
    os.utime(os.path.join(below(), b"warm/new.bin"))


def need():
    if "ready" not in state:
        raise tap.Skip("the stack did not start")


def agent_again():
    stack.kill("alto-agent")
    stack.start_agent()
    state["kills"] += 1


def keep_busy(stop):
    """Writes a number into each busy file by its name, as long as it has one; nothing but the bytes tells."""
    n = 0
    while not stop.is_set():
        for rel in last:
            n += 1
            try:
                with open(at(rel), "r+b", buffering=0) as f:
                    f.write(b"%08d" % n)
                    os.utime(f.fileno(), ns=(OLD_NS + 7, OLD_NS))
                last[rel] = n
            except FileNotFoundError:
                pass
            time.sleep(0.002)
    state["writes"] = n


def is_archived(rel):
    return os.path.exists(at(rel + b".alto"))


def job_with_kills(job, kills):
    """The ended job; the agent is killed in its middle, at random."""
    chance = random.Random(11 + state["kills"])
    for _ in range(kills):
        time.sleep(chance.uniform(0.1, 0.6))
        if stack.api.get("/jobs/" + job["id"])["state"] in ("done", "failed", "cancelled"):
            break
        agent_again()
    return stack.api.job(job, 400)


def listed():
    found = set()
    for base, _, names in os.walk(below()):
        found.update(os.path.relpath(os.path.join(base, n), below()) for n in names)
    return found


def test_a_filespace_on_fuse_is_one_for_archives():
    if os.geteuid() != 0 or shutil.which("bindfs") is None:
        raise tap.Skip("needs root and bindfs")
    os.makedirs(stack.path("below"))
    os.makedirs(stack.volume)
    make_tree()
    run("bindfs", stack.path("below"), stack.volume)
    for rel in files:
        files[rel] = File(at(rel), rel)
    stack.start_share()
    stack.start_altod()
    stack.api.login("admin", stack.admin_password())
    stack.customer = stack.api.post("/customers", {"name": "Films"})
    stack.enrol(stack.customer)
    stack.start_agent()
    stack.host = wait_for("the agent to call", lambda: next((h for h in stack.api.items("/hosts") if h["state"] == "online"), None), 30)
    share = stack.api.post("/shares", {"customer_id": stack.customer["id"], "name": "cold", "url": stack.share_url, "user": stack.share_user, "password": stack.share_password})
    stack.volume_noun = stack.api.post("/volumes", {"host_id": stack.host["id"], "name": "space", "path": stack.volume, "kind": "lucidlink"})
    tap.equal(stack.api.get("/volumes/" + stack.volume_noun["id"])["way"]["kind"], "report", "the way without a share")
    v = stack.api.get("/volumes/" + stack.volume_noun["id"])
    stack.volume_noun = stack.api.call("PATCH", "/volumes/" + v["id"], {"share_id": share["id"]}, {"If-Match": '"%d"' % v["version"]})
    way = stack.api.get("/volumes/" + v["id"])["way"]
    tap.equal(way["kind"], "archive", "the way with one")
    tap.check(way["reasons"], "why is not said")
    try:
        stack.api.post("/rules", {"volume_id": v["id"], "name": "stubs", "where": "true", "action": "tier"})
        tap.check(False, "a rule that makes stubs was taken")
    except ApiError as e:
        tap.check("archive" in str(e), "the refusal: %s" % e)
    wait_for("the volume to be looked at", lambda: stack.api.get("/volumes/" + v["id"])["state"] == "tracked_only", 30)
    state["ready"] = True
    tap.equal(stack.scan()["state"], "done", "the scan")


def test_a_rule_archives_while_the_agent_is_killed():
    need()
    rule = stack.api.post("/rules", {"volume_id": stack.volume_noun["id"], "name": "cold", "action": "archive", "where": 'modified older than 90d and path matches "/cold/**"'})
    stop = threading.Event()
    busy = threading.Thread(target=keep_busy, args=(stop,))
    busy.start()
    try:
        job = job_with_kills(stack.api.post("/rules/%s/run" % rule["id"]), 5)
    finally:
        stop.set()
        busy.join()
    tap.equal(job["state"], "done", "the job (%s), %s" % (job["text"], job["reasons"]))
    tap.equal(job["failed_files"], 0, "failed files, %s" % job["reasons"])
    gone = sum(1 for rel in last if is_archived(rel))
    tap.equal(job["done_files"], gone + sum(1 for r, f in files.items() if f.goes and r.startswith(b"cold/") and r not in last), "archived files, %s" % job["reasons"])
    told = {r["reason"] for r in job["reasons"]}
    tap.check({"saves_no_blocks", "name_too_long"} <= told <= {"saves_no_blocks", "name_too_long", "changed", "open_elsewhere"}, "refusals: %s" % told)
    for rel in last:
        tap.check(os.path.exists(at(rel)) != is_archived(rel), "%r is neither or both" % rel)
    print("# killed %d times; %d writes into %d files, of which %d were archived; %s" % (state["kills"], state["writes"], BUSY, gone, job["reasons"]))


def test_placeholders_stand_in_their_places():
    need()
    there = listed()
    tap.equal([n for n in there if os.path.basename(n).startswith(b".alto-")], [], "files of Alto's own")
    for rel, f in files.items():
        goes = f.goes and rel.startswith(b"cold/")
        if rel in last:
            continue
        tap.equal((rel in there, rel + b".alto" in there), (not goes, goes), "what lies at %r" % rel)
        if goes:
            text = open(at(rel + b".alto"), "rb").read()
            tap.check(len(text) < 4096 and text.startswith(b"Alto placeholder 1\n"), "the placeholder of %r" % rel)
            tap.check(f.sha.encode() in text and b"alto file recall" in text, "what the placeholder of %r says" % rel)
            tap.equal(os.lstat(at(rel + b".alto")).st_mode & 0o777, f.mode & 0o666, "who may read the placeholder of %r" % rel)
        else:
            tap.equal(sha(at(rel)), f.sha, "bytes of %r" % rel)


def test_the_inventory_knows_them_after_a_scan():
    need()
    tap.equal(stack.scan()["state"], "done", "the scan")
    found = stack.api.get("/volumes/" + stack.volume_noun["id"])
    tap.equal(found["files"], len(files), "files: placeholders are none")
    wanted = [f for r, f in files.items() if f.goes and r.startswith(b"cold/") and (r not in last or is_archived(r))]
    tap.equal((found["stub_files"], found["stub_bytes"]), (len(wanted), sum(f.size for f in wanted)), "archived files and bytes")
    listed_ = list(stack.api.items("/volumes/%s/files?recursive=true&state=archived" % stack.volume_noun["id"]))
    tap.equal(len(listed_), len(wanted), "files in state archived")


def test_a_filespace_that_is_not_mounted_is_no_empty_one():
    need()
    before = stack.api.get("/volumes/" + stack.volume_noun["id"])
    run("umount", "-l", stack.volume)
    tap.equal(stack.scan()["state"], "failed", "a scan of the folder below the mount")
    job = stack.api.job(stack.api.post("/volumes/%s/recall" % stack.volume_noun["id"], {"paths": ["/cold/program"]}), 60)
    tap.equal((job["state"], job["done_files"]), ("failed", 0), "a recall into it")
    tap.equal(os.listdir(stack.volume), [], "what was made there")
    run("bindfs", stack.path("below"), stack.volume)
    tap.equal(stack.scan()["state"], "done", "the scan when it is back")
    after = stack.api.get("/volumes/" + stack.volume_noun["id"])
    tap.equal([after[k] for k in ("files", "stub_files")], [before[k] for k in ("files", "stub_files")], "what is known")


def test_people_do_things_to_placeholders():
    need()
    many = sorted(r for r in files if r.startswith(b"cold/many/"))
    state["edited"], state["renamed"], state["deleted"], state["moved"] = many[0:5], many[5:10], many[10:15], many[15]
    for rel in state["edited"]:
        with open(at(rel + b".alto"), "r+b") as f:
            text = f.read()
            f.seek(0)
            f.write(b"Do not throw away! M.\n" + text)
    for rel in state["renamed"]:
        os.rename(at(rel + b".alto"), at(rel + b" (old).txt"))
    for rel in state["deleted"]:
        os.unlink(at(rel + b".alto"))
    os.rename(at(state["moved"] + b".alto"), at(b"warm/taken along.bin.alto"))
    job = stack.api.job(stack.api.post("/volumes/%s/recall" % stack.volume_noun["id"], {"paths": ["/warm/taken along.bin.alto"]}), 60)
    tap.equal((job["state"], job["failed_files"]), ("done", 0), "recall of a renamed placeholder: %s" % job["reasons"])
    tap.equal(sha(at(b"warm/taken along.bin")), files[state["moved"]].sha, "its bytes")
    tap.check(not os.path.exists(at(b"warm/taken along.bin.alto")), "its placeholder is still there")
    archived = {f["path"].encode() for f in stack.api.items("/volumes/%s/files?recursive=true&state=archived" % stack.volume_noun["id"])}
    tap.check(b"/" + state["moved"] not in archived, "the file that is back is archived at its old place too")
    tap.check(b"/" + state["renamed"][0] in archived, "one whose placeholder was only renamed is not archived any more")


def test_the_command_line_brings_one_back():
    need()
    env = dict(os.environ, ALTO_SERVER=stack.api.url, HOME=stack.folder)
    password = stack.path("pw")
    with open(password, "w") as f:
        f.write(stack.admin_password())
    done = subprocess.run([binary("alto"), "--server", stack.api.url, "login", "admin", "--password-file", password], env=env, capture_output=True)
    tap.equal(done.returncode, 0, "login: %s" % done.stderr)
    done = subprocess.run([binary("alto"), "--server", stack.api.url, "file", "recall", "space", "/cold/owned.bin", "--wait"], env=env, capture_output=True)
    tap.equal(done.returncode, 0, "recall: %s" % done.stderr)
    check_back(b"cold/owned.bin")
    tap.equal(os.getxattr(at(b"cold/owned.bin"), "user.note"), b"kept", "its attribute")


def check_back(rel):
    f, st = files[rel], os.lstat(at(rel))
    if rel in last:
        with open(at(rel), "rb") as content:
            tap.equal(content.read(8), b"%08d" % last[rel], "what was written last into %r" % rel)
        return
    tap.equal((st.st_size, st.st_mtime_ns, st.st_mode, (st.st_uid, st.st_gid)), (f.size, f.mtime_ns, f.mode, f.owner), "metadata of %r" % rel)
    tap.equal(sha(at(rel)), f.sha, "bytes of %r" % rel)


def test_all_come_back_while_the_agent_is_killed():
    need()
    before = state["kills"]
    job = job_with_kills(stack.api.post("/volumes/%s/recall" % stack.volume_noun["id"], {"paths": ["/cold"]}), 5)
    tap.equal((job["state"], job["failed_files"]), ("done", 0), "the job (%s), %s" % (job["text"], job["reasons"]))
    for rel in files:
        if rel != state["moved"]:
            check_back(rel)
    there = listed()
    tap.check(state["moved"] not in there, "a second copy of the file that came back elsewhere")
    extra = there - set(files) - {b"warm/taken along.bin"}
    tap.equal(extra, {r + b".alto" for r in state["edited"]} | {r + b" (old).txt" for r in state["renamed"]}, "what else lies there")
    tap.equal(stack.scan()["state"], "done", "the scan")
    found = stack.api.get("/volumes/" + stack.volume_noun["id"])
    tap.equal(found["stub_files"], 0, "archived files")
    tap.equal(found["files"], len(there), "files")
    tap.check(stack.api.get("/audit/verify?customer_id=" + stack.customer["id"])["ok"], "the chain of the record")
    print("# killed %d times" % (state["kills"] - before))


def test_it_stops_cleanly():
    stack.stop(remove=False)
    if os.path.ismount(stack.volume):
        subprocess.run(["umount", "-l", stack.volume], check=False)
    shutil.rmtree(stack.folder, ignore_errors=True)


tap.main([v for k, v in list(globals().items()) if k.startswith("test_")])
