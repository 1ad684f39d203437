# SPDX-License-Identifier: Apache-2.0
"""The doubles and winenode, driven by doubles-probe.exe, a Windows program that knows nothing of them: what it does
through HCN, IP Helper, WMI and named pipes must be seen on the Linux side of the node, which has a real Open vSwitch."""
import contextlib
from concurrent import futures
import json
import os
import subprocess
import sys
import threading
import time

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.realpath(__file__))))
sys.path.insert(0, ROOT + "/installer/linux")

from lab import clock, netns, ovs  # noqa: E402
from lab.clock import PATIENCE  # noqa: E402

WINENODE = ROOT + "/tests/windows/winenode"
BUILD = os.environ.get("SEINE_WINDOWS_BUILD") or ROOT + "/build/windows"
PROBE = BUILD + "/doubles/doubles-probe.exe"
PREFIX = "dbl%d" % (os.getpid() % 10000)
NODE, OUTSIDE, PODS = PREFIX + "-node", PREFIX + "-outside", [PREFIX + "-pod1", PREFIX + "-pod2"]
RUN = "/run/seine-lab/" + PREFIX
D = RUN + "/node"
NETWORK = "11111111-2222-4333-8444-000000000001"
ENDPOINTS = ["aaaaaaaa-2222-4333-8444-00000000000%d" % i for i in (1, 2)]
PORTS = ["pod-a", "pod-b"]
ADDRESSES = ["10.90.0.11", "10.90.0.12"]
VERSION = {"Major": 2, "Minor": 0}
NO_NETWORK, NO_ENDPOINT, NO_ADAPTER, NETWORK_EXISTS = "803b0001", "803b0002", "803b0006", "803b0010"


def wait_for(what, check):
    end = clock.now() + PATIENCE
    while True:
        late = clock.now() > end
        if check():
            return
        assert not late, "not within %d s (the test %s): %s" % (PATIENCE, clock.told(), what() if callable(what) else what)
        time.sleep(0.02)


def equal(have, want, what=""):
    assert have == want, "%s: %r, expected %r" % (what, have, want)


def winenode(*args, check=True):
    done = subprocess.run([WINENODE, *args], text=True, capture_output=True, timeout=4 * PATIENCE)
    assert not check or done.returncode == 0, "winenode %s: %s%s" % (" ".join(args), done.stdout, done.stderr)
    return done


class Node:
    def __init__(self):
        start = time.monotonic()
        lines = winenode("up", PREFIX, "--netns", NODE, "--ovsdb", "tcp:127.0.0.1:6640", "--openflow",
                         "tcp:127.0.0.1:6653", "--dir", D, "--ovs-rundir", RUN + "/switch").stdout.splitlines()
        self.env = dict(line.split("=", 1) for line in lines)
        print("up: %.1f s" % (time.monotonic() - start))

    def probe(self, *args, check=0):
        """The lines that the program prints; its exit code must be `check` (None: any)."""
        done = winenode("exec", PREFIX, PROBE, *args, check=False)
        assert check is None or done.returncode == check, "%s: exit %d\n%s%s" % (
            " ".join(args), done.returncode, done.stdout, done.stderr)
        return done.stdout.split("\n")[:-1]

    @contextlib.contextmanager
    def watch(self, *args):
        """A program that prints what happens, for as long as it is of use: its lines, as they come."""
        lines = []
        child = subprocess.Popen([WINENODE, "exec", PREFIX, PROBE, *args, "600000"], text=True,
                                 stdout=subprocess.PIPE, stdin=subprocess.DEVNULL)
        reader = threading.Thread(target=lambda: lines.extend(line.strip() for line in child.stdout))
        reader.start()
        try:
            wait_for("%s: a first line" % (args,), lambda: lines)
            yield lines
        finally:
            child.kill()
            child.wait()
            reader.join()

    def order(self, line):
        with open(D + "/hcn/commands", "a") as f:
            f.write(line + "\n")

    def hr(self, *args):
        return self.probe("hcn", *args, check=None)[0].split()[1]

    def enumerate(self, kind, filter=None):
        query = [json.dumps({"SchemaVersion": VERSION, "Flags": 0, "Filter": json.dumps(filter)})] if filter else []
        return [g.lower() for g in json.loads(self.probe("hcn", "enumerate", kind, *query)[1])]

    def query(self, kind, id):
        return json.loads(self.probe("hcn", "query", kind, id)[1])

    def state(self):
        with open(D + "/hcn/state.json") as f:
            return json.load(f)

    def calls(self):
        with open(D + "/hcn/calls.jsonl") as f:
            return [json.loads(line) for line in f if line.endswith("\n")]

    def held(self):
        with open(D + "/hcn/held.json") as f:
            return json.load(f)

    def adapters(self):
        return {line.split("|")[0][8:]: line.split("|")[1:] for line in self.probe("ip", "adapters")
                if line.startswith("adapter ")}

    def nic(self, port):
        return self.adapters().get("vEthernet (%s)" % port)


