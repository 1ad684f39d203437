# SPDX-License-Identifier: Apache-2.0
"""Containers of a manifest, run by podman on a node of the lab: what a kubelet makes of `securityContext`, `volumeMounts` and
`args`, as far as installer/linux uses them. A host path of the manifest is a folder of the node's here, since the nodes of the
lab share a file system."""
import os
import subprocess

from lab import netns

HOST_PATHS = ("/proc/sys/net", "/dev/net/tun")  # the machine's own serve every node


class Podman:
    """A store and state of its own, in the namespace of `node` (None: here)."""

    def __init__(self, dir, node=None):
        self.dir, self.node = dir, node
        os.makedirs(dir, exist_ok=True)
        with open(dir + "/containers.conf", "w") as f:
            f.write('[engine]\ncgroup_manager = "cgroupfs"\nlock_type = "file"\nevents_logger = "file"\nruntime = "runc"\n'
                    '[containers]\nlog_driver = "k8s-file"\n'
                    'default_ulimits = ["nofile=1024:1024", "nproc=4096:4096"]\n')

    def __call__(self, *args, check=True, timeout=300):
        # nsenter, not `ip netns exec`: that hides /sys/fs/cgroup.
        enter = ["nsenter", "--net=" + netns.path(self.node.ns)] if self.node else []
        return netns.run(*enter, "env", "CONTAINERS_CONF=" + self.dir + "/containers.conf", "podman", "--root",
                         self.dir + "/root", "--runroot", self.dir + "/runroot", "--tmpdir", self.dir + "/tmp",
                         "--storage-driver", "vfs", *args, check=check, timeout=timeout)

    def close(self):
        self("rm", "-fa", "-t", "0", check=False)
        subprocess.run(["umount", "-l", self.dir + "/root"], capture_output=True)


class Pod:
    """The template of a DaemonSet. `paths`: host path in the manifest -> folder here; `maps`: ConfigMaps by name."""

    def __init__(self, podman, daemonset, maps, paths, dir):
        self.podman, self.spec, self.paths, self.dir = podman, daemonset["spec"]["template"]["spec"], paths, dir
        self.sources = {v["name"]: self.source(v, maps) for v in self.spec["volumes"]}

    def source(self, volume, maps):
        """The folder that a volume is."""
        if "hostPath" in volume:
            path = volume["hostPath"]["path"]
            return path if path in HOST_PATHS else self.paths[path]
        folder = "%s/%s" % (self.dir, volume["name"])
        os.makedirs(folder, exist_ok=True)
        if "emptyDir" in volume:
            return folder
        for one in volume.get("projected", {}).get("sources", [volume]):
            for key, text in maps.get(one["configMap"]["name"], {"data": {}})["data"].items():
                with open(os.path.join(folder, key), "w") as f:
                    f.write(text)
        return folder

    def container(self, name):
        return next(c for c in self.spec.get("initContainers", []) + self.spec["containers"] if c["name"] == name)

    def flags(self, container, without=()):
        context = container["securityContext"]
        assert context["capabilities"]["drop"] == ["ALL"] and context["readOnlyRootFilesystem"]
        assert self.spec["securityContext"]["seccompProfile"]["type"] == "RuntimeDefault" and self.spec["hostNetwork"]
        flags = ["--network", "host", "--read-only", "--read-only-tmpfs=false", "--cap-drop", "all"]
        flags += ["--security-opt", "no-new-privileges"] if context["allowPrivilegeEscalation"] is False else []
        for capability in context["capabilities"].get("add", []):
            flags += ["--cap-add", capability] if capability not in without else []
        for mount in container.get("volumeMounts", []):
            options = "ro" if mount.get("readOnly") else "rw"
            options += ",rslave" if mount.get("mountPropagation") == "HostToContainer" else ""
            flags += ["-v", "%s:%s:%s" % (self.sources[mount["name"]], mount["mountPath"], options)]
            # In the default list of the runtimes, and so of kubelets; podman's own is shorter.
            flags += ["--device-cgroup-rule", "c 10:200 rwm"] if mount["mountPath"] == "/dev/net/tun" else []
        for variable in container.get("env", []):
            assert variable["valueFrom"]["fieldRef"]["fieldPath"] == "spec.nodeName"
            flags += ["-e", "%s=%s" % (variable["name"], self.podman.node.name)]
        return flags

    def run(self, name, without=(), check=True):
        """To its end."""
        c = self.container(name)
        return self.podman("run", "--rm", *self.flags(c, without), c["image"], *c["args"], check=check)

    def start(self, name, without=()):
        c = self.container(name)
        self.podman("run", "-d", "--name", name, *self.flags(c, without), c["image"], *c["args"])

    def stop(self, name):
        self.podman("stop", "-t", str(self.spec["terminationGracePeriodSeconds"]), name)
        self.podman("rm", "-f", name)

    def logs(self, name):
        done = self.podman("logs", name, check=False)
        return done.stdout + done.stderr
