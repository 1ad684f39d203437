# SPDX-License-Identifier: Apache-2.0
"""A Windows node for tests of what installs: a network namespace with a real Open vSwitch, and winenode in it. Services
run under Wine's service manager; what that and its event log were told is in the node's relay.log."""
import contextlib
import json
import os
import re
import subprocess
import sys
import tempfile
import time

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.realpath(__file__))))
sys.path.insert(0, ROOT + "/installer/linux")

from lab import clock, netns, ovs  # noqa: E402
from lab.clock import PATIENCE  # noqa: E402

WINENODE = ROOT + "/tests/windows/winenode"
BUILD = os.environ.get("SEINE_WINDOWS_BUILD") or ROOT + "/build/windows"
PROGRAMS = ("seine-agent.exe", "seine-cni.exe", "seinectl.exe")
# Wine's service manager does not keep failure actions, its event log keeps nothing: both tell what they were given.
WINEDEBUG = "-all,fixme+service,err+eventlog,warn+eventlog"


def wait_for(what, check, every=0.05):
    """Until `check` returns something true; returns that. `what` is a text, or a function that is asked for it in the end."""
    end = clock.now() + PATIENCE
    while True:
        late = clock.now() > end
        found = check()
        if found:
            return found
        if late:
            raise AssertionError("not within %d s (the test %s): %s" % (PATIENCE, clock.told(), what() if callable(what) else what))
        time.sleep(every)


def equal(have, want, what=""):
    assert have == want, "%s: %r, expected %r" % (what, have, want)


