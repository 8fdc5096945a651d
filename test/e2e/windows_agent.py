#!/usr/bin/python3
"""The Windows agent under Wine against a real altod: it enrols, walks a folder, and shows up with its files. Wine is not Windows: what only a
real host can show stands in doc/ops/windows.md."""
import base64
import datetime
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
import urllib.parse

HERE = os.path.dirname(os.path.abspath(__file__))
ROOT = os.path.dirname(os.path.dirname(HERE))
sys.path[:0] = [os.path.join(HERE, "../lib"), os.path.join(HERE, "../../tools/run")]
import tap  # noqa: E402
from stack import ApiError, Stack, wait_for  # noqa: E402

AGENT = os.path.join(ROOT, "build/mingw/src/agent/run/alto-agent.exe")
ENV = dict(os.environ, WINEDEBUG="-all", WINEPREFIX=os.environ.get("WINEPREFIX", os.path.join(ROOT, "build/wine")))
# Long parts, so that few folders make a path that no program without the long-path prefix can open (MAX_PATH is 260).
DEEP = "/".join("%02d-" % n + "tief" * 12 for n in range(8))
HIDDEN = "verborgen ü.txt"
NAMES = ["plain.txt", "with blank.txt", "Übergrößenträger.txt", "Ελληνικά.txt", "Кириллица.txt", "日本語のファイル.txt", "العربية.txt", "हिन्दी.txt",
         "emoji \U0001f9ca.txt", "readonly.txt", HIDDEN, "folder/in folder.bin", DEEP + "/at the end.bin"]
stack = Stack(tempfile.mkdtemp(prefix="alto-wine-"), share="folder")
state = {}


def wine(*arguments, seconds=120):
    done = subprocess.run(["wine", AGENT, *arguments], env=ENV, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                          timeout=seconds)
    return done.returncode, done.stdout.decode("utf-8", "replace"), done.stderr.decode("utf-8", "replace")


def drive(path):
    """How Wine's programs name a path of this machine: drive Z: is its root."""
    return "Z:" + path


def need(what):
    if what not in state:
        raise tap.Skip("there is no %s" % what)
    return state[what]


def make_tree(folder):
    sizes = {}
    for number, name in enumerate(NAMES):
        path = os.path.join(folder, name)
        os.makedirs(os.path.dirname(path), exist_ok=True)
        with open(path, "wb") as out:
            out.write(b"x" * (8000 + number))  # more than a placeholder: a preview leaves out what archiving would not free
        os.utime(path, ns=(1600000000 * 10**9 + 123456700, 1500000000 * 10**9 + 987654300))
        sizes["/" + name] = 8000 + number
    os.chmod(os.path.join(folder, "readonly.txt"), 0o444)  # Wine shows a file that nobody may write with the read-only attribute
    subprocess.run(["wine", "attrib", "+h", drive(os.path.join(folder, HIDDEN))], env=ENV, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
                   stderr=subprocess.DEVNULL, check=True, timeout=60)
    return sizes


