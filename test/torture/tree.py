"""The tree that breaks tiering products: every size at a border, every name a filesystem allows, every kind of file that must be left alone. Knows what each
file must read as, and which refusal each that must not be tiered gets."""
import hashlib
import os
import random
import socket
import subprocess
import time

OLD_S = 400 * 86400
NAMES = [
    b"plain.dat", b"with space.dat", b"new\nline.dat", b"tab\there", b"bad\xff\xfeutf8.dat", b"\xc3\xbcml\xc3\xa4ut.dat", b"quote'\"`$(x).dat", b"-dash.dat", b"back\\slash",
    b"CON", b"nul.txt", b"COM1.log", b"trailing dot.", b"trailing space ", b"colon:stream", b"a?b*c<d>e|f", b"Case.dat", b"case.dat", b"CASE.dat", b"n" * 255,
    b"\x01control\x7f", b".hidden", b"\xf0\x9f\x98\x80.dat", b"..dots", b"x.tar.gz.verylongextensionthatisnone",
]
SIZES = [0, 1, 4095, 4096, 4097, 65536]


class Entry:
    def __init__(self, path, size, sha, refusal=None, sparse=False):
        self.path, self.size, self.sha, self.refusal, self.sparse = path, size, sha, refusal, sparse
        self.meta = None


def data(seed, size):
    return random.Random(seed).randbytes(size)


def write(path, content, age_s=OLD_S):
    with open(path, "wb") as out:
        out.write(content)
    when = time.time_ns() - int(age_s * 1e9) - (hash(path) % 1000003)
    os.utime(path, ns=(when + 12345, when))


def sha_of(path):
    h = hashlib.sha256()
    with open(path, "rb") as f:
        for piece in iter(lambda: f.read(1 << 20), b""):
            h.update(piece)
    return h.hexdigest()


def meta(path):
    """Everything about a file that must survive, without opening it."""
    st = os.lstat(path)
    names = sorted(n for n in os.listxattr(path, follow_symlinks=False) if n != "trusted.alto")
    return {"mode": st.st_mode, "uid": st.st_uid, "gid": st.st_gid, "size": st.st_size, "mtime": st.st_mtime_ns, "nlink": st.st_nlink,
            "xattrs": {n: os.getxattr(path, n, follow_symlinks=False) for n in names}}


