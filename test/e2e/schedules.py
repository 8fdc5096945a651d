#!/usr/bin/python3
"""Rules that run by themselves, end to end: a moment that was missed, a window that closes in the middle of the run and altod killed while the job is
paused, minutes, errors, and free-space marks on a volume that a writer fills. Windows are whole minutes: it takes some five minutes, most of them waiting."""
import json
import os
import signal
import subprocess
import sys
import tempfile
import threading
import time

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path[:0] = [os.path.join(HERE, "../lib"), os.path.join(HERE, "../torture"), os.path.join(HERE, "../../tools/run")]
import tap  # noqa: E402
from stack import Stack, binary, wait_for  # noqa: E402
from tree import data, is_stub, sha_of, write  # noqa: E402

MANY, SIZE = 5000, 20000  # files of a run that a window cuts; each of so many bytes
SOON_S = 20  # from a change to everybody having acted on it
START, STOP = 60, 40  # marks, percent used
BIG = 1 << 20
stack = Stack(tempfile.mkdtemp(prefix="alto-schedules-"), size="1G")
state = {}


def alto(*words):
    """(exit code, standard output, standard error) of the command line."""
    env = dict(os.environ, HOME=stack.path("home"))
    env.pop("XDG_CONFIG_HOME", None)
    os.makedirs(env["HOME"], mode=0o700, exist_ok=True)
    r = subprocess.run([binary("alto"), "--server", stack.api.url, *words], env=env, capture_output=True, text=True, timeout=120, stdin=subprocess.DEVNULL)
    return r.returncode, r.stdout, r.stderr


def need(name):
    if name not in state:
        raise tap.Skip("there is no %s" % name)


def files_of(folder):
    root = os.path.join(stack.volume, folder)
    return [os.path.join(root, name) for name in sorted(os.listdir(root))]


def stubs_of(folder):
    return sum(1 for path in files_of(folder) if is_stub(path))


def make(folder, count, size=SIZE):
    os.makedirs(os.path.join(stack.volume, folder))
    for i in range(count):
        write(os.path.join(stack.volume, folder, "%05d" % i), data(i, size))
    os.sync()


def job(ident):
    return stack.api.get("/jobs/" + ident)


def events(subject):
    """(act, actor, code, detail) of a job or rule, oldest first."""
    found = [e for e in stack.api.items("/audit?customer_id=" + stack.customer["id"]) if e["subject_id"] == subject]
    return [(e["act"], e["actor_name"], e["code"], e["detail"]) for e in reversed(found)]


def story(path):
    """What the trail says of a file, oldest first."""
    found = [e for e in stack.api.items("/audit?customer_id=" + stack.customer["id"]) if e["subject"] == path]
    return [(e["at"], e["act"], e["code"], e["detail"]) for e in reversed(found)]


def rule_of(**more):
    return stack.api.post("/rules", dict({"volume_id": stack.volume_noun["id"], "action": "tier"}, **more))


