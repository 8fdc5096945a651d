#!/usr/bin/python3
"""Programs that people run on their files, on files that are stubs: git, sqlite3, a second Samba, tar, rsync, cp, a loop mount, mappings, exec. programs.py xfs|ext4|btrfs"""
import hashlib
import mmap
import os
import random
import shutil
import sqlite3
import subprocess
import sys
import tempfile
import time

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path[:0] = [os.path.join(HERE, "../lib"), os.path.join(HERE, "../torture"), os.path.join(HERE, "../../tools/run")]
import tap  # noqa: E402
from stack import MKFS, Failure, Stack, run, wait_for  # noqa: E402
from tree import OLD_S, is_stub, meta, sha_of, write  # noqa: E402

FS = sys.argv[1] if len(sys.argv) > 1 else "xfs"
stack = Stack(tempfile.mkdtemp(prefix="alto-programs-"), fs=FS, size="3G")
GIT_ENV = dict(os.environ, GIT_CONFIG_NOSYSTEM="1", GIT_CONFIG_GLOBAL="/dev/null", GIT_AUTHOR_NAME="Author", GIT_AUTHOR_EMAIL="a@localhost",
               GIT_COMMITTER_NAME="Author", GIT_COMMITTER_EMAIL="a@localhost", GIT_AUTHOR_DATE="1600000000 +0000", GIT_COMMITTER_DATE="1600000000 +0000")
state = {}


def at(*parts):
    return os.path.join(stack.volume, *parts)


def files_below(folder):
    return sorted(os.path.join(base, f) for base, _, files in os.walk(folder) for f in files if not os.path.islink(os.path.join(base, f)))


def make_old(folder):
    when = time.time_ns() - OLD_S * 10**9
    for path in files_below(folder):
        os.utime(path, ns=(when, when))


def need_stubs(*parts):
    """The files below a folder that are stubs; a test that finds none would prove nothing."""
    if "tiered" not in state:
        raise tap.Skip("nothing was tiered")
    found = [p for p in files_below(at(*parts)) if is_stub(p)]
    tap.check(found, "no stub below %s" % at(*parts))
    return found


def git(*arguments):
    return subprocess.run(["git", "-C", at("repo"), *arguments], env=GIT_ENV, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE)


# ---- what is on the volume ----


def make_repository():
    os.makedirs(at("repo", "src"))
    subprocess.run(["git", "init", "-q", at("repo")], env=GIT_ENV, check=True)
    choice = random.Random(1)
    for commit in range(12):
        for n in range(4):
            with open(at("repo", "src", "part%d.txt" % n), "a") as out:
                out.write("".join("%d %d %s\n" % (commit, line, choice.random()) for line in range(400)))
        git("add", "-A")
        tap.equal(git("commit", "-q", "-m", "change %d" % commit).returncode, 0, "git commit")
        if commit == 7:
            git("gc", "-q")  # some objects in a pack with its index, the later ones loose
    state["log"] = git("log", "-p", "--stat").stdout
    tap.check(state["log"].count(b"change ") == 12, "the log is short")


def fill_database(path, mode):
    db = sqlite3.connect(path, isolation_level=None)
    db.execute("pragma journal_mode=" + mode)
    db.execute("create table t(id integer primary key, name text, body blob)")
    db.execute("create index t_name on t(name)")
    db.execute("begin")
    choice = random.Random(2)
    for i in range(3000):
        db.execute("insert into t values(?,?,?)", (i, "name %d" % choice.randrange(1000), choice.randbytes(300)))
    db.execute("commit")
    return db


def make_databases():
    os.makedirs(at("db"))
    fill_database(at("db", "rollback.sqlite"), "delete").close()
    # A process that ends without closing leaves the log and its index behind, as a server that is down does.
    pid = os.fork()
    if pid == 0:
        code = 1
        try:
            db = fill_database(at("db", "wal.sqlite"), "wal")
            db.execute("insert into t values(999999, 'only in the log', 'x')")
            code = 0
        finally:
            os._exit(code)
    tap.equal(os.waitpid(pid, 0)[1], 0, "the writer")
    tap.check(os.path.getsize(at("db", "wal.sqlite-wal")) > 100000, "no log was left")
    state["rows"] = {name: rows_of(at("db", name), "copy") for name in ("rollback.sqlite", "wal.sqlite")}


