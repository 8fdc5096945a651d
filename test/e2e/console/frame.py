#!/usr/bin/python3
"""The frame of the console in a real Chromium against a real altod, without any agent: ways between rooms, customers, the palette, times, addresses that show
the same to somebody else, keys alone, no violation on any page, and what is said when altod is gone. Skipped where Chromium or the built console is missing.
ALTO_SHOTS names a folder for pictures."""
import os
import re
import sys
import tempfile
import time
import urllib.request

HERE = os.path.dirname(os.path.abspath(__file__))
ROOT = os.path.dirname(os.path.dirname(os.path.dirname(HERE)))
sys.path[:0] = [os.path.join(HERE, "../../lib"), os.path.join(ROOT, "tools/run")]
import chromium  # noqa: E402
import tap  # noqa: E402
from chromium import step  # noqa: E402
from stack import Stack, wait_for  # noqa: E402

CUSTOMER, OTHER = "Garonne & Söhne", "Harbour Media"
HOST, SHARE, VOLUME, RULE = "nas-garonne", "cold-garonne", "projects", "Films after 90 days"
AUDITOR, AUDITOR_WORD = "revision", "a word of the auditor's"
FILES = 300
# What people called things and what the server says, which no language of the console changes.
NAMES = ["admin", "No rule that is switched on means this file: it stays as it is", "Known from an imported list only: no scan has seen it yet"]

MANY = 104  # more than a page
DAY = 86400
began = time.monotonic()
stack = Stack(tempfile.mkdtemp(prefix="alto-frame-"))
state = {}


def need(*what):
    for name in what:
        if name not in state:
            raise tap.Skip("there is no %s" % name)


def fill_inventory(volume):
    """An inventory of a host that no agent looks after, by an import."""
    now = int(time.time())
    rows = ["Path,Size,Modified,Accessed"]
    for n in range(FILES):
        at = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(now - (n % 400) * DAY))
        rows.append("/srv/projects/%s/reel %d/take-%04d.%s,%d,%s,%s" % ("Archive" if n % 3 else "Active", n % 7, n, ("mov", "wav")[n % 2], n * 10_000, at, at))
    text = "\n".join(rows).encode() + b"\n"
    made = stack.api.post("/volumes/%s/imports" % volume, {"name": "files.csv", "size": len(text)})
    request = urllib.request.Request(stack.api.url.rstrip("/") + "/api/v1/imports/%s/content?offset=0" % made["id"], text, method="PUT")
    request.add_header("Authorization", "Bearer " + stack.api.token)
    request.add_header("Content-Type", "application/octet-stream")
    urllib.request.urlopen(request, timeout=60).read()
    wait_for("the import to be looked at", lambda: stack.api.get("/imports/" + made["id"])["state"] == "ready")
    stack.api.post("/imports/%s/run" % made["id"], {})
    wait_for("the import", lambda: stack.api.get("/imports/" + made["id"])["state"] == "done")
    return made["id"]


def test_a_small_house_is_furnished():
    reason = chromium.why_not()
    if reason:
        raise tap.Skip(reason)
    stack.start_altod()
    api = stack.api
    api.login("admin", stack.admin_password())
    one, two = (api.post("/customers", {"name": n}) for n in (CUSTOMER, OTHER))
    host = api.post("/hosts", {"customer_id": one["id"], "name": HOST, "os": "linux"})
    api.post("/hosts", {"customer_id": two["id"], "name": "nas-harbour", "os": "linux"})
    share = api.post("/shares", {"customer_id": one["id"], "name": SHARE, "url": "file:///srv/cold"})
    volume = api.post("/volumes", {"host_id": host["id"], "name": VOLUME, "path": "/srv/projects", "share_id": share["id"]})
    state["import"] = fill_inventory(volume["id"])
    rule = api.post("/rules", {"volume_id": volume["id"], "name": RULE, "where": "size >= 1MB and ext in (mov)"})
    job = api.post("/volumes/%s/scan" % volume["id"])
    api.post("/users", {"name": AUDITOR, "role": "auditor", "customer_id": one["id"], "password": AUDITOR_WORD})
    for n in range(MANY):
        api.post("/hosts", {"customer_id": two["id"], "name": "bay-%03d" % n, "os": "linux"})
    state.update(one=one["id"], two=two["id"], host=host["id"], share=share["id"], volume=volume["id"], rule=rule["id"], job=job["id"])
    step_open = chromium.start("frame.mjs", api.url, password=stack.admin_password())
    tap.equal(step_open["lang"], "de-DE", "the browser's language")
    state["session"] = True


