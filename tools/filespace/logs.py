"""The files below .lucid_audit: one client's file at a time, `.active` while it is written to, renamed when it rotates; and what goes wrong with them."""
import os

from lines import iso

ROTATE_US = 15 * 60 * 1000000


class NodeLog:
    """Lines of one client. Not told to any file while the client is offline: they come with `online`."""

    def __init__(self, root, node, padded=True, deeper=False):
        self.root, self.node, self.padded, self.deeper = root, node, padded, deeper
        self.file, self.path, self.begun_us, self.held, self.hole = None, None, 0, b"", None
        self.waiting, self.offline, self.first, self.left = [], False, None, []

    def folder(self, stamp):
        year, month = stamp[:4], stamp[5:7] if self.padded else str(int(stamp[5:7]))
        parts = [self.root, ".lucid_audit", str(self.node), year, month] + ([stamp[8:10]] if self.deeper else [])
        return os.path.join(*parts)

    def begin(self, us):
        us = max(us, self.begun_us // 1000000 * 1000000 + 1000000)  # no two of one name
        stamp = iso(us)[0]
        folder = self.folder(stamp)
        os.makedirs(folder, exist_ok=True)
        self.begun_us = us
        self.path = os.path.join(folder, stamp.replace(":", ".") + "Z.log.active")
        self.file = open(self.path, "ab", buffering=1 << 16)
        if self.first is not None:  # what this client writes at the front of each file: a byte order mark
            self.file.write(self.first)

    def write(self, us, line):
        if self.offline:
            self.waiting.append((us, line))
            return
        if self.file is None:
            self.begin(us)
        self.settle()
        self.file.write(line)

    def write_in_two(self, us, line, at):
        """A part now, the rest with whatever comes next."""
        self.write(us, line[:at])
        if not self.offline:
            self.file.flush()
            self.held = line[at:]
        else:
            self.waiting[-1] = (us, line)

    def write_late(self, us, line):
        """The size is there before the bytes: NULs that are filled in with whatever comes next."""
        if self.offline or len(line) < 2:
            return self.write(us, line)
        if self.file is None:
            self.begin(us)
        self.settle()
        self.file.flush()
        at = os.fstat(self.file.fileno()).st_size
        os.ftruncate(self.file.fileno(), at + len(line))
        self.hole = (at, line)

    def settle(self):
        if self.held:
            held, self.held = self.held, b""
            self.file.write(held)
        if self.hole:
            (at, line), self.hole = self.hole, None
            self.file.flush()
            with open(self.path, "r+b", buffering=0) as out:
                out.seek(at)
                out.write(line)
            self.file.seek(0, os.SEEK_END)

    def flush(self):
        if self.file is not None:
            self.file.flush()

    def finish(self):
        if self.file is not None:
            self.settle()
            self.flush()

    # ---- what ends a file ----
    def due(self, us):
        return self.file is not None and us - self.begun_us >= ROTATE_US

    def rotate(self, both=False, last=None):
        """Renamed. both: for a while there under both names. last: a line that has no end."""
        if self.file is None:
            return
        self.settle()
        if last is not None:
            self.file.write(last)
        self.file.close()
        closed = self.path[:-len(".active")]
        if both:
            with open(self.path, "rb") as there, open(closed + ".part", "wb") as out:
                out.write(there.read())
            os.rename(closed + ".part", closed)
            self.left.append(self.path)
        else:
            os.rename(self.path, closed)
        self.file = self.path = None

    def tidy(self):
        """Those that were there under both names are so no longer."""
        for path in self.left:
            os.unlink(path)
        self.left = []

    def crash(self, torn=b""):
        """Stays `.active` for ever, perhaps with a part of a line."""
        if self.file is None:
            return
        self.settle()
        self.file.write(torn)
        self.file.close()
        self.file = self.path = None

    def online(self):
        self.offline = False
        waiting, self.waiting = self.waiting, []
        for us, line in waiting:
            if self.due(us):
                self.rotate()
            self.write(us, line)
        return len(waiting)

    def end(self):
        self.online()
        self.finish()
        self.tidy()
        if self.file is not None:
            self.file.close()
            self.file = None


def noise(root, node):
    """Files that are none: other endings, copies, an empty one. Returns how many a follower should pass over."""
    folder = os.path.join(root, ".lucid_audit", str(node), "2026", "01")
    os.makedirs(folder, exist_ok=True)
    for name, content in (("2026-01-02T03.04.05Z.log.gz", b"\x1f\x8b\x08\x00junk"), ("notes.txt", b"do not touch\n"), (".DS_Store", b"\x00\x00\x00\x01Bud1"),
                          ("2026-01-02T03.19.05Z.log.tmp", b'{"timestamp":1}\n')):
        with open(os.path.join(folder, name), "wb") as out:
            out.write(content)
    open(os.path.join(folder, "2026-01-02T03.34.05Z.log"), "wb").close()
    return 4
