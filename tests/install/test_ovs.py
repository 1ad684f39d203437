# SPDX-License-Identifier: Apache-2.0
"""Open vSwitch from the image seine-ovs with what seine-ovs.yaml grants: an agent is served by it, it comes back after a crash and
after a stop with the same bridges, and each capability is needed."""
import json
import os
import time

import installlab
from installlab import CONFIG, common, netns


class Ovs:
    def __init__(self, m):
        self.m, self.pod = m, m.pod({"ovs.enabled": True}, "seine-ovs")

    def start(self):
        """In the order that a kubelet does not choose: the one waits for the other."""
        self.pod.start("switch")
        time.sleep(1)
        self.pod.start("db")

    def vsctl(self, *args, check=True):
        return self.m.podman("exec", "switch", "ovs-vsctl", "--timeout=60", *args, check=check)

    def ready(self, name):
        """What the kubelet's probe of a container says."""
        command = self.pod.container(name)["readinessProbe"]["exec"]["command"]
        return self.m.podman("exec", name, *command, check=False).returncode == 0

    def wait(self):
        for name in ("db", "switch"):
            common.eventually(lambda: self.ready(name), lambda name=name: "%s is ready: %s" % (name, self.pod.logs(name)), every=0.2)

    def underlay(self):
        node = self.m.node
        self.vsctl("--may-exist", "add-br", "br-phy", "--", "set", "bridge", "br-phy", "datapath_type=netdev",
                   "fail_mode=standalone", "other_config:hwaddr=02:00:00:00:5e:01", "--", "--may-exist", "add-port", "br-phy", "eth0")
        common.eventually(lambda: link(node, "br-phy"), lambda: "br-phy: " + self.pod.logs("switch"))
        node.underlay_up()


def link(node, name):
    return next((l for l in json.loads(netns.run("ip", "-j", "link", "show", ns=node.ns).stdout) if l["ifname"] == name), None)


def addresses(node, name):
    shown = json.loads(netns.run("ip", "-j", "addr", "show", "dev", name, ns=node.ns).stdout)
    return sorted(a["local"] for a in shown[0]["addr_info"] if a["scope"] == "global")


def refusals(ovs):
    """What the switch was not allowed to do; that it looks for other namespaces' links and may not is nothing new."""
    return [line.split("|", 2)[2] for line in ovs.pod.logs("switch").splitlines()
            if "not permitted" in line and ("|WARN|" in line or "|ERR|" in line)]


def less_will_not_do(m, ovs):
    """Without one of them the switch cannot open its ports."""
    for capability in ovs.pod.container("switch")["securityContext"]["capabilities"]["add"]:
        m.podman("rm", "-f", "-t", "2", "switch")
        ovs.pod.start("switch", without=(capability,))
        told = common.eventually(lambda: refusals(ovs), lambda capability=capability: "it fails without %s: %s" % (
            capability, ovs.pod.logs("switch")), every=0.2)
        print("   without %s: %s" % (capability, told[0][:140]))
    m.podman("rm", "-f", "-t", "2", "switch")


def scenario():
    with common.cluster("ovi", nodes=1) as c:
        node = c.nodes[0]
        node.switch.stop()  # the node is one without Open vSwitch
        netns.run("ip", "addr", "flush", "dev", "eth0", ns=node.ns)
        for name in ("br-phy", "ovs-netdev"):
            netns.run("ip", "link", "del", name, ns=node.ns, check=False)
        archive = c.run + "/seine.tar"
        installlab.make(archive)
        os.makedirs(node.dir + "/ovs-run")
        m = installlab.Machine(node, archive, node.dir + "/ovs-run")
        os.unlink(archive)
        try:
            run(c, m, Ovs(m))
        finally:
            m.podman.close()


def run(c, m, ovs):
    common.step("Open vSwitch, with a database of its own")
    ovs.start()
    ovs.wait()
    common.equal(os.path.exists(m.paths["/var/lib/openvswitch"] + "/conf.db"), True, "its database is the node's")
    ovs.underlay()
    common.step("an agent on it")
    agent = m.pod({"config": CONFIG}, "seine-agent")
    installlab.put_objects(c, m.node)
    agent.start("agent")
    common.eventually(lambda: m.page("/readyz") == 200, lambda: "ready: " + agent.logs("agent"))
    status = json.loads(m.podman("exec", "agent", "seinectl", "status", "-o", "json").stdout)
    common.true(status["ovs"]["version"], "ovs-vswitchd's control socket is found: %s" % status["ovs"])
    gateway = addresses(m.node, "seine-gw0")
    common.step("ovs-vswitchd is killed and started again: the devices stay")
    m.podman("kill", "-s", "KILL", "switch")
    common.eventually(lambda: m.page("/readyz") == 503, "not ready")
    common.equal(m.page("/healthz"), 200, "/healthz meanwhile")
    common.equal(addresses(m.node, "seine-gw0"), gateway, "the gateway's addresses stay")
    m.podman("start", "switch")
    m.podman("exec", "db", "true", check=False)
    common.eventually(lambda: m.page("/readyz") == 200, lambda: "ready again: " + agent.logs("agent"))
    common.equal(addresses(m.node, "seine-gw0"), gateway, "the gateway's addresses")
    common.step("both stop and start, as when the Pod is deleted: the same bridges")
    bridges = ovs.vsctl("list-br").stdout
    for name in ("switch", "db"):
        ovs.pod.stop(name)
    ovs.start()
    ovs.wait()
    m.node.underlay_up()
    common.equal(ovs.vsctl("list-br").stdout, bridges, "bridges")
    common.eventually(lambda: m.page("/readyz") == 200, lambda: "ready again: " + agent.logs("agent"))
    common.equal(m.podman("exec", "agent", "seinectl", "recompute").returncode, 0, "recompute")
    agent.stop("agent")
    common.equal(refusals(ovs), [], "refused with all capabilities")
    common.step("no capability is asked for in vain")
    less_will_not_do(m, ovs)


if __name__ == "__main__":
    common.main(scenario, installlab.need)
