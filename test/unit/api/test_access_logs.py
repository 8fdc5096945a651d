#!/usr/bin/python3
"""What audit logs tell, through a real altod and the command line: an agent is played by batches made by hand. Arguments: altod, alto."""
import base64
import json
import os
import shutil
import subprocess
import sys
import tempfile
import time

import program
from program import with_password
from tap import run_all

program.ALTOD = os.path.abspath(sys.argv[1])
ALTO = os.path.abspath(sys.argv[2])
A = "/api/v1"
SECOND, HOUR, DAY = 10**9, 3600 * 10**9, 86400 * 10**9
STREAM = "01jd8m3v5x9qk2w7r4t6y8b0ce"
# Files of a list that was made elsewhere: used and changed years ago.
LIST = b"path,size,allocated,mtime,accessed\n" + b"".join(
    b"/%s,5000000,5001216,2020-01-01T00:00:00Z,2020-02-01T00:00:00Z\n" % name for name in (b"old/a.mov", b"old/b.mov", b"new/c.mov"))


class Site:
    def __init__(self):
        self.altod, password = with_password()
        self.token = self.altod.log_in("admin", password)
        self.home = tempfile.mkdtemp(prefix="alto-home-")
        self.customer = self.ask("POST", "/customers", {"name": "Acme"}, 201)["id"]
        token = self.ask("POST", "/customers/%s/enrol-tokens" % self.customer, {"name": "fs1", "hours": 1}, 201)["token"]
        h = self.ask("POST", "/agent/enrol", {"token": token, "name": "fs1", "os": "Linux", "version": "1", "boot_id": "b"})
        self.host, self.secret, self.seq = h["host_id"], "%s.%s" % (h["host_id"], h["secret"]), 0
        path = os.path.join(self.home, "password")
        with open(path, "w") as f:
            f.write(password)
        self.alto("login", "admin", "--server", self.altod.url, "--password-file", path)

    def ask(self, method, path, body=None, status=200, token=None, raw=None, headers=None):
        got, _, answer = self.altod.ask(method, A + path, raw if raw is not None else body, token or self.token, headers)
        assert got == status, "%s %s: %d %s" % (method, path, got, answer)
        return answer

    def alto(self, *words, status=0):
        done = subprocess.run([ALTO, *words], env={"HOME": self.home, "PATH": "/usr/bin:/bin"}, capture_output=True, timeout=60)
        assert done.returncode == status, "alto %s: %d %s" % (" ".join(words), done.returncode, done.stderr.decode())
        return done.stdout.decode()

    def batch(self, *records, again=False):
        self.seq += not again
        return self.ask("POST", "/agent/batch?stream=%s&seq=%d" % (STREAM, self.seq), token=self.secret,
                        raw="".join(json.dumps(r) + "\n" for r in records).encode(), headers={"Content-Type": "application/x-ndjson"})

    def volume(self, name):
        return self.ask("POST", "/volumes", {"host_id": self.host, "name": name, "path": "/media/" + name, "kind": "lucidlink"}, 201)["id"]

    def bring_in(self, volume):
        i = self.ask("POST", "/volumes/%s/imports" % volume, {"name": "list.csv", "size": len(LIST), "options": {"mode": "add"}}, 201)
        self.ask("PUT", "/imports/%s/content?offset=0" % i["id"], raw=LIST, headers={"Content-Type": "application/octet-stream"})
        self.ask("POST", "/imports/%s/run" % i["id"], {"options": {}}, 202)
        end = time.monotonic() + 30
        while (i := self.ask("GET", "/imports/" + i["id"]))["state"] == "running":
            assert time.monotonic() < end, i
            time.sleep(0.1)
        assert i["state"] == "done" and i["result"]["files"] == 3, i

    def plan(self, volume, where):
        return self.ask("POST", "/plan", {"volume_id": volume, "where": where})


def used(path, at, **more):
    return {"k": "used", "path": path, "time_ns": at, "reads": 1, "user": "anna", "host": "mac1", "node": "7", **more}


def rows(volume, *items):
    return {"t": "access", "volume_id": volume, "rows": list(items)}


def audit(volume, state, covered_ago, **more):
    now = time.time_ns()
    return {"t": "audit", "volume_id": volume, "state": state, "since_ns": now - HOUR, "covered_since_ns": now - covered_ago if covered_ago else 0,
            "told_ns": now, "last_event_ns": now - SECOND, **more}


