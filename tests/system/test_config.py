# SPDX-License-Identifier: Apache-2.0
"""Flags and the configuration file: what is wrong is told in one line with exit 2; a flag beats the file; one agent a
run directory; metrics and health over HTTP; nothing on stdout."""
import os
import socket
import subprocess

import common
from lab import netns


def agent(c, *args, timeout=common.PATIENCE, env=None):
    return subprocess.run([c.program("seine-agent"), *args], capture_output=True, text=True, timeout=timeout,
                          env=dict(os.environ, **(env or {})))


def wrong_usage(c):
    common.step("wrong flags, keys, values, files: one line, exit 2")
    config = c.run + "/agent.yaml"
    cases = [
        (("--no-such-flag",), None, "--no-such-flag"),
        (("--tunnel-type", "ipip"), None, "--tunnel-type: "),
        (("--mtu", "many"), None, "--mtu: "),
        (("--pod-timeout", "5 apples"), None, "--pod-timeout: "),
        (("--config", c.run + "/absent.yaml"), None, "absent.yaml"),
        (("--config", config), "node-name: x\nno-such-key: 1\n", config + ":2: no-such-key: "),
        (("--config", config), "node-name: x\n\nmtu: many\n", config + ":3: mtu: "),
        (("--config", config), "node-name: [x\n", config + ":"),
        (("--objects", c.objects.dir, "--kubeconfig", "/none"), None, "--kubeconfig: "),
        (("--ovsdb", "tcp:127.0.0.1:6640", "--objects", c.objects.dir), None, "--openflow: "),
        (("--ovsdb", "http://x", "--objects", c.objects.dir), None, "--ovsdb: "),
    ]
    for args, text, words in cases:
        if text is not None:
            with open(config, "w") as f:
                f.write(text)
        done = agent(c, *args)
        what = "%s %r: %s" % (" ".join(args), text, done.stderr)
        common.equal((done.returncode, done.stdout), (2, ""), what)
        common.true(words in done.stderr, "%r is told: %s" % (words, what))
        common.equal(done.stderr.count("\n"), 1, "one line: " + what)
    for program in ("seine-agent", "seine-cni", "seinectl"):
        for flag in ("--version", "--help"):
            done = subprocess.run([c.program(program), flag], capture_output=True, text=True)
            common.equal((done.returncode, bool(done.stdout)), (0, True), "%s %s" % (program, flag))


def named_by_host(c):
    common.step("without a name the Node is the host's, in small letters as the kubelet has it")
    script = 'echo NODE-A > /proc/sys/kernel/hostname && exec "$@" --run-dir "$0" --ovsdb "unix:$0/none"'
    with open(c.run + "/host.log", "w+") as log:
        child = subprocess.Popen(["unshare", "--uts", "sh", "-c", script, c.run + "/host", c.program("seine-agent"), "--objects", c.objects.dir],
                                 stdout=log, stderr=log, env=dict({k: v for k, v in os.environ.items() if k != "NODE_NAME"}))

        def said():
            log.seek(0)
            return log.read()
        try:
            common.eventually(lambda: " node node-a, " in said(), lambda: "its name: %s" % said())
        finally:
            child.terminate()
            child.wait()


def http(node, path, port=9101):
    sock = netns.open_socket(node.ns, socket.AF_INET, socket.SOCK_STREAM)
    with sock:
        sock.settimeout(common.PATIENCE)
        sock.connect(("127.0.0.1", port))
        sock.sendall(("GET %s HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n" % path).encode())
        text = b""
        while True:
            data = sock.recv(65536)
            if not data:
                break
            text += data
    head, _, body = text.decode().partition("\r\n\r\n")
    return int(head.split()[1]), body


METRICS = ("seine_openflow_flow_mods_total", "seine_openflow_bundles_total", "seine_recompute_differences_total",
           "seine_flows", "seine_source_errors", "seine_cni_requests_total", "seine_cni_request_duration_seconds",
           "seine_sync_duration_seconds")


def from_a_file(c, a):
    common.step("configuration from a file; a flag beats it; metrics and health")
    config = c.run + "/good.yaml"
    with open(config, "w") as f:
        f.write("# comment\nnode-name: wrong\nmetrics-address: 127.0.0.1:9101\nmtu: 1400\nlog-format: json\n")
    a.start_agent("--config", config)
    common.equal(a.status()["node"], "node1", "the flag beats the file")
    c.pod(a, "default", "m1")
    common.equal(http(a, "/healthz")[0], 200, "/healthz")
    common.equal(http(a, "/readyz")[0], 200, "/readyz")
    common.equal(http(a, "/nothing")[0], 404, "an unknown path")
    code, body = http(a, "/metrics")
    common.equal(code, 200, "/metrics")
    for name in METRICS:
        common.true("# TYPE " + name in body, "metric " + name)
    common.true('seine_cni_requests_total{verb="ADD",result="success"} 1' in body or
                'seine_cni_requests_total{result="success",verb="ADD"} 1' in body, "the ADD is counted:\n" + body)
    mtu = netns.run("ip", "link", "show", "eth0", ns=c.pods["default/m1"].ns).stdout
    common.true("mtu 1400" in mtu, "MTU from the file: " + mtu)
    with open(a.agent_log) as f:
        lines = [line for line in f if line.startswith("{")]
    common.true(lines, "log lines are JSON")

    common.step("a second agent in the same run directory names the first")
    args = a.agent_args()
    done = netns.run(*args, ns=a.ns, check=False)
    common.equal(done.returncode, 1, "the second agent: " + done.stderr)
    common.true(str(a.agent.pid) in done.stderr, "it names pid %d: %s" % (a.agent.pid, done.stderr))
    mode = os.stat(a.socket).st_mode & 0o777
    common.equal(mode & 0o077, 0, "the socket is root's alone: %o" % mode)


def adopted(c, a):
    common.step("bridge, gateway, tunnel by other names")
    a.stop_agent()
    pod = c.pods["default/m1"]
    common.equal(a.cleanup(check=False).returncode, 0, "cleanup")
    c.servers.drop(pod.ns)
    netns.delete(pod.ns)
    c.pods.clear()
    a.start_agent("--bridge", "br-x", "--gateway", "gw-x", "--tunnel", "tun-x")
    ports = a.switch.vsctl("list-ports", "br-x").split()
    common.equal(sorted(ports), ["gw-x", "tun-x"], "ports of br-x")
    common.equal(a.switch.vsctl("get-fail-mode", "br-x").strip(), "secure", "fail mode")
    common.equal(a.switch.flows("br-x"), a.ctl("get", "flows", "--desired").stdout.splitlines(), "flows of br-x")


def scenario():
    with common.cluster("cfg", nodes=1) as c:
        a = c.nodes[0]
        wrong_usage(c)
        named_by_host(c)
        from_a_file(c, a)
        adopted(c, a)
        c.recompute()


if __name__ == "__main__":
    common.main(scenario)
