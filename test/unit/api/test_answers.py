#!/usr/bin/python3
"""Whether altod's answers are what api/openapi.yaml says: every operation is called against a real altod, and its answer held against the
schema of that status. A member that is not described is an error too. Arguments: altod, openapi.yaml."""
import base64
import json
import os
import re
import sys
import threading
import time
import urllib.parse

import yaml

import program
from program import with_password
from tap import run_all

program.ALTOD = os.path.abspath(sys.argv[1])
with open(sys.argv[2], encoding="utf-8") as f:
    DOC = yaml.safe_load(f)
called = set()
undescribed = []  # what the answers had, or lacked, against the description


def follow(node):
    while isinstance(node, dict) and "$ref" in node:
        at = DOC
        for part in node["$ref"].removeprefix("#/").split("/"):
            at = at[part]
        node = at
    return node


TYPES = {"object": dict, "array": list, "string": str, "boolean": bool, "null": type(None)}


def of_type(value, name):
    if name in ("integer", "number"):
        return isinstance(value, (int, float) if name == "number" else int) and not isinstance(value, bool)
    return isinstance(value, TYPES[name])


def members(schema):
    schema = follow(schema)
    found = dict(schema.get("properties", {}))
    for part in schema.get("allOf", []):
        found.update(members(part))
    return found


def faults(value, schema, at, closed=True):
    schema = follow(schema)
    found = []
    if "oneOf" in schema:
        tries = [faults(value, s, at) for s in schema["oneOf"]]
        return [] if any(not t for t in tries) else min(tries, key=len)
    for part in schema.get("allOf", []):
        found += faults(value, part, at, closed=False)
    kinds = schema.get("type")
    if kinds is not None and not any(of_type(value, k) for k in ([kinds] if isinstance(kinds, str) else kinds)):
        return found + ["%s is %r, not %s" % (at, value, kinds)]
    if "const" in schema and value != schema["const"]:
        found.append("%s is %r, not %r" % (at, value, schema["const"]))
    if "enum" in schema and value not in schema["enum"]:
        found.append("%s is %r, none of %s" % (at, value, schema["enum"]))
    if isinstance(value, str):
        if "pattern" in schema and not re.search(schema["pattern"], value):
            found.append("%s is %r, which does not match %s" % (at, value, schema["pattern"]))
        if schema.get("format") == "date-time" and not re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d{1,9})?Z", value):
            found.append("%s is %r, no time" % (at, value))
    if isinstance(value, (int, float)) and not isinstance(value, bool) and value < schema.get("minimum", value):
        found.append("%s is %r, below %r" % (at, value, schema["minimum"]))
    if isinstance(value, list):
        for i, item in enumerate(value):
            found += faults(item, schema.get("items", {}), "%s[%d]" % (at, i))
    if isinstance(value, dict):
        found += ["%s lacks %s" % (at, name) for name in schema.get("required", []) if name not in value]
        known = members(schema)
        for name, item in value.items():
            if name in schema.get("properties", {}):
                found += faults(item, schema["properties"][name], "%s.%s" % (at, name))
            elif closed and known and name not in known and not schema.get("additionalProperties"):
                found.append("%s.%s is not described" % (at, name))
    return found


def operation_of(method, path):
    path = path.split("?")[0]
    best = None
    for pattern, item in DOC["paths"].items():
        base = item.get("servers", DOC["servers"])[0]["url"].rstrip("/")
        if re.fullmatch(re.sub(r"\{\w+\}", "[^/]+", base + pattern), path) and method.lower() in item:
            if best is None or pattern.count("{") < best[0].count("{"):
                best = (pattern, item[method.lower()])
    assert best, "no operation for %s %s" % (method, path)
    return best[1]


class Site:
    """One altod with what most operations need."""

    def __init__(self):
        self.altod, password = with_password()
        self.password = password
        self.seq = 0
        self.token = self.altod.log_in("admin", password)

    def ask(self, method, path, body=None, status=200, token=None, headers=None, raw=None):
        op = operation_of(method, path)
        got, fields, answer = self.altod.ask(method, path, raw if raw is not None else body, token or self.token, headers)
        assert got == status, "%s %s: %d %s" % (method, path, got, answer)
        called.add(op["operationId"])
        told = follow(op["responses"].get(str(got), op["responses"]["default"]))
        kind = fields.get("Content-Type", "").split(";")[0]
        if "content" in told:
            assert kind in told["content"], "%s %s: %r is none of %s" % (method, path, kind, list(told["content"]))
            if kind.endswith("json"):
                wrong = faults(answer, told["content"][kind]["schema"], op["operationId"])
                undescribed.extend(w for w in wrong if w not in undescribed)
        else:
            assert answer in (b"", None), "%s %s: an answer that is not described" % (method, path)
        for name in told.get("headers", {}):
            assert name in fields, "%s %s lacks the header %s" % (method, path, name)
        return answer


A = "/api/v1"
site = Site()


def noun(path, name):
    return next(n for n in site.ask("GET", A + path)["items"] if n["name"] == name)


def match(n):
    return {"If-Match": '"%d"' % n["version"]}


def test_session():
    site.ask("POST", A + "/session", {"name": "admin", "password": site.password})
    site.ask("POST", A + "/session", {"name": "admin", "password": "wrong"}, status=401)
    site.ask("POST", A + "/session", {"name": 1}, status=422)
    site.ask("GET", A + "/session")


