# SPDX-License-Identifier: Apache-2.0
"""quickstart.sh --kubernetes: the same Pods, policies and matrix in a real cluster. Everything is made as an administrator makes
it: the manifest is applied, Pods are created by kubectl and started by kubelets, policies are those of docs/examples/."""
import json
import os
import sys

import quickstart
from lab import kubecluster
from quickstart import say, step


class KubeQuickstart(quickstart.Quickstart):
    def __init__(self, root, prefix):
        super().__init__(root, prefix, False)
        self.cluster = kubecluster.KubeCluster(prefix, kubecluster.free_run_dir(prefix), root + "/build/release/bin",
                                               root + "/build/kube", image=root + "/build/image/seine.tar")
        self.servers_pid = self.cluster.run + "/servers.pid"

    def bring_up(self):
        c = self.cluster
        with step("a control plane, and two nodes with kubelet and containerd"):
            c.up()
        with step("Seine: kubectl apply, and both nodes are Ready"):
            c.install()
        self.apply_examples("namespaces.yaml")
        with step("five Pods, started by the kubelets"):
            self.make_pods()
        with step("the policies of docs/examples/policies/"):
            self.apply_examples("policies")

    def apply_examples(self, name):
        self.cluster.kubectl("apply", "-f", os.path.join(self.root, "docs/examples", name))
        self.cluster.sync()

    def make_pods(self):
        c = self.cluster
        for space in sorted({p[0] for p in quickstart.PODS}):
            c.kubectl("wait", "--for=create", "-n", space, "serviceaccount/default", "--timeout=30s")
        items = [kubecluster.pod_object(space, name, c.nodes[index - 1].name, {"app": name}, ports)
                 for space, name, index, ports in quickstart.PODS]
        c.kubectl("apply", "-f", "-", stdin=json.dumps({"apiVersion": "v1", "kind": "List", "items": items}))
        for space, name, _, _ in quickstart.PODS:
            c.wait_pod(space, name)
        c.sync()

    def load_pods(self):
        if not os.path.exists(self.cluster.control.path("admin")):
            self.nothing_up()
        for space, name, _, _ in quickstart.PODS:
            self.cluster.wait_pod(space, name, 5)

    def status(self):
        self.load_pods()
        for what in (["nodes"], ["pods", "-A"]):
            say(self.cluster.kubectl("get", *what, "-o", "wide").stdout)
        return super().status()

    def shell(self, name):
        node = self.find_node(name)
        if not node:
            return 2
        env = dict(os.environ, KUBECONFIG=self.cluster.control.path("admin"),
                   PATH="%s:%s:%s" % (self.cluster.bin, self.cluster.kube_bin, os.environ["PATH"]))
        argv = ["bash", "-s"]
        if sys.stdin.isatty():
            env["PS1"] = "[%s %s] # " % (self.prefix, name)
            say("a shell on %s: kubectl, seinectl, ctr -n k8s.io and the ovs tools work as on any node" % name)
            argv = ["bash", "--norc"]
        sys.stdout.flush()
        enter = node.enter()
        os.execvpe(enter[0], enter + argv, env)

    def print_next(self):
        flag = self.name_flag()
        say("what to try next:")
        say("    installer/quickstart.sh%s shell %-14s then: kubectl get pods -A -o wide; seinectl status;" % (
            flag, self.cluster.nodes[-1].name))
        say("                                                   kubectl exec -n guest visitor -- labpod ask tcp ADDRESS 80")
        say("    kubectl apply -f your own Pods (image lab.seine.dev/pod:1 needs no registry) and policies there")
        say("    installer/quickstart.sh%s status | down" % flag)
        say()

    def leftovers(self):
        return kubecluster.leftovers(self.prefix, self.cluster.run)
