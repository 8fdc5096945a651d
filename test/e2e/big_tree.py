#!/usr/bin/python3
"""The tree of 10,000 files: tiered by a rule to real Samba, refused where it must be, and read back equal. big_tree.py [--fs xfs|ext4|btrfs] [--files N] [--full]

Without --full: small files, through one reader. With it: also 1 GiB and 5 GiB sparse, one file of each kind through every way of reading, every file through
cat, and files that are written to all the while."""
import argparse
import base64
import hashlib
import os
import random
import stat
import subprocess
import sys
import tempfile
import threading
import time

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path[:0] = [os.path.join(HERE, "../lib"), os.path.join(HERE, "../torture"), os.path.join(HERE, "../../tools/run")]
import tap  # noqa: E402
from stack import Stack  # noqa: E402
from tree import OLD_S, Tree, is_stub, meta, sha_of, write  # noqa: E402
from ways import NEEDS_CLONES, WAYS, Refused  # noqa: E402

GIB = 1 << 30
parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
parser.add_argument("--fs", choices=["xfs", "ext4", "btrfs"], default="xfs")
parser.add_argument("--files", type=int, default=10000)
parser.add_argument("--full", action="store_true")
options = parser.parse_args()
stack = Stack(tempfile.mkdtemp(prefix="alto-big-"), fs=options.fs, size="40G" if options.full else "6G")
tree = None
state = {}


class Writer(threading.Thread):
    """Writes into files at random places, and makes them look old again, as long as it runs. Knows what they must read as."""

    def __init__(self, folder, count, seed):
        super().__init__(daemon=True)
        self.choice, self.over, self.error, self.writes = random.Random(seed), threading.Event(), None, 0
        self.content = {}
        os.makedirs(folder)
        for i in range(count):
            path = os.path.join(folder, b"written %02d.bin" % i)
            self.content[path] = bytearray(self.choice.randbytes(self.choice.choice([5000, 65536, 500000])))
            write(path, self.content[path])

    def once(self):
        path = self.choice.choice(sorted(self.content))
        content, at = self.content[path], self.choice.randrange(4000)
        piece = self.choice.randbytes(200)
        with open(path, "r+b") as out:
            out.seek(at)
            out.write(piece)
        content[at:at + len(piece)] = piece
        old = time.time() - OLD_S
        os.utime(path, (old, old))
        self.writes += 1

    def run(self):
        try:
            while not self.over.is_set():
                self.once()
                time.sleep(self.choice.choice([0, 0.001, 0.01]))
        except Exception as error:  # told by the test that ends it
            self.error = error

    def end(self):
        self.over.set()
        self.join()


def test_the_stack_starts_and_the_tree_is_made():
    global tree
    if os.geteuid() != 0:
        raise tap.Skip("mounting a volume needs root")
    stack.start()
    made = Tree(stack.volume, options.fs)
    began = time.monotonic()
    made.make(files=options.files, large=[GIB, -5 * GIB] if options.full else [])
    made.freeze()
    print("# %d files of %.1f GiB made in %.1f s" % (len(made.entries), sum(e.size for e in made.entries) / GIB, time.monotonic() - began))
    state["writer"] = Writer(os.path.join(made.root, b"written"), 12, 7)
    tree = made


def need():
    if tree is None:
        raise tap.Skip("there is no tree")


def test_the_scan_finds_every_file():
    need()
    began = time.monotonic()
    tap.equal(stack.scan()["state"], "done", "the scan")
    seconds = time.monotonic() - began
    wanted = sum(1 for base, _, files in os.walk(tree.root) for f in files if stat.S_ISREG(os.lstat(os.path.join(base, f)).st_mode))
    tap.equal(stack.api.get("/volumes/" + stack.volume_noun["id"])["files"], wanted, "files in the inventory")
    print("# scanned %d files in %.2f s" % (wanted, seconds))


def test_a_rule_may_name_an_owner():
    need()
    plan = stack.api.post("/rules/preview", {"volume_id": stack.volume_noun["id"], "where": "owner = root"})
    found = plan["files"] + sum(r["files"] for r in plan["refusals"])
    wanted = sum(1 for base, _, files in os.walk(tree.root) for f in files if os.lstat(os.path.join(base, f)).st_uid == 0)
    tap.equal(found, wanted, "files of root, refused ones among them")
    one = stack.api.get("/volumes/%s/file?path=/sizes/4097" % stack.volume_noun["id"])
    tap.equal((one["uid"], one.get("owner")), (0, "root"), "the owner of a file")
    other = stack.api.get("/volumes/%s/file?path=/kinds/owned" % stack.volume_noun["id"])
    tap.equal((other["uid"], other.get("owner")), (1234, None), "the owner of a file whose user has no name")