def test_customers_and_users():
    c = site.ask("POST", A + "/customers", {"name": "Acme"}, status=201)
    site.ask("POST", A + "/customers", {"name": "Acme"}, status=409)
    site.ask("PATCH", A + "/customers/" + c["id"], {"name": "Acme 2"}, status=428)
    site.ask("PATCH", A + "/customers/" + c["id"], {"name": "Acme 2"}, status=412, headers={"If-Match": '"99"'})
    c = site.ask("PATCH", A + "/customers/" + c["id"], {"name": "Acme 2"}, headers=match(c))
    site.ask("GET", A + "/customers?limit=1&count=true")
    site.ask("GET", A + "/customers/" + c["id"])
    u = site.ask("POST", A + "/users", {"name": "anna", "role": "admin", "customer_id": c["id"], "password": "long enough 1"}, status=201)
    site.ask("GET", A + "/users")
    u = site.ask("GET", A + "/users/" + u["id"])
    u = site.ask("PATCH", A + "/users/" + u["id"], {"role": "auditor"}, headers=match(u))
    site.ask("POST", A + "/users/%s/password" % u["id"], {"password": "another long one"}, status=204)
    u = site.ask("GET", A + "/users/" + u["id"])
    site.ask("DELETE", A + "/users/" + u["id"], status=204, headers=match(u))
    other = site.ask("POST", A + "/customers", {"name": "Gone"}, status=201)
    site.ask("DELETE", A + "/customers/" + other["id"], status=204, headers=match(other))
    site.ask("GET", A + "/customers/" + other["id"], status=404)


def enrol():
    c = noun("/customers", "Acme 2")
    t = site.ask("POST", A + "/customers/%s/enrol-tokens" % c["id"], {"name": "srv1", "hours": 1}, status=201)
    h = site.ask("POST", A + "/agent/enrol", {"token": t["token"], "name": "srv1", "os": "Linux 6.1", "version": "0.1.0", "boot_id": "b1"})
    return h


def test_hosts_shares_volumes():
    h = enrol()
    site.secret = "%s.%s" % (h["host_id"], h["secret"])
    host = site.ask("GET", A + "/hosts")["items"][0]
    host = site.ask("PATCH", A + "/hosts/" + host["id"], {"name": "server1"}, headers=match(host))
    site.ask("GET", A + "/hosts/" + host["id"])
    s = site.ask("POST", A + "/shares", {"customer_id": host["customer_id"], "name": "cold", "url": "smb://nas1/cold", "user": "u", "password": "p"}, status=201)
    s = site.ask("PATCH", A + "/shares/" + s["id"], {"name": "cold1"}, headers=match(s))
    site.ask("GET", A + "/shares")
    site.ask("GET", A + "/shares/" + s["id"])
    v = site.ask("POST", A + "/volumes", {"host_id": host["id"], "name": "projects", "path": "/srv/projects", "kind": "posix", "share_id": s["id"]}, status=201)
    v = site.ask("PATCH", A + "/volumes/" + v["id"], {"name": "projects1"}, headers=match(v))
    site.ask("GET", A + "/volumes?host_id=" + host["id"])
    site.ask("GET", A + "/volumes/" + v["id"])
    site.volume, site.share, site.host = v, s, host


def test_rules():
    v = site.volume["id"]
    r = site.ask("POST", A + "/rules", {"volume_id": v, "name": "old", "where": "size >= 10MB and accessed older than 90d"}, status=201)
    r = site.ask("PATCH", A + "/rules/" + r["id"], {"where": "size >= 1MB", "limit_files": 10}, headers=match(r))
    site.ask("GET", A + "/rules?volume_id=" + v)
    site.rule = site.ask("GET", A + "/rules/" + r["id"])
    assert site.ask("POST", A + "/rules/check", {"where": "size >= 10MB"})["ok"]
    bad = site.ask("POST", A + "/rules/check", {"where": "size >= "})
    assert not bad["ok"] and bad["error"]["at"] >= 0
    extra = site.ask("POST", A + "/rules", {"volume_id": v, "name": "extra", "where": "size > 1", "action": "exclude"}, status=201)
    site.ask("POST", A + "/rules/order", {"volume_id": v, "ids": [r["id"], extra["id"]]})
    site.ask("POST", A + "/rules/order", {"volume_id": v, "ids": [r["id"]]}, status=409)
    extra = site.ask("GET", A + "/rules/" + extra["id"])
    site.ask("DELETE", A + "/rules/" + extra["id"], status=204, headers=match(extra))
    gone = site.ask("GET", A + "/rules/%s/versions" % extra["id"])["items"]
    assert [(g["version"], g["deleted"], g["by"]) for g in gone][-1:] == [(1, False, "admin")] and gone[0]["deleted"], gone


