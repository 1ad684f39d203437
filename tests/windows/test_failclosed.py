# SPDX-License-Identifier: Apache-2.0
"""A Windows node's late ports admit nothing before the Pod's policies hold: the flood of tests/system/test_failclosed.py,
from before the ADD until long after the device of the port has come."""
import importlib.util
import os
import sys

import winlab

sys.path.insert(0, winlab.ROOT + "/tests/system")

import common  # noqa: E402
from lab.manifests import policy  # noqa: E402


def linux_test():
    """The module of the same name for Linux nodes."""
    spec = importlib.util.spec_from_file_location("linux_failclosed", winlab.ROOT + "/tests/system/test_failclosed.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def scenario():
    attempt = linux_test().attempt
    prefix = "wf%d" % (os.getpid() % 10000)
    with winlab.MixedCluster(prefix, winlab.cluster.free_run_dir(prefix), common.BIN, kinds=("windows",)) as c:
        n = c.nodes[0]
        n.start_agent()
        server = c.pod(n, "default", "server", {"role": "server"})
        client = c.pod(n, "default", "client", {"role": "client"})
        c.apply(policy("default", "deny", {"matchLabels": {"isolated": "yes"}}, ["Ingress", "Egress"]))

        common.step("the prober sees an open Pod's packets")
        heard, was_heard = attempt(c, n, "open", {}, client, server)
        common.true(heard > 0, "the open Pod heard nothing: the prober is blind")
        common.true(was_heard > 0, "the open Pod was not heard: the prober is blind")

        for delay in (0, 50, 400, 1500):
            common.step("an isolated Pod whose device comes after %d ms" % delay)
            n.order("adapter-delay %d" % delay)
            heard, was_heard = attempt(c, n, "closed%d" % delay, {"isolated": "yes"}, client, server)
            common.equal((heard, was_heard), (0, 0), "packets (in, out) of an isolated Pod")

        common.step("an address used again does not inherit the old Pod's freedom")
        common.equal(c.remove_pod(c.pods["default/open"]).code, 0, "DEL")
        for i in range(2):
            heard, was_heard = attempt(c, n, "again%d" % i, {"isolated": "yes"}, client, server)
            common.equal((heard, was_heard), (0, 0), "packets (in, out) of an isolated Pod")
        c.recompute()


if __name__ == "__main__":
    winlab.need()
    common.need_lab = winlab.need
    common.main(scenario)
