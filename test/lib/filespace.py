"""altod and an agent with volumes on a FUSE filespace, and the comparison of what altod knows with what a generator expects. For test/e2e and bench."""
import base64
import datetime
import os
import sys
import time

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path[:0] = [os.path.join(HERE, "../../tools/run"), os.path.join(HERE, "../../tools/filespace")]
import history  # noqa: E402
import mount  # noqa: E402
from stack import Failure, Stack, wait_for  # noqa: E402

ROUND_US = 1000000  # what counts as now is when the agent's round began; the line may have been written a little later
EPOCH = datetime.datetime(1970, 1, 1, tzinfo=datetime.timezone.utc)


def microseconds(text):
    """Of an RFC 3339 time in UTC; None of None. Nanoseconds are cut off."""
    if text is None:
        return None
    whole, _, fraction = text.rstrip("Z").partition(".")
    seconds = int((datetime.datetime.fromisoformat(whole).replace(tzinfo=datetime.timezone.utc) - EPOCH).total_seconds())
    return seconds * 1000000 + int((fraction + "000000")[:6])


def path_of(item, name="path"):
    if item.get(name + "_b64"):
        return base64.b64decode(item[name + "_b64"]).decode("utf-8", "surrogateescape")
    return item[name]


class Site(Stack):
    """No gate and no share: such volumes are looked at alone."""
    NOISE = {"drop_users": [history.NOISE_USER], "drop_hosts": ["av-scan-??"]}

    def __init__(self, folder):
        super().__init__(folder, share="folder")
        self.filespaces = {}

    def start(self, customer="Filespaces", listen="127.0.0.1:0"):
        self.start_altod(listen)
        self.api.login("admin", self.admin_password())
        self.customer = self.api.post("/customers", {"name": customer})
        self.enrol(self.customer)
        self.start_agent()
        self.host = wait_for("the agent to call\n" + self.said("alto-agent"), lambda: next(
            (h for h in self.api.items("/hosts?customer_id=" + self.customer["id"]) if h["state"] == "online"), None), 60)

    def start_agent(self, *extra):
        self.spawn("alto-agent", "run", "--state", self.path("agent"), "--gate-socket", self.path("no-gate"), *extra)

    def kill_agent(self):
        self.kill("alto-agent")
        self.start_agent()

    def filespace(self, name, back=None):
        """A mount of a folder, new or there already."""
        made = self.filespaces[name] = mount.Filespace(back or self.path(name + ".back"), self.path(name)).start()
        return made

    def add_volume(self, name, path=None, **audit):
        return self.api.post("/volumes", {"host_id": self.host["id"], "name": name, "path": path or self.path(name), "kind": "lucidlink", "audit": dict(self.NOISE, **audit)})

    def scan_volume(self, volume):
        job = self.api.job(self.api.post("/volumes/%s/scan" % volume["id"]), 600)
        if job["state"] != "done":
            raise Failure("the scan is %s: %s" % (job["state"], job.get("text")))
        return job

    def stop(self, remove=False):
        self.end("alto-agent")
        self.end("altod")
        for made in self.filespaces.values():
            made.stop()
        super().stop(remove)

    # ---- what altod knows ----
    def files(self, volume, folder="/"):
        """path -> (latest access, source, modified) in microseconds, of files alone."""
        found, cursor = {}, None
        while True:
            page = self.api.get("/volumes/%s/files?path=%s&recursive=true&limit=500%s" % (volume["id"], folder, "&cursor=" + cursor if cursor else ""))
            for item in page["items"]:
                if item["type"] == "file":
                    found[path_of(item)] = (microseconds(item.get("accessed_at")), item.get("accessed_source"), microseconds(item["mtime_at"]))
            cursor = page.get("next_cursor")
            if not cursor:
                return {p: v for p, v in found.items() if not p.startswith("/.lucid_audit/")}

    def record(self, volume):
        return self.api.get("/volumes/%s/access" % volume["id"])

    def wait_record(self, volume, state, seconds=60):
        def there():
            now = self.record(volume)
            return now if now["state"] == state and (state != "live" or now["covered_since_at"]) else None
        return wait_for("the logs of %s to be %s, not %s" % (volume["name"], state, self.record(volume)["text"]), there, seconds)

    def counts(self, volume):
        return {c["name"]: c["count"] for c in self.record(volume)["counts"]}

    def plan(self, volume, where):
        return self.api.post("/plan", {"volume_id": volume["id"], "where": where})


def differences(found, expected, strict=False):
    """Sentences about what is not as expected; empty: all is. Without strict, for before a scan: what is gone may still be there, within the grace of deletes, and what was made
    and went with its folder before the host looked may not be there yet."""
    wrong, now = [], time.time_ns() // 1000
    for path, wanted in expected["files"].items():
        if path not in found:
            if not strict and wanted["modified"] is None:
                continue
            wrong.append("%r is missing" % path)
            continue
        access, source, _ = found[path]
        if wanted["access"] is None:  # nothing was told of it, and so nothing is known
            if access is not None:
                wrong.append("%r was used at %s (%s), and never was" % (path, access, source))
            continue
        lo, hi = wanted["access"]
        if lo != hi:
            lo -= ROUND_US
        if access is None or not lo <= access <= hi or access > now + history.model.FUTURE_US:
            wrong.append("%r was used at %s (%s), not %s to %s, %s s off" % (path, access, source, lo, hi, None if access is None else
                                                                          round((access - (hi if access > hi else lo)) / 1e6, 3)))
    for path in found:
        if path not in expected["files"] and (strict or path not in expected["gone"]):
            wrong.append("%r is invented%s" % (path, " (it is gone)" if path in expected["gone"] else ""))
    return wrong


def wait_equal(site, volume, expected, seconds=60, strict=False):
    """Until altod knows what is expected; the seconds it took. Fails with the first differences."""
    began, wrong = time.monotonic(), None
    while time.monotonic() - began < seconds:
        wrong = differences(site.files(volume), expected, strict)
        if not wrong:
            return time.monotonic() - began
        time.sleep(0.3)
    raise Failure("%d of %d differ after %d s:\n%s" % (len(wrong), len(expected["files"]), seconds, "\n".join(wrong[:12])))
