#!/usr/bin/python3
"""count_list.py KIND FILE: reads the list with Python's own means and prints what the volume must hold: files, folders, bytes, and rows to be refused."""
import base64
import csv
import gzip
import io
import re
import subprocess
import sys

kind, path = sys.argv[1:]
raw = open(path, "rb").read()
if kind == "gzip":
    raw = gzip.decompress(raw)
elif kind == "zstd":
    raw = subprocess.run(["zstd", "-dqc", path], check=True, stdout=subprocess.PIPE).stdout
files, folders, refused = {}, set(), 0


def put(parts, is_folder, size):
    for i in range(1, len(parts)):
        folders.add(tuple(parts[:i]))
    if is_folder:
        if parts:
            folders.add(tuple(parts))
    else:
        files[tuple(parts)] = size


if kind.startswith("find") or kind in ("gzip", "zstd"):
    end, sep = (b"\0" if kind == "find-nul" else b"\n"), (b" " if kind == "find-blanks" else b"\t")
    for line in raw.split(end):
        if line:
            t, size, _, p = line.split(sep, 3)
            put(p[len(b"/srv/data/"):].split(b"/"), t == b"d", int(size))
else:
    text = raw.decode("utf-16" if kind == "powershell-utf16" else "utf-8-sig", errors="surrogateescape")
    start = text.index("\n", text.index("\n") + 1) + 1 if kind == "treesize" else text.index("\n") + 1 if kind.startswith("powershell") else 0
    rows = csv.DictReader(io.StringIO(text[start:], newline=""), delimiter=";" if kind == "treesize" else ",")
    for row in rows:
        if kind.startswith("powershell"):
            if row["Length"] == "x":
                refused += 1
            else:
                put(row["FullName"][len("D:\\Data\\"):].split("\\"), row["PSIsContainer"] == "True", int(row["Length"] or 0))
        elif kind == "treesize":
            p = row["Full Path"][len("\\\\nas\\share\\"):]
            put(p.rstrip("\\").split("\\"), p.endswith("\\"), int(re.sub(r"\D", "", row["Size"])))
        elif kind == "windirstat":
            code = int(row["WinDirStat Attributes"], 16) & 15
            if code == 6:
                refused += 1
            else:
                put(row["Name"][3:].split("\\"), code == 3, int(row["Logical Size"]))
        elif kind == "alto":
            p = base64.b64decode(row["path_b64"]) if row["path_b64"] else row["path"].encode()
            put(p[1:].split(b"/"), row["type"] == "folder", int(row["size"]))
        else:
            put(row["path"][1:].split("/"), row["type"] == "d", int(row["size"]))
print(len(files), len(folders), sum(files.values()), refused)
