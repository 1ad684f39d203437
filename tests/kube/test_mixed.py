# SPDX-License-Identifier: Apache-2.0
"""A mixed cluster on a real API server: the Linux agent and the Windows build (Wine, doubles of its system), each with an Open vSwitch of
its own, list and watch one kube-apiserver. The Windows one runs as its manifest runs it, by the account of its Pod. Pods of both by the
CNI plugin of their system, policies and a Service from the API server, real packets; each switch holds what the other system's `render`
derives of what the server holds. Then the server goes, agents start from their caches, and it comes back."""
import contextlib
import json
import os
import signal
import sys
import time

import agentlab
import kubelab
from agentlab import is_ready, source
from kubelab import common, manifests, netns

sys.path.insert(0, os.path.join(kubelab.ROOT, "tests", "windows"))

import yaml  # noqa: E402

import winlab  # noqa: E402
from lab import probe  # noqa: E402

MANIFEST = kubelab.ROOT + "/installer/windows/seine-windows.yaml"
SANDBOX = "CONTAINER_SANDBOX_MOUNT_POINT"
ACCOUNT = "var/run/secrets/kubernetes.io/serviceaccount"

DB_IN = manifests.policy("shop", "db-in", {"matchLabels": {"app": "db"}}, ["Ingress"],
                         [{"from": [{"podSelector": {"matchLabels": {"app": "api"}}}], "ports": [{"port": "http"}]},
                          {"from": [{"namespaceSelector": {"matchLabels": {"team": "ops"}}}]}])
DB_OUT = manifests.policy("shop", "db-out", {"matchLabels": {"app": "db"}}, ["Egress"], None,
                          [{"to": [{"namespaceSelector": {"matchLabels": {"team": "ops"}}}], "ports": [{"port": 80}]}])
WINDOWS_PODS = 5  # as many as a /29 has addresses for


class Container:
    """What the Windows agent has in a HostProcess container of its manifest, as kubelet and containerd give it."""

    def __init__(self, c):
        self.c = c
        with open(MANIFEST) as f:
            self.objects = {o["kind"]: o for o in yaml.safe_load_all(f)}
        self.template = self.objects["DaemonSet"]["spec"]["template"]
        self.account = self.template["spec"]["serviceAccountName"]
        self.secret = self.root = self.seen = self.token = self.revoked = None

    def up(self, root, seen=None, sandbox=None):
        """Its mounts are below `root`, which the container sees as `seen`; `sandbox` is what the variable says."""
        self.root, self.seen = root, seen or "Z:" + root.replace("/", "\\")
        self.put("etc/seine", self.objects["ConfigMap"]["data"])
        self.new_token()
        self.c.windows.agent_env = {SANDBOX: sandbox or self.seen, "KUBERNETES_SERVICE_HOST": self.c.cp.bind,
                                    "KUBERNETES_SERVICE_PORT": str(self.c.cp.port)}

    def put(self, folder, files):
        """Replaces all files at once, as kubelet does: by a link to the folder that has them."""
        folder = os.path.join(self.root, folder)
        made = "..%d" % time.monotonic_ns()
        os.makedirs(os.path.join(folder, made))
        for name, text in files.items():
            with open(os.path.join(folder, made, name), "w") as f:
                f.write(text)
        os.symlink(made, folder + "/..new")
        os.rename(folder + "/..new", folder + "/..data")
        for name in files:
            if not os.path.lexists(os.path.join(folder, name)):
                os.symlink("..data/" + name, os.path.join(folder, name))

    def new_token(self):
        """Another one, and the one before is worth nothing any more."""
        before = self.secret
        self.secret = {"apiVersion": "v1", "kind": "Secret", "metadata": {"namespace": "kube-system", "name": "t%d" % time.monotonic_ns()}}
        self.c.cp.apply(self.secret)
        bound = self.c.cp.client.get("Secret", "kube-system", self.secret["metadata"]["name"])
        self.revoked, self.token = self.token, self.c.cp.token(self.account, bound=bound)
        with open(self.c.cp.pki + "/ca.crt") as f:
            self.put(ACCOUNT, {"ca.crt": f.read(), "token": self.token, "namespace": "kube-system"})
        if before:
            self.c.cp.delete(before)

    def is_revoked(self):
        """The server has what it found of a token in mind for some seconds."""
        client = kubelab.Client(self.c.cp.bind, self.c.cp.port, self.c.cp.pki, token=self.revoked, ns=self.c.cp.ns)
        status = client.raw("GET", "/api/v1/namespaces")[0]
        client.close()
        return status == 401

    def args(self, of):
        """Those of a container, as containerd hands them on."""
        container = self.template["spec"][of][0]
        return [a.replace("%%%s%%" % SANDBOX, self.seen) for a in container["args"]]


