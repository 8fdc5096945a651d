#!/usr/bin/python3
"""Audit logs of a filespace, end to end: a FUSE mount, clients that write logs as LucidLink's do, a real agent that follows them and is killed again and again, a real altod;
held against the generator's own result, path by path.  lucidlink.py [--kills 15] [--seed 1] [--keep]"""
import argparse
import base64
import json
import os
import random
import shutil
import subprocess
import sys
import tempfile
import threading
import time
import urllib.parse

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path[:0] = [os.path.join(HERE, "../lib"), os.path.join(HERE, "../../tools/run"), os.path.join(HERE, "../../tools/filespace")]
import history  # noqa: E402
import mount  # noqa: E402
import tap  # noqa: E402
from filespace import Site, differences, path_of, wait_equal  # noqa: E402
from stack import ApiError, binary, wait_for  # noqa: E402

parser = argparse.ArgumentParser()
parser.add_argument("--kills", type=int, default=15)
parser.add_argument("--seed", type=int, default=1)
parser.add_argument("--keep", action="store_true")
options = parser.parse_args()
site = Site(tempfile.mkdtemp(prefix="alto-audit-e2e-"))
MOVED = 100000  # files of the folder that is moved
state = {}


def now_us():
    return time.time_ns() // 1000


def need_site():
    if "started" not in state:
        raise tap.Skip(mount.why_not() or "altod and agent did not start")


def test_altod_and_agent_start():
    if mount.why_not():
        raise tap.Skip(mount.why_not())
    site.start()
    state["started"] = True


# ---- fifty clients, an agent that dies ----


def live(work, until, rate=400):
    """Things happen as the clock goes, until a condition; how many did."""
    began, done = time.monotonic(), 0
    while not until():
        while done < (time.monotonic() - began) * rate:
            work.step(now_us())
            done += 1
            if work.choice.random() < 0.01:
                work.disturb(now_us())
        work.flush()
        time.sleep(0.01)
    return done


def test_fifty_clients_write_while_the_agent_is_killed():
    need_site()
    space = site.filespace("killed")
    work = history.Work(space.back, True, options.seed, 50, 1500, 0.02, start_us=now_us() - history.DAY)
    work.backlog(now_us() - history.DAY, now_us() - history.MINUTE, 2000)
    volume = site.add_volume("killed")
    site.scan_volume(volume)
    choice, killed = random.Random(options.seed), [0]

    def kill():
        while killed[0] < options.kills:
            time.sleep(choice.choice((0.1, 0.3, 0.6, 1.2, 2.0)) * choice.uniform(0.5, 1.2))
            site.kill_agent()
            killed[0] += 1
    killer = threading.Thread(target=kill)
    killer.start()
    steps = live(work, lambda: not killer.is_alive())
    killer.join()
    work.settle()
    expected = work.expected()
    tap.equal(expected["strange"], 0, "events of nothing in the history")
    took = wait_equal(site, volume, expected, 120)
    lacking = len(set(expected["files"]) - set(site.files(volume)))
    print("# %d kills while %d things were done; %d events, %d files; equal %.1f s after the end, %d new ones not there before the next scan" % (
        killed[0], steps, expected["events"], len(expected["files"]), took, lacking))
    state["killed"] = (volume, work)


def test_a_scan_afterwards_changes_no_access_and_takes_away_what_is_gone():
    if "killed" not in state:
        raise tap.Skip("there is nothing to compare with")
    volume, work = state["killed"]
    site.scan_volume(volume)
    wait_equal(site, volume, work.expected(), 60, strict=True)


def has_bytes(name, path):
    return os.path.getsize(site.filespaces[name].back.encode() + path.encode("utf-8", "surrogateescape")) > 0


def test_pins_hold_files_back():
    if "killed" not in state:
        raise tap.Skip("there is nothing to compare with")
    volume, work = state["killed"]
    pinned = sum(f["pinned"] and has_bytes("killed", path) for path, f in work.expected()["files"].items())
    plan = site.plan(volume, "size >= 1B and not path matches \"/.lucid_audit/**\"")
    told = {r["reason"]: r["files"] for r in plan["refusals"]}
    tap.equal(told.get("pinned_in_lucidlink", 0), pinned, "files that are pinned, of %s" % told)


