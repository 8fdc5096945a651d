#!/usr/bin/python3
"""altod and the agent killed while files move: crash.py [FILES]. Readers notice nothing of altod's absence; afterwards the record has each act exactly once, its chain
holds, and inventory and figures are what the disk says."""
import concurrent.futures
import hashlib
import os
import random
import sys
import tempfile
import threading
import time

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path[:0] = [os.path.join(HERE, "../lib"), os.path.join(HERE, "../torture"), os.path.join(HERE, "../../tools/run")]
import tap  # noqa: E402
from stack import Stack, wait_for  # noqa: E402
from tree import data, is_stub, write  # noqa: E402

FILES = int(sys.argv[1]) if len(sys.argv) > 1 else 1000
SEED = int(os.environ.get("SEED", str(time.time_ns() % 100000)))
KILLS, READERS = 5, 8
SIZES = (65536, 5000, 12289, 4096, 30000)
stack = Stack(tempfile.mkdtemp(prefix="alto-e2e-"), fs="xfs", size="2G")
chance = random.Random(SEED)
files = {}  # path on disk: its SHA-256
state = {"rules": 0, "acts": {"file.tier": 0, "file.recall": 0}}


def need():
    if not state.get("ready"):
        raise tap.Skip("the stack did not start")


def sha_of(path):
    with open(path, "rb") as f:
        return hashlib.sha256(f.read()).hexdigest()


def name_of(path):
    return path[len(stack.volume):]