def test_the_rule_tiers_all_that_may_be_while_some_are_written_to():
    need()
    state["writer"].start()
    began = time.monotonic()
    job = state["job"] = stack.tier("modified older than 90d")
    seconds = time.monotonic() - began
    state["writer"].end()
    tap.check(state["writer"].error is None, "the writer: %r" % state["writer"].error)
    tap.equal((job["state"], job["failed_files"]), ("done", 0), "the job (%s), %s" % (job["text"], job["reasons"]))
    print("# tiered %d files, %d refused, in %.1f s: %.0f files/s; %d writes meanwhile" % (
        job["done_files"], job["refused_files"], seconds, job["done_files"] / seconds, state["writer"].writes))
    stay = [e for e in tree.tierable() if e.size > 0 and not is_stub(e.path) and os.lstat(e.path).st_blocks > 0]
    if stay:  # a file that anybody opened at that moment, such as a search below the folder, is left alone then
        told = {o["path"]: (o["reason"], o["text"]) for o in stack.api.items("/jobs/%s/outcomes" % job["id"]) if o["act"] != "tier"}
        for e in stay[:10]:
            print("# %r stayed: %s" % (e.path, told.get(e.path[len(tree.root):].decode("utf-8", "replace"))))
        tap.check(len(stay) <= 3, "%d files stayed, %s" % (len(stay), job["reasons"]))
        again(stay)
    tap.equal([(e.path, e.refusal) for e in tree.entries if e.refusal and is_stub(e.path)], [], "files that must not be stubs")


def test_refusals_are_counted_by_their_reason():
    need()
    if "job" not in state:
        raise tap.Skip("there is no job")
    told = {r["reason"]: r["files"] for r in state["job"]["reasons"]}
    wanted = {}
    for e in tree.entries:
        if e.refusal:
            wanted[e.refusal] = wanted.get(e.refusal, 0) + e.meta["nlink"]  # each name of a file with several is refused
    wanted["open_elsewhere"] = max(wanted["open_elsewhere"], told.get("open_elsewhere", 0))  # and those that were being written to
    found = {reason: told.get(reason, 0) for reason in wanted}
    tap.equal(found, wanted, "files refused by reason")
    tap.equal([r["reason"] for r in state["job"]["reasons"] if not r["sample_path"]], [], "reasons without an example")
    tap.check(set(told) <= set(wanted) | {"changed", "rule_no_longer_matches"}, "reasons are %s" % told)  # likewise


def test_each_refused_file_is_told_its_reason_when_asked_for_by_path():
    need()
    mine = {e.path[len(tree.root):]: e.refusal for e in tree.entries if e.refusal}
    mine.update({b"/kinds/hard b": "hard_linked", b"/kinds/symlink": "not_a_file", b"/kinds/fifo": "not_a_file", b"/kinds/socket": "not_a_file"})
    body = {"paths_b64": [base64.b64encode(path).decode() for path in mine]}
    job = stack.api.job(stack.api.post("/volumes/%s/tier" % stack.volume_noun["id"], body))
    told = {o["path"].encode(): o["reason"] for o in stack.api.items("/jobs/%s/outcomes" % job["id"]) if o["act"] == "refuse"}
    tap.equal({path: told.get(path, "not told") for path in mine}, mine, "refusals (%s)" % job["reasons"])


def test_files_written_during_the_run_have_what_was_written():
    need()
    wrong = [p for p, content in state["writer"].content.items() if sha_of(p) != hashlib.sha256(content).hexdigest()]
    tap.equal(wrong, [], "files with other bytes")


def test_stubs_hold_no_blocks_and_look_like_the_file():
    need()
    for e in tree.tierable():
        if is_stub(e.path):
            tap.check(os.lstat(e.path).st_blocks <= 8, "%r uses %d blocks" % (e.path, os.lstat(e.path).st_blocks))
        if meta(e.path) != e.meta:
            tap.equal(meta(e.path), e.meta, "metadata of %r" % e.path)


