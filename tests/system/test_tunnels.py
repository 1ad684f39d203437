# SPDX-License-Identifier: Apache-2.0
"""Geneve, VXLAN and GRE: Pods of three nodes talk over each, packets of the full MTU included, and the type changes with
a restart of the agent."""
import json

import common
from lab import netns
from test_connectivity import bulk

OVERHEAD = {"geneve": 50, "vxlan": 50, "gre": 42}


def scenario():
    for tunnel in ("geneve", "vxlan", "gre"):
        common.step(tunnel)
        with common.cluster("tun", nodes=3, tunnel=tunnel) as c:
            c.start_agents()
            pods = [c.pod(node, "default", "p%d" % node.index) for node in c.nodes]
            c.sync()
            m = common.Matrix(c)
            for src in pods:
                for dst in pods:
                    if src is not dst:
                        for proto, port in (("tcp", 80), ("udp", 80), ("icmp", 0)):
                            m.expect(src, dst, True, proto, port)
            m.check(tunnel)
            for family in c.families:
                common.equal(bulk(pods[0], pods[1], family), 400000, "bytes echoed over IPv%d" % family)
            kind = c.nodes[0].switch.vsctl("get", "Interface", "seine-tun0", "type").strip()
            common.equal(kind, tunnel, "type of the tunnel port")
            mtu = pod_mtu(pods[0])
            common.true(1400 <= mtu <= 1500 - OVERHEAD[tunnel], "MTU %d in the Pod" % mtu)
            c.recompute()


def pod_mtu(pod):
    return json.loads(netns.run("ip", "-j", "link", "show", "eth0", ns=pod.ns).stdout)[0]["mtu"]


if __name__ == "__main__":
    common.main(scenario)