def network_json(adapter="eth1", **more):
    return json.dumps(dict({
        "SchemaVersion": VERSION, "Name": "seine", "Type": "Transparent", "Flags": 0,
        "Policies": [{"Type": "NetAdapterName", "Settings": {"NetworkAdapterName": adapter}},
                     {"Type": "VSwitchExtension",
                      "Settings": {"ExtensionID": "583CC151-73EC-4A6A-8B47-578297AD7623", "Enable": True}}],
        "Ipams": [{"Type": "Static", "Subnets": [{"IpAddressPrefix": "10.90.0.0/24"}]}]}, **more))


def endpoint_json(i):
    return json.dumps({
        "SchemaVersion": VERSION, "Name": PORTS[i], "MacAddress": "0A-00-00-00-00-0%d" % (i + 1),
        "IpConfigurations": [{"IpAddress": ADDRESSES[i], "PrefixLength": 24}],
        "Routes": [{"NextHop": "10.90.0.1", "DestinationPrefix": "0.0.0.0/0"}]})


def attach_json(endpoint, verb="Add"):
    return json.dumps({"ResourceType": "Endpoint", "RequestType": verb, "Settings": {"EndpointId": endpoint}})


def in_pod(pod, *argv, check=True):
    return netns.run(*argv, ns=pod, check=check).stdout


def ping(pod, address):
    return netns.run("ping", "-c1", "-W2", address, ns=pod, check=False).returncode == 0


# ---- the parts ----

def addresses_not_random():
    """What Wine needs (steady.sh) is so for all its programs, also those that it started by itself."""
    if subprocess.run(["setarch", "-R", "true"], stderr=subprocess.DEVNULL).returncode:
        print("this system lets nobody choose: Wine may end before a program begins, once in some 1500 times")
        return
    pids = wine_processes()
    assert len(pids) > 3, pids
    for pid in pids:
        with open("/proc/%d/personality" % pid) as p, open("/proc/%d/cmdline" % pid) as what:
            assert int(p.read(), 16) & 0x40000, "addresses of %d are random: %s" % (pid, what.read())


def pipes(n):
    reply = n.probe("pipe", n.env["PIPE_OVSDB"], '{"id":1,"method":"list_dbs","params":[]}')[0]
    assert "Open_vSwitch" in json.loads(reply)["result"], reply
    hello = n.probe("pipe", n.env["PIPE_OPENFLOW"], "")[0]
    assert hello[2:4] == "00", "no OpenFlow hello: " + hello  # version, then type 0
    control = n.probe("pipe", "C:openvswitchvarrunopenvswitchovs-vswitchd.ctl",
                      '{"id":1,"method":"version","params":[]}')[0]
    assert "ovs-vswitchd" in json.loads(control)["result"], control
    equal(n.probe("pipe", "nobody", "x", check=1), ["error 2"], "a pipe that is not there")


def hcn_objects(n):
    equal(n.probe("hcn", "exports"), [], "functions of computenetwork.dll")
    equal(json.loads(n.probe("hns", "GET", "/globals/version")[1])["Output"], {"Major": 11, "Minor": 10})
    equal(n.hr("query", "Network", NETWORK), NO_NETWORK)
    equal(n.hr("create", "Network", NETWORK, network_json(adapter="nothing")), NO_ADAPTER)
    equal(n.hr("create", "Network", NETWORK, "{not json"), "803b001b")
    equal(n.hr("create", "Network", NETWORK, network_json(Policies=7)), "803b001b", "other types than the schema's")
    equal(n.hr("create", "Network", NETWORK, network_json()), "00000000")
    equal(n.hr("create", "Network", ENDPOINTS[0], network_json()), NETWORK_EXISTS, "the name is taken")
    equal(n.enumerate("Networks"), [NETWORK])
    equal(n.enumerate("Networks", {"Name": "seine"}), [NETWORK])
    equal(n.enumerate("Networks", {"Name": "other"}), [])
    equal(n.query("Network", NETWORK)["Type"], "Transparent")
    equal(list(n.state()["networks"]), [NETWORK])
    # Many processes at once see one state.
    with futures.ThreadPoolExecutor(8) as pool:
        ids = ["bbbbbbbb-0000-4000-8000-%012d" % i for i in range(8)]
        done = list(pool.map(lambda i: n.hr("create", "Namespace", i, json.dumps({"SchemaVersion": VERSION})), ids))
    equal(done, ["00000000"] * 8)
    assert set(ids) <= set(n.enumerate("Namespaces"))
    for id in ids:
        equal(n.hr("delete", "Namespace", id), "00000000")
    last = n.calls()[-1]
    equal((last["function"], last["id"], last["hr"]), ("HcnDeleteNamespace", ids[-1], 0))
    equal(last["n"], len(n.calls()))


