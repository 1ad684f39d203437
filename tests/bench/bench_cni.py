# SPDX-License-Identifier: Apache-2.0
"""Wall time of CNI ADD and DEL: seine-cni with its agent and Open vSwitch, against the reference plugins `bridge` with
`host-local`, in turns, in the same network namespace of the same run.

    bench_cni.py [--rounds N] [--json FILE]

A round makes a namespace for each side (not timed), runs the plugin's ADD and DEL as a runtime does (timed, the start of the
program included) and removes the namespaces. Seine's Pods are objects with labels in a namespace with a policy, so its ADD
includes their flows, committed and acknowledged. Exit 1 if the p50 of ADD or DEL is over half of the reference's."""
import ctypes
import json
import os
import shutil
import subprocess
import time

import benchlib  # first: it says where the others are
import common
from benchlib import UNTIMED, percentile
from lab import cluster as lab
from lab import manifests, netns

PLUGINS = "/usr/lib/cni"
CLONE_NEWNET = 0x40000000
LIMIT = 0.5


def enter(ns):
    """This process, and what it starts, are in the network namespace from now on."""
    with open(netns.path(ns)) as f:
        if ctypes.CDLL(None, use_errno=True).setns(f.fileno(), CLONE_NEWNET):
            raise OSError(ctypes.get_errno(), "setns")


def inside(ns, work):
    """What `work` returns (as JSON), done by a child in the namespace: whoever ends the node ends all that is in it."""
    r, w = os.pipe()
    child = os.fork()
    if child == 0:
        status = 1
        try:
            enter(ns)
            with os.fdopen(w, "w") as f:
                json.dump(work(), f)
            status = 0
        except Exception as e:
            print("FAILED: %s" % e, flush=True)
        os._exit(status)
    os.close(w)
    with os.fdopen(r) as f:
        text = f.read()
    common.equal(os.waitpid(child, 0)[1], 0, "the measuring process")
    return json.loads(text)


def run(program, env, config):
    """One call of a plugin: milliseconds."""
    start = time.monotonic()
    done = subprocess.run([program], input=config, capture_output=True, env=env, timeout=2 * common.PATIENCE)
    took = (time.monotonic() - start) * 1000
    if done.returncode:
        raise common.Failed("%s %s: %s %s" % (program, env["CNI_COMMAND"], done.stdout, done.stderr))
    return took


class Seine:
    name = "seine"

    def __init__(self, c, rounds):
        self.c, self.node = c, c.nodes[0]
        self.program = c.program("seine-cni")
        self.config = json.dumps(self.node.cni_config()).encode()
        for n in range(rounds):
            c.objects.put(manifests.pod("bench", "pod%d" % n, {"app": "a%d" % (n % 10)}, node=self.node.name))
        c.objects.put(manifests.policy("bench", "allow", {}, ["Ingress"], [{"from": [{"podSelector": {}}]}]))
        c.sync()

    def env(self, verb, ns, n):
        return self.node.cni_env(verb, "bench-%d" % n, netns.path(ns), "eth0",
                                 self.node.pod_args("bench", "pod%d" % n, "bench-%d" % n))


class Bridge:
    name = "bridge + host-local"

    def __init__(self, c):
        self.program = os.path.join(PLUGINS, "bridge")
        self.config = json.dumps({
            "cniVersion": "1.0.0", "name": "reference", "type": "bridge", "bridge": "ref0", "isGateway": True,
            "ipam": {"type": "host-local", "dataDir": c.run + "/host-local",
                     "ranges": [[{"subnet": "10.81.0.0/24"}], [{"subnet": "fd00:81::/64"}]],
                     "routes": [{"dst": "0.0.0.0/0"}, {"dst": "::/0"}]}}).encode()

    @staticmethod
    def env(verb, ns, n):
        return {"CNI_COMMAND": verb, "CNI_CONTAINERID": "ref-%d" % n, "CNI_NETNS": netns.path(ns),
                "CNI_IFNAME": "eth0", "CNI_PATH": PLUGINS, "PATH": os.environ["PATH"]}


def measure(c, sides, rounds):
    times = {side.name: {"ADD": [], "DEL": []} for side in sides}
    for n in range(rounds):
        for side in sides:
            ns = "%s-b%d" % (c.prefix, n)
            netns.add(ns)
            try:
                for verb in ("ADD", "DEL"):
                    times[side.name][verb].append(run(side.program, side.env(verb, ns, n), side.config))
            finally:
                netns.delete(ns)
    return times


def report(times):
    found, good = {}, True
    (ours, theirs) = times
    for verb in ("ADD", "DEL"):
        found[verb] = {name: {"p50_ms": percentile(times[name][verb], 0.5), "p99_ms": percentile(times[name][verb], 0.99)}
                       for name in times}
        ratio = found[verb][ours]["p50_ms"] / found[verb][theirs]["p50_ms"]
        found[verb]["ratio"] = ratio
        good = good and (ratio <= LIMIT or UNTIMED)
        print("%s: %s p50 %.2f ms, p99 %.2f ms; %s p50 %.2f ms, p99 %.2f ms; ratio of p50 %.2f (limit %.2f)" % (
            verb, ours, found[verb][ours]["p50_ms"], found[verb][ours]["p99_ms"],
            theirs, found[verb][theirs]["p50_ms"], found[verb][theirs]["p99_ms"], ratio, LIMIT))
    return found, good


def main():
    args = benchlib.arguments(__doc__, rounds=(200, 20))

    def scenario():
        if not os.path.exists(os.path.join(PLUGINS, "bridge")) or not shutil.which("ip"):
            common.skip("the reference plugins are not installed (installer/deps.sh test)")
        prefix = "bc%d" % (os.getpid() % 10000)
        with lab.Cluster(prefix, lab.free_run_dir(prefix), common.BIN, nodes=1) as c:
            c.start_agents()
            sides = [Seine(c, args.rounds), Bridge(c)]
            found, good = report(inside(c.nodes[0].ns, lambda: measure(c, sides, args.rounds)))
            c.recompute()
        benchlib.verdict(args, found, good)
    common.main(scenario)


if __name__ == "__main__":
    main()