def test_rooms_are_what_people_come_for():
    need("session")
    told = step("rooms")
    tap.equal(told["names"], ["Overview", "Files", "Rules", "Jobs", "Access", "Recalls", "Audit", "Hosts", "Shares", "Settings"], "the rooms")
    tap.equal(told["marks"], {n: n for n in told["names"]}, "what is marked as the place one is in")
    tap.equal(told["inside"], ["This browser", "Customers", "Users", "Imports"], "inside of Settings")


def test_another_customer_is_looked_at_in_the_same_room():
    need("session")
    told = step("switching", volume=state["volume"], first=CUSTOMER, second=OTHER, search="nas")
    tap.equal(told["list"], "/hosts?q=nas&customer=" + state["one"], "a list")
    tap.equal(told["kept"], "/volumes/%s/files?customer=%s" % (state["volume"], state["one"]), "a page of what is that customer's")
    tap.equal(told["noun"], "/volumes?customer=" + state["two"], "a page of what is another's")
    tap.equal(told["door"], "/?customer=" + state["two"], "who comes again")
    tap.equal(told["all"], "/", "who chose all")


def test_the_palette_finds_all_by_name_and_does_things():
    need("session")
    told = step("palette", host=HOST, volume=VOLUME, share=SHARE, rule=RULE, file="take-0007", customer=OTHER)
    went, volume = told["went"], state["volume"]
    tap.equal(went["room"], "/recalls", "a room")
    tap.equal(went["inner"], "/plan", "a page inside of one")
    tap.equal(went["host"], "/hosts?q=" + HOST, "a host")
    tap.equal(went["share"], "/shares?q=" + SHARE, "a share")
    tap.equal(went["rule"], "/rules/" + state["rule"], "a rule")
    tap.equal(went["job"], "/jobs/" + state["job"], "a job")
    tap.equal(went["volume"], "/volumes/%s/files" % volume, "a volume")
    tap.equal(went["file"], "/volumes/%s/files?path=%%2FArchive%%2Freel+0&open=%%2FArchive%%2Freel+0%%2Ftake-0007.wav" % volume, "a file")
    tap.equal(went["customer"], "/volumes?customer=" + state["two"], "a customer")
    tap.check("do=add" in went["act"], "to add a share leads to %s" % went["act"])
    tap.check(told["recent"][0].startswith(OTHER) and len(told["recent"]) == 6, "recent ones are %s" % told["recent"])
    tap.equal(told["wrong"], [], "violations")
    for word in ("Ctrl", "Recalls", "Plan (Rules)", "Imports (Settings)"):
        tap.check(word in told["keys"], "the keys do not tell %s" % word)


def test_times_are_told_in_the_readers_zone_and_in_utc():
    need("session")
    told = step("times", address="/imports/" + state["import"])
    iso = told["iso"]
    tap.check("ago" in told["relative"] or told["relative"] == "now", "a recent time is told as %r" % told["relative"])
    utc = iso[:19].replace("T", " ") + " UTC"
    for way in ("pointed", "focused"):
        lines = told[way].split("\n")
        tap.equal(len(lines), 3, "lines when %s" % way)
        tap.check("GMT+5:30" in lines[0], "the local time is %r" % lines[0])
        tap.equal(lines[1], utc, "UTC")
        tap.equal(lines[2][:19], iso[:19], "for programs")
    tap.check("GMT+5:30" in told["local"] and "UTC" in told["utc"], "t tells %r, then %r" % (told["local"], told["utc"]))


