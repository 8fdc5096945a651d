#!/usr/bin/python3
"""What does not fit between a volume and its share: each kind is made on a real filesystem with a real share, found by a reconcile, shown, and mended
by the command line; what is read afterwards is what was there before. orphans.py xfs|ext4"""
import errno
import json
import os
import random
import shutil
import subprocess
import sys
import tempfile

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path[:0] = [os.path.join(HERE, "../lib"), os.path.join(HERE, "../torture"), os.path.join(HERE, "../../tools/run")]
import tap  # noqa: E402
from stack import Stack, binary, run  # noqa: E402
from tree import is_stub, write  # noqa: E402
from unseen import unseen  # noqa: E402

FS = sys.argv[1] if len(sys.argv) > 1 else "xfs"
MARKER = "trusted.alto"
SIZE = 70001
NAMES = ["missing", "damaged", "cut", "grown", "written", "part", "lost", "gone", "twin", "back", "forged", "fine", "moved"]
stack = Stack(tempfile.mkdtemp(prefix="alto-orphans-"), fs=FS, size="1G")
content, objects, state = {}, {}, {}


def at(name):
    return os.path.join(stack.volume, "f", name + ".bin")


def read(path):
    try:
        with open(path, "rb") as f:
            return f.read()
    except OSError as error:
        return errno.errorcode[error.errno]


def same(name, what):
    found = read(at(name))
    tap.check(found == content[name], "%s: %s" % (what, found if isinstance(found, str) else "%d bytes, zeros: %s" % (len(found), not any(found))))


def alto(*arguments, status=0):
    done = subprocess.run([binary("alto"), "--server", stack.api.url, *arguments], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                          text=True, env=dict(os.environ, HOME=stack.path("home"), XDG_CONFIG_HOME=stack.path("home")))
    tap.equal(done.returncode, status, "alto %s: %s" % (" ".join(arguments), done.stderr + done.stdout))
    return done.stdout, done.stderr


def reconcile():
    job = stack.api.job(stack.api.post("/volumes/%s/reconcile" % stack.volume_noun["id"]))
    tap.equal(job["state"], "done", "reconcile: " + job["text"])
    return job


def found(which="open"):
    """Of that state: {(kind, name): finding}."""
    items = json.loads(alto("--json", "orphan", "list", "projects", "--state", which)[0])
    return {(i["kind"], os.path.basename(i["path"])[:-4]): i for i in items}


def walk():
    return stack.api.get("/orphans?volume_id=" + stack.volume_noun["id"])["volumes"][0]["walk"]


def object_file(name):
    ident = objects[name]
    folder = os.path.join(stack.share_folder, "objects", ident[-2], ident[-1])
    return next(os.path.join(folder, f) for f in os.listdir(folder) if f.startswith(ident))


def all_objects():
    return {f: os.path.getsize(os.path.join(d, f)) for d, _, files in os.walk(os.path.join(stack.share_folder, "objects")) for f in files}


def test_the_stack_starts_and_stubs_are_made():
    if os.geteuid() != 0:
        raise tap.Skip("mounting a volume needs root")
    stack.start()
    os.makedirs(stack.path("home"), exist_ok=True)
    os.makedirs(os.path.join(stack.volume, "f"))
    for name in NAMES:
        content[name] = random.Random("orphan " + name).randbytes(SIZE)
        write(at(name), content[name])
    os.sync()
    stack.scan()
    job = stack.tier("modified older than 90d")
    tap.equal(sum(is_stub(at(n)) for n in NAMES), len(NAMES), "stubs, %s" % job["reasons"])
    for name in NAMES:
        objects[name] = stack.api.get("/volumes/%s/file?path=/f/%s.bin" % (stack.volume_noun["id"], name))["object_id"]
    run(binary("alto"), "--server", stack.api.url, "login", "admin", "--password-file", stack.path("admin-password"),
        env=dict(os.environ, HOME=stack.path("home"), XDG_CONFIG_HOME=stack.path("home")))
    state["up"] = True


