# SPDX-License-Identifier: Apache-2.0
"""Services: Pods reach endpoints by the Service's address, on their own node, on another and on a node itself, in
both families, by TCP and UDP; a Pod reaches itself; policies judge the endpoint; a Service without endpoints is refused
at once; endpoints that come, go and move disturb nobody else.

    test_services.py [PART...]      all parts, or those named (the functions below); most want `one_endpoint` before them"""
import json
import os
import socket
import sys

import common
from lab import clock, netns, probe
from lab.manifests import endpoint_slice, policy, service

# The userspace datapath does not translate SCTP's ports.
PORTS = ((80, "web"), (53, "dns", "UDP"), (99, "sig", "SCTP"))
TARGETS = ((8080, "web"), (5353, "dns", "UDP"), (99, "sig", "SCTP"))


def vip(n, family):
    return ("10.96.0.%d" if family == 4 else "fd00:96::%x") % n


def put_service(c, name, n, endpoints, ports=PORTS, targets=TARGETS):
    """A Service with the n-th addresses; `endpoints` by family: addresses, or (address, conditions)."""
    c.apply(service("default", name, [vip(n, f) for f in c.families], ports),
            *[endpoint_slice("default", name, "v%d" % f, endpoints(f), targets, f) for f in c.families])


def of(*pods):
    return lambda family: [p.ip(family) for p in pods]


def ask(c, src, n, expect=None, proto="tcp", port=80, family=4):
    name = expect and (expect.ns if proto == "sctp" else expect.full_name)
    return probe.Probe(src.ns, vip(n, family), proto, port, name)


ASKED = (("tcp", 80), ("udp", 53), ("sctp", 99))
# SCTP's probes keep their ports. In the kernel their connection stays at its endpoint, as TCP's would.
ASKED_ANEW = ASKED[:2] if os.environ.get("SEINE_LAB_DATAPATH") == "system" else ASKED


def expect_all(c, m, src, n, verdict, expect=None, asked=ASKED):
    for family in c.families:
        for proto, port in asked:
            m.add(ask(c, src, n, expect, proto, port, family), verdict,
                  "%s -> Service %d %s v%d" % (src.full_name, n, proto, family))


def one_endpoint(c, pods):
    common.step("one endpoint, asked from both nodes and by the endpoint itself")
    put_service(c, "one", 1, of(pods["web"]))
    m = common.Matrix(c)
    for src in (pods["near"], pods["far"], pods["web"]):
        expect_all(c, m, src, 1, True, pods["web"])
    m.check("one endpoint")


def spread(c, pods):
    common.step("three endpoints on two nodes share the connections")
    ends = [pods["web"], pods["web2"], pods["web3"]]
    put_service(c, "three", 2, of(*ends))
    for family in c.families:
        for src in (pods["near"], pods["far"]):
            c.servers.seen.clear()
            answers = c.answers([ask(c, src, 2, family=family) for _ in range(120)])
            common.equal(answers.count("allow"), 120, "answers of 120")
            counts = [c.servers.seen[p.full_name, "tcp", src.ip(family)] for p in ends]
            print("   v%d from %s: %s" % (family, src.full_name, counts))
            common.true(min(counts) >= 15, "each endpoint has its share: %s" % counts)


def unready(c, pods):
    common.step("an endpoint that is not ready gets nothing, one that ends gets what is left")
    ending = {"ready": False, "serving": True, "terminating": True}
    put_service(c, "three", 2, lambda f: [(pods["web"].ip(f), {"ready": False}), pods["web2"].ip(f),
                                          (pods["web3"].ip(f), ending)])
    m = common.Matrix(c)
    for _ in range(6):
        expect_all(c, m, pods["near"], 2, True, pods["web2"], ASKED_ANEW)
    m.check("the ready one")
    put_service(c, "three", 2, lambda f: [(pods["web"].ip(f), {"ready": False}), (pods["web3"].ip(f), ending)])
    m = common.Matrix(c)
    for _ in range(6):
        expect_all(c, m, pods["near"], 2, True, pods["web3"], ASKED_ANEW)
    m.check("the ending one")


