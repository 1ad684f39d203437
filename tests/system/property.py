# SPDX-License-Identifier: Apache-2.0
"""Property tests.

    property.py verdicts [--seed N] [--seconds S] [--clusters N]
        Random clusters. What each node would hold (`seine-agent render`) is put into a switch without packets, and for
        pairs of Pods, addresses outside and nodes, in both families, by protocol and port, the
        verdict of ofproto/trace must be the oracle's.
    property.py acls [--seed N] [--seconds S] [--clusters N]
        The same clusters as access lists for nodes without Open vSwitch (`render --datapath-type hns`), of several
        versions of the service. What the printed list says must be the oracle's verdict; where it is narrower, the
        cause is one that is known and a line on stderr names each policy that would allow it.
    property.py changes [--seed N] [--seconds S]
        A live agent on a live switch while Pods, labels, Namespaces, policies and files change at random: after
        each burst nothing differs on recompute, the switch holds what render prints, and sampled verdicts agree.

The seed is printed first; the same seed is the same run. A failure prints the cluster's own seed and leaves its
objects in a file named in the output."""
import argparse
import ipaddress
import json
import os
import random
import re
import subprocess
import sys
import tempfile
import time

import acls
import common
import tracing
import worldgen
from lab import manifests, netns, ovs
from oracle import Oracle, address_of, is_finished, is_host_network

ASKED_A_PAIR = 4


def full_name(obj):
    return obj["metadata"]["namespace"] + "/" + obj["metadata"]["name"]


def render(folder, node, attachments):
    done = subprocess.run([os.path.join(common.BIN, "seine-agent"), "render", "--objects", folder, "--node-name", node,
                           "--attachments", attachments], capture_output=True, text=True, timeout=2 * common.PATIENCE)
    if done.returncode:
        raise common.Failed("render: exit %d: %s" % (done.returncode, done.stderr))
    sections, current = {}, None
    for line in done.stdout.splitlines():
        if line.startswith("# "):
            current = sections.setdefault(line[2:], [])
        else:
            current.append(line)
    return sections


class Dry:
    """A switch daemon with dummy ports: one bridge a node, filled with rendered flows."""

    def __init__(self, dir):
        self.dir = dir
        self.switch = ovs.Switch(dir + "/ovs", dummy=True)
        self.switch.start()

    def load(self, world):
        folder = self.dir + "/objects"
        os.makedirs(folder, exist_ok=True)
        for name in os.listdir(folder):
            os.unlink(os.path.join(folder, name))
        with open(folder + "/world.json", "w") as f:
            json.dump({"apiVersion": "v1", "kind": "List", "items": list(world.objects.values())}, f)
        found = {}
        for node in world.nodes:
            mine = [a for a in world.attachments.values() if a["node"] == node]
            path = "%s/%s.json" % (self.dir, node)
            with open(path, "w") as f:
                json.dump(mine, f)
            sections = render(folder, node, path)
            bridge = "br-" + node
            # In one transaction with add-br the daemon would keep the bridge with its flows.
            self.switch.vsctl("--if-exists", "del-br", bridge)
            args = ["add-br", bridge, "--", "set", "bridge", bridge,
                    "datapath_type=dummy", "fail_mode=secure", "protocols=[OpenFlow10,OpenFlow15]"]
            for name, number in [("t" + node, 1), ("g" + node, 2)] + [(a["interface"], a["ofPort"]) for a in mine]:
                args += ["--", "add-port", bridge, name, "--", "set", "Interface", name, "type=dummy",
                         "ofport_request=%d" % number]
            self.switch.vsctl(*args)
            if sections["meters"]:
                for line in sections["meters"]:
                    self.switch.ofctl("add-meter", bridge, line)
            if sections["groups"]:
                self.switch.ofctl("add-groups", bridge, "-", stdin="\n".join(sections["groups"]) + "\n")
            self.switch.ofctl("--bundle", "add-flows", bridge, "-", stdin="\n".join(sections["flows"]) + "\n")
            common.equal(self.switch.flows(bridge), sections["flows"], "flows that %s took, against render" % node)
            found[node] = tracing.Tracer(self.switch, bridge)
        return found

    def close(self):
        self.switch.stop()


