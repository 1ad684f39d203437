# SPDX-License-Identifier: Apache-2.0
"""What Kubernetes NetworkPolicy means, written down a second time and as plainly as possible.

Knows nothing of the engine: a verdict is computed for one pair, family, protocol and port at a time, straight from
the objects (plain dictionaries, as a manifest has them), by the API's definition and by the
project's contract, "policy meaning". No index, no set, no cache that could share a mistake with the program.

    oracle = Oracle(objects, node_addresses)
    oracle.egress(src_pod, dst, family, proto, port)   -> True: allowed
    oracle.ingress(src, dst_pod, family, proto, port)  -> True: allowed

A party (`src`, `dst`) is a Pod object or an address as text. proto: "TCP", "UDP", "SCTP", or another name such as
"ICMP", for which port is None. Defaults that the API server fills in are filled in here too.
"""
import ipaddress

PORT_PROTOCOLS = ("TCP", "UDP", "SCTP")


def labels_of(obj):
    return obj["metadata"].get("labels") or {}


def namespace_of(obj):
    return obj["metadata"].get("namespace") or "default"


def selector_matches(selector, labels):
    """A LabelSelector: all of matchLabels and all of matchExpressions; the empty one matches everything."""
    for key, value in (selector.get("matchLabels") or {}).items():
        if key not in labels or labels[key] != value:
            return False
    for expression in selector.get("matchExpressions") or []:
        key, operator = expression["key"], expression["operator"]
        values = expression.get("values") or []
        if operator == "In":
            if key not in labels or labels[key] not in values:
                return False
        elif operator == "NotIn":
            if key in labels and labels[key] in values:
                return False
        elif operator == "Exists":
            if key not in labels:
                return False
        elif operator == "DoesNotExist":
            if key in labels:
                return False
        else:
            raise ValueError("operator " + operator)
    return True


def pod_addresses(pod):
    status = pod.get("status") or {}
    found = [entry["ip"] for entry in status.get("podIPs") or []]
    return found or ([status["podIP"]] if status.get("podIP") else [])


def address_of(party, family):
    """The party's address of the family, or None."""
    texts = [party] if isinstance(party, str) else pod_addresses(party)
    for text in texts:
        if ipaddress.ip_address(text).version == family:
            return ipaddress.ip_address(text)
    return None


def is_host_network(pod):
    return bool(pod["spec"].get("hostNetwork"))


def is_finished(pod):
    return (pod.get("status") or {}).get("phase") in ("Succeeded", "Failed")


def policy_types(spec):
    """Defaulting: Ingress always, Egress where the policy has egress rules."""
    if spec.get("policyTypes"):
        return spec["policyTypes"]
    return ["Ingress"] + (["Egress"] if spec.get("egress") else [])


def container_ports(pod):
    """The named ports that traffic can be meant for: of containers and of init containers that keep running."""
    spec = pod["spec"]
    running = list(spec.get("containers") or [])
    running += [c for c in spec.get("initContainers") or [] if c.get("restartPolicy") == "Always"]
    for container in running:
        for port in container.get("ports") or []:
            yield port.get("name"), port["containerPort"], port.get("protocol") or "TCP"


