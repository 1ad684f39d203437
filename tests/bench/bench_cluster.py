# SPDX-License-Identifier: Apache-2.0
"""Pod start in a real cluster: the kubelet's CNI call (ADD, as containerd times it around all plugins of the list) with Seine,
against the reference plugins `bridge` with `host-local`, on the same node, in turns.

    bench_cluster.py [--rounds N] [--pods N] [--json FILE]

A round puts one plugin's list in place, starts --pods Pods at once, waits until they run, and deletes them. The Pods have labels
and stand in a namespace with a policy, so Seine's call includes their flows, committed and acknowledged. The time from the
request to the Pod's readiness is told too: most of it is containerd's and runc's. Exit 1 if Seine's p50 is over the
reference's."""
import os
import re
import time
from datetime import datetime

import benchlib  # first: it says where the others are
from benchlib import UNTIMED, spread
from clusterlab import cluster, common, kubecluster, main, namespace, pod_object
from lab.manifests import policy

LIMIT = 1.0
LINE = re.compile(r'time="([^"]+)" level=debug msg="(begin cni setup|cni result: .*?)" podsandboxid=(\w+)')
OURS, THEIRS = "seine", "bridge + host-local"


def stamp(text):
    """Seconds; containerd writes up to nine digits, as many as it needs."""
    whole, fraction = text.rstrip("Z").split(".") if "." in text else (text.rstrip("Z"), "0")
    return datetime.fromisoformat(whole + "+00:00").timestamp() + float("0." + fraction)


def calls(log, offset):
    """Milliseconds of each CNI call that containerd has logged since `offset`."""
    begun, took = {}, []
    with open(log, errors="replace") as f:
        f.seek(offset)
        for m in LINE.finditer(f.read()):
            if m.group(2).startswith("begin"):
                begun[m.group(3)] = stamp(m.group(1))
            elif m.group(3) in begun:
                took.append((stamp(m.group(1)) - begun.pop(m.group(3))) * 1000)
    return took


def start_pods(c, node, names):
    """Milliseconds from the request to readiness, of each; the Pods are deleted again."""
    path = "/api/v1/namespaces/bench/pods"
    began = {}
    for name in names:
        began[name] = time.monotonic()
        c.control.call("POST", path, pod_object("bench", name, node.name, {"app": name[-1]}))
    took = {}
    while len(took) < len(names):
        for obj in c.list_pods("bench"):
            name = obj["metadata"]["name"]
            if name not in took and any(s["type"] == "Ready" and s["status"] == "True" for s in obj["status"].get("conditions", ())):
                took[name] = (time.monotonic() - began[name]) * 1000
        common.true(time.monotonic() < min(began.values()) + 120, "%d of %d Pods run" % (len(took), len(names)))
        time.sleep(0.02)
    c.delete_pods(*(kubecluster.KubePod(node, "bench", n, [], "", {}) for n in names))
    return list(took.values())


def measure(c, rounds, pods):
    node = c.nodes[0]
    log = node.dir + "/log/containerd.log"
    times = {who: {"call": [], "ready": []} for who in (OURS, THEIRS)}
    for n in range(rounds):
        for who in (OURS, THEIRS):
            (c.place_seine if who == OURS else c.place_bridge)(node)
            time.sleep(0.5)  # containerd watches the folder
            offset = os.path.getsize(log)
            times[who]["ready"] += start_pods(c, node, ["p%d-%d" % (n, i) for i in range(pods)])
            found = calls(log, offset)
            common.equal(len(found), pods, "CNI calls of %s in the log" % who)
            times[who]["call"] += found
    return times


def report(times):
    found = {who: {what: {**spread(values), "n": len(values)}
                   for what, values in per.items()} for who, per in times.items()}
    for what, text in (("call", "kubelet's CNI call"), ("ready", "request to readiness")):
        a, b = found[OURS][what], found[THEIRS][what]
        found[what + "_ratio"] = a["p50_ms"] / b["p50_ms"]
        print("%s: %s p50 %.1f ms, p99 %.1f ms; %s p50 %.1f ms, p99 %.1f ms; ratio of p50 %.2f, n %d" % (
            text, OURS, a["p50_ms"], a["p99_ms"], THEIRS, b["p50_ms"], b["p99_ms"], found[what + "_ratio"], a["n"]))
    return found


def scenario(args):
    with cluster("bench", cni=kubecluster.PROGRAMS) as c:
        node = c.nodes[0]
        node.stop("containerd")
        node.start_containerd("--log-level", "debug")
        node.wait_containerd()
        c.install()
        c.apply(namespace("bench"), policy("bench", "allow", {}, ["Ingress"], [{"from": [{"podSelector": {}}]}]))
        found = report(measure(c, args.rounds, args.pods))
        c.recompute()
    benchlib.verdict(args, found, found["call_ratio"] <= LIMIT or UNTIMED)


if __name__ == "__main__":
    ARGS = benchlib.arguments(__doc__, rounds=10, pods=10)
    main(lambda: scenario(ARGS))
