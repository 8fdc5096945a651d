"""A FUSE mount that plays the filespace: bindfs over a folder, typed as LucidLink's are (fuse.NAME). Other clients' work is done to the folder behind it, so that this
host hears of it only by looking, as with the real one. Ended by its process id."""
import ctypes
import os
import shutil
import subprocess
import time

LIBC = ctypes.CDLL(None, use_errno=True)
MS_NOSUID, MS_NODEV, MNT_DETACH = 2, 4, 2
NOBODY = 65534


class NoFuse(Exception):
    """FUSE cannot be had here, and why."""


def why_not():
    """Empty where a mount can be made."""
    if os.geteuid() != 0:
        return "mounting needs root"
    if not os.path.exists("/dev/fuse"):
        return "there is no /dev/fuse"
    return "" if shutil.which("bindfs") else "bindfs is not installed"


class Filespace:
    def __init__(self, back, mount):
        self.back, self.mount, self.process = os.path.abspath(back), os.path.abspath(mount), None
        for folder in (self.back, self.mount):
            os.makedirs(folder, exist_ok=True)

    def start(self, seconds=10):
        if why_not():
            raise NoFuse(why_not())
        self.process = subprocess.Popen(["bindfs", "-f", "-o", "subtype=lucidlink", self.back, self.mount], stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
                                        stderr=subprocess.PIPE, start_new_session=True)
        end = time.monotonic() + seconds
        while not os.path.ismount(self.mount):
            if self.process.poll() is not None or time.monotonic() > end:
                said = self.process.stderr.read().decode("utf-8", "replace") if self.process.poll() is not None else "it does not come up"
                self.stop()
                raise NoFuse("bindfs: " + said.strip()[-300:])
            time.sleep(0.02)
        return self

    def stop(self):
        if os.path.ismount(self.mount):
            for _ in range(50):
                if subprocess.run(["umount", self.mount], stdin=subprocess.DEVNULL, stderr=subprocess.DEVNULL).returncode == 0:
                    break
                time.sleep(0.1)
            else:
                LIBC.umount2(os.fsencode(self.mount), MNT_DETACH)
        if self.process is not None:
            try:
                self.process.wait(5)
            except subprocess.TimeoutExpired:
                self.process.terminate()
                self.process.wait()
            self.process.stderr.close()
            self.process = None


class Denied:
    """Makes a folder one that even root may not open: a FUSE mount of somebody else's, who did not allow others. Nobody answers it: the kernel says EACCES before it asks."""

    def __init__(self, folder):
        self.folder, self.fd = os.fsencode(folder), os.open("/dev/fuse", os.O_RDWR | os.O_CLOEXEC)
        text = b"fd=%d,rootmode=40000,user_id=%d,group_id=%d" % (self.fd, NOBODY, NOBODY)
        if LIBC.mount(b"denied", self.folder, b"fuse", MS_NOSUID | MS_NODEV, text) != 0:
            number = ctypes.get_errno()
            os.close(self.fd)
            raise OSError(number, os.strerror(number), folder)

    def end(self):
        LIBC.umount2(self.folder, MNT_DETACH)
        os.close(self.fd)
