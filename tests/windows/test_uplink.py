# SPDX-License-Identifier: Apache-2.0
"""Taking over the uplink of a Windows node, by the real agent under Wine against doubles of HCN and IP Helper and a real
Open vSwitch: the node's packets before, meanwhile and after; the agent killed at each step that the journal tells; a
reboot; what fails for good; and the way back."""
import json
import os
import re
import signal
import sys
import time

import winlab

sys.path.insert(0, winlab.ROOT + "/tests/system")

import common  # noqa: E402
from lab import netns  # noqa: E402
from lab.clock import PATIENCE  # noqa: E402

ADAPTER, BRIDGE = "eth0", "br-int"
VNIC = "vEthernet (%s)" % ADAPTER
REFUSED = "0x803b0015"  # HCN: the request is unsupported
SERVERS = "192.0.2.53,192.0.2.54"


class UplinkNode(winlab.WineNode):
    """A node whose address is on its adapter, as Windows has it before Seine: no bridge under it."""

    def underlay_bridge(self):
        pass

    def underlay_up(self):
        netns.run("sh", "-ec", f"""
            ip link set {ADAPTER} up; ethtool -K {ADAPTER} tx off > /dev/null
            ip addr replace {self.ip4}/24 dev {ADAPTER}
            ip -6 addr replace {self.ip6}/64 dev {ADAPTER} nodad
            ip route replace default via 192.0.2.254 metric 7
            ip route replace 203.0.113.0/24 via 192.0.2.253
            ip -6 route replace default via 2001:db8:5e::fe""", ns=self.ns)

    @property
    def journal_path(self):
        return self.dir + "/run/uplink.json"

    def journal(self):
        """What the journal says, None where there is none. It is replaced whole, so it can always be read."""
        try:
            with open(self.journal_path) as f:
                return json.load(f)
        except FileNotFoundError:
            return None

    def networks(self):
        return sorted(n["Name"] for n in self.state()["networks"].values())

    def uplink(self):
        return self.status()["uplink"]

    def has(self, device):
        """Addresses and routes of a Linux device, as far as this test gave them."""
        text = netns.run("sh", "-c", "ip -o addr show dev %s scope global; ip route show dev %s; ip -6 route show dev %s"
                         % (device, device, device), ns=self.ns, check=False).stdout
        wanted = {"%s/24" % self.ip4: r"inet %s/24" % re.escape(self.ip4), "%s/64" % self.ip6: r"inet6 %s/64" % self.ip6,
                  "default": r"default via 192\.0\.2\.254 ", "203.0.113.0/24": r"203\.0\.113\.0/24 via 192\.0\.2\.253",
                  "default6": r"default via 2001:db8:5e::fe"}
        return sorted(k for k, pattern in wanted.items() if re.search(pattern, text))

    def start_agent(self, *more, wait=PATIENCE, wrap=()):
        """Until the uplink is taken."""
        super().start_agent(*more, wait=0, wrap=wrap)
        if wait:
            self.pipe()
            self.wait_uplink("state", "taken", "failed")

    def pipe(self):
        common.eventually(lambda: self.ctl("status", check=False).returncode == 0, lambda: "the agent's pipe\n" + self.log_tail())

    def wait_uplink(self, key, *wanted):
        common.eventually(lambda: self.uplink()[key] in wanted, lambda: "the uplink's %s is %s, it is %s\n%s" % (
            key, " or ".join(wanted), self.uplink(), self.log_tail()), every=0.1)

    def relay(self, sig):
        """Open vSwitch's pipes answer no more (SIGSTOP), or again (SIGCONT): the host's side still asks it."""
        with open(winlab.BUILD + "/winenode/nodes/%s/node.json" % self.machine) as f:
            os.kill(json.load(f)["pids"][1], sig)

    def whole(self, device):
        return len(self.has(device)) == 5

    def dns(self, alias, *servers):
        """The DNS servers that are set for an adapter; sets them if some are given."""
        done = self.exec(winlab.BUILD + "/doubles/doubles-probe.exe", "ip", "dns", alias, *servers, check=False)
        found = re.search(r"^dns (\S+)", done.stdout, re.M)
        return found.group(1).replace(" ", ",") if found else ""

    def ends(self):
        """What an end is compared by."""
        ports = self.switch.vsctl("--bare", "--columns=name", "find", "Port", "external_ids:seine.owner=uplink").split()
        return {"adapter": self.has(ADAPTER), "bridge": self.has(BRIDGE), "ports": ports, "networks": self.networks(),
                "journal": (self.journal() or {}).get("step")}