def refused(c, pods):
    common.step("without endpoints it is refused at once")
    put_service(c, "none", 3, lambda f: [])
    probes = [ask(c, src, 3, None, proto, port, family) for family in c.families
              for proto, port in (("tcp", 80), ("udp", 53)) for src in (pods["near"], pods["far"])]
    common.equal(c.answers(probes), ["refused"] * len(probes), "a Service without endpoints")
    start = clock.now()
    common.equal(c.answers(probes), ["refused"] * len(probes), "again")
    seconds = clock.now() - start
    common.true(seconds < probe.TIMEOUT, "at once: it took %.1f s; the test %s" % (seconds, clock.told()))


def policies(c, pods):
    common.step("policies judge the endpoint, however often the client asks")
    web, near = pods["web"], pods["near"]
    c.apply(policy("default", "shut", {"matchLabels": {"app": "web"}}, ["Ingress"],
                   ingress=[{"from": [{"podSelector": {"matchLabels": {"app": "far"}}}]}]))
    m = common.Matrix(c)
    expect_all(c, m, near, 1, False)
    expect_all(c, m, pods["far"], 1, True, web)
    expect_all(c, m, web, 1, True, web)
    m.check("ingress of the endpoint")
    c.remove(policy("default", "shut"))

    def egress(blocks):
        to = [{"ipBlock": {"cidr": b}} for b in blocks]
        return policy("default", "out", {"matchLabels": {"app": "near"}}, ["Egress"], egress=[{"to": to}])
    c.apply(egress(["10.96.0.0/16", "fd00:96::/64"]))
    m = common.Matrix(c)
    expect_all(c, m, near, 1, False)
    m.check("egress to the Service's address opens nothing")
    c.apply(egress(["%s/32" % web.ip(4), "%s/128" % web.ip(6)]))
    m = common.Matrix(c)
    expect_all(c, m, near, 1, True, web)
    m.check("egress to the endpoint's address does")
    ports = [{"port": "http"}]
    c.apply(policy("default", "out", {"matchLabels": {"app": "near"}}, ["Egress"],
                   egress=[{"to": [{"podSelector": {"matchLabels": {"app": "web"}}}], "ports": ports}]))
    m = common.Matrix(c)
    for family in c.families:
        m.add(ask(c, near, 1, web, "tcp", 80, family), True, "named port v%d" % family)
        m.add(ask(c, near, 1, web, "udp", 53, family), False, "another port v%d" % family)
    m.check("a named port is the endpoint's")
    c.remove(policy("default", "out"))


