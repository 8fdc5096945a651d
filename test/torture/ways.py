"""Every way to read a file that a user or a program has; each gives the SHA-256 of what it got, or raises Refused."""
import hashlib
import os
import subprocess
import sys
import tarfile

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "../../tools/run"))
from stack import binary  # noqa: E402


class Refused(Exception):
    pass


def call(*command, **options):
    done = subprocess.run(command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE, timeout=120, **options)
    if done.returncode != 0:
        raise Refused((done.stderr or done.stdout).decode("utf-8", "replace").strip()[-200:])
    return done.stdout


def hash_of(path):
    h = hashlib.sha256()
    with open(path, "rb") as f:
        for piece in iter(lambda: f.read(1 << 20), b""):
            h.update(piece)
    return h.hexdigest()


def copied(command):
    def way(path, out):
        if os.path.exists(out):
            os.unlink(out)
        call(*command, path, out)
        try:
            return hash_of(out)
        finally:
            os.unlink(out)
    return way


def by_reader(method):
    return lambda path, out: call(binary("readers"), method, path).decode().strip()


def cat(path, out):
    return hashlib.sha256(call("cat", path)).hexdigest()


def tarred(*flags):
    def way(path, out):
        folder, name = os.path.split(path)
        call("tar", *flags, "-cf", out, "-C", folder, "--", b"./" + name)
        with tarfile.open(out, errors="surrogateescape") as tar:
            member = tar.getmembers()[0]
            h = hashlib.sha256(tar.extractfile(member).read()).hexdigest()
        os.unlink(out)
        return h
    return way


def rsync(path, out):
    folder, name = os.path.split(path)
    try:
        call("rsync", "-S", "--inplace", "--", b"./" + name, out, cwd=folder)
    except Refused:
        call("rsync", "-S", "--", b"./" + name, out, cwd=folder)
    h = hash_of(out)
    os.unlink(out)
    return h


def dd(path, out):
    call("dd", b"if=" + path, b"of=" + out, "iflag=direct", "bs=64k", "status=none")
    h = hash_of(out)
    os.unlink(out)
    return h


WAYS = {"cat": cat, "cp": copied(["cp", "--"]), "cp --sparse=always": copied(["cp", "--sparse=always", "--"]), "cp --reflink=always": copied(["cp", "--reflink=always", "--"]),
        "tar": tarred(), "tar -S": tarred("-S"), "rsync -S": rsync, "dd iflag=direct": dd}
for method in ("read", "direct", "mmap-shared", "mmap-private", "sendfile", "splice", "copy_file_range", "clone", "seek-data", "io_uring"):
    WAYS[method] = by_reader(method)
NEEDS_CLONES = ("cp --reflink=always", "clone")
