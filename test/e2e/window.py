#!/usr/bin/python3
"""The window between copy and stub: window.py xfs|ext4|btrfs [SECONDS]. Files change in every way there is while they are tiered again and again, by a striker that watches
for the lease a mover holds and strikes then. Afterwards each file has what its writer gave it last, and the counts tell how often the window was hit."""
import collections
import ctypes
import multiprocessing
import os
import random
import subprocess
import sys
import tempfile
import time

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path[:0] = [os.path.join(HERE, "../lib"), os.path.join(HERE, "../torture"), os.path.join(HERE, "../../tools/run")]
import tap  # noqa: E402
from stack import Stack  # noqa: E402
from tree import OLD_S, is_stub  # noqa: E402

FS = sys.argv[1] if len(sys.argv) > 1 else "xfs"
SECONDS = float(sys.argv[2]) if len(sys.argv) > 2 else 20.0
SEED = int(os.environ.get("SEED", str(time.time_ns() % 100000)))
EACH, STRIKERS = 24, 3  # files of each way of changing; processes
LIBC = ctypes.CDLL(None, use_errno=True)
LIBC.mmap.restype, LIBC.mmap.argtypes = ctypes.c_void_p, [ctypes.c_void_p, ctypes.c_size_t, ctypes.c_int, ctypes.c_int, ctypes.c_int, ctypes.c_long]
LIBC.munmap.argtypes = [ctypes.c_void_p, ctypes.c_size_t]
HELD = ("descriptor", "mapping")  # never let go, so never a stub


class Target:
    """A file, what it must hold, and what of its metadata was set last."""

    def __init__(self, path, way, seed):
        self.path, self.way, self.choice = path, way, random.Random(seed)
        self.bytes = bytearray(self.choice.randbytes(self.choice.choice((20000, 65536, 150000))))
        self.mode, self.comment, self.mtime, self.acl, self.others, self.strikes = 0o644, None, None, None, {}, 0
        self.before, self.gap = None, False
        with open(path, "wb") as f:
            f.write(self.bytes)
        self.mtime = time.time_ns() - OLD_S * 10**9
        os.utime(path, ns=(self.mtime, self.mtime))
        self.file = self.map = None
        self.ino = os.stat(path).st_ino

    # ---- what is held from before ----
    def hold(self):
        if self.way == "descriptor":
            self.file = open(self.path, "r+b", buffering=0)
        elif self.way == "mapping":
            self.remap()

    def remap(self):
        """A writable shared mapping and no descriptor."""
        f = os.open(self.path, os.O_RDWR)
        self.map = LIBC.mmap(None, len(self.bytes), 3, 1, f, 0)
        os.close(f)
        if self.map in (None, ctypes.c_void_p(-1).value):
            raise OSError(ctypes.get_errno(), "mmap")

    def unmap(self):
        LIBC.munmap(self.map, len(self.bytes))
        self.map = None

    def stamp(self):
        at, text = self.choice.randrange(len(self.bytes) - 64), b"strike %06d of %s" % (self.strikes, self.way.encode())
        self.bytes[at:at + len(text)] = text
        return at, text

    # ---- the ways ----
    def strike(self):
        self.strikes += 1
        getattr(self, "do_" + self.way)()

    def do_write(self):
        at, text = self.stamp()
        with open(self.path, "r+b", buffering=0) as f:
            os.pwrite(f.fileno(), text, at)

    def do_descriptor(self):
        at, text = self.stamp()
        os.pwrite(self.file.fileno(), text, at)

    def do_mapping(self):
        at, text = self.stamp()
        ctypes.memmove(self.map + at, bytes(text), len(text))

    def do_new_mapping(self):
        """A mapping that lasts until the next strike, written at both ends of its life."""
        if self.map is None:
            self.remap()
        at, text = self.stamp()
        ctypes.memmove(self.map + at, bytes(text), len(text))
        if self.strikes % 2 == 0:
            self.unmap()

    def do_truncate(self):
        if os.stat(self.path).st_blocks * 512 < len(self.bytes) // 4096 * 4096 and not is_stub(self.path) and self.strikes % 2 == 0:
            with open(self.path, "r+b", buffering=0) as f:  # what grew is sparse, and never tiered again unless it is written
                f.write(self.bytes)
            return
        size = self.choice.randrange(4097, len(self.bytes)) if len(self.bytes) > 8192 else 150000
        os.truncate(self.path, size)
        del self.bytes[size:]
        self.bytes.extend(b"\0" * (size - len(self.bytes)))

    def replacement(self):
        self.bytes = bytearray(self.choice.randbytes(30000 + self.strikes % 7))
        new = self.path + ".new"
        with open(new, "wb") as f:
            f.write(self.bytes)
        return new

    def do_rename_over(self):
        os.rename(self.replacement(), self.path)
        self.ino = os.stat(self.path).st_ino

    def do_rename_away(self):
        away = self.path + ".away%d" % (self.strikes % 3)
        os.rename(self.path, away)
        self.others[away] = bytes(self.bytes)
        os.rename(self.replacement(), self.path)
        self.ino = os.stat(self.path).st_ino

    def do_append(self):
        text = b"line %06d\n" % self.strikes
        f = os.open(self.path, os.O_WRONLY | os.O_APPEND)
        os.write(f, text)
        os.close(f)
        self.bytes.extend(text)

    def do_metadata(self):
        if is_stub(self.path) and self.choice.random() < 0.5:
            with open(self.path, "rb") as f:  # brings it back, so that it can be tiered again
                f.read(1)
        what = self.strikes % 4
        if what == 0:
            self.mode = self.choice.choice((0o600, 0o640, 0o644, 0o755))
            os.chmod(self.path, self.mode)
            self.acl = None  # its mask is another now
        elif what == 1:
            self.comment = b"strike %d" % self.strikes
            os.setxattr(self.path, "user.comment", self.comment)
        elif what == 2:
            self.before, self.mtime = self.mtime, time.time_ns() - self.choice.randrange(10**15)
            os.utime(self.path, ns=(self.mtime, self.mtime))
        else:
            self.acl = "user:%d:r--" % (1000 + self.strikes)
            subprocess.run(["setfacl", "-b", "-m", self.acl.replace("r--", "r"), self.path], check=True)
            self.mode = os.lstat(self.path).st_mode & 0o7777

    # ---- what came of it ----
    def wrong(self):
        for path, wanted in [(self.path, bytes(self.bytes))] + list(self.others.items()):
            try:
                with open(path, "rb") as f:
                    found = f.read()
            except OSError as e:
                return "%s: %s" % (path, e)
            if found != wanted:
                first = next((i for i, (a, b) in enumerate(zip(found, wanted)) if a != b), min(len(found), len(wanted)))
                return "%s (%s, %d strikes): %d bytes, not %d; first other byte %d" % (path, self.way, self.strikes, len(found), len(wanted), first)
        return self.wrong_metadata()

    def wrong_metadata(self):
        st = os.lstat(self.path)
        if self.way != "metadata":
            return None
        if st.st_mode & 0o7777 != self.mode:
            return "%s: mode %o, not %o" % (self.path, st.st_mode & 0o7777, self.mode)
        if st.st_mtime_ns == self.before:
            self.gap = True  # between our look and our call: doc/adr/0031-a-time-that-was-set.md
        elif st.st_mtime_ns != self.mtime:
            return "%s: mtime %d, not %d" % (self.path, st.st_mtime_ns, self.mtime)
        if self.comment is not None and os.getxattr(self.path, "user.comment") != self.comment:
            return "%s: comment %r, not %r" % (self.path, os.getxattr(self.path, "user.comment"), self.comment)
        if self.acl is not None and self.acl.encode() not in subprocess.run(["getfacl", "-n", self.path], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL).stdout:
            return "%s: no entry %s" % (self.path, self.acl)
        return None


