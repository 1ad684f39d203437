# SPDX-License-Identifier: Apache-2.0
"""Routes, neighbours, devices, forwarding and host NAT of platform/windows on a node of winenode's: platform-probe.exe
calls the contracts, and what it did is looked at from the Linux side of the node."""
import os
import subprocess
import sys

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.realpath(__file__))))
sys.path.insert(0, ROOT + "/installer/linux")

from lab import netns  # noqa: E402

WINENODE = ROOT + "/tests/windows/winenode"
BUILD = os.environ.get("SEINE_WINDOWS_BUILD") or ROOT + "/build/windows"
PROBE = BUILD + "/doubles/platform-probe.exe"
NAME = "plat%d" % (os.getpid() % 10000)
RUN = "/run/seine-lab/" + NAME
GATEWAY_MAC = "0a:00:00:00:00:99"
ROWS = ["neigh 10.9.1.1 = lladdr aa:bb:cc:dd:ee:ff dev gw0", "neigh fd09:1::1 = lladdr aa:bb:cc:dd:ee:ff dev gw0",
        "route 10.9.1.0/24 = via 10.9.1.1 dev gw0", "route fd09:1::/64 = via fd09:1::1 dev gw0"]


def equal(have, want, what=""):
    assert have == want, "%s: %r, expected %r" % (what, have, want)


def shell(*words):
    return netns.run(*words, ns=NAME).stdout


class Probe:
    """platform-probe.exe on the node: a command in, its lines out."""

    def __init__(self):
        self.child = subprocess.Popen([WINENODE, "exec", NAME, PROBE], text=True, stdin=subprocess.PIPE,
                                      stdout=subprocess.PIPE)

    def ask(self, *words):
        self.child.stdin.write("|".join(words) + "\n")
        self.child.stdin.flush()
        lines = []
        while not lines or (lines[-1] != "ok" and not lines[-1].split(" ")[0].isupper()):
            line = self.child.stdout.readline()
            assert line, "the probe is gone after %r" % (words,)
            lines.append(line.rstrip("\n"))
        return lines

    def ok(self, *words):
        lines = self.ask(*words)
        equal(lines[-1], "ok", " ".join(words))
        return lines[:-1]

    def close(self):
        self.child.stdin.close()
        equal(self.child.wait(), 0, "exit of the probe")


def order(line):
    with open(RUN + "/node/hcn/commands", "a") as f:
        f.write(line + "\n")


def device(p):
    p.ok("device", "gw0", "1400", GATEWAY_MAC, "10.9.0.1/24", "fd09::1/64")
    have = shell("ip", "addr", "show", "gw0")
    for part in ("mtu 1400", "UP", "10.9.0.1/24", "fd09::1/64"):
        assert part in have, have
    # Another address goes, a link-local one stays; what is right is not touched.
    shell("ip", "addr", "add", "10.9.7.7/24", "dev", "gw0")
    shell("ip", "addr", "add", "169.254.9.9/16", "dev", "gw0")
    p.ok("device", "gw0", "1400", GATEWAY_MAC, "10.9.0.1/24", "fd09::1/64")
    have = shell("ip", "addr", "show", "gw0")
    assert "10.9.7.7" not in have and "169.254.9.9" in have and "10.9.0.1/24" in have, have
    # The same address with another length is another one.
    p.ok("device", "gw0", "1450", "", "10.9.0.1/16")
    have = shell("ip", "addr", "show", "gw0")
    assert "10.9.0.1/16" in have and "10.9.0.1/24" not in have and "fd09::1" not in have and "mtu 1450" in have, have
    p.ok("device", "gw0", "1400", GATEWAY_MAC, "10.9.0.1/24", "fd09::1/64")
    equal(p.ask("device", "nodev", "1400", "", "10.9.0.1/24"), ["NOT_FOUND interface nodev: No such device"])
    # The driver of this device has no settings where a MAC could be written.
    equal(p.ask("device", "gw0", "1400", "0a:00:00:00:00:01", "10.9.0.1/24")[0],
          "NOT_FOUND MAC of gw0: its driver's settings: No such device or entry")
    shell("ip", "link", "set", "gw0", "down")
    p.ok("device", "gw0", "1400", "", "10.9.0.1/24", "fd09::1/64")
    assert "UP" in shell("ip", "link", "show", "gw0")


