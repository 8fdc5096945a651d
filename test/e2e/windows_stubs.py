#!/usr/bin/python3
"""The whole way on Windows, as far as Wine goes: the package built here, installed without a question, the agent a service, a folder walked, tiered to a
UNC share that a real Samba serves, its stubs made and read through the stand-in for the filter driver's DLL (test/lib/ease), files as they were, and the
agent taken away again. Wine takes \\\\HOST\\SHARE for a folder of the prefix, which is Samba's own: what lies there is read back through Samba."""
import base64
import glob
import hashlib
import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
import time

HERE = os.path.dirname(os.path.abspath(__file__))
ROOT = os.path.dirname(os.path.dirname(HERE))
sys.path[:0] = [os.path.join(HERE, "../lib"), os.path.join(HERE, "../../tools/run")]
import tap  # noqa: E402
from stack import Stack, binary, wait_for  # noqa: E402
from winehost import WineHost  # noqa: E402

VERSION = open(os.path.join(ROOT, "VERSION")).read().strip()
KEY = "STAND-IN-KEY"
PROGRAM = "C:\\Program Files\\Alto\\alto-agent.exe"
COMMAND = "C:\\Program Files\\Alto\\alto.exe"
STATE = "drive_c/ProgramData/Alto/agent"
SIZES = [0, 1, 4095, 4096, 9000, 70000, 3 << 20]
NAMES = ["plain.mov", "with blank.mov", "Übergrößenträger.mov", "日本語のファイル.mov", "emoji \U0001f9ca.mov", "folder/in folder.bin", "readonly.mov"]
stack = Stack(tempfile.mkdtemp(prefix="alto-winstub-"), share="samba")
machine = WineHost(stack)
wine, PREFIX, ENV = machine.run, machine.prefix, machine.env
state = {}


def need(what):
    if what not in state:
        raise tap.Skip("there is no %s" % what)
    return state[what]


def host():
    return next(h for h in stack.api.items("/hosts?customer_id=" + state["customer"]["id"]))


def of_prefix(*parts):
    return os.path.join(PREFIX, *parts)


# ---- the package ----