WAYS = [name[3:] for name in dir(Target) if name.startswith("do_")]


def leased():
    """Inodes under a lease now."""
    with open("/proc/locks") as f:
        return {int(line.split()[-3].rsplit(":", 1)[1]) for line in f if " LEASE " in line}


def striker(number, root, go, stop, told):
    """One process: makes its files, strikes at those that are leased and at times at any, checks them in the end."""
    choice = random.Random(SEED * 10 + number)
    targets = []
    for way in WAYS:
        os.makedirs(os.path.join(root, way), exist_ok=True)
        for i in range(number, EACH, STRIKERS):
            targets.append(Target(os.path.join(root, way, "file %02d.dat" % i), way, "%d %s %d" % (SEED, way, i)))
    for t in targets:
        t.hold()
    told.put(("made", number, None))
    go.wait()
    hits = collections.Counter()
    try:
        while not stop.is_set():
            at_risk = leased()
            hot = [t for t in targets if t.ino in at_risk]
            if hot:
                t = choice.choice(hot)
                if choice.random() < 0.5:
                    time.sleep(choice.uniform(0, 0.012))  # deeper into the window
                hits[t.way] += 1
            elif choice.random() < 0.04:
                t = choice.choice(targets)
            else:
                time.sleep(0.001)
                continue
            t.strike()
        for t in targets:
            if t.way == "new_mapping" and t.map is not None:
                t.unmap()  # or nearly all would be held to the end, and no stub left to check
        told.put(("struck", number, (dict(hits), {t.path: t.strikes for t in targets})))
        go.clear()
        go.wait()
        wrong = [w for w in (t.wrong() for t in targets) if w]
        told.put(("checked", number, (wrong, [t.path for t in targets if t.gap])))
    except Exception as e:
        import traceback
        told.put(("failed", number, traceback.format_exc() + str(e)))


stack = Stack(tempfile.mkdtemp(prefix="alto-e2e-"), fs=FS, size="3G")
state = {}


def need():
    if not state.get("ready"):
        raise tap.Skip("the stack did not start")


