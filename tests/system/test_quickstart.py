# SPDX-License-Identifier: Apache-2.0
"""installer/quickstart.sh as a stranger uses it: up, status, shell, two beside each other, down leaves nothing. With the
argument `mixed`: the same with a Windows node."""
import os
import re
import subprocess
import sys

import common
from lab import cluster as lab
from lab import netns

SCRIPT = os.path.join(common.ROOT, "installer", "quickstart.sh")


def quickstart(*args, stdin="", timeout=850):
    done = subprocess.run([SCRIPT, *args], input=stdin, capture_output=True, text=True, timeout=timeout)
    return done.returncode, done.stdout, done.stdout + done.stderr


def everything():
    """What a machine has that down must leave as it was: this test's network, which no other test uses."""
    links = subprocess.run(["ip", "-br", "link"], capture_output=True, text=True).stdout
    return sorted(line.split()[0] for line in links.splitlines())


def scenario():
    netns.leave()
    name, other = "qa%d" % (os.getpid() % 1000), "qb%d" % (os.getpid() % 1000)
    before = everything()
    try:
        common.step("up")
        code, out, all_out = quickstart("--name", name)
        common.equal(code, 0, "up:\n" + all_out)
        last = out.rstrip().splitlines()[-1]
        m = re.fullmatch(r"quickstart: (\d+) of (\d+) cells as expected", last)
        common.true(m and m.group(1) == m.group(2) and int(m.group(2)) == 120, "last line: " + last)
        common.true("why" in out and "drop" in out and "down" in out, "it shows a why and what to try next")

        common.step("a second one beside it")
        code, out, all_out = quickstart("up", "--name", other)
        common.equal(code, 0, "the second one:\n" + all_out)
        code, out, all_out = quickstart("status", "--name", name)
        common.equal(code, 0, "status of the first:\n" + all_out)

        common.step("shell takes commands from stdin")
        code, out, all_out = quickstart("shell", "node2", "--name", name,
                                        stdin="seinectl status -o json | grep -c node2\novs-vsctl br-exists br-int && echo bridge\nexit 7\n")
        common.equal(code, 7, "the shell's own status: " + all_out)
        common.true("bridge" in out and out.startswith("1"), "what it printed: " + all_out)
        common.equal(quickstart("shell", "node9", "--name", name)[0], 2, "an unknown node")
        common.equal(quickstart("dance")[0], 2, "an unknown verb")
        common.equal(quickstart("shell")[0], 2, "shell without a node")

        common.step("a broken cell fails")
        folder = lab.free_run_dir(name) + "/objects"
        os.rename(folder + "/shop-db-egress.yaml", folder + "/.away")
        code, out, all_out = quickstart("status", "--name", name)
        common.equal(code, 1, "status without the policies: " + all_out)
        common.true("!" in out, "the difference is marked")
    finally:
        for prefix in (name, other):
            code, out, all_out = quickstart("down", "--name", prefix)
            common.equal(code, 0, "down: " + all_out)
            common.equal(lab.leftovers(prefix, lab.free_run_dir(prefix)), [], "left after down")
    common.equal(everything(), before, "interfaces of the machine")
    common.equal(quickstart("down", "--name", name)[0], 0, "down of nothing")
    common.equal(quickstart("status", "--name", name)[0], 1, "status of nothing")
    common.equal(lab.leftovers(name, lab.free_run_dir(name)), [], "left after the status of nothing")


def mixed():
    netns.leave()
    name = "qm%d" % (os.getpid() % 1000)
    before = everything()
    try:
        common.step("up --mixed")
        code, out, all_out = quickstart("--mixed", "--name", name)
        common.equal(code, 0, "up --mixed:\n" + all_out)
        last = out.rstrip().splitlines()[-2:]
        common.true(re.fullmatch(r"flows identical: yes \((\d{3,}) flows, \d+ groups, \d+ meters\)", last[0]), last[0])
        m = re.fullmatch(r"quickstart: (\d+) of (\d+) cells as expected", last[1])
        common.true(m and m.group(1) == m.group(2) and int(m.group(2)) == 120, "last line: " + last[1])
        common.true("linux -> windows" in out and "windows -> linux" in out, "the nodes are in the matrix")

        common.step("shell in the Windows node, status")
        code, out, all_out = quickstart("shell", "windows", "--name", name,
                                        stdin="seinectl status -o json | grep -c '\"windows\"'\novs-vsctl br-exists br-int && echo bridge\nexit 7\n")
        common.equal(code, 7, "the shell's own status: " + all_out)
        common.true("bridge" in out and out.startswith("1"), "what it printed: " + all_out)
        common.equal(quickstart("status", "--name", name)[0], 0, "status")
    finally:
        code, out, all_out = quickstart("down", "--name", name)
        common.equal(code, 0, "down: " + all_out)
        common.equal(lab.leftovers(name, lab.free_run_dir(name)), [], "left after down")
    common.equal(everything(), before, "interfaces of the machine")


if __name__ == "__main__":
    common.main(mixed if sys.argv[1:] == ["mixed"] else scenario)
