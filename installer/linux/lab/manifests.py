# SPDX-License-Identifier: Apache-2.0
"""The folder of manifests: each object a file of its own, written whole or not at all."""
import contextlib
import json
import os
import uuid


def pod_uid(namespace, name):
    return str(uuid.uuid5(uuid.NAMESPACE_DNS, "%s.%s.pod" % (name, namespace)))


def pod(namespace, name, labels=None, node=None, ips=None, ports=None, phase="Running", host_network=False,
        uid=None, containers=None, init=None):
    """A Pod object; `ports`: list of (name, number, protocol) of one container."""
    if containers is None:
        containers = [{"name": "main", "image": "none"}]
        if ports:
            containers[0]["ports"] = [
                dict({"containerPort": number}, **({"name": name} if name else {}),
                     **({"protocol": proto} if proto else {})) for name, number, proto in ports]
    spec = {"containers": containers}
    if init:
        spec["initContainers"] = init
    if node:
        spec["nodeName"] = node
    if host_network:
        spec["hostNetwork"] = True
    status = {"phase": phase}
    if ips:
        status["podIP"] = ips[0]
        status["podIPs"] = [{"ip": ip} for ip in ips]
    return {"apiVersion": "v1", "kind": "Pod",
            "metadata": {"namespace": namespace, "name": name, "uid": uid or pod_uid(namespace, name),
                         "labels": dict(labels or {})},
            "spec": spec, "status": status}


def namespace(name, labels=None):
    return {"apiVersion": "v1", "kind": "Namespace",
            "metadata": {"name": name, "labels": dict(labels or {}, **{"kubernetes.io/metadata.name": name})}}


def node(name, cidrs, addresses):
    return {"apiVersion": "v1", "kind": "Node", "metadata": {"name": name},
            "spec": {"podCIDR": cidrs[0], "podCIDRs": list(cidrs)},
            "status": {"addresses": [{"type": "InternalIP", "address": a} for a in addresses]
                       + [{"type": "Hostname", "address": name}]}}


def policy(ns, name, selector=None, types=None, ingress=None, egress=None):
    """A NetworkPolicy; `selector` is a whole label selector ({}: all Pods of the namespace)."""
    spec = {"podSelector": selector or {}}
    if types is not None:
        spec["policyTypes"] = types
    if ingress is not None:
        spec["ingress"] = ingress
    if egress is not None:
        spec["egress"] = egress
    return {"apiVersion": "networking.k8s.io/v1", "kind": "NetworkPolicy",
            "metadata": {"namespace": ns, "name": name}, "spec": spec}


def service(ns, name, ips=(), ports=((80, None),), kind="ClusterIP"):
    """A Service; `ports`: (number, name), or (number, name, protocol). `ips` is what the API server would give it;
    "None" makes it headless."""
    spec = {"type": kind, "ports": [dict({"port": p[0], "protocol": p[2] if len(p) > 2 else "TCP"},
                                         **({"name": p[1]} if p[1] else {})) for p in ports]}
    if ips:
        spec["clusterIP"], spec["clusterIPs"] = ips[0], list(ips)
    return {"apiVersion": "v1", "kind": "Service", "metadata": {"namespace": ns, "name": name}, "spec": spec}


def endpoint_slice(ns, service_name, suffix, endpoints, ports=((8080, None),), family=4):
    """An EndpointSlice of the Service; `endpoints`: addresses, or (address, conditions)."""
    entries = []
    for e in endpoints:
        address, conditions = (e, {"ready": True}) if isinstance(e, str) else e
        entries.append({"addresses": [address], "conditions": conditions})
    return {"apiVersion": "discovery.k8s.io/v1", "kind": "EndpointSlice", "addressType": "IPv%d" % family,
            "metadata": {"namespace": ns, "name": "%s-%s" % (service_name, suffix),
                         "labels": {"kubernetes.io/service-name": service_name}},
            "ports": [{"port": p[0], "name": p[1] or "", "protocol": p[2] if len(p) > 2 else "TCP"} for p in ports],
            "endpoints": entries}


class Folder:
    """The folder that agents watch with --objects. Remembers what it wrote."""

    def __init__(self, dir):
        self.dir = dir
        self.objects = {}

    @staticmethod
    def file_of(obj):
        meta = obj["metadata"]
        return "-".join(filter(None, (obj["kind"].lower(), meta.get("namespace"), meta["name"]))) + ".json"

    def put(self, *objects):
        for obj in objects:
            self.write(self.file_of(obj), json.dumps(obj, indent=1) + "\n")
            self.objects[self.file_of(obj)] = obj

    def delete(self, *objects):
        for obj in objects:
            self.objects.pop(self.file_of(obj), None)
            with contextlib.suppress(FileNotFoundError):
                os.unlink(os.path.join(self.dir, self.file_of(obj)))

    def write(self, name, text):
        """A file of any name and text, complete at once."""
        os.makedirs(self.dir, exist_ok=True)
        hidden = os.path.join(self.dir, ".new-" + name)
        with open(hidden, "w") as f:
            f.write(text)
        os.rename(hidden, os.path.join(self.dir, name))

    def remove(self, name):
        with contextlib.suppress(FileNotFoundError):
            os.unlink(os.path.join(self.dir, name))

    def all(self):
        return list(self.objects.values())
