"""The rows of the table. Each is a function that takes the bench and gives figures; rows that need each other's state share a function."""
import json
import os
import shutil
import subprocess
import time

import api_peer
from lab import Failure, drop_caches, fill, run, settle, timed, tool
from report import Figure, median

SMALL = 65536


def rates(amount, seconds):
    return [amount / s for s in seconds]


# ---- many small files ----
def small(b):
    """Alto's two ways take turns with the peers; all read from and write to warm caches, each begins with nothing dirty."""
    lab, n, want = b.lab, b.o.files, b.wants
    peer, folder = lab.peer_folder("small", n, SMALL), lab.alto_folder("small", n, SMALL)
    tier, recall = want("tier-small"), want("recall-small")
    t = {"tier": [], "recall": [], "rclone": [], "mput": [], "mput_sync": [], "mget": [], "mget_sync": []}
    for _ in range(b.o.rounds):
        t["tier"].append(lab.tier("small", folder, n))
        t["recall"].append(lab.recall(folder, 8, n, SMALL))
        lab.forget_objects()
        if tier:
            settle()
            t["rclone"].append(timed(lab.rclone, peer, "peer-rclone"))
            lab.check_copy(lab.on_share("peer-rclone"), n, SMALL)
            lab.clear(lab.on_share("peer-rclone"))
        os.makedirs(lab.on_share("peer-smb"))
        settle()
        t["mput"].append(timed(lab.smbclient, "prompt OFF; cd peer-smb; mput *", peer))
        t["mput_sync"].append(t["mput"][-1] + timed(run, "sync", "-f", lab.share_folder))
        lab.check_copy(lab.on_share("peer-smb"), n, SMALL)
        if recall:
            back = os.path.join(lab.plain, "back")
            os.makedirs(back)
            settle()
            t["mget"].append(timed(lab.smbclient, "prompt OFF; cd peer-smb; mget *", back))
            t["mget_sync"].append(t["mget"][-1] + timed(run, "sync", "-f", back))
            lab.check_copy(back, n, SMALL)
            lab.clear(back)
        lab.clear(lab.on_share("peer-smb"))
    mine, unit = rates(n, t["tier"]), "files/s"
    if tier:
        name = "tier_%d_x_64KiB" % n
        yield Figure(name, mine, unit, "rclone copy", rates(n, t["rclone"]), 1.0, note="Alto flushed and read back, the peer neither")
        yield Figure(name, mine, unit, "smbclient mput", rates(n, t["mput"]), None, goal=1.0, note="likewise; a goal")
        yield Figure(name, mine, unit, "smbclient mput, then sync", rates(n, t["mput_sync"]), None, note="the peer flushed once at the end")
    if recall:
        name = "recall_%d_x_64KiB_8_readers" % n
        yield Figure(name, rates(n, t["recall"]), unit, "smbclient mget", rates(n, t["mget"]), 1.2, note="Alto flushed, the peer not")
        yield Figure(name, rates(n, t["recall"]), unit, "smbclient mget, then sync", rates(n, t["mget_sync"]), None, note="the peer flushed once at the end")


# ---- one large file ----
def large(b):
    lab, size = b.lab, b.o.mib << 20
    peer, folder = lab.peer_folder("large", 1, size), lab.alto_folder("large", 1, size)
    t = {"tier": [], "recall": [], "put": [], "get": []}
    for _ in range(b.o.rounds):
        t["tier"].append(lab.tier("large", folder, 1))
        t["recall"].append(lab.recall(folder, 1, 1, size))
        lab.forget_objects()
        settle()
        t["put"].append(timed(lab.smbclient, "put f000000.bin peer-large.bin", peer))
        if os.path.getsize(lab.on_share("peer-large.bin")) != size:
            raise Failure("the peer did not put the whole file")
        settle()
        t["get"].append(timed(lab.smbclient, "get peer-large.bin back.bin", lab.plain))
        if os.path.getsize(os.path.join(lab.plain, "back.bin")) != size:
            raise Failure("the peer did not get the whole file")
        os.unlink(os.path.join(lab.plain, "back.bin"))
        os.unlink(lab.on_share("peer-large.bin"))
    if b.wants("tier-large"):
        yield Figure("tier_%d_MiB" % b.o.mib, rates(size / 1e6, t["tier"]), "MB/s", "smbclient put", rates(size / 1e6, t["put"]), 0.45,
                     note="Alto flushed and read back, the peer neither")
    if b.wants("recall-large"):
        yield Figure("recall_%d_MiB" % b.o.mib, rates(size / 1e6, t["recall"]), "MB/s", "smbclient get", rates(size / 1e6, t["get"]), 0.9,
                     note="Alto flushed, the peer not")


