# SPDX-License-Identifier: Apache-2.0
"""What the proxy of iphlpapi.dll asks for: rows of tables as lines of fields, changes by their Windows names, and who
wants to be told of changes. Answers begin with a Windows error number."""
import threading
import time

NOT_FOUND, NOT_SUPPORTED = 1168, 50


class IpHelper:
    def __init__(self, node, commands, log):
        self.node, self.commands, self.log = node, commands, log
        self.lock = threading.Lock()
        self.subscribers = []
        node.on_change = self.changed
        n = node
        self.tables = {
            "Adapters": lambda: [*n.adapter_rows()], "Addresses": n.address_rows, "Routes": n.route_rows,
            "Neighbours": n.neighbour_rows, "Interfaces": n.interface_rows,
        }
        self.changes = {
            "CreateUnicastIpAddressEntry": n.address_create, "DeleteUnicastIpAddressEntry": n.address_delete,
            "SetUnicastIpAddressEntry": n.address_set, "CreateIpForwardEntry2": n.route_create,
            "DeleteIpForwardEntry2": n.route_delete, "SetIpForwardEntry2": n.route_set,
            "CreateIpNetEntry2": lambda *a: n.neighbour("add", *a),
            "SetIpNetEntry2": lambda *a: n.neighbour("change", *a),
            "DeleteIpNetEntry2": lambda *a: n.neighbour("del", *a),
            "RenameAdapter": n.rename, "SetIpInterfaceEntry": n.interface_set, "SetIfEntry": n.admin_set, "SetPhysicalAddress": n.mac_set,
        }

    def call(self, function, *args):
        code = self.commands.before(function)
        if function in self.tables:
            return [code] if code else [0] + self.tables[function]()
        start = time.monotonic()
        if not code and function in self.changes:
            code = self.changes[function](*args)
            self.node.generation += 1
            self.node.keep()
            self.log.write(function, start, code, args=list(args))
            return [code]
        if code or not function.startswith("Get"):
            self.log.write(function, start, code, args=list(args))
        return [code] if code else getattr(self, "on_" + function.lower())(*args)

    def on_getipinterfaceentry(self, index, family):
        row = self.node.interface_row(int(index), int(family))
        return [0, row] if row else [NOT_FOUND]

    def on_getbestroute2(self, index, source, destination):
        found = self.node.best_route(index, source, destination)
        return [0, *found] if found else [1231]

    def on_setinterfacednssettings(self, guid, text):
        self.node.dns[guid] = text
        return [0]

    def on_getinterfacednssettings(self, guid):
        return [0, self.node.dns.get(guid, "")]

    def on_flushipnettable2(self, family, index):
        for row in self.node.neighbour_rows():
            f = row.split("\t")
            if int(family) in (0, int(f[1])) and int(index) in (0, int(f[0])) and f[4] != "6":
                self.node.neighbour("del", int(f[0]), f[2])
        return [0]

    # ---- notifications ----
    def subscribe(self, send, kind, family):
        entry = (send, kind, int(family))
        with self.lock:
            self.subscribers.append(entry)

        def end():
            with self.lock:
                if entry in self.subscribers:
                    self.subscribers.remove(entry)
        return end

    def changed(self, kind, how, row):
        if self.commands.settings["events"] == "on":
            self.tell(kind, how, row)

    def tell(self, kind, how, row):
        family = int(row.split("\t")[1])
        with self.lock:
            to = [e for e in self.subscribers if e[1] == kind and e[2] in (0, family)]
        for entry in to:
            try:
                entry[0](how, row)
            except OSError:
                pass

    def on_notify(self, kind, how="parameter", name=""):
        """An order: notify-ip route|interface|address [add|delete|parameter] [ADAPTER]."""
        number = {"parameter": 0, "add": 1, "delete": 2}[how]
        rows = {"route": self.node.route_rows, "address": self.node.address_rows,
                "interface": self.node.interface_rows}[kind]()
        index = next((r.split("\t")[0] for r in self.node.adapter_rows() if name and r.split("\t")[1] == name), None)
        row = next((r for r in rows if not index or r.split("\t")[0] == index), None)
        if row:
            self.tell(kind, number, row)
