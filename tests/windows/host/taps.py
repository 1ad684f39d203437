# SPDX-License-Identifier: Apache-2.0
"""Endpoints in namespaces, and the taps that Open vSwitch makes for the ports of their names: each is moved into its
Pod's network namespace and is eth0 there."""
import contextlib
import ipaddress
import os
import threading
import time

from iproute import NetError, index_of, ip_json, run

POD_INTERFACE = "eth0"


class Plug:
    """One endpoint in a namespace."""

    def __init__(self, id, index, endpoint, network, netns, compartment, visible):
        self.id, self.index, self.name = id, index, endpoint["Name"]
        self.netns, self.compartment, self.visible = netns, compartment, visible
        self.mac = endpoint["MacAddress"].replace("-", ":").lower()
        self.ips = [(c["IpAddress"], int(c.get("PrefixLength") or self.length_in(network, c["IpAddress"])))
                    for c in endpoint["IpConfigurations"]]
        self.routes = [(r["DestinationPrefix"], r["NextHop"]) for r in endpoint["Routes"]]
        if not self.routes:
            self.routes = [(r["DestinationPrefix"], r["NextHop"]) for i in network.get("Ipams") or []
                           for s in i.get("Subnets") or [] for r in s.get("Routes") or []]
        self.mtu = self.mtu_of(endpoint)
        self.placed, self.failed_at = False, -1.0

    @staticmethod
    def length_in(network, address):
        for ipam in network.get("Ipams") or []:
            for subnet in ipam.get("Subnets") or []:
                prefix = ipaddress.ip_network(subnet["IpAddressPrefix"], strict=False)
                if ipaddress.ip_address(address) in prefix:
                    return prefix.prefixlen
        return 128 if ":" in address else 32

    @staticmethod
    def mtu_of(endpoint):
        for policy in endpoint.get("Policies") or []:
            settings = policy.get("Settings")
            if isinstance(settings, dict) and "mtu" in policy.get("Type", "").lower():
                return int(next(iter(settings.values())))
        return 1500

    @property
    def alias(self):
        return "vEthernet (%s)" % self.name


class Place:
    """A network namespace that holds a tap. It is held open: the switch would run hot over a tap that went with its
    namespace while the port is still there."""

    def __init__(self, name):
        self.name = name
        try:
            self.fd = os.open("/run/netns/" + name, os.O_RDONLY | os.O_CLOEXEC)
        except OSError:
            raise NetError("no network namespace " + name) from None
        self.path = "/proc/%d/fd/%d" % (os.getpid(), self.fd)
        self.option = "../.." + self.path  # `ip -n` looks below /run/netns
        self.silenced = False

    def is_named(self, name):
        """Whether `name` is (still) this namespace."""
        try:
            return name == self.name and os.stat("/run/netns/" + name).st_ino == os.fstat(self.fd).st_ino
        except OSError:
            return False

    def has_tap(self):
        try:
            return bool(ip_json("link", "show", "dev", POD_INTERFACE, netns=self.option))
        except NetError:
            return False

    def silence(self):
        """A tap whose endpoint went says nothing more."""
        self.silenced = True
        with contextlib.suppress(NetError):
            run("ip", "-n", self.option, "link", "set", POD_INTERFACE, "down")
            run("ip", "-n", self.option, "addr", "flush", "dev", POD_INTERFACE)

    def close(self):
        os.close(self.fd)


class Taps:
    def __init__(self, ovsdb):
        self.ovsdb = ovsdb
        self.lock = threading.RLock()
        self.plugs = {}   # endpoint id: Plug
        self.places = {}  # port name: Place of its tap
        self.swept = 0.0

    def plug(self, id, index, endpoint, network, netns, compartment, visible):
        with self.lock:
            plug = Plug(id, index, endpoint, network, netns, compartment, visible)
            self.plugs[id] = plug
            return plug

    def unplug(self, id):
        with self.lock:
            plug = self.plugs.pop(id, None)
            if plug and plug.name in self.places:
                self.places[plug.name].silence()
            return plug

    def set_mtu(self, plug):
        with self.lock:
            if plug.placed and plug.name in self.places:
                run("ip", "-n", self.places[plug.name].option, "link", "set", POD_INTERFACE, "mtu", plug.mtu)

    def tend(self):
        """One turn; whether there is something to be waited for."""
        pending = False
        for plug in list(self.plugs.values()):
            with self.lock:
                try:
                    if self.plugs.get(plug.id) is plug:
                        pending = not self.place(plug) or pending
                except NetError as e:
                    print("%s: %s" % (plug.name, e), flush=True)
                    plug.failed_at = time.monotonic()
        if time.monotonic() - self.swept > 0.5:
            self.sweep()
        return pending

    def place(self, plug):
        """Moves the port's tap to the Pod; False while it is still to be waited for."""
        if not plug.netns or not plug.name or time.monotonic() - plug.failed_at < 0.5:
            return True
        place = self.places.get(plug.name)
        if index_of(plug.name):
            # The switch asks the kernel for the tap by name until the port is its own.
            if not self.ovsdb.ofport(plug.name):
                return False
            self.move(plug, None)
        elif not plug.placed:
            if not place or (place.is_named(plug.netns) and not place.has_tap()):
                return False
            self.move(plug, place)
        return True

    def move(self, plug, place):
        """From where it is: the node (None), or another Pod, or the same one."""
        if not place and plug.name in self.places:
            # The tap of a switch daemon that ended: it stays, without a carrier, and is of no use any more.
            old = self.places.pop(plug.name)
            with contextlib.suppress(NetError):
                run("ip", "-n", old.option, "link", "del", POD_INTERFACE)
            old.close()
        if not place or not place.is_named(plug.netns):
            to = Place(plug.netns)
            at, name = (["-n", place.option], POD_INTERFACE) if place else ([], plug.name)
            try:
                run("ip", *at, "link", "set", "dev", name, "netns", to.path, "name", POD_INTERFACE)
            except NetError:
                to.close()
                raise
            if place:
                place.close()
            place = self.places[plug.name] = to
        place.silenced = False
        lines = ["link set %s address %s mtu %d up" % (POD_INTERFACE, plug.mac, plug.mtu)]
        lines += ["addr replace %s/%d dev %s%s" % (a, n, POD_INTERFACE, " nodad" if ":" in a else "") for a, n in plug.ips]
        lines += ["route replace %s via %s dev %s onlink" % (p, via, POD_INTERFACE) for p, via in plug.routes]
        run("ip", "-n", place.option, "-batch", "-", stdin="\n".join(lines) + "\n")
        with contextlib.suppress(NetError, FileNotFoundError):
            run("nsenter", "--net=" + place.path, "ethtool", "-K", POD_INTERFACE, "tx", "off")
        plug.placed = True
        print("%s is %s of %s" % (plug.name, POD_INTERFACE, plug.netns), flush=True)

    def sweep(self):
        """Namespaces that went, or came again by the same name, while nobody asked; taps that are gone."""
        self.swept = time.monotonic()
        with self.lock:
            plugs = {p.name: p for p in self.plugs.values()}
            for name, place in list(self.places.items()):
                if place.is_named(place.name) and name in plugs:
                    continue
                if not place.silenced:
                    place.silence()
                if name in plugs and os.path.exists("/run/netns/" + str(plugs[name].netns)):
                    plugs[name].placed = False
                elif not place.has_tap():
                    place.close()
                    del self.places[name]
