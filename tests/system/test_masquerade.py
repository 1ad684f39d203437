# SPDX-License-Identifier: Apache-2.0
"""Traffic that leaves the cluster takes the node's address; traffic inside keeps the Pod's; --masquerade=false keeps it
everywhere; tables of others are never touched."""
import json

import common
from lab import cluster as lab
from lab import netns, probe


OURS = ("inet", "seine-seine-gw0")


def routes(node):
    return netns.run("ip", "route", ns=node.ns).stdout


def tables(node):
    found = json.loads(netns.run("nft", "-j", "list", "tables", ns=node.ns).stdout)["nftables"]
    return sorted((t["table"]["family"], t["table"]["name"]) for t in found if "table" in t)


def seen_from(c, name):
    """Source addresses that a server has seen, both families."""
    return {key[2] for key in c.servers.seen if key[0] == name}


def scenario():
    with common.cluster("msq") as c:
        a, b = c.nodes
        netns.run("nft", "add table inet other; add chain inet other c { type nat hook postrouting priority 90; }",
                  ns=a.ns)
        c.start_agents()
        common.equal((OURS in tables(a), b.cidrs[0] in routes(a)), (True, True), "our table and the route to the other node are there as soon "
                     "as it is ready: %s %s" % (tables(a), routes(a)))
        pod, far = c.pod(a, "default", "a1"), c.pod(b, "default", "b1")
        c.sync()
        c.serve_in(c.fabric, "outside", tcp=(80,), udp=(80,))

        common.step("outside sees the node's address")
        m = common.Matrix(c)
        for address in (lab.OUTSIDE4, lab.OUTSIDE6):
            for proto in ("tcp", "udp"):
                m.add(probe.Probe(pod.ns, address, proto, 80, "outside"), True, "%s %s" % (proto, address))
        m.check("to the outside")
        common.equal(seen_from(c, "outside"), {a.ip4, a.ip6}, "addresses that the outside saw")

        common.step("Pods see each other's own address")
        m = common.Matrix(c)
        m.expect(pod, far, True)
        m.expect(far, pod, True)
        m.check("between Pods")
        common.equal(seen_from(c, far.full_name), set(pod.ips), "addresses that the far Pod saw")

        common.step("masquerade off: the Pod's own address goes out, our table is gone, the other one stays")
        a.stop_agent()
        a.start_agent("--masquerade=false")
        common.true(OURS not in tables(a), "our table is gone as soon as it is ready: %s" % tables(a))
        c.servers.seen.clear()
        for cidr, via in zip(a.cidrs, (a.ip4, a.ip6)):
            netns.run("ip", "route", "add", cidr, "via", via, ns=c.fabric)
        m = common.Matrix(c)
        for address in (lab.OUTSIDE4, lab.OUTSIDE6):
            m.add(probe.Probe(pod.ns, address, "tcp", 80, "outside"), True, address)
        m.check("to the outside")
        common.equal(seen_from(c, "outside"), set(pod.ips), "addresses that the outside saw")
        common.true(("inet", "other") in tables(a), "the other table is there")
        c.recompute()


if __name__ == "__main__":
    common.main(scenario)
