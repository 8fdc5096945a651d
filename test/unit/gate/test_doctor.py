#!/usr/bin/env python3
"""alto-agent doctor: each thing that makes stubs unsafe is named, and a volume that has none of them is good."""
import contextlib, ctypes, http.server, json, os, subprocess, sys, tempfile, threading, time

sys.path.insert(0, os.path.join(os.environ.get("ALTO_SOURCE", os.path.join(os.path.dirname(__file__), "../../..")), "test/lib"))
from gatelab import *


def doctor(lab, path=None, state=None):
    """(exit code, {check: level}, report)"""
    r = subprocess.run([lab.program("src/agent/run/alto-agent"), "doctor", *([path] if path else []), "--state", state or lab.dir + "/state",
                        "--gate-socket", lab.socket, "--json"], capture_output=True, text=True, timeout=30)
    report = json.loads(r.stdout)
    equal(report["can"], r.returncode == 0, "exit code %d" % r.returncode)
    for c in report["checks"]:
        assert c["level"] == "ok" or c["next"], "no next step: %r" % c
    return r.returncode, {c["check"]: c["level"] for c in report["checks"]}, report


def finds(lab, check, level, code, path=None, state=None):
    rc, found, report = doctor(lab, path or lab.mount, state)
    equal(found.get(check), level, "%s in %r" % (check, report))
    equal(rc, code, repr(report))
    return found


@test
def a_volume_that_can_is_good_on_each_filesystem_and_nothing_stays_behind():
    for fs in ("xfs", "ext4", "btrfs"):
        with Lab(fs=fs) as lab:
            before = os.listdir(lab.mount)
            for _ in range(5):
                rc, found, report = doctor(lab, lab.mount)
                equal(rc, 0, repr(report))
                for check in ("filesystem", "place", "events", "gate", "hold", "agent", "marked", "attributes", "handles", "write", "lease", "holes"):
                    equal(found.get(check), "ok", "%s on %s: %r" % (check, fs, report))
                assert "cost" not in found, report
                equal(found.get("send"), "warn" if fs == "btrfs" else None, repr(report))
            equal(os.listdir(lab.mount), before)
            assert "snapshots" in report["reach"] and "other hosts" in report["reach"]


@test
def an_unmarked_filesystem_cannot():
    with Lab(mark=False) as lab:
        finds(lab, "marked", "bad", 1)


@test
def a_volume_without_a_second_holder_cannot():
    with Lab() as lab:
        lab.kill("hold")
        assert until(lambda: lab.status()["holders"] == 1)
        finds(lab, "hold", "bad", 1)
        lab.kill("agent")
        assert until(lambda: lab.status()["holders"] == 0)
        finds(lab, "hold", "bad", 1)


def listen(path, flags):
    """A fanotify group of this process that watches the filesystem of path."""
    libc = ctypes.CDLL(None, use_errno=True)
    group = libc.fanotify_init(0x1 | flags, os.O_RDONLY)  # FAN_CLOEXEC
    assert group >= 0, ctypes.get_errno()
    r = libc.fanotify_mark(group, 0x1 | 0x100, ctypes.c_uint64(0x8), -100, path.encode())  # ADD, FILESYSTEM; CLOSE_WRITE
    assert r == 0, ctypes.get_errno()
    return group


@test
def somebody_else_who_is_given_descriptors_is_named():
    for fs in ("xfs", "ext4", "btrfs"):
        with Lab(fs=fs) as lab:
            finds(lab, "watchers", "ok", 0)
            group = listen(lab.mount, 0)
            try:
                rc, found, report = doctor(lab, lab.mount)
                equal((rc, found["watchers"]), (0, "warn"), repr(report))
                assert any(str(os.getpid()) in c["text"] for c in report["checks"] if c["check"] == "watchers"), report
            finally:
                os.close(group)
            group = listen(lab.mount, 0x200)  # FAN_REPORT_FID: no descriptors
            try:
                finds(lab, "watchers", "ok", 0)
            finally:
                os.close(group)


@test
def an_absent_agent_is_a_warning():
    with Lab() as lab:
        lab.kill("agent")
        assert until(lambda: lab.status()["holders"] == 1)
        finds(lab, "agent", "warn", 0)


