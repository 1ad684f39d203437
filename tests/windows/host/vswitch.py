# SPDX-License-Identifier: Apache-2.0
"""What making an HNS network on a physical adapter does to a node: a virtual switch takes the adapter, and a vNIC of the
host, "vEthernet (ADAPTER)", takes the adapter's addresses and routes.

Until Open vSwitch's extension is enabled, the switch forwards by itself: it is a Linux bridge with the adapter in it, and
the bridge's own device is the vNIC. From then on only Open vSwitch forwards: the adapter leaves the Linux bridge, and the
vNIC is the local port of that bridge of Open vSwitch that is called as the vNIC has been renamed. The vNIC keeps its
index, GUID and what it was given, whichever device is behind it."""
import contextlib
import uuid

from iproute import ADAPTER_SPACE, NetError, index_of, ip_json, run

GUARD = "wine-vswitch"


class VSwitch:
    def __init__(self, node, id, adapter, index, visible):
        self.node, self.id, self.adapter, self.index, self.visible = node, id, adapter, index, visible
        self.device = "vsw%d" % (index & 0xffff)
        self.alias = "vEthernet (%s)" % adapter
        self.guid = uuid.uuid5(ADAPTER_SPACE, "vnic " + id)
        self.extension = False
        self.carrier, self.carrier_index = None, 0
        self.kept = {"addresses": [], "routes": []}
        self.mac = self.mtu = None

    # ---- addresses and routes of a device ----
    @staticmethod
    def read(device):
        found = ip_json("addr", "show", "dev", device)[0]
        addresses = ["%s/%d" % (a["local"], a["prefixlen"]) for a in found.get("addr_info", [])
                     if a.get("scope") == "global"]
        routes = []
        for family in ("-4", "-6"):
            for r in ip_json(family, "route", "show", "table", "main", "dev", device):
                if r.get("protocol") not in ("kernel", "ra"):
                    words = [family, "route", "replace", r["dst"]]
                    words += ["via", r["gateway"]] if "gateway" in r else []
                    routes.append((words, ["metric", r["metric"]] if "metric" in r else [],
                                   ["onlink"] if "gateway" in r else []))
        return {"addresses": addresses, "routes": routes}

    @staticmethod
    def give(device, what):
        for a in what["addresses"]:
            run("ip", "addr", "replace", a, "dev", device, *(["nodad"] if ":" in a else []))
        for words, metric, onlink in what["routes"]:
            with contextlib.suppress(NetError):
                run("ip", *words, "dev", device, *metric, *onlink)

    @staticmethod
    def flush(device):
        run("ip", "addr", "flush", "dev", device, "scope", "global")
        for r in ip_json("-6", "route", "show", "table", "main", "dev", device):  # those of IPv4 go by themselves
            if r.get("protocol") not in ("kernel", "ra"):
                with contextlib.suppress(NetError):
                    run("ip", "-6", "route", "del", r["dst"], "dev", device)

    # ---- made and unmade ----
    def make(self):
        link = ip_json("link", "show", "dev", self.adapter)[0]
        self.mac, self.mtu = link["address"], link["mtu"]
        self.kept = self.read(self.adapter)
        run("ip", "link", "add", self.device, "address", self.mac, "mtu", self.mtu, "type", "bridge", "stp_state", 0,
            "forward_delay", 0)
        self.flush(self.adapter)
        run("ip", "link", "set", self.adapter, "master", self.device, "up")
        run("ip", "link", "set", self.device, "up")
        if self.node.lose_addresses:
            self.kept = {"addresses": [], "routes": []}
        self.give(self.device, self.kept)
        self.carrier, self.carrier_index = self.device, index_of(self.device)

    def unmake(self):
        """The adapter has back what the vNIC had last."""
        with contextlib.suppress(NetError):
            if self.carrier and index_of(self.carrier):
                self.kept = self.read(self.carrier)
                self.flush(self.carrier)
        self.guard(False)
        if self.carrier not in (None, self.device):
            self.node.bridges.set_hwaddr(self.carrier, None)
        with contextlib.suppress(NetError):
            run("ip", "link", "set", self.adapter, "nomaster")
        with contextlib.suppress(NetError):
            run("ip", "link", "del", self.device)
        if not self.node.lose_addresses:
            self.give(self.adapter, self.kept)
        self.carrier = None

    def guard(self, on):
        """AF_PACKET copies: what Open vSwitch reads from the adapter is not for the node's own stack too."""
        table = "%s-%s" % (GUARD, self.adapter)
        text = "add table netdev %s\ndelete table netdev %s\n" % (table, table)
        if on:
            text += ("table netdev %s {\nchain in {\ntype filter hook ingress device \"%s\" priority 0; policy drop;\n"
                     "}\n}\n" % (table, self.adapter))
        run("nft", "-f", "-", stdin=text)

    # ---- what changes while it is there ----
    def enable(self, on):
        if on == self.extension:
            return
        self.extension = on
        if on:
            run("ip", "link", "set", self.adapter, "nomaster")
            self.guard(True)
            with contextlib.suppress(NetError, FileNotFoundError):
                run("ethtool", "-K", self.adapter, "tx", "off")
        else:
            self.guard(False)
            run("ip", "link", "set", self.adapter, "master", self.device)
        self.follow()

    def keep(self):
        """After a change of the vNIC: what it is to have when the device behind it is another one."""
        if self.carrier and index_of(self.carrier) == self.carrier_index:
            self.kept = self.read(self.carrier)

    def follow(self):
        """Level-triggered: moves the vNIC to the device that ought to be behind it."""
        local = self.extension and self.alias != self.device and index_of(self.alias)
        want = self.alias if local else self.device
        at = index_of(want)
        if self.carrier not in (None, self.device, want):
            self.node.bridges.set_hwaddr(self.carrier, None)
        if at and want == self.carrier and at == self.carrier_index:
            self.keep_mac()
            return
        if not at:
            return
        if self.carrier and index_of(self.carrier) == self.carrier_index:
            self.kept = self.read(self.carrier)
            self.flush(self.carrier)
        if want != self.device:
            self.node.bridges.set_hwaddr(want, self.mac)
        run("ip", "link", "set", want, "address", self.mac, "mtu", self.mtu, "up")
        with contextlib.suppress(NetError, FileNotFoundError):
            run("ethtool", "-K", want, "tx", "off")
        self.give(want, self.kept)
        self.carrier, self.carrier_index = want, at
        print("%s is %s" % (self.alias, want), flush=True)

    def keep_mac(self):
        """The vNIC's is the adapter's; of its local port Open vSwitch decides, and has to be told."""
        link = next((i for i in self.node.links() if i["ifname"] == self.carrier), None)
        if link and link["address"] != self.mac and self.carrier != self.device:
            self.node.bridges.set_hwaddr(self.carrier, self.mac)
