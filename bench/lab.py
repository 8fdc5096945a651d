"""Where the bench is done: a whole Alto with a Samba of its own, a second image that nobody has marked for the peers, and the peers."""
import os
import random
import shutil
import subprocess
import sys
import tempfile
import time

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(HERE, "../tools/run"))
from stack import BUILD, MKFS, Failure, Stack, run, wait_for  # noqa: E402

MARKER = "trusted.alto"
KEEP_BLOCKS = {"xfs": "-K"}  # or the image would be full of holes again
PIECE = random.Random(1).randbytes(1 << 20)


def tool(name, *arguments):
    path = os.path.join(BUILD, "bench", name)
    if not os.path.exists(path):
        raise Failure("bench/%s is not built: run make" % name)
    return run(path, *arguments)


def settle():
    """Nobody pays for what another one left dirty."""
    os.sync()


def drop_caches(what):
    os.sync()
    with open("/proc/sys/vm/drop_caches", "w") as f:
        f.write("%d\n" % what)


def timed(function, *arguments):
    began = time.monotonic()
    function(*arguments)
    return time.monotonic() - began


def content(number, size):
    """The pieces of file `number`: no two files are alike."""
    left, head = size, number.to_bytes(8, "little")
    while left > 0:
        part = PIECE[:min(left, len(PIECE))]
        yield head[:len(part)] + part[8:]
        left -= len(part)


def fill(folder, count, size):
    os.makedirs(folder)
    for i in range(count):
        with open(os.path.join(folder, "f%06d.bin" % i), "wb", buffering=0) as out:
            for part in content(i, size):
                out.write(part)
    os.sync()


