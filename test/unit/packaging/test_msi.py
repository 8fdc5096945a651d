#!/usr/bin/env python3
"""The Windows package as its tables say, and the programs in it: what they import. Needs build/mingw (tools/build.sh mingw), which it does not make."""
import os
import re
import shutil
import subprocess
import sys
import tempfile

SOURCE = os.environ["ALTO_SOURCE"]
sys.path.insert(0, os.path.join(SOURCE, "test/lib"))
from tap import Skip, check, equal, main  # noqa: E402

WORK = tempfile.mkdtemp(prefix="alto-msi-")
MSI = os.path.join(WORK, "alto.msi")
PROGRAMS = {"alto-agent.exe": "build/mingw/src/agent/run/alto-agent.exe", "alto.exe": "build/mingw/src/cli/alto.exe"}
# Of Windows Server 2019 and later, each in System32 of a machine on which nothing else is installed.
SYSTEM = {"kernel32.dll", "advapi32.dll", "bcrypt.dll", "crypt32.dll", "msvcrt.dll", "ntdll.dll", "ws2_32.dll", "winhttp.dll", "mpr.dll", "netapi32.dll", "ole32.dll",
          "shell32.dll", "user32.dll", "userenv.dll", "version.dll", "secur32.dll"}
SCHEDULED, NO_USER, ROLLBACK, HIDDEN, GO_ON = 0x400, 0x800, 0x100, 0x2000, 0x40