# ---- files that are no stubs ----
def touch(b):
    """open, read 4 KiB, close, file after file: on the marked volume and on the image without a mark. The files are new in every round, since a file
    that was written has no ignore mark until it is opened again; so a first touch is one of a file in the page cache, and nothing else is measured."""
    lab, count = b.lab, b.o.touched
    folders = (("plain ", os.path.join(lab.plain, "touch")), ("", os.path.join(lab.volume, "touch")))
    t = {name + when: [] for name, _ in folders for when in ("first", "again")}
    bare = []
    for _ in range(b.o.rounds):
        for name, folder in folders:
            lab.clear(folder)
            fill(folder, count, 4096)
        for when in ("first", "again", "again", "again"):
            for name, folder in folders:
                t[name + when].append(float(tool("touch", folder)) / count * 1e6)
        bare.append([float(us) for us in tool("bare_marks", folders[0][1]).split()])
    more = [a - p for a, p in zip(t["first"], t["plain first"])]
    yield Figure("open_first_touch_more", more, "us a file", "limit", [120.0], 1.0, ratio=120 / max(median(more), 0.1),
                 note="%.1f us with the mark, %.1f without" % (median(t["first"]), median(t["plain first"])))
    yield Figure("open_afterwards", t["again"], "us a file", "no mark", t["plain again"], 0.95, ratio=median(t["plain again"]) / median(t["again"]))
    none, opens, accesses = ([b[i] for b in bare] for i in range(3))
    yield Figure("open_afterwards_least_for_opens", opens, "us a file", "no mark", none, None, ratio=median(none) / median(opens),
                 note="a group's bare marks, nobody asked: what the kernel takes")
    yield Figure("open_afterwards_least", accesses, "us a file", "no mark", none, None, ratio=median(none) / median(accesses),
                 note="likewise, for opens and accesses, as alto-gate asks")


# ---- a million entries ----
FIELDS = "%p\\0%y\\0%m\\0%U\\0%G\\0%n\\0%i\\0%s\\0%b\\0%T@\\0%C@\\0%A@\\n"


def entries_volume(b):
    """The folder, and the volume of it that altod knows: tracked only, on the filesystem that the images lie on."""
    lab, folder = b.lab, b.lab.path("many")
    if not hasattr(lab, "many"):
        tool("make_entries", folder, str(b.o.entries))
        lab.many = lab.api.post("/volumes", {"host_id": lab.host["id"], "name": "many", "path": folder})
        lab.scan_done(lab.many)
    return lab.many, folder


def walk(b):
    lab, n = b.lab, b.o.entries
    volume, folder = entries_volume(b)
    out = lab.path("find.out")

    def find():
        with open(out, "wb") as to:
            subprocess.run(["find", folder, "-printf", FIELDS], stdout=to, check=True)

    def scan():
        job = lab.scan_done(volume)
        if lab.api.get("/volumes/" + volume["id"])["files"] != n // 1000 * 999:
            raise Failure("the inventory has another number of files: %s" % job)

    for row, cold in (("walk-warm", False), ("walk-cold", True)):
        if not b.wants(row):
            continue
        t = {"alto": [], "find": []}
        for _ in range(b.o.rounds):
            for who, work in (("find", find), ("alto", scan)):
                if cold:
                    drop_caches(3)
                else:
                    settle()
                t[who].append(timed(work))
        yield Figure("walk_%d_into_inventory_%s" % (n, row[5:]), rates(n, t["alto"]), "entries/s", "find -printf", rates(n, t["find"]),
                     2.0 if cold else 1.0, ratio=median(t["find"]) / median(t["alto"]))


# ---- API ----
def api(b):
    entries_volume(b)
    yield from api_peer.compare(b)


# ---- at rest ----
def at_rest(lab):
    """(resident KiB of all, ns of processor time of all their threads)"""
    rss = cpu = 0
    for name in ("alto-agent", "alto-gate"):
        pid = lab.children[name].pid
        with open("/proc/%d/status" % pid) as status:
            rss += int(next(line for line in status if line.startswith("VmRSS")).split()[1])
        for thread in os.listdir("/proc/%d/task" % pid):
            with open("/proc/%d/task/%s/schedstat" % (pid, thread)) as stat:
                cpu += int(stat.read().split()[0])
    return rss, cpu