def need():
    if "up" not in state:
        raise tap.Skip("there are no stubs")


def test_where_all_is_right_nothing_is_found():
    need()
    os.rename(at("moved"), at("moved away"))  # a stub is found wherever it is
    content["moved away"] = content.pop("moved")
    reconcile()
    tap.equal(found(), {}, "findings")
    tap.equal((walk()["stubs"], walk()["objects"], walk()["objects_seen"]), (True, True, len(NAMES)), "what the walk came to")
    tap.check("reconcile" not in alto("orphan", "list")[1], "it says that a walk is missing or not whole")


def test_while_the_share_is_away_nothing_is_missing():
    need()
    os.rename(os.path.join(stack.share_folder, "alto-share.json"), stack.path("aside.json"))  # as if another disk were mounted there
    try:
        reconcile()
        tap.equal(found(), {}, "findings")
        tap.check(walk()["stubs"] and not walk()["objects"] and walk()["text"], "the walk says nothing of the share: %s" % walk())
        tap.check("not whole" in alto("orphan", "list")[1], "the list does not say so")
    finally:
        os.rename(stack.path("aside.json"), os.path.join(stack.share_folder, "alto-share.json"))


def test_each_kind_is_made_and_found():
    need()
    shutil.move(object_file("missing"), stack.path("missing.object"))
    shutil.copy(object_file("damaged"), stack.path("damaged.object"))
    os.truncate(object_file("damaged"), 10)
    os.unlink(at("gone"))
    tap.check(read(at("back")) == content["back"], "recalled by a reader")
    os.removexattr(at("lost"), MARKER)
    marker = bytearray(os.getxattr(at("forged"), MARKER))
    marker[20] ^= 1
    os.setxattr(at("forged"), MARKER, bytes(marker))
    state["written"] = random.Random("written").randbytes(SIZE)

    def act(folder):
        def there(name):
            return os.path.join(folder, "f", name + ".bin")
        os.truncate(there("cut"), 100)
        os.truncate(there("grown"), SIZE + 100000)
        with open(there("written"), "r+b") as out:
            out.write(state["written"])
        with open(there("part"), "r+b") as out:
            out.seek(8192)
            out.write(b"newest")
        run("cp", "-a", there("twin"), there("twin 2"))
    unseen(stack, act)
    content["twin 2"] = content["twin"]
    reconcile()
    reconcile()  # what the first adopts is a stub to the second
    kinds = found()
    for kind, name in (("object_missing", "missing"), ("object_damaged", "damaged"), ("changed", "cut"), ("changed", "grown"), ("data", "written"),
                       ("data", "part"), ("marker_lost", "lost"), ("no_stub", "gone"), ("spare", "back"), ("forged", "forged")):
        item = kinds.pop((kind, name), None)
        tap.check(item is not None, "no %s of %s; found: %s" % (kind, name, sorted(kinds)))
        tap.equal(item["object_id"], objects[name], "the object of %s" % name)
    (kind, name), = kinds
    tap.check(kind == "doubly_known" and name in ("twin", "twin 2"), "left: %s" % sorted(kinds))
    for name in ("missing", "damaged", "cut", "grown", "written", "part", "forged"):
        tap.equal(read(at(name)), "EIO", "reading %s" % name)
    state["objects"] = all_objects()
    said = alto("orphan", "list")[0]
    for word in ("object_missing", "restub", "unreadable", "only_there"):
        tap.check(word in said, "%s is not in\n%s" % (word, said))
    shown = alto("orphan", "show", "projects", found()[("data", "written")]["id"])[0]
    tap.check("kept" in shown or "keeps" in shown, shown)


def repair(*which):
    plan = json.loads(alto("--json", "orphan", "repair", "projects", *which, "--plan")[0])
    alto("orphan", "repair", "projects", *which, "--wait")
    return plan


