#!/usr/bin/python3
"""make_list.py KIND FILE: a list of some 3,000 files as the program KIND would export it, the same every time, with a few rows that make no
sense where the kind can have them."""
import base64
import csv
import gzip
import random
import subprocess
import sys

kind, out = sys.argv[1:]
r = random.Random(kind)
WORDS = ["report", "Größe", "IMG", "a b", "x, y", "semi;colon", "quote\"d", "tab\there", "日本", "naïve"]


def tree(windows, newline=False):
    """(parts, type, size, mtime), folders before what lies in them."""
    folders, seen = [()], set()
    for i in range(300):
        parent = r.choice(folders)
        if len(parent) < 8:
            folders.append(parent + ("%s %d" % (r.choice(["dir", "Ordner", "data"]), i),))
            yield folders[-1], "d", 0, 1600000000 + i
        for k in range(r.randrange(25)):
            word = r.choice(WORDS)
            if windows:
                word = word.replace("\"", "'").replace("\t", " ")
            name = "%s_%d_%d.%s" % (word, i, k, r.choice(["txt", "MOV", "pdf"]))
            if newline and k == 3:
                name = "two\nlines_%d_%d" % (i, k)
            yield parent + (name,), "f", r.randrange(10 ** r.randrange(1, 12)), 1500000000 + r.randrange(200000000)


def find(sep, end, blanks=False):
    with open(out, "wb") as f:
        for parts, t, size, mtime in tree(False, end == b"\0"):
            cells = [t, str(size if t == "f" else 4096), "%d.%010d" % (mtime, r.randrange(10 ** 9)), "/".join(("/srv/data",) + parts)]
            f.write(sep.join(cells).encode() + end)


def windows_date(t):
    d = __import__("datetime").datetime.fromtimestamp(t, __import__("datetime").timezone.utc)
    return d.strftime("%m/%d/%Y %I:%M:%S %p").lstrip("0")


def powershell(encoding):
    with open(out, "w", newline="", encoding=encoding) as f:
        f.write("#TYPE System.IO.DirectoryInfo\r\n")
        w = csv.writer(f, quoting=csv.QUOTE_ALL)
        w.writerow(["PSIsContainer", "FullName", "Length", "LastWriteTime", "LastAccessTime", "Attributes"])
        for n, (parts, t, size, mtime) in enumerate(tree(True)):
            bad = n % 500 == 499
            w.writerow([str(t == "d"), "\\".join(("D:\\Data",) + parts), "x" if bad and t == "f" else "" if t == "d" else size, windows_date(mtime),
                        windows_date(mtime + 5), "Directory" if t == "d" else "Archive, ReadOnly"])


def treesize():
    with open(out, "w", newline="", encoding="utf-8-sig") as f:
        f.write("TreeSize Report, 5/2/2024\r\n\r\n")
        w = csv.writer(f, delimiter=";")
        w.writerow(["Full Path", "Size", "Allocated", "% of Parent", "Last Modified", "Owner"])
        for parts, t, size, mtime in tree(True):
            path = "\\".join(("\\\\nas\\share",) + parts) + ("\\" if t == "d" else "")
            w.writerow([path, "{:,} Bytes".format(size).replace(",", "."), "1,5 GB", "1,5 %",
                        __import__("datetime").datetime.fromtimestamp(mtime, __import__("datetime").timezone.utc).strftime("%d.%m.%Y %H:%M"), "alice"])


def windirstat():
    with open(out, "w", newline="", encoding="utf-8") as f:
        f.write(",".join('"%s"' % c for c in ["Name", "Files", "Folders", "Logical Size", "Physical Size", "Attributes", "Last Change",
                                              "WinDirStat Attributes", "Index"]))
        for parts, t, size, mtime in tree(True):
            date = __import__("datetime").datetime.fromtimestamp(mtime, __import__("datetime").timezone.utc).strftime("%Y-%m-%dT%H:%M:%SZ")
            f.write('\r\n"%s",0,0,%d,%d,"%s",%s,0x%08X,0x0' % ("\\".join(("E:",) + parts), size, size, "RA" if t == "f" else "", date, 4 if t == "f" else 3))
        f.write('\r\n"E:\\<Free Space>",0,0,5,5,"",2024-05-01T13:45:10Z,0x00000006,0x0')


def alto():
    with open(out, "w", newline="", encoding="utf-8", errors="surrogateescape") as f:
        w = csv.writer(f)
        w.writerow("path path_b64 type size allocated modified accessed accessed_source created owner mode attributes inode links state object_id reason".split())
        for n, (parts, t, size, mtime) in enumerate(tree(False)):
            path = "/" + "/".join(parts)
            raw = path.encode() + b"\xff" if n % 7 == 0 and t == "f" else path.encode()
            w.writerow(["" if raw != path.encode() else path, base64.b64encode(raw).decode() if raw != path.encode() else "", "folder" if t == "d" else "file",
                        size, size, "2024-05-01T13:45:10Z", "", "walk", "", "alice", "0644", "", n, 1, "stub", "01hx0000000000000000000000", ""])


def quoted():
    with open(out, "w", newline="", encoding="utf-8") as f:
        w = csv.writer(f)
        w.writerow(["path", "size", "type"])
        for parts, t, size, mtime in tree(False, True):
            w.writerow(["/" + "/".join(parts), size, t])


def packed(command):
    find("\t", b"\n")
    subprocess.run(command, check=True)


{"find-tabs": lambda: find("\t", b"\n"), "find-nul": lambda: find("\t", b"\0"), "find-blanks": lambda: find(" ", b"\n", True),
 "powershell": lambda: powershell("utf-8-sig"), "powershell-utf16": lambda: powershell("utf-16"), "treesize": treesize, "windirstat": windirstat,
 "alto": alto, "quoted": quoted, "gzip": lambda: packed(["sh", "-c", "gzip -c '%s' >'%s.gz' && mv '%s.gz' '%s'" % (out, out, out, out)]),
 "zstd": lambda: packed(["sh", "-c", "zstd -q -f '%s' -o '%s.zst' && mv '%s.zst' '%s'" % (out, out, out, out)])}[kind]()