def test_schedules():
    when = {"schedule": {"cron": "0 20 * * 1-5", "zone": "Europe/Berlin"}, "limit_minutes": 60, "limit_error_percent": 5,
            "windows": {"zone": "Europe/Berlin", "spans": [{"days": [1, 2, 3, 4, 5], "from": "20:00", "to": "06:00"}]}}
    r = site.ask("PATCH", A + "/rules/" + site.rule["id"], when, headers=match(site.rule))
    assert r["next_run_at"] and r["windows"] == when["windows"] and r["schedule"] == when["schedule"], r
    site.ask("PATCH", A + "/rules/" + r["id"], {"schedule": {"cron": "0 25 * * *", "zone": "UTC"}}, status=422, headers=match(r))
    clone = site.ask("POST", A + "/rules/%s/clone" % r["id"], {"name": "clone"}, status=201)
    assert not clone["enabled"] and clone["next_run_at"] is None and clone["windows"] == when["windows"], clone
    site.ask("DELETE", A + "/rules/" + clone["id"], status=204, headers=match(clone))
    site.ask("POST", A + "/rules/%s/resume" % r["id"], {})
    told = site.ask("POST", A + "/rules/schedule", {"cron": "0 20 * * 1-5", "zone": "Europe/Berlin", "windows": when["windows"]})
    assert told["ok"] and told["text"] == "at 20:00 on Monday to Friday" and len(told["next"]) == 5, told
    told = site.ask("POST", A + "/rules/schedule", {"cron": "0 20 * *", "zone": "UTC"})
    assert not told["ok"] and "five fields" in told["error"], told
    for t in site.ask("GET", A + "/rules/templates")["items"]:
        assert site.ask("POST", A + "/rules/check", {"where": t["where"]})["canonical"] == t["where"], t
        body = {"volume_id": site.volume["id"], "name": t["name"], "where": t["where"], "action": t["action"], "schedule": t["schedule"], **t["limits"]}
        made = site.ask("POST", A + "/rules", body, status=201)
        site.ask("DELETE", A + "/rules/" + made["id"], status=204, headers=match(made))
    nothing = dict.fromkeys(("schedule", "windows", "limit_minutes", "limit_error_percent"))
    site.rule = site.ask("PATCH", A + "/rules/" + r["id"], nothing, headers=match(r))
    versions = site.ask("GET", A + "/rules/%s/versions" % r["id"])["items"]
    assert versions[0]["schedule"] is None and versions[1]["schedule"] == when["schedule"], versions


def lease(wait=5, running=()):
    return site.ask("POST", A + "/agent/lease?wait_s=%d" % wait, {"workers": 4, "running": list(running), "config_version": site.config}, token=site.secret)


def lease_kind(kind):
    """The first work of that kind; what else is to be done (looking at a share) is left lying."""
    while True:
        for work in lease(20)["work"]:
            if work["kind"] == kind:
                return work


def batch(records, seq=None):
    site.seq += seq is None
    seq = seq or site.seq
    return site.ask("POST", A + "/agent/batch?stream=01jd8m3v5x9qk2w7r4t6y8b0ce&seq=%d" % seq, token=site.secret,
                    raw="".join(json.dumps(r) + "\n" for r in records).encode(), headers={"Content-Type": "application/x-ndjson"})


def test_agent_and_jobs():
    config = site.ask("GET", A + "/agent/config", token=site.secret)
    site.config = config["version"]
    answers = []
    waiting = threading.Thread(target=lambda: answers.append(lease_kind("scan")))
    waiting.start()
    time.sleep(0.5)
    began = time.monotonic()
    job = site.ask("POST", A + "/volumes/%s/scan" % site.volume["id"], status=202)
    waiting.join(15)
    assert answers and answers[0]["job_id"] == job["id"], answers
    assert time.monotonic() - began < 5
    work = answers[0]
    site.ask("GET", A + "/jobs?state=running")
    batch([{"t": "progress", "work_id": work["work_id"], "files": 1, "bytes": 2}])
    assert batch([{"t": "progress", "work_id": work["work_id"], "files": 1, "bytes": 2}], 1)["applied_seq"] == 1
    gap = site.altod.ask("POST", A + "/agent/batch?stream=01jd8m3v5x9qk2w7r4t6y8b0ce&seq=9", b"\n", site.secret, {"Content-Type": "application/x-ndjson"})
    assert gap[0] == 409 and gap[2]["applied_seq"] == 1, gap
    assert not faults(gap[2], {"$ref": "#/components/schemas/Problem"}, "gap")
    job = site.ask("GET", A + "/jobs/" + job["id"])
    site.ask("GET", A + "/jobs/%s/outcomes" % job["id"])
    site.ask("POST", A + "/jobs/%s/cancel" % job["id"])
    assert work["work_id"] in lease(5, [work["work_id"]])["cancel"]


def test_share_tests():
    test = site.ask("POST", A + "/share-tests", {"host_id": site.host["id"], "url": "smb://nas1/new", "user": "u", "password": "geheim"}, status=202)
    work = lease_kind("test_share")
    assert work["work_id"] == test["id"] and (work["url"], work["user"], work["password"]) == ("smb://nas1/new", "u", "geheim"), work
    where = A + "/share-tests/" + test["id"]
    assert site.ask("GET", where)["state"] == "running"
    answers = []
    waiting = threading.Thread(target=lambda: answers.append(site.ask("GET", where + "?wait_s=20")))
    waiting.start()
    batch([{"t": "share_test", "work_id": test["id"], "ok": True, "bytes_total": 1000, "bytes_free": 10, "signing": True, "encryption": True,
            "steps": [{"step": "reach", "code": "ok", "us": 100, "text": "the server answers", "next": ""}]},
           {"t": "work_end", "work_id": test["id"], "code": "ok", "text": ""}])
    waiting.join(30)
    assert answers and answers[0]["state"] == "done" and answers[0]["ok"] and answers[0]["steps"][0]["step"] == "reach", answers
    site.ask("POST", A + "/share-tests", {"host_id": site.host["id"], "url": "http://nas1/new"}, status=422)