class Cluster(kubelab.Cluster, winlab.MixedCluster):
    def __init__(self, *args, **more):
        super().__init__(*args, **more)
        self.linux, self.windows = self.nodes
        self.windows.cidrs[0] = "10.80.2.0/29"
        self.container = Container(self)

    def source_args(self, node):
        if node is self.linux:
            return super().source_args(node)
        return self.container.args("containers")[1:] + ["--cache-dir", node.dir + "/cache"]

    def folder(self):
        return agentlab.exported(self, self.run + "/exported")


def need():
    agentlab.need()
    winlab.need()


def installed(c):
    common.step("the Windows manifest: applied, its Pod valid, its init container run")
    c.cp.kubectl("apply", "--dry-run=server", "--validate=strict", "-f", MANIFEST)
    c.cp.kubectl("apply", "--validate=strict", "-f", MANIFEST)
    pod = dict(c.container.template, apiVersion="v1", kind="Pod")
    pod["metadata"] = dict(pod["metadata"], namespace="kube-system", name="seine-windows-x")
    c.cp.kubectl("apply", "--dry-run=server", "--validate=strict", "-f", "-", stdin=json.dumps(pod))
    n = c.windows
    c.container.up(n.dir + "/container")
    placed = ["--cni-bin-dir", "C:/cni/bin", "--cni-conf-dir", "C:/cni/conf"]
    done = n.exec(n.program("seine-agent"), *c.container.args("initContainers"), *placed, env=dict(os.environ, **n.agent_env), check=False)
    common.true(done.returncode == 0 and "ok conflist" in done.stdout and "fail" not in done.stdout, "install: %s" % done.stdout)


def token_replaced(c):
    common.step("the Windows container has had another token since, its old one is refused: followed")
    common.eventually(c.container.is_revoked, "the old token is refused", every=0.5)
    c.cp.client.patch(manifests.pod("shop", "web"), {"metadata": {"labels": {"n": "1"}}})
    c.sync()
    told = next(p for p in c.windows.ctl_json("get", "pods")["items"] if p["name"] == "web")
    common.equal(told["labels"].get("n"), "1", "a label that came after the new token")


def equal_flows(c, what):
    wrong, counts = c.compare_flows()
    if wrong:
        raise common.Failed("%s: %d differences\n%s" % (what, len(wrong), "\n".join(wrong[:20])))
    print("   %d flows, %d groups, %d meters: the agents', the other system's, the switches'" % counts)
    common.true(counts[0] > 100, "there are flows")


def matrix(c, allowed, what):
    """Every pair of Pods; `allowed(src, dst, proto, port)` names by name."""
    m = common.Matrix(c)
    for src in c.pods.values():
        for dst in c.pods.values():
            if src is not dst:
                for proto, port in (("tcp", 80), ("tcp", 8080), ("udp", 80)):
                    m.expect(src, dst, allowed(src.name, dst.name, proto, port), proto, port)
    m.check(what)


def isolated(src, dst, proto, port):
    if src == "db":
        return dst == "monitor" and (proto, port) == ("tcp", 80)
    if dst == "db":
        return src == "api" and (proto, port) == ("tcp", 80) or src == "monitor"
    return True