def test_the_windows_agent_is_built_and_runs():
    for program in ("wine", "x86_64-w64-mingw32-gcc-posix"):
        if shutil.which(program) is None:
            raise tap.Skip("%s is not installed" % program)
    built = subprocess.run([os.path.join(ROOT, "tools/build.sh"), "mingw", "src/agent/run/alto-agent.exe"], stdin=subprocess.DEVNULL,
                           stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
    tap.equal(built.returncode, 0, "the build (%s)" % built.stdout.decode("utf-8", "replace")[-800:])
    status, out, err = wine("version", seconds=300)  # the first start in a new prefix sets it up
    tap.equal(status, 0, "exit status (%s)" % err[-300:])
    tap.check("windows" in out, "it says %r" % out)
    state["agent"] = AGENT


def test_it_enrols():
    need("agent")
    stack.start_altod()
    stack.api.login("admin", stack.admin_password())
    state["customer"] = stack.api.post("/customers", {"name": "Windows customer"})
    token = stack.api.post("/customers/%s/enrol-tokens" % state["customer"]["id"])["token"]
    with open(stack.path("token"), "w", encoding="ascii") as out:
        out.write(token + "\r\n")  # as an editor on Windows would leave it
    status, out, err = wine("enrol", "--server", stack.api.url, "--token-file", drive(stack.path("token")), "--state", drive(stack.path("agent")),
                            "--name", "winhost")
    tap.equal(status, 0, "exit status (%s)" % err[-300:])
    tap.check(os.path.exists(stack.path("agent", "agent.json")), "there is no identity in %s" % os.listdir(stack.path("agent")))
    state["enrolled"] = True


def test_a_token_is_good_once():
    need("enrolled")
    status, _, err = wine("enrol", "--server", stack.api.url, "--token-file", drive(stack.path("token")), "--state", drive(stack.path("second")))
    tap.equal(status, 1, "exit status")
    said = err.splitlines()[-1:]  # Wine 10 itself complains first where there is no desktop
    tap.check(said and said[0].startswith("alto-agent: "), "it says %r" % err)


def start():
    log = open(stack.path("alto-agent.log"), "ab")
    child = subprocess.Popen(["wine", AGENT, "run", "--state", drive(stack.path("agent")), "--verbose"], env=ENV, stdin=subprocess.DEVNULL,
                             stdout=log, stderr=log, start_new_session=True)
    log.close()
    stack.children["alto-agent"] = child


def when(text):
    return datetime.datetime.fromisoformat(text[:19] + "+00:00").timestamp() + float("0" + text[19:-1] if len(text) > 20 else 0)


def test_it_is_online_as_a_windows_host():
    need("enrolled")
    time.sleep(1.1)  # enrolling was a call too: only a later one is the running agent's
    start()
    host = wait_for("the agent to call", lambda: next((h for h in stack.api.items("/hosts?customer_id=" + state["customer"]["id"])
                                                       if h["state"] == "online" and
                                                       when(h["last_seen_at"]) > when(h["enrolled_at"]) + 1), None), 60)
    tap.equal(host["os"], "windows", "the system")
    tap.equal(host["name"], "winhost", "the name")
    state["host"] = host


def add_volume(name, path, share=None):
    return stack.api.post("/volumes", {"host_id": state["host"]["id"], "name": name, "path": path, "kind": "ntfs", "share_id": share})


def test_volume_paths_are_taken_as_windows_users_write_them():
    need("host")
    state["sizes"] = make_tree(stack.path("data"))
    os.makedirs(stack.path("share"))
    share = stack.api.post("/shares", {"customer_id": state["customer"]["id"], "name": "cold", "url": "file:///" + drive(stack.path("share"))})
    state["slashes"] = add_volume("slashes", drive(stack.path("data")), share["id"])
    state["backslashes"] = add_volume("backslashes", drive(stack.path("data")).replace("/", "\\"))
    for wrong in ("data", "Z:data", "Z:/a/../b", "Z:\\a\\..\\b"):
        try:
            add_volume("wrong", wrong)
        except ApiError as error:
            tap.equal(error.status, 422, "the answer to %r" % wrong)
        else:
            raise AssertionError("%r was taken" % wrong)


def test_its_volume_is_tracked_only_and_says_why():
    volume = need("slashes")
    now = wait_for("the volume's state", lambda: next(
        (v for v in [stack.api.get("/volumes/" + volume["id"])] if v["state"] != "unknown"), None), 60)
    tap.equal(now["state"], "tracked_only", "the state (%s)" % now["state_text"])
    tap.check(now["state_text"], "it says no reason")


def files_of(volume):
    return {f["path"]: f for f in stack.api.items("/volumes/%s/files?recursive=true" % volume["id"]) if f["type"] == "file"}


def test_a_scan_finds_every_file():
    for which in ("slashes", "backslashes"):
        volume = need(which)
        job = stack.api.job(stack.api.post("/volumes/%s/scan" % volume["id"]), 120)
        tap.equal(job["state"], "done", "the scan of %s (%s)" % (volume["path"], job["text"]))
        found = files_of(volume)
        tap.equal({path: f["size"] for path, f in found.items()}, state["sizes"], "names and sizes")
        tap.equal([path for path, f in found.items() if "path_b64" in f], [], "names that are no UTF-8")
        tap.equal(stack.api.get("/volumes/" + volume["id"])["files"], len(NAMES), "the count of files")
    state["scanned"] = True


def test_the_path_that_is_too_long_for_others_is_there():
    need("scanned")
    path = "/" + DEEP + "/at the end.bin"
    tap.check(len(drive(stack.path("data"))) + len(path) > 400, "the path is not long")
    found = stack.api.get("/volumes/%s/file?path=%s" % (state["slashes"]["id"], urllib.parse.quote(path)))
    tap.equal(found["size"], state["sizes"][path], "its size")


def test_times_are_there_to_a_tenth_of_a_microsecond():
    need("scanned")
    for path, found in files_of(state["slashes"]).items():
        tap.equal(found["mtime_at"], "2017-07-14T02:40:00.9876543Z", "the time of %s" % path)


def sample(where):
    plan = stack.api.post("/rules/preview", {"volume_id": state["slashes"]["id"], "where": where})
    return plan, sorted(f["path"] for f in plan["sample"])


def test_attributes_of_windows_can_be_asked_for():
    need("scanned")
    tap.equal(sample("attributes = hidden")[1], ["/" + HIDDEN], "hidden files")
    tap.equal(sample("attributes = readonly")[1], ["/readonly.txt"], "read-only files")
    tap.equal(sample('name matches "日本*"')[1], ["/日本語のファイル.txt"], "files by a pattern of their script")


def test_nothing_is_tiered_where_no_stub_can_be():
    need("scanned")
    path = base64.b64encode("/日本語のファイル.txt".encode()).decode()
    try:
        job = stack.api.job(stack.api.post("/volumes/%s/tier" % state["slashes"]["id"], {"paths_b64": [path]}), 60)
    except ApiError as error:
        tap.check(error.status in (409, 422), "the answer: %s" % error)
    else:
        tap.check(job["done_files"] == 0, "tiered: %s" % job)
    with open(stack.path("data", "日本語のファイル.txt"), "rb") as whole:
        tap.equal(whole.read(), b"x" * state["sizes"]["/日本語のファイル.txt"], "the file")


def test_a_file_is_archived_with_a_placeholder_and_brought_back():
    need("scanned")
    name, content = "アーカイブ.bin", os.urandom(70000)
    path = stack.path("data", name)
    with open(path, "wb") as f:
        f.write(content)
    os.utime(path, ns=(10**18, 15 * 10**17))
    tap.equal(stack.api.get("/volumes/" + state["slashes"]["id"])["way"]["kind"], "archive", "the way of the volume")
    tap.equal(stack.api.job(stack.api.post("/volumes/%s/scan" % state["slashes"]["id"]), 120)["state"], "done", "the scan")
    rule = stack.api.post("/rules", {"volume_id": state["slashes"]["id"], "name": "away", "action": "archive", "where": 'name = "%s"' % name})
    job = stack.api.job(stack.api.post("/rules/%s/run" % rule["id"]), 120)
    tap.equal((job["state"], job["done_files"]), ("done", 1), "the job (%s) %s" % (job["text"], job["reasons"]))
    tap.check(not os.path.exists(path), "the file is still there")
    with open(path + ".alto", encoding="utf-8") as f:
        tap.check(f.read().startswith("Alto placeholder 1\n"), "the placeholder")
    job = stack.api.job(stack.api.post("/volumes/%s/recall" % state["slashes"]["id"], {"paths": ["/" + name]}), 120)
    tap.equal((job["state"], job["done_files"]), ("done", 1), "the recall (%s) %s" % (job["text"], job["reasons"]))
    with open(path, "rb") as f:
        tap.equal(f.read(), content, "its bytes")
    tap.equal(os.stat(path).st_mtime_ns, 15 * 10**17, "its time")
    tap.check(not os.path.exists(path + ".alto"), "the placeholder is still there")
    os.unlink(path)


def test_it_comes_back_after_being_killed():
    need("scanned")
    stack.kill("alto-agent")
    os.unlink(stack.path("data", "plain.txt"))
    start()
    job = stack.api.job(stack.api.post("/volumes/%s/scan" % state["slashes"]["id"]), 120)
    tap.equal(job["state"], "done", "the scan (%s)" % job["text"])
    wanted = dict(state["sizes"])
    del wanted["/plain.txt"]
    tap.equal({path: f["size"] for path, f in files_of(state["slashes"]).items()}, wanted, "names and sizes")


def test_it_stops():
    if "host" in state:
        child = stack.children["alto-agent"]
        tap.check(child.poll() is None, "the agent ended by itself:\n" + stack.said("alto-agent"))
        began = time.monotonic()
        stack.end("alto-agent", signal.SIGINT, 15)
        print("# ended after %.1f s with %s" % (time.monotonic() - began, child.returncode))
        tap.check("stopped" in stack.said("alto-agent"), "its log ends:\n" + stack.said("alto-agent")[-400:])


try:
    status = tap.run([v for k, v in list(globals().items()) if k.startswith("test_")])
finally:
    stack.end("alto-agent", signal.SIGKILL)
    stack.end("altod")
    if os.environ.get("ALTO_KEEP") is None:
        shutil.rmtree(stack.folder, ignore_errors=True)
sys.exit(status)