def test_files():
    volume = A + "/volumes/" + site.volume["id"]
    scan(site.ask("POST", volume + "/scan", status=202))
    page = site.ask("GET", volume + "/files?path=/&count=true")
    assert {"docs", "big.mov"} <= {f["name"] for f in page["items"]}, page
    strange = next(f for f in page["items"] if "path_b64" in f)
    assert base64.b64decode(strange["path_b64"]) == b"/na\xffme"
    site.ask("GET", volume + "/file?path_b64=" + urllib.parse.quote(strange["path_b64"]))
    site.ask("GET", volume + "/file?path=/docs")
    site.ask("GET", volume + "/file?path=/nothing", status=404)
    assert site.ask("GET", volume + "/files?recursive=true&sort=size&order=desc&q=MOV&state=resident")["items"][0]["name"] == "big.mov"
    plan = site.ask("POST", A + "/rules/preview", {"volume_id": site.volume["id"], "where": "size >= 1MB"})
    assert plan["files"] == 0 and plan["refusals"], plan  # a rule in front of it takes the file
    plan = site.ask("POST", A + "/rules/%s/preview" % site.rule["id"], {})
    assert plan["files"] == 1 and plan["sample"][0]["name"] == "big.mov", plan
    job = site.ask("POST", A + "/rules/%s/run" % site.rule["id"], status=202)
    assert job["rule_version"] == site.rule["version"], job
    assert site.ask("POST", A + "/jobs/%s/pause" % job["id"])["pause"]["reason"] == "user"
    assert site.ask("POST", A + "/jobs/%s/resume" % job["id"])["state"] == "queued"
    assert site.ask("GET", A + "/rules/" + site.rule["id"])["last_run"]["job_id"] == job["id"]
    site.ask("POST", volume + "/tier", {"paths": ["/big.mov"]}, status=202)
    site.ask("POST", volume + "/recall", {"paths": ["/docs"]}, status=202)
    site.ask("POST", A + "/shares/%s/check" % site.share["id"], {}, status=202)
    site.ask("POST", volume + "/adopt", {"paths": ["/"]}, status=409)  # not a volume of Windows
    assert site.ask("POST", volume + "/reconcile", status=202)["reconcile"]["markers"] == 0


def test_orphans():
    volume, v = A + "/volumes/" + site.volume["id"], {"volume_id": site.volume["id"]}
    work = lease_kind("reconcile")
    old = "01j0000000000000000000000z"
    batch([dict(v, t="walk", step="begin", work_id=work["work_id"]),
           dict(v, t="findings", work_id=work["work_id"], items=[
               {"kind": "no_stub", "path": "docs/gone", "object_id": old, "size": 5000, "mtime_ns": 10**18},
               {"kind": "doubly_known", "path": "docs/twin", "object_id": old, "size": 5000},
               {"kind": "object_missing", "path": "docs/one", "object_id": old, "size": 5000, "text": "not there"}]),
           dict(v, t="outcome", act="alarm", code="io_error", reason="changed", text="it was cut", path="na", path_b64="bmH/bWU=", object_id=old, size=5000),
           dict(v, t="walk", step="end", work_id=work["work_id"], stubs=True, objects=True, objects_seen=3, text=""),
           {"t": "work_end", "work_id": work["work_id"], "code": "ok", "text": ""}])
    sums = {k["kind"]: k["open"]["findings"] for k in site.ask("GET", A + "/orphans?volume_id=" + site.volume["id"])["kinds"]}
    assert sums["no_stub"] == sums["changed"] == sums["object_missing"] == 1 and sums["spare"] == 0, sums
    assert site.ask("GET", A + "/orphans?limit=1")["volumes"][0]["walk"]["objects_seen"] == 3
    site.ask("GET", A + "/orphans?volume_id=" + old, status=404)
    page = site.ask("GET", volume + "/orphans?count=true&state=open")
    assert page["total"] == 4 and any("path_b64" in i for i in page["items"]), page
    assert len(site.ask("GET", volume + "/orphans?level=unreadable&kind=changed")["items"]) == 1
    one = site.ask("GET", volume + "/orphans?kind=no_stub")["items"][0]
    assert site.ask("GET", volume + "/orphans/" + one["id"])["way"] == "restore"
    site.ask("GET", volume + "/orphans/" + old, status=404)
    assert site.ask("POST", volume + "/orphans/plan", {"kind": "no_stub"})["bytes"] == 5000
    site.ask("POST", volume + "/orphans/plan", {}, status=422)
    site.ask("POST", volume + "/orphans/repair", {"kind": "object_missing"}, status=409)
    assert site.ask("POST", volume + "/orphans/ignore", {"ids": [one["id"]], "reason": "on purpose"})["findings"] == 1
    assert site.ask("GET", volume + "/orphans/" + one["id"])["ignored"]["reason"] == "on purpose"
    assert site.ask("POST", volume + "/orphans/unignore", {"kind": "no_stub"})["findings"] == 1
    begun = site.ask("POST", volume + "/orphans/repair", {"ids": [i["id"] for i in page["items"]]}, status=202)
    assert [j["kind"] for j in begun["jobs"]] == ["repair", "recall"] and begun["plan"]["without_way"] == 1, begun
    assert {i["way"] for i in lease_kind("repair")["items"]} == {"restub", "restore"}


