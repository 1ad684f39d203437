# SPDX-License-Identifier: Apache-2.0
"""Every form of NetworkPolicy, measured with packets: each case is a set of policies and the oracle says, for every
pair of Pods, protocol, port and family, what must come of it. Cells are asked all at once, so a case costs a second or two."""
import common
from lab import cluster as lab
from lab import probe
from lab.manifests import namespace, policy
from oracle import Oracle

PORTS = (("tcp", 80), ("tcp", 8080), ("udp", 80), ("sctp", 99), ("icmp", 0))


def peer(pods=None, spaces=None):
    found = {}
    if pods is not None:
        found["podSelector"] = pods
    if spaces is not None:
        found["namespaceSelector"] = spaces
    return found


def labels(**pairs):
    return {"matchLabels": pairs}


def expression(key, operator, *values):
    found = {"key": key, "operator": operator}
    if values:
        found["values"] = list(values)
    return {"matchExpressions": [found]}


WEB, DB = labels(app="web"), labels(app="db")
CASES = {
    "default deny both ways": [policy("red", "p", {}, ["Ingress", "Egress"])],
    "deny ingress": [policy("red", "p", {}, ["Ingress"])],
    "deny egress": [policy("red", "p", {}, ["Egress"])],
    "egress: [] without types isolates ingress only": [policy("red", "p", {}, egress=[])],
    "empty rule allows all": [policy("red", "p", {}, ["Ingress", "Egress"], [{}], [{}])],
    "podSelector": [policy("red", "p", DB, ingress=[{"from": [peer(WEB)]}])],
    "namespaceSelector": [policy("red", "p", DB, ingress=[{"from": [peer(None, labels(team="blue"))]}])],
    "both selectors": [policy("red", "p", DB, ingress=[{"from": [peer(WEB, labels(team="blue"))]}])],
    "namespace by its name": [policy("red", "p", {}, ingress=[
        {"from": [peer(None, labels(**{"kubernetes.io/metadata.name": "blue"}))]}])],
    "In and NotIn": [policy("red", "p", expression("app", "In", "web", "db"), ingress=[
        {"from": [peer(expression("app", "NotIn", "web"), {})]}])],
    "Exists and DoesNotExist": [policy("red", "p", expression("app", "Exists"), ingress=[
        {"from": [peer(expression("app", "DoesNotExist"), {})]}])],
    "ipBlock with except": [policy("red", "p", {}, ingress=[{"from": [
        {"ipBlock": {"cidr": "10.80.0.0/16", "except": ["10.80.2.0/24"]}},
        {"ipBlock": {"cidr": "fd00:80:2::/64"}}]}])],
    "egress ipBlock": [policy("red", "p", {}, ["Egress"], egress=[{"to": [{"ipBlock": {"cidr": "10.80.1.0/24"}}]}])],
    "ports": [policy("red", "p", {}, ingress=[{"ports": [{"port": 80}, {"protocol": "UDP", "port": 81}]}])],
    "protocol without port": [policy("red", "p", {}, ingress=[{"ports": [{"protocol": "UDP"}]}])],
    "SCTP": [policy("red", "p", {}, ingress=[{"ports": [{"protocol": "SCTP", "port": 99}]}])],
    "endPort": [policy("red", "p", {}, ingress=[{"ports": [{"port": 81, "endPort": 8080}]}])],
    "named port": [policy("red", "p", {}, ingress=[{"ports": [{"port": "http"}]}])],
    "named port in egress": [policy("red", "p", {}, ["Egress"], egress=[
        {"to": [peer({}, {})], "ports": [{"port": "http"}]}])],
    "union of two policies": [policy("red", "p", {}, ingress=[{"from": [peer(WEB, {})], "ports": [{"port": 80}]}]),
                              policy("red", "q", DB, ingress=[{"ports": [{"protocol": "UDP", "port": 80}]}])],
    "ingress and egress must both allow": [
        policy("red", "p", {}, ["Egress"], egress=[{"to": [peer({}, {})], "ports": [{"port": 8080}]}]),
        policy("blue", "p", {}, ["Ingress"], [{"ports": [{"port": 80}, {"port": 8080}]}])],
}


def check_case(c, name, policies):
    for p in policies:
        c.objects.put(p)
    c.sync()
    oracle = Oracle(c.objects.all())
    objects = {o["metadata"]["namespace"] + "/" + o["metadata"]["name"]: o
               for o in c.objects.all() if o["kind"] == "Pod"}
    m = common.Matrix(c)
    for src in c.pods.values():
        for dst in c.pods.values():
            if src is dst:
                continue
            for proto, port in PORTS:
                for family in c.families:
                    verdict = oracle.verdict(objects[src.full_name], objects[dst.full_name], family,
                                             proto.upper(), port if proto != "icmp" else None)
                    m.expect(src, dst, verdict, proto, port, [family])
    try:
        m.check(name)
    finally:
        c.objects.delete(*policies)
        # The userspace datapath tracks SCTP by addresses alone (docs/policy.md): the next case starts afresh.
        for node in c.nodes:
            node.switch.appctl("dpctl/flush-conntrack")
    c.recompute()


def check_outside(c, web):
    """ipBlock decides about addresses beyond the cluster."""
    deny = policy("red", "out", {}, ["Egress"], egress=[{"to": [{"ipBlock": {"cidr": lab.OUTSIDE4 + "/32"}}]}])
    c.apply(deny)
    m = common.Matrix(c)
    m.add(probe.Probe(web.ns, lab.OUTSIDE4, "icmp"), True, "allowed outside address")
    m.add(probe.Probe(web.ns, "192.0.2.254", "icmp"), False, "another outside address")
    m.add(probe.Probe(web.ns, lab.OUTSIDE6, "icmp"), False, "outside address of the other family")
    m.check("outside addresses")
    c.remove(deny)


def scenario():
    with common.cluster("pol") as c:
        c.start_agents()
        a, b = c.nodes
        c.objects.put(namespace("red", {"team": "red"}), namespace("blue", {"team": "blue"}))
        common.step("five Pods")
        web = c.pod(a, "red", "web", {"app": "web"}, ports=[("http", 80, "TCP")])
        c.pod(a, "red", "db", {"app": "db"}, ports=[("http", 8080, "TCP")])
        c.pod(b, "red", "far", {"app": "web"}, ports=[("other", 80, "TCP"), ("http", 80, "UDP")])
        c.pod(b, "blue", "web", {"app": "web"})
        c.pod(a, "blue", "plain", {})
        for name, policies in CASES.items():
            check_case(c, name, policies)
        check_outside(c, web)
        c.recompute()


if __name__ == "__main__":
    common.main(scenario)
