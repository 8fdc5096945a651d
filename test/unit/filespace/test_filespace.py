#!/usr/bin/python3
"""The generator of audit logs and its expected result: small histories with results written by hand, and large ones whose tree must come out as expected."""
import hashlib
import json
import os
import random
import shutil
import sys
import tempfile

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path[:0] = [os.path.join(HERE, "../../lib"), os.path.join(HERE, "../../../tools/filespace")]
import bulk  # noqa: E402
import history  # noqa: E402
import lines  # noqa: E402
import model  # noqa: E402
from tap import check, equal, main  # noqa: E402

S = 1000000
T = 1789067746 * S
folder = tempfile.mkdtemp(prefix="alto-filespace-")


def access(seeds, *events):
    """path -> latest access in seconds after T, or the pair of them, or None."""
    told = [model.Event(T + e[0] * S, *e[1:]) for e in events]
    random.Random(4).shuffle(told)  # in whatever order they come
    found = model.replay([(p, T - 1000 * S) for p in seeds], told).expected()

    def since(pair):
        if pair is None:
            return None
        lo, hi = ((v - T) // S for v in pair)
        return lo if lo == hi else (lo, hi)
    return {path: since(f["access"]) for path, f in found.items()}


def test_the_latest_read_or_write_counts():
    equal(access(["/a", "/b", "/c"], (5, "FileRead", "/a"), (3, "FileWritten", "/a"), (9, "ExtendedAttributeSet", "/b"), (7, "PreHydrate", "/b"), (8, "SymlinkCreate", "/l")),
          {"/a": 5, "/b": None, "/c": None}, "access")


def test_a_safe_save_leaves_one_file_with_its_last_access():
    equal(access(["/d/budget.xlsx"], (1, "FileRead", "/d/budget.xlsx"), (2, "FileCreate", "/d/.tmp"), (3, "FileWritten", "/d/.tmp"), (4, "FileDelete", "/d/budget.xlsx"),
                 (5, "Move", "/d/.tmp", "/d/budget.xlsx")), {"/d/budget.xlsx": 5}, "access")


def test_a_moved_file_takes_its_accesses_along_and_the_name_can_be_used_again():
    equal(access(["/a"], (1, "FileRead", "/a"), (2, "Move", "/a", "/b"), (3, "FileCreate", "/a"), (4, "FileRead", "/a")), {"/a": 4, "/b": 2}, "access")


def test_a_moved_folder_takes_its_files_along_without_an_access():
    equal(access(["/f/x", "/f/s/y"], (1, "FileRead", "/f/x"), (2, "Move", "/f", "/g/h"), (3, "FileRead", "/g/h/s/y"), (4, "Move", "/g/h/s", "/s")),
          {"/g/h/x": 1, "/s/y": 3}, "access")


def test_chains_of_moves_end_where_the_file_is():
    equal(access(["/a"], (1, "FileRead", "/a"), (2, "Move", "/a", "/b"), (3, "Move", "/b", "/c"), (4, "FileRead", "/c"), (5, "Move", "/c", "/a")), {"/a": 5}, "access")


def test_deletes_take_away_what_is_below():
    equal(access(["/f/x", "/f/y", "/z"], (1, "FileDelete", "/f/x"), (2, "DirectoryDelete", "/f"), (3, "FileCreate", "/f/x")), {"/z": None, "/f/x": 3}, "access")


def test_a_move_onto_a_file_replaces_it():
    equal(access(["/a", "/b"], (1, "FileRead", "/b"), (2, "FileRead", "/a"), (3, "Move", "/a", "/b")), {"/b": 3}, "access")


def test_noise_is_no_access():
    equal(access(["/a"], (1, "FileRead", "/a", None, "9", None, True)), {"/a": None}, "access")


def test_the_future_counts_as_some_time_between():
    equal(access(["/a", "/b"], (4000, "FileRead", "/a", None, "1", T + 10 * S), (300, "FileRead", "/b", None, "1", T)), {"/a": (10, 4000), "/b": 300}, "access")


def test_pins_hold_for_what_is_below_until_each_node_let_go():
    def pinned(*events):
        found = model.replay([("/f/x", T), ("/y", T)], [model.Event(T + i, *e) for i, e in enumerate(events)]).expected()
        return sorted(p for p, f in found.items() if f["pinned"])
    equal(pinned(("Pin", "/f", None, "1")), ["/f/x"], "of a folder")
    equal(pinned(("Pin", "/f", None, "1"), ("Unpin", "/f", None, "2")), ["/f/x"], "after another's unpin")
    equal(pinned(("Pin", "/y", None, "1"), ("Pin", "/y", None, "2"), ("Unpin", "/y", None, "1"), ("Unpin", "/y", None, "2")), [], "after both")


def test_lines_say_the_same_in_every_style():
    for style in sorted(set(lines.STYLES)):
        client = lines.Client(42, "mara", "id", "bay", style=style)
        line = client.line(T + 7, "Move", '/a "\\ é\U0001f3ac', "/b\n")
        equal((line.count(b"\n"), line[-1:]), (1, b"\n"), "ends of lines")
        told = json.loads(line)
        equal((told["operation"]["action"], told["operation"]["entryPath"], told["operation"]["targetPath"]), ("Move", '/a "\\ é\U0001f3ac', "/b\n"), style)
        equal(told["user"]["name"], "mara", style)
    equal(lines.Client(1, "u", "i", "h", style="iso").time(1789067746120345), '"2026-09-10T19:15:46.120345Z"', "time as text")
    check(b"\xff" in lines.Client(1, "u", "i", "h", style="escaped").line(T, "FileRead", "/\udcff"), "bytes that are no UTF-8 are lost")


def whole(root, seed):
    work = history.Work(root, True, seed, 40, 600, 0.02, start_us=T)
    work.backlog(T, T + 3 * history.DAY, 6000)
    work.end()
    return work


def test_the_tree_that_was_made_is_the_one_expected():
    for seed in (1, 2):
        root = os.path.join(folder, "tree")
        work = whole(root, seed)
        expected = work.expected()
        found = {}
        for base, folders, names in os.walk(os.fsencode(root)):
            folders[:] = [f for f in folders if f != b".lucid_audit"]
            for name in names:
                path = os.path.join(base, name)
                found[path[len(os.fsencode(root)):].decode("utf-8", "surrogateescape")] = os.stat(path).st_mtime_ns // 1000
        equal(sorted(set(found) ^ set(expected["files"])), [], "paths that differ")
        equal(expected["strange"], 0, "events of nothing")
        late = [p for p, f in expected["files"].items() if f["access"] and found[p] > f["access"][1]]
        equal(late, [], "files modified later than accessed")
        equal({a for a in history.Event.__slots__}, set(model.Event.__slots__), "events")
        acts = {e.action for e in work.events}
        check(len(acts) >= 12, "few kinds of events: %s" % acts)
        shutil.rmtree(root)


def test_lines_in_the_files_are_those_counted():
    root = os.path.join(folder, "lines")
    work = whole(root, 3)
    read = []
    for base, _, names in os.walk(os.path.join(root, ".lucid_audit")):
        for name in names:
            if name.endswith((".log", ".active")):
                with open(os.path.join(base, name), "rb") as f:
                    read += f.read().split(b"\n")
    good = 0
    for line in read:
        try:
            operation = json.loads(line.decode("utf-8-sig", "surrogateescape"))["operation"]
            good += operation["action"] in model.ACCESSES + ("Move",) and operation["entryPath"].startswith("/") and ".lucid_audit" not in operation["entryPath"]
        except (ValueError, KeyError, TypeError, AttributeError, RecursionError):
            pass
    events = sum(e.action in model.ACCESSES + ("Move",) for e in work.events)
    check(events <= good < events + 40, "%d lines of %d events" % (good, events))  # some of the hostile ones look well
    shutil.rmtree(root)


def test_one_seed_gives_one_result():
    sums = []
    for _ in range(2):
        root, h = os.path.join(folder, "same"), hashlib.sha256()
        whole(root, 5)
        for base, folders, names in os.walk(root):
            folders.sort()
            for name in sorted(names, key=os.fsencode):
                h.update(os.fsencode(os.path.join(base, name)))
                if ".lucid_audit" in base:
                    with open(os.path.join(base, name), "rb") as f:
                        h.update(f.read())
        sums.append(h.hexdigest())
        shutil.rmtree(root)
    equal(sums[0], sums[1], "the second time")


def test_very_many_lines_are_as_expected():
    root = os.path.join(folder, "bulk")
    last = dict(bulk.backlog(root, T, T + history.DAY, 20000, 5, files=300))
    found, count = {}, 0
    for base, _, names in os.walk(root):
        for name in names:
            with open(os.path.join(base, name), "rb") as f:
                for line in f:
                    told, count = json.loads(line), count + 1
                    if told["operation"]["action"] in model.ACCESSES:
                        found[told["operation"]["entryPath"]] = max(found.get(told["operation"]["entryPath"], 0), told["timestamp"])
    equal({p: t for p, t in last.items() if t}, found, "latest times")
    check(18000 <= count <= 20000, "%d lines" % count)


def test_the_end():
    shutil.rmtree(folder)


if __name__ == "__main__":
    main([f for name, f in list(globals().items()) if name.startswith("test_")])
