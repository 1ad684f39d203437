# SPDX-License-Identifier: Apache-2.0
"""seinectl on a live cluster: every command of the contract answers in its form, `why` is right and the switch agrees."""
import json

import common
from lab.manifests import namespace, policy


def forms(c, a):
    common.step("output forms, help and usage errors")
    for what in ("pods", "nodes", "policies", "rules", "flows"):
        table = a.ctl("get", what).stdout
        common.true(table.strip(), "get %s prints" % what)
        got = json.loads(a.ctl("get", what, "-o", "json").stdout)
        common.equal(got["apiVersion"], "seine.dev/v1", "apiVersion of " + what)
        common.true(got["kind"].endswith("List"), "kind of " + what)
        common.true(got["items"], "items of " + what)
        common.true(a.ctl("get", what, "-o", "yaml").stdout.startswith("apiVersion:"), "yaml of " + what)
        a.ctl("get", what, "-o", "wide")
    for args in (("--help",), ("status", "--help"), ("get", "--help"), ("why", "--help"), ("version",), ("--version",),
                 ("completion", "bash"), ("completion", "zsh"), ("completion", "powershell")):
        common.true(a.ctl(*args).stdout.strip(), "seinectl %s prints" % " ".join(args))
    for args in (("dance",), ("get", "dances"), ("get", "pods", "-o", "xml"), ("why", "x"), ("status", "--wait", "x"),
                 ("why", "default/a1", "default/b1", "99999/tcp")):
        done = a.ctl(*args, check=False)
        common.equal(done.returncode, 2, "seinectl %s: %s" % (" ".join(args), done.stderr))
        common.equal((done.stdout, done.stderr.count("\n") >= 1), ("", True), "the usage error is on stderr")
    done = common.netns.run(c.program("seinectl"), "--socket", c.run + "/none", "status", check=False)
    common.equal((done.returncode, done.stdout), (1, ""), "no agent")
    for program, words in (("seinectl", ("version",)), ("seine-agent", ("--help",)), ("seine-cni", ("--version",)),
                           ("seine-agent", ("render", "--objects", c.objects.dir, "--node-name", "node1"))):
        done = common.netns.run("sh", "-c", 'exec "$@" >/dev/full', "sh", c.program(program), *words, check=False)
        common.equal((done.returncode, done.stderr.count("\n")), (1, 1), "output that cannot be written: " + done.stderr)
        common.true("standard output cannot be written: exhausted (28)" in done.stderr, done.stderr)
    completion = a.ctl("completion", "bash").stdout
    done = common.netns.run("bash", "-n", stdin=completion, check=False)
    common.equal(done.returncode, 0, "bash takes the completion: " + done.stderr)


def status(c, a):
    common.step("status")
    got = a.status()
    for key in ("ready", "version", "node", "sources", "flows", "groups", "meters", "bundles", "messages", "ovs",
                "recompute"):
        common.true(key in got, "status has %s: %r" % (key, got))
    common.equal((got["ready"], got["node"]), (True, "node1"), "ready, node")
    common.equal(got["flows"]["desired"], got["flows"]["installed"], "flows")
    common.equal(got["flows"]["installed"], len(a.switch.flows()), "flows in the switch")
    common.true(got["ovs"]["connected"] and got["ovs"]["datapathType"] == "netdev", "ovs: %r" % got["ovs"])
    common.equal([s["complete"] for s in got["sources"]], [True], "sources")


