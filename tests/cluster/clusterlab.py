# SPDX-License-Identifier: Apache-2.0
"""What the tests of the label `cluster` share: a real Kubernetes cluster of two nodes (installer/linux/lab/kubecluster.py) under
names of the test's own, and the reasons for which there may be none here. Checks and main are those of tests/system/common.py."""
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
from lab.kubecluster import pod_object  # noqa: E402

KUBE_BIN = os.environ.get("SEINE_KUBE_BIN") or os.path.join(ROOT, "build", "kube")
TOOLS = {"containerd": "kube", "runc": "kube", "ctr": "kube", "busybox": "kube", "openssl": "test", "gcc": "build",
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


def cluster(name, agnhost=False, **more):
    """A cluster of its own prefix: tests run beside each other."""
    prefix = "kc%s%d" % (name, os.getpid() % 10000)
    folder = kubecluster.free_run_dir(prefix)
    more.setdefault("agnhost", os.path.join(KUBE_BIN, "agnhost") if agnhost else None)
    return kubecluster.KubeCluster(prefix, folder, common.BIN, KUBE_BIN, **more)


def main(scenario):
    need()
    common.main(scenario)


__all__ = ["cluster", "common", "json", "kubecluster", "kubeimage", "main", "need", "pod_object", "probe"]
