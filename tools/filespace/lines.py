"""Lines of LucidLink's audit log, as clients of several generations would write them, and lines that nobody should have written.

A path is a str with surrogateescape, so that names which are no UTF-8 go through; lines are bytes."""
import json

FILESPACE, UUID = "shows.examplepost", "5f0c2f6e-0f6a-4d0a-8f4e-3a3b9d1e7c55"
LONG_MIN = (1 << 20) + 1  # bytes of a line that is too long
STYLES = ("new", "new", "new", "new", "new", "escaped", "classic", "spaced", "shuffled", "text", "nanoseconds", "iso", "bare", "crlf")


def quoted(text, escaped=False):
    """A JSON string. Bytes that are no UTF-8 stay as they are: no escape could say them."""
    if escaped and not any("\udc80" <= c <= "\udcff" for c in text):
        return json.dumps(text)
    return json.dumps(text, ensure_ascii=False)


def iso(us):
    days, rest = divmod(us, 86400 * 1000000)
    # Civil date of a day number, by the usual shift to years that begin in March.
    days += 719468
    era, of_era = divmod(days, 146097)
    year = (of_era - of_era // 1460 + of_era // 36524 - of_era // 146096) // 365
    of_year = of_era - (365 * year + year // 4 - year // 100)
    month = (5 * of_year + 2) // 153
    day = of_year - (153 * month + 2) // 5 + 1
    month = month + 3 if month < 10 else month - 9
    year += era * 400 + (1 if month <= 2 else 0)
    second, fraction = divmod(rest, 1000000)
    return "%04d-%02d-%02dT%02d:%02d:%02d" % (year, month, day, second // 3600, second // 60 % 60, second % 60), fraction


class Client:
    """One installation: what its lines have in common."""

    def __init__(self, node, user, user_id, host, system=("macOS", "14.2.0"), style="new", filespace=FILESPACE, uuid=UUID):
        self.node, self.user, self.user_id, self.host, self.system, self.style = str(node), user, user_id, host, system, style
        self.filespace, self.uuid = filespace, uuid
        self.head = self.parts()

    def parts(self):
        user, host, name, version = (json.dumps(t) for t in (self.user, self.host, *self.system))
        if self.style == "classic":  # numeric node id, no ids of user and filespace
            return '"user":{"name":%s},"device":{"hostName":%s,"osName":%s,"osVersion":%s},"event":{"filespace":"%s","nodeId":%s}' % (
                user, host, name, version, self.filespace, self.node)
        if self.style == "bare":  # an object is null, others are not there
            return '"device":null,"user":{"name":%s},"event":{"nodeId":"%s"}' % (user, self.node)
        return '"user":{"name":%s,"id":"%s"},"device":{"hostName":%s,"osName":%s,"osVersion":%s},"event":{"filespace":"%s","nodeId":"%s","filespaceUuid":"%s"}' % (
            user, self.user_id, host, name, version, self.filespace, self.node, self.uuid)

    def time(self, us):
        if self.style == "text":
            return '"%d"' % us
        if self.style == "nanoseconds":
            return "%d000" % us
        if self.style == "iso":
            return '"%s.%06dZ"' % iso(us)
        return "%d" % us

    def line(self, us, action, path, target=None, entry="103:3"):
        escaped = self.style == "escaped"
        operation = '"action":"%s","entryPath":%s,"%s":"%s"' % (
            action, quoted(path, escaped), "file" if self.style == "classic" else "fileId", entry)
        if target is not None:
            operation += ',"targetPath":%s' % quoted(target, escaped)
        if self.style == "shuffled":
            text = '{"operation":{%s},"version":3,%s,"tags":["a",{"b":[1,2.5e3,null]}],"timestamp":%s}\n' % (operation, self.head, self.time(us))
        elif self.style == "spaced":
            text = '{ "timestamp" : %s , %s , "operation" : { %s } }\n' % (self.time(us), self.head.replace('":', '" : '), operation)
        else:
            text = '{"timestamp":%s,%s,"operation":{%s}}\n' % (self.time(us), self.head, operation)
            if self.style == "crlf":
                text = text[:-1] + "\r\n"
        return text.encode("utf-8", "surrogateescape")


def hostile(choice, client, us, path):
    """A line that tells nothing, and why by the name of protocol.md; or an odd one that tells something, and what: (bytes, why, action)."""
    line = client.line(us, "FileRead", path)
    kinds = (
        lambda: (b"# rotated by hand\n", "junk", None),
        lambda: (line[:len(line) // 2] + b"\n", "junk", None),
        lambda: (b"\x00\x01\x02\xff\xfe\n"[1:], "junk", None),
        lambda: (b"[%s]\n" % line.strip(), "junk", None),
        lambda: (line.strip() + b"}\n", "junk", None),
        lambda: (b'{"a":' * 60 + b"1" + b"}" * 60 + b"\n", "junk", None),
        lambda: (b"{}\n", "time", None),
        lambda: (Client.line(Plain(client), 915148800000000, "FileRead", path), "time", None),
        lambda: (line.replace(b'"timestamp"', b'"timestump"'), "time", None),
        lambda: (line.replace(b'"action"', b'"Action"'), "action", None),
        lambda: (line.replace(b'"FileRead"', b"null"), "action", None),
        lambda: (line.replace(b'"entryPath"', b'"entrypath"'), "path", None),
        lambda: (client.line(us, "FileRead", path[1:]), "path", None),
        lambda: (client.line(us, "FileRead", "/Shows/../" + path[1:]), "path", None),
        lambda: (client.line(us, "FileRead", "/a\x00b"), "path", None),
        lambda: (client.line(us, "FileRead", ""), "path", None),
        lambda: (client.line(us, "FileRead", "/.lucid_audit/%s/2026/09/x.log" % client.node), "own", None),
        lambda: (b"\n", None, None),
        lambda: (b"  \t \n", None, None),
        lambda: (client.line(us, "FileTeleported", path), None, "FileTeleported"),
        lambda: (client.line(us, "fileread", path), None, "fileread"),
        # The last of two with one name counts; a move into nowhere is none of ours to guess at.
        lambda: (line.replace(b'"action":"FileRead"', b'"action":"FileDelete","action":"FileRead"'), None, "FileRead"),
        lambda: (line.replace(b'"action":', b'"more":{"action":"FileDelete","x":[{"entryPath":"/none"}]},"action":'), None, "FileRead"),
    )
    return kinds[choice.randrange(len(kinds))]()


def too_long(client, us, path):
    return client.line(us, "FileRead", path + "x" * LONG_MIN)


class Plain:
    """A client as it is, but for its way to write times."""

    def __init__(self, client):
        self.style, self.head, self.time = "new", client.head, lambda us: "%d" % us
