#!/usr/bin/python3
"""The life of the Windows package as far as Wine's msiexec and service manager play it: installed, a later version over it, an older one refused, repaired,
its service killed, uninstalled with stubs left, installed again. What Wine does not play stands in doc/ops/windows.md."""
import glob
import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
import uuid

HERE = os.path.dirname(os.path.abspath(__file__))
ROOT = os.path.dirname(os.path.dirname(HERE))
sys.path[:0] = [os.path.join(HERE, "../lib"), os.path.join(HERE, "../../tools/run")]
import tap  # noqa: E402
from stack import Stack, wait_for  # noqa: E402
from winehost import WineHost  # noqa: E402

VERSION = open(os.path.join(ROOT, "VERSION")).read().strip()
OLDER = "0.0.1"
AGENT, CLI = "build/mingw/src/agent/run/alto-agent.exe", "build/mingw/src/cli/alto.exe"
PROGRAM = "C:\\Program Files\\Alto\\alto-agent.exe"
UNINSTALL = "HKLM\\Software\\Microsoft\\Windows\\CurrentVersion\\Uninstall"
stack = Stack(tempfile.mkdtemp(prefix="alto-winpkg-"), share="folder")
machine = WineHost(stack)
wine, PREFIX, ENV = machine.run, machine.prefix, machine.env
state = {}


def msiexec(*arguments):
    return wine("msiexec", *arguments, "/qn", "/l*v", "Z:" + stack.path("msi.log"), seconds=300)


def need(what):
    if what not in state:
        raise tap.Skip("there is no %s" % what)
    return state[what]


def of_program(name):
    return os.path.join(PREFIX, "drive_c/Program Files/Alto", name)


def host():
    hosts = list(stack.api.items("/hosts?customer_id=" + state["customer"]["id"]))
    tap.equal(len(hosts), 1, "hosts")
    return hosts[0]


def service():
    status, out, err = wine(PROGRAM, "service", "status", "--json")
    tap.check(out.startswith("{"), "service status: %d %s %s" % (status, out, err))
    return json.loads(out)


def products():
    """Name and version of what Windows would show of ours under installed programs."""
    found, name = [], None
    for line in wine("reg", "query", UNINSTALL, "/s")[1].splitlines():
        words = line.split(None, 2)
        if words[:1] == ["DisplayName"]:
            name = words[2]
        if words[:1] == ["DisplayVersion"] and name == "Alto agent":
            found.append(words[2])
        if not words:
            name = None
    return found


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


def online(since=None):
    """The running agent calls, and later than `since`."""
    return wait_for("the host", lambda: next((h for h in [host()] if h["state"] == "online" and h["last_seen_at"] != since), None), 60)