site = Site()


def test_rows_show_in_every_command():
    v, now = site.volume("shown"), time.time_ns()
    site.batch(rows(v, used("a/one.mov", now - HOUR, reads=3), used("a/two.mov", now - HOUR, user="bo", reads=5, host="mac2"),
                    {"k": "move", "path": "a/two.mov", "target": "b/two.mov", "time_ns": now - SECOND, "user": "bo"}),
               audit(v, "live", DAY, nodes=[{"node": "7", "host": "mac1", "user": "anna", "active": True, "files": 2, "behind_bytes": 10}]))
    assert "shown" in [v["name"] for v in json.loads(site.alto("access", "list", "--json"))]
    assert "COMPLETE SINCE" in site.alto("access", "list")
    shown = site.alto("access", "show", "shown")
    assert shown.index("/b/two.mov") < shown.index("/a/one.mov") and "anna" in shown, shown
    items = json.loads(site.alto("access", "show", "shown", "--json"))
    assert [i["kind"] for i in items] == ["move", "used", "used"], items
    assert len(json.loads(site.alto("access", "show", "shown", "--json", "--user", "bo"))) == 2
    assert len(json.loads(site.alto("access", "show", "shown", "--json", "--since", "30m"))) == 1
    assert len(json.loads(site.alto("access", "show", "shown", "--json", "--limit", "2"))) == 2
    assert len(json.loads(site.alto("access", "show", "shown", "--json", "--limit", "0"))) == 3
    site.alto("access", "show", "shown", "--since", "7y", status=1)
    assert len(json.loads(site.alto("access", "show", "shown", "/a/one.mov", "--json"))) == 1
    top = json.loads(site.alto("access", "top", "shown", "--by", "user", "--days", "2", "--json"))
    assert top["items"][0]["what"] == "bo" and top["items"][0]["reads"] == 5, top
    assert "bo" in site.alto("access", "top", "shown", "--by", "user")
    assert "####" in site.alto("access", "hours", "shown")
    assert sum(h["reads"] for h in json.loads(site.alto("access", "hours", "shown", "--json"))["items"]) == 8
    assert "mac1" in site.alto("access", "nodes", "shown", "--active") and site.alto("access", "nodes", "shown", "--search", "zz") == ""
    status = site.alto("access", "status", "shown")
    assert "live" in status and "complete since" in status and "lines that were read" in status, status
    assert json.loads(site.alto("access", "status", "shown", "--json"))["nodes"]["behind"] == 1


def test_the_same_batch_twice_counts_once():
    v = site.volume("twice")
    record = rows(v, used("f", time.time_ns() - HOUR, reads=2))
    site.batch(record)
    site.batch(record, again=True)
    assert site.ask("GET", "/volumes/%s/access/top" % v)["items"][0]["reads"] == 2
    assert len(site.ask("GET", "/volumes/%s/access/recent" % v)["items"]) == 1


def test_lines_that_were_passed_over_are_shown_safely_and_outlive_the_server():
    v, now = site.volume("skipped"), time.time_ns()
    log, line = b"4\xff/2026/a\x1b[2J\n.log", b"{\x00\x1b[31m\xfe\n\"" + b"x" * 180
    b64 = lambda b: base64.b64encode(b).decode()
    samples = [{"why": "junk", "log_b64": b64(log), "log": "?", "offset": 7, "time_ns": now, "text": "?", "text_b64": b64(line)},
               {"why": "later", "log": "1/b.log", "offset": 2**62, "time_ns": 0, "text": "\u202e{}"}] + [{"why": "time", "log": "c%d" % i, "text": ""} for i in range(40)]
    site.batch(audit(v, "live", DAY, skipped={"junk": 3, "time": 40}, samples=samples))
    got = site.ask("GET", "/volumes/%s/access" % v)["samples"]
    assert len(got) == 32, len(got)
    assert base64.b64decode(got[0]["log_b64"]) == log and base64.b64decode(got[0]["line_b64"]) == line and got[0]["offset"] == 7, got[0]
    assert got[0]["why"] == "junk" and got[0]["text"] == "no JSON object" and got[0]["at"], got[0]
    assert got[1]["why"] == got[1]["text"] == "later" and got[1]["at"] is None and got[1]["offset"] == 2**62, got[1]
    text = site.alto("access", "status", "skipped")
    told = [l for l in text.splitlines() if "4" in l and "\\x1b[2J\\n" in l]
    assert "\x1b" not in text and "PASSED OVER" in text and len(told) == 1 and "\\x1b[31m" in told[0], text
    site.batch(audit(v, "live", DAY))  # told anew without any: as a host of before tells
    assert site.ask("GET", "/volumes/%s/access" % v)["samples"] == []


