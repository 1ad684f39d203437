# SPDX-License-Identifier: Apache-2.0
"""Agents whose desired state is in an API server: what the server holds as a folder, what an agent should say and its switch should
hold of it."""
import http.client
import json
import os
import socket
import subprocess

import kubelab
from kubelab import common, manifests, netns

KINDS = ("Node", "Namespace", "Pod", "NetworkPolicy", "Service", "EndpointSlice")


def need():
    kubelab.need()
    common.need_lab()


def exported(c, folder):
    """All that the server holds, as a folder that `render --objects` takes."""
    os.makedirs(folder, exist_ok=True)
    items = []
    for kind in KINDS:
        listed = c.cp.client.get(kind)
        items += [dict(o, kind=kind, apiVersion=listed["apiVersion"]) for o in listed["items"]]
    with open(folder + "/all.json", "w") as f:
        json.dump({"apiVersion": "v1", "kind": "List", "items": items}, f)
    return folder


def rendered(c, node):
    """{"flows": [...], ...} that render derives for the node from what the server holds and the node's attachments."""
    folder = exported(c, "%s/exported-%s" % (c.run, node.name))
    path = "%s/attachments-%s.json" % (c.run, node.name)
    with open(path, "w") as f:
        json.dump([p for p in node.ctl_json("get", "pods")["items"] if p.get("local") and p.get("interface")], f)
    done = subprocess.run([c.program("seine-agent"), "render", "--objects", folder, "--node-name", node.name, "--attachments", path],
                          capture_output=True, text=True, timeout=2 * common.PATIENCE)
    common.equal(done.returncode, 0, "render: " + done.stderr)
    found, current = {}, None
    for line in done.stdout.splitlines():
        if line.startswith("# "):
            current = found.setdefault(line[2:], [])
        else:
            current.append(line)
    return found


def check_flows(c, node):
    """The switch holds what the server's objects mean."""
    common.equal(node.switch.flows(), rendered(c, node)["flows"], "%s: the switch against render" % node.name)


def pod_facts(o):
    ips = [ip["ip"] for ip in o.get("status", {}).get("podIPs", [])]
    return (o["metadata"]["namespace"], o["metadata"]["name"], o["metadata"]["uid"], o["spec"].get("nodeName", ""), tuple(ips),
            tuple(sorted(o["metadata"].get("labels", {}).items())))


def told_facts(p):
    return p["namespace"], p["name"], p["uid"], p["node"], tuple(p["addresses"]), tuple(sorted(p["labels"].items()))


def check_pods(c, node):
    """`get pods` is what the server holds but for finished and hostNetwork Pods; --all has these too. In order."""
    pods = sorted(c.cp.client.list("Pod"), key=lambda o: (o["metadata"]["namespace"], o["metadata"]["name"]))
    usual = [o for o in pods if not o["spec"].get("hostNetwork") and o["status"].get("phase") not in ("Succeeded", "Failed")]
    for args, expected in (((), usual), (("--all",), pods)):
        told = node.ctl_json("get", "pods", *args)["items"]
        common.equal([told_facts(p) for p in told], [pod_facts(o) for o in expected], "get pods %s" % " ".join(args))


def check(c):
    """Everything that can be compared, on every node; ends each scenario."""
    c.sync()
    for node in c.nodes:
        check_pods(c, node)
        check_flows(c, node)
    c.recompute()


def check_written(c):
    """Each agent has written its own Node's condition, nothing else."""
    for node in c.nodes:
        def found():
            return c.cp.client.get("Node", name=node.name)

        def conditions():
            return [(x["status"], x["reason"]) for x in found()["status"].get("conditions", []) if x["type"] == "NetworkUnavailable"]
        common.eventually(lambda: conditions() == [("False", "SeineReady")], lambda: "%s: condition: %s" % (node.name, conditions()))
        managers = {(m["manager"], m.get("subresource", "")) for m in found()["metadata"]["managedFields"]}
        common.true(("seine-agent", "status") in managers and ("seine-agent", "") not in managers, "managers: %s" % managers)


def metrics(node, port=9101):
    """{series: value} of an agent that serves them on loopback."""
    connection = http.client.HTTPConnection("127.0.0.1", port)
    connection.sock = netns.open_socket(node.ns, socket.AF_INET, socket.SOCK_STREAM)
    connection.sock.settimeout(common.PATIENCE)
    connection.sock.connect(("127.0.0.1", port))
    connection.request("GET", "/metrics")
    lines = connection.getresponse().read().decode().splitlines()
    connection.close()
    return {line.rsplit(" ", 1)[0]: float(line.rsplit(" ", 1)[1]) for line in lines if not line.startswith("#")}


def source(node):
    return node.status()["sources"][0]


def is_ready(node):
    return node.ctl("status", "--wait", "1ms", check=False).returncode == 0


def unchanged(node, what):
    """Does `what`; not one flow, group or meter may be written for it."""
    before = node.flow_mods()
    what()
    common.equal(node.flow_mods() - before, 0, "flow-mods sent for nothing")
