"""A small tree such as a media company's project volume: old and new files of several kinds and sizes, the same bytes every time."""
import hashlib
import os
import time

DAY = 86400


def content(seed, size):
    """Reproducible bytes that do not compress: a hash chain, in pieces."""
    out, at = bytearray(), hashlib.sha256(seed.encode()).digest()
    while len(out) < size:
        at = hashlib.sha256(at).digest()
        out += at * 64
    return bytes(out[:size])


FILES = [  # path, bytes, age in days
    ("Active/Storyboard v7.pdf", 900_000, 2), ("Active/Edit/cut-12.mov", 24_000_000, 1), ("Active/Edit/cut-11.mov", 22_000_000, 9),
    ("Active/Budget 2026.xlsx", 64_000, 3), ("Archive/2023/Harbour/master.mov", 48_000_000, 900), ("Archive/2023/Harbour/proxy.mp4", 6_000_000, 900),
    ("Archive/2023/Harbour/sound/mix.wav", 12_000_000, 880), ("Archive/2023/Harbour/notes.txt", 2_100, 880),
    ("Archive/2024/North/master.mov", 36_000_000, 500), ("Archive/2024/North/grade.cube", 700_000, 500),
    ("Archive/2024/North/Schnittliste größte.csv", 150_000, 480), ("Documents/Contracts/2022-07 Lease.pdf", 1_400_000, 1200),
    ("Documents/Contracts/2025-01 Lease.pdf", 1_500_000, 300), ("Documents/Handbook.pdf", 5_200_000, 45),
    ("Scans/empty.tif", 0, 700), ("Scans/one byte.bin", 1, 700),
] + [("Scans/2022/page %03d.tif" % n, 120_000 + 977 * n, 1000 + n) for n in range(120)] + [
    ("Photos/2021/IMG_%04d.jpg" % n, 300_000 + 1313 * n, 1500 - n) for n in range(120)] + [
    ("Photos/new/IMG_%04d.jpg" % n, 280_000 + 1013 * n, n % 14) for n in range(60)]


def make(root):
    now = time.time()
    for path, size, age in FILES:
        full = os.path.join(root, path)
        os.makedirs(os.path.dirname(full), exist_ok=True)
        with open(full, "wb") as out:
            out.write(content(path, size))
        os.utime(full, (now - age * DAY, now - age * DAY))
    with open(os.path.join(root, "Active/readme.md"), "w") as out:
        out.write("# Projects\n\nOld files here may be stubs. Open one: it comes back.\n")
    os.sync()


def expected(path):
    """The bytes a file of the sample must have."""
    return next(content(p, size) for p, size, _ in FILES if p == path)
