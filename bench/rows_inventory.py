"""Rows about the inventory alone: figures, plans, outcomes, disk. bench/inventory_bench fills a volume through scans and asks; its peer is SQL written by
hand over the very tables, in the same DuckDB with the same memory and threads."""
import os
import shutil
import subprocess
import time

from lab import BUILD, Failure, settle, tool
from report import Figure, median
from rows import PARQUET

FIGURES = ("age", "modified", "size", "ext", "owner", "hottest", "coldest", "duplicates", "largest")


def bench(*arguments, program="inventory_bench"):
    """(name to values, greatest resident MiB)"""
    child = subprocess.Popen([os.path.join(BUILD, "bench", program), *arguments], stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    out, said = child.stdout.read().decode(), child.stderr.read().decode()
    _, status, usage = os.wait4(child.pid, 0)
    child.returncode = os.waitstatus_to_exitcode(status)
    if child.returncode != 0:
        raise Failure(program + ": " + said[-400:])
    said = {}
    for name, *values in (line.split("\t") for line in out.splitlines()):
        said.setdefault(name, []).extend(float(v) for v in values)
    return said, usage.ru_maxrss / 1024


def within(name, seconds, limit_ms, note=""):
    ms = [s * 1000 for s in seconds]
    return Figure(name, ms, "ms", "limit", [limit_ms], 1.0, ratio=limit_ms / max(median(ms), 0.001), note=note)


def filled(b, entries, scans):
    folder = b.lab.path("inventory-%d" % entries)
    shutil.rmtree(folder, ignore_errors=True)
    os.makedirs(folder)
    fill, mib = bench("fill", folder, str(entries), str(scans))
    settle()
    return folder, fill, mib


def inventory(b):
    n, rounds = b.o.inventory, str(b.o.rounds)
    folder, fill, mib = filled(b, n, 2)
    entries = fill["fill_entries"][0]
    for i, scan in enumerate(("first", "second")):
        size = fill["fill_bytes"][i] / fill["fill_entries"][i]
        yield Figure("inventory_disk" + ("" if i == 0 else "_again"), [size], "bytes an entry", "limit", [60.0], 1.0, ratio=60 / size, note="after the %s scan" % scan)
    yield Figure("inventory_merge", [entries / fill["fill_merge"][0]], "entries/s", "packing and keeping them", [entries / fill["fill_keep"][0]], None,
                 note="%d MiB resident at most" % mib)
    peer, _ = bench("peer", folder, rounds)
    ask, mib = bench("ask", folder, rounds)
    for name in FIGURES:
        yield within("figure_" + name, ask["figure_" + name], 300)
    yield Figure("figures_all_at_once", [s * 1000 for s in ask["figures_all"]], "ms", "each alone", [1000 * sum(median(ask["figure_" + f]) for f in FIGURES)], None)
    yield within("figures_of_a_folder", ask["figures_all_of_a_project"], 300, "all nine, below one of %d folders" % (entries / 10000))
    yield within("tree_page", ask["tree_root"], 100)
    yield within("tree_page_deeper", ask["tree_project"], 100)
    for name in ("five_terms", "path", "glob", "like"):
        yield within("count_" + name, ask["count_" + name], 200)
    rate = [entries / s for s in ask["first_100000"]]
    yield Figure("plan_first_100000_in_order", rate, "entries/s", "DuckDB, SQL by hand", [entries / s for s in peer["first_100000"]], 1 / 1.3,
                 note="%d rows" % ask["first_rows"][0])
    yield Figure("plan_five_terms", [entries / s for s in ask["plan"]], "entries/s", "goal", [30e6], None, goal=1.0, note="sums, refusals, folders and sample")
    yield Figure("plan_everything", [entries / s for s in ask["plan_everything"]], "entries/s", "goal", [30e6], None, goal=1.0)
    if "apply_100000" in ask:
        yield Figure("outcomes_100", [v * 1000 for v in ask["apply_100"]], "ms", "100,000", [v * 1000 for v in ask["apply_100000"]], None)
        yield within("outcomes_100000", ask["apply_100000"], 2000)
    yield Figure("inventory_resident", [mib], "MiB", "limit", [2048.0], 1.0, ratio=2048 / mib)
    shutil.rmtree(folder)
    if b.o.big:
        yield from big(b, ask, entries)


def big(b, small, entries):
    """Ten times as many: what took t may take 11 t. Each question in a process of its own, so that the memory is that of a plan."""
    folder, fill, fill_mib = filled(b, 10 * b.o.inventory, 1)
    most = 0
    for name in ("first_100000", "plan"):
        ask, mib = bench("ask", folder, "3", name)
        most = max(most, mib)
        limit = 11 * median(small[name])
        yield Figure("big_" + name, ask[name], "s", "11 x of a tenth", [limit], 1.0, ratio=limit / median(ask[name]))
        limit = 11 * median(small[name + "_cpu"])
        yield Figure("big_" + name + "_processor", ask[name + "_cpu"], "s", "11 x of a tenth", [limit], None, ratio=limit / median(ask[name + "_cpu"]))
    yield Figure("big_plan_resident", [most], "MiB", "limit", [2048.0], 1.0, ratio=2048 / most, note="%d entries" % fill["fill_entries"][0])
    ask, mib = bench("ask", folder, "1", "apply_100000")
    yield Figure("big_resident", [max(mib, fill_mib)], "MiB", "of a plan", [most], None, note="merging %d, 100,000 outcomes %d" % (fill_mib, mib))
    shutil.rmtree(folder)


# What can be asked of any volume.
ASKED = tuple("figure_" + f for f in FIGURES) + ("tree_root", "count_five_terms", "count_glob", "count_like", "plan", "plan_everything", "first_100000")


def imported(b):
    """A list of Parquet through the engine that altod uses, and then its plan and figures: with --big ten times as many rows. The list is made first, and
    its CSV removed, so that the disk holds a list and a volume at a time: 16 GB with 100,000,000 rows."""
    rows = b.o.list_rows * (10 if b.o.big else 1)
    csv, parquet, folder = (b.lab.path("imported" + what) for what in (".csv", ".parquet", ""))
    tool("make_inventory", csv, str(rows))
    tool("duck", "", PARQUET % (csv, parquet))
    os.unlink(csv)
    shutil.rmtree(folder, ignore_errors=True)
    settle()
    began = time.monotonic()
    child = subprocess.Popen([os.path.join(BUILD, "bench", "import_file"), folder, parquet], stdout=subprocess.PIPE)
    out = child.stdout.read().decode()
    _, status, usage = os.wait4(child.pid, 0)
    child.returncode = os.waitstatus_to_exitcode(status)
    took = time.monotonic() - began
    if child.returncode != 0 or " rows %d refused 0 " % rows not in out:
        raise Failure("the import has another number of rows: " + out[:400])
    os.unlink(parquet)
    yield Figure("imported", [rows / took], "rows/s", "processor", [rows / (usage.ru_utime + usage.ru_stime)], None, note="%d rows in %.1f s, %d MiB resident at most" % (
        rows, took, usage.ru_maxrss / 1024))
    size = int(out.split()[-1]) / rows
    yield Figure("imported_disk", [size], "bytes an entry", "limit", [60.0], 1.0, ratio=60 / size)
    most = usage.ru_maxrss / 1024
    for name in ASKED:
        ask, mib = bench("ask", folder, str(b.o.rounds), name)
        most = max(most, mib)
        yield Figure("imported_" + name, [v * 1000 for v in ask[name]], "ms", "of processor", [1000 * v for v in ask[name + "_cpu"]], None, note="%d MiB resident" % mib)
    yield Figure("imported_resident", [most], "MiB", "limit", [2048.0], 1.0, ratio=2048 / most)
    shutil.rmtree(folder)


def access(b):
    """Rows of audit logs into a volume that a scan filled; the peer of the large batch is an update by hand that finds the same rows by their paths, with
    nothing remembered and no sums of folders."""
    n, rounds = b.o.inventory, str(b.o.rounds)
    folder, fill, _ = filled(b, n, 1)
    copy = b.lab.path("access-peer")
    shutil.rmtree(copy, ignore_errors=True)
    shutil.copytree(folder, copy)
    peer, _ = bench("peer", copy, str(n), rounds, program="access_bench")
    shutil.rmtree(copy)
    ask, mib = bench(folder, str(n), rounds, program="access_bench")
    yield Figure("access_rows_100000", [100000 / s for s in ask["used_100000"]], "rows/s", "SQL by hand", [100000 / s for s in peer["used_100000"]], None,
                 note="into %d entries, all over them, %d MiB resident" % (fill["fill_entries"][0], mib))
    yield Figure("access_rows_7000", [7000 / s for s in ask["used_7000"]], "rows/s", "100,000 at once", [100000 / s for s in ask["used_100000"]], None)
    yield Figure("access_200", [1000 * s for s in ask["used_200"]], "ms", "new ones in one folder", [1000 * s for s in ask["created_200"]], None)
    yield within("access_folder_moved", ask["folder_one"], 1000, "100,000 files in it")
    yield within("access_folders_moved", ask["folder_many"], 1000, "100,000 files in 1,000 folders in it")
    yield within("access_late_move", ask["late"], 1000)
    for name in ("top", "hours", "recent"):
        yield within("access_" + name, ask[name], 100)
    shutil.rmtree(folder)


ROWS = {"inventory": inventory, "imported": imported, "access": access}
