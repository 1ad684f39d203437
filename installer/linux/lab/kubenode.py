# SPDX-License-Identifier: Apache-2.0
"""A node of a real Kubernetes cluster: containerd, kubelet and Open vSwitch of its own, in a network and a mount namespace.

The mount namespace gives the node host paths of its own, at the places where a production node has them:

    /run  /var/lib/containerd  /var/lib/kubelet     folders of the node's own (run, containerd, kubelet)
    /etc  /opt  /var/lib  /var/log                  overlays: what the node writes there lies in the folder `up`
    /sys                                            the node's links; the machine's cgroups

It lives as long as its processes, of which one does nothing else (the holder), and its mounts go with it. Containers are
found by the folders that containerd keeps of them and their cgroups, whatever became of containerd itself."""
import contextlib
import fcntl
import glob
import json
import os
import shutil
import signal
import subprocess
import time

from . import cluster, kubecontrol, kubeimage, netns, ovs
from .clock import PATIENCE
from .netns import LabError, run

OVERLAYS = ("etc", "opt", "var/lib", "var/log")
HOLDER = """
    while mountpoint -q /run/netns; do umount -R -l /run/netns; done   # else it would keep everyone's namespaces alive
    for d in %(overlays)s; do
        mount -t overlay overlay -o "lowerdir=/$d,upperdir=%(dir)s/up/$d,workdir=%(dir)s/work/$d" "/$d"
    done
    for d in containerd kubelet; do mkdir -p /var/lib/$d; mount --bind "%(dir)s/$d" /var/lib/$d; done
    mount --bind "%(dir)s/run" /run
    mount --rbind /sys/fs/cgroup "%(dir)s/cgroup"
    mount -t sysfs sysfs /sys
    mount --rbind "%(dir)s/cgroup" /sys/fs/cgroup
    umount -R -l "%(dir)s/cgroup"
    mount --make-rshared /
    if [ ! -e "%(dir)s/made" ]; then   # a machine that was never up: nothing of this one's
        rm -rf /opt/cni /etc/cni /var/lib/cni /var/lib/openvswitch /etc/openvswitch /var/log/openvswitch
    fi
    mkdir -p /opt/cni/bin /etc/cni/net.d /run/netns /run/lock /var/lib/openvswitch /var/log/openvswitch
    cp /usr/lib/cni/loopback /opt/cni/bin   # containerd 1.x asks for it; a node's runtime brings it along
    touch "%(dir)s/made" "%(dir)s/up/ready"
    exec sleep infinity"""
CONTAINERD = """version = 2
disabled_plugins = ["io.containerd.snapshotter.v1.btrfs", "io.containerd.snapshotter.v1.zfs",
    "io.containerd.snapshotter.v1.aufs", "io.containerd.snapshotter.v1.devmapper", "io.containerd.internal.v1.opt"]
[plugins."io.containerd.grpc.v1.cri"]
  sandbox_image = "%s"
  restrict_oom_score_adj = true
  disable_apparmor = true
  [plugins."io.containerd.grpc.v1.cri".containerd]
    snapshotter = "overlayfs"
  [plugins."io.containerd.grpc.v1.cri".cni]
    bin_dir = "/opt/cni/bin"
    conf_dir = "/etc/cni/net.d"
"""


@contextlib.contextmanager
def long_queues():
    """Sockets that are opened meanwhile may hold 4 MiB: on its own veth the switch daemon reads what all Pods and the kubelet
    get, and the machine's default is some hundred packets. The setting is the machine's, so it is back at once."""
    path = "/proc/sys/net/core/rmem_default"
    lock = os.open("/var/tmp", os.O_RDONLY | os.O_CLOEXEC)  # the same for every lab of the machine
    try:
        fcntl.flock(lock, fcntl.LOCK_EX)
        with open(path) as f:
            before = f.read()
        try:
            with open(path, "w") as f:
                f.write(str(max(int(before), 4 << 20)))
            yield
        finally:
            with open(path, "w") as f:
                f.write(before)
    finally:
        os.close(lock)


