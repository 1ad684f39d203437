# SPDX-License-Identifier: Apache-2.0
"""Open vSwitch over TCP and over TLS: the agent finds what it left, adds a Pod, follows a restart of the database
server; a certificate of another authority is refused by name, and the switch stays as it is."""
import os
import subprocess

import common


def make_certificates(folder):
    """An authority, a certificate of it for both ends, and a stranger's authority."""
    os.makedirs(folder)

    def openssl(*args):
        subprocess.run(["openssl", *args], cwd=folder, check=True, capture_output=True)

    for name in ("ca", "stranger"):
        openssl("req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-days", "2",
                "-subj", "/CN=" + name, "-keyout", name + ".key", "-out", name + ".pem")
    openssl("req", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-subj", "/CN=node",
            "-keyout", "node.key", "-out", "node.csr")
    openssl("x509", "-req", "-in", "node.csr", "-CA", "ca.pem", "-CAkey", "ca.key", "-CAcreateserial", "-days", "2",
            "-out", "node.pem")


def start_db(switch, tls):
    switch._daemon("ovsdb-server", switch.dir + "/conf.db", "--remote=punix:%s/db.sock" % switch.dir,
                   "--remote=ptcp:6640:127.0.0.1", "--remote=pssl:6641:127.0.0.1",
                   "--private-key=%s/node.key" % tls, "--certificate=%s/node.pem" % tls, "--ca-cert=%s/ca.pem" % tls)


def works(c, node, name, first):
    """Ready, nothing sent that was there already, and a new Pod is served."""
    sent = node.status()["messages"]
    common.equal(sum(sent.values()), 0, "messages after a start with nothing changed, by %s" % name)
    pod = c.pod(node, "default", name)
    c.sync()
    m = common.Matrix(c)
    m.expect(first, pod, True)
    m.check("by " + name)


def scenario():
    with common.cluster("rov", nodes=1) as c:
        node = c.nodes[0]
        tls = c.run + "/tls"
        make_certificates(tls)
        c.start_agents()
        first = c.pod(node, "default", "first")
        node.stop_agent()
        node.switch.stop("ovsdb-server")
        start_db(node.switch, tls)
        node.switch.vsctl("--", "set-ssl", tls + "/node.key", tls + "/node.pem", tls + "/ca.pem", "--",
                          "set-controller", "br-int", "ptcp:6653:127.0.0.1", "pssl:6654:127.0.0.1")

        common.step("TCP")
        node.start_agent("--ovsdb", "tcp:127.0.0.1:6640", "--openflow", "tcp:127.0.0.1:6653")
        works(c, node, "tcp", first)
        node.stop_agent()

        keys = ["--ovs-certificate", tls + "/node.pem", "--ovs-key", tls + "/node.key"]
        ssl = ["--ovsdb", "ssl:127.0.0.1:6641", "--openflow", "ssl:127.0.0.1:6654", *keys]
        common.step("TLS")
        node.start_agent(*ssl, "--ovs-ca", tls + "/ca.pem")
        works(c, node, "tls", first)

        common.step("the database server starts again")
        node.switch.stop("ovsdb-server")
        common.eventually(lambda: not node.status()["ready"], "not ready without the database")
        start_db(node.switch, tls)
        common.eventually(lambda: node.status()["ready"], "ready again")
        c.pod(node, "default", "again")
        c.recompute()
        node.stop_agent()

        common.step("a certificate of another authority")
        before = node.switch.flows()
        node.start_agent(*ssl, "--ovs-ca", tls + "/stranger.pem", wait=0)
        common.eventually(lambda: "certificate" in node.log_tail(50).lower(), "the log names the certificate")
        common.equal(node.ctl("status", "--wait", "500ms", check=False).returncode, 1, "status")
        common.equal(node.switch.flows(), before, "flows")


if __name__ == "__main__":
    common.main(scenario)
