# SPDX-License-Identifier: Apache-2.0
"""The plugin as runtimes call it: every verb, every accepted version, repeated and concurrent calls, who a container
is, what an error looks like."""
import concurrent.futures
import json

import common
from lab import netns, probe
from lab.manifests import pod, policy

VERSIONS = ("0.3.0", "0.3.1", "0.4.0", "1.0.0", "1.1.0")


def version(a):
    common.step("VERSION, and what is not for us")
    a_version = a.cni("VERSION", ifname="")
    common.equal(a_version.code, 0, "VERSION")
    common.equal(set(VERSIONS) <= set(a_version.json["supportedVersions"]), True, "versions %r" % a_version.json)
    cases = (
        ({"cniVersion": "9.0.0"}, 1, "a version of the future"),
        ({"ipam": {"type": "host-local"}}, 7, "an ipam key"),
    )
    for more, code, what in cases:
        result = a.cni("ADD", "c-x", "/run/netns/none", config=a.cni_config(**more))
        common.equal(result.error, code, "%s: %r" % (what, result))
    result = a.cni("CHECK", "c-x", "/run/netns/none")
    common.equal(result.error, 7, "CHECK without prevResult: %r" % result)
    result = a.cni("GC", ifname="")
    common.equal(result.error, 7, "GC without the list: %r" % result)
    result = a.cni("DANCE", "c-x")
    common.equal(result.error, 4, "an unknown verb: %r" % result)
    result = a.cni("ADD", "", "/run/netns/none")
    common.equal(result.error, 4, "no container id: %r" % result)
    result = a.cni("ADD", "c-x", "/run/netns/none", ifname="")
    common.equal(result.error, 4, "no interface name: %r" % result)


def result_shapes(c, a):
    common.step("ADD in every version: the result of that version")
    for number, wanted in enumerate(VERSIONS):
        name = "v%d" % number
        ns = c.pod_ns("default", name)
        netns.add(ns)
        c.objects.put(pod("default", name, {}, a.name))
        config = a.cni_config(cniVersion=wanted, dns={"nameservers": ["10.0.0.10"], "search": ["x.local"]})
        args = a.pod_args("default", name, name)
        result = a.cni("ADD", name, netns.path(ns), args=args, config=config)
        common.equal(result.code, 0, "ADD %s: %r" % (wanted, result))
        got = result.json
        common.equal(got["cniVersion"], wanted, "version of the result")
        common.equal(got["dns"]["nameservers"], ["10.0.0.10"], "dns")
        inside = [i for i in got["interfaces"] if i.get("sandbox")]
        common.equal([(i["name"], i["sandbox"]) for i in inside], [("eth0", netns.path(ns))], "the Pod's interface")
        common.equal(len(got["interfaces"]), 2, "interfaces")
        common.equal(sorted(r["dst"] for r in got["routes"]), ["0.0.0.0/0", "::/0"], "routes")
        for ip in got["ips"]:
            common.equal(got["interfaces"][ip["interface"]]["name"], "eth0", "interface of the address")
            common.true(ip["gateway"] in a.gateways, "gateway %s" % ip["gateway"])
            common.equal("version" in ip, wanted.startswith("0."), "the key `version` in ips of %s" % wanted)
        again = a.cni("ADD", name, netns.path(ns), args=args, config=config)
        common.equal(again.json, got, "ADD repeated")
        if wanted >= "0.4.0":
            check = a.cni("CHECK", name, netns.path(ns), args=args, config=dict(config, prevResult=got))
            common.equal(check.code, 0, "CHECK: %r" % check)
        for _ in range(2):
            common.equal(a.cni("DEL", name, netns.path(ns), args=args, config=config).code, 0, "DEL")
        common.equal(a.cni("DEL", name, "", args=args, config=config).code, 0, "DEL without namespace")
        netns.delete(ns)
        c.objects.delete(pod("default", name))


