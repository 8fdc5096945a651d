"""A page of 50 rows out of a million, 64 connections: altod's file list beside Express 5 with better-sqlite3 on the same rows, loaded by wrk.

Two loads, each after a run that is not counted: the first page over and over, and pages from anywhere in the list (512 cursors, one after the other)."""
import json
import os
import re
import shutil
import socket
import subprocess
import urllib.request

from lab import Failure
from report import Figure, median

HERE = os.path.dirname(os.path.abspath(__file__))
PEER = os.path.join(HERE, "../build/bench-express")
CONNECTIONS = 64
PLACES = 512

# wrk takes the path of each request from a file of paths, in turn.
SCRIPT = """
local paths, at = {}, 0
for line in io.lines("%s") do paths[#paths + 1] = line end
request = function()
  at = at %% #paths + 1
  return wrk.format("GET", paths[at])
end
"""


def wrk(base, script, seconds, token=None):
    """(requests a second, p99 in ms)."""
    command = ["wrk", "-t1", "-c%d" % CONNECTIONS, "-d%ds" % seconds, "--timeout", "30s", "--latency", "-s", script]
    if token:
        command += ["-H", "Authorization: Bearer " + token]
    text = subprocess.run(command + [base], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, check=True).stdout.decode()
    if "Non-2xx" in text or "Socket errors" in text:
        raise Failure("wrk got errors from %s: %s" % (base, text[-300:]))
    rate = float(re.search(r"Requests/sec:\s*([\d.]+)", text).group(1))
    number, unit = re.search(r"99%\s+([\d.]+)(us|ms|s)", text).groups()
    return rate, float(number) * {"us": 0.001, "ms": 1, "s": 1000}[unit]


def free_port():
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


def install():
    """npm under its lock file. better-sqlite3 is compiled here, with the headers of the distribution's node where they are installed."""
    os.makedirs(PEER, exist_ok=True)
    changed = False
    for name in ("package.json", "package-lock.json", "server.mjs"):
        with open(os.path.join(HERE, "express", name), "rb") as f:
            text = f.read()
        to = os.path.join(PEER, name)
        if not os.path.exists(to) or open(to, "rb").read() != text:
            changed = changed or name != "server.mjs"
            with open(to, "wb") as out:
                out.write(text)
    if changed or not os.path.exists(os.path.join(PEER, "node_modules/better-sqlite3/build/Release/better_sqlite3.node")):
        env = dict(os.environ, npm_config_build_from_source="true")
        if os.path.exists("/usr/include/node/node.h"):
            env["npm_config_nodedir"] = "/usr"
        done = subprocess.run(["npm", "ci", "--no-audit", "--no-fund"], cwd=PEER, env=env, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
        if done.returncode != 0:
            raise Failure("npm could not install the peer: " + done.stdout.decode("utf-8", "replace")[-400:])


def rows_for_peer(b, path):
    """The same rows as altod serves, as JSON lines that the peer loads into SQLite."""
    with open(path, "w") as out:
        for d in range(b.o.entries // 1000):
            for i in range(999):
                out.write(json.dumps(["/%03d/%05d/file %04d.dat" % (d // 100, d, i), "file %04d.dat" % i, 0, 0o644]) + "\n")


def page(base, path, token=None):
    request = urllib.request.Request(base + path, headers={"Authorization": "Bearer " + token} if token else {})
    with urllib.request.urlopen(request) as reply:
        return json.load(reply)


def places(b, first):
    """Paths of altod's pages that lie evenly in the whole list. A cursor names the row it stands behind, so the lists of single folders give them."""
    folders = b.o.entries // 1000
    step = max(1, folders // PLACES)
    found = [page(b.lab.api.url, first.replace("path=/&", "path=/%03d/%05d&" % (d // 100, d)), b.lab.api.token)["next_cursor"] for d in range(0, folders, step)]
    return [first + "&cursor=" + cursor for cursor in found]


def peer_places(b, first):
    """The same places at the peer, whose cursor is the number of the row."""
    folders = b.o.entries // 1000
    return [first + "&cursor=%d" % (d * 999 + 50) for d in range(0, folders, max(1, folders // PLACES))]


def script_of(b, name, paths):
    listed = b.lab.path(name + ".paths")
    with open(listed, "w") as out:
        # In an order that jumps about, the same for both.
        out.write("\n".join(paths[i * 197 % len(paths)] for i in range(len(paths))) + "\n")
    with open(b.lab.path(name + ".lua"), "w") as out:
        out.write(SCRIPT % listed)
    return b.lab.path(name + ".lua")


def compare(b):
    for need in ("wrk", "node", "npm"):
        if shutil.which(need) is None:
            raise Failure("%s is missing: run tools/deps.sh bench" % need)
    api, volume = b.lab.api, b.lab.many
    first, peer_first = "/api/v1/volumes/%s/files?path=/&recursive=true&limit=50" % volume["id"], "/files?limit=50"
    install()
    lines = b.lab.path("rows.jsonl")
    rows_for_peer(b, lines)
    port = free_port()
    peer_base = "http://127.0.0.1:%d" % port
    log = open(b.lab.path("express.log"), "wb")
    peer = subprocess.Popen(["node", "server.mjs", lines, b.lab.path("peer.sqlite"), str(port)], cwd=PEER, stdout=subprocess.PIPE, stderr=log)
    t = {}
    try:
        if peer.stdout.readline().strip() != b"ready":
            raise Failure("the peer did not start: " + open(b.lab.path("express.log")).read()[-300:])
        for base, path, token in ((api.url, first, api.token), (peer_base, peer_first, None)):
            if len(page(base, path, token)["items"]) != 50:
                raise Failure("a page has not 50 rows")
        mine_any, peer_any = places(b, first), peer_places(b, peer_first)
        one, other = page(api.url, mine_any[-1], api.token)["items"], page(peer_base, peer_any[-1])["items"]
        if [x["path"] for x in one] != [x["path"] for x in other]:
            raise Failure("the two give other rows for the same place: %s and %s" % (one[0]["path"], other[0]["path"]))
        loads = {"first": (script_of(b, "mine-first", [first]), script_of(b, "peer-first", [peer_first])),
                 "any": (script_of(b, "mine-any", mine_any), script_of(b, "peer-any", peer_any))}
        for load, (mine, theirs) in loads.items():
            t[load] = ([], [])
            for base, script, token in ((api.url, mine, api.token), (peer_base, theirs, None)):  # both warm, not counted
                wrk(base, script, 2 * b.o.wrk_seconds, token)
            for _ in range(b.o.rounds):
                t[load][0].append(wrk(api.url, mine, b.o.wrk_seconds, api.token))
                t[load][1].append(wrk(peer_base, theirs, b.o.wrk_seconds))
    finally:
        peer.kill()
        peer.wait()
        log.close()
    name = "Express 5 + better-sqlite3"
    for load, row in (("first", "api_page_of_50"), ("any", "api_page_of_50_anywhere")):
        mine, theirs = t[load]
        yield Figure(row, [r for r, _ in mine], "requests/s", name, [r for r, _ in theirs], 5.0, goal=10.0)
        p99 = [p for _, p in mine]
        yield Figure(row + "_p99", p99, "ms", "limit", [20.0], 1.0, ratio=20 / median(p99), note="the peer's is %.0f ms" % median([p for _, p in theirs]))
