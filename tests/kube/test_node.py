# SPDX-License-Identifier: Apache-2.0
"""One agent and its Node on a real API server: podCIDRs that change while Pods are attached, a Node that goes, Events, watches that fall
silent, and the cache: when it is written, and whose it is."""
import glob
import json
import os
import signal
import subprocess
import time

import kubelab
from kubelab import common, manifests, netns


def need():
    kubelab.need()
    common.need_lab()


def gateway_addresses(node):
    shown = json.loads(netns.run("ip", "-j", "addr", "show", "dev", "seine-gw0", ns=node.ns).stdout)
    return sorted(a["local"] for i in shown for a in i["addr_info"] if a["scope"] == "global")


def events(c, reason):
    return [e for e in c.cp.client.list("Event") if e["reason"] == reason]


def pings(pod, address):
    return netns.run("ping", "-c1", "-W10", address, ns=pod.ns, check=False).returncode == 0


def stop(node, sig=signal.SIGTERM):
    status, seconds = node.stop_agent(sig)
    common.equal(status, 0 if sig == signal.SIGTERM else -sig, "how the agent ended: " + node.log_tail(5))
    common.true(seconds < 2, "it took %.1f s" % seconds)


def another_cidr(c):
    common.step("another podCIDR: attached Pods keep their addresses and their gateway, new ones have new ones")
    a = c.nodes[0]
    old = c.pod(a, "default", "old", {"app": "old"})
    c.apply(manifests.policy("default", "only-new", {"matchLabels": {"app": "old"}}, ["Ingress"],
                             [{"from": [{"podSelector": {"matchLabels": {"app": "new"}}}]}]))
    before = gateway_addresses(a)
    c.remove_node(a)
    common.eventually(lambda: "no Node object" in a.status()["reason"], "not ready without a Node")
    common.true(pings(old, "10.80.1.1"), "the gateway answers while the Node is gone")
    c.cp.apply(manifests.node(a.name, ["10.81.1.0/24", "fd00:81:1::/64"], [a.ip4, a.ip6]))
    a.wait_ready()
    c.sync()
    common.equal(gateway_addresses(a), sorted(before + ["10.81.1.1", "fd00:81:1::1"]), "addresses of the gateway port")
    new = c.pod(a, "default", "new", {"app": "new"})
    other = c.pod(a, "default", "other", {"app": "other"})
    common.equal((old.ips[0], new.ips[0]), ("10.80.1.2", "10.81.1.2"), "addresses")
    m = common.Matrix(c)
    m.expect(new, old, True)
    m.expect(old, new, True)
    m.expect(other, old, False)
    m.check("old and new range")
    common.true(pings(old, "10.80.1.1") and pings(new, "10.81.1.1") and pings(old, "10.81.1.1"), "both gateways answer")
    stop(a)
    a.start_agent()
    common.equal(a.flow_mods(), 0, "flows written by a start")
    common.true(pings(old, "10.80.1.1"), "the old gateway answers after a start")
    c.remove_pod(old)
    c.sync()
    common.eventually(lambda: gateway_addresses(a) == ["10.81.1.1", "fd00:81:1::1"], "the old gateway address goes with its last Pod")
    c.remove_pod(new)
    c.remove_pod(other)
    c.remove(manifests.policy("default", "only-new"))


def cidr_lost(c):
    common.step("a Node that comes back without podCIDR: not ready, and policies go on being enforced for who is attached")
    a = c.nodes[0]
    web, client = c.pod(a, "default", "web", {"app": "web"}), c.pod(a, "default", "client", {"app": "client"})
    c.remove_node(a)
    c.cp.apply({"apiVersion": "v1", "kind": "Node", "metadata": {"name": a.name},
                "status": {"addresses": [{"type": "InternalIP", "address": x} for x in (a.ip4, a.ip6)]}})
    common.eventually(lambda: "podCIDR" in a.status()["reason"], "not ready without podCIDR")
    policy = manifests.policy("default", "shut", {"matchLabels": {"app": "web"}}, ["Ingress"])
    c.cp.apply(policy)
    common.eventually(lambda: a.ctl_json("get", "policies")["items"], "the policy is known")
    common.eventually(lambda: a.status()["flows"]["desired"] == a.status()["flows"]["installed"], "it is in the switch")
    m = common.Matrix(c)
    m.expect(client, web, False)
    m.expect(web, client, True)
    m.check("a policy that came without a podCIDR")
    c.cp.delete(policy)
    c.remove_node(a)
    c.cp.apply(manifests.node(a.name, ["10.81.1.0/24", "fd00:81:1::/64"], [a.ip4, a.ip6]))
    a.wait_ready()
    c.remove_pod(web)
    c.remove_pod(client)


