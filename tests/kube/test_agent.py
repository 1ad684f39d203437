# SPDX-License-Identifier: Apache-2.0
"""Agents on a real API server: Pods and policies from it, exact syncs, a server that is away, killed, and comes back, relists that change
no flow, an ADD that the watch is too late for, Nodes that come and change, what Seine writes."""
import time

import agentlab
import kubelab
from agentlab import is_ready, source, unchanged
from kubelab import clock, common, manifests


def pods_and_policies(c):
    common.step("Pods and policies from the API server, each change in the switch when sync returns")
    a, b = c.nodes
    c.apply(manifests.namespace("red", {"team": "red"}))
    web = c.pod(a, "red", "web", {"app": "web"})
    near = c.pod(a, "red", "near", {"app": "client"})
    far = c.pod(b, "blue", "far", {"app": "client"})
    m = common.Matrix(c)
    m.expect(far, web, True)
    m.expect(near, web, True)
    m.check("no policy")
    c.apply(manifests.policy("red", "only-red", {"matchLabels": {"app": "web"}}, ["Ingress"],
                             [{"from": [{"podSelector": {"matchLabels": {"app": "client"}}}]}]))
    m = common.Matrix(c)
    m.expect(far, web, False)
    m.expect(near, web, True)
    m.check("a policy")
    c.cp.kubectl("label", "pod", "-n", "red", "near", "app=other", "--overwrite")
    c.sync()
    m = common.Matrix(c)
    m.expect(near, web, False)
    m.check("another label, by kubectl")
    c.cp.kubectl("label", "pod", "-n", "red", "near", "app=client", "--overwrite")
    c.remove(manifests.policy("red", "only-red"))
    return web, near, far


def sync_is_exact(c):
    common.step("sync: ten changes in a row, each there when it returns")
    a = c.nodes[0]
    for i in range(10):
        c.cp.client.patch(manifests.pod("blue", "far"), {"metadata": {"labels": {"n": str(i)}}})
        a.sync()
        told = next(p for p in a.ctl_json("get", "pods")["items"] if p["name"] == "far")
        common.equal(told["labels"].get("n"), str(i), "the label after sync")


def all_pods(c):
    common.step("finished and hostNetwork Pods: only with --all")
    c.cp.apply(manifests.pod("red", "done", {"app": "web"}, "node1", ["10.80.1.200"], phase="Succeeded"),
               manifests.pod("red", "host", {"app": "web"}, "node2", ["192.0.2.2"], host_network=True))
    agentlab.check(c)


ODD_SERVICE = {"apiVersion": "v1", "kind": "Service", "metadata": {"namespace": "odd", "name": "s"}}
ODD_SLICE = {"apiVersion": "discovery.k8s.io/v1", "kind": "EndpointSlice", "metadata": {
    "namespace": "odd", "name": "e", "labels": {"kubernetes.io/service-name": "s"}}, "addressType": "IPv4"}


def odd(name, like, **more):
    return dict(like, metadata=dict(like["metadata"], name=name), **more)


def odd_objects(c):
    """Whatever the API server takes, the agent reads: what it cannot read would keep every agent that starts from being ready."""
    common.step("objects that are odd, but which the API server takes")
    found = [odd("zeros", ODD_SLICE, endpoints=[{"addresses": ["010.0.0.1"]}], ports=[{"name": "", "port": None}]),
             odd("fqdn", ODD_SLICE, addressType="FQDN", endpoints=[{"addresses": ["a.example.com"]}], ports=[{"port": 80}]),
             odd("bare", ODD_SLICE, endpoints=[]), odd("null", ODD_SLICE, endpoints=[{"addresses": ["10.0.0.1", "10.0.0.2"],
                                                                                   "conditions": {}, "hostname": "h"}]),
             odd("external", ODD_SERVICE, spec={"type": "ExternalName", "externalName": "a.b.c"}),
             odd("headless", ODD_SERVICE, spec={"clusterIP": "None"}),
             odd("long", ODD_SERVICE, spec={"type": "NodePort", "ports": [{"name": "a" * 63, "port": 65535, "targetPort": "x-1"}]}),
             manifests.policy("odd", "zeros", {}, ["Ingress"], [{"from": [{"ipBlock": {"cidr": c}} for c in (
                 "010.0.0.0/8", "10.0.0.9/8", "::ffff:10.0.0.0/104", "::/0")], "ports": [{}, {"port": 1, "endPort": 65535}]}]),
             manifests.policy("odd", "twice", {"matchExpressions": [{"key": "a/b", "operator": "In", "values": ["", ""]}]},
                              ["Ingress", "Ingress"], [{"from": [], "ports": []}]),
             manifests.pod("odd", "x" * 63 + ".y", {"a": "", "b.c/d": "X_y.z-1"}, "elsewhere"),
             {"apiVersion": "v1", "kind": "Node", "metadata": {"name": "odd"}, "status": {"addresses": [
                 {"type": "InternalIP", "address": a} for a in ("odd.internal", "198.51.100.7", "198.51.100.8")]}}]
    c.cp.apply(*found)
    c.sync()
    for node in c.nodes:
        common.equal(source(node)["errors"], [], "errors of " + node.name)
    agentlab.check(c)
    c.nodes[0].stop_agent()
    c.nodes[0].start_agent("--metrics-address", "127.0.0.1:9101")
    c.cp.delete(*found)
    c.sync()