def test_frames_are_stubs_again():
    need()
    plan = repair("--kind", "changed")
    tap.equal((plan["findings"], plan["bytes"]), (2, 0), "the plan")
    for name in ("cut", "grown"):
        tap.check(is_stub(at(name)) and os.path.getsize(at(name)) == SIZE, "%s is no stub of its length" % name)
        same(name, "the frame that was %s" % name)


def test_files_are_brought_back_and_what_was_there_stays():
    need()
    wanted = [found()[("data", n)]["id"] for n in ("written", "part")]
    plan = repair(*wanted)
    tap.equal((plan["findings"], plan["bytes"]), (2, 2 * SIZE), "the plan")
    for name in ("written", "part"):
        same(name, "what was brought back")
        tap.check(not is_stub(at(name)), "%s is a stub" % name)
    tap.check(read(at("written (kept)")) == state["written"], "what was written past the gate is not beside it")
    tap.equal(read(at("part (kept)")), "EIO", "a part with holes is shown")
    for kind, name in (("marker_lost", "lost"), ("no_stub", "gone"), ("forged", "forged")):
        repair("--kind", kind)
        same(name, "what was brought back of %s" % kind)
    repair("--kind", "doubly_known")
    for name in ("twin", "twin 2"):
        same(name, "one of two stubs")


def test_objects_that_are_put_back_mend_their_stubs():
    need()
    said = alto("orphan", "repair", "projects", "--kind", "object_missing", status=1)[1]
    tap.check("can be repaired from here" in said, said)
    ident = objects["missing"]
    shutil.move(stack.path("missing.object"), os.path.join(stack.share_folder, "objects", ident[-2], ident[-1], ident + ".bin"))
    shutil.copy(stack.path("damaged.object"), object_file("damaged"))
    reconcile()
    left = found()
    tap.check(("object_missing", "missing") not in left and ("object_damaged", "damaged") not in left, "still found: %s" % sorted(left))
    for name in ("missing", "damaged"):
        same(name, "the stub whose object came back")


def test_what_is_left_is_put_aside_and_no_object_is_gone():
    need()
    reconcile()
    left = found()
    kept = [("data", "part (kept)"), ("forged", "forged (kept)")]  # frames that would read as zeros
    tap.equal(sorted(k for k in left if k[0] != "spare"), kept, "what a person has to decide")
    alto("orphan", "ignore", "projects", *(left[k]["id"] for k in kept), "--reason", "to be looked at")
    tap.equal([k for k in found() if k[0] != "spare"], [], "open")
    tap.equal(sorted(found("ignored")), kept, "put aside")
    alto("orphan", "ignore", "projects", "--kind", "data", "--undo")
    tap.check(("data", "part (kept)") in found(), "it was not taken up again")
    os.unlink(at("part (kept)"))
    os.unlink(at("forged (kept)"))
    reconcile()
    tap.equal([k for k in found() if k[0] != "spare"], [], "open in the end")
    tap.equal(found("ignored"), {}, "put aside in the end")
    tap.check(all(k in found("mended") for k in kept), "what was removed is not over")
    now = all_objects()
    tap.equal([o for o in state["objects"] if o not in now], [], "objects that are gone")
    for name in content:
        same(name, "in the end, " + name)


def test_the_record_has_each_act():
    need()
    acts = [e["act"] for e in stack.api.items("/audit?customer_id=" + stack.customer["id"])]
    for act in ("volume.reconciled", "orphan.repair", "orphan.ignore", "orphan.unignore", "file.repair"):
        tap.check(act in acts, "no %s in the record" % act)
    tap.check(stack.api.get("/audit/verify?customer_id=" + stack.customer["id"])["ok"], "the chain does not hold")
    for name in list(stack.children):
        tap.check(stack.alive(name), "%s ended by itself: %s" % (name, stack.said(name)))


try:
    status = tap.run([v for k, v in list(globals().items()) if k.startswith("test_")])
finally:
    stack.stop(remove=True)
sys.exit(status)