def varint(n):
    out = bytearray()
    while n >= 0x80:
        out.append(n & 0x7F | 0x80)
        n >>= 7
    out.append(n)
    return bytes(out)


def scan(job):
    """Plays the agent: two folders and three files, by the binary form of src/wire/entries.h."""
    work = lease_kind("scan")
    assert work["job_id"] == job["id"]
    packed = pack_entries()
    before = site.ask("GET", A + "/agent/scans/" + work["scan_id"], token=site.secret)
    assert before["follows"] is None and before["why"], before
    site.ask("GET", A + "/agent/scans/" + site.volume["id"], token=site.secret, status=404)
    site.ask("POST", A + "/agent/entries?stream=%s&seq=1" % work["scan_id"], token=site.secret, raw=packed, headers={"Content-Type": "application/octet-stream"})
    batch([{"t": "scan_end", "scan_id": work["scan_id"], "volume_id": site.volume["id"], "code": "ok", "entries": 4, "folders": 2, "unreadable": 0, "text": ""},
           {"t": "work_end", "work_id": work["work_id"], "code": "ok", "text": ""}])
    end = time.monotonic() + 10
    while site.ask("GET", A + "/jobs/" + job["id"])["state"] not in ("done", "failed"):
        assert time.monotonic() < end
        time.sleep(0.1)


def pack_entries():
    import subprocess

    return subprocess.run([os.path.abspath(sys.argv[3])], check=True, capture_output=True, timeout=20).stdout


LIST = b"path,size,accessed\n" + b"".join(b"%s,2020-01-01T00:00:00Z\n" % row for row in (
    b"/a/one.mov,1000000", b"/a/two.mov,2000000", b"/b/three.txt,many", b"/b/four.txt,300"))
BYTES = {"Content-Type": "application/octet-stream"}


def import_over(i):
    end = time.monotonic() + 30
    while (now := site.ask("GET", A + "/imports/" + i["id"]))["state"] == "running":
        assert time.monotonic() < end, now
        time.sleep(0.1)
    return now


def test_imports_into_a_host_that_is_expected():
    customer = site.host["customer_id"]
    host = site.ask("POST", A + "/hosts", {"customer_id": customer, "name": "soon", "os": "windows"}, status=201)
    assert host["enrolled_at"] is None and host["state"] == "never", host
    site.ask("POST", A + "/hosts", {"customer_id": customer, "name": "soon", "os": "linux"}, status=409)
    v = site.ask("POST", A + "/volumes", {"host_id": host["id"], "name": "later", "path": "D:/data", "kind": "ntfs"}, status=201)
    site.later = v
    i = site.ask("POST", A + "/volumes/%s/imports" % v["id"], {"name": "list.csv", "size": len(LIST), "options": {"mode": "add"}}, status=201)
    content = A + "/imports/%s/content?offset=" % i["id"]
    site.ask("PUT", content + "0", raw=LIST[:20], headers=BYTES)
    gap = site.ask("PUT", content + "30", raw=LIST[30:], headers=BYTES, status=409)
    assert gap["received"] == 20, gap
    site.ask("PUT", content + "20", raw=LIST, headers=BYTES, status=400)
    i = site.ask("PUT", content + "20", raw=LIST[20:], headers=BYTES)
    assert i["state"] == "ready" and i["look"]["problem"] is None, i
    i = site.ask("POST", A + "/imports/%s/look" % i["id"], {"options": {"map": {"size": None}}})
    assert i["options"]["map"] == {"size": None}, i
    i = import_over(site.ask("POST", A + "/imports/%s/run" % i["id"], {"options": {}}, status=202))
    assert (i["state"], i["refused"], i["result"]["files"], i["result"]["bytes"]) == ("done", 1, 3, 3000300), i
    assert b"\n4," in site.ask("GET", A + "/imports/%s/refused" % i["id"])
    site.ask("GET", A + "/imports?count=true&state=done&volume_id=" + v["id"])
    other = site.ask("POST", A + "/volumes/%s/imports" % v["id"], {"name": "x", "size": 5}, status=201)
    site.ask("POST", A + "/imports/%s/cancel" % other["id"])
    site.ask("DELETE", A + "/imports/" + other["id"], status=204)
    site.ask("GET", A + "/imports/" + other["id"], status=404)


