# SPDX-License-Identifier: Apache-2.0
"""How the doubles ask: a request is a list of texts, so is the answer; a 32-bit little-endian length, then the texts,
each ended by a zero byte. A connection carries one request after another, or, after a subscription, what the host
sends by itself."""
import os
import socket
import struct
import threading
import traceback


def pack(texts):
    body = b"".join(str(t).encode("utf-8", "surrogatepass") + b"\0" for t in texts)
    return struct.pack("<I", len(body)) + body


def receive_exactly(sock, n):
    data = b""
    while len(data) < n:
        chunk = sock.recv(n - len(data))
        if not chunk:
            return None
        data += chunk
    return data


def receive(sock):
    """One message as a list of texts; None at the end."""
    head = receive_exactly(sock, 4)
    if head is None:
        return None
    body = receive_exactly(sock, struct.unpack("<I", head)[0])
    if body is None:
        return None
    return [t.decode("utf-8", "replace") for t in body.split(b"\0")[:-1]]


class Server:
    """Answers requests with handlers[first text](*other texts); each connection has a thread. subscribers[first
    text](send, *others) takes the connection over: it gives back what ends the subscription."""

    def __init__(self, handlers, subscribers):
        self.handlers, self.subscribers = handlers, subscribers

    def listen(self, sock):
        threading.Thread(target=self._accept, args=(sock,), daemon=True).start()

    def _accept(self, listener):
        while True:
            sock, _ = listener.accept()
            threading.Thread(target=self._serve, args=(sock,), daemon=True).start()

    def _serve(self, sock):
        with sock:
            try:
                if sock.family == socket.AF_INET:
                    sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
                while (request := receive(sock)) is not None:
                    if request[0] in self.subscribers:
                        self._subscribe(sock, request)
                        return
                    sock.sendall(pack(self.handlers[request[0]](*request[1:])))
            except OSError:
                pass
            except Exception:  # shown in the host's log; the asking side sees its connection end
                traceback.print_exc()

    def _subscribe(self, sock, request):
        lock = threading.Lock()

        def send(*texts):
            with lock:
                sock.sendall(pack(texts))

        end = self.subscribers[request[0]](send, *request[1:])
        try:
            send("subscribed")
            while sock.recv(4096):
                pass
        finally:
            end()


def ask(path, *texts):
    """A request over the Unix socket at `path`: what winenode uses."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as sock:
        # The path of a socket has 107 bytes at most, that of a folder any: go by way of a descriptor.
        folder = os.open(os.path.dirname(path), os.O_PATH)
        try:
            sock.settimeout(120)
            sock.connect("/proc/self/fd/%d/%s" % (folder, os.path.basename(path)))
        finally:
            os.close(folder)
        sock.sendall(pack(texts))
        return receive(sock)
