# SPDX-License-Identifier: Apache-2.0
"""What a printed access list means, written down as plainly as possible: the lowest Priority number that matches decides.

Reads what `seine-agent render --datapath-type hns` prints and knows nothing of how it came about. It also holds what a
list must be: complete (every packet meets a rule), unambiguous (the rules that decide have one Action), in order."""
import ipaddress
import json

ANY = "256"
PROTOCOLS = {"TCP": "6", "UDP": "17", "SCTP": "132", "GRE": "47"}
KEYS = ["Protocols", "Action", "Direction", "LocalAddresses", "RemoteAddresses", "LocalPorts", "RemotePorts", "RuleType",
        "Priority"]


class Wrong(AssertionError):
    pass


def protocol_number(proto, family):
    return PROTOCOLS.get(proto) or {4: "1", 6: "58"}[family]


def compact(value):
    return json.dumps(value, separators=(",", ":"))


def check_prefixes(text):
    """A canonical list: one family, sorted, no prefix inside another, no halves left apart."""
    nets = [ipaddress.ip_network(t) for t in text.split(",")]
    if len({n.version for n in nets}) != 1:
        raise Wrong("families mixed in " + text)
    if [str(n) for n in nets] != text.split(",") or list(ipaddress.collapse_addresses(nets)) != nets:
        raise Wrong("not the fewest prefixes, sorted: " + text)
    return nets


def check_ports(text):
    ranges = [tuple(int(p) for p in (r.split("-") * 2)[:2]) for r in text.split(",")]
    if any(a > b for a, b in ranges) or any(b[0] <= a[1] + 1 for a, b in zip(ranges, ranges[1:])):
        raise Wrong("ports not compact: " + text)
    return ranges


class Rule:
    def __init__(self, text, sets):
        policy = json.loads(text)
        if compact(policy) != text or list(policy) != ["Type", "Settings"] or list(policy["Settings"]) != KEYS:
            raise Wrong("not the form of a rule: " + text)
        s = policy["Settings"]
        if policy["Type"] != "ACL" or s["RuleType"] != "Switch" or s["Direction"] not in ("In", "Out"):
            raise Wrong("not an access rule: " + text)
        self.text, self.direction, self.priority = text, s["Direction"], s["Priority"]
        self.allow = {"Allow": True, "Block": False}[s["Action"]]
        self.protocol = s["Protocols"]
        ports, other = ("LocalPorts", "RemotePorts") if self.direction == "In" else ("RemotePorts", "LocalPorts")
        if s[other] or s["LocalAddresses"]:
            raise Wrong("no rule needs " + other + " or LocalAddresses: " + text)
        self.ports = check_ports(s[ports]) if s[ports] else None
        if self.ports and self.protocol not in ("6", "17"):
            raise Wrong("ports of a protocol without: " + text)
        if s["RemoteAddresses"] in sets:
            self.peers = sets[s["RemoteAddresses"]]
        else:
            self.peers = check_prefixes(s["RemoteAddresses"]) if s["RemoteAddresses"] else None

    def matches(self, address, protocol, port):
        if self.protocol not in (ANY, protocol):
            return False
        if self.peers is not None and not any(address in n for n in self.peers):
            return False
        return self.ports is None or any(first <= port <= last for first, last in self.ports)


class Lists:
    """All that one node would hold; `of` by Pod's full name."""

    def __init__(self, text):
        sections, current = {}, None
        for line in text.splitlines():
            if line.startswith("# "):
                current = sections.setdefault(line[2:], [])
            else:
                current.append(line)
        self.sets = {}
        for line in sections.get("sets", []):
            s = json.loads(line)["Settings"]
            self.sets[s["Id"]] = check_prefixes(s["Values"])
        self.has_sets = "sets" in sections
        self.of, keys = {}, []
        for line in sections["acls"]:
            pod, text = line.split(" ", 1)
            rule = Rule(text, self.sets)
            self.of.setdefault(pod, []).append(rule)
            keys.append((pod, rule.direction, rule.priority, text))
        if keys != sorted(set(keys)):
            raise Wrong("rules not sorted by Pod, direction, priority and text")
        for pod, rules in self.of.items():
            self.check_complete(pod, rules)

    @staticmethod
    def check_complete(pod, rules):
        for direction in ("In", "Out"):
            last = max((r for r in rules if r.direction == direction), key=lambda r: r.priority)
            if last.protocol != ANY or last.peers is not None or last.ports is not None:
                raise Wrong("%s: no base rule %s" % (pod, direction))

    def allows(self, pod, direction, address, protocol, port=None):
        """May a packet pass that opens a connection between the Pod and `address`?"""
        found = [r for r in self.of[pod] if r.direction == direction and r.matches(address, protocol, port)]
        first = min(r.priority for r in found)
        actions = {r.allow for r in found if r.priority == first}
        if len(actions) != 1:
            raise Wrong("%s: two actions of priority %d for %s %s/%s" % (pod, first, address, protocol, port))
        return actions.pop()