def test_the_command_line_tells_the_same():
    if "killed" not in state:
        raise tap.Skip("there is nothing to compare with")
    volume, work = state["killed"]
    env = dict(os.environ, HOME=site.path("home"))
    os.makedirs(site.path("home"), exist_ok=True)
    head = [binary("alto"), "--server", site.api.url]
    subprocess.run(head + ["login", "admin", "--password-file", site.path("admin-password")], env=env, check=True, capture_output=True, timeout=30)
    for words, wanted in ((("access", "status", "killed"), "live"), (("access", "nodes", "killed"), "edit-bay-03"), (("access", "top", "killed"), "/Shows/"),
                          (("access", "show", "killed"), "/")):
        done = subprocess.run(head + list(words), env=env, capture_output=True, timeout=60, stdin=subprocess.DEVNULL)
        tap.check(done.returncode == 0 and wanted in done.stdout.decode("utf-8", "replace"), "alto %s: %d %s%s" % (" ".join(words), done.returncode, done.stdout[-300:], done.stderr[-300:]))


def test_the_mount_is_found_and_another_path_is_told_of():
    if "killed" not in state:
        raise tap.Skip("there is nothing to compare with")
    env = dict(os.environ, HOME=site.path("home"))

    def alto(*words):
        return subprocess.run([binary("alto"), "--server", site.api.url, "--json"] + list(words), env=env, capture_output=True, timeout=60, stdin=subprocess.DEVNULL)

    def found():
        shown = json.loads(alto("host", "show", site.host["name"]).stdout)["filespaces"]["found"]
        return shown and [f for f in shown["items"] if f["path"] == site.path("killed")]
    mine = wait_for("the mount to be found", found, 45)[0]
    tap.check(mine["lucidlink"] and mine["mounted"] and mine["type"] == "fuse.lucidlink" and mine["logs"] in ("present", "unknown"), mine)
    for name, path, wanted in (("no mount", site.path("home"), "none of the LucidLink mounts"), ("is one", site.path("killed") + "/Shows", "")):
        done = alto("volume", "add", "--host", site.host["name"], "--name", name, "--path", path, "--kind", "lucidlink")
        said = done.stderr.decode()
        tap.check(done.returncode == 0 and (wanted in said and site.path("killed") in said if wanted else said == ""), "%s: %d %r" % (path, done.returncode, said))
        noun = json.loads(done.stdout)
        tap.check(alto("volume", "remove", noun["id"]).returncode == 0, "removed")


# ---- at once, and live all along ----


