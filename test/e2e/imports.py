#!/usr/bin/python3
"""Inventories made elsewhere, end to end: what common tools write is imported by the command line and counted again independently; broken
files change nothing; altod is killed in every state of an import, and each comes to its end once; a watched folder under kills."""
import csv
import gzip
import json
import os
import random
import signal
import subprocess
import sys
import tempfile
import threading
import time
import urllib.request

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path[:0] = [os.path.join(HERE, "../lib"), os.path.join(HERE, "../../tools/run")]
import tap  # noqa: E402
from stack import Api, ApiError, binary  # noqa: E402

PIECE = 8 << 20
ROWS = 300_000  # of a list that takes its time
KILLS = 6
WAIT_S = 120
folder = tempfile.mkdtemp(prefix="alto-imports-")
choice = random.Random(3)
state = {}


def at(*parts):
    return os.path.join(folder, *parts)


# ---- altod, which dies now and then ----


class Altod:
    def __init__(self):
        for name in ("data", "home", "watched"):
            os.makedirs(at(name), mode=0o700, exist_ok=True)
        self.process, self.api, self.password = None, None, None
        self.start()

    def start(self):
        read, write = os.pipe()
        self.process = subprocess.Popen(
            [binary("altod"), "--data", at("data"), "--listen", "127.0.0.1:0", "--ready-fd", str(write), "--import-dir", at("watched"),
             "--password-file", at("password")], pass_fds=[write], stderr=open(at("altod.log"), "ab"))
        os.close(write)
        with os.fdopen(read) as ready:
            line = ready.readline()
        tap.check(line.startswith("ready http"), "altod does not start: " + open(at("altod.log")).read()[-800:])
        self.api = Api(line.split()[1])
        with open(at("password")) as f:
            self.password = f.read().strip()
        self.api.token = self.api.post("/session", {"name": "admin", "password": self.password})["token"]

    def kill(self):
        self.process.send_signal(signal.SIGKILL)
        self.process.wait()

    def again(self):
        self.kill()
        self.start()


def alto(*words, fine=True):
    """Exit code and standard output of the command line, logged in to the altod of now."""
    env = dict(os.environ, HOME=at("home"))
    env.pop("XDG_CONFIG_HOME", None)
    head = [binary("alto"), "--server", state["altod"].api.url]
    if state.get("logged_in") != state["altod"].api.url:
        subprocess.run(head + ["login", "admin", "--password-file", at("password")], env=env, check=True, capture_output=True, timeout=30)
        state["logged_in"] = state["altod"].api.url
    done = subprocess.run(head + list(words), env=env, capture_output=True, text=True, timeout=300, stdin=subprocess.DEVNULL)
    if fine:
        tap.equal(done.returncode, 0, "alto %s: %s%s" % (" ".join(words[:3]), done.stdout[-300:], done.stderr[-500:]))
    return done.returncode, done.stdout, done.stderr


def api():
    return state["altod"].api


def volume(name):
    """A volume of a host that has no agent."""
    return api().post("/volumes", {"host_id": state["host"]["id"], "name": name, "path": "/srv/" + name})


def totals(v):
    t = api().get("/volumes/%s/figures?want=ext" % v["id"])["totals"]
    return t["files"], t["bytes"]


def over(i):
    end = time.monotonic() + WAIT_S
    while (now := api().get("/imports/" + i["id"]))["state"] == "running":
        tap.check(time.monotonic() < end, "import %s does not end: %s" % (i["id"], now))
        time.sleep(0.05)
    return now


def write_list(path, rows, seed, folders=300):
    """A list of files as CSV; its (files, bytes)."""
    pick, total = random.Random(seed), 0
    with open(path, "w") as out:
        out.write("path,size,modified,accessed\n")
        for n in range(rows):
            size = pick.randrange(1, 10_000_000)
            total += size
            out.write("/data/%d/file %d-%d.dat,%d,2021-03-04T05:06:07Z,2022-03-04T05:06:07Z\n" % (n % folders, seed, n, size))
    return rows, total


def send(i, path, until=None, offset=0):
    """Pieces of the file up to `until` bytes."""
    size = os.path.getsize(path)
    with open(path, "rb") as f:
        while offset < (until or size):
            f.seek(offset)
            piece = f.read(min(PIECE, (until or size) - offset))
            request = urllib.request.Request(api().url + "/api/v1/imports/%s/content?offset=%d" % (i["id"], offset), piece, method="PUT")
            request.add_header("Authorization", "Bearer " + api().token)
            request.add_header("Content-Type", "application/octet-stream")
            with urllib.request.urlopen(request, timeout=60) as reply:
                now = json.loads(reply.read())
            offset = now["received"]
    return now


