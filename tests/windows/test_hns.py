# SPDX-License-Identifier: Apache-2.0
"""hns/ over platform/windows/hcn.c, unmodified, against the double of computenetwork.dll: hns-drive.exe makes the network and
Pods' endpoints as the agent does; what the double saw and holds, and packets of the Pods, say whether it is so."""
import json
import os
import subprocess
import sys
import time

import test_doubles as doubles
from test_doubles import D, NODE, OUTSIDE, PODS, PREFIX, RUN, equal, wait_for, winenode

from lab import netns, ovs

DRIVE = doubles.BUILD + "/doubles/hns-drive.exe"
NETWORK = "bdac3ddd-a943-8460-b21d-aadada145b57"
OTHER = "99999999-0000-4000-8000-000000000001"
POD = ["web-0-1f3c9d2", "0a:00:00:00:00:11", "1400", "10.10.1.5/24", "10.10.1.1"]
OPS = {"enumerate": 0, "create": 1, "query": 2, "modify": 3, "delete": 4}


class Node(doubles.Node):
    def drive(self, *args):
        """The lines of the answer; the last is "ok" or the error."""
        done = winenode("exec", PREFIX, DRIVE, *args, check=False)
        assert done.returncode in (0, 1), "%s: exit %d\n%s%s" % (args, done.returncode, done.stdout, done.stderr)
        lines = done.stdout.split("\n")[:-1]
        assert (lines[-1] == "ok") == (done.returncode == 0), lines
        return lines

    def ok(self, *args):
        lines = self.drive(*args)
        equal(lines[-1], "ok", args)
        return lines[:-1]

    def fails(self, text, *args):
        last = self.drive(*args)[-1]
        assert text in last and last != "ok", "%s: %r, expected %r" % (args, last, text)

    def functions(self, since):
        return [c["function"] for c in self.calls()[since:]]


def library(n):
    """Loaded from the system's folder, each function by its name."""
    equal(n.ok("load"), [])
    equal(n.ok("missing"), [])
    equal(n.ok("version"), ["11.10"])
    n.order("version 13.2")
    equal(n.ok("version"), ["13.2"])
    n.order("version 11.10")
    for name in ("HcnModifyLoadBalancer", "HcnEnumerateNetworks"):
        n.order("absent " + name)
    wait_for("orders are obeyed", lambda: n.drive("missing") == ["HcnEnumerateNetworks", "HcnModifyLoadBalancer", "ok"])
    n.fails("UNSUPPORTED: hns: this system has no HcnEnumerateNetworks", "network-ensure", "eth1")
    n.order("absent HNSCall")
    wait_for("no HNSCall", lambda: n.drive("version")[-1].startswith("UNSUPPORTED"))
    for name in ("HcnModifyLoadBalancer", "HcnEnumerateNetworks", "HNSCall"):
        n.order("present " + name)
    wait_for("all are back", lambda: n.drive("missing") == ["ok"])
    n.order("absent HNSCall")
    wait_for("the oldest", lambda: n.drive("version") == ["9.2", "ok"])
    n.order("present HNSCall")
    n.order("absent computenetwork.dll")
    wait_for("no library", lambda: n.drive("load")[-1] == "UNSUPPORTED: hns: absent")
    for command in (["network-ensure", "eth1"], ["pod-list"], ["pod-exists", "x"], ["watch"]):
        n.fails("UNSUPPORTED: hns: absent", *command)
    n.order("present computenetwork.dll")
    wait_for("the library", lambda: n.drive("load") == ["ok"])


def raw(n):
    """Text both ways, HRESULTs and ErrorRecords as they are."""
    name = "Zürich – 東京 😀"
    document = json.dumps({"SchemaVersion": doubles.VERSION, "Name": name, "Type": "Private"}, ensure_ascii=False)
    equal(n.ok("call", "1", "0", OTHER, document)[:2], ["HcnCreateNetwork 0x00000000", "-"])
    answer = n.ok("call", "2", "0", OTHER, "")
    equal(answer[0], "HcnQueryNetworkProperties 0x00000000")
    equal(json.loads(answer[1])["Name"], name)
    equal(json.loads(n.ok("call", "0", "0", OTHER, "")[1]), [OTHER.upper()])
    equal(n.ok("call", "4", "0", OTHER, ""), ["HcnDeleteNetwork 0x00000000", "-", "-"])
    answer = n.drive("call", "2", "0", OTHER, "")
    equal(answer[0], "HcnOpenNetwork 0x803b0001")
    equal(json.loads(answer[2])["ErrorCode"], 0x803b0001)
    equal(answer[3], "REFUSED: HcnOpenNetwork: 0x803b0001")
    n.order("fail HcnDeleteNetwork 0x80070005")
    equal(n.drive("call", "4", "0", OTHER, "")[0], "HcnDeleteNetwork 0x80070005")
    closed = [c["function"] for c in n.calls() if c["function"].startswith("HcnClose")]
    opened = [c["function"] for c in n.calls() if c["hr"] == 0 and c["function"].startswith(("HcnOpen", "HcnCreate"))]
    equal(len(closed), len(opened), "what is opened is closed")


