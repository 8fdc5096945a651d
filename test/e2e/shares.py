#!/usr/bin/python3
"""Shares in trouble, end to end: a volume and a real Samba for each kind of trouble, all at once, and one that is well beside them. Each trouble has its name in
job, share and record; no file changes by it; whoever reads a stub gets an error in time, never other bytes; when it is mended all goes on by itself."""
import concurrent.futures
import errno
import hashlib
import os
import random
import signal
import subprocess
import sys
import tempfile
import time

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path[:0] = [os.path.join(HERE, "../lib"), os.path.join(HERE, "../torture"), os.path.join(HERE, "../../tools/run")]
import tap  # noqa: E402
from stack import ROOT, Stack, run, wait_for  # noqa: E402
from tree import data, is_stub, write  # noqa: E402

FIRST, THEN, SIZE = 6, 60, 65536  # files of each volume tiered before the trouble and during it
AGAIN = 50  # of the share that is well, read while the agent is killed, five a time
WAIT_MS = 6000  # the gate's limit for an opener
LATE_S = 4.0  # how much later than its limit an error may come to a reader on a busy machine
CHECK_S = 30.0  # altod asks for a share in trouble this often
DEADLINE_S = 30.0  # of one request to a share that does not answer
SOON_S = 15.0  # less than that, on a busy machine too
STATES = {"away": "unreachable", "hung": "unreachable", "full": "full", "read_only": "read_only", "password": "wrong_password", "swapped": "foreign", "well": "ok"}
AWAY = ("away", "hung", "password", "swapped")  # where a recall cannot be served either


def samba(verb, folder, *more):
    return run(os.path.join(ROOT, "test/lib/samba.sh"), verb, folder, *more)


