# SPDX-License-Identifier: Apache-2.0
"""Pods come and go at speed, as fast as two kubelets start them, under a policy that names them all.

    test_churn.py [--pods N] [--window N]

--window of them are there at a time: each is deleted when it is ready, and the next one takes its place. No two Pods have one
address, no Event tells of the network, and a connection that was there before lives on. In the end flows, ports, links, network
namespaces, containers and the agents' memory are what they were. Without arguments as a test: 60 Pods."""
import argparse
import collections
import re
import time

from clusterlab import LONG, cluster, common, held, main, namespace, pod_object, probe
from lab.manifests import policy

PATH = "/api/v1/namespaces/churn/pods"
GROWTH_KIB = 6144
PATIENCE_S = 2 * LONG
# What an Event says of which the network is the reason, not a runtime that had too much to do.
NETWORK = re.compile("network|cni|seine", re.IGNORECASE)


def rss_kib(node):
    with open("/proc/%d/status" % node.agent_pid()) as f:
        return int(next(line for line in f if line.startswith("VmRSS")).split()[1])


class Churn:
    def __init__(self, c, total, window):
        self.c, self.total, self.window = c, total, window
        self.created, self.there, self.deleted = {}, set(), set()  # name: when; those the server has; those told to go
        self.took = []  # seconds from request to readiness
        self.moved = time.monotonic()

    def run(self):
        """Returns each agent's memory when the first window was full of ready Pods, more or less."""
        before = None
        while len(self.created) < self.total or self.there:
            self.fill()
            self.look()
            if len(self.deleted) >= self.window or len(self.deleted) == self.total:
                before = before or [rss_kib(n) for n in self.c.nodes]
            common.true(time.monotonic() - self.moved < PATIENCE_S, "nothing moves: %d Pods made, %d ready so far, there: %s" % (
                len(self.created), len(self.deleted), sorted(self.there)))
            time.sleep(0.3)
        return before

    def fill(self):
        while len(self.created) < self.total and len(self.there) < self.window:
            i = len(self.created)
            name = "p%d" % i
            self.created[name] = time.monotonic()
            self.there.add(name)
            self.c.control.call("POST", PATH, pod_object("churn", name, self.c.nodes[i % 2].name, {"app": "churn", "n": str(i % 7)}))

    def look(self):
        now, found = time.monotonic(), self.c.list_pods("churn")
        names = {p["metadata"]["name"] for p in found}
        alive = [p for p in found if "deletionTimestamp" not in p["metadata"] and any(
            s["type"] == "Ready" and s["status"] == "True" for s in p["status"].get("conditions", ()))]
        ips = [ip["ip"] for p in alive for ip in p["status"]["podIPs"]]
        common.equal((len(ips), len(set(ips))), (2 * len(alive),) * 2, "addresses of %d ready Pods, different ones" % len(alive))
        if alive or names != self.there:
            self.moved = now
        self.there = names
        for name in [p["metadata"]["name"] for p in alive]:
            self.deleted.add(name)
            self.took.append(now - self.created[name])
            self.c.control.call("DELETE", "%s/%s?gracePeriodSeconds=1" % (PATH, name))


def warnings(c):
    """Prints the Warning Events of these Pods; returns those that are about the network."""
    events = [e for e in c.control.get("/api/v1/namespaces/churn/events")["items"] if e["type"] == "Warning"]
    counts = collections.Counter(e["reason"] for e in events)
    print("   warnings: %s" % (", ".join("%s %d" % kv for kv in sorted(counts.items())) or "none"))
    for e in events:
        print("   %s: %s" % (e["reason"], e["message"][:300]))
    return [e["message"] for e in events if NETWORK.search(e["message"])]


def churn(c, args):
    """Prints what was seen; returns each agent's memory in the first part of it."""
    began = time.monotonic()
    churned = Churn(c, args.pods, args.window)
    memory = churned.run()
    took, ready = time.monotonic() - began, sorted(churned.took)
    print("   %d Pods started and gone in %.0f s: %.1f a second; request to readiness p50 %.1f s, p99 %.1f s" % (
        len(churned.deleted), took, args.pods / took, ready[len(ready) // 2], ready[len(ready) * 99 // 100]))
    common.equal(len(churned.deleted), args.pods, "Pods that were ready")
    common.equal(warnings(c), [], "Events about the Pods' network")
    return memory


def scenario(args):
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
        common.step("%d Pods, %d at a time" % (args.pods, args.window))
        streams = [probe.Stream(a.ns, b.ip(f), 80, "tcp", rate=50) for f in (4, 6)]
        for s in streams:
            s.start()
        start = [rss_kib(n) for n in c.nodes]
        memory = churn(c, args)
        for s in streams:
            common.equal((s.finish(), s.failed), (0, None), "bytes that never came back, over a connection that was there before")
        common.step("what is left")
        for node, first, then in zip(c.nodes, start, memory):
            common.eventually(lambda: held(node) == before[node.name], lambda: "all of %s as before: %s, now %s" % (
                node.name, before[node.name], held(node)), LONG, 0.5)
            now = rss_kib(node)
            print("   %s: agent %d KiB before, %d KiB with the first Pods, %d KiB at the end" % (node.name, first, then, now))
            common.true(now - then < GROWTH_KIB, "the agent's memory grew by %d KiB" % (now - then))
        c.recompute()


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--pods", type=int, default=60)
    parser.add_argument("--window", type=int, default=40)
    ARGS = parser.parse_args()
    main(lambda: scenario(ARGS))
