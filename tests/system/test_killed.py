# SPDX-License-Identifier: Apache-2.0
"""kill -9 of the agent at many moments of an ADD: whatever was left, restart and then DEL (or GC) leave nothing: no
interface, no port, no flow, no address taken from the pool."""
import json
import os
import signal
import subprocess
import time

import common
from lab import netns
from lab.manifests import pod

MOMENTS_MS = (0, 1, 2, 3, 4, 5, 6, 8, 10, 12, 15, 18, 22, 26, 30, 40, 60)


def start_add(node, name, container, ns):
    """The plugin as a process of its own; its end is looked at later."""
    return subprocess.Popen(
        ["ip", "netns", "exec", node.ns, node.cluster.program("seine-cni")], text=True,
        env=node.cni_env("ADD", container, netns.path(ns), "eth0", node.pod_args("default", name, container)),
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE)


def ports(node):
    return set(node.switch.vsctl("list-ports", "br-int").split())


def links(node):
    out = netns.run("ip", "-j", "link", "show", ns=node.ns).stdout
    return {link["ifname"] for link in json.loads(out)}


def guards(node):
    """Chains of the ingress guard, by the interface they stand at."""
    out = netns.run("nft", "list", "ruleset", ns=node.ns).stdout
    return sorted(line.strip() for line in out.splitlines() if "device" in line)


def state(node):
    return ports(node), links(node), guards(node), node.switch.flows()


def one_moment(c, a, delay, how, number):
    name, container = "victim", "victim-%d" % number
    ns = c.pod_ns("default", name)
    netns.add(ns)
    add = start_add(a, name, container, ns)
    add.stdin.write(json.dumps(a.cni_config()))
    add.stdin.close()
    time.sleep(delay / 1000)
    a.stop_agent(signal.SIGKILL)
    add.wait(common.PATIENCE)
    succeeded = add.returncode == 0
    add.stdout.close()
    add.stderr.close()
    if how == "restart, DEL":
        a.start_agent()
        result = a.cni("DEL", container, netns.path(ns), args=a.pod_args("default", name, container))
        common.equal(result.code, 0, "DEL after the restart: %r" % result)
    elif how == "DEL while away, restart":
        result = a.cni("DEL", container, netns.path(ns), args=a.pod_args("default", name, container))
        common.equal(result.code, 0, "DEL with the agent away: %r" % result)
        a.start_agent()
    else:  # the namespace is gone, only GC knows
        netns.delete(ns)
        a.start_agent()
        result = a.cni("GC", ifname="", config=a.cni_config(**{"cni.dev/valid-attachments": [
            {"containerID": p.container, "ifname": "eth0"} for p in c.pods.values()]}))
        common.equal(result.code, 0, "GC: %r" % result)
    if netns.exists(ns):
        netns.delete(ns)
    return succeeded


def scenario():
    with common.cluster("kil", nodes=1) as c:
        c.start_agents()
        a = c.nodes[0]
        keep = c.pod(a, "default", "keep")
        c.objects.put(pod("default", "victim", {}, a.name))
        a.sync()
        before = state(a)
        outcomes = []
        ways = ("restart, DEL", "DEL while away, restart", "restart, GC")
        for number, delay in enumerate(MOMENTS_MS):
            how = ways[number % len(ways)]
            outcomes.append(one_moment(c, a, delay, how, number))
            a.sync()
            what = "after kill -9 at %d ms, %s" % (delay, how)
            names = ("ports", "interfaces", "guards", "flows")
            for label in names:
                i = names.index(label)
                common.eventually(lambda i=i: state(a)[i] == before[i] or (print(state(a)[i]) and False),
                                  "%s as before, %s" % (label, what), every=0.2)
            common.equal(os.listdir(a.dir + "/run/deletions")
                         if os.path.isdir(a.dir + "/run/deletions") else [], [], "deletions left " + what)
        print("   %d moments; the ADD had answered in %d of them" % (len(outcomes), sum(outcomes)))
        common.true(not all(outcomes), "some ADD was under way when the agent was killed")

        common.step("the pool is whole: every address can be given once")
        common.equal([p["name"] for p in a.ctl_json("get", "pods")["items"] if p.get("local")
                      and p.get("containerID")], ["keep"], "attached Pods")
        m = common.Matrix(c)
        from lab import probe
        for address in keep.ips:
            m.add(probe.Probe(a.ns, address, "tcp", 80, keep.full_name), True, "node -> " + address)
        m.check("the Pod that stayed")
        c.recompute()


if __name__ == "__main__":
    common.main(scenario)
