# SPDX-License-Identifier: Apache-2.0
"""Access lists at a node without Open vSwitch: what the Windows build renders is sent by the Windows build of the target,
through computenetwork.dll, to the double of the service, and what the endpoints hold then means what the policies mean.

acl-apply.exe does what an agent would do with one plan."""
import json
import os
import shutil
import subprocess
import sys
import time

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.realpath(__file__))))
sys.path[:0] = [ROOT + "/installer/linux", ROOT + "/tests/system"]

import acls  # noqa: E402
from lab import manifests, netns  # noqa: E402
from oracle import Oracle, address_of  # noqa: E402

WINENODE = ROOT + "/tests/windows/winenode"
BUILD = os.environ.get("SEINE_WINDOWS_BUILD") or ROOT + "/build/windows"
PREFIX = "acl%d" % (os.getpid() % 10000)
NODE = PREFIX + "-node"
RUN = "/run/seine-lab/" + PREFIX
D = RUN + "/node"
NETWORK = "11111111-2222-4333-8444-000000000001"
ENDPOINTS = {"shop/web": "aaaaaaaa-2222-4333-8444-000000000001", "guest/visitor": "aaaaaaaa-2222-4333-8444-000000000002"}
VERSION = {"Major": 2, "Minor": 0}
REFUSED, UNKNOWN = 3, 4
PORT_NAME = {"Type": "PortName", "Settings": {"Name": "port"}}


def equal(have, want, what):
    assert have == want, "%s: %r, expected %r" % (what, have, want)


def winenode(*args, check=True, stdin=None):
    done = subprocess.run([WINENODE, *args], text=True, capture_output=True, timeout=240, input=stdin)
    assert not check or done.returncode == 0, "winenode %s: %s%s" % (" ".join(args), done.stdout, done.stderr)
    return done


def execute(program, *args, check=True, stdin=None):
    return winenode("exec", PREFIX, BUILD + "/" + program, *args, check=check, stdin=stdin)


def order(line):
    with open(D + "/hcn/commands", "a") as f:
        f.write(line + "\n")


def endpoint(pod):
    with open(D + "/hcn/state.json") as f:
        return json.load(f)["endpoints"][ENDPOINTS[pod]]


def n_modified():
    with open(D + "/hcn/calls.jsonl") as f:
        return sum(json.loads(line)["function"] == "HcnModifyEndpoint" for line in f if line.endswith("\n"))


def make_objects(objects):
    """The samples of docs/examples, as objects for the oracle and as a folder for render."""
    pods = {"shop/web": ({"app": "web"}, "10.244.1.10"), "guest/visitor": ({"app": "visitor"}, "10.244.1.12"),
            "shop/api": ({"app": "api"}, "10.244.2.10"), "ops/monitor": ({"app": "monitor"}, "10.244.2.11")}
    found = [manifests.node("node-a", ["10.244.1.0/24"], ["192.0.2.1"]), manifests.namespace("shop", {"team": "shop"}),
             manifests.namespace("ops", {"trusted": "true"}), manifests.namespace("guest")]
    for name, (labels, ip) in pods.items():
        space, pod = name.split("/")
        found.append(manifests.pod(space, pod, labels, "node-a", [ip], ports=[("http", 80, "TCP")]))
    found += [
        manifests.policy("shop", "web", {"matchLabels": {"app": "web"}}, ["Ingress"], [
            {"from": [{"podSelector": {"matchLabels": {"app": "api"}}}], "ports": [{"port": "http"}]},
            {"from": [{"namespaceSelector": {"matchLabels": {"trusted": "true"}}}]}]),
        manifests.policy("guest", "out", {}, ["Egress"], None, [
            {"to": [{"ipBlock": {"cidr": "198.51.100.0/24", "except": ["198.51.100.128/25"]}}]},
            {"ports": [{"port": 53, "protocol": "UDP"}, {"port": 8080, "endPort": 8090}]}])]
    for obj in found:
        objects.put(obj)
    return found


def attachments(path):
    with open(path, "w") as f:
        json.dump([{"namespace": "shop", "name": "web", "containerID": "c1", "ofPort": 10, "mac": "02:00:00:00:00:01",
                    "addresses": ["10.244.1.10"]},
                   {"namespace": "guest", "name": "visitor", "containerID": "c2", "ofPort": 11, "mac": "02:00:00:00:00:02",
                    "addresses": ["10.244.1.12"]}], f)


def render(folder, version="11.10"):
    return execute("bin/seine-agent.exe", "render", "--objects", folder, "--node-name", "node-a", "--attachments",
                   RUN + "/attached.json", "--datapath-type", "hns", "--hns-version", version).stdout


def send(text, code=0):
    args = [word for pair in ENDPOINTS.items() for word in pair]
    done = execute("doubles/acl-apply.exe", NETWORK, *args, check=False, stdin=text)
    assert done.returncode == code, "acl-apply: exit %d: %s%s" % (done.returncode, done.stdout, done.stderr)
    return done.stderr.strip()