def check_finds(c, a):
    common.step("CHECK says what differs")
    made = c.pod(a, "default", "check")
    ns = made.ns
    args = a.pod_args("default", "check", made.container)
    previous = a.cni("ADD", made.container, netns.path(ns), args=args).json
    config = a.cni_config(prevResult=previous)
    common.equal(a.cni("CHECK", made.container, netns.path(ns), args=args, config=config).code, 0, "CHECK")
    netns.run("ip", "addr", "del", made.ips[0] + "/24", "dev", "eth0", ns=ns)
    result = a.cni("CHECK", made.container, netns.path(ns), args=args, config=config)
    common.true(result.error >= 100, "CHECK with the address gone: %r" % result)
    common.equal(c.remove_pod(made).code, 0, "DEL")
    result = a.cni("CHECK", made.container, "/run/netns/gone", args=args, config=config)
    common.true(result.error != 0, "CHECK of what is gone: %r" % result)


def identity(c, a, b):
    common.step("waiting for the Pod's object; another UID is another Pod")
    ns = c.pod_ns("default", "late")
    netns.add(ns)
    args = a.pod_args("default", "late", "c-late")
    with concurrent.futures.ThreadPoolExecutor() as pool:
        adding = pool.submit(a.cni, "ADD", "c-late", netns.path(ns), "eth0", args)
        common.true(not concurrent.futures.wait([adding], timeout=0.6).done, "ADD waits for the object")
        c.objects.put(pod("default", "late", {"k": "v"}, a.name, uid="11111111-2222-3333-4444-555555555555"))
        result = adding.result(timeout=common.PATIENCE)
    common.equal(result.code, 0, "ADD once the object is there: %r" % result)
    # A second sandbox of the same Pod: the newest holds, DEL of the old one changes nothing of the new.
    second_ns = c.pod_ns("default", "late2")
    netns.add(second_ns)
    second = a.cni("ADD", "c-late-2", netns.path(second_ns), args=a.pod_args("default", "late", "c-late-2"))
    common.equal(second.code, 0, "the second sandbox: %r" % second)
    c.serve_in(second_ns, "second")
    common.equal(a.cni("DEL", "c-late", netns.path(ns), args=args).code, 0, "DEL of the old sandbox")
    m = common.Matrix(c)
    for address in second.ips:
        m.add(probe.Probe(a.ns, address, "tcp", 80, "second"), True, "the new sandbox " + address)
    m.check("after DEL of the old sandbox")
    c.servers.drop(second_ns)
    common.equal(a.cni("DEL", "c-late-2", netns.path(second_ns)).code, 0, "DEL")
    wrong = a.cni("ADD", "c-uid", netns.path(ns), args=args.replace("c-late", "c-uid") +
                  ";K8S_POD_UID=99999999-2222-3333-4444-555555555555")
    common.equal(wrong.error, 11, "another UID: %r" % wrong)
    netns.delete(second_ns)
    netns.delete(ns)
    c.objects.delete(pod("default", "late"))


def anonymous(c, a):
    common.step("a container without Pod arguments is a Pod of its own, without labels, under policies")
    ns = c.pod_ns("default", "anon")
    netns.add(ns)
    result = a.cni("ADD", "anon-container", netns.path(ns))
    common.equal(result.code, 0, "ADD: %r" % result)
    mine = [p for p in a.ctl_json("get", "pods")["items"] if p["name"] == "anon-container"]
    common.equal([(p["namespace"], p["local"]) for p in mine], [("default", True)], "get pods")
    c.serve_in(ns, "anon")
    client = c.pod(a, "default", "client")
    deny = policy("default", "deny", {"matchExpressions": [{"key": "app", "operator": "DoesNotExist"}]}, ["Ingress"])
    c.apply(deny)
    m = common.Matrix(c)
    m.add(probe.Probe(client.ns, result.ips[0], "tcp", 80, "anon"), False, "denied")
    m.check("isolated like a Pod without labels")
    c.remove(deny)
    m = common.Matrix(c)
    m.add(probe.Probe(client.ns, result.ips[0], "tcp", 80, "anon"), True, "allowed")
    m.check("open again")
    c.servers.drop(ns)
    common.equal(a.cni("DEL", "anon-container", netns.path(ns)).code, 0, "DEL")
    netns.delete(ns)
    c.remove_pod(client)


