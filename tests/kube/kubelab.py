# SPDX-License-Identifier: Apache-2.0
"""A real API server for tests: etcd and kube-apiserver (with other components on demand), its certificates and kubeconfigs, a
client that asks it, a proxy that injects faults in front of it, and clusters of the lab whose desired state it holds.

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
import ssl
import subprocess
import sys
import tempfile
import time
import urllib.parse

HERE = os.path.dirname(os.path.abspath(__file__))
ROOT = os.path.dirname(os.path.dirname(HERE))
sys.path.insert(0, os.path.join(os.path.dirname(HERE), "system"))

import common  # noqa: E402
from lab import cluster as lab_cluster  # noqa: E402
from lab import manifests, netns, ovs  # noqa: E402
from lab.netns import LabError  # noqa: E402

KUBE_BIN = os.environ.get("SEINE_KUBE_BIN") or os.path.join(ROOT, "build", "kube")
CONTROLLERS = "namespace-controller,serviceaccount-controller"
# One that lets Pods be created in any Namespace at once, without a controller that makes ServiceAccounts.
PLAIN = ("--disable-admission-plugins=ServiceAccount",)
ACCOUNT = "seine-agent"

# Kind: path of its list without a namespace, path of a namespace's (None: it lies in none).
PATHS = {
    "Namespace": ("/api/v1/namespaces", None),
    "Node": ("/api/v1/nodes", None),
    "Pod": ("/api/v1/pods", "/api/v1/namespaces/%s/pods"),
    "Service": ("/api/v1/services", "/api/v1/namespaces/%s/services"),
    "ServiceAccount": ("/api/v1/serviceaccounts", "/api/v1/namespaces/%s/serviceaccounts"),
    "Secret": ("/api/v1/secrets", "/api/v1/namespaces/%s/secrets"),
    "ConfigMap": ("/api/v1/configmaps", "/api/v1/namespaces/%s/configmaps"),
    "EndpointSlice": ("/apis/discovery.k8s.io/v1/endpointslices",
                      "/apis/discovery.k8s.io/v1/namespaces/%s/endpointslices"),
    "NetworkPolicy": ("/apis/networking.k8s.io/v1/networkpolicies",
                      "/apis/networking.k8s.io/v1/namespaces/%s/networkpolicies"),
    "Event": ("/apis/events.k8s.io/v1/events", "/apis/events.k8s.io/v1/namespaces/%s/events"),
    "ClusterRole": ("/apis/rbac.authorization.k8s.io/v1/clusterroles", None),
    "ClusterRoleBinding": ("/apis/rbac.authorization.k8s.io/v1/clusterrolebindings", None),
    "CustomResourceDefinition": ("/apis/apiextensions.k8s.io/v1/customresourcedefinitions", None),
}


def need():
    """Skips unless the programs are there."""
    if not os.path.exists(os.path.join(KUBE_BIN, "kfix")):
        common.skip("%s/kfix is not built (tests/kube/build.sh)" % KUBE_BIN)


def path_of(kind, namespace=None, name=None):
    everywhere, within = PATHS[kind]
    path = within % namespace if within and namespace else everywhere
    return path + "/" + name if name else path


def path_of_object(obj):
    meta = obj["metadata"]
    namespace = meta.get("namespace") or ("default" if PATHS[obj["kind"]][1] else None)
    return path_of(obj["kind"], namespace, meta["name"])


def free_ports(count, ns=None):
    """`count` neighbouring TCP ports that nobody listens on."""
    with netns.inside(ns) if ns else contextlib.nullcontext():
        for _ in range(100):
            held = [socket.socket() for _ in range(count)]
            with contextlib.ExitStack() as stack:
                for s in held:
                    stack.enter_context(s)
                with contextlib.suppress(OSError):
                    held[0].bind(("127.0.0.1", 0))
                    first = held[0].getsockname()[1]
                    for i, s in enumerate(held[1:]):
                        s.bind(("127.0.0.1", first + i + 1))
                    return first
    raise LabError("no free ports")


class ApiError(LabError):
    def __init__(self, status, text, what):
        super().__init__("%s: %d %s" % (what, status, text[:400]))
        self.status = status


class Client:
    """Asks an API server over one connection that is kept; threads need one each. In namespace `ns` if given."""

    def __init__(self, host, port, pki, cert="admin", token=None, ns=None):
        self.host, self.port, self.ns, self.token = host, port, ns, token
        self.context = ssl.create_default_context(cafile=pki + "/ca.crt")
        if not token:
            self.context.load_cert_chain("%s/%s.crt" % (pki, cert), "%s/%s.key" % (pki, cert))
        self.connection = None

    def _connect(self):
        family = socket.AF_INET6 if ":" in self.host else socket.AF_INET
        sock = netns.open_socket(self.ns, family, socket.SOCK_STREAM) if self.ns else socket.socket(family, socket.SOCK_STREAM)
        sock.settimeout(60)
        sock.connect((self.host, self.port))
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.connection = http.client.HTTPConnection(self.host, self.port)
        self.connection.sock = self.context.wrap_socket(sock, server_hostname=self.host)

    def raw(self, method, path, body=None, content_type="application/json"):
        """(status, text). A connection that the server has closed meanwhile is made anew once."""
        headers = {"Content-Type": content_type, "Accept": "application/json"}
        if self.token:
            headers["Authorization"] = "Bearer " + self.token
        for attempt in (0, 1):
            fresh = self.connection is None
            try:
                if fresh:
                    self._connect()
                self.connection.request(method, path, None if body is None else json.dumps(body), headers)
                answer = self.connection.getresponse()
                return answer.status, answer.read().decode()
            except (OSError, http.client.HTTPException):
                self.close()
                if fresh or attempt:
                    raise

    def ask(self, method, path, body=None, content_type="application/json", accept=()):
        """The answer's JSON; ApiError unless it is 2xx or in `accept` (then None). A server that is not that far yet, 429, is asked
        again for a while."""
        for _ in range(40):
            status, text = self.raw(method, path, body, content_type)
            if status != 429:
                break
            time.sleep(0.25)
        if status in accept:
            return None
        if not 200 <= status < 300:
            raise ApiError(status, text, "%s %s" % (method, path))
        return json.loads(text)

    def close(self):
        if self.connection:
            self.connection.close()
            self.connection = None

    # ---- objects ----
    def get(self, kind, namespace=None, name=None, query=""):
        return self.ask("GET", path_of(kind, namespace, name) + query)

    def list(self, kind, namespace=None):
        return self.get(kind, namespace)["items"]

    def apply(self, *objects):
        """Creates or changes each object so that it is as given, its status too: what lab.manifests writes."""
        for obj in objects:
            path = path_of_object(obj)
            main = {k: v for k, v in obj.items() if k != "status"}
            main["metadata"] = {k: v for k, v in obj["metadata"].items() if k not in ("uid", "resourceVersion", "managedFields",
                                                                                        "creationTimestamp", "generation")}
            try:
                self.ask("PATCH", path + "?fieldManager=lab&force=true", main, "application/apply-patch+yaml")
            except ApiError as e:
                if e.status != 404 or "namespace" not in main["metadata"]:
                    raise
                self.apply(manifests.namespace(main["metadata"]["namespace"]))
                self.ask("PATCH", path + "?fieldManager=lab&force=true", main, "application/apply-patch+yaml")
            if obj.get("status"):
                self.ask("PATCH", path + "/status?fieldManager=lab", {"status": obj["status"]}, "application/merge-patch+json")

    def patch(self, obj, change):
        """A JSON merge patch."""
        return self.ask("PATCH", path_of_object(obj), change, "application/merge-patch+json")

    def delete(self, *objects):
        """At once, without a kubelet's or a controller's help."""
        for obj in objects:
            self.ask("DELETE", path_of_object(obj), {"kind": "DeleteOptions", "apiVersion": "v1", "gracePeriodSeconds": 0},
                     accept=(404, 409))
            if obj["kind"] == "Namespace":
                self.ask("PUT", path_of_object(obj) + "/finalize", manifests.namespace(obj["metadata"]["name"]),
                         accept=(404, 409))


class ControlPlane:
    """etcd, kube-apiserver and what else is asked for. On loopback, or in namespace `ns` on address `bind` there. All files lie in
    `run_dir`; killed and started again, it is the same cluster."""

    def __init__(self, run_dir, ns=None, bind="127.0.0.1", controllers="", scheduler=False, args=PLAIN):
        self.dir, self.ns, self.bind = run_dir, ns, bind
        self.controllers, self.scheduler, self.args = controllers, scheduler, list(args)
        self.pki, self.log = run_dir + "/pki", run_dir + "/control-plane.log"
        self.port = self.etcd_port = None
        self.process = self.client = None

    def __enter__(self):
        try:
            return self.start()
        except BaseException:
            self.stop()
            raise

    def __exit__(self, kind, error, trace):
        if error is not None and os.path.exists(self.log):
            with open(self.log, errors="replace") as f:
                print("--- last lines of the control plane\n%s---" % "".join(f.readlines()[-15:]))
        self.stop()

    # ---- up and down ----
    def prepare(self, *more):
        """Certificates, ports, the admin's kubeconfig; `more` are flags of kfix pki. Idempotent."""
        os.makedirs(self.dir, exist_ok=True)
        if not self.port:
            first = free_ports(3, self.ns)
            self.port, self.etcd_port = first, first + 1
        netns.run(os.path.join(KUBE_BIN, "kfix"), "pki", "--dir", self.pki, "--ips", self.bind,
                  "--client", "agent=%s,agents" % ACCOUNT, *more)
        self.kubeconfig("admin", cert="admin")

    def start(self, wait=60):
        """Starts it; returns when it is ready."""
        if not self.port:
            self.prepare()
        command = [os.path.join(KUBE_BIN, "kfix"), "up", "--dir", self.dir + "/data", "--pki", self.pki,
                   "--kubeconfig", self.path("admin"), "--bind", self.bind, "--port", str(self.port),
                   "--etcd-port", str(self.etcd_port), "--controllers", self.controllers,
                   "--apiserver-args", " ".join(self.args)] + (["--scheduler"] if self.scheduler else [])
        with open(self.log, "ab") as log:
            self.process = subprocess.Popen((["ip", "netns", "exec", self.ns] if self.ns else []) + command,
                                            stdin=subprocess.DEVNULL, stdout=log, stderr=log, start_new_session=True)
        self.client = Client(self.bind, self.port, self.pki, ns=self.ns)
        self.wait_ready(wait)
        return self

    def wait_ready(self, wait=60):
        end = time.monotonic() + wait
        while time.monotonic() < end:
            if self.process.poll() is not None:
                raise LabError("the control plane ended with %d, see %s" % (self.process.returncode, self.log))
            with contextlib.suppress(OSError, http.client.HTTPException):
                if self.client.raw("GET", "/readyz")[0] == 200:
                    return
            time.sleep(0.05)
        raise LabError("the API server was not ready in %d s" % wait)

    def end(self, kill=False):
        """Ends the processes; the data stay."""
        if self.client:
            self.client.close()
        if self.process and self.process.poll() is None:
            if kill:
                self.process.kill()
            else:
                self.process.terminate()
            try:
                self.process.wait(10)
            except subprocess.TimeoutExpired:
                self.process.kill()
                self.process.wait()
        self.process = None

    def kill(self):
        self.end(kill=True)

    def stop(self):
        self.end()

    def restart(self, kill=True):
        self.end(kill)
        self.start()

    # ---- who may what ----
    def path(self, name):
        return "%s/%s.kubeconfig" % (self.dir, name)

    @property
    def url(self):
        return "https://%s:%d" % (self.bind, self.port)

    def kubeconfig(self, name, cert=None, token=None, token_file=None, server=None, embedded=False):
        """Writes a kubeconfig; returns its path. `cert`: a pair of the PKI, by file or, `embedded`, in the text."""
        def text(file):
            with open(file, "rb") as f:
                return __import__("base64").b64encode(f.read()).decode()
        user = {}
        if cert:
            key = "%s/%s" % (self.pki, cert)
            user = ({"client-certificate-data": text(key + ".crt"), "client-key-data": text(key + ".key")} if embedded else
                    {"client-certificate": key + ".crt", "client-key": key + ".key"})
        if token:
            user["token"] = token
        if token_file:
            user["tokenFile"] = token_file
        cluster = {"server": server or self.url}
        cluster.update({"certificate-authority-data": text(self.pki + "/ca.crt")} if embedded else
                       {"certificate-authority": self.pki + "/ca.crt"})
        config = {"apiVersion": "v1", "kind": "Config", "current-context": "lab",
                  "clusters": [{"name": "lab", "cluster": cluster}], "users": [{"name": name, "user": user}],
                  "contexts": [{"name": "lab", "context": {"cluster": "lab", "user": name}}]}
        with open(self.path(name), "w") as f:
            json.dump(config, f, indent=1)
        return self.path(name)

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

    def apply(self, *objects):
        self.client.apply(*objects)

    def delete(self, *objects):
        self.client.delete(*objects)

    def kubectl(self, *args, stdin=None, check=True, config="admin", timeout=60):
        return netns.run(os.path.join(KUBE_BIN, "kubectl"), "--kubeconfig", self.path(config), *args, ns=self.ns, stdin=stdin,
                         check=check, timeout=timeout)

    def kfix(self, *args, timeout=600, check=True):
        """One of kfix' own commands, as admin."""
        return netns.run(os.path.join(KUBE_BIN, "kfix"), args[0], "--kubeconfig", self.path("admin"), *args[1:], ns=self.ns,
                         timeout=timeout, check=check)

    def spawn(self, *args, **more):
        """A program that goes on, where the API server is: subprocess.Popen."""
        return subprocess.Popen((["ip", "netns", "exec", self.ns] if self.ns else []) + list(args),
                                stdin=subprocess.DEVNULL, start_new_session=True, **more)

    def compact(self):
        """Has etcd forget every state but the newest: what is older is 410 from now on."""
        netns.run(os.path.join(KUBE_BIN, "kfix"), "compact", "--etcd", "127.0.0.1:%d" % self.etcd_port, ns=self.ns)

    def rss_kib(self):
        with open("/proc/%d/status" % self.process.pid) as f:
            return int(next(line for line in f if line.startswith("VmRSS")).split()[1])


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
        common.eventually(lambda: os.path.exists(self.socket), "the proxy listens")

    def __enter__(self):
        return self

    def __exit__(self, *unused):
        self.process.terminate()
        self.process.wait(10)

    @property
    def url(self):
        return "https://%s:%d" % (self.cp.bind, self.port)

    def ask(self, method, path, body=None):
        connection = http.client.HTTPConnection("proxy")
        connection.sock = socket.socket(socket.AF_UNIX)
        connection.sock.settimeout(30)
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

    def strike(self, fault, **more):
        """How many live watches it struck; one that backs off is waited for, so 0 means that none came."""
        end = time.monotonic() + 15
        while True:
            struck = self.ask("POST", "/strike", dict(more, fault=fault))["struck"]
            if struck or time.monotonic() > end:
                return struck
            time.sleep(0.05)

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
        self.cp.end(kill=True)
        super().down()


def cluster(name, kind=Cluster, **more):
    prefix = "kt%s%d" % (name, os.getpid() % 10000)
    return kind(prefix, lab_cluster.free_run_dir(prefix), common.BIN, **more)


@contextlib.contextmanager
def control_plane(**more):
    """One on loopback, in a folder that goes with it."""
    with tempfile.TemporaryDirectory(prefix="seine-kube-") as folder:
        with ControlPlane(folder, **more) as cp:
            yield cp
