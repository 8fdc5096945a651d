"""The sample filespace of `make run`: a FUSE mount that plays a LucidLink filespace, audit logs of some weeks, and clients that go on working while the sample runs."""
import os
import subprocess
import sys

from stack import ROOT, Failure

sys.path.insert(0, os.path.join(ROOT, "tools/filespace"))
import mount  # noqa: E402

DAYS, NODES, FILES, STEPS = 35, 12, 600, 6000
CLIENTS = "filespace"  # what the stack calls the program that plays them
GENERATE = os.path.join(ROOT, "tools/filespace/generate")


def unmount(stack):
    mount.Filespace(stack.path("filespace.back"), stack.path("filespace")).stop()


class Sample:
    def __init__(self, stack):
        self.stack, self.back, self.here = stack, stack.path("filespace.back"), stack.path("filespace")
        self.new = not os.path.isdir(os.path.join(self.back, ".lucid_audit"))
        self.what = ""

    def generate(self, *arguments):
        return [sys.executable, GENERATE, self.folder, "--nodes", str(NODES), "--files", str(FILES), "--hostile", "0.003", "--no-skew", *arguments]

    def start(self):
        if self.new:
            done = subprocess.run(self.generate("--days", str(DAYS), "--steps", str(STEPS)), stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)
            if done.returncode != 0:
                raise Failure("the sample filespace: " + done.stderr.decode("utf-8", "replace")[-500:])
        volume = self.volume()
        if self.new:
            self.stack.api.job(self.stack.api.post("/volumes/%s/scan" % volume["id"]))
        with open(self.stack.path(CLIENTS + ".log"), "ab") as log:
            self.stack.children[CLIENTS] = subprocess.Popen(
                self.generate("--go-on", "--live", "--seconds", "0", "--rate", "1"), stdin=subprocess.DEVNULL, stdout=log, stderr=log,
                start_new_session=True)

    def mount(self):
        """Before the agent starts, as on a computer that was booted."""
        unmount(self.stack)  # one that a run left which ended in haste
        why = mount.why_not()
        if not why:
            try:
                mount.Filespace(self.back, self.here).start()
            except mount.NoFuse as error:
                why = str(error)
        # The clients work behind the mount, as those of other computers do.
        self.folder = self.here if why else self.back
        if why:  # then the folder itself plays it; what a run with a mount left lies behind
            self.new = not os.path.isdir(os.path.join(self.here, ".lucid_audit"))
        self.what = "%d clients work on %s%s" % (NODES, self.here, ", a plain folder: %s" % why if why else "")

    def volume(self):
        api = self.stack.api
        found = [v for v in api.items("/volumes?customer_id=" + self.stack.customer["id"]) if v["name"] == "filespace"]
        return found[0] if found else api.post("/volumes", {
            "host_id": self.stack.host["id"], "name": "filespace", "path": self.here, "kind": "lucidlink", "share_id": self.stack.share_noun["id"],
            "audit": {"drop_users": ["backup-svc"], "drop_hosts": ["AV-SCAN-*"]}})
