# SPDX-License-Identifier: Apache-2.0
"""A Windows node without Open vSwitch: seine-agent.exe --datapath-type hns under Wine, Pods by seine-cni.exe, the double of
the service. What the endpoints hold is what `render` prints and what the policies mean; never open before, nothing sent
twice, nothing lost by the end of an agent or of the service."""
import json
import os
import signal
import sys

import winlab

sys.path.insert(0, winlab.ROOT + "/tests/system")

import acls  # noqa: E402
import common  # noqa: E402
from lab import netns  # noqa: E402
from lab.manifests import pod, policy  # noqa: E402
from oracle import Oracle, address_of  # noqa: E402

NETWORK = "11111111-2222-4333-8444-000000000001"
BLOCKED = 65500


class AclNode(winlab.WineNode):
    """The same machine; its Open vSwitch runs, and nobody speaks to it."""

    def agent_args(self, *more):
        args = super().agent_args(*more)
        args[args.index("--datapath-type") + 1] = "hns"
        return args

    def make_network(self):
        self.exec(winlab.BUILD + "/doubles/doubles-probe.exe", "hcn", "create", "Network", NETWORK, json.dumps(
            {"SchemaVersion": {"Major": 2, "Minor": 0}, "Name": "seine", "Type": "L2Bridge"}))

    def wait_placed(self, pod):
        self.sync()  # there is no port to wait for

    def held(self):
        """The rules of each endpoint as the service has them: {name: [compact JSON]}."""
        return {name: [acls.compact(p) for p in e.get("Policies", []) if p["Type"] == "ACL"]
                for name, e in self.endpoints().items()}

    def lists(self):
        """The same by Pod, as the agent names them."""
        local = {p["interface"]: "%s/%s" % (p["namespace"], p["name"]) for p in self.ctl_json("get", "pods")["items"]
                 if p.get("local")}
        return "# acls\n" + "".join("%s %s\n" % (local[name], rule) for name in sorted(local, key=lambda n: local[n])
                                    for rule in self.held()[name])

    def n_modified(self):
        return len(self.calls("HcnModifyEndpoint"))


def expect_whole(c, n, what):
    """Desired, installed, what the service has and what render prints are one text."""
    n.sync()
    desired = n.ctl("get", "acls", "--desired").stdout
    common.equal(n.ctl("get", "acls", "--installed").stdout, desired, what + ": installed")
    common.equal(n.lists(), desired, what + ": the service")
    path = c.run + "/attached.json"
    with open(path, "w") as f:
        json.dump([p for p in n.ctl_json("get", "pods")["items"] if p.get("local") and p.get("interface")], f)
    done = n.render("--objects", c.objects.dir, "--node-name", n.name, "--attachments", path, "--datapath-type", "hns")
    common.equal(done.stdout, desired, what + ": render")
    c.recompute()
    return desired


def judge(c, text):
    """The lists against the oracle, for every pair of Pods and a place outside."""
    lists, oracle, total = acls.Lists(text), Oracle(c.objects.objects.values()), 0
    pods = {o["metadata"]["namespace"] + "/" + o["metadata"]["name"]: o for o in c.objects.objects.values()
            if o["kind"] == "Pod"}
    for name in lists.of:
        for party in list(pods.values()) + ["198.51.100.1", "2001:db8:ffff::1"]:
            for family in (4, 6):
                address = address_of(party, family)
                for proto, port in (("TCP", 80), ("TCP", 81), ("UDP", 80), ("ICMP", None)) if address else ():
                    number = acls.protocol_number(proto, family)
                    what = "%s and %s, v%d %s/%s" % (name, address, family, proto, port)
                    common.equal(lists.allows(name, "In", address, number, port),
                                 oracle.ingress(party, pods[name], family, proto, port), "in: " + what)
                    common.equal(lists.allows(name, "Out", address, number, port),
                                 oracle.egress(pods[name], party, family, proto, port), "out: " + what)
                    total += 2
    return total


def first_moments(n):
    """Every endpoint was made with a list that lets nothing pass."""
    made = n.calls("HcnCreateEndpoint")
    common.true(made, "endpoints were made")
    for call in made:
        settings = call["settings"] if isinstance(call["settings"], dict) else json.loads(call["settings"])
        rules = [p["Settings"] for p in settings.get("Policies", []) if p["Type"] == "ACL"]
        common.equal(sorted((r["Direction"], r["Action"], r["Priority"], r["Protocols"], r["RemoteAddresses"]) for r in rules),
                     [("In", "Block", BLOCKED, "256", ""), ("Out", "Block", BLOCKED, "256", "")], "what it begins with")


