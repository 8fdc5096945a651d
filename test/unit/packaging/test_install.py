#!/usr/bin/env python3
"""What `meson install` puts below DESTDIR is whole: programs that start from there, units that systemd takes, manual pages without warnings."""
import glob
import json
import os
import re
import shutil
import subprocess
import sys
import tempfile

SOURCE, BUILD = os.environ["ALTO_SOURCE"], os.environ["ALTO_BUILD"]
sys.path.insert(0, os.path.join(SOURCE, "test/lib"))
from tap import Skip, check, equal, main  # noqa: E402

DEST = tempfile.mkdtemp(prefix="alto-install-")
OPTIONS = {o["name"]: o["value"] for o in json.loads(subprocess.check_output(["meson", "introspect", "--buildoptions", BUILD]))}
PREFIX = OPTIONS["prefix"]


def output(*command, status=0, **more):
    done = subprocess.run(command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, **more)
    check(done.returncode == status, "%s ended with %d: %s" % (command, done.returncode, done.stdout[-800:]))
    return done.stdout


def at(option, *parts):
    return os.path.join(DEST + PREFIX, OPTIONS[option], *parts)


def units():
    return sorted(glob.glob(DEST + PREFIX + "/lib/systemd/system/alto*.service"))


def test_everything_is_installed_below_destdir():
    output("meson", "install", "-C", BUILD, "--no-rebuild", "--destdir", DEST)
    equal(os.listdir(DEST), [PREFIX.split("/")[1]], "what is outside the prefix")
    equal([os.path.basename(u) for u in units()], ["alto-agent.service", "alto-gate.service", "alto-hold.service", "altod.service"], "units")


def test_programs_start_from_where_they_are_installed():
    version = open(os.path.join(SOURCE, "VERSION")).read().strip()
    for program in ("altod", "alto-agent"):
        check(version in output(at("sbindir", program), "--version"), program)
    check(version in output(at("bindir", "alto"), "--version"), "alto")
    for program in ("alto-gate", "alto-hold", "mount.alto"):
        check("usage" in output(at("sbindir", program), "--help"), program)


def test_altod_finds_its_library_where_it_is_installed_and_nowhere_else():
    check(os.path.join(SOURCE, "build") not in output("readelf", "-d", at("sbindir", "altod")), "a path of the build is left in altod")
    found = [line for line in output("ldd", at("sbindir", "altod")).splitlines() if "libduckdb" in line]
    check(len(found) == 1 and DEST in found[0], "libduckdb.so comes from elsewhere: %r" % found)


def test_units_name_installed_programs():
    for unit in units():
        text = open(unit).read()
        check(not re.search(r"@\w+@", text), "%s: a variable was left" % unit)
        for program in re.findall(r"^Exec\w+=-?(\S+)", text, re.M):
            check(os.access(DEST + program, os.X_OK), "%s names %s" % (unit, program))


def test_systemd_takes_the_units():
    if shutil.which("systemd-analyze") is None:
        raise Skip("no systemd-analyze here")
    folder = os.path.join(DEST, "verify")
    os.makedirs(folder)
    for unit in units() + [at("datadir", "doc/alto/examples/srv-projects.mount")]:
        with open(unit) as source, open(os.path.join(folder, os.path.basename(unit)), "w") as to:
            to.write(source.read().replace(PREFIX + "/" + OPTIONS["sbindir"], at("sbindir")))
    for unit in sorted(os.listdir(folder)):
        said = output("systemd-analyze", "verify", "--man=no", os.path.join(folder, unit))
        equal([line for line in said.splitlines() if "alto" in line or unit in line], [], unit)
    shutil.rmtree(folder)


def test_gate_and_hold_cannot_be_stopped_by_hand_nor_given_up():
    for name in ("alto-gate", "alto-hold"):
        text = open([u for u in units() if os.path.basename(u) == name + ".service"][0]).read()
        for line in ("RefuseManualStop=yes", "StartLimitIntervalSec=0", "OOMScoreAdjust=-1000", "Restart=always", "DefaultDependencies=no"):
            check(line in text.splitlines(), "%s has no %s" % (name, line))
        check("Conflicts=" not in re.sub(r"^#.*$", "", text, flags=re.M), name)
    for unit in units():  # Requires= would restart its owner with the gate
        check(not re.search(r"^(Requires|BindsTo|PartOf)=.*alto-(gate|hold)", open(unit).read(), re.M), unit)


def test_manual_pages_have_no_warnings():
    pages = glob.glob(at("mandir", "man*", "*"))
    equal(len(pages), 6, "pages")
    if shutil.which("groff") is None:
        raise Skip("no groff here")
    for page in pages:
        equal(output("groff", "-k", "-man", "-ww", "-z", "-Tutf8", page), "", os.path.basename(page))


def test_completion_is_a_script_that_bash_takes():
    path = at("datadir", "bash-completion/completions/alto")
    output("bash", "-n", path)
    words = output("bash", "-c", "source '%s'; COMP_WORDS=(alto vol); COMP_CWORD=1; _alto; echo ${COMPREPLY[*]}" % path)
    equal(words.split(), ["volume"], "completion of vol")


def test_options_in_the_manual_are_those_of_the_program():
    for page, program in (("altod.8", at("sbindir", "altod")), ("alto-agent.8", at("sbindir", "alto-agent")), ("alto-gate.8", at("sbindir", "alto-gate"))):
        manual = set(re.findall(r"--([a-z][a-z-]+)", open(glob.glob(at("mandir", "man8", page))[0]).read().replace("\\-", "-")))
        program_has = set(re.findall(r"--([a-z][a-z-]+)", output(program, "--help"))) - {"help", "version", "file"}
        check(program_has <= manual | {"token"}, "%s lacks %s" % (page, sorted(program_has - manual)))


try:
    main([test for name, test in list(globals().items()) if name.startswith("test_")])
finally:
    shutil.rmtree(DEST, ignore_errors=True)