def endpoints(n, switch):
    """From an endpoint to a Pod that answers."""
    spaces = [winenode("namespace", PREFIX, "add", pod).stdout.strip() for pod in PODS]
    equal(winenode("namespace", PREFIX, "add", PODS[0]).stdout.strip(), spaces[0], "the same again")
    equal(n.hr("create", "Endpoint", ENDPOINTS[0], endpoint_json(0), ENDPOINTS[1]), NO_NETWORK)
    n.order("adapter-delay 3600000")
    for i in (0, 1):
        equal(n.hr("create", "Endpoint", ENDPOINTS[i], endpoint_json(i), NETWORK), "00000000")
    equal(n.hr("modify", "Namespace", spaces[0], attach_json(ENDPOINTS[0])), "00000000")
    equal(n.nic(PORTS[0]), None, "the adapter comes late")
    equal(n.hr("modify", "Namespace", spaces[0], attach_json(ENDPOINTS[0])), "803b002b", "attached already")
    n.order("adapter-delay 0")
    wait_for("the adapter of " + PORTS[0], lambda: n.nic(PORTS[0]))
    nic = n.nic(PORTS[0])
    assert nic[0] != "1" and nic[3].startswith(ADDRESSES[0] + "/24"), nic
    equal(n.enumerate("Endpoints", {"VirtualNetwork": NETWORK}), ENDPOINTS)
    equal(n.query("Endpoint", ENDPOINTS[0])["HostComputeNamespace"].lower(), spaces[0])
    # One port comes after its endpoint, the other one before.
    switch.vsctl("add-port", "br-int", PORTS[1], "--", "set", "Interface", PORTS[1], "type=internal")
    equal(n.hr("modify", "Namespace", spaces[1], attach_json(ENDPOINTS[1])), "00000000")
    switch.vsctl("add-port", "br-int", PORTS[0], "--", "set", "Interface", PORTS[0], "type=internal")
    placed()
    equal(json.loads(in_pod(PODS[0], "ip", "-j", "link", "show", "eth0"))[0]["address"], "0a:00:00:00:00:01")
    assert "default via 10.90.0.1" in in_pod(PODS[0], "ip", "route")
    wait_for("packets both ways", lambda: ping(PODS[0], ADDRESSES[1]) and ping(PODS[1], ADDRESSES[0]))
    assert all(switch.ofport(p) > 0 for p in PORTS)
    return spaces


def placed():
    for pod, address in zip(PODS, ADDRESSES):
        wait_for("%s in %s" % (address, pod),
                 lambda: address in in_pod(pod, "ip", "addr", "show", "eth0", check=False))


def switch_again(n, switch):
    """A switch daemon that dies leaves taps of no use; those of the next one find their Pods by themselves."""
    switch.stop("ovs-vswitchd")
    wait_for("no carrier", lambda: "NO-CARRIER" in in_pod(PODS[0], "ip", "link", "show", "eth0"))
    switch.start_switch()
    wait_for("carrier", lambda: "LOWER_UP" in in_pod(PODS[0], "ip", "link", "show", "eth0", check=False))
    placed()
    wait_for("packets again", lambda: ping(PODS[0], ADDRESSES[1]))


def namespace_gone(switch):
    """A Pod whose namespace vanished does not heat the switch; in one of the same name it lives again."""
    netns.delete(PODS[0])
    wait_for("the switch does not run hot", lambda: heat(switch) < 0.4)
    assert not ping(PODS[1], ADDRESSES[0])
    netns.add(PODS[0])
    placed()
    wait_for("packets in the new namespace", lambda: ping(PODS[0], ADDRESSES[1]))


