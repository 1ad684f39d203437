# SPDX-License-Identifier: Apache-2.0
"""Questions asked with real packets from inside namespaces, and the servers that answer them.

A probe's answer is "allow" (the server asked for answered, by name), "drop" (nothing came back), "refused"
(a reset or an ICMP error: never what a policy does) or "wrong NAME" (somebody else answered). All
probes of one call run at the same time, so a matrix costs one time-out.

The kernel here may lack SCTP. An SCTP probe is therefore a well-formed INIT from a raw socket, and "allow"
means that the Pod asked for saw it arrive."""
import collections
import contextlib
import errno
import itertools
import os
import select
import selectors
import socket
import struct
import threading
import time

from . import clock, netns
from .clock import PATIENCE, SLOWNESS
from .netns import LabError

Probe = collections.namedtuple("Probe", "ns address proto port expect source", defaults=(0, None, None))
UDP_EVERY = 0.25
_idents = itertools.count(os.getpid() * 31)  # one for each probe: to the switch it is part of a connection's name
# How long silence lasts to be believed: a lost SYN is sent again after one second; an emulated machine is slower by the factor.
TIMEOUT = 1.4 * SLOWNESS
LATE = 5 * SLOWNESS  # so long is waited for what a Stream has under way at its end
IN_FLIGHT = 16  # datagrams of a Stream on their way at once: fewer than any queue holds, however slow who empties it is


def family_of(address):
    return socket.AF_INET6 if ":" in address else socket.AF_INET


def crc32c(data):
    crc = 0xffffffff
    for byte in data:
        crc ^= byte
        for _ in range(8):
            crc = crc >> 1 ^ (0x82f63b78 if crc & 1 else 0)
    return crc ^ 0xffffffff


def sctp_init(sport, dport, tag):
    """An SCTP packet with one INIT chunk that carries `tag` as its initiate tag."""
    chunk = struct.pack("!BBHIIHHI", 1, 0, 20, tag, 65536, 1, 1, 1)
    head = struct.pack("!HHI", sport, dport, 0)
    return head + struct.pack("<I", crc32c(head + b"\0\0\0\0" + chunk)) + chunk