def test_plans_costs_and_exports():
    v, customer = site.later["id"], site.host["customer_id"]
    costs = site.ask("GET", A + "/customers/%s/costs" % customer)
    assert costs["version"] == 1 and costs["currency"] is None, costs
    prices = {"currency": "EUR", "primary_tb_month": "100000", "tier_tb_month": "10", "recall_gb": "0.005"}
    site.ask("PUT", A + "/customers/%s/costs" % customer, prices, status=428)
    site.ask("PUT", A + "/customers/%s/costs" % customer, dict(prices, currency="Euro"), status=422, headers=match(costs))
    costs = site.ask("PUT", A + "/customers/%s/costs" % customer, prices, headers=match(costs))
    assert costs["primary_tb_month"] == "100000.00" and costs["recall_gb"] == "0.005", costs
    plan = site.ask("POST", A + "/plan", {"volume_id": v, "where": "size >= 1MB", "now": "2026-01-01T00:00:00Z", "history_days": 30,
                                          "compare": {"where": "size >= 2MB"}})
    assert plan["files"] == 2 and plan["cost"]["currency"] == "EUR" and plan["compare"]["enter"]["files"] == 1, plan
    site.ask("POST", A + "/plan", {"volume_id": v, "rule_id": site.rule["id"]}, status=422)
    plan = site.ask("POST", A + "/plan", {"volume_id": site.volume["id"], "rule_id": site.rule["id"], "version": site.rule["version"]})
    assert plan["compare"] is None, plan
    assert site.ask("POST", A + "/plan/count", {"volume_id": v, "where": "ext = mov"})["files"] == 2
    site.ask("POST", A + "/plan/count", {"volume_id": v, "where": "ext ="}, status=422)
    for kind in ("csv", "parquet"):
        x = site.ask("POST", A + "/plan/exports", {"volume_id": v, "where": "size >= 1MB", "format": kind, "refused": True}, status=201)
        content = site.ask("GET", x["content_url"])
        assert len(content) == x["bytes"] and x["rows"] == 2, x
    site.ask("POST", A + "/plan/exports", {"volume_id": v, "folder": "/a"}, status=201)


def test_a_host_tells_of_its_driver_and_asks_for_its_stubs():
    host = A + "/hosts/" + site.host["id"]
    assert site.ask("GET", host)["driver"] is None
    batch([{"t": "driver", "told_ns": time.time_ns(), "state": "no_key", "text": "it has none", "next": "give one", "dll": "C:/FilterAPI.dll",
            "flavour": "cloudtier", "product": "CloudTier", "version": "3.3.0.1", "running": True, "connected": False, "has_key": False,
            "policy": "fill", "timeout_s": 120, "room_bytes": 1 << 30}])
    driver = site.ask("GET", host)["driver"]
    assert (driver["state"], driver["version"], driver["fills"]) == ("no_key", "3.3.0.1", 0), driver
    left = site.ask("GET", A + "/agent/stubs", token=site.secret)
    assert left["files"] == sum(v["files"] for v in left["volumes"]), left
    path = A + "/agent/volumes/%s/recall" % site.volume["id"]
    site.ask("POST", path, {"paths": ["/docs"]}, token=site.secret, status=202)
    site.ask("POST", path, {"paths": ["/docs"]}, status=403)
    site.ask("POST", A + "/agent/volumes/%s/recall" % site.later["id"], {"paths": ["/"]}, token=site.secret, status=404)


def test_what_lies_where_and_why():
    volume = A + "/volumes/" + site.later["id"]
    figures = site.ask("GET", volume + "/figures?rows=5")
    assert figures["totals"]["files"] == 3 and figures["evidence"]["walk"] + figures["evidence"]["import"] == 3, figures
    assert set(site.ask("GET", volume + "/figures?want=ext&folder=/a")) >= {"totals", "ext"}
    site.ask("GET", volume + "/figures?want=nothing", status=400)
    both = site.ask("GET", A + "/figures/inventory?customer_id=" + site.host["customer_id"])
    assert both["volumes"] == 2 and both["totals"]["files"] == 6, both
    site.ask("GET", A + "/figures/inventory", status=400)
    tree = site.ask("GET", volume + "/tree?sort=name&limit=10")
    assert tree["self"]["path"] == "/" and tree["self"]["files"] == 3, tree
    site.ask("GET", volume + "/growth?from=2026-01-01T00:00:00Z")
    why = site.ask("GET", volume + "/why?path=/a/one.mov")
    assert why["decision"]["action"] == "none" and why["file"]["size"] == 1000000, why
    why = site.ask("GET", A + "/volumes/%s/why?path=/big.mov" % site.volume["id"])
    assert why["rules"] and why["timeline"], why
    site.ask("GET", volume + "/why?path=/nothing", status=404)