def gather(what):
    found = {}
    while len(found) < STRIKERS:
        kind, number, value = state["told"].get(timeout=120)
        tap.check(kind == what, "striker %d: %s" % (number, value))
        found[number] = value
    return found


def tier_all():
    """Asks for every file that is known, by path; the ended job."""
    tap.equal(stack.scan()["state"], "done", "the scan")  # names come and go
    known = stack.api.items("/volumes/%s/files?recursive=true" % stack.volume_noun["id"])
    paths = [f["path"] for f in known if f["type"] == "file" and not f["path"].endswith(".new")]
    job = stack.api.job(stack.api.post("/volumes/%s/tier" % stack.volume_noun["id"], {"paths": paths}))
    tap.equal(job["state"], "done", "tiering (%s, %s)" % (job["text"], job["reasons"]))
    for o in stack.api.items("/jobs/%s/outcomes" % job["id"]):
        way = o["path"].split("/")[1]
        state["told_of"][way][o["reason"] or o["code"] if o["act"] != "tier" or o["code"] != "ok" else "tiered"] += 1
    return job


def test_stack_starts_with_files_for_every_way_of_changing():
    if os.geteuid() != 0:
        raise tap.Skip("mounting a volume needs root")
    print("# SEED=%d" % SEED)
    stack.start()
    context = multiprocessing.get_context("fork")
    state.update(told=context.Queue(), go=context.Event(), stop=context.Event(), told_of=collections.defaultdict(collections.Counter))
    state["strikers"] = [context.Process(target=striker, args=(n, stack.volume, state["go"], state["stop"], state["told"]), daemon=True) for n in range(STRIKERS)]
    for s in state["strikers"]:
        s.start()
    gather("made")
    tap.equal(stack.scan()["state"], "done", "the scan")
    state["ready"] = True


def test_files_change_while_they_are_tiered_again_and_again():
    need()
    state["go"].set()
    began, rounds = time.monotonic(), 0
    # Where every file of a way met its writer so far, go on: some must get through.
    while time.monotonic() < began + SECONDS or (time.monotonic() < began + 5 * SECONDS and any(
            state["told_of"][way]["tiered"] == 0 for way in WAYS if way not in HELD)):
        tier_all()
        rounds += 1
    state["stop"].set()
    hits = collections.Counter()
    for found, strikes in gather("struck").values():
        hits.update(found)
        for path, n in strikes.items():
            state.setdefault("strikes", {})[path] = n
    print("# %d rounds of tiering" % rounds)
    state["hits"] = hits


def test_the_window_was_hit():
    need()
    for way in WAYS:
        told = state["told_of"][way]
        struck = sum(n for p, n in state["strikes"].items() if "/%s/" % way in p)
        print("# %-12s %5d strikes, %4d at a lease; %s" % (way, struck, state["hits"][way], ", ".join("%s %d" % x for x in sorted(told.items()))))
        if way in HELD:
            tap.equal(told["tiered"], 0, "files tiered whose writer holds a " + way)
            tap.check(told["open_elsewhere"] > 0, "none refused for its " + way)
            continue
        tap.check(told["tiered"] > 0, "none was ever tiered: " + way)
        tap.check(state["hits"][way] >= 10, "the window was hit %d times only: %s" % (state["hits"][way], way))
    given_up = sum(told[r] for told in state["told_of"].values() for r in ("changed", "open_elsewhere") if told is not state["told_of"]["descriptor"])
    tap.check(given_up > 0, "no file was ever given up for its writer")


def test_each_file_has_what_its_writer_gave_it_last():
    need()
    job = tier_all()  # as stubs, as far as may be: what is checked went to the share and comes back
    print("# tiered in the end: %d of %d, %s" % (job["done_files"], job["total_files"], job["reasons"]))
    for way in WAYS:
        stubs = sum(is_stub(os.path.join(stack.volume, way, n)) for n in os.listdir(os.path.join(stack.volume, way)))
        tap.check(way in HELD or stubs > 0, "no stub to check: " + way)
    state["go"].set()
    found = gather("checked").values()
    tap.equal([w for wrong, _ in found for w in wrong], [], "files that are not as their writers left them")
    gaps = [path for _, gap in found for path in gap]
    print("# times lost in the gap that is known: %s" % gaps)
    tap.check(len(gaps) <= 1, "a gap of microseconds was hit %d times" % len(gaps))


def test_the_record_holds():
    need()
    tap.check(stack.api.get("/audit/verify?customer_id=" + stack.customer["id"])["ok"], "the chain does not hold")
    alarms = [e for e in stack.api.items("/audit?customer_id=%s&act=host.alarm" % stack.customer["id"])]
    tap.equal(alarms, [], "alarms")


def test_it_stops_cleanly():
    for s in state.get("strikers", []):
        if s.is_alive():
            s.terminate()
        s.join(5)
    stack.stop(remove=True)
    tap.check(not os.path.ismount(stack.volume), "the volume is still mounted")


tap.main([v for k, v in list(globals().items()) if k.startswith("test_")])
