# SPDX-License-Identifier: Apache-2.0
"""Pods come and go at speed, as fast as two kubelets start them: SEINE_CHURN_PODS of them (60), a batch being deleted while the
next one starts, under a policy that names them all. No two Pods have one address, a connection that was there before lives on,
and in the end flows, ports, network namespaces and the agents' memory are what they were."""
import os
import time

from clusterlab import cluster, common, main, namespace, pod_object, probe
from lab.manifests import policy

PODS = int(os.environ.get("SEINE_CHURN_PODS", "60"))
BATCH = 20
PATH = "/api/v1/namespaces/churn/pods"
GROWTH_KIB = 6144


def held(node):
    """What a node has of its Pods."""
    return {"ports": sorted(node.switch.vsctl("list-ports", "br-int").split()), "flows": node.switch.flows(),
            "namespaces": sorted(os.listdir("/proc/%d/root/run/netns" % node.pid("holder")))}


def rss_kib(node):
    with open("/proc/%d/status" % node.agent_pid()) as f:
        return int(next(line for line in f if line.startswith("VmRSS")).split()[1])


def start(c, first, count):
    for i in range(first, first + count):
        c.control.call("POST", PATH, pod_object("churn", "p%d" % i, c.nodes[i % 2].name, {"app": "churn", "n": str(i % 7)}))


def wait_ready(c, first, count, timeout=120):
    """Until all of them are; returns their addresses."""
    end = time.monotonic() + timeout
    names = {"p%d" % i for i in range(first, first + count)}
    while True:
        found = [p for p in c.list_pods("churn") if p["metadata"]["name"] in names]
        ready = [p for p in found for s in p["status"].get("conditions", ()) if s["type"] == "Ready" and s["status"] == "True"]
        if len(ready) == count:
            return [ip["ip"] for p in ready for ip in p["status"]["podIPs"]]
        common.true(time.monotonic() < end, "%d of %d Pods run" % (len(ready), count))
        time.sleep(0.1)


def delete(c, first, count):
    for i in range(first, first + count):
        c.control.call("DELETE", "%s/p%d?gracePeriodSeconds=1" % (PATH, i))


def churn(c, total):
    """Returns each agent's memory after the first batch."""
    before, first = None, 0
    while first < total:
        count = min(BATCH, total - first)
        start(c, first, count)
        ips = wait_ready(c, first, count)
        common.equal(len(set(ips)), 2 * count, "different addresses of a batch")
        before = before or [rss_kib(n) for n in c.nodes]
        delete(c, first, count)
        first += count
    common.eventually(lambda: not c.list_pods("churn"), "all are gone", 120, 0.2)
    return before


def scenario():
    with cluster("churn") as c:
        c.install()
        a, b = c.create(pod_object("default", "a", "node1"), pod_object("default", "b", "node2"))
        c.apply(namespace("churn"), policy("churn", "some", {}, ["Ingress"], [
            {"from": [{"podSelector": {"matchLabels": {"n": "3"}}}]}]), policy("default", "theirs", {}, ["Ingress"], [
                {"from": [{"podSelector": {}}, {"namespaceSelector": {}, "podSelector": {"matchLabels": {"app": "churn"}}}]}]))
        m = common.Matrix(c)
        m.expect(a, b, True)
        m.check()
        before = {n.name: held(n) for n in c.nodes}
        common.step("%d Pods" % PODS)
        streams = [probe.Stream(a.ns, b.ip(f), 80, "tcp", rate=50) for f in (4, 6)]
        for s in streams:
            s.start()
        began = time.monotonic()
        memory = churn(c, PODS)
        took = time.monotonic() - began
        print("   %d Pods started and gone in %.0f s: %.1f a second" % (PODS, took, PODS / took))
        for s in streams:
            common.equal((s.finish(), s.failed), (0, None), "bytes that never came back, over a connection that was there before")
        common.step("what is left")
        for node, then in zip(c.nodes, memory):
            common.eventually(lambda: held(node) == before[node.name], "ports, flows and namespaces of %s as before" % node.name, 20, 0.5)
            now = rss_kib(node)
            print("   %s: agent %d KiB after the first batch, %d KiB at the end" % (node.name, then, now))
            common.true(now - then < GROWTH_KIB, "the agent's memory grew by %d KiB" % (now - then))
        c.recompute()


main(scenario)
