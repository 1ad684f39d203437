# SPDX-License-Identifier: Apache-2.0
"""The images of installer/linux/image.sh: which files, and how they become an archive.

A file system is a dict of path -> Entry. Each image has two: the system's part (libraries and programs of Debian
packages, which rarely change) and Seine's own, so that an upgrade brings a small layer. Owner, order and times of what
is written are fixed, so equal files make equal bytes.

The archive has the form that `docker save` writes: a JSON file for each image, one tar a layer named by its digest,
and manifest.json, which says what belongs together."""
import hashlib
import io
import json
import os
import re
import shutil
import subprocess
import sys
import tarfile
import time

PROGRAMS = ("seine-agent", "seine-cni", "seinectl")
OVS_PROGRAMS = ("/usr/sbin/ovsdb-server", "/usr/sbin/ovs-vswitchd", "/usr/bin/ovsdb-tool", "/usr/bin/ovsdb-client",
                "/usr/bin/ovs-vsctl", "/usr/bin/ovs-ofctl", "/usr/bin/ovs-appctl", "/usr/bin/ovs-dpctl", "/bin/dash")
OVS_SCHEMA = "/usr/share/openvswitch/vswitch.ovsschema"
LINKS = {"bin": "usr/bin", "sbin": "usr/sbin", "lib": "usr/lib", "lib64": "usr/lib64", "var/run": "../run"}
FOLDERS = ("dev", "etc", "proc", "run", "sys", "tmp", "usr/bin", "usr/lib", "usr/lib64", "usr/sbin", "var/lib", "var/log")
TEXTS = {
    "etc/passwd": "root:x:0:0:root:/:/sbin/nologin\nnobody:x:65534:65534:nobody:/:/sbin/nologin\n",
    "etc/group": "root:x:0:\nnogroup:x:65534:\n",
    "etc/nsswitch.conf": "passwd: files\ngroup: files\nhosts: files dns\n",
}
PATH = "/usr/sbin:/usr/bin:/sbin:/bin"


class Entry:
    """A file ('data'), a link ('target') or a folder."""

    def __init__(self, data=None, target=None, mode=0o755):
        self.data, self.target, self.mode = data, target, mode


def fail(text):
    sys.exit("image.sh: " + text)


def output(*argv):
    done = subprocess.run(argv, capture_output=True, text=True)
    if done.returncode != 0:
        fail("%s: %s" % (" ".join(argv), done.stderr.strip()))
    return done.stdout


def read(path):
    with open(path, "rb") as f:
        return f.read()


# ---- what is in an image ----
def parents(path):
    parts = path.split("/")[:-1]
    return ["/".join(parts[:i + 1]) for i in range(len(parts))]


def put(fs, path, entry):
    """Adds a file by its path from the root, below the folders that are links in the images."""
    path = path.lstrip("/")
    for link, target in LINKS.items():
        if path.startswith(link + "/") and not target.startswith("."):
            path = target + path[len(link):]
    fs[path] = entry


def libraries(program):
    """The shared objects that a program needs, its loader among them, by the paths it asks for; none if it is static."""
    done = subprocess.run(["ldd", program], capture_output=True, text=True)
    text = done.stdout + done.stderr
    if "not found" in done.stdout:
        fail("%s: %s" % (program, done.stdout.strip()))
    if "not a dynamic executable" in text or "statically linked" in text:
        return []
    return re.findall(r"(?:=> |^\s*)(/\S+) \(", done.stdout, re.M)


def licences(fs, paths):
    """The copyright files of the Debian packages that these files come from."""
    names = {name for path in paths for real in (path, os.path.realpath(path))
             for name in (real, real.replace("/usr/", "/", 1))}
    text = subprocess.run(["dpkg-query", "-S", *sorted(names)], capture_output=True, text=True).stdout
    owners = {path: line.split(":")[0] for line in text.splitlines() for path in [line.split(": ")[-1]]}
    for path in paths:
        real = os.path.realpath(path)
        owner = next((owners[name] for name in (path, real, real.replace("/usr/", "/", 1)) if name in owners), None)
        if not owner:
            fail("%s: of no Debian package" % path)
        notice = "/usr/share/doc/%s/copyright" % owner
        put(fs, notice, Entry(read(notice), mode=0o644))


def put_system(fs, programs, besides=()):
    """Programs of the system, by their paths here; and what they and 'besides' need."""
    paths = set(programs)
    for program in (*programs, *besides):
        paths.update(libraries(program))
    for path in paths:
        put(fs, path, Entry(read(path)))
    licences(fs, sorted(paths))


def base():
    fs = {path: Entry(mode=0o1777 if path == "tmp" else 0o755) for path in FOLDERS}
    fs.update({path: Entry(target=target) for path, target in LINKS.items()})
    fs.update({path: Entry(text.encode(), mode=0o644) for path, text in TEXTS.items()})
    return fs


def stripped(path):
    """A program without symbols and without its build id, which would tell the folder it was built in."""
    with_id = path + ".stripped"
    output("strip", "--strip-all", "--remove-section=.note.gnu.build-id", "--remove-section=.gnu_debuglink", "-o",
           with_id, path)
    data = read(with_id)
    os.unlink(with_id)
    return data


