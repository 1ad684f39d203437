# SPDX-License-Identifier: Apache-2.0
"""The MSI, in a Wine prefix of its own: installed, asked, upgraded, removed; the service that it makes runs."""
import glob
import os
import re
import shutil
import subprocess
import tempfile

from service_node import BUILD, PROGRAMS, ROOT, Node, equal, need_root, results, wait_for

UPGRADE_CODE = "{8F0C1A5E-2F0D-4F7B-9C55-5B7D7C0A6E21}"
UNINSTALL = r"HKLM\Software\Microsoft\Windows\CurrentVersion\Uninstall"
COMMAND = r'"C:\Program Files\Seine\seine-agent.exe" --config C:\ProgramData\seine\config.yaml'


def table(msi, name):
    """Rows of a table of the MSI, without its three lines of head."""
    out = subprocess.run(["msiinfo", "export", msi, name], check=True, capture_output=True, text=True).stdout
    return [line.split("\t") for line in out.replace("\r", "").splitlines()[3:]]


def version_of(program, n):
    return n.exec(program, "--version").split()[1]


def what_it_says(msi, version):
    """Before it is installed."""
    properties = dict(table(msi, "Property"))
    equal(properties["ProductVersion"], version, "ProductVersion")
    equal(properties["UpgradeCode"].upper(), UPGRADE_CODE, "UpgradeCode")
    equal(properties["ALLUSERS"], "1", "per machine")
    info = subprocess.run(["msiinfo", "suminfo", msi], check=True, capture_output=True, text=True).stdout
    assert "Template: x64;1033" in info, info
    service = dict(zip("id name display type start".split(), table(msi, "ServiceInstall")[0]))
    equal((service["name"], service["type"], service["start"]), ("seine-agent", "16", "2"), "service")
    files = subprocess.run(["msiextract", "-l", msi], check=True, capture_output=True, text=True).stdout.split()
    equal(sorted(files), sorted(["Seine/" + p for p in PROGRAMS] + [
        "Seine/LICENSE.txt", "Seine/PowerShell/Seine/Seine.psd1", "Seine/PowerShell/Seine/Seine.psm1"]), "files")


def installed_versions(n):
    text = n.exec("reg", "query", UNINSTALL, "/s", rc=None)
    found = []
    for block in re.split(r"\n(?=HKEY)", text):
        if re.search(r"DisplayName\s+REG_SZ\s+Seine\s*$", block, re.M):
            found += re.findall(r"DisplayVersion\s+REG_SZ\s+(\S+)", block)
    return found


def msiexec(n, verb, msi):
    n.exec("msiexec", verb, "Z:" + msi, "/qn")


def install(n, msi, version):
    msiexec(n, "/i", msi)
    equal(installed_versions(n), [version], "installed")
    n.wait_service("RUNNING")
    for program in PROGRAMS:
        with open(n.c("Program Files/Seine/" + program), "rb") as a, open(BUILD + "/bin/" + program, "rb") as b:
            assert a.read() == b.read(), program
    equal(version_of(r"C:\Program Files\Seine\seine-agent.exe", n), version, "--version")
    # What an MSI cannot say the service gives itself when it starts.
    wait_for(lambda: "quoted: %s" % n.service_values(), lambda: n.service_values()["ImagePath"] == COMMAND)
    assert n.told("SERVICE_CONFIG_FAILURE_ACTIONS not implemented: period 86400"), "no restart on failure was asked for"
    with open(n.c("ProgramData/seine/config.yaml")) as f:
        assert "objects: 'C:\\ProgramData\\seine\\objects'" in f.read()
    source = n.exec("reg", "query", r"HKLM\System\CurrentControlSet\Services\EventLog\Application\seine-agent")
    assert re.search(r"system32\\EventCreate.exe", source, re.I), source


def beside_the_installer(n):
    """The verbs find what the MSI made as it should be, and add the runtime's side."""
    cni = ("--cni-bin-dir", r"C:\k\bin", "--cni-conf-dir", r"C:\k\conf")
    have = results(n.exec(r"C:\Program Files\Seine\seine-agent.exe", "install", *cni))
    equal({name: have[name] for name in ("stop", "programs", "config-file", "service", "start")},
          dict.fromkeys(("stop", "programs", "config-file", "service", "start"), "skip"), "after the MSI")
    equal((have["cni-plugin"], have["conflist"]), ("ok", "ok"))


def upgrade(n, version):
    """A later MSI takes the place of the earlier one."""
    later = re.sub(r"\d+$", lambda m: str(int(m.group()) + 1), version)
    with tempfile.TemporaryDirectory() as folder:
        os.makedirs(folder + "/generated")
        os.symlink(BUILD + "/bin", folder + "/bin")
        with open(folder + "/generated/version.c.txt", "w") as f:
            f.write(later + "\n")
        subprocess.run([ROOT + "/installer/windows/msi.sh", folder], check=True, stdout=subprocess.DEVNULL)
        msi = "%s/seine-%s-x64.msi" % (folder, later)
        equal(dict(table(msi, "Property"))["UpgradeCode"].upper(), UPGRADE_CODE, "UpgradeCode")
        msiexec(n, "/i", msi)
        equal(installed_versions(n), [later], "after the upgrade")
        n.wait_service("RUNNING")
        msiexec(n, "/x", msi)


def removed(n):
    equal(installed_versions(n), [], "removed")
    equal(n.service(), None, "service")
    equal(os.path.exists(n.c("Program Files/Seine")), False, "programs")
    assert os.path.exists(n.c("ProgramData/seine/config.yaml")), "ProgramData is kept"
    source = n.exec("reg", "query", r"HKLM\System\CurrentControlSet\Services\EventLog\Application\seine-agent", rc=None)
    assert "EventCreate.exe" not in source, source


def main():
    need_root()
    found = glob.glob(BUILD + "/seine-*-x64.msi")
    equal(len(found), 1, "one MSI: %s" % found)
    msi = found[0]
    with Node("msi") as n:
        version = version_of(BUILD + "/bin/seine-agent.exe", n)
        equal(os.path.basename(msi), "seine-%s-x64.msi" % version)
        what_it_says(msi, version)
        install(n, msi, version)
        beside_the_installer(n)
        msiexec(n, "/x", msi)
        removed(n)
        shutil.rmtree(n.c("ProgramData/seine"))
        install(n, msi, version)
        upgrade(n, version)
        removed(n)
    print("ok")


if __name__ == "__main__":
    main()
