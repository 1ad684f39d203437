# SPDX-License-Identifier: Apache-2.0
"""The control plane of a lab's cluster: etcd, kube-apiserver and what else is asked for, the real ones (the program kfix, see
tests/kube/); its certificates and kubeconfigs. And two ways to speak to it: kubectl, and plain calls for what asks often."""
import base64
import contextlib
import http.client
import json
import os
import random
import signal
import socket
import subprocess
import time

from . import kubeapi, netns, ovs
from .clock import PATIENCE
from .netns import LabError, run

PORT, ETCD_PORT = 6443, 2379
FIRST_PORT = 10000  # of those that are chosen freely
SERVICES, PODS = "10.96.0.0/16,fd00:10:96::/112", "10.80.0.0/16,fd00:80::/48"
FIRST_SERVICES = ("10.96.0.1", "fd00:10:96::1")
DNS_SERVICE = "10.96.0.10"
CONTROLLERS = ",".join(name + "-controller" for name in (
    "namespace", "serviceaccount", "root-ca-certificate-publisher", "endpointslice", "service-cidr", "node-ipam", "node-lifecycle",
    "taint-eviction", "pod-garbage-collector", "garbage-collector", "deployment", "replicaset", "daemonset", "statefulset", "job"))
# A whole cluster's, at the usual ports.
WHOLE = {"port": PORT, "etcd_port": ETCD_PORT,
         "flags": ("--scheduler", "--controllers", CONTROLLERS, "--svc-cidr", SERVICES, "--pod-cidr", PODS)}


_claims = []  # sockets by whose names other processes see which ports are taken


def free_ports(count, ns=None):
    """`count` neighbouring TCP ports that nobody listens on. They lie below those that the system gives to connections, and are
    this process's until it ends: nobody takes one before it is listened on, nor while who listened on it is started again."""
    with netns.inside(ns) if ns else contextlib.nullcontext():
        with open("/proc/sys/net/ipv4/ip_local_port_range") as f:
            first_given = int(f.read().split()[0])
        for _ in range(100):
            first = random.SystemRandom().randrange(FIRST_PORT, first_given - count)
            with contextlib.ExitStack() as held, contextlib.suppress(OSError):
                mine = [held.enter_context(_claim(first + i)) for i in range(count)]
                held.pop_all()
                _claims.extend(mine)
                return first
    raise LabError("no free ports")


def _claim(port):
    """Whoever wants the port asks for this name first; it is one of the network namespace, and goes with the process."""
    claim = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
    try:
        claim.bind("\0seine-lab-port-%d" % port)
        with socket.socket() as s:
            s.bind(("", port))
    except OSError:
        claim.close()
        raise
    return claim


