# SPDX-License-Identifier: Apache-2.0
"""A large cluster for the benches: what one node must hold of it.

    worldgen.py DIR [--local 100] [--nodes 100] [--pods 100] [--policies 1000] [--namespaces 100]

writes a folder for --objects: `nodes.json`, a file of remote Pods for each Namespace with its policies, and each local
Pod (of node1) in a file of its own, so that one can be changed alone. Every policy selects a Pod of node1 (and some ten
elsewhere); a third each isolates ingress, egress, both; each has one or two peers of podSelector and
namespaceSelector together (about 100 Pods each) and one to three ports (TCP, UDP, a range). Always the same bytes."""
import argparse
import ipaddress
import json
import os
import uuid

PORTS = ({"protocol": "TCP", "port": 80}, {"protocol": "TCP", "port": 443}, {"protocol": "UDP", "port": 53},
         {"protocol": "TCP", "port": 8080}, {"protocol": "TCP", "port": 9000, "endPort": 9015})
APPS = TEAMS = 10
TYPES = (["Ingress"], ["Egress"], ["Ingress", "Egress"])


def space_name(n):
    return "bench-%03d" % n


def meta(name, space=None, labels=None):
    found = {"name": name, "uid": str(uuid.uuid5(uuid.NAMESPACE_OID, "%s/%s" % (space, name)))}
    if space:
        found["namespace"] = space
    if labels:
        found["labels"] = labels
    return found


def node(index, cidr):
    # node1 and node2 live where the lab has them; the others only on paper.
    address = "192.0.2.%d" % index if index < 3 else "172.%d.%d.%d" % (16 + index // 62500, index // 250 % 250, index % 250)
    return {"apiVersion": "v1", "kind": "Node", "metadata": meta("node%d" % index),
            "spec": {"podCIDR": str(cidr), "podCIDRs": [str(cidr)]},
            "status": {"addresses": [{"type": "InternalIP", "address": address}]}}


def pod(space, name, app, node_name, ip):
    return {"apiVersion": "v1", "kind": "Pod", "metadata": meta(name, space, {"app": app}),
            "spec": {"nodeName": node_name, "containers": [{"name": "main", "image": "none"}]},
            "status": dict({"phase": "Running"}, **({"podIP": ip, "podIPs": [{"ip": ip}]} if ip else {}))}


def policy(n, j, number):
    peers = [{"podSelector": {"matchLabels": {"app": "app%d" % ((n + j + k) % APPS)}},
              "namespaceSelector": {"matchLabels": {"team": "team%d" % ((n + 3 * j + k) % TEAMS)}}}
             for k in range(1 + j % 2)]
    ports = [PORTS[(j + k) % len(PORTS)] for k in range(1 + number % 3)]
    types = TYPES[number % 3]
    spec = {"podSelector": {"matchLabels": {"app": "app%d" % (n % APPS)}}, "policyTypes": types}
    if "Ingress" in types:
        spec["ingress"] = [{"from": peers, "ports": ports}]
    if "Egress" in types:
        spec["egress"] = [{"to": peers, "ports": ports}]
    return {"apiVersion": "networking.k8s.io/v1", "kind": "NetworkPolicy", "metadata": meta("p%d" % j, space_name(n)),
            "spec": spec}


class World:
    def __init__(self, nodes=100, pods=100, local=100, policies=1000, namespaces=100):
        self.nodes = [node(1, "10.80.1.0/24")]
        self.local = []  # Pods of node1: their addresses come with the attachment
        self.spaces = {}
        cidrs = ipaddress.ip_network("10.128.0.0/9").subnets(new_prefix=24)
        remote = []
        for i in range(nodes):
            cidr = next(cidrs)
            self.nodes.append(node(i + 2, cidr))
            remote.append(cidr)
        for n in range(namespaces):
            space = space_name(n)
            items = [{"apiVersion": "v1", "kind": "Namespace",
                      "metadata": meta(space, labels={"team": "team%d" % (n * TEAMS // namespaces),
                                                      "kubernetes.io/metadata.name": space})}]
            for k in range(n, local, namespaces):
                self.local.append(pod(space, "here-%d" % k, "app%d" % (n % APPS), "node1", None))
            for i, cidr in enumerate(remote):
                for k in range(n, pods, namespaces):
                    items.append(pod(space, "there-%d-%d" % (i + 2, k), "app%d" % ((i + 1) % APPS), "node%d" % (i + 2),
                                     str(cidr[k + 2])))
            items += [policy(n, j, p) for j, p in enumerate(range(n, policies, namespaces))]
            self.spaces[space] = items

    def write(self, folder):
        os.makedirs(folder, exist_ok=True)

        def put(name, items):
            with open(os.path.join(folder, "." + name), "w") as f:
                json.dump({"apiVersion": "v1", "kind": "List", "items": items}, f)
            os.rename(os.path.join(folder, "." + name), os.path.join(folder, name))
        put("nodes.json", self.nodes)
        for space, items in self.spaces.items():
            put(space + ".json", items)
        for obj in self.local:
            put("pod-%s-%s.json" % (obj["metadata"]["namespace"], obj["metadata"]["name"]), [obj])

    def counts(self):
        kinds = {}
        for obj in [o for items in self.spaces.values() for o in items] + self.nodes + self.local:
            kinds[obj["kind"]] = kinds.get(obj["kind"], 0) + 1
        return kinds


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder")
    for name, default in (("local", 100), ("nodes", 100), ("pods", 100), ("policies", 1000), ("namespaces", 100)):
        parser.add_argument("--" + name, type=int, default=default)
    args = vars(parser.parse_args())
    folder = args.pop("folder")
    world = World(**args)
    world.write(folder)
    print(*("%s=%d" % kv for kv in sorted(world.counts().items())))


if __name__ == "__main__":
    main()
