"""Very many realistic lines, fast: reads and some writes of files that stay where they are, for measurements. Names of folders and files repeat as they do in life; one client's lines look alike.
The last access of each file is kept as lines are made, so the result is known without reading them."""
import os
import random

import history
import lines

ACTIONS = ("FileRead",) * 94 + ("FileWritten",) * 3 + ("ExtendedAttributeSet",) * 3
PIECE = 4096


def names(count):
    """Paths of `count` files: the same for every seed."""
    for i in range(count):
        yield "/Shows/Ep %d/%s/cut_v%d.mov" % (101 + i // 1200, ("cam A", "audio", "proxies", "renders")[i // 300 % 4], i)


def clients(seed, count):
    choice = random.Random(seed)
    return [history.Node(choice, "", i + 2, 0, "new").client for i in range(count)]


DESK = 40  # files that somebody works with in an hour: people read the same few again and again


def write(out, choice, client, paths, from_us, step_us, limit, last, desk=None):
    """Lines of one client to `out` until it holds about `limit` bytes or `limit` lines where it is negative; last: list of the latest times by file. desk: where its DESK files
    begin; None: all files, at random. The time after."""
    head, us, size, n = client.head, from_us, 0, 0
    first = desk or 0
    count, randrange, most = len(paths) if desk is None else DESK, choice.randrange, -limit
    while size < limit or n < most:
        piece = []
        for _ in range(PIECE if limit > 0 else min(PIECE, most - n)):
            us += step_us
            i, action = first + randrange(count), ACTIONS[randrange(100)]
            piece.append('{"timestamp":%d,%s,"operation":{"action":"%s","entryPath":"%s","fileId":"%d:3"}}\n' % (us, head, action, paths[i], i))
            if action[0] == "F" and last[i] < us:
                last[i] = us
        data = "".join(piece).encode()
        out.write(data)
        size += len(data)
        n += len(piece)
    return us


def one_file(path, size, seed=7, files=20000):
    """A file of about that size, for parsers alone."""
    choice, known = random.Random(seed), list(names(files))
    last = [0] * files
    with open(path, "wb", buffering=1 << 20) as out:
        write(out, choice, clients(seed, 1)[0], known, 1789067746120345, 137, size, last)


def backlog(root, from_us, until_us, events, nodes=50, seed=7, files=20000, active=True, scattered=False):
    """Logs of `nodes` clients with `events` lines together, a file each quarter of an hour; (path, last access in us or 0) of each file."""
    choice, known = random.Random(seed), list(names(files))
    last, all_clients = [0] * files, clients(seed, nodes)
    quarters = max(1, (until_us - from_us) // (15 * history.MINUTE))
    used = min(quarters, max(1, events // nodes // 50))  # not emptier files than fifty lines
    each = max(1, events // nodes // used)
    for client in all_clients:
        desk, hour = None, 0
        for quarter in range(used):
            begin = from_us + (until_us - from_us) * quarter // used
            if begin // history.HOUR != hour and not scattered:
                desk, hour = choice.randrange(files - DESK), begin // history.HOUR
            stamp = lines.iso(begin)[0]
            folder = os.path.join(root, ".lucid_audit", client.node, stamp[:4], stamp[5:7])
            os.makedirs(folder, exist_ok=True)
            name = stamp.replace(":", ".") + "Z.log" + (".active" if active and quarter == used - 1 else "")
            with open(os.path.join(folder, name), "wb") as out:
                end = write(out, choice, client, known, begin, max(1, (until_us - from_us) // used // (each + 1)), -each, last, desk)
            os.utime(out.name, ns=(end * 1000, end * 1000))  # as its client left it
    return list(zip(known, last))


def old_files(root, count, nodes, until_us, lines_each=2):
    """`count` rotated files of months ago, spread over the clients."""
    all_clients = clients(11, nodes)
    each = -(-count // nodes)
    for client in all_clients:
        for i in range(each):
            us = until_us - (i + 1) * 16 * history.MINUTE
            stamp = lines.iso(us)[0]
            folder = os.path.join(root, ".lucid_audit", client.node, stamp[:4], stamp[5:7])
            os.makedirs(folder, exist_ok=True)
            with open(os.path.join(folder, stamp.replace(":", ".") + "Z.log"), "wb") as out:
                out.write(b"".join(client.line(us + n, "FileRead", "/Shows/Ep 101/cam A/cut_v%d.mov" % n) for n in range(lines_each)))
            os.utime(out.name, ns=((us + lines_each) * 1000, (us + lines_each) * 1000))
    return each * nodes