def test_what_audit_logs_tell():
    host, now = site.host["id"], time.time_ns()
    v = site.ask("POST", A + "/volumes", {"host_id": host, "name": "space", "path": "/media/space", "kind": "lucidlink", "audit": {"silence_hours": 24}}, status=201)
    assert v["audit"]["silence_hours"] == 24 and v["audit"]["drop_users"] == [], v
    v = site.ask("PATCH", A + "/volumes/" + v["id"], {"audit": {"drop_users": ["backup*"]}}, headers=match(v))
    assert v["audit"]["silence_hours"] == 24 and v["audit"]["drop_users"] == ["backup*"], v
    site.ask("PATCH", A + "/volumes/" + v["id"], {"audit": {"silence_hours": 0}}, status=422, headers=match(v))
    site.space, volume = v, A + "/volumes/" + v["id"]
    audit = [x for x in site.ask("GET", A + "/agent/config", token=site.secret)["volumes"] if x["id"] == v["id"]][0]["audit"]
    assert audit == v["audit"], audit
    assert site.ask("GET", volume + "/access")["state"] == "untold"
    batch([{"t": "access", "volume_id": v["id"], "rows": [
        {"k": "create", "path": "a/new.mov", "time_ns": now - 5 * 10**9, "user": "anna", "host": "mac1", "node": "7",
         "stat": {"type": "file", "size": 5000, "allocated": 8192, "mtime_ns": now - 5 * 10**9}},
        {"k": "used", "path": "a/new.mov", "time_ns": now - 4 * 10**9, "reads": 3, "user": "anna", "host": "mac1", "node": "7"},
        {"k": "move", "path": "a/new.mov", "target_b64": base64.b64encode(b"a/n\xffw").decode(), "target": "a/n?w", "time_ns": now - 3 * 10**9}]},
        {"t": "audit", "volume_id": v["id"], "state": "live", "since_ns": now - 10**12, "covered_since_ns": now - 10**15, "last_event_ns": now,
         "told_ns": now, "text": "", "root": "/media", "filespace": "prod.acme", "filespace_uuid": "u", "files": 3, "active": 1, "behind_bytes": 0,
         "lines": 9, "events": 8, "skipped": {"junk": 1}, "sample": {"why": "junk", "text": "{"},
         "nodes": [{"node": "7", "host": "mac1", "user": "anna", "last_event_ns": now, "active": True, "files": 2}]}])
    assert site.ask("GET", A + "/hosts/%s/filespaces" % host)["found"] is None
    batch([{"t": "filespaces", "told_ns": now, "program": "", "text": "there is no program lucid in PATH", "odd": 0, "more": 0, "items": [
        {"path": "/media/space", "type": "fuse.lucid", "source": "lucid", "lucidlink": True, "mounted": True, "named": False, "logs": "present"},
        {"path": "/media/n?", "path_b64": base64.b64encode(b"/media/n\xff").decode(), "type": "fuse", "lucidlink": False, "mounted": True, "logs": "absent"}]}])
    found = site.ask("GET", A + "/hosts/%s/filespaces" % host)["found"]["items"]
    assert [f["lucidlink"] for f in found] == [True, False] and base64.b64decode(found[1]["path_b64"]) == b"/media/n\xff", found
    told = site.ask("GET", volume + "/access")
    assert told["complete"] and told["nodes"]["active"] == 1 and told["last_number"] > 0, told
    listed = site.ask("GET", A + "/access?count=true&customer_id=" + v["customer_id"])
    assert listed["total"] == 1 and listed["items"][0]["name"] == "space" and listed["items"][0]["complete"], listed
    rows = site.ask("GET", volume + "/access/recent?limit=10")["items"]
    assert [r["kind"] for r in site.ask("GET", volume + "/access/recent?kind=create")["items"]] == ["create"]
    site.ask("GET", volume + "/access/recent?kind=colour", status=400)
    assert [r["kind"] for r in rows] == ["move", "used", "create"] and base64.b64decode(rows[0]["target_b64"]) == b"/a/n\xffw", rows
    assert site.ask("GET", volume + "/access/recent?before=%d&user=anna" % rows[1]["number"])["items"][0]["kind"] == "create"
    assert site.ask("GET", volume + "/access/nodes?count=true&active=true&sort=behind&order=desc")["total"] == 1
    for by in ("file", "folder", "user", "host"):
        assert site.ask("GET", volume + "/access/top?by=" + by)["items"], by
    assert sum(h["reads"] for h in site.ask("GET", volume + "/access/hours?folder=/a")["items"]) == 3
    site.ask("GET", volume + "/access/top?by=colour", status=400)
    site.ask("GET", volume + "/access/hours?from=2020-01-01T00:00:00Z", status=400)
    site.ask("GET", A + "/volumes/%s/access" % site.volume["id"], status=409)
    plan = site.ask("POST", A + "/plan", {"volume_id": v["id"], "where": "accessed older than 90d"})
    assert plan["access_record"]["complete"] and plan["held_for_access_record"]["files"] == 0, plan
    site.ask("POST", A + "/rules/preview", {"volume_id": v["id"], "where": "accessed older than 90d"})
    why = site.ask("GET", volume + "/why?path_b64=" + urllib.parse.quote(rows[0]["target_b64"]))
    assert why["access_record"]["state"] == "live" and why["file"]["accessed_source"] == "audit", why


def test_audit_figures_series():
    site.ask("GET", A + "/audit?limit=200&count=true")
    site.ask("GET", A + "/audit?act=rule.create")
    assert site.ask("GET", A + "/audit/verify")["ok"]
    assert site.ask("GET", A + "/audit/verify?customer_id=" + site.host["customer_id"])["ok"]
    end = time.monotonic() + 10
    mine = A + "/figures?volume_id=" + site.volume["id"]
    while (figures := site.ask("GET", mine))["files"] == 0 and time.monotonic() < end:
        time.sleep(0.2)  # they follow a scan within moments
    assert figures["files"] == 3 and figures["bytes"] == 50004109, figures
    site.ask("GET", A + "/figures")
    assert site.ask("GET", A + "/series?metric=files")["points"]
    site.ask("GET", A + "/series?metric=tiered_files&step_s=3600&customer_id=" + site.host["customer_id"])
    site.ask("GET", A + "/health")
    site.ask("GET", "/metrics")


