# SPDX-License-Identifier: Apache-2.0
"""The programs for Windows need nothing but what every Windows Server 2019 Core has: what their import tables name is on
a list. What may be absent from a machine (computenetwork.dll, vmcompute.dll) is loaded while they run."""
import glob
import re
import subprocess
import sys

SYSTEM = {"advapi32", "bcrypt", "crypt32", "iphlpapi", "kernel32", "msvcrt", "ole32", "oleaut32", "psapi", "shell32",
          "user32", "userenv", "ws2_32"}
PROGRAMS = ("seine-agent.exe", "seine-cni.exe", "seinectl.exe")


def imports(path):
    out = subprocess.run(["x86_64-w64-mingw32-objdump", "-p", path], capture_output=True, text=True, check=True).stdout
    return {name.lower()[:-len(".dll")] for name in re.findall(r"^\s*DLL Name: (\S+)", out, re.M)}


def main():
    wrong = []
    found = sorted(glob.glob("build/windows/bin/*.exe"))
    if [path.split("/")[-1] for path in found] != sorted(PROGRAMS):
        wrong.append("programs: %s" % " ".join(found))
    for path in found:
        names = imports(path)
        print("%s: %s" % (path, " ".join(sorted(names))))
        if "kernel32" not in names:
            wrong.append("%s: its import table was not read" % path)
        wrong += ["%s: imports %s.dll" % (path, name) for name in sorted(names - SYSTEM)]
    print("\n".join(wrong))
    return 1 if wrong else 0


sys.exit(main())