def relist(c, proxy):
    common.step("watches end, expire and break: nothing is written to the switch")
    a = c.nodes[0]
    for fault in ("end", "expired", "error", "cut", "goaway"):
        def what():
            common.true(proxy.strike(fault) > 0, "watches were struck")
            time.sleep(0.2)
            a.sync()
        unchanged(a, what)


def server_away(c, web, far):
    common.step("the API server is killed: what was in force holds, the agents are ready and say that they are stale")
    a = c.nodes[0]
    policy = manifests.policy("red", "none", {"matchLabels": {"app": "web"}}, ["Ingress"])
    c.apply(policy)
    before = a.switch.flows()
    mods = a.flow_mods()
    c.cp.kill()
    common.eventually(lambda: all(source(n)["stale"] for n in c.nodes), "sources are stale")
    common.true(all(is_ready(n) for n in c.nodes), "ready while the server is away")
    told = agentlab.metrics(a)
    age = told['seine_source_stale_seconds{source="api-server"}']
    common.true(0 < age <= source(a)["staleSeconds"], "the metric of its age: %g" % age)
    common.equal([told['seine_%s' % m] for m in ('limit_exceeded_total{limit="events"}', 'connection_timeouts_total{peer="api-server"}')],
                 [0, 0], "limits exceeded, connections given up")
    m = common.Matrix(c)
    m.expect(far, web, False)
    m.check("away")
    done = a.ctl("sync", "--timeout", "1s", check=False)
    common.equal(done.returncode, 1, "sync while the server is away")
    common.true("the server has not said its version: cannot " in done.stderr, "what it waits for, and why: " + done.stderr)
    c.cp.start()
    common.eventually(lambda: not any(source(n)["stale"] for n in c.nodes), "sources are fresh again")
    common.equal(agentlab.metrics(a)['seine_source_stale_seconds{source="api-server"}'], 0, "the metric of its age")
    c.sync()
    common.equal((a.switch.flows(), a.flow_mods() - mods), (before, 0), "flows, and how many were written")
    c.remove(policy)
    m = common.Matrix(c)
    m.expect(far, web, True)
    m.check("back")


def late_watch(c, proxy):
    common.step("an ADD whose Pod the watch has not brought reads it itself")
    a = c.nodes[0]
    watches = len(c.nodes)
    common.equal(proxy.strike("swallow", path="/pods", want=watches), watches, "watches of Pods that hang")
    obj = manifests.pod("red", "late", {"app": "late"}, a.name)
    c.objects.put(obj)
    start = clock.now()
    pod = a.add_pod("red", "late")
    took = clock.now() - start
    print("   ADD took %.2f s" % took)
    common.true(took < 12, "ADD waited for the watch, which is renewed after 18 s: %.1f s" % took)
    # The connections' other watches; with them goes what hangs.
    common.equal(proxy.strike("cut", path="/networkpolicies", want=watches), watches, "connections cut")
    c.record(pod, obj)
    c.remove_pod(pod)


