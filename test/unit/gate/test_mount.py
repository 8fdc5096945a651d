#!/usr/bin/env python3
"""mount.alto: a volume of stubs is in its place only with the gate's mark on it, and no opener slips in before."""
import os, subprocess, sys, time

sys.path.insert(0, os.path.join(os.environ.get("ALTO_SOURCE", os.path.join(os.path.dirname(__file__), "../../..")), "test/lib"))
from gatelab import *

DATA = os.urandom(300000)
DATA_SHA = sha(DATA)
ROUNDS = 8


def image(lab):
    return lab.dir + "/img/image"


def mount(lab, *more, folder=None, options=""):
    return subprocess.run([lab.program("src/gate/mount.alto"), image(lab), folder or lab.mount, *more, "-o", ("socket=" + lab.socket + "," + options).rstrip(",")],
                          capture_output=True, text=True, timeout=60)


def mounted(lab, folder=None, **more):
    r = mount(lab, folder=folder, **more)
    equal(r.returncode, 0, r.stderr)


def umount(lab):
    assert until(lambda: subprocess.run(["umount", lab.mount], capture_output=True).returncode == 0), "still busy"


def down(lab):
    """Agent away, volume unmounted: the agent keeps its root open."""
    lab.kill("agent")
    umount(lab)


def loops(lab):
    """Loop devices that hold the image; one that is being cleared is waited for."""
    return subprocess.run(["losetup", "-n", "-O", "NAME", "-j", image(lab)], capture_output=True, text=True, check=True).stdout.split()


def refused(lab, r, words):
    equal(r.returncode, 32, "exit code: " + r.stderr)
    assert words in r.stderr, r.stderr
    equal(os.path.ismount(lab.mount), False, "mounted")
    assert until(lambda: not loops(lab)), "a loop device is left"


def mountinfo(folder):
    with open("/proc/self/mountinfo") as f:
        return [line.split() for line in f if line.split()[4] == folder][-1]


def first_content(path, limit):
    """What the first successful open reads; opens as fast as it can."""
    end = time.monotonic() + limit
    while True:
        try:
            return digest(path)
        except FileNotFoundError:
            if time.monotonic() > end:
                raise


@test
def without_a_mark_a_stub_reads_as_zeros_which_is_what_is_tested_for():
    with Lab() as lab:
        p = lab.stub("f", DATA)
        down(lab)
        subprocess.run([IMAGE, "mount", lab.dir + "/img"], check=True)
        equal(digest(p), sha(bytes(len(DATA))))


@test
def no_opener_slips_in_while_it_is_mounted():
    with Lab(wait_ms=20000) as lab:
        for i in range(ROUNDS):
            p = lab.stub("f%d" % i, DATA)
            down(lab)
            readers = [Reader(first_content, p, 20) for _ in range(3)]
            time.sleep(0.05)
            mounted(lab)
            lab.start_agent()
            for r in readers:
                equal(r.result(30)[:2], ("ok", DATA_SHA), "round %d" % i)


@test
def a_volume_mounted_again_is_marked_again():
    with Lab() as lab:
        p = lab.stub("f", DATA)
        for _ in range(3):
            down(lab)
            equal(lab.status()["marks"], [{"path": lab.mount, "marked": False}])
            mounted(lab)
            equal(lab.status()["marks"], [{"path": lab.mount, "marked": True}])
            lab.start_agent()
        equal(digest(p), DATA_SHA)


@test
def without_a_gate_nothing_is_mounted():
    with Lab() as lab:
        down(lab)
        lab.kill("hold")
        lab.kill("gate")
        refused(lab, mount(lab), "no alto-gate answers")


@test
def without_a_second_holder_nothing_is_mounted():
    with Lab() as lab:
        down(lab)
        lab.kill("hold")
        assert until(lambda: lab.status()["holders"] == 0)
        refused(lab, mount(lab), "start alto-hold first")
        equal([m for m in lab.status()["marks"] if m["marked"]], [], "marks")


@test
def ext4_and_btrfs_are_recognised_and_marked_too():
    for fs in ("ext4", "btrfs"):
        with Lab(fs=fs) as lab:
            p = lab.stub("f", DATA)
            down(lab)
            mounted(lab)
            equal(mountinfo(lab.mount)[mountinfo(lab.mount).index("-") + 1], fs)
            lab.start_agent()
            equal(digest(p), DATA_SHA)


@test
def options_reach_mount_and_filesystem_and_those_for_others_do_not():
    with Lab() as lab:
        down(lab)
        mounted(lab, options="rw,nosuid,noatime,nodev,logbufs=4,nofail,_netdev,x-systemd.requires=alto-gate.service,fstype=xfs")
        info = mountinfo(lab.mount)
        for word in ("nosuid", "noatime", "nodev"):
            assert word in info[5].split(","), info
        assert "logbufs=4" in info[-1].split(","), info
        umount(lab)
        mounted(lab, options="ro")
        assert "ro" in mountinfo(lab.mount)[-1].split(","), mountinfo(lab.mount)
        umount(lab)
        refused(lab, mount(lab, options="nonsense=7"), "nonsense")


@test
def a_source_that_is_none_is_refused_with_the_reason():
    with Lab() as lab:
        down(lab)
        os.truncate(image(lab), 0)
        os.truncate(image(lab), 64 << 20)
        refused(lab, mount(lab), "holds no ext4, XFS or btrfs")
        os.unlink(image(lab))
        os.mkfifo(image(lab))
        equal(mount(lab).returncode, 32)
        os.unlink(image(lab))
        equal(mount(lab).returncode, 32)


@test
def an_image_is_never_on_two_loop_devices():
    with Lab() as lab:
        down(lab)
        second = lab.dir + "/second"
        os.mkdir(second)
        mounted(lab)
        try:
            mounted(lab, folder=second)
            equal(len(loops(lab)), 1, "loop devices")
            equal(os.stat(second).st_dev, os.stat(lab.mount).st_dev, "filesystems")
        finally:
            subprocess.run(["umount", second])
        equal([m for m in lab.status()["marks"] if m["path"] == lab.mount], [{"path": lab.mount, "marked": True}])


@test
def wrong_usage_is_told_apart():
    with Lab() as lab:
        down(lab)
        for more in (("surplus",), ("-N", "/proc/self/ns/mnt"), ("-o", "remount,ro")):
            r = mount(lab, *more)
            equal(r.returncode, 1, r.stderr)
            equal(os.path.ismount(lab.mount), False)
        equal(mount(lab, "-f").returncode, 0)
        equal(os.path.ismount(lab.mount), False, "after -f")


sys.exit(main())
