#!/usr/bin/python3
"""The console in a real Chromium against the whole stack: a customer's first day, from the enrolment of a host to a recall with one click, each dialog once,
with nothing that the browser complains about. Skipped where Chromium or the built console is missing. ALTO_SHOTS names a folder for pictures."""
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
from stack import Stack, run, binary, wait_for  # noqa: E402

CUSTOMER, HOST, SHARE, VOLUME, RULE = "Garonne & Söhne", "console-host", "cold", "projects", "Untouched for 90 days"
DAY = 86400
OLD = 400
SIZE = 65536
AUDITOR, AUDITOR_WORD = "revision", "a word of the auditor's"
began = time.monotonic()
stack = Stack(tempfile.mkdtemp(prefix="alto-console-"), size="2G")
state = {}


def why_not():
    return "mounting a volume needs root" if os.geteuid() != 0 else chromium.why_not("smbd", "mkfs.xfs")


def need(*what):
    for name in what:
        if name not in state:
            raise tap.Skip("there is no %s" % name)


def test_login_page_loads_little():
    reason = why_not()
    if reason:
        raise tap.Skip(reason)
    stack.start_share()
    stack.start_gate()
    stack.start_hold()
    stack.start_volume()
    for n in range(OLD):
        path = os.path.join(stack.volume, "Archive" if n < 30 else "Masters", "%s-%04d.mov" % ("Harbour" if n < 30 else "reel", n))
        os.makedirs(os.path.dirname(path), exist_ok=True)
        with open(path, "wb") as out:
            out.write(os.urandom(64) * (SIZE // 64))
        os.utime(path, (time.time() - 400 * DAY, time.time() - 400 * DAY))
    with open(os.path.join(stack.volume, "new.txt"), "w", encoding="utf-8") as out:
        out.write("written today")
    stack.start_altod()
    found = chromium.start("browser.mjs", stack.api.url)
    print("# first load: %d KB gzip" % found["kb"])
    tap.check(found["kb"] < 300, "it loads %d KB" % found["kb"])
    tap.check("/login" in found["at"], "it shows %s" % found["at"])


def test_wrong_password_is_told():
    tap.check("Name or password is wrong" in step("wrong_login"), "it does not say so")


def test_operator_logs_in_and_live_events_are_connected():
    step("log_in", name="admin", password=stack.admin_password())
    stack.api.login("admin", stack.admin_password())
    state["session"] = True


def test_customer_is_added_and_renamed():
    need("session")
    step("add_customer", name=CUSTOMER)
    state["customer"] = next(c for c in stack.api.items("/customers") if c["name"] == CUSTOMER)


def test_enrol_dialog_gives_the_right_commands_and_the_token_once():
    need("customer")
    told = step("enrol_dialog", name=HOST)
    tap.equal(told["chosen"], CUSTOMER, "the customer of the dialog")
    enrol, start = told["linux"]
    words = enrol.split()
    token = words[words.index("--token") + 1]
    tap.equal(words, ["alto-agent", "enrol", "--server", stack.api.url.rstrip("/"), "--token", token, "--state", "/var/lib/alto/agent"], "the command")
    with open(os.path.join(ROOT, "packaging/systemd/alto-agent.service.in"), encoding="utf-8") as unit:
        tap.check("--state /var/lib/alto/agent\n" in unit.read(), "the unit keeps its state elsewhere")
    tap.equal(start, "systemctl enable --now alto-agent", "the start")
    tap.equal(told["copied"], enrol, "what is copied")
    tap.check(all("msiexec" in c and "SERVER=" + stack.api.url.rstrip("/") in c and token in c for c in told["windows"]), "the commands for Windows: %s" % told["windows"])
    tap.check(token not in told["again"], "the token is shown again")
    # The very command of the dialog, with this test's own program and folder.
    run(binary("alto-agent"), *words[1:7], stack.path("agent"), "--name", HOST)
    stack.start_agent()
    state["enrolled"] = True


def test_host_appears_by_itself_and_is_renamed():
    need("enrolled")
    text = step("host_appears", name=HOST)
    tap.check(HOST + "-renamed" in text and "linux" in text, "its row says %r" % text)
    state["host"] = HOST + "-renamed"


def test_share_is_added_and_looked_at_before_any_volume_uses_it():
    need("host")
    told = step("add_share", name=SHARE, address=stack.share_url, user=stack.share_user, password="certainly not this")
    tap.equal(len(told["needed"]), 2, "members that are asked for, %s" % told["needed"])
    state["share"] = True
    found = step("check_share", name=SHARE, state="wrong password")
    tap.check("Checked by " + state["host"] in found["row"], "the share says %r" % found["row"])


def test_volume_is_added_and_edited():
    need("share")
    text = step("add_volume", host=state["host"], name=VOLUME, path=stack.volume, share=SHARE)
    tap.check(stack.volume in text, "its row says %r" % text)
    state["volume"] = next(v for v in stack.api.items("/volumes") if v["name"] == VOLUME)
    tap.equal(state["volume"]["share_id"], next(stack.api.items("/shares"))["id"], "the share of the volume")


def test_wrong_password_of_a_share_is_named_and_mended():
    need("volume")
    found = step("check_share", name=SHARE, state="wrong password")
    tap.check(re.search("wrong.password", found["job"]), "the job says %r" % found["job"][:400])
    tap.check("Enter the password again" in found["row"], "the share says %r" % found["row"])
    tap.equal(step("mend_share", name=SHARE, password=stack.share_password)["kept"], "", "the password that is shown")
    found = step("check_share", name=SHARE, state="ok")
    tap.check("free of" in found["row"], "the share says %r" % found["row"])
    tap.check("address, user and password are right" in found["row"], "the share says %r" % found["row"])


def test_scan_counts_the_files():
    need("volume")
    step("scan", name=VOLUME, files=str(OLD + 1))
    state["scanned"] = True


def test_file_browser_sorts_searches_and_tells_details():
    need("scanned")
    found = step("browse", name=VOLUME, folder="Archive", file="Harbour-0007.mov")
    tap.equal(found["shown"], 30, "files that are shown")
    tap.equal(len(found["found"]), 30, "files found by %r" % "Harbour-")
    tap.check("65,536 bytes" in found["details"] and "resident" in found["details"], "the details say %r" % found["details"])


def test_mistake_in_a_rule_is_marked_at_its_place_and_the_preview_counts():
    need("scanned")
    told = step("rule", name=RULE, volume=VOLUME, wrong="size >= 10XB and modified older than 90d", right="size >= 1kB and modified older than 90d")
    tap.check("10XB" in told["marked"] or told["marked"] in "10XB", "marked is %r" % told["marked"])
    tap.check("expected" in told["told"], "it says %r" % told["told"])
    tap.check(told["barred"], "a wrong rule can be added")
    tap.check(re.search(r"Files\s+%d\b" % OLD, told["preview"]), "the preview says %r" % told["preview"][:300])
    state["rule"] = next(r for r in stack.api.items("/rules") if r["name"] == RULE)


def test_running_job_is_followed_by_live_events_alone():
    need("rule")
    told = step("run_rule", name=RULE)
    print("# %d states of the bar were seen, %d requests were kept unanswered" % (told["seen"], told["held"]))
    state["job"] = job = next(j for j in stack.api.items("/jobs") if j["kind"] == "tier")
    tap.equal((job["state"], job["total_files"], job["failed_files"]), ("done", OLD, 0), "the job (%s, %s)" % (job["text"], job["reasons"]))
    tap.check("%d files, " % job["done_files"] in told["text"] and "%d of %d files" % (OLD, OLD) in told["text"], "the page says %r" % told["text"][:600])


def test_stub_is_recalled_with_one_click_and_tiered_again():
    need("job")
    path = os.path.join(stack.volume, "Archive/Harbour-0003.mov")
    tap.check("trusted.alto" in os.listxattr(path), "%s is no stub" % path)
    tap.equal(step("recall", volume=VOLUME, folder="Archive", file="Harbour-0003.mov")["stubs"], 30, "stubs that are shown")
    tap.check("trusted.alto" not in os.listxattr(path), "%s is still a stub" % path)
    with open(path, "rb") as whole:
        tap.equal(len(whole.read()), SIZE, "its size")
    step("tier_again", file="Harbour-0003.mov")
    wait_for("the stub", lambda: "trusted.alto" in os.listxattr(path))


def test_stubs_are_held_against_their_files():
    need("volume")
    text = step("reconcile", name=VOLUME)
    seen = re.search(r"Markers seen\s*:?\s*([\d,]+)", text)
    tap.check(seen and int(seen.group(1).replace(",", "")) > 0, "the job says %r" % text[:600])
    tap.check(re.search(r"Alarms\s*:?\s*0\b", text), "the job says %r" % text[:600])


def test_jobs_are_filtered():
    need("job")
    text = step("jobs")["text"]
    tap.check("recall" in text and "tier" not in text, "it shows %r" % text)


def test_overview_shows_what_was_freed():
    need("job")
    text = step("overview", customer=CUSTOMER)
    freed = re.search(r"Space freed\s+([\d.]+) MB", text)
    tap.check(freed and float(freed.group(1)) > 20, "it says %r" % text[:300])
    tap.check("1 of 1" in text, "hosts online: %r" % text[:400])


def test_audit_is_shown_and_its_chain_verified():
    need("job")
    tap.check("was not altered" in step("audit"), "it does not hold")


def test_each_dialog_opens_and_closes_by_key():
    need("job")
    tap.equal(step("dialogs", host=state["host"], volume=VOLUME, share=SHARE, customer=CUSTOMER, rule=RULE)["lost"], [], "dialogs that lose the focus")


def test_deletion_asks_for_the_name_and_tells_why_not():
    need("volume")
    told = step("delete_needs_the_name", host=state["host"])
    tap.check(told["before"], "it can be deleted without its name")
    tap.check("volume" in told["told"], "it says %r" % told["told"])


def test_console_is_used_by_keyboard():
    need("host")
    told = step("keys", host=state["host"])
    tap.equal(told["first"], "Skip to the content", "the first stop")
    tap.equal(told["skipped"], "main", "where it goes")
    tap.equal(told["typed"], "no such?", "what is typed into a search field")


def test_no_room_has_a_serious_accessibility_violation_or_is_too_wide():
    need("job")
    chromium.accessible(volume=state["volume"]["id"], rule=state["rule"]["id"], name=RULE, job=state["job"]["id"])


def test_auditor_may_look_and_nothing_else():
    need("job")
    told = step("auditor", name=AUDITOR, password=AUDITOR_WORD, customer=CUSTOMER)
    tap.equal(told["may"], [], "buttons of an auditor")
    tap.check("Customers" not in told["rooms"] and "Users" not in told["rooms"], "rooms of an auditor: %s" % told["rooms"])
    state["auditor"] = True


def test_log_out_ends_the_session():
    need("session")
    told = step("log_out", name=AUDITOR if "auditor" in state else "admin")
    tap.equal(told["status"], 401, "the session afterwards")
    tap.equal(told["at"], "/login", "where the back button leads")


def test_browser_complained_about_nothing():
    need("session")
    chromium.no_complaints()


def test_it_stops_cleanly():
    chromium.close()
    stack.stop(remove=os.environ.get("ALTO_KEEP") is None)
    tap.check(not os.path.ismount(stack.volume), "the volume is still mounted")
    print("# %.0f s in all" % (time.monotonic() - began))


chromium.run_all(dict(globals()), stack)
