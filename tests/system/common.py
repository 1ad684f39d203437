# SPDX-License-Identifier: Apache-2.0
"""What the system tests share: finding the lab and the programs, skipping with a reason, checks that say what
was expected, and one main."""
import fcntl
import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
import traceback

HERE = os.path.dirname(os.path.abspath(__file__))
ROOT = os.path.dirname(os.path.dirname(HERE))
sys.path.insert(0, os.path.join(ROOT, "installer", "linux"))

from lab import cluster as lab_cluster  # noqa: E402
from lab import clock, netns  # noqa: E402
from lab.clock import PATIENCE  # noqa: E402

BIN = os.environ.get("SEINE_BIN") or os.path.join(ROOT, "build", "release", "bin")
SKIPPED = 77


class Failed(AssertionError):
    pass


def skip(reason):
    print("skipped: " + reason)
    sys.exit(SKIPPED)


def need_lab():
    """Skips unless this machine can make nodes: root, Open vSwitch, the built programs."""
    if os.geteuid() != 0:
        skip("needs root")
    for tool in ("ovs-vswitchd", "ip", "nft", "ethtool"):
        if not shutil.which(tool):
            skip(tool + " is not installed (installer/deps.sh run)")
    for program in ("seine-agent", "seine-cni", "seinectl"):
        if not os.path.exists(os.path.join(BIN, program)):
            skip("%s is not built in %s" % (program, BIN))


def equal(got, expected, what):
    if got == expected:
        return
    if isinstance(got, list) and isinstance(expected, list) and len(got) + len(expected) > 20:
        lines = ["- %s" % x for x in expected if x not in got] + ["+ %s" % x for x in got if x not in expected]
        raise Failed("%s: expected -, got +\n%s" % (what, "\n".join(lines[:20])))
    raise Failed("%s: expected %r, got %r" % (what, expected, got))


def true(value, what):
    if not value:
        raise Failed(what)


def eventually(check, what, timeout=PATIENCE, every=0.02):
    """Calls `check` until it returns something true; returns that. `what` is a text, or a function that is asked for it in the end.
    A limit of one's own is for what may not take long, and its seconds are those that the machine did not stand still."""
    start, asked = clock.now(), 0
    while True:
        late = clock.now() - start > timeout
        value = check()
        asked += 1
        if value:
            return value
        if late:
            raise Failed("not within %g s (asked %d times; the test %s): %s" % (
                timeout, asked, clock.told(), what() if callable(what) else what))
        time.sleep(every)
        every = min(every * 1.2, max(every, 0.2))  # whoever is slow is not helped by being asked


def step(text):
    print("-- %s" % text, flush=True)


class Cluster(lab_cluster.Cluster):
    """Keeps, in the folder SEINE_RECORD, what each scenario ended with: tests/windows/test_equal.py derives it again with
    the programs of both systems."""

    def recompute(self):
        super().recompute()
        if os.environ.get("SEINE_RECORD"):
            for node in self.nodes:
                if node.agent:
                    self.keep(node, os.environ["SEINE_RECORD"], "%s-%s" % (self.prefix.rstrip("0123456789"), node.name))

    def keep(self, node, record, name):
        """Made beside its place and put there whole: the same scenario may run with other programs at the same time."""
        os.makedirs(record, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=os.path.dirname(record)) as made, open(record + ".lock", "w") as lock:
            self.write_record(node, made + "/" + name)
            fcntl.flock(lock, fcntl.LOCK_EX)
            if os.path.exists(os.path.join(record, name)):
                os.rename(os.path.join(record, name), made + "/before")
            os.rename(made + "/" + name, os.path.join(record, name))

    def write_record(self, node, folder):
        shutil.copytree(self.objects.dir, folder + "/objects")
        attached = [p for p in node.ctl_json("get", "pods")["items"] if p.get("local") and p.get("interface")]
        with open(folder + "/attachments.json", "w") as f:
            json.dump(attached, f)
        with open(folder + "/desired", "w") as f:
            for what in ("flows", "groups", "meters"):
                f.write("# %s\n%s" % (what, node.ctl("get", what, "--desired").stdout))
        with open(folder + "/node", "w") as f:
            f.write(node.name)


def cluster(name, **more):
    """A cluster of its own prefix: tests run beside each other."""
    prefix = "st%s%d" % (name, os.getpid())
    return Cluster(prefix, lab_cluster.free_run_dir(prefix), BIN, **more)


class Matrix:
    """Expected answers of many probes, asked at once; reports every cell that differs. A cell expected
    open that stayed silent is asked a second time, with patience: a packet that is lost or late on a busy machine is not
    a verdict."""

    def __init__(self, c):
        self.c, self.probes, self.expected, self.names = c, [], [], []

    def expect(self, src, dst, verdict, proto="tcp", port=80, families=None):
        for family in families or self.c.families:
            self.add(self.c.probe_of(src, dst, family, proto, port), verdict,
                     "%s -> %s %s/%s v%d" % (src.full_name, dst.full_name, proto, port, family))

    def add(self, probe, verdict, name):
        self.probes.append(probe)
        self.expected.append("allow" if verdict else "drop")
        self.names.append(name)

    def check(self, what=""):
        got = self.c.ask(self.probes)
        again = [i for i, r in enumerate(got) if r == "drop" and self.expected[i] == "allow"]
        if again:
            for i, r in zip(again, self.c.answers([self.probes[i] for i in again])):
                got[i] = r
        differ = [i for i, g in enumerate(got) if g != self.expected[i]]
        wrong = ["%s: expected %s, measured %s" % (self.names[i], self.expected[i], got[i]) for i in differ]
        print("   %d of %d cells as expected%s" % (len(got) - len(wrong), len(got), what and " (%s)" % what))
        if wrong:
            raise Failed("%s\n%s\n%s\nthe test %s" % (what, "\n".join(wrong), self.why(self.probes[differ[0]]), clock.told()))

    def why(self, probe):
        """What the agent says of the first of them."""
        pod = next((p for p in self.c.pods.values() if p.ns == probe.ns), None)
        if not pod or probe.proto == "icmp":
            return ""
        try:
            done = pod.node.ctl("why", pod.full_name, probe.address, "%d/%s" % (probe.port, probe.proto), check=False)
        except (AttributeError, OSError, netns.LabError, subprocess.TimeoutExpired) as e:
            return "why: %s" % e
        return done.stdout + done.stderr


def main(scenario, need=need_lab):
    """Runs one scenario, says how long it took, checks that nothing of any cluster of this process is left."""
    need()
    start = time.monotonic()
    made = []
    original = lab_cluster.Cluster.__init__

    def remember(self, *args, **kwargs):
        original(self, *args, **kwargs)
        made.append((self.prefix, self.run))

    lab_cluster.Cluster.__init__ = remember
    status = 0
    try:
        scenario()
    except (Failed, netns.LabError, subprocess.TimeoutExpired) as e:
        traceback.print_exc()
        print("FAILED: %s" % e)
        status = 1
    if not os.environ.get("SEINE_KEEP"):
        for prefix, run in made:
            for left in lab_cluster.leftovers(prefix, run):
                print("FAILED: left behind: " + left)
                status = 1
    print("%.1f s; the test %s" % (time.monotonic() - start, clock.told()))
    sys.exit(status)