class Judge:
    """Compares verdicts of one world; `tracers` by node name."""

    def __init__(self, world, tracers, gateway_mac):
        self.world, self.tracers, self.gateway_mac = world, tracers, gateway_mac
        self.oracle = Oracle(world.objects.values())
        self.pods = {full_name(o): o for o in world.objects.values() if o["kind"] == "Pod"}
        self.live = [n for n in sorted(world.attachments)
                     if n in self.pods and not is_finished(self.pods[n]) and not is_host_network(self.pods[n])]
        self.verdicts = 0
        self.wrong = []

    def compare(self, what, got, expected, text):
        self.verdicts += 1
        if got != expected:
            word = {True: "allow", False: "drop"}
            self.wrong.append("%s: oracle %s, switch %s\n%s" % (what, word[expected], word[got], text))

    def pair(self, src_name, dst_name, family, proto, port):
        src, dst = self.world.attachments[src_name], self.world.attachments[dst_name]
        a, b = self.pods[src_name], self.pods[dst_name]
        packet = tracing.packet(family, proto, address_of(a, family), address_of(b, family), 40000, port)
        what = "seed %d: %s -> %s v%d %s/%s" % (self.world.seed, src_name, dst_name, family, proto, port)
        egress = self.oracle.egress(a, b, family, proto, port)
        ingress = self.oracle.ingress(a, b, family, proto, port)
        here = self.tracers[src["node"]]
        if src["node"] == dst["node"]:
            text = here.trace(src["ofPort"], packet, (src["mac"], dst["mac"]))
            self.compare(what, here.reaches(text, dst["ofPort"]), egress and ingress, text)
            return
        text = here.trace(src["ofPort"], packet, (src["mac"], self.gateway_mac(src["node"])))
        left = here.reaches(text, here.tunnel)
        self.compare(what + " egress", left, egress, text)
        macs = tracing.final_macs(text) if left else (self.gateway_mac(src["node"]), self.gateway_mac(dst["node"]))
        there = self.tracers[dst["node"]]
        text = there.trace(there.tunnel, packet.replace("nw_ttl=64", "nw_ttl=63"), macs, self.tunnel_fields(src, dst))
        self.compare(what + " ingress", there.reaches(text, dst["ofPort"]), ingress, text)

    def tunnel_fields(self, src, dst):
        index = {n: i + 1 for i, n in enumerate(self.world.nodes)}
        return ",tun_id=0,tun_src=192.0.2.%d,tun_dst=192.0.2.%d" % (index[src["node"]], index[dst["node"]])

    def outside(self, name, family, proto, port):
        """A Pod and an address outside the cluster, both ways."""
        attached, pod = self.world.attachments[name], self.pods[name]
        tracer = self.tracers[attached["node"]]
        address = self.world.rnd.choice(worldgen.OUTSIDE[family])
        gateway = self.gateway_mac(attached["node"])
        what = "seed %d: %s %%s %s v%d %s/%s" % (self.world.seed, name, address, family, proto, port)
        text = tracer.trace(attached["ofPort"], tracing.packet(
            family, proto, address_of(pod, family), address, 40000, port), (attached["mac"], gateway))
        self.compare(what % "->", tracer.reaches(text, tracer.gateway),
                     self.oracle.egress(pod, address, family, proto, port), text)
        text = tracer.trace(tracer.gateway, tracing.packet(
            family, proto, address, address_of(pod, family), 40000, port), (gateway, attached["mac"]))
        self.compare(what % "<-", tracer.reaches(text, attached["ofPort"]),
                     self.oracle.ingress(address, pod, family, proto, port), text)

    def service(self, name, target):
        """A Pod to a Service's address: the endpoint that was chosen must be one, and policy judges it."""
        ip, proto, port = target
        attached, pod = self.world.attachments[name], self.pods[name]
        address, gateway = ipaddress.ip_address(ip), self.gateway_mac(attached["node"])
        family, tracer = address.version, self.tracers[attached["node"]]
        what = "seed %d: %s -> Service %s %s/%s" % (self.world.seed, name, ip, proto, port)
        # The datapath's hash of the connection, which a trace does not compute.
        head = "dp_hash=%d," % self.world.rnd.randint(1, 0xffffffff)
        text = tracer.trace(attached["ofPort"], head + tracing.packet(family, proto, address_of(pod, family), ip, 40000, port),
                            (attached["mac"], gateway))
        expected = self.oracle.frontend(address, proto, port)
        if not expected:
            refused = "controller(" in text.lower() and not tracing.outputs(text)
            self.compare(what + " refused", refused, expected is not None, text)
            if expected is None:
                self.compare(what, tracer.reaches(text, tracer.gateway),
                             self.oracle.egress(pod, ip, family, proto, port), text)
            return
        end = tracing.translated(text)
        self.compare("%s: endpoint %s of %s" % (what, end, sorted(map(str, expected))), end in expected, True, text)
        if end in expected:
            self.endpoint(what + " at %s:%d" % end, (name, proto), end, text)

    def endpoint(self, what, asked, end, text):
        """What became of the packet after its translation; `text` is the trace on the sender's node."""
        name, proto = asked
        src, pod, tracer = self.world.attachments[name], self.pods[name], self.tracers[self.world.attachments[name]["node"]]
        family, owner = end[0].version, self.oracle.owner_of(end[0])
        party = owner if owner is not None else str(end[0])
        egress = self.oracle.egress(pod, party, family, proto, end[1])
        ingress = owner is None or self.oracle.ingress(pod, owner, family, proto, end[1])
        dst = self.world.attachments[full_name(owner)] if owner is not None else None
        if dst is None and any(end[0] in ipaddress.ip_network(c) for c in ("10.80.0.0/16", "fd00:80::/32")):
            return  # nobody's address: of a Pod that has gone
        if dst is None:
            self.compare(what + " outside", tracer.reaches(text, tracer.gateway), egress, text)
        elif dst["node"] == src["node"]:
            self.compare(what, tracer.reaches(text, dst["ofPort"]), egress and ingress, text)
        else:
            self.compare(what + " egress", tracer.reaches(text, tracer.tunnel), egress, text)
            there = self.tracers.get(dst["node"])
            if not there:
                return
            packet = tracing.packet(family, proto, address_of(pod, family), end[0], 40000, end[1])
            far = there.trace(there.tunnel, packet, (self.gateway_mac(src["node"]), self.gateway_mac(dst["node"])),
                              self.tunnel_fields(src, dst))
            self.compare(what + " ingress", there.reaches(far, dst["ofPort"]), ingress, far)

    def node_probe(self, name, family):
        """The node to its own Pod: always."""
        attached, pod = self.world.attachments[name], self.pods[name]
        tracer = self.tracers[attached["node"]]
        index = self.world.nodes.index(attached["node"]) + 1
        source = ("10.80.%d.1" if family == 4 else "fd00:80:%x::1") % index
        text = tracer.trace(tracer.gateway, tracing.packet(
            family, "TCP", source, address_of(pod, family), 40000, 10250),
            (self.gateway_mac(attached["node"]), attached["mac"]))
        self.compare("seed %d: probe of %s v%d" % (self.world.seed, name, family),
                     tracer.reaches(text, attached["ofPort"]), True, text)

    def spoofed(self, name, family):
        """Another Pod's address from this Pod's port: never."""
        attached = self.world.attachments[name]
        tracer = self.tracers[attached["node"]]
        others = [n for n in self.live if n != name]
        if len(others) < 2:
            return
        source, target = self.world.rnd.sample(others, 2)
        text = tracer.trace(attached["ofPort"], tracing.packet(
            family, "TCP", address_of(self.pods[source], family), address_of(self.pods[target], family), 1, 80),
            (attached["mac"], self.gateway_mac(attached["node"])))
        self.compare("seed %d: %s as %s" % (self.world.seed, name, source), bool(tracing.outputs(text)), False, text)

    def all(self, share=1.0):
        for src in self.live:
            for family in (4, 6):
                self.node_probe(src, family)
                self.spoofed(src, family)
                for proto, port in self.world.protocols(2):
                    self.outside(src, family, proto, port)
            for target in self.world.service_targets():
                self.service(src, target)
            for family in (4, 6):
                for dst in self.live:
                    if src == dst or self.world.rnd.random() > share:
                        continue
                    for proto, port in self.world.protocols(ASKED_A_PAIR):
                        self.pair(src, dst, family, proto, port)
        return self.verdicts

    def verdict(self):
        if self.wrong:
            keep = tempfile.mkstemp(prefix="seine-property-", suffix=".json")[1]
            with open(keep, "w") as f:
                json.dump({"apiVersion": "v1", "kind": "List", "items": list(self.world.objects.values())}, f, indent=1)
            raise common.Failed("%d of %d verdicts differ; objects in %s; the first:\n%s\nothers:\n%s" % (
                len(self.wrong), self.verdicts, keep, self.wrong[0],
                "\n".join(w.splitlines()[0] for w in self.wrong[1:20])))


