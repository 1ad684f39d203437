# SPDX-License-Identifier: Apache-2.0
"""What a limit cuts, and what happens to the container runtime's files, as Events on a real API server: on the object that an
operator looks at, once while it lasts, and once for all nodes where all nodes find the same."""
import json
import os
import signal
import time

import kubelab
from kubelab import common, manifests

LASTS = 10  # an agent has told what it has to tell so many seconds after it found it, or sooner
RULES = 4010


def need():
    kubelab.need()
    common.need_lab()


def events(c, reason):
    return [e for e in c.cp.client.list("Event") if e["reason"] == reason]


def regarding(found):
    return sorted((e["regarding"]["apiVersion"], e["regarding"]["kind"], e["regarding"].get("namespace", ""), e["regarding"]["name"],
                   e["regarding"]["uid"]) for e in found)


def uid(c, kind, namespace, name):
    return c.cp.client.get(kind, namespace, name)["metadata"]["uid"]


def split_policy():
    """Its exceptions split the block into more parts than Seine takes."""
    block = {"cidr": "fd00::/8", "except": ["fd%02x::1/128" % (4 * i) for i in range(64)]}
    return manifests.policy("shop", "split", {}, ["Ingress"], [{"from": [{"ipBlock": block}]}])


def both_fail(c):
    """Both nodes have found it."""
    for node in c.nodes:
        common.eventually(lambda n=node: [f for f in n.status()["failures"] if f["unit"] == "policy/shop/split"], "a failure on " + node.name)


def told_on_the_policy(c):
    common.step("an ipBlock that is left out: one Event on its NetworkPolicy, whatever the number of nodes")
    c.cp.apply(split_policy())
    both_fail(c)
    found = common.eventually(lambda: events(c, "PeerLeftOut"), "an Event")
    common.equal(regarding(found), [("networking.k8s.io/v1", "NetworkPolicy", "shop", "split", uid(c, "NetworkPolicy", "shop", "split"))],
                 "about whom")
    common.equal((found[0]["type"], found[0]["metadata"]["namespace"], found[0]["reportingController"]),
                 ("Warning", "shop", "seine.dev/agent"), "type, place, by whom")
    common.true("more than 4096 parts" in found[0]["note"], found[0]["note"])
    for i in range(3):
        c.cp.client.patch(manifests.pod("shop", "web0"), {"metadata": {"labels": {"n": str(i)}}})
        time.sleep(LASTS / 2)
    again = events(c, "PeerLeftOut")
    common.equal([(e["metadata"]["name"], e.get("series")) for e in again], [(found[0]["metadata"]["name"], None)], "Events later")
    shown = c.cp.kubectl("events", "-n", "shop", "--for", "networkpolicy/split").stdout
    common.true("PeerLeftOut" in shown, "kubectl events --for networkpolicy/split: " + shown)


def told_again(c):
    common.step("an agent that starts anew has nothing to add; another policy of that name is told")
    before = events(c, "PeerLeftOut")
    for node in c.nodes:
        node.stop_agent(signal.SIGTERM)
        node.start_agent()
    both_fail(c)
    time.sleep(LASTS + 2)
    common.equal(events(c, "PeerLeftOut"), before, "Events after a start")
    c.cp.delete(split_policy())
    c.sync()
    time.sleep(LASTS + 2)
    c.cp.apply(split_policy())
    common.eventually(lambda: uid(c, "NetworkPolicy", "shop", "split") in [e["regarding"]["uid"] for e in events(c, "PeerLeftOut")],
                      "an Event on the new one")
    c.cp.delete(split_policy())


def told_on_the_pod(c):
    common.step("more rules than hold: an Event on the Pod that they apply to, by its own node")
    rules = [{"from": [{"podSelector": {"matchLabels": {"app": "web1"}}}], "ports": [{"port": 1000 + i}]} for i in range(RULES)]
    policy = manifests.policy("shop", "many", {"matchLabels": {"app": "web0"}}, ["Ingress"], rules)
    c.cp.apply(policy)
    found = common.eventually(lambda: events(c, "RulesCut"), "an Event")
    common.equal(regarding(found), [("v1", "Pod", "shop", "web0", uid(c, "Pod", "shop", "web0"))], "about whom")
    common.equal(found[0]["note"], "node node1: %d ingress rules apply to it, 4000 of them hold" % RULES, "note")
    found = common.eventually(lambda: events(c, "PeerCut"), "an Event on the peer")
    common.equal(regarding(found), [("v1", "Pod", "shop", "web1", uid(c, "Pod", "shop", "web1"))], "about whom")
    c.cp.delete(policy)
    c.sync()


def told_of_a_port(c):
    common.step("more rules of several Pods than the flow of one port holds: an Event on the Node")
    a = c.nodes[0]
    policies = []
    for half, pod in enumerate(("web0", "more")):
        rules = [{"from": [{"ipBlock": {"cidr": "%d.%d.%d.0/24" % (20 + half, i // 256, i % 256)}}], "ports": [{"port": 80}]}
                 for i in range(RULES // 2)]
        policies.append(manifests.policy("shop", "half%d" % half, {"matchLabels": {"app": pod}}, ["Ingress"], rules))
    before = len(events(c, "RulesCut"))
    c.cp.apply(*policies)
    common.eventually(lambda: len(events(c, "RulesCut")) > before, "an Event")
    found = [e for e in events(c, "RulesCut") if e["regarding"]["kind"] == "Node"]
    common.equal(regarding(found), [("v1", "Node", "", a.name, uid(c, "Node", None, a.name))], "about whom")
    common.equal(found[0]["note"], "more than 4000 rules name one port or one outside address: what only the others allow is dropped "
                 "(flows cut: 2)", "note")
    c.cp.delete(*policies)
    c.sync()


def told_on_the_node(c):
    common.step("a network configuration that is gone comes back, and is an Event on the Node")
    a = c.nodes[0]
    config = a.dir + "/net.d/10-seine.conflist"
    common.eventually(lambda: os.path.exists(config), "the network configuration")
    os.unlink(config)
    found = common.eventually(lambda: events(c, "NetworkRestored"), "an Event")
    common.true(os.path.exists(config), "it is back")
    common.equal(regarding(found), [("v1", "Node", "", a.name, uid(c, "Node", None, a.name))], "about whom")
    common.true(config in found[0]["note"], found[0]["note"])
    with open(a.dir + "/net.d/05-other.conf", "w") as f:
        json.dump({}, f)
    found = common.eventually(lambda: events(c, "OtherNetworkFirst"), "an Event")
    common.true("05-other.conf" in found[0]["note"], found[0]["note"])


def scenario():
    with kubelab.cluster("ev") as c:
        c.cp.apply(manifests.namespace("shop"))
        for node in c.nodes:
            node.start_agent("--cni-config", node.dir + "/net.d/10-seine.conflist", wait=0)
        c.cp.apply(*[node.object() for node in c.nodes])
        for node in c.nodes:
            node.wait_ready()
        for i, node in enumerate(c.nodes):
            c.pod(node, "shop", "web%d" % i, {"app": "web%d" % i})
        c.pod(c.nodes[0], "shop", "more", {"app": "more"})
        told_on_the_node(c)
        told_on_the_policy(c)
        told_on_the_pod(c)
        told_of_a_port(c)
        told_again(c)
        c.recompute()


common.main(scenario, need)