def output(*command):
    done = subprocess.run(command, cwd=SOURCE, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    check(done.returncode == 0, "%s ended with %d: %s" % (command, done.returncode, done.stderr[-800:]))
    return done.stdout


def msi():
    if not os.path.exists(MSI):
        for program in ("wixl", "msibuild", "x86_64-w64-mingw32-strip"):
            if shutil.which(program) is None:
                raise Skip("%s is not installed" % program)
        for path in PROGRAMS.values():
            if not os.path.exists(os.path.join(SOURCE, path)):
                raise Skip("%s is not built" % path)
        output("tools/msi.sh", PROGRAMS["alto-agent.exe"], PROGRAMS["alto.exe"], MSI)
    return MSI


def table(name):
    rows = [line.split("\t") for line in output("msiinfo", "export", msi(), name).replace("\r", "").split("\n") if line]
    return [dict(zip(rows[0], row)) for row in rows[3:]]


def properties():
    return {row["Property"]: row["Value"] for row in table("Property")}


def sequence():
    return {row["Action"]: (int(row["Sequence"]), row["Condition"]) for row in table("InstallExecuteSequence")}


def test_it_is_the_version_of_the_source():
    version = open(os.path.join(SOURCE, "VERSION")).read().strip()
    said = properties()
    equal((said["ProductVersion"], said["ALLUSERS"]), (version, "1"), "version, and for whom")
    check(re.fullmatch(r"\{[0-9A-F-]{36}\}", said["ProductCode"]), said["ProductCode"])
    upgrades = table("Upgrade")
    check(upgrades and all(row["UpgradeCode"] == said["UpgradeCode"] for row in upgrades), "upgrades: %s" % upgrades)


def test_one_version_is_one_product():
    before = properties()["ProductCode"]
    output("tools/msi.sh", PROGRAMS["alto-agent.exe"], PROGRAMS["alto.exe"], MSI)
    equal(properties()["ProductCode"], before, "the product's code of the same version")


def test_a_repair_leaves_the_service_running():
    at, kinds = sequence(), {row["Action"]: int(row["Type"]) for row in table("CustomAction")}
    restart = [row for row in table("CustomAction") if row["Action"] == "Restart"][0]
    equal(restart["Target"], "service start", "what it does, without any property of whoever asks")
    check(kinds["Restart"] & GO_ON, "a service that does not start fails the repair, which would undo it")
    equal(at["Restart"][1], "REINSTALL AND ALTOSERVICE", "when")
    check(at["StopServices"][0] < at["InstallFiles"][0] < at["Restart"][0] < at["InstallFinalize"][0], "it is started before its file is there")


def test_a_token_is_in_no_log():
    said = properties()
    check({"TOKEN", "Setup"} <= set(said["MsiHiddenProperties"].split(";")), "hidden: %s" % said["MsiHiddenProperties"])
    check({"SERVER", "TOKEN", "TOKENFILE"} <= set(said["SecureCustomProperties"].split(";")), "secure: %s" % said["SecureCustomProperties"])
    setup = [row for row in table("CustomAction") if row["Action"] == "Setup"][0]
    check("[TOKEN]" in setup["Target"] and int(setup["Type"]) & HIDDEN, "the command line of Setup is logged: %s" % setup)
    writes = {"Registry", "IniFile", "Environment"} & set(output("msiinfo", "tables", msi()).split())
    equal([row for name in writes for row in table(name) if "TOKEN" in str(row)], [], "what is written down")


def test_actions_run_as_the_system_and_when_they_may():
    kinds = {row["Action"]: int(row["Type"]) for row in table("CustomAction")}
    at = sequence()
    for name in ("Setup", "Unset", "SetupUndo", "Restart"):
        check(kinds[name] & SCHEDULED and kinds[name] & NO_USER, "%s is of type %x" % (name, kinds[name]))
        check(at["InstallInitialize"][0] < at[name][0] < at["InstallFinalize"][0], "%s is not within the transaction" % name)
    check(kinds["SetupUndo"] & ROLLBACK and at["SetupUndo"][0] < at["Setup"][0], "the way back is not before the way")
    check(at["InstallFiles"][0] < at["Setup"][0], "the program runs before it is there")
    check(at["StopServices"][0] <= at["Unset"][0] < at["RemoveFiles"][0], "the program runs after it is gone")
    # Anybody may have an installed product repaired, with properties of his own, and it is the system that acts.
    equal((at["Setup"][1], at["SetupUndo"][1].startswith("NOT Installed")), ("NOT Installed", True), "when it sets up")
    check(at["InstallValidate"][0] < at["RemoveExistingProducts"][0] < at["InstallInitialize"][0], "when the older one goes")


def test_nothing_goes_while_stubs_may_be_left():
    at, left = sequence(), [row for row in table("CustomAction") if row["Action"] == "StubsLeft"][0]
    equal(left["Type"], "19", "an error")
    check("service remove" in left["Target"] and "LEAVESTUBS=1" in left["Target"] and len(left["Target"]) < 256, left["Target"])
    check('REMOVE="ALL"' in at["StubsLeft"][1] and "NOT LEAVESTUBS" in at["StubsLeft"][1] and "NOT UPGRADINGPRODUCTCODE" in at["StubsLeft"][1], at["StubsLeft"])
    check(at["CostFinalize"][0] < at["StubsLeft"][0] < at["InstallInitialize"][0], "when it is looked at")
    check(at["Unset"][1].endswith("AND LEAVESTUBS"), at["Unset"][1])


def test_the_service_stops_before_its_file_goes():
    control = table("ServiceControl")
    equal([(row["Name"], int(row["Event"]) & 0x22, row["Wait"]) for row in control], [("alto-agent", 0x22, "1")], "stopped at install and uninstall")


def test_programs_import_from_the_system_alone():
    for name, path in PROGRAMS.items():
        msi()
        said = output("x86_64-w64-mingw32-objdump", "-p", path)
        found = {dll.lower() for dll in re.findall(r"DLL Name: (\S+)", said)}
        check(found and not found - SYSTEM, "%s imports from %s" % (name, sorted(found - SYSTEM)))


def test_it_is_small():
    files = {row["FileName"].split("|")[-1]: int(row["FileSize"]) for row in table("File")}
    equal(sorted(files), sorted(PROGRAMS), "files")
    print("# alto-agent.exe %d bytes, alto.exe %d, the package %d" % (files["alto-agent.exe"], files["alto.exe"], os.path.getsize(msi())))
    check(files["alto-agent.exe"] < 4 << 20 and os.path.getsize(msi()) < 4 << 20, "too large")


try:
    main([test for name, test in list(globals().items()) if name.startswith("test_")])
finally:
    shutil.rmtree(WORK, ignore_errors=True)