@test
def a_dead_gate_is_told_at_once_and_nothing_is_opened():
    with Lab(wait_ms=30000) as lab:
        lab.kill("gate")
        begin = time.monotonic()
        found = finds(lab, "gate", "bad", 1)
        equal(found["write"], "warn", "not tried")
        assert "holes" not in found
        assert time.monotonic() - begin < 20


@test
def a_read_only_volume_cannot():
    with Lab() as lab:
        lab.kill("agent")
        assert until(lambda: subprocess.run(["mount", "-o", "remount,ro", lab.mount], capture_output=True).returncode == 0)
        finds(lab, "writable", "bad", 1)


@test
def filesystems_without_events_or_of_the_system_or_with_state_cannot():
    with Lab() as lab:
        finds(lab, "filesystem", "bad", 1, path="/proc")
        finds(lab, "place", "bad", 1, state=lab.mount)
        with tempfile.TemporaryDirectory(dir="/tmp") as folder:
            subprocess.run(["mount", "-t", "tmpfs", "none", folder], check=True)
            try:
                finds(lab, "filesystem", "bad", 1, path=folder)
            finally:
                subprocess.run(["umount", folder])
        finds(lab, "path", "bad", 1, path=lab.mount + "/not-there")


@test
def without_a_path_every_mark_of_the_gate_is_looked_at():
    with Lab() as lab:
        equal(doctor(lab)[:2][1]["marked"], "ok")
        lab.kill("agent")
        assert until(lambda: subprocess.run(["umount", lab.mount], capture_output=True).returncode == 0)
        rc, found, _ = doctor(lab)
        equal((rc, found["marked"]), (1, "bad"))


HOST, CUSTOMER, VOLUME, SHARE = ("01arz3ndektsv4rrffq69g5f%s" % end for end in ("av", "aw", "ax", "b1"))


@contextlib.contextmanager
def server(status):
    """A server that knows the agent with the secret "s", or answers as told."""
    class Answer(http.server.BaseHTTPRequestHandler):
        def do_GET(self):
            known = self.headers["Authorization"] == "Bearer %s.s" % HOST and self.path == "/api/v1/agent/config"
            body = json.dumps({"title": "no", "detail": "no", "code": "not_logged_in"} if status != 200 else {}).encode()
            self.send_response(status if known else 500)
            self.send_header("Content-Type", "application/json" if status == 200 else "application/problem+json")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_):
            pass
    httpd = http.server.HTTPServer(("127.0.0.1", 0), Answer)
    threading.Thread(target=httpd.serve_forever, daemon=True).start()
    try:
        yield "http://127.0.0.1:%d" % httpd.server_port
    finally:
        httpd.shutdown()
        httpd.server_close()


def enrolled(lab, url, secret="s", path=None, share=True):
    """A state folder as an enrolled agent leaves it."""
    state = lab.dir + "/enrolled"
    os.makedirs(state, mode=0o700, exist_ok=True)
    with open(state + "/agent.json", "w") as f:
        json.dump({"host_id": HOST, "customer_id": CUSTOMER, "server": url, "secret": secret}, f)
    with open(state + "/config.json", "w") as f:
        json.dump({"version": 1, "host_id": HOST, "customer_id": CUSTOMER, "limits": {"recall_wait_ms": 60000, "workers": 4},
                   "volumes": [{"id": VOLUME, "name": "v", "path": path or lab.mount, "kind": "posix", "share_id": SHARE if share else None,
                                "marker_key": "00" * 32, "tracked_only": False}],
                   "shares": [{"id": SHARE, "name": "s", "url": "file://%s/share" % lab.dir, "user": None, "password": None}]}, f)
    return state


@test
def a_host_that_is_not_enrolled_is_told_to():
    with Lab() as lab:
        finds(lab, "identity", "warn", 0)
        finds(lab, "state", "warn", 0, state=lab.dir + "/not-there")


