# SPDX-License-Identifier: Apache-2.0
"""Nodes, underlay, agents and Pods.

    fabric namespace: bridge `lan` 192.0.2.254 (the outside world)
      |                         |
    node1: eth0 - br-phy      node2: eth0 - br-phy      underlay: the node's address is on br-phy, a
           br-int (the agent's)      br-int             bridge of the same userspace switch, so that
             |      |                  |                tunnels find it; default route to the fabric
            Pod    Pod                Pod

All names begin with the prefix; all files lie in the run folder; every process is known by its pid. What
was made can be taken away by another process later: `Cluster.down` needs the prefix and the folder only."""
import contextlib
from concurrent import futures
import glob
import json
import os
import shutil
import signal
import subprocess
import time

from . import clock, manifests, netns, ovs, probe
from .clock import PATIENCE
from .netns import LabError, run

OUTSIDE4, OUTSIDE6 = "198.51.100.1", "2001:db8:ffff::1"
CNI_VERSION = "1.1.0"


# "system" is the kernel's, where there is one (tests/vm/).
DATAPATH = os.environ.get("SEINE_LAB_DATAPATH", "netdev")


class CniResult:
    """What seine-cni answered: exit code and the JSON of stdout (None if it was empty)."""

    def __init__(self, code, stdout, stderr):
        self.code, self.stdout, self.stderr = code, stdout, stderr
        self.json = json.loads(stdout) if stdout.strip() else None

    @property
    def error(self):
        """The CNI error code, 0 on success."""
        return (self.json or {}).get("code", -1) if self.code else 0

    @property
    def ips(self):
        return [ip["address"].split("/")[0] for ip in self.json["ips"]]

    def __repr__(self):
        return "exit %d: %s%s" % (self.code, self.stdout, self.stderr)


class Pod:
    def __init__(self, node, namespace, name, container, ns, ips):
        self.node, self.namespace, self.name = node, namespace, name
        self.container, self.ns, self.ips = container, ns, ips

    @property
    def full_name(self):
        return self.namespace + "/" + self.name

    def ip(self, family):
        """The address of family 4 or 6, or None."""
        return next((ip for ip in self.ips if (":" in ip) == (family == 6)), None)