class Tree:
    def __init__(self, root, fs, gate=None):
        self.root, self.fs = os.fsencode(root), fs
        self.entries, self.open_files = [], []

    def add(self, name, content, refusal=None):
        path = os.path.join(self.root, name)
        os.makedirs(os.path.dirname(path), exist_ok=True)
        write(path, content)
        entry = Entry(path, len(content), hashlib.sha256(content).hexdigest(), refusal)
        self.entries.append(entry)
        return entry

    def make(self, files=200, seed=1, large=()):
        """`files` ordinary ones besides one of each kind; `large` sizes are added whole, a negative one sparse (refused)."""
        for i, name in enumerate(NAMES):
            self.add(b"names/" + name, data("name %d" % i, 30000 + i))
        for size in SIZES:
            self.add(b"sizes/%d" % size, data("size %d" % size, size), "saves_no_blocks" if size == 0 else None)
        deep = b"/".join([b"deep" * 20] * 12)
        self.add(deep + b"/bottom.dat", data("deep", 50000))
        self.kinds()
        for size in large:
            self.large(abs(size), size < 0)
        choice = random.Random(seed)
        for i in range(files):
            self.add(b"many/%02d/file %05d.bin" % (i % 40, i), data("many %d %d" % (seed, i), choice.choice([65536, 65536, 5000, 12289])))
        os.sync()
        for entry in self.entries:
            entry.meta = meta(entry.path)

    def large(self, size, sparse):
        path = os.path.join(self.root, b"large-%d" % size + (b"-sparse" if sparse else b""))
        h, piece = hashlib.sha256(), data("large", 1 << 20)
        with open(path, "wb") as out:
            if sparse:
                out.truncate(size)
                out.seek(size // 2)
                out.write(piece)
            else:
                for i in range(size >> 20):
                    block = i.to_bytes(8, "little") + piece[8:]
                    out.write(block)
        when = time.time_ns() - OLD_S * 10**9
        os.utime(path, ns=(when, when))
        if sparse:
            h = None
        entry = Entry(path, size, sha_of(path) if h is None else None, "sparse" if sparse else None, sparse)
        entry.sha = entry.sha or sha_of(path)
        self.entries.append(entry)

    def kinds(self):
        link = self.add(b"kinds/hard a", data("hard", 20000), "hard_linked")
        os.link(link.path, os.path.join(self.root, b"kinds/hard b"))
        os.symlink(b"hard a", os.path.join(self.root, b"kinds/symlink"))
        os.mkfifo(os.path.join(self.root, b"kinds/fifo"))
        with socket.socket(socket.AF_UNIX) as s:
            s.bind(os.path.join(self.root, b"kinds/socket").decode())
        setuid = self.add(b"kinds/setuid", data("setuid", 20000))
        os.chmod(setuid.path, 0o4755)
        read_only = self.add(b"kinds/read only", data("ro", 20000))
        os.chmod(read_only.path, 0o400)
        owned = self.add(b"kinds/owned", data("owned", 20000))
        os.chown(owned.path, 1234, 5678)
        attrs = self.add(b"kinds/attributes", data("attrs", 20000))
        os.setxattr(attrs.path, "user.comment", b"keep \x00 me")
        os.setxattr(attrs.path, "user.empty", b"")
        if subprocess.run(["setfacl", "-m", "u:1234:r,g:5678:rw", attrs.path], stderr=subprocess.DEVNULL).returncode == 0:
            attrs.acl = True
        capable = self.add(b"kinds/capable", data("caps", 20000))
        os.setxattr(capable.path, "security.capability", bytes.fromhex("0100000200040000000000000000000000000000"))
        sparse = self.add(b"kinds/sparse", b"", "sparse")
        with open(sparse.path, "r+b") as out:
            out.truncate(10 << 20)
            out.seek(5 << 20)
            out.write(b"island" * 1000)
        os.utime(sparse.path, ns=(1, 1600000000 * 10**9))
        sparse.size, sparse.sha, sparse.sparse = 10 << 20, sha_of(sparse.path), True
        immutable = self.add(b"kinds/immutable", data("imm", 20000), "immutable")
        subprocess.run(["chattr", "+i", immutable.path], check=True)
        append = self.add(b"kinds/append", data("app", 20000), "append_only")
        subprocess.run(["chattr", "+a", append.path], check=True)
        writing = self.add(b"kinds/open for writing", data("open", 20000), "open_elsewhere")
        self.open_files.append(open(writing.path, "r+b"))
        script = self.add(b"kinds/script.sh", b"#!/bin/sh\necho script ran $1\n" + b"#" * 9000 + b"\n")
        os.chmod(script.path, 0o755)
        os.utime(script.path, ns=(1, 1600000000 * 10**9))
        program = self.add(b"kinds/program", open("/bin/echo", "rb").read())
        os.chmod(program.path, 0o755)

    def freeze(self):
        """After changes of mode and owner: remember what must survive."""
        for entry in self.entries:
            entry.meta = meta(entry.path)

    def end(self):
        for f in self.open_files:
            f.close()
        self.open_files = []
        for entry in self.entries:
            if entry.refusal in ("immutable", "append_only"):
                subprocess.run(["chattr", "-ia", entry.path], stderr=subprocess.DEVNULL)

    def tierable(self):
        return [e for e in self.entries if e.refusal is None]


def is_stub(path):
    try:
        os.getxattr(path, "trusted.alto", follow_symlinks=False)
        return True
    except OSError:
        return False