def gateway_macs(tracers):
    """The hardware address that a node's gateway answers with, read from its ARP flows."""
    found = {}

    def of(node):
        if node not in found:
            tracer = tracers[node]
            text = "\n".join(tracer.switch.flows(tracer.bridge))
            m = re.search(r"in_port=%d,[^\n]*dl_src=([0-9a-f:]{17})" % tracer.gateway, text) \
                or re.search(r"set_field:([0-9a-f:]{17})->(?:eth_src|arp_sha)", text)
            found[node] = m.group(1) if m else "02:00:00:00:00:01"
        return found[node]
    return of


def goes_on(args, start, clusters, total):
    """So many clusters as were asked for; else for the seconds that were, and on a slow machine until it has tried enough."""
    if args.clusters:
        return clusters < args.clusters
    return time.monotonic() - start < args.seconds or total < 2000


def verdicts(args):
    dir = "/run/seine-lab/pv%d" % os.getpid()
    os.makedirs(dir)
    total = clusters = 0
    start = time.monotonic()
    dry = Dry(dir)
    try:
        while goes_on(args, start, clusters, total):
            seed = args.seed + clusters
            world = worldgen.World(seed, n_pods=random.Random(seed).randint(4, 18),
                                   n_policies=random.Random(seed + 1).randint(0, 14))
            for i in range(random.Random(seed + 2).randint(0, 5)):
                world.add_service(i)
            tracers = dry.load(world)
            judge = Judge(world, tracers, gateway_macs(tracers))
            total += judge.all()
            clusters += 1
            judge.verdict()
    finally:
        dry.close()
        subprocess.run(["rm", "-rf", dir])
    seconds = time.monotonic() - start
    print("%d verdicts of %d clusters agree with the oracle (%.0f s, %d a second)" % (
        total, clusters, seconds, total / seconds))
    common.true(total > 0, "some verdicts in a run")


