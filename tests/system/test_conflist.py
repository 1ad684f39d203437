# SPDX-License-Identifier: Apache-2.0
"""The files by which the container runtime finds Seine, with a real agent: the network configuration comes back whenever
it is gone or changed and the agent is ready, but not against cleanup; what else may be wrong with them is told."""
import json
import os
import shutil
import time

import common


class Files:
    def __init__(self, c, node):
        self.node = node
        self.dir, self.bin = node.dir + "/net.d", node.dir + "/bin"
        self.config, self.program = self.dir + "/10-seine.conflist", self.bin + "/seine-cni"
        os.makedirs(self.bin)
        shutil.copy(c.program("seine-cni"), self.program)
        c.agent_more = ("--cni-config", self.config, "--cni-bin-dir", self.bin)

    def text(self):
        try:
            with open(self.config) as f:
                return f.read()
        except FileNotFoundError:
            return None

    def status(self):
        return self.node.status()["cni"]

    def lines(self, words):
        with open(self.node.agent_log) as f:
            return [line for line in f if words in line]

    def back(self, what):
        common.eventually(lambda: self.text() == self.want, what + ": it comes back; " + self.node.log_tail(5), 60)


def placed(f):
    common.step("in place when the agent is ready")
    common.eventually(lambda: f.text(), "the network configuration", 30)
    f.want = f.text()
    common.equal([p["type"] for p in json.loads(f.want)["plugins"]], ["seine-cni"], "plugins")
    common.equal(f.status(), {"restored": 0, "troubles": []}, "status")


def comes_back(f):
    common.step("gone, replaced, its folder gone: it comes back, whole, and nothing else is left there")

    def replaced():
        with open(f.dir + "/new", "w") as out:
            out.write("{}")
        os.rename(f.dir + "/new", f.config)
    acts = (("removed", lambda: os.unlink(f.config)), ("replaced", replaced), ("folder removed", lambda: shutil.rmtree(f.dir)))
    for i, (what, act) in enumerate(acts):
        act()
        f.back(what)
        common.eventually(lambda n=i + 1: f.status()["restored"] == n, what + " is counted", 30)
    common.equal(os.listdir(f.dir), ["10-seine.conflist"], "files")
    common.true(f.node.status()["ready"], "ready")
    common.equal(len(f.lines("and is put back: " + f.config)), len(acts), "lines of the log")


def not_while_not_ready(f):
    common.step("without Open vSwitch the agent is not ready, and it stays away until it is")
    f.node.switch.stop("ovsdb-server")
    common.eventually(lambda: not f.node.status()["ready"], "not ready", 30)
    os.unlink(f.config)
    time.sleep(1)
    common.equal(f.text(), None, "the network configuration of an agent that is not ready")
    f.node.switch.start_db()
    f.node.wait_ready()
    f.back("ready again")


def others(f):
    common.step("somebody else's configuration that comes first is told once, and stays")
    other = f.dir + "/05-other.conflist"
    with open(other, "w") as out:
        out.write("{}")
    common.eventually(lambda: any("05-other.conflist" in t for t in f.status()["troubles"]), "it is told", 70)
    table = f.node.ctl("status").stdout
    common.true("CNI           the runtime takes 05-other.conflist" in table, table)
    with open(f.dir + "/99-more.conf", "w") as out:
        out.write("{}")
    time.sleep(0.5)
    common.equal(len(f.lines("the runtime takes 05-other.conflist")), 1, "lines of the log")
    common.true(f.node.status()["ready"] and os.path.exists(other), "ready, and it stays")
    os.unlink(other)
    common.eventually(lambda: not f.status()["troubles"], "it is gone", 70)


def plugin(f):
    common.step("a plugin that is gone is told with the next look, and is not placed by the agent")
    os.unlink(f.program)
    told = common.eventually(lambda: f.status()["troubles"], "it is told", 70)
    common.true(f.program in told[0], "which: %s" % told)
    common.true(not os.path.exists(f.program), "it is not there")
    common.equal(len(f.lines("the CNI plugin is gone")), 1, "lines of the log")


def removed(f):
    common.step("cleanup is refused while the agent runs; after its end nothing comes back")
    common.equal(f.node.cleanup(check=False).returncode, 1, "cleanup while the agent runs")
    common.equal(f.text(), f.want, "the network configuration stays")
    f.node.stop_agent()
    common.equal(f.text(), f.want, "... and after the agent's end")
    done = f.node.cleanup(check=False)
    common.equal((done.returncode, f.text()), (0, None), "cleanup: " + done.stderr)
    time.sleep(1)
    common.equal(os.listdir(f.dir), ["99-more.conf"], "files")


def scenario():
    with common.cluster("cnf", nodes=1) as c:
        a, = c.nodes
        f = Files(c, a)
        c.start_agents()
        placed(f)
        comes_back(f)
        others(f)
        plugin(f)
        not_while_not_ready(f)
        c.recompute()
        removed(f)


common.main(scenario, common.need_lab)
