# SPDX-License-Identifier: Apache-2.0
"""Relays that say when something passed: they stand in the agent's connections, pass each part on as it comes and note the time.

    with Relay(listener, connect, seen):     # seen(conversation, towards, bytes, seconds); `towards`: UP to who is connected to, DOWN

    moments = Moments(c, node)               # in both of an agent's connections, to the API server and to the switch
    change = moments.change(lambda: ...)     # does it; None if the switch was sent nothing

A part is noted when it arrives here, before it goes on: what comes after it includes the relay's own hop."""
import collections
import contextlib
import selectors
import socket
import struct
import threading
import time

from lab import netns

UP, DOWN = 0, 1
BARRIER_REQUEST, BARRIER_REPLY, BUNDLE_CONTROL, BUNDLE_ADD = 20, 21, 33, 34
COMMIT_REQUEST = 4
QUIET_S = 0.03  # a change is over when the switch was sent nothing for so long


class Relay:
    def __init__(self, listener, connect, seen):
        self.listener, self.connect, self.seen = listener, connect, seen
        self.selector, self.ends = selectors.DefaultSelector(), set()
        self.wake, woken = socket.socketpair()
        self.ends.update((listener, self.wake, woken))
        self.selector.register(listener, selectors.EVENT_READ, self._accept)
        self.selector.register(woken, selectors.EVENT_READ, None)
        self.conversations = 0
        self.thread = threading.Thread(target=self._run, daemon=True)
        self.thread.start()

    def __enter__(self):
        return self

    def __exit__(self, *unused):
        self.wake.send(b"x")
        self.thread.join(10)
        for end in self.ends:
            end.close()

    def _accept(self):
        near, _ = self.listener.accept()
        far = self.connect()
        self.conversations += 1
        self.ends.update((near, far))
        for source, target, towards in ((near, far, UP), (far, near, DOWN)):
            with contextlib.suppress(OSError):
                source.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            self.selector.register(source, selectors.EVENT_READ, (source, target, towards, self.conversations))

    def _pass(self, source, target, towards, conversation):
        part = b""
        with contextlib.suppress(OSError):
            part = source.recv(1 << 18)
            now = time.monotonic()
            target.sendall(part)
        if part:
            self.seen(conversation, towards, part, now)
            return
        for end in (source, target):  # what one end closes is closed
            with contextlib.suppress(KeyError):
                self.selector.unregister(end)
            self.ends.discard(end)
            end.close()

    def _run(self):
        while True:
            for key, _ in self.selector.select():
                if key.data is None:
                    return
                if key.fileobj.fileno() < 0:
                    continue  # its other end was closed in this round
                key.data() if callable(key.data) else self._pass(*key.data)


class Messages:
    """The OpenFlow messages of one direction: (type, xid, body), however they were cut."""

    def __init__(self):
        self.rest = b""

    def take(self, part):
        text, at = self.rest + part, 0
        while len(text) - at >= 8:
            _, kind, length, xid = struct.unpack_from("!BBHI", text, at)
            if len(text) - at < length:
                break
            yield kind, xid, text[at + 8:at + length]
            at += length
        self.rest = text[at:]


# Of one change: when its event came to the agent, when the agent began to send to the switch, when the barrier reply came that
# acknowledges the (last) commit; bundles and modifications.
Change = collections.namedtuple("Change", "event sent acknowledged bundles mods")


class Commits:
    """What the agent commits to the switch."""

    def __init__(self):
        self.changed = threading.Condition()
        self.found = []  # (when the bundle was opened, when the barrier behind its commit was answered, modifications)
        self.messages, self.barriers = {}, {}
        self.opened, self.mods, self.committing = None, 0, set()

    def seen(self, conversation, towards, part, now):
        messages = self.messages.setdefault((conversation, towards), Messages())
        for kind, xid, body in messages.take(part):
            (self._sent if towards == UP else self._came)(conversation, kind, xid, body, now)

    def _sent(self, conversation, kind, xid, body, now):
        if kind in (BUNDLE_CONTROL, BUNDLE_ADD) and self.opened is None:
            self.opened = now
        if kind == BUNDLE_ADD:
            self.mods += 1
        elif kind == BUNDLE_CONTROL and struct.unpack_from("!H", body, 4)[0] == COMMIT_REQUEST:
            self.committing.add(conversation)
        elif kind == BARRIER_REQUEST and conversation in self.committing:
            self.committing.remove(conversation)
            self.barriers[conversation] = xid

    def _came(self, conversation, kind, xid, body, now):
        if kind == BARRIER_REPLY and self.barriers.get(conversation) == xid:
            with self.changed:
                self.found.append((self.opened, now, self.mods))
                self.opened, self.mods = None, 0
                self.changed.notify()

    def after(self, count, first_s):
        """The commits behind the first `count`, once there was none for a moment; [] if none came in `first_s`."""
        with self.changed:
            self.changed.wait_for(lambda: len(self.found) > count, first_s)
            while len(self.found) > count:
                now = len(self.found)
                if not self.changed.wait_for(lambda: len(self.found) > now, QUIET_S) and self.opened is None:
                    break
            return self.found[count:]


class Moments:
    """Has the node's agent started anew with a relay in each of its connections."""

    def __init__(self, c, node):
        self.commits, self.arrivals = Commits(), collections.deque(maxlen=4096)
        self.stack = contextlib.ExitStack()
        near = self._listener(socket.AF_UNIX, node.dir + "/relay.mgmt")
        self.stack.enter_context(Relay(near, lambda: self._connected(socket.socket(socket.AF_UNIX), node.dir + "/br-int.mgmt"),
                                       self.commits.seen))
        near = self._listener(socket.AF_INET, (c.cp.bind, 0), c.fabric)
        self.url = "https://%s:%d" % near.getsockname()
        self.stack.enter_context(Relay(near, lambda: self._connected(
            netns.open_socket(c.fabric, socket.AF_INET, socket.SOCK_STREAM), (c.cp.bind, c.cp.port)), self._arrived))
        node.stop_agent()
        c.through(self)
        node.start_agent("--openflow", "unix:%s/relay.mgmt" % node.dir)

    def __enter__(self):
        return self

    def __exit__(self, *unused):
        self.stack.close()

    @staticmethod
    def _listener(family, address, ns=None):
        found = netns.open_socket(ns, family, socket.SOCK_STREAM) if ns else socket.socket(family)
        found.bind(address)
        found.listen()
        return found

    @staticmethod
    def _connected(found, address):
        found.connect(address)
        return found

    def _arrived(self, conversation, towards, part, now):
        if towards == DOWN:
            self.arrivals.append(now)

    def change(self, act, first_s=0.3):
        """Does `act` and returns the Change that it makes, None if it changes nothing in the switch."""
        count = len(self.commits.found)
        act()
        commits = self.commits.after(count, first_s)
        if not commits:
            return None
        sent = commits[0][0]
        return Change(max(t for t in list(self.arrivals) if t <= sent), sent, commits[-1][1], len(commits), sum(m for _, _, m in commits))
