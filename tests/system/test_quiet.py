# SPDX-License-Identifier: Apache-2.0
"""An agent that has nothing to do does nothing: hardly any processor time, and it wakes seldom; and so it is again after a
change, and while Open vSwitch is away."""
import glob
import time

import common

SECONDS = 5
CPU_MS, WAKES = 25, 50  # in these seconds; 0.2 ms and 8 were measured


def spent(pid):
    """Milliseconds of the processor and switches of context, of all threads."""
    ms = wakes = 0
    for task in glob.glob("/proc/%d/task/*" % pid):
        with open(task + "/schedstat") as f:
            ms += int(f.read().split()[0]) / 1e6
        with open(task + "/status") as f:
            wakes += sum(int(line.split()[1]) for line in f if line.startswith("voluntary_ctxt_switches"))
    return ms, wakes


def quiet(node, what):
    before = spent(node.agent.pid)
    time.sleep(SECONDS)
    ms, wakes = (b - a for a, b in zip(before, spent(node.agent.pid)))
    print("   %s: %.2f ms of a processor, woken %d times in %d s" % (what, ms, wakes, SECONDS))
    common.true(ms < CPU_MS and wakes < WAKES, "%s: %.2f ms, woken %d times" % (what, ms, wakes))


def scenario():
    with common.cluster("qui", nodes=1) as c:
        c.start_agents()
        a = c.nodes[0]
        common.step("nothing happens")
        quiet(a, "without Pods")
        pod = c.pod(a, "default", "a", {"app": "a"})
        c.sync()
        quiet(a, "after a change")
        common.step("Open vSwitch is away")
        a.switch.stop("ovs-vswitchd")
        common.eventually(lambda: not a.status()["ovs"]["connected"], "status says that Open vSwitch is away")
        quiet(a, "without Open vSwitch")
        a.switch.start_switch()
        a.underlay_up()
        common.eventually(lambda: a.ctl("status", check=False).returncode == 0 and a.status()["ready"], "ready again")
        c.remove_pod(pod)
        c.recompute()


if __name__ == "__main__":
    common.main(scenario)