class Node:
    def __init__(self, cluster, index):
        self.cluster, self.index = cluster, index
        self.name = "node%d" % index
        self.ns = "%s-%s" % (cluster.prefix, self.name)
        self.dir = "%s/%s" % (cluster.run, self.name)
        self.switch = ovs.Switch(self.dir, self.ns)
        self.ip4 = "192.0.2.%d" % index
        self.ip6 = "2001:db8:5e::%x" % index
        self.cidrs = [c for f, c in ((4, "10.80.%d.0/24" % index), (6, "fd00:80:%x::/64" % index))
                      if f in cluster.families]
        self.gateways = [c for f, c in ((4, "10.80.%d.1" % index), (6, "fd00:80:%x::1" % index))
                         if f in cluster.families]
        self.agent = None
        self.agent_log = self.dir + "/agent.log"

    @property
    def socket(self):
        return self.dir + "/run/agent.sock"

    def object(self):
        return manifests.node(self.name, self.cidrs, [self.ip4] + (
            [self.ip6] if 6 in self.cluster.families else []))

    # ---- the machine ----
    def up(self):
        os.makedirs(self.dir + "/run", exist_ok=True)
        netns.add(self.ns)
        self.switch.start()
        run("ip", "link", "add", "eth0", "netns", self.ns, "type", "veth", "peer", "name",
            "port%d" % self.index, "netns", self.cluster.fabric)
        if DATAPATH == "netdev":
            self.underlay_bridge()
        self.underlay_up()

    def underlay_bridge(self):
        """The userspace datapath makes tunnels on a bridge of its own daemon."""
        # AF_PACKET copies frames: the node's own stack must not see those of the underlay's veth too.
        run("sh", "-ec", """
            sysctl -qw net.ipv6.conf.eth0.disable_ipv6=1
            nft 'add table netdev lab; add chain netdev lab eth0 {
                 type filter hook ingress device eth0 priority 0; policy drop; }'
            ip link set eth0 up; ethtool -K eth0 tx off > /dev/null""", ns=self.ns)
        self.switch.vsctl("--may-exist", "add-br", "br-phy", "--", "set", "bridge", "br-phy", "datapath_type=netdev",
                          "fail_mode=standalone", "other_config:hwaddr=02:00:00:00:5e:%02x" % self.index,
                          "--", "--may-exist", "add-port", "br-phy", "eth0")

    def underlay_up(self):
        """The node's addresses; those of br-phy are needed again after each start of the switch daemon."""
        dev = "br-phy" if DATAPATH == "netdev" else "eth0"
        run("sh", "-ec", f"""
            ip link set {dev} up; ethtool -K {dev} tx off > /dev/null
            ip addr replace {self.ip4}/24 dev {dev}
            ip -6 addr replace {self.ip6}/64 dev {dev} nodad
            ip route replace default via 192.0.2.254
            ip -6 route replace default via 2001:db8:5e::fe""", ns=self.ns)

    # ---- the agent ----
    def agent_args(self, *more):
        args = [self.cluster.program("seine-agent"), "--node-name", self.name,
                *self.cluster.source_args(self), "--run-dir", self.dir + "/run",
                "--ovsdb", self.switch.db, "--datapath-type", DATAPATH,
                "--tunnel-type", self.cluster.tunnel]
        return args + list(self.cluster.agent_more) + list(more)

    def start_agent(self, *more, wait=PATIENCE, wrap=()):
        """Starts the agent; with `wait` seconds, until it is ready."""
        log = open(self.agent_log, "ab")
        try:
            self.agent = subprocess.Popen(
                ["ip", "netns", "exec", self.ns, *wrap, *self.agent_args(*more)], stdin=subprocess.DEVNULL,
                stdout=log, stderr=log, start_new_session=True,
                env=dict(os.environ, ASAN_OPTIONS="detect_leaks=1:abort_on_error=0", NODE_NAME="wrong"))
        finally:
            log.close()
        with open(self.dir + "/agent.pid", "w") as f:
            f.write(str(self.agent.pid))
        if wait:
            self.wait_ready(wait)

    def wait_ready(self, wait=PATIENCE):
        # The socket may not be there for the first moments: that is the lab's to wait for.
        end = time.monotonic() + wait
        while not os.path.exists(self.socket) and time.monotonic() < end:
            if self.agent and self.agent.poll() is not None:
                raise LabError("%s: agent ended with %d\n%s" % (self.name, self.agent.returncode, self.log_tail()))
            time.sleep(0.01)
        done = self.ctl("status", "--wait", "%ds" % wait, check=False, timeout=wait + PATIENCE)
        if done.returncode != 0:
            raise LabError("%s: not ready in %d s: %s%s\n%s" % (self.name, wait, done.stdout, done.stderr, self.log_tail()))

    def runs_agent(self):
        return bool(self.agent)

    def stop_agent(self, sig=signal.SIGTERM, timeout=PATIENCE):
        """Returns the exit status (negative: the signal), and takes its time: (status, seconds)."""
        start = clock.now()
        self.agent.send_signal(sig)
        try:
            status = self.agent.wait(timeout)
        except subprocess.TimeoutExpired as e:
            raise LabError("%s: the agent did not end %d s after %s\n%s" % (
                self.name, timeout, signal.Signals(sig).name, self.log_tail())) from e
        self.agent = None
        with contextlib.suppress(FileNotFoundError):
            os.unlink(self.dir + "/agent.pid")
        return status, clock.now() - start

    def cleanup(self, check=True):
        """seine-agent cleanup."""
        args = self.agent_args()
        return run(args[0], "cleanup", *args[1:], ns=self.ns, check=check)

    def log_tail(self, lines=40):
        with contextlib.suppress(FileNotFoundError):
            with open(self.agent_log, errors="replace") as f:
                return "".join(f.readlines()[-lines:])
        return ""

    def ctl(self, *args, check=True, timeout=2 * PATIENCE):
        return run(self.cluster.program("seinectl"), "--socket", self.socket, *args, check=check, timeout=timeout)

    def ctl_json(self, *args):
        return json.loads(self.ctl(*args, "-o", "json").stdout)

    def status(self):
        return self.ctl_json("status")

    def sync(self, timeout=PATIENCE):
        self.ctl("sync", "--timeout", "%ds" % timeout, timeout=timeout + PATIENCE)

    def flow_mods(self):
        """OpenFlow modifications that the agent sent since its start."""
        messages = self.status()["messages"]
        return sum(messages[k] for k in ("flowMods", "groupMods", "meterMods"))

    def rss_kib(self):
        with open("/proc/%d/status" % self.agent.pid) as f:
            return int(next(line for line in f if line.startswith("VmRSS")).split()[1])

    # ---- CNI ----
    def cni_env(self, verb, container="", ns_path="", ifname="eth0", args=None):
        env = {"PATH": os.environ["PATH"], "CNI_COMMAND": verb, "CNI_PATH": self.cluster.bin}
        if container:
            env["CNI_CONTAINERID"] = container
        if ns_path:
            env["CNI_NETNS"] = ns_path
        if ifname:
            env["CNI_IFNAME"] = ifname
        if args:
            env["CNI_ARGS"] = args
        return env

    def cni_config(self, **more):
        return dict({"cniVersion": CNI_VERSION, "name": "seine", "type": "seine-cni",
                     "socket": self.socket}, **more)

    def cni(self, verb, container="", ns_path="", ifname="eth0", args=None, config=None, timeout=2 * PATIENCE):
        """One call of the plugin, as a container runtime makes it."""
        done = subprocess.run(
            ["ip", "netns", "exec", self.ns, self.cluster.program("seine-cni")], text=True,
            input=json.dumps(self.cni_config() if config is None else config), capture_output=True,
            env=self.cni_env(verb, container, ns_path, ifname, args), timeout=timeout)
        return CniResult(done.returncode, done.stdout, done.stderr)

    def add_pod(self, namespace, name, container=None, netns_name=None):
        """A Pod whose object is in the folder already: namespace made, ADD called, servers not started."""
        container = container or "c-%s-%s" % (namespace, name)
        pod_ns = netns_name or self.cluster.pod_ns(namespace, name)
        if not netns.exists(pod_ns):
            netns.add(pod_ns)
        result = self.cni("ADD", container, netns.path(pod_ns), args=self.pod_args(namespace, name, container))
        if result.code:
            raise LabError("ADD %s/%s on %s: %r\n%s" % (namespace, name, self.name, result, self.log_tail()))
        return Pod(self, namespace, name, container, pod_ns, result.ips)

    @staticmethod
    def pod_args(namespace, name, container):
        return ("IgnoreUnknown=1;K8S_POD_NAMESPACE=%s;K8S_POD_NAME=%s;K8S_POD_INFRA_CONTAINER_ID=%s"
                % (namespace, name, container))

    def del_pod(self, pod):
        return self.cni("DEL", pod.container, netns.path(pod.ns),
                        args=self.pod_args(pod.namespace, pod.name, pod.container))

    # ---- going ----
    def kill(self):
        """Ends every process of the node, by pid."""
        if self.agent and self.agent.poll() is None:
            self.agent.kill()
            self.agent.wait()
        elif not self.agent:
            ovs.end_of(self.dir + "/agent.pid", "seine-agent")
        self.agent = None
        self.switch.stop()


