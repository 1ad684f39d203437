# SPDX-License-Identifier: Apache-2.0
"""Bad input of every kind gives one clear error with its place; everything else goes on working."""
import json
import os
import signal

import common
from lab import netns
from lab.manifests import node as node_object
from lab.manifests import pod, policy

BAD_DOCUMENTS = {
    # file: (text, words of the reason that must be told)
    "broken.yaml": ("apiVersion: v1\nkind: Pod\nmetadata: [unclosed\n", "broken.yaml:"),
    "broken.json": ('{"apiVersion": "v1", "kind": "Pod",\n "metadata": {"name": "x"', "broken.json:"),
    "type.yaml": ("apiVersion: v1\nkind: Pod\nmetadata:\n  name: x\n  labels: 7\n", "type.yaml:"),
    "noname.yaml": ("apiVersion: v1\nkind: Namespace\nmetadata: {}\n", "noname.yaml:"),
    "endport.yaml": ("apiVersion: networking.k8s.io/v1\nkind: NetworkPolicy\nmetadata: {name: e, namespace: default}\n"
                     "spec:\n  podSelector: {}\n  ingress:\n  - ports:\n    - port: 90\n      endPort: 80\n",
                     "endPort"),
    "except.yaml": ("apiVersion: networking.k8s.io/v1\nkind: NetworkPolicy\nmetadata: {name: x, namespace: default}\n"
                    "spec:\n  podSelector: {}\n  ingress:\n  - from:\n    - ipBlock:\n        cidr: 10.0.0.0/24\n"
                    "        except: [10.1.0.0/24]\n", "except"),
    "peer.yaml": ("apiVersion: networking.k8s.io/v1\nkind: NetworkPolicy\nmetadata: {name: y, namespace: default}\n"
                  "spec:\n  podSelector: {}\n  ingress:\n  - from:\n    - {}\n", "peer.yaml:"),
    "operator.yaml": ("apiVersion: networking.k8s.io/v1\nkind: NetworkPolicy\nmetadata: {name: z, namespace: default}\n"
                      "spec:\n  podSelector:\n    matchExpressions:\n    - {key: a, operator: Near, values: [b]}\n",
                      "Near"),
    "cidr.yaml": ("apiVersion: v1\nkind: Node\nmetadata: {name: q}\nspec: {podCIDR: 10.0.0.0/99}\n", "cidr.yaml:"),
}


def errors_of(node):
    return [e if isinstance(e, str) else json.dumps(e) for s in node.status()["sources"] for e in s["errors"]]


def documents(c, a, src, dst):
    for name, (text, words) in BAD_DOCUMENTS.items():
        c.objects.write(name, text)
        done = a.ctl("sync", "--timeout", "60s", check=False)
        common.equal(done.returncode, 1, "sync with %s: %s" % (name, done.stdout + done.stderr))
        said = done.stdout + done.stderr
        common.true(name in said, "sync names %s: %s" % (name, said))
        common.true(any(words in e and name in e for e in errors_of(a)), "status tells %s: %r" % (name, errors_of(a)))
        common.true(words in a.log_tail(50), "the log tells %s" % name)
        m = common.Matrix(c)
        m.expect(src, dst, True)
        m.check("with " + name)
        c.objects.remove(name)
        a.sync()
        common.equal(errors_of(a), [], "errors after %s went" % name)


def sync_all(c):
    """Both nodes have read the folder, bad documents in it or not; what the first one answered."""
    return [n.ctl("sync", "--timeout", "60s", check=False) for n in c.nodes][0]


