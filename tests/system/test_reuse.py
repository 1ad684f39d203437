# SPDX-License-Identifier: Apache-2.0
"""An address that is used again: whoever was connected with the Pod that had it is not so with the next one. Policies judge what
goes on between the same two ends anew, in both directions, over UDP and TCP."""
import contextlib
import socket

import common
from lab import clock, netns, probe
from lab.clock import PATIENCE
from lab.manifests import node, policy

TCP_REPAIR = 19
TO, FROM = 40001, 40003  # ports that a connection is opened from: to the Pod that goes, and by it


def opened(pod, kind, port, address, to, patience):
    """A socket of the Pod with that port of its own, connected; the error if it cannot be."""
    sock = netns.open_socket(pod.ns, probe.family_of(address), kind)
    sock.settimeout(patience)
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    sock.bind(("", port))
    try:
        sock.connect((address, to))
    except OSError as error:
        sock.close()
        return error
    sock.settimeout(probe.SLOWNESS)
    return sock


def asked(sock, patience=PATIENCE):
    """Who answers on the socket; the error if nobody does, silence for `patience` seconds too. A datagram may be lost."""
    if isinstance(sock, OSError):
        return type(sock).__name__
    if sock.type == socket.SOCK_DGRAM:
        forget_answers(sock)
    end, got = clock.now() + patience, None
    while got is None or (got == "TimeoutError" and clock.now() < end):
        try:
            if got is None or sock.type == socket.SOCK_DGRAM:
                sock.send(b"x\n")
            got = sock.recv(1000).split(b"\n")[0].decode()
        except OSError as error:
            got = type(error).__name__
    return got


def forget_answers(sock):
    """To what was asked before, and came late."""
    with contextlib.suppress(OSError):
        while True:
            sock.recv(1000, socket.MSG_DONTWAIT)


def silent(sock):
    """What comes of asking where nobody must answer."""
    return asked(sock, probe.SLOWNESS)


def forget(sock):
    """Closes it without a word to the other end, so that the switch goes on tracking it."""
    if sock.type == socket.SOCK_STREAM:
        sock.setsockopt(socket.IPPROTO_TCP, TCP_REPAIR, 1)
    sock.close()


def connections(src, dst, port, family, patience=PATIENCE):
    """By UDP and by TCP."""
    return [opened(src, kind, port, dst.ip(family), to, patience) for kind, to in ((socket.SOCK_DGRAM, 5353), (socket.SOCK_STREAM, 80))]


def again(c, a, ips, talking):
    """The next Pod that has this address; others come and go until then, and somebody goes on talking to it."""
    others = []
    for i in range(20):
        pod = c.pod(a, "default", "y%d" % i, {"app": "y"})
        if pod.ips == ips:
            return pod
        silent(talking)
        others.append(pod)
        if len(others) > 2:
            c.remove_pod(others.pop(0))
    raise common.Failed("nobody had %s again" % ips)


def used_again(c, family):
    a = c.nodes[0]
    c.objects.put(node(a.name, ["10.80.1.0/29" if family == 4 else "fd00:80:1::/125"], [a.ip4, a.ip6]))
    c.start_agents()
    c.apply(policy("default", "shut", {"matchLabels": {"app": "y"}}, ["Ingress"]),
            policy("default", "from-x", {"matchLabels": {"app": "p"}}, ["Ingress"],
                   [{"from": [{"podSelector": {"matchLabels": {"app": "x"}}}]}]))
    peer, gone = c.pod(a, "default", "p", {"app": "p"}), c.pod(a, "default", "x", {"app": "x"})
    common.step("connections to a Pod and from it, IPv%d" % family)
    to, by = connections(peer, gone, TO, family), connections(gone, peer, FROM, family)
    common.equal([asked(s) for s in to + by], [gone.full_name] * 2 + [peer.full_name] * 2, "who answers")
    for s in by:
        forget(s)
    common.step("another has its address")
    c.remove_pod(gone)
    new = again(c, a, gone.ips, to[0])
    common.equal(silent(to[0]), "TimeoutError", "who answers on the old socket")
    for s in to:
        forget(s)
    for src, dst, port in ((peer, new, TO), (new, peer, FROM)):
        got = [silent(s) for s in connections(src, dst, port, family, probe.SLOWNESS)]
        common.equal(got, ["TimeoutError"] * 2, "who answers %s from the same port" % src.full_name)
    c.recompute()


def scenario():
    for family in (4, 6):
        with common.cluster("reu%d" % family, nodes=1, families=(family,)) as c:
            used_again(c, family)


if __name__ == "__main__":
    common.main(scenario)
