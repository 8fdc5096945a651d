"""gatelab: a gate, a holder and a small agent around a loop image, for tests that need root. Prints TAP."""
import ctypes, ctypes.util, errno, fcntl, json, mmap, os, shutil, signal, subprocess, sys, tempfile, threading, time

BUILD = os.environ.get("ALTO_BUILD", ".")
SOURCE = os.environ.get("ALTO_SOURCE", os.path.join(os.path.dirname(__file__), "..", ".."))
IMAGE = os.path.join(SOURCE, "test/lib/image.sh")
MARKER = "trusted.alto"
libc = ctypes.CDLL(None, use_errno=True)


def why_not():
    """A reason to skip everything, or None."""
    if os.geteuid() != 0:
        return "needs root"
    if not os.path.exists("/dev/loop-control"):
        return "needs loop devices"
    r = subprocess.run([os.path.join(BUILD, "src/gate/alto-gate"), "--help"], capture_output=True)
    return None if r.returncode == 0 else "alto-gate does not start"


PATIENCE = 4  # what happens by itself may take that much longer on a machine that is busy; when it is not, nothing waits that long


def until(what, seconds=10.0):
    seconds *= PATIENCE
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        if what():
            return True
        time.sleep(0.01)
    return False


class Lab:
    def __init__(self, fs="xfs", mib=512, wait_ms=15000, mark=True, hold=True, agent=True):
        # In memory where there is room: a slow disk would make time-outs of what is none.
        roomy = os.path.isdir("/dev/shm") and shutil.disk_usage("/dev/shm").free > (2 << 30)
        self.dir = tempfile.mkdtemp(prefix="alto-lab-", dir="/dev/shm" if roomy else "/tmp")
        self.wait_ms = wait_ms
        self.gate = self.hold = self.agent = None
        self.socket = self.dir + "/run/gate.sock"
        for name in ("orig", "state"):
            os.mkdir(os.path.join(self.dir, name))
        self.log = open(self.dir + "/log", "ab", buffering=0)
        self.mount = subprocess.run([IMAGE, "make", self.dir + "/img", fs, str(mib)], check=True, capture_output=True, text=True).stdout.strip()
        try:
            if hold:
                self.start_hold()
            self.start_gate()
            if mark:
                r = self.ctl("mark", self.mount)
                assert r.returncode == 0, r.stderr
            if agent:
                self.start_agent()
        except BaseException:
            self.end()
            raise

    def __enter__(self):
        return self

    def __exit__(self, *exc):
        if exc[0] is not None:
            sys.stdout.write("".join("# " + line + "\n" for line in open(self.dir + "/log", errors="replace").read().splitlines()[-20:]))
        self.end()

    def program(self, name):
        return os.path.join(BUILD, name)

    def start_hold(self):
        self.hold = subprocess.Popen([self.program("src/gate/alto-hold"), "--socket", self.socket, "--wait-ms", str(self.wait_ms)], stderr=self.log)

    def start_gate(self, wait=True, under=()):
        args = [*under, self.program("src/gate/alto-gate"), "--socket", self.socket, "--conf", "/nonexistent", "--wait-ms", str(self.wait_ms)]
        if self.hold is None:
            args.append("--alone")
        self.gate = subprocess.Popen(args, stderr=self.log)
        if wait:
            assert until(lambda: self.status() is not None), "no gate"
            if self.hold is not None:
                assert until(lambda: self.status()["holders"] > 0), "no holder"

    def start_agent(self):
        self.agent = subprocess.Popen([self.program("test/unit/gate/tagent"), self.socket, self.mount, self.dir + "/orig", self.dir + "/state"],
                                      stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=self.log, text=True, bufsize=1)
        line = self.agent.stdout.readline()
        assert line.startswith("ready"), line

    def ctl(self, *args):
        return subprocess.run([self.program("src/gate/alto-gate"), "--socket", self.socket, *args], capture_output=True, text=True)

    def status(self):
        r = self.ctl("status", "--json")
        return json.loads(r.stdout) if r.returncode == 0 else None

    def ask(self, command):
        self.agent.stdin.write(command + "\n")
        return self.agent.stdout.readline().strip()

    def path(self, name):
        return os.path.join(self.mount, name)

    def write(self, name, data):
        with open(self.path(name), "wb") as f:
            f.write(data)
            f.flush()
            os.fsync(f.fileno())
        return self.path(name)

    def stub(self, name, data):
        """A finished stub of data at name."""
        p = self.write(name, data)
        r = self.ask("tier " + name)
        assert r.startswith("ok"), r
        return p

    def is_stub(self, name):
        try:
            os.getxattr(self.path(name), MARKER)
            return True
        except OSError as e:
            if e.errno == errno.ENODATA:
                return False
            raise

    def kill(self, which, sig=signal.SIGKILL):
        p = getattr(self, which)
        if p is not None:
            p.send_signal(sig)
            p.wait()
            setattr(self, which, None)

    def end(self):
        for which in ("agent", "gate", "hold"):
            if getattr(self, which) is not None:
                self.kill(which)
        subprocess.run([IMAGE, "end", self.dir + "/img"], capture_output=True)
        self.log.close()
        shutil.rmtree(self.dir, ignore_errors=True)