def held(pod):
    """The endpoint's rules as render prints them, in order; other policies are as they were."""
    policies = endpoint(pod)["Policies"]
    equal([p for p in policies if p["Type"] != "ACL"], [PORT_NAME], "other policies of " + pod)
    return ["%s %s" % (pod, acls.compact(p)) for p in policies if p["Type"] == "ACL"]


def lines_of(text, pod):
    return [line for line in text.splitlines() if line.startswith(pod + " ")]


def expect_held(text):
    for pod in ENDPOINTS:
        equal(held(pod), lines_of(text, pod), "what %s holds" % pod)


def judge(objects):
    """What the endpoints hold, against the oracle."""
    lists = acls.Lists("# acls\n" + "".join(line + "\n" for pod in sorted(ENDPOINTS) for line in held(pod)))
    oracle, n = Oracle(objects), 0
    pods = {o["metadata"]["namespace"] + "/" + o["metadata"]["name"]: o for o in objects if o["kind"] == "Pod"}
    parties = list(pods.values()) + ["198.51.100.1", "198.51.100.200", "203.0.113.9"]
    for name in ENDPOINTS:
        for party in parties:
            address = address_of(party, 4)
            for proto, port in (("TCP", 80), ("TCP", 8085), ("TCP", 443), ("UDP", 53), ("UDP", 80), ("ICMP", None)):
                number = acls.protocol_number(proto, 4)
                what = "%s, %s, %s/%s" % (name, address, proto, port)
                equal(lists.allows(name, "Out", address, number, port), oracle.egress(pods[name], party, 4, proto, port), what)
                equal(lists.allows(name, "In", address, number, port), oracle.ingress(party, pods[name], 4, proto, port), what)
                n += 2
        assert lists.allows(name, "In", address_of("192.0.2.1", 4), "6", 10250), "the node's probe of " + name
    return n


def make_node():
    lines = winenode("up", PREFIX, "--netns", NODE, "--ovsdb", "tcp:127.0.0.1:6640", "--openflow", "tcp:127.0.0.1:6653",
                     "--dir", D).stdout
    assert "WINEPREFIX=" in lines, lines
    probe = "doubles/doubles-probe.exe"
    execute(probe, "hcn", "create", "Network", NETWORK, json.dumps(
        {"SchemaVersion": VERSION, "Name": "seine", "Type": "L2Bridge",
         "Ipams": [{"Type": "Static", "Subnets": [{"IpAddressPrefix": "10.244.1.0/24"}]}]}))
    for pod, ip in (("shop/web", "10.244.1.10"), ("guest/visitor", "10.244.1.12")):
        execute(probe, "hcn", "create", "Endpoint", ENDPOINTS[pod], json.dumps(
            {"SchemaVersion": VERSION, "Name": pod.replace("/", "-"), "Policies": [PORT_NAME],
             "IpConfigurations": [{"IpAddress": ip, "PrefixLength": 24}]}), NETWORK)


def scenario():
    make_node()
    folder = manifests.Folder(RUN + "/objects")
    objects = make_objects(folder)
    attachments(RUN + "/attached.json")
    text = render(folder.dir)
    equal(send(text), "2 changes: done", "the first time")
    expect_held(text)
    total = judge(objects)
    before = n_modified()
    equal((send(text), n_modified()), ("0 changes: done", before), "the same again sends nothing")

    objects = [o for o in objects if o["metadata"]["name"] != "out"]
    os.unlink(os.path.join(folder.dir, next(n for n in os.listdir(folder.dir) if "out" in n)))
    text = render(folder.dir)
    equal((send(text), n_modified()), ("1 changes: done", before + 1), "one policy less is one endpoint's list")
    expect_held(text)
    total += judge(objects)

    # A refused list leaves the endpoint as it was; a service that is away is not an empty one.
    kept = held("shop/web")
    folder.put(manifests.policy("shop", "shut", {}, ["Ingress", "Egress"]))
    text = render(folder.dir)
    order("fail HcnModifyEndpoint 0x803b001b")
    assert send(text, REFUSED).startswith("1 changes: refused: "), "a refusal is said"
    equal(held("shop/web"), kept, "after a refusal")
    order("service down")
    assert send(text, UNKNOWN).startswith("0 changes: unknown: "), "a service that is away"
    order("service up")
    equal(send(text), "1 changes: done", "and then")
    expect_held(text)

    # What a reboot took is there again.
    execute("doubles/doubles-probe.exe", "hcn", "modify", "Endpoint", ENDPOINTS["shop/web"], json.dumps(
        {"ResourceType": "Policy", "RequestType": "Reset", "Settings": {"Policies": [PORT_NAME]}}))
    equal(send(text), "1 changes: done", "a list that was lost")
    expect_held(text)
    return total


def main():
    if os.geteuid() != 0:
        print("skipped: not root")
        sys.exit(77)
    start = time.monotonic()
    os.makedirs(RUN)
    try:
        netns.add(NODE)
        total = scenario()
        print("%d verdicts of the lists that endpoints hold agree with the oracle (%.0f s)" % (total, time.monotonic() - start))
    finally:
        winenode("down", PREFIX, check=False)
        netns.delete(NODE)
        shutil.rmtree(RUN)


main()
