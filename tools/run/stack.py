"""A whole Alto on this machine: loop-mounted volume, real Samba, altod, gate, hold and agent, each in a folder below one, each ended by its process id.
Used by `make run`, test/e2e, test/torture and bench. Needs root for the volume."""
import json
import os
import shutil
import signal
import subprocess
import time
import urllib.error
import urllib.request

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
BUILD = os.path.join(ROOT, os.environ.get("ALTO_BUILD", "build/gcc"))
MKFS = {"xfs": ["mkfs.xfs", "-q", "-f"], "ext4": ["mkfs.ext4", "-q", "-F"], "btrfs": ["mkfs.btrfs", "-q", "-f"]}


class Failure(Exception):
    """What went wrong, in a sentence for people."""


def binary(name):
    folder = {"altod": "src/server", "alto-agent": "src/agent/run", "alto-gate": "src/gate", "alto-hold": "src/gate", "mount.alto": "src/gate",
              "alto": "src/cli", "readers": "test/torture"}[name]
    path = os.path.join(BUILD, folder, name)
    if not os.path.exists(path):
        raise Failure("%s is not built: run make" % name)
    return path


def run(*command, **options):
    done = subprocess.run(command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE, **options)
    if done.returncode != 0:
        raise Failure("%s: %s" % (" ".join(command[:4]), (done.stderr or done.stdout).decode("utf-8", "replace").strip()[-600:]))
    return done.stdout.decode("utf-8", "replace")


def wait_for(what, test, seconds=20.0):
    end = time.monotonic() + seconds
    while True:
        value = test()
        if value:
            return value
        if time.monotonic() > end:
            raise Failure("gave up waiting for %s after %d s" % (what, seconds))
        time.sleep(0.02)


class ApiError(Exception):
    def __init__(self, status, problem):
        super().__init__("%d %s" % (status, problem.get("detail") or problem.get("title")))
        self.status, self.problem = status, problem


class Api:
    def __init__(self, url):
        self.url, self.token = url, None

    def call(self, method, path, body=None, headers=None, timeout=60):
        request = urllib.request.Request(self.url + "/api/v1" + path, method=method)
        if self.token:
            request.add_header("Authorization", "Bearer " + self.token)
        for name, value in (headers or {}).items():
            request.add_header(name, value)
        data = None
        if body is not None:
            data = json.dumps(body).encode()
            request.add_header("Content-Type", "application/json")
        try:
            with urllib.request.urlopen(request, data, timeout) as reply:
                text = reply.read()
                return json.loads(text) if text else None
        except urllib.error.HTTPError as error:
            text = error.read()
            try:
                problem = json.loads(text)
            except ValueError:
                problem = {"title": text.decode("utf-8", "replace")[:300]}
            raise ApiError(error.code, problem) from None

    def get(self, path):
        return self.call("GET", path)

    def post(self, path, body=None):
        return self.call("POST", path, body if body is not None else {})

    def login(self, name, password):
        self.token = None
        self.token = self.post("/session", {"name": name, "password": password})["token"]

    def items(self, path):
        """All pages of a list."""
        cursor, join = None, "&" if "?" in path else "?"
        while True:
            page = self.get(path + join + "limit=200" + ("&cursor=" + cursor if cursor else ""))
            yield from page["items"]
            cursor = page.get("next_cursor")
            if not cursor:
                return

    def job(self, job, seconds=300):
        """Waits for the end of a job and returns it."""
        ident = job["id"] if isinstance(job, dict) else job

        def ended():
            now = self.get("/jobs/" + ident)
            return now if now["state"] in ("done", "failed", "cancelled") else None
        return wait_for("job " + ident, ended, seconds)