def test_names_cannot_drive_the_terminal():
    v = site.volume("strange")
    name = b"a\x1b[2J\nb\xff"
    site.batch(rows(v, used("x", time.time_ns() - SECOND, user="\x1b[31mred", path_b64=base64.b64encode(name).decode())))
    text = site.alto("access", "show", "strange")
    assert "\x1b" not in text and "\\x1b[2J\\nb" in text and len(text.splitlines()) == 2, text
    assert "\x1b" not in site.alto("access", "top", "strange", "--by", "user")
    item = site.ask("GET", "/volumes/%s/access/recent" % v)["items"][0]
    assert base64.b64decode(item["path_b64"]) == b"/" + name, item


def test_people_and_hosts_are_picked_by_their_bytes():
    v, now = site.volume("bytes"), time.time_ns()
    b64 = lambda b: base64.b64encode(b).decode()
    names = [b"ma\xff", b"ma\xfe", b"ma\x00", b"\x1b[2J\xff\n", b"max"]
    site.batch(rows(v, *[used("f%d" % i, now - SECOND * i, user="ma?", user_b64=b64(n), host="?", host_b64=b64(b"h" + n)) for i, n in enumerate(names[:4])],
                    used("f4", now, user="max", host="hmax")))
    for i, n in enumerate(names):
        for what, value in (("user", n), ("host", b"h" + n)):
            got = site.ask("GET", "/volumes/%s/access/recent?%s_b64=%s" % (v, what, b64(value).replace("+", "%2B").replace("/", "%2F")))["items"]
            assert [r["path"] for r in got] == ["/f%d" % i], (n, got)
            if b"\0" not in value:
                shown = json.loads(site.alto("access", "show", "bytes", "--" + what, value, "--json"))
                assert [r["path"] for r in shown] == ["/f%d" % i], (n, shown)
                text = site.alto("access", "show", "bytes", "--" + what, value)
                assert "\x1b" not in text and "/f%d" % i in text, text
        top = [s for s in site.ask("GET", "/volumes/%s/access/top?by=user" % v)["items"] if s.get("what_b64") == b64(n) or s["what"].encode() == n]
        assert len(top) == 1 and top[0]["reads"] == 1, top
    assert site.ask("GET", "/volumes/%s/access/recent?user=ma%%EF%%BF%%BD" % v)["items"] == []  # what it looks like is not what it is
    for wrong in ("user_b64=%21", "host_b64=" + b64(b"x" * 256), "user_b64=" + b64(b"x" * 400)):
        site.ask("GET", "/volumes/%s/access/recent?%s" % (v, wrong), status=400)


def test_following_prints_what_comes_in():
    v = site.volume("followed")
    site.batch(rows(v, used("before", time.time_ns() - SECOND)), audit(v, "live", DAY))
    follow = subprocess.Popen([ALTO, "access", "follow", "followed", "--json"], env={"HOME": site.home, "PATH": "/usr/bin:/bin"}, stdout=subprocess.PIPE)
    try:
        time.sleep(1.5)
        began = time.monotonic()
        site.batch(rows(v, used("during", time.time_ns() - SECOND)))
        line = json.loads(follow.stdout.readline())
        assert line["path"] == "/during" and time.monotonic() - began < 3, line
    finally:
        follow.kill()
        follow.communicate()
    assert "/during" not in site.alto("access", "follow", "followed", "--seconds", "1")


def asked_recent():
    text = site.altod.ask("GET", "/metrics", token=site.token)[2]
    text = text.decode() if isinstance(text, bytes) else text
    return sum(int(line.split()[-1]) for line in text.splitlines() if line.startswith('alto_http_requests_total{operation="access_recent"'))


