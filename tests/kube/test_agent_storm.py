# SPDX-License-Identifier: Apache-2.0
"""A sanitized agent behind a proxy that strikes at random while objects change and Pods come and go: at the end it says and its switch
holds what the API server means, nothing leaked, it has not grown.

    test_agent_storm.py [SECONDS [SEED]]"""
import json
import sys
import time
from concurrent import futures

import agentlab
import kubelab
from kubelab import clock, common, manifests, netns
from stormlab import Changes

SECONDS = float(sys.argv[1]) if len(sys.argv) > 1 else 30
SEED = int(sys.argv[2]) if len(sys.argv) > 2 else int(time.time()) % 100000


class Starts:
    """Pods of this node that start and end meanwhile, whatever the watch does."""

    def __init__(self, c, end):
        self.c, self.end, self.done, self.refused = c, end, 0, []
        # The scenario's own client belongs to another thread.
        self.client = kubelab.Client(c.cp.bind, c.cp.port, c.cp.pki, ns=c.cp.ns)

    def run(self):
        node = self.c.nodes[0]
        while time.monotonic() < self.end:
            name = "start%d" % (self.done + len(self.refused))
            obj = manifests.pod("s1", name, {"app": "a%d" % (self.done % 9)}, node.name)
            self.client.apply(obj)
            ns = self.c.pod_ns("s1", name)
            netns.add(ns)
            args = node.pod_args("s1", name, "c-" + name)
            added = node.cni("ADD", "c-" + name, netns.path(ns), args=args)
            if added.code == 0:
                self.done += 1
            else:
                self.refused.append("%s: %r" % (name, added))
            node.cni("DEL", "c-" + name, netns.path(ns), args=args)
            netns.delete(ns)
            self.client.delete(obj)


def scenario():
    print("seed %d" % SEED)
    with kubelab.cluster("ast", nodes=1) as c:
        a = c.nodes[0]
        changes = Changes(c.cp, SEED, pods=150, node="elsewhere")
        for i in range(4):
            c.cp.apply(manifests.policy("s1", "np%d" % i, {"matchLabels": {"app": "a%d" % i}}, ["Ingress"],
                                        [{"from": [{"podSelector": {"matchLabels": {"app": "a%d" % (i + 1)}}}]}]))
        with kubelab.Proxy(c.cp) as proxy:
            c.through(proxy)
            # Freed memory that the sanitizer keeps is not the agent's.
            a.start_agent(wrap=("env", "ASAN_OPTIONS=detect_leaks=1:quarantine_size_mb=4:malloc_context_size=8"))
            for i in range(6):
                c.pod(a, "s1", "here%d" % i, {"app": "a%d" % i}, serve=False)
            agentlab.check(c)
            before = a.rss_kib()
            proxy.random(seed=SEED, rate=0.4, strike_ms=60, ms=300)
            starts = Starts(c, time.monotonic() + SECONDS)
            with futures.ThreadPoolExecutor(1) as pool:
                running = pool.submit(starts.run)
                done = changes.go_on(SECONDS, 0.03)
            running.result()
            proxy.random()
            start = clock.now()
            common.eventually(lambda: a.ctl("sync", "--timeout", "30s", check=False).returncode == 0, "a sync", 40, 0.2)
            print("   in sync %.1f s after the last fault; the test %s" % (clock.now() - start, clock.told()))
            agentlab.check(c)
            stats = proxy.stats()
            print("   %d changes, %d faults, %d requests, %d connections; %d Pods started, %d refused; %d -> %d KiB\n   %s" % (
                done, sum(stats["struck"].values()), stats["requests"], stats["connections"], starts.done, len(starts.refused), before,
                a.rss_kib(), json.dumps(stats["struck"], sort_keys=True)))
            common.equal(starts.refused, [], "Pods that could not start")
            common.true(a.rss_kib() < before * 1.5 + 20000, "the agent grew from %d to %d KiB" % (before, a.rss_kib()))
            common.equal(a.stop_agent()[0], 0, "exit status, leaks included: " + a.log_tail())


common.main(scenario, agentlab.need)
