# SPDX-License-Identifier: Apache-2.0
"""A real API server for tests: the lab's control plane with what a test asks for, a proxy that injects faults in front of it, and
clusters of the lab whose desired state it holds.

    with kubelab.ControlPlane(run_dir) as cp:            # on loopback, ports of its own
        cp.apply(manifests.namespace("a"), manifests.pod("a", "p", {"app": "x"}))
        cp.kubectl("get", "pods", "-A")
        cp.kill(); cp.start()                            # the same cluster again

    with kubelab.cluster("ex") as c:                     # nodes with Open vSwitch, the API server on the fabric
        c.start_agents()                                 # with --kubeconfig
        c.pod(c.nodes[0], "default", "web")              # as in tests/system

Programs are those of tests/kube/build.sh in build/kube, or in the folder SEINE_KUBE_BIN."""
import contextlib
import http.client
import json
import os
import socket
import sys
import tempfile
import time

HERE = os.path.dirname(os.path.abspath(__file__))
ROOT = os.path.dirname(os.path.dirname(HERE))
sys.path.insert(0, os.path.join(os.path.dirname(HERE), "system"))

import common  # noqa: E402
from lab import cluster as lab_cluster  # noqa: E402
from lab import clock, kubecontrol, manifests, netns  # noqa: E402
from lab.kubeapi import Client, path_of, path_of_object  # noqa: E402
from lab.kubecontrol import free_ports  # noqa: E402
from lab.netns import LabError  # noqa: E402

KUBE_BIN = os.environ.get("SEINE_KUBE_BIN") or os.path.join(ROOT, "build", "kube")
# One that lets Pods be created in any Namespace at once, without a controller that makes ServiceAccounts.
PLAIN = ("--disable-admission-plugins=ServiceAccount",)
ACCOUNT = "seine-agent"

def need():
    """Skips unless the programs are there."""
    if not os.path.exists(os.path.join(KUBE_BIN, "kfix")):
        common.skip("%s/kfix is not built (tests/kube/build.sh)" % KUBE_BIN)


class ControlPlane(kubecontrol.ControlPlane):
    """The lab's, without components that a test does not ask for, at ports that were free; with the agent's account."""

    def __init__(self, run_dir, ns=None, bind="127.0.0.1", controllers="", scheduler=False, args=PLAIN):
        super().__init__(run_dir, KUBE_BIN, ns, bind)
        self.controllers, self.scheduler, self.args = controllers, scheduler, list(args)

    def __enter__(self):
        try:
            return self.start()
        except BaseException:
            self.end()
            raise

    def __exit__(self, kind, error, trace):
        if error is not None:
            print("--- last lines of the control plane\n%s---" % self.log_tail(15))
        self.end()

    def start(self, wait=common.PATIENCE):
        """Starts it; returns when it is ready."""
        if not self.port:
            self.make("--client", "agent=%s,agents" % ACCOUNT)
        self.flags = ["--svc-cidr", kubecontrol.SERVICES, "--controllers", self.controllers, "--apiserver-args", " ".join(self.args)] + ["--scheduler"] * self.scheduler
        return super().start(wait)

    def agent_account(self):
        """The account, role and binding that the manifest gives the agent; the client certificate `agent` has the same rights."""
        self.client.apply(*agent_rbac())
        return self.kubeconfig("agent", token=self.token())

    def token(self, account=ACCOUNT, namespace="kube-system", seconds=3600, bound=None):
        """A token of the account, as kubelet gets one for a Pod; `bound`: a Secret, with which it goes."""
        spec = {"expirationSeconds": seconds}
        if bound:
            spec["boundObjectRef"] = {"kind": "Secret", "apiVersion": "v1", "name": bound["metadata"]["name"],
                                      "uid": bound["metadata"]["uid"]}
        answer = self.client.ask("POST", path_of("ServiceAccount", namespace, account) + "/token",
                                 {"apiVersion": "authentication.k8s.io/v1", "kind": "TokenRequest", "spec": spec})
        return answer["status"]["token"]

    def kfix(self, *args, timeout=600, check=True):
        """One of kfix' own commands, as admin."""
        return self.run("kfix", args[0], "--kubeconfig", self.path("admin"), *args[1:], timeout=timeout, check=check)

    def compact(self):
        """Has etcd forget every state but the newest: what is older is 410 from now on."""
        self.run("kfix", "compact", "--etcd", "127.0.0.1:%d" % self.etcd_port)


def agent_rbac():
    """What the manifest binds; without a manifest in the tree, the rights that docs/install.md lists."""
    manifest = os.path.join(ROOT, "installer", "linux", "seine.yaml")
    if os.path.exists(manifest):
        import yaml
        with open(manifest) as f:
            found = [o for o in yaml.safe_load_all(f)
                     if o and o["kind"] in ("ServiceAccount", "ClusterRole", "ClusterRoleBinding")]
    else:
        found = own_rbac()
    for obj in found:
        if obj["kind"] == "ClusterRoleBinding":
            obj["subjects"].append({"kind": "User", "apiGroup": "rbac.authorization.k8s.io", "name": ACCOUNT})
    return found