@test
def an_enrolled_host_is_good_with_its_server_and_share():
    with Lab() as lab, server(200) as url:
        os.mkdir(lab.dir + "/share")
        with open(lab.dir + "/share/alto-share.json", "w") as f:
            json.dump({"format": 1, "customer_id": CUSTOMER, "made": "2026-11-23T08:30:00Z"}, f)
        state = enrolled(lab, url)
        os.mkdir(state + "/spool")
        for path in (lab.mount, lab.mount + "/below"):
            os.makedirs(path, exist_ok=True)
            rc, found, report = doctor(lab, path, state)
            equal(rc, 0, repr(report))
            for check in ("state", "identity", "spool", "server", "volume", "share"):
                equal(found.get(check), "ok", "%s: %r" % (check, report))


@test
def a_volume_that_is_held_for_another_filesystem_is_said_to_be():
    for fs in ("xfs", "ext4"):
        with Lab(fs=fs) as lab:
            state = enrolled(lab, "http://127.0.0.1:9")
            known = state + "/filesystems.json"
            if fs == "xfs":
                own = subprocess.run(["findmnt", "-n", "-o", "UUID", lab.mount], capture_output=True, text=True).stdout.strip().replace("-", "")
            else:
                own = os.statvfs(lab.mount).f_fsid.to_bytes(16, "little").hex()

            def remember(fs_id):
                with open(known, "w") as f:
                    json.dump({lab.mount: {"fs": fs_id, "volume_id": VOLUME}}, f)

            assert "mounted" not in doctor(lab, lab.mount, state)[1]  # not seen yet: nothing is said, nothing is kept
            assert not os.path.exists(known)
            remember(own)
            finds(lab, "mounted", "ok", 0, state=state)
            remember("00" * 16)
            for path in (lab.mount, lab.mount + "/below"):
                os.makedirs(path, exist_ok=True)
                rc, found, report = doctor(lab, path, state)
                equal((rc, found.get("mounted")), (1, "bad"), repr(report))
                said = [c for c in report["checks"] if c["check"] == "mounted"][0]
                assert "held" in said["text"] and lab.mount in said["text"], said
                assert "alto-agent accept --state %s %s" % (state, lab.mount) in said["next"], said
            with open(known) as f:
                assert "00" * 16 in f.read()  # doctor only looks
            with open(known, "w") as f:
                f.write("{")
            finds(lab, "mounted", "bad", 1, state=state)


@test
def what_only_stops_tiering_or_recalls_is_a_warning_and_says_what():
    with Lab() as lab:
        with server(401) as url:
            finds(lab, "server", "warn", 0, state=enrolled(lab, url))
            finds(lab, "share", "warn", 0, state=enrolled(lab, url))  # a folder that is not there
        begin = time.monotonic()
        finds(lab, "server", "warn", 0, state=enrolled(lab, url))  # nobody listens any more
        assert time.monotonic() - begin < 30
        finds(lab, "volume", "warn", 0, state=enrolled(lab, url, path=lab.mount + "-other"))
        finds(lab, "volume", "warn", 0, state=enrolled(lab, url, share=False))
        state = enrolled(lab, url)
        os.chmod(state, 0o755)
        finds(lab, "state", "warn", 0, state=state)
        with open(state + "/agent.json", "w") as f:
            f.write("{")
        finds(lab, "identity", "warn", 0, state=state)


@test
def a_spool_or_state_that_cannot_be_used_is_bad():
    with Lab() as lab:
        state = enrolled(lab, "http://127.0.0.1:9")
        with open(state + "/spool", "w"):
            pass
        finds(lab, "spool", "bad", 1, state=state)
        finds(lab, "state", "bad", 1, state=state + "/agent.json")


@test
def people_read_a_line_for_each_check():
    with Lab() as lab:
        r = subprocess.run([lab.program("src/agent/run/alto-agent"), "doctor", lab.mount, "--state", lab.dir + "/state", "--gate-socket", lab.socket],
                           capture_output=True, text=True, timeout=30)
        equal(r.returncode, 0, r.stdout)
        for word in ("kernel", "filesystem", "marked", "holes", "lease"):
            assert any(line.split()[:2] == ["ok", word] for line in r.stdout.splitlines()), r.stdout
        equal(subprocess.run([lab.program("src/agent/run/alto-agent"), "doctor", "a", "b"], capture_output=True).returncode, 2)


sys.exit(main())
