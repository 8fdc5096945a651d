"""What must be known about a filespace after its audit logs were read to their ends, worked out plainly: all events in the order of their times, one after the other,
on a tree of files. Nothing of Alto's own code is used. The rules are those of doc/adr/0055 and doc/format/protocol.md:

  - an access is a read, a write, a create, or the move of the file itself; the latest counts
  - what lies below a folder that is moved goes with it, and is not accessed by that
  - a time later than the moment it was told by more than FUTURE_US counts as a moment between then and now: an interval, from lo to hi
  - a file with no access counts from its time of modification
  - pins are of a node and hold for all below; as many unpins end them

Times are in microseconds."""

FUTURE_US = 300 * 1000000
ACCESSES = ("FileRead", "FileWritten", "FileCreate")
PREHYDRATE = "PreHydrate"


class Event:
    __slots__ = ("us", "action", "path", "target", "node", "told_us", "noise", "number")

    def __init__(self, us, action, path, target=None, node="1", told_us=None, noise=False, number=0):
        self.us, self.action, self.path, self.target, self.node, self.noise, self.number = us, action, path, target, node, noise, number
        self.told_us = told_us if told_us is not None else us  # when its line was there to be read

    def span(self):
        """When it may count as having happened."""
        if self.us <= self.told_us + FUTURE_US:
            return self.us, self.us
        return self.told_us, self.us


class Entry:
    __slots__ = ("name", "parent", "children", "lo", "hi", "modified", "pins")

    def __init__(self, name, parent, folder, modified=None):
        self.name, self.parent, self.children = name, parent, {} if folder else None
        self.lo = self.hi = None
        self.modified, self.pins = modified, None

    def path(self):
        parts, at = [], self
        while at.parent is not None:
            parts.append(at.name)
            at = at.parent
        return "/" + "/".join(reversed(parts))

    def used(self, lo, hi):
        self.lo = lo if self.lo is None else max(self.lo, lo)
        self.hi = hi if self.hi is None else max(self.hi, hi)


class Model:
    def __init__(self, prehydrate=False):
        self.root, self.gone, self.strange = Entry("", None, True), {}, 0
        self.prehydrate = prehydrate

    # ---- the tree ----
    def find(self, path):
        at = self.root
        for name in path.strip("/").split("/"):
            if at.children is None or name not in at.children:
                return None
            at = at.children[name]
        return at

    def folder(self, path):
        """The folder of that path, made with those above it where it is not there."""
        at = self.root
        for name in filter(None, path.split("/")):
            if name not in at.children:
                at.children[name] = Entry(name, at, True)
            at = at.children[name]
        return at

    def add(self, path, modified=None):
        above, name = path.rsplit("/", 1)
        parent = self.folder(above)
        entry = parent.children.get(name)
        if entry is None or entry.children is not None:
            entry = parent.children[name] = Entry(name, parent, False)
        if modified is not None:
            entry.modified = modified
        self.gone.pop(path, None)
        return entry

    def files(self, below=None):
        stack = [below or self.root]
        while stack:
            at = stack.pop()
            if at.children is None:
                yield at
            else:
                stack.extend(at.children.values())

    # ---- events ----
    def apply(self, e):
        if e.action in ACCESSES or (e.action == PREHYDRATE and self.prehydrate):
            if e.noise and e.action == "FileRead":
                return
            entry = self.add(e.path) if e.action != "FileRead" and e.action != PREHYDRATE else self.find(e.path)
            if entry is None or entry.children is not None:
                self.strange += 1  # of nothing that was ever there
                return
            entry.used(*e.span())
        elif e.action == "Move":
            self.move(e)
        elif e.action in ("FileDelete", "DirectoryDelete"):
            entry = self.find(e.path)
            if entry is None:
                self.strange += 1
                return
            self.forget(entry, e.us)
        elif e.action == "DirectoryCreate":
            self.folder(e.path)
        elif e.action in ("Pin", "Unpin"):
            self.pin(e)

    def move(self, e):
        entry = self.find(e.path)
        if entry is None or e.target is None:
            self.strange += 1
            return
        above, name = e.target.rsplit("/", 1)
        parent = self.folder(above)
        if parent.children.get(name) is entry:
            return
        if entry.children is None:
            entry.used(*e.span())
        for file in list(self.files(entry)):
            self.gone[file.path()] = e.us
        self.move_gone(entry.path() + "/", e)
        del entry.parent.children[entry.name]
        entry.name, entry.parent = name, parent
        parent.children[name] = entry
        for file in self.files(entry):
            self.gone.pop(file.path(), None)

    def move_gone(self, below, e):
        """What was deleted in a folder lately may be shown in it, wherever the folder is."""
        if self.gone:
            for path in [p for p in self.gone if p.startswith(below)]:
                self.gone[e.target + path[len(below) - 1:]] = self.gone[path]

    def forget(self, entry, us):
        for file in self.files(entry):
            self.gone[file.path()] = us
        del entry.parent.children[entry.name]

    def pin(self, e):
        entry = self.find(e.path)
        if entry is None:
            self.strange += 1
            return
        entry.pins = entry.pins or {}
        left = entry.pins.get(e.node, 0) + (1 if e.action == "Pin" else -1)
        entry.pins[e.node] = max(left, 0)

    # ---- the result ----
    def expected(self):
        """path -> {"access": [lo, hi] or None, "modified": us or None, "pinned": bool}"""
        found, stack = {}, [(self.root, "", False)]
        while stack:
            at, path, pinned = stack.pop()
            pinned = pinned or bool(at.pins and any(at.pins.values()))
            if at.children is None:
                found[path] = {"access": None if at.lo is None else [at.lo, at.hi], "modified": at.modified, "pinned": pinned}
            else:
                stack.extend((child, path + "/" + name, pinned) for name, child in at.children.items())
        return found


def replay(seeds, events, prehydrate=False):
    """seeds: (path, modified) of what was there before the first event. The order of the list of events is without meaning."""
    model = Model(prehydrate)
    for path, modified in seeds:
        model.add(path, modified)
    for event in sorted(events, key=lambda e: (e.us, e.number)):
        model.apply(event)
    return model
