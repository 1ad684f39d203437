# SPDX-License-Identifier: Apache-2.0
"""Live changes: labels, policies, Namespaces, Pods that come and go. Each is one bundle, sends exactly the flows that
differ, applies to new connections and leaves established ones alone."""
import copy

import common
from lab import probe
from lab.manifests import namespace, policy


def differing(before, after):
    """Flows to add or change, plus flows to delete: by match, since a changed action is one modification."""
    def keyed(lines):
        return {line.split(" actions=")[0].split("cookie=")[-1].split(", ", 1)[-1]: line for line in lines}
    old, new = keyed(before), keyed(after)
    return sum(1 for k in old.keys() | new.keys() if old.get(k) != new.get(k))


def change(c, what, act, exact=True):
    """Runs `act`, syncs, and compares messages sent with flows that differ, on every node."""
    before = {n.name: (n.switch.flows(), n.flow_mods(), n.status()["bundles"]["committed"]) for n in c.nodes}
    act()
    c.sync()
    for n in c.nodes:
        flows, mods, bundles = before[n.name]
        sent = n.status()["messages"]["flowMods"] + n.status()["messages"]["groupMods"] - mods
        diff = differing(flows, n.switch.flows())
        took = n.status()["bundles"]["committed"] - bundles
        print("   %s on %s: %d flow-mods, %d flows differ, %d bundles" % (what, n.name, sent, diff, took))
        if exact:
            common.equal(sent, diff, "flow-mods sent for: %s on %s" % (what, n.name))
            common.true(took <= 1, "%s took %d bundles" % (what, took))


def relabel(c, pod, **labels):
    obj = copy.deepcopy(c.objects.objects["pod-%s-%s.json" % (pod.namespace, pod.name)])
    obj["metadata"]["labels"] = labels
    c.objects.put(obj)


def scenario():
    with common.cluster("chg") as c:
        c.start_agents()
        a, b = c.nodes
        client, server = c.pod(a, "default", "client", {"app": "x"}), c.pod(b, "default", "server", {"app": "srv"})
        near = c.pod(a, "default", "near", {"app": "srv"})
        c.sync()

        def expect(verdict, what):
            m = common.Matrix(c)
            for dst in (server, near):
                m.expect(client, dst, verdict)
                m.expect(client, dst, verdict, "udp")
            m.check(what)

        allow = policy("default", "from-client", {"matchLabels": {"app": "srv"}}, ["Ingress"],
                       [{"from": [{"podSelector": {"matchLabels": {"app": "client"}}}]}])
        expect(True, "no policy")
        change(c, "a policy", lambda: c.objects.put(allow))
        expect(False, "policy, wrong label")
        change(c, "the right label", lambda: relabel(c, client, app="client"))
        expect(True, "policy, right label")

        common.step("established connections outlive a policy change, new ones do not come up")
        running = [probe.Stream(client.ns, d.ip(4), 80, "tcp") for d in (server, near)]
        for s in running:
            s.start()
        for s in running:
            s.goes_on()
        change(c, "the label gone", lambda: relabel(c, client, app="x"))
        expect(False, "new connections")
        for s in running:
            common.equal((s.finish(), s.failed), (0, None), "lost of an established connection")

        common.step("by Namespace")
        change(c, "a Namespace's label", lambda: c.objects.put(namespace("other", {"team": "t"})))
        other = c.pod(a, "other", "client", {"app": "x"})
        change(c, "namespaceSelector", lambda: c.objects.put(policy(
            "default", "from-client", {"matchLabels": {"app": "srv"}}, ["Ingress"],
            [{"from": [{"namespaceSelector": {"matchLabels": {"team": "t"}}}]}])))
        m = common.Matrix(c)
        m.expect(other, server, True)
        m.expect(client, server, False)
        m.check("team t")
        change(c, "the Namespace's label changed", lambda: c.objects.put(namespace("other", {"team": "u"})))
        m = common.Matrix(c)
        m.expect(other, server, False)
        m.check("team u")

        common.step("files renamed, objects twice")
        c.objects.put(namespace("other", {"team": "t"}))
        with open(c.objects.dir + "/namespace-other.json") as f:
            doc = f.read()
        c.objects.write("zz.json", doc.replace('"t"', '"u"'))
        c.sync()
        m = common.Matrix(c)
        m.expect(other, server, False)
        m.check("the later file holds")
        c.objects.remove("zz.json")
        c.sync()
        m = common.Matrix(c)
        m.expect(other, server, True)
        m.check("the earlier one takes over")

        common.step("a Pod goes: its address is in no set any more")
        change(c, "DEL", lambda: c.remove_pod(other), exact=False)
        flows = "\n".join(b.switch.flows())
        common.true("nw_src=%s " % other.ip(4) not in flows and "nw_src=%s," % other.ip(4) not in flows,
                    "the address of a Pod that is gone is still in a flow of the other node")
        change(c, "policy deleted", lambda: c.objects.delete(allow))
        expect(True, "no policy")
        c.recompute()


if __name__ == "__main__":
    common.main(scenario)