class Shaker:
    """Random changes of a live cluster: what it does to the folder it does to its World, which the oracle reads."""

    def __init__(self, c, world):
        self.c, self.world, self.rnd = c, world, world.rnd
        self.next = 100
        self.local = {}

    def step(self):
        self.rnd.choice((self.relabel, self.relabel, self.policy, self.policy, self.drop_policy, self.add_remote,
                         self.drop_remote, self.team, self.add_local, self.drop_local, self.rewrite, self.service, self.service,
                         self.drop_service))()

    def put(self, obj):
        self.world.put(obj)
        self.c.objects.put(obj)

    def gone(self, obj):
        del self.world.objects[manifests.Folder.file_of(obj)]
        self.c.objects.delete(obj)

    def some(self, kind, test=lambda o: True):
        found = sorted(k for k, o in self.world.objects.items() if o["kind"] == kind and test(o))
        return self.world.objects[self.rnd.choice(found)] if found else None

    def relabel(self):
        obj = self.some("Pod")
        if obj:
            obj["metadata"]["labels"] = self.world.labels()
            self.put(obj)

    def policy(self):
        self.put(self.world.policy("np%d" % self.rnd.randint(0, 9)))

    def drop_policy(self):
        obj = self.some("NetworkPolicy")
        if obj:
            self.gone(obj)

    def add_remote(self):
        self.next += 1
        self.world.nodes, keep = self.world.nodes[1:], self.world.nodes
        obj = self.world.add_pod("pod%d" % self.next)
        self.world.nodes = keep
        if obj["spec"]["nodeName"] != keep[0] and full_name(obj) in self.world.attachments:
            # add_pod numbered the node by its place in the shortened list
            index = keep.index(obj["spec"]["nodeName"]) + 1
            host = self.world.used[obj["spec"]["nodeName"]]
            ips = ["10.80.%d.%d" % (index, host), "fd00:80:%x::%x" % (index, host)]
            obj["status"].update(podIP=ips[0], podIPs=[{"ip": ip} for ip in ips])
            self.world.attachments[full_name(obj)]["addresses"] = ips
        self.put(obj)

    def drop_remote(self):
        obj = self.some("Pod", lambda o: full_name(o) not in self.local)
        if obj:
            self.gone(obj)
            self.world.attachments.pop(full_name(obj), None)

    def team(self):
        space = self.rnd.choice(self.world.spaces)
        obj = manifests.namespace(space, self.world.labels(worldgen.TEAMS))
        if self.rnd.random() < 0.3 and manifests.Folder.file_of(obj) in self.world.objects:
            self.gone(obj)
        else:
            self.put(obj)

    def add_local(self):
        if len(self.local) >= 8:
            return
        self.next += 1
        node, space = self.c.nodes[0], self.rnd.choice(self.world.spaces)
        containers, init = self.world.pod_spec()
        obj = manifests.pod(space, "pod%d" % self.next, self.world.labels(), node.name, containers=containers, init=init)
        self.put(obj)
        pod = node.add_pod(space, obj["metadata"]["name"])
        obj["status"].update(podIP=pod.ips[0], podIPs=[{"ip": ip} for ip in pod.ips])
        self.put(obj)
        item = next(p for p in node.ctl_json("get", "pods")["items"]
                    if p["name"] == pod.name and p["namespace"] == space)
        self.local[pod.full_name] = pod
        self.world.attachments[pod.full_name] = dict(item, node=node.name)

    def drop_local(self):
        if not self.local:
            return
        name = self.rnd.choice(sorted(self.local))
        pod = self.local.pop(name)
        obj = next(o for o in self.world.objects.values() if o["kind"] == "Pod" and full_name(o) == name)
        common.equal(pod.node.del_pod(pod).code, 0, "DEL " + name)
        netns.delete(pod.ns)
        self.gone(obj)
        self.world.attachments.pop(name, None)

    def service(self):
        """A Service anew, or one that changes; slices of an earlier one may stay."""
        before = dict(self.world.objects)
        self.world.add_service(self.rnd.randint(0, 3))
        for name, obj in self.world.objects.items():
            if before.get(name) is not obj:
                self.c.objects.put(obj)

    def drop_service(self):
        obj = self.some(self.rnd.choice(("Service", "EndpointSlice", "EndpointSlice")))
        if obj:
            self.gone(obj)

    def rewrite(self):
        """A file written anew with the same text changes nothing."""
        name = self.rnd.choice(sorted(self.c.objects.objects))
        self.c.objects.put(self.c.objects.objects[name])


