# SPDX-License-Identifier: Apache-2.0
"""Which folder may include which: the table of docs/architecture.md, section "Folders". Also which outside
libraries a folder may use, and that folders form no cycle."""
import re

import tree

BASE, STORE, ENGINE, INTENT = "core/base", "core/store", "core/engine", "core/intent"
K8S, POD, PLATFORM = "core/k8s", "core/pod", "platform"
PROGRAM = "*"  # wiring: may include everything but tests

# Folder: what it may include besides itself. "platform" is the contracts (platform/*.h) only.
ALLOWED = {
    BASE: (),
    STORE: (BASE,),
    ENGINE: (BASE, STORE),
    INTENT: (BASE, STORE, ENGINE),
    K8S: (BASE, STORE),
    POD: (BASE, STORE, ENGINE, INTENT, K8S),
    "core/policy": (BASE, STORE, ENGINE, INTENT, K8S, POD),
    "core/node": (BASE, STORE, ENGINE, INTENT, K8S, POD),
    "core/service": (BASE, STORE, ENGINE, INTENT, K8S),
    "core/pipeline": (BASE, STORE, ENGINE, INTENT, "ovs/flow.h", "ovs/group.h", "ovs/meter.h"),
    "core/io": (BASE, PLATFORM, "core/k8s/folder.h", "core/k8s/kubeconfig.h"),
    "core/observe": (BASE, STORE),
    "ovs": (BASE, STORE, ENGINE),
    # Routes and host NAT are targets: their contracts speak of the engine's plans.
    PLATFORM: (BASE, "core/engine/engine.h"),
    "platform/linux": (BASE, "core/engine/engine.h", PLATFORM),
    "platform/windows": (BASE, "core/engine/engine.h", PLATFORM),
    "cni": (BASE, ENGINE, POD, PLATFORM),
    "hns": (BASE, STORE, ENGINE, INTENT, PLATFORM),
    "core/agent": PROGRAM,
    "core/controller": PROGRAM,
    "core/ctl": PROGRAM,
}
# Files (by how they begin) that may include more: what binds ovs/ to the loop, the wiring of the engine, programs with
# a main() of their own.
MORE = {
    "ovs/ovsdb_client": ("core/io",),
    "ovs/switchdb": ("core/io",),
    "ovs/flow_target": ("core/io",),
    "ovs/unixctl": ("core/io", "platform/ipc.h"),
    "core/pipeline/world": (K8S, POD, "core/policy", "core/node", "core/service", "hns/acl.h"),
    "cni/main": (PLATFORM, "core/io"),
    "cni/client": (PLATFORM,),
    "hns/pod_endpoint": ("cni/attach.h",),
}
# Outside headers by where they may be used.
LIBRARIES = {
    "uv.h": ("core/io",),
    "openssl/": ("core/io",),
    "http_parser.h": ("core/io", "cni"),
    "nghttp2/": ("core/io",),
    "zlib.h": ("core/io",),
    "yaml.h": ("core/k8s", "core/agent"),
    "cjson/": ("core", "ovs", "cni", "hns", "platform"),
    "libmnl/": ("platform/linux",),
    "linux/": ("platform/linux",),
    "windows.h": ("platform/windows",),
}
C_LIBRARY = {
    "assert.h", "ctype.h", "errno.h", "float.h", "inttypes.h", "limits.h", "math.h", "setjmp.h", "signal.h",
    "stdalign.h", "stdarg.h", "stdatomic.h", "stdbool.h", "stddef.h", "stdint.h", "stdio.h", "stdlib.h",
    "stdnoreturn.h", "string.h", "time.h",
}
INCLUDE = re.compile(r'^\s*#\s*include\s*([<"])([^>"]+)[>"]', re.M)


def folder_of(path):
    parts = path.split("/")
    if parts[0] == "core":
        return "/".join(parts[:2])
    if parts[0] == "platform" and len(parts) > 2:
        return "/".join(parts[:2])
    return parts[0]


def ours(header):
    return header.split("/")[0] in tree.C_ROOTS


def may_include(path, header):
    own, other = folder_of(path), folder_of(header)
    allowed = ALLOWED.get(own)
    if allowed is None:
        return False
    if allowed == PROGRAM or own == other:
        return True
    more = next((m for stem, m in MORE.items() if path.startswith(stem)), ())
    return header in allowed or other in allowed or header in more or other in more


def may_use(path, header):
    """A header of the system or of a library."""
    if header in C_LIBRARY or folder_of(path).startswith("platform/"):
        return True
    for prefix, places in LIBRARIES.items():
        if header.startswith(prefix):
            return any(path.startswith(place + "/") for place in places)
    # Whatever else there is (POSIX, Win32) is the platform's and the tests' matter.
    return path in PORT_HEADERS


PORT_HEADERS = ("core/base/port.h",)


def check(paths, read):
    findings, edges = [], {}
    for path in paths:
        for m in INCLUDE.finditer(tree.code_only(read(path), keep_strings=True)):
            line = read(path)[:m.start(2)].count("\n") + 1
            kind, header = m.groups()
            if kind == "<":
                if not may_use(path, header):
                    findings.append((path, line, "<%s> does not belong in %s" % (header, folder_of(path))))
                continue
            if header.startswith("tests/"):
                findings.append((path, line, "tests are not included"))
            elif not ours(header):
                if "/" in header or not may_use(path, header):
                    findings.append((path, line, '"%s": include by path from the root' % header))
            elif not may_include(path, header):
                findings.append((path, line, "%s may not include %s" % (folder_of(path), header)))
            else:
                edges.setdefault(folder_of(path), {})[folder_of(header)] = (path, line, header)
    return findings + cycles(edges)


def cycles(edges):
    """Folders that include each other, directly or around a corner."""
    findings, done = [], set()

    def visit(folder, trail):
        for other, (path, line, header) in sorted(edges.get(folder, {}).items()):
            if other == folder or other in done:
                continue
            if other in trail:
                ring = trail[trail.index(other):] + [other]
                findings.append((path, line, "cycle of folders: " + " -> ".join(ring)))
                continue
            visit(other, trail + [other])
        done.add(folder)

    for folder in sorted(edges):
        visit(folder, [folder])
    return findings


if __name__ == "__main__":
    tree.report(check(tree.files(".c", ".h", roots=tree.C_ROOTS), tree.read), "includes")
