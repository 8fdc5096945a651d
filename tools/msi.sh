#!/bin/bash
# Builds the Windows package build/msi/alto-VERSION.msi from what tools/build.sh mingw made. Wants wixl and msitools (tools/deps.sh msi).
#   tools/msi.sh [AGENT.exe CLI.exe [FILE.msi]]
#   tools/msi.sh offer DIR          puts what was built into a console's folder (console/dist), whose line for PowerShell then fetches it
set -euo pipefail
cd "$(dirname "$0")/.."
version=$(cat VERSION)
if [ "${1:-}" = offer ]; then
    install -D -m 0644 "build/msi/alto-$version.msi" "${2:?usage: tools/msi.sh offer DIR}/downloads/alto.msi"
    printf '{ "windows": "/downloads/alto.msi" }\n' >"$2/downloads.json"
    exit
fi
agent=${1:-build/mingw/src/agent/run/alto-agent.exe}
cli=${2:-build/mingw/src/cli/alto.exe}
to=${3:-build/msi/alto-$version.msi}

for program in wixl msibuild msiinfo x86_64-w64-mingw32-strip; do
    command -v $program >/dev/null || { echo "tools/msi.sh: $program is missing: tools/deps.sh msi" >&2; exit 1; }
done
for file in "$agent" "$cli"; do
    [ -f "$file" ] || { echo "tools/msi.sh: $file is missing: tools/build.sh mingw" >&2; exit 1; }
done
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
# Whoever has the same version has the same product, whenever it was built.
product=$(python3 -c 'import sys, uuid; print(str(uuid.uuid5(uuid.UUID("5d0b7e0c-6e0e-4f0b-9a55-7b1e0c2c7a11"), sys.argv[1])).upper())' "$version")
mkdir -p "$(dirname "$to")"
x86_64-w64-mingw32-strip -o "$work/alto-agent.exe" "$agent"
x86_64-w64-mingw32-strip -o "$work/alto.exe" "$cli"
cp packaging/windows/alto.wxs "$work/" # it takes relative names alone
(cd "$work" && wixl -a x64 -D "Version=$version" -D "Product=$product" -D Agent=alto-agent.exe -D Cli=alto.exe -o alto.msi alto.wxs)

# What wixl cannot say. Types: msidbCustomActionType..., 18 a program that was installed, 19 an error; 0x2000 its command line is in no log.
run=$((18 + 0x400 + 0x800)) try=$((18 + 0x40 + 0x400 + 0x800)) undo=$((18 + 0x40 + 0x500 + 0x800))
secure=$(msiinfo export "$work/alto.msi" Property | tr -d '\r' | sed -n 's/^SecureCustomProperties\t//p')
left='Without the agent nobody can read stubs. First, as administrator: alto-agent service remove. It says how many there are, and with --recall-first brings the files back. To leave them: msiexec /x with LEAVESTUBS=1'
msibuild "$work/alto.msi" \
    -q "UPDATE Property SET Value='$secure;SERVER;TOKEN;TOKENFILE;CAFILE;HOSTNAME;ACCOUNT;LEAVESTUBS' WHERE Property='SecureCustomProperties'" \
    -q "INSERT INTO Property (Property, Value) VALUES ('MsiHiddenProperties', 'TOKEN;Setup')" \
    -q "UPDATE CustomAction SET Type=$((run + 0x2000)) WHERE Action='Setup'" \
    -q "UPDATE CustomAction SET Type=$run WHERE Action='Unset'" \
    -q "UPDATE CustomAction SET Type=$try WHERE Action='Restart'" \
    -q "UPDATE CustomAction SET Type=$undo WHERE Action='SetupUndo'" \
    -q "INSERT INTO CustomAction (Action, Type, Target) VALUES ('StubsLeft', 19, '$left')" \
    -q "INSERT INTO InstallExecuteSequence (Action, Condition, Sequence) VALUES ('StubsLeft', 'REMOVE=\"ALL\" AND NOT UPGRADINGPRODUCTCODE AND ALTOSERVICE AND NOT LEAVESTUBS', 1050)" \
    -q "UPDATE InstallExecuteSequence SET Sequence=4001 WHERE Action='SetupUndo'" \
    -q "UPDATE InstallExecuteSequence SET Sequence=4002 WHERE Action='Setup'" \
    -q "UPDATE InstallExecuteSequence SET Sequence=4003 WHERE Action='Restart'" \
    -q "UPDATE InstallExecuteSequence SET Sequence=1450 WHERE Action='RemoveExistingProducts'" \
    -q "UPDATE InstallExecuteSequence SET Sequence=1950 WHERE Action='Unset'"
mv "$work/alto.msi" "$to"
echo "$to"