def namespace_goes(c, near):
    common.step("a Namespace that goes while an attached Pod needs it: its last labels hold")
    a = c.nodes[0]
    policy = manifests.policy("red", "teams", {"matchLabels": {"app": "web"}}, ["Ingress"],
                              [{"from": [{"namespaceSelector": {"matchLabels": {"team": "green"}}}]}])
    c.apply(manifests.namespace("green", {"team": "green"}), policy)
    guest = c.pod(a, "green", "guest", {})
    web = c.pods["red/web"]
    m = common.Matrix(c)
    m.expect(guest, web, True)
    m.expect(near, web, False)
    m.check("its Namespace is there")
    c.cp.delete(manifests.pod("green", "guest"))
    c.remove(manifests.namespace("green"))
    m = common.Matrix(c)
    m.expect(guest, web, True)
    m.check("object and Namespace are gone, the Pod is not")
    c.remove_pod(guest)
    c.remove(policy)


def gateway_addresses(node):
    text = kubelab.netns.run("ip", "-o", "addr", "show", "dev", "seine-gw0", ns=node.ns).stdout
    return {word.split("/")[0] for line in text.splitlines() for word in line.split() if "/" in word}


def node_changes(c, far):
    common.step("a Node goes and comes back with another podCIDR: its Pods keep their addresses, the gateway has both")
    a, b = c.nodes
    c.objects.delete(b.object())
    a.sync()
    common.true(all("10.80.2.0" not in line for line in a.switch.flows()), "no flow to a Node that is gone")
    common.equal(b.ctl("sync", "--timeout", "1s", check=False).returncode, 1, "sync of a node without its Node")
    changed = manifests.node(b.name, ["10.80.99.0/24", "fd00:80:99::/64"], [b.ip4, b.ip6])
    c.apply(changed)
    common.true(any("10.80.99.0/24" in line for line in a.switch.flows()), "flows to its new range")
    both = {b.gateways[0], "10.80.99.1"}
    common.true(both <= gateway_addresses(b), "%s on %s's gateway: %s" % (both, b.name, gateway_addresses(b)))
    near = c.pod(b, "blue", "near", {})
    common.true(near.ip(4).startswith("10.80.99."), "a new Pod has an address of the new range: " + near.ip(4))
    m = common.Matrix(c)
    m.expect(near, far, True)
    m.check("Pods of both ranges")
    c.remove_pod(near)
    c.objects.delete(changed)
    c.apply(b.object())


def hung_watch(c, proxy):
    common.step("one watch hangs, its connection goes on: in the switch within 30 s, never stale, nothing logged")
    a = c.nodes[0]
    policy = manifests.policy("red", "hung", {"matchLabels": {"app": "web"}}, ["Ingress"])

    def logged():
        return [line for line in a.log_tail(100000).splitlines() if "NetworkPolicy:" in line]
    lines = logged()
    common.equal(proxy.strike("swallow", path="/networkpolicies", want=len(c.nodes)), len(c.nodes), "watches of policies that hang")
    start, before = clock.now(), a.switch.flows()
    c.cp.apply(policy)
    time.sleep(1)
    common.equal(a.switch.flows(), before, "flows while the watch hangs")
    stale = []

    def there():
        stale.append(source(a)["stale"])
        return a.switch.flows() != before
    common.eventually(there, lambda: "the policy is in the switch\n" + a.log_tail(), 30 - (clock.now() - start), 0.5)
    print("   after %.1f s; the test %s" % (clock.now() - start, clock.told()))
    common.equal((any(stale), logged()), (False, lines), "stale, lines of the log")
    agentlab.check(c)
    c.objects.delete(policy)


def scenario():
    with kubelab.cluster("ag") as c:
        with kubelab.Proxy(c.cp) as proxy:
            c.through(proxy)
            c.start_agents("--metrics-address", "127.0.0.1:9101")
            web, near, far = pods_and_policies(c)
            sync_is_exact(c)
            all_pods(c)
            odd_objects(c)
            relist(c, proxy)
            late_watch(c, proxy)
            namespace_goes(c, near)
            common.step("what Seine writes: its own Node's condition, nothing else")
            agentlab.check_written(c)
            node_changes(c, far)
            hung_watch(c, proxy)
            server_away(c, web, far)
            agentlab.check(c)


common.main(scenario, agentlab.need)