def drop_old_large_objects():
    """Each time the large file is tiered again it gets a new object: only the last one may cost disk here."""
    large = []
    for base, _, files in os.walk(os.path.join(stack.share_folder, "objects")):
        large += [os.path.join(base, f) for f in files if os.path.getsize(os.path.join(base, f)) == GIB]
    for path in sorted(large, key=os.path.basename)[:-1]:
        os.unlink(path)


def again(entries):
    body = {"paths_b64": [base64.b64encode(e.path[len(tree.root):]).decode() for e in entries]}
    job = stack.api.job(stack.api.post("/volumes/%s/tier" % stack.volume_noun["id"], body), 600)
    tap.equal(job["state"], "done", "tiering again (%s)" % job["text"])
    tap.equal([e.path for e in entries if e.size > 4096 and not is_stub(e.path)], [], "not tiered again, reasons %s" % job["reasons"])
    drop_old_large_objects()


def test_one_file_of_each_kind_reads_back_in_every_way():
    need()
    if not options.full:
        raise tap.Skip("only with --full; the main job does it with fewer files")
    kinds = [e for e in tree.tierable() if b"/many/" not in e.path and e.size > 0]
    ways = [w for w in WAYS if options.fs != "ext4" or w not in NEEDS_CLONES]
    out, wrong, began = os.path.join(tree.root, b"copy.out"), [], time.monotonic()
    for way in ways:
        for e in kinds:
            try:
                found = WAYS[way](e.path, out)
            except Refused as why:
                found = "refused: %s" % why
            if found != e.sha:
                wrong.append((way, e.path, found))
        again(kinds)
    tap.equal(wrong, [], "wrong reads")
    print("# %d files in %d ways, tiered again after each, in %.1f s" % (len(kinds), len(ways), time.monotonic() - began))


def hashes(paths):
    """Reads through cat, or through sha256sum where there is no time for a process each; eight at once. Path to hash."""
    each = 'for f; do printf "%s " "$(cat -- "$f" | sha256sum | cut -c1-64)"; done' if options.full else 'sha256sum --zero -- "$@" | cut -z -c1-64 | tr "\\0" "\\n"'
    pieces = [paths[i:i + 100] for i in range(0, len(paths), 100)]
    found, lock = {}, threading.Lock()

    def work():
        while True:
            with lock:
                if not pieces:
                    return
                mine = pieces.pop()
            done = subprocess.run(["sh", "-c", each, "sh", *mine], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
            with lock:
                got = done.stdout.decode().split()
                if len(got) == len(mine):
                    found.update(zip(mine, got))
    threads = [threading.Thread(target=work) for _ in range(8)]
    for t in threads:
        t.start()
    for t in threads:
        t.join()
    return found


def test_every_file_reads_back_equal_through_one_reader():
    need()
    mine = [e for e in tree.entries if not e.sparse]
    stubs, bytes_ = sum(is_stub(e.path) for e in mine), sum(e.size for e in mine)
    began = time.monotonic()
    found = hashes([e.path for e in mine])
    seconds = time.monotonic() - began
    tap.equal([(e.path, found.get(e.path)) for e in mine if found.get(e.path) != e.sha][:10], [], "files with other bytes")
    tap.equal([e.path for e in tree.entries if is_stub(e.path)], [], "still stubs")
    tap.check(stubs >= options.files, "only %d stubs were read" % stubs)
    print("# read %d files (%d stubs, %.2f GiB) back in %.1f s: %.0f files/s" % (len(mine), stubs, bytes_ / GIB, seconds, len(mine) / seconds))


def test_metadata_is_as_it_was():
    need()
    for e in tree.entries:
        if meta(e.path) != e.meta:
            tap.equal(meta(e.path), e.meta, "metadata of %r after the recall" % e.path)
    tap.equal([e.path for e in tree.entries if e.sparse and sha_of(e.path) != e.sha], [], "sparse files with other bytes")


def test_the_audit_holds():
    need()
    tap.check(stack.api.get("/audit/verify?customer_id=" + stack.customer["id"])["ok"], "the chain does not hold")
    for name in list(stack.children):
        tap.check(stack.alive(name), "%s ended by itself: %s" % (name, stack.said(name)))


try:
    status = tap.run([v for k, v in list(globals().items()) if k.startswith("test_")])
finally:
    if tree is not None:
        state["writer"].over.set()
        tree.end()
    stack.stop(remove=True)
sys.exit(status)