def test_the_package_is_built_from_the_source():
    for program in ("wine", "wixl", "msibuild", "x86_64-w64-mingw32-gcc-posix", "smbd", "smbclient"):
        if shutil.which(program) is None:
            raise tap.Skip("%s is not installed" % program)
    if os.geteuid() != 0:
        raise tap.Skip("Samba needs root")
    built = subprocess.run([os.path.join(ROOT, "tools/build.sh"), "mingw", "src/agent/run/alto-agent.exe", "src/cli/alto.exe", "test/lib/ease/stand_a.dll"],
                           stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
    tap.equal(built.returncode, 0, "the build (%s)" % built.stdout.decode("utf-8", "replace")[-800:])
    state["msi"] = stack.path("alto.msi")
    subprocess.run([os.path.join(ROOT, "tools/msi.sh"), "build/mingw/src/agent/run/alto-agent.exe", "build/mingw/src/cli/alto.exe", state["msi"]], check=True,
                   cwd=ROOT, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL)
    os.makedirs(stack.path("ask"))


def test_it_installs_without_a_question_and_the_host_comes_online():
    msi = need("msi")
    stack.start_altod()
    stack.api.login("admin", stack.admin_password())
    state["customer"] = stack.api.post("/customers", {"name": "Windows customer"})
    token = stack.api.post("/customers/%s/enrol-tokens" % state["customer"]["id"])["token"]
    with open(stack.path("token"), "w", encoding="ascii") as out:
        out.write(token + "\r\n")
    state["machine"] = machine.stay_up()
    status, out, err = wine("msiexec", "/i", "Z:" + msi, "/qn", "/l*v", "Z:" + stack.path("msi.log"), "SERVER=" + stack.api.url,
                            "TOKENFILE=Z:" + stack.path("token"), "HOSTNAME=winhost", seconds=300)
    tap.equal(status, 0, "msiexec (%s %s)" % (out[-300:], err[-300:]))
    os.unlink(stack.path("token"))
    found = subprocess.run(["grep", "-rlF", token, PREFIX, stack.path("msi.log")], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL).stdout
    tap.equal(found, b"", "where the token was left")
    status, out, err = wine(PROGRAM, "service", "status")
    tap.check("state     running" in out and "NT SERVICE\\alto-agent" in out, "the service: %s %s" % (out, err))
    wait_for("the host", lambda: host()["state"] == "online" and host()["driver"] is not None, 60)
    tap.equal((host()["os"], host()["name"], host()["driver"]["state"]), ("windows", "winhost", "no_dll"), "what it says")
    state["installed"] = True


def test_what_lies_in_the_state_folder_is_sealed():
    need("installed")
    for name, secret in (("agent.json", b'"secret"'), ("config.json", b'"host_id"')):
        with open(of_prefix(STATE, name), "rb") as f:
            text = f.read()
        tap.check(text.startswith(b"ALTO-SEALED 1 ") and secret not in text, "%s begins with %r" % (name, text[:40]))


# ---- the driver ----

def test_dll_and_key_are_found_when_they_come():
    need("installed")
    shutil.copy(os.path.join(ROOT, "build/mingw/test/lib/ease/stand_a.dll"), of_prefix("drive_c/Program Files/Alto/FilterAPI.dll"))
    with open(of_prefix("drive_c/Program Files/Alto/FilterAPI.dll.ask"), "w", encoding="ascii") as out:
        out.write("Z:" + stack.path("ask"))
    wait_for("the DLL to be found", lambda: host()["driver"]["state"] == "no_key", 150)
    with open(stack.path("key"), "w", encoding="ascii") as out:
        out.write(KEY + "\r\n")
    status, out, err = wine(PROGRAM, "driver", "key", "--key-file", "Z:" + stack.path("key"))
    os.unlink(stack.path("key"))
    tap.equal(status, 0, "driver key (%s %s)" % (out, err))
    wait_for("the driver", lambda: host()["driver"]["state"] == "ok", 150)
    driver = host()["driver"]
    tap.equal((driver["flavour"], driver["has_key"], driver["connected"]), ("cloudtier", True, True), "what it says")
    found = subprocess.run(["grep", "-rlF", KEY, of_prefix(STATE), stack.path("altod")], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL).stdout
    tap.equal(found, b"", "where the key was left")
    status, out, _ = wine(PROGRAM, "driver", "status")
    tap.check(status == 0 and "agent     ok" in out, "driver status: %s" % out)
    state["driver"] = driver


# ---- files ----

def make_files():
    files = {}
    for number, name in enumerate(NAMES):
        for size in SIZES:
            short = name.replace(".", "-%d." % size)
            path = stack.path("data", short)
            os.makedirs(os.path.dirname(path), exist_ok=True)
            content = hashlib.sha256(short.encode()).digest() * (size // 32 + 1)
            with open(path, "wb") as out:
                out.write(content[:size])
            if short.startswith("readonly"):
                os.chmod(path, 0o444)
            os.utime(path, ns=(1600000000 * 10**9 + 123456700 + 100 * number, 1500000000 * 10**9 + 987654300 + 100 * number))
            files[short] = facts(path)
    return files


def facts(path):
    """Of the mode what Windows sees as read-only: Wine makes rights of a mode and a mode of rights, and loses some on the way."""
    st = os.stat(path)
    with open(path, "rb") as f:
        return {"sha256": hashlib.sha256(f.read()).hexdigest(), "size": st.st_size, "mtime": st.st_mtime_ns, "writable": st.st_mode & 0o200, "uid": st.st_uid}


def ask(what, short):
    """What an application would do, done by the stand-in in the agent's process."""
    state["asked"] = number = state.get("asked", 0) + 1
    name = stack.path("ask", "%06d" % number)
    with open(name + ".part", "w", encoding="utf-8") as out:
        out.write("%s Z:%s" % (what, stack.path("data", short)))
    os.rename(name + ".part", name + ".ask")
    wait_for("the stand-in (%s %s)" % (what, short), lambda: os.path.exists(name + ".end") and os.path.getsize(name + ".end") > 0, 30)
    time.sleep(0.01)
    with open(name + ".end", encoding="ascii") as f:
        answer = f.read()
    got = None
    if os.path.exists(name + ".got"):
        with open(name + ".got", "rb") as f:
            got = f.read()
        os.unlink(name + ".got")
    os.unlink(name + ".ask")
    os.unlink(name + ".end")
    return answer, got


def test_a_folder_is_walked_and_its_volume_holds_stubs():
    need("driver")
    stack.start_share()
    os.makedirs(of_prefix("dosdevices/unc/althost"), exist_ok=True)
    os.symlink(stack.share_folder, of_prefix("dosdevices/unc/althost/cold"))
    state["files"] = make_files()
    share = stack.api.post("/shares", {"customer_id": state["customer"]["id"], "name": "cold", "url": "smb://althost/cold/alto"})
    os.makedirs(os.path.join(stack.share_folder, "alto"), exist_ok=True)
    volume = stack.api.post("/volumes", {"host_id": host()["id"], "name": "d", "path": "Z:" + stack.path("data").replace("/", "\\"), "kind": "ntfs",
                                         "share_id": share["id"]})
    now = wait_for("the volume's state", lambda: next((v for v in [stack.api.get("/volumes/" + volume["id"])] if v["state"] != "unknown"), None), 60)
    tap.equal((now["state"], now["way"]["kind"]), ("ok", "stub"), "the volume (%s)" % now["state_text"])
    job = stack.api.job(stack.api.post("/volumes/%s/scan" % volume["id"]), 120)
    tap.equal(job["state"], "done", "the scan (%s)" % job["text"])
    tap.equal(stack.api.get("/volumes/" + volume["id"])["files"], len(state["files"]), "files")
    tap.equal(ask("stub", "plain-70000.mov")[0], "file", "what the stand-in says of a file")
    state["volume"] = volume


def test_doctor_tells_what_there_is():
    need("volume")

    def doctor():
        status, out, err = wine(PROGRAM, "doctor", "Z:" + stack.path("data").replace("/", "\\"), "--json")
        report = json.loads(out)
        return status, err, report, {c["check"]: c for c in report["checks"]}

    # The agent gives a new share its identity when it looks at it, which may be after the volume holds stubs.
    wait_for("the share's identity", lambda: doctor()[3]["share"]["level"] == "ok", 60)
    status, err, report, checks = doctor()
    tap.check({"account", "SeBackupPrivilege", "SeManageVolumePrivilege", "driver", "driver-dll", "driver-key", "service", "filesystem", "last-access", "long-paths", "state", "identity", "server", "volume", "share"} <=
              set(checks), "checks: %s" % sorted(checks))
    for name in ("account", "SeBackupPrivilege", "SeRestorePrivilege", "SeSecurityPrivilege", "SeManageVolumePrivilege", "SeChangeNotifyPrivilege", "driver", "driver-dll", "driver-key", "service", "server", "share", "volume", "identity"):
        tap.equal(checks[name]["level"], "ok", "%s (%s)" % (name, checks[name]["text"]))
    bad = [c for c in report["checks"] if c["level"] == "bad"]
    print("# bad under Wine: %s" % [(c["check"], c["text"]) for c in bad])
    tap.equal((status, report["can"]), (1 if bad else 0, not bad), "what it comes to (%s)" % err)
    status, out, err = wine(PROGRAM, "driver", "install")
    tap.equal((status, out), (0, "installed; see fltmc\r\n"), "driver install (%s)" % err)
    tap.equal(wine(PROGRAM, "driver", "remove")[0], 2, "driver remove without a word about stubs")


def agent_process():
    for path in glob.glob("/proc/[0-9]*/cmdline"):
        try:
            with open(path, "rb") as f:
                words = f.read()
            with open(path.replace("cmdline", "environ"), "rb") as f:
                here = ("WINEPREFIX=" + PREFIX).encode() in f.read()
        except OSError:
            continue
        if here and b"alto-agent.exe" in words and b"--service" in words:
            return int(path.split("/")[2])
    return None


def test_memory_at_rest_is_small():
    need("volume")
    pid = agent_process()
    tap.check(pid is not None, "the agent's process is not to be found")
    time.sleep(3)

    def dirty(of):
        with open("/proc/%d/smaps_rollup" % of) as f:
            return next(int(line.split()[1]) for line in f if line.startswith("Private_Dirty"))
    print("# at rest after a walk: %d KiB private in %d threads; a program of Wine's that does nothing (cmd) has %d KiB" %
          (dirty(pid), len(os.listdir("/proc/%d/task" % pid)), dirty(state["machine"].pid)))
    tap.check(dirty(pid) < 128 << 10, "%d KiB" % dirty(pid))


def large():
    return {short: f for short, f in state["files"].items() if f["size"] > 4096}


def test_files_are_tiered_and_stubs_left():
    volume = need("volume")
    job = stack.api.job(stack.api.post("/volumes/%s/tier" % volume["id"], {"paths": ["/"]}), 170)
    print("# tiered %s, refused %s" % (job["done_files"], job["reasons"]))
    tap.equal((job["state"], job["done_files"]), ("done", len(large())), "the job (%s) %s" % (job["text"], job["reasons"]))
    for short in list(large())[:6]:
        tap.equal(ask("stub", short)[0], "stub", short)
    wait_for("the server to know of all", lambda: stack.api.get("/volumes/" + volume["id"])["stub_files"] == len(large()), 30)
    state["tiered"] = True


def test_what_lies_on_the_share_is_read_through_samba():
    need("tiered")
    wanted = sorted(f["sha256"] for f in large().values())
    to = stack.path("through-samba")
    os.makedirs(to)
    url = re.match(r"smb://([^:/]+):(\d+)/(\w+)", stack.share_url)
    done = subprocess.run(["smbclient", "//%s/%s" % (url[1], url[3]), "-p", url[2], "-U", "%s%%%s" % (stack.share_user, stack.share_password), "-c",
                           "recurse ON; prompt OFF; cd alto; lcd %s; mget *" % to], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
    objects = [p for p in glob.glob(to + "/**/*.*", recursive=True) if os.path.isfile(p) and p.endswith((".mov", ".bin"))]
    found = sorted(facts(p)["sha256"] for p in objects)
    tap.equal(found, wanted, "objects (%s)" % done.stdout.decode("utf-8", "replace")[-300:])


def test_files_come_back_from_the_share_alone():
    """With what the manifests keep besides the bytes, on Windows as far as Wine has it; on Linux it is told what could not be set."""
    need("tiered")
    to = stack.path("rescued")
    status, out, err = wine(COMMAND, "rescue", "--share", "smb://althost/cold/alto", "--to", "Z:" + to, "--json")
    tap.equal(status, 0, "alto.exe rescue (%s %s)" % (out[-300:], err[-300:]))
    said = json.loads(out)
    print("# not set under Wine: %s" % said["not_set"])
    tap.equal((said["restored"], said["failed"]), (len(large()), 0), "what it says")
    tap.check(not {"security", "attributes"} & {n["what"] for n in said["not_set"]}, "not set: %s" % said["not_set"])
    for short, was in large().items():
        tap.equal(facts(os.path.join(to, short)), was, short)
    to = stack.path("rescued-linux")
    done = subprocess.run([binary("alto"), "rescue", "--share", "file://" + os.path.join(stack.share_folder, "alto"), "--to", to, "--json"],
                          stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE, timeout=120)
    tap.equal(done.returncode, 0, "alto rescue (%s)" % done.stderr.decode("utf-8", "replace")[-300:])
    said = json.loads(done.stdout)
    tap.equal((said["restored"], said["failed"], said["incomplete"]), (len(large()), 0, len(large())), "what it says")
    missed = {n["what"]: (n["files"], n["code"], n["kept_as"]) for n in said["not_set"]}
    tap.equal(missed["security"], (len(large()), "not_supported", "xattrs: ntfs.security"), "security")
    for short, was in large().items():
        now = facts(os.path.join(to, short))
        tap.equal((now["sha256"], now["size"], now["mtime"]), (was["sha256"], was["size"], was["mtime"]), short)
        tap.equal(os.stat(os.path.join(to, short)).st_mode & 0o7777, 0o600, "who may read %s" % short)


def test_a_scan_takes_stubs_for_stubs():
    volume = need("volume")
    need("tiered")
    tap.equal(stack.api.job(stack.api.post("/volumes/%s/scan" % volume["id"]), 120)["state"], "done", "the scan")
    time.sleep(3)  # figures follow
    now = stack.api.get("/volumes/" + volume["id"])
    tap.equal((now["files"], now["stub_files"]), (len(state["files"]), len(large())), "files and stubs")


def alto(*words):
    """The command line, logged in."""
    env = dict(os.environ, HOME=stack.path("home"))
    env.pop("XDG_CONFIG_HOME", None)
    if not os.path.exists(env["HOME"]):
        os.makedirs(env["HOME"], mode=0o700)
        alto("login", "admin", "--password-file", stack.path("admin-password"))
    r = subprocess.run([binary("alto"), "--server", stack.api.url, *words], env=env, capture_output=True, text=True, timeout=170, stdin=subprocess.DEVNULL)
    return r.returncode, r.stdout, r.stderr


def copy_stub(short, to):
    """As a backup and its restore would, which keep what makes it a stub: of the stand-in's that is a file of holes."""
    os.makedirs(os.path.dirname(stack.path("data", to)), exist_ok=True)
    subprocess.run(["cp", "--preserve=all", "--sparse=always", stack.path("data", short), stack.path("data", to)], check=True)


def test_a_copied_stub_is_denied_until_it_is_adopted():
    volume = need("volume")
    need("tiered")
    short = next(iter(large()))
    copies = ["restored/a.mov", "restored/below/b.mov", "elsewhere.mov"]
    for copy in copies:
        copy_stub(short, copy)
        tap.equal(ask("read", copy)[0], "denied", "a copy: " + copy)
    job = stack.api.job(stack.api.post("/volumes/%s/scan" % volume["id"]), 120)
    tap.equal(job["state"], "done", "the scan")
    alarms = [e for e in stack.api.items("/audit?act=host.alarm") if e["detail"].get("reason") == "copied_stub"]
    tap.equal(sorted({e["subject"] for e in alarms}), sorted("/" + c for c in copies), "alarms")
    tap.check("alto file adopt" in alarms[0]["detail"]["text"], "the alarm says what to do: %s" % alarms[0]["detail"])
    status, out, err = alto("file", "adopt", "d", "/restored", "/no such", "--wait")
    tap.check(status == 1 and "2 files done" in out and "1 failed" in out and "not_found" in out, "the command says: %d %s %s" % (status, out, err))
    for copy in copies[:2]:
        answer, got = ask("read", copy)
        tap.equal((answer, hashlib.sha256(got or b"").hexdigest()), ("ok", large()[short]["sha256"]), "what was read of " + copy)
    tap.equal(ask("read", copies[2])[0], "denied", "one that nobody asked for")
    events = stack.api.items("/audit?act=file.adopt")
    tap.equal(sorted(e["subject"] for e in events if e["code"] == "ok"), ["/restored/a.mov", "/restored/below/b.mov"], "events")
    for copy in copies:
        os.unlink(stack.path("data", copy))
    os.rmdir(stack.path("data", "restored/below"))
    os.rmdir(stack.path("data", "restored"))
    tap.equal(stack.api.job(stack.api.post("/volumes/%s/scan" % volume["id"]), 120)["state"], "done", "the scan")


def test_stubs_are_read_through_the_driver_and_are_files_again():
    need("tiered")
    for short, was in large().items():
        answer, got = ask("read", short)
        tap.equal((answer, hashlib.sha256(got or b"").hexdigest()), ("ok", was["sha256"]), "what was read of %s" % short)
    for short, was in large().items():
        path = stack.path("data", short)
        now = facts(path)
        tap.equal((now["sha256"], now["size"]), (was["sha256"], was["size"]), short)
        # Time and attributes are the driver's to keep. The stand-in makes a new file; what a real one does only a host can show.
        os.chmod(path, 0o644 if was["writable"] else 0o444)
        os.utime(path, ns=(was["mtime"], was["mtime"]))
    wait_for("the server to know", lambda: stack.api.get("/volumes/" + state["volume"]["id"])["stub_files"] == 0, 60)
    tap.check(host()["driver"]["denied"] == 0, "denied: %s" % host()["driver"])


def test_files_come_back_by_a_job_as_they_were():
    volume = need("volume")
    need("tiered")
    job = stack.api.job(stack.api.post("/volumes/%s/tier" % volume["id"], {"paths": ["/"]}), 170)
    tap.equal(job["done_files"], len(large()), "tiered again (%s) %s" % (job["text"], job["reasons"]))
    job = stack.api.job(stack.api.post("/volumes/%s/recall" % volume["id"], {"paths": ["/"]}), 170)
    tap.equal((job["state"], job["done_files"]), ("done", len(large())), "the recall (%s) %s" % (job["text"], job["reasons"]))
    for short, was in state["files"].items():
        tap.equal(facts(stack.path("data", short)), was, short)


def test_it_comes_back_after_a_power_cut():
    need("tiered")
    pid = agent_process()
    subprocess.run(["wineserver", "-k", "9"], env=ENV, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    state["machine"].wait(30)
    wait_for("the agent to be gone", lambda: agent_process() is None, 30)
    state["machine"] = machine.stay_up()
    wait_for("the service to start with the machine", lambda: agent_process() not in (None, pid), 60)
    time.sleep(3)
    wait_for("the host", lambda: host()["state"] == "online" and host()["driver"]["state"] == "ok", 60)
    job = stack.api.job(stack.api.post("/volumes/%s/tier" % state["volume"]["id"], {"paths_b64": [base64.b64encode(("/" + s).encode()).decode()
                                                                                              for s in large()]}), 170)
    tap.equal(job["done_files"], len(large()), "tiered (%s) %s" % (job["text"], job["reasons"]))
    wait_for("the server to know of all", lambda: stack.api.get("/volumes/" + state["volume"]["id"])["stub_files"] == len(large()), 30)
    state["left"] = len(large())


# ---- going ----

def test_nothing_goes_while_stubs_would_be_left():
    left = need("left")
    status, _, _ = wine("msiexec", "/x", "Z:" + state["msi"], "/qn")
    tap.check(status != 0 and os.path.exists(of_prefix("drive_c/Program Files/Alto/alto-agent.exe")), "it was uninstalled (%d)" % status)
    status, out, err = wine(PROGRAM, "service", "remove")
    tap.check(status == 1 and ("%d stubs" % left) in out and "--recall-first" in err, "it says %s %s" % (out, err))
    tap.check("running" in wine(PROGRAM, "service", "status")[1], "the service is gone")


def test_files_come_back_before_the_service_goes():
    need("left")
    status, out, err = wine(PROGRAM, "service", "remove", "--recall-first")
    tap.equal(status, 0, "service remove (%s %s)" % (out, err))
    for short, was in state["files"].items():
        tap.equal(facts(stack.path("data", short)), was, short)
    tap.check("state     none" in wine(PROGRAM, "service", "status")[1], "the service is there")


def test_the_package_is_taken_away():
    need("left")
    status, out, err = wine("msiexec", "/x", "Z:" + state["msi"], "/qn")
    tap.equal(status, 0, "msiexec (%s %s)" % (out[-300:], err[-300:]))
    left = glob.glob(of_prefix("drive_c/Program Files/Alto/*"))
    tap.equal(sorted(os.path.basename(p) for p in left), ["FilterAPI.dll", "FilterAPI.dll.ask"], "what is left of the program's folder")


try:
    status = tap.run([v for k, v in list(globals().items()) if k.startswith("test_")])
finally:
    if state.get("machine") and state["machine"].poll() is None:
        state["machine"].stdin.close()
        state["machine"].wait(30)
    if os.path.exists(PREFIX):
        subprocess.run(["wineserver", "-k"], env=ENV, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    stack.end("altod")
    if stack.samba:
        stack.samba_do("stop")
    if os.environ.get("ALTO_KEEP") is None:
        shutil.rmtree(stack.folder, ignore_errors=True)
    else:
        print("# kept: " + stack.folder)
sys.exit(status)