def many_at_once(c, a):
    common.step("forty ADDs at once: forty different addresses; forty DELs leave nothing")
    before = set(a.switch.vsctl("list-ports", "br-int").split())
    names = ["m%d" % i for i in range(40)]
    for name in names:
        netns.add(c.pod_ns("default", name))
        c.objects.put(pod("default", name, {}, a.name))

    def call(verb, name):
        return a.cni(verb, name, netns.path(c.pod_ns("default", name)), args=a.pod_args("default", name, name))

    with concurrent.futures.ThreadPoolExecutor(40) as pool:
        added = list(pool.map(lambda n: call("ADD", n), names))
        bad = [r for r in added if r.code]
        common.equal(bad, [], "ADDs that failed")
        addresses = [ip for r in added for ip in r.ips]
        common.equal(len(set(addresses)), 80, "different addresses")
        # GC keeps exactly what the runtime still knows.
        valid = [{"containerID": n, "ifname": "eth0"} for n in names[:30]]
        valid += [{"containerID": p.container, "ifname": "eth0"} for p in c.pods.values()]
        result = a.cni("GC", ifname="", config=a.cni_config(**{"cni.dev/valid-attachments": valid}))
        common.equal(result.code, 0, "GC: %r" % result)
        kept = {p["containerID"] for p in a.ctl_json("get", "pods")["items"] if p.get("containerID")}
        common.equal(kept, {v["containerID"] for v in valid}, "attachments that GC kept")
        deleted = list(pool.map(lambda n: call("DEL", n), names))
    common.equal([r for r in deleted if r.code], [], "DELs that failed")
    common.equal(set(a.switch.vsctl("list-ports", "br-int").split()), before, "ports")
    for name in names:
        netns.delete(c.pod_ns("default", name))
        c.objects.delete(pod("default", name))


def agent_away(c, a):
    common.step("the agent away: ADD 11, STATUS 50, VERSION good, DEL journalled and done at the next start")
    gone = c.pod(a, "default", "gone", serve=False)
    a.stop_agent()
    common.equal(a.cni("VERSION", ifname="").code, 0, "VERSION")
    common.equal(a.cni("STATUS", ifname="").error, 50, "STATUS")
    ns = netns.path(gone.ns)
    common.equal(a.cni("ADD", "c-more", ns, args=a.pod_args("default", "gone", "c-more")).error, 11, "ADD")
    result = a.cni("DEL", gone.container, ns, args=a.pod_args("default", "gone", gone.container))
    common.equal((result.code, result.stdout), (0, ""), "DEL")
    c.objects.delete(pod("default", "gone"))
    c.pods.pop("default/gone")
    a.start_agent()
    left = [p for p in a.ctl_json("get", "pods")["items"] if p["name"] == "gone"]
    common.equal(left, [], "the Pod deleted while the agent was away")
    netns.delete(gone.ns)


def record(c, a):
    common.step("the record of an attachment is on its port")
    made = c.pod(a, "default", "rec", {"a": "b"})
    item = next(p for p in a.ctl_json("get", "pods")["items"] if p["name"] == "rec")
    for key in ("namespace", "name", "uid", "addresses", "node", "local", "interface", "ofPort", "mac", "containerID"):
        common.true(key in item, "get pods has %s: %r" % (key, item))
    ids = json.loads(a.switch.vsctl("--format=json", "--columns=external_ids", "list", "Port", item["interface"]))
    ids = dict(ids["data"][0][0][1])
    common.equal(ids["seine.container-id"], made.container, "container-id")
    common.equal(ids["seine.pod-name"], "rec", "pod-name")
    common.equal(sorted(ids["seine.ips"].replace(",", " ").split()), sorted(made.ips), "ips")
    for key in ("seine.ifname", "seine.netns", "seine.pod-namespace", "seine.pod-uid"):
        common.true(key in ids, "%s in %r" % (key, ids))
    common.equal(a.switch.ofport(item["interface"]), item["ofPort"], "ofPort")
    c.remove_pod(made)


def scenario():
    with common.cluster("cni") as c:
        c.start_agents()
        a, b = c.nodes
        version(a)
        result_shapes(c, a)
        check_finds(c, a)
        identity(c, a, b)
        anonymous(c, a)
        record(c, a)
        many_at_once(c, a)
        agent_away(c, a)
        c.sync()
        c.recompute()


if __name__ == "__main__":
    common.main(scenario)
