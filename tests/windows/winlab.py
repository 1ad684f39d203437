# SPDX-License-Identifier: Apache-2.0
"""A Windows node in a lab's cluster: the Windows programs under Wine (winenode), a real Open vSwitch behind its named
pipes, Pods whose packets pass through network namespaces of Linux. WineNode has the interface of the lab's Node, so that
a Cluster may hold both kinds:

    with winlab.MixedCluster("t1", run, BIN, kinds=("linux", "windows")) as c: ...
"""
import contextlib
import json
import os
import shutil
import signal
import subprocess
import sys
import time

HERE = os.path.dirname(os.path.realpath(__file__))
ROOT = os.path.dirname(os.path.dirname(HERE))
if ROOT + "/installer/linux" not in sys.path:
    sys.path.insert(0, ROOT + "/installer/linux")

from lab import clock, cluster, netns, ovs  # noqa: E402
from lab.clock import PATIENCE  # noqa: E402
from lab.netns import LabError, run  # noqa: E402

BUILD = os.environ.get("SEINE_WINDOWS_BUILD") or ROOT + "/build/windows"
WINENODE = HERE + "/winenode"
PIPE = r"\\.\pipe\seine-agent"
OVSDB_PORT, OPENFLOW_PORT = 6640, 6653


def wait_for(check, what, every=0.05):
    """Until `check` returns something true; `what` is a function that says what ought to have come."""
    end = clock.now() + PATIENCE
    while True:
        late = clock.now() > end
        if check():
            return
        if late:
            raise LabError("not in %d s (the test %s): %s" % (PATIENCE, clock.told(), what()))
        time.sleep(every)