class UplinkCluster(winlab.MixedCluster):
    def __init__(self, prefix, run_dir, kinds):
        super().__init__(prefix, run_dir, common.BIN, kinds=kinds, agent_more=())
        self.nodes = [n if k == "linux" else UplinkNode(self, n.index) for n, k in zip(self.nodes, kinds)]


TAKEN = {"adapter": [], "bridge": sorted(["192.0.2.1/24", "2001:db8:5e::1/64", "default", "203.0.113.0/24", "default6"]),
         "ports": [ADAPTER], "networks": ["seine"], "journal": "done"}
BEFORE = {"adapter": TAKEN["bridge"], "bridge": [], "ports": [], "networks": [], "journal": None}


def reached(c, n):
    """Both families, from the world outside."""
    for address in (n.ip4, n.ip6):
        common.eventually(lambda: netns.run("ping", "-c1", "-W1", address, ns=c.fabric, check=False).returncode == 0,
                          lambda: "%s is reached from outside: %s\n%s" % (address, n.ends(), n.log_tail()), every=0.1)


def kept(n):
    """At any moment the node's configuration is on the adapter, on its vNIC, or in the journal."""
    j = n.journal()
    noted = j is not None and {a["address"] for a in j["adapter"]["addresses"]} >= {n.ip4 + "/24", n.ip6 + "/64"}
    devices = netns.run("sh", "-c", "ip -o addr show scope global", ns=n.ns).stdout
    return noted or (n.ip4 + "/24" in devices and n.ip6 + "/64" in devices)


def expect_end(n, wanted, what):
    common.eventually(lambda: n.ends() == wanted, lambda: "%s: expected %s, got %s\n%s" % (what, wanted, n.ends(), n.log_tail()))


def take(c, n):
    common.step("first start: the adapter is taken, and the node is reached as before")
    n.dns(ADAPTER, SERVERS)
    expect_end(n, BEFORE, "before")
    reached(c, n)
    n.start_agent()
    common.equal(n.uplink()["state"], "taken", "status")
    common.equal(n.uplink()["adapter"], ADAPTER, "status")
    n.wait_ready()
    common.true(re.search(r"^uplink +taken eth0$", n.ctl("status").stdout, re.M), "the table says so too")
    expect_end(n, TAKEN, "taken")
    common.equal(n.dns(BRIDGE), SERVERS, "DNS servers of the vNIC")
    reached(c, n)
    flows = n.ctl("get", "flows", "--desired").stdout
    common.true("in_port=LOCAL actions=output:32767" in flows, "the node's own flows:\n" + flows[:2000])
    common.true("in_port=32767 actions=LOCAL" in flows, "the node's own flows")
    steps = [call["function"] for call in n.calls() if call["function"] in ("HcnCreateNetwork", "HcnModifyNetwork")]
    common.equal(steps, ["HcnCreateNetwork", "HcnModifyNetwork"], "calls that change the network")
    gateway = [e for e in n.state()["endpoints"].values() if e["Name"] == "seine-gw0"]
    host = next(i for i, s in n.state()["namespaces"].items() if s.get("Type") == "HostDefault")
    common.equal([e["HostComputeNamespace"].lower() for e in gateway], [host], "where the gateway's endpoint is")


def restart(c, n):
    common.step("a restart with nothing changed changes nothing")
    before = n.ends(), len(n.calls("HcnCreateNetwork")), os.stat(n.journal_path).st_mtime_ns
    n.stop_agent(signal.SIGKILL)
    reached(c, n)
    n.start_agent()
    common.equal((n.ends(), len(n.calls("HcnCreateNetwork")), os.stat(n.journal_path).st_mtime_ns), before, "ends")
    common.equal(n.flow_mods(), 0, "flow-mods")


