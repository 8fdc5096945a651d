"""The test protocol for scripts: one function per test, TAP on standard output, exit status 1 when one failed."""
import sys
import time
import traceback


class Skip(Exception):
    """This test cannot run here, and why."""


def check(condition, message):
    if not condition:
        raise AssertionError(message)


def equal(found, wanted, what):
    if found != wanted:
        raise AssertionError("%s is %r, not %r" % (what, found, wanted))


def run(tests):
    failed = 0
    for number, test in enumerate(tests, 1):
        name, began = test.__name__.replace("test_", "", 1), time.monotonic()
        try:
            test()
            print("ok %d - %s" % (number, name), flush=True)
        except Skip as why:
            print("ok %d - %s # SKIP %s" % (number, name, why), flush=True)
        except Exception as error:  # a test may fail in any way; the others still run
            failed += 1
            for line in (traceback.format_exc() if not isinstance(error, AssertionError) else str(error)).splitlines():
                print("# " + line)
            print("not ok %d - %s" % (number, name), flush=True)
        print("# %.1f s" % (time.monotonic() - began), flush=True)
    print("1..%d" % len(tests))
    return 1 if failed else 0


def main(tests):
    sys.exit(run(tests))
