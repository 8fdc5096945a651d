#!/usr/bin/python3
"""Schedules and windows against Python's zoneinfo: test_zoneinfo.py SCHEDULE_ASK. The reference goes through local times one by one and knows
nothing of how src/server/schedule does it. SEED= repeats a run."""
import calendar
import datetime as dt
import os
import random
import subprocess
import sys
import zoneinfo

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "../../lib"))
import tap  # noqa: E402

ASK = sys.argv[1]
SEED = int(os.environ.get("SEED", "7"))
NS, UTC = 10**9, dt.timezone.utc
FOREVER = 2**63 - 1
# Clocks put forward and back at different hours, by half an hour (Lord Howe), at midnight (Azores, Havana), in the south, with negative
# daylight saving (Dublin), and zones that never change (Kathmandu with its odd offset, Tokyo, Phoenix, UTC).
# A zone whose clocks are changed for a month of another calendar (Casablanca), and one that changed its rules of late (Mexico City).
ZONES = ["Europe/Berlin", "Europe/Dublin", "America/New_York", "America/Havana", "Atlantic/Azores", "Australia/Lord_Howe", "Australia/Sydney",
         "Pacific/Auckland", "Pacific/Chatham", "America/St_Johns", "America/Santiago", "Asia/Kathmandu", "Asia/Tokyo", "America/Phoenix", "Africa/Casablanca",
         "America/Mexico_City", "UTC"]
YEARS = [2007, 2019, 2026, 2027, 2028, 2029, 2030]


def moment(zone, local):
    """The first moment at which it is this local time; the first after, when it never is."""
    aware = local.replace(tzinfo=zone, fold=0)
    at = aware.astimezone(UTC)
    if at.astimezone(zone).replace(tzinfo=None) == local:
        return at
    low, high = local.replace(tzinfo=zone, fold=1).astimezone(UTC), at  # the change lies between them
    before = low.astimezone(zone).utcoffset()
    while high - low > dt.timedelta(seconds=1):
        middle = low + (high - low) / 2
        middle = middle.replace(microsecond=0)
        if middle.astimezone(zone).utcoffset() == before:
            low = middle
        else:
            high = middle
    return high


def to_ns(at):
    return calendar.timegm(at.astimezone(UTC).timetuple()) * NS


class Cron:
    """The five fields as sets, kept apart from their text, which is made of them."""

    def __init__(self, rng):
        self.minutes, m = self.field(rng, 0, 59, rng.choice(["one", "one", "list", "step", "all", "range"]))
        self.hours, h = self.field(rng, 0, 23, rng.choice(["one", "one", "list", "step", "all", "range", "night", "night"]))
        self.doms, d = self.field(rng, 1, 31, rng.choice(["all", "all", "all", "one", "list", "last", "step"]))
        self.months, mo = self.field(rng, 1, 12, rng.choice(["all", "all", "range", "dst"]))
        self.dows, w = self.field(rng, 0, 6, rng.choice(["all", "all", "one", "range", "list"]))
        self.last = "L" in d
        self.either = not d.startswith("*") and not w.startswith("*")
        self.text = " ".join((m, h, d, mo, w))

    @staticmethod
    def field(rng, low, high, kind):
        if kind == "all":
            return set(range(low, high + 1)), "*"
        if kind == "step":
            step = rng.choice([2, 3, 5, 7, 15])
            return set(range(low, high + 1, step)), "*/%d" % step
        if kind == "range":
            a, b = sorted((rng.randint(low, high), rng.randint(low, high)))
            return set(range(a, b + 1)), "%d-%d" % (a, b)
        if kind == "list":
            some = sorted(rng.sample(range(low, high + 1), 3))
            return set(some), ",".join(map(str, some))
        if kind == "night":  # where clocks change
            return {0, 1, 2, 3}, "0-3"
        if kind == "dst":
            return {3, 4, 9, 10, 11}, "mar-apr,SEP-nov"
        if kind == "last":
            return {1}, "1,L"
        one = rng.randint(low, high)
        return {one}, str(one)

    def day(self, day):
        if day.month not in self.months:
            return False
        dom = day.day in self.doms or (self.last and day.day == calendar.monthrange(day.year, day.month)[1])
        dow = day.isoweekday() % 7 in self.dows
        return dom or dow if self.either else dom and dow

    def after(self, zone, at, count):
        """Every moment of the next days in order, each once, until there are count of them."""
        found, day = set(), at.astimezone(zone).date() - dt.timedelta(days=2)
        for _ in range(800):
            if self.day(day):
                for hour in self.hours:
                    for minute in self.minutes:
                        found.add(moment(zone, dt.datetime(day.year, day.month, day.day, hour, minute)))
            later = sorted(f for f in found if f > at)
            if len(later) >= count + 3:  # a later day never comes before an earlier one by more than an offset's change
                return later[:count]
            day += dt.timedelta(days=1)
        return sorted(f for f in found if f > at)[:count]


def changes(zone, year):
    """The moments of a year at which the zone's offset changes."""
    at, end = dt.datetime(year, 1, 1, tzinfo=UTC), dt.datetime(year + 1, 1, 1, tzinfo=UTC)
    found = []
    while at < end:
        then = at + dt.timedelta(hours=6)
        if at.astimezone(zone).utcoffset() != then.astimezone(zone).utcoffset():
            found.append(at)
        at = then
    return found