def test_search():
    everything = site.ask("GET", A + "/search?q=o&limit=50")["groups"]
    assert [g["kind"] for g in everything] == ["customer", "host", "share", "volume", "rule", "job", "user", "file"], everything
    assert all(g["items"] for g in everything if g["kind"] not in ("customer", "user")), everything
    assert site.ask("GET", A + "/search?kinds=customer&q=acme")["groups"][0]["items"][0]["name"] == "Acme 2"
    found = site.ask("GET", A + "/search?kinds=file&q=BIG.&customer_id=" + site.host["customer_id"])["groups"]
    assert [f["file"]["path"] for f in found[0]["items"]] == ["/big.mov"], found
    assert site.ask("GET", A + "/search?kinds=host&q=" + site.host["id"])["groups"][0]["items"][0]["name"] == "server1"
    for wrong in ("", "q=", "q=" + "x" * 257, "q=x&kinds=colour", "q=x&limit=51"):
        site.ask("GET", A + "/search?" + wrong, status=400)


def test_live_events_are_nouns():
    schemas = {"job": "Job", "host": "Host", "volume": "Volume", "share": "Share", "import": "Import", "audit": "Event", "figures": "Figures",
               "access": "AccessNews"}
    connection = site.altod.connect()
    connection.request("GET", A + "/events", headers={"Authorization": "Bearer " + site.token})
    answer = connection.getresponse()
    assert answer.status == 200 and answer.headers["Content-Type"] == "text/event-stream"
    called.add("events_get")
    site.ask("PATCH", A + "/volumes/" + site.volume["id"], {"name": "projects2"}, headers=match(site.ask("GET", A + "/volumes/" + site.volume["id"])))
    site.ask("POST", A + "/volumes/%s/scan" % site.volume["id"], status=202)
    site.ask("POST", A + "/volumes/%s/imports" % site.volume["id"], {"name": "live", "size": 5}, status=201)
    batch([{"t": "access", "volume_id": site.space["id"], "rows": [{"k": "pin", "path": "a", "time_ns": 1}]}])
    seen, event = set(), None
    end = time.monotonic() + 5
    while time.monotonic() < end and not {"volume", "job", "import", "access"} <= seen:
        line = answer.fp.readline().decode().strip()
        if line.startswith("event: "):
            event = line[7:]
        elif line.startswith("data: ") and event in schemas:
            wrong = faults(json.loads(line[6:]), {"$ref": "#/components/schemas/" + schemas[event]}, event)
            undescribed.extend(w for w in wrong if w not in undescribed)
            seen.add(event)
    connection.close()
    assert {"volume", "job", "import", "access"} <= seen, seen


def test_another_customers_ids_are_not_there():
    other = site.ask("POST", A + "/customers", {"name": "Other"}, status=201)
    site.ask("POST", A + "/users", {"name": "otto", "role": "admin", "customer_id": other["id"], "password": "long enough 2"}, status=201)
    otto = site.altod.log_in("otto", "long enough 2")
    for path in ("/hosts/" + site.host["id"], "/shares/" + site.share["id"], "/volumes/" + site.volume["id"], "/rules/" + site.rule["id"],
                 "/volumes/%s/files" % site.volume["id"], "/volumes/%s/figures" % site.volume["id"], "/volumes/%s/why?path=/" % site.volume["id"],
                 "/volumes/%s/access" % site.space["id"], "/volumes/%s/access/recent" % site.space["id"],
                 "/customers/%s/costs" % site.host["customer_id"], "/customers/" + site.host["customer_id"]):
        site.ask("GET", A + path, status=404, token=otto)
    assert site.ask("GET", A + "/hosts", token=otto)["items"] == []
    found = site.ask("GET", A + "/search?q=e&limit=50", token=otto)["groups"]
    assert {h["customer"] for g in found for h in g["items"]} == {"Other"} and not any(g["more"] or g["partial"] for g in found), found
    site.ask("GET", A + "/search?q=e&customer_id=" + site.host["customer_id"], status=404, token=otto)


def test_the_end_deleting():
    site.ask("DELETE", A + "/shares/" + site.share["id"], status=409, headers=match(site.ask("GET", A + "/shares/" + site.share["id"])))
    share = site.ask("POST", A + "/shares", {"customer_id": site.host["customer_id"], "name": "spare", "url": "file:///srv/cold"}, status=201)
    site.ask("DELETE", A + "/shares/" + share["id"], status=204, headers=match(share))
    volume = site.ask("POST", A + "/volumes", {"host_id": site.host["id"], "name": "spare", "path": "/srv/spare"}, status=201)
    site.ask("DELETE", A + "/volumes/" + volume["id"], status=204, headers=match(volume))
    h = enrol()
    host = site.ask("GET", A + "/hosts/" + h["host_id"])
    site.ask("DELETE", A + "/hosts/" + host["id"], status=204, headers=match(host))
    site.ask("DELETE", A + "/session", status=204)


def test_every_answer_was_as_described():
    assert not undescribed, "\n".join(undescribed)


def test_every_operation_was_called():
    all_ops = {op["operationId"] for item in DOC["paths"].values() for m, op in item.items() if m in ("get", "post", "put", "patch", "delete")}
    assert not all_ops - called, "never called: %s" % sorted(all_ops - called)
    assert site.altod.stop() == 0, site.altod.err


run_all(globals())