class NodeSwitch(ovs.Switch):
    """The host's Open vSwitch of such a node, at the standard places."""

    def __init__(self, node):
        super().__init__(node.dir + "/run/openvswitch", node.ns)
        self.node = node

    def start_db(self):
        os.makedirs(self.dir, exist_ok=True)
        conf = "/var/lib/openvswitch/conf.db"
        self.node.exec("sh", "-ec", "[ -e $0 ] || ovsdb-tool create $0 " + ovs.SCHEMA, conf)
        self._daemon("ovsdb-server", conf, "--remote=punix:/run/openvswitch/db.sock")
        self.tool("ovs-vsctl", "--no-wait", "init")

    def start_switch(self):
        with long_queues():
            super().start_switch()

    def _daemon(self, name, *args):
        args = ["unix:/run/openvswitch/db.sock" if a == self.db else a for a in args]
        env = {k: v for k, v in os.environ.items() if not k.startswith("OVS_")}
        self.node.exec(name, *args, "--pidfile=/run/openvswitch/%s.pid" % name,
                       "--log-file=/var/log/openvswitch/%s.log" % name, "-vconsole:off", "--detach", "--no-chdir", env=env)


class KubeNode(cluster.Node):
    def __init__(self, lab, index):
        super().__init__(lab, index)
        self.switch = NodeSwitch(self)
        self.cidrs = self.gateways = ()  # the controller-manager's choice: known when the node is there
        self.agent_log = self.dir + "/log/agent.log"

    @property
    def socket(self):
        return self.dir + "/run/seine/agent.sock"

    def runs_agent(self):
        """Ours or a Pod's, they are the same from here."""
        return os.path.exists(self.socket)

    # ---- processes ----
    def enter(self):
        """What comes before a command line to run it in the node. Not `ip netns exec`: that hides the cgroups."""
        return ["nsenter", "-t", str(self.pid("holder")), "--mount", "--net", "--"]

    def exec(self, *argv, check=True, stdin=None, env=None, timeout=2 * PATIENCE):
        return run(*self.enter(), *argv, check=check, stdin=stdin, env=env, timeout=timeout)

    def pid(self, name):
        """The pid of "holder", "containerd", "kubelet" or "agent", None without one."""
        return ovs.read_pid("%s/%s.pid" % (self.dir, name))

    def spawn(self, name, *argv, enter=None, env=None):
        """Starts a program of the node; its log is log/NAME.log."""
        with open("%s/log/%s.log" % (self.dir, name), "ab") as log:
            process = subprocess.Popen([*(self.enter() if enter is None else enter), *argv], stdin=subprocess.DEVNULL,
                                       stdout=log, stderr=log, start_new_session=True, env=env)
        with open("%s/%s.pid" % (self.dir, name), "w") as f:
            f.write(str(process.pid))
        return process

    def stop(self, name, sig=signal.SIGTERM):
        """Ends a program that spawn() started, whoever called that."""
        pid = self.pid(name)
        if pid and self._is_ours(pid):
            ovs.kill(pid, sig, 10) or ovs.kill(pid)
        with contextlib.suppress(FileNotFoundError):
            os.unlink("%s/%s.pid" % (self.dir, name))

    def _is_ours(self, pid):
        """A pid of a file may be somebody else's by now."""
        with contextlib.suppress(OSError):
            return os.stat("/proc/%d/ns/net" % pid).st_ino == os.stat(netns.path(self.ns)).st_ino
        return False

    # ---- the machine ----
    def up(self):
        for folder in ("log", "run", "containerd", "kubelet", "cgroup", *("up/" + d for d in OVERLAYS),
                       *("work/" + d for d in OVERLAYS)):
            os.makedirs(self.dir + "/" + folder, exist_ok=True)
        netns.add(self.ns)
        script = HOLDER % {"dir": self.dir, "overlays": " ".join(OVERLAYS)}
        holder = self.spawn("holder", "unshare", "--mount", "--propagation", "private", "bash", "-ec", script,
                            enter=["nsenter", "--net=" + netns.path(self.ns)])
        end = time.monotonic() + PATIENCE
        while not os.path.exists(self.dir + "/up/ready"):
            if holder.poll() is not None or time.monotonic() > end:
                raise LabError("%s: its file system was not made\n%s" % (self.name, self.log_tail(name="holder")))
            time.sleep(0.02)
        os.unlink(self.dir + "/up/ready")
        run("ip", "link", "add", "eth0", "netns", self.ns, "type", "veth", "peer", "name",
            "port%d" % self.index, "netns", self.cluster.fabric)
        self.switch.start()
        run("sysctl", "-qw", "net.ipv4.ip_forward=1", "net.ipv6.conf.all.forwarding=1", ns=self.ns)
        if cluster.DATAPATH == "netdev":
            with long_queues():
                self.underlay_bridge()
        self.underlay_up()
        self.start_containerd()

    def start_containerd(self, *more):
        with open(self.dir + "/containerd.toml", "w") as f:
            f.write(CONTAINERD % kubeimage.SANDBOX)
        self.spawn("containerd", "containerd", "-c", self.dir + "/containerd.toml", *more)

    def ctr(self, *args, check=True, timeout=2 * PATIENCE):
        return self.exec("ctr", "-n", "k8s.io", *args, check=check, timeout=timeout)

    def wait_containerd(self, timeout=PATIENCE):
        end = time.monotonic() + timeout
        while self.ctr("version", check=False).returncode:
            if time.monotonic() > end:
                raise LabError("%s: containerd does not answer\n%s" % (self.name, self.log_tail(name="containerd")))
            time.sleep(0.1)

    def bring(self, *archives):
        """Imports images as soon as containerd answers."""
        self.wait_containerd()
        self.load(*archives)

    def load(self, *archives):
        """Imports images."""
        for archive in archives:
            self.ctr("images", "import", archive)

    def start_kubelet(self, *more):
        control = self.cluster.control
        with open(self.dir + "/resolv.conf", "w") as f:
            f.write("nameserver %s\n" % kubecontrol.DNS_SERVICE)
        with open(self.dir + "/kubelet.json", "w") as f:
            json.dump(self._kubelet_config(control.pki), f, indent=1)
        kubeconfig = control.kubeconfig("kubelet-" + self.name, cert="kubelet-" + self.name)
        self.spawn("kubelet", self.cluster.kube_bin + "/kubelet", "--config=" + self.dir + "/kubelet.json",
                   "--kubeconfig=" + kubeconfig, "--hostname-override=" + self.name,
                   "--node-ip=%s,%s" % (self.ip4, self.ip6), *more)

    def _kubelet_config(self, pki):
        return {
            "apiVersion": "kubelet.config.k8s.io/v1beta1", "kind": "KubeletConfiguration",
            "containerRuntimeEndpoint": "unix:///run/containerd/containerd.sock",
            "tlsCertFile": "%s/kubelet-%s.crt" % (pki, self.name), "tlsPrivateKeyFile": "%s/kubelet-%s.key" % (pki, self.name),
            "authentication": {"anonymous": {"enabled": False}, "webhook": {"enabled": False},
                               "x509": {"clientCAFile": pki + "/ca.crt"}},
            "authorization": {"mode": "AlwaysAllow"},
            # No systemd, no cgroups of the kubelet's own, no rules in the kernel's tables.
            "cgroupDriver": "cgroupfs", "cgroupsPerQOS": False, "enforceNodeAllocatable": [],
            "makeIPTablesUtilChains": False, "failSwapOn": False, "failCgroupV1": False,
            "clusterDNS": [kubecontrol.DNS_SERVICE], "clusterDomain": "cluster.local", "resolvConf": self.dir + "/resolv.conf",
            "evictionHard": {"memory.available": "50Mi", "nodefs.available": "0%", "imagefs.available": "0%"},
            "imageGCHighThresholdPercent": 100, "imageGCLowThresholdPercent": 99, "maxPods": 250, "serializeImagePulls": False,
            "registerNode": True, "syncFrequency": "10s", "nodeStatusUpdateFrequency": "5s", "kubeAPIQPS": 200,
            "kubeAPIBurst": 400, "registryPullQPS": 0, "eventRecordQPS": 0,
        }

    # ---- a CNI by hand; through the node's own view, since an overlay does not see what changes below it ----
    def place_plugins(self, *programs):
        self.exec("cp", *programs, "/opt/cni/bin")

    def place_conflist(self, config):
        """In place of the one that was there."""
        self.exec("sh", "-ec", "cat > /etc/cni/net.d/.new; mv /etc/cni/net.d/.new /etc/cni/net.d/10-lab.conflist",
                  stdin=json.dumps(config))

    # ---- the agent as a program of the node ----
    def agent_args(self, *more):
        return [self.cluster.program("seine-agent"), "--node-name", self.name, *self.cluster.source_args(self), "--run-dir", "/run/seine",
                "--ovsdb", "unix:/run/openvswitch/db.sock", "--datapath-type", cluster.DATAPATH,
                "--tunnel-type", self.cluster.tunnel, *self.cluster.agent_more, *more]

    def start_agent(self, *more, wait=PATIENCE, wrap=()):
        self.agent = self.spawn("agent", *wrap, *self.agent_args(*more))
        if wait:
            self.wait_ready(wait)

    def agent_pid(self):
        """The running agent, a program of ours or a Pod's."""
        for pid in netns.pids(self.ns):
            with contextlib.suppress(OSError):
                with open("/proc/%d/comm" % pid) as f:
                    if f.read().strip() == "seine-agent":
                        return pid
        return None

    def log_tail(self, lines=25, name="agent"):
        if name == "agent" and not os.path.exists(self.agent_log):
            return self.cluster.agent_logs(self, lines)
        with contextlib.suppress(FileNotFoundError):
            with open("%s/log/%s.log" % (self.dir, name), errors="replace") as f:
                return "".join(f.readlines()[-lines:])
        return ""

    def cleanup(self, check=True):
        args = self.agent_args()
        return self.exec(args[0], "cleanup", *args[1:], check=check)

    # ---- containers ----
    def containers(self):
        """Ids of the node's containers, sandboxes among them."""
        with contextlib.suppress(FileNotFoundError):
            return sorted(os.listdir(self.dir + "/run/containerd/io.containerd.runtime.v2.task/k8s.io"))
        return []

    @staticmethod
    def cgroups(container):
        """The container's folder in each hierarchy that the machine has."""
        return [d for d in glob.glob("/sys/fs/cgroup/*/k8s.io/" + container) + glob.glob("/sys/fs/cgroup/k8s.io/" + container)
                if os.path.isdir(d)]

    def container_pids(self, container):
        found = set()
        for folder in self.cgroups(container):
            with contextlib.suppress(OSError):
                with open(folder + "/cgroup.procs") as f:
                    found.update(int(p) for p in f.read().split())
        return sorted(found)

    def sandboxes(self, pod):
        """Ids of the containers that hold the Pod's namespaces."""
        return self.ctr("containers", "ls", "-q",
                        'labels."io.kubernetes.pod.uid"==%s,labels."io.cri-containerd.kind"==sandbox' % pod.uid).stdout.split()

    def kill_container(self, container):
        """Its processes end at once, as in a crash."""
        for pid in self.container_pids(container):
            ovs.kill(pid)

    # ---- going ----
    def lose_power(self):
        """Processes, links, mounts and what lay in /run are gone at once; what was on disk stays. up() is the next start."""
        self.kill()
        run("ip", "link", "del", "port%d" % self.index, ns=self.cluster.fabric)
        netns.delete(self.ns)
        shutil.rmtree(self.dir + "/run")
        for name in ("holder", "containerd", "kubelet", "agent"):
            with contextlib.suppress(FileNotFoundError):
                os.unlink("%s/%s.pid" % (self.dir, name))
        self.switch.stop()

    def kill(self):
        """Ends every process of the node and what they held."""
        for name in ("kubelet", "containerd"):
            self.stop(name, signal.SIGKILL)
        containers = self.containers()
        for attempt in range(50):
            pids = {p for c in containers for p in self.container_pids(c)}
            if netns.exists(self.ns):
                pids.update(netns.pids(self.ns))
            if not pids:
                break
            for pid in pids:
                with contextlib.suppress(ProcessLookupError):
                    os.kill(pid, signal.SIGKILL)
            for pid in pids:
                ovs.kill(pid)
        for folder in (f for c in containers for f in self.cgroups(c)):
            for path, _, _ in sorted(os.walk(folder), reverse=True):
                with contextlib.suppress(OSError):
                    os.rmdir(path)
        self.agent = None
