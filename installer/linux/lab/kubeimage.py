# SPDX-License-Identifier: Apache-2.0
"""Images for the Pods of a lab, without a registry and without an engine: files in a docker-archive, as
`ctr images import` takes it."""
import hashlib
import io
import json
import os
import shutil
import tarfile

from .netns import LabError, run

# The Pods' own program (labpod.c) and the tools of busybox; the same files as the sandbox's image. And what upstream's
# tests run in their Pods, if it is built.
POD, SANDBOX, AGNHOST = "lab.seine.dev/pod:1", "lab.seine.dev/sandbox:1", "lab.seine.dev/agnhost:1"
TOOLS = ("cat", "echo", "env", "false", "head", "hostname", "id", "ip", "kill", "ls", "nc", "ping", "ping6", "ps", "sh",
         "sleep", "tail", "test", "true", "wget")


def _add(tar, made, path, **more):
    """One member, after the folders that lead to it. `file` is a file's path, `link` where a link leads."""
    parts = path.strip("/").split("/")
    for i in range(1, len(parts)):
        folder = "/".join(parts[:i])
        if folder not in made:
            made.add(folder)
            info = tarfile.TarInfo(folder)
            info.type, info.mode = tarfile.DIRTYPE, 0o755
            tar.addfile(info)
    info = tarfile.TarInfo("/".join(parts))
    info.mode = 0o755
    if "link" in more:
        info.type, info.linkname = tarfile.SYMTYPE, more["link"]
        tar.addfile(info)
    else:
        info.size = os.path.getsize(more["file"])
        with open(more["file"], "rb") as f:
            tar.addfile(info, f)


def _layer(files, links):
    buffer = io.BytesIO()
    made = set()
    with tarfile.open(fileobj=buffer, mode="w") as tar:
        for path, file in files.items():
            _add(tar, made, path, file=file)
        for path, target in links.items():
            _add(tar, made, path, link=target)
        for folder, mode in (("tmp", 0o1777), ("etc", 0o755)):
            info = tarfile.TarInfo(folder)
            info.type, info.mode = tarfile.DIRTYPE, mode
            tar.addfile(info)
    return buffer.getvalue()


def archive(out, name, entry, files, links):
    """Writes the archive `out` of one image: `files` and `links` are path in the image: file, target."""
    layer = _layer(files, links)
    digest = hashlib.sha256(layer).hexdigest()
    config = json.dumps({
        "architecture": "amd64", "os": "linux", "config": {"Entrypoint": entry, "Env": ["PATH=/bin"]},
        "rootfs": {"type": "layers", "diff_ids": ["sha256:" + digest]}, "history": [{"created_by": "lab"}]}).encode()
    config_name = hashlib.sha256(config).hexdigest() + ".json"
    manifest = json.dumps([{"Config": config_name, "RepoTags": [name], "Layers": [digest + "/layer.tar"]}]).encode()
    with tarfile.open(out, "w") as tar:
        for member, data in ((config_name, config), (digest + "/layer.tar", layer), ("manifest.json", manifest)):
            info = tarfile.TarInfo(member)
            info.size = len(data)
            tar.addfile(info, io.BytesIO(data))


def make(folder, agnhost=None):
    """Makes the lab's images in `folder` and returns their archives. `agnhost`: path of that program, or None."""
    os.makedirs(folder, exist_ok=True)
    busybox = shutil.which("busybox")
    if not busybox:
        raise LabError("busybox is not installed (busybox-static)")
    program = folder + "/labpod"
    source = os.path.join(os.path.dirname(os.path.abspath(__file__)), "labpod.c")
    run("gcc", "-std=c11", "-O2", "-Wall", "-Wextra", "-Werror", "-static", "-s", "-o", program, source)
    files = {"/bin/labpod": program, "/bin/busybox": busybox}
    links = {"/bin/" + tool: "busybox" for tool in TOOLS}
    wanted = [("pod", POD, ["labpod", "serve", "tcp:80", "tcp:8080", "udp:5353"], files),
              ("sandbox", SANDBOX, ["labpod"], {"/bin/labpod": program})]
    if agnhost:
        wanted.append(("agnhost", AGNHOST, ["agnhost"], dict(files, **{"/bin/agnhost": agnhost})))
    made = []
    for stem, name, entry, content in wanted:
        made.append("%s/%s.tar" % (folder, stem))
        archive(made[-1], name, ["/bin/" + entry[0]] + entry[1:], content, links if len(content) > 1 else {})
    return made