class ControlPlane:
    """On loopback, or in namespace `ns` on address `bind` there, at free ports unless they are given; `bin_dir` has kfix and kubectl,
    `flags` are more of kfix up. All files lie in `folder`; killed and started again, it is the same cluster, and another
    process that knows the folder may do that."""

    def __init__(self, folder, bin_dir, ns=None, bind="127.0.0.1", port=None, etcd_port=None, flags=()):
        self.dir, self.bin, self.ns, self.bind = folder, bin_dir, ns, bind
        self.port, self.etcd_port, self.flags = port, etcd_port, flags
        self.pki, self.log, self.pid_file = folder + "/pki", folder + "/control-plane.log", folder + "/control-plane.pid"
        self.process = self._client = None

    # ---- up and down ----
    def make(self, *more):
        """Ports, certificates, the administrator's kubeconfig; `more` are flags of kfix pki. Idempotent."""
        os.makedirs(self.dir, exist_ok=True)
        if not self.port:
            self.port = free_ports(3, self.ns)
            self.etcd_port = self.port + 1
        run(self.bin + "/kfix", "pki", "--dir", self.pki, "--ips", ",".join((self.bind, *FIRST_SERVICES)), *more)
        self.kubeconfig("admin", cert="admin")

    def spawn(self, *args, **more):
        """A program that goes on, where the API server is: subprocess.Popen."""
        return subprocess.Popen([*self._enter(), *args], stdin=subprocess.DEVNULL, start_new_session=True, **more)

    def _enter(self):
        return ["nsenter", "--net=" + netns.path(self.ns)] if self.ns else []

    def launch(self):
        """Does not wait: see wait_ready. With data of an earlier start it goes on with these."""
        with open(self.log, "ab") as log:
            self.process = self.spawn(
                self.bin + "/kfix", "up", "--dir", self.dir + "/data", "--pki", self.pki, "--kubeconfig", self.path("admin"),
                "--bind", self.bind, "--port", str(self.port), "--etcd-port", str(self.etcd_port), *self.flags, stdout=log, stderr=log)
        with open(self.pid_file, "w") as f:
            f.write(str(self.process.pid))

    def start(self, wait=PATIENCE):
        self.launch()
        self.wait_ready(wait)
        return self

    def wait_ready(self, wait=PATIENCE):
        end = time.monotonic() + wait
        while True:
            if self.process and self.process.poll() is not None:
                raise LabError("the control plane ended with %d\n%s" % (self.process.returncode, self.log_tail()))
            with contextlib.suppress(OSError, http.client.HTTPException):
                if self.client.raw("GET", "/readyz")[0] == 200:
                    return
            if time.monotonic() > end:
                raise LabError("the API server was not ready in %d s\n%s" % (wait, self.log_tail()))
            time.sleep(0.05)

    def end(self, sig=signal.SIGTERM):
        """Ends the processes; the data stay."""
        if self._client:
            self._client.close()
        ovs.end_of(self.pid_file, self.pki, sig)
        if self.process:
            self.process.wait()
        self.process = None

    def kill(self):
        self.end(signal.SIGKILL)

    def restart(self):
        self.kill()
        self.start()

    def log_tail(self, lines=10):
        with contextlib.suppress(FileNotFoundError):
            with open(self.log, errors="replace") as f:
                return "".join(f.readlines()[-lines:])
        return ""

    def rss_kib(self):
        with open("/proc/%d/status" % self.process.pid) as f:
            return int(next(line for line in f if line.startswith("VmRSS")).split()[1])

    # ---- who may what ----
    @property
    def url(self):
        return "https://%s:%d" % (self.bind, self.port)

    def path(self, name):
        """Of somebody's kubeconfig."""
        return "%s/%s.kubeconfig" % (self.dir, name)

    def kubeconfig(self, name, cert=None, token=None, token_file=None, server=None, embedded=False):
        """Writes a kubeconfig (JSON is YAML); returns its path. `cert`: a pair of the PKI, by file or, `embedded`, in the text."""
        def part(key, file):
            if not embedded:
                return {key: file}
            with open(file, "rb") as f:
                return {key + "-data": base64.b64encode(f.read()).decode()}
        user = {k: v for k, v in (("token", token), ("tokenFile", token_file)) if v}
        if cert:
            key = "%s/%s" % (self.pki, cert)
            user = {**part("client-certificate", key + ".crt"), **part("client-key", key + ".key"), **user}
        config = {"apiVersion": "v1", "kind": "Config", "current-context": "lab",
                  "clusters": [{"name": "lab", "cluster": {"server": server or self.url,
                                                           **part("certificate-authority", self.pki + "/ca.crt")}}],
                  "users": [{"name": name, "user": user}],
                  "contexts": [{"name": "lab", "context": {"cluster": "lab", "user": name}}]}
        with open(self.path(name), "w") as f:
            json.dump(config, f, indent=1)
        return self.path(name)

    # ---- calls ----
    @property
    def client(self):
        """The administrator's."""
        if not self._client:
            self._client = kubeapi.Client(self.bind, self.port, self.pki, ns=self.ns)
        return self._client

    def call(self, method, path, body=None):
        return self.client.ask(method, path, body)

    def get(self, path):
        """The object or list at the path; None if there is none."""
        return self.client.ask("GET", path, accept=(404,))

    def apply(self, *objects):
        self.client.apply(*objects)

    def delete(self, *objects):
        self.client.delete(*objects)

    def run(self, program, *args, **more):
        """One of the programs beside kfix, where the API server is: netns.run."""
        home = dict(os.environ, HOME=self.dir)  # kubectl keeps what it discovered there
        return run(*self._enter(), os.path.join(self.bin, program), *args, env=home, **more)

    def kubectl(self, *args, stdin=None, check=True, config="admin", timeout=2 * PATIENCE):
        return self.run("kubectl", "--kubeconfig", self.path(config), *args, stdin=stdin, check=check, timeout=timeout)
