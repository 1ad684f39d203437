# SPDX-License-Identifier: Apache-2.0
"""Instances of MSFT_NetNat as nftables rules of the node: one table an instance, so that what one masquerades is seen
and removed alone. As on Windows, IPv4 alone, and two instances may not share an internal prefix."""
import ipaddress
import json
import os
import re
import time

from commands import replace_json
from iproute import NetError, run

OK, FAILED, NOT_FOUND, INVALID, EXISTS = 0, 0x80041001, 0x80041002, 0x80041008, 0x80041019
DEFAULTS = {
    "Caption": "", "Description": "", "ElementName": "", "Store": "1", "Active": "TRUE",
    "ExternalIPInterfaceAddressPrefix": "", "InternalRoutingDomainId": "{00000000-0000-0000-0000-000000000000}",
    "IcmpQueryTimeout": "30", "TcpEstablishedConnectionTimeout": "1800", "TcpTransientConnectionTimeout": "120",
    "TcpFilteringBehavior": "1", "UdpFilteringBehavior": "1", "UdpIdleSessionTimeout": "120",
    "UdpInboundRefresh": "FALSE",
}
PREFIX = "wine-netnat-"


class Nat:
    def __init__(self, dir, commands, log):
        self.path, self.commands, self.log = dir + "/nat.json", commands, log
        self.instances = {}
        if os.path.exists(self.path):
            with open(self.path) as f:
                self.instances = json.load(f)

    def table(self, name):
        return PREFIX + re.sub(r"[^A-Za-z0-9_-]", "_", name)

    def apply(self, name, prefix):
        table = self.table(name)
        text = "add table ip %s\ndelete table ip %s\n" % (table, table)
        if prefix:
            text += ("table ip %s {\nchain postrouting {\ntype nat hook postrouting priority srcnat;\n"
                     "ip saddr %s ip daddr != %s masquerade\n}\n}\n" % (table, prefix, prefix))
        run("nft", "-f", "-", stdin=text)

    def call(self, function, *args):
        start = time.monotonic()
        if function == "Obey":
            return [self.commands.before(args[0])]
        hr, more = self.commands.before(function), []
        if not hr:
            hr, more = getattr(self, "on_" + function.lower())(*args)
        if function != "List":
            self.log.write(function, start, hr, args=list(args))
        return [hr] + more

    def on_list(self):
        """Each instance is a text: a line a property, name, tab, value."""
        return OK, ["\n".join("%s\t%s" % pair for pair in i.items()) for i in self.instances.values()]

    def on_putinstance(self, text, create_only="0", update_only="0"):
        given = dict(line.split("\t", 1) for line in text.splitlines() if "\t" in line)
        name = given.get("Name", "")
        if not name:
            return INVALID, []
        if name in self.instances and create_only == "1":
            return EXISTS, []
        if name not in self.instances and update_only == "1":
            return NOT_FOUND, []
        try:
            prefix = ipaddress.IPv4Network(given.get("InternalIPInterfaceAddressPrefix", ""))
        except ValueError:
            return INVALID, []
        for other, i in self.instances.items():
            if other != name and prefix.overlaps(ipaddress.IPv4Network(i["InternalIPInterfaceAddressPrefix"])):
                return EXISTS, []
        try:
            self.apply(name, str(prefix))
        except NetError as e:
            print(e, flush=True)
            return FAILED, []
        self.instances[name] = dict(DEFAULTS, **{**self.instances.get(name, {}), **given, "InstanceID": name + ";0"})
        replace_json(self.path, self.instances)
        return OK, []

    def on_deleteinstance(self, path):
        """By path: MSFT_NetNat.InstanceID="NAME;0", or by Name."""
        m = re.search(r'MSFT_NetNat\.(?:\w+=".*?",)*?(InstanceID|Name)="((?:[^"\\]|\\.)*)"', path, re.I)
        if not m:
            return INVALID, []
        value = re.sub(r"\\(.)", r"\1", m.group(2))
        name = value[:-2] if m.group(1).lower() == "instanceid" and value.endswith(";0") else value
        if name not in self.instances:
            return NOT_FOUND, []
        try:
            self.apply(name, None)
        except NetError as e:
            print(e, flush=True)
            return FAILED, []
        del self.instances[name]
        replace_json(self.path, self.instances)
        return OK, []
