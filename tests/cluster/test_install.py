# SPDX-License-Identifier: Apache-2.0
"""The installation itself in a real cluster: the manifests are valid, the account may do what docs/install.md says and no more,
an edit of the ConfigMap, an upgrade, a rollback and a re-install cost no packet, uninstall.yaml leaves nothing."""
import contextlib
import glob
import subprocess

import yaml

from clusterlab import LONG, ROOT, cluster, common, json, main, pod_object, probe

ACCOUNT = "system:serviceaccount:kube-system:seine-agent"
MAY = {("get", "list", "watch"): ("nodes", "namespaces", "pods", "services", "endpointslices.discovery.k8s.io",
                                  "networkpolicies.networking.k8s.io", "servicecidrs.networking.k8s.io"),
       ("patch",): ("nodes", "nodes/status", "events.events.k8s.io"),
       ("create",): ("events.events.k8s.io",)}
PLACED = ["/run/seine", "/run/seine/agent.lock", "/run/seine/agent.sock", "/up/etc/cni/net.d/10-seine.conflist",
          "/up/opt/cni/bin/seine-cni", "/up/var/lib/seine", "/up/var/lib/seine/api-server.cache"]


def render(*arguments):
    return subprocess.run([ROOT + "/installer/linux/render.sh", *arguments], capture_output=True, text=True, check=True).stdout


def valid(c):
    common.step("the manifests, as the API server reads them")
    for arguments in ((), ("--set", "ovs.enabled=true"), ("--set", "uninstall=true")):
        c.kubectl("apply", "--dry-run=server", "--validate=strict", "-f", "-", stdin=render(*arguments))


def account(c):
    """{verb: resources} of the account, beside what every account may."""
    common.step("what the account may do")
    role = yaml.safe_load(c.kubectl("get", "clusterrole", "seine-agent", "-o", "yaml").stdout)
    granted = {(verb, r + ("." + group if group else "")) for rule in role["rules"] for verb in rule["verbs"]
               for r in rule["resources"] for group in rule["apiGroups"]}
    common.equal(granted, {(verb, r) for verbs, resources in MAY.items() for verb in verbs for r in resources}, "the role")
    for verb, what, answer in (("list", "pods", "yes"), ("patch", "nodes/status", "yes"), ("get", "secrets", "no"),
                               ("get", "configmaps", "no"), ("create", "pods", "no"), ("update", "nodes", "no")):
        said = c.kubectl("auth", "can-i", verb, what, "--as", ACCOUNT, "-A", check=False).stdout.strip()
        common.equal(said, answer, "may it %s %s" % (verb, what))


@contextlib.contextmanager
def traffic(src, dst):
    """No connection breaks and no packet is lost as long as the block lasts."""
    found = [probe.Stream(src.ns, dst.ip(f), 5353 if proto == "udp" else 80, proto, rate=100)
             for f in (4, 6) for proto in ("udp", "tcp")]
    for s in found:
        s.start()
    yield
    for s in found:
        s.stop()
    lost = [(str(s), s.finish(), s.failed) for s in found]
    common.equal([one for one in lost if one[1] or one[2]], [], "lost of %s packets" % [s.sent for s in found])


def pods_of(c):
    return {p["spec"]["nodeName"]: p for p in c.list_pods("kube-system", "app.kubernetes.io/component=agent")}


def node_files(node):
    """What the node's Seine has on its disks; logs of containers are the kubelet's."""
    found = [f[len(node.dir):] for top in ("/up/", "/run/")
             for f in glob.glob(node.dir + top + "**", recursive=True, include_hidden=True)]
    return sorted(f for f in found if "seine" in f and not f.startswith("/up/var/log/"))


def state(node):
    """What the node's own stack has of Seine."""
    rules = node.exec("nft", "list", "ruleset").stdout
    return {"bridges": node.switch.tool("ovs-vsctl", "list-br").split(),
            "tables": [l for l in rules.splitlines() if l.startswith("table") and "seine" in l],
            "links": [l["ifname"] for l in json.loads(node.exec("ip", "-j", "link", "show").stdout)]}


def installed(c):
    common.step("on the nodes")
    for node in c.nodes:
        # The cache comes a moment after the agent is ready.
        common.eventually(lambda: node_files(node) == PLACED, lambda: "files on %s: %s" % (node.name, node_files(node)), every=0.2)
        conflist = json.loads(node.exec("cat", "/etc/cni/net.d/10-seine.conflist").stdout)
        common.equal([p["type"] for p in conflist["plugins"]], ["seine-cni"], "plugins of the network configuration")
        common.equal(node.exec("ls", "-A", "/opt/cni/bin").stdout.split(), ["loopback", "seine-cni"], "plugins")
    said = c.kubectl("exec", "ds/seine-agent", "-n", "kube-system", "-c", "agent", "--", "seinectl", "status", "-o", "json").stdout
    common.true(json.loads(said)["ready"], "seinectl by kubectl exec")
    c.kubectl("get", "events", "-A", "--field-selector", "reportingComponent=seine.dev/agent")
    conditions = {x["type"]: x for n in c.control.get("/api/v1/nodes")["items"] for x in n["status"]["conditions"]}
    common.equal(conditions["NetworkUnavailable"]["reason"], "SeineReady", "the Node's condition")


