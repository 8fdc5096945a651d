#!/usr/bin/python3
"""The first hour of a customer, end to end: a share is looked at before any volume uses it, a volume that gets its share late is ready
at once, and its stubs are held against their files."""
import json
import os
import subprocess
import sys
import tempfile
import threading
import time
import urllib.request

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path[:0] = [os.path.join(HERE, "../lib"), os.path.join(HERE, "../torture"), os.path.join(HERE, "../../tools/run")]
import tap  # noqa: E402
from stack import ApiError, Stack, binary, wait_for  # noqa: E402
from tree import write  # noqa: E402

SOON_S = 5.0  # until everybody knows a change; a long poll that is not woken takes 25 s
TIMES = 6  # a share is given and taken away
SIZE, MARKER = 70001, "trusted.alto"
NOTHING = dict.fromkeys(("markers", "adopted", "dropped", "finished", "alarms", "waiting", "unreadable"), 0)
stack = Stack(tempfile.mkdtemp(prefix="alto-setting-up-"), size="1G")
state = {}


def alto(*words):
    """(exit code, standard output, standard error) of the command line."""
    env = dict(os.environ, HOME=stack.path("home"))
    env.pop("XDG_CONFIG_HOME", None)
    os.makedirs(env["HOME"], mode=0o700, exist_ok=True)
    r = subprocess.run([binary("alto"), "--server", stack.api.url, *words], env=env, capture_output=True, text=True, timeout=60, stdin=subprocess.DEVNULL)
    return r.returncode, r.stdout, r.stderr


def need(*names):
    for name in names:
        if name not in state:
            raise tap.Skip("there is no %s" % name)


def change(noun, what, body):
    """PATCH with the version as it is."""
    now = stack.api.get("/%s/%s" % (noun, what["id"]))
    return stack.api.call("PATCH", "/%s/%s" % (noun, what["id"]), body, {"If-Match": '"%d"' % now["version"]})


class Live(threading.Thread):
    """What a console hears: the last live event of a volume, and when it came."""

    def __init__(self, volume):
        super().__init__(daemon=True)
        self.volume, self.last, self.at = volume, {}, 0.0
        request = urllib.request.Request(stack.api.url + "/api/v1/events", headers={"Authorization": "Bearer " + stack.api.token})
        self.stream = urllib.request.urlopen(request, timeout=120)
        self.start()

    def run(self):
        kind = ""
        for line in self.stream:
            name, _, value = line.decode().rstrip("\n").partition(": ")
            kind = value if name == "event" else kind
            if name == "data" and kind == "volume" and json.loads(value)["id"] == self.volume["id"]:
                self.last, self.at = json.loads(value), time.monotonic()


def test_a_share_cannot_be_looked_at_by_nobody():
    if os.geteuid() != 0:
        raise tap.Skip("mounting a volume needs root")
    stack.start_share()
    stack.start_gate()
    stack.start_hold()
    stack.start_volume()
    stack.start_altod()
    stack.api.login("admin", stack.admin_password())
    tap.equal(alto("login", "admin", "--password-file", stack.path("admin-password"))[0], 0, "login")
    state["customer"] = stack.customer = stack.api.post("/customers", {"name": "first"})
    state["share"] = stack.api.post("/shares", {"customer_id": stack.customer["id"], "name": "cold", "url": stack.share_url, "user": stack.share_user,
                                                "password": "certainly not this"})
    try:
        stack.api.post("/shares/%s/check" % state["share"]["id"], {})
        raise AssertionError("it was looked at by nobody")
    except ApiError as refused:
        tap.equal(refused.status, 409, "status")
        tap.check("no host of this customer is online" in str(refused), str(refused))
    code, _, told = alto("share", "check", "cold", "--wait")
    tap.equal(code, 1, "exit code")
    tap.check("alto host token" in told, told)


def test_a_share_of_no_volume_is_looked_at_by_the_host_there_is():
    need("share")
    stack.enrol(stack.customer)
    stack.start_agent()
    state["host"] = stack.host = wait_for("the agent to call\n" + stack.said("alto-agent"), lambda: next(
        (h for h in stack.api.items("/hosts?customer_id=" + stack.customer["id"]) if h["state"] == "online"), None), 30)
    if stack.share_user:  # a folder has no password
        began = time.monotonic()
        code, _, told = alto("share", "check", "cold", "--wait")
        tap.equal(code, 1, "exit code with a wrong password")
        tap.check("wrong_password" in told, told)
        tap.equal(stack.api.get("/shares/" + state["share"]["id"])["state"], "wrong_password", "state")
        tap.check(time.monotonic() - began < SOON_S, "it took %.1f s" % (time.monotonic() - began))
        change("shares", state["share"], {"password": stack.share_password})
    code, told, failed = alto("share", "check", "cold", "--wait", "--host", stack.host["name"])
    tap.equal(code, 0, failed)
    tap.check("address, user and password are right" in told and "free" in told, told)
    code, told, failed = alto("share", "check", "cold", "--wait", "--json")
    tap.equal((code, json.loads(told)["state"]), (0, "done"), failed)
    tap.equal(stack.api.get("/shares/" + state["share"]["id"])["state"], "ok", "state")


