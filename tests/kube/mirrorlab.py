# SPDX-License-Identifier: Apache-2.0
"""Our client alone against an API server (mirror.c): started, asked what it holds, compared with what the server has."""
import http.client
import ipaddress
import json
import os
import signal
import socket
import sys

import kubelab
from kubelab import clock, common

PROGRAM = sys.argv[1] if len(sys.argv) > 1 else os.path.join(kubelab.ROOT, "build", "debug", "tests", "mirror")
KINDS = ("Pod", "Namespace", "Node", "NetworkPolicy", "Service", "EndpointSlice")


def need():
    kubelab.need()
    if not os.path.exists(PROGRAM):
        common.skip("%s is not built" % PROGRAM)


def addresses(texts):
    return [str(ipaddress.ip_address(t)) for t in texts if t]


def of_pod(o):
    status, spec = o.get("status", {}), o["spec"]
    ips = [i["ip"] for i in status.get("podIPs") or []] or [status.get("podIP", "")]
    return {"labels": o["metadata"].get("labels", {}), "node": spec.get("nodeName", ""), "hostNetwork": spec.get("hostNetwork", False),
            "finished": status.get("phase") in ("Succeeded", "Failed"), "ips": addresses(ips)}


def of_node(o):
    spec = o.get("spec", {})
    cidrs = spec.get("podCIDRs") or ([spec["podCIDR"]] if spec.get("podCIDR") else [])
    return {"podCIDRs": [str(ipaddress.ip_network(c)) for c in cidrs],
            "ips": addresses(a["address"] for a in o.get("status", {}).get("addresses", []) if a["type"] == "InternalIP")}


def of_policy(o):
    spec = o["spec"]
    types = spec.get("policyTypes") or ["Ingress"]
    selector = spec.get("podSelector", {})
    return {"selectors": len(selector.get("matchLabels", {})) + len(selector.get("matchExpressions", [])),
            "ingressIsolates": "Ingress" in types, "egressIsolates": "Egress" in types,
            "ingress": len(spec.get("ingress", [])), "egress": len(spec.get("egress", []))}


def of_service(o):
    ips = [ip for ip in o["spec"].get("clusterIPs", []) if ip != "None"]
    return {"ips": addresses(ips), "ports": len(o["spec"].get("ports", []))}


def of_slice(o):
    return {"service": o["metadata"].get("labels", {}).get("kubernetes.io/service-name", ""),
            "endpoints": len(o.get("endpoints") or []) if o["addressType"] != "FQDN" else 0}


CANONICAL = {"Pod": of_pod, "Namespace": lambda o: {"labels": o["metadata"].get("labels", {})}, "Node": of_node,
             "NetworkPolicy": of_policy, "Service": of_service, "EndpointSlice": of_slice}


def held_by_server(cp, policies=None):
    """{(kind, key): fields}; `policies` is the path of their list if it is another than usual."""
    found = {}
    for kind in KINDS:
        path = policies if kind == "NetworkPolicy" and policies else kubelab.path_of(kind)
        listed = cp.client.ask("GET", path, accept=(404,)) or {"items": []}
        for o in listed["items"]:
            meta = o["metadata"]
            key = "/".join(filter(None, (meta.get("namespace"), meta["name"])))
            found[kind, key] = dict(CANONICAL[kind](o), uid=meta["uid"])
    return found


class Mirror:
    """One running mirror; `config` is a kubeconfig's path."""

    def __init__(self, cp, name, config, *words, env=None):
        self.cp, self.name = cp, name
        self.socket, self.log = "%s/mirror-%s.sock" % (cp.dir, name), "%s/mirror-%s.log" % (cp.dir, name)
        self.policies = "/apis/lab.seine.dev/v1/networkpolicies" if "crd" in words else None
        options = "detect_leaks=1:quarantine_size_mb=4:malloc_context_size=5"
        with open(self.log, "ab") as log:
            self.process = cp.spawn(PROGRAM, config, self.socket, *words, stdout=log, stderr=log,
                                    env=dict(os.environ, ASAN_OPTIONS=options, **(env or {})))
        kubelab.listening(self.socket, self.process, "mirror " + name, self.log)

    def ask(self, path):
        if self.process.poll() is not None:
            raise common.Failed("mirror %s ended with %d\n%s" % (self.name, self.process.returncode, self.tail()))
        connection = http.client.HTTPConnection("mirror")
        connection.sock = socket.socket(socket.AF_UNIX)
        connection.sock.settimeout(common.PATIENCE)
        connection.sock.connect(self.socket)
        try:
            connection.request("GET", path)
            return connection.getresponse().read().decode()
        finally:
            connection.close()

    def state(self):
        return json.loads(self.ask("/state"))

    def objects(self):
        found = {}
        for line in self.ask("/objects").splitlines():
            o = json.loads(line)
            kind, key = o.pop("kind"), o.pop("key")
            if kind not in ("Pod", "Namespace"):
                o.pop("labels", None)
            found[kind, key] = o
        return found

    def encoded(self):
        """All that is held of each object, a line each, in order."""
        return sorted(self.ask("/encoded").splitlines())

    def tail(self, lines=30):
        with open(self.log, errors="replace") as f:
            return "".join(f.readlines()[-lines:])

    def is_complete(self):
        return all(k["complete"] for k in self.state()["kinds"].values())

    def differences(self):
        own, theirs = self.objects(), held_by_server(self.cp, self.policies)
        return ["%s/%s: %s here, %s there" % (key[0], key[1], own.get(key), theirs.get(key))
                for key in sorted(own.keys() | theirs.keys()) if own.get(key) != theirs.get(key)]

    def equals_server(self, timeout=common.PATIENCE):
        """Within so many seconds it holds what the server has."""
        last = []

        def check():
            last[:] = self.differences()
            return not last and self.is_complete()
        try:
            common.eventually(check, "", timeout, 0.1)
        except common.Failed:
            raise common.Failed("mirror %s after %g s, in which the test %s: %d differences\n%s\n%s\n%s" % (
                self.name, timeout, clock.told(), len(last), "\n".join(last[:5]), json.dumps(self.state()), self.tail())) from None

    def honest(self):
        """It never told its owner anything for nothing."""
        for kind, k in self.state()["kinds"].items():
            common.equal((k["same"], k["strays"]), (0, 0), "%s: %s: objects told again unchanged, or removed twice" % (self.name, kind))

    def puts(self):
        return sum(k["puts"] + k["removes"] for k in self.state()["kinds"].values())

    def calls(self):
        return sum(k["calls"] for k in self.state()["kinds"].values())

    def end(self):
        """Its exit status is the sanitizer's word on leaks too."""
        self.process.send_signal(signal.SIGTERM)
        status = self.process.wait(common.PATIENCE)
        if status != 0:
            raise common.Failed("mirror %s ended with %d\n%s" % (self.name, status, self.tail(60)))

    def __enter__(self):
        return self

    def __exit__(self, kind, error, trace):
        if error is None:
            self.end()
        elif self.process.poll() is None:
            print("--- mirror %s\n%s---" % (self.name, self.tail()))
            self.process.kill()
            self.process.wait()