def read_all(killer=None):
    """Every file by READERS at once. Those that failed or gave other bytes, the longest wait, and how long it took in all. The second half
    waits for the killer's first blow, which may come after a fast machine has read them all."""
    waits, began, first_half = [], time.monotonic(), set(list(files)[:len(files) // 2])

    def one(path):
        if killer and path not in first_half:
            killer.struck.wait(10)
        start = time.monotonic()
        try:
            found = sha_of(path)
        except OSError as e:
            found = str(e)
        waits.append(time.monotonic() - start)
        return None if found == files[path] else (path, found)
    with concurrent.futures.ThreadPoolExecutor(READERS) as pool:
        wrong = [x for x in pool.map(one, files) if x]
    return wrong, max(waits), time.monotonic() - began


def begin_tiering():
    state["rules"] += 1
    rule = stack.api.post("/rules", {"volume_id": stack.volume_noun["id"], "name": "cold %d" % state["rules"], "where": "size > 0", "action": "tier"})
    job = stack.api.post("/rules/%s/run" % rule["id"])
    stack.api.call("DELETE", "/rules/" + rule["id"], headers={"If-Match": '"%d"' % rule["version"]})
    return job


def back():
    """altod again at its address, with its data."""
    stack.start_altod(stack.listen)


class Killer(threading.Thread):
    """Kills and starts a program again, KILLS times or until told that the work is over."""

    def __init__(self, kill, start, most_s):
        super().__init__()
        self.kill, self.begin_again, self.most_s, self.hits, self.over, self.error = kill, start, most_s, 0, threading.Event(), None
        self.struck = threading.Event()

    def run(self):
        try:
            for _ in range(KILLS):
                if self.over.wait(chance.uniform(0.05, self.most_s)):
                    return
                self.kill()
                self.hits += 1
                self.struck.set()
                self.begin_again()
        except Exception as e:  # told by whoever waits for us
            self.error = e
        finally:
            self.struck.set()

    def end(self):
        self.over.set()
        self.join()
        if self.error:
            raise self.error
        tap.check(self.hits > 0, "all was over before the first kill")
        print("# killed %d times" % self.hits)


class AltodKiller(Killer):
    def __init__(self):
        super().__init__(lambda: stack.kill("altod"), back, 0.7)


class AgentKiller(Killer):
    def __init__(self):
        super().__init__(lambda: stack.kill("alto-agent"), stack.start_agent, 0.8)


def events(act):
    return [e for e in stack.api.items("/audit?customer_id=%s&act=%s" % (stack.customer["id"], act))
            if e["code"] == "ok" and e["detail"].get("reason") != "already_resident"]


def exact(act):
    """One more act on every file than before, and everything that altod says of the volume is as it is on disk."""
    state["acts"][act] += len(files)
    wanted = state["acts"][act]
    try:
        wait_for("%d events %s" % (wanted, act), lambda: len(events(act)) >= wanted, 60)
    except Exception as e:
        print("# %s: %d events" % (e, len(events(act))))
    time.sleep(1.5)  # what comes twice comes now
    found = {}
    for e in events(act):
        found[e["subject"]] = found.get(e["subject"], 0) + 1
    times = wanted // len(files)
    odd = {p: found.get(name_of(p), 0) for p in files if found.get(name_of(p), 0) != times}
    tap.equal((odd, sum(found.values())), ({}, wanted), "files with other than %d events %s, and events in all" % (times, act))
    tap.check(stack.api.get("/audit/verify?customer_id=" + stack.customer["id"])["ok"], "the chain does not hold")
    inventory_is_the_disk()
    figures_are_the_disk()


def inventory_is_the_disk():
    said = {f["path"]: f for f in stack.api.items("/volumes/%s/files?recursive=true" % stack.volume_noun["id"]) if f["type"] == "file"}
    tap.equal(len(said), len(files), "files in the inventory")
    for path in files:
        st, f = os.lstat(path), said[name_of(path)]
        tap.equal((f["state"], f["size"], f["allocated"]), ("stub" if is_stub(path) else "resident", st.st_size, st.st_blocks * 512),
                  "state, size, allocated of %s in the inventory" % path)


def figures_are_the_disk():
    disk = {"files": 0, "bytes": 0, "allocated": 0, "stub_files": 0, "stub_bytes": 0, "freed_bytes": 0}
    for path in files:
        st = os.lstat(path)
        disk["files"] += 1
        disk["bytes"] += st.st_size
        disk["allocated"] += st.st_blocks * 512
        if is_stub(path):
            disk["stub_files"] += 1
            disk["stub_bytes"] += st.st_size
            disk["freed_bytes"] += (st.st_size + 4095) // 4096 * 4096 - st.st_blocks * 512

    def figures():
        volume = stack.api.get("/volumes/" + stack.volume_noun["id"])
        return {k: volume[k] for k in disk}
    try:
        wait_for("figures", lambda: figures() == disk, 5)
    except Exception:
        tap.equal(figures(), disk, "the volume's figures")
    all_of_it = stack.api.get("/figures?customer_id=" + stack.customer["id"])
    tap.equal((all_of_it["tiered_24h"], all_of_it["recalls_24h"]), (state["acts"]["file.tier"], state["acts"]["file.recall"]), "tiered and recalled in 24 h")
    size = sum(os.lstat(p).st_size for p in files)
    for metric, act in (("tiered_bytes", "file.tier"), ("recalled_bytes", "file.recall")):
        points = stack.api.get("/series?metric=%s&customer_id=%s&step_s=86400" % (metric, stack.customer["id"]))["points"]
        tap.equal(sum(p["value"] for p in points), state["acts"][act] // len(files) * size, metric)


def tiered(job):
    done = stack.api.job(job)
    size = sum(os.lstat(p).st_size for p in files)
    tap.equal((done["state"], done["done_files"], done["failed_files"], done["refused_files"], done["done_bytes"]), ("done", len(files), 0, 0, size),
              "state, done, failed, refused, bytes of the job (%s, %s)" % (done["text"], done["reasons"]))
    tap.equal([p for p in files if not is_stub(p)], [], "files that are no stubs")


def test_stack_starts_and_tiers_every_file():
    if os.geteuid() != 0:
        raise tap.Skip("mounting a volume needs root")
    print("# SEED=%d" % SEED)
    stack.start()
    for i in range(FILES):
        path, content = os.path.join(stack.volume, "%02d" % (i % 20), "file %04d.bin" % i), data("crash %d" % i, SIZES[i % len(SIZES)])
        os.makedirs(os.path.dirname(path), exist_ok=True)
        write(path, content)
        files[path] = hashlib.sha256(content).hexdigest()
    tap.equal(stack.scan()["state"], "done", "the scan")
    tiered(begin_tiering())
    state["ready"] = True
    exact("file.tier")


def test_readers_notice_nothing_while_altod_is_away():
    need()
    stack.kill("altod")
    wrong, longest, took = read_all()
    print("# %d recalls in %.1f s, the longest wait %.2f s" % (len(files), took, longest))
    back()
    tap.equal(wrong, [], "failed or wrong reads")
    tap.equal([p for p in files if is_stub(p)], [], "still stubs")
    tap.check(longest < 5, "a reader waited %.1f s" % longest)
    exact("file.recall")


def test_altod_killed_while_files_are_tiered():
    need()
    killer = AltodKiller()
    job = begin_tiering()
    killer.start()

    def over():
        if killer.error:
            raise killer.error
        try:
            return stack.api.get("/jobs/" + job["id"])["state"] not in ("queued", "running")
        except Exception:  # altod is away
            return False
    wait_for("the job", over, 120)
    killer.end()
    tiered(job)
    exact("file.tier")


def test_altod_killed_while_files_are_recalled():
    need()
    killer = AltodKiller()
    killer.start()
    wrong, longest, took = read_all(killer)
    print("# %d recalls in %.1f s, the longest wait %.2f s" % (len(files), took, longest))
    killer.join()  # the outcomes come in under the kills that are left
    killer.end()
    tap.equal(wrong, [], "failed or wrong reads")
    exact("file.recall")


def test_agent_killed_while_files_are_tiered():
    need()
    killer = AgentKiller()
    job = begin_tiering()
    killer.start()
    wait_for("the job", lambda: stack.api.get("/jobs/" + job["id"])["state"] not in ("queued", "running"), 180)
    killer.end()
    tiered(job)
    exact("file.tier")


def test_agent_killed_while_files_are_recalled():
    need()
    killer = AgentKiller()
    killer.start()
    wrong, longest, took = read_all(killer)
    print("# %d recalls in %.1f s, the longest wait %.2f s" % (len(files), took, longest))
    killer.end()
    tap.equal(wrong, [], "failed or wrong reads")
    exact("file.recall")


def test_it_stops_cleanly():
    stack.stop(remove=True)
    tap.check(not os.path.ismount(stack.volume), "the volume is still mounted")


tap.main([v for k, v in list(globals().items()) if k.startswith("test_")])
