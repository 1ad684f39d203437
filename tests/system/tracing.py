# SPDX-License-Identifier: Apache-2.0
"""Verdicts from Open vSwitch itself: a packet is put through ofproto/trace, on the sending node and, over the
tunnel, on the receiving one, and what counts is the port that the last datapath actions name."""
import ipaddress
import re

from lab import ovs

PROTO_NUMBER = {"GRE": 47}


def packet(family, proto, src, dst, sport, port):
    """The trace's match of one packet, without port and hardware addresses."""
    v6 = family == 6
    text = {"TCP": "tcp", "UDP": "udp", "SCTP": "sctp"}.get(proto)
    if text:
        head = "%s,%s_src=%d,%s_dst=%d" % (text + ("6" if v6 else ""), text, sport, text, port)
    elif proto == "ICMP":
        head = "icmp6,icmpv6_type=128,icmpv6_code=0" if v6 else "icmp,icmp_type=8,icmp_code=0"
    else:
        head = "%s,nw_proto=%d" % ("ipv6" if v6 else "ip", PROTO_NUMBER[proto])
    names = ("ipv6_src", "ipv6_dst") if v6 else ("nw_src", "nw_dst")
    return "%s,%s=%s,%s=%s,nw_ttl=64" % (head, names[0], src, names[1], dst)


def outputs(text):
    """Datapath ports of the last pass, as numbers."""
    actions = ovs.trace_outputs(text)
    depth, words, word = 0, [], ""
    for ch in actions + ",":
        depth += (ch == "(") - (ch == ")")
        if ch == "," and depth == 0:
            words.append(word.strip())
            word = ""
        else:
            word += ch
    return {int(w) for w in words if w.isdigit()}


def translated(text):
    """(address, port) that the last translation in the trace leads to; None if there was none."""
    found = re.findall(r"Modified flow: .*?(?:nw_dst|ipv6_dst)=\[?([0-9a-f.:]+)\]?,tp_dst=(\d+)", text)
    return (ipaddress.ip_address(found[-1][0]), int(found[-1][1])) if found else None


def final_macs(text):
    """(dl_src, dl_dst) of the packet as it left."""
    finals = [line for line in text.splitlines() if line.startswith("Final flow:")]
    found = {}
    for line in finals:
        for key in ("dl_src", "dl_dst"):
            m = re.search(key + r"=([0-9a-f:]{17})", line)
            if m:
                found[key] = m.group(1)
    return found.get("dl_src"), found.get("dl_dst")


def datapath_ports(switch, bridge):
    """OpenFlow port to datapath port, from dpif/show."""
    found, inside = {}, False
    for line in switch.appctl("dpif/show").splitlines():
        m = re.match(r"\s+(\S+) (\d+)/(\d+|none):", line)
        if re.match(r"\s+\S+:$", line) or re.match(r"\S", line):
            inside = line.strip() == bridge + ":"
        elif m and inside and m.group(3) != "none":
            found[int(m.group(2))] = int(m.group(3))
    return found


class Tracer:
    """One bridge with a node's flows. `tunnel` and `gateway` are OpenFlow port numbers."""

    def __init__(self, switch, bridge, tunnel=1, gateway=2):
        self.switch, self.bridge, self.tunnel, self.gateway = switch, bridge, tunnel, gateway
        self.ports = datapath_ports(switch, bridge)
        self.count = 0

    def trace(self, in_port, text, macs, extra=""):
        self.count += 1
        flow = "in_port=%d,%s,dl_src=%s,dl_dst=%s%s" % (in_port, text, macs[0], macs[1], extra)
        return self.switch.trace(self.bridge, flow)

    def reaches(self, text, port):
        # Of the userspace datapath's own tunnel no port is named, and no action at all before the other node's neighbor entry is known.
        return self.ports[port] in outputs(text) or port == self.tunnel and "-> output to native tunnel" in text