def pods(c):
    common.step("Pods on both nodes by CNI; what the agents wrote of their Nodes")
    c.objects.put(manifests.namespace("shop", {"team": "shop"}), manifests.namespace("ops", {"team": "ops"}))
    for space, name, node in (("shop", "web", c.windows), ("shop", "api", c.linux), ("shop", "db", c.windows), ("ops", "monitor", c.linux)):
        c.pod(node, space, name, {"app": name}, ports=[("http", 80, "TCP")])
    c.sync()
    matrix(c, lambda *_: True, "no policy")
    agentlab.check_written(c)


def policies(c):
    common.step("policies, across and within")
    c.container.new_token()
    c.apply(DB_IN, DB_OUT)
    matrix(c, isolated, "policies")
    equal_flows(c, "policies")
    c.cp.kubectl("label", "pod", "-n", "shop", "api", "app=other", "--overwrite")
    c.sync()
    m = common.Matrix(c)
    m.expect(c.pods["shop/api"], c.pods["shop/db"], False)
    m.check("another label, by kubectl")
    c.cp.kubectl("label", "pod", "-n", "shop", "api", "app=api", "--overwrite")
    c.sync()


ASKED = (("tcp", 80), ("udp", 53))


def dual_stack(name):
    obj = manifests.service("shop", name, (), ((80, "http"), (53, "dns", "UDP")))
    obj["spec"]["ipFamilyPolicy"] = "RequireDualStack"
    return obj


def shares(c, src, address, ends):
    """40 questions of each protocol reach both endpoints."""
    for proto, port in ASKED:
        c.servers.seen.clear()
        answers = c.answers([probe.Probe(src.ns, address, proto, port) for _ in range(40)])
        common.equal(answers, ["allow"] * 40, "answers to " + src.full_name)
        # A Pod that reaches itself by a Service is seen with another address.
        seen = [sum(n for (name, p, _), n in c.servers.seen.items() if (name, p) == (end.full_name, proto)) for end in ends]
        print("   %s on %s, %s of %s: %s" % (src.full_name, src.node.name, proto, address, seen))
        common.true(sum(seen) >= 40 and min(seen) >= 5, "both endpoints have their share")


def service(c):
    common.step("a Service with an endpoint on each node, from Pods of both; one without is refused")
    ends, asking = [c.pods["shop/api"], c.pods["shop/web"]], [c.pods["shop/web"], c.pods["ops/monitor"]]
    c.apply(dual_stack("front"), dual_stack("none"), *[
        manifests.endpoint_slice("shop", "front", "v%d" % f, [p.ip(f) for p in ends], ((8080, "http"), (5353, "dns", "UDP")), f)
        for f in c.families])
    front, none = (c.cp.client.get("Service", "shop", name)["spec"]["clusterIPs"] for name in ("front", "none"))
    for src in asking:
        for address in front:
            shares(c, src, address, ends)
    refused = c.answers([probe.Probe(src.ns, address, proto, port) for src in asking for address in none for proto, port in ASKED])
    common.equal(refused, ["refused"] * 8, "no endpoint")
    # Policies judge the endpoint: db may reach monitor alone.
    db = c.pods["shop/db"]
    common.equal(c.ask([probe.Probe(db.ns, address, "tcp", 80) for address in front]), ["drop"] * 2, "a Pod that may not")
    equal_flows(c, "with Services")


def exhausted(c):
    common.step("the Windows node has no address left: an Event on its Node")
    for i in range(WINDOWS_PODS - 2):
        c.pod(c.windows, "ops", "more%d" % i, {}, serve=False)
    c.objects.put(manifests.pod("ops", "late", {}, c.windows.name))
    netns.add(c.pod_ns("ops", "late"))
    done = c.windows.cni("ADD", "c-late", "/run/netns/" + c.pod_ns("ops", "late"), args=c.windows.pod_args("ops", "late", "c-late"))
    common.equal(done.error, 11, "ADD: %r" % done)
    found = common.eventually(lambda: [e for e in c.cp.client.list("Event") if e["reason"] == "AddressesExhausted"], "an Event")
    common.equal([(e["regarding"]["kind"], e["regarding"]["name"], e["reportingInstance"]) for e in found],
                 [("Node", "windows", "seine-agent-windows")], "about whom, by whom")
    for i in range(WINDOWS_PODS - 2):
        c.remove_pod(c.pods["ops/more%d" % i])
    c.objects.delete(manifests.pod("ops", "late"))