def pods(c, a, n):
    common.step("Pods across the nodes: the tunnel's outer packets pass the uplink")
    far = c.pod(a, "shop", "far", {"app": "far"})
    web = c.pod(n, "shop", "web", {"app": "web"})
    m = common.Matrix(c)
    m.expect(far, web, True)
    m.expect(web, far, True, proto="udp")
    m.check("by the tunnel")
    c.remove_pod(web)
    c.remove_pod(far)


def switch_restart(c, n):
    common.step("ovs-vswitchd anew: the node's own flows come first, also while sources are incomplete")
    bad = c.objects.dir + "/bad.yaml"
    n.stop_agent()
    with open(bad, "w") as f:
        f.write("kind: [\n")
    n.switch.stop("ovs-vswitchd")
    n.switch.start_switch()
    n.start_agent(wait=0)
    reached(c, n)
    common.true(not n.status()["ready"], "ready with a bad document")
    flows = n.switch.flows()
    common.equal(len([f for f in flows if "LOCAL" in f]), 2, "early flows: %s" % flows)
    common.true(len(flows) < 10, "more than the early flows: %s" % flows)
    os.unlink(bad)
    n.wait_ready()
    reached(c, n)


def wait_step(n, step):
    common.eventually(lambda: (n.journal() or {}).get("step") == step,
                      lambda: "the journal tells %s, it tells %s\n%s" % (step, n.journal(), n.log_tail()), every=0.01)


def kill_at(n, step, function):
    """Kills the agent while the journal tells the step, whose act is this call; the next life goes on."""
    n.order("hold " + function)
    n.start_agent(wait=0)
    n.wait_held(function)
    wait_step(n, step)
    n.stop_agent(signal.SIGKILL)
    common.true(kept(n), "the node's addresses are lost at " + step)
    n.let_go(function)


def kill_at_port(n):
    """What the port waits for is Open vSwitch."""
    n.order("hold RenameAdapter")
    n.start_agent(wait=0)
    n.wait_held("RenameAdapter")
    n.relay(signal.SIGSTOP)
    n.order("release RenameAdapter")
    wait_step(n, "port")
    n.stop_agent(signal.SIGKILL)
    n.relay(signal.SIGCONT)
    common.true(kept(n), "the node's addresses are lost at port")


def killed(c, n):
    common.step("killed at each step that the journal tells: the next life takes it all the same")
    acts = {"snapshot": "HcnOpenNetwork", "network": "HcnCreateNetwork", "name": "RenameAdapter",
            "addresses": "CreateUnicastIpAddressEntry", "port": None, "extension": "HcnModifyNetwork"}
    for step, function in acts.items():
        n.order("lose-addresses " + ("on" if step == "addresses" else "off"))
        if function:
            kill_at(n, step, function)
        else:
            kill_at_port(n)
        n.start_agent()
        expect_end(n, TAKEN, "taken after dying at " + step)
        reached(c, n)
        n.order("lose-addresses off")
        n.stop_agent()
        common.equal(n.cleanup().returncode, 0, "cleanup")
        expect_end(n, BEFORE, "given back after dying at " + step)
        reached(c, n)
        print("   killed at %s: taken, and given back" % step)


def killed_on_the_way_back(c, n):
    common.step("killed on the way back: cleanup again ends it")
    for function in ("HcnDeleteNetwork", "CreateUnicastIpAddressEntry"):
        n.order("lose-addresses off")
        n.start_agent()
        n.stop_agent()
        n.order("lose-addresses on", "hold " + function)
        cleaning = winlab.subprocess.Popen(
            [winlab.WINENODE, "exec", n.machine, n.program("seine-agent"), "cleanup", *n.agent_args()[1:]],
            stdout=winlab.subprocess.DEVNULL, stderr=winlab.subprocess.DEVNULL, start_new_session=True)
        n.wait_held(function)
        common.equal(n.journal()["direction"], "undo", "what the journal says")
        cleaning.kill()
        cleaning.wait()
        common.true(kept(n), "the node's addresses are lost")
        n.let_go(function)
        common.equal(n.cleanup().returncode, 0, "cleanup")
        expect_end(n, BEFORE, "given back")
        reached(c, n)
    n.order("lose-addresses off")