class Asked:
    def __init__(self):
        self.child = subprocess.Popen([ASK], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)

    def __call__(self, line):
        self.child.stdin.write(line + "\n")
        self.child.stdin.flush()
        return self.child.stdout.readline().rstrip("\n")


asked = Asked()


def instants(rng, zone, year, count):
    """Random moments, and more of them around the changes of the clock."""
    at = [dt.datetime(year, 1, 1, tzinfo=UTC) + dt.timedelta(seconds=rng.randrange(365 * 86400)) for _ in range(count)]
    for change in changes(zone, year):
        at += [change + dt.timedelta(seconds=rng.randrange(-86400, 2 * 86400)) for _ in range(count)]
    return at


def check_zone(name):
    zone, rng, n = zoneinfo.ZoneInfo(name), random.Random("%d %s" % (SEED, name)), 0
    for year in YEARS:
        for at in instants(rng, zone, year, 6):
            cron = Cron(rng)
            wanted = [to_ns(m) for m in cron.after(zone, at, 4)]
            told = asked("next|%s|%s|%d|4" % (cron.text, name, to_ns(at)))
            n += 1
            if not wanted:  # nothing within 800 days: ours looks further
                continue
            got = [int(t) for t in told.split()]
            tap.equal(got[:len(wanted)], wanted, "SEED=%d: \"%s\" in %s after %s" % (SEED, cron.text, name, at))
    print("# %s: %d schedules" % (name, n))


def stretches(zone, spans, at):
    day = at.astimezone(zone).date() - dt.timedelta(days=3)
    for i in range(22):
        for days, start, end in spans:
            if days >> (day + dt.timedelta(days=i)).weekday() & 1:
                midnight = dt.datetime.combine(day + dt.timedelta(days=i), dt.time())
                until = midnight + dt.timedelta(minutes=end if end > start else end + 1440)
                yield to_ns(moment(zone, midnight + dt.timedelta(minutes=start))), to_ns(moment(zone, until))


def check_windows(name):
    zone, rng, n = zoneinfo.ZoneInfo(name), random.Random("%d windows %s" % (SEED, name)), 0
    for year in YEARS:
        for at in instants(rng, zone, year, 4):
            spans = [(rng.randint(1, 127), rng.choice([0, 60, 120, 150, rng.randrange(1440)]), rng.choice([0, 120, 180, 1440, rng.randrange(1441)]))
                     for _ in range(rng.choice([1, 1, 2, 3]))]
            now, got = to_ns(at), asked("open|%s|%s|%d" % (name, ";".join("%d,%d,%d" % s for s in spans), to_ns(at))).split()
            all_ = [s for s in stretches(zone, spans, at) if s[1] > s[0]]
            is_open, until = any(a <= now < b for a, b in all_), now
            if is_open:
                grown = True
                while grown:
                    longer = max((b for a, b in all_ if a <= until < b), default=until)
                    grown, until = longer > until, longer
                if until - now > 13 * 86400 * NS:
                    until = FOREVER
            else:
                until = min((a for a, b in all_ if a > now), default=FOREVER)
            n += 1
            tap.equal((int(got[0]), int(got[1])), (int(is_open), until), "SEED=%d: %s in %s at %s" % (SEED, spans, name, at))
    print("# %s: %d windows" % (name, n))


def test_schedules_are_those_of_zoneinfo():
    for name in ZONES:
        check_zone(name)


def test_windows_are_those_of_zoneinfo():
    for name in ZONES:
        check_windows(name)


def test_a_time_that_does_not_exist_runs_at_the_first_moment_after():
    for name, cron, day, wanted in (("Europe/Berlin", "30 2 * * *", dt.datetime(2026, 3, 29), "2026-03-29T01:00:00"),
                                    ("Australia/Lord_Howe", "15 2 * * *", dt.datetime(2026, 10, 4), "2026-10-03T15:30:00"),
                                    ("America/Havana", "0 0 * * *", dt.datetime(2026, 3, 8), "2026-03-08T05:00:00")):
        zone = zoneinfo.ZoneInfo(name)
        after = to_ns(day.replace(tzinfo=zone) - dt.timedelta(hours=2))
        got = asked("next|%s|%s|%d|1" % (cron, name, after))
        tap.equal(dt.datetime.fromtimestamp(int(got) / NS, UTC).strftime("%Y-%m-%dT%H:%M:%S"), wanted, "%s in %s" % (cron, name))


def test_a_time_that_exists_twice_runs_once():
    zone = zoneinfo.ZoneInfo("Europe/Berlin")
    after = to_ns(dt.datetime(2026, 10, 24, 12, tzinfo=zone))
    got = [dt.datetime.fromtimestamp(int(t) / NS, UTC).strftime("%d %H:%M") for t in asked("next|30 2 * * *|Europe/Berlin|%d|2" % after).split()]
    tap.equal(got, ["25 00:30", "26 01:30"], "moments in UTC")


tap.main([v for k, v in list(globals().items()) if k.startswith("test_")])
