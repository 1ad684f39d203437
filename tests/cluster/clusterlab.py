# SPDX-License-Identifier: Apache-2.0
"""What the tests of the label `cluster` share: a real Kubernetes cluster of two nodes (installer/linux/lab/kubecluster.py) under
names of the test's own, and the reasons for which there may be none here. Checks and main are those of tests/system/common.py."""
import fcntl
import json
import os
import shutil
import subprocess
import sys

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


def main(scenario):
    common.main(scenario, need)


__all__ = ["LONG", "clock", "cluster", "common", "deployment", "namespace", "running", "json", "kubecluster", "kubeimage", "main", "need", "pod_object", "probe"]