def shown(c, pods):
    common.step("seinectl shows Services, endpoints, and why")
    a, web, web2 = c.nodes[0], pods["web"], pods["web2"]
    put_service(c, "shown", 5, of(web, web2))
    put_service(c, "none", 3, lambda f: [])
    item = next(i for i in a.ctl_json("get", "services")["items"] if i["name"] == "shown")
    common.equal((item["namespace"], item["type"], item["clusterIPs"], item["ports"], item["endpoints"]),
                 ("default", "ClusterIP", [vip(5, f) for f in c.families], ["80/TCP", "53/UDP", "99/SCTP"], [2, 2, 2]), "get services")
    ends = {(i["clusterIP"], i["port"], i["address"], i["targetPort"])
            for i in a.ctl_json("get", "endpoints")["items"] if i["service"] == "shown"}
    common.equal(ends, {(vip(5, f), port, p.ip(f), n) for f in c.families for p in (web, web2)
                        for port, n in (("80/TCP", 8080), ("53/UDP", 5353), ("99/SCTP", 99))}, "get endpoints")
    print(a.ctl("get", "services").stdout)

    def why(n, family, more=0):
        done = a.ctl("why", "default/near", vip(n, family), "80/tcp", "-o", "json", check=False)
        common.equal(done.returncode, more, "exit status of why: " + done.stdout + done.stderr)
        return json.loads(done.stdout)
    for family in c.families:
        got = why(5, family)
        common.equal((got["verdict"], got["agree"]), ("allow", True), "why")
        common.equal([(e["address"], e["port"], e.get("pod"), e["verdict"]) for e in got["endpoints"]],
                     [(p.ip(family), 8080, p.full_name, "allow") for p in (web, web2)], "endpoints of why")
        got = why(3, family)
        common.equal((got["verdict"], got["agree"]), ("refused", True), "why without endpoints")
    c.apply(policy("default", "half", {"matchLabels": {"app": "web"}}, ["Ingress"]))
    got = why(5, 4)
    common.equal((got["verdict"], got["agree"]), ("drop", True), "why with a policy")
    print(a.ctl("why", "default/near", vip(5, 4), "80/tcp", check=False).stdout)
    far = pods["web3"]
    put_service(c, "far", 9, of(far))
    for family in c.families:
        got = why(9, family)
        common.equal((got["verdict"], got["agree"]), ("drop", True), "why of an endpoint that another node shuts")
        common.equal([(e["pod"], e["node"], e["because"]) for e in got["endpoints"]],
                     [(far.full_name, "node2", "ingress: no rule allows it: default/half")], "which is told")
        got = a.ctl_json("why", "default/near", far.ip(family), "8080")
        common.equal((got["verdict"], got["ingress"]["policies"], got["agree"]), ("drop", ["default/half"], True), "why by its address")
    print(a.ctl("why", "default/near", vip(9, 4), "80/tcp", check=False).stdout)
    c.remove(policy("default", "half"))
    common.equal(why(9, 4)["verdict"], "allow", "without the policy")
    told = a.ctl("why", "default/near", vip(9, 4), "81").stdout
    common.true("Service default/far, which answers at 80/TCP, 53/UDP, 99/SCTP alone" in told, "another port: " + told)
    told = a.ctl("why", "default/near", "default/shown", "80", check=False).stderr
    common.true("the Service of that name has " + vip(5, 4) in told, "by the Service's name: " + told)
    told = a.ctl("why", "default/far", "default/web3", "80", check=False).stderr
    common.true("neither default/far (on node2) nor default/web3 (on node2)" in told, "Pods of another node: " + told)


def node_endpoints(c, pods):
    common.step("endpoints on the nodes themselves, as the API server's own Service has")
    a, b = c.nodes
    for i, node in enumerate((a, b)):
        c.serve_in(node.ns, "host-" + node.name, tcp=(6443,), udp=())
        c.apply(service("default", "api%d" % i, [vip(10 + i, 4)], ((443, None),)),
                endpoint_slice("default", "api%d" % i, "x", [node.ip4], ((6443, None),)))
    m = common.Matrix(c)
    for src in (pods["near"], pods["far"]):
        for i, node in enumerate((a, b)):
            m.add(probe.Probe(src.ns, vip(10 + i, 4), "tcp", 443, "host-" + node.name), True,
                  "%s -> %s:6443" % (src.full_name, node.name))
    m.check("node addresses")


def begin(streams):
    """They run, and each has had answers."""
    for s in streams:
        s.start()
    for s in streams:
        s.goes_on(10)


def unharmed(streams, what):
    """All that was sent came back; an emulated machine may lose datagrams when it cannot keep up."""
    for s in streams:
        s.goes_on(10)
        lost = s.finish()
        common.equal(s.failed, None, str(s))
        spared = s.sent // 5 if s.proto == "udp" and probe.SLOWNESS > 1 else 0
        common.true(lost <= spared, "lost of %s %s: %d of %d" % (s, what, lost, s.sent))


