# SPDX-License-Identifier: Apache-2.0
"""Nodes come and go: routes and tunnel flows follow, without a restart of anything."""
import common
from lab import netns


def routes(node):
    return netns.run("ip", "route", ns=node.ns).stdout + netns.run("ip", "-6", "route", ns=node.ns).stdout


def scenario():
    with common.cluster("nds", nodes=3) as c:
        a, b, third = c.nodes
        c.objects.delete(third.object())
        a.start_agent(wait=0)
        b.start_agent(wait=0)
        a.wait_ready()
        b.wait_ready()
        src, dst = c.pod(a, "default", "a1"), c.pod(b, "default", "b1")
        common.true("10.80.3.0/24" not in routes(a), "no route to a node unknown")

        common.step("a node without its own object is not ready")
        third.start_agent(wait=0)
        common.eventually(lambda: third.ctl("status", check=False).returncode == 0, "the agent answers")
        common.equal(third.ctl("status", "--wait", "1s", check=False).returncode, 1, "status --wait")
        common.equal(third.cni("STATUS", ifname="").error, 50, "CNI STATUS")

        common.step("its object comes")
        c.objects.put(third.object())
        third.wait_ready()
        c.sync()
        pod = c.pod(third, "default", "c1")
        m = common.Matrix(c)
        for other in (src, dst):
            m.expect(other, pod, True)
            m.expect(pod, other, True)
        m.check("three nodes")
        for cidr in third.cidrs:
            common.true(cidr in routes(a), "route to %s on node1" % cidr)
        items = {n["name"] if "name" in n else n["metadata"]["name"] for n in a.ctl_json("get", "nodes")["items"]}
        common.equal(items, {"node1", "node2", "node3"}, "get nodes")

        common.step("it goes")
        c.objects.delete(third.object())
        a.sync()
        b.sync()
        common.true("10.80.3.0/24" not in routes(a), "no route to a node that is gone")
        common.true("10.80.3." not in "".join(a.switch.flows()), "no flow to a node that is gone")
        m = common.Matrix(c)
        m.expect(src, dst, True)
        m.check("two nodes again")
        # Its addresses are outside ones now: silence, or the node's "no route".
        for answer in c.ask([c.probe_of(src, pod, family, "tcp", 80) for family in c.families]):
            common.true(answer != "allow", "a Pod of a node that is gone answered")

        common.step("it comes back")
        c.objects.put(third.object())
        c.sync()
        m = common.Matrix(c)
        m.expect(src, pod, True)
        m.expect(pod, dst, True)
        m.check("back")
        c.recompute()


if __name__ == "__main__":
    common.main(scenario)