class WineNode(cluster.Node):
    def __init__(self, lab, index):
        super().__init__(lab, index)
        self.machine = self.ns
        self.hcn = self.dir + "/machine/hcn"
        self.env = {}
        self.agent_env = {}  # variables of the agent's own
        self.guids = {}  # Linux namespace: GUID of its HCN namespace

    @property
    def socket(self):
        return PIPE

    def program(self, name):
        return "%s/bin/%s.exe" % (BUILD, name)

    def object(self):
        found = super().object()
        found["metadata"]["labels"] = {"kubernetes.io/os": "windows"}
        return found

    # ---- the machine ----
    def up(self):
        super().up()
        # The pipes lead to these; the agent itself neither listens nor sets a controller.
        self.switch.tool("ovs-appctl", "-t", "%s/ovsdb-server.%d.ctl" % (self.dir, self.switch.pid("ovsdb-server")),
                         "ovsdb-server/add-remote", "ptcp:%d:127.0.0.1" % OVSDB_PORT)
        self.switch.vsctl("add-br", "br-int", "--", "set", "bridge", "br-int", "datapath_type=" + cluster.DATAPATH,
                          "fail_mode=secure", "--", "set-controller", "br-int", "ptcp:%d:127.0.0.1" % OPENFLOW_PORT)
        lines = self.winenode("up", "--netns", self.ns, "--ovsdb", "tcp:127.0.0.1:%d" % OVSDB_PORT, "--openflow",
                              "tcp:127.0.0.1:%d" % OPENFLOW_PORT, "--ovs-rundir", self.dir, "--dir",
                              self.dir + "/machine").stdout.splitlines()
        self.env = dict(line.split("=", 1) for line in lines)

    def winenode(self, verb, *args, check=True, **more):
        return run(WINENODE, verb, self.machine, *args, check=check, timeout=4 * PATIENCE, **more)

    def exec(self, *argv, check=True, stdin=None, env=None, timeout=2 * PATIENCE):
        """A program on the Windows node."""
        return run(WINENODE, "exec", self.machine, *argv, check=check, stdin=stdin, env=env, timeout=timeout)

    def order(self, *lines):
        """Orders to the doubles of the system's libraries (README.md)."""
        with open(self.hcn + "/commands", "a") as f:
            f.write("".join(line + "\n" for line in lines))

    def let_go(self, function):
        """Calls that wait by `hold` take effect, and are through."""
        held, before = self.held_calls(function), len(self.calls(function))
        self.order("release " + function)
        wait_for(lambda: len(self.calls(function)) >= before + held and not self.held_calls(function),
                 lambda: "%s: %d calls of %s go on" % (self.name, held, function))

    def wait_held(self, function):
        wait_for(lambda: self.held_calls(function),
                 lambda: "%s: a call of %s is held\n%s" % (self.name, function, self.log_tail()))

    def held_calls(self, function):
        with open(self.hcn + "/held.json") as f:
            return json.load(f).get(function, 0)

    def state(self):
        with open(self.hcn + "/state.json") as f:
            return json.load(f)

    def endpoints(self):
        """HNS endpoints by name, but for the gateway's own."""
        return {e["Name"]: e for e in self.state()["endpoints"].values() if e["Name"] != "seine-gw0"}

    def calls(self, function=None):
        """What the service was asked, or, of the functions of other libraries, one of them."""
        folder = self.hcn if (function or "H").startswith("H") else self.dir + "/machine"
        with open(folder + "/calls.jsonl") as f:
            calls = [json.loads(line) for line in f if line.endswith("\n")]  # the last one may be half written
        return [c for c in calls if function in (None, c["function"])]

    def restart_switch(self):
        """The switch daemon anew; the underlay's device needs its addresses again."""
        self.switch.stop("ovs-vswitchd")
        self.switch.start_switch()
        self.underlay_up()

    # ---- the agent ----
    def agent_args(self, *more):
        args = ["--node-name", self.name, *self.cluster.source_args(self), "--run-dir", self.dir + "/run",
                "--datapath-type", cluster.DATAPATH, "--tunnel-type", self.cluster.tunnel]
        return [self.program("seine-agent"), *args, *self.cluster.agent_more, *more]

    def start_agent(self, *more, wait=PATIENCE, wrap=()):
        with open(self.agent_log, "ab") as log:
            self.agent = subprocess.Popen([WINENODE, "exec", self.machine, *wrap, *self.agent_args(*more)],
                                          stdin=subprocess.DEVNULL, stdout=log, stderr=log, start_new_session=True,
                                          env=dict(os.environ, NODE_NAME="wrong", **self.agent_env))
        with open(self.dir + "/agent.pid", "w") as f:
            f.write(str(self.agent.pid))
        if wait:
            self.wait_ready(wait)

    def wait_ready(self, wait=PATIENCE):
        done = self.ctl("status", "--wait", "%ds" % wait, check=False, timeout=wait + PATIENCE)
        if done.returncode != 0:
            code = self.agent.poll() if self.agent else None
            raise LabError("%s: not ready in %d s (agent's exit code: %s): %s%s\n%s" % (
                self.name, wait, code, done.stdout, done.stderr, self.log_tail()))

    def stop_agent(self, sig=signal.SIGINT, timeout=PATIENCE):
        """SIGINT arrives as Ctrl-C; SIGKILL is what it is."""
        return super().stop_agent(sig, timeout)

    def cleanup(self, check=True):
        args = self.agent_args()
        return self.exec(args[0], "cleanup", *args[1:], check=check)

    def ctl(self, *args, check=True, timeout=2 * PATIENCE):
        return self.exec(self.program("seinectl"), *args, check=check, timeout=timeout)

    def render(self, *args):
        return self.exec(self.program("seine-agent"), "render", *args)

    def write_commands(self):
        """A folder with a command for each of the node's programs, for a shell."""
        folder = self.dir + "/commands"
        os.makedirs(folder, exist_ok=True)
        for name in ("seine-agent", "seine-cni", "seinectl"):
            with open(folder + "/" + name, "w") as f:
                f.write("#!/bin/sh\nexec '%s' exec '%s' '%s' \"$@\"\n" % (WINENODE, self.machine, self.program(name)))
            os.chmod(folder + "/" + name, 0o755)
        return folder

    # ---- CNI, as containerd speaks it on Windows ----
    def guid(self, pod_ns):
        """The HCN namespace of a Pod's network namespace, made if it is not there yet."""
        if pod_ns not in self.guids:
            self.guids[pod_ns] = self.winenode("namespace", "add", pod_ns).stdout.strip()
        return self.guids[pod_ns]

    def forget(self, pod_ns):
        """The runtime removes the namespace, as after a Pod's end."""
        self.winenode("namespace", "del", pod_ns, check=False)
        self.guids.pop(pod_ns, None)

    def cni_config(self, **more):
        config = super().cni_config(**more)
        if "socket" not in more:
            del config["socket"]  # the default
        return config

    def cni(self, verb, container="", ns_path="", ifname="eth0", args=None, config=None, timeout=2 * PATIENCE):
        """`ns_path`: a GUID, or the path of a network namespace whose HCN namespace is meant."""
        pod_ns = ns_path.removeprefix(netns.path(""))
        if ns_path.startswith(netns.path("")):
            ns_path = self.guid(pod_ns) if netns.exists(pod_ns) else self.guids.get(pod_ns, "")
        env = dict(os.environ, **self.cni_env(verb, container, ns_path, ifname, args))
        done = self.exec(self.program("seine-cni"), check=False, env=env, timeout=timeout,
                         stdin=json.dumps(self.cni_config() if config is None else config))
        return cluster.CniResult(done.returncode, done.stdout, done.stderr)

    def add_pod(self, namespace, name, container=None, netns_name=None):
        pod = super().add_pod(namespace, name, container, netns_name)
        self.wait_placed(pod)
        return pod

    def wait_placed(self, pod):
        self.wait_port(pod)
        self.sync()

    def wait_port(self, pod):
        """ADD does not wait for the port: until the Pod has its addresses and the port its number."""
        wait_for(lambda: self.ofport(pod) and self.has_addresses(pod), lambda: "%s: %s has a port (%s) and addresses (%s)\n%s" % (
            self.name, pod.full_name, self.ofport(pod), self.has_addresses(pod), self.log_tail()))

    @staticmethod
    def has_addresses(pod):
        have = run("ip", "-o", "addr", "show", "eth0", ns=pod.ns, check=False).stdout
        return all(" %s/" % ip in have for ip in pod.ips)

    def local(self, pod):
        """What the agent says of an attached Pod, or None."""
        found = [p for p in self.ctl_json("get", "pods")["items"] if p.get("containerID") == pod.container]
        return found[0] if found else None

    def ofport(self, pod):
        return (self.local(pod) or {}).get("ofPort") or 0

    def del_pod(self, pod):
        result = super().del_pod(pod)
        self.forget(pod.ns)
        return result

    # ---- going ----
    def kill(self):
        self.agent = None
        with contextlib.suppress(FileNotFoundError):
            os.unlink(self.dir + "/agent.pid")
        self.winenode("down", check=False)
        self.switch.stop()


