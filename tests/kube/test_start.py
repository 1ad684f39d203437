# SPDX-License-Identifier: Apache-2.0
"""How an agent starts with an API server: by token, client certificate, in-cluster account; refused configurations;
without podCIDR; from its cache while the server is away."""
import glob
import json
import os
import shutil
import time

import agentlab
import kubelab
from agentlab import is_ready, source, unchanged
from kubelab import common, manifests

ACCOUNT = "/var/run/secrets/kubernetes.io/serviceaccount"


def told(node):
    """What the node's agent says of its source, once it answers."""
    done = node.ctl("status", "-o", "json", check=False)
    return json.loads(done.stdout)["sources"][0] if done.stdout else {}


def in_cluster(c, node):
    """What wraps an agent so that it is in a Pod: its account's files where they are in one, the environment kubelet gives."""
    folder = node.dir + "/account"
    os.makedirs(folder, exist_ok=True)
    with open(folder + "/token", "w") as f:
        f.write(c.cp.token())
    shutil.copy(c.cp.pki + "/ca.crt", folder)
    # A /var of its own: nothing of the machine is written.
    script = ("mount -t tmpfs none /var; mkdir -p %s; mount --bind %s %s; export KUBERNETES_SERVICE_HOST=%s KUBERNETES_SERVICE_PORT=%d; "
              "exec \"$@\"" % (ACCOUNT, folder, ACCOUNT, c.cp.bind, c.cp.port))
    return ("unshare", "--mount", "sh", "-ec", script, "sh")


def every_way(c):
    a = c.nodes[0]
    flows = a.switch.flows()
    common.step("client certificates; the in-cluster account, whose token is replaced")
    a.stop_agent()
    c.cp.kubeconfig("agent", cert="agent", embedded=True)
    unchanged_start(a, flows)
    a.stop_agent()
    c.in_cluster = True
    a.start_agent(wrap=in_cluster(c, a))
    common.equal(a.switch.flows(), flows, "flows after an in-cluster start")
    with open(a.dir + "/account/.new", "w") as f:
        f.write(c.cp.token())
    os.rename(a.dir + "/account/.new", a.dir + "/account/token")
    a.sync()
    a.stop_agent()
    common.step("--api-server goes before the address from the environment")
    wrap = list(in_cluster(c, a))
    wrap[4] = wrap[4].replace("_HOST=" + c.cp.bind, "_HOST=192.0.2.99")
    a.start_agent("--api-server", c.cp.url, wrap=wrap)
    a.sync()
    a.stop_agent()
    c.in_cluster = False


def unchanged_start(node, flows):
    node.start_agent()
    common.equal((node.switch.flows(), sum(node.status()["messages"].values())), (flows, 0), "flows after a start, messages sent")


def refused(c):
    common.step("configurations that are refused: exit 2 and one line that says what")
    a = c.nodes[0]
    with open(c.cp.path("admin")) as f:
        text = f.read()
    plugin = '"user": {"exec": {"command": "x", "apiVersion": "client.authentication.k8s.io/v1"}, '
    cases = {"exec": (text.replace('"user": {', plugin, 1), "exec"), "yaml": ("clusters: [", "kubeconfig"),
             "context": (text.replace('"current-context": "lab"', '"current-context": "none"'), "none")}
    for name, (body, word) in cases.items():
        path = "%s/%s.kubeconfig" % (a.dir, name)
        with open(path, "w") as f:
            f.write(body)
        args = [x for x in a.agent_args() if x not in ("--kubeconfig", c.cp.path("agent"))] + ["--kubeconfig", path]
        done = kubelab.netns.run(*args, ns=a.ns, check=False)
        common.true(done.returncode == 2 and done.stderr.count("\n") == 1 and word in done.stderr,
                    "%s: exit %d: %s" % (name, done.returncode, done.stderr))


def no_cidr(c):
    common.step("no podCIDR yet: not ready, one line names the Node and the field")
    a = c.nodes[0]
    c.cp.delete(a.object())
    bare = a.object()
    del bare["spec"]
    c.cp.apply(bare)
    a.start_agent(wait=0)
    common.eventually(lambda: told(a).get("complete"), "the source is complete")
    done = a.ctl("status", "--wait", "500ms", check=False)
    common.true(done.returncode == 1 and a.name in done.stdout + done.stderr and "podCIDR" in done.stdout + done.stderr,
                "status: %d %s%s" % (done.returncode, done.stdout, done.stderr))
    c.cp.kubectl("patch", "node", a.name, "-p", '{"spec": {"podCIDR": "%s", "podCIDRs": ["%s", "%s"]}}' % (a.cidrs[0], *a.cidrs))
    a.wait_ready()


def from_cache(c, web):
    common.step("started while the API server is away: what was in force is enforced from the cache, not ready, ADD is served")
    a = c.nodes[0]
    soon = manifests.pod("red", "soon", {"app": "soon"}, a.name)
    c.objects.put(soon)
    c.sync()
    flows = a.switch.flows()
    a.stop_agent()
    c.cp.kill()
    a.switch.ofctl("del-flows", "br-int")
    a.start_agent(wait=0)
    common.eventually(lambda: a.switch.flows() == flows, lambda: "the same flows from the cache\n" + a.log_tail(), every=0.1)
    found = common.eventually(lambda: told(a), "the agent answers")
    common.equal((found["complete"], found["cached"], is_ready(a)), (False, True, False), "complete, cached, ready")
    pod = a.add_pod("red", "soon")
    c.record_local(pod, soon)
    m = common.Matrix(c)
    m.expect(pod, web, False)
    m.check("a policy from the cache")
    c.cp.start()
    a.wait_ready()
    common.equal(source(a)["cached"], False, "cached after the server is back")
    c.record(pod, soon)
    agentlab.check(c)
    c.remove_pod(pod)


def changed_cache(c):
    common.step("a cache that somebody changed is not taken")
    a = c.nodes[0]
    a.stop_agent()
    c.cp.kill()
    for file in glob.glob(a.dir + "/cache/*"):
        with open(file, "rb") as f:
            text = f.read()
        with open(file, "wb") as f:
            f.write(text.replace(b"node1", b"nodeX"))
    a.start_agent(wait=0)
    common.eventually(lambda: told(a) and "cache" in a.log_tail(), lambda: "the agent answers, and a warning: " + a.log_tail())
    time.sleep(1)
    common.equal((source(a)["cached"], source(a)["complete"]), (False, False), "cached, complete")
    c.cp.start()
    a.wait_ready()


class Cluster(kubelab.Cluster):
    in_cluster = False

    def source_args(self, node):
        return ["--cache-dir", node.dir + "/cache"] if self.in_cluster else super().source_args(node)

    def record_local(self, pod, obj):
        """As record(), while the server is away."""
        obj["status"].update(podIP=pod.ips[0], podIPs=[{"ip": ip} for ip in pod.ips])
        self.pods[pod.full_name] = pod


def scenario():
    with kubelab.cluster("sta", kind=Cluster, nodes=1) as c:
        a = c.nodes[0]
        no_cidr(c)
        web = c.pod(a, "red", "web", {"app": "web"})
        c.apply(manifests.policy("red", "closed", {"matchLabels": {"app": "web"}}, ["Ingress"]))
        every_way(c)
        refused(c)
        c.cp.kubeconfig("agent", token=c.cp.token())
        unchanged_start(a, a.switch.flows())
        from_cache(c, web)
        changed_cache(c)
        agentlab.check(c)


common.main(scenario, agentlab.need)
