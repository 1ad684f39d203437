# SPDX-License-Identifier: Apache-2.0
"""`seine-agent cleanup` takes away everything Seine made on the node and only that: other bridges, ports, nft tables,
routes stay; an adopted bridge stays without our ports and flows; while an agent runs it refuses."""
import json

import common
from lab import netns


# Come with forwarding switched on, or when a link-local address is done with its checks.
BY_KERNEL = ("multicast", "anycast", "local fe80:")


def snapshot(node):
    """What of the node must be the same before the first start and after cleanup."""
    ns = node.ns
    links = json.loads(netns.run("ip", "-j", "link", "show", ns=ns).stdout)
    routes = [netns.run("ip", family, "route", "show", "table", "all", ns=ns).stdout for family in ("-4", "-6")]
    rules = [netns.run("ip", family, "rule", "show", ns=ns).stdout for family in ("-4", "-6")]
    return {
        "links": sorted(link["ifname"] for link in links),
        # What the kernel adds by itself for a device comes and goes with it (and in any order).
        "routes": [sorted(line for line in text.splitlines() if not line.startswith(BY_KERNEL)) for text in routes],
        "rules": rules,
        "nft": netns.run("nft", "list", "ruleset", ns=ns).stdout,
        "bridges": node.switch.vsctl("list-br"),
        "ports": node.switch.vsctl("list-ports", "br-phy"),
        "other": node.switch.vsctl("--columns=name,external_ids", "list", "Port"),
    }


def same(node, before, adopted=()):
    after = snapshot(node)
    for key in before:
        if key in adopted:
            continue
        common.equal(after[key], before[key], "%s of %s after cleanup" % (key, node.name))


def scenario():
    with common.cluster("cln") as c:
        a, b = c.nodes
        netns.run("nft", "add table ip mine; add chain ip mine x { type filter hook forward priority 5; }; "
                  "add rule ip mine x counter", ns=a.ns)
        b.switch.vsctl("add-br", "br-int", "--", "set", "bridge", "br-int", "datapath_type=netdev",
                       "--", "add-port", "br-int", "mine0", "--", "set", "Interface", "mine0", "type=internal")
        b.switch.ofctl("del-flows", "br-int")
        before = {n.name: snapshot(n) for n in c.nodes}
        c.start_agents()
        src, dst = c.pod(a, "default", "a1"), c.pod(b, "default", "b1")
        c.sync()
        m = common.Matrix(c)
        m.expect(src, dst, True)
        m.check("before")

        common.step("refused while the agent runs")
        done = a.cleanup(check=False)
        common.equal(done.returncode, 1, "cleanup while an agent runs: %s" % done.stderr)
        common.true(str(a.agent.pid) in done.stderr, "it names the agent's pid: " + done.stderr)
        m.check("all goes on")

        common.step("after the agents stopped: nothing of ours is left")
        for n in c.nodes:
            n.stop_agent()
            done = n.cleanup(check=False)
            common.equal(done.returncode, 0, "cleanup: %s" % done.stderr)
        same(a, before[a.name])
        common.equal(b.switch.vsctl("list-ports", "br-int").split(), ["mine0"], "ports of the adopted bridge")
        # Standalone again, as it was: Open vSwitch itself then lets the bridge switch.
        common.equal(b.switch.flows(), ["priority=0 actions=NORMAL"], "flows of the adopted bridge")
        same(b, before[b.name], adopted=("links", "routes"))

        common.step("twice does no harm; and a start afterwards is a first start")
        common.equal(a.cleanup(check=False).returncode, 0, "cleanup again")
        for pod in (src, dst):
            c.servers.drop(pod.ns)
            netns.delete(pod.ns)
        c.pods.clear()
        c.start_agents()
        src, dst = c.pod(a, "default", "a1"), c.pod(b, "default", "b1")
        c.sync()
        m = common.Matrix(c)
        m.expect(src, dst, True)
        m.check("started anew")
        c.recompute()


if __name__ == "__main__":
    common.main(scenario)