def begin(v, path):
    return api().post("/volumes/%s/imports" % v["id"], {"name": os.path.basename(path), "size": os.path.getsize(path)})


def events(subject, act):
    return api().get("/audit?subject_id=%s&act=%s" % (subject, act))["items"]


# ---- what tools write ----


def make_tree():
    pick, total, count = random.Random(1), 0, 0
    for n in range(400):
        path = at("tree", "d%d" % (n % 7), "e%d" % (n % 3), "file %d, \"x\";ü.%s" % (n, pick.choice(["mov", "txt", "dat"])))
        os.makedirs(os.path.dirname(path), exist_ok=True)
        with open(path, "wb") as out:
            out.write(b"x" * pick.randrange(0, 50_000))
        total, count = total + os.path.getsize(path), count + 1
    return count, total


def test_altod_starts_with_a_host_that_is_expected():
    state["altod"] = Altod()
    state["customer"] = api().post("/customers", {"name": "first"})
    state["host"] = api().post("/hosts", {"customer_id": state["customer"]["id"], "name": "fs1", "os": "linux"})
    code, out, _ = alto("host", "list", "--json")
    tap.equal(json.loads(out)[0]["enrolled_at"], None, "enrolled_at")


def test_find_printf_is_read_without_help():
    wanted = make_tree()
    v = volume("by find")
    with open(at("find.txt"), "wb") as out:
        subprocess.run(["find", at("tree"), "-printf", "%p\\t%y\\t%s\\t%T@\\t%A@\\t%u\\n"], stdout=out, check=True)
    _, out, _ = alto("import", v["name"], at("find.txt"), "--wait")
    tap.check("done" in out, out)
    tap.equal(totals(v), wanted, "files and bytes")
    state["tree"] = v, wanted


def test_exports_of_alto_come_back_as_they_were():
    v, wanted = state["tree"]
    for kind in ("csv", "parquet"):
        path = at("export." + kind)
        alto("plan", "--volume", v["name"], "--where", "true", "--export", path, "--refused")
        other = volume("again by " + kind)
        alto("import", other["name"], path, "--wait")
        tap.equal(totals(other), wanted, "files and bytes by " + kind)
    with open(at("export.csv"), newline="") as f:
        rows = list(csv.DictReader(f))
    tap.equal((len(rows), sum(int(r["size"]) for r in rows)), wanted, "rows of the export")


def test_compressed_and_mapped():
    wanted = write_list(at("plain.csv"), 1000, 5)
    with open(at("plain.csv")) as f:
        text = f.read().replace("path,size", "a,b", 1)
    with gzip.open(at("mapped.csv.gz"), "wt") as out:
        out.write(text)
    v = volume("mapped")
    alto("import", v["name"], at("mapped.csv.gz"), "--map", "path=a,size=b", "--wait")
    tap.equal(totals(v), wanted, "files and bytes")


def test_a_dry_run_leaves_nothing():
    v = volume("dry")
    before = len(api().get("/imports?limit=500")["items"])
    _, out, _ = alto("import", v["name"], at("plain.csv"), "--dry-run")
    tap.check("path" in out and "size" in out, out)
    tap.equal(len(api().get("/imports?limit=500")["items"]), before, "imports")
    tap.equal(totals(v), (0, 0), "files and bytes")


def test_refused_rows_are_told_with_line_and_reason():
    v = volume("with bad rows")
    with open(at("refused.csv"), "w") as out:
        out.write("path,size\n/a,1\n/b,many\n/c,3\n,4\n/d,5\n")
    _, out, _ = alto("import", v["name"], at("refused.csv"), "--wait", "--json")
    i = json.loads(out)
    tap.equal((i["state"], i["refused"]), ("done", 2), "the import")
    _, out, _ = alto("import", "refused", i["id"])
    rows = list(csv.DictReader(out.splitlines()))
    tap.equal([r["line"] for r in rows], ["3", "5"], "lines")
    tap.check(all(r["reason"] for r in rows), rows)
    tap.equal(totals(v), (3, 9), "files and bytes")


