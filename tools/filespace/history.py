"""People at work on a filespace: seeded histories of reads, safe saves, moves, deletes, pins and noise, written as audit logs and, if wanted, done to a real tree.

So that one answer is right, what a log cannot say is left out: an event of a file is later, by the clock of the client that tells it, than the last change of its name, and a change
of a name later than all that was told of the file; so a client whose clock is a minute late does not read a file before it was made. A client far in the future reads only files
whose names do not change any more."""
import os
import random
import time
import uuid

import lines
import logs
import model
from model import Event, replay

MINUTE, HOUR, DAY = 60 * 1000000, 3600 * 1000000, 86400 * 1000000
FIRST = ("mara", "joe", "lin", "kim", "ana", "tom", "uli", "eva", "sam", "noor")
LAST = ("ito", "ray", "sol", "weiss", "okoro", "lund", "basu", "costa")
SYSTEMS = (("macOS", "14.2.0"), ("Windows", "10.0.22631"), ("Linux", "6.8.0"))
ODD = ("été", "größte \u2013 neu", "日本語", "\U0001f3ac final", 'quote " and \\ back', "tab\there", "new\nline", "nbsp\u202fname", "e\u0301 apart", "\udcff\udcfe no utf8", "%41 percent", "a" * 200)
NOISE_USER, NOISE_HOST = "backup-svc", "AV-SCAN-01"


class Node:
    def __init__(self, choice, root, number, skew_us, style, user=None, host=None):
        if user is None:
            user = "%s.%s%d@example.com" % (choice.choice(FIRST), choice.choice(LAST), number)
        host = host or "edit-bay-%02d" % number
        self.number, self.skew_us, self.noise, self.future = number, skew_us, user == NOISE_USER or host == NOISE_HOST, False
        self.client = lines.Client(number, user, str(uuid.UUID(int=choice.getrandbits(128))), host, choice.choice(SYSTEMS), style)
        self.log = logs.NodeLog(root, number, padded=number % 7 != 3, deeper=number % 11 == 5)
        if number % 9 == 4:
            self.log.first = b"\xef\xbb\xbf"
        self.last_us, self.back_us = 0, None


class Item:
    """A file or folder of the tree at work. log: the latest time told of it or what is below; named: of its last change of name."""
    __slots__ = ("name", "parent", "children", "log", "named", "frozen", "place")

    def __init__(self, name, parent, folder):
        self.name, self.parent, self.children = name, parent, {} if folder else None
        self.log = self.named = 0
        self.frozen, self.place = False, None

    def path(self):
        parts, at = [], self
        while at.parent is not None:
            parts.append(at.name)
            at = at.parent
        return "/" + "/".join(reversed(parts))

    def named_at(self):
        at, latest = self, 0
        while at is not None:
            latest, at = max(latest, at.named), at.parent
        return latest

    def told(self, us):
        at = self
        while at is not None and at.log < us:
            at.log, at = us, at.parent

    def freeze(self):
        """Neither its name nor one above it changes any more."""
        at = self
        while at.parent is not None:
            at.frozen, at = True, at.parent


class Tree:
    """The same on a real folder; a None root does nothing."""

    def __init__(self, root):
        self.root = os.fsencode(root) if root else None

    def at(self, path):
        return self.root + path.encode("utf-8", "surrogateescape")

    def file(self, path, us, size=None):
        if self.root is None:
            return
        full = self.at(path)
        os.makedirs(os.path.dirname(full), exist_ok=True)
        fd = os.open(full, os.O_WRONLY | os.O_CREAT, 0o644)
        if size is not None:
            os.ftruncate(fd, size)
            if size > 0:
                os.posix_fallocate(fd, 0, size)  # or it would be sparse
        os.close(fd)
        os.utime(full, ns=(us * 1000, us * 1000))

    def folder(self, path):
        if self.root is not None:
            os.makedirs(self.at(path), exist_ok=True)

    def move(self, path, target):
        if self.root is not None:
            os.makedirs(os.path.dirname(self.at(target)), exist_ok=True)
            os.rename(self.at(path), self.at(target))

    def delete(self, path, folder=False):
        if self.root is not None:
            (os.rmdir if folder else os.unlink)(self.at(path))


