# SPDX-License-Identifier: Apache-2.0
"""Clusters of one address family, the nodes' own addresses too where it is IPv6: Pods of both nodes, Services, policies, what
`why` says, and a start that sends nothing."""
import common
from lab import probe
from lab.manifests import endpoint_slice, node, policy, service


def asked(src, address, expect):
    return probe.Probe(src.ns, address, "tcp", 80, expect.full_name)


def one_family(family):
    common.step("only IPv%d" % family)
    with common.cluster("fam%d" % family, families=(family,)) as c:
        if family == 6:
            c.objects.put(*[node(n.name, n.cidrs, [n.ip6]) for n in c.nodes])
        c.start_agents()
        a, b = c.nodes
        near, web, far = c.pod(a, "default", "near", {"app": "n"}), c.pod(a, "default", "web", {"app": "w"}), c.pod(b, "default", "far", {"app": "w"})
        tunnels = {n["name"]: n["tunnel"] for n in a.ctl_json("get", "nodes")["items"]}
        common.equal(tunnels[b.name], b.ip4 if family == 4 else b.ip6, "the tunnel's other end")
        common.equal([len(p.ips) for p in (near, web, far)], [1, 1, 1], "addresses of each Pod")
        m = common.Matrix(c)
        for src in (near, web, far):
            for dst in (near, web, far):
                if src is not dst:
                    m.expect(src, dst, True)
        m.check("all to all")
        address = "10.96.0.9" if family == 4 else "fd00:96::9"
        c.apply(service("default", "s", [address], ((80, None),)),
                endpoint_slice("default", "s", "a", [far.ip(family)], ((8080, None),), family))
        common.equal(c.answers([asked(near, address, far), asked(far, address, far)]), ["allow", "allow"], "the Service")
        c.apply(policy("default", "shut", {"matchLabels": {"app": "w"}}, ["Ingress"]))
        m = common.Matrix(c)
        m.expect(near, web, False)
        m.expect(near, far, False)
        m.expect(far, near, True)
        m.check("a policy")
        got = a.ctl_json("why", "default/near", address, "80")
        common.equal((got["verdict"], got["agree"]), ("drop", True), "why")
        a.stop_agent()
        a.start_agent()
        common.equal(a.flow_mods(), 0, "flows written by a start")
        c.recompute()


def scenario():
    for family in (4, 6):
        one_family(family)


if __name__ == "__main__":
    common.main(scenario)