def flows(c, a):
    common.step("flows: desired, installed and the switch are the same bytes; one table; explained")
    desired = a.ctl("get", "flows", "--desired").stdout
    installed = a.ctl("get", "flows", "--installed").stdout
    common.equal(desired, installed, "desired and installed")
    common.equal(desired.splitlines(), a.switch.flows(), "seinectl and ovs-ofctl")
    common.equal(desired.splitlines(), sorted(desired.splitlines()), "sorted")
    pages = a.ctl("pipeline").stdout
    stage = next(w for w in pages.split() if w in pages and "ngress" in w)
    explained = a.ctl("get", "flows", "--explain").stdout
    common.true(len(explained) > len(desired), "--explain says more")
    del stage
    for side in ("--desired", "--installed"):
        common.equal(a.ctl("get", "acls", side).stdout, "# acls\n", "a node with Open vSwitch has no access lists")
    common.equal(a.ctl_json("get", "acls"), {"apiVersion": "seine.dev/v1", "kind": "AclList", "items": []}, "none")
    # Parsed by ovs-ofctl as they stand.
    with open(c.run + "/flows", "w") as f:
        f.write(desired)
    common.equal(a.switch.ofctl("diff-flows", c.run + "/flows", "br-int"), "", "ovs-ofctl diff-flows")


def why(c, a, b):
    common.step("why")
    cases = [
        (a, ("red/client", "red/server", "80/tcp"), "allow", "from-client"),
        (a, ("red/client", "red/server", "81"), "drop", None),
        (b, ("red/client", "red/server", "80"), "allow", "from-client"),
        (b, ("red/other", "red/server", "80"), "drop", None),
        (a, ("red/other", "red/client", "80"), "allow", None),
        (a, ("192.0.2.254", "red/client", "80"), "allow", None),
        (b, ("192.0.2.254", "red/server", "80"), "drop", None),
        (a, ("red/client", "198.51.100.1", "443"), "allow", None),
    ]
    for node, args, verdict, rule in cases:
        for family in ("4", "6"):
            if any("." in x for x in args) and family == "6":
                continue
            done = node.ctl("why", *args, "--family", family, "-o", "json", check=False)
            what = "why %s --family %s on %s" % (" ".join(args), family, node.name)
            common.equal(done.returncode, 0, what + ": " + done.stdout + done.stderr)
            got = json.loads(done.stdout)
            common.equal((got["verdict"], got["agree"]), (verdict, True), what + ": " + done.stdout)
            for key in ("egress", "ingress", "trace"):
                common.true("verdict" in got[key], "%s has %s" % (what, key))
            if rule:
                common.true(rule in json.dumps(got["ingress"]["rules"]), "%s names %s: %r" % (what, rule, got))
            text = node.ctl("why", *args, "--family", family).stdout
            common.true(verdict in text, "%s prints the verdict: %s" % (what, text))
    common.step("why, where the other node does not know the Pod's address")
    known = c.objects.objects["pod-red-client.json"]
    c.objects.put({k: v for k, v in known.items() if k != "status"})
    c.sync()
    got = a.ctl_json("why", "red/client", "red/server", "80")
    common.equal((got["verdict"], got["ingress"]["verdict"], got["ingress"]["node"], got["agree"]), ("drop", "drop", "node2", True),
                 "by its attachment's address, which is in no address set there: %r" % got)
    c.objects.put(known)
    c.sync()
    done = a.ctl("why", "red/nobody", "red/server", "80", check=False)
    common.equal(done.returncode, 1, "why of a Pod that is not: " + done.stderr)


def scenario():
    with common.cluster("ctl") as c:
        c.start_agents()
        a, b = c.nodes
        c.objects.put(namespace("red", {"team": "red"}))
        c.pod(a, "red", "client", {"app": "client"})
        c.pod(a, "red", "other", {"app": "other"})
        c.pod(b, "red", "server", {"app": "server"})
        c.apply(policy("red", "from-client", {"matchLabels": {"app": "server"}}, ["Ingress"],
                       [{"from": [{"podSelector": {"matchLabels": {"app": "client"}}}], "ports": [{"port": 80}]}]))
        status(c, a)
        why(c, a, b)
        flows(c, b)
        forms(c, b)
        done = a.ctl("recompute")
        common.true("differences: 0" in done.stdout, "recompute: " + done.stdout)
        common.true(a.status()["recompute"]["runs"] >= 1, "recompute is counted")
        c.recompute()


if __name__ == "__main__":
    common.main(scenario)
