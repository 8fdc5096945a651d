"""A Chromium that takes the steps of a script beside this file (page.mjs says how), for console.py, rooms.py and access.py. ALTO_SHOTS names a folder for pictures."""
import json
import os
import shutil
import subprocess
import sys

import tap
from stack import run

HERE = os.path.dirname(os.path.abspath(__file__))
ROOT = os.path.dirname(os.path.dirname(os.path.dirname(HERE)))
CHROMIUM = os.environ.get("CHROMIUM", "/usr/bin/chromium")
SHOTS = os.environ.get("ALTO_SHOTS", "")
process = None


def why_not(*programs):
    """What is missing here, or None."""
    if not os.path.exists(CHROMIUM):
        return "%s is not there" % CHROMIUM
    for program in ("node",) + programs:
        if shutil.which(program) is None:
            return "%s is not installed" % program
    for part in ("console/dist/index.html", "console/node_modules/playwright-core/package.json", "console/node_modules/axe-core/package.json"):
        if not os.path.exists(os.path.join(ROOT, part)):
            return "%s is not there: run make console" % part
    return None


def start(script, url, **arguments):
    """Takes the step "open" and returns what it told."""
    global process
    if SHOTS:
        os.makedirs(SHOTS, exist_ok=True)
    node = run(os.path.join(ROOT, "tools/node.sh")).strip()  # Playwright does not run in Debian 12's
    process = subprocess.Popen([os.path.join(node, "node"), os.path.join(HERE, script)], stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                               text=True, encoding="utf-8")
    return step("open", url=url.rstrip("/"), chromium=CHROMIUM, shots=SHOTS, **arguments)


def step(name, /, **arguments):
    """Has the browser take a step and returns what it told."""
    if process is None or process.poll() is not None:
        raise tap.Skip("there is no browser")
    process.stdin.write(json.dumps(dict(arguments, step=name)) + "\n")
    process.stdin.flush()
    line = process.stdout.readline()
    tap.check(line, "the browser ended")
    answer = json.loads(line)
    if "error" in answer:
        raise AssertionError("%s: %s" % (name, answer["error"]))
    return answer["ok"]


def no_complaints(but=()):
    """But for those that hold one of these words."""
    found = [c for c in step("complaints") if not any(word in c for word in but)]
    for line in found:
        print("# " + line)
    tap.equal(len(found), 0, "complaints")


def accessible(**arguments):
    """No page that the step "accessible" sees has a serious violation or is too wide."""
    found = step("accessible", **arguments)
    for line in found["wrong"]:
        print("# " + line)
    tap.equal(len(found["wrong"]), 0, "violations on %d pages" % found["seen"])


def close():
    if process is not None:
        if process.poll() is None:
            step("close")
        process.stdin.close()
        process.wait(20)


def kill():
    if process is not None and process.poll() is None:
        process.kill()


def run_all(names, stack):
    """The tests of a module; whatever happens, nothing is left running. ALTO_KEEP keeps the folder. Does not return."""
    try:
        status = tap.run([v for k, v in names.items() if k.startswith("test_")])
    finally:
        kill()
        stack.stop(remove=os.environ.get("ALTO_KEEP") is None)
    sys.exit(status)
