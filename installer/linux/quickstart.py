# SPDX-License-Identifier: Apache-2.0
"""The quickstart's own part, after installer/quickstart.sh has installed and built: see there.

State between calls is what the lab keeps (namespaces by prefix, pids in the run folder), pods.json, and a file `mixed` for
one whose second node is a Windows node; a real cluster (quickstart_kube.py) has a folder elsewhere. The servers that answer in
the Pods are a process of their own, so that they are there for a shell too."""
import contextlib
import json
import os
import shutil
import signal
import subprocess
import sys
import time

from lab import cluster as lab
from lab import kubecluster, netns, ovs, probe

# Namespace, name, node and named port of each Pod: those of docs/examples/pods.yaml.
PODS = (
    ("shop", "web", 1, [("http", 80, "TCP")]),
    ("ops", "monitor", 1, []),
    ("guest", "visitor", 1, []),
    ("shop", "api", 2, [("http", 8080, "TCP")]),
    ("shop", "db", 2, []),
)
TCP, UDP = (80, 8080), (5353,)
COLUMNS = (("tcp", 80), ("tcp", 8080), ("udp", 5353))
# What docs/examples/policies/ mean, worked out by hand. Who may come in, by destination ("*": everybody)...
ALL = set(COLUMNS)
INGRESS = {
    "web": {"*": {("tcp", 80)}, "monitor": ALL},
    "api": {"web": {("tcp", 8080)}, "monitor": ALL},
    "db": {"api": {("tcp", 8080)}, "monitor": ALL},
    "monitor": {"*": ALL},
    "visitor": {"*": ALL},
}
# ... and who may go out, by source; the others may all.
EGRESS = {
    "db": {},
    "visitor": {"web": {("tcp", 80), ("udp", 5353)}, "*": {("udp", 5353)}},
}
WHY = ("guest/visitor", "shop/api", "8080/tcp")

def say(text=""):
    print(text, flush=True)


class Steps:
    """Tells each step when it begins and what it took."""

    @contextlib.contextmanager
    def __call__(self, text):
        print("== %-60s" % text, end="", flush=True)
        start = time.monotonic()
        try:
            yield
        except BaseException:
            say("failed")
            raise
        say("%5.1f s" % (time.monotonic() - start))


step = Steps()


def make_cluster(root, prefix, mixed):
    args = (prefix, lab.free_run_dir(prefix), root + "/build/release/bin")
    if not mixed:
        return lab.Cluster(*args)
    sys.path.insert(0, root + "/tests/windows")
    import winlab
    return winlab.MixedCluster(*args)


