# SPDX-License-Identifier: Apache-2.0
"""Random clusters for the property tests: small, but with every form of every field likely somewhere. One seed, one cluster."""
import random

from lab import manifests

KEYS = {"app": ("web", "db", "cache", ""), "tier": ("front", "back"), "env": ("prod", "dev"), "x-y.z/q": ("1",)}
TEAMS = {"team": ("red", "blue"), "stage": ("a", "b")}
NUMBERS = (53, 80, 81, 443, 1000, 8080, 9090, 9095, 32768, 65535)
NAMES = ("http", "dns", "metrics", "admin")
PROTOCOLS = ("TCP", "UDP", "SCTP")
OUTSIDE = {4: ("198.51.100.1", "203.0.113.9", "10.99.0.5"), 6: ("2001:db8:ffff::1", "fd99::5")}


class World:
    """Objects and attachments; `rnd` decides everything."""

    def __init__(self, seed, n_nodes=3, n_pods=14, n_policies=8):
        self.rnd = random.Random(seed)
        self.seed = seed
        self.spaces = ["ns%d" % i for i in range(self.rnd.randint(1, 4))]
        self.nodes = ["node%d" % (i + 1) for i in range(n_nodes)]
        self.objects = {}
        self.attachments = {}  # Pod's full name: attachment as render wants it
        self.used = {name: 10 for name in self.nodes}
        for i, name in enumerate(self.nodes):
            self.put(manifests.node(name, ["10.80.%d.0/24" % (i + 1), "fd00:80:%x::/64" % (i + 1)],
                                    ["192.0.2.%d" % (i + 1), "2001:db8:5e::%x" % (i + 1)]))
        for space in self.spaces:
            if self.rnd.random() < 0.85:  # some Pods live in a namespace that has no object
                self.put(manifests.namespace(space, self.labels(TEAMS)))
        for i in range(n_pods):
            self.add_pod("pod%d" % i)
        for i in range(n_policies):
            self.put(self.policy("np%d" % i))

    def put(self, obj):
        self.objects[manifests.Folder.file_of(obj)] = obj
        return obj

    def chance(self, share):
        return self.rnd.random() < share

    def labels(self, keys=None):
        keys = keys or KEYS
        return {k: self.rnd.choice(v) for k, v in keys.items() if self.chance(0.6)}

    # ---- Pods ----
    def pod_spec(self):
        containers = []
        for i in range(self.rnd.randint(1, 2)):
            ports, used = [], set()
            for _ in range(self.rnd.randint(0, 3)):
                name = self.rnd.choice(NAMES + (None,))
                if name in used:
                    continue  # unique within a container, as the API server demands
                used.add(name)
                port = {"containerPort": self.rnd.choice(NUMBERS)}
                if name:
                    port["name"] = name
                if self.chance(0.5):
                    port["protocol"] = self.rnd.choice(PROTOCOLS)
                ports.append(port)
            containers.append({"name": "c%d" % i, "image": "x", "ports": ports})
        init = []
        if self.chance(0.25):
            init = [{"name": "i", "image": "x", "ports": [{"name": self.rnd.choice(NAMES), "containerPort": 1000}]}]
            if self.chance(0.5):
                init[0]["restartPolicy"] = "Always"
        return containers, init

    def add_pod(self, name):
        rnd, space, node = self.rnd, self.rnd.choice(self.spaces), self.rnd.choice(self.nodes)
        containers, init = self.pod_spec()
        kind = rnd.random()
        if kind < 0.06:  # host network: its node's address
            index = self.nodes.index(node) + 1
            return self.put(manifests.pod(space, name, self.labels(), node, ["192.0.2.%d" % index],
                                          host_network=True, containers=containers, init=init))
        if kind < 0.12:  # no address yet
            return self.put(manifests.pod(space, name, self.labels(), node, phase="Pending", containers=containers))
        if kind < 0.2 and self.attachments:  # finished, still showing an address that a live Pod has now
            other = rnd.choice(sorted(self.attachments))
            return self.put(manifests.pod(space, name, self.labels(), node, self.attachments[other]["addresses"],
                                          phase=rnd.choice(("Succeeded", "Failed")), containers=containers))
        host = self.used[node] = self.used[node] + 1
        index = self.nodes.index(node) + 1
        ips = ["10.80.%d.%d" % (index, host), "fd00:80:%x::%x" % (index, host)]
        obj = manifests.pod(space, name, self.labels(), node, ips, containers=containers, init=init)
        self.attachments[space + "/" + name] = {
            "namespace": space, "name": name, "uid": obj["metadata"]["uid"], "containerID": "c-" + name,
            "interface": "p%d-%d" % (index, host), "ofPort": host, "mac": "02:00:00:00:%02x:%02x" % (index, host),
            "addresses": ips, "node": node, "local": True}
        return self.put(obj)

    # ---- policies ----
    def expression(self, keys):
        key = self.rnd.choice(sorted(keys))
        operator = self.rnd.choice(("In", "NotIn", "Exists", "DoesNotExist"))
        found = {"key": key, "operator": operator}
        if operator in ("In", "NotIn"):
            values = list(keys[key]) + ["other"]
            found["values"] = self.rnd.sample(values, self.rnd.randint(1, min(2, len(values))))
        return found

    def selector(self, keys=None):
        keys = keys or KEYS
        found = {}
        if self.chance(0.25):
            return found
        if self.chance(0.6):
            key = self.rnd.choice(sorted(keys))
            found["matchLabels"] = {key: self.rnd.choice(keys[key])}
        if self.chance(0.4) or not found:
            found["matchExpressions"] = [self.expression(keys) for _ in range(self.rnd.randint(1, 2))]
        return found

    def namespace_selector(self):
        if self.chance(0.25):
            return {"matchLabels": {"kubernetes.io/metadata.name": self.rnd.choice(self.spaces)}}
        return self.selector(TEAMS)

    def ip_block(self):
        rnd = self.rnd
        if self.chance(0.5):
            base = rnd.choice(["10.80.%d.%d" % (rnd.randint(1, 3), rnd.randint(10, 26)), "198.51.100.1", "10.99.0.5"])
            length = rnd.choice((0, 8, 16, 24, 28, 30, 32))
            inner = [rnd.choice((length + 1, length + 4, 32)) for _ in range(rnd.randint(0, 2))]
            full = 32
        else:
            base = rnd.choice(["fd00:80:%x::%x" % (rnd.randint(1, 3), rnd.randint(10, 26)), "2001:db8:ffff::1"])
            length = rnd.choice((0, 16, 48, 64, 120, 128))
            inner = [rnd.choice((length + 1, length + 4, 128)) for _ in range(rnd.randint(0, 2))]
            full = 128
        found = {"cidr": "%s/%d" % (base, length)}  # host bits are set: they hold as masked
        # An exception lies within its block: of the same address, longer.
        excepts = sorted({"%s/%d" % (base, i) for i in inner if length < i <= full})
        if excepts:
            found["except"] = excepts
        return found

    def peer(self):
        kind = self.rnd.random()
        if kind < 0.3:
            return {"ipBlock": self.ip_block()}
        if kind < 0.55:
            return {"podSelector": self.selector()}
        if kind < 0.75:
            return {"namespaceSelector": self.namespace_selector()}
        return {"podSelector": self.selector(), "namespaceSelector": self.namespace_selector()}

    def port(self):
        found, rnd = {}, self.rnd
        if self.chance(0.6):
            found["protocol"] = rnd.choice(PROTOCOLS)
        kind = rnd.random()
        if kind < 0.45:
            found["port"] = rnd.choice(NUMBERS)
        elif kind < 0.65:
            found["port"] = rnd.choice(NUMBERS)
            found["endPort"] = min(65535, found["port"] + rnd.choice((0, 1, 7, 100, 30000)))
        elif kind < 0.85:
            found["port"] = rnd.choice(NAMES)
        return found

    def rules(self, side):
        found = []
        for _ in range(self.rnd.randint(0, 3)):
            rule = {}
            if self.chance(0.75):
                rule[side] = [self.peer() for _ in range(self.rnd.randint(1, 3))]
            elif self.chance(0.3):
                rule[side] = []
            if self.chance(0.6):
                rule["ports"] = [self.port() for _ in range(self.rnd.randint(1, 3))]
            found.append(rule)
        return found

    def policy(self, name):
        rnd = self.rnd
        types = rnd.choice((None, None, ["Ingress"], ["Egress"], ["Ingress", "Egress"]))
        ingress = self.rules("from") if self.chance(0.75) else None
        egress = self.rules("to") if self.chance(0.6) else None
        return manifests.policy(rnd.choice(self.spaces), name, self.selector(), types, ingress, egress)

    # ---- Services ----
    def service_ports(self):
        ports, used = [], set()
        for i in range(self.rnd.randint(1, 3)):
            port = (self.rnd.choice(NUMBERS), "p%d" % i, self.rnd.choice(PROTOCOLS))
            if port[::2] not in used:
                used.add(port[::2])
                ports.append(port)
        if len(ports) == 1 and self.chance(0.5):
            ports = [(ports[0][0], None, ports[0][2])]
        return ports

    def endpoint(self, family):
        """Of a Pod, of a node, or outside; in any state."""
        kind, which = self.rnd.random(), 0 if family == 4 else 1
        if kind < 0.8 and self.attachments:
            address = self.attachments[self.rnd.choice(sorted(self.attachments))]["addresses"][which]
        elif kind < 0.9:
            address = ("192.0.2.%d", "2001:db8:5e::%x")[which] % self.rnd.randint(1, len(self.nodes))
        else:
            address = self.rnd.choice(OUTSIDE[family])
        conditions = self.rnd.choice(({}, {"ready": True}, {"ready": True}, {"ready": False}, {"serving": True},
                                      {"ready": False, "serving": True, "terminating": True},
                                      {"ready": False, "serving": False, "terminating": True}))
        return address, dict(conditions)

    def add_service(self, number):
        """A Service and its slices; some have none, some slices lack a port or belong to nobody."""
        rnd, space, name = self.rnd, self.rnd.choice(self.spaces), "svc%d" % number
        ports = self.service_ports()
        ips = rnd.choice((["10.96.0.%d"], ["fd00:96::%x"], ["10.96.0.%d", "fd00:96::%x"], ["10.96.0.%d", "fd00:96::%x"], ["None"]))
        self.put(manifests.service(space, name, [ip if ip == "None" else ip % (number + 1) for ip in ips], ports))
        for i in range(rnd.randint(0, 4)):
            family = rnd.choice((4, 6))
            mine = [(rnd.choice(NUMBERS), p[1], p[2]) for p in ports if self.chance(0.85)]
            owner = name if self.chance(0.9) else "other"
            self.put(manifests.endpoint_slice(space, owner, "s%d-%d" % (number, i), [
                self.endpoint(family) for _ in range(rnd.randint(0, 5))], mine, family))

    def service_targets(self):
        """(address, protocol, port) of every Service, and some that are nearly one."""
        found = []
        for obj in list(self.objects.values()):
            if obj["kind"] == "Service":
                for ip in obj["spec"]["clusterIPs"]:
                    for p in obj["spec"]["ports"] if ip != "None" else ():
                        found.append((ip, p["protocol"], p["port"]))
        return found + [(ip, proto, port + 1) for ip, proto, port in found[:2] if port < 65535]

    # ---- questions ----
    def ports(self):
        """Ports worth asking: those that occur, their neighbours, and one that nobody names."""
        found = set()
        for obj in self.objects.values():
            if obj["kind"] != "NetworkPolicy":
                continue
            for rule in (obj["spec"].get("ingress") or []) + (obj["spec"].get("egress") or []):
                for port in rule.get("ports") or []:
                    if isinstance(port.get("port"), int):
                        found |= {port["port"], port["port"] - 1, port.get("endPort", port["port"]) + 1}
        found |= {self.rnd.choice(NUMBERS), 1000, 12345}
        return [p for p in found if 0 < p < 65536]

    def protocols(self, count):
        """A sample of (protocol, port) to ask of one pair."""
        ports = self.ports()
        asked = [(self.rnd.choice(PROTOCOLS), self.rnd.choice(ports)) for _ in range(count)]
        return asked + [("ICMP", None), ("GRE", None)]