def policies(c, n):
    common.step("ADD is done when the list is there; a policy is one request to each endpoint that it concerns")
    web = c.pod(n, "shop", "web", {"app": "web"}, serve=False)
    first_moments(n)
    common.equal(len(expect_whole(c, n, "one Pod").splitlines()), 3, "nothing isolates it: Allow both ways")
    db = c.pod(n, "shop", "db", {"app": "db"}, serve=False)
    before = n.n_modified()
    c.apply(policy("shop", "db", {"matchLabels": {"app": "db"}}, ["Ingress"],
                   [{"from": [{"podSelector": {"matchLabels": {"app": "web"}}}], "ports": [{"port": 80}]}]))
    common.equal(n.n_modified() - before, 1, "requests for one policy of one Pod")
    total = judge(c, expect_whole(c, n, "a policy"))
    c.apply(policy("shop", "out", {}, ["Egress"], None, [{"to": [{"ipBlock": {"cidr": "198.51.100.0/24"}}]},
                                                       {"ports": [{"port": 53, "protocol": "UDP"}]}]))
    total += judge(c, expect_whole(c, n, "egress"))
    before = n.n_modified()
    n.sync()
    common.equal(n.n_modified(), before, "nothing is sent twice")
    for dst, port, verdict in (("shop/db", "53/udp", "drop"), ("shop/db", "80", "drop"), ("198.51.100.1", "443", "allow"),
                               ("203.0.113.9", "53/udp", "allow"), ("203.0.113.9", "53", "drop"), ("shop/db", "icmp", "drop")):
        why = json.loads(n.ctl("why", "shop/web", dst, port, "-o", "json").stdout)
        common.equal((why["verdict"], why["trace"]["verdict"], why["agree"]), (verdict, verdict, True), "why %s %s" % (dst, port))
    common.true("(the lists agree)" in n.ctl("why", "shop/web", "shop/db", "80").stdout, "in words")
    return web, db, total


def restarts(c, n):
    common.step("an agent that was killed and starts again sends nothing; it has its records")
    before, pods = n.n_modified(), n.ctl_json("get", "pods")["items"]
    n.stop_agent(signal.SIGKILL)
    n.start_agent()
    common.equal(n.ctl_json("get", "pods")["items"], pods, "attachments after the start")
    expect_whole(c, n, "after the start")
    common.equal(n.n_modified(), before, "requests of a start with nothing changed")


def away(c, n):
    common.step("an endpoint that somebody removed comes back blocked, and gets its list")
    name, doc = sorted(n.endpoints().items())[0]
    wanted = n.held()[name]
    n.exec(winlab.BUILD + "/doubles/doubles-probe.exe", "hcn", "delete", "Endpoint", doc["ID"])
    n.order("service down")
    common.eventually(lambda: n.status()["hns"] == "away", lambda: "status says away\n" + n.log_tail())
    n.order("service up")
    common.eventually(lambda: n.held().get(name) == wanted, lambda: "the endpoint and its list: %s\n%s" % (n.held(), n.log_tail()))
    first_moments(n)
    common.step("a service that is away is not an empty one; what it lost is sent again")
    n.wait_ready()
    text, before = n.ctl("get", "acls").stdout, n.n_modified()
    n.order("service down")
    common.eventually(lambda: n.status()["hns"] == "away", lambda: "status says away\n" + n.log_tail())
    common.true(not n.status()["ready"], "ready without the service")
    n.order("service up")
    n.wait_ready()
    common.equal((n.ctl("get", "acls").stdout, n.n_modified()), (text, before), "nothing changed, nothing was sent")
    n.order("fail HcnModifyEndpoint 0x803b001b")
    c.apply(policy("shop", "more", {"matchLabels": {"app": "db"}}, ["Ingress"], [{"ports": [{"port": 81}]}]))
    return judge(c, expect_whole(c, n, "after a refusal"))


def refused(c, n):
    common.step("a Pod whose list is refused is never open, and its ADD is tried again later")
    c.objects.put(pod("shop", "never", {"app": "never"}, n.name))
    ns = c.pod_ns("shop", "never")
    netns.add(ns)
    n.order("fail HcnModifyEndpoint 0x803b001b 1000")
    result = n.cni("ADD", "c-never", netns.path(ns), args=n.pod_args("shop", "never", "c-never"))
    common.equal(result.error, 11, "ADD: %r" % result)
    first_moments(n)
    common.eventually(lambda: len(n.endpoints()) == 2, lambda: "the endpoint is gone again: %s" % n.endpoints())
    n.order("fail HcnModifyEndpoint 0x803b001b 0")
    n.forget(ns)
    c.remove(pod("shop", "never", {}, n.name))
    expect_whole(c, n, "after a failed ADD")