class Case:
    """One volume with its share, and what is done to the share."""

    def __init__(self, stack, name):
        self.stack, self.name = stack, name
        self.root, self.samba = os.path.join(stack.volume, name), stack.path("samba-" + name)
        self.share = os.path.join(self.samba, "share")
        self.files, self.filler, self.mounted = {}, os.path.join(self.share, "filler"), False

    def start(self):
        port, self.user, password_file = samba("start", self.samba).split()
        self.url = "smb://127.0.0.1:%s/share" % port
        self.password = open(password_file).read().strip()

    def make(self):
        for folder, count in (("first", FIRST), ("then", THEN)):
            os.makedirs(os.path.join(self.root, folder))
            for i in range(count):
                path, content = os.path.join(self.root, folder, "file %03d.bin" % i), data("%s %s %d" % (self.name, folder, i), SIZE)
                write(path, content)
                self.files[path] = hashlib.sha256(content).hexdigest()
        if self.name == "full":
            run("mount", "-t", "tmpfs", "-o", "size=%dk" % (2 * SIZE * (FIRST + THEN) // 1024), "alto-full", self.share)
            self.mounted = True
        api, customer = self.stack.api, self.stack.customer["id"]
        self.share_noun = api.post("/shares", {"customer_id": customer, "name": self.name, "url": self.url, "user": self.user, "password": self.password})
        self.volume = api.post("/volumes", {"host_id": self.stack.host["id"], "name": self.name, "path": self.root, "share_id": self.share_noun["id"]})

    def paths(self, folder):
        return [p for p in self.files if os.path.basename(os.path.dirname(p)) == folder]

    def run_rule(self, folder):
        rule = self.stack.api.post("/rules", {"volume_id": self.volume["id"], "name": folder, "where": 'path matches "/%s/**"' % folder, "action": "tier"})
        return self.stack.api.post("/rules/%s/run" % rule["id"])

    def state(self):
        return self.stack.api.get("/shares/" + self.share_noun["id"])

    def now(self):
        return self.stack.api.get("/jobs/" + self.job["id"])

    def pids(self):
        return [int(p) for p in samba("pids", self.samba).split()]

    def conf(self, old, new):
        path = os.path.join(self.samba, "smb.conf")
        with open(path) as f:
            text = f.read()
        tap.check(old in text, "smb.conf has no %r" % old)
        with open(path, "w") as f:
            f.write(text.replace(old, new, 1))
        samba("restart", self.samba)

    def set_password(self, password):
        subprocess.run(["smbpasswd", "-c", os.path.join(self.samba, "smb.conf"), "-L", "-s", self.user], input=(password + "\n" + password + "\n").encode(),
                       check=True, stdout=subprocess.DEVNULL)
        samba("restart", self.samba)  # a session that is open stays so otherwise

    def trouble(self):
        if self.name == "away":
            samba("stop", self.samba)
        elif self.name == "hung":
            self.stopped = self.pids()
            for pid in self.stopped:
                os.kill(pid, signal.SIGSTOP)
        elif self.name == "full":
            with open(self.filler, "wb") as f:
                try:
                    while True:
                        f.write(b"\0" * 65536)
                        f.flush()
                except OSError as e:
                    tap.equal(e.errno, errno.ENOSPC, "filling the share")
        elif self.name == "read_only":
            self.conf("path = %s\n    read only = no" % self.share, "path = %s\n    read only = yes" % self.share)
        elif self.name == "password":
            self.set_password("another")
        elif self.name == "swapped":  # below a server that runs on: what is connected stays connected
            foreign = os.path.join(self.samba, "foreign")
            for base, _, _ in os.walk(self.share):  # it has the same folders, so that only the identity file can tell
                os.makedirs(os.path.join(foreign, os.path.relpath(base, self.share)), exist_ok=True)
            os.rename(self.share, self.share + ".ours")
            os.rename(foreign, self.share)

    def mend(self):
        if self.name == "away":
            samba("restart", self.samba)
        elif self.name == "hung":
            for pid in self.stopped:
                os.kill(pid, signal.SIGCONT)
        elif self.name == "full":
            os.unlink(self.filler)
        elif self.name == "read_only":
            self.conf("path = %s\n    read only = yes" % self.share, "path = %s\n    read only = no" % self.share)
        elif self.name == "password":
            self.set_password(self.password)
        elif self.name == "swapped":
            os.rename(self.share, os.path.join(self.samba, "foreign"))
            os.rename(self.share + ".ours", self.share)

    def end(self):
        samba("stop", self.samba)
        if self.mounted:
            run("umount", self.share)


stack = Stack(tempfile.mkdtemp(prefix="alto-e2e-"), fs="xfs", size="2G", share="none", wait_ms=WAIT_MS)
cases = {}
state = {}


def sha_of(path):
    with open(path, "rb") as f:
        return hashlib.sha256(f.read()).hexdigest()


def each(do):
    """Something slow to all of them at once."""
    with concurrent.futures.ThreadPoolExecutor(len(STATES)) as pool:
        list(pool.map(do, cases.values()))


def need():
    if not state.get("ready"):
        raise tap.Skip("the stack did not start")


def wait_all(what, test, seconds):
    """Waits until test(case) has held for all; names those for which it has not. Returns after how many seconds it did for each."""
    began, left, took = time.monotonic(), list(cases), {}
    while True:
        took.update((n, time.monotonic() - began) for n in left if test(cases[n]))
        left = [n for n in left if n not in took]
        if not left:
            return took
        if time.monotonic() > began + seconds:
            raise AssertionError("%s: not for %s" % (what, {n: (cases[n].now()["state"], cases[n].now()["text"], cases[n].state()["state"]) for n in left}))
        time.sleep(0.1)


def audit(act, **fields):
    return [e for e in stack.api.items("/audit?customer_id=%s&act=%s" % (stack.customer["id"], act)) if all(e[k] == v for k, v in fields.items())]


def test_stack_starts_with_a_volume_and_a_share_for_each_trouble():
    if os.geteuid() != 0:
        raise tap.Skip("mounting a volume needs root")
    stack.start_gate()
    stack.start_hold()
    stack.start_volume()
    stack.start_altod()
    stack.api.login("admin", stack.admin_password())
    stack.customer = stack.api.post("/customers", {"name": "Troubled"})
    stack.enrol(stack.customer)
    stack.start_agent()
    stack.host = wait_for("the agent to call", lambda: next((h for h in stack.api.items("/hosts") if h["state"] == "online"), None), 30)
    cases.update((name, Case(stack, name)) for name in STATES)
    each(Case.start)
    for case in cases.values():
        case.make()
    for case in cases.values():
        tap.equal(stack.api.job(stack.api.post("/volumes/%s/scan" % case.volume["id"]))["state"], "done", "scan of " + case.name)
    for case in cases.values():
        case.first = case.run_rule("first")
    for case in cases.values():
        job = stack.api.job(case.first)
        tap.equal((job["state"], job["done_files"]), ("done", FIRST), "tiering of %s (%s, %s)" % (case.name, job["text"], job["reasons"]))
    state["ready"] = True


def test_trouble_suspends_the_job_and_has_its_name_in_job_and_share():
    need()
    each(Case.trouble)
    for case in cases.values():
        case.job = case.run_rule("then")
    took = wait_all("suspended", lambda c: c.now()["state"] == ("done" if c.name == "well" else "suspended"), DEADLINE_S + 15)
    # Between two names of a folder a share may look unreachable for a moment; the next check, in seconds, tells what it is.
    wait_all("named", lambda c: c.state()["state"] == STATES[c.name] and STATES[c.name] in c.now()["text"] + "ok", 15)
    for case in cases.values():
        job, share = case.now(), case.state()
        print("# %s after %.1f s: %s, %s" % (case.name, took[case.name], job["state"], job["text"]))
        tap.check(case.name == "hung" or took[case.name] < SOON_S, "%s took %.1f s: a share that hangs must not hold up another" % (case.name, took[case.name]))
        if case.name == "well":
            tap.equal(job["done_files"], THEN, "files done beside the troubled")
            continue
        tap.equal(share["state"], STATES[case.name], "state of share " + case.name)
        tap.check(share["state_text"] != "", "share %s says nothing to people" % case.name)
        tap.check(job["text"].startswith("Share %s: %s" % (case.name, STATES[case.name])), "job of %s says %r" % (case.name, job["text"]))


def test_record_names_each_trouble():
    need()
    for case in cases.values():
        if case.name != "well":
            events = audit("share.state", subject_id=case.share_noun["id"])
            tap.check(any(e["detail"].get("state") == STATES[case.name] and e["subject"] == case.name for e in events), "events of %s: %s" % (case.name, events))


def test_no_file_changed_by_it():
    need()
    for case in cases.values():
        if case.name == "well":
            continue
        stubs = [p for p in case.paths("then") if is_stub(p)]
        if case.name == "swapped":  # a server that was in the old folder may write there still (Samba 4.22 does), where the identity file is ours: then it lies on our disk
            kept = sum(len(files) for _, _, files in os.walk(os.path.join(case.share + ".ours", "objects")))
            print("# of swapped %d went to our own disk" % len(stubs))
            tap.check(kept >= FIRST + len(stubs), "%d objects on the disk that was taken away, %d stubs" % (kept, FIRST + len(stubs)))
        else:
            tap.equal(stubs, [], "stubs made on " + case.name)
        tap.equal([p for p in case.paths("then") if p not in stubs and sha_of(p) != case.files[p]], [], "files of %s with other bytes" % case.name)
        tap.equal([p for p in case.paths("first") if not is_stub(p)], [], "stubs of %s that are none any more" % case.name)


def test_nothing_was_written_to_another_customers_share():
    need()
    found = sorted(os.path.join(base, f) for base, _, files in os.walk(cases["swapped"].share) for f in files)
    tap.equal(found, [os.path.join(cases["swapped"].share, "alto-share.json")], "files on the foreign share")


def test_reader_gets_an_error_within_the_limit_while_the_share_is_away():
    need()
    asked = [(name, path) for name in AWAY for path in cases[name].paths("first")[:2]]

    def read(path):
        began = time.monotonic()
        done = subprocess.run(["cat", path], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE, timeout=WAIT_MS / 1000 + 30)
        return done, time.monotonic() - began
    with concurrent.futures.ThreadPoolExecutor(len(asked)) as pool:
        told = list(pool.map(lambda a: read(a[1]), asked))
    for (name, path), (done, took) in zip(asked, told):
        print("# %s: %.1f s, %s" % (name, took, done.stderr.decode().strip()))
        tap.check(done.returncode != 0 and done.stdout == b"", "a reader on %s got %d bytes" % (name, len(done.stdout)))
        tap.check(b"Input/output error" in done.stderr, "a reader on %s was told %r" % (name, done.stderr))
        tap.check(took < WAIT_MS / 1000 + LATE_S, "a reader on %s waited %.1f s" % (name, took))
        tap.check(name in ("away", "hung") or took < LATE_S, "a reader on %s waited %.1f s for a share that answers" % (name, took))
        tap.check(is_stub(path), "%r is no stub any more" % path)
    for name in ("full", "read_only", "well"):  # can be read from
        path = cases[name].paths("first")[0]
        tap.equal(sha_of(path), cases[name].files[path], "a stub read from the share that is " + name)


def test_agent_that_is_killed_and_comes_back_meanwhile_serves_the_others():
    need()
    cut = [subprocess.Popen(["cat", p], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL) for p in cases["hung"].paths("first")[2:5]]
    time.sleep(0.5)  # their recalls are under way
    well, took = cases["well"], []
    for i in range(0, AGAIN, 5):  # at any moment of its start, while some volumes are open and others not yet
        stack.kill("alto-agent")
        stack.start_agent()
        time.sleep(random.uniform(0, 0.1))
        for path in well.paths("then")[i:i + 5]:
            began = time.monotonic()
            tap.equal(sha_of(path), well.files[path], "a stub read from the share that is well")
            took.append(time.monotonic() - began)
    began = time.monotonic()
    paths = [p[len(well.root):] for p in well.paths("then")[:AGAIN]]
    job = stack.api.job(stack.api.post("/volumes/%s/tier" % well.volume["id"], {"paths": paths}), SOON_S)
    print("# read after %.1f s at most, tiered again after %.1f s" % (max(took), time.monotonic() - began))
    tap.equal((job["state"], job["done_files"]), ("done", AGAIN), "tiering again (%s, %s)" % (job["text"], job["reasons"]))
    for reader in cut:
        tap.equal(reader.communicate(timeout=WAIT_MS / 1000 + 30)[0], b"", "what a reader on the hung share got")


def test_mended_it_goes_on_by_itself():
    need()
    each(Case.mend)
    took = wait_all("done", lambda c: c.now()["state"] == "done", CHECK_S + DEADLINE_S + 20)
    print("# " + ", ".join("%s after %.1f s" % (n, took[n]) for n in took))
    for case in cases.values():
        job = case.now()
        tap.equal((job["done_files"], job["failed_files"], job["refused_files"]), (THEN, 0, 0), "done, failed, refused of %s (%s)" % (case.name, job["reasons"]))
        tap.equal(case.state()["state"], "ok", "state of share " + case.name)
        tap.equal([p for p in case.paths("then") if not is_stub(p)], [], "files of %s that are no stubs" % case.name)
        if case.name != "well":
            events = audit("share.state", subject_id=case.share_noun["id"])
            tap.equal(events[0]["detail"]["state"], "ok", "the last that the record says of " + case.name)


def test_all_read_back_equal_afterwards():
    need()
    for case in cases.values():
        tap.equal([p for p in case.files if sha_of(p) != case.files[p]], [], "files of %s with other bytes" % case.name)
    tap.check(stack.api.get("/audit/verify?customer_id=" + stack.customer["id"])["ok"], "the chain does not hold")


def test_each_file_was_tiered_once_by_the_record():
    need()
    for case in cases.values():
        events = audit("file.tier", subject_id=case.volume["id"], code="ok")
        subjects = [e["subject"] for e in events]
        tap.equal(len(subjects), FIRST + THEN + (AGAIN if case.name == "well" else 0), "tier events of " + case.name)
        tap.equal(len(set(subjects)), FIRST + THEN, "files in the tier events of " + case.name)


def test_it_stops_cleanly():
    stack.stop()
    each(Case.end)
    tap.check(not os.path.ismount(stack.volume), "the volume is still mounted")
    stack.stop(remove=True)


tap.main([v for k, v in list(globals().items()) if k.startswith("test_")])
