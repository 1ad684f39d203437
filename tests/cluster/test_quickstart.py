# SPDX-License-Identifier: Apache-2.0
"""installer/quickstart.sh --kubernetes as a stranger uses it: up, status, a shell on a node, down leaves nothing."""
import os
import re
import subprocess

from clusterlab import LONG, ROOT, common, kubecluster, main

SCRIPT = os.path.join(ROOT, "installer", "quickstart.sh")


def quickstart(*args, stdin="", timeout=5 * LONG):
    try:
        done = subprocess.run([SCRIPT, *args], input=stdin, capture_output=True, text=True, timeout=timeout)
    except subprocess.TimeoutExpired as e:
        said = [text.decode(errors="replace") for text in (e.stdout, e.stderr) if text]
        raise common.Failed("%s: not over in %d s\n%s" % (" ".join(args), timeout, "".join(said))) from e
    return done.returncode, done.stdout, done.stdout + done.stderr


def links():
    out = subprocess.run(["ip", "-br", "link"], capture_output=True, text=True).stdout
    return {line.split()[0] for line in out.splitlines()}


def scenario():
    name = "qc%d" % os.getpid()
    before = links()
    try:
        common.step("up")
        code, out, everything = quickstart("--kubernetes", "--name", name)
        common.equal(code, 0, "up:\n" + everything)
        common.equal(out.rstrip().splitlines()[-1], "quickstart: 120 of 120 cells as expected", "last line")
        common.true("why" in out and "drop" in out and "down" in out, "it shows a why and what to try next")
        common.step("status, and a shell that takes commands from stdin")
        code, out, everything = quickstart("status", "--name", name)
        common.equal(code, 0, "status:\n" + everything)
        common.equal(len(re.findall(r"^node\d +Ready ", out, re.M)), 2, "nodes that kubectl shows:\n" + out)
        code, out, everything = quickstart("shell", "node2", "--name", name, stdin=(
            "seinectl status -o json | grep -c node2\nkubectl get -n shop pod/web -o name\novs-vsctl br-exists br-int && echo bridge\n"
            "ctr -n k8s.io containers ls -q | wc -l\nexit 7\n"))
        common.equal(code, 7, "the shell's own status: " + everything)
        common.equal(out.split()[1:3], ["pod/web", "bridge"], "what it printed: " + everything)
        common.equal(quickstart("shell", "node9", "--name", name)[0], 2, "an unknown node")
    finally:
        common.step("down")
        code, out, everything = quickstart("down", "--name", name)
        common.equal(code, 0, "down: " + everything)
        common.equal(kubecluster.leftovers(name, kubecluster.free_run_dir(name)), [], "left after down")
    # Others, of tests beside, come and go.
    common.eventually(lambda: not links() - before, lambda: "new interfaces of the machine: %s" % sorted(links() - before))
    common.equal(quickstart("status", "--name", name)[0], 1, "status of nothing")


main(scenario)