def reboot(c, n):
    common.step("a reboot: the network is gone, addresses with it; the journal brings both back")
    for lose in ("off", "on"):
        n.start_agent()
        expect_end(n, TAKEN, "taken")
        n.stop_agent(signal.SIGKILL)
        n.order("lose-addresses " + lose, "forget all")
        common.eventually(lambda: n.networks() == [], "networks after a reboot")
        n.start_agent()
        expect_end(n, TAKEN, "taken again")
        common.equal(n.dns(BRIDGE), SERVERS, "DNS servers of the vNIC")
        reached(c, n)
        n.stop_agent()
    n.order("lose-addresses off")
    common.equal(n.cleanup().returncode, 0, "cleanup")
    expect_end(n, BEFORE, "given back")
    common.equal(n.dns(ADAPTER), SERVERS, "DNS servers of the adapter")


def refused(c, n):
    common.step("what HNS refuses for good is undone, and told")
    n.order("fail HcnModifyNetwork %s 100" % REFUSED)
    n.start_agent(wait=0)
    n.pipe()
    n.wait_uplink("state", "failed")
    common.true(n.uplink()["error"].startswith("extension: "), "error: %s" % n.uplink())
    common.true(n.status()["reason"].startswith("uplink: failed"), "reason: %s" % n.status()["reason"])
    expect_end(n, BEFORE, "given back")
    reached(c, n)
    n.order("fail HcnModifyNetwork 0 0")
    n.stop_agent()


def away(c, n):
    common.step("HNS away: asked again, nothing touched; there it goes on")
    n.order("service down")
    n.start_agent(wait=0)
    n.pipe()
    n.wait_uplink("step", "network")
    time.sleep(2)
    common.equal(dict(n.ends(), journal=None), BEFORE, "ends while HNS is away")
    n.order("service up")
    expect_end(n, TAKEN, "taken")


def bad_journal(c, n):
    common.step("a journal that cannot be read is one clear error, and nothing is done")
    n.stop_agent()
    with open(n.journal_path) as f:
        text = f.read()
    with open(n.journal_path, "w") as f:
        f.write(text[:len(text) // 2])
    calls = len(n.calls("HcnCreateNetwork"))
    n.start_agent(wait=0)
    n.pipe()
    n.wait_uplink("state", "failed")
    common.equal(n.uplink()["error"], "journal: is cut off", "error")
    common.equal(len(n.calls("HcnCreateNetwork")), calls, "networks made")
    reached(c, n)
    n.stop_agent()
    with open(n.journal_path, "w") as f:
        f.write(text)
    common.equal(n.cleanup().returncode, 0, "cleanup")
    expect_end(n, BEFORE, "given back")


def named_none(c, n):
    common.step("--uplink none takes nothing, and gives back what was taken")
    n.start_agent()
    expect_end(n, TAKEN, "taken")
    n.stop_agent()
    n.start_agent("--uplink", "none", wait=0)
    common.eventually(lambda: n.journal() is None, lambda: "the journal is gone: %s\n%s" % (n.journal(), n.log_tail()))
    common.equal(n.has(ADAPTER), BEFORE["adapter"], "the adapter")
    reached(c, n)
    n.stop_agent()
    n.cleanup()


def scenario():
    prefix = "wu%d" % (os.getpid() % 10000)
    with UplinkCluster(prefix, winlab.cluster.free_run_dir(prefix), ("windows", "linux")) as c:
        n, a = c.nodes
        a.start_agent()
        take(c, n)
        restart(c, n)
        pods(c, a, n)
        switch_restart(c, n)
        a.stop_agent()
        n.stop_agent()
        common.equal(n.cleanup().returncode, 0, "cleanup")
        expect_end(n, BEFORE, "given back")
        reached(c, n)
        killed(c, n)
        killed_on_the_way_back(c, n)
        reboot(c, n)
        refused(c, n)
        away(c, n)
        bad_journal(c, n)
        named_none(c, n)


if __name__ == "__main__":
    winlab.need("seine-agent", "seinectl", "seine-cni")
    common.need_lab = winlab.need
    common.main(scenario)