def test_following_asks_when_there_is_news_and_goes_on_when_altod_was_away():
    v = site.volume("away")
    site.batch(rows(v, used("before", time.time_ns() - SECOND)), audit(v, "live", DAY))
    follow = subprocess.Popen([ALTO, "access", "follow", "away", "--json"], env={"HOME": site.home, "PATH": "/usr/bin:/bin"},
                              stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    try:
        time.sleep(1.5)
        asked = asked_recent()
        time.sleep(2.5)
        assert asked_recent() == asked, "it asks though there is no news"
        for i in range(3):
            began = time.monotonic()
            site.batch(rows(v, used("live%d" % i, time.time_ns() - SECOND)))
            line = json.loads(follow.stdout.readline())
            assert line["path"] == "/live%d" % i and time.monotonic() - began < 1, (line, time.monotonic() - began)
            time.sleep(0.7)  # no news is told sooner after the one before
        site.altod.process.kill()
        site.altod.wait()
        time.sleep(0.5)
        old = site.altod
        site.altod = program.Altod(data=old.folder, listen=old.url.split("//")[1])
        site.altod.own, old.own = old.own, False
        site.batch(rows(v, used("missed", time.time_ns() - SECOND)))
        began = time.monotonic()
        assert json.loads(follow.stdout.readline())["path"] == "/missed"
        print("# %.1f s after the batch" % (time.monotonic() - began))
        site.batch(rows(v, used("again", time.time_ns() - SECOND)))
        assert json.loads(follow.stdout.readline())["path"] == "/again"
    finally:
        follow.kill()
        said = follow.communicate()[1].decode()
    assert said.count("altod does not answer") == 1, said


def test_broken_rows_are_set_aside_and_counted():
    v, now = site.volume("broken"), time.time_ns()
    site.batch(rows(v, used("good", now - HOUR), used("../bad", now), {"k": "folder_delete", "path": "", "time_ns": now}, 7, {}))
    assert [i["path"] for i in site.ask("GET", "/volumes/%s/access/recent" % v)["items"]] == ["/good"]
    assert site.ask("GET", "/volumes/%s/access" % v)["rejected"] == 4
    events = site.ask("GET", "/audit?act=host.rejected_record&customer_id=" + site.customer)["items"]
    assert events[0]["detail"]["rows"] == 4 and events[0]["detail"]["volume_id"] == v, events


def test_settings_are_set_and_cleared_by_command():
    v = site.volume("set")
    told = json.loads(site.alto("volume", "set", "set", "--silence-hours", "24", "--drop-users", "backup*,av", "--prehydrate", "yes",
                                "--audit-root", "/media", "--json"))["audit"]
    assert (told["silence_hours"], told["drop_users"], told["prehydrate"], told["root"]) == (24, ["backup*", "av"], True, "/media"), told
    told = json.loads(site.alto("volume", "set", "set", "--drop-users", "", "--json"))["audit"]
    assert told["drop_users"] == [] and told["silence_hours"] == 24, told
    site.alto("volume", "set", "set", "--silence-hours", "9000", status=1)
    site.alto("volume", "set", "set", "--prehydrate", "maybe", status=1)
    events = site.ask("GET", "/audit?act=volume.update&subject_id=" + v)["items"]
    assert events[-1]["detail"]["audit"]["to"]["silence_hours"] == 24, events


def test_nothing_is_cold_while_logs_are_not_told_of_absent_or_denied():
    v = site.volume("held")
    site.bring_in(v)
    for record in (None, audit(v, "absent", 400 * DAY), audit(v, "denied", 400 * DAY), audit(v, "silent", 400 * DAY), audit(v, "live", 0)):
        if record:
            site.batch(record)
        plan = site.plan(v, "accessed older than 90d")
        held = plan["held_for_access_record"]
        assert plan["files"] == 0 and held["files"] == 3 and held["bytes"] == 15000000 and held["covered_since_at"] is None, (record, plan)
        assert not plan["access_record"]["complete"] and "nothing is called cold" in plan["access_record"]["text"], plan
        assert [r["files"] for r in plan["refusals"] if r["reason"] == "no_access_record"] == [3], plan
    preview = site.ask("POST", "/rules/preview", {"volume_id": v, "where": "accessed older than 90d"})
    assert preview["held_for_access_record"]["files"] == 3, preview
    text = site.alto("plan", "--volume", "held", "--where", "accessed older than 90d")
    assert "held back" in text and "3 files" in text and "warning: " in text, text
    assert site.plan(v, "size >= 1MB")["files"] == 3, "what does not ask for access is not held back"


def test_a_record_of_some_days_is_worth_so_many():
    v = site.volume("covered")
    site.bring_in(v)
    site.batch(audit(v, "live", 40 * DAY))
    plan = site.plan(v, "accessed older than 90d")
    assert plan["files"] == 0 and plan["held_for_access_record"]["files"] == 3 and plan["held_for_access_record"]["covered_since_at"], plan
    assert site.plan(v, "accessed older than 41d")["files"] == 0
    plan = site.plan(v, "accessed older than 39d")
    assert plan["files"] == 3 and plan["held_for_access_record"]["files"] == 0, plan
    site.batch(rows(v, used("old/a.mov", time.time_ns() - DAY)))
    assert site.plan(v, "accessed older than 39d")["files"] == 2
    why = site.ask("GET", "/volumes/%s/why?path=/old/a.mov" % v)
    assert why["file"]["accessed_source"] == "audit" and why["access_record"]["complete"], why
    rule = site.ask("POST", "/rules", {"volume_id": v, "name": "cold", "where": "accessed older than 90d"}, 201)
    why = site.ask("GET", "/volumes/%s/why?path=/old/b.mov" % v)
    assert why["decision"]["refusal"] == "no_access_record" and why["decision"]["rule_id"] == rule["id"], why
    assert "complete since" in why["decision"]["text"], why
    site.batch(audit(v, "absent", 40 * DAY))
    assert site.plan(v, "accessed older than 39d")["files"] == 0
    site.batch(audit(v, "live", 40 * DAY))
    assert site.plan(v, "accessed older than 39d")["files"] == 2


def test_works_that_move_tell_the_last_access_as_the_plan_took_it():
    v = site.volume("tiered")
    share = site.ask("POST", "/shares", {"customer_id": site.customer, "name": "cold", "url": "file:///srv/cold"}, 201)
    noun = site.ask("GET", "/volumes/" + v)
    site.ask("PATCH", "/volumes/" + v, {"share_id": share["id"]}, headers={"If-Match": '"%d"' % noun["version"]})
    site.bring_in(v)
    began = time.time_ns()
    site.batch(audit(v, "live", 40 * DAY), rows(v, used("old/a.mov", began - 35 * DAY)))
    rule = site.ask("POST", "/rules", {"volume_id": v, "name": "cold", "where": "accessed older than 30d", "action": "archive", "share_id": share["id"]}, 201)
    site.ask("POST", "/rules/%s/run" % rule["id"], None, 202)
    end = time.monotonic() + 20
    items = {}
    while not items and time.monotonic() < end:
        got = site.ask("POST", "/agent/lease?wait_s=1", {"workers": 4, "running": [], "config_version": 0}, token=site.secret)
        for work in got["work"]:
            if work["kind"] == "archive":
                items = {i["path"]: i for i in work["items"]}
    assert abs(items["old/a.mov"]["accessed_ns"] - (began - 35 * DAY)) < SECOND, items
    assert abs(items["old/b.mov"]["accessed_ns"] - (began - 40 * DAY)) < 60 * SECOND, items


def test_another_customer_sees_nothing_of_it():
    v = site.volume("mine")
    other = site.ask("POST", "/customers", {"name": "Other"}, 201)["id"]
    site.ask("POST", "/users", {"name": "otto", "role": "admin", "customer_id": other, "password": "long enough 2"}, 201)
    otto = site.altod.log_in("otto", "long enough 2")
    for tail in ("", "/nodes", "/top", "/hours", "/recent"):
        site.ask("GET", "/volumes/%s/access%s" % (v, tail), None, 404, token=otto)
    site.ask("POST", "/users", {"name": "au", "role": "auditor", "customer_id": site.customer, "password": "long enough 3"}, 201)
    auditor = site.altod.log_in("au", "long enough 3")
    for tail in ("", "/nodes", "/top", "/hours", "/recent"):
        site.ask("GET", "/volumes/%s/access%s" % (v, tail), token=auditor)


def test_the_end():
    shutil.rmtree(site.home)
    assert site.altod.stop() == 0, site.altod.err


run_all(globals())
