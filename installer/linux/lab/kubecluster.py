# SPDX-License-Identifier: Apache-2.0
"""A real Kubernetes cluster on one machine: the control plane in the fabric's namespace, nodes with kubelet, containerd and
Open vSwitch of their own, one CNI and no kube-proxy.

    with KubeCluster("t1", folder, BIN, KUBE_BIN) as c:          # up to kubelets that are registered
        c.install()                                              # Seine by its manifest; see the constants below
        a, b = c.create(pod_object("default", "a", "node1"), pod_object("default", "b", "node2"))

The underlay, the names and what `down` promises are those of lab/cluster.py; the folder must lie on a file system that may be
an overlay's upper one, and outside of /run, which the nodes have for themselves."""
import contextlib
import glob
import json
import os
import time
from concurrent import futures

from . import cluster, kubeapi, kubecontrol, kubeimage, kubenode, netns, ovs
from .clock import PATIENCE
from .netns import LabError, run

FABRIC4 = "192.0.2.254"
# What the CNI is: Seine as a cluster gets it, from installer/linux/render.sh and an archive of images; Seine's programs started by
# the lab on each node; the reference plugin.
SEINE, PROGRAMS, BRIDGE = "seine", "programs", "bridge"
# What kubelet and controllers do is waited for this long: they have back-offs of their own.
LONG = 2 * PATIENCE
INSTALLER = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))


def free_run_dir(prefix):
    return "/var/tmp/seine-lab/" + prefix


class KubePod:
    """A running Pod: what lab.probe and a test need of it."""

    def __init__(self, node, namespace, name, ips, ns, obj):
        self.node, self.namespace, self.name, self.ips, self.ns, self.object = node, namespace, name, ips, ns, obj

    @property
    def full_name(self):
        return self.namespace + "/" + self.name

    @property
    def uid(self):
        return self.object["metadata"]["uid"]

    def ip(self, family):
        return next((ip for ip in self.ips if (":" in ip) == (family == 6)), None)


def pod_object(namespace, name, node=None, labels=None, ports=(), image=kubeimage.POD, args=None, **spec):
    """A Pod that answers on tcp 80, tcp 8080 and udp 5353 with its name; `ports`: (name, number, protocol)."""
    container = {"name": "main", "image": image, "imagePullPolicy": "IfNotPresent",
                 "env": [{"name": "POD", "value": namespace + "/" + name}],
                 "ports": [{"name": n, "containerPort": p, "protocol": proto} for n, p, proto in ports]}
    if args:
        container["args"] = args
    spec = dict({"containers": [container], "terminationGracePeriodSeconds": 1}, **spec)
    if node:
        spec["nodeName"] = node
    return {"apiVersion": "v1", "kind": "Pod", "spec": spec,
            "metadata": {"namespace": namespace, "name": name, "labels": dict(labels or {})}}


