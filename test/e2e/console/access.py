#!/usr/bin/python3
"""The room of accesses in a real Chromium: a FUSE filespace whose clients write audit logs, a real agent that follows them, a real altod; accesses appear by themselves,
are paused, picked and summed up; what the page says is held against the API and the disk. Skipped where Chromium, the built console or FUSE is missing. ALTO_SHOTS names a folder for pictures."""
import base64
import glob
import os
import sys
import tempfile
import time

HERE = os.path.dirname(os.path.abspath(__file__))
ROOT = os.path.dirname(os.path.dirname(os.path.dirname(HERE)))
sys.path[:0] = [os.path.join(HERE, "../../lib"), os.path.join(ROOT, "tools/run"), os.path.join(ROOT, "tools/filespace")]
import chromium  # noqa: E402
import history  # noqa: E402
import lines  # noqa: E402
import mount  # noqa: E402
import tap  # noqa: E402
from chromium import step  # noqa: E402
from filespace import Site  # noqa: E402
from stack import wait_for  # noqa: E402

DAYS, NODES, FILES = 10, 12, 300
RULE = "Nobody used it"
SOON = 20  # seconds, on a machine that does much else
began = time.monotonic()
site = Site(tempfile.mkdtemp(prefix="alto-console-access-"))
state = {}


def why_not():
    return mount.why_not() or chromium.why_not()


def need(*what):
    for name in what:
        if name not in state:
            raise tap.Skip("there is no %s" % name)


def now_us():
    return time.time_ns() // 1000


def write(action, path, user="mara", host="bay-77", instead=None):
    """One line more in the log of a client of its own; instead: bytes for bytes."""
    log = os.path.join(state["space"].back, ".lucid_audit", "77", "2026", "11")
    os.makedirs(log, exist_ok=True)
    with open(os.path.join(log, "2026-11-01T00.00.00Z.log.active"), "ab") as out:
        line = lines.Client(77, user, "u", host).line(now_us(), action, path)
        for old, new in (instead or {}).items():
            line = line.replace(old, new)
        out.write(line)


def api(path):
    return site.api.get("/volumes/%s/access%s" % (state["volume"]["id"], path))


def test_a_filespace_with_a_history_is_followed():
    reason = why_not()
    if reason:
        raise tap.Skip(reason)
    site.start()
    site.start_share()
    space = site.filespace("space")
    work = history.Work(space.back, True, 3, NODES, FILES, 0.02, skew=False, start_us=now_us() - DAYS * history.DAY)
    work.backlog(now_us() - DAYS * history.DAY, now_us() - history.HOUR, 700)
    work.flush()
    share = site.api.post("/shares", {"customer_id": site.customer["id"], "name": "cold", "url": site.share_url})
    volume = site.add_volume("space")
    volume = site.api.call("PATCH", "/volumes/" + volume["id"], {"share_id": share["id"]}, {"If-Match": '"%d"' % volume["version"]})
    site.scan_volume(volume)
    site.wait_record(volume, "live")
    state.update(space=space, volume=volume)
    wait_for("all of the history", lambda: api("")["last_number"] > 500 and api("")["behind_bytes"] < 4096, 60)


def test_it_is_found_by_the_menu_and_says_how_it_stands():
    need("volume")
    chromium.start("access.mjs", site.api.url, password=site.admin_password())
    state["session"] = True
    found = step("list", name="space")
    tap.check("live" in found["text"] and "logs open" in found["text"], "its row says %r" % found["text"])
    told = api("")
    for wanted in (told["filespace"], "{:,}".format(told["nodes"]["total"]), "All logs are read to their ends"):
        tap.check(wanted in found["state"], "the page says %r, not %r" % (found["state"][:800], wanted))


def test_a_volume_is_added_by_choosing_its_mount():
    need("session")
    site.filespace("another")
    wait_for("the mount to be found", lambda: any(f["path"] == site.path("another") for f in (site.api.get("/hosts/%s/filespaces" % site.host["id"])["found"] or {"items": []})["items"]), 60)
    found = step("add_mounted", host=site.host["name"], path=site.path("another"))
    tap.check("It failed" in found["told"], "a failure is told as %r" % found["told"])
    tap.equal(found["filled"], {"kind": 1, "path": site.path("another"), "name": "another"}, "what the choice filled in")
    tap.equal(found["wrong"], [], "violations")
    made = next(v for v in site.api.items("/volumes?customer_id=" + site.customer["id"]) if v["name"] == "another")
    tap.equal((made["path"], made["kind"], made["host_id"]), (site.path("another"), "lucidlink", site.host["id"]), "the volume")
    site.api.call("DELETE", "/volumes/" + made["id"], None, {"If-Match": '"%d"' % made["version"]})
    site.api.post("/hosts", {"customer_id": site.customer["id"], "name": "awaited", "os": "linux"})
    text = step("add_unreachable", host="awaited")["text"]
    tap.check("told nothing yet" in text and "Look again" in text, "it says %r" % text)