class Node:
    """with Node("name") as n: ..."""

    def __init__(self, name):
        self.name = "%s%d" % (name, os.getpid() % 10000)
        self.run_dir = "/run/seine-lab/" + self.name
        self.dir = self.run_dir + "/node"
        self.switch = ovs.Switch(self.run_dir + "/switch", self.name)

    def __enter__(self):
        try:
            self._up()
        except BaseException:
            self._down()
            raise
        return self

    def __exit__(self, kind, error, trace):
        if error:
            for path in (self.dir + "/relay.log", self.c("ProgramData/seine/logs/seine-agent.log")):
                with contextlib.suppress(OSError), open(path, errors="replace") as f:
                    print("---- %s\n%s" % (path, f.read()[-3000:]))
        left = self._down()
        assert error or not left, "processes are left: %s" % left

    def _up(self):
        netns.add(self.name)
        self.switch.start()
        self.switch.tool("ovs-appctl", "-t", "%s/ovsdb-server.%d.ctl" % (
            self.switch.dir, self.switch.pid("ovsdb-server")), "ovsdb-server/add-remote", "ptcp:6640:127.0.0.1")
        # On a Windows node the bridge's pipe listens by itself; here a relay stands before this port.
        self.switch.vsctl("add-br", "br-int", "--", "set", "bridge", "br-int", "datapath_type=netdev", "fail_mode=secure",
                          "--", "set-controller", "br-int", "ptcp:6653:127.0.0.1")
        self.ovs_version("3.3.1")
        env = dict(os.environ, WINEDEBUG=WINEDEBUG)
        up = subprocess.run([WINENODE, "up", self.name, "--netns", self.name, "--ovsdb", "tcp:127.0.0.1:6640",
                             "--openflow", "tcp:127.0.0.1:6653", "--dir", self.dir], env=env, text=True,
                            capture_output=True, timeout=4 * PATIENCE)
        assert up.returncode == 0, up.stdout + up.stderr
        self.prefix = dict(line.split("=", 1) for line in up.stdout.splitlines())["WINEPREFIX"]

    def _down(self):
        subprocess.run([WINENODE, "down", self.name], capture_output=True, timeout=2 * PATIENCE)
        self.switch.stop()
        netns.delete(self.name)
        subprocess.run(["rm", "-rf", self.run_dir], check=True)
        return self.processes("") if hasattr(self, "prefix") else []

    # ---- the machine ----
    def c(self, path=""):
        """A path of drive C."""
        return "%s/drive_c/%s" % (getattr(self, "prefix", ""), path)

    def exec(self, *argv, rc=0, timeout=4 * PATIENCE):
        """stdout of a Windows program; its exit code must be `rc` (None: any). Read from files: msiexec brings up a
        service that keeps what a pipe's reader would wait for."""
        with tempfile.TemporaryFile("w+") as out, tempfile.TemporaryFile("w+") as err:
            code = subprocess.run([WINENODE, "exec", self.name, *argv], stdin=subprocess.DEVNULL, stdout=out, stderr=err,
                                  timeout=timeout).returncode
            text, self.stderr = [(f.seek(0), f.read())[1] for f in (out, err)]
        assert rc is None or code == rc, "%s: exit %d, expected %s\n%s%s" % (
            " ".join(argv), code, rc, text, self.stderr)
        return text

    def processes(self, word):
        """Pids of processes of this prefix whose command line has the word."""
        found = []
        for entry in filter(str.isdigit, os.listdir("/proc")):
            with contextlib.suppress(OSError):
                with open("/proc/%s/environ" % entry, "rb") as f:
                    ours = ("WINEPREFIX=" + self.prefix).encode() in f.read().split(b"\0")
                with open("/proc/%s/cmdline" % entry, "rb") as f:
                    if ours and word.encode() in f.read():
                        found.append(int(entry))
        return found

    def told(self, word):
        """Lines of what the service manager and the event log were told."""
        with open(self.dir + "/relay.log", errors="replace") as f:
            return [line for line in f if word in line]

    def order(self, line):
        with open(self.dir + "/hcn/commands", "a") as f:
            f.write(line + "\n")

    def wait_held(self):
        def held():
            with open(self.dir + "/hcn/held.json") as f:
                return any(json.load(f).values())
        wait_for("a call is held", held)

    def wait_service(self, *wanted):
        """Its state, and its exit code if that is said too."""
        wait_for(lambda: "the service is %s, not %s" % (wanted, self.service()), lambda: (self.service() or ())[:len(wanted)] == wanted)

    def ovs_version(self, text):
        self.switch.vsctl("--no-wait", "set", "Open_vSwitch", ".", "ovs_version=" + text)

    def tree(self, *folders):
        """What is in folders of drive C: name, size and bytes' hash, but for logs and locks."""
        out = subprocess.run(
            "for d in %s; do [ ! -e \"$d\" ] || find \"$d\" -not -path '*/logs*' -not -name '*.lock' "
            "-printf '%%p %%y\\n' -type f -exec md5sum {} +; done | sort"
            % " ".join("'%s'" % f for f in folders), shell=True, cwd=self.c(), text=True, capture_output=True,
            check=True)
        return out.stdout

    # ---- the service ----
    def service(self):
        """(state, exit code of the service itself); None: there is no such service."""
        text = self.exec("sc", "query", "seine-agent", rc=None)
        state = re.search(r"STATE\s*:\s*\d+\s+(\w+)", text)
        code = re.search(r"SERVICE_EXIT_CODE\s*:\s*(\d+)", text)
        return (state.group(1), int(code.group(1))) if state else None

    def service_values(self):
        text = self.exec("reg", "query", r"HKLM\System\CurrentControlSet\Services\seine-agent", rc=None)
        return dict((m.group(1), m.group(2).strip()) for m in re.finditer(r"^\s+(\w+)\s+REG_\w+\s+(.*)$", text, re.M))


def steps(text):
    """[(result, name, detail)] of what the installer printed."""
    found = []
    for line in text.splitlines():
        m = re.fullmatch(r"(ok|fail|skip|would) ([a-z-]+)(?:: (.*))?", line)
        assert m, "no line of a step: %r" % line
        found.append(m.groups())
    return found


def results(text):
    return {name: result for result, name, _ in steps(text)}


def need_root():
    if os.geteuid() != 0:
        print("skipped: not root")
        sys.exit(77)
