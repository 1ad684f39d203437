# SPDX-License-Identifier: Apache-2.0
"""An hour's worth of faults in a minute: several clients through a proxy that strikes at random while objects change; at the end each
holds what the server has, has told nothing for nothing, has lost no memory and has not grown.

    test_storm.py MIRROR [SECONDS [SEED]]"""
import contextlib
import json
import random
import sys
import time

import kubelab
import mirrorlab
from kubelab import common, manifests
from mirrorlab import Mirror

SECONDS = float(sys.argv[2]) if len(sys.argv) > 2 else 50
SEED = int(sys.argv[3]) if len(sys.argv) > 3 else int(time.time()) % 100000
WAYS = {"h2": (), "h2b": ("gzip",), "stream": ("stream",), "h1": ("http1",), "h1gzip": ("http1", "gzip"), "streamh1": ("stream", "http1")}
PODS = 400


class Changes:
    """Random changes of the objects, ever the same for a seed."""

    def __init__(self, cp):
        self.cp, self.rnd, self.n, self.deaths = cp, random.Random(SEED), 0, 0
        self.pods = []
        cp.apply(*(manifests.namespace("s%d" % i) for i in range(3)), manifests.node("n1", ["10.1.0.0/24"], ["192.0.2.1"]))
        for _ in range(PODS):
            self.create()

    def create(self):
        self.n += 1
        pod = manifests.pod("s%d" % self.rnd.randrange(3), "p%d" % self.n, {"app": "a%d" % self.rnd.randrange(9)}, "n1",
                            ["10.1.%d.%d" % (self.n // 250 % 250, self.n % 250)])
        self.cp.apply(pod)
        self.pods.append(pod)

    def one(self):
        what = self.rnd.random()
        if what < 0.5:
            self.cp.client.patch(self.rnd.choice(self.pods), {"metadata": {"labels": {"app": "a%d" % self.rnd.randrange(9)}}})
        elif what < 0.65:
            self.create()
        elif what < 0.8 and len(self.pods) > PODS // 2:
            self.cp.delete(self.pods.pop(self.rnd.randrange(len(self.pods))))
        elif what < 0.9:
            policy = manifests.policy("s0", "np%d" % self.rnd.randrange(20), {"matchLabels": {"app": "a%d" % self.rnd.randrange(9)}},
                                      ["Ingress"], [{}] * self.rnd.randrange(3))
            self.cp.apply(policy)
        elif what < 0.95:
            self.cp.delete(manifests.policy("s0", "np%d" % self.rnd.randrange(20)))
        else:
            self.cp.client.patch(manifests.namespace("s%d" % self.rnd.randrange(3)), {"metadata": {"labels": {"x": str(self.n)}}})


def storm(cp, proxy, mirrors):
    changes = Changes(cp)
    for m in mirrors:
        m.equals_server(30)
    before = {m: m.state()["rssKiB"] for m in mirrors}
    proxy.random(seed=SEED, rate=0.4, strike_ms=25, ms=300)
    end, done = time.monotonic() + SECONDS, 0
    while time.monotonic() < end:
        changes.one()
        done += 1
        time.sleep(0.02)
        if done % 200 == 0:
            cp.compact()
    proxy.random()
    return before, done


def scenario():
    print("seed %d" % SEED)
    with kubelab.control_plane(args=kubelab.PLAIN + ("--feature-gates=ListFromCacheSnapshot=false",)) as cp, contextlib.ExitStack() as s:
        cp.agent_account()
        proxy = s.enter_context(kubelab.Proxy(cp))
        config = cp.kubeconfig("proxied", token=cp.token(), server=proxy.url)
        mirrors = [s.enter_context(Mirror(cp, "storm-" + name, config, *words)) for name, words in WAYS.items()]
        before, done = storm(cp, proxy, mirrors)
        start = time.monotonic()
        for m in mirrors:
            m.equals_server(max(1, start + 40 - time.monotonic()))
        print("   equal %.1f s after the last fault" % (time.monotonic() - start))
        stats = proxy.stats()
        print("   %d changes, %d faults, %d requests, %d connections: %s" % (
            done, sum(stats["struck"].values()), stats["requests"], stats["connections"], json.dumps(stats["struck"], sort_keys=True)))
        for m in mirrors:
            state = m.state()
            print("   %-16s %d calls, %d connections, %d notes, %d -> %d KiB" % (
                m.name, m.calls(), state["connected"], state["notes"], before[m], state["rssKiB"]))
            m.honest()
            common.true(state["rssKiB"] < before[m] * 1.5 + 20000, "%s grew from %d to %d KiB" % (m.name, before[m], state["rssKiB"]))
        common.true(sum(stats["struck"].values()) > 10 * SECONDS, "an hour's worth of faults: one in 6 s")


common.main(scenario, mirrorlab.need)