def test_an_access_appears_by_itself():
    need("session")
    step("follow", volume=state["volume"]["id"])
    took = []
    for i in range(5):
        path = "/Live/appears %d.mov" % i
        start = time.monotonic()
        write("FileRead", path)
        found = step("arrives", text=path)
        took.append(time.monotonic() - start)
        tap.check(path in found["first"], "the first is %r" % found["first"])
    print("# from the line in the log to the page: %s s" % ", ".join("%.2f" % t for t in took))
    tap.check(max(took) < SOON, "it takes %.1f s" % max(took))


def test_paused_it_shows_nothing_new_and_goes_on_with_all_of_it():
    need("session")
    step("pause")
    for i in range(3):
        write("FileRead", "/Live/held %d.mov" % i)
    wait_for("the rows", lambda: any("/Live/held 2.mov" == r["path"] for r in api("/recent?limit=5")["items"]), SOON)
    found = step("waiting")
    tap.check(not any("held" in r for r in found["rows"]), "it shows %s" % found["rows"][:3])
    step("go_on", text="/Live/held 0.mov")
    step("arrives", text="/Live/held 2.mov")


def test_without_altod_it_says_so_keeps_what_it_has_and_comes_back_with_what_it_missed():
    need("session")
    step("follow", volume=state["volume"]["id"])
    listen = site.api.url.split("//")[1].rstrip("/")
    site.end("altod")
    write("FileRead", "/Live/missed.mov")
    found = step("interrupted")
    tap.check(any("held 2.mov" in r for r in found["rows"]) and "asked again" in found["told"], "it shows %s" % found["rows"][:3])
    site.start_altod(listen)
    site.api.login("admin", site.admin_password())
    step("back_again", text="/Live/missed.mov")


def test_a_row_leads_to_what_its_person_did():
    need("session")
    write("FileWritten", "/Live/by joe.mov", "joe", "bay-78")
    step("follow", volume=state["volume"]["id"])
    step("arrives", text="/Live/by joe.mov")
    rows = step("person", user="mara")["rows"]
    tap.check(rows and all("mara" in r for r in rows), "rows of mara: %s" % rows[:3])


def test_a_person_whose_name_is_no_text_is_picked_by_keys():
    need("session")
    write("FileRead", "/Live/of bytes.mov", "zo~e", "bay-79", {b"zo~e": b"zo\xffe\xe9"})
    wait_for("the row", lambda: any(r.get("user_b64") for r in api("/recent?limit=50")["items"]), SOON)
    found = step("person_of_bytes", volume=state["volume"]["id"], part="zo", path="/Live/of bytes.mov")
    tap.equal((found["at"], found["rows"]), (base64.b64encode(b"zo\xffe\xe9").decode(), ["/Live/of bytes.mov"]), "what is picked, and shown")


def test_one_file_has_its_own_accesses_and_the_way_to_why():
    need("session")
    path = next(s["what"] for s in api("/top?by=file&limit=50")["items"] if s["what"].startswith("/Shows/") and
                any(r["kind"] == "used" for r in site.api.get("/volumes/%s/access/recent?path=%s" % (state["volume"]["id"], s["what"].replace(" ", "%20")))["items"])
                and s["what"].isascii() and "%" not in s["what"] and site_knows(s["what"]))
    found = step("file", volume=state["volume"]["id"], path=path)
    tap.check(found["rows"] and all(path in r for r in found["rows"]), "rows of %s: %s" % (path, found["rows"][:3]))
    tap.equal(found["again"][0], found["rows"][0], "what the button leads to")
    tap.check("/volumes/%s/files?path=" % state["volume"]["id"] in found["folder"], "the folder is %r" % found["folder"])
    tap.check("audit" in found["why"], "why says %r" % found["why"][:600])


def site_knows(path):
    return path in site.files(state["volume"])


def test_sums_are_those_of_the_api():
    need("session")
    since = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(time.time() - 30 * 86400))
    for by in ("user", "host", "folder"):
        want = [s for s in api("/top?by=%s&from=%s" % (by, since))["items"] if s["what"]][0]
        rows = step("busiest", volume=state["volume"]["id"], by=by)["rows"]
        tap.check(any(want["what"] in r and "{:,}".format(want["reads"]) in r for r in rows[:3]), "by %s: %s is not in %s" % (by, want, rows[:3]))


def test_the_map_of_hours_is_gone_through_by_keys_in_the_readers_time_zone():
    need("session")
    found = step("hours", volume=state["volume"]["id"])
    tap.equal(found["at"], found["label"], "where the keys lead")
    tap.check(":30–" in found["label"] and "UTC" in found["label"], "an hour in India is told as %r" % found["label"])
    tap.check("the busiest was" in found["summary"], "it says %r" % found["summary"][:400])
    sums = api("/hours?from=%s&to=%s" % (found["hour"], found["hour"].replace(":00:00.000Z", ":59:59Z")))["items"]
    tap.check(len(sums) == 1 and found["rows"], "that hour has %s, and shows %s" % (sums, found["rows"][:2]))