def heat(switch):
    """Which part of a second the switch daemon took."""
    start, before = clock.now(), seconds_of(switch)
    time.sleep(1)
    return (seconds_of(switch) - before) / (clock.now() - start)


def seconds_of(switch):
    """Processor time of the switch daemon."""
    with open("/proc/%d/stat" % switch.pid("ovs-vswitchd")) as f:
        fields = f.read().rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def detach(n, spaces):
    equal(n.hr("modify", "Namespace", spaces[0], attach_json(ENDPOINTS[0], "Remove")), "00000000")
    equal(n.nic(PORTS[0]), None)
    assert not ping(PODS[1], ADDRESSES[0])
    equal(n.hr("modify", "Namespace", spaces[0], attach_json(ENDPOINTS[0])), "00000000")
    placed()
    wait_for("packets after a second attach", lambda: ping(PODS[1], ADDRESSES[0]))
    acl = {"Type": "ACL", "Settings": {"Protocols": "6", "Action": "Allow", "Direction": "In", "RemotePorts": "",
                                       "LocalPorts": "80", "RuleType": "Switch", "Priority": 1000}}
    change = {"ResourceType": "Policy", "RequestType": "Update", "Settings": {"Policies": [acl]}}
    equal(n.hr("modify", "Endpoint", ENDPOINTS[0], json.dumps(change)), "00000000")
    equal(n.query("Endpoint", ENDPOINTS[0])["Policies"], [acl])
    acl["Settings"]["Direction"] = "Sideways"
    equal(n.hr("modify", "Endpoint", ENDPOINTS[0], json.dumps(change)), "803b000d")


def orders(n):
    n.order("fail HcnOpenNetwork 0x803B0014 2")
    equal([n.hr("query", "Network", NETWORK) for _ in range(3)], ["803b0014", "803b0014", "00000000"])
    error = n.probe("hcn", "query", "Endpoint", NETWORK, check=1)[1]
    equal(json.loads(error[6:])["ErrorCode"], int(NO_ENDPOINT, 16), "the error record")
    n.order("delay HcnEnumerateNetworks 400")
    n.enumerate("Networks")
    assert n.calls()[-1]["ms"] >= 400, n.calls()[-1]
    n.order("delay HcnEnumerateNetworks 0\nhold HcnEnumerateNetworks")
    calls = len(n.calls())
    with futures.ThreadPoolExecutor(1) as pool:
        asked = pool.submit(n.enumerate, "Networks")
        wait_for("a call is held", lambda: n.held() == {"HcnEnumerateNetworks": 1})
        equal(n.query("Network", NETWORK)["Type"], "Transparent", "another call")
        equal([c["function"] for c in n.calls()[calls:] if "Close" not in c["function"]], ["HcnOpenNetwork", "HcnQueryNetworkProperties"])
        n.order("release HcnEnumerateNetworks")
        equal(asked.result(), [NETWORK], "what was held")
    equal(n.held(), {"HcnEnumerateNetworks": 0})
    n.order("reorder on")
    equal(n.enumerate("Endpoints"), ENDPOINTS[::-1])
    n.order("reorder off\nversion 9.2")
    equal(json.loads(n.probe("hns", "GET", "/globals/version")[1])["Output"]["Minor"], 2)
    n.order("absent HcnQueryNamespaceProperties\nabsent HNSCall")
    n.enumerate("Networks")  # obeys
    equal(n.probe("hcn", "exports"), ["absent HcnQueryNamespaceProperties"])
    equal(n.probe("hns", "GET", "/", check=4), ["absent HNSCall"])
    n.order("present HcnQueryNamespaceProperties\npresent HNSCall\nabsent computenetwork.dll")
    wait_for("the library is gone", lambda: n.probe("hcn", "exports", check=None)[:1] == ["absent computenetwork.dll 126"])
    n.order("present computenetwork.dll")
    wait_for("the library is back", lambda: n.probe("hcn", "exports", check=None) == [])


