# SPDX-License-Identifier: Apache-2.0
"""No packet to or from a Pod before its policies hold. A flood runs from before the ADD: a neighbour sends to every
address of the pool, the new Pod's namespace sends from its first microsecond. The isolated Pod must never
hear or be heard. The same flood with an open Pod gets through, so that the prober is known to see."""
import json
import select
import socket
import threading
import time

import common
from lab import clock, netns
from lab.manifests import node, pod, policy

ETH_ALL = 3
PORT = 5353


class Flood(threading.Thread):
    """Sends datagrams to all addresses, as fast as it can, from one namespace."""

    def __init__(self, ns, addresses):
        super().__init__(daemon=True)
        self.socks = {}
        for family in (socket.AF_INET, socket.AF_INET6):
            self.socks[family] = netns.open_socket(ns, family, socket.SOCK_DGRAM)
            self.socks[family].setblocking(False)
        self.addresses = addresses
        self.tries = self.sent = 0
        self.running = True

    def run(self):
        while self.running:
            for address in self.addresses:
                family = socket.AF_INET6 if ":" in address else socket.AF_INET
                self.tries += 1
                try:
                    self.socks[family].sendto(b"flood", (address, PORT))
                    self.sent += 1
                except OSError:
                    pass
            time.sleep(0.0005)

    def stop(self):
        self.running = False
        self.join()
        for sock in self.socks.values():
            sock.close()


class Ear(threading.Thread):
    """Sees every frame that arrives in a namespace, on interfaces yet to come too. Not on `lo`: there the namespace tells itself
    which of its own datagrams it could not send."""

    def __init__(self, ns):
        super().__init__(daemon=True)
        self.sock = netns.open_socket(ns, socket.AF_PACKET, socket.SOCK_RAW, socket.htons(ETH_ALL))
        self.running = True
        self.datagrams = []

    def run(self):
        while self.running:
            if not select.select([self.sock], [], [], 0.1)[0]:
                continue
            frame, meta = self.sock.recvfrom(2048)
            if meta[0] != "lo" and meta[2] != socket.PACKET_OUTGOING and b"flood" in frame:
                self.datagrams.append(frame)

    def stop(self):
        self.running = False
        self.join()
        self.sock.close()


# Hardware addresses of Pods of earlier attempts. What is for one that has gone may come out at the next one's interface until
# ovs-vswitchd has looked through its cached decisions (docs/policy.md); no Pod takes what is not for its own address.
former = set()


def mac_of(ns):
    return bytes.fromhex(json.loads(netns.run("ip", "-j", "link", "show", "eth0", ns=ns).stdout)[0]["address"].replace(":", ""))


def heard_from(seen, server, pod):
    """How often the server heard the Pod's addresses."""
    return sum(n for (name, _, peer), n in list(seen.items()) if name == server.full_name and peer in pod.ips)


def flooded(*floods):
    """Returns when the flood has gone on for 1.5 s: a neighbour that did not answer is asked again after a second."""
    end, tries = clock.now() + 1.5, [f.tries + 500 for f in floods]
    common.eventually(lambda: clock.now() > end and all(f.tries > n for f, n in zip(floods, tries)), "the flood runs")


def attempt(c, where, name, labels, flood_from, server):
    """One ADD under fire. Returns (datagrams the Pod heard, its datagrams that `server` heard)."""
    ns = c.pod_ns("default", name)
    netns.add(ns)
    pool = ["10.80.%d.%d" % (where.index, i) for i in range(2, 10)]
    pool += ["fd00:80:%x::%x" % (where.index, i) for i in range(2, 10)]
    ear = Ear(ns)
    inward = Flood(flood_from.ns, pool)
    outward = Flood(ns, server.ips)
    before = c.servers.seen.copy()
    for thread in (ear, inward, outward):
        thread.start()
    common.eventually(lambda: inward.tries > 50 and outward.tries > 50, "the flood begins")
    obj = pod("default", name, labels, where.name)
    c.objects.put(obj)
    made = where.add_pod("default", name)
    c.record(made, obj)
    flooded(inward, outward)
    if not labels:
        common.eventually(lambda: ear.datagrams and heard_from(c.servers.seen, server, made), lambda: "the open Pod is heard and hears "
                          "(%d heard): the prober is blind" % len(ear.datagrams))
    for thread in (inward, outward, ear):
        thread.stop()
    own = mac_of(ns)
    heard = [frame for frame in ear.datagrams if frame[:6] == own or frame[:6] not in former]
    former.add(own)
    return len(heard), heard_from(c.servers.seen, server, made) - heard_from(before, server, made)


def scenario():
    with common.cluster("fc") as c:
        a, b = c.nodes
        c.objects.put(node(a.name, ["10.80.1.0/29", "fd00:80:1::/125"], [a.ip4, a.ip6]))  # few addresses: they are used again
        c.start_agents()
        server = c.pod(b, "default", "server", {"role": "server"})
        client = c.pod(a, "default", "client", {"role": "client"})
        far = c.pod(b, "default", "far", {"role": "client"})
        c.apply(policy("default", "deny", {"matchLabels": {"isolated": "yes"}}, ["Ingress", "Egress"]))

        common.step("the prober sees an open Pod's packets")
        heard, was_heard = attempt(c, a, "open", {}, client, server)
        common.true(heard > 0 and was_heard > 0, "the prober is blind")

        for i, source in enumerate((client, far, client, far)):
            common.step("an isolated Pod under fire from %s" % source.full_name)
            heard, was_heard = attempt(c, a, "closed%d" % i, {"isolated": "yes"}, source, server)
            common.equal((heard, was_heard), (0, 0), "packets (in, out) of an isolated Pod")
            c.remove_pod(c.pods["default/closed%d" % i])

        common.step("addresses used again: the old Pod's freedom is not inherited")
        open_pod = c.pods["default/open"]
        result = c.remove_pod(open_pod)
        common.equal(result.code, 0, "DEL")
        unused = set(open_pod.ips)
        for i in range(5):
            heard, was_heard = attempt(c, a, "again%d" % i, {"isolated": "yes"}, client, server)
            common.equal((heard, was_heard), (0, 0), "packets (in, out) of an isolated Pod")
            unused -= set(c.pods["default/again%d" % i].ips)
            c.remove_pod(c.pods["default/again%d" % i])
        common.equal(unused, set(), "addresses that were not used again")
        c.recompute()


if __name__ == "__main__":
    common.main(scenario)
