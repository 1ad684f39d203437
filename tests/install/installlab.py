# SPDX-License-Identifier: Apache-2.0
"""What the tests of installer/linux share: the manifests as objects, and a node of the lab whose agent is a container."""
import json
import os
import shutil
import subprocess
import sys

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path[:0] = [HERE, os.path.join(os.path.dirname(HERE), "system"),
                os.path.join(os.path.dirname(os.path.dirname(HERE)), "installer", "linux")]

import common  # noqa: E402
import podman  # noqa: E402
import render  # noqa: E402
from lab import manifests, netns  # noqa: E402

CONFIG = "objects: /var/lib/seine/objects\ndatapath-type: netdev\n"


def manifest(settings):
    """{(kind, name): object} of what render.sh prints."""
    import yaml
    found = [d for d in yaml.safe_load_all(render.render(settings)) if d]
    return {(d["kind"], d["metadata"]["name"]): d for d in found}


def need():
    common.need_lab()
    for tool in ("podman", "runc", "conmon"):
        if not shutil.which(tool):
            common.skip(tool + " is not installed (installer/deps.sh test)")


def make(*arguments):
    """Runs image.sh; returns the lines that it printed."""
    return netns.run(os.path.join(common.ROOT, "installer/linux/image.sh"), *arguments, timeout=600).stdout.splitlines()


class Machine:
    """A node of the lab whose agent is the manifest's container."""

    def __init__(self, node, archive, ovs_run=None):
        self.node = node
        ovs_run = ovs_run or node.dir
        self.podman = podman.Podman(node.dir + "/podman", node)
        self.podman("load", "-q", "-i", archive)
        self.paths = {"/run": node.dir + "/host/run", "/var/lib": node.dir + "/host/lib",
                      "/run/seine": node.dir + "/host/run/seine", "/var/lib/seine": node.dir + "/host/lib/seine",
                      "/opt/cni/bin": node.dir + "/host/bin", "/etc/cni/net.d": node.dir + "/host/net.d",
                      "/var/run/openvswitch": ovs_run, "/var/run/netns": "/run/netns",
                      "/var/lib/openvswitch": node.dir + "/ovs-data"}
        for path in self.paths.values():
            os.makedirs(path, exist_ok=True)
        with open(self.paths["/etc/cni/net.d"] + "/99-other.conf", "w") as f:
            f.write("{}\n")

    def pod(self, settings, kind, maps=None):
        objects = manifest(settings)
        maps = dict({name: o for (k, name), o in objects.items() if k == "ConfigMap"}, **(maps or {}))
        return podman.Pod(self.podman, objects["DaemonSet", kind], maps, self.paths, self.node.dir)

    def files(self):
        """What lies below the host paths."""
        return sorted(os.path.relpath(os.path.join(dir, name), self.node.dir + "/host")
                      for dir, folders, names in os.walk(self.node.dir + "/host") for name in folders + names
                      if not dir.endswith("/objects"))

    def page(self, path):
        code = "import sys,urllib.request as u\ntry:\n r=u.urlopen('http://127.0.0.1:10351%s',timeout=60);print(r.status)\n" \
               "except u.HTTPError as e: print(e.code)\nexcept OSError: print(0)\n" % path
        return int(netns.run(sys.executable, "-c", code, ns=self.node.ns).stdout)

    def cni(self, verb, pod_ns, name, **more):
        env = self.node.cni_env(verb, "c-" + name, netns.path(pod_ns), args=self.node.pod_args("default", name, "c-" + name))
        config = dict({"cniVersion": "1.1.0", "name": "seine", "type": "seine-cni",
                       "socket": self.paths["/run/seine"] + "/agent.sock"}, **more)
        done = subprocess.run(["ip", "netns", "exec", self.node.ns, self.paths["/opt/cni/bin"] + "/seine-cni"], text=True,
                              input=json.dumps(config), capture_output=True, env=env, timeout=2 * common.PATIENCE)
        return done.returncode, done.stdout + done.stderr


def put_objects(c, node):
    folder = manifests.Folder(node.dir + "/host/lib/seine/objects")
    folder.put(*(n.object() for n in c.nodes), *(manifests.pod("default", name, {}, node.name) for name in ("a", "b")))
