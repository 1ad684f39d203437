#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Runs a program on a machine that stands still at times: python3 tests/support/stall.py [OPTIONS] -- COMMAND ARGS...

All processes of the command are stopped together (a freezer cgroup, version 1 or 2) at random moments, as a busy host
does it with a virtual machine. What passes on a machine left alone and fails here depends on how fast it is. Ends with
the command's own status; the seed that is told repeats the same moments. Root.

  --seed N         0
  --every A:B      seconds between two stops, 0.05:0.6
  --last A:B       seconds of a stop, 0.05:0.5
  --alone          stops one process at a time, any of them, while the others go on: as one that gets no processor
"""

import argparse
import os
import random
import signal
import subprocess
import sys
import time

V1, V2 = "/sys/fs/cgroup/freezer", "/sys/fs/cgroup"


class Freezer:
    """A cgroup of this process's own."""

    def __init__(self):
        v1 = os.path.isdir(V1)
        base = V1 if v1 else V2
        self.dir = "%s/seine-stall-%d" % (base, os.getpid())
        self.file, self.words = ("freezer.state", ("THAWED", "FROZEN")) if v1 else ("cgroup.freeze", ("0", "1"))
        self.parent = base
        os.mkdir(self.dir)

    def _say(self, name, text, folder=None):
        with open(os.path.join(folder or self.dir, name), "w", encoding="ascii") as f:
            f.write(text)

    def join(self):
        """The calling process, and all that it starts from now on."""
        self._say("cgroup.procs", str(os.getpid()))

    def stop(self, stopped):
        self._say(self.file, self.words[stopped])

    def pids(self):
        with open(os.path.join(self.dir, "cgroup.procs"), encoding="ascii") as f:
            return [int(pid) for pid in f.read().split()]

    def leave(self):
        """What still runs goes on outside."""
        self.stop(False)
        for pid in self.pids():
            try:
                self._say("cgroup.procs", str(pid), self.parent)
            except ProcessLookupError:
                pass
        for _ in range(50):
            try:
                os.rmdir(self.dir)
                return
            except OSError:
                time.sleep(0.1)


def name_of(pid):
    try:
        with open("/proc/%d/comm" % pid, encoding="utf-8", errors="replace") as f:
            return f.read()
    except OSError:
        return ""


def send(pid, sig):
    try:
        os.kill(pid, sig)
    except ProcessLookupError:
        pass


def stop_one(freezer, moments, last):
    """Each program is as likely as any other, however many processes it has."""
    by_name = {}
    for pid in freezer.pids():
        by_name.setdefault(name_of(pid), []).append(pid)
    if by_name:
        pid = moments.choice(by_name[moments.choice(sorted(by_name))])
        send(pid, signal.SIGSTOP)
        time.sleep(last)
        send(pid, signal.SIGCONT)


def stop_all(freezer, _, last):
    freezer.stop(True)
    time.sleep(last)
    freezer.stop(False)


def span(text):
    low, high = (float(x) for x in text.split(":"))
    return low, high


def main():
    ap = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    ap.add_argument("--seed", type=int, default=0)
    ap.add_argument("--every", type=span, default=(0.05, 0.6))
    ap.add_argument("--last", type=span, default=(0.05, 0.5))
    ap.add_argument("--alone", action="store_true")
    ap.add_argument("command", nargs="+")
    args = ap.parse_args()
    freezer = Freezer()
    moments = random.Random(args.seed)
    stops, stood = 0, 0.0
    try:
        child = subprocess.Popen(args.command, preexec_fn=freezer.join)  # pylint: disable=subprocess-popen-preexec-fn
        while True:
            try:
                child.wait(moments.uniform(*args.every))
                break
            except subprocess.TimeoutExpired:
                pass
            last = moments.uniform(*args.last)
            (stop_one if args.alone else stop_all)(freezer, moments, last)
            stops, stood = stops + 1, stood + last
    finally:
        freezer.leave()
    print("stall: %d stops, %.1f s in all, seed %d" % (stops, stood, args.seed), file=sys.stderr)
    sys.exit(child.returncode if child.returncode >= 0 else 128 - child.returncode)


if __name__ == "__main__":
    main()