class Quickstart:
    def __init__(self, root, prefix, mixed):
        self.root, self.prefix = root, prefix
        self.mixed_file = lab.free_run_dir(prefix) + "/mixed"
        self.mixed = mixed
        self.cluster = make_cluster(root, prefix, mixed)
        self.pods_file = self.cluster.run + "/pods.json"
        self.servers_pid = self.cluster.run + "/servers.pid"

    # ---- up ----
    def up(self):
        c = self.cluster
        self.down(quiet=True)
        if self.mixed:
            os.makedirs(c.run)
            with open(self.mixed_file, "w"):
                pass
        try:
            self.bring_up()
        except BaseException as e:
            for node in c.nodes:
                sys.stderr.write(node.log_tail())
            if not isinstance(e, KeyboardInterrupt):
                say("quickstart: %s" % e)
            self.down(quiet=True)
            sys.exit(1)
        with step("who reaches whom"):
            wrong, rows = self.measure()
        self.print_matrix(rows)
        self.print_why()
        self.print_next()
        return self.verdict(wrong, rows)

    def bring_up(self):
        c = self.cluster
        with step("a Linux and a Windows node (Wine), each with its own Open vSwitch" if self.mixed
                  else "two nodes, each with its own Open vSwitch"):
            c.up()
        with step("a seine-agent on each node"):
            c.start_agents()
        self.apply_examples("namespaces.yaml")
        with step("five Pods by CNI calls"):
            self.make_pods()
        with step("the policies of docs/examples/policies/"):
            self.apply_examples("policies")

    def flows_identical(self):
        """One pipeline: each node's agent, the other system's program and the switch have the same flows."""
        wrong, counts = self.cluster.compare_flows()
        for line in wrong[:20]:
            say("    " + line)
        say("flows identical: %s (%d flows, %d groups, %d meters)" % ("no" if wrong else "yes", *counts))
        return not wrong

    def apply_examples(self, name):
        """Copies a file (or the files of a folder) of docs/examples/ to where the agents look."""
        path = os.path.join(self.root, "docs/examples", name)
        for file in sorted(os.listdir(path)) if os.path.isdir(path) else [path]:
            shutil.copy(os.path.join(path, file), self.cluster.objects.dir)
        for node in self.cluster.nodes:
            node.sync()

    def make_pods(self):
        c = self.cluster
        for space, name, index, ports in PODS:
            c.pod(c.nodes[index - 1], space, name, {"app": name}, serve=False, ports=ports)
        with open(self.pods_file, "w") as f:
            json.dump([{"namespace": p.namespace, "name": p.name, "node": p.node.index, "ns": p.ns, "ips": p.ips,
                        "container": p.container} for p in c.pods.values()], f)
        # It outlives this process: it must not hold our stderr open, or whoever reads that waits for it.
        with open(self.cluster.run + "/servers.log", "wb") as log:
            process = subprocess.Popen([sys.executable, os.path.abspath(__file__), self.root, self.prefix, "serve", ""],
                                       stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=log,
                                       start_new_session=True)
        with open(self.servers_pid, "w") as f:
            f.write(str(process.pid))
        if process.stdout.readline() != b"serving\n":
            raise netns.LabError("the Pods' servers did not start")

    def load_pods(self):
        try:
            with open(self.pods_file) as f:
                found = json.load(f)
        except FileNotFoundError:
            self.nothing_up()
        c = self.cluster
        c.pods = {p["namespace"] + "/" + p["name"]: lab.Pod(
            c.nodes[p["node"] - 1], p["namespace"], p["name"], p["container"], p["ns"], p["ips"]) for p in found}

    def nothing_up(self):
        say("quickstart: nothing is up under the name %s; start with: installer/quickstart.sh%s" % (
            self.prefix, self.name_flag()))
        sys.exit(1)

    def serve(self):
        """The servers in all Pods, until told to end."""
        self.load_pods()
        servers = probe.Servers()
        for pod in self.cluster.pods.values():
            servers.serve(pod.ns, pod.full_name, TCP, UDP, sctp=False)
        print("serving", flush=True)
        os.close(1)
        signal.sigwait({signal.SIGTERM, signal.SIGINT})
        servers.close()

    # ---- the matrix ----
    @staticmethod
    def expected(src, dst, column):
        def allows(table, own, other):
            entry = table.get(own, {"*": ALL})
            return column in entry.get(other, entry.get("*", ()))
        return allows(EGRESS, src.name, dst.name) and allows(INGRESS, dst.name, src.name)

    def measure(self):
        """(number of wrong cells, rows of (src, dst, [(expected, measured)]))."""
        c = self.cluster
        pairs = [(s, d) for s in c.pods.values() for d in c.pods.values() if s is not d]
        cells = [(s, d, column, family) for s, d in pairs for column in COLUMNS for family in c.families]
        asked = [c.probe_of(s, d, family, *column) for s, d, column, family in cells]
        answers = probe.ask(asked)
        # A cell that should be open and stayed silent is asked once more, with patience.
        again = [i for i, (s, d, column, _) in enumerate(cells)
                 if answers[i] == "drop" and self.expected(s, d, column)]
        for i, answer in zip(again, probe.ask([asked[i] for i in again], timeout=probe.PATIENCE) if again else []):
            answers[i] = answer
        rows, wrong = [], 0
        for n, (s, d) in enumerate(pairs):
            width = len(COLUMNS) * len(c.families)
            row = []
            for i in range(n * width, (n + 1) * width):
                want = "allow" if self.expected(s, d, cells[i][2]) else "drop"
                row.append((want, answers[i]))
                wrong += want != answers[i]
            rows.append((s, d, row))
        return wrong, rows

    def print_matrix(self, rows):
        heads = ["%s/%d %s" % (proto.upper(), port, "v%d" % family) for proto, port in COLUMNS
                 for family in self.cluster.families]
        say()
        say("expected / measured (+ reaches, - does not, ? something else answered; ! marks a difference)")
        width = len("windows -> linux") if self.mixed else len("cross node")
        say("%-*s %s" % (30 + width, "", "  ".join("%-11s" % h for h in heads)))
        sign = {"allow": "+", "drop": "-"}
        for src, dst, cells in rows:
            where = "same node" if src.node is dst.node else "cross node"
            if self.mixed:
                where = src.node.name if src.node is dst.node else "%s -> %s" % (src.node.name, dst.node.name)
            text = "  ".join("%-11s" % ("%s / %s%s" % (sign[w], sign.get(g, "?"), "" if w == g else " !")) for w, g in cells)
            say("%-14s -> %-13s %-*s %s" % (src.full_name, dst.full_name, width, where, text))
        say()

    def print_why(self):
        node = self.cluster.pods[WHY[1]].node
        say("why does %s not reach %s on %s? seinectl why on %s says:" % (WHY + (node.name,)))
        done = node.ctl("why", *WHY, check=False)
        for line in (done.stdout + done.stderr).splitlines():
            say("    " + line)
        say()

    def name_flag(self):
        return "" if self.prefix == "seine" else " --name " + self.prefix

    def print_next(self):
        flag = self.name_flag()
        say("what to try next:")
        say("    installer/quickstart.sh%s shell %-14s then: seinectl status; seinectl get rules;" % (
            flag, self.cluster.nodes[-1].name))
        say("                                                   ovs-ofctl -O OpenFlow15 dump-flows br-int")
        say("    edit or add policies in %s and watch seinectl sync; why; status" % self.cluster.objects.dir)
        say("    installer/quickstart.sh%s status | down" % flag)
        say()

    def verdict(self, wrong, rows):
        total = sum(len(cells) for _, _, cells in rows)
        identical = not self.mixed or self.flows_identical()
        say("quickstart: %d of %d cells as expected" % (total - wrong, total))
        return 1 if wrong or not identical else 0

    # ---- the rest ----
    def status(self):
        self.load_pods()
        failed = 0
        for node in self.cluster.nodes:
            say("== %s" % node.name)
            done = node.ctl("status", check=False)
            say((done.stdout + done.stderr).rstrip())
            failed |= done.returncode
        wrong, rows = self.measure()
        self.print_matrix(rows)
        return self.verdict(wrong, rows) or failed

    def find_node(self, name):
        """The node; None, after saying so, if there is none of that name."""
        self.load_pods()
        node = next((n for n in self.cluster.nodes if n.name == name), None)
        if not node:
            say("quickstart: no node %s; there are %s" % (name, ", ".join(n.name for n in self.cluster.nodes)))
        return node

    def shell(self, name):
        node = self.find_node(name)
        if not node:
            return 2
        env = dict(node.switch.env, SEINE_SOCKET=node.socket, PATH=self.cluster.bin + ":" + os.environ["PATH"])
        if getattr(node, "kind", "linux") == "windows":
            env["PATH"] = node.write_commands() + ":" + os.environ["PATH"]
            del env["SEINE_SOCKET"]
        if sys.stdin.isatty():
            env["PS1"] = "[%s %s] # " % (self.prefix, name)
            say("a shell in %s: seinectl and the ovs tools are aimed at it; the Pods are namespaces %s-pod-*" % (
                name, self.prefix))
            argv = ["bash", "--norc"]
        else:
            argv = ["bash", "-s"]
        sys.stdout.flush()
        os.execvpe("ip", ["ip", "netns", "exec", node.ns] + argv, env)

    def leftovers(self):
        return lab.leftovers(self.prefix, self.cluster.run)

    def down(self, quiet=False):
        with contextlib.suppress(FileNotFoundError, ValueError):
            with open(self.servers_pid) as f:
                pid = int(f.read())
            with contextlib.suppress(OSError):
                with open("/proc/%d/cmdline" % pid) as f:
                    if "quickstart.py" in f.read():
                        ovs.kill(pid, signal.SIGTERM, 10) or ovs.kill(pid)
        self.cluster.down()
        left = self.leftovers()
        for line in left:
            say("quickstart: left behind: " + line)
        if not quiet and not left:
            say("quickstart: nothing of %s is left" % self.prefix)
        return 1 if left else 0


def kind_up(prefix):
    """Which kind of quickstart is up under that name: "mixed", "kubernetes" or ""."""
    if os.path.exists(lab.free_run_dir(prefix) + "/mixed"):
        return "mixed"
    return "kubernetes" if os.path.exists(kubecluster.free_run_dir(prefix)) else ""


def make(root, prefix, kind):
    if kind == "kubernetes":
        import quickstart_kube
        return quickstart_kube.KubeQuickstart(root, prefix)
    return Quickstart(root, prefix, kind == "mixed")


def main():
    root, prefix, verb, more = sys.argv[1:5]
    there = kind_up(prefix)
    kind = more if verb == "up" else there
    if verb == "up" and kind != there:
        make(root, prefix, there).down(quiet=True)  # one of another kind may be up
    quickstart = make(root, prefix, kind)
    if verb == "shell":
        return quickstart.shell(more)
    return {"up": quickstart.up, "down": quickstart.down, "status": quickstart.status,
            "serve": quickstart.serve}[verb]()


if __name__ == "__main__":
    sys.exit(main())