def live_check(c, world):
    """The live switch against render and the oracle, from node1's side only."""
    a = c.nodes[0]
    path = c.run + "/attachments.json"
    with open(path, "w") as f:
        json.dump([p for p in a.ctl_json("get", "pods")["items"] if p.get("local") and p.get("interface")], f)
    rendered = render(c.objects.dir, a.name, path)
    common.equal(a.switch.flows(), rendered["flows"], "the switch against render")
    common.equal(a.switch.held("groups"), rendered["groups"], "its groups against render")
    tracer = tracing.Tracer(a.switch, "br-int", a.switch.ofport("seine-tun0"), a.switch.ofport("seine-gw0"))
    judge = Judge(world, {a.name: tracer}, gateway_macs({a.name: tracer}))
    local = [n for n in judge.live if world.attachments[n]["node"] == a.name]
    for src in local:
        for target in world.service_targets():
            judge.service(src, target)
        for family in (4, 6):
            judge.node_probe(src, family)
            for proto, port in world.protocols(2):
                judge.outside(src, family, proto, port)
            for dst in local:
                for proto, port in world.protocols(2) if src != dst else ():
                    judge.pair(src, dst, family, proto, port)
    judge.verdict()
    return judge.verdicts


def changes(args):
    total = steps = bursts = 0
    start = time.monotonic()
    with common.cluster("prc", nodes=1) as c:
        world = worldgen.World(args.seed, n_pods=0, n_policies=4)
        shaker = Shaker(c, world)
        for obj in list(world.objects.values()):
            c.objects.put(obj)
        c.start_agents()
        for _ in range(3):
            shaker.add_local()
        while time.monotonic() - start < args.seconds or bursts < 3 or total <= 100:
            for _ in range(shaker.rnd.randint(1, 8)):
                shaker.step()
                steps += 1
            c.sync()
            c.recompute()
            total += live_check(c, world)
            bursts += 1
    print("%d changes in %d bursts: no difference on recompute, %d verdicts agree" % (steps, bursts, total))