def kept_over_a_start(c):
    common.step("an attached Pod whose object is gone has its last labels after a start, too")
    a = c.nodes[0]
    c.apply(manifests.policy("default", "door", {"matchLabels": {"app": "web"}}, ["Ingress"],
                             [{"from": [{"podSelector": {"matchLabels": {"app": "client"}}}]}]))
    web, client = c.pod(a, "default", "web", {"app": "web"}), c.pod(a, "default", "client", {"app": "client"})
    c.cp.delete(manifests.pod("default", "client"), manifests.pod("default", "web"))
    c.sync()
    flows, written = a.switch.flows(), manifests.namespace("written-now")
    for sig in (signal.SIGTERM, signal.SIGKILL):
        if sig == signal.SIGKILL:
            c.cp.apply(written)
            common.eventually(lambda: "written-now" in cache(a), "the cache has been written", every=0.2)
        stop(a, sig)
        a.start_agent()
        common.equal((a.switch.flows(), a.flow_mods()), (flows, 0), "flows, and how many were written")
    m = common.Matrix(c)
    m.expect(client, web, True)
    m.expect(web, client, True)
    m.check("kept")
    a.del_pod(client)
    common.eventually(lambda: not [p for p in a.ctl_json("get", "pods", "--all")["items"] if p["name"] == "client"], "gone by DEL")
    a.del_pod(web)
    c.remove(manifests.policy("default", "door"), written)


def full(c):
    common.step("no address left: an Event on the Node, counted, not repeated")
    a = c.nodes[0]
    c.remove_node(a)
    c.cp.apply(manifests.node(a.name, ["10.82.1.0/30"], [a.ip4, a.ip6]))
    a.wait_ready()
    c.objects.put(manifests.pod("default", "one", {}, a.name), manifests.pod("default", "two", {}, a.name))
    one = a.add_pod("default", "one")
    netns.add(c.pod_ns("default", "two"))
    for _ in range(3):
        done = a.cni("ADD", "c-two", "/run/netns/" + c.pod_ns("default", "two"), args=a.pod_args("default", "two", "c-two"))
        common.equal(done.error, 11, "ADD: %r" % done)
    found = common.eventually(lambda: events(c, "AddressesExhausted"), "an Event")
    common.equal(len(found), 1, "Events: %s" % found)
    common.equal((found[0]["regarding"]["kind"], found[0]["regarding"]["name"], found[0]["metadata"]["namespace"]),
                 ("Node", a.name, "default"), "about whom")
    common.equal(found[0]["reportingInstance"], "seine-agent-" + a.name, "by whom")
    a.del_pod(one)


def no_cidr(c):
    common.step("a Node without podCIDR for a while: one line and one Event")
    a = c.nodes[0]
    c.remove_node(a)
    c.cp.apply({"apiVersion": "v1", "kind": "Node", "metadata": {"name": a.name}})
    common.eventually(lambda: "Node %s has no podCIDR" % a.name in a.status()["reason"], "the reason")
    common.eventually(lambda: events(c, "NoPodCIDR"), "an Event", every=0.5)
    c.remove_node(a)
    c.cp.apply(a.object())
    a.wait_ready()


def replaced(c):
    common.step("a Pod whose object is another's: isolated until DEL")
    a = c.nodes[0]
    pod = c.pod(a, "default", "again", {})
    peer = c.pod(a, "default", "peer", {})
    c.cp.delete(manifests.pod("default", "again"))
    c.cp.apply(manifests.pod("default", "again", {}, a.name))
    c.sync()
    m = common.Matrix(c)
    m.expect(peer, pod, False)
    m.expect(pod, peer, False)
    m.check("another UID")
    return pod


def replaced_is_told(c, pod):
    common.step("... which is an Event on the Pod once it lasts")
    found = common.eventually(lambda: events(c, "SandboxOfAnotherPod"), "an Event", every=0.5)
    now = c.cp.client.get("Pod", "default", "again")
    common.equal([(e["regarding"]["kind"], e["regarding"]["name"], e["regarding"]["uid"]) for e in found],
                 [("Pod", "again", now["metadata"]["uid"])], "about whom")
    c.remove_pod(pod)


def asking(c, node, *args):
    """A seinectl that goes on."""
    return subprocess.Popen([c.program("seinectl"), "--socket", node.socket, *args], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)


def connected(node):
    """How many of this network namespace are, to the agent's socket."""
    with open("/proc/self/net/unix") as f:
        return sum(line.endswith(" %s\n" % node.socket) for line in f)


