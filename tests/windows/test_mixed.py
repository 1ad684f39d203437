# SPDX-License-Identifier: Apache-2.0
"""A mixed cluster: a Linux node and a Windows node (Wine) under one folder of manifests, two real Open vSwitches, Pods on
both. Packets pass or not as the policies say, on a node and across; each agent wants, and each switch holds, exactly what
the other system's program derives for that node."""
import signal
import sys

import winlab

sys.path.insert(0, winlab.ROOT + "/tests/system")

import common  # noqa: E402
from lab import cluster as lab  # noqa: E402
from lab.manifests import namespace, policy  # noqa: E402


def pods(c):
    linux, windows = c.nodes
    c.objects.put(namespace("shop", {"team": "shop"}), namespace("ops", {"team": "ops"}))
    made = {}
    for space, name, node in (("shop", "web", windows), ("shop", "api", linux), ("shop", "db", windows), ("ops", "monitor", linux)):
        made[name] = c.pod(node, space, name, {"app": name}, ports=[("http", 80, "TCP")])
    return made


def matrix(c, p, allowed, what):
    """Every pair; `allowed(src, dst, proto, port)` names by name."""
    m = common.Matrix(c)
    for src in p.values():
        for dst in p.values():
            if src is not dst:
                for proto, port in (("tcp", 80), ("tcp", 8080), ("udp", 80)):
                    m.expect(src, dst, allowed(src.name, dst.name, proto, port), proto, port)
    m.check(what)


def equal_flows(c, what):
    wrong, counts = c.compare_flows()
    if wrong:
        raise common.Failed("%s: %d differences\n%s" % (what, len(wrong), "\n".join(wrong[:20])))
    print("   %d flows, %d groups, %d meters: the agents', the other system's, the switches'" % counts)
    common.true(counts[0] > 100, "there are flows")


def isolated(src, dst, proto, port):
    if src == "db":
        return dst == "monitor" and (proto, port) == ("tcp", 80)
    if dst == "db":
        return src == "api" and (proto, port) == ("tcp", 80) or src == "monitor"
    return True


def scenario():
    prefix = "stmix%d" % (common.os.getpid() % 10000)
    with winlab.MixedCluster(prefix, lab.free_run_dir(prefix), common.BIN) as c:
        c.start_agents()
        common.step("Pods on both nodes by CNI, each node's own way")
        p = pods(c)
        c.sync()
        matrix(c, p, lambda *_: True, "no policy")
        equal_flows(c, "no policy")

        common.step("policies, across and within")
        c.apply(policy("shop", "db-in", {"matchLabels": {"app": "db"}}, ["Ingress"],
                       [{"from": [{"podSelector": {"matchLabels": {"app": "api"}}}], "ports": [{"port": "http"}]},
                        {"from": [{"namespaceSelector": {"matchLabels": {"team": "ops"}}}]}]),
                policy("shop", "db-out", {"matchLabels": {"app": "db"}}, ["Egress"], None,
                       [{"to": [{"namespaceSelector": {"matchLabels": {"team": "ops"}}}], "ports": [{"port": 80}]}]))
        matrix(c, p, isolated, "policies")
        equal_flows(c, "policies")
        for node, src in zip(c.nodes, ("ops/monitor", "shop/web")):
            found = node.ctl_json("why", src, "shop/db", "8080/tcp")
            wanted = "allow" if src == "ops/monitor" else "drop"
            common.equal((found["verdict"], found["agree"]), (wanted, True), "why on %s: %s" % (node.name, found))

        common.step("both agents are stopped and started: nothing is sent")
        for node, sig in zip(c.nodes, (signal.SIGTERM, signal.SIGINT)):
            node.stop_agent(sig)
            node.start_agent()
            common.equal(node.flow_mods(), 0, "flow-mods of %s" % node.name)
        matrix(c, p, isolated, "after the restarts")
        equal_flows(c, "after the restarts")

        common.step("a Pod of the Windows node goes: its address is in no set of either")
        address = p["web"].ip(4)
        common.equal(c.remove_pod(p.pop("web")).code, 0, "DEL")
        c.sync()
        for node in c.nodes:
            common.true(address not in "\n".join(node.switch.flows()), "%s knows %s no more" % (node.name, address))
        equal_flows(c, "a Pod less")
        c.recompute()


if __name__ == "__main__":
    winlab.need()
    common.main(scenario)