class Stack:
    def __init__(self, folder, fs="xfs", size="4G", share="samba", wait_ms=60000):
        self.folder = os.path.abspath(folder)
        self.fs, self.size, self.share, self.wait_ms = fs, size, share, wait_ms
        self.children = {}
        self.api = None
        self.samba = None
        os.makedirs(self.folder, mode=0o700, exist_ok=True)

    def path(self, *parts):
        return os.path.join(self.folder, *parts)

    @property
    def volume(self):
        return self.path("volume")

    @property
    def socket(self):
        return self.path("gate", "gate.sock")

    # ---- programs ----
    def spawn(self, name, *arguments, pass_fds=(), env=None):
        log = open(self.path(name + ".log"), "ab")
        # A session of its own, so that Ctrl-C reaches only the one who ends them all in order.
        child = subprocess.Popen([binary(name), *arguments], stdin=subprocess.DEVNULL, stdout=log, stderr=log, pass_fds=pass_fds,
                                 start_new_session=True, env=dict(os.environ, **(env or {})))
        log.close()
        self.children[name] = child
        return child

    def alive(self, name):
        child = self.children.get(name)
        return child is not None and child.poll() is None

    def end(self, name, how=signal.SIGTERM, seconds=10):
        child = self.children.pop(name, None)
        if child is None:
            return
        if child.poll() is None:
            child.send_signal(how)
            try:
                child.wait(seconds)
            except subprocess.TimeoutExpired:
                child.kill()
                child.wait()

    def kill(self, name):
        self.end(name, signal.SIGKILL)

    def said(self, name):
        """The last lines of a program's log, for messages."""
        try:
            with open(self.path(name + ".log"), "rb") as log:
                return log.read()[-1500:].decode("utf-8", "replace")
        except OSError:
            return ""

    # ---- parts ----
    def start_share(self):
        if self.share != "samba":
            os.makedirs(self.path("share"), exist_ok=True)
            self.share_url, self.share_user, self.share_password = "file://" + self.path("share"), None, None
            self.share_folder = self.path("share")
            return
        if shutil.which("smbd") is None:
            self.share = "folder"
            return self.start_share()
        port, user, password_file = run(os.path.join(ROOT, "test/lib/samba.sh"), "start", self.path("samba")).split()
        self.samba = self.path("samba")
        self.share_url, self.share_user = "smb://127.0.0.1:%s/share" % port, user
        self.share_password = open(password_file).read().strip()
        self.share_folder = self.path("samba", "share")

    def samba_do(self, verb):
        return run(os.path.join(ROOT, "test/lib/samba.sh"), verb, self.samba)

    def start_gate(self):
        os.makedirs(self.path("gate"), mode=0o700, exist_ok=True)
        self.spawn("alto-gate", "--socket", self.socket, "--wait-ms", str(self.wait_ms))
        wait_for("the gate's socket\n" + self.said("alto-gate"), lambda: os.path.exists(self.socket) and self.alive("alto-gate"))

    def start_hold(self):
        self.spawn("alto-hold", "--socket", self.socket)

    def start_volume(self):
        image, new = self.path("volume.img"), False
        os.makedirs(self.volume, exist_ok=True)
        if not os.path.exists(image):
            self.make_image(image)
            new = True
        if not os.path.ismount(self.volume):
            self.mount(image)
        return new

    def make_image(self, image):
        run("truncate", "-s", self.size, image)
        run(*MKFS[self.fs], image)

    def mount(self, image):
        run(binary("alto-gate"), "--socket", self.socket, "ready", "30")  # a gate marks nothing before alto-hold has come
        run(binary("mount.alto"), image, self.volume, "-o", "socket=" + self.socket)

    def start_altod(self, listen="127.0.0.1:0"):
        reading, writing = os.pipe()
        arguments = ["--data", self.path("altod"), "--listen", listen, "--ready-fd", str(writing), "--password-file", self.path("admin-password")]
        dist = os.path.join(ROOT, "console/dist")
        if os.path.exists(os.path.join(dist, "index.html")):
            arguments += ["--console", dist]
        self.spawn("altod", *arguments, pass_fds=(writing,))
        os.close(writing)
        with os.fdopen(reading) as ready:
            line = ready.readline().split()
        if len(line) != 2 or line[0] != "ready":
            raise Failure("altod did not start:\n" + self.said("altod"))
        token = self.api.token if self.api else None
        self.api = Api(line[1])
        self.api.token = token
        self.listen = line[1].split("//")[1].rstrip("/")

    def admin_password(self):
        return open(self.path("admin-password")).read().strip()

    def start_agent(self, *extra):
        self.spawn("alto-agent", "run", "--state", self.path("agent"), "--gate-socket", self.socket, *extra)

    def enrol(self, customer):
        token = self.api.post("/customers/%s/enrol-tokens" % customer["id"])["token"]
        with open(self.path("token"), "w", opener=lambda p, f: os.open(p, f, 0o600)) as out:
            out.write(token)
        run(binary("alto-agent"), "enrol", "--server", self.api.url, "--token-file", self.path("token"), "--state", self.path("agent"))
        os.unlink(self.path("token"))

    def call_here(self):
        """The agent was enrolled when altod had another address: it is the same altod."""
        path = self.path("agent", "agent.json")
        with open(path) as file:
            known = json.load(file)
        if known["server"] != self.api.url:
            known["server"] = self.api.url
            with open(path + ".new", "w", opener=lambda p, f: os.open(p, f, 0o600)) as out:
                json.dump(known, out)
            os.replace(path + ".new", path)

    # ---- the whole ----
    def start(self, customer="Sample customer", listen="127.0.0.1:0"):
        """Everything up, the volume known to altod. Returns True when the volume is new and empty."""
        self.start_share()
        self.start_gate()
        self.start_hold()
        new = self.start_volume()
        self.start_altod(listen)
        self.api.login("admin", self.admin_password())
        found = [c for c in self.api.items("/customers") if c["name"] == customer]
        self.customer = found[0] if found else self.api.post("/customers", {"name": customer})
        if not os.path.exists(self.path("agent", "agent.json")):
            self.enrol(self.customer)
        self.call_here()
        self.start_agent()
        self.host = wait_for("the agent to call\n" + self.said("alto-agent"), lambda: next(
            (h for h in self.api.items("/hosts?customer_id=" + self.customer["id"]) if h["state"] == "online"), None), 30)
        shares = list(self.api.items("/shares?customer_id=" + self.customer["id"]))
        body = {"customer_id": self.customer["id"], "name": "cold", "url": self.share_url, "user": self.share_user, "password": self.share_password}
        if not shares:
            self.share_noun = self.api.post("/shares", body)
        else:
            self.share_noun = shares[0]
            if shares[0]["url"] != self.share_url:  # Samba came up on another port
                self.share_noun = self.api.call("PATCH", "/shares/" + shares[0]["id"], {"url": self.share_url}, {"If-Match": '"%d"' % shares[0]["version"]})
        volumes = [v for v in self.api.items("/volumes?customer_id=" + self.customer["id"]) if v["name"] == "projects"]
        self.volume_noun = volumes[0] if volumes else self.api.post(
            "/volumes", {"host_id": self.host["id"], "name": "projects", "path": self.volume, "share_id": self.share_noun["id"]})
        return new

    def scan(self):
        return self.api.job(self.api.post("/volumes/%s/scan" % self.volume_noun["id"]))

    def tier(self, where, name="cold"):
        """Adds a rule and runs it; the ended job."""
        rule = self.api.post("/rules", {"volume_id": self.volume_noun["id"], "name": name, "where": where, "action": "tier"})
        return self.api.job(self.api.post("/rules/%s/run" % rule["id"]), 1800)

    def stop(self, remove=False):
        """Ends everything in the order that keeps readers safe: agent, volume, hold, gate."""
        self.end("alto-agent")
        self.end("altod")
        for _ in range(50):
            if not os.path.ismount(self.volume):
                break
            if subprocess.run(["umount", self.volume], stderr=subprocess.DEVNULL).returncode == 0:
                break
            time.sleep(0.1)
        if os.path.ismount(self.volume):
            subprocess.run(["umount", "-l", self.volume], stderr=subprocess.DEVNULL)
        self.end("alto-hold")
        self.end("alto-gate")
        if self.samba:
            subprocess.run([os.path.join(ROOT, "test/lib/samba.sh"), "stop", self.samba], stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        if remove:
            shutil.rmtree(self.folder, ignore_errors=True)