def service(n):
    with n.watch("hcn", "watch") as lines:
        equal(lines[0], "hr 00000000")
        n.order("notify NetworkDelete " + NETWORK)
        wait_for("notification", lambda: len(lines) > 1)
        equal(lines[1].split()[:4], ["notification", "00000004", "context", "00000000"])
        n.order("service down")
        wait_for("disconnect", lambda: len(lines) > 2)
        equal(lines[2].split()[1], "01000000")
        equal(n.hr("enumerate", "Networks"), "800706ba", "never an empty list")
        n.order("service up")
        equal(n.enumerate("Networks"), [NETWORK])
        n.order("notify NetworkDelete " + NETWORK)
        n.enumerate("Networks")
        equal(len(lines), 3, "a registration ends with the service")


def reboot(n, spaces):
    n.order("forget all")
    equal(n.enumerate("Networks"), [])
    equal(n.enumerate("Endpoints"), [])
    assert spaces[0] not in n.enumerate("Namespaces")
    equal(n.nic(PORTS[0]), None)
    assert ADDRESSES[0] not in in_pod(PODS[0], "ip", "addr")
    assert netns.exists(PODS[0]), "namespaces that are not the double's stay"


def ip_helper(n, switch):
    switch.vsctl("add-port", "br-int", "gw0", "--", "set", "Interface", "gw0", "type=internal")
    wait_for("gw0 is enabled", lambda: n.adapters().get("gw0", ["", ""])[1] == "up")
    with contextlib.ExitStack() as stack:
        told = {kind: stack.enter_context(n.watch("ip", "watch", kind)) for kind in ("route", "address", "interface")}
        for kind, lines in told.items():
            equal(lines[0].split()[:3], ["event", kind, "3"], "the first notification")
        ip_changes(n)
        for kind, begin in (("route", "1 10.91.0.0/16"), ("route", "2 10.91.0.0/16"), ("address", "1 10.90.0.1"),
                            ("address", "2 fd00:90::1"), ("interface", "0 ")):
            wait_for("event %s %s" % (kind, begin),
                     lambda: any(line.startswith("event %s %s" % (kind, begin)) for line in told[kind]))


def ip_changes(n):
    n.probe("ip", "address", "add", "gw0", "10.90.0.1", "24")
    equal(n.probe("ip", "address", "add", "gw0", "10.90.0.1", "24", check=1), ["code 5010"])
    assert "10.90.0.1/24" in netns.run("ip", "addr", "show", "gw0", ns=NODE).stdout
    n.probe("ip", "address", "add", "gw0", "fd00:90::1", "64")
    n.probe("ip", "route", "add", "gw0", "10.91.0.0", "16", "10.90.0.9", "83")
    n.probe("ip", "route", "add", "gw0", "fd00:91::", "48", "fd00:90::9", "83")
    equal(n.probe("ip", "route", "add", "gw0", "10.91.0.0", "16", "10.90.0.9", "83", check=1), ["code 5010"])
    assert "10.91.0.0/16 via 10.90.0.9 dev gw0 proto static metric 83" in netns.run("ip", "route", ns=NODE).stdout
    routes = n.probe("ip", "routes")
    assert "route 10.91.0.0/16 via 10.90.0.9 metric 83 dev gw0" in routes, routes
    assert "route fd00:91::/48 via fd00:90::9 metric 83 dev gw0" in routes, routes
    equal(n.probe("ip", "best", "10.91.1.1")[0], "best 10.91.0.0/16 via 10.90.0.9 from 10.90.0.1 dev gw0")
    n.probe("ip", "route", "set", "gw0", "10.91.0.0", "16", "10.90.0.9", "84")
    assert "metric 84" in netns.run("ip", "route", ns=NODE).stdout
    n.probe("ip", "route", "del", "gw0", "10.91.0.0", "16", "10.90.0.9", "0")
    equal(n.probe("ip", "route", "del", "gw0", "10.91.0.0", "16", "10.90.0.9", "0", check=1), ["code 1168"])
    assert "10.91.0.0" not in netns.run("ip", "route", ns=NODE).stdout
    n.probe("ip", "neighbour", "add", "gw0", "10.90.0.9", "02:00:00:00:00:09")
    assert "02:00:00:00:00:09 PERMANENT" in netns.run("ip", "neigh", ns=NODE).stdout
    assert "neighbour 10.90.0.9 02:00:00:00:00:09 state 6" in n.probe("ip", "neighbours")
    n.probe("ip", "neighbour", "del", "gw0", "10.90.0.9", "02:00:00:00:00:09")
    equal(n.probe("ip", "interface", "gw0", "4", "1400", "1", "7")[0],
          "interface mtu 1400 forwarding 1 metric 7 connected 1")
    assert "mtu 1400" in netns.run("ip", "link", "show", "gw0", ns=NODE).stdout
    equal(netns.run("cat", "/proc/sys/net/ipv4/conf/gw0/forwarding", ns=NODE).stdout, "1\n")
    n.probe("ip", "dns", "gw0", "10.96.0.10")
    assert "dns 10.96.0.10" in n.adapters()["gw0"][3]
    n.order("fail CreateIpForwardEntry2 5\nnotify-ip interface parameter gw0")
    equal(n.probe("ip", "route", "add", "gw0", "10.92.0.0", "16", "0.0.0.0", "1", check=1), ["code 5"])
    n.probe("ip", "address", "del", "gw0", "fd00:90::1", "64")


