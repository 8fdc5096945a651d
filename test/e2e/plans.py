#!/usr/bin/python3
"""A plan and what comes of it, end to end: the plan says how many files move and how many bytes become free, the rule runs, and the filesystem's own free
space has moved by that; every refusal was predicted or has a name. Two rules that overlap: the first decides, and `why` says so of each file."""
import json
import os
import subprocess
import sys
import tempfile

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path[:0] = [os.path.join(HERE, "../lib"), os.path.join(HERE, "../torture"), os.path.join(HERE, "../../tools/run")]
import tap  # noqa: E402
from stack import Stack, binary  # noqa: E402
from tree import Tree, data, is_stub, sha_of, write  # noqa: E402

FILES = 600
SIZES = (1, 4095, 4096, 4097, 10000, 65536, 300000, 1 << 20)
WHERE = "size > 0 and path matches \"/mixed/**\""
stack = Stack(tempfile.mkdtemp(prefix="alto-plans-"), fs="xfs", size="2G")
state = {}


def need(name):
    if name not in state:
        raise tap.Skip("there is no %s" % name)


def alto(*words):
    env = dict(os.environ, HOME=stack.path("home"))
    env.pop("XDG_CONFIG_HOME", None)
    os.makedirs(env["HOME"], mode=0o700, exist_ok=True)
    r = subprocess.run([binary("alto"), "--server", stack.api.url, *words], env=env, capture_output=True, text=True, timeout=120, stdin=subprocess.DEVNULL)
    tap.equal(r.returncode, 0, "alto %s: %s" % (" ".join(words), r.stderr))
    return r.stdout


def free_bytes():
    """What the filesystem says, with everything written that waits."""
    fd = os.open(stack.volume, os.O_RDONLY)
    try:
        subprocess.run(["sync", "-f", stack.volume], check=True)
        st = os.fstatvfs(fd)
    finally:
        os.close(fd)
    return st.f_bfree * st.f_frsize


def plan(**ask):
    return stack.api.post("/plan", dict({"volume_id": stack.volume_noun["id"]}, **ask))


def run(rule):
    return stack.api.job(stack.api.post("/rules/%s/run" % rule["id"]), 300)


def why(path):
    return json.loads(alto("--json", "why", stack.volume_noun["name"], path))


def test_the_tree_is_scanned():
    if os.geteuid() != 0:
        raise tap.Skip("mounting a volume needs root")
    stack.start()
    state["tree"] = tree = Tree(os.path.join(stack.volume, "mixed"), "xfs")
    for i in range(FILES):
        tree.add(b"%02d/file %04d.%s" % (i % 17, i, (b"mov", b"txt", b"iso")[i % 3]), data("plan %d" % i, SIZES[i % len(SIZES)]))
    tree.kinds()
    for name in ("movies/big.mov", "movies/small.mov", "movies/kept.mov", "notes/big.txt", "notes/small.txt"):
        path = os.path.join(stack.volume, "overlap", name)
        os.makedirs(os.path.dirname(path), exist_ok=True)
        write(path, data(name, 3000000 if "big" in name or "kept" in name else 20000))
    tap.equal(stack.scan()["state"], "done", "the scan")
    alto("login", "admin", "--password-file", stack.path("admin-password"))
    state["scanned"] = True


def test_a_plan_has_no_side_effects():
    need("scanned")
    before, events = free_bytes(), len(list(stack.api.items("/audit?customer_id=" + stack.customer["id"])))
    state["plan"] = said = plan(where=WHERE)
    tap.check(said["files"] > FILES / 2 and said["freed_bytes"] > 0, "it plans %d files" % said["files"])
    tap.equal(free_bytes(), before, "free bytes")
    tap.equal(len(list(stack.api.items("/audit?customer_id=" + stack.customer["id"]))), events, "events")
    tap.equal([e.path for e in state["tree"].entries if is_stub(e.path)], [], "stubs")


def test_what_the_plan_says_comes_about():
    need("plan")
    said, before = state["plan"], free_bytes()
    rule = stack.api.post("/rules", {"volume_id": stack.volume_noun["id"], "name": "all of it", "where": WHERE, "action": "tier"})
    state["job"] = job = run(rule)
    moved = free_bytes() - before
    print("# planned %d files and %d bytes freed; %d files moved, the job says %d, the filesystem %d (%.3f %%)" % (
        said["files"], said["freed_bytes"], job["done_files"], job["freed_bytes"], moved, 100.0 * moved / said["freed_bytes"]))
    tap.equal(job["state"], "done", job["text"])
    tap.check(abs(moved - said["freed_bytes"]) <= said["freed_bytes"] / 100, "freed %d, planned %d" % (moved, said["freed_bytes"]))
    stack.api.call("DELETE", "/rules/" + rule["id"], headers={"If-Match": '"%d"' % rule["version"]})