def in_json(line):
    with contextlib.suppress(ValueError):
        return "level" in json.loads(line)
    return False


def conflist_deleted(c, node):
    common.step("the network configuration, deleted by hand, is back and Pods start; the Node has an Event")
    node.exec("rm", "/etc/cni/net.d/10-seine.conflist")
    common.eventually(lambda: node.exec("ls", "/etc/cni/net.d").stdout.split() == ["10-seine.conflist"], "it is back")
    pod, = c.create(pod_object("default", "after", node.name))
    c.delete_pods(pod)

    def told():
        found = c.control.get("/apis/events.k8s.io/v1/namespaces/default/events")["items"]
        return [e["regarding"]["name"] for e in found if e["reason"] == "NetworkRestored"] == [node.name]
    common.eventually(told, "an Event")


def reconfigured(c, src, dst):
    common.step("an edit of the ConfigMap is in force after a restart: another log, and portmap chained")
    for node in c.nodes:
        node.exec("cp", "/usr/lib/cni/portmap", "/opt/cni/bin/portmap")
    held = yaml.safe_load(c.kubectl("get", "configmap", "-n", "kube-system", "seine-config", "-o", "yaml").stdout)
    text = held["data"]["seine.yaml"]
    with traffic(src, dst):
        c.kubectl("patch", "configmap", "-n", "kube-system", "seine-config", "--type=merge", "-p",
                  json.dumps({"data": {"seine.yaml": text + "log-format: json\ncni-chained: portmap\n"}}))
        c.kubectl("rollout", "restart", "-n", "kube-system", "daemonset/seine-agent")
        c.wait_rollout()
    common.eventually(lambda: in_json(c.agent_logs(c.nodes[0], 1)), lambda: "a line of the log, in its new form: " + c.agent_logs(c.nodes[0]))
    mapped = pod_object("default", "mapped", src.node.name)
    mapped["spec"]["containers"][0]["ports"] = [{"containerPort": 80, "hostPort": 8088}]
    pod, = c.create(mapped)
    asked = [probe.Probe(c.fabric, src.node.ip4, "tcp", port) for port in (8088, 8089)]
    common.equal(c.answers(asked), ["allow", "refused"], "the Pod's port on the node, and none")
    c.delete_pods(pod)
    common.equal(c.answers(asked), ["refused", "refused"], "after the Pod has gone")


def upgraded(c, src, dst):
    common.step("upgrade, and back")
    name = c.kubectl("get", "daemonset", "-n", "kube-system", "seine-agent", "-o", "jsonpath={..image}").stdout.split()[0]
    built = subprocess.run([common.BIN + "/seine-agent", "--version"], capture_output=True, text=True).stdout.split()[1]
    other = name.rsplit(":", 1)[0] + ":" + built
    with traffic(src, dst):
        c.kubectl("set", "image", "-n", "kube-system", "daemonset/seine-agent", "agent=" + other, "install-cni=" + other)
        c.wait_rollout()
        common.equal({p["spec"]["containers"][0]["image"] for p in pods_of(c).values()}, {other}, "images")
        common.equal([n.flow_mods() for n in c.nodes], [0 for _ in c.nodes], "flow-mods of the new agents")
        c.kubectl("rollout", "undo", "-n", "kube-system", "daemonset/seine-agent")
        c.wait_rollout()
    common.equal({p["spec"]["containers"][0]["image"] for p in pods_of(c).values()}, {name}, "images")


def reinstalled(c, src, dst):
    common.step("kubectl delete -f leaves the data plane; a re-install takes it over")
    with traffic(src, dst):
        c.kubectl("delete", "-f", "-", stdin=c.manifest())
        common.eventually(lambda: not pods_of(c), "the agents' Pods are gone", LONG, 0.2)
        c.kubectl("apply", "-f", "-", stdin=c.manifest())
        c.wait_rollout()
    common.equal([n.flow_mods() for n in c.nodes], [0 for _ in c.nodes], "flow-mods of the new agents")


def uninstalled(c, before):
    common.step("uninstall.yaml")
    c.delete_pods(*list(c.pods.values()))
    c.kubectl("delete", "daemonset", "-n", "kube-system", "seine-agent")
    gone = render("--set", "uninstall=true")
    c.kubectl("apply", "-f", "-", stdin=gone)
    c.wait_rollout("seine-uninstall")
    for node in c.nodes:
        common.equal((node_files(node), state(node)), before[node.name], "of Seine on " + node.name)
    c.kubectl("delete", "-f", "-", stdin=gone)


def scenario():
    with cluster("inst") as c:
        before = {n.name: (node_files(n), state(n)) for n in c.nodes}
        valid(c)
        c.install()
        account(c)
        installed(c)
        a, b = c.nodes
        conflist_deleted(c, b)
        src, dst = c.create(pod_object("default", "a", a.name), pod_object("default", "b", b.name))
        reconfigured(c, src, dst)
        upgraded(c, src, dst)
        reinstalled(c, src, dst)
        c.recompute()
        uninstalled(c, before)


main(scenario)