def uplink(p):
    equal(p.ok("mtu", "192.0.2.10"), ["1480"], "of the adapter with the node's address")
    equal(p.ok("mtu", "192.0.2.99"), ["1480"], "of the adapter of the default route")
    equal(p.ok("exists", "eth0"), ["1 1"])
    equal(p.ok("exists", "nodev"), ["0 0"])
    p.ok("forwarding", "gw0", "192.0.2.10")
    for name in ("gw0", "eth0"):
        for family in ("ipv4", "ipv6"):
            equal(shell("cat", "/proc/sys/net/%s/conf/%s/forwarding" % (family, name)), "1\n", name)
    equal(p.ask("forwarding", "nodev", ""), ["NOT_FOUND interface nodev: No such device"])


def set_all(p, there):
    for row in ROWS:
        key, value = row.split(" = ")
        p.ok("route-set", "gw0", key, value if there else "")


def routes(p):
    equal(p.ok("route-dump", "gw0"), [])
    set_all(p, True)
    equal(sorted(p.ok("route-dump", "gw0")), ROWS)
    set_all(p, True)
    equal(sorted(p.ok("route-dump", "gw0")), ROWS, "the same again")
    assert "10.9.1.0/24 via 10.9.1.1 dev gw0" in shell("ip", "route")
    assert "10.9.1.1 dev gw0 lladdr aa:bb:cc:dd:ee:ff PERMANENT" in shell("ip", "neigh")
    # Replaced: another next hop, another MAC.
    p.ok("route-set", "gw0", "route 10.9.1.0/24", "via 10.9.2.1 dev gw0")
    p.ok("route-set", "gw0", "neigh 10.9.2.1", "lladdr 02:00:00:00:00:08 dev gw0")
    p.ok("route-set", "gw0", "neigh 10.9.2.1", "lladdr 02:00:00:00:00:09 dev gw0")
    rows = p.ok("route-dump", "gw0")
    assert "route 10.9.1.0/24 = via 10.9.2.1 dev gw0" in rows and len([r for r in rows if "10.9.1.0/24" in r]) == 1, rows
    assert "neigh 10.9.2.1 = lladdr 02:00:00:00:00:09 dev gw0" in rows, rows
    p.ok("route-set", "gw0", "neigh 10.9.2.1", "")
    set_all(p, False)
    set_all(p, False)
    equal(p.ok("route-dump", "gw0"), [])


def routes_of_others(p):
    shell("ip", "route", "add", "10.9.3.0/24", "via", "10.9.0.9", "dev", "gw0", "metric", "20")
    shell("ip", "route", "add", "10.9.4.0/24", "via", "192.0.2.1", "dev", "eth0", "metric", "83")
    shell("ip", "neigh", "add", "10.9.0.77", "lladdr", "02:00:00:00:00:77", "dev", "gw0", "nud", "permanent")
    set_all(p, True)
    equal(sorted(p.ok("route-dump", "gw0")), ROWS)
    set_all(p, False)
    equal(p.ok("route-dump", "gw0"), [])
    p.ok("route-set", "gw0", "route 10.9.3.0/24", "")
    p.ok("route-set", "gw0", "route 10.9.4.0/24", "")
    have = shell("ip", "route")
    assert "10.9.3.0/24 via 10.9.0.9" in have and "10.9.4.0/24 via 192.0.2.1 dev eth0" in have, have
    assert "10.9.0.77" in shell("ip", "neigh")
    # Somebody made the very route that is wanted: it stays his, and that is said.
    order("fail CreateIpForwardEntry2 5010 2")
    equal(p.ask("route-set", "gw0", "route 10.9.3.0/24", "via 10.9.0.9 dev gw0"),
          ["EXISTS route 10.9.3.0/24 via 10.9.0.9 dev gw0: File exists"])


def rules():
    return shell("nft", "list", "ruleset")