HNS_VERSIONS = ("9.2", "11.9", "11.10", "12.3", "13.0", "15.4")


class AclJudge:
    """Compares one node's access lists with the oracle."""

    def __init__(self, world, node, version, lists, unsaid):
        self.world, self.node, self.version, self.lists, self.unsaid = world, node, version, lists, unsaid
        self.oracle = Oracle(world.objects.values())
        self.pods = {full_name(o): o for o in world.objects.values() if o["kind"] == "Pod"}
        self.live = [n for n in sorted(world.attachments)
                     if n in self.pods and not is_finished(self.pods[n]) and not is_host_network(self.pods[n])]
        self.local = [n for n in self.live if world.attachments[n]["node"] == node]
        self.verdicts = self.narrower = 0

    def allowing(self, pod, direction, party, family, proto, port):
        """The policies that would allow it, each looked at alone."""
        found = []
        for policy in self.oracle.policies:
            alone = Oracle(self.oracle.pods + [o for o in self.oracle.objects if o["kind"] == "Namespace"] + [policy])
            if alone.isolated(pod, direction) and (
                    alone.egress(pod, party, family, proto, port) if direction == "Egress"
                    else alone.ingress(party, pod, family, proto, port)):
                found.append(full_name(policy))
        return found

    def compare(self, name, direction, party, address, family, proto, port, expected):
        pod = self.pods[name]
        got = self.lists.allows(name, {"Ingress": "In", "Egress": "Out"}[direction], address,
                                acls.protocol_number(proto, family), port)
        self.verdicts += 1
        if got == expected:
            return
        what = "seed %d version %s: %s %s %s v%d %s/%s: oracle %s, list %s" % (
            self.world.seed, self.version, name, direction, address, family, proto, port, expected, got)
        no_ipv6 = family == 6 and [int(n) for n in self.version.split(".")] < [11, 10]
        if got or not (proto == "SCTP" or no_ipv6):
            raise common.Failed(what)
        self.narrower += 1
        word = "SCTP: " if not no_ipv6 else ("SCTP: ", "IPv6: ") if proto == "SCTP" else "IPv6: "
        own = address == address_of(pod, family)
        allowing = [] if own else self.allowing(pod, direction, party, family, proto, port)
        for policy in allowing:
            if not any(line.startswith("policy %s: " % policy) and line.split(": ", 1)[1].startswith(word)
                       for line in self.unsaid):
                raise common.Failed("%s, and no line names %s\n%s" % (what, policy, "\n".join(self.unsaid)))
        if not allowing and not any(line.startswith("node %s: IPv6: " % self.node) for line in self.unsaid):
            raise common.Failed("%s, and no line names the node" % what)

    def pair(self, name, other, family, proto, port):
        pod, party = self.pods[name], self.pods[other]
        address = address_of(party, family)
        if address:
            self.compare(name, "Egress", party, address, family, proto, port,
                         self.oracle.egress(pod, party, family, proto, port))
            self.compare(name, "Ingress", party, address, family, proto, port,
                         self.oracle.ingress(party, pod, family, proto, port))

    def outside(self, name, family, proto, port):
        pod, text = self.pods[name], self.world.rnd.choice(worldgen.OUTSIDE[family])
        address = address_of(text, family)
        self.compare(name, "Egress", text, address, family, proto, port, self.oracle.egress(pod, text, family, proto, port))
        self.compare(name, "Ingress", text, address, family, proto, port,
                     self.oracle.ingress(text, pod, family, proto, port))

    def node_probe(self, name, family):
        index = self.world.nodes.index(self.node) + 1
        for text in (("10.80.%d.1", "192.0.2.%d") if family == 4 else ("fd00:80:%x::1", "2001:db8:5e::%x")):
            source = text % index
            self.compare(name, "Ingress", source, address_of(source, family), family, "TCP", 10250, True)

    def all(self):
        common.equal(sorted(self.lists.of), self.local, "Pods that have a list")
        common.equal(self.lists.has_sets, int(self.version.split(".")[0]) >= 13, "sets are there")
        for name in self.local:
            for family in (4, 6):
                self.node_probe(name, family)
                for proto, port in self.world.protocols(4):
                    self.outside(name, family, proto, port)
                for other in self.live:
                    for proto, port in self.world.protocols(ASKED_A_PAIR):
                        self.pair(name, other, family, proto, port)


