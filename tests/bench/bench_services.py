# SPDX-License-Identifier: Apache-2.0
"""An agent with many Services: by default 1,000 of 10 endpoints each, one of them of 1,000.

    bench_services.py [--services N] [--endpoints N] [--changes N] [--json FILE]

  derive   time of one derivation from nothing, without a switch (`seine-agent render --repeat`)
  ready    time from the agent's start on an empty switch until all is in it; resident memory then, and before
           there were Services
  change   one endpoint of the large Service goes or comes: time from the file's rename to the switch's answer, and
           the group messages it took (1)
  restart  messages of a restart with nothing changed (0)

Exit 1 if a limit is broken: 8 MB more resident memory, one message a change, none at a restart."""
import json
import os
import subprocess
import time

import benchlib  # first: it says where the others are
import common
from bench_agent import ask_sync
from benchlib import spread
from lab import cluster as lab
from lab.manifests import endpoint_slice, service

LIMIT_MORE_MB = 8.0


def address(first, n):
    return "10.%d.%d.%d" % (first + n // 62500, n // 250 % 250, n % 250 + 1)


def write_list(c, name, items):
    c.objects.write(name, json.dumps({"apiVersion": "v1", "kind": "List", "items": items}))


def services(n, endpoints):
    items = []
    for i in range(n):
        name = "s%d" % i
        items.append(service("bench", name, [address(96, i)], ((80, None),)))
        items.append(endpoint_slice("bench", name, "a", [address(128, i * endpoints + k) for k in range(endpoints)]))
    return items


def large(skip=None):
    ips = [address(200, k) for k in range(1000) if k != skip]
    return [service("bench", "large", ["10.95.0.1"], ((80, None),)),
            endpoint_slice("bench", "large", "a", ips[:500]), endpoint_slice("bench", "large", "b", ips[500:])]


def derive_time(c, node):
    done = subprocess.run([os.path.join(common.BIN, "seine-agent"), "render", "--objects", c.objects.dir, "--node-name",
                           node, "--repeat", "9"], stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True, check=True)
    return done.stderr.strip()


def measure(args):
    with lab.Cluster("bs%d" % (os.getpid() % 10000), lab.free_run_dir("bs%d" % (os.getpid() % 10000)), common.BIN, nodes=1,
                     families=(4,)) as c:
        a = c.nodes[0]
        a.start_agent()
        bare = a.rss_kib() / 1024
        a.stop_agent()
        write_list(c, "services.json", services(args.services, args.endpoints))
        write_list(c, "large.json", large())
        print("derive: " + derive_time(c, a.name))
        start = time.monotonic()
        a.start_agent()
        a.sync()
        ready, rss = time.monotonic() - start, a.rss_kib() / 1024
        print("ready: %.2f s from the start on an empty switch; %.1f MB, %.1f MB without Services" % (ready, rss, bare))
        times, mods = [], []
        for n in range(args.changes):
            before = a.status()["messages"]["groupMods"]
            start = time.monotonic()
            write_list(c, "large.json", large(n % 1000 if n % 2 == 0 else None))
            ask_sync(a.socket)
            times.append((time.monotonic() - start) * 1000)
            mods.append(a.status()["messages"]["groupMods"] - before)
        change = spread(times)
        print("change: p50 %.1f ms, p99 %.1f ms of %d; group messages each: %d to %d" % (
            change["p50_ms"], change["p99_ms"], args.changes, min(mods), max(mods)))
        a.stop_agent()
        a.start_agent()
        sent = sum(a.status()["messages"].values())
        print("restart: %d messages" % sent)
        found = {"ready_s": ready, "rss_mb": rss, "bare_mb": bare, "change": change, "mods": max(mods), "restart": sent}
        c.recompute()
        common.true(rss - bare < LIMIT_MORE_MB, "more than %.0f MB for Services" % LIMIT_MORE_MB)
        common.true(max(mods) == 1, "more than one message for an endpoint")
        common.equal(sent, 0, "messages of a restart")
        benchlib.verdict(args, found, True)


def main():
    args = benchlib.arguments(__doc__, services=1000, endpoints=10, changes=60)
    common.main(lambda: measure(args))


if __name__ == "__main__":
    main()