def moving(c, pods):
    common.step("endpoints move between slices under traffic")
    ends, near = [pods["web"], pods["web2"]], pods["near"]
    c.remove(*[endpoint_slice("default", "three", "v6", [], TARGETS, 6)])
    put_service(c, "moves", 4, of(*ends))
    streams = [probe.Stream(near.ns, vip(4, f), p, proto) for f in c.families for proto, p in (("tcp", 80), ("udp", 53))]
    begin(streams)
    for _ in range(3):
        for split in ((0, 1), (1, 0)):
            for f in c.families:
                texts = [e.ip(f) for e in ends]
                # To the new slice first, as the controller does not promise; then away from the old one.
                c.apply(endpoint_slice("default", "moves", "w%d" % f, texts, TARGETS, f))
                c.apply(endpoint_slice("default", "moves", "v%d" % f, [texts[split[0]]], TARGETS, f))
                c.apply(endpoint_slice("default", "moves", "w%d" % f, [texts[split[1]]], TARGETS, f))
    unharmed(streams, "while endpoints moved")
    c.remove(*[endpoint_slice("default", "moves", "w%d" % f, []) for f in c.families])


def gone(c, pods):
    common.step("an endpoint is taken out: its TCP connections go on")
    near, ends = pods["near"], [pods["web"], pods["web2"]]
    put_service(c, "moves", 4, of(ends[0]))
    stream = probe.Stream(near.ns, vip(4, 4), 80, "tcp")
    begin([stream])
    put_service(c, "moves", 4, of(ends[1]))
    m = common.Matrix(c)
    expect_all(c, m, near, 4, True, ends[1], ASKED_ANEW)
    m.check("new connections")
    unharmed([stream], "after its endpoint was taken out")


class Client:
    """One UDP socket that keeps its port."""

    def __init__(self, pod, address, port):
        self.sock = netns.open_socket(pod.ns, probe.family_of(address), socket.SOCK_DGRAM)
        self.sock.settimeout(0.4 * probe.SLOWNESS)
        self.sock.connect((address, port))
        self.asked = 0

    def ask(self):
        """Who answers this question, however late, with patience for the first that is not lost."""
        end = clock.now() + clock.PATIENCE
        while clock.now() < end:
            found = self.try_once()
            if found:
                return found
        return None

    def try_once(self):
        """Who answers, None if nobody does so soon. An answer to an earlier question is none to this one."""
        self.asked += 1
        question = b"%d" % self.asked
        end = clock.now() + 0.4 * probe.SLOWNESS
        try:
            self.sock.send(question)
            while clock.now() < end:
                name, _, said = self.sock.recv(1000).partition(b"\n")
                if said == question:
                    return name.decode()
        except (TimeoutError, ConnectionRefusedError):
            pass
        return None


def stuck(c, pods):
    common.step("UDP clients that keep their port get another endpoint, or a Service that has come")
    near, ends = pods["near"], [pods["web"], pods["web3"]]
    for family in c.families:
        put_service(c, "stuck", 6, of(ends[0]))
        client, other = Client(near, vip(6, family), 53), Client(near, ends[0].ip(family), 80)
        early = Client(near, vip(7, family), 53)
        common.equal(client.ask(), ends[0].full_name, "the first endpoint")
        common.equal(client.ask(), ends[0].full_name, "again")
        common.equal(other.ask(), ends[0].full_name, "a port of the Pod that is none of the Service's")
        common.equal(early.try_once(), None, "no Service there")
        put_service(c, "stuck", 6, of(ends[1]))
        put_service(c, "early", 7, of(ends[0]))
        common.equal(client.ask(), ends[1].full_name, "the other endpoint")
        common.equal(other.ask(), ends[0].full_name, "the Pod itself")
        common.equal(early.ask(), ends[0].full_name, "a Service that has come")
        c.remove(service("default", "early"))