def test_numbers_are_written_as_the_browser_says_or_as_chosen():
    need("session")
    told = step("settings")
    tap.check("1.234.567 files, 1,23 MB" in told["german"], "it says %r" % told["german"])
    tap.equal(told["off"], 0, "dialogs by a key that is turned off")


def addresses():
    v, r = state["volume"], state["rule"]
    return ["/?range=month&list=largest&customer=" + state["one"], "/customers?q=gar&do=" + state["one"], "/hosts?q=garonne&do=" + state["host"], "/hosts?do=add",
            "/volumes?q=proj&do=" + v, "/volumes?do=add", "/shares?q=cold&do=" + state["share"], "/shares?do=add", "/users?do=add&customer=" + state["one"],
            "/volumes/%s/files?below=1&q=take-000&sort=size&order=desc&open=%%2FActive%%2Freel+0%%2Ftake-0000.mov" % v, "/volumes/%s/files?path=%%2FArchive&state=stub" % v,
            "/volumes/%s" % v, "/volumes/%s?tab=folders&unfold=%%252FArchive" % v, "/volumes/%s?tab=growth" % v,
            "/volumes/%s/why?path=%%2FArchive%%2Freel+0%%2Ftake-0007.wav" % v, "/rules?volume=" + v, "/rules/" + r, "/rules/%s?tab=versions" % r, "/rules/new?volume=" + v,
            "/plan?volume=%s&rule=%s" % (v, r), "/jobs?kind=scan&volume=" + v, "/jobs?state=failed", "/jobs/%s" % state["job"], "/access", "/recalls?q=mov&range=week",
            "/recalls?tab=jobs&state=failed&volume=" + v, "/audit?q=admin&range=day", "/imports?volume=" + v, "/imports/" + state["import"], "/imports/new?volume=" + v]


def test_what_is_done_in_a_room_comes_into_its_address_and_shows_the_same_elsewhere():
    need("session")
    told = step("done", address="/audit?customer=" + state["one"], volume=state["volume"], long="/hosts?customer=" + state["two"])
    tap.check(told["rows"] > 100, "%d rows after more were loaded" % told["rows"])
    state["done"] = [told[k] for k in ("files", "folders", "audit", "pages")]


def test_every_address_shows_the_same_in_a_browser_that_was_never_there():
    need("session")
    wrong = 0
    for address in addresses() + state.get("done", []):
        told = step("deep", address=address)
        if told["at"] != address:
            print("# %s became %s" % (address, told["at"]))
            wrong += 1
        if not told["same"]:
            wrong += 1
            for part, seen in told["first"].items():
                if seen != told["second"][part]:
                    print("# %s: %s is\n#   %r, elsewhere\n#   %r" % (address, part, seen, told["second"][part]))
    tap.equal(wrong, 0, "addresses that show something else")


def test_no_page_has_a_violation_or_is_too_wide():
    need("session")
    v, r = state["volume"], state["rule"]
    chromium.accessible(pages=["/", "/?customer=" + state["one"], "/customers", "/hosts", "/volumes", "/volumes/%s/files" % v, "/volumes/" + v, "/volumes/%s?tab=folders" % v,
                               "/volumes/%s?tab=growth" % v, "/volumes/%s/why?path=/Archive/reel+0/take-0007.wav" % v, "/shares", "/rules", "/rules/" + r, "/rules/%s?tab=versions" % r,
                               "/plan", "/plan?volume=%s&rule=%s" % (v, r), "/imports", "/imports/new", "/imports/" + state["import"], "/jobs", "/jobs/" + state["job"], "/access",
                               "/recalls", "/recalls?tab=jobs", "/audit", "/users", "/settings"])