def seine(root):
    system, own = base(), {}
    paths = {name: "%s/build/release/bin/%s" % (root, name) for name in PROGRAMS}
    put_system(system, ("/usr/sbin/nft",), paths.values())
    for name, path in paths.items():
        put(own, "/usr/bin/" + name, Entry(stripped(path)))
    put(own, "/usr/bin/kubectl-seine", Entry(target="seinectl"))
    put(own, "/usr/share/doc/seine/LICENSE", Entry(read(root + "/LICENSE"), mode=0o644))
    return system, own


def seine_ovs(root):
    system, own = base(), {}
    put_system(system, OVS_PROGRAMS)
    put(system, "/bin/sh", Entry(target="dash"))
    put(system, OVS_SCHEMA, Entry(read(OVS_SCHEMA), mode=0o644))
    put(own, "/usr/sbin/seine-ovs", Entry(read(root + "/installer/linux/seine-ovs.sh")))
    put(own, "/usr/share/doc/seine/LICENSE", Entry(read(root + "/LICENSE"), mode=0o644))
    return system, own


IMAGES = {
    "seine": (seine, ["/usr/bin/seine-agent"], "Seine: node agent, CNI plugin, CLI"),
    "seine-ovs": (seine_ovs, ["/usr/sbin/seine-ovs"], "Open vSwitch for Seine"),
}


# ---- the archive ----
def add(tar, name, entry):
    info = tarfile.TarInfo(name)
    info.mode, info.mtime = entry.mode, 0
    if entry.target is not None:
        info.type, info.linkname, info.mode = tarfile.SYMTYPE, entry.target, 0o777
        tar.addfile(info)
    elif entry.data is None:
        info.type = tarfile.DIRTYPE
        tar.addfile(info)
    else:
        info.size = len(entry.data)
        tar.addfile(info, io.BytesIO(entry.data))


def layer(fs):
    whole = {folder: Entry() for path in fs for folder in parents(path)}
    whole.update(fs)
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w", format=tarfile.USTAR_FORMAT) as tar:
        for path in sorted(whole):
            add(tar, path, whole[path])
    return buffer.getvalue()


def size(fs):
    return sum(len(entry.data) for entry in fs.values() if entry.data is not None)


def commit(root):
    """Time of the commit in seconds, and its name; a tree without git has neither."""
    done = subprocess.run(["git", "-c", "safe.directory=" + root, "-C", root, "log", "-1", "--format=%ct %H"],
                          capture_output=True, text=True)
    stamp, _, name = done.stdout.strip().partition(" ")
    return int(stamp or 0), name


def versions(root):
    """The project's version, which the manifests name, and the build's."""
    project = re.search(r"project\(seine VERSION (\S+)", read(root + "/CMakeLists.txt").decode()).group(1)
    built = read(root + "/build/release/generated/version.c.txt").decode().strip()
    return sorted({project, built})


def config(root, name, layers, tags):
    _, entrypoint, title = IMAGES[name]
    seconds, revision = commit(root)
    created = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(seconds))
    labels = {"title": title, "version": tags[-1], "revision": revision, "licenses": "Apache-2.0"}
    return json.dumps({
        "architecture": {"x86_64": "amd64", "aarch64": "arm64"}.get(os.uname().machine, os.uname().machine),
        "os": "linux",
        "created": created,
        "config": {"Entrypoint": entrypoint, "Env": ["PATH=" + PATH],
                   "Labels": {"org.opencontainers.image." + key: value for key, value in labels.items() if value}},
        "rootfs": {"type": "layers", "diff_ids": ["sha256:" + hashlib.sha256(data).hexdigest() for data in layers]},
        "history": [{"created": created, "created_by": "installer/linux/image.sh"} for _ in layers],
    }, sort_keys=True).encode()


def archive(root, out):
    files, manifest, tags = {}, [], versions(root)
    for name in IMAGES:
        parts = IMAGES[name][0](root)
        layers = [layer(fs) for fs in parts]
        text = config(root, name, layers, tags)
        named = hashlib.sha256(text).hexdigest() + ".json"
        files[named] = text
        for data in layers:
            files[hashlib.sha256(data).hexdigest() + ".tar"] = data
        manifest.append({"Config": named, "RepoTags": ["seine.dev/%s:%s" % (name, tag) for tag in tags],
                         "Layers": [hashlib.sha256(data).hexdigest() + ".tar" for data in layers]})
        print("%s: %.1f MB in %d files" % (", ".join(manifest[-1]["RepoTags"]), sum(size(fs) for fs in parts) / 1e6,
                                           sum(len(fs) for fs in parts)))
    files["manifest.json"] = json.dumps(manifest, sort_keys=True).encode()
    out = os.path.abspath(out)
    os.makedirs(os.path.dirname(out), exist_ok=True)
    with tarfile.open(out + ".new", "w", format=tarfile.USTAR_FORMAT) as tar:
        for path in sorted(files):
            add(tar, path, Entry(files[path], mode=0o644))
    os.replace(out + ".new", out)
    print(out)


def unpack(root, out):
    """The images' files as folders: what a Dockerfile copies."""
    for name in IMAGES:
        top = os.path.join(out, name)
        shutil.rmtree(top, ignore_errors=True)
        for fs in IMAGES[name][0](root):
            with tarfile.open(fileobj=io.BytesIO(layer(fs))) as tar:
                tar.extractall(top)
        print(top)


if __name__ == "__main__":
    {"archive": archive, "root": unpack}[sys.argv[2]](sys.argv[1], sys.argv[3])