def marker_key(lab):
    with open(lab.path("agent", "config.json")) as config:
        volumes = json.load(config)["volumes"]
    path = lab.path("marker-key")
    with open(path, "w", opener=lambda p, f: os.open(p, f, 0o600)) as out:
        out.write(next(v["marker_key"] for v in volumes if v["id"] == lab.volume_noun["id"]))
    return path


def rest(b):
    """The stubs lie on the volume and were seen by a scan; then nobody does anything."""
    lab, seconds = b.lab, b.o.rest_seconds
    before = lab.known_stubs()
    tool("make_stubs", os.path.join(lab.volume, "stubs"), str(b.o.stubs), marker_key(lab), lab.share_noun["id"])
    took = timed(lab.scan_done, lab.volume_noun)
    known = lab.known_stubs() - before
    if known != b.o.stubs:
        raise Failure("the inventory knows %d stubs of %d" % (known, b.o.stubs))
    b.say("a scan of %d stubs took %.1f s" % (b.o.stubs, took))
    time.sleep(5)
    _, cpu = at_rest(lab)
    time.sleep(seconds)
    rss, after = at_rest(lab)
    mib, ms = rss / 1024, (after - cpu) / 1e6
    yield Figure("at_rest_with_%d_stubs" % b.o.stubs, [mib], "MiB resident", "limit", [40.0], 1.0, ratio=40 / mib, note="agent and gate together")
    yield Figure("at_rest_processor", [ms * 60 / seconds], "ms a minute", "limit", [60.0], 1.0, ratio=60 / max(ms * 60 / seconds, 0.1),
                 note="of both; the limit, a thousandth of a core, is ours for \"none\"")
    shutil.rmtree(os.path.join(lab.volume, "stubs"))


# ---- a list of a volume ----
PARQUET = ("COPY (SELECT path, size, to_timestamp(modified)::TIMESTAMP AS modified, to_timestamp(accessed)::TIMESTAMP AS accessed, owner, "
           "type FROM read_csv('%s')) TO '%s' (FORMAT parquet)")


def imports(b):
    """From the list's look to the commit, into a new volume, against DuckDB's own CREATE TABLE AS of the same file into a new database. Both processes
    begin with nothing and end with their file closed."""
    lab, n = b.lab, b.o.list_rows
    lists = {"csv": lab.path("list.csv"), "parquet": lab.path("list.parquet")}
    tool("make_inventory", lists["csv"], str(n))
    if b.wants("import-parquet"):
        tool("duck", "", PARQUET % (lists["csv"], lists["parquet"]))
    for kind, path in lists.items():
        if not b.wants("import-" + kind):
            continue
        t = {"alto": [], "duck": []}
        disk = 0
        for _ in range(b.o.rounds):
            folder, db = lab.path("import"), lab.path("duck.db")
            settle()
            t["duck"].append(timed(tool, "duck", db, "CREATE TABLE t AS SELECT * FROM read_%s('%s')" % (kind, path), "CHECKPOINT"))
            os.unlink(db)
            settle()
            out = []
            t["alto"].append(timed(lambda: out.append(tool("import_file", folder, path))))
            if " rows %d refused 0 " % n not in out[0]:
                raise Failure("the import has another number of rows: " + out[0])
            disk = int(out[0].split()[-1])
            shutil.rmtree(folder)
        name = "import_%s_%d_rows" % (kind, n)
        yield Figure(name, rates(n, t["alto"]), "rows/s", "DuckDB CREATE TABLE AS", rates(n, t["duck"]), 0.77, goal=1.0,
                     note="the limit is 1.3 times its time; Alto judges each row, and its entries have 22 columns, the peer's 6")
        yield Figure(name + "_disk", [disk / n], "bytes an entry", "limit", [60.0], 1.0, ratio=60 * n / disk)
    for path in lists.values():
        if os.path.exists(path):
            os.unlink(path)


# In the order of a whole run: those that fill memory come last.
ROWS = {"tier-small": small, "recall-small": small, "tier-large": large, "recall-large": large, "touch": touch, "walk-warm": walk, "walk-cold": walk,
        "api": api, "import-csv": imports, "import-parquet": imports, "rest": rest}