def nat(n):
    n.probe("nat", "add", "seine-v4", "10.90.0.0/24")
    equal(n.probe("nat", "add", "seine-v4", "10.90.0.0/24", check=1), ["hr 80041019"])
    equal(n.probe("nat", "list")[:2], ["nat active 1 name seine-v4", "prefix 10.90.0.0/24"])
    rules = netns.run("nft", "list", "ruleset", ns=NODE).stdout
    assert "wine-netnat-seine-v4" in rules and "ip saddr 10.90.0.0/24 ip daddr != 10.90.0.0/24 masquerade" in rules, rules
    n.order("fail ExecQuery 0x80041003")
    equal(n.probe("nat", "list", check=1), ["hr 80041003"])
    n.probe("nat", "del", "seine-v4")
    assert "wine-netnat" not in netns.run("nft", "list", "ruleset", ns=NODE).stdout
    n.probe("nat", "add", "left", "10.90.0.0/24")


def extension_json(on):
    policy = {"Type": "VSwitchExtension", "Settings": {"ExtensionID": "583CC151-73EC-4A6A-8B47-578297AD7623",
                                                       "Enable": on}}
    return {"ResourceType": "Policy", "RequestType": "Update", "Settings": {"Policies": [policy]}}


def reaches_outside():
    return netns.run("ping", "-c1", "-W1", "203.0.113.1", ns=NODE, check=False).returncode == 0


def uplink(n, switch):
    """A network on the adapter that has the node's address: a vNIC has it then, whatever forwards."""
    wait_for("outside is reached", reaches_outside)
    before = n.adapters()
    assert before["eth0"][3].startswith("192.0.2.5/24") and "br-int" not in before, before
    made = json.loads(network_json(adapter="eth0"))
    made["Policies"].pop()
    equal(n.hr("create", "Network", NETWORK, json.dumps(made)), "00000000")
    during = n.adapters()
    assert "192.0.2.5/24" not in during["eth0"][3], during
    assert during["vEthernet (eth0)"][3].startswith("192.0.2.5/24") and "gateway 192.0.2.254" in during[
        "vEthernet (eth0)"][3], during
    wait_for("the virtual switch forwards", reaches_outside)
    assert "route 0.0.0.0/0 via 192.0.2.254 metric 0 dev vEthernet (eth0)" in n.probe("ip", "routes")
    assert any(line.startswith("address 192.0.2.5/24 ") for line in n.probe("ip", "addresses"))
    n.probe("ip", "interface", "vEthernet (eth0)", "4")
    equal(n.probe("net", "rename", "vEthernet (eth0)", "eth0", check=1), ["hr 800700b7"])
    equal(n.probe("net", "rename", "vEthernet (eth0)", "br-int"), ["hr 00000000"])
    switch.vsctl("add-port", "br-int", "eth0")
    n.probe("ip", "address", "add", "br-int", "192.0.2.6", "24")
    equal(n.hr("modify", "Network", NETWORK, json.dumps(extension_json(True))), "00000000")
    wait_for("Open vSwitch forwards", lambda: "192.0.2.5/24" in netns.run(
        "ip", "addr", "show", "br-int", ns=NODE).stdout and reaches_outside())
    assert "192.0.2.6/24" in n.adapters()["br-int"][3]
    mac = json.loads(netns.run("ip", "-j", "link", "show", "eth0", ns=NODE).stdout)[0]["address"]
    wait_for("the adapter's MAC", lambda: mac in netns.run("ip", "link", "show", "br-int", ns=NODE).stdout)
    switch.stop("ovs-vswitchd")
    wait_for("the vNIC stays without a switch daemon", lambda: "192.0.2.5/24" in n.adapters().get("br-int", [""] * 4)[3])
    switch.start_switch()
    wait_for("Open vSwitch forwards again", reaches_outside)
    n.probe("ip", "address", "del", "br-int", "192.0.2.6", "24")
    equal(n.hr("delete", "Network", NETWORK), "00000000")
    after = n.adapters()
    assert after["eth0"][3:] == before["eth0"][3:] and "br-int" not in after, after
    switch.vsctl("del-port", "br-int", "eth0")
    wait_for("as before", reaches_outside)