def test_ten_days_at_once_come_out_as_followed_all_along():
    need_site()
    along = site.filespace("along")
    begin, end = now_us() - 10 * history.DAY, now_us() - history.HOUR
    work = history.Work(along.back, True, options.seed + 1, 50, 1500, 0.02, start_us=begin)
    first = site.add_volume("along")  # not scanned before: a scan says how it is now, and not ten days ago
    for part in range(10):
        work.backlog(begin + (end - begin) * part // 10, begin + (end - begin) * (part + 1) // 10, 1500)
        work.flush()
        time.sleep(0.5)
    site.filespace("at once", along.back)
    second = site.add_volume("at once")
    site.scan_volume(first)
    site.scan_volume(second)
    ended = time.monotonic() + 8
    live(work, lambda: time.monotonic() > ended, 100)
    work.settle()
    expected = work.expected()
    wait_equal(site, first, expected, 120)
    wait_equal(site, second, expected, 120)
    for volume in (first, second):
        site.scan_volume(volume)
    both = [site.files(v) for v in (first, second)]
    for found in both:
        tap.equal(differences(found, expected, True)[:5], [], "differences")
    apart = [p for p in both[0] if both[0][p][0] != both[1][p][0] and expected["files"][p]["access"][0] == expected["files"][p]["access"][1]]
    tap.equal(apart, [], "files that differ between the two")
    records = [site.record(v) for v in (first, second)]
    tap.equal(records[0]["covered_since_at"], records[1]["covered_since_at"], "since when the record is complete")
    state["along"] = (first, second, work)
    print("# %d events, %d files" % (expected["events"], len(expected["files"])))


def test_lines_are_counted_and_noise_is_dropped():
    if "along" not in state:
        raise tap.Skip("there is nothing to compare with")
    is_counted(*state["along"][1:])


def test_lines_are_counted_once_however_often_the_agent_is_killed():
    if "killed" not in state:
        raise tap.Skip("there is nothing to compare with")
    is_counted(*state["killed"])


def is_counted(second, work):
    expected = work.expected()
    wanted = {"lines": work.counts["lines"], "other": work.counts["other"], "named": work.counts["named"]}
    wanted.update(work.counts["skipped"])

    end = time.monotonic() + 70
    while (counts := site.counts(second)).get("lines", 0) < wanted["lines"] and time.monotonic() < end:
        time.sleep(0.5)  # the host tells them every half minute
    shown = {name: counts.get(name) for name in wanted}
    print("# %s" % counts)
    tap.check(expected["ignored_files"] <= counts.get("ignored_files", 4), "files passed over: %s" % counts)
    torn = counts.get("junk", 0) - wanted["junk"]  # of clients that crashed in the middle of a line, if anything
    tap.check(0 <= torn <= 50, "junk: %d, not %d" % (counts.get("junk", 0), wanted["junk"]))
    shown["junk"] = wanted["junk"]
    tap.equal(shown, wanted, "counts")


def test_lines_that_were_passed_over_stand_where_it_is_said():
    if "along" not in state:
        raise tap.Skip("there is nothing to compare with")
    looked, second = 0, state["along"][1]
    for s in site.record(second)["samples"]:
        log = os.path.join(os.fsencode(site.filespaces["along"].back), b".lucid_audit", base64.b64decode(s["log_b64"]) if "log_b64" in s else s["log"].encode())
        for name in (log, log + b".active"):
            if os.path.exists(name):
                with open(name, "rb") as f:
                    f.seek(s["offset"])
                    tap.equal(f.read(200).split(b"\n")[0].split(b"\0")[0][:200], (base64.b64decode(s["line_b64"]) if "line_b64" in s else s["line"].encode()).split(b"\0")[0], "the line of %s" % s)
                looked += 1
                break
    print("# %d lines looked at" % looked)
    tap.check(looked >= 4, "of %s only %d are there" % (site.record(second)["samples"], looked))


def test_other_settings_change_no_count_and_no_name():
    if "along" not in state:
        raise tap.Skip("there is nothing to compare with")
    before, second = site.record(state["along"][1]), state["along"][1]
    now = site.api.get("/volumes/" + second["id"])
    site.api.call("PATCH", "/volumes/" + second["id"], {"audit": {"silence_hours": 200}}, {"If-Match": '"%d"' % now["version"]})
    wait_for("the follower of the other settings", lambda: (site.record(second)["told_at"] > before["told_at"] and site.record(second)["state"] == "live"), 60)
    for _ in range(10):
        after = site.record(second)
        tap.equal((after["filespace"], after["filespace_uuid"], len(after["samples"])), (before["filespace"], before["filespace_uuid"], len(before["samples"])), "name and samples")
        # "ignored_files" is how many are there, which the other follower has to look for first.
        less = [(a, b) for a, b in zip(before["counts"], after["counts"]) if b["count"] < a["count"] and a["name"] != "ignored_files"]
        tap.equal(less, [], "counts that went back")
        time.sleep(1)


def test_people_and_hosts_whose_names_are_no_text_are_told_by_their_bytes():
    need_site()
    space, user, host = site.filespace("bytes"), b"ma\xffra\xe9", b"bay\xfe\xff"
    log = os.path.join(space.back, ".lucid_audit", "7", "2026", "11")
    os.makedirs(log)
    with open(os.path.join(log, "2026-11-01T00.00.00Z.log.active"), "wb") as out:
        for path, who, where in ((b"/raw", user, host), (b"/nul", b"a\\u0000b", b"c\\u0000"), (b"/text", b"max", b"bay-1")):
            out.write(b'{"timestamp":%d,"user":{"name":"%s"},"device":{"hostName":"%s"},"event":{"nodeId":"7"},"operation":{"action":"FileRead","entryPath":"%s"}}\n' % (
                now_us(), who, where, path))
        out.write(b"{\xff\x1b[2J no line\n")
    volume = site.add_volume("bytes")
    site.scan_volume(volume)

    def rows(query=""):
        return site.api.get("/volumes/%s/access/recent%s" % (volume["id"], query))["items"]
    wait_for("the three", lambda: len(rows()) == 3, 60)
    for what, value, path in (("user", user, "/raw"), ("host", host, "/raw"), ("user", b"a\0b", "/nul"), ("host", b"c\0", "/nul"), ("user", b"max", "/text")):
        b64 = base64.b64encode(value).decode()
        tap.equal([r["path"] for r in rows("?%s_b64=%s" % (what, urllib.parse.quote(b64, "")))], [path], "those of %s %r" % (what, value))
    env = dict(os.environ, HOME=site.path("home"))
    os.makedirs(site.path("home"), exist_ok=True)
    head = [binary("alto"), "--server", site.api.url]
    subprocess.run(head + ["login", "admin", "--password-file", site.path("admin-password")], env=env, check=True, capture_output=True, timeout=30)
    done = subprocess.run(head + ["access", "show", "bytes", "--user", user, "--host", host], env=env, capture_output=True, timeout=60, stdin=subprocess.DEVNULL)
    tap.check(done.returncode == 0 and b"/raw" in done.stdout and b"/text" not in done.stdout, "%s%s" % (done.stdout, done.stderr))
    node = wait_for("the client", lambda: site.api.get("/volumes/%s/access/nodes" % volume["id"])["items"], 60)[0]
    sample = wait_for("the line that is none", lambda: site.record(volume)["samples"], 60)[0]
    tap.equal((node["node"], sample["line_b64"]), ("7", base64.b64encode(b"{\xff\x1b[2J no line").decode()), "the client, and the line that is none")


# ---- logs that are not there ----


def cold(expected, since_us, before_us):
    """Files with bytes, not pinned, that were used last before a time after which the record is complete."""
    return sum(max(since_us, (f["access"] or (f["modified"],))[-1]) < before_us and not f["pinned"] and has_bytes("along", path)
               for path, f in expected["files"].items())


def test_no_file_is_called_cold_while_logs_are_missing():
    if "along" not in state:
        raise tap.Skip("there is nothing to compare with")
    _, volume, work = state["along"]
    back, where = site.filespaces["along"].back, 'accessed older than 5d and size >= 1B and not path matches "/.lucid_audit/**"'
    logs, away = os.path.join(site.path("at once"), ".lucid_audit"), back + ".away"
    expected, five = work.expected(), now_us() - 5 * history.DAY
    files = cold(expected, now_us() - 10 * history.DAY, five)
    tap.check(files > 20, "only %d files are cold" % files)

    def plan(wanted, held, what):
        made = site.plan(volume, where)
        refused = {r["reason"]: r["files"] for r in made["refusals"]}
        taken = made["files"] + sum(n for reason, n in refused.items() if reason not in ("no_access_record", "pinned_in_lucidlink"))
        tap.equal((taken, made["held_for_access_record"]["files"]), (wanted, held), "%s: files, held (%s, %s)" % (what, made["access_record"], refused))
        tap.equal(refused.get("no_access_record", 0), held, "%s: refused" % what)
    site.wait_record(volume, "live")
    plan(files, 0, "while live")
    denied = mount.Denied(logs)
    try:
        site.wait_record(volume, "denied")
        plan(0, files, "while denied")
    finally:
        denied.end()
    site.wait_record(volume, "live")
    wait_for("the record to be complete", lambda: site.record(volume)["complete"], 30)
    plan(files, 0, "after having been denied")
    os.rename(os.path.join(back, ".lucid_audit"), away)
    site.wait_record(volume, "absent", 120)
    plan(0, files, "while absent")
    os.rename(away, os.path.join(back, ".lucid_audit"))
    site.wait_record(volume, "live", 120)
    plan(0, files, "after having been absent")
    ended = time.monotonic() + 2
    live(work, lambda: time.monotonic() > ended, 100)
    work.settle()
    wait_equal(site, volume, work.expected(), 60)


# ---- one large folder, one line ----


def one_line(client, back, action, path, target=None):
    """Appends to the log of a client of its own."""
    log = os.path.join(back, ".lucid_audit", client.node, "2026", "11")
    os.makedirs(log, exist_ok=True)
    with open(os.path.join(log, "2026-11-01T00.00.00Z.log.active"), "ab") as out:
        out.write(client.line(now_us(), action, path, target))


def test_a_folder_of_100000_files_is_moved_by_one_line():
    need_site()
    space = site.filespace("large")
    os.makedirs(os.path.join(space.back, "big/deep"))
    for i in range(MOVED):
        os.close(os.open(os.path.join(space.back, "big/deep", "file %06d.mov" % i), os.O_CREAT | os.O_WRONLY))
    client = history.lines.Client(7, "mara", "u", "bay-07")
    one_line(client, space.back, "FileRead", "/big/deep/file 000005.mov")
    volume = site.add_volume("large")
    site.scan_volume(volume)
    wait_for("the first access", lambda: site.api.get("/volumes/%s/access" % volume["id"])["last_number"] > 0, 60)
    os.rename(os.path.join(space.back, "big"), os.path.join(space.back, "moved"))
    began = time.monotonic()
    one_line(client, space.back, "Move", "/big", "/moved")

    def there():
        try:
            return site.api.get("/volumes/%s/files?path=/moved/deep&limit=1" % volume["id"])["items"]
        except ApiError as error:
            if error.status != 404:
                raise
            return None
    wait_for("the folder's new name", there, 60)
    took = time.monotonic() - began
    rows = site.api.get("/volumes/%s/access/recent?limit=10" % volume["id"])["items"]
    tap.equal(sum(r["kind"] == "move" for r in rows), 1, "rows of moves")
    begun = time.monotonic()
    found = site.files(volume)
    print("# from the line to the new paths %.2f s; the list of %d files %.1f s" % (took, len(found), time.monotonic() - begun))
    tap.equal(len(found), MOVED, "files")
    tap.check(all(p.startswith("/moved/deep/file ") for p in found), "old paths are left")
    tap.equal(sum(v[1] == "audit" for v in found.values()), 1, "files that were used")
    state["large"] = (volume, space, client)


def test_a_new_line_is_told_soon():
    if "large" not in state:
        raise tap.Skip("no volume")
    volume, space, client = state["large"]
    took = []
    for n in range(20):
        path = "/moved/deep/file %06d.mov" % (100 + n)
        began = time.monotonic()
        one_line(client, space.back, "FileRead", path)
        wait_for("the line", lambda: any(path_of(r) == path for r in site.api.get("/volumes/%s/access/recent?limit=5" % volume["id"])["items"]), 30)
        took.append(time.monotonic() - began)
        time.sleep(random.Random(n).random() * 0.7)
    took.sort()
    print("# a new line to the API: median %.2f s, longest %.2f s" % (took[10], took[-1]))
    tap.check(took[10] < 2.0, "median %.2f s" % took[10])


def test_the_end():
    for name in ("altod", "alto-agent"):
        if "started" in state:
            tap.check(site.alive(name), "%s ended: %s" % (name, site.said(name)))
    site.stop()
    if options.keep:
        print("# kept: %s" % site.folder)
    else:
        shutil.rmtree(site.folder)


if __name__ == "__main__":
    try:
        status = tap.run([f for name, f in list(globals().items()) if name.startswith("test_")])
    finally:
        site.stop()
    sys.exit(status)