def test_clients_are_told_and_found():
    need("session")
    # The host tells of clients every half minute.
    wait_for("the client of this test", lambda: any(n["node"] == "77" and n["host"] for n in api("/nodes?limit=500")["items"]), 60)
    mine = next(n for n in api("/nodes?limit=500")["items"] if n["node"] == "77")
    found = step("clients", volume=state["volume"]["id"], search=mine["host"])
    total = api("/nodes?count=true&limit=1")["total"]
    tap.check("%d of %d clients" % (total, total) in found["all"], "it says %r" % found["all"][-300:])
    behind = api("/nodes?sort=behind&order=desc&limit=1")["items"][0]
    if behind["behind_bytes"] > 0:
        tap.check("part of a line" in found["first"] or "behind" in found["first"], "the first is %r" % found["first"])
    tap.check(mine["host"] in found["found"], "found is %r" % found["found"])


def test_lines_that_were_passed_over_are_told():
    need("session")
    counts = {(c["kind"], c["name"]): c["count"] for c in api("")["counts"]}
    text = step("lines", volume=state["volume"]["id"])
    tap.check(counts["skipped", "junk"] > 0 and "no JSON object" in text and "from byte" in text and ".log" in text, "it says %r (%s)" % (text[-600:], counts))


def test_settings_changed_by_two_people_keep_what_both_wanted():
    need("session")
    volume = state["volume"]["id"]
    step("settings", volume=volume, name="nightly-*")
    now = site.api.get("/volumes/" + volume)
    site.api.call("PATCH", "/volumes/" + volume, {"audit": {"silence_hours": 99}}, {"If-Match": '"%d"' % now["version"]})
    step("save_conflict")
    audit = site.api.get("/volumes/" + volume)["audit"]
    tap.equal((audit["silence_hours"], "nightly-*" in audit["drop_users"], history.NOISE_USER in audit["drop_users"]), (99, True, True), "the settings: %s" % audit)


def test_denied_logs_are_told_without_loading_again():
    need("session")
    step("state", volume=state["volume"]["id"])
    denied = mount.Denied(os.path.join(site.path("space"), ".lucid_audit"))
    try:
        text = step("becomes", state="denied")
        tap.check("Next:" in text and "--fuse-allow-other" in text and "nothing is called cold" in text, "it says %r" % text[:600])
        tap.check("1 of 1 filespace needs somebody" in step("overview").replace("\n", " "), "the overview does not")
        step("state", volume=state["volume"]["id"])
    finally:
        denied.end()
    text = step("becomes", state="live")
    tap.check("Next:" not in text, "it says %r" % text[:400])


def test_a_rule_says_that_files_are_archived_and_they_come_back_by_a_click():
    need("session")
    volume = state["volume"]["id"]
    wait_for("the record to be complete", lambda: api("")["complete"], 60)
    where = 'accessed older than 5d and size >= 30kB and path matches "/Shows/**"'
    found = step("archive", volume=volume, name=RULE, where=where)
    tap.check("archived with a placeholder" in found["way"] and "zeros" in found["way"], "the rule says %r" % found["way"])
    job = next(j for j in site.api.items("/jobs?volume_id=" + volume) if j["kind"] == "archive")
    tap.check(job["done_files"] > 0, "the job: %s, %s" % (job["text"], job["reasons"]))
    file = next(f for f in site.api.items("/volumes/%s/files?path=/&recursive=true&state=archived" % volume) if f["name"].isascii() and "%" not in f["name"] and "\n" not in f["name"] and len(f["name"]) < 60)
    full = os.path.join(state["space"].back, file["path"].lstrip("/"))
    tap.check(os.path.exists(full + ".alto") and not os.path.exists(full), "beside %s: %s" % (full, glob.glob(full + "*")))
    step("recall", volume=volume, file=file["name"])
    tap.check(os.path.getsize(full) == file["size"] and not os.path.exists(full + ".alto"), "%s is not back" % full)


def test_no_page_has_a_serious_accessibility_violation_or_is_too_wide():
    need("session")
    volume = state["volume"]["id"]
    room = "/access/" + volume
    chromium.accessible(pages=["/access", room] + [room + "?tab=" + t for t in ("live", "busiest", "busiest&by=user", "hours", "hours&as=table", "clients", "lines", "settings")]
                 + ["/volumes/" + volume, "/volumes/%s/files?below=1&state=archived" % volume, "/rules/new?volume=" + volume])


def test_browser_complained_about_nothing():
    need("session")
    away = ("ERR_CONNECTION_REFUSED", "ERR_INCOMPLETE_CHUNKED_ENCODING", "ERR_EMPTY_RESPONSE", "ERR_CONNECTION_RESET")  # while there was no altod
    chromium.no_complaints(away)


def test_it_stops_cleanly():
    chromium.close()
    site.stop(remove=os.environ.get("ALTO_KEEP") is None)
    print("# %.0f s in all" % (time.monotonic() - began))


chromium.run_all(dict(globals()), site)
