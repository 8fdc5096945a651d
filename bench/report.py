"""What the bench found: lines for scripts, JSON, and a table in Markdown with the machine it was found on."""
import json
import os
import platform
import re
import shutil
import statistics
import subprocess

ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))


def median(values):
    return statistics.median(values)


class Figure:
    """One comparison. ratio above `wanted` is good; values are all rounds' figures in `unit`, so that the spread can be told."""

    def __init__(self, name, values, unit, peer, peer_values, wanted, ratio=None, note="", goal=None):
        self.name, self.unit, self.peer, self.wanted, self.goal, self.note = name, unit, peer, wanted, goal, note
        self.values, self.peer_values = list(values), list(peer_values)
        self.value, self.peer_value = median(self.values), median(self.peer_values)
        self.ratio = self.value / self.peer_value if ratio is None else ratio

    @property
    def kept(self):
        return self.wanted is None or self.ratio >= self.wanted

    def line(self):
        return "%s\t%.1f\t%s\t%s\t%.1f\t%.2f" % (self.name, self.value, self.unit, self.peer, self.peer_value, self.ratio)

    def record(self):
        return {"name": self.name, "value": self.value, "values": self.values, "unit": self.unit, "peer": self.peer, "peer_value": self.peer_value,
                "peer_values": self.peer_values, "ratio": self.ratio, "wanted": self.wanted, "goal": self.goal, "kept": self.kept, "note": self.note}


def said(*command):
    if shutil.which(command[0]) is None:
        return ""
    done = subprocess.run(command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
    return done.stdout.decode("utf-8", "replace").strip()


def package(name):
    return said("dpkg-query", "-W", "-f", "${Version}", name) if said("dpkg-query", "-W", "-f", "${db:Status-Status}", name) == "installed" else ""


def first(path, pattern, default=""):
    try:
        found = re.search(pattern, open(path).read(), re.M)
    except OSError:
        return default
    return found.group(1).strip() if found else default


def filesystem(path):
    return said("findmnt", "-n", "-o", "FSTYPE,SOURCE", "-T", path)


def machine(folder):
    kib = int(first("/proc/meminfo", r"MemTotal:\s+(\d+)", "0"))
    facts = {
        "processor": "%d x %s" % (os.cpu_count(), first("/proc/cpuinfo", r"model name\s*:\s*(.*)")),
        "memory_gib": round(kib / (1 << 20), 1),
        "kernel": platform.release(),
        "system": first("/etc/os-release", r'PRETTY_NAME="([^"]*)"'),
        "filesystem": filesystem(folder),
        "load_at_begin": os.getloadavg()[0],
        "alto": said("git", "-C", ROOT, "describe", "--always", "--dirty"),
        "versions": {},
    }
    versions = {
        "smbd": re.sub(r"^Version ", "", said("smbd", "--version")), "smbclient": re.sub(r"^Version ", "", said("smbclient", "--version")),
        "rclone": said("rclone", "version").split("\n")[0].replace("rclone ", ""), "find": said("find", "--version").split("\n")[0].split()[-1:],
        "wrk": package("wrk"), "node": said("node", "--version"), "gcc": said("gcc", "-dumpfullversion"), "libmicrohttpd": package("libmicrohttpd12"),
        "sqlite": package("libsqlite3-0")}
    facts["versions"] = {k: (v[0] if isinstance(v, list) and v else v) for k, v in versions.items() if v}
    return facts


def markdown(facts, figures, took):
    lines = ["%s, %s GiB, %s, kernel %s; files on %s (loop images of XFS for volumes). Load at the beginning %.2f. Took %d min %02d s." % (
        facts["processor"], facts["memory_gib"], facts["system"], facts["kernel"], facts["filesystem"].split()[0] if facts["filesystem"] else "?",
        facts["load_at_begin"], took // 60, took % 60),
        "Versions: %s; Alto %s." % (", ".join("%s %s" % x for x in sorted(facts["versions"].items())), facts["alto"]), "",
        "| Work | Alto | Peer | Ratio | Wanted | Lowest to highest round |", "|---|---|---|---|---|---|"]
    for f in figures:
        wanted = "" if f.wanted is None else "%.2f%s %s" % (f.wanted, " (goal %.1f)" % f.goal if f.goal else "", "kept" if f.kept else "**not kept**")
        spread = "%.1f to %.1f" % (min(f.values), max(f.values)) + (
            "; peer %.1f to %.1f" % (min(f.peer_values), max(f.peer_values)) if len(f.peer_values) > 1 else "")
        lines.append("| %s | %.1f %s | %s: %.1f | %.2f | %s | %s |" % (
            f.name.replace("_", " "), f.value, f.unit, f.peer, f.peer_value, f.ratio, wanted, spread + ("; " + f.note if f.note else "")))
    return "\n".join(lines) + "\n"


def write(path, text):
    with open(path, "w") as out:
        out.write(text)


def as_json(facts, figures, took):
    return json.dumps({"machine": facts, "seconds": round(took, 1), "figures": [f.record() for f in figures]}, indent=1) + "\n"
