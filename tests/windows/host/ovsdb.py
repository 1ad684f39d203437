# SPDX-License-Identifier: Apache-2.0
"""As much of an OVSDB client as tells whether the switch has taken a port."""
import json
import socket
import threading


class Ovsdb:
    def __init__(self, address):
        self.address, self.sock, self.n = address, None, 0
        self.decoder, self.text = json.JSONDecoder(), ""
        self.lock = threading.Lock()

    def _connect(self):
        _, host, port = self.address.split(":", 2) if self.address.count(":") == 2 else (
            "tcp", self.address[4:].rsplit(":", 1)[0].strip("[]"), self.address.rsplit(":", 1)[1])
        self.sock, self.text = socket.create_connection((host, int(port)), 60), ""

    def _message(self):
        while True:
            self.text = self.text.lstrip()
            try:
                message, end = self.decoder.raw_decode(self.text)
                self.text = self.text[end:]
                return message
            except ValueError:
                chunk = self.sock.recv(1 << 16)
                if not chunk:
                    raise OSError("closed") from None
                self.text += chunk.decode("utf-8", "replace")

    def transact(self, operation):
        """Its result; an error of the database or of the connection is an OSError, LookupError or TypeError."""
        if not self.sock:
            self._connect()
        self.n += 1
        self.sock.sendall(json.dumps({"id": self.n, "method": "transact",
                                      "params": ["Open_vSwitch", operation]}).encode())
        while True:
            message = self._message()
            if message.get("method") == "echo":
                self.sock.sendall(json.dumps({"id": message["id"], "result": message["params"],
                                              "error": None}).encode())
            elif message.get("id") == self.n:
                return message["result"][0]

    def _ask(self, otherwise, **operation):
        with self.lock:
            try:
                return self.transact(operation)
            except (OSError, LookupError, TypeError):
                if self.sock:
                    self.sock.close()
                self.sock = None
                return otherwise

    def ofport(self, name):
        """The port's number in the switch; 0 while it has none, or while the database cannot be asked."""
        rows = self._select("Interface", [["name", "==", name]], ["ofport"])
        number = rows[0]["ofport"] if rows else 0
        return number if isinstance(number, int) and number > 0 else 0

    def names(self, table):
        return {row["name"] for row in self._select(table, [], ["name"])}

    def set_hwaddr(self, bridge, mac):
        """The MAC of a bridge's local port; None: whichever the switch takes."""
        change = [["other_config", "delete", ["set", ["hwaddr"]]]]
        if mac:
            change.append(["other_config", "insert", ["map", [["hwaddr", mac]]]])
        self._ask({}, op="mutate", table="Bridge", where=[["name", "==", bridge]], mutations=change)

    def _select(self, table, where, columns):
        return self._ask({}, op="select", table=table, where=where, columns=columns).get("rows", [])
