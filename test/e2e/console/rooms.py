#!/usr/bin/python3
"""The rooms of imports, figures, rules and plans in a real Chromium against a real altod, without any agent: a list of files is imported for a host that is only
expected, and every number the console shows is held against a count of our own. Skipped where Chromium or the built console is missing. ALTO_SHOTS
names a folder for pictures."""
import csv
import io
import os
import re
import sys
import tempfile
import time

HERE = os.path.dirname(os.path.abspath(__file__))
ROOT = os.path.dirname(os.path.dirname(os.path.dirname(HERE)))
sys.path[:0] = [os.path.join(HERE, "../../lib"), os.path.join(ROOT, "tools/run")]
import chromium  # noqa: E402
import tap  # noqa: E402
from chromium import step  # noqa: E402
from stack import Stack, run  # noqa: E402

CUSTOMER, HOST, VOLUME, RULE = "Garonne & Söhne", "nas-without-agent", "projects", "Films after 90 days"
ROOT_PATH = "/srv/projects"
ROWS = 3000
EXTS = ["mov", "mxf", "wav", "jpg", "pdf", ""]
DAY = 86400
NOW = int(time.time())
began = time.monotonic()
stack = Stack(tempfile.mkdtemp(prefix="alto-rooms-"))
state = {}


def need(*what):
    for name in what:
        if name not in state:
            raise tap.Skip("there is no %s" % name)


def entries():
    """What is in the list: path, size, age in days of the last access."""
    for n in range(ROWS):
        ext = EXTS[n % len(EXTS)]
        yield ("%s/%s/reel %d/take-%04d%s" % (ROOT_PATH, "Archive" if n % 3 else "Active", n % 7, n, "." + ext if ext else ""),
               (n % 50) * 100_000, n % 400)


def written():
    """The list as a file, with two rows that make no sense."""
    path = stack.path("files.csv")
    os.makedirs(os.path.dirname(path), exist_ok=True)
    with open(path, "w", encoding="utf-8", newline="") as out:
        to = csv.writer(out)
        to.writerow(["Path", "Size", "Modified", "Accessed", "Owner"])
        for n, (name, size, age) in enumerate(entries()):
            at = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(NOW - age * DAY - 3600))
            to.writerow([name, size if n not in (10, 2000) else "much", at, at, "alice" if n % 2 else "bob"])
    return path


def kept():
    return [e for n, e in enumerate(entries()) if n not in (10, 2000)]


def number(text):
    found = re.search(r"[\d,]+", text)
    tap.check(found, "there is no number in %r" % text)
    return int(found.group(0).replace(",", ""))


def test_first_load_is_small_and_has_no_charts_and_no_builder():
    reason = chromium.why_not()
    if reason:
        raise tap.Skip(reason)
    stack.start_altod()
    stack.api.login("admin", stack.admin_password())
    stack.api.post("/customers", {"name": CUSTOMER})
    found = chromium.start("rooms.mjs", stack.api.url, password=stack.admin_password())
    print("# before the first route: %d KB gzip" % found["kb"])
    tap.check(0 < found["kb"] < 300, "the first load has %d KB" % found["kb"])
    tap.check(not any(n.startswith(("builder", "AreaChart", "histogram")) for n in found["names"]), "charts or the query builder are loaded: %s" % found["names"])
    state["session"] = True


def test_list_is_uploaded_for_a_host_without_an_agent_and_looked_at():
    need("session")
    text = step("upload", customer=CUSTOMER, host=HOST, volume=VOLUME, path=ROOT_PATH, file=written())
    host = next(stack.api.items("/hosts"))
    state["volume"] = next(stack.api.items("/volumes"))["id"]
    tap.equal((host["name"], host["enrolled_at"]), (HOST, None), "the host")
    for word in ("Path", "Size", "Modified", "Accessed", "Owner", "take-0000.mov"):
        tap.check(word in text, "the look does not show %s: %r" % (word, text[:800]))


def test_a_look_without_a_path_cannot_be_imported():
    need("volume")
    told = step("remap", column="Path", other="Owner")
    tap.check(told["barred"], "it can be imported without a path")
    tap.check("path" in told["told"], "it says %r" % told["told"])


def test_it_is_imported_and_the_refused_rows_are_told():
    need("volume")
    found = step("run_import")
    tap.check("2 rows made no sense" in found["text"], "the page says %r" % found["text"][:600])
    rows = list(csv.DictReader(io.StringIO(found["csv"])))
    tap.equal([r["line"] for r in rows], ["12", "2002"], "lines of the refused")
    tap.check("done" in step("imports"), "the list of imports does not say that it is done")
    state["imported"] = True