def nat(p):
    equal(p.ok("nat-dump", "gw0"), [])
    row = lambda prefix: ("masquerade " + prefix, "gateway gw0")  # noqa: E731
    shown = lambda prefix: "masquerade %s = gateway gw0" % prefix  # noqa: E731
    p.ok("nat-replace", "gw0", *row("10.9.0.0/24"), *row("10.9.5.0/24"))
    equal(sorted(p.ok("nat-dump", "gw0")), [shown("10.9.0.0/24"), shown("10.9.5.0/24")])
    assert "10.9.0.0/24" in rules() and "masquerade" in rules(), rules()
    # Others' stay, whatever their names begin with; what is there already is not made again.
    p.ok("nat-replace", "gw1", "masquerade 10.8.0.0/24", "gateway gw1")
    before = nat_calls()
    p.ok("nat-replace", "gw0", *row("10.9.5.0/24"), *row("10.9.0.0/24"))
    equal(nat_calls(), before, "nothing to do")
    p.ok("nat-replace", "gw0", *row("10.9.5.0/24"), *row("10.9.6.0/24"))
    equal(sorted(p.ok("nat-dump", "gw0")), [shown("10.9.5.0/24"), shown("10.9.6.0/24")])
    assert "10.9.0.0/24" not in rules(), rules()
    equal(p.ok("nat-dump", "gw1"), ["masquerade 10.8.0.0/24 = gateway gw1"])
    # A wider prefix in place of those within it: the old ones go first.
    p.ok("nat-replace", "gw0", *row("10.9.0.0/16"))
    equal(p.ok("nat-dump", "gw0"), [shown("10.9.0.0/16")])
    for bad, answer in ((["masquerade 10.9.0.0", "gateway gw0"], "INVALID not a masquerade row"),
                        (["masquerade 10.9.0.0/24", "gateway gw1"], "INVALID not a masquerade row"),
                        (["masquerade fd09::/64", "gateway gw0"], "UNSUPPORTED masquerade fd09::/64: NetNat has no IPv6")):
        assert p.ask("nat-replace", "gw0", *bad)[-1].startswith(answer), bad
    equal(p.ok("nat-dump", "gw0"), [shown("10.9.0.0/16")], "bad rows change nothing")
    order("fail PutInstance 0x80041003 1")
    equal(p.ask("nat-replace", "gw0", *row("10.9.9.0/24")),
          ["PERMISSION NetNat of 10.9.9.0/24: making an instance: Permission denied"])
    order("fail ConnectServer 0x80041033 1")
    equal(p.ask("nat-dump", "gw0"), ["AGAIN WMI: Service unavailable"])
    p.ok("nat-replace", "gw0")
    equal(p.ok("nat-dump", "gw0"), [])
    p.ok("nat-replace", "gw1")
    assert "masquerade" not in rules(), rules()


def nat_calls():
    with open(RUN + "/node/calls.jsonl") as f:
        return sum("Instance" in line for line in f)


def refusals(p):
    equal(p.ask("route-set", "gw0", "route 10.9.1.0", "via 10.9.1.1 dev gw0"),
          ["INVALID not a route: route 10.9.1.0: via 10.9.1.1 dev gw0"])
    equal(p.ask("route-set", "gw0", ROWS[2].split(" = ")[0], "via 10.9.1.1 dev nodev"),
          ["NOT_FOUND interface nodev: No such device"])
    p.ok("route-set", "nodev", "route 10.9.1.0/24", "")
    order("fail CreateIpForwardEntry2 5 1")
    equal(p.ask("route-set", "gw0", "route 10.9.1.0/24", "via 10.9.1.1 dev gw0"),
          ["PERMISSION route 10.9.1.0/24 via 10.9.1.1 dev gw0: Permission denied"])
    order("fail Routes 8 1")
    equal(p.ask("route-dump", "gw0"), ["EXHAUSTED routes of gw0: Cannot allocate memory"])
    order("fail CreateUnicastIpAddressEntry 5 1")
    equal(p.ask("device", "gw0", "1400", "", "10.9.0.2/24"), ["PERMISSION addresses of gw0: Permission denied"])


def absent():
    """A system that lacks a function: whoever needs it says so, the program starts all the same."""
    order("absent SetIpNetEntry2")
    p = Probe()
    equal(p.ask("route-dump", "gw0"), ["UNSUPPORTED IP Helper: SetIpNetEntry2 is not on this system"])
    p.close()
    order("present SetIpNetEntry2")


def main():
    if os.geteuid() != 0:
        print("skipped: not root")
        sys.exit(77)
    try:
        netns.add(NAME)
        for link, more in (("gw0", ["address", GATEWAY_MAC]), ("eth0", ["mtu", "1480"])):
            shell("ip", "link", "add", link, *more, "type", "veth", "peer", "name", link + "p")
            shell("ip", "link", "set", link + "p", "up")
            shell("ip", "link", "set", link, "up")
        shell("ip", "addr", "add", "192.0.2.10/24", "dev", "eth0")
        shell("ip", "route", "add", "default", "via", "192.0.2.1", "dev", "eth0")
        done = subprocess.run([WINENODE, "up", NAME, "--netns", NAME, "--ovsdb", "tcp:127.0.0.1:6640", "--openflow",
                               "tcp:127.0.0.1:6653", "--dir", RUN + "/node"], text=True, capture_output=True)
        assert done.returncode == 0, done.stdout + done.stderr
        p = Probe()
        for part in (device, uplink, routes, routes_of_others, nat, refusals):
            part(p)
        p.close()
        absent()
        print("ok")
    finally:
        subprocess.run([WINENODE, "down", NAME], capture_output=True)
        netns.delete(NAME)
        subprocess.run(["rm", "-rf", RUN], check=True)


main()
