"""A Windows host: programs under Wine in a prefix of their own, for test/e2e."""
import os
import subprocess


class WineHost:
    """stack: whose folder holds the prefix and what programs said."""

    def __init__(self, stack):
        self.stack, self.prefix = stack, stack.path("wine")
        self.env = dict(os.environ, WINEDEBUG="-all", WINEPREFIX=self.prefix)

    def run(self, *arguments, seconds=170):
        """(status, output, errors). Into files: what stays behind, a service say, would keep a pipe open."""
        with open(self.stack.path("out"), "w+b") as out, open(self.stack.path("err"), "w+b") as err:
            status = subprocess.run(["wine", *arguments], env=self.env, stdin=subprocess.DEVNULL, stdout=out, stderr=err, timeout=seconds).returncode
            out.seek(0)
            err.seek(0)
            return status, out.read().decode("utf-8", "replace"), err.read().decode("utf-8", "replace")

    def stay_up(self):
        """Wine ends its services seconds after the last program that is none: one that waits for input keeps the machine up. That program."""
        self.run("cmd", "/c", "exit")  # the first one makes the prefix
        return subprocess.Popen(["wine", "cmd"], env=self.env, stdin=subprocess.PIPE, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