def errors(c, pods):
    common.step("what an endpoint refuses comes back as from the Service")
    put_service(c, "closed", 8, of(pods["web"]), targets=((9, "web"), (9, "dns", "UDP")))
    probes = [ask(c, src, 8, None, proto, port, family) for family in c.families
              for proto, port in (("tcp", 80), ("udp", 53)) for src in (pods["near"], pods["far"])]
    # Of a Pod to itself: resets. What an ICMP error quotes is not translated there.
    probes += [ask(c, pods["web"], 8, None, "tcp", 80, family) for family in c.families]
    common.equal(c.answers(probes), ["refused"] * len(probes), "closed ports of an endpoint")


def changed(c, pods):
    common.step("a Service changes: two protocols at one port, another port, another address, no address, another type; it goes")
    near, web, web2 = pods["near"], pods["web"], pods["web2"]

    def put(n, ports, kind="ClusterIP", ips=None):
        c.apply(service("default", "changed", [vip(n, f) for f in c.families] if ips is None else ips, ports, kind))

    def expect(what, *cells):
        """cells: (number of the address, protocol, port, whether it answers)."""
        asked = [(cell, family) for cell in cells for family in c.families for _ in range(20 if cell[3] else 1)]
        probes = [ask(c, near, n, None, proto, port, family) for (n, proto, port, _), family in asked]
        got = c.ask(probes)
        late = [i for i, (cell, _) in enumerate(asked) if cell[3] and got[i] == "drop"]
        for i, answer in zip(late, c.answers([probes[i] for i in late])):
            got[i] = answer
        wrong = ["%s %s:%d: %s" % (cell[1], vip(cell[0], family), cell[2], g) for (cell, family), g in zip(asked, got)
                 if (g == "allow") != cell[3]]
        common.equal(wrong, [], what)
    both = ((53, "t"), (53, "u", "UDP"))
    put(14, both)
    c.apply(*[endpoint_slice("default", "changed", "a%d" % f, [web.ip(f)], ((8080, "t"), (5353, "u", "UDP")), f) for f in c.families],
            *[endpoint_slice("default", "changed", "b%d" % f, [web2.ip(f)], ((80, "t"),), f) for f in c.families])
    c.servers.seen.clear()
    expect("two protocols", (14, "tcp", 53, True), (14, "udp", 53, True))
    common.true(c.servers.seen[web2.full_name, "tcp", near.ip(4)] > 0 and c.servers.seen[web.full_name, "tcp", near.ip(4)] > 0,
                "both numbers of the target port answer")
    streams = [probe.Stream(near.ns, vip(14, f), 53, "tcp") for f in c.families]
    begin(streams)
    put(14, ((54, "t"), (53, "u", "UDP")))
    expect("another port", (14, "tcp", 53, False), (14, "tcp", 54, True), (14, "udp", 53, True))
    put(15, ((54, "t"),))
    expect("another address, a port less", (14, "tcp", 54, False), (15, "tcp", 54, True), (14, "udp", 53, False), (15, "udp", 53, False))
    unharmed(streams, "while its port and its address changed")
    for kind, ips in (("ExternalName", ()), ("ClusterIP", ("None",))):
        put(15, ((54, "t"),), kind, ips)
        expect("%s %s" % (kind, ips), (15, "tcp", 54, False))
    put(15, ((54, "t"),), "NodePort")
    expect("NodePort", (15, "tcp", 54, True))
    c.remove(service("default", "changed"))
    expect("gone", (15, "tcp", 54, False))
    c.remove(*[endpoint_slice("default", "changed", "%s%d" % (x, f), []) for f in c.families for x in "ab"])


def lasting(c, pods):
    common.step("connections that exist outlive policies and a restart of the agent")
    near, web = pods["near"], pods["web"]
    streams = [probe.Stream(src.ns, vip(1, f), p, proto) for f in c.families for proto, p in (("tcp", 80), ("udp", 53))
               for src in (near, web)]
    begin(streams)
    shut = policy("default", "shut", {"matchLabels": {"app": "web"}}, ["Ingress"])
    c.apply(shut)
    m = common.Matrix(c)
    expect_all(c, m, near, 1, False)
    m.check("new connections")
    node = c.nodes[0]
    node.stop_agent()
    node.start_agent()
    common.equal(node.flow_mods(), 0, "messages after a restart")
    c.remove(shut)
    unharmed(streams, "by a policy and a restart")


