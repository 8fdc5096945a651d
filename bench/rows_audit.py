"""Rows about LucidLink's audit logs: the parser alone beside simdjson, and the way of a line from the file to the inventory, through a real agent and altod on a FUSE mount."""
import os
import random
import sys
import time

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path[:0] = [os.path.join(HERE, "../test/lib"), os.path.join(HERE, "../tools/filespace")]
import bulk  # noqa: E402
import history  # noqa: E402
from filespace import Site, microseconds, path_of  # noqa: E402
from lab import BUILD, Failure, run, settle, tool, wait_for  # noqa: E402
from report import Figure, median  # noqa: E402

US = 1000000
LIST = """copy (select format('/Shows/Ep {}/{}/cut_v{}.mov', 101 + i // 1200, ['cam A', 'audio', 'proxies', 'renders'][(i // 300) %% 4 + 1], i) path,
 1000000 + (i * 7919) %% 90000000 size, '2024-03-04T05:06:07Z' modified from range(%d) t(i)) to '%s' (format parquet)"""


def parsed(name, path, rounds):
    """(GB/s of each round, events, hash)"""
    rows = [line.split() for line in tool(name, path, str(rounds)).splitlines()]
    return [os.path.getsize(path) / float(r[2]) / 1e9 for r in rows], rows[0][0], rows[0][1]


def parse(b):
    path = b.lab.path("audit.log")
    bulk.one_file(path, b.o.log_mib << 20)
    settle()
    mine, count, value = parsed("parse_audit", path, b.o.rounds)
    if not os.path.exists(os.path.join(BUILD, "bench", "parse_audit_peer")):
        raise Failure("simdjson is not here (tools/deps.sh bench), so there is no peer")
    peer, peer_count, peer_value = parsed("parse_audit_peer", path, b.o.rounds)
    if (count, value) != (peer_count, peer_value):
        raise Failure("the peer read %s events and %s, not %s and %s" % (peer_count, peer_value, count, value))
    yield Figure("audit_parse", mine, "GB/s", "simdjson iterate_many", peer, 0.8, goal=1.2, note="%s events; one core, the peer two threads" % count)
    os.unlink(path)


PICKED = 50  # files that are asked for: a question takes some 8 ms, which counts


class Rig(Site):
    """With a gate, as hosts have one: an agent that starts waits three seconds for one that is not there."""

    def __init__(self, folder):
        super().__init__(folder)
        self.start_gate()
        self.start()

    def start_agent(self, *extra):
        self.spawn("alto-agent", "run", "--state", self.path("agent"), "--gate-socket", self.socket, *extra)

    def stop(self, remove=False):
        self.end("alto-agent")
        self.end("alto-gate")
        super().stop(remove)

    def known(self, volume, path):
        folder, name = path.rsplit("/", 1)
        page = self.api.get("/volumes/%s/files?path=%s&q=%s&limit=5" % (volume["id"], folder.replace(" ", "%20"), name))
        return next((microseconds(i["accessed_at"]) for i in page["items"] if i["name"] == name), None)

    def cpu_s(self, name):
        with open("/proc/%d/stat" % self.children[name].pid) as f:
            fields = f.read().rsplit(")", 1)[1].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")

    def resident_mib(self, name):
        with open("/proc/%d/status" % self.children[name].pid) as f:
            return next(int(line.split()[1]) for line in f if line.startswith("VmRSS")) / 1024


