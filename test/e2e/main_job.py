#!/usr/bin/python3
"""The main job, end to end, on one filesystem: main_job.py ext4|xfs|btrfs [FILES]. A rule tiers the hard tree to real Samba; each kind of file is read back in each way."""
import os
import stat
import sys
import tempfile

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path[:0] = [os.path.join(HERE, "../lib"), os.path.join(HERE, "../torture"), os.path.join(HERE, "../../tools/run")]
import tap  # noqa: E402
from stack import Stack  # noqa: E402
from tree import Tree, is_stub, meta, sha_of  # noqa: E402
from ways import NEEDS_CLONES, WAYS, Refused  # noqa: E402

FS = sys.argv[1] if len(sys.argv) > 1 else "xfs"
FILES = int(sys.argv[2]) if len(sys.argv) > 2 else 300
LARGE = [int(n) for n in sys.argv[3].split(",")] if len(sys.argv) > 3 else []
stack = Stack(tempfile.mkdtemp(prefix="alto-e2e-"), fs=FS, size="24G" if LARGE else "6G")
tree = None
state = {}


def test_stack_starts_and_the_volume_can_hold_stubs():
    global tree
    if os.geteuid() != 0:
        raise tap.Skip("mounting a volume needs root")
    stack.start()
    tree = Tree(stack.volume, FS)
    tree.make(files=FILES, large=LARGE)
    tree.freeze()


def need():
    if tree is None:
        raise tap.Skip("the stack did not start")


def test_scan_finds_every_file():
    need()
    job = stack.scan()
    tap.equal(job["state"], "done", "the scan")
    found = stack.api.get("/volumes/" + stack.volume_noun["id"])
    wanted = sum(1 for base, _, files in os.walk(os.fsencode(stack.volume)) for f in files if stat.S_ISREG(os.lstat(os.path.join(base, f)).st_mode))
    tap.equal(found["files"], wanted, "files in the inventory")


def test_rule_tiers_what_may_be_tiered_and_refuses_the_rest_by_name():
    need()
    job = state["job"] = stack.tier("modified older than 90d")
    tap.equal(job["state"], "done", "the job (%s)" % job["text"])
    tap.equal(job["failed_files"], 0, "failed files, %s" % job["reasons"])
    late = [e.path for e in tree.tierable() if e.size > 0 and not is_stub(e.path)]
    late = [p for p in late if os.lstat(p).st_blocks > 0]
    tap.equal(late, [], "files that stayed, reasons %s" % job["reasons"])
    early = [(e.path, e.refusal) for e in tree.entries if e.refusal and is_stub(e.path)]
    tap.equal(early, [], "files that must not be stubs")
    told = {r["reason"] for r in job["reasons"]}
    wanted = {e.refusal for e in tree.entries if e.refusal}
    tap.check(wanted <= told, "refusals %s, told %s" % (sorted(wanted), sorted(told)))


def test_stubs_hold_no_blocks_and_look_like_the_file():
    need()
    for e in tree.tierable():
        if is_stub(e.path):
            tap.check(os.lstat(e.path).st_blocks <= 8, "%r uses %d blocks" % (e.path, os.lstat(e.path).st_blocks))
        tap.equal(meta(e.path), e.meta, "metadata of %r" % e.path)


def test_every_kind_of_file_reads_back_in_every_way():
    need()
    kinds = [e for e in tree.tierable() if b"/many/" not in e.path and e.size > 0][:]
    wrong, n = [], 0
    ways = [w for w in WAYS if FS != "ext4" or w not in NEEDS_CLONES]
    out = os.path.join(tree.root, b"copy.out")
    # Each way is the first to touch some stubs, and every kind of file is touched by several: stubs are made again in between.
    for turn, way in enumerate(ways):
        mine = [e for i, e in enumerate(kinds) if (i + turn) % 3 == 0]
        for e in mine:
            n += 1
            try:
                found = WAYS[way](e.path, out)
            except Refused as why:
                found = "refused: %s" % why
            if found != e.sha:
                wrong.append((way, e.path, found))
        again(mine)
    tap.equal(wrong, [], "wrong reads")
    print("# %d reads in %d ways" % (n, len(ways)))


def again(entries):
    """Tiers files again by the API, after waiting for nothing: they were only read."""
    paths = [e.path[len(tree.root):] for e in entries]
    import base64
    body = {"paths_b64": [base64.b64encode(p).decode() for p in paths]}
    job = stack.api.job(stack.api.post("/volumes/%s/tier" % stack.volume_noun["id"], body))
    tap.equal(job["state"], "done", "tiering again (%s)" % job["text"])
    tap.equal([e.path for e in entries if e.size > 4096 and not is_stub(e.path)], [], "not tiered again, reasons %s" % job["reasons"])


def test_programs_and_scripts_run_from_stubs():
    need()
    import subprocess
    for name, wanted in ((b"kinds/script.sh", b"script ran now\n"), (b"kinds/program", b"now\n")):
        path = os.path.join(tree.root, name)
        tap.check(is_stub(path), "%r is no stub" % path)
        tap.equal(subprocess.run([path, "now"], stdout=subprocess.PIPE, stdin=subprocess.DEVNULL).stdout, wanted, "output")


def test_all_others_read_back_equal_with_their_metadata():
    need()
    wrong = [e.path for e in tree.entries if sha_of(e.path) != e.sha]
    tap.equal(wrong, [], "files with other bytes")
    tap.equal([e.path for e in tree.tierable() if is_stub(e.path)], [], "still stubs")
    for e in tree.entries:
        tap.equal(meta(e.path), e.meta, "metadata of %r after recall" % e.path)


def test_audit_has_an_event_per_act_and_its_chain_holds():
    need()
    acts = {}
    for event in stack.api.items("/audit?customer_id=" + stack.customer["id"]):
        acts[event["act"]] = acts.get(event["act"], 0) + 1
    tap.check(acts.get("file.tier", 0) >= len([e for e in tree.tierable() if e.size > 4096]), "tier events: %s" % acts)
    tap.check(acts.get("file.recall", 0) >= len([e for e in tree.tierable() if e.size > 4096]), "recall events: %s" % acts)
    tap.check(stack.api.get("/audit/verify?customer_id=" + stack.customer["id"])["ok"], "the chain does not hold")


def test_it_stops_cleanly():
    if tree is not None:
        tree.end()
    stack.stop(remove=True)
    tap.check(not os.path.ismount(stack.volume), "the volume is still mounted")


tap.main([v for k, v in list(globals().items()) if k.startswith("test_")])
