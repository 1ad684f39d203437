# SPDX-License-Identifier: Apache-2.0
"""A Windows node whole: seine-agent.exe and seine-cni.exe under Wine, a real Open vSwitch, Pods whose packets pass. What
containerd does on Windows, what HNS does to those who trust it, and that nothing is ever open or left behind for it."""
import contextlib
import json
import os
import signal
import socket
import sys
import threading

import winlab

sys.path.insert(0, winlab.ROOT + "/tests/system")

import common  # noqa: E402
from lab import clock, netns, probe  # noqa: E402
from lab.manifests import pod, policy  # noqa: E402

METRICS = 9101
NO_SUCH = "0badc0de-0000-4000-8000-000000000000"


def cni_add(node, namespace, name, container, guid, **more):
    return node.cni("ADD", container, guid, args=node.pod_args(namespace, name, container), **more)


def pod_space(c, node, namespace, name, **spec):
    """A Pod's object and its namespace, as the runtime makes it before the ADD."""
    c.objects.put(pod(namespace, name, {"app": name}, node.name, **spec))
    ns = c.pod_ns(namespace, name)
    netns.add(ns)
    return ns, node.guid(ns)


def names(node):
    """The three that must agree: HNS endpoints, Open vSwitch's Pod ports, the agent's attachments."""
    ports = node.switch.vsctl("--bare", "--columns=name", "find", "Port", "external_ids:seine.owner=pod").split()
    local = [p["interface"] for p in node.ctl_json("get", "pods")["items"] if p.get("local")]
    return sorted(node.endpoints()), sorted(ports), sorted(local)


def expect_names(node, wanted, what):
    common.eventually(lambda: names(node) == (wanted, wanted, wanted),
                      lambda: "%s: %s everywhere, but there is %s" % (what, wanted, names(node)))


def expect_ping(src_ns, address, what):
    """A packet may be lost or late on a busy machine, not all of them."""
    common.eventually(lambda: netns.run("ping", "-c1", "-W1", address, ns=src_ns, check=False).returncode == 0,
                      "ping of %s %s" % (address, what))


def expect_status(node, key, wanted):
    common.eventually(lambda: node.status()[key] == wanted, lambda: "status says %s: %r, not %r" % (key, wanted, node.status()[key]))


def expect_pipe(node):
    common.eventually(lambda: node.ctl("status", check=False).returncode == 0, lambda: "the agent's pipe\n" + node.log_tail())


def flows_of(node, made):
    """How many flows there are because of a Pod's port."""
    text = node.ctl("get", "flows", "--desired", "--explain").stdout
    return text.count("# flow_local/%s/" % made.container)