def network(n):
    n.fails("NOT_FOUND: HcnCreateNetwork: HCN_E_ADAPTER_NOT_FOUND: no such adapter", "network-ensure", "nothing")
    n.order("fail HcnOpenNetwork 0x800706ba")
    n.fails("AGAIN: HcnOpenNetwork: RPC_S_SERVER_UNAVAILABLE", "network-ensure", "eth1", "10.10.1.0/24")
    equal(n.state()["networks"], {})
    equal(n.ok("network-ensure", "eth1", "10.10.1.0/24", "fd00:10::/64"), [NETWORK])
    have = n.state()["networks"][NETWORK]
    equal((have["Name"], have["Type"]), ("seine", "Transparent"))
    equal([s["IpAddressPrefix"] for s in have["Ipams"][0]["Subnets"]], ["10.10.1.0/24", "fd00:10::/64"])
    before = len(n.calls())
    equal(n.ok("network-ensure", "eth1", "10.10.1.0/24", "fd00:10::/64"), [NETWORK])
    assert not {"HcnCreateNetwork", "HcnModifyNetwork"} & set(n.functions(before))
    n.fails("CONFLICT: HNS network seine has no subnet 10.77.0.0/24", "network-ensure", "eth1", "10.77.0.0/24")
    n.fails("CONFLICT: HNS network seine is bound to adapter eth1, not eth0", "network-ensure", "eth0")


def pods(n, switch):
    space = winenode("namespace", PREFIX, "add", PODS[0]).stdout.strip()
    other = winenode("namespace", PREFIX, "add", PODS[1]).stdout.strip()
    for form in (space, "{%s}" % space.upper()):
        equal(n.ok("pod-netns", form), [])
    n.fails("NOT_FOUND: there is no HCN namespace", "pod-netns", OTHER)
    n.fails("INVALID: ", "pod-netns", "/run/netns/x")
    host = next(i for i, ns in n.state()["namespaces"].items() if ns["Type"] == "HostDefault")
    n.fails("INVALID: HCN namespace %s is the host's own" % host, "pod-netns", host)
    n.order("adapter-delay 300")
    equal(n.ok("pod-attach", "{%s}" % space.upper(), *POD, "fd00:10::5/64", "fd00:10::1"), [])
    n.order("adapter-delay 0")
    (id, have), = n.state()["endpoints"].items()
    equal((have["Name"], have["HostComputeNamespace"].lower()), (POD[0], space))
    equal(have["Dns"], {"Domain": "", "Search": ["svc"], "ServerList": ["10.96.0.10"], "Options": []})
    equal([c["IpAddress"] for c in have["IpConfigurations"]], ["10.10.1.5", "fd00:10::5"])
    equal(n.nic(POD[0])[2], "1400", "the MTU of its NIC")
    switch.vsctl("add-port", "br-int", POD[0], "--", "set", "Interface", POD[0], "type=internal")

    def inside():
        shown = netns.run("ip", "-j", "addr", "show", "eth0", ns=PODS[0], check=False).stdout
        return json.loads(shown)[0] if shown.strip() else None
    wait_for("eth0 in the Pod", inside)
    wait_for("its MTU", lambda: inside()["mtu"] == 1400)
    equal(inside()["address"], POD[1])
    assert "10.10.1.5" in [a["local"] for a in inside()["addr_info"]], inside()

    more = ["fd00:10::5/64", "fd00:10::1"]
    before = len(n.calls())
    equal(n.ok("pod-create", space, *POD, *more), [])
    assert not {"HcnCreateEndpoint", "HcnModifyNamespace"} & set(n.functions(before)), "made twice"
    equal(n.ok("pod-check", space, *POD, *more), [])
    n.fails("CONFLICT: endpoint %s is in another namespace" % POD[0], "pod-check", other, *POD, *more)
    n.fails("EXISTS: ", "pod-create", other, *POD, *more)
    equal(n.ok("pod-exists", POD[0]), ["1"])
    equal(n.ok("pod-exists", "nobody"), ["0"])
    equal(n.ok("pod-list"), [POD[0]])
    return space, other