def test_figures_are_those_of_the_list():
    need("imported")
    found = step("figures", volume=state["volume"])
    tap.equal(number(found["files"]), len(kept()), "files")
    for ext in ("mov", "mxf", "wav"):
        told = re.search(r"\b%s\s+\S+ \S+ · ([\d,]+)" % ext, found["ext"])
        tap.check(told, "no %s in %r" % (ext, found["ext"]))
        tap.equal(number(told.group(1)), sum(1 for e in kept() if e[0].endswith("." + ext)), "files that end in %s" % ext)


def test_folders_are_walked_by_keys():
    need("imported")
    found = step("tree", volume=state["volume"])
    tap.equal((found["rows"], found["opened"]), (2, 9), "rows before and after")
    tap.check(found["at"].startswith("/Archive/reel "), "the focus is on %r" % found["at"])
    tap.equal(found["to"], "/Archive", "where Enter leads")


def test_builder_and_text_are_the_same_rule_and_the_count_is_right():
    need("imported")
    found = step("rule", volume=state["volume"], name=RULE, wrong="size >= 10XB and ext in (mov)",
                 text='size >= 1MB and ext in (mov, mxf) and not path matches "/Active/**"')

    def matching(least):
        return sum(1 for p, size, _ in kept() if size >= least and p.rsplit(".", 1)[-1] in ("mov", "mxf") and "/Active/" not in p)

    tap.equal(found["marked"], "10XB", "marked")
    tap.equal(number(found["first"]), matching(1_000_000), "files that match the text")
    tap.equal(found["conditions"], 3, "conditions of the builder")
    tap.equal(found["built"], 'size >= 2MB and ext in (mov, mxf) and not path matches "/Active/**"', "the text")
    tap.equal(number(found["second"]), matching(2_000_000), "files that match what was built")
    tap.check("at 20:00 on Monday to Friday" in found["schedule"], "the schedule says %r" % found["schedule"])
    tap.check("Mon 12:00–13:00" in found["windows"], "the windows are %r" % found["windows"])
    rule = stack.api.get("/rules/" + found["id"])
    tap.equal(rule["schedule"]["cron"], "0 20 * * 1-5", "its schedule")
    tap.equal(len(rule["windows"]["spans"]), 2, "its windows: %s" % rule["windows"])
    state["rule"] = rule["id"]
    state["matching"] = matching


def test_versions_differ_by_what_was_changed():
    need("rule")
    found = step("versions", rule=state["rule"], text='size >= 3MB and ext in (mov, mxf) and not path matches "/Active/**"')
    tap.equal((found["gone"], found["put"], found["rows"]), ([" 2MB"], [" 3MB"], 2), "what differs")


def test_plan_has_the_numbers_and_its_export_all_files():
    need("rule")
    found = step("plan", volume=state["volume"], rule=state["rule"])
    want = state["matching"](3_000_000)
    tap.equal(number(found["files"]), want, "files of the plan")
    tap.equal(len(list(csv.DictReader(io.StringIO(found["csv"])))), want, "rows of the export")
    tap.check(number(found["saved"]) >= 0 and "€" in found["saved"], "it saves %r" % found["saved"])


def test_two_versions_are_compared():
    need("rule")
    found = step("compare", volume=state["volume"], rule=state["rule"])
    enter, leave = re.search(r"Enter: ([\d,]+) files", found["text"]), re.search(r"Leave: ([\d,]+) files", found["text"])
    tap.check(enter and leave, "it says %r" % found["text"])
    tap.equal((number(enter.group(1)), number(leave.group(1))), (0, state["matching"](2_000_000) - state["matching"](3_000_000)), "what enters and leaves")


def test_why_names_the_rule_that_decides():
    need("rule")
    path = next(p[len(ROOT_PATH):] for p, size, _ in kept() if size >= 3_000_000 and p.endswith(".mxf") and "/Active/" not in p)
    told = step("why", volume=state["volume"], path=path)
    tap.check(RULE in told and "decides" in told, "it says %r" % told[:600])


def test_no_room_has_a_serious_accessibility_violation_or_is_too_wide():
    need("rule")
    volume, rule = state["volume"], state["rule"]
    done = next(stack.api.items("/imports"))["id"]
    chromium.accessible(pages=["/imports", "/imports/new", "/imports/" + done, "/volumes/" + volume, "/volumes/%s?tab=folders" % volume,
                                      "/volumes/%s?tab=growth" % volume, "/rules/new?volume=" + volume, "/rules/" + rule, "/rules/%s?tab=versions" % rule,
                                      "/rules?volume=" + volume, "/plan", "/plan?volume=%s&rule=%s" % (volume, rule), "/volumes/%s/why" % volume])


def test_browser_complained_about_nothing():
    need("session")
    chromium.no_complaints()


def test_it_stops_cleanly():
    chromium.close()
    stack.stop(remove=os.environ.get("ALTO_KEEP") is None)
    print("# %.0f s in all" % (time.monotonic() - began))


chromium.run_all(dict(globals()), stack)