def metric(node, name):
    sock = netns.open_socket(node.ns, socket.AF_INET, socket.SOCK_STREAM)
    with contextlib.closing(sock):
        sock.connect(("127.0.0.1", METRICS))
        sock.sendall(b"GET /metrics HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
        text = b"".join(iter(lambda: sock.recv(1 << 16), b"")).decode()
    return next(float(line.split()[1]) for line in text.splitlines() if line.startswith(name + " "))


def attach_one(c, n):
    common.step("ADD: one name everywhere, the GUID as it came, DNS, packets to the gateway and to another Pod")
    ns, guid = pod_space(c, n, "shop", "web")
    spelled = "{%s}" % guid.upper()
    config = n.cni_config(dns={"nameservers": ["10.96.0.10"], "search": ["shop.svc.cluster.local"]})
    result = cni_add(n, "shop", "web", "c-shop-web", spelled, config=config)
    common.equal(result.code, 0, "ADD: %r\n%s" % (result, n.log_tail()))
    host, inside = result.json["interfaces"]
    common.equal((inside["name"], inside["sandbox"]), ("eth0", spelled), "the Pod's interface")
    common.equal(result.json["dns"]["nameservers"], ["10.96.0.10"], "dns")
    common.equal(sorted(n.endpoints()), [host["name"]], "HNS endpoints")
    endpoint = n.endpoints()[host["name"]]
    common.equal(endpoint["MacAddress"].replace("-", ":").lower(), inside["mac"], "MAC")
    common.equal((endpoint["Dns"]["ServerList"], endpoint["Dns"]["Search"]),
                 (["10.96.0.10"], ["shop.svc.cluster.local"]), "DNS of the endpoint")
    web = winlab.cluster.Pod(n, "shop", "web", "c-shop-web", ns, result.ips)
    n.wait_placed(web)
    expect_names(n, [host["name"]], "after the ADD")
    port = n.switch.vsctl("get", "Interface", host["name"], "type").strip()
    common.equal(port, "internal", "the port's type once its device is there")
    mtu = n.status()["host"]["podMTU"]
    common.eventually(lambda: " mtu %d " % mtu in netns.run("ip", "link", "show", "eth0", ns=ns).stdout,
                      "MTU %d in the Pod" % mtu)
    db = c.pod(n, "shop", "db", {"app": "db"})
    c.record(web, pod("shop", "web", {"app": "web"}, n.name))
    c.serve(web)
    for gateway in n.gateways:
        expect_ping(web.ns, gateway, "from the Pod")
    m = common.Matrix(c)
    m.expect(web, db, True)
    m.expect(db, web, True, proto="udp")
    m.check("Pods of one Windows node")
    return web, db, guid


def policies(c, n, web, db):
    common.step("a policy holds")
    deny = policy("shop", "db-from-nobody", {"matchLabels": {"app": "db"}}, ["Ingress"])
    c.apply(deny)
    m = common.Matrix(c)
    m.expect(web, db, False)
    m.expect(db, web, True)
    m.check("isolated")
    for src, dst, verdict in ((web, db, "drop"), (db, web, "allow")):
        why = json.loads(n.ctl("why", src.full_name, dst.full_name, "80", "-o", "json").stdout)
        common.equal((why["verdict"], why["trace"]["verdict"], why["agree"]), (verdict, verdict, True), "why")
    common.true(n.status()["ovs"]["version"], "the version of Open vSwitch by its control pipe")
    c.remove(deny)


def again(n, web, guid):
    common.step("ADD repeated, in every spelling of the namespace; CHECK")
    first = cni_add(n, "shop", "web", web.container, guid)
    common.equal(first.code, 0, "ADD repeated: %r" % first)
    common.equal(first.ips, web.ips, "addresses")
    for spelled in (guid.upper(), "{%s}" % guid):
        other = cni_add(n, "shop", "web", web.container, spelled)
        common.equal((other.code, other.ips), (0, web.ips), "ADD with %s: %r" % (spelled, other))
        common.equal(other.json["interfaces"][1]["sandbox"], spelled, "sandbox")
    args = n.pod_args("shop", "web", web.container)
    check = n.cni("CHECK", web.container, guid, args=args, config=n.cni_config(prevResult=first.json))
    common.equal(check.code, 0, "CHECK: %r" % check)
    lying = dict(first.json, ips=[{"address": "10.80.1.250/24"}])
    check = n.cni("CHECK", web.container, guid, args=args, config=n.cni_config(prevResult=lying))
    common.equal(check.error, 102, "CHECK of another result: %r" % check)


def refusals(c, n):
    common.step("what is no namespace is code 4 and makes nothing")
    before = names(n)
    c.objects.put(pod("shop", "ghost", {}, n.name))
    for bad in ("/run/netns/x", "nonsense", NO_SUCH[:-1], NO_SUCH, "{%s}" % NO_SUCH):
        result = cni_add(n, "shop", "ghost", "c-ghost", bad)
        common.equal(result.error, 4, "ADD in %s: %r" % (bad, result))
        common.equal(n.cni("DEL", "c-ghost", bad).code, 0, "DEL in %s" % bad)
    host_default = next(i for i, s in n.state()["namespaces"].items() if s.get("Type") == "HostDefault")
    result = cni_add(n, "shop", "ghost", "c-ghost", host_default)
    common.equal(result.error, 4, "ADD in the host's own namespace: %r" % result)
    common.equal(n.cni("STATUS", ifname="").code, 0, "STATUS")
    common.equal(names(n), before, "endpoints, ports, attachments")


def workload(n, web, guid):
    common.step("another container of the Pod: the sandbox's result, and a DEL that changes nothing")
    before = names(n)
    sandbox = cni_add(n, "shop", "web", web.container, guid)
    for container in ("c-web-main", "c-web-side"):
        result = cni_add(n, "shop", "web", container, guid)
        common.equal((result.code, result.json), (0, sandbox.json), "ADD of %s" % container)
    common.equal(names(n), before, "endpoints, ports, attachments")
    args = n.pod_args("shop", "web", "c-web-main")
    check = n.cni("CHECK", "c-web-main", guid, args=args, config=n.cni_config(prevResult=sandbox.json))
    common.equal(check.code, 0, "CHECK of it: %r" % check)
    common.equal(n.cni("DEL", "c-web-side", guid).code, 0, "DEL of it")
    n.stop_agent(signal.SIGKILL)
    n.start_agent()
    common.equal(n.cni("DEL", "c-web-side", guid).code, 0, "DEL after a restart")
    common.equal(cni_add(n, "shop", "web", "c-web-main", guid).json, sandbox.json, "ADD after a restart")
    common.equal(names(n), before, "endpoints, ports, attachments after a restart")
    expect_ping(web.ns, n.gateways[0], "after a restart")


def collect(n, web, db, guid):
    common.step("GC keeps what is listed and knows containers without a record")
    valid = [{"containerID": i, "ifname": "eth0"} for i in (web.container, "c-web-main", db.container)]
    before = names(n)
    result = n.cni("GC", ifname="", config=n.cni_config(**{"cni.dev/valid-attachments": valid}))
    common.equal(result.code, 0, "GC: %r" % result)
    common.equal(names(n), before, "endpoints, ports, attachments")


def late(c, n):
    common.step("a device that comes late: ADD does not wait, nothing passes, then all does")
    n.order("adapter-delay 3600000")
    ns, guid = pod_space(c, n, "shop", "late")
    result = cni_add(n, "shop", "late", "c-late", guid)
    common.equal(result.code, 0, "ADD: %r\n%s" % (result, n.log_tail()))
    waiting = winlab.cluster.Pod(n, "shop", "late", "c-late", ns, result.ips)
    common.equal(n.ofport(waiting), 0, "the port's number right after the ADD")
    common.equal((flows_of(n, waiting), metric(n, "seine_cni_late_ports")), (0, 1), "flows by its port, late ports")
    n.order("adapter-delay 0")
    n.wait_placed(waiting)
    expect_ping(ns, n.gateways[0], "once the device is there")
    common.true(flows_of(n, waiting) > 0, "flows by its port")
    common.equal(metric(n, "seine_cni_late_ports"), 0, "late ports")
    return waiting, guid


def killed(c, n):
    common.step("the agent is killed in the midst of an ADD: DEL and the next start leave nothing")
    before = names(n)
    for i, function in enumerate(("HcnCreateEndpoint", "HcnModifyNamespace")):
        name, container = "killed%d" % i, "c-killed%d" % i
        ns, guid = pod_space(c, n, "shop", name)
        n.order("hold " + function)
        answers = []
        adding = threading.Thread(target=lambda: answers.append(cni_add(n, "shop", name, container, guid)))
        adding.start()
        n.wait_held(function)
        n.stop_agent(signal.SIGKILL)
        n.let_go(function)  # the service does what it was asked, whoever has gone
        adding.join()
        common.equal(answers[0].error, 11, "the ADD whose agent died: %r" % answers[0])
        if i:  # either way: while the agent is away, or when it is back
            common.equal(n.cni("DEL", container, guid).code, 0, "DEL with the agent away")
        n.start_agent()
        if not i:
            common.equal(n.cni("DEL", container, guid).code, 0, "DEL")
        common.eventually(lambda: names(n) == before, lambda: "nothing left of %s: %s" % (name, names(n)))
        n.forget(ns)
        netns.delete(ns)
        c.objects.delete(pod("shop", name))


def hns_away(c, n, web):
    common.step("HNS goes and comes: try again, never unknown, and what stands stands")
    before = names(n)
    n.order("service down")
    expect_status(n, "hns", "away")
    common.equal(n.cni("STATUS", ifname="").error, 50, "STATUS")
    ns, guid = pod_space(c, n, "shop", "later")
    result = cni_add(n, "shop", "later", "c-later", guid)
    common.equal(result.error, 11, "ADD without HNS: %r" % result)
    expect_ping(web.ns, n.gateways[0], "without HNS")
    n.stop_agent(signal.SIGKILL)
    n.start_agent(wait=0)
    expect_pipe(n)
    common.true(not n.status()["ready"], "ready without HNS")
    expect_ping(web.ns, n.gateways[0], "after a restart without HNS")
    n.order("service up")
    n.wait_ready()
    common.equal(n.status()["hns"], "ready", "status")
    common.equal(names(n), before, "endpoints, ports, attachments")
    result = cni_add(n, "shop", "later", "c-later", guid)
    common.equal(result.code, 0, "ADD with HNS back: %r" % result)
    later = winlab.cluster.Pod(n, "shop", "later", "c-later", ns, result.ips)
    n.wait_placed(later)
    common.equal(n.cni("DEL", "c-later", guid).code, 0, "DEL")
    n.forget(ns)
    netns.delete(ns)
    c.objects.delete(pod("shop", "later"))
    common.equal(names(n), before, "endpoints, ports, attachments after the DEL")


def lost_endpoint(n, web):
    common.step("HNS loses an endpoint in its restart: it comes back with its address")
    name = n.local(web)["interface"]
    found = next(i for i, e in n.state()["endpoints"].items() if e["Name"] == name)
    n.exec(winlab.BUILD + "/doubles/doubles-probe.exe", "hcn", "delete", "Endpoint", found)
    common.true(name not in n.endpoints(), "the endpoint is gone")
    n.order("service down")
    expect_status(n, "hns", "away")
    n.order("service up")
    common.eventually(lambda: name in n.endpoints(), lambda: "the endpoint is back\n" + n.log_tail())
    n.wait_placed(web)
    expect_ping(web.ns, n.gateways[0], "with the endpoint back")


def away_deletion(n, waiting, guid):
    common.step("DEL with the agent away is noted, and done first by the next one")
    n.stop_agent()
    common.equal(n.cni("STATUS", ifname="").error, 50, "STATUS with the agent away")
    result = n.cni("DEL", waiting.container, guid, args=n.pod_args("shop", "late", waiting.container))
    common.equal((result.code, result.stdout), (0, ""), "DEL with the agent away")
    folder = n.env["WINEPREFIX"] + "/drive_c/ProgramData/seine/deletions"
    common.equal(len(os.listdir(folder)), 1, "notes in " + folder)
    common.equal(cni_add(n, "shop", "late", "c-late2", guid).error, 11, "ADD with the agent away")
    n.start_agent()
    common.eventually(lambda: not os.listdir(folder), lambda: "the note is gone\n" + n.log_tail())
    common.true(n.local(waiting) is None, "the attachment is gone")
    n.forget(waiting.ns)
    netns.delete(waiting.ns)


def switch_restart(n, web):
    common.step("ovs-vswitchd anew: flows whole again, packets pass")
    n.switch.stop("ovs-vswitchd")
    common.eventually(lambda: n.cni("STATUS", ifname="").error == 51, "STATUS 51 without Open vSwitch")
    n.restart_switch()
    n.wait_ready()
    common.equal(n.cni("STATUS", ifname="").code, 0, "STATUS")
    n.wait_placed(web)
    expect_ping(web.ns, n.gateways[0], "with another ovs-vswitchd")


def reboot(c, n, web, db):
    common.step("a reboot: namespaces, endpoints and network are gone; the next start begins anew")
    n.stop_agent(signal.SIGKILL)
    n.order("forget all")
    n.guids.clear()
    n.start_agent()
    common.equal(names(n), ([], [], []), "endpoints, ports, attachments")
    common.equal([w["Name"] for w in n.state()["networks"].values()], ["seine"], "HNS networks")
    for old in (web, db):
        guid = n.guid(old.ns)
        result = cni_add(n, old.namespace, old.name, old.container + "-2", guid)
        common.equal(result.code, 0, "ADD after the reboot: %r" % result)
        new = winlab.cluster.Pod(n, old.namespace, old.name, old.container + "-2", old.ns, result.ips)
        n.wait_placed(new)
        expect_ping(new.ns, n.gateways[0], "after the reboot")
        common.equal(n.cni("DEL", new.container, guid).code, 0, "DEL")
    common.equal(names(n), ([], [], []), "endpoints, ports, attachments after the DELs")


def old_service(c, n):
    common.step("an HNS without dual stack: Pods have IPv4 alone, and it is said")
    n.stop_agent()
    n.order("version 10.4")
    n.start_agent()
    with open(n.agent_log) as log:
        common.true("IPv6DualStack needs HNS 11.10+, this is 10.4: Pods get no IPv6 address" in log.read(), "the log")
    last = c.pod(n, "shop", "plain")
    common.equal([":" in ip for ip in last.ips], [False], "addresses: %s" % last.ips)
    expect_ping(last.ns, n.gateways[0], "by IPv4")
    common.equal(n.cni("DEL", last.container, n.guid(last.ns)).code, 0, "DEL")
    n.order("version 11.10")


def clean(c, n):
    common.step("cleanup takes away all that is Seine's, and only with the agent stopped")
    made = c.pod(n, "shop", "last")
    common.equal(n.cleanup(check=False).returncode, 1, "cleanup while the agent runs")
    n.stop_agent()
    done = n.cleanup(check=False)
    common.equal(done.returncode, 0, "cleanup: %s" % done.stderr)
    state = n.state()
    common.equal((state["networks"], state["endpoints"]), ({}, {}), "HNS networks and endpoints")
    common.equal(n.switch.vsctl("list-ports", "br-int").split(), [], "ports of the bridge")
    common.equal([line for line in n.switch.flows() if "priority=0" not in line], [], "flows")
    n.start_agent()
    common.equal(n.cni("DEL", made.container, n.guid(made.ns)).code, 0, "DEL of what cleanup took")


def hanging(c, n):
    common.step("a call of HNS that hangs does not keep the agent from stopping, nor the next one from going on")
    ns, guid = pod_space(c, n, "shop", "hangs")
    n.order("hold HcnCreateEndpoint")
    answers = []
    adding = threading.Thread(target=lambda: answers.append(cni_add(n, "shop", "hangs", "c-hangs", guid)))
    adding.start()
    n.wait_held("HcnCreateEndpoint")
    status, took = n.stop_agent()
    n.let_go("HcnCreateEndpoint")
    common.equal(status, 0, "exit code")
    common.true(took < 4, "the end took %.1f s; the test %s" % (took, clock.told()))
    adding.join()
    common.equal(answers[0].error, 11, "the ADD: %r" % answers[0])
    n.start_agent()
    common.equal(n.cni("DEL", "c-hangs", guid).code, 0, "DEL")
    common.equal(names(n)[1:], ([], []), "ports, attachments")
    n.forget(ns)


def stop_and_absent(n):
    common.step("Ctrl-C is exit 0; without HNS or Open vSwitch the agent says so")
    status, took = n.stop_agent()
    common.equal(status, 0, "exit code")
    common.true(took < 5, "the end took %.1f s; the test %s" % (took, clock.told()))
    n.order("absent computenetwork.dll")
    n.start_agent(wait=0)
    expect_pipe(n)
    expect_status(n, "hns", "absent")
    common.true("hns: absent" in n.ctl("status").stdout, "the table says so too")
    common.true(not n.status()["ready"], "ready without HNS")
    n.stop_agent()
    n.order("present computenetwork.dll")
    args = [a if a != winlab.cluster.DATAPATH else "auto" for a in n.agent_args("--ovsdb", "pipe:nobody")]
    done = n.exec(*args, check=False)
    common.equal(done.returncode, 1, "auto without Open vSwitch: %s" % done.stderr)
    common.true("--datapath-type hns" in done.stderr, "it names hns: " + done.stderr)


def scenario():
    prefix = "wc%d" % (os.getpid() % 10000)
    with winlab.MixedCluster(prefix, winlab.cluster.free_run_dir(prefix), common.BIN, kinds=("windows",),
                             agent_more=("--metrics-address", "127.0.0.1:%d" % METRICS)) as c:
        n = c.nodes[0]
        n.start_agent()
        common.equal(n.status()["hns"], "ready", "status")
        web, db, guid = attach_one(c, n)
        policies(c, n, web, db)
        again(n, web, guid)
        refusals(c, n)
        workload(n, web, guid)
        collect(n, web, db, guid)
        waiting, late_guid = late(c, n)
        away_deletion(n, waiting, late_guid)
        killed(c, n)
        hns_away(c, n, web)
        lost_endpoint(n, web)
        switch_restart(n, web)
        c.recompute()
        reboot(c, n, web, db)
        old_service(c, n)
        clean(c, n)
        hanging(c, n)
        stop_and_absent(n)


if __name__ == "__main__":
    winlab.need()
    common.need_lab = winlab.need
    common.main(scenario)
