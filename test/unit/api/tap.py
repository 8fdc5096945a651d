"""tap.py: the test protocol for tests that are scripts. A test is a function whose name begins with test_; run_all runs those of a module."""
import sys
import traceback


class Skip(Exception):
    pass


def run_all(names):
    failed = number = 0
    for name, test in [(n, t) for n, t in names.items() if n.startswith("test_")]:
        number += 1
        try:
            test()
            print("ok %d - %s" % (number, name))
        except Skip as why:
            print("ok %d - %s # SKIP %s" % (number, name, why))
        except Exception:
            failed += 1
            print("".join("# " + line + "\n" for line in traceback.format_exc().splitlines()), end="")
            print("not ok %d - %s" % (number, name))
        sys.stdout.flush()
    print("1..%d" % number)
    sys.exit(1 if failed else 0)
