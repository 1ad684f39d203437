# SPDX-License-Identifier: Apache-2.0
"""An hour's worth of faults in a minute: several clients through a proxy that strikes at random while objects change; at the end each
holds what the server has, has told nothing for nothing, has lost no memory and has not grown.

    test_storm.py MIRROR [SECONDS [SEED]]"""
import contextlib
import json
import sys
import time

import kubelab
import mirrorlab
from kubelab import clock, common
from mirrorlab import Mirror
from stormlab import Changes

SECONDS = float(sys.argv[2]) if len(sys.argv) > 2 else 35
FAULTS = 600 * SECONDS / 35  # an hour's worth in the usual time: one in 6 s
SEED = int(sys.argv[3]) if len(sys.argv) > 3 else int(time.time()) % 100000
WAYS = {"h2": ("whole",), "h2json": ("gzip", "json"), "stream": ("stream",), "h1json": ("http1", "json"), "h1gzip": ("http1", "gzip", "whole"),
        "streamh1": ("stream", "http1", "json")}


def storm(cp, proxy, mirrors):
    changes = Changes(cp, SEED)
    for m in mirrors:
        m.equals_server()
    before = {m: m.state()["rssKiB"] for m in mirrors}
    proxy.random(seed=SEED, rate=0.4, strike_ms=25, ms=300)

    def enough():  # a busy machine needs longer for as many
        return struck(proxy) > FAULTS
    done = changes.go_on(SECONDS, enough=enough)
    common.true(enough(), "%d faults struck, not an hour's worth" % struck(proxy))
    proxy.random()
    return before, done


def struck(proxy):
    return sum(proxy.stats()["struck"].values())


def scenario():
    print("seed %d" % SEED)
    with kubelab.control_plane(args=kubelab.PLAIN + ("--feature-gates=ListFromCacheSnapshot=false",)) as cp, contextlib.ExitStack() as s:
        cp.agent_account()
        proxy = s.enter_context(kubelab.Proxy(cp))
        config = cp.kubeconfig("proxied", token=cp.token(), server=proxy.url)
        mirrors = [s.enter_context(Mirror(cp, "storm-" + name, config, *words)) for name, words in WAYS.items()]
        before, done = storm(cp, proxy, mirrors)
        start = clock.now()
        for m in mirrors:
            m.equals_server()
        took = clock.now() - start
        print("   equal %.1f s after the last fault; the test %s" % (took, clock.told()))
        common.true(took < 40, "equal %.1f s after the last fault" % took)
        stats = proxy.stats()
        print("   %d changes, %d faults, %d requests, %d connections: %s" % (
            done, struck(proxy), stats["requests"], stats["connections"], json.dumps(stats["struck"], sort_keys=True)))
        for m in mirrors:
            state = m.state()
            print("   %-16s %d calls, %d connections, %d notes, %d -> %d KiB" % (
                m.name, m.calls(), state["connected"], state["notes"], before[m], state["rssKiB"]))
            m.honest()
            common.true(state["rssKiB"] < before[m] * 1.5 + 20000, "%s grew from %d to %d KiB" % (m.name, before[m], state["rssKiB"]))


common.main(scenario, mirrorlab.need)