def stopped_while_asked(c):
    common.step("SIGTERM while a sync and a status wait, and the server hangs")
    a = c.nodes[0]
    os.kill(c.cp.process.pid, signal.SIGSTOP)
    waiting = [asking(c, a, "sync", "--timeout", "60s") for _ in range(2)]
    common.eventually(lambda: connected(a) == 2, "both ask")
    time.sleep(0.5)
    stop(a)
    common.equal([p.wait(common.PATIENCE) for p in waiting], [1, 1], "who waited is told")
    a.start_agent(wait=0)
    common.eventually(lambda: a.ctl("status", check=False).stdout, "the agent answers")
    waiting = asking(c, a, "status", "--wait", "%ds" % (2 * common.PATIENCE))
    time.sleep(0.3)
    stop(a)
    os.kill(c.cp.process.pid, signal.SIGCONT)
    a.start_agent()
    common.equal(waiting.wait(3 * common.PATIENCE), 0, "status --wait, over the start of another agent")


def silent_watches(c):
    common.step("watches that fall silent: the store equals the server's again in 30 s")
    a = c.nodes[0]
    struck = c.proxy.strike("vanish")
    common.true(struck > 0, "watches were struck")
    start = time.monotonic()
    c.cp.apply(manifests.pod("default", "unseen", {"n": "1"}, "elsewhere", ["10.99.0.1"]))
    common.eventually(lambda: any(p["name"] == "unseen" for p in a.ctl_json("get", "pods")["items"]), "the Pod is seen", 31, 0.2)
    print("   %d watches resumed after %.1f s" % (struck, time.monotonic() - start))
    common.true(a.status()["ready"], "ready")


def cache(node):
    with open(node.dir + "/cache/api-server.cache") as f:
        return f.read()


def cache_times(c):
    common.step("the cache is written after changes, at most every 10 s, and whole")
    a = c.nodes[0]
    path = a.dir + "/cache/api-server.cache"
    written, start = set(), time.monotonic()
    n = 0
    while time.monotonic() < start + 12:
        n += 1
        c.cp.client.patch(manifests.pod("default", "unseen"), {"metadata": {"labels": {"n": str(n)}}})
        text = cache(a)
        common.true(text.startswith("seine-cache ") and text.splitlines()[-1].startswith("end "), "a whole file")
        written.add(os.stat(path).st_mtime_ns)
        time.sleep(0.05)
    took = time.monotonic() - start
    common.true(1 <= len(written) <= 2 + took / 10, "%d writes in %.1f s" % (len(written), took))
    a.sync()
    stop(a)
    common.true('"n":"%d"' % n in cache(a), "the last change is in the cache after SIGTERM")
    common.equal(os.listdir(a.dir + "/cache"), ["api-server.cache"], "files")


def unwritable_cache(c):
    common.step("a cache that cannot be written is told in status, tried again, and the agent is ready")
    a = c.nodes[0]
    os.rename(a.dir + "/cache", a.dir + "/cache.good")
    with open(a.dir + "/cache", "w"):
        pass
    a.start_agent()

    def told():
        return [e for e in a.status()["sources"][0]["errors"] if "the cache cannot be written: " in e]
    common.eventually(told, "it is told")
    common.equal((a.status()["ready"], "Not a directory" in told()[0]), (True, True), "ready, and why: %s" % told())
    os.unlink(a.dir + "/cache")
    common.eventually(lambda: not told(), "written again", every=0.2)
    common.equal(os.listdir(a.dir + "/cache"), ["api-server.cache"], "files")


def another_cluster(c):
    common.step("a cache of another cluster: ignored with a warning, and gone with the first lists")
    a = c.nodes[0]
    stop(a)
    for path in glob.glob(a.dir + "/cache/*"):
        os.unlink(path)
    a.start_agent()
    c.cp.apply(manifests.pod("default", "mine", {}, "elsewhere", ["10.99.0.2"]))
    a.sync()
    stop(a)
    c.cp.kill()
    netns.run("rm", "-r", c.cp.dir + "/data")
    c.cp.start()
    c.cp.agent_account()
    c.cp.apply(a.object())
    c.through(c.proxy)
    a.start_agent()
    common.true("another cluster" in a.log_tail(), "a warning: " + a.log_tail())
    common.equal([p["name"] for p in a.ctl_json("get", "pods")["items"] if p["name"] == "mine"], [], "Pods of the other cluster")
    a.sync()


class Cluster(kubelab.Cluster):
    def remove_node(self, node):
        self.cp.delete({"apiVersion": "v1", "kind": "Node", "metadata": {"name": node.name}})


def scenario():
    prefix = "ktnd%d" % os.getpid()
    with Cluster(prefix, kubelab.lab_cluster.free_run_dir(prefix), common.BIN, nodes=1) as c:
        with kubelab.Proxy(c.cp) as c.proxy:
            c.through(c.proxy)
            c.start_agents("--pod-timeout", "2s")
            another_cidr(c)
            cidr_lost(c)
            kept_over_a_start(c)
            full(c)
            no_cidr(c)
            stopped_while_asked(c)
            pod = replaced(c)
            silent_watches(c)
            replaced_is_told(c, pod)
            cache_times(c)
            unwritable_cache(c)
            another_cluster(c)
            c.recompute()


common.main(scenario, need)