def rest_of_the_file_holds(c, a, src, dst):
    common.step("a bad document between good ones: the good ones hold, line numbers are right")
    deny = json.dumps(policy("default", "deny", {}, ["Ingress"]))
    c.objects.write("mixed.yaml", "%s\n---\nkind: Pod\napiVersion: v1\nmetadata: {name: 5}\nspec: 3\n---\n%s\n" % (
        deny, json.dumps(policy("default", "open", {"matchLabels": {"a": "b"}}))))
    done = sync_all(c)
    common.equal(done.returncode, 1, "sync")
    common.true(any("mixed.yaml:" in e for e in errors_of(a)), "the place is told: %r" % errors_of(a))
    m = common.Matrix(c)
    m.expect(src, dst, False)
    m.check("the good document of the file holds")

    common.step("a good document that goes bad keeps its last good version")
    c.objects.write("mixed.yaml", deny.replace('"podSelector": {}', '"podSelector": 7') + "\n")
    sync_all(c)
    m = common.Matrix(c)
    m.expect(src, dst, False)
    m.check("the last good version holds")
    c.objects.remove("mixed.yaml")
    a.sync()
    m = common.Matrix(c)
    m.expect(src, dst, True)
    m.check("removed")

    common.step("unknown kinds and foreign files are no errors")
    c.objects.write("other.yaml", "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: x}\ndata: {}\n")
    c.objects.write("notes.txt", "not: [yaml\n")
    os.makedirs(c.objects.dir + "/sub", exist_ok=True)
    a.sync()
    common.equal(errors_of(a), [], "errors")
    c.objects.remove("other.yaml")
    c.objects.remove("notes.txt")
    os.rmdir(c.objects.dir + "/sub")


def bad_at_first_load(c, a):
    common.step("bad at first load: not ready, ADD answers 11 and names the file; mended: ready")
    flows = a.switch.flows()
    a.stop_agent()
    c.objects.write("bad.yaml", BAD_DOCUMENTS["endport.yaml"][0])
    a.start_agent(wait=0)
    done = common.eventually(lambda: (lambda d: d if "bad.yaml" in d.stdout + d.stderr else None)(
        a.ctl("status", check=False)), "status names the file")
    common.equal(done.returncode in (0, 1), True, "status answers")
    common.equal(a.ctl("status", "--wait", "1s", check=False).returncode, 1, "status --wait")
    common.equal(a.cni("STATUS").error, 50, "CNI STATUS")
    ns = c.pod_ns("default", "late")
    netns.add(ns)
    c.objects.put(pod("default", "late", {}, a.name))
    result = a.cni("ADD", "c-late", netns.path(ns), args=a.pod_args("default", "late", "c-late"))
    common.equal(result.error, 11, "ADD: %r" % result)
    common.true("bad.yaml" in result.stdout, "ADD names the file: %r" % result)
    common.equal(a.switch.flows(), flows, "the switch keeps what it has")
    c.objects.remove("bad.yaml")
    a.wait_ready()
    result = a.cni("ADD", "c-late", netns.path(ns), args=a.pod_args("default", "late", "c-late"))
    common.equal(result.code, 0, "ADD after mending: %r" % result)
    common.equal(a.cni("DEL", "c-late", netns.path(ns)).code, 0, "DEL")
    netns.delete(ns)


def overlapping_cidrs(c, a, src, dst):
    common.step("overlapping podCIDRs: the other nodes' Pods are reached all the same")
    rogue = node_object("rogue", ["10.80.1.128/25"], ["192.0.2.77"])
    c.objects.put(rogue)
    a.ctl("sync", "--timeout", "60s", check=False)
    said = json.dumps(a.status()) + a.log_tail(50) + json.dumps(a.ctl_json("get", "nodes"))
    common.true("rogue" in said and "overlap" in said.lower(), "the overlap is told: " + said)
    m = common.Matrix(c)
    m.expect(src, dst, True)
    m.expect(dst, src, True)
    m.check("beside the overlap")
    c.objects.delete(rogue)
    c.sync()


def missing_namespace(c, a):
    common.step("missing namespace, malformed arguments")
    c.objects.put(pod("default", "nowhere", {}, a.name))
    args = a.pod_args("default", "nowhere", "c-nowhere")
    result = a.cni("ADD", "c-nowhere", "/run/netns/does-not-exist", args=args)
    common.equal(result.error, 4, "ADD into no namespace: %r" % result)
    regular = c.run + "/regular"
    with open(regular, "w"):
        pass
    result = a.cni("ADD", "c-nowhere", regular, args=args)
    common.equal(result.error, 4, "ADD into a plain file: %r" % result)
    result = a.cni("ADD", "c-nowhere", "/run/netns/x", args="K8S_POD_NAME")
    common.equal(result.error, 4, "malformed CNI_ARGS: %r" % result)
    c.objects.delete(pod("default", "nowhere"))
    a.sync()
    common.equal([p["name"] for p in a.ctl_json("get", "pods")["items"] if p["name"] == "nowhere"], [], "left over")


