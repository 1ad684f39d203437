# SPDX-License-Identifier: Apache-2.0
"""What the tests of the label `cluster` share: a real Kubernetes cluster of two nodes (installer/linux/lab/kubecluster.py) under
names of the test's own, and the reasons for which there may be none here. Checks and main are those of tests/system/common.py."""
import contextlib
import fcntl
import json
import os
import shutil
import subprocess
import sys
import time

HERE = os.path.dirname(os.path.abspath(__file__))
ROOT = os.path.dirname(os.path.dirname(HERE))
sys.path.insert(0, os.path.join(ROOT, "tests", "system"))

import common  # noqa: E402
from lab import kubecluster, kubeimage, probe  # noqa: E402
from lab import clock  # noqa: E402
from lab.kubecluster import LONG, pod_object  # noqa: E402

KUBE_BIN = os.environ.get("SEINE_KUBE_BIN") or os.path.join(ROOT, "build", "kube")
TOOLS = {"containerd": "kube", "runc": "kube", "ctr": "kube", "busybox": "kube", "gcc": "build",
         "nsenter": "run", "unshare": "run"}


def need():
    """Skips unless real nodes can be made here."""
    common.need_lab()
    for tool, group in TOOLS.items():
        if not shutil.which(tool):
            common.skip("%s is not installed (installer/deps.sh %s)" % (tool, group))
    for program in ("kfix", "kubelet", "kubectl"):
        if not os.path.exists(os.path.join(KUBE_BIN, program)):
            common.skip("no %s in %s (tests/kube/build.sh, which needs Go)" % (program, KUBE_BIN))
    if not os.path.isdir("/sys/fs/cgroup") or not os.access("/sys/fs/cgroup", os.W_OK):
        common.skip("no cgroups for containers here")
    made = subprocess.run(["unshare", "--mount", "true"], capture_output=True, text=True)
    if made.returncode:
        common.skip("no mount namespaces here: " + made.stderr.strip())


def image():
    """The archive of Seine's images of these programs, made anew when they are newer."""
    path = os.path.join(ROOT, "build", "image", "seine.tar")
    os.makedirs(os.path.dirname(path), exist_ok=True)
    with open(path + ".lock", "w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        programs = [os.path.join(ROOT, "build", "release", "bin", p) for p in ("seine-agent", "seine-cni", "seinectl")]
        if not os.path.exists(path) or os.path.getmtime(path) < max(os.path.getmtime(p) for p in programs):
            subprocess.run([sys.executable, ROOT + "/installer/linux/image.py", ROOT, "archive", path], check=True,
                           stdout=subprocess.DEVNULL)
    return path


def cluster(name, agnhost=False, **more):
    """A cluster of its own prefix: tests run beside each other."""
    prefix = "kc%s%d" % (name, os.getpid())
    folder = kubecluster.free_run_dir(prefix)
    more.setdefault("agnhost", os.path.join(KUBE_BIN, "agnhost") if agnhost else None)
    if more.get("cni", kubecluster.SEINE) == kubecluster.SEINE:
        more["image"] = image()
    return kubecluster.KubeCluster(prefix, folder, common.BIN, KUBE_BIN, **more)


def namespace(name, **labels):
    return {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name, "labels": labels}}


def deployment(space, name, replicas, labels=None, **more):
    """Replicas of pod_object's Pod; they answer with NAMESPACE/POD."""
    labels = dict(labels or {}, app=name)
    pod = pod_object(space, name, labels=labels, **more)
    pod["spec"]["containers"][0]["env"] = [
        {"name": "NAME", "valueFrom": {"fieldRef": {"fieldPath": "metadata.name"}}}, {"name": "POD", "value": space + "/$(NAME)"}]
    return {"apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"namespace": space, "name": name},
            "spec": {"replicas": replicas, "selector": {"matchLabels": {"app": name}},
                     "template": {"metadata": {"labels": labels}, "spec": pod["spec"]}}}