def rows_of(path, where=None):
    """A hash of all rows; with `where` of a copy there, so that the original's log stays as it is."""
    if where is not None:
        folder = tempfile.mkdtemp(dir=stack.folder)
        for end in ("", "-wal"):
            if os.path.exists(path + end):
                shutil.copy(path + end, os.path.join(folder, "db" + end))
        path = os.path.join(folder, "db")
    db = sqlite3.connect(path)
    h = hashlib.sha256()
    for row in db.execute("select id, name, body from t order by id"):
        h.update(repr(row).encode())
    db.close()
    if where is not None:
        shutil.rmtree(folder)
    return h.hexdigest()


def make_image():
    os.makedirs(at("image"))
    source = tempfile.mkdtemp(dir=stack.folder)
    with open(os.path.join(source, "inside.bin"), "wb") as out:
        out.write(random.Random(3).randbytes(2 << 20))
    state["inside"] = sha_of(os.path.join(source, "inside.bin"))
    sparse = os.path.join(stack.folder, "sparse.img")
    run("truncate", "-s", "24M", sparse)
    run(*MKFS["ext4"], "-d", source, sparse)
    run("cp", "--sparse=never", sparse, at("image", "disk.img"))
    os.unlink(sparse)
    shutil.rmtree(source)


def make_plain(folder, count=12):
    os.makedirs(at(folder))
    for i in range(count):
        path = at(folder, "file %02d.bin" % i)
        write(path, random.Random("%s %d" % (folder, i)).randbytes([5000, 65536, 300001][i % 3]))
        if i % 4 == 1:
            os.setxattr(path, "user.comment", b"kept %d" % i)
            os.chown(path, 1234, 5678)
            os.chmod(path, 0o640)


def make_programs():
    os.makedirs(at("programs"))
    shutil.copy("/bin/echo", at("programs", "echo"))
    shutil.copy("/usr/bin/sha256sum", at("programs", "sha256sum"))
    library = next(line.split()[2] for line in run("ldd", "/usr/bin/sqlite3").splitlines() if "libsqlite3" in line)
    shutil.copy(os.path.realpath(library), at("programs", "library.so"))


def test_the_stack_starts_and_everything_is_tiered():
    if os.geteuid() != 0:
        raise tap.Skip("mounting a volume needs root")
    stack.start()
    make_repository()
    make_databases()
    make_image()
    make_programs()
    for folder in ("tar", "rsync", "cp", "mapping", "samba"):
        make_plain(folder)
    make_old(stack.volume)
    os.sync()
    state["files"] = {p: (sha_of(p), meta(p)) for p in files_below(stack.volume)}
    stack.scan()
    job = stack.tier("modified older than 90d")
    tap.equal((job["state"], job["failed_files"]), ("done", 0), "the job (%s), %s" % (job["text"], job["reasons"]))
    stay = [p for p in state["files"] if os.lstat(p).st_size > 4096 and not is_stub(p)]
    tap.equal(stay, [], "files that stayed, %s" % job["reasons"])
    state["tiered"] = job["done_files"]
    print("# %d files tiered" % job["done_files"])


# ---- git ----


def test_git_finds_a_tiered_repository_whole():
    need_stubs("repo", ".git")
    done = git("fsck", "--full", "--strict")
    tap.equal((done.returncode, done.stderr.strip()), (0, b""), "git fsck")
    tap.equal(git("log", "-p", "--stat").stdout, state["log"], "git log -p")


def test_git_goes_on_in_a_tiered_work_tree():
    need_stubs("repo", "src")
    tap.equal(git("status", "--porcelain").stdout, b"", "git status")
    with open(at("repo", "src", "part0.txt"), "a") as out:
        out.write("one more line\n")
    tap.equal(git("commit", "-q", "-am", "after tiering").returncode, 0, "git commit")
    tap.equal(git("fsck", "--full").returncode, 0, "git fsck")
    tap.check(b"one more line" in git("show").stdout, "the change is not there")


# ---- sqlite ----