class Oracle:
    def __init__(self, objects):
        self.objects = list(objects)
        self.pods = [o for o in self.objects if o["kind"] == "Pod"]
        self.policies = [o for o in self.objects if o["kind"] == "NetworkPolicy"]
        self.namespace_labels = {o["metadata"]["name"]: dict(labels_of(o)) for o in self.objects
                                 if o["kind"] == "Namespace"}

    def labels_of_namespace(self, name):
        labels = dict(self.namespace_labels.get(name) or {})
        labels["kubernetes.io/metadata.name"] = name
        return labels

    def owner_of(self, address):
        """The live Pod that has the address; None for outside addresses and host-network Pods."""
        for pod in self.pods:
            if not is_host_network(pod) and not is_finished(pod) and str(address) in [
                    str(ipaddress.ip_address(a)) for a in pod_addresses(pod)]:
                return pod
        return None

    # ---- one policy ----
    def applies(self, policy, pod, direction):
        spec = policy["spec"]
        return (not is_host_network(pod) and namespace_of(policy) == namespace_of(pod)
                and direction in policy_types(spec)
                and selector_matches(spec.get("podSelector") or {}, labels_of(pod)))

    def peer_matches(self, peer, policy, party, family):
        """One entry of from/to against the other party."""
        address = address_of(party, family)
        if address is None:
            return False
        if "ipBlock" in peer:
            block = peer["ipBlock"]
            if address not in ipaddress.ip_network(block["cidr"], strict=False):
                return False
            return not any(address in ipaddress.ip_network(c, strict=False) for c in block.get("except") or [])
        pod = self.owner_of(address)
        if pod is None:
            return False
        if "namespaceSelector" in peer:
            if not selector_matches(peer["namespaceSelector"], self.labels_of_namespace(namespace_of(pod))):
                return False
        elif namespace_of(pod) != namespace_of(policy):
            return False
        return "podSelector" not in peer or selector_matches(peer["podSelector"], labels_of(pod))

    def port_matches(self, entry, receiver, proto, port):
        """One entry of ports; `receiver` is the Pod that is asked on the port (None: outside)."""
        if (entry.get("protocol") or "TCP") != proto:
            return False
        wanted = entry.get("port")
        if wanted is None:
            return True
        if isinstance(wanted, str):
            if receiver is None:
                return False
            return any(name == wanted and number == port and protocol == proto
                       for name, number, protocol in container_ports(receiver))
        return wanted <= port <= (entry.get("endPort") or wanted)

    def rule_allows(self, rule, side, policy, party, family, receiver, proto, port):
        peers, ports = rule.get(side) or [], rule.get("ports") or []
        if peers and not any(self.peer_matches(p, policy, party, family) for p in peers):
            return False
        if not ports:
            return True
        return proto in PORT_PROTOCOLS and any(self.port_matches(e, receiver, proto, port) for e in ports)

    # ---- a Pod and a direction ----
    def isolated(self, pod, direction):
        return any(self.applies(p, pod, direction) for p in self.policies)

    def _allowed(self, pod, direction, side, party, family, receiver, proto, port):
        applying = [p for p in self.policies if self.applies(p, pod, direction)]
        if not applying:
            return True
        return any(self.rule_allows(rule, side, policy, party, family, receiver, proto, port)
                   for policy in applying for rule in policy["spec"].get(direction.lower()) or [])

    def egress(self, pod, dst, family, proto, port=None):
        if self._same(pod, dst, family):
            return True
        receiver = self.owner_of(address_of(dst, family))
        return self._allowed(pod, "Egress", "to", dst, family, receiver, proto, port)

    def ingress(self, src, pod, family, proto, port=None):
        if self._same(pod, src, family):
            return True
        return self._allowed(pod, "Ingress", "from", src, family, pod, proto, port)

    def verdict(self, src, dst, family, proto, port=None):
        """May a new connection from Pod src to Pod dst come up?"""
        return self.egress(src, dst, family, proto, port) and self.ingress(src, dst, family, proto, port)

    # ---- Services ----
    def frontend(self, address, proto, port):
        """Where a connection to the address goes: a set of (address, port), empty if it is refused; None if no
        Service has this address and port.  Of Services that claim the same, the first by Namespace and name has it."""
        services = [o for o in self.objects if o["kind"] == "Service" and o["spec"].get("type") != "ExternalName"]
        for service in sorted(services, key=lambda o: (namespace_of(o), o["metadata"]["name"])):
            spec = service["spec"]
            if not any(a != "None" and ipaddress.ip_address(a) == address for a in spec.get("clusterIPs") or []):
                continue
            for entry in spec.get("ports") or []:
                if (entry.get("protocol") or "TCP", entry["port"]) == (proto, port):
                    return self.endpoints(service, entry, address.version)
        return None

    def endpoints(self, service, entry, family):
        """Of one port of a Service: the ready ones, else those that end but still serve."""
        ready, ending = set(), set()
        for piece in self.objects:
            if piece["kind"] != "EndpointSlice" or namespace_of(piece) != namespace_of(service) \
                    or labels_of(piece).get("kubernetes.io/service-name") != service["metadata"]["name"] \
                    or piece["addressType"] != "IPv%d" % family:
                continue
            numbers = [p["port"] for p in piece.get("ports") or [] if p.get("port")
                       and (p.get("name") or "", p.get("protocol") or "TCP") ==
                       (entry.get("name") or "", entry.get("protocol") or "TCP")]
            for endpoint in piece.get("endpoints") or []:
                said = endpoint.get("conditions") or {}
                address = ipaddress.ip_address(endpoint["addresses"][0])
                if said.get("ready", True):
                    ready |= {(address, n) for n in numbers}
                if said.get("serving", said.get("ready", True)) and said.get("terminating"):
                    ending |= {(address, n) for n in numbers}
        return ready or ending

    @staticmethod
    def _same(pod, party, family):
        """A Pod to itself is always allowed."""
        return address_of(party, family) == address_of(pod, family)
