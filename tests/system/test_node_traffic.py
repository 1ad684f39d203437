# SPDX-License-Identifier: Apache-2.0
"""The node and its Pods: probes from the node always arrive, whatever policies say; other nodes are outside addresses;
a Pod's traffic to its node follows its egress policies, replies always pass."""
import common
from lab import probe
from lab.manifests import policy


def scenario():
    with common.cluster("nod") as c:
        c.start_agents()
        a, b = c.nodes
        pod, far = c.pod(a, "default", "a1"), c.pod(b, "default", "b1")
        c.serve_in(a.ns, a.name, tcp=(10250,), udp=(10250,))
        c.apply(policy("default", "deny", {}, ["Ingress", "Egress"]))

        common.step("the node to its own isolated Pods: always")
        m = common.Matrix(c)
        for address in pod.ips:
            for proto, port in (("tcp", 80), ("udp", 80), ("icmp", 0)):
                m.add(probe.Probe(a.ns, address, proto, port, pod.full_name), True, "node1 -> %s %s" % (address, proto))
        m.check("probes")

        common.step("another node, and an isolated Pod to its node: as outside addresses")
        m = common.Matrix(c)
        for address in pod.ips:
            m.add(probe.Probe(b.ns, address, "tcp", 80), False, "node2 -> %s" % address)
        for gateway in a.gateways:
            m.add(probe.Probe(pod.ns, gateway, "tcp", 10250, a.name), False, "isolated Pod -> node %s" % gateway)
        m.expect(pod, far, False)
        m.check("denied")

        common.step("egress to the node's address opened by ipBlock")
        allow = policy("default", "to-node", {}, ["Egress"], egress=[
            {"to": [{"ipBlock": {"cidr": a.gateways[0] + "/32"}}], "ports": [{"port": 10250}]}])
        c.apply(allow)
        m = common.Matrix(c)
        m.add(probe.Probe(pod.ns, a.gateways[0], "tcp", 10250, a.name), True, "Pod -> its node")
        m.add(probe.Probe(pod.ns, a.gateways[1], "tcp", 10250, a.name), False, "Pod -> its node, IPv6")
        m.check("opened")

        common.step("another node opened by ipBlock")
        c.apply(policy("default", "from-node2", {}, ["Ingress"], [
            {"from": [{"ipBlock": {"cidr": "10.80.2.1/32"}}, {"ipBlock": {"cidr": b.ip4 + "/32"}}]}]))
        m = common.Matrix(c)
        m.add(probe.Probe(b.ns, pod.ips[0], "tcp", 80, pod.full_name), True, "node2 -> Pod")
        m.check("opened")
        c.recompute()


if __name__ == "__main__":
    common.main(scenario)