def sqlite_check(name, extra):
    path = at("db", name)
    done = subprocess.run(["sqlite3", path, "pragma integrity_check"], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    tap.equal((done.stdout, done.stderr), (b"ok\n", b""), "the integrity check of " + name)
    tap.equal(rows_of(path), state["rows"][name], "the rows of " + name)
    run("sqlite3", path, "insert into t values(%d, 'after tiering', 'y')" % extra)
    tap.equal(run("sqlite3", path, "select name from t where id = %d; pragma integrity_check" % extra), "after tiering\nok\n", "the new row of " + name)


def test_sqlite_finds_a_tiered_rollback_database_whole_and_writes_to_it():
    tap.check(is_stub(need_stubs("db")[0]), "no stub")
    sqlite_check("rollback.sqlite", 1000001)


def test_sqlite_finds_a_tiered_database_with_its_log_whole_and_writes_to_it():
    stubs = need_stubs("db")
    tap.check(at("db", "wal.sqlite") in stubs and at("db", "wal.sqlite-wal") in stubs, "stubs are %s" % stubs)
    tap.equal(run("sqlite3", "file:%s?mode=ro" % at("db", "wal.sqlite"), "select name from t where id = 999999"), "only in the log\n", "the row in the log")
    sqlite_check("wal.sqlite", 1000002)


# ---- a second Samba over the volume ----


def smb(command):
    user = "%s%%%s" % (state["smb"]["user"], open(state["smb"]["password"]).read().strip())
    return run("smbclient", "-p", state["smb"]["port"], "//127.0.0.1/volume", "-U", user, "-c", command, timeout=100)


def test_a_second_samba_that_shares_the_volume_gives_the_right_bytes():
    stubs = need_stubs("samba")
    if shutil.which("smbd") is None or shutil.which("smbclient") is None:
        raise tap.Skip("no Samba here")
    folder = stack.path("second")
    lines = ["[volume]", "path = " + stack.volume, "read only = no", "valid users = root"]
    words = run(os.path.join(HERE, "../lib/samba.sh"), "start", folder, *[w for line in lines for w in ("--conf", line)]).split()
    state["smb"] = {"folder": folder, "port": words[0], "user": words[1], "password": words[2]}
    out = stack.path("got")
    for path in stubs[:5]:
        smb('get "samba/%s" "%s"' % (os.path.basename(path), out))
        tap.equal(sha_of(out), state["files"][path][0], "what came of %s" % path)
        tap.check(not is_stub(path), "%s is still a stub" % path)
    print("# %d stubs read" % len(stubs[:5]))


def test_writes_through_the_second_samba_land_in_the_file():
    if "smb" not in state:
        raise tap.Skip("no second Samba")
    stubs = need_stubs("samba")
    added, replaced, renamed, touched = stubs[:4]
    longer = stack.path("longer")
    sha = {p: state["files"][p][0] for p in stubs}
    shutil.copy(added, stack.path("probe"))  # brings it back; what is left below are stubs
    tap.equal(sha_of(stack.path("probe")), sha[added], "a copy")
    tier_again(added)
    with open(stack.path("probe"), "rb") as was, open(longer, "wb") as out:
        whole, more = was.read(), b"more, through Samba" * 100
        out.write(whole + more)
    smb('reput "%s" "samba/%s"' % (longer, os.path.basename(added)))
    with open(added, "rb") as found:
        now = found.read()
    # Some versions of smbclient write what is more over the beginning instead of behind the end. Both change a part of the file and keep the rest.
    tap.check(now in (whole + more, more + whole[len(more):]), "the file that was written in part has %d bytes, %r ..." % (len(now), now[:40]))
    whole += more
    smb('put "%s" "samba/%s"' % (longer, os.path.basename(replaced)))
    tap.equal(sha_of(replaced), hashlib.sha256(whole).hexdigest(), "the file that was replaced")
    smb('rename "samba/%s" "samba/renamed.bin"' % os.path.basename(renamed))
    tap.check(is_stub(at("samba", "renamed.bin")), "the renamed file is no stub any more")
    tap.equal(sha_of(at("samba", "renamed.bin")), sha[renamed], "the renamed file")
    # Sets the times of a file that it does not open for reading or writing.
    smb('utimes "samba/%s" -1 -1 "2020:01:02-03:04:05" -1' % os.path.basename(touched))
    tap.check(is_stub(touched), "setting a time brought the file back")
    tap.equal(sha_of(touched), sha[touched], "the file whose time was set")
    tap.equal(time.strftime("%Y %H:%M", time.localtime(os.lstat(touched).st_mtime)), "2020 03:04", "its time")


# ---- backup and copies ----


def tier_again(*paths):
    job = stack.api.job(stack.api.post("/volumes/%s/tier" % stack.volume_noun["id"], {"paths": [p[len(stack.volume):] for p in paths]}))
    tap.equal([p for p in paths if not is_stub(p)], [], "files that were not tiered again, %s" % job["reasons"])


def remount():
    stack.end("alto-agent")
    wait_for("the volume to be free", lambda: subprocess.run(["umount", stack.volume], stderr=subprocess.DEVNULL).returncode == 0)
    stack.mount(stack.path("volume.img"))
    stack.start_agent()


def test_tar_saves_and_restores_tiered_files_with_what_belongs_to_them():
    stubs = need_stubs("tar")
    archive = stack.path("backup.tar")
    run("tar", "--xattrs", "--xattrs-include=*", "--acls", "-cf", archive, "-C", stack.volume, "tar")
    shutil.rmtree(at("tar"))
    run("tar", "--xattrs", "--xattrs-include=*", "--acls", "-xpf", archive, "-C", stack.volume)
    os.unlink(archive)
    for path in stubs:
        tap.equal((sha_of(path), meta(path)), state["files"][path], "%s after the restore" % path)
        tap.check(not is_stub(path), "%s came back as a stub" % path)


def compare_copy(source, target, what):
    for path in files_below(source):
        if path not in state["files"]:
            continue
        copy = os.path.join(target, os.path.relpath(path, source))
        tap.equal((sha_of(copy), meta(copy)), state["files"][path], "%s of %s" % (what, path))


def test_rsync_with_attributes_copies_stubs_to_this_and_to_another_filesystem():
    stubs = need_stubs("rsync")
    outside = stack.path("outside")
    run("rsync", "-aX", "--filter=-x trusted.alto", at("rsync") + "/", outside)
    compare_copy(at("rsync"), outside, "the copy elsewhere")
    tap.equal([p for p in stubs if is_stub(p)], [], "files that were read and are stubs")
    tier_again(*stubs)
    run("rsync", "-aX", "--filter=-x trusted.alto", at("rsync") + "/", at("rsync copy"))
    compare_copy(at("rsync"), at("rsync copy"), "the copy")


def test_rsync_that_copies_markers_too_leaves_copies_that_can_be_read():
    stubs = [p for p in files_below(at("rsync")) if p in state.get("files", ())]
    tier_again(*stubs)
    # It lists the markers first and reads them, and misses them, after it has opened the files: so it says that attributes are missing, and leaves empty ones.
    done = subprocess.run(["rsync", "-aX", at("rsync") + "/", at("rsync marked")], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
    tap.check(done.returncode in (0, 23), "rsync ended with %d: %s" % (done.returncode, done.stdout[-300:]))
    marked = [p for p in files_below(at("rsync marked")) if is_stub(p)]
    print("# %d of %d copies carry a marker" % (len(marked), len(stubs)))
    remount()  # what the gate remembers of the copies is gone with the mount
    stack.scan()
    job = stack.api.job(stack.api.post("/volumes/%s/tier" % stack.volume_noun["id"], {"paths": [p[len(stack.volume):] for p in marked[::2]]}))
    tap.equal((job["done_files"], job["reasons"]), (len(marked[::2]), []), "copies that were tiered without having been opened")
    compare_copy(at("rsync"), at("rsync marked"), "the copy")
    tap.equal([p for p in marked if is_stub(p)], [], "copies that still carry a marker")


def test_rsync_of_a_copy_over_stubs_changes_no_byte():
    stubs = [p for p in files_below(at("rsync")) if p in state.get("files", ())]
    tier_again(*stubs)
    done = subprocess.run(["rsync", "-a", "-X", "--filter=-x trusted.alto", at("rsync copy") + "/", at("rsync")], stdin=subprocess.DEVNULL)
    tap.equal(done.returncode, 0, "rsync")
    for path in stubs:
        tap.equal((sha_of(path), meta(path)), state["files"][path], "%s under the copy" % path)


def test_cp_with_all_attributes_copies_stubs():
    stubs = need_stubs("cp")
    run("cp", "-a", at("cp"), at("cp copy"))
    compare_copy(at("cp"), at("cp copy"), "the copy")
    tap.equal([p for p in stubs if is_stub(p)], [], "files that were read and are stubs")


# ---- mappings, loops, programs ----


def test_a_mapping_shows_the_bytes_and_takes_changes():
    for number, path in enumerate(need_stubs("mapping")):
        with open(path, "r+b" if number % 2 else "rb") as f, mmap.mmap(f.fileno(), 0, access=mmap.ACCESS_WRITE if number % 2 else mmap.ACCESS_READ) as m:
            tap.equal(hashlib.sha256(m).hexdigest(), state["files"][path][0], "the mapping of %s" % path)
            if number % 2:
                m[100:105] = b"CHANGE"[:5]
                m.flush()
        with open(path, "rb") as f:
            f.seek(100)
            tap.equal(f.read(5) == b"CHANG", number % 2 == 1, "the change of %s" % path)


def test_a_tiered_image_is_mounted_read_and_written():
    image = need_stubs("image")[0]
    folder = stack.path("inner")
    os.makedirs(folder)
    run("mount", "-o", "loop,ro", image, folder)
    try:
        tap.equal(sha_of(os.path.join(folder, "inside.bin")), state["inside"], "the file in the image")
        job = stack.api.job(stack.api.post("/volumes/%s/tier" % stack.volume_noun["id"], {"paths": ["/image/disk.img"]}))
        tap.equal([r["reason"] for r in job["reasons"]], ["open_elsewhere"], "tiering a mounted image")
    finally:
        run("umount", folder)
    tap.equal(sha_of(image), state["files"][image][0], "the image after reading it")
    run("mount", "-o", "loop", image, folder)
    try:
        write(os.path.join(folder, "new.bin"), b"n" * 100000)
    finally:
        run("umount", folder)
    make_old(at("image"))
    was = sha_of(image)
    tier_again(image)
    tap.equal(sha_of(image), was, "the image after it was written and tiered")


def test_tiered_programs_and_libraries_run():
    need_stubs("programs")
    programs = at("programs")
    tap.equal(run(os.path.join(programs, "echo"), "ran"), "ran\n", "a tiered program's output")
    load = "import ctypes, sys; l = ctypes.CDLL(sys.argv[1]); l.sqlite3_libversion.restype = ctypes.c_char_p; print(l.sqlite3_libversion().decode())"
    tap.check(is_stub(os.path.join(programs, "library.so")), "the library is no stub")
    tap.equal(run(sys.executable, "-c", load, os.path.join(programs, "library.so")), sqlite3.sqlite_version + "\n", "what a tiered library says")


def test_a_tiered_program_runs_from_shared_memory():
    path = at("programs", "sha256sum")
    tap.check(path in need_stubs("programs"), "the program is no stub")
    fd = os.memfd_create("program")
    with open(path, "rb") as f:
        left = os.fstat(f.fileno()).st_size
        while left > 0:
            left -= os.sendfile(fd, f.fileno(), None, left)
    done = subprocess.run(["/proc/self/fd/%d" % fd, path], pass_fds=(fd,), stdin=subprocess.DEVNULL, stdout=subprocess.PIPE)
    os.close(fd)
    tap.equal(done.stdout.split()[:1], [state["files"][path][0].encode()], "what it computes of itself")


def test_at_the_end_every_file_that_nobody_wrote_to_has_its_bytes():
    need_stubs("cp copy") if "tiered" not in state else None
    written = {"repo", "db", "mapping", "image", "samba"}
    wrong = [p for p, (sha, _) in state["files"].items() if p[len(stack.volume) + 1:].split("/")[0] not in written and sha_of(p) != sha]
    tap.equal(wrong, [], "files with other bytes")
    tap.check(stack.api.get("/audit/verify?customer_id=" + stack.customer["id"])["ok"], "the chain of the audit does not hold")


try:
    status = tap.run([v for k, v in list(globals().items()) if k.startswith("test_")])
finally:
    try:
        if "smb" in state:
            run(os.path.join(HERE, "../lib/samba.sh"), "stop", state["smb"]["folder"])
    except Failure as why:
        print("# %s" % why)
    if os.path.ismount(stack.path("inner")):
        subprocess.run(["umount", stack.path("inner")])
    stack.stop(remove=True)
sys.exit(status)
