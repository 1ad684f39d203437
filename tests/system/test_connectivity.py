# SPDX-License-Identifier: Apache-2.0
"""Without policies everything reaches everything: Pods on one node and on two, both families, TCP, UDP, SCTP,
ICMP; Pods and the outside; large packets too, since a wrong MTU shows only there."""
import common
from lab import cluster as lab
from lab import probe


def scenario():
    with common.cluster("con") as c:
        c.start_agents()
        a, b = c.nodes
        common.step("four Pods by CNI calls")
        pods = [c.pod(a, "default", "a1"), c.pod(a, "default", "a2"),
                c.pod(b, "default", "b1"), c.pod(b, "other", "b2")]
        c.sync()
        for pod in pods:
            common.equal(len(pod.ips), 2, "addresses of " + pod.full_name)

        common.step("every pair, every protocol, both families")
        m = common.Matrix(c)
        for src in pods:
            for dst in pods:
                if src is not dst:
                    for proto, port in (("tcp", 80), ("udp", 80), ("icmp", 0), ("sctp", 99)):
                        m.expect(src, dst, True, proto, port)
        m.check("Pods")

        common.step("a Pod to itself and to its gateway")
        m = common.Matrix(c)
        for pod in pods:
            for gateway in pod.node.gateways:
                m.add(probe.Probe(pod.ns, gateway, "icmp"), True, "%s -> %s" % (pod.full_name, gateway))
        m.check("gateways")

        common.step("large packets: streams fill the MTU")
        for dst in (pods[1], pods[2]):
            for family in c.families:
                moved = bulk(pods[0], dst, family)
                common.equal(moved, 400000, "bytes echoed by %s over IPv%d" % (dst.full_name, family))

        common.step("addresses nobody has stay silent")
        silent = [probe.Probe(pods[0].ns, a, "icmp") for a in ("10.80.1.99", "10.80.2.99", "fd00:80:2::99")]
        for answer in c.ask(silent):
            common.true(answer != "allow", "an address without Pod answered")

        common.step("outside")
        m = common.Matrix(c)
        for address in (lab.OUTSIDE4, lab.OUTSIDE6):
            m.add(probe.Probe(pods[0].ns, address, "icmp"), True, "outside " + address)
        m.check("outside")
        c.recompute()


def bulk(src, dst, family, size=400000):
    """Sends `size` bytes to the echo server of `dst` and counts what comes back."""
    import socket
    from lab import netns
    from lab.clock import PATIENCE
    sock = netns.open_socket(src.ns, socket.AF_INET6 if family == 6 else socket.AF_INET, socket.SOCK_STREAM)
    with sock:
        sock.settimeout(PATIENCE)
        sock.connect((dst.ip(family), 80))
        greeting = b""
        while not greeting.endswith(b"\n"):
            greeting += sock.recv(1)
        got = 0
        for _ in range(size // 20000):
            sock.sendall(b"x" * 20000)
            want = got + 20000
            while got < want:
                data = sock.recv(65536)
                if not data:
                    return got
                got += len(data)
        return got


if __name__ == "__main__":
    common.main(scenario)