def test_what_is_broken_changes_nothing():
    v, wanted = state["tree"]
    with gzip.open(at("whole.csv.gz"), "wb") as out, open(at("plain.csv"), "rb") as f:
        out.write(f.read())
    with open(at("whole.csv.gz"), "rb") as f:
        whole = f.read()
    with open(at("export.parquet"), "rb") as f:
        parquet = bytearray(f.read())
    middle = len(parquet) // 2
    parquet[middle:middle + 4096] = bytes(len(parquet[middle:middle + 4096]))
    broken = {"cut.csv.gz": whole[:len(whole) // 2], "cut.parquet": bytes(parquet[:middle]), "spoilt.parquet": bytes(parquet),
              "noise.bin": random.Random(2).randbytes(100_000), "no sizes.csv": b"path,size\n" + b"".join(b"/f%d,x\n" % n for n in range(100)),
              "long line.csv": b"path,size\n/a,1\n/" + b"b" * (3 << 20) + b",2\n/c,3\n"}
    for name, content in broken.items():
        with open(at(name), "wb") as out:
            out.write(content)
        code, out, err = alto("import", v["name"], at(name), "--wait", fine=False)
        tap.equal(code, 1, "exit code for %s: %s %s" % (name, out, err))
        tap.check(len(err.strip()) > 20, "no reason for %s: %r" % (name, err))
        tap.equal(totals(v), wanted, "files and bytes after " + name)


# ---- killed in every state ----


def test_killed_during_the_upload_it_goes_on_where_it_was():
    path, v = at("big.csv"), volume("uploads")
    wanted = write_list(path, ROWS, 7)
    tap.check(os.path.getsize(path) > 2 * PIECE, "the list is too short")
    i = begin(v, path)
    sender = threading.Thread(target=lambda: quietly(send, i, path, 2 * PIECE))
    sender.start()
    time.sleep(choice.uniform(0, 0.3))
    state["altod"].again()
    sender.join()
    now = api().get("/imports/" + i["id"])
    tap.equal((now["state"], now["received"] % PIECE), ("uploading", 0), "state and received")
    alto("import", v["name"], path, "--resume", i["id"], "--wait")
    tap.equal(totals(v), wanted, "files and bytes")


def quietly(what, *arguments):
    """What a client sees when altod dies is not looked at."""
    try:
        what(*arguments)
    except (OSError, ValueError, ApiError):
        pass


def test_killed_during_the_look_it_is_looked_at_once_more():
    v = volume("looks")
    wanted = write_list(at("look.csv"), 20_000, 8)
    for n in range(KILLS):
        i = begin(v, at("look.csv"))
        sender = threading.Thread(target=lambda: quietly(send, i, at("look.csv")))
        sender.start()
        time.sleep(n * 0.01)
        state["altod"].again()
        sender.join()
        now = api().get("/imports/" + i["id"])
        tap.check((now["state"], now["received"]) in (("uploading", 0), ("ready", now["size"])), now)
        if now["state"] == "uploading":
            now = send(i, at("look.csv"))
        tap.check(now["state"] == "ready" and now["look"]["problem"] is None, now)
    api().post("/imports/%s/run" % i["id"])
    tap.equal(over(i)["state"], "done", "the last")
    tap.equal(totals(v), wanted, "files and bytes")


def test_killed_while_it_runs_it_comes_in_once():
    v = volume("runs")
    known, hit, took = (0, 0), 0, 0
    for n in range(KILLS + 1):
        path = at("run%d.csv" % (n % 2))
        wanted = write_list(path, ROWS + n % 2, 20 + n)
        i = begin(v, path)
        send(i, path)
        api().post("/imports/%s/run" % i["id"])
        if n == 0:  # how long it takes, so that the kills fall on all of it
            began = time.monotonic()
            tap.equal(over(i)["state"], "done", "without a kill")
            took, known = time.monotonic() - began, wanted
            continue
        time.sleep(took * (n - 0.5) / KILLS)
        state["altod"].kill()
        state["altod"].start()
        hit += api().get("/imports/" + i["id"])["state"] == "running"
        tap.check(totals(v) in (known, wanted), "half an import: %s, neither %s nor %s" % (totals(v), known, wanted))
        now = over(i)
        tap.equal(now["state"], "done", "the import (%s)" % now["text"])
        tap.equal((now["result"]["files"], now["result"]["bytes"]), wanted, "its result")
        tap.equal(totals(v), wanted, "files and bytes")
        tap.equal(len(events(i["id"], "import.done")), 1, "events of its end")
        known = wanted
    print("# %d of %d kills hit an import at work" % (hit, KILLS))
    tap.check(hit >= 2, "the kills came too late")
    tap.check(api().get("/audit/verify?customer_id=" + state["customer"]["id"])["ok"], "the record is broken")


def test_a_run_is_told_four_times_a_second_and_can_be_cancelled():
    v, told = volume("cancelled"), []
    wanted = write_list(at("cancel.csv"), 4 * ROWS, 40)
    i = begin(v, at("cancel.csv"))
    send(i, at("cancel.csv"))
    request = urllib.request.Request(api().url + "/api/v1/events", headers={"Authorization": "Bearer " + api().token})
    stream = urllib.request.urlopen(request, timeout=60)

    def listen():
        kind = ""
        for line in stream:
            name, _, value = line.decode().rstrip("\n").partition(": ")
            kind = value if name == "event" else kind
            if name == "data" and kind == "import":
                told.append(json.loads(value))

    threading.Thread(target=lambda: quietly(listen), daemon=True).start()
    api().post("/imports/%s/run" % i["id"])
    end = time.monotonic() + 30
    while not any(t["state"] == "running" and t["rows"] > 0 for t in told):
        tap.check(time.monotonic() < end and api().get("/imports/" + i["id"])["state"] == "running", "no rows are told: %s" % told[-2:])
        time.sleep(0.02)
    alto("import", "cancel", i["id"])
    tap.equal(over(i)["state"], "cancelled", "the import")
    tap.equal(totals(v), (0, 0), "files and bytes")
    api().post("/imports/%s/run" % i["id"])
    tap.equal(over(i)["state"], "done", "once more")
    tap.equal(totals(v), wanted, "files and bytes")
    tap.check(any(t["rows_per_s"] > 0 for t in told), "no rows a second were told")
    tap.check(all("look" not in t for t in told), "a live event carries the look")


def test_killed_during_plans_nothing_is_lost():
    v = next(x for x in api().get("/volumes?limit=500")["items"] if x["name"] == "runs")
    wanted = totals(v)
    for n in range(3):
        asker = threading.Thread(target=lambda: quietly(api().post, "/plan", {"volume_id": v["id"], "where": "size >= 1MB"}))
        asker.start()
        time.sleep(0.05 * n)
        state["altod"].again()
        asker.join()
        tap.equal(totals(v), wanted, "files and bytes")


# ---- the watched folder ----


def test_a_watched_folder_takes_each_file_once_under_kills():
    v = volume("watched")
    here = at("watched", "first", "watched")
    os.makedirs(here)
    made = []
    for n in range(4):
        wanted = write_list(at("w.tmp"), ROWS // 3, 60 + n)
        made.append((os.path.getsize(at("w.tmp")), wanted))
        os.rename(at("w.tmp"), os.path.join(here, "list %d.csv" % n))
        for _ in range(2):
            time.sleep(choice.uniform(0.5, 7.5))
            state["altod"].again()
        end = time.monotonic() + WAIT_S
        while not os.path.exists(os.path.join(here, "done", "list %d.csv.txt" % n)):
            tap.check(time.monotonic() < end, "list %d is not taken: %s" % (n, os.listdir(here)))
            time.sleep(0.1)
        tap.equal(totals(v), wanted, "files and bytes")
    done = [i for i in api().get("/imports?limit=500&volume_id=" + v["id"])["items"]]
    tap.equal(sorted((i["state"], i["size"]) for i in done), sorted(("done", size) for size, _ in made), "imports")
    tap.equal(sorted(os.listdir(here)), ["done"], "the folder")


def test_a_watched_folder_refuses_with_a_reason():
    here = at("watched", "first", "watched")
    with open(os.path.join(here, "noise.csv"), "wb") as out:
        out.write(random.Random(9).randbytes(50_000))
    end = time.monotonic() + 60
    path = os.path.join(here, "refused", "noise.csv.txt")
    while not os.path.exists(path):
        tap.check(time.monotonic() < end, "nothing is refused: %s" % os.listdir(here))
        time.sleep(0.1)
    with open(path) as f:
        tap.check("not imported" in f.read(), "no reason")


def test_the_end():
    state["altod"].process.terminate()
    tap.equal(state["altod"].process.wait(30), 0, "altod's exit code")
    subprocess.run(["rm", "-rf", folder], check=True)


if __name__ == "__main__":
    tap.main([f for name, f in list(globals().items()) if name.startswith("test_")])