def icmp_echo(family, ident, seq):
    kind = 128 if family == socket.AF_INET6 else 8
    body = struct.pack("!BBHHH", kind, 0, 0, ident, seq) + b"seine-probe-data"
    if family == socket.AF_INET6:
        return body  # the kernel fills in the checksum
    total = sum(struct.unpack("!%dH" % (len(body) // 2), body))
    total = (total & 0xffff) + (total >> 16)
    total = ~(total + (total >> 16)) & 0xffff
    return body[:2] + struct.pack("!H", total) + body[4:]


class Servers:
    """Listeners in namespaces, all in one thread: TCP and UDP answer with their name, SCTP is heard."""

    def __init__(self):
        self.selector = selectors.DefaultSelector()
        self.lock = threading.Lock()
        self.heard = set()  # (namespace, initiate tag) of SCTP packets seen
        self.seen = collections.Counter()  # (name, "udp" or "tcp", peer address): arrivals
        self.wake_r, self.wake_w = os.pipe()
        self.selector.register(self.wake_r, selectors.EVENT_READ, None)
        self.by_ns = collections.defaultdict(list)
        self.running = True
        self.thread = threading.Thread(target=self._run, daemon=True)
        self.thread.start()

    def serve(self, ns, name, tcp=(), udp=(), sctp=True, reserve=True):
        """Listens in `ns` on the ports, both families, answering `name`."""
        for port in tcp:
            sock = netns.open_socket(ns, socket.AF_INET6, socket.SOCK_STREAM)
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            sock.bind(("::", port))
            sock.listen(128)
            self._add(ns, sock, ("accept", name))
        for port in udp:
            sock = netns.open_socket(ns, socket.AF_INET6, socket.SOCK_DGRAM)
            # Answer from the address that was asked, whichever the namespace has besides.
            sock.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_RECVPKTINFO, 1)
            sock.bind(("::", port))
            self._add(ns, sock, ("udp", name))
        for family in (socket.AF_INET, socket.AF_INET6) if sctp else ():
            sock = netns.open_socket(ns, family, socket.SOCK_RAW, 132)
            self._add(ns, sock, ("sctp", ns, family))

    def _add(self, ns, sock, what):
        sock.setblocking(False)
        with self.lock:
            self.by_ns[ns].append(sock)
            self.selector.register(sock, selectors.EVENT_READ, what)
        os.write(self.wake_w, b".")

    def drop(self, ns):
        """Stops listening in the namespace."""
        with self.lock:
            for sock in self.by_ns.pop(ns, []):
                with contextlib.suppress(KeyError, ValueError):
                    self.selector.unregister(sock)
                sock.close()

    def _run(self):
        while self.running:
            for key, _ in self.selector.select(1.0):
                if key.fd == self.wake_r:
                    os.read(self.wake_r, 4096)
                    continue
                with contextlib.suppress(OSError):
                    self._event(key.fileobj, key.data)

    def _event(self, sock, what):
        if what[0] == "accept":
            conn, peer = sock.accept()
            self.seen[what[1], "tcp", peer[0].removeprefix("::ffff:")] += 1
            conn.setblocking(False)
            conn.sendall(what[1].encode() + b"\n")
            with self.lock:
                self.selector.register(conn, selectors.EVENT_READ, ("echo", what[1]))
        elif what[0] == "echo":
            data = sock.recv(65536)
            if data:
                sock.sendall(data)
                return
            with self.lock:
                self.selector.unregister(sock)
            sock.close()
        elif what[0] == "udp":
            data, control, _, peer = sock.recvmsg(65536, 256)
            self.seen[what[1], "udp", peer[0].removeprefix("::ffff:")] += 1
            answer = what[1].encode() + b"\n" + data
            sock.sendmsg([answer], [c for c in control if c[1] == socket.IPV6_PKTINFO], 0, peer)
        else:
            data = sock.recv(65536)
            data = data[(data[0] & 15) * 4:] if what[2] == socket.AF_INET else data
            if len(data) >= 20 and data[12] == 1:
                self.heard.add((what[1], struct.unpack("!I", data[16:20])[0]))

    def close(self):
        self.running = False
        os.write(self.wake_w, b".")
        self.thread.join(PATIENCE)
        for ns in list(self.by_ns):
            self.drop(ns)
        self.selector.close()
        os.close(self.wake_r)
        os.close(self.wake_w)


class _Running:
    """One probe under way."""

    def __init__(self, probe, servers, index):
        self.probe, self.servers = probe, servers
        self.family = family_of(probe.address)
        self.result = None
        self.next_send = 0.0
        self.text = b""
        self.tag = (os.getpid() << 16 ^ time.monotonic_ns() ^ index << 8) & 0xffffffff or 1
        self.ident = next(_idents) & 0xffff
        kind, proto = {"tcp": (socket.SOCK_STREAM, 0), "udp": (socket.SOCK_DGRAM, 0),
                       "sctp": (socket.SOCK_RAW, 132),
                       "icmp": (socket.SOCK_RAW, 58 if self.family == socket.AF_INET6 else 1)}[probe.proto]
        self.sock = netns.open_socket(probe.ns, self.family, kind, proto)
        self.sock.setblocking(False)
        if probe.source:
            self.sock.bind((probe.source, 0))

    def start(self):
        if self.probe.proto == "tcp":
            code = self.sock.connect_ex((self.probe.address, self.probe.port))
            if code not in (0, errno.EINPROGRESS):
                self.result = "error " + os.strerror(code)
        elif self.probe.proto == "udp":
            with self._failing():
                self.sock.connect((self.probe.address, self.probe.port))

    @contextlib.contextmanager
    def _failing(self):
        try:
            yield
        except (ConnectionRefusedError, ConnectionResetError):
            self.result = "refused"
        except BlockingIOError:
            pass
        except OSError as e:
            self.result = "refused" if e.errno in (errno.EHOSTUNREACH, errno.EACCES) else "error " + str(e)

    def send(self, now):
        """Sends again what has no reply yet (TCP does so itself)."""
        if self.probe.proto == "tcp" or self.result or now < self.next_send:
            return
        self.next_send = now + UDP_EVERY
        with self._failing():
            if self.probe.proto == "udp":
                self.sock.send(b"hello")
            elif self.probe.proto == "icmp":
                self.sock.sendto(icmp_echo(self.family, self.ident, 1), (self.probe.address, 0))
            else:
                self.sock.sendto(sctp_init(40000 + self.ident % 20000, self.probe.port, self.tag),
                                 (self.probe.address, 0))

    def read(self):
        with self._failing():
            if self.probe.proto == "icmp":
                return self._read_icmp()
            if self.probe.proto == "sctp":
                self.sock.recv(65536)
                return
            data = self.sock.recv(65536)
            if not data and not self.text:
                self.result = "refused"
                return
            self.text += data
            if b"\n" in self.text:
                name = self.text.split(b"\n")[0].decode()
                good = self.probe.expect in (None, name)
                self.result = "allow" if good else "wrong " + name

    def _read_icmp(self):
        data, peer = self.sock.recvfrom(65536)
        reply = 129
        if self.family == socket.AF_INET:
            data, reply = data[(data[0] & 15) * 4:], 0
        if len(data) >= 8 and data[0] == reply and struct.unpack("!H", data[4:6])[0] == self.ident \
                and peer[0].split("%")[0] == self.probe.address:
            self.result = "allow"

    def poll(self):
        if self.probe.proto == "sctp" and self.servers and not self.result:
            want = self.probe.expect or self.probe.ns
            if (want, self.tag) in self.servers.heard:
                self.result = "allow"


def ask(probes, servers=None, timeout=TIMEOUT):
    """Answers of all probes, in their order. For SCTP `expect` is the namespace that should hear it. Who is silent for
    `timeout` seconds has dropped it; time in which the machine stood still is none of them."""
    running = [_Running(p, servers, i) for i, p in enumerate(probes)]
    poller = select.epoll()
    by_fd = {}
    try:
        for r in running:
            r.start()
            by_fd[r.sock.fileno()] = r
            poller.register(r.sock.fileno(), select.EPOLLIN)
        end = clock.now() + timeout
        while True:
            now = clock.now()
            open_ = [r for r in running if not r.result]
            if not open_:
                break
            for r in open_ if now < end else ():
                r.send(now)
            # When time is up, what has come by then counts all the same.
            for fd, _ in poller.poll(max(0.0, min(0.05, end - now))):
                r = by_fd[fd]
                r.read()
                if r.result:
                    poller.unregister(fd)
            for r in open_:
                r.poll()
            if now >= end:
                break
        return [r.result or "drop" for r in running]
    finally:
        poller.close()
        for r in running:
            if r.probe.proto == "tcp" and r.result == "allow":
                # No FIN dance across dozens of namespaces: end the connection at once.
                with contextlib.suppress(OSError):
                    r.sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            r.sock.close()


class Stream(threading.Thread):
    """A steady flow of numbered datagrams (or bytes on one TCP connection) from a namespace to a server that
    echoes them; counts what never came back and the longest silence. It keeps its pace while the machine keeps up: what it
    could not send in time is not sent in a heap later, and of datagrams so few are on their way at once that no queue
    is full when who empties it is late. One that is lost is lost."""

    def __init__(self, ns, address, port, proto="udp", rate=200):
        super().__init__(daemon=True)
        self.proto, self.address, self.period = proto, address, SLOWNESS / rate
        kind = socket.SOCK_DGRAM if proto == "udp" else socket.SOCK_STREAM
        self.sock = netns.open_socket(ns, family_of(address), kind)
        self.sock.settimeout(PATIENCE)
        self.sock.connect((address, port))
        if proto == "tcp":
            self.sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            text = b""
            while not text.endswith(b"\n"):
                text += self.sock.recv(1)
        self.sock.setblocking(False)
        self.sent = self.received = 0
        self.longest_silence = 0.0
        self.failed = None
        self._stop_at = None

    def __str__(self):
        return "%s to %s" % (self.proto, self.address)

    def run(self):
        try:
            self._run()
        except OSError as e:
            self.failed = str(e)

    def _run(self):
        due = last = silent_since = clock.now()
        written_off = 0  # datagrams that have not come for a second do not hold up others any more
        while True:
            now = clock.now()
            stopping = self._stop_at is not None
            if stopping and (now > self._stop_at + LATE or self.received >= self.sent):
                return
            if self.proto == "udp" and now > silent_since + 1:
                written_off, silent_since = self.sent - self.received, now
            if not stopping and now >= due and self.sent - self.received - written_off < IN_FLIGHT:
                with contextlib.suppress(BlockingIOError):
                    self.sock.send(b"%08d" % self.sent)
                    self.sent += 1
                due = max(due + self.period, now)
            select.select([self.sock], [], [], self.period / 2)
            with contextlib.suppress(BlockingIOError):
                while True:
                    data = self.sock.recv(65536)
                    if self.proto == "tcp" and not data:
                        self.failed = "closed"
                        return
                    self.received += 1 if self.proto == "udp" else len(data) / 8
                    written_off = min(written_off, self.sent - self.received)
                    now = clock.now()
                    self.longest_silence = max(self.longest_silence, now - last)
                    last = silent_since = now

    def goes_on(self, n=40):
        """Returns when so many more have come back."""
        enough, end = self.received + n, time.monotonic() + PATIENCE
        while self.received < enough:
            if self.failed or time.monotonic() > end:
                raise LabError("%s stands: %s, %d sent, %d came back, longest silence %.2f s; the prober %s" % (
                    self, self.failed or "no error", self.sent, self.received, self.longest_silence, clock.told()))
            time.sleep(0.01)

    def stop(self):
        """Stops sending; what is under way is still waited for."""
        self._stop_at = self._stop_at or clock.now()

    def finish(self):
        """Stops sending, waits for what is under way. Returns the number that never came back."""
        self.stop()
        self.join(PATIENCE)
        self.sock.close()
        return self.sent - self.received