def test_it_speaks_german_where_the_browser_does():
    need("session")
    v, r = state["volume"], state["rule"]
    told = step("german", pages=["/", "/?customer=" + state["one"], "/customers", "/hosts", "/volumes", "/volumes/%s/files" % v, "/volumes/" + v, "/volumes/%s?tab=folders" % v,
                                 "/volumes/%s/why?path=/Archive/reel+0/take-0007.wav" % v, "/shares", "/rules", "/rules/" + r, "/rules/%s?tab=versions" % r, "/rules/new?volume=" + v,
                                 "/plan?volume=%s&rule=%s" % (v, r), "/imports", "/imports/new", "/imports/" + state["import"], "/jobs", "/jobs/" + state["job"], "/access", "/recalls",
                                 "/recalls?tab=jobs", "/audit", "/users", "/settings"], names=NAMES)
    tap.equal(told["lang"], "de", "the page's language")
    for line in told["wrong"]:
        print("# " + line)
    tap.equal(len(told["wrong"]), 0, "what is wrong on %d pages" % told["seen"])
    tap.equal(told["english"], False, "the English catalogue is loaded")
    tap.equal(told["chosen"], ["en", True, "Settings · Alto"], "once English is chosen")


def test_a_phone_has_its_ways_at_the_bottom():
    need("session")
    told = step("phone")
    tap.equal(len(told["names"]), 10, "rooms of the menu: %s" % told["names"])
    tap.equal(told["wrong"], [], "violations")


def test_a_share_a_rule_its_plan_and_a_run_by_keys_alone():
    need("session")
    told = step("keyboard", share="typed share", rule="Typed rule", where="size >= 2MB and ext in (wav)", volume=VOLUME, host=HOST, customer=CUSTOMER)
    tap.equal(told["unmarked"], [], "what had the focus")
    rule = stack.api.get("/rules/" + re.search(r"/rules/([0-9a-z]+)", told["saved"]).group(1))
    tap.equal((rule["name"], rule["where"]), ("Typed rule", "size >= 2MB and ext in (wav)"), "the rule")
    tap.check(told["job"].startswith("Job"), "it ends at %r" % told["job"])


def test_every_stop_of_the_tab_key_is_seen():
    need("session")
    wrong, stops = [], 0
    for address in ("/", "/hosts", "/volumes/%s/files" % state["volume"], "/rules/" + state["rule"], "/recalls", "/settings"):
        told = step("stops", address=address, most=90)
        wrong += told["wrong"]
        stops += told["stops"]
    print("# %d stops" % stops)
    tap.equal(wrong, [], "stops that are not seen")


def test_it_says_that_nothing_is_live_when_altod_is_gone():
    need("session")
    step("before_it_ends")
    listen = stack.listen
    stack.end("altod")
    told = step("stale")
    tap.check("No live updates since" in told["told"] and "as of" in told["told"], "it says %r" % told["told"])
    tap.check(told["badge"] in ("Reconnecting", "Not live"), "the badge says %r" % told["badge"])
    tap.check(told["rows"] >= 2, "what was shown is gone")
    tap.equal((told["wrong"], told["over"] <= 0), ([], True), "violations")
    stack.start_altod(listen)
    step("live_again")


def test_who_may_only_look_is_offered_nothing_else():
    need("session")
    told = step("auditor", name=AUDITOR, password=AUDITOR_WORD, customer=CUSTOMER)
    tap.equal((told["switcher"], told["dialogs"]), (0, 0), "switchers and dialogs")
    for word in ("Add", "New rule", "Enrol", "Users", "Customers", "Scan"):
        tap.check(not any(o.startswith(word) for o in told["offered"]), "%s is offered" % word)


def test_browser_complained_about_nothing():
    need("session")
    chromium.no_complaints(but=("ERR_CONNECTION", "/api/v1/events", "ERR_INCOMPLETE", "answered 401", "status of 401"))


def test_it_stops_cleanly():
    chromium.close()
    stack.stop(remove=os.environ.get("ALTO_KEEP") is None)
    print("# %.0f s in all" % (time.monotonic() - began))


chromium.run_all(dict(globals()), stack)
