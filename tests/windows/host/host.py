# SPDX-License-Identifier: Apache-2.0
"""The Linux side of a Windows node of tests: one process in the node's network namespace, started by winenode. The doubles
in the node's Wine prefix ask it over TCP on loopback, winenode over a Unix socket."""
import argparse
import os
import signal
import socket
import sys
import threading

import wire
from commands import Log
from hcn import Hcn
from iphelper import IpHelper
from nat import Nat
from iproute import NetError
from net import Node


def listen(dir):
    tcp = socket.create_server(("127.0.0.1", 0), backlog=128)
    path = dir + "/host.sock"
    if os.path.exists(path):
        os.unlink(path)
    unix = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    folder = os.open(dir, os.O_PATH)
    unix.bind("/proc/self/fd/%d/host.sock" % folder)
    os.close(folder)
    unix.listen(16)
    return tcp, unix


def splice(a, b):
    """Both ways, until one side ends."""
    def one_way(source, sink):
        try:
            while data := source.recv(1 << 16):
                sink.sendall(data)
        except OSError:
            pass
        for s in (source, sink):
            try:
                s.shutdown(socket.SHUT_RDWR)
            except OSError:
                pass

    other = threading.Thread(target=one_way, args=(b, a), daemon=True)
    other.start()
    one_way(a, b)
    other.join()
    a.close()
    b.close()


def control(rundir, listener):
    """The switch daemon's control socket, for ovs-relay.exe: which one it is, its pid file says each time."""
    while True:
        client, _ = listener.accept()
        server = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        try:
            with open(rundir + "/ovs-vswitchd.pid") as f:
                server.connect("%s/ovs-vswitchd.%d.ctl" % (rundir, int(f.read())))
        except (OSError, ValueError):
            client.close()
            server.close()
            continue
        threading.Thread(target=splice, args=(client, server), daemon=True).start()


def main():
    p = argparse.ArgumentParser()
    for name in ("name", "dir", "prefix", "ovsdb"):
        p.add_argument("--" + name, required=True)
    p.add_argument("--ovs-rundir")
    a = p.parse_args()
    os.makedirs(a.dir + "/hcn", exist_ok=True)
    node = Node(a.name, a.ovsdb)
    hcn = Hcn(a.dir + "/hcn", node, a.prefix)
    log = Log(a.dir + "/calls.jsonl")
    ip = IpHelper(node, hcn.commands, log)
    nat = Nat(a.dir, hcn.commands, log)
    hcn.commands.actions["notify-ip"] = ip.on_notify
    server = wire.Server(
        {"hcn": hcn.call, "hns": hcn.hns, "ip": ip.call, "nat": nat.call, "namespace": hcn.namespace,
         "ping": lambda: ["pong"]},
        {"hcn-subscribe": hcn.subscribe, "ip-subscribe": ip.subscribe})
    tcp, unix = listen(a.dir)
    server.listen(tcp)
    server.listen(unix)
    for work in (node.tend_forever, node.watch, hcn.commands.watch):
        threading.Thread(target=work, daemon=True).start()
    if a.ovs_rundir:
        to_control = socket.create_server(("127.0.0.1", 0))
        threading.Thread(target=control, args=(a.ovs_rundir, to_control), daemon=True).start()
        with open(a.dir + "/control.port", "w") as f:
            f.write("%d\n" % to_control.getsockname()[1])
    with open(a.prefix + "/drive_c/windows/system32/seine-double.port", "w") as f:
        f.write("%d\n" % tcp.getsockname()[1])
    print("ready", flush=True)

    def stop(*_):
        # What lies outside the node's folder goes with the host.
        for id in list(node.vswitches):
            node.vswitch_unmake(id)
        for name in list(hcn.made):
            node.delete_netns(name)
        for name in list(nat.instances):
            try:
                nat.apply(name, None)
            except NetError:
                pass
        os._exit(0)

    signal.signal(signal.SIGTERM, stop)
    signal.signal(signal.SIGINT, stop)
    while True:
        signal.pause()


if __name__ == "__main__":
    sys.exit(main())