def package(version, cli, to):
    """As tools/msi.sh makes it of a source of that version."""
    source = stack.path("source-" + version)
    for name in ("tools/msi.sh", "packaging/windows/alto.wxs"):
        os.makedirs(os.path.dirname(os.path.join(source, name)), exist_ok=True)
        shutil.copy(os.path.join(ROOT, name), os.path.join(source, name))
    with open(os.path.join(source, "VERSION"), "w", encoding="ascii") as out:
        out.write(version + "\n")
    done = subprocess.run([os.path.join(source, "tools/msi.sh"), os.path.join(ROOT, AGENT), os.path.join(ROOT, cli), to], stdin=subprocess.DEVNULL,
                          stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
    tap.equal(done.returncode, 0, "tools/msi.sh (%s)" % done.stdout.decode("utf-8", "replace")[-400:])


def test_two_versions_are_built():
    for program in ("wine", "wixl", "msibuild", "x86_64-w64-mingw32-gcc-posix"):
        if shutil.which(program) is None:
            raise tap.Skip("%s is not installed" % program)
    built = subprocess.run([os.path.join(ROOT, "tools/build.sh"), "mingw", "src/agent/run/alto-agent.exe", "src/cli/alto.exe"], stdin=subprocess.DEVNULL,
                           stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
    tap.equal(built.returncode, 0, "the build (%s)" % built.stdout.decode("utf-8", "replace")[-800:])
    package(OLDER, AGENT, stack.path("older.msi"))  # whose alto.exe is another program, so that one sees which is there
    package(VERSION, CLI, stack.path("alto.msi"))
    state["older"], state["msi"] = "Z:" + stack.path("older.msi"), "Z:" + stack.path("alto.msi")


def test_the_older_one_is_installed():
    older = need("older")
    stack.start_altod()
    stack.api.login("admin", stack.admin_password())
    state["customer"] = stack.api.post("/customers", {"name": "Windows customer"})
    token = stack.api.post("/customers/%s/enrol-tokens" % state["customer"]["id"])["token"]
    state["machine"] = machine.stay_up()
    status, out, err = msiexec("/i", older, "SERVER=" + stack.api.url, "TOKEN=" + token, "HOSTNAME=winhost")
    tap.equal(status, 0, "msiexec (%s %s)" % (out[-300:], err[-300:]))
    state["host"] = online()["id"]
    tap.equal(products(), [OLDER], "installed programs")
    state["older size"] = os.path.getsize(of_program("alto.exe"))
    status, out, err = wine(PROGRAM, "service", "install", "--account", "LocalSystem")  # what somebody may have had to choose for the driver
    tap.equal((status, service()["account"]), (0, "LocalSystem"), "the account (%s)" % err)
    state["installed"] = True


def test_a_later_version_takes_its_place():
    """In the two steps that Windows makes of it: the older one goes, told that it is for a later one; then that one comes. Wine's msiexec does not tell the older
    one, which then refuses to go, for fear of stubs."""
    need("installed")
    before, seen = agent_process(), host()["last_seen_at"]
    status, out, err = msiexec("/x", state["older"], "UPGRADINGPRODUCTCODE={%s}" % uuid.uuid4())
    tap.equal(status, 0, "the older one goes (%s %s)" % (out[-300:], err[-300:]))
    tap.equal((products(), os.path.exists(of_program("alto.exe"))), ([], False), "what is left of it")
    wait_for("the service to stop", lambda: agent_process() is None, 30)  # Wine's msiexec does not wait for it, and leaves its file where it runs still
    status, out, _ = wine("reg", "query", "HKLM\\SYSTEM\\CurrentControlSet\\Services\\alto-agent", "/v", "ObjectName")
    tap.check("LocalSystem" in out, "the service is not left as it was: %s" % out)
    status, out, err = msiexec("/i", state["msi"])
    tap.equal(status, 0, "msiexec (%s %s)" % (out[-300:], err[-300:]))
    tap.equal(products(), [VERSION], "installed programs")
    tap.check(os.path.getsize(of_program("alto.exe")) != state["older size"], "alto.exe is the older one")
    now = service()
    tap.equal((now["state"], now["account"]), ("running", "LocalSystem"), "the service")
    tap.check(agent_process() not in (None, before), "the service's process is the older one's")
    tap.equal(online(seen)["id"], state["host"], "the host")
    state["later"] = True


def test_an_older_one_is_refused():
    need("later")
    size = os.path.getsize(of_program("alto.exe"))
    status, _, _ = msiexec("/i", state["older"])
    tap.check(status != 0, "it was installed over a later one")
    tap.equal((products(), os.path.getsize(of_program("alto.exe")), service()["state"]), ([VERSION], size, "running"), "what is there")


def test_a_repair_brings_back_what_is_missing_and_sets_nothing_up():
    need("later")
    size, seen = os.path.getsize(of_program("alto.exe")), host()["last_seen_at"]
    os.unlink(of_program("alto.exe"))
    # What msiexec /fa does; Wine's takes no package for it.
    status, out, err = msiexec("/i", state["msi"], "REINSTALL=ALL", "REINSTALLMODE=amus", "ACCOUNT=NT AUTHORITY\\LocalService", "SERVER=http://127.0.0.1:1", "TOKEN=x")
    tap.equal(status, 0, "msiexec (%s %s)" % (out[-300:], err[-300:]))
    tap.equal(os.path.getsize(of_program("alto.exe")), size, "alto.exe")
    now = service()
    tap.equal((now["state"], now["account"]), ("running", "LocalSystem"), "the service")
    tap.equal(online(seen)["id"], state["host"], "the host")


def test_doctor_names_the_account_and_its_rights():
    need("later")
    status, out, err = wine(PROGRAM, "doctor", "--json")
    checks = {c["check"]: c for c in json.loads(out)["checks"]}
    tap.check("account" in checks and checks["account"]["level"] == "ok" and "the service runs as" in checks["account"]["text"], "account: %s" % checks.get("account"))
    for name in ("SeBackupPrivilege", "SeRestorePrivilege", "SeSecurityPrivilege", "SeManageVolumePrivilege", "SeChangeNotifyPrivilege"):
        tap.check(name in checks and checks[name]["text"], "%s: %s" % (name, checks.get(name)))
        tap.check(checks[name]["level"] == "ok" or checks[name]["next"], "nothing to do about %s" % checks[name])
    print("# %s" % [(c["check"], c["level"], c["text"]) for n, c in checks.items() if n.startswith("Se") or n == "account"])
    status, out, err = wine(PROGRAM, "doctor")
    tap.check("SeBackupPrivilege" in out, "for people: %s" % out[:300])


def test_a_service_that_died_is_started_again():
    need("later")
    pid, seen = agent_process(), host()["last_seen_at"]
    os.kill(pid, signal.SIGKILL)
    end = time.time() + 15
    while time.time() < end and agent_process() in (None, pid):
        time.sleep(0.5)
    if agent_process() not in (None, pid):
        tap.equal(online(seen)["id"], state["host"], "the host")
        return
    # Wine's manager starts nothing again, and takes the dead one for running: only a restart of the machine brings it back.
    checks = {c["check"]: c for c in json.loads(wine(PROGRAM, "doctor", "--json")[1])["checks"]}
    tap.equal((checks["account"]["level"], "not_found" in checks["account"]["text"]), ("warn", True), "doctor (%s)" % checks["account"])
    subprocess.run(["wineserver", "-k", "9"], env=ENV, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    state["machine"].wait(30)
    state["machine"] = machine.stay_up()
    tap.equal(online(seen)["id"], state["host"], "the host")
    raise tap.Skip("Wine's manager of services does not start again what died; with the machine it starts")


def test_it_is_uninstalled_with_stubs_left_when_told():
    need("later")
    status, _, _ = msiexec("/x", state["msi"])
    tap.check(status != 0 and service()["state"] == "running", "it went without a word about stubs (%d)" % status)
    status, out, err = msiexec("/x", state["msi"], "LEAVESTUBS=1")
    tap.equal(status, 0, "msiexec (%s %s)" % (out[-300:], err[-300:]))
    tap.equal((products(), glob.glob(of_program("*")), agent_process()), ([], [], None), "what is left")
    status, out, _ = wine("reg", "query", "HKLM\\SYSTEM\\CurrentControlSet\\Services\\alto-agent")
    tap.check(status != 0, "the service is left: %s" % out)
    status, out, _ = wine("reg", "query", "HKLM\\SYSTEM\\CurrentControlSet\\Services\\EventLog\\Application\\alto-agent")
    tap.check(status != 0, "the event source is left: %s" % out)
    tap.check(os.path.exists(os.path.join(PREFIX, "drive_c/ProgramData/Alto/agent/agent.json")), "who the host is was removed")
    state["gone"] = True


def test_it_comes_again_as_the_same_host():
    need("gone")
    seen = host()["last_seen_at"]
    status, out, err = msiexec("/i", state["msi"])
    tap.equal(status, 0, "msiexec (%s %s)" % (out[-300:], err[-300:]))
    tap.equal((service()["state"], online(seen)["id"]), ("running", state["host"]), "service and host")


try:
    status = tap.run([v for k, v in list(globals().items()) if k.startswith("test_")])
finally:
    if state.get("machine") and state["machine"].poll() is None:
        state["machine"].stdin.close()
    if os.path.exists(PREFIX):
        subprocess.run(["wineserver", "-k"], env=ENV, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    stack.end("altod")
    if os.environ.get("ALTO_KEEP") is None:
        shutil.rmtree(stack.folder, ignore_errors=True)
    else:
        print("# kept: " + stack.folder)
sys.exit(status)
