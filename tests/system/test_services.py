# SPDX-License-Identifier: Apache-2.0
"""Services: Pods reach endpoints by the Service's address, on their own node and on another, in both families,
by TCP and UDP; a Pod reaches itself; policies judge the endpoint."""
import common
from lab import probe
from lab.manifests import endpoint_slice, policy, service

VIPS = {4: "10.96.0.10", 6: "fd00:96::10"}
PORTS = ((80, "web"), (53, "dns", "UDP"))
TARGETS = ((8080, "web"), (5353, "dns", "UDP"))


def backed_by(c, name, pods, ports=TARGETS):
    """The Service's slices, one a family."""
    return [endpoint_slice("default", name, "v%d" % f, [p.ip(f) for p in pods], ports, f) for f in c.families]


def at(src, vip, proto, port, expect):
    return probe.Probe(src.ns, vip, proto, port, expect and expect.full_name)


def scenario():
    with common.cluster("svc") as c:
        c.start_agents()
        a, b = c.nodes
        common.step("a Service of one endpoint, asked from both nodes and by the endpoint itself")
        near, far = c.pod(a, "default", "near"), c.pod(b, "default", "far")
        web = c.pod(a, "default", "web", {"app": "web"})
        c.apply(service("default", "web", [VIPS[f] for f in c.families], PORTS), *backed_by(c, "web", [web]))
        m = common.Matrix(c)
        for src in (near, far, web):
            for family in c.families:
                for proto, port in (("tcp", 80), ("udp", 53)):
                    m.add(at(src, VIPS[family], proto, port, web), True,
                          "%s -> Service %s v%d" % (src.full_name, proto, family))
        m.check("one endpoint")
        c.recompute()


if __name__ == "__main__":
    common.main(scenario)