def server_away(c):
    c.objects.put(manifests.pod("shop", "soon", {"app": "soon"}, c.windows.name))
    c.sync()
    common.step("the API server is killed: told, and what was in force holds; it comes back: nothing is written")
    before = [(n.switch.flows(), n.flow_mods()) for n in c.nodes]
    c.cp.kill()
    common.eventually(lambda: all(source(n)["stale"] for n in c.nodes), "sources are stale", every=0.2)
    common.true(all(is_ready(n) for n in c.nodes), "ready while the server is away")
    matrix(c, isolated, "away")
    c.cp.start()
    common.eventually(lambda: not any(source(n)["stale"] for n in c.nodes), "sources are fresh again", every=0.2)
    c.sync()
    common.equal([(n.switch.flows(), n.flow_mods()) for n in c.nodes], before, "flows, and how many were sent")


def cache(node):
    """Its text, none before the first was written."""
    with contextlib.suppress(FileNotFoundError):
        with open(node.dir + "/cache/api-server.cache") as f:
            return f.read()
    return ""


def from_cache(c):
    common.step("started while the API server is away: enforced from the cache, not ready; an ADD is served")
    flows = [n.switch.flows() for n in c.nodes]
    # The Windows one is killed: its cache is what it wrote while it ran.
    common.eventually(lambda: '"soon"' in cache(c.windows), "the Pod is in the cache", every=0.5)
    c.windows.stop_agent(signal.SIGKILL)
    common.equal(c.linux.stop_agent()[0], 0, "how the agent on Linux ended")
    # From now on as containerd shows a mount since 1.7: at its own path.
    c.container.up(c.windows.env["WINEPREFIX"] + "/drive_c", "C:", "C:\\hpc\\")
    c.cp.kill()
    for node in c.nodes:
        node.switch.ofctl("del-flows", "br-int")
        node.start_agent(wait=0)
    for node, wanted in zip(c.nodes, flows):
        common.eventually(lambda: node.switch.flows() == wanted, lambda: "%s: the same flows from the cache\n%s" % (node.name, node.log_tail()), every=0.1)
        found = source(node)
        common.equal((found["complete"], found["cached"], is_ready(node)), (False, True, False), "complete, cached, ready")
    pod = winlab.cluster.Node.add_pod(c.windows, "shop", "soon")
    c.windows.wait_port(pod)
    c.serve(pod)
    m = common.Matrix(c)
    m.expect(pod, c.pods["shop/db"], False)
    m.expect(c.pods["shop/api"], c.pods["shop/db"], True)
    m.check("policies from the cache")
    c.cp.start()
    for node in c.nodes:
        node.wait_ready()
        common.equal(source(node)["cached"], False, "cached after the server is back")
    c.record(pod, manifests.pod("shop", "soon", {"app": "soon"}, c.windows.name))
    c.sync()
    matrix(c, isolated, "back")


def scenario():
    prefix = "ktmix%d" % os.getpid()
    start = time.monotonic()
    with Cluster(prefix, kubelab.lab_cluster.free_run_dir(prefix), common.BIN, kinds=("linux", "windows")) as c:
        installed(c)
        c.start_agents()
        print("   up after %.0f s" % (time.monotonic() - start))
        for part in (pods, policies, service, token_replaced, exhausted, server_away, from_cache):
            began = time.monotonic()
            part(c)
            print("   %.1f s" % (time.monotonic() - began))
        c.remove_pod(c.pods["shop/web"])
        agentlab.check(c)
        equal_flows(c, "a Pod less")


common.main(scenario, need)