def events(b):
    """A list of so many files is imported; then logs that were written before the agent looked, all of known files. Over when each of some files picked at random has its
    last access."""
    rig = Rig(b.lab.path("audit-events"))
    try:
        path = b.lab.path("files.parquet")
        tool("duck", "", LIST % (b.o.inventory, path))
        space, files = rig.filespace("filespace"), min(b.o.inventory, 200000)
        now = time.time_ns() // 1000
        last = bulk.backlog(space.back, now - 10 * history.DAY, now - 60 * US, b.o.events, 50, files=files)
        rig.end("alto-agent")
        volume = rig.add_volume("filespace")
        alto_import(rig, volume, path)
        os.unlink(path)
        told = sum(1 for _ in open_lines(space.back))
        picked = random.Random(5).sample([x for x in last if x[1]], PICKED)
        settle()
        began, agent, server = time.monotonic(), 0.0, rig.cpu_s("altod")
        rig.start_agent()
        for name, us in picked:
            wait_for("the last access of %s" % name, lambda: rig.known(volume, name) == us, 900)
        took = time.monotonic() - began
        agent, server = rig.cpu_s("alto-agent"), rig.cpu_s("altod") - server
        yield Figure("audit_events", [told / took], "events/s", "wanted", [500000.0], 1.0, note="%d events into %d files in %.1f s; processor: agent %.1f s, altod %.1f s" % (
            told, b.o.inventory, took, agent, server))
    finally:
        rig.stop(remove=True)


def open_lines(root):
    for base, _, names in os.walk(os.path.join(root, ".lucid_audit")):
        for name in names:
            with open(os.path.join(base, name), "rb") as f:
                yield from f


def alto_import(rig, volume, path):
    env = dict(os.environ, HOME=rig.path("home"))
    os.makedirs(rig.path("home"), exist_ok=True)
    alto = [os.path.join(BUILD, "src/cli/alto"), "--server", rig.api.url]
    run(*alto, "login", "admin", "--password-file", rig.path("admin-password"), env=env)
    run(*alto, "import", volume["name"], path, "--root", "/", "--wait", env=env)


def rest(b):
    """Two hundred clients with a log open each, many thousand old ones, all read: the way of a new line, and what it costs to wait for one."""
    rig = Rig(b.lab.path("audit-rest"))
    try:
        space, now = rig.filespace("filespace"), time.time_ns() // 1000
        old = bulk.old_files(space.back, b.o.old_logs, b.o.audit_nodes, now - history.DAY)
        bulk.backlog(space.back, now - history.HOUR, now - history.HOUR // 3, b.o.audit_nodes * 100, b.o.audit_nodes, files=2000)
        volume = rig.add_volume("filespace")
        wait_for("all to be read", lambda: (lambda r: r["complete"] and r["files"] >= old and r["behind_bytes"] == 0)(rig.record(volume)), 600)
        client = bulk.clients(7, 1)[0]
        log = next(os.path.join(base, n) for base, _, names in os.walk(os.path.join(space.back, ".lucid_audit", client.node)) for n in names if n.endswith(".active"))
        took, choice = [], random.Random(3)
        for n in range(20):
            path, began = "/Shows/Ep 101/cam A/new line %d.mov" % n, time.monotonic()
            with open(log, "ab") as out:
                out.write(client.line(time.time_ns() // 1000, "FileRead", path))
            wait_for("the line", lambda: any(path_of(r) == path for r in rig.api.get("/volumes/%s/access/recent?limit=5" % volume["id"])["items"]), 60)
            took.append(time.monotonic() - began)
            time.sleep(choice.random())
        what = "%d clients, %d old logs" % (b.o.audit_nodes, old)
        yield Figure("audit_new_line", took, "s", "limit", [2.0], 1.0, ratio=2.0 / median(took), note=what)
        time.sleep(min(30, b.o.rest_seconds))
        cpu, began = rig.cpu_s("alto-agent"), time.monotonic()
        time.sleep(b.o.rest_seconds)
        share = 100 * (rig.cpu_s("alto-agent") - cpu) / (time.monotonic() - began)
        yield Figure("audit_rest_processor", [share], "% of a core", "limit", [1.0], 1.0, ratio=1.0 / max(share, 0.001), note=what)
        mib = rig.resident_mib("alto-agent")
        yield Figure("audit_rest_resident", [mib], "MiB", "limit", [20.0], 1.0, ratio=20.0 / mib, note="the whole agent")
    finally:
        rig.stop(remove=True)


ROWS = {"audit-parse": parse, "audit-events": events, "audit-rest": rest}