class Cluster:
    """`with Cluster("t1") as c:` takes everything away at the end, whatever happened."""

    def __init__(self, prefix, run_dir, bin_dir, nodes=2, families=(4, 6), tunnel="geneve", agent_more=()):
        self.prefix, self.run, self.bin = prefix, run_dir, bin_dir
        self.families, self.tunnel, self.agent_more = tuple(families), tunnel, tuple(agent_more)
        self.fabric = prefix + "-fabric"
        self.objects = manifests.Folder(run_dir + "/objects")
        self.nodes = [Node(self, i + 1) for i in range(nodes)]
        self.servers = None
        self.pods = {}

    def program(self, name):
        return os.path.join(self.bin, name)

    def pod_ns(self, namespace, name):
        return "%s-pod-%s-%s" % (self.prefix, namespace, name)

    def __enter__(self):
        self.down()
        try:
            self.up()
        except BaseException:
            self.down()
            raise
        return self

    def __exit__(self, kind, error, trace):
        if error is not None:
            for node in self.nodes:
                for who, text in (("last lines of %s's agent", node.log_tail()),
                                  ("last warnings of %s's ovs-vswitchd", node.switch.complaints())):
                    if text:
                        print("--- %s\n%s---" % (who % node.name, text))
        keep = os.environ.get("SEINE_KEEP") and error is not None
        if keep:
            print("kept for inspection: namespaces %s-*, folder %s" % (self.prefix, self.run))
            return
        self.down()

    # ---- where the desired state is: a folder, unless a kind of cluster says otherwise (tests/kube/) ----
    def source_up(self):
        """The fabric is there, no node yet."""
        os.makedirs(self.objects.dir, exist_ok=True)

    def source_args(self, node):
        """How the node's agent finds it."""
        return ["--objects", self.objects.dir]

    # ---- everything up and down ----
    def up(self, agents=False):
        self.up_fabric()
        self.source_up()
        for node in self.nodes:
            node.up()
            self.up_port(node)
        self.objects.put(*(n.object() for n in self.nodes))
        self.warm()
        if agents:
            self.start_agents()

    def up_fabric(self):
        netns.add(self.fabric)
        run("sh", "-ec", f"""
            sysctl -qw net.ipv4.ip_forward=1 net.ipv6.conf.all.forwarding=1
            ip link add lan type bridge stp_state 0; ip link set lan up
            ip addr add 192.0.2.254/24 dev lan; ip -6 addr add 2001:db8:5e::fe/64 dev lan nodad
            ip addr add {OUTSIDE4}/32 dev lo; ip -6 addr add {OUTSIDE6}/128 dev lo nodad
            ethtool -K lan tx off > /dev/null""", ns=self.fabric)

    def up_port(self, node):
        """The fabric's end of a node's cable."""
        run("sh", "-ec", "ip link set port%d master lan up; ethtool -K port%d tx off > /dev/null"
            % (node.index, node.index), ns=self.fabric)

    def warm(self):
        """The switch asks for a tunnel peer's hardware address itself but drops until it is answered."""
        asked = [probe.Probe(a.ns, b.ip4, "icmp") for a in self.nodes for b in self.nodes if a is not b]
        asked += [probe.Probe(n.ns, "192.0.2.254", "icmp") for n in self.nodes]
        end = time.monotonic() + PATIENCE
        while True:
            got = probe.ask(asked, timeout=3)
            silent = [(p, r) for p, r in zip(asked, got) if r != "allow"]
            if not silent:
                return
            if time.monotonic() > end:
                raise LabError("the nodes do not reach each other over the underlay:\n%s" % "\n".join(
                    "%s -> %s: %s" % (p.ns, p.address, r) for p, r in silent))
            asked = [p for p, _ in silent]

    def start_agents(self, *more):
        for node in self.nodes:
            node.start_agent(*more, wait=0)
        for node in self.nodes:
            node.wait_ready()

    def down(self):
        if self.servers:
            self.servers.close()
            self.servers = None
        for node in self.nodes:
            node.kill()
        for name in netns.names(self.prefix + "-"):
            if self._ours(name):
                for pid in netns.pids(name):
                    ovs.kill(pid)
                netns.delete(name)
        shutil.rmtree(self.run, ignore_errors=True)
        with contextlib.suppress(OSError):
            os.rmdir(os.path.dirname(self.run))

    def _ours(self, name):
        rest = name[len(self.prefix) + 1:]
        return rest == "fabric" or rest.startswith(("pod-", "node"))

    # ---- Pods ----
    def pod(self, node, namespace, name, labels=None, serve=True, tcp=(80, 8080), udp=(80, 5353), **spec):
        """Object, ADD, the object's addresses, and servers that answer with NAMESPACE/NAME."""
        obj = manifests.pod(namespace, name, labels, node.name, **spec)
        self.objects.put(obj)
        pod = node.add_pod(namespace, name)
        self.record(pod, obj)
        if serve:
            self.serve(pod, tcp, udp)
        return pod

    def record(self, pod, obj):
        """What the kubelet does after an ADD: the addresses go into the Pod's status."""
        obj["status"].update(podIP=pod.ips[0], podIPs=[{"ip": ip} for ip in pod.ips])
        self.objects.put(obj)
        self.pods[pod.full_name] = pod

    def serve(self, pod, tcp=(80, 8080), udp=(80, 5353)):
        self.serve_in(pod.ns, pod.full_name, tcp, udp)

    def serve_in(self, ns, name, tcp=(80, 8080), udp=(80, 5353)):
        if not self.servers:
            self.servers = probe.Servers()
        self.servers.serve(ns, name, tcp, udp)

    def remove_pod(self, pod):
        if self.servers:
            self.servers.drop(pod.ns)
        result = pod.node.del_pod(pod)
        netns.delete(pod.ns)
        self.objects.delete(manifests.pod(pod.namespace, pod.name))
        self.pods.pop(pod.full_name, None)
        return result

    def apply(self, *objects):
        """Puts the objects and waits until every running agent has them in its switch."""
        self.objects.put(*objects)
        self.sync()

    def remove(self, *objects):
        self.objects.delete(*objects)
        self.sync()

    def sync(self):
        """All that the folder holds is in the switches, and they have looked through the decisions that they had
        cached: Open vSwitch does so in the milliseconds after a change, not before it acknowledges one."""
        nodes = [node for node in self.nodes if node.runs_agent()]
        for node in nodes:
            node.sync()
        with futures.ThreadPoolExecutor() as pool:
            list(pool.map(lambda node: node.switch.settle(), nodes))

    def recompute(self):
        """The check that ends every scenario: nothing differs when everything is derived again."""
        for node in self.nodes:
            if node.runs_agent():
                done = node.ctl("recompute", check=False)
                if done.returncode != 0 or "differences: 0" not in done.stdout:
                    raise LabError("%s: recompute: exit %d\n%s%s" % (
                        node.name, done.returncode, done.stdout, done.stderr))

    # ---- questions ----
    def probe_of(self, src, dst, family, proto, port=0):
        """The probe from Pod to Pod."""
        expect = dst.ns if proto == "sctp" else dst.full_name
        return probe.Probe(src.ns, dst.ip(family), proto, port, expect)

    def ask(self, probes, timeout=probe.TIMEOUT):
        answers = probe.ask(probes, self.servers, timeout)
        if "drop" in answers:
            self.drain()
        return answers

    def drain(self):
        """What was asked in vain is not under way any more: a packet that waits while policies change is judged by those that come,
        and opens a connection that outlives them."""
        for _ in range(3):  # to the other node, and back
            for node in self.nodes if DATAPATH == "netdev" else ():
                node.switch.drain()

    def answers(self, probes):
        """The same where each is certain to be answered, be it with a refusal: silence is believed after PATIENCE."""
        return probe.ask(probes, self.servers, PATIENCE)


def free_run_dir(prefix):
    """Where a test's cluster keeps its files: short, since a socket's path takes 107 bytes."""
    return "/run/seine-lab/" + prefix


def leftovers(prefix, run_dir):
    """What of a cluster is still there after `down`, as text lines."""
    found = ["namespace " + n for n in netns.names(prefix + "-")]
    if os.path.exists(run_dir):
        found.append("folder " + run_dir)
    for proc in glob.glob("/proc/[0-9]*/cmdline"):
        with contextlib.suppress(OSError):
            with open(proc, "rb") as f:
                line = f.read().replace(b"\0", b" ").decode(errors="replace")
            if run_dir + "/" in line and int(proc.split("/")[2]) != os.getpid():
                found.append("process %s: %s" % (proc.split("/")[2], line))
    return found