def own_rbac():
    group = "rbac.authorization.k8s.io"
    read = ["get", "list", "watch"]
    rules = [{"apiGroups": [""], "resources": ["nodes", "namespaces", "pods", "services"], "verbs": read},
             {"apiGroups": ["discovery.k8s.io"], "resources": ["endpointslices"], "verbs": read},
             {"apiGroups": ["networking.k8s.io"], "resources": ["networkpolicies", "servicecidrs"], "verbs": read},
             {"apiGroups": [""], "resources": ["nodes", "nodes/status"], "verbs": ["patch"]},
             {"apiGroups": ["events.k8s.io"], "resources": ["events"], "verbs": ["create", "patch"]}]
    return [{"apiVersion": "v1", "kind": "ServiceAccount", "metadata": {"namespace": "kube-system", "name": ACCOUNT}},
            {"apiVersion": group + "/v1", "kind": "ClusterRole", "metadata": {"name": ACCOUNT}, "rules": rules},
            {"apiVersion": group + "/v1", "kind": "ClusterRoleBinding", "metadata": {"name": ACCOUNT},
             "roleRef": {"apiGroup": group, "kind": "ClusterRole", "name": ACCOUNT},
             "subjects": [{"kind": "ServiceAccount", "namespace": "kube-system", "name": ACCOUNT}]}]


def listening(path, process, what, log):
    """Returns when the process answers on its socket at the path. (That the socket is there does not mean that it listens yet.)"""
    def answers():
        if process.poll() is not None:
            with open(log, errors="replace") as f:
                raise common.Failed("%s ended with %d\n%s" % (what, process.returncode, "".join(f.readlines()[-20:])))
        with socket.socket(socket.AF_UNIX) as s, contextlib.suppress(OSError):
            s.connect(path)
            return True
        return False
    common.eventually(answers, what + " listens")


class Proxy:
    """The proxy that injects faults, in front of a ControlPlane; go/faults.go has the list."""

    def __init__(self, cp, name="proxy", http1=False):
        self.cp, self.socket = cp, "%s/%s.sock" % (cp.dir, name)
        self.log = "%s/%s.log" % (cp.dir, name)
        self.port = free_ports(1, cp.ns)
        with open(self.log, "ab") as log:
            self.process = cp.spawn(
                os.path.join(KUBE_BIN, "kfix"), "proxy", "--listen", "%s:%d" % (cp.bind, self.port), "--upstream", cp.url,
                "--pki", cp.pki, "--admin", self.socket, *(["--http1"] if http1 else []), stdout=log, stderr=log)
        listening(self.socket, self.process, "the proxy %s" % name, self.log)

    def __enter__(self):
        return self

    def __exit__(self, *unused):
        self.process.terminate()
        self.process.wait(common.PATIENCE)

    @property
    def url(self):
        return "https://%s:%d" % (self.cp.bind, self.port)

    def ask(self, method, path, body=None):
        connection = http.client.HTTPConnection("proxy")
        connection.sock = socket.socket(socket.AF_UNIX)
        connection.sock.settimeout(common.PATIENCE)
        connection.sock.connect(self.socket)
        try:
            connection.request(method, path, None if method == "GET" else json.dumps(body))
            answer = connection.getresponse()
            text = answer.read().decode()
            if answer.status != 200:
                raise LabError("proxy %s: %d %s" % (path, answer.status, text))
            return json.loads(text) if text else None
        finally:
            connection.close()

    def rules(self, *faults):
        self.ask("POST", "/rules", list(faults))

    def random(self, **plan):
        """Without arguments: no more."""
        self.ask("POST", "/random", plan or None)

    def strike(self, fault, want=0, **more):
        """Strikes all live watches that match, once there are some, or just `want` of them: one that backs off or is being renewed is
        waited for. Returns how many took it."""
        def struck():
            return self.ask("POST", "/strike", dict(more, fault=fault, want=want))["struck"]
        return common.eventually(struck, lambda: "%s watches to strike with %s %s; %s" % (want or "some", fault, more, self.stats()))

    def away(self, away):
        self.ask("POST", "/away", away)

    def stats(self):
        return self.ask("GET", "/stats")


class ApiObjects:
    """What lab.manifests.Folder is, for objects that live in the API server."""

    dir = None

    def __init__(self, cp):
        self.cp, self.objects = cp, {}

    def put(self, *objects):
        for obj in objects:
            self.cp.apply(obj)
            self.objects[manifests.Folder.file_of(obj)] = obj

    def delete(self, *objects):
        for obj in objects:
            self.cp.delete(obj)
            self.objects.pop(manifests.Folder.file_of(obj), None)

    def all(self):
        return list(self.objects.values())


class Cluster(common.Cluster):
    """The lab's cluster with an API server on the fabric's address, which the nodes reach over their underlay."""

    def __init__(self, prefix, run_dir, bin_dir, api=None, **more):
        super().__init__(prefix, run_dir, bin_dir, **more)
        self.cp = ControlPlane(run_dir + "/control-plane", self.fabric, "192.0.2.254", **(api or {}))
        self.objects = ApiObjects(self.cp)
        self.agent_server = None  # another address than the API server's own, a proxy's for instance

    def source_up(self):
        self.cp.start()
        self.cp.agent_account()

    def source_args(self, node):
        return ["--kubeconfig", self.cp.path("agent"), "--cache-dir", node.dir + "/cache"]

    def through(self, proxy):
        """Agents started from now on reach the API server through the proxy."""
        self.cp.kubeconfig("agent", token=self.cp.token(), server=proxy.url)

    def down(self):
        self.cp.kill()
        super().down()


def cluster(name, kind=Cluster, **more):
    prefix = "kt%s%d" % (name, os.getpid())
    return kind(prefix, lab_cluster.free_run_dir(prefix), common.BIN, **more)


@contextlib.contextmanager
def control_plane(**more):
    """One on loopback, in a folder that goes with it."""
    with tempfile.TemporaryDirectory(prefix="seine-kube-") as folder:
        with ControlPlane(folder, **more) as cp:
            yield cp
