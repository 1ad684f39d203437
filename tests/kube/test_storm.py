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
from kubelab import common
from mirrorlab import Mirror
from stormlab import Changes

SECONDS = float(sys.argv[2]) if len(sys.argv) > 2 else 35
SEED = int(sys.argv[3]) if len(sys.argv) > 3 else int(time.time()) % 100000
WAYS = {"h2": ("whole",), "h2json": ("gzip", "json"), "stream": ("stream",), "h1json": ("http1", "json"), "h1gzip": ("http1", "gzip", "whole"),
        "streamh1": ("stream", "http1", "json")}


def storm(cp, proxy, mirrors):
    changes = Changes(cp, SEED)
    for m in mirrors:
        m.equals_server(30)
    before = {m: m.state()["rssKiB"] for m in mirrors}
    proxy.random(seed=SEED, rate=0.4, strike_ms=25, ms=300)
    done = changes.go_on(SECONDS)
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
        common.true(sum(stats["struck"].values()) > 600, "an hour's worth of faults: one in 6 s")


common.main(scenario, mirrorlab.need)