def test_a_share_is_tried_out_before_it_is_saved():
    need("host")
    steps = ["owner", "space", "write", "flush", "read", "list", "latency", "remove"]
    words = ["share", "test", "--host", stack.host["name"], "--url", stack.share_url]
    if stack.share_user:
        with open(stack.path("told-password"), "w", encoding="utf-8") as f:
            f.write(stack.share_password + "\n")
        words += ["--user", stack.share_user, "--password-file", stack.path("told-password")]
        steps = ["reach", "log_in", "open"] + steps
    before = sorted(n for n in os.listdir(stack.share_folder) if n != "incoming")
    code, told, failed = alto(*words)
    tap.equal(code, 0, told + failed)
    for step in steps:
        tap.check(any(line.split()[:2] == [step, "ok"] for line in told.splitlines()), "%s in\n%s" % (step, told))
    tap.equal(sorted(n for n in os.listdir(stack.share_folder) if n != "incoming"), before, "what lies on the share")
    if stack.share_user:
        with open(stack.path("told-password"), "w", encoding="utf-8") as f:
            f.write("never-written-down-77\n")
        code, told, failed = alto(*words, "--json")
        test = json.loads(told)
        tap.equal((code, test["state"], test["ok"]), (1, "done", False), told)
        tap.equal([(s["step"], s["ok"]) for s in test["steps"]], [("reach", True), ("log_in", False)], "steps")
        os.unlink(stack.path("told-password"))
        kept = subprocess.run(["grep", "-rlF", "--exclude=volume.img", "never-written-down-77", stack.path("")], capture_output=True, text=True).stdout
        tap.equal(kept, "", "files that hold the password")
    code, told, failed = alto("share", "test", "--host", stack.host["name"], "--url", "file:///nowhere/at/all")
    tap.check(code == 1 and "FAILED" in told, told)


def test_the_host_keeps_no_share_it_does_not_use():
    need("host")

    def shares():
        with open(stack.path("agent", "config.json")) as f:
            return json.load(f)["shares"]
    wait_for("the share to be taken back", lambda: shares() == [], SOON_S)


def test_a_volume_that_gets_its_share_late_is_ready_at_once():
    need("host")
    volume = state["volume"] = stack.api.post("/volumes", {"host_id": stack.host["id"], "name": "projects", "path": stack.volume, "kind": "posix"})

    live = Live(volume)

    def is_now(wanted):
        """As everybody is told, asked or not."""
        return live.last.get("state") == wanted and stack.api.get("/volumes/" + volume["id"])["state"] == wanted

    took = []
    for share, wanted in ((None, "tracked_only"), (state["share"]["id"], "ok")) * TIMES:
        began = time.monotonic()
        change("volumes", volume, {"share_id": share})
        wait_for("a volume that is %s: %s" % (wanted, live.last), lambda: is_now(wanted), SOON_S)
        took.append(time.monotonic() - began)
    print("# known after %.1f s at most" % max(took))


def test_every_marker_is_held_against_its_file():
    need("volume")

    def at(name):
        return os.path.join(stack.volume, name)

    def reconcile():
        code, told, failed = alto("volume", "reconcile", "projects", "--wait", "--json")
        job = json.loads(told)
        tap.equal(job["state"], "done", "the job (%s)" % job["text"])
        return code, job, failed
    for i in range(5):
        write(at("file %d" % i), os.urandom(SIZE))
    write(at("own"), b"own bytes " * 5000)
    for name, size in (("moved", SIZE), ("longer", SIZE + 4096)):
        with open(at(name), "wb") as f:
            f.truncate(size)
    os.sync()
    tap.equal(stack.api.job(stack.api.post("/volumes/%s/scan" % state["volume"]["id"]))["state"], "done", "the scan")
    told = alto("file", "tier", "projects", "--wait", *("/file %d" % i for i in range(5)), "/nowhere", "--json")
    job = json.loads(told[1])
    tap.equal((job["done_files"], job["refused_files"]), (5, 1), "tiered and refused, %s" % job["reasons"])
    tap.equal([r["reason"] for r in job["reasons"]], ["unknown_to_inventory"], "reasons")
    code, job, failed = reconcile()
    tap.equal((code, job["reconcile"]), (0, dict(NOTHING, markers=5)), "all is well: " + failed)
    for name in ("own", "moved", "longer"):  # as a restore that copies attributes leaves them
        os.setxattr(at(name), MARKER, os.getxattr(at("file 0"), MARKER))
    code, job, failed = reconcile()
    tap.equal((code, job["reconcile"]), (1, dict(NOTHING, markers=8, adopted=1, dropped=1, alarms=1)), "what it saw")
    tap.check("1 alarms: alto job outcomes" in failed, failed)
    tap.check("1 stub does not fit its file" in job["text"], job["text"])
    outcomes = {o["path"]: (o["act"], o["code"]) for o in stack.api.items("/jobs/%s/outcomes" % job["id"])}
    tap.equal(outcomes, {"/own": ("drop_marker", "ok"), "/moved": ("adopt", "ok"), "/longer": ("alarm", "io_error")}, "outcomes")
    os.unlink(at("longer"))
    code, told, failed = alto("volume", "reconcile", "projects", "--wait")
    tap.equal(code, 0, failed)
    tap.check("6 markers, 0 adopted, 0 dropped, 0 finished, 0 alarms" in told, told)


def test_it_stops_cleanly():
    stack.stop()
    tap.check(not os.path.ismount(stack.volume), "the volume is still mounted")
    stack.stop(remove=True)


tap.main([v for k, v in list(globals().items()) if k.startswith("test_")])