def clock(minute):
    """Minutes since 1970 as a local time of a window in UTC."""
    return "%02d:%02d" % (minute // 60 % 24, minute % 60)


def change(rule, **more):
    now = stack.api.get("/rules/" + rule["id"])
    return stack.api.call("PATCH", "/rules/" + rule["id"], more, {"If-Match": '"%d"' % now["version"]})


def used_percent():
    fs = os.statvfs(stack.volume)
    return 100.0 * (fs.f_blocks - fs.f_bavail) / fs.f_blocks


def rests_until(moment, begun):
    """Once the run has begun the agent stands still until the moment, so that this one comes in the middle of a run of seconds."""
    wait_for("the run to begin", begun, SOON_S)
    agent = stack.children["alto-agent"]
    agent.send_signal(signal.SIGSTOP)
    time.sleep(max(0, moment - time.time()))
    agent.send_signal(signal.SIGCONT)


def test_stack_starts():
    if os.geteuid() != 0:
        raise tap.Skip("mounting a volume needs root")
    stack.start()
    tap.equal(alto("login", "admin", "--password-file", stack.path("admin-password"))[0], 0, "login")
    make("window", MANY)
    tap.equal(stack.scan()["state"], "done", "the scan")
    state["stack"] = True


def test_how_full_the_volume_is_becomes_known():
    need("stack")

    def told():
        volume, fs = stack.api.get("/volumes/" + stack.volume_noun["id"]), os.statvfs(stack.volume)
        state["told"] = volume["bytes_total"], volume["bytes_free"], fs.f_blocks * fs.f_bsize, fs.f_bavail * fs.f_bsize
        return volume["space_at"] and state["told"][0] == state["told"][2] and abs(state["told"][1] - state["told"][3]) < 1 << 20
    wait_for("what the agent tells to be what statvfs says", told, SOON_S)


def test_a_missed_moment_is_made_up_and_its_window_closes_in_the_middle():
    need("stack")
    minute = int(time.time() + 15) // 60 + 1
    state["reopens"] = (minute + 2) * 60
    state["rule"] = rule = rule_of(name="nights", where='path matches "/window/**"', schedule={"cron": "%d %d * * *" % (minute % 60, minute // 60 % 24), "zone": "UTC"}, windows={
        "zone": "UTC", "spans": [{"days": [1, 2, 3, 4, 5, 6, 7], "from": clock(a), "to": clock(b)} for a, b in ((minute, minute + 1), (minute + 2, minute + 60))]})
    tap.equal(rule["next_run_at"], time.strftime("%Y-%m-%dT%H:%M:00Z", time.gmtime(minute * 60)), "next_run_at")
    stack.end("alto-agent")  # it would look for altod ever less often
    stack.kill("altod")  # so that the moment is missed
    time.sleep(max(0, minute * 60 + 30 - time.time()))
    stack.start_altod(stack.listen)  # the agent knows the address
    stack.start_agent()
    found = wait_for("the run to be made up", lambda: stack.api.get("/rules/" + rule["id"])["last_run"], SOON_S)
    state["job"] = found["job_id"]
    rests_until(minute * 60 + 60, lambda: job(found["job_id"])["done_files"] > 0)
    late = [e for e in events(rule["id"]) if e[0] == "rule.late"]
    tap.equal([(e[1], e[3]["job_id"]) for e in late], [("schedule", found["job_id"])], "what the trail says of the rule")
    paused = wait_for("the window to close", lambda: next((j for j in [job(found["job_id"])] if j["state"] != "queued" and j["state"] != "running"), None), 60)
    tap.equal((paused["state"], paused["pause"] and paused["pause"]["reason"]), ("paused", "window"), "the job (%s)" % paused["text"])
    tap.equal(paused["pause"]["until"], time.strftime("%Y-%m-%dT%H:%M:00Z", time.gmtime(state["reopens"])), "until")
    tap.equal((paused["created_by"], paused["rule_version"]), ("schedule", 1), "who made it, of which version")


def test_a_paused_job_stays_so_also_when_altod_is_killed():
    need("job")

    def rests():
        """Nothing more comes: what the agents had in hand is done."""
        before = stubs_of("window")
        time.sleep(3)
        return (before,) if before == stubs_of("window") else None
    done = wait_for("the files in hand to be done", rests, SOON_S)[0]
    tap.check(0 < done < MANY, "%d of %d files moved when the window closed" % (done, MANY))
    wait_for("their outcomes", lambda: job(state["job"])["done_files"] == done, SOON_S)
    stack.kill("altod")
    time.sleep(1)
    stack.start_altod(stack.listen)
    now = job(state["job"])
    tap.equal((now["state"], now["done_files"], now["pause"]["reason"]), ("paused", done, "window"), "after the kill")
    code, _, told = alto("job", "resume", state["job"])
    tap.equal(code, 1, "resumed by hand into a closed window")
    tap.check("window" in told and "closed until" in told, told)
    time.sleep(max(0, state["reopens"] - 10 - time.time()))
    tap.equal((job(state["job"])["state"], stubs_of("window")), ("paused", done), "shortly before the window opens")
    print("# %d of %d files before the window closed" % (done, MANY))


def test_it_goes_on_when_the_window_opens_and_finishes():
    need("job")
    time.sleep(max(0, state["reopens"] - time.time()))
    ended = stack.api.job(state["job"], 120)
    odd = [(r["sample_path"], is_stub(stack.volume + r["sample_path"]), story(r["sample_path"])) for r in ended["reasons"]]
    tap.equal((ended["state"], ended["done_files"], ended["failed_files"]), ("done", MANY, 0), "the job (%s, %s, %s)" % (ended["text"], ended["reasons"], odd))
    tap.equal(ended["pause"], None, "pause")
    tap.equal(stubs_of("window"), MANY, "stubs")
    told = events(state["job"])
    tap.equal([e[:3] for e in told], [(act, "schedule", "ok") for act in ("job.start", "job.pause", "job.resume")] + [told[-1][:3]], "the trail")
    tap.equal(told[-1][0], "job.finish", "its end")
    tap.equal([e[3].get("reason") for e in told[1:3]], ["window", "window"], "reasons")
    moved = sum(1 for e in stack.api.items("/audit?act=file.tier&customer_id=" + stack.customer["id"]))
    tap.equal(moved, MANY, "file.tier events")
    tap.check(stack.api.get("/audit/verify?customer_id=" + stack.customer["id"])["ok"], "the chain does not hold")
    for path in files_of("window")[:: MANY // 20]:
        tap.equal(sha_of(path), __import__("hashlib").sha256(data(int(os.path.basename(path)), SIZE)).hexdigest(), "content of %s" % path)
    versions = stack.api.get("/rules/%s/versions" % state["rule"]["id"])["items"]
    tap.equal([(v["version"], v["by"], v["where"]) for v in versions], [(1, "admin", state["rule"]["where"])], "versions")
    change(state["rule"], enabled=False)


def test_a_pause_by_hand_takes_works_back_in_the_middle():
    need("stack")
    make("hand", 2000)
    tap.equal(stack.scan()["state"], "done", "the scan")
    rule = rule_of(name="hand", where='path matches "/hand/**"')
    run = stack.api.post("/rules/%s/run" % rule["id"])
    wait_for("the run to begin", lambda: job(run["id"])["done_files"] >= 20, SOON_S)
    began = time.monotonic()
    tap.equal(stack.api.post("/jobs/%s/pause" % run["id"])["state"], "paused", "the job")

    def all_told():
        time.sleep(1.5)
        done = stubs_of("hand")
        return (done,) if job(run["id"])["done_files"] == done == stubs_of("hand") else None
    done = wait_for("the files in hand to be done and told", all_told, SOON_S)[0]
    tap.check(0 < done < 1900, "%d files of 2000" % done)
    print("# %d of 2000 files, at rest after less than %.1f s" % (done, time.monotonic() - began))
    tap.equal(stack.api.post("/jobs/%s/resume" % run["id"])["pause"], None, "pause")
    ended = stack.api.job(run["id"])
    tap.equal((ended["state"], ended["done_files"], ended["refused_files"], ended["failed_files"]), ("done", 2000, 0, 0), "the job (%s, %s)" % (ended["text"], ended["reasons"]))
    moved = [e["subject"] for e in stack.api.items("/audit?act=file.tier&customer_id=" + stack.customer["id"]) if e["subject"].startswith("/hand/")]
    tap.equal((len(moved), len(set(moved))), (2000, 2000), "file.tier events, and files in them")


def test_the_command_line_has_all_of_it():
    need("stack")

    def json_of(*words):
        code, told, failed = alto(*words, "--json")
        tap.equal(code, 0, "%s: %s" % (" ".join(words), failed))
        return json.loads(told)
    made = json_of("rule", "add", "--volume", "projects", "--name", "words", "--where", "ext = nothing", "--schedule", "0 20 * * mon-fri", "--zone", "Europe/Berlin",
                   "--window", "mon-fri 20:00-06:00; Saturday,sun 00:00-24:00", "--limit-errors", "5", "--limit-bytes", "10GB", "--start-used", "90", "--stop-used", "80")
    tap.equal(made["schedule"], {"cron": "0 20 * * mon-fri", "zone": "Europe/Berlin"}, "schedule")
    tap.equal(made["windows"], {"zone": "Europe/Berlin", "spans": [{"days": [1, 2, 3, 4, 5], "from": "20:00", "to": "06:00"}, {"days": [6, 7], "from": "00:00", "to": "24:00"}]}, "windows")
    tap.equal((made["limit_error_percent"], made["limit_bytes"], made["start_used_percent"], made["stop_used_percent"]), (5, 10**10, 90, 80), "numbers")
    for bad in ("mon-fri", "someday 20:00-06:00", "mon 20:00", "mon 25:00-26:00", ""):
        code, _, failed = alto("rule", "set", "words", "--window", bad)
        tap.check(code in (1, 2) and failed, "--window %r gave %d: %s" % (bad, code, failed))
    made = json_of("rule", "set", "words", "--window", "fri-mon 22:00-04:00", "--limit-errors", "0", "--limit-minutes", "90")
    tap.equal((made["windows"]["zone"], made["windows"]["spans"][0]["days"], made["limit_error_percent"], made["limit_minutes"]), ("Europe/Berlin", [1, 5, 6, 7], None, 90), "after set")
    made = json_of("rule", "set", "words", "--window", "none", "--schedule", "none", "--disable")
    tap.equal((made["windows"], made["schedule"], made["enabled"]), (None, None, False), "after none")
    tap.equal([v["version"] for v in json_of("rule", "versions", "words")], [3, 2, 1], "versions")
    tap.equal(json_of("rule", "clone", "words", "--name", "words 2")["limit_minutes"], 90, "clone")
    ids = [r["id"] for r in json_of("rule", "list", "--volume", "projects")]
    tap.equal([r["id"] for r in json_of("rule", "order", "projects", *reversed(ids))], ids[::-1], "order")
    tap.check(len(json_of("rule", "templates")) >= 10, "templates")
    tap.equal(json_of("rule", "schedule", "0 20 * * 1-5", "--zone", "UTC")["text"], "at 20:00 on Monday to Friday", "schedule")
    code, told, failed = alto("rule", "schedule", "0 20 * *", "--zone", "UTC")
    tap.check(code == 1 and "five fields" in failed, failed)
    stack.end("alto-agent")  # so that nothing is done meanwhile
    found = stack.api.post("/volumes/%s/tier" % stack.volume_noun["id"], {"paths": ["/window/%05d" % i for i in range(10)]})
    tap.equal(json_of("job", "pause", found["id"])["state"], "paused", "job pause")
    tap.equal(json_of("job", "resume", found["id"])["state"], "queued", "job resume")
    stack.start_agent()
    stack.api.job(found["id"])
    for name in ("words", "words 2"):
        tap.equal(alto("rule", "remove", name)[0], 0, "rule remove " + name)


def test_minutes_end_a_run_and_the_rest_goes_to_the_next():
    need("stack")
    make("minutes", MANY)
    tap.equal(stack.scan()["state"], "done", "the scan")
    code, told, failed = alto("rule", "add", "--volume", "projects", "--name", "minutes", "--where", 'path matches "/minutes/**"', "--limit-minutes", "1", "--json")
    tap.equal(code, 0, failed)
    rule = json.loads(told)
    run = stack.api.post("/rules/%s/run" % rule["id"])
    rests_until(time.time() + 56, lambda: job(run["id"])["done_files"] > 0)
    ended = stack.api.job(run["id"], 60)
    tap.equal((ended["state"], ended["pause"] and ended["pause"]["reason"]), ("done", "limit"), "the job (%s)" % ended["text"])
    tap.check("minutes are over" in ended["text"], ended["text"])
    tap.check(0 < ended["done_files"] < MANY, "%d files of %d" % (ended["done_files"], MANY))
    tap.equal([e[0] for e in events(run["id"])], ["job.start", "job.stop", "job.finish"], "the trail")

    def all_told():
        """A lease may have run out while the agent stood still: what it had in hand is then told after the run is over, and still counted to it."""
        time.sleep(1.5)
        stubs = stubs_of("minutes")
        return (stubs,) if job(run["id"])["done_files"] == stubs == stubs_of("minutes") else None
    done = wait_for("all that was moved to be told", all_told, SOON_S)[0]
    change(rule, limit_minutes=None)
    rest = stack.api.job(stack.api.post("/rules/%s/run" % rule["id"]))
    tap.equal((rest["state"], rest["done_files"]), ("done", MANY - done), "the next run (%s)" % rest["text"])


def test_errors_suspend_the_rule_until_somebody_resumes_it():
    need("stack")
    make("errors", 1500)
    tap.equal(stack.scan()["state"], "done", "the scan")
    objects = os.path.join(stack.share_folder, "objects")
    broken = [name for name in sorted(os.listdir(objects))][::2]
    for name in broken:  # where folders were, files are: what goes there fails
        os.rename(os.path.join(objects, name), os.path.join(objects, name + ".away"))
        open(os.path.join(objects, name), "w").close()
    minute = int(time.time() + 45) // 60 + 1  # the run is over long before
    rule = rule_of(name="errors", where='path matches "/errors/**"', limit_error_percent=20, schedule={"cron": "%d %d * * *" % (minute % 60, minute // 60 % 24), "zone": "UTC"})
    try:
        run = stack.api.post("/rules/%s/run" % rule["id"])
        ended = stack.api.job(run, 120)
    finally:
        for name in broken:
            os.unlink(os.path.join(objects, name))
            os.rename(os.path.join(objects, name + ".away"), os.path.join(objects, name))
    how = (ended["state"], ended["pause"] and ended["pause"]["reason"])  # a fast one is over before anybody looks at its errors
    tap.check(how in (("failed", "limit"), ("done", None)), "the job is %s (%s, %s)" % (how, ended["text"], ended["reasons"]))
    tap.check(ended["done_files"] + ended["failed_files"] >= 100 and ended["failed_files"] * 100 >= 20 * (ended["done_files"] + ended["failed_files"]), "counted %s" % ended)
    now = stack.api.get("/rules/" + rule["id"])
    tap.equal((now["suspended"]["reason"], now["next_run_at"]), ("errors", None), "the rule")
    tap.check("files failed" in now["suspended"]["text"], now["suspended"]["text"])
    tap.equal([e[:2] for e in events(rule["id"]) if e[0] == "rule.suspend"], [("rule.suspend", "schedule" if how[1] else stack.host["name"])], "the trail")
    time.sleep(max(0, minute * 60 + 4 - time.time()))  # its next moment passes
    tap.equal(stack.api.get("/rules/" + rule["id"])["last_run"]["job_id"], run["id"], "no run while it is suspended")
    code, _, failed = alto("rule", "resume", "errors")
    tap.equal(code, 0, failed)
    tap.check(stack.api.get("/rules/" + rule["id"])["next_run_at"], "no next run after it was resumed")
    rest = stack.api.job(stack.api.post("/rules/%s/run" % rule["id"]), 120)
    tap.equal((rest["state"], rest["failed_files"]), ("done", 0), "the run after it was resumed (%s)" % rest["text"])
    tap.equal(stubs_of("errors"), 1500, "stubs")
    change(rule, enabled=False)


class Writer(threading.Thread):
    """Fills the volume with old files of a megabyte until so much of it is used."""

    def __init__(self, folder, percent):
        super().__init__()
        self.folder, self.percent = os.path.join(stack.volume, folder), percent
        os.makedirs(self.folder, exist_ok=True)
        self.start()

    def run(self):
        count = len(os.listdir(self.folder))
        while used_percent() < self.percent:
            write(os.path.join(self.folder, "%05d" % count), os.urandom(BIG))
            count += 1
        os.sync()


def marks_run(rule, before):
    """The next job of the rule, ended, and how much was used then."""
    run = wait_for("the volume to be found full", lambda: next((r for r in [stack.api.get("/rules/" + rule["id"])["last_run"]] if r and r["job_id"] != before), None), 61 + SOON_S)
    return stack.api.job(run["job_id"], 240), used_percent()


def test_marks_keep_a_volume_from_filling_up():
    need("stack")
    Writer("big", START - 5).join()
    tap.equal(stack.scan()["state"], "done", "the scan")
    code, told, failed = alto("rule", "add", "--volume", "projects", "--name", "space", "--where", 'path matches "/big/**"', "--start-used", str(START),
                              "--stop-used", str(STOP), "--json")
    tap.equal(code, 0, failed)
    rule = json.loads(told)
    time.sleep(13)  # it was told of the space after the scan
    tap.equal(stack.api.get("/rules/" + rule["id"])["last_run"], None, "a run below the mark")
    before = None
    for turn in range(2):
        Writer("big", START + 3).join()
        full = used_percent()
        tap.equal(stack.scan()["state"], "done", "the scan")
        ended, used = marks_run(rule, before)
        before = ended["id"]
        tap.equal((ended["state"], ended["pause"] and ended["pause"]["reason"], ended["created_by"]), ("done", "free_space", "schedule"), "the job (%s, %s)" % (ended["text"], ended["reasons"]))
        slice_percent = (full - STOP) / 8
        tap.check(STOP - slice_percent - 1 <= used < STOP, "used %.1f %% after, %.1f %% before; one slice is %.1f %%" % (used, full, slice_percent))
        tap.check(ended["done_files"] < ended["total_files"], "all of %d files moved: nothing was left to stop" % ended["total_files"])
        tap.equal([e[0] for e in events(ended["id"])], ["job.start", "job.stop", "job.finish"], "the trail")
        print("# used %.1f %% before, %.1f %% after, %d of %d files" % (full, used, ended["done_files"], ended["total_files"]))


def test_it_stops_cleanly():
    stack.stop()
    tap.check(not os.path.ismount(stack.volume), "the volume is still mounted")
    stack.stop(remove=True)


tap.main([v for k, v in list(globals().items()) if k.startswith("test_")])
