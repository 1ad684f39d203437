# SPDX-License-Identifier: Apache-2.0
"""The node's network as Windows would see it: the Linux network namespace in which this process runs. Adapters are its
links, and one for each endpoint that is in a namespace; a Pod's packets pass through the tap that Open vSwitch makes
for the port of the endpoint's name, moved into the Pod's network namespace as eth0."""
import contextlib
import ipaddress
import os
import re
import socket
import struct
import threading
import time
import traceback
import uuid

from iproute import ADAPTER_SPACE, NetError, index_of, ip_json, read_sysctl, run, write_sysctl
from ovsdb import Ovsdb
from taps import Taps
import vswitch

FIRST_POD_INDEX = 1 << 20  # the proxy knows adapters of other compartments by it
FIRST_VNIC_INDEX = 1 << 19


def prefix_of(address, length):
    return str(ipaddress.ip_network("%s/%s" % (address, length), strict=False))


class Node:
    def __init__(self, name, ovsdb):
        self.name = name
        self.ovsdb = Ovsdb(ovsdb)
        self.lock = threading.RLock()
        self.taps = Taps(self.ovsdb)
        self.plugs = self.taps.plugs
        self.next_index, self.next_vnic = FIRST_POD_INDEX, FIRST_VNIC_INDEX
        self.settings = {}    # (index, family): what an adapter's IP interface was given
        self.routes = {}      # (family, prefix, next hop, index): (metric, protocol) as they were given
        self.dns = {}         # adapter id: its DNS settings, opaque
        self.admin = {}
        self.wake = threading.Event()
        self.on_change = lambda kind, how, row: None
        self.known = set(os.listdir("/proc/sys/net/ipv4/conf"))
        self.generation = 0  # of what is cached: counts whatever may have changed
        self.cached = {}
        self.vswitches = {}  # network id: VSwitch
        self.lose_addresses = False
        self.bridges = Ovsdb(ovsdb)

    # ---- namespaces of Pods ----
    def make_netns(self, id):
        name = "%s-hcn-%s" % (self.name, id)
        run("ip", "netns", "add", name)
        run("ip", "-n", name, "link", "set", "lo", "up")
        return name

    def delete_netns(self, name):
        with contextlib.suppress(NetError):
            run("ip", "netns", "del", name)

    # ---- endpoints: taps.py ----
    def plug(self, id, endpoint, network, netns, compartment, visible):
        with self.lock:
            self.next_index += 1
            plug = self.taps.plug(id, self.next_index, endpoint, network, netns, compartment, visible)

        def show():
            time.sleep(0.005)
            while self.plugs.get(id) is plug and not plug.visible():
                time.sleep(0.005)
            if self.plugs.get(id) is plug:
                self.on_change("interface", 1, self.interface_row(plug.index, 4))
        threading.Thread(target=show, daemon=True).start()
        self.wake.set()

    def unplug(self, id):
        plug = self.taps.unplug(id)
        if plug:
            self.on_change("interface", 2, "%d\t4" % plug.index)

    def tend_forever(self):
        """Level-triggered: whatever appears or goes, and however often, ends where it belongs."""
        while True:
            pending = True
            try:
                self.follow()
                pending = self.taps.tend()
            except Exception:  # such as a program that takes too long: the next turn comes
                traceback.print_exc()
            self.wake.wait(0.02 if pending else 0.5)
            self.wake.clear()

    # ---- virtual switches ----
    def vswitch_make(self, id, name, extension, visible):
        """For a network on a physical adapter that has addresses; on another one nothing moves."""
        link = next((i for i in self.links() if i["ifname"] == name), None)
        if not link or link.get("linkinfo", {}).get("info_kind") == "tun" or not self.has_addresses(link):
            return
        with self.lock:
            self.next_vnic += 1
            switch = vswitch.VSwitch(self, id, name, self.next_vnic, visible)
            switch.make()
            self.vswitches[id] = switch
            self.generation += 1
        self.vswitch_enable(id, extension)

    def vswitch_enable(self, id, on):
        with self.lock:
            if id in self.vswitches:
                self.vswitches[id].enable(on)
                self.generation += 1

    def vswitch_unmake(self, id):
        with self.lock:
            switch = self.vswitches.pop(id, None)
            if switch:
                switch.unmake()
                self.generation += 1

    def follow(self):
        with self.lock:
            for switch in list(self.vswitches.values()):
                try:
                    switch.follow()
                except (NetError, IndexError) as e:
                    print(e, flush=True)

    def keep(self):
        with self.lock:
            for switch in list(self.vswitches.values()):
                with contextlib.suppress(NetError, IndexError):
                    switch.keep()

    @staticmethod
    def has_addresses(link):
        return any(a.get("scope") == "global" for a in link.get("addr_info", []))

    def shown(self, link):
        """As what a link is shown: index, alias, GUID, description; None: not at all."""
        name = link["ifname"]
        for switch in list(self.vswitches.values()):
            if name == switch.carrier:
                if not switch.visible():
                    return None
                return switch.index, switch.alias, switch.guid, "Hyper-V Virtual Ethernet Adapter #2"
            if name in (switch.device, switch.alias):
                return None
        tun = link.get("linkinfo", {}).get("info_kind") == "tun"
        # The local port of a bridge is an adapter only where a vNIC was made for it.
        if tun and not self.has_addresses(link) and name in self.bridges.names("Bridge"):
            return None
        return (link["ifindex"], name, uuid.uuid5(ADAPTER_SPACE, name),
                "Hyper-V Virtual Ethernet Adapter" if tun else "Network Adapter")

    def rename(self, guid, name):
        """A Windows error: 183 when the name is another adapter's, 50 for what cannot be renamed here."""
        for row in self.adapter_rows():
            f = row.split("\t")
            if f[1].lower() == name.lower() and f[8] != guid:
                return 183
        for switch in list(self.vswitches.values()):
            if str(switch.guid) == guid:
                with self.lock:
                    switch.alias = name
                self.follow()
                return 0
        return 50

    def plug_of_index(self, index):
        return next((p for p in list(self.plugs.values()) if p.index == index and p.visible()), None)

    # ---- adapters ----
    def has_adapter(self, name):
        return any(row.split("\t")[1] == name for row in self.adapter_rows())

    def cache(self, *argv):
        """What iproute2 says, asked again after a change, and each second."""
        at = (self.generation, int(time.monotonic()))
        have = self.cached.get(argv)
        if not have or have[0] != at:
            have = self.cached[argv] = at, ip_json(*argv)
        return have[1]

    def links(self):
        return self.cache("-d", "addr", "show")

    def indices(self):
        """Index by device, of what is shown."""
        return {link["ifname"]: seen[0] for link in self.links() if (seen := self.shown(link))}

    def adapter_rows(self):
        """index, alias, description, MAC, MTU, type, up, compartment, GUID, metrics, DNS servers."""
        rows = []
        for link in self.links():
            seen = self.shown(link)
            if not seen:
                continue
            index, alias, guid, description = seen
            loopback = link["link_type"] == "loopback"
            up = "UP" in link["flags"] and (loopback or "LOWER_UP" in link["flags"])
            rows.append([index, alias, description, link.get("address", "").replace(":", ""),
                         link["mtu"], 24 if loopback else 6, int(up), 1, guid])
        for plug in list(self.plugs.values()):
            if plug.visible():
                rows.append([plug.index, plug.alias, "Hyper-V Virtual Ethernet Adapter", plug.mac.replace(":", ""),
                             plug.mtu, 6, 1, plug.compartment, uuid.uuid5(ADAPTER_SPACE, plug.id)])
        for row in rows:
            servers = [self.dns.get("%s/%d" % (row[8], f), "\t\t").split("\t")[1] for f in (4, 6)]
            row += [self.option(row[0], 4, "metric"), self.option(row[0], 6, "metric"), ",".join(filter(None, servers))]
        return ["\t".join(map(str, row)) for row in rows]

    def option(self, index, family, name, default=25):
        return self.settings.get((index, family), {}).get(name, default)

    def name_of(self, index):
        """The device behind an adapter."""
        for switch in list(self.vswitches.values()):
            if switch.index == index:
                return switch.carrier
        try:
            return socket.if_indextoname(index)
        except OSError:
            return None

    # ---- addresses: index, family, address, length, compartment, suffix origin, preferred ----
    def address_rows(self):
        rows, names = [], self.indices()
        for link in self.links():
            if link["ifname"] not in names:
                continue
            for a in link.get("addr_info", []):
                tentative = a.get("tentative") or a.get("dadfailed")
                rows.append([names[link["ifname"]], 4 if a["family"] == "inet" else 6, a["local"], a["prefixlen"], 1,
                             4 if a.get("scope") == "link" else 1, 1 if tentative else 4])
        for plug in list(self.plugs.values()):
            if plug.visible():
                rows += [[plug.index, 6 if ":" in a else 4, a, n, plug.compartment, 1, 4] for a, n in plug.ips]
        return ["\t".join(map(str, row)) for row in rows]

    def address_create(self, index, address, length):
        name = self.name_of(int(index))
        if not name:
            return 1168
        try:
            run("ip", "addr", "add", "%s/%s" % (address, length), "dev", name, *(["nodad"] if ":" in address else []))
            return 0
        except NetError as e:
            return 5010 if "File exists" in str(e) or "already assigned" in str(e) else self.code(e)

    def address_delete(self, index, address):
        name = self.name_of(int(index))
        if not name:
            return 1168
        for link in ip_json("addr", "show", "dev", name):
            for a in link.get("addr_info", []):
                if a["local"] == address:
                    run("ip", "addr", "del", "%s/%d" % (address, a["prefixlen"]), "dev", name)
                    return 0
        return 1168

    def address_set(self, index, address, length):
        code = self.address_delete(index, address)
        return code or self.address_create(index, address, length)

    @staticmethod
    def code(e):
        """A Windows error for what iproute2 said."""
        text = str(e)
        print(text, flush=True)
        for part, number in (("File exists", 5010), ("No such process", 1168), ("No such file", 1168),
                             ("Cannot find device", 1168), ("Network is unreachable", 1231), ("Network is down", 1222)):
            if part in text:
                return number
        return 87

    # ---- routes: index, family, prefix address, length, next hop, metric, protocol ----
    def route_rows(self):
        rows = []
        names = self.indices()
        for family in (4, 6):
            for r in self.cache("-%d" % family, "route", "show", "table", "main"):
                if r.get("dev") not in names or r.get("type", "unicast") != "unicast":
                    continue
                rows.append(self.route_row(family, r, names[r["dev"]]))
        return ["\t".join(map(str, row)) for row in rows]

    def route_row(self, family, r, index):
        any_address = "0.0.0.0" if family == 4 else "::"
        destination = "%s/0" % any_address if r["dst"] == "default" else r["dst"]
        address, _, length = destination.partition("/")
        length = length or ("32" if family == 4 else "128")
        via = r.get("gateway", any_address)
        metric, protocol = self.routes.get(
            (family, "%s/%s" % (address, length), via, index),
            (r.get("metric", 0), 2 if r.get("protocol") == "kernel" else 3))
        return [index, family, address, length, via, metric, protocol]

    def route_key(self, index, address, length, via):
        family = 6 if ":" in address else 4
        return family, prefix_of(address, length), via, int(index)

    def route_words(self, key, metric):
        family, prefix, via, index = key
        name = self.name_of(index)
        if not name:
            raise NetError("Cannot find device %d" % index)
        words = ["-%d" % family, "route", "%s", prefix]
        if not ipaddress.ip_address(via).is_unspecified:
            words += ["via", via]
        words += ["dev", name, "proto", "static", "metric", metric or (1 if family == 6 else 0)]
        return words + (["onlink"] if "via" in words else [])

    def route_there(self, key):
        """The kernel's metric of such a route, None without one."""
        family, prefix, via, index = key
        name = self.name_of(index)
        if not name:
            return None
        any_address = "0.0.0.0" if family == 4 else "::"
        for r in ip_json("-%d" % family, "route", "show", "exact", prefix, "table", "main", "dev", name):
            if r.get("gateway", any_address) == via:
                return int(r.get("metric", 0))
        return None

    def route_create(self, index, address, length, via, metric, protocol):
        key = self.route_key(index, address, length, via)
        if not self.name_of(key[3]):
            return 1168
        try:
            if self.route_there(key) is not None:
                return 5010
            self.route_run("add", key, int(metric))
        except NetError as e:
            return self.code(e)
        self.routes[key] = int(metric), int(protocol)
        return 0

    def route_run(self, verb, key, metric):
        words = self.route_words(key, metric)
        words[words.index("%s")] = verb
        run("ip", *words)

    def route_delete(self, index, address, length, via):
        key = self.route_key(index, address, length, via)
        try:
            metric = self.route_there(key)
            if metric is None:
                return 1168
            words = [w for w in self.route_words(key, metric) if w not in ("proto", "static", "onlink")]
            words[words.index("%s")] = "del"
            run("ip", *words)
        except NetError as e:
            return self.code(e)
        self.routes.pop(key, None)
        return 0

    def route_set(self, index, address, length, via, metric, protocol):
        code = self.route_delete(index, address, length, via)
        return code or self.route_create(index, address, length, via, metric, protocol)

    def best_route(self, index, source, destination):
        """The route's row and the source address; None without a route."""
        words = ["route", "get", destination]
        if source:
            words += ["from", source]
        name = self.name_of(int(index)) if int(index) else None
        if name:
            words += ["oif", name]
        try:
            got = ip_json(*words)[0]
        except (NetError, IndexError):
            return None
        family = 6 if ":" in destination else 4
        chosen, via, at = None, got.get("gateway"), self.indices().get(got["dev"], index_of(got["dev"]))
        for row in self.route_rows():
            f = row.split("\t")
            prefix = ipaddress.ip_network("%s/%s" % (f[2], f[3]))
            if int(f[1]) == family and int(f[0]) == at and ipaddress.ip_address(destination) in prefix:
                if via in (None, f[4]) and (not chosen or int(f[3]) > int(chosen.split("\t")[3])):
                    chosen = row
        if not chosen:
            any_address = "0.0.0.0" if family == 4 else "::"
            chosen = "\t".join(map(str, [at, family, destination, 32 if family == 4 else 128,
                                         via or any_address, 0, 2]))
        return chosen, got.get("prefsrc", source or "")

    # ---- neighbours: index, family, address, MAC, state ----
    def neighbour_rows(self):
        states = {"PERMANENT": 6, "REACHABLE": 5, "STALE": 4, "DELAY": 3, "PROBE": 2, "INCOMPLETE": 1, "FAILED": 0}
        names = self.indices()
        return ["\t".join(map(str, [names[n["dev"]], 6 if ":" in n["dst"] else 4, n["dst"],
                                    n.get("lladdr", "").replace(":", ""),
                                    states.get((n.get("state") or ["FAILED"])[0], 0)]))
                for n in self.cache("neigh", "show") if n["dev"] in names]

    def neighbour(self, verb, index, address, mac=""):
        name = self.name_of(int(index))
        if not name:
            return 1168
        words = ["dev", name]
        if verb != "del":
            words += ["lladdr", ":".join(re.findall("..", mac)), "nud", "permanent"]
        try:
            there = any(row.split("\t")[2] == address and row.split("\t")[0] == str(index)
                        and (verb != "add" or row.split("\t")[4] == "6") for row in self.neighbour_rows())
            if verb == "add" and there:
                return 5010
            if verb in ("del", "change") and not there:
                return 1168
            run("ip", "neigh", "replace" if verb != "del" else "del", address, *words)
        except NetError as e:
            return self.code(e)
        return 0

    # ---- IP interfaces: index, family, metric, automatic, MTU, forwarding, connected, default routes off,
    # advertising, weak host send and receive, DAD transmits ----
    def interface_row(self, index, family):
        plug = self.plug_of_index(index)
        name = self.name_of(index)
        if not plug and not name:
            return None
        own = self.settings.get((index, family), {})
        mtu, connected, forwarding = (plug.mtu, 1, 0) if plug else (0, 1, 0)
        if not plug:
            link = next((i for i in self.links() if i["ifname"] == name), None)
            if not link:
                return None
            mtu, connected = link["mtu"], int("UP" in link["flags"])
            forwarding = int(read_sysctl("ipv%d/conf/%s/forwarding" % (family, name)) == "1")
        return "\t".join(map(str, [index, family, own.get("metric", 25), own.get("automatic", 1), mtu, forwarding,
                                   connected, own.get("no_default", 0), own.get("advertising", 0),
                                   own.get("weak_send", 0), own.get("weak_receive", 0), own.get("dad", 1)]))

    def interface_rows(self):
        indices = list(self.indices().values())
        indices += [p.index for p in list(self.plugs.values()) if p.visible()]
        return [row for i in indices for f in (4, 6) if (row := self.interface_row(i, f))]

    def interface_set(self, index, family, *values):
        index, family = int(index), int(family)
        plug, name = self.plug_of_index(index), self.name_of(index)
        if not plug and not name:
            return 1168
        keys = ("metric", "automatic", "mtu", "forwarding", "no_default", "advertising", "weak_send", "weak_receive",
                "dad")
        new = dict(zip(keys, map(int, values)))
        if new["automatic"]:
            new["metric"] = 25
        self.settings[(index, family)] = new
        try:
            self.interface_apply(plug, name, family, new)
        except NetError as e:
            return self.code(e)
        return 0

    def interface_apply(self, plug, name, family, new):
        if plug:
            plug.mtu = new["mtu"] or plug.mtu
            self.taps.set_mtu(plug)
            return
        if new["mtu"] and new["mtu"] != ip_json("link", "show", "dev", name)[0]["mtu"]:
            run("ip", "link", "set", name, "mtu", new["mtu"])
        write_sysctl("ipv%d/conf/%s/forwarding" % (family, name), new["forwarding"])
        if family == 6 and new["forwarding"] and read_sysctl("ipv6/conf/all/forwarding") != "1":
            write_sysctl("ipv6/conf/all/forwarding", 1)

    def admin_set(self, index, up):
        name = self.name_of(int(index))
        if not name:
            return 1168
        try:
            run("ip", "link", "set", name, "up" if int(up) else "down")
        except NetError as e:
            return self.code(e)
        return 0

    def mac_set(self, index, mac):
        name = self.name_of(int(index))
        if not name:
            return 1168
        try:
            run("ip", "link", "set", name, "address", ":".join(re.findall("..", mac)))
        except NetError as e:
            return self.code(e)
        return 0

    # ---- what changes by itself ----
    def watch(self):
        """Follows the kernel's own notifications, for ever."""
        groups = 1 | 4 | 0x10 | 0x40 | 0x100 | 0x400  # links, neighbours, addresses and routes of both families
        sock = socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, socket.NETLINK_ROUTE)
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1 << 21)
        sock.bind((0, groups))
        while True:
            try:
                data = sock.recv(1 << 17)
            except OSError:  # an overrun: something changed
                self.wake.set()
                continue
            while len(data) >= 16:
                length, kind = struct.unpack_from("=IH", data)
                try:
                    self.changed(kind, data[16:length])
                except (struct.error, NetError, ValueError, KeyError, IndexError):
                    pass
                data = data[(length + 3) & ~3:]

    @staticmethod
    def attributes(data):
        found = {}
        while len(data) >= 4:
            length, kind = struct.unpack_from("=HH", data)
            if length < 4:
                break
            found[kind & 0x3fff] = data[4:length]
            data = data[(length + 3) & ~3:]
        return found

    def changed(self, kind, body):
        self.generation += 1
        how = 2 if kind in (17, 21, 25) else 1
        if kind in (16, 17):
            _, _, index, flags, change = struct.unpack_from("=BxHiII", body)
            name = self.attributes(body[16:]).get(3, b"").rstrip(b"\0").decode()
            self.link_changed(index, name, how, change)
        elif kind in (20, 21):
            family, length, _, _, index = struct.unpack_from("=BBBBI", body)
            a = self.attributes(body[8:])
            address = socket.inet_ntop(family, a.get(2, a.get(1)))
            self.on_change("address", how, "\t".join(map(str, [
                self.shown_index(index), 4 if family == socket.AF_INET else 6, address, length, 1, 1, 4])))
        elif kind in (24, 25):
            self.route_changed(body, how)

    def link_changed(self, index, name, how, change):
        if how == 2:
            self.known.discard(name)
            self.settings = {k: v for k, v in self.settings.items() if k[0] != index}
            self.routes = {k: v for k, v in self.routes.items() if k[3] != index}
            self.on_change("interface", 2, "%d\t4" % index)
            self.wake.set()
            return
        first = name not in self.known
        self.known.add(name)
        self.wake.set()
        if first and name not in {p.name for p in list(self.plugs.values())}:
            self.enable(name)
        row = self.interface_row(self.shown_index(index), 4)
        if row:
            self.on_change("interface", 1 if first else 0, row)

    def shown_index(self, index):
        return next((s.index for s in list(self.vswitches.values()) if s.carrier_index == index), index)

    @staticmethod
    def enable(name):
        """Adapters of Windows are enabled when they appear; a tap of the switch is not."""
        if name == "ovs-netdev":
            return
        with contextlib.suppress(NetError, IndexError):
            if ip_json("-d", "link", "show", "dev", name)[0].get("linkinfo", {}).get("info_kind") == "tun":
                run("ip", "link", "set", name, "up")

    def route_changed(self, body, how):
        family, length, _, _, table, protocol, _, kind = struct.unpack_from("=BBBBBBBB", body)
        if table != 254 or kind != 1:
            return
        a = self.attributes(body[12:])
        size = 4 if family == socket.AF_INET else 16
        address = socket.inet_ntop(family, a.get(1, b"").ljust(size, b"\0"))
        via = socket.inet_ntop(family, a.get(5, b"").ljust(size, b"\0"))
        index = struct.unpack("=I", a[4])[0] if 4 in a else 0
        metric = struct.unpack("=I", a[6])[0] if 6 in a else 0
        self.on_change("route", how, "\t".join(map(str, [
            self.shown_index(index), 4 if size == 4 else 6, address, length, via, metric, 2 if protocol == 2 else 3])))