def render_acls(dir, world, node, version):
    path = "%s/%s.json" % (dir, node)
    with open(path, "w") as f:
        json.dump([a for a in world.attachments.values() if a["node"] == node], f)
    done = subprocess.run([os.path.join(common.BIN, "seine-agent"), "render", "--objects", dir + "/objects", "--node-name",
                           node, "--attachments", path, "--datapath-type", "hns", "--hns-version", version],
                          capture_output=True, text=True, timeout=2 * common.PATIENCE)
    if done.returncode:
        raise common.Failed("render: exit %d: %s" % (done.returncode, done.stderr))
    return acls.Lists(done.stdout), done.stderr.splitlines()


def acl_cluster(seed, dir):
    """One cluster, every node of it: (verdicts, narrower ones)."""
    rnd = random.Random(seed)
    world = worldgen.World(seed, n_pods=rnd.randint(4, 18), n_policies=rnd.randint(0, 14))
    os.makedirs(dir + "/objects", exist_ok=True)
    with open(dir + "/objects/world.json", "w") as f:
        json.dump({"apiVersion": "v1", "kind": "List", "items": list(world.objects.values())}, f)
    total = narrower = 0
    for node in world.nodes:
        version = rnd.choice(HNS_VERSIONS)
        judge = AclJudge(world, node, version, *render_acls(dir, world, node, version))
        judge.all()
        total, narrower = total + judge.verdicts, narrower + judge.narrower
    return total, narrower


def access_lists(args):
    total = narrower = clusters = 0
    start = time.monotonic()
    with tempfile.TemporaryDirectory(prefix="seine-acls-") as dir:
        while goes_on(args, start, clusters, total):
            found = acl_cluster(args.seed + clusters, dir)
            total, narrower, clusters = total + found[0], narrower + found[1], clusters + 1
    seconds = time.monotonic() - start
    print("%d verdicts of %d clusters agree with the oracle, %d of them narrower and named (%.0f s, %d a second)" % (
        total, clusters, narrower, seconds, total / seconds))
    common.true(total > 0, "some verdicts in a run")


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("what", choices=("verdicts", "acls", "changes"))
    parser.add_argument("--seed", type=int, default=int.from_bytes(os.urandom(3), "big"))
    parser.add_argument("--seconds", type=float, default=45)
    parser.add_argument("--clusters", type=int, default=0, help="verdicts: so many clusters instead of seconds")
    args = parser.parse_args()
    print("property.py %s --seed %d" % (args.what, args.seed), flush=True)
    run = {"verdicts": verdicts, "acls": access_lists, "changes": changes}[args.what]
    if args.what != "acls":
        common.main(lambda: run(args))
    try:  # it needs no node
        run(args)
    except (common.Failed, acls.Wrong) as e:
        print("FAILED: %s" % e)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