class KubeCluster(cluster.Cluster):
    def __init__(self, prefix, run_dir, bin_dir, kube_bin, nodes=2, cni=SEINE, agnhost=None, image=None, **more):
        self.kube_bin, self.cni, self.agnhost, self.image = kube_bin, cni, agnhost, image
        super().__init__(prefix, run_dir, bin_dir, nodes=0, **more)
        self.nodes = [kubenode.KubeNode(self, i + 1) for i in range(nodes)]
        self.control = kubecontrol.ControlPlane(run_dir + "/control", kube_bin, self.fabric, FABRIC4, **kubecontrol.WHOLE)

    def node(self, name):
        return next(n for n in self.nodes if n.name == name)

    def source_args(self, node):
        return ["--kubeconfig", self.control.path("admin"), "--cache-dir", "/var/lib/seine"]

    # ---- everything up and down ----
    def up(self, agents=False):
        self.up_fabric()
        self.control.make(*(w for n in self.nodes for w in ("--node", "%s=%s,%s" % (n.name, n.ip4, n.ip6))))
        self.control.launch()
        archives = kubeimage.make(self.run + "/images", self.agnhost)
        for node in self.nodes:
            node.up()
            self.up_port(node)
        with futures.ThreadPoolExecutor() as pool:
            loads = [pool.submit(node.bring, *archives) for node in self.nodes]
        for load in loads:
            load.result()
        self.warm()
        self.control.wait_ready()
        for node in self.nodes:
            node.start_kubelet()
        self.wait_registered()

    def power_up(self, node):
        """A node that lost its power, with what is on its disk; without its kubelet."""
        node.up()
        self.up_port(node)
        node.wait_containerd()

    def wait_registered(self, timeout=LONG):
        """Each node is there, with its Pod ranges; Pods may be made."""
        end = time.monotonic() + timeout
        for node in self.nodes:
            while True:
                found = self.control.get("/api/v1/nodes/" + node.name) or {"spec": {}}
                node.cidrs = found["spec"].get("podCIDRs", ())
                if node.cidrs and self.control.get("/api/v1/namespaces/default/serviceaccounts/default"):
                    break
                if time.monotonic() > end:
                    raise LabError("%s is not registered\n%s\n%s" % (
                        node.name, node.log_tail(name="kubelet"), self.control.log_tail()))
                time.sleep(0.1)

    def wait_nodes_ready(self, timeout=LONG):
        done = self.kubectl("wait", "--for=condition=Ready", "node", "--all", "--timeout=%ds" % timeout, check=False,
                            timeout=timeout + PATIENCE)
        if done.returncode:
            raise LabError("nodes are not Ready: %s\n%s" % (done.stderr, self.kubectl("describe", "nodes").stdout))

    def down(self):
        self.control.kill()
        with futures.ThreadPoolExecutor() as pool:
            list(pool.map(lambda node: node.kill(), self.nodes))
        super().down()
        # Without containers of anybody, the folder of all goes too.
        for folder in glob.glob("/sys/fs/cgroup/*/k8s.io") + ["/sys/fs/cgroup/k8s.io"]:
            with contextlib.suppress(OSError):
                os.rmdir(folder)

    # ---- the CNI ----
    def install(self):
        if self.cni == SEINE:
            self.install_manifest()
        else:
            for node in self.nodes:
                (self.install_bridge if self.cni == BRIDGE else self.install_programs)(node)
        self.wait_nodes_ready()

    def manifest(self, *more):
        """The manifest that installs Seine here; `more` are arguments of render.sh. Nobody balances the in-cluster address for
        Pods in the node's network."""
        return run(INSTALLER + "/render.sh", "--set", "apiServer=" + self.control.url, *more).stdout

    def install_manifest(self):
        with futures.ThreadPoolExecutor() as pool:
            list(pool.map(lambda node: node.load(self.image), self.nodes))
        self.kubectl("apply", "-f", "-", stdin=self.manifest())
        self.wait_rollout()

    def wait_rollout(self, name="seine-agent", timeout=LONG):
        done = self.kubectl("rollout", "status", "-n", "kube-system", "daemonset/" + name, "--timeout=%ds" % timeout, check=False,
                            timeout=timeout + PATIENCE)
        if done.returncode:
            raise LabError("%s does not come up: %s\n%s" % (name, done.stderr, self.kubectl(
                "describe", "pods", "-n", "kube-system").stdout) + "".join(self.agent_logs(n) for n in self.nodes))

    def agent_logs(self, node, lines=25):
        """The last lines of the node's agent, however it was started."""
        if self.cni != SEINE:
            return node.log_tail(lines)
        logs = sorted(glob.glob(node.dir + "/up/var/log/pods/kube-system_seine-agent-*/agent/*.log"), key=os.path.getmtime)
        with contextlib.suppress(IndexError, OSError):
            with open(logs[-1], errors="replace") as f:
                return "".join(line.split(" ", 3)[3] for line in f.readlines()[-lines:])
        return ""

    def install_bridge(self, node):
        self.place_bridge(node)
        for other in self.nodes:
            for cidr in other.cidrs if other is not node else ():
                run("ip", "route", "replace", cidr, "via", other.ip6 if ":" in cidr else other.ip4, ns=node.ns)

    def place_bridge(self, node):
        """The reference plugins: a bridge a node, addresses of the node's ranges."""
        node.place_plugins("/usr/lib/cni/bridge", "/usr/lib/cni/host-local")
        routes = [{"dst": "::/0" if ":" in c else "0.0.0.0/0"} for c in node.cidrs]
        node.place_conflist({"cniVersion": "0.4.0", "name": "reference", "plugins": [
            {"type": "bridge", "bridge": "cni0", "isGateway": True, "hairpinMode": True,
             "ipam": {"type": "host-local", "ranges": [[{"subnet": c}] for c in node.cidrs], "routes": routes}}]})

    def install_programs(self, node):
        node.start_agent()
        self.place_seine(node)

    def place_seine(self, node):
        node.place_plugins(self.program("seine-cni"))
        node.place_conflist({"cniVersion": "0.4.0", "name": "seine", "plugins": [{"type": "seine-cni"}]})

    def kill_agent(self, node):
        """kill -9."""
        ovs.kill(node.agent_pid())
        node.agent = None

    def revive_agent(self, node, wait=True):
        """Returns when an agent is back, and `wait`: ready. Where a kubelet watches over it, that starts it."""
        if self.cni != SEINE:
            node.start_agent(wait=PATIENCE if wait else 0)
        elif wait:
            node.wait_ready(LONG)

    def upgrade_agents(self):
        """All of them are replaced, one after the other."""
        if self.cni == SEINE:
            self.kubectl("rollout", "restart", "-n", "kube-system", "daemonset/seine-agent")
            self.wait_rollout()
            return
        for node in self.nodes:
            node.stop("agent")
            node.start_agent()

    # ---- objects ----
    def kubectl(self, *args, stdin=None, check=True, timeout=LONG):
        return self.control.kubectl(*args, stdin=stdin, check=check, timeout=timeout)

    def apply(self, *objects):
        """kubectl apply, and all agents have it in their switches."""
        self.kubectl("apply", "-f", "-", stdin=json.dumps({"apiVersion": "v1", "kind": "List", "items": objects}))
        self.sync()

    def remove(self, *objects):
        self.kubectl("delete", "-f", "-", stdin=json.dumps({"apiVersion": "v1", "kind": "List", "items": objects}))
        self.sync()

    def exec(self, pod, *argv, check=True, stdin=None, timeout=LONG):
        """kubectl exec."""
        return self.kubectl("exec", *(["-i"] if stdin is not None else []), "-n", pod.namespace, pod.name, "--", *argv,
                            check=check, stdin=stdin, timeout=timeout)

    # ---- Pods ----
    def create(self, *objects, timeout=LONG):
        """Makes Pods (pod_object) and waits until they run. Returns them in the order asked for."""
        for obj in objects:
            self.post_pod(obj)
        return [self.wait_pod(o["metadata"]["namespace"], o["metadata"]["name"], timeout) for o in objects]

    def post_pod(self, obj):
        """Makes a Pod. In a new namespace that is refused until a controller has made its account."""
        end = time.monotonic() + LONG
        while True:
            try:
                return self.control.call("POST", "/api/v1/namespaces/%s/pods" % obj["metadata"]["namespace"], obj)
            except kubeapi.ApiError as e:
                if e.status != 403 or "serviceaccount" not in str(e) or time.monotonic() > end:
                    raise
            time.sleep(0.1)

    def wait_pod(self, namespace, name, timeout=LONG):
        path = "/api/v1/namespaces/%s/pods/%s" % (namespace, name)
        end = time.monotonic() + timeout
        while True:
            obj = self.control.get(path) or {"status": {}}
            ready = [c for c in obj["status"].get("conditions", ()) if c["type"] == "Ready" and c["status"] == "True"]
            if ready:
                return self.known(obj)
            if time.monotonic() > end:
                raise LabError("%s/%s does not run\n%s" % (
                    namespace, name, self.kubectl("describe", "pod", "-n", namespace, name, check=False).stdout))
            time.sleep(0.1)

    def known(self, obj):
        """A running Pod's object as a KubePod."""
        meta, status = obj["metadata"], obj["status"]
        node = self.node(obj["spec"]["nodeName"])
        container = status["containerStatuses"][0]["containerID"].split("//")[1]
        pids = node.container_pids(container)
        if not pids:
            raise LabError("no process of %s/%s on %s" % (meta["namespace"], meta["name"], node.name))
        pod = KubePod(node, meta["namespace"], meta["name"], [p["ip"] for p in status["podIPs"]],
                      "/proc/%d/ns/net" % pids[0], obj)
        self.pods[pod.full_name] = pod
        return pod

    def delete_pods(self, *pods, timeout=LONG):
        """Deletes Pods and waits until they are gone."""
        for pod in pods:
            self.control.call("DELETE", "/api/v1/namespaces/%s/pods/%s" % (pod.namespace, pod.name))
        end = time.monotonic() + timeout
        for pod in pods:
            while self.control.get("/api/v1/namespaces/%s/pods/%s" % (pod.namespace, pod.name)):
                if time.monotonic() > end:
                    raise LabError("%s is still there" % pod.full_name)
                time.sleep(0.1)
            self.pods.pop(pod.full_name, None)

    def list_pods(self, namespace=None, selector=""):
        path = "/api/v1/namespaces/%s/pods" % namespace if namespace else "/api/v1/pods"
        return self.control.get(path + ("?labelSelector=" + selector if selector else ""))["items"]


def leftovers(prefix, run_dir):
    """What of a cluster is still there after `down`, as text lines."""
    found = cluster.leftovers(prefix, run_dir)
    with open("/proc/self/mounts") as f:
        found += ["mount " + line.split()[1] for line in f if run_dir + "/" in line]
    return found


__all__ = ["KubeCluster", "KubePod", "free_run_dir", "leftovers", "netns", "pod_object", "BRIDGE", "PROGRAMS", "SEINE"]
