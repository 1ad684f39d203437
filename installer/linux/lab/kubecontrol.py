# SPDX-License-Identifier: Apache-2.0
"""The control plane of a lab's cluster: etcd, kube-apiserver, kube-controller-manager and kube-scheduler, the real ones, in a
namespace of their own (the program kfix, see tests/kube/). And two ways to speak to it: kubectl, and plain calls for what asks
often."""
import contextlib
import http.client
import json
import os
import signal
import ssl
import subprocess
import time

from . import netns, ovs
from .netns import LabError, run

PORT, ETCD_PORT = 6443, 2379
SERVICES, PODS = "10.96.0.0/16,fd00:10:96::/112", "10.80.0.0/16,fd00:80::/48"
FIRST_SERVICES = ("10.96.0.1", "fd00:10:96::1")
DNS_SERVICE = "10.96.0.10"
CONTROLLERS = ",".join(name + "-controller" for name in (
    "namespace", "serviceaccount", "root-ca-certificate-publisher", "endpointslice", "service-cidr", "node-ipam", "node-lifecycle",
    "taint-eviction", "pod-garbage-collector", "garbage-collector", "deployment", "replicaset", "daemonset", "statefulset", "job"))


class ApiError(LabError):
    def __init__(self, code, text):
        super().__init__("%d %s" % (code, text))
        self.code = code


class Control:
    """Lives in namespace `ns`, keeps its data in `folder`, is reached at `address`; `bin_dir` has kfix and kubectl."""

    def __init__(self, folder, ns, address, bin_dir):
        self.dir, self.ns, self.address, self.bin = folder, ns, address, bin_dir
        self.pki = folder + "/pki"
        self.server = "https://%s:%d" % (address, PORT)
        self.kubeconfig = folder + "/admin.kubeconfig"
        self.log = folder + "/control-plane.log"
        self.process = None

    def make(self, nodes):
        """Certificates and the administrator's kubeconfig; `nodes` is {name: [addresses]}."""
        more = [w for name, own in nodes.items() for w in ("--node", name + "=" + ",".join(own))]
        run(self.bin + "/kfix", "pki", "--dir", self.pki, "--ips", ",".join((self.address, *FIRST_SERVICES)), *more)
        self.write_kubeconfig(self.kubeconfig, "admin")

    def write_kubeconfig(self, path, who):
        """A kubeconfig (JSON is YAML) of somebody who has a certificate."""
        found = {"apiVersion": "v1", "kind": "Config", "current-context": "lab",
                 "clusters": [{"name": "lab", "cluster": {"server": self.server, "certificate-authority": self.pki + "/ca.crt"}}],
                 "users": [{"name": "lab", "user": {"client-certificate": "%s/%s.crt" % (self.pki, who),
                                                    "client-key": "%s/%s.key" % (self.pki, who)}}],
                 "contexts": [{"name": "lab", "context": {"cluster": "lab", "user": "lab"}}]}
        with open(path, "w") as f:
            json.dump(found, f, indent=1)

    def start(self):
        """Does not wait: see wait_ready. With data of an earlier start it goes on with these."""
        argv = ["nsenter", "--net=" + netns.path(self.ns), self.bin + "/kfix", "up", "--scheduler", "--dir", self.dir + "/data",
                "--pki", self.pki, "--kubeconfig", self.kubeconfig, "--bind", self.address, "--port", str(PORT),
                "--etcd-port", str(ETCD_PORT), "--svc-cidr", SERVICES, "--pod-cidr", PODS, "--controllers", CONTROLLERS]
        with open(self.log, "ab") as log:
            self.process = subprocess.Popen(argv, stdin=subprocess.DEVNULL, stdout=log, stderr=log, start_new_session=True)
        with open(self.dir + "/control-plane.pid", "w") as f:
            f.write(str(self.process.pid))

    def kill(self, sig=signal.SIGKILL):
        with contextlib.suppress(FileNotFoundError, ValueError):
            with open(self.dir + "/control-plane.pid") as f:
                ovs.kill(int(f.read()), sig, 10)
        self.process = None

    def wait_ready(self, timeout=60):
        end = time.monotonic() + timeout
        while True:
            if self.process and self.process.poll() is not None:
                raise LabError("the control plane ended with %d\n%s" % (self.process.returncode, self.log_tail()))
            with contextlib.suppress(OSError, http.client.HTTPException, ApiError):
                self.call("GET", "/readyz", raw=True)
                return
            if time.monotonic() > end:
                raise LabError("the API server is not ready\n" + self.log_tail())
            time.sleep(0.1)

    def log_tail(self, lines=10):
        with contextlib.suppress(FileNotFoundError):
            with open(self.log, errors="replace") as f:
                return "".join(f.readlines()[-lines:])
        return ""

    # ---- calls ----
    def call(self, method, path, body=None, kind="application/json", raw=False, timeout=15):
        """One call as the administrator; returns the JSON that came (`raw`: the text)."""
        context = ssl.create_default_context(cafile=self.pki + "/ca.crt")
        context.load_cert_chain(self.pki + "/admin.crt", self.pki + "/admin.key")
        connection = http.client.HTTPSConnection(self.address, PORT, context=context, timeout=timeout)
        with netns.inside(self.ns):
            connection.connect()
        try:
            connection.request(method, path, None if body is None else json.dumps(body),
                               {"Content-Type": kind, "Accept": "application/json"})
            answer = connection.getresponse()
            text = answer.read().decode()
        finally:
            connection.close()
        if answer.status >= 300:
            raise ApiError(answer.status, "%s %s: %s" % (method, path, text.strip()))
        return text if raw else json.loads(text)

    def get(self, path, missing=None):
        """The object or list at the path; `missing` if there is none."""
        try:
            return self.call("GET", path)
        except ApiError as e:
            if e.code != 404:
                raise
            return missing

    def kubectl(self, *args, stdin=None, check=True, timeout=90):
        argv = ["nsenter", "--net=" + netns.path(self.ns), self.bin + "/kubectl", "--kubeconfig", self.kubeconfig, *args]
        home = dict(os.environ, HOME=self.dir)  # kubectl keeps what it discovered there
        return netns.run(*argv, stdin=stdin, check=check, env=home, timeout=timeout)