def running(c, space, selector, count, timeout=LONG):
    """The Pods of a selector, once they are `count` and ready, and nothing else of it is there any more."""
    def there():
        found = c.list_pods(space, selector)
        ready = [p for p in found for s in p["status"].get("conditions", ()) if s["type"] == "Ready" and s["status"] == "True"]
        return (found,) if len(found) == len(ready) == count else None
    found, = common.eventually(there, lambda: "%d Pods %s\n%s" % (count, selector, c.kubectl(
        "describe", "pods", "-n", space, "-l", selector, check=False).stdout), timeout, 0.1)
    return [c.known(p) for p in found]


@contextlib.contextmanager
def traffic(src, dst, lost=0.0):
    """Numbered datagrams and bytes from Pod to Pod, both families, as long as the block lasts. No connection breaks, and no
    more than the share `lost` of the datagrams stays without an answer. (In its userspace datapath Open vSwitch 3.1 forgets the
    routes of tunnels for some milliseconds whenever a link of the node comes or goes, so that a Pod's start costs others a few.)"""
    found = [probe.Stream(src.ns, dst.ip(f), 5353 if proto == "udp" else 80, proto, rate=100)
             for f in (4, 6) for proto in ("udp", "tcp")]
    for s in found:
        s.start()
    for s in found:
        s.goes_on(20)
    yield found
    time.sleep(0.3)
    for s in found:
        s.stop()
    missing = [s.finish() for s in found]
    for s, n in zip(found, missing):
        common.true(s.failed is None, "%s broke: %s" % (s, s.failed))
        if n:
            print("   %s: %d of %d lost, longest silence %.2f s" % (s, n, s.sent, s.longest_silence))
        common.true(n <= lost * s.sent, "%s: %d of %d packets lost" % (s, n, s.sent))


def reach(c, *pods, what="", refused=()):
    """All Pods reach each other, but those of `refused` reach nobody and are not reached."""
    m = common.Matrix(c)
    for a in pods:
        for b in pods:
            if a is not b:
                m.expect(a, b, not {a, b} & set(refused), "tcp", 80)
    m.check(what)


def attached(node):
    """Pods that have a port on the node's bridge, one for each port."""
    table = json.loads(node.switch.tool("ovs-vsctl", "--format=json", "--columns=external_ids", "list", "Port"))
    ids = [dict(row[0][1]) for row in table["data"]]
    return sorted("%s/%s" % (i["seine.pod-namespace"], i["seine.pod-name"]) for i in ids if "seine.container-id" in i)


def settled(c, timeout=LONG):
    """On every node exactly the Pods that the API server has there are attached, and nothing would be derived otherwise."""
    def same(node):
        pods = [p for p in c.list_pods() if p["spec"].get("nodeName") == node.name and not p["spec"].get("hostNetwork")]
        return attached(node) == sorted("%s/%s" % (p["metadata"]["namespace"], p["metadata"]["name"]) for p in pods)
    for node in c.nodes:
        common.eventually(lambda: same(node), lambda: "attachments of %s: %s" % (node.name, attached(node)), timeout, 0.2)
    c.recompute()


def restarted(c, pod):
    """The Pod as it runs in a sandbox of another network namespace."""
    obj = c.control.get("/api/v1/namespaces/%s/pods/%s" % (pod.namespace, pod.name))
    states = obj["status"].get("containerStatuses", ())
    if not states or not states[0]["ready"] or states[0]["restartCount"] == 0:
        return None
    return c.known(obj)


def held(node):
    """What a node has of its Pods."""
    links = json.loads(node.exec("ip", "-j", "link").stdout)
    return {"ports": sorted(node.switch.vsctl("list-ports", "br-int").split()), "flows": node.switch.flows(),
            "namespaces": sorted(os.listdir("/proc/%d/root/run/netns" % node.pid("holder"))),
            "links": sorted(link["ifname"] for link in links), "containers": node.containers(),
            "attached": sorted(p["name"] for p in node.ctl_json("get", "pods")["items"] if p.get("local") and p.get("interface"))}


def main(scenario):
    common.main(scenario, need)


__all__ = ["LONG", "attached", "clock", "cluster", "common", "deployment", "held", "json", "kubecluster", "kubeimage", "main", "namespace", "need",
           "pod_object", "probe", "reach", "restarted", "running", "settled", "traffic"]