def failures(n, space, other):
    """Nothing half made stays, and what is not known is not taken for absent."""
    second = ["api-0-0000001", "0a:00:00:00:00:12", "1400", "10.10.1.6/24", "10.10.1.1"]
    n.fails("CONFLICT: endpoint %s (" % POD[0], "pod-create", other, "thief-1", *POD[1:])
    for function in ("HcnCreateEndpoint", "HcnModifyNamespace", "HcnOpenNamespace", "HcnQueryEndpointProperties"):
        n.order("fail %s 0x80004005" % function)
        n.fails("IO: %s: E_FAIL" % function, "pod-create", other, *second)
        equal([e["Name"] for e in n.state()["endpoints"].values()], [POD[0]], function)
    n.order("service down")
    for command in (["pod-exists", POD[0]], ["pod-list"], ["pod-create", other, *second], ["pod-delete", POD[0]],
                    ["pod-netns", space], ["network-ensure", "eth1"]):
        n.fails("AGAIN: ", *command)
    n.order("service up")
    wait_for("the service", lambda: n.drive("pod-exists", POD[0]) == ["1", "ok"])
    n.order("reorder on")
    equal(n.ok("pod-create", other, *second), [])
    equal(n.ok("pod-list"), [second[0], POD[0]])
    n.order("reorder off")
    equal(n.ok("pod-delete", second[0]), [])
    equal(n.ok("pod-delete", second[0]), [])
    n.order("fail HcnCreateEndpoint 0x803b001e")
    n.fails("INVALID: HcnCreateEndpoint: HCN_E_INVALID_IP", "pod-create", other, *second)
    n.order("version 10.4")
    n.fails("UNSUPPORTED: IPv6DualStack needs HNS 11.10+, this is 10.4", "pod-create", other, *second, "fd00:10::6/64",
            "fd00:10::1")
    n.order("version 11.10")


def threads(n, space):
    start = time.monotonic()
    equal(n.ok("threads", "8", "5", space), [])
    print("8 threads, 40 Pods made and removed: %.1f s" % (time.monotonic() - start))
    equal([e["Name"] for e in n.state()["endpoints"].values()], [POD[0]])


def events(n, other):
    child = subprocess.Popen([doubles.WINENODE, "exec", PREFIX, DRIVE, "watch"], text=True,
                             stdout=subprocess.PIPE, stdin=subprocess.PIPE)
    try:
        equal(child.stdout.readline().strip(), "watching")
        n.order("notify NetworkCreate %s" % NETWORK)
        line = child.stdout.readline().split(None, 3)
        equal(line[:3], ["event", "0x2", "0x0"])
        equal(json.loads(line[3])["ID"].lower(), NETWORK)
        n.order("notify ServiceDisconnect")
        equal(child.stdout.readline().split()[1], "0x1000000")
        child.stdin.write("\n")
        child.stdin.flush()
        equal(child.stdout.readline().strip(), "unwatched")
        n.order("notify NetworkCreate %s" % NETWORK)
        equal(n.ok("pod-exists", "nobody"), ["0"])  # obeyed by now
        child.stdin.close()
        equal(child.stdout.read().split(), ["ok"], "events after unwatch")
        equal(child.wait(), 0)
    finally:
        child.kill()
        child.wait()


def lost_and_reboot(n, space):
    """The service loses the endpoints; then the whole machine starts again."""
    id = next(iter(n.state()["endpoints"]))
    before = n.state()["endpoints"][id]
    n.ok("pod-delete", POD[0])
    equal(n.ok("pod-create", space, *POD, "fd00:10::5/64", "fd00:10::1"), [])
    equal(n.state()["endpoints"], {id: before}, "made again as it was")
    equal(n.ok("network-ensure", "eth1", "10.10.1.0/24"), [NETWORK])
    n.order("forget all")
    wait_for("a reboot", lambda: not n.state()["networks"])
    n.fails("NOT_FOUND: there is no HCN namespace", "pod-create", space, *POD)
    equal(n.ok("pod-exists", POD[0]), ["0"])
    fresh = winenode("namespace", PREFIX, "add", PODS[0]).stdout.strip()
    n.fails("AGAIN: there is no HNS network seine yet", "pod-create", fresh, *POD)
    equal(n.ok("network-ensure", "eth1", "10.10.1.0/24"), [NETWORK])
    equal(n.ok("pod-create", fresh, *POD), [])
    equal(list(n.state()["endpoints"]), [id])
    equal(n.ok("network-delete"), [])
    equal((n.state()["networks"], n.state()["endpoints"]), ({}, {}))


def main():
    if os.geteuid() != 0:
        print("skipped: not root")
        sys.exit(77)
    switch = ovs.Switch(RUN + "/switch", NODE)
    try:
        for ns in [NODE, OUTSIDE] + PODS:
            netns.add(ns)
        doubles.cables()
        doubles.start_switch(switch)
        n = Node()
        library(n)
        raw(n)
        network(n)
        space, other = pods(n, switch)
        failures(n, space, other)
        threads(n, space)
        events(n, other)
        lost_and_reboot(n, space)
        print("ok")
    finally:
        winenode("down", PREFIX, check=False)
        switch.stop()
        for ns in [NODE, OUTSIDE] + PODS:
            netns.delete(ns)
        subprocess.run(["rm", "-rf", RUN], check=True)


main()