def dead_switch(c, a, src, dst):
    common.step("Open vSwitch dead: ADD 11, STATUS 51, the agent lives, all is well when it is back")
    a.switch.stop()
    common.eventually(lambda: a.cni("STATUS").error == 51, "STATUS 51")
    ns = c.pod_ns("default", "dead")
    netns.add(ns)
    c.objects.put(pod("default", "dead", {}, a.name))
    result = a.cni("ADD", "c-dead", netns.path(ns), args=a.pod_args("default", "dead", "c-dead"))
    common.equal(result.error, 11, "ADD: %r" % result)
    common.true(a.agent.poll() is None, "the agent lives")
    a.switch.start()
    a.underlay_up()
    common.eventually(lambda: a.cni("STATUS").code == 0, "STATUS good again")
    result = a.cni("ADD", "c-dead", netns.path(ns), args=a.pod_args("default", "dead", "c-dead"))
    common.equal(result.code, 0, "ADD: %r" % result)
    common.equal(a.cni("DEL", "c-dead", netns.path(ns)).code, 0, "DEL")
    netns.delete(ns)
    c.objects.delete(pod("default", "dead"))
    c.warm()
    m = common.Matrix(c)
    m.expect(src, dst, True)
    m.check("after the switch came back")


def full_pool(c, a):
    common.step("a full pool: 11, STATUS 50; one DEL makes room, the address released longest ago comes first")
    a.stop_agent(signal.SIGTERM)
    small = node_object(a.name, ["10.80.1.0/28", "fd00:80:1::/64"], [a.ip4, a.ip6])
    c.objects.put(small)
    a.start_agent()
    made, result = [], None
    for i in range(16):
        name = "full%d" % i
        ns = c.pod_ns("default", name)
        netns.add(ns)
        c.objects.put(pod("default", name, {}, a.name))
        result = a.cni("ADD", name, netns.path(ns), args=a.pod_args("default", name, name))
        if result.code:
            break
        made.append((name, ns, result.ips))
    common.equal(result.error, 11, "ADD with the pool full: %r" % result)
    common.true("pool" in result.stdout or "address" in result.stdout, "the reason: %r" % result)
    # 16 addresses less network, gateway, broadcast and the Pod that is there.
    common.equal(len(made), 12, "Pods that fit")
    common.equal(a.cni("STATUS").error, 50, "STATUS with the pool full")
    freed = []
    for name, ns, ips in made[3], made[5]:
        common.equal(a.cni("DEL", name, netns.path(ns)).code, 0, "DEL")
        freed.append(ips[0])
    common.equal(a.cni("STATUS").code, 0, "STATUS with room")
    for want, (name, ns, _) in zip(freed, (made[3], made[5])):
        result = a.cni("ADD", name + "b", netns.path(ns), args=a.pod_args("default", name, name + "b"))
        common.equal(result.code, 0, "ADD: %r" % result)
        common.equal(result.ips[0], want, "the address released longest ago")
        common.equal(a.cni("DEL", name + "b", netns.path(ns)).code, 0, "DEL")
    for name, ns, _ in made:
        a.cni("DEL", name, netns.path(ns))
        netns.delete(ns)
        c.objects.delete(pod("default", name))
    common.equal(errors_of(a), [], "errors")


def scenario():
    with common.cluster("bad") as c:
        c.start_agents()
        a, b = c.nodes
        src, dst = c.pod(a, "default", "src"), c.pod(b, "default", "dst")
        c.sync()
        documents(c, a, src, dst)
        rest_of_the_file_holds(c, a, src, dst)
        overlapping_cidrs(c, a, src, dst)
        missing_namespace(c, a)
        bad_at_first_load(c, a)
        dead_switch(c, a, src, dst)
        full_pool(c, a)
        c.recompute()


if __name__ == "__main__":
    common.main(scenario)