class LinuxNode(cluster.Node):
    def render(self, *args):
        return run(self.cluster.program("seine-agent"), "render", *args)


class MixedCluster(cluster.Cluster):
    """Nodes of the kinds given, in this order: "linux" or "windows"; each is called by its kind while it is the only one."""

    def __init__(self, prefix, run_dir, bin_dir, kinds=("linux", "windows"), **more):
        super().__init__(prefix, run_dir, bin_dir, nodes=0, **more)
        made = {"linux": LinuxNode, "windows": WineNode}
        self.nodes = [made[kind](self, i + 1) for i, kind in enumerate(kinds)]
        for node, kind in zip(self.nodes, kinds):
            node.kind = kind
            node.name = kind if kinds.count(kind) == 1 else node.name

    def folder(self):
        """The objects as a folder that `render --objects` takes."""
        return self.objects.dir

    def compare_flows(self):
        """What each node's agent wants, what the other system's program derives from the same objects and attachments, and
        what the switch holds: the differences, one a line, and (flows, groups, meters) of all nodes."""
        wrong, counts, folder = [], [0, 0, 0], self.folder()
        for node in self.nodes:
            path = node.dir + "/attachments.json"
            with open(path, "w") as f:
                json.dump([p for p in node.ctl_json("get", "pods")["items"] if p.get("local") and p.get("interface")], f)
            other = next(n for n in self.nodes if n.kind != node.kind)
            rendered = sections(other.render("--platform", node.kind, "--objects", folder, "--node-name", node.name,
                                             "--attachments", path).stdout)
            for i, what in enumerate(("flows", "groups", "meters")):
                desired = node.ctl("get", what, "--desired").stdout.splitlines()
                held = node.switch.flows() if what == "flows" else node.switch.held(what)
                counts[i] += len(desired)
                for name, lines in (("render on " + other.kind, rendered[what]), ("the switch", held)):
                    wrong += ["%s: only %s has: %s" % (node.name, where, line)
                              for where, line in ([(name, x) for x in lines if x not in desired]
                                                  + [("the agent", x) for x in desired if x not in lines])]
                    if lines != desired and not wrong:
                        wrong.append("%s: %s of %s come in another order" % (node.name, what, name))
            with open(node.dir + "/rendered", "w") as f:
                f.write("\n".join(rendered["flows"]) + "\n")
            differing = node.switch.ofctl("diff-flows", "br-int", node.dir + "/rendered", check=False)
            wrong += ["%s: ovs-ofctl diff-flows: %s" % (node.name, line) for line in differing.splitlines()]
        return wrong, tuple(counts)


def sections(text):
    """The parts of what render prints, by their names."""
    found, current = {}, None
    for line in text.splitlines():
        if line.startswith("# "):
            current = found.setdefault(line[2:], [])
        else:
            current.append(line)
    return found


def skip(reason):
    print("skipped: " + reason)
    sys.exit(77)


def need(*programs):
    """Skips unless this machine can make a Windows node."""
    if os.geteuid() != 0:
        skip("needs root")
    if not shutil.which("wine"):
        skip("no wine here (installer/deps.sh windows)")
    for path in (*(BUILD + "/bin/" + p + ".exe" for p in programs or ("seine-agent", "seine-cni", "seinectl")),
                 BUILD + "/doubles/computenetwork.dll", ovs.SCHEMA):
        if not os.path.exists(path):
            skip(path + " is not there (installer/deps.sh windows; cmake --build --preset windows)")