def switch_restarts(c, pods):
    common.step("ovs-vswitchd killed and started again")
    a = c.nodes[0]
    flows, groups = a.switch.flows(), a.switch.held("groups")
    a.switch.stop("ovs-vswitchd")
    a.switch.start_switch()
    a.underlay_up()
    common.eventually(lambda: a.switch.flows() == flows and a.switch.held("groups") == groups, "all is whole again")
    c.warm()
    c.sync()
    m = common.Matrix(c)
    expect_all(c, m, pods["near"], 1, True, pods["web"])
    m.check("after it")


def crowds(c, pods):
    common.step("90 endpoints, chosen by ovs-vswitchd; 360, in shards: all share the connections")
    ends, near = [pods["web"], pods["web2"], pods["web3"]], pods["near"]
    for end in ends:
        c.servers.serve(end.ns, end.full_name, range(9000, 9120), (), sctp=False)
    for n, n_ports in ((30, 30), (31, 120)):
        c.apply(service("default", "crowd%d" % n, [vip(n, f) for f in c.families], ((80, None),)),
                *[endpoint_slice("default", "crowd%d" % n, "p%d-%d" % (f, p), [e.ip(f) for e in ends], ((9000 + p, None),), f)
                  for f in c.families for p in range(n_ports)])
        for family in c.families:
            c.servers.seen.clear()
            answers = c.answers([ask(c, near, n, family=family) for _ in range(150)])
            common.equal(answers.count("allow"), 150, "answers of 150")
            counts = [c.servers.seen[p.full_name, "tcp", near.ip(family)] for p in ends]
            print("   %d endpoints v%d: %s" % (3 * n_ports, family, counts))
            common.true(min(counts) >= 25, "each Pod has its share: %s" % counts)


def many(c, pods):
    common.step("a Service of 1,000 endpoints, read back after a restart")
    ips = ["10.200.%d.%d" % (i // 200, i % 200 + 1) for i in range(999)]
    parts = [[pods["web"].ip(4)] + ips[:499], ips[499:]]
    c.apply(service("default", "many", [vip(20, 4)], ((80, None),)),
            *[endpoint_slice("default", "many", "p%d" % i, part, ((8080, None),)) for i, part in enumerate(parts)])
    a = c.nodes[0]
    before = a.status()["messages"]["groupMods"]
    c.apply(endpoint_slice("default", "many", "p1", ips[500:], ((8080, None),)))
    common.equal(a.status()["messages"]["groupMods"] - before, 1, "group messages for one endpoint that goes")
    a.stop_agent()
    a.start_agent()
    common.equal(a.flow_mods(), 0, "flow messages after a restart")
    common.equal(a.status()["messages"]["groupMods"], 0, "group messages after a restart")


PARTS = (one_endpoint, spread, unready, refused, policies, shown, node_endpoints, moving, gone, stuck, errors, changed, lasting,
         switch_restarts, crowds, many)


def scenario():
    asked = [p for p in PARTS if p.__name__ in sys.argv[1:]] or PARTS
    common.equal({p.__name__ for p in asked} >= set(sys.argv[1:]), True, "parts are named as the functions are")
    with common.cluster("svc") as c:
        c.start_agents()
        a, b = c.nodes
        named = {"ports": [("http", 8080, "TCP")]}
        pods = {"near": c.pod(a, "default", "near", {"app": "near"}), "far": c.pod(b, "default", "far", {"app": "far"}),
                "web": c.pod(a, "default", "web", {"app": "web"}, **named),
                "web2": c.pod(a, "default", "web2", {"app": "web"}, **named),
                "web3": c.pod(b, "default", "web3", {"app": "web"}, **named)}
        for part in asked:
            part(c, pods)
        c.recompute()


if __name__ == "__main__":
    common.main(scenario)