def ends(c, n, web, db):
    c.apply(policy("shop", "sctp", {"matchLabels": {"app": "db"}}, ["Ingress"], [{"ports": [{"port": 9, "protocol": "SCTP"}]}]))
    common.true(any(line.startswith("policy shop/sctp: SCTP: ") for line in n.status()["unsaid"]), "what is not said is told")
    common.true("policy shop/sctp: SCTP: " in n.ctl("status").stdout, "the table tells it too")
    done = n.ctl("why", "203.0.113.9", "shop/db", "9/sctp", check=False)
    common.equal((done.returncode, "THE LISTS DIFFER" in done.stdout), (1, True), "why SCTP: " + done.stdout)
    common.step("DEL takes endpoint, record and list; the status is that of a node without Open vSwitch")
    status = n.status()
    common.equal((status["ovs"]["datapathType"], status["acls"]["desired"], status["flows"]["desired"]), ("hns", 2, 0), "status")
    common.equal(n.switch.vsctl("list-ports", "br-int").split(), [], "ports of Open vSwitch")
    for p in (web, db):
        common.equal(n.del_pod(p).code, 0, "DEL")
    common.equal((n.endpoints(), os.listdir(n.dir + "/run/ports")), ({}, []), "endpoints and records")
    n.sync()
    common.equal(n.ctl("get", "acls", "--installed").stdout, "# acls\n", "lists")
    status, _ = n.stop_agent()
    common.equal(status, 0, "exit code of a stop")


def sets(c, n):
    common.step("version 13.0 has sets: a new member is one request to the network, none to an endpoint")
    n.order("version 13.0")
    n.start_agent()
    near, far = (pod("shop", name, {"app": "web"}, "elsewhere", ips=["10.80.9.%d" % i, "fd00:80:9::%d" % i])
                 for name, i in (("near", 7), ("far", 9)))
    c.objects.put(near)
    c.pod(n, "shop", "db", {"app": "db"}, serve=False)
    text = n.ctl("get", "acls").stdout
    common.true("# sets" in text and "seine-" in text, "sets: " + text)
    total = judge(c, text)
    requests = len(n.calls("HcnModifyNetwork")), n.n_modified()
    c.apply(far)
    common.true("10.80.9.9" in n.ctl("get", "acls", "--installed").stdout, "the member is in a set")
    common.equal((len(n.calls("HcnModifyNetwork")) - requests[0], n.n_modified() - requests[1]), (2, 0), "a set of each family")
    total += judge(c, n.ctl("get", "acls", "--installed").stdout)
    network = next(iter(n.state()["networks"].values()))
    common.equal(sorted(acls.compact(p) for p in network["Policies"]), n.ctl("get", "acls").stdout.split("# sets\n")[1].splitlines(),
                 "sets that the service has")
    c.remove(near, far)
    c.recompute()
    n.del_pod(c.pods["shop/db"])
    n.sync()
    n.stop_agent()
    return total


def cleaned(c, n):
    common.step("cleanup takes away what an agent left, and only that")
    n.start_agent()
    c.pod(n, "shop", "last", {"app": "last"}, serve=False)
    n.stop_agent(signal.SIGKILL)
    common.true(n.endpoints(), "an endpoint is left")
    done = n.cleanup()
    common.equal(done.returncode, 0, done.stderr)
    common.equal((n.endpoints(), os.listdir(n.dir + "/run/ports")), ({}, []), "endpoints and records after cleanup")
    left = list(n.state()["networks"].values())
    common.equal([(w["Name"], w["Policies"]) for w in left], [("seine", [])], "the network is not Seine's, its sets are")


def scenario():
    prefix = "wa%d" % (os.getpid() % 10000)
    c = winlab.MixedCluster(prefix, winlab.cluster.free_run_dir(prefix), common.BIN, kinds=("windows",))
    c.nodes = [AclNode(c, 1)]
    with c:
        n = c.nodes[0]
        n.start_agent(wait=0)
        common.eventually(lambda: "HNS network seine is not there" in n.ctl("status", check=False).stdout,
                          lambda: "the network is missed\n" + n.log_tail())
        n.make_network()
        n.wait_ready()
        web, db, total = policies(c, n)
        restarts(c, n)
        total += away(c, n)
        refused(c, n)
        ends(c, n, web, db)
        total += sets(c, n)
        cleaned(c, n)
    print("%d verdicts of what endpoints hold agree with the oracle" % total)


if __name__ == "__main__":
    winlab.need()
    common.need_lab = winlab.need
    common.main(scenario)