class Work:
    """The history. now_us is given by whoever drives it: a calendar (backlog) or a clock (live)."""
    ACTS = (("read", 700), ("write", 60), ("create", 50), ("safe_save", 40), ("move_file", 20), ("move_folder", 6), ("trash", 6), ("delete", 14), ("xattr", 14), ("pin", 3),
            ("prehydrate", 5), ("link", 2), ("folder", 6), ("delete_folder", 3), ("roll", 4))

    def __init__(self, root, tree=True, seed=1, nodes=50, files=1000, hostile=0.01, skew=True, late=True, start_us=None, clean=False, odd=True, go_on=False):
        self.choice, self.root = random.Random(seed), root
        self.tree, self.hostile, self.skew, self.late, self.odd = Tree(root if tree else None), hostile, skew, late, odd
        self.items, self.events, self.seeds, self.serial = [], [], [], 0
        self.top, self.folders, self.used_names = Item("", None, True), [], {}
        self.counts = {"lines": 0, "events": 0, "other": 0, "named": 0, "skipped": {}}
        self.ignored_files = 0
        self.nodes = self.make_nodes(nodes)
        if not clean and not go_on:
            self.ignored_files += logs.noise(root, self.nodes[0].number)
        if go_on:
            self.take_over()
        else:
            self.seed_files(files, start_us)
        self.table = [name for name, weight in self.ACTS for _ in range(weight)]

    # ---- the beginning ----
    def make_nodes(self, count):
        made = []
        for i in range(count):
            skew = 0
            if self.skew and i % 5 == 2:
                skew = self.choice.choice((-1, 1)) * self.choice.randrange(1000000, 200 * 1000000)
            user, host = (NOISE_USER if i % 10 == 6 else None), (NOISE_HOST if i % 17 == 8 else None)
            node = Node(self.choice, self.root, i + 2, skew, lines.STYLES[i % len(lines.STYLES)] if self.odd else "new", user, host)
            if node.client.style == "bare" and node.noise and user is None:
                node.noise = False  # it does not tell its host
            made.append(node)
        if self.skew and count > 3:
            made[-1].skew_us, made[-1].future = 3 * 365 * DAY, True
        return made

    def seed_files(self, count, start_us):
        start_us = start_us if start_us is not None else 1780000000000000
        for show in range(max(2, count // 120)):
            for part in ("cam A", "audio", "proxies"):
                self.folders.append(self.make_folder("/Shows/Ep %d/%s" % (101 + show, part)))
        for folder in self.folders:
            self.tree.folder(folder.path())
        for _ in range(count):
            folder = self.choice.choice(self.folders)
            item = self.make_item(folder, self.new_name())
            us = start_us - self.choice.randrange(DAY, 900 * DAY)
            self.seeds.append((item.path(), us))
            self.tree.file(item.path(), us, self.size())

    def take_over(self):
        """What an earlier one left on the disk."""
        root = os.fsencode(self.root)
        for base, folders, names in os.walk(root):
            folders[:] = sorted(f for f in folders if base != root or not f.startswith(b"."))
            path = base[len(root):].decode("utf-8", "surrogateescape")
            folder = self.make_folder(path) if path else self.top
            if path.count("/") > 1:
                self.folders.append(folder)
            for name in sorted(names) if path else ():
                item = self.make_item(folder, name.decode("utf-8", "surrogateescape"))
                us = os.stat(os.path.join(base, name)).st_mtime_ns // 1000
                self.seeds.append((item.path(), us))
        self.serial = time.time_ns() // 1000000000  # names that were not given before

    def size(self):
        return self.choice.choice((0, 1, 4096, 20000, 70000, 200000)) * self.choice.randrange(1, 3)

    def new_name(self):
        self.serial += 1
        if self.odd and self.serial % 23 == 7:
            return "%s %d.mov" % (self.choice.choice(ODD), self.serial)
        return "cut_v%d%s" % (self.serial, self.choice.choice((".mov", ".wav", ".mp4", ".prproj", ".xlsx", "")))

    def make_folder(self, path):
        at = self.top
        for name in path.strip("/").split("/"):
            if name not in at.children:
                at.children[name] = Item(name, at, True)
            at = at.children[name]
        return at

    def make_item(self, parent, name):
        item = parent.children[name] = Item(name, parent, False)
        item.place = len(self.items)
        self.items.append(item)
        return item

    def drop_item(self, item):
        last = self.items[-1]
        self.items[item.place], last.place = last, item.place
        self.items.pop()
        item.place = None
        if item.parent.children.get(item.name) is item:
            del item.parent.children[item.name]

    # ---- telling ----
    def told_us(self, node, now_us):
        return now_us

    def tell(self, node, now_us, action, path, target=None, item=None):
        """A line of the log, and the event for the result. The time is by the client's clock, and never twice the same."""
        us = max(now_us + node.skew_us, node.last_us + 1)
        node.last_us = us
        entry = "%d:%d" % (self.serial + 100, node.number % 9)
        show = target
        if action == "FileDelete" and self.choice.random() < 0.1:
            show = "/somewhere/else"  # seen in documents; only of a move it means something
        line = node.client.line(us, action, path, show, entry)
        if node.log.due(us):
            node.log.rotate()
        turn = self.choice.random()
        if turn < 0.03:
            node.log.write_in_two(us, line, self.choice.randrange(1, len(line)))
        elif turn < 0.04:
            node.log.write_late(us, line)
        else:
            node.log.write(us, line)
        self.counts["lines"] += 1
        self.counts["events"] += 1
        self.counts["named"] += node.noise
        self.events.append(Event(us, action, path, target, node.client.node, now_us, node.noise, len(self.events)))
        if item is not None:
            item.told(us)
        return us

    def tell_hostile(self, node, now_us):
        if not self.items or node.future:
            return
        item = self.choice.choice(self.items)
        us = max(now_us + node.skew_us, node.last_us + 1)
        path = item.path()
        line, why, action = lines.hostile(self.choice, node.client, us, path)
        if self.choice.random() < 0.004:
            line, why, action = lines.too_long(node.client, us, path), "long", None
        if action is not None:  # what is new to the agent counts as a read
            if us <= item.named_at():
                return
            item.told(us)
            node.last_us = us
            self.events.append(Event(us, "FileRead", path, None, node.client.node, now_us, node.noise, len(self.events)))
        node.log.write(us, line)
        if why is None and action is None:
            return  # blank
        self.counts["lines"] += 1
        if action is not None:
            self.counts["events"] += 1
            self.counts["named"] += node.noise
            self.counts["other"] += action != "FileRead"
        if why is not None:
            self.counts["skipped"][why] = self.counts["skipped"].get(why, 0) + 1

    # ---- who may do what now ----
    def time_of(self, node, now_us):
        return max(now_us + node.skew_us, node.last_us + 1)

    def may_use(self, node, item, now_us):
        return self.time_of(node, now_us) > item.named_at()

    def may_change(self, node, item, now_us):
        """Whether this client may change its name now: nothing later was told of it, and nobody from the future has been there."""
        us = self.time_of(node, now_us)
        return not node.noise and not node.future and us > item.log and us > item.named_at() and not item.frozen

    def free(self, node, parent, name, now_us):
        us = self.time_of(node, now_us)
        return name not in parent.children and us > parent.named_at() and us > self.used_names.get((parent.path(), name), 0)

    def pick_folder(self):
        for _ in range(8):
            folder = self.choice.choice(self.folders)
            if folder.parent is not None:
                return folder
        return None

    # ---- one thing somebody does ----
    def step(self, now_us):
        node = self.choice.choice(self.nodes)
        if self.hostile and self.choice.random() < self.hostile:
            self.tell_hostile(node, now_us)
        if not self.items:
            return
        act = "read" if node.noise or node.future else self.choice.choice(self.table)
        getattr(self, "do_" + act)(node, now_us)

    def some_item(self, node, now_us):
        item = self.choice.choice(self.items)
        return item if self.may_use(node, item, now_us) else None

    def do_read(self, node, now_us):
        item = self.some_item(node, now_us)
        if item is None:
            return
        if node.future:
            item.freeze()
            self.tell(node, now_us, "FileRead", item.path())
            return
        for _ in range(self.choice.choice((1, 1, 1, 2, 5))):
            self.tell(node, now_us, "FileRead", item.path(), item=item)

    def do_write(self, node, now_us):
        item = self.some_item(node, now_us)
        if item is not None:
            us = self.tell(node, now_us, "FileWritten", item.path(), item=item)
            self.tree.file(item.path(), us)

    def create(self, node, now_us, parent, name):
        item = self.make_item(parent, name)
        self.tree.file(item.path(), self.time_of(node, now_us), self.size())
        item.named = self.tell(node, now_us, "FileCreate", item.path(), item=item)
        us = self.tell(node, now_us, "FileWritten", item.path(), item=item)
        self.tree.file(item.path(), us)
        return item

    def do_create(self, node, now_us):
        folder, name = self.pick_folder(), self.new_name()
        if folder is not None and self.free(node, folder, name, now_us):
            self.create(node, now_us, folder, name)

    def name_gone(self, item, us):
        self.used_names[(item.parent.path(), item.name)] = us
        item.parent.told(us)  # what it was taken from must not be moved by a clock that is behind

    def do_safe_save(self, node, now_us):
        item = self.choice.choice(self.items)
        if not self.may_change(node, item, now_us):
            return
        parent, name, path = item.parent, item.name, item.path()
        self.serial += 1
        temporary = self.create(node, now_us, parent, ".tmp%d~" % self.serial)
        if self.choice.random() < 0.5:
            self.tell(node, now_us, "FileDelete", path)
            self.drop_item(item)
            self.tree.delete(path)
        else:  # the old one goes aside first, as some editors do
            self.tell(node, now_us, "Move", path, path + ".bak")
            self.tell(node, now_us, "FileDelete", path + ".bak")
            self.drop_item(item)
            self.tree.delete(path)
        self.rename(node, now_us, temporary, parent, name)

    def rename(self, node, now_us, item, parent, name):
        path = item.path()
        target = (parent.path() if parent.parent is not None else "") + "/" + name
        us = self.tell(node, now_us, "Move", path, target)
        self.name_gone(item, us)
        del item.parent.children[item.name]
        item.name, item.parent = name, parent
        parent.children[name] = item
        item.named = us
        item.told(us)
        self.tree.move(path, target)
        return us

    def do_move_file(self, node, now_us):
        item, folder = self.choice.choice(self.items), self.pick_folder()
        name = item.name if self.choice.random() < 0.5 else self.new_name()
        if folder is not None and self.may_change(node, item, now_us) and self.free(node, folder, name, now_us):
            self.rename(node, now_us, item, folder, name)

    def do_roll(self, node, now_us):
        """A file moves aside and one of its name is made in its place."""
        item = self.choice.choice(self.items)
        if self.may_change(node, item, now_us):
            parent, name, aside = item.parent, item.name, self.new_name()
            if self.free(node, parent, aside, now_us):
                self.rename(node, now_us, item, parent, aside)
                self.create(node, now_us, parent, name)

    def do_move_folder(self, node, now_us):
        folder, to = self.pick_folder(), self.pick_folder()
        if folder is None or to is None or not self.may_change(node, folder, now_us):
            return
        at = to
        while at is not None:
            if at is folder:
                return
            at = at.parent
        self.serial += 1
        if self.choice.random() < 0.6:
            to = self.top.children["Shows"]  # or the tree grows deeper for ever
        depth, at = 0, to
        while at is not None:
            depth, at = depth + 1, at.parent
        name = "moved %d" % self.serial
        if depth > 6 or not self.free(node, to, name, now_us):
            return
        self.rename(node, now_us, folder, to, name)

    def do_trash(self, node, now_us):
        item = self.choice.choice(self.items)
        self.serial += 1
        if self.may_change(node, item, now_us):
            self.rename(node, now_us, item, self.make_folder("/.Trash-1000/files"), "%d %s" % (self.serial, item.name[:50]))

    def do_delete(self, node, now_us):
        item = self.choice.choice(self.items)
        if len(self.items) > 50 and self.may_change(node, item, now_us):
            path = item.path()
            self.name_gone(item, self.tell(node, now_us, "FileDelete", path))
            self.drop_item(item)
            self.tree.delete(path)

    def do_folder(self, node, now_us):
        parent = self.pick_folder()
        self.serial += 1
        name = "scene %d" % self.serial
        depth, at = 0, parent
        while at is not None:
            depth, at = depth + 1, at.parent
        if parent is not None and depth < 8 and self.free(node, parent, name, now_us):
            folder = parent.children[name] = Item(name, parent, True)
            folder.named = self.tell(node, now_us, "DirectoryCreate", folder.path(), item=folder)
            self.folders.append(folder)
            self.tree.folder(folder.path())

    def do_delete_folder(self, node, now_us):
        folder = self.pick_folder()
        if folder is None or len(self.folders) < 6 or folder.children or not self.may_change(node, folder, now_us):
            return
        path = folder.path()
        self.name_gone(folder, self.tell(node, now_us, "DirectoryDelete", path))
        del folder.parent.children[folder.name]
        self.folders.remove(folder)
        self.tree.delete(path, True)

    def do_xattr(self, node, now_us):
        item = self.some_item(node, now_us)
        if item is not None:
            self.tell(node, now_us, self.choice.choice(("ExtendedAttributeSet", "ExtendedAttributeDelete")), item.path(), item=item)

    def do_pin(self, node, now_us):
        item = self.some_item(node, now_us)
        if item is not None and self.may_change(node, item, now_us):
            self.tell(node, now_us, "Pin", item.path(), item=item)
            item.freeze()  # whether a pin goes with its file is not said anywhere
            if self.choice.random() < 0.4:
                self.tell(node, now_us, "Unpin", item.path(), item=item)

    def do_prehydrate(self, node, now_us):
        item = self.some_item(node, now_us)
        if item is not None:
            self.tell(node, now_us, "PreHydrate", item.path(), item=item)

    def do_link(self, node, now_us):
        parent = self.pick_folder()
        self.serial += 1
        if parent is not None and self.time_of(node, now_us) > parent.named_at():
            self.tell(node, now_us, "SymlinkCreate", parent.path() + "/link %d" % self.serial, item=parent)

    # ---- what happens to logs ----
    def disturb(self, now_us):
        """Now and then: a file rotates early, a client crashes, goes offline or comes back."""
        node = self.choice.choice(self.nodes)
        turn = self.choice.random()
        if turn < 0.4:
            node.log.rotate(both=self.choice.random() < 0.2)
        elif turn < 0.5:
            node.log.crash(b'{"timestamp":17800' if self.choice.random() < 0.5 else b"")
        elif turn < 0.6 and self.late and not node.log.offline:
            node.log.offline = True
        elif turn < 0.9:
            node.log.online()
        else:
            node.log.tidy()

    def backlog(self, from_us, until_us, count):
        """`count` steps spread over the time."""
        span = until_us - from_us
        for i in range(count):
            now_us = from_us + span * i // count
            self.step(now_us)
            if self.choice.random() < 0.02:
                self.disturb(now_us)

    def flush(self):
        for node in self.nodes:
            node.log.flush()

    def settle(self):
        """All that was told lies in the files, whole; those who were offline are back."""
        for node in self.nodes:
            node.log.online()
            node.log.finish()

    def end(self):
        for node in self.nodes:
            node.log.end()

    def expected(self):
        model = replay(self.seeds, self.events)
        return {"files": model.expected(), "gone": model.gone, "strange": model.strange, "counts": self.counts, "ignored_files": self.ignored_files,
                "events": len(self.events)}
