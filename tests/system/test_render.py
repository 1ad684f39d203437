# SPDX-License-Identifier: Apache-2.0
"""`seine-agent render` prints without a switch exactly what the live agent installs, and names a bad document."""
import json
import subprocess

import common
from lab.manifests import namespace, policy


def render(c, node, *more):
    return subprocess.run([c.program("seine-agent"), "render", "--objects", c.objects.dir, "--node-name", node.name,
                           *more], capture_output=True, text=True, timeout=common.PATIENCE)


def sections(text):
    found, current = {}, None
    for line in text.splitlines():
        if line.startswith("# "):
            current = found.setdefault(line[2:], [])
        else:
            current.append(line)
    return found


def scenario():
    with common.cluster("ren") as c:
        c.start_agents()
        a, b = c.nodes
        c.objects.put(namespace("red", {"team": "red"}))
        c.pod(a, "red", "web", {"app": "web"}, ports=[("http", 80, "TCP")])
        c.pod(a, "default", "x", {})
        c.pod(b, "red", "far", {"app": "far"})
        c.apply(policy("red", "p", {}, ["Ingress", "Egress"],
                       [{"from": [{"namespaceSelector": {}}], "ports": [{"port": "http"}, {"port": 90, "endPort": 99}]}],
                       [{"to": [{"ipBlock": {"cidr": "10.0.0.0/8", "except": ["10.1.0.0/16"]}}]}]))
        for node in c.nodes:
            common.step("render for %s against its switch" % node.name)
            attached = [p for p in node.ctl_json("get", "pods")["items"] if p.get("local") and p.get("interface")]
            path = "%s/%s.json" % (c.run, node.name)
            with open(path, "w") as f:
                json.dump(attached, f)
            done = render(c, node, "--attachments", path)
            common.equal(done.returncode, 0, "render: " + done.stderr)
            got = sections(done.stdout)
            common.equal(list(got), ["flows", "groups", "meters"], "sections")
            common.equal(got["flows"], node.switch.flows(), "flows")
            again = render(c, node, "--attachments", path)
            common.equal(again.stdout, done.stdout, "twice the same bytes")

        common.step("no attachments: a node without Pods; a bad document: exit 1 with its place")
        common.equal(render(c, a).returncode, 0, "render without attachments")
        c.objects.write("bad.yaml", "kind: Pod\napiVersion: v1\nmetadata: [x\n")
        done = render(c, a)
        common.equal((done.returncode, done.stdout), (1, ""), "render with a bad document")
        common.true("bad.yaml:" in done.stderr, "its place: " + done.stderr)
        c.objects.remove("bad.yaml")
        common.equal(render(c, a, "--attachments", "/nonexistent").returncode in (1, 2), True, "no such file")
        c.recompute()


if __name__ == "__main__":
    common.main(scenario)
