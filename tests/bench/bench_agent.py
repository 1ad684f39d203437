# SPDX-License-Identifier: Apache-2.0
"""The agent in a large world: 100 local Pods (by CNI), 10,000 remote ones, 1,000 policies, 101 nodes.

    bench_agent.py [label] [rss] [restart] [--changes N] [--json FILE]

  label    one label of one Pod changes: time from the file's rename until the switch answered the barrier, p50 and p99
           (seen from outside: `sync` over the agent's own socket, asked right after the rename), and the flow-mods
           sent against the flows that differ
  rss      the agent's resident memory
  restart  time from start to ready with nothing changed, and the messages sent (0)

Without names: all three. Exit 1 if a limit is broken: 20 ms at p99, 40 MB, 0 messages."""
import http.client
import json
import random
import os
import socket
import time

import benchlib  # first: it says where the others are
import common
import worldgen
from benchlib import UNTIMED, percentile, spread
from lab import cluster as lab
from test_changes import differing

LIMIT_P99_MS, LIMIT_RSS_MB = 20.0, 40.0


class Connection(http.client.HTTPConnection):
    """HTTP over the agent's socket: what seinectl does, without a process for each question."""

    def __init__(self, path):
        super().__init__("localhost")
        self.path = path

    def connect(self):
        self.sock = socket.socket(socket.AF_UNIX)
        self.sock.settimeout(2 * common.PATIENCE)
        self.sock.connect(self.path)


def ask_sync(path):
    connection = Connection(path)
    try:
        connection.request("POST", "/v1/sync?timeout=%ds" % common.PATIENCE)
        answer = connection.getresponse()
        body = answer.read()
        if answer.status != 200:
            raise common.Failed("sync: %d %s" % (answer.status, body))
    finally:
        connection.close()


def build(c, world):
    a = c.nodes[0]
    c.objects.delete(*[o for o in c.objects.all()])
    world.write(c.objects.dir)
    start = time.monotonic()
    a.start_agent()
    first = time.monotonic() - start
    start = time.monotonic()
    for obj in world.local:
        a.add_pod(obj["metadata"]["namespace"], obj["metadata"]["name"])
    a.sync()
    seconds = time.monotonic() - start
    print("world: %s; first ready after %.2f s; %d Pods added in %.1f s; %d flows" % (
        world.counts(), first, len(world.local), seconds, len(a.switch.flows())))
    return a


def relabelled(obj, n):
    """The object with another value of its label; the n-th of one object never equals the one before."""
    obj["metadata"]["labels"]["app"] = "app%d" % ((n // 7 + n + 1) % worldgen.APPS)
    return obj


def change_of(world, rnd, n, local):
    """One Pod's label changes: the file to write, and its text. Pods of this node have a file each, the others
    lie in the file of their namespace."""
    pods = [(None, o) for o in world.local]
    if not local:
        pods += [(space, o) for space, items in world.spaces.items() for o in items if o["kind"] == "Pod"]
    space, obj = rnd.choice(pods)
    relabelled(obj, n)
    if space is None:
        name, items = "pod-%s-%s.json" % (obj["metadata"]["namespace"], obj["metadata"]["name"]), [obj]
    else:
        name, items = space + ".json", world.spaces[space]
    return name, json.dumps({"apiVersion": "v1", "kind": "List", "items": items})


def measure_changes(c, a, world, changes, local):
    """Times from the file's change to the barrier's reply; in every tenth round, what was sent is compared with
    what differs in the switch."""
    rnd = random.Random(20 + local)
    times, mods_of, exact = [], [], True
    for n in range(changes):
        name, text = change_of(world, rnd, n, local)
        counted = n % 10 == 0
        before, mods = a.switch.flows() if counted else None, a.flow_mods()
        time.sleep(0.02)
        start = time.monotonic()
        c.objects.write(name, text)
        ask_sync(a.socket)
        times.append((time.monotonic() - start) * 1000)
        mods_of.append(a.flow_mods() - mods)
        if counted:
            differ = differing(before, a.switch.flows())
            if mods_of[-1] != differ:
                exact = False
                print("change %d: %d flow-mods sent, %d flows differ" % (n, mods_of[-1], differ))
    found = {**spread(times), "changes": changes, "mods_p50": percentile(mods_of, 0.5), "mods_max": max(mods_of), "exact": exact}
    print("label of %s: p50 %.2f ms, p99 %.2f ms, max %.2f ms of %d changes; flow-mods a change: p50 %d, max %d; "
          "equal to the flows that differ: %s" % (
              "a Pod of this node" if local else "any Pod", found["p50_ms"], found["p99_ms"], found["max_ms"], changes,
              found["mods_p50"], found["mods_max"], exact))
    return found, exact


def bench_label(c, a, world, changes):
    """Any Pod of the cluster, within the limit; then those of this node alone, whose policies come and go with
    hundreds of addresses each: told, without a limit."""
    found, exact = measure_changes(c, a, world, changes, False)
    found["local"], exact_too = measure_changes(c, a, world, changes // 3, True)
    return found, exact and exact_too and (found["p99_ms"] < LIMIT_P99_MS or UNTIMED)


def bench_rss(a):
    mb = a.rss_kib() / 1024
    print("rss: %.1f MB (limit %.0f)" % (mb, LIMIT_RSS_MB))
    return {"rss_mb": mb}, mb < LIMIT_RSS_MB


def bench_restart(a):
    times, sent = [], 0
    for _ in range(5):
        a.stop_agent()
        start = time.monotonic()
        a.start_agent()
        times.append(time.monotonic() - start)
        messages = a.status()["messages"]
        sent += sum(messages.values())
    found = {"ready_s": percentile(times, 0.5), "messages": sent}
    print("restart: ready after %.2f s (median of 5: %s), %d messages sent" % (
        found["ready_s"], " ".join("%.2f" % t for t in times), sent))
    return found, sent == 0


def main():
    args = benchlib.arguments(__doc__, ("rss", "label", "restart"), changes=(300, 60))

    def scenario():
        world = worldgen.World()
        prefix = "ba%d" % (os.getpid() % 10000)
        with lab.Cluster(prefix, lab.free_run_dir(prefix), common.BIN, nodes=1, families=(4,)) as c:
            a = build(c, world)
            found, good = benchlib.run_named(args, {
                "rss": lambda: bench_rss(a), "label": lambda: bench_label(c, a, world, args.changes), "restart": lambda: bench_restart(a)})
            c.recompute()
        benchlib.verdict(args, found, good)
    common.main(scenario)


if __name__ == "__main__":
    main()