class Reader:
    """A process that runs a function of a path and tells result, errno and seconds. It is a process, since it may have to be killed."""

    def __init__(self, function, *args):
        self.r, w = os.pipe()
        self.pid = os.fork()
        if self.pid == 0:
            begin = time.monotonic()
            try:
                out = ("ok", function(*args))
            except OSError as e:
                out = ("errno", e.errno)
            except BaseException as e:
                out = ("other", repr(e))
            try:
                os.write(w, repr(out + (time.monotonic() - begin,)).encode())
            finally:
                os._exit(0)
        os.close(w)

    def result(self, seconds=20.0):
        """(kind, value, seconds), or None when it still waits after that."""
        import ast, select
        if not select.select([self.r], [], [], seconds * PATIENCE)[0]:
            return None
        text = b""
        while True:
            part = os.read(self.r, 65536)
            if not part:
                break
            text += part
        os.waitpid(self.pid, 0)
        os.close(self.r)
        return ast.literal_eval(text.decode())

    def kill(self):
        os.kill(self.pid, signal.SIGKILL)
        os.waitpid(self.pid, 0)
        os.close(self.r)


def digest(path):
    import hashlib
    with open(path, "rb") as f:
        return hashlib.sha256(f.read()).hexdigest()


def sha(data):
    import hashlib
    return hashlib.sha256(data).hexdigest()


# ---- TAP ----
_tests = []


def test(fn):
    _tests.append(fn)
    return fn


def equal(a, b, what=""):
    if a != b:
        raise AssertionError(f"{what}: {a!r} is not {b!r}")


class Skip(Exception):
    pass


def main():
    import traceback
    reason = why_not()
    only = os.environ.get("ONLY")
    tests = [t for t in _tests if not only or only in t.__name__]
    print(f"1..{len(tests)}")
    bad = 0
    signal.signal(signal.SIGTERM, lambda *_: (_ for _ in ()).throw(KeyboardInterrupt()))
    for i, t in enumerate(tests, 1):
        name = t.__name__.replace("_", " ")
        if reason:
            print(f"ok {i} - {name} # SKIP {reason}", flush=True)
            continue
        try:
            t()
            print(f"ok {i} - {name}", flush=True)
        except Skip as e:
            print(f"ok {i} - {name} # SKIP {e}", flush=True)
        except BaseException as e:
            bad += 1
            for line in traceback.format_exc().splitlines():
                print("# " + line)
            print(f"not ok {i} - {name}", flush=True)
            if isinstance(e, KeyboardInterrupt):
                break
    return 1 if bad else 0
