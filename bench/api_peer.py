"""A page of 50 rows out of a million: altod's file list beside Express 5 with better-sqlite3 on the same rows, loaded by wrk with 64 connections."""
import json
import os
import re
import socket
import statistics
import subprocess
import time
import urllib.request

HERE = os.path.dirname(os.path.abspath(__file__))
SECONDS = 5
CONNECTIONS = 64


def wrk(url, token=None):
    """(requests a second, p99 in ms)."""
    command = ["wrk", "-t1", "-c%d" % CONNECTIONS, "-d%ds" % SECONDS, "--latency"]
    if token:
        command += ["-H", "Authorization: Bearer " + token]
    text = subprocess.run(command + [url], stdout=subprocess.PIPE, check=True).stdout.decode()
    if "Non-2xx" in text:
        raise OSError("wrk got errors from %s: %s" % (url, text[-300:]))
    rate = float(re.search(r"Requests/sec:\s*([\d.]+)", text).group(1))
    number, unit = re.search(r"99%\s+([\d.]+)(us|ms|s)", text).groups()
    return rate, float(number) * {"us": 0.001, "ms": 1, "s": 1000}[unit]


def free_port():
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


def peer_install(folder):
    os.makedirs(folder, exist_ok=True)
    for name in ("package.json", "package-lock.json", "server.mjs"):
        with open(os.path.join(HERE, "express", name), "rb") as f, open(os.path.join(folder, name), "wb") as out:
            out.write(f.read())
    if not os.path.isdir(os.path.join(folder, "node_modules/better-sqlite3/build")):
        subprocess.run(["npm", "ci", "--no-audit", "--no-fund", "--build-from-source"], cwd=folder, check=True, stdout=subprocess.DEVNULL,
                       stderr=subprocess.DEVNULL)


def rows_for_peer(bench, path):
    """The same rows as altod serves, as JSON lines that the peer loads into SQLite."""
    with open(path, "w") as out:
        for d in range(bench.o.entries // 1000):
            for i in range(999):
                out.write(json.dumps(["/%03d/%05d/file %04d.dat" % (d // 100, d, i), "file %04d.dat" % i, 0, 0o644]) + "\n")


def compare(bench, row, note):
    api, volume = bench.stack.api, bench.many
    url = "%s/api/v1/volumes/%s/files?path=/&recursive=true&limit=50" % (api.url, volume["id"])
    folder = os.path.join(HERE, "../build/bench-express")
    peer_install(folder)
    lines = bench.stack.path("rows.jsonl")
    rows_for_peer(bench, lines)
    port = free_port()
    peer = subprocess.Popen(["node", "server.mjs", lines, bench.stack.path("peer.sqlite"), str(port)], cwd=folder, stdout=subprocess.PIPE)
    try:
        peer.stdout.readline()  # "ready"
        peer_url = "http://127.0.0.1:%d/files?limit=50" % port
        mine_page = json.load(urllib.request.urlopen(urllib.request.Request(url, headers={"Authorization": "Bearer " + api.token})))
        peer_page = json.load(urllib.request.urlopen(peer_url))
        if len(mine_page["items"]) != 50 or len(peer_page["items"]) != 50:
            raise OSError("a page has not 50 rows")
        mine, theirs = [], []
        for _ in range(bench.o.rounds):
            mine.append(wrk(url, api.token))
            theirs.append(wrk(peer_url))
            time.sleep(0.5)
    finally:
        peer.kill()
        peer.wait()
    mine_rate, peer_rate = (statistics.median(r for r, _ in x) for x in (mine, theirs))
    mine_p99, peer_p99 = (statistics.median(p for _, p in x) for x in (mine, theirs))
    row("api_page_of_50", mine_rate, "requests/s", "Express 5 + better-sqlite3", peer_rate, mine_rate / peer_rate)
    row("api_page_of_50_p99", mine_p99, "ms", "Express 5 + better-sqlite3", peer_p99, peer_p99 / mine_p99)