class Lab(Stack):
    def __init__(self, folder, size):
        super().__init__(tempfile.mkdtemp(prefix="alto-bench-", dir=folder), fs="xfs", size=size)
        os.chmod(self.folder, 0o755)
        self.size, self.scanned = size, {}
        try:
            self.start()
            self.start_image(self.plain)
        except BaseException:
            self.end_all()
            raise

    # ---- images ----
    def make_image(self, image):
        """Every block of it was written once, as on a disk in use: blocks that the filesystem below has yet to find cost a commit of its own journal with
        each flush, and blocks that a virtual disk has yet to find several times as much as others."""
        with open(image, "wb", buffering=0) as out:
            for _ in range(self.size // len(PIECE)):
                out.write(PIECE)
            os.fsync(out.fileno())
        run(*MKFS[self.fs], KEEP_BLOCKS[self.fs], image)

    def mount_image(self, image, mount):
        """Like a disk: what the filesystem writes goes past the page cache of the one below, so that nothing is kept or written twice."""
        device = run("losetup", "--find", "--show", "--direct-io=on", image).strip()
        try:
            mount(device)
        finally:
            run("losetup", "--detach", device)  # when the last one closes it

    def mount(self, image):
        self.mount_image(image, super().mount)

    # ---- images beside the volume's: one without a mark, one below the share ----
    @property
    def plain(self):
        return self.path("plain")

    @property
    def disk(self):
        return self.path("samba", "share")

    def start_image(self, folder):
        os.makedirs(folder)
        self.make_image(folder + ".img")
        self.mount_image(folder + ".img", lambda device: run("mount", device, folder))

    def start_share(self):
        self.start_image(self.disk)
        super().start_share()

    def end_image(self, folder):
        for _ in range(50):
            if not os.path.ismount(folder) or subprocess.run(["umount", folder], stderr=subprocess.DEVNULL).returncode == 0:
                break
            time.sleep(0.1)
        if os.path.ismount(folder):
            subprocess.run(["umount", "-l", folder], stderr=subprocess.DEVNULL)

    def end_all(self):
        self.end_image(self.plain)
        self.stop()
        self.end_image(self.disk)
        shutil.rmtree(self.folder, ignore_errors=True)

    # ---- files ----
    def peer_folder(self, name, count, size):
        folder = os.path.join(self.plain, name)
        if not os.path.isdir(folder):
            fill(folder, count, size)
        return folder

    def alto_folder(self, name, count, size):
        folder = os.path.join(self.volume, name)
        if not os.path.isdir(folder):
            fill(folder, count, size)
            self.scan_done(self.volume_noun)
        return folder

    def scan_done(self, volume):
        job = self.api.job(self.api.post("/volumes/%s/scan" % volume["id"]), 900)
        if job["state"] != "done":
            raise Failure("the scan is %s: %s" % (job["state"], job.get("text")))
        return job

    def rule(self, name):
        where = 'path matches "/%s/**"' % name
        for rule in self.api.items("/rules?volume_id=" + self.volume_noun["id"]):
            if rule["name"] == name:
                return rule
        return self.api.post("/rules", {"volume_id": self.volume_noun["id"], "name": name, "where": where, "action": "tier"})

    def known_stubs(self):
        return self.api.get("/volumes/" + self.volume_noun["id"])["stub_files"]

    # ---- Alto's work ----
    def run_rule(self, rule):
        began = time.monotonic()
        job = self.api.job(self.api.post("/rules/%s/run" % rule["id"]), 3600)
        took = time.monotonic() - began
        if job["state"] != "done":
            raise Failure("the job is %s: %s" % (job["state"], job["reasons"]))
        return took, job

    def tier(self, name, folder, count):
        """Runs the rule of that name; the seconds from the request until the job is done, with each file checked to be a stub then. Should somebody else
        on this machine have looked into a file just then, it is refused: one in a thousand may be, and is tiered untimed afterwards."""
        rule = self.rule(name)
        wait_for("the inventory to know that all is resident", lambda: self.known_stubs() == 0, 60)
        settle()
        took, job = self.run_rule(rule)
        done = job["done_files"]
        if done < count - count // 1000:
            raise Failure("tiered %d of %d: %s" % (done, count, job["reasons"]))
        took *= count / done
        for _ in range(5):
            if done == count:
                break
            done += self.run_rule(rule)[1]["done_files"]
        for entry in os.scandir(folder):
            os.getxattr(entry.path, MARKER)
            if entry.stat().st_blocks > 16:
                raise Failure("%s still has its blocks" % entry.name)
        return took

    def recall(self, folder, readers, count, size):
        """The seconds until so many readers have read all of it; then each file has its content and no marker."""
        settle()
        took, got = tool("read_all", str(readers), folder).split()
        if int(got) != count * size:
            raise Failure("read %s bytes of %d" % (got, count * size))
        for entry in os.scandir(folder):
            if MARKER in os.listxattr(entry.path):
                raise Failure("%s is still a stub" % entry.name)
        for i in random.sample(range(count), min(count, 20)):
            with open(os.path.join(folder, "f%06d.bin" % i), "rb") as f:
                for part in content(i, size):
                    if f.read(len(part)) != part:
                        raise Failure("file %d has other bytes than were tiered" % i)
        return float(took)

    def forget_objects(self):
        """What recalled files left on the share goes, so that a long run does not fill the disk."""
        wait_for("the recalls to be told", lambda: self.known_stubs() == 0, 60)
        for name in ("objects", "incoming"):
            run("find", os.path.join(self.share_folder, name), "-type", "f", "-delete")

    # ---- peers ----
    def smb_address(self):
        return self.share_url.split("//")[1].split("/")[0].split(":")

    def smbclient(self, commands, cwd):
        host, port = self.smb_address()
        auth = self.path("smbclient-auth")
        with open(auth, "w", opener=lambda p, f: os.open(p, f, 0o600)) as out:
            out.write("username = %s\npassword = %s\n" % (self.share_user, self.share_password))
        return run("smbclient", "//%s/share" % host, "-p", port, "-A", auth, "-c", commands, cwd=cwd)

    def rclone(self, folder, to):
        host, port = self.smb_address()
        secret = run("rclone", "obscure", self.share_password).strip()
        env = dict(os.environ, RCLONE_CONFIG_B_TYPE="smb", RCLONE_CONFIG_B_HOST=host, RCLONE_CONFIG_B_PORT=port, RCLONE_CONFIG_B_USER=self.share_user,
                   RCLONE_CONFIG_B_PASS=secret, RCLONE_CONFIG=os.devnull)
        run("rclone", "copy", folder, "b:share/" + to, env=env)

    def on_share(self, name):
        return os.path.join(self.share_folder, name)

    def check_copy(self, folder, count, size):
        """A peer that did less than all is no peer."""
        found = [e.stat().st_size for e in os.scandir(folder) if e.is_file()]
        if len(found) != count or sum(found) != count * size:
            raise Failure("the peer copied %d files and %d bytes" % (len(found), sum(found)))

    def clear(self, path):
        shutil.rmtree(path, ignore_errors=True)
        if os.path.exists(path):
            os.unlink(path)
