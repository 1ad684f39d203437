# SPDX-License-Identifier: Apache-2.0
"""podman's CNI back end drives the plugin: two containers on two nodes, made and removed by podman, reach each other."""
import json
import os
import shutil
import subprocess
import tarfile

import common
from lab import netns, probe


def make_image(path):
    """A docker archive of one busybox layer: no registry is asked."""
    import hashlib
    import io
    layer = io.BytesIO()
    with tarfile.open(fileobj=layer, mode="w") as tar:
        for name in ("bin", "etc", "tmp", "proc", "sys", "dev"):
            info = tarfile.TarInfo(name)
            info.type, info.mode = tarfile.DIRTYPE, 0o755
            tar.addfile(info)
        with open("/bin/busybox", "rb") as f:
            data = f.read()
        info = tarfile.TarInfo("bin/busybox")
        info.size, info.mode = len(data), 0o755
        tar.addfile(info, io.BytesIO(data))
        for tool in ("sh", "sleep", "nc", "ip", "wget"):
            info = tarfile.TarInfo("bin/" + tool)
            info.type, info.linkname = tarfile.SYMTYPE, "busybox"
            tar.addfile(info)
    digest = hashlib.sha256(layer.getvalue()).hexdigest()
    config = json.dumps({"architecture": "amd64", "os": "linux",
                         "config": {"Cmd": ["/bin/sleep", "100000"], "Env": ["PATH=/bin"]},
                         "rootfs": {"type": "layers", "diff_ids": ["sha256:" + digest]}}).encode()
    manifest = json.dumps([{"Config": "config.json", "RepoTags": ["localhost/busybox:1"],
                            "Layers": ["layer.tar"]}]).encode()
    with tarfile.open(path, "w") as tar:
        for name, data in (("layer.tar", layer.getvalue()), ("config.json", config), ("manifest.json", manifest)):
            info = tarfile.TarInfo(name)
            info.size = len(data)
            tar.addfile(info, io.BytesIO(data))


class Podman:
    def __init__(self, c, node):
        self.node, self.dir = node, "%s/podman%d" % (c.run, node.index)
        os.makedirs(self.dir + "/net.d")
        with open(self.dir + "/containers.conf", "w") as f:
            f.write('''[network]
network_backend = "cni"
cni_plugin_dirs = ["%s", "/usr/lib/cni"]
default_network = "seine"
[engine]
cgroup_manager = "cgroupfs"
lock_type = "file"
events_logger = "file"
runtime = "runc"
[containers]
log_driver = "k8s-file"
default_ulimits = ["nofile=1024:1024", "nproc=4096:4096"]
''' % c.bin)
        with open(self.dir + "/net.d/10-seine.conflist", "w") as f:
            json.dump({"cniVersion": "0.4.0", "name": "seine", "plugins": [
                {"type": "seine-cni", "socket": node.socket}]}, f)

    def __call__(self, *args, check=True):
        # nsenter, not `ip netns exec`: that hides /sys/fs/cgroup.
        return netns.run("nsenter", "--net=" + netns.path(self.node.ns), "env",
                         "CONTAINERS_CONF=" + self.dir + "/containers.conf", "podman", "--root", self.dir + "/root",
                         "--runroot", self.dir + "/runroot", "--tmpdir", self.dir + "/tmp", "--storage-driver", "vfs",
                         "--network-config-dir", self.dir + "/net.d", *args, check=check, timeout=120)


def scenario():
    for tool in ("podman", "runc", "conmon"):
        if not shutil.which(tool):
            common.skip(tool + " is not installed (installer/deps.sh test)")
    with common.cluster("pdm") as c:
        c.start_agents()
        image = c.run + "/busybox.tar"
        make_image(image)
        podmen, ips = [], []
        try:
            for node in c.nodes:
                podman = Podman(c, node)
                podmen.append(podman)
                podman("load", "-i", image)
                podman("run", "-d", "--name", "c%d" % node.index, "localhost/busybox:1")
                items = [p for p in node.ctl_json("get", "pods")["items"] if p.get("interface")]
                common.equal(len(items), 1, "attached containers on " + node.name)
                common.equal(items[0]["namespace"], "default", "namespace of a podman container")
                ips.append(items[0]["addresses"])
            common.step("from container to container, across the nodes")
            for podman, (address, peer) in zip(podmen, ((ips[0], ips[1]), (ips[1], ips[0]))):
                for ip in peer:
                    got = []

                    def answered(podman=podman, ip=ip, got=got):
                        got[:] = [podman("exec", "c%d" % podman.node.index, "/bin/busybox", "ping", "-c", "1", "-w", "3", ip, check=False)]
                        return got[0].returncode == 0
                    # The switch asks for the tunnel peer's address with the first packet.
                    common.eventually(answered, lambda ip=ip, got=got: "ping %s: %s" % (ip, got[0].stdout + got[0].stderr))
            m = common.Matrix(c)
            for node, own in zip(c.nodes, ips):
                for ip in own:
                    m.add(probe.Probe(node.ns, ip, "icmp"), True, "%s -> %s" % (node.name, ip))
            m.check("from the node")
            common.step("podman rm: DEL")
            for podman in podmen:
                podman("rm", "-f", "-t", "0", "c%d" % podman.node.index)
                left = [p for p in podman.node.ctl_json("get", "pods")["items"] if p.get("interface")]
                common.equal(left, [], "attachments left")
        finally:
            for podman in podmen:
                podman("rm", "-fa", "-t", "0", check=False)
                subprocess.run(["umount", "-l", podman.dir + "/root"], capture_output=True)
        c.recompute()


if __name__ == "__main__":
    common.main(scenario)
