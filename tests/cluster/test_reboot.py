# SPDX-License-Identifier: Apache-2.0
"""A whole node loses its power and starts again: kubelet, containerd, agent, Open vSwitch and all Pods are gone at once, with every
link, mount and what lay in /run; what was on disk is there again, the switch's database with the ports of Pods that are no more
among it. The other node loses no packet. The Pods come back, each with a network, their policies in force; one that was deleted
meanwhile does not. Switches hold what is derived, and nothing is left of what was before."""
import re

from clusterlab import LONG, attached, clock, cluster, common, held, main, pod_object, reach, restarted, settled, traffic
from lab.manifests import policy

SAME = ("namespaces", "containers", "ports", "links", "attached")  # as many as before


def counts(node, less=0):
    """How much the node has of its Pods; `less` Pods are taken off."""
    found = held(node)
    size = {what: len(found[what]) for what in SAME}
    return {what: n - less * (2 if what == "containers" else 1) for what, n in size.items()}


def policies_in_force(c, pods, what):
    """`shut` is reached by nobody, the others are."""
    reach(c, *pods, what=what, refused=[p for p in pods if p.name == "shut"])


def is_up(c, pods):
    """The Pods as they run now, once all of them do again."""
    again = [restarted(c, pod) for pod in pods]
    return all(again) and again


def told(c, node):
    """Why a node is not what it should be."""
    return "%s\n%s\n%s" % (c.kubectl("get", "pods", "-A", "-o", "wide", check=False).stdout, node.log_tail(name="kubelet"),
                           c.agent_logs(node))


def mentioned(node, address):
    """Flows in which the address is."""
    return [line for line in node.switch.flows() if address in re.split("[^0-9a-f.:]", line)]


def nothing_left(c, before, gone, old):
    common.step("nothing is left of what was before")
    node = gone.node
    settled(c)
    common.eventually(lambda: counts(node) == before, lambda: "as much as before: %s, now %s" % (before, counts(node)), LONG, 0.2)
    held_now = {ip for pod in c.pods.values() for ip in pod.ips}
    for n in c.nodes:
        found = [line for ip in set(old) - held_now for line in mentioned(n, ip)]
        common.equal(found, [], "flows of %s with addresses of before" % n.name)
        desired = sorted(n.ctl("get", "flows", "--desired").stdout.splitlines())
        common.equal(n.switch.flows(), desired, "%s: the switch, and what is derived" % n.name)


def scenario():
    with cluster("boot") as c:
        c.install()
        other, node = c.nodes
        src, near, *pods, gone = c.create(
            pod_object("default", "src", other.name), pod_object("default", "near", other.name),
            *(pod_object("default", name, node.name, {"app": name}) for name in ("a", "b", "shut", "gone")))
        c.apply(policy("default", "shut", {"matchLabels": {"app": "shut"}}, ["Ingress", "Egress"]))
        policies_in_force(c, [src, *pods, gone], "before")
        before, old = counts(node, less=1), [ip for pod in (*pods, gone) for ip in pod.ips]
        common.true(mentioned(other, old[0]) or mentioned(node, old[0]), "flows have the addresses of Pods")
        with traffic(src, near):
            common.step("a node loses its power; a Pod of it is deleted, the node starts again")
            start = clock.now()
            node.lose_power()
            c.control.call("DELETE", "/api/v1/namespaces/default/pods/gone")
            c.power_up(node)
            common.equal((attached(node), node.containers()), (sorted(p.full_name for p in (*pods, gone)), []), "what the disk brings back")
            node.start_kubelet()
            again = common.eventually(lambda: is_up(c, pods), lambda: "its Pods run again\n" + told(c, node), LONG, 0.2)
            print("   all Pods run %.1f s after the loss" % (clock.now() - start))
        node.wait_ready(LONG)
        common.eventually(lambda: not c.control.get("/api/v1/namespaces/default/pods/gone"),
                          lambda: "the deleted Pod is gone\n" + told(c, node), LONG, 0.2)
        c.pods.pop(gone.full_name)
        policies_in_force(c, [src, *again], "after")
        nothing_left(c, before, gone, old)
        common.step("and new Pods come")
        new, = c.create(pod_object("default", "new", node.name))
        policies_in_force(c, [src, new, *again], "with a new one")
        c.recompute()


main(scenario)