def cables():
    """eth0 leads outside, eth1 nowhere."""
    netns.run("sh", "-ec", f"""
        ip link add eth0 type veth peer name lan netns {OUTSIDE}
        ip link add eth1 type veth peer name nowhere
        sysctl -qw net.ipv6.conf.eth0.disable_ipv6=1
        ip addr add 192.0.2.5/24 dev eth0; ip link set eth0 up; ethtool -K eth0 tx off > /dev/null
        ip route add default via 192.0.2.254""", ns=NODE)
    netns.run("sh", "-ec", """
        ip addr add 192.0.2.254/24 dev lan; ip addr add 203.0.113.1/32 dev lo
        ip link set lan up; ethtool -K lan tx off > /dev/null""", ns=OUTSIDE)


def start_switch(switch):
    """Reached by TCP, as winenode needs it; its bridge is br-int."""
    switch.start()
    switch.tool("ovs-appctl", "-t", RUN + "/switch/ovsdb-server.%d.ctl" % switch.pid("ovsdb-server"),
                "ovsdb-server/add-remote", "ptcp:6640:127.0.0.1")
    switch.vsctl("add-br", "br-int", "--", "set", "bridge", "br-int", "datapath_type=netdev", "--",
                 "set-controller", "br-int", "ptcp:6653:127.0.0.1")


def wine_processes():
    prefix = BUILD + "/winenode/nodes/" + PREFIX + "/"
    found = []
    for entry in filter(str.isdigit, os.listdir("/proc")):
        with contextlib.suppress(OSError):
            with open("/proc/%s/environ" % entry, "rb") as f:
                if prefix.encode() in f.read():
                    found.append(int(entry))
    return found


def gone():
    start = time.monotonic()
    assert wine_processes(), "the search finds nothing"
    winenode("down", PREFIX)
    print("down: %.1f s" % (time.monotonic() - start))
    equal(wine_processes(), [], "processes")
    equal(os.path.exists(D), False, D)
    equal(os.path.exists(BUILD + "/winenode/nodes/" + PREFIX), False)
    equal(netns.names(PREFIX + "-hcn-"), [])
    assert "wine-netnat" not in netns.run("nft", "list", "ruleset", ns=NODE).stdout
    winenode("down", PREFIX)
    equal(winenode("exec", PREFIX, PROBE, check=False).returncode, 1, "no node")


def half_up(n):
    """A host that was killed cannot clean up; down does it all the same."""
    n.hr("create", "Namespace", "cccccccc-0000-4000-8000-000000000001", json.dumps({"SchemaVersion": VERSION}))
    n.probe("nat", "add", "left", "10.90.0.0/24")
    for pid in wine_processes():
        with open("/proc/%d/cmdline" % pid, "rb") as f:
            if b"host.py" in f.read():
                ovs.kill(pid)
    equal(n.hr("enumerate", "Networks"), "800706ba", "a host that is gone is a service that is gone")
    gone()


def main():
    if os.geteuid() != 0:
        print("skipped: not root")
        sys.exit(77)
    switch = ovs.Switch(RUN + "/switch", NODE)
    try:
        for ns in [NODE, OUTSIDE] + PODS:
            netns.add(ns)
        cables()
        start_switch(switch)
        n = Node()
        addresses_not_random()
        pipes(n)
        hcn_objects(n)
        spaces = endpoints(n, switch)
        switch_again(n, switch)
        namespace_gone(switch)
        detach(n, spaces)
        orders(n)
        service(n)
        ip_helper(n, switch)
        nat(n)
        reboot(n, spaces)
        uplink(n, switch)
        gone()
        half_up(Node())
        print("ok")
    finally:
        winenode("down", PREFIX, check=False)
        switch.stop()
        for ns in [NODE, OUTSIDE] + PODS:
            netns.delete(ns)
        subprocess.run(["rm", "-rf", RUN], check=True)


if __name__ == "__main__":
    main()
