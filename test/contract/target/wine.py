#!/usr/bin/python3
"""Runs a Windows program under Wine and does for it on the machine below what it asks for (unix.h): wine.py PROGRAM ARG...

Wine takes \\\\HOST\\SHARE for the folder $WINEPREFIX/dosdevices/unc/HOST/SHARE; the program links what it needs there."""
import os
import subprocess
import sys
import tempfile
import time


def answer(folder, name):
    path = os.path.join(folder, name)
    with open(path, "rb") as f:
        command = f.read()
    os.unlink(path)
    done = subprocess.run([b"bash", b"-c", command], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
    part, whole = path + ".part", path[: -len(".do")] + ".done"
    with open(part, "wb") as f:
        f.write(b"%d\n" % done.returncode + done.stdout)
    os.rename(part, whole)


def main():
    os.environ.setdefault("WINEDEBUG", "-all")
    os.environ.setdefault("WINEPREFIX", os.path.join(os.path.dirname(os.path.abspath(__file__)), "../../../build/wine"))
    with tempfile.TemporaryDirectory(prefix="alto-unix-") as folder:
        program = subprocess.Popen(["wine"] + sys.argv[1:], env=dict(os.environ, ALTO_UNIX="Z:" + folder), stderr=subprocess.DEVNULL)
        while program.poll() is None:
            asked = sorted(n for n in os.listdir(folder) if n.endswith(".do"))
            for name in asked:
                answer(folder, name)
            if not asked:
                time.sleep(0.003)
        return program.returncode


sys.exit(main())