def test_every_refusal_was_predicted_or_has_a_name():
    need("job")
    said = {r["reason"]: r["files"] for r in state["plan"]["refusals"]}
    came = {}
    for r in state["job"]["reasons"]:
        came[r["reason"]] = came.get(r["reason"], 0) + r["files"]
    print("# planned %s, came %s" % (said, came))
    for reason, files in said.items():
        tap.equal(came.get(reason), files, "refused as " + reason)
    # What only the host can know: who has a file open.
    later = {reason: files for reason, files in came.items() if reason not in said}
    tap.equal(later, {"open_elsewhere": 1}, "refusals nobody could predict")
    tap.equal(state["job"]["done_files"] + sum(later.values()), state["plan"]["files"], "moved and refused by the host")
    state["tree"].end()
    wrong = [e.path for e in state["tree"].entries if sha_of(e.path) != e.sha]
    tap.equal(wrong, [], "files that read otherwise")


def test_the_first_of_two_rules_decides():
    need("scanned")
    volume = stack.volume_noun["id"]

    def rule(name, where, action="tier"):
        return stack.api.post("/rules", {"volume_id": volume, "name": name, "where": where, "action": action})
    state["movies"] = rule("movies", "ext = mov and path matches \"/overlap/**\"")
    state["large"] = rule("large", "size >= 1MB and path matches \"/overlap/**\"")
    state["kept"] = rule("kept", "name = \"kept.mov\"", "exclude")
    movies, large = plan(rule_id=state["movies"]["id"]), plan(rule_id=state["large"]["id"])
    tap.equal((movies["files"], {r["reason"]: r["files"] for r in movies["refusals"]}), (2, {"excluded": 1}), "movies")
    tap.equal((large["files"], {r["reason"]: r["files"] for r in large["refusals"]}), (1, {"earlier_rule": 1, "excluded": 1}), "large")
    said = plan(rule_id=state["movies"]["id"], compare={"rule_id": state["large"]["id"]})["compare"]
    tap.equal((said["enter"]["files"], said["leave"]["files"], said["stay"]["files"]), (2, 1, 0), "the two rules compared")


def test_why_names_the_rule_for_each_file():
    need("kept")
    for path, rule, matching in (("/overlap/movies/big.mov", "movies", {"movies", "large"}), ("/overlap/notes/big.txt", "large", {"large"}),
                                 ("/overlap/movies/kept.mov", "kept", {"kept", "movies", "large"}), ("/overlap/notes/small.txt", None, set())):
        said = why(path)
        tap.equal(said["decision"]["rule_name"], rule, "what decides " + path)
        tap.equal({r["name"] for r in said["rules"] if r["matches"]}, matching, "what matches " + path)
        tap.equal([r["name"] for r in said["rules"] if r["decides"]], [rule] if rule else [], "who decides " + path)
    tap.check("movies" in alto("why", stack.volume_noun["name"], "/overlap/movies/big.mov"), "the sentence names the rule")


def test_the_runs_move_what_each_rule_decides():
    need("kept")
    tap.equal(run(state["movies"])["done_files"], 2, "by movies")
    tap.equal(run(state["large"])["done_files"], 1, "by large")
    stubs = sorted(n for folder in ("movies", "notes") for n in os.listdir(os.path.join(stack.volume, "overlap", folder))
                   if is_stub(os.path.join(stack.volume, "overlap", folder, n)))
    tap.equal(stubs, ["big.mov", "big.txt", "small.mov"], "stubs")
    told = [(e["what"], e["rule_id"]) for e in why("/overlap/notes/big.txt")["timeline"] if e["what"] == "tier"]
    tap.equal(told, [("tier", state["large"]["id"])], "in the story of a file")
    tap.check(stack.api.get("/audit/verify?customer_id=" + stack.customer["id"])["ok"], "the chain does not hold")


def test_it_stops_cleanly():
    for name in ("immutable", "append"):
        path = os.path.join(stack.volume, "mixed/kinds", name)
        if os.path.exists(path):
            subprocess.run(["chattr", "-ia", path], check=True)
    stack.stop(remove=True)
    tap.check(not os.path.ismount(stack.volume), "the volume is still mounted")


tap.main([v for k, v in list(globals().items()) if k.startswith("test_")])
