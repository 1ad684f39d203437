# SPDX-License-Identifier: Apache-2.0
"""What a program says is the same on both systems, byte by byte: `render` of the examples and of random clusters, flows
and access lists, errors with their texts and exit codes, names that are long or not ASCII, manifests with CRLF. The Linux
programs are those of build/release, the Windows programs run under Wine.

    test_render.py [SEED [CLUSTERS]]
"""
import json
import os
import shutil
import subprocess
import sys
import tempfile

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
sys.path[:0] = [os.path.join(ROOT, "tests", "system"), os.path.join(ROOT, "installer", "linux")]

from lab import manifests  # noqa: E402
from worldgen import World  # noqa: E402

WINE = os.path.join(ROOT, "tests", "windows", "wine-run")
LINUX = os.path.join(ROOT, "build", "release", "bin")
WINDOWS = os.path.join(ROOT, "build", "windows", "bin")
EXAMPLES = os.path.join(ROOT, "docs", "examples")
HNS_VERSIONS = ("11.10", "9.2", "13.0", "15.4")
differences = []
compared = 0


def run(program, args, windows, cwd=None):
    command = [WINE, os.path.join(WINDOWS, program + ".exe")] if windows else [os.path.join(LINUX, program)]
    done = subprocess.run(command + list(args), cwd=cwd or ROOT, stdin=subprocess.DEVNULL, capture_output=True, timeout=240)
    return done.returncode, done.stdout, done.stderr


def first_difference(ours, theirs):
    for number, (a, b) in enumerate(zip(ours.split(b"\n"), theirs.split(b"\n")), 1):
        if a != b:
            return "line %d: %r on Linux, %r on Windows" % (number, a[:200], b[:200])
    return "%d and %d bytes" % (len(ours), len(theirs))


def same(what, program, *args, cwd=None, windows_args=None):
    """Runs a program on both systems; what Linux said: (exit code, stdout, stderr)."""
    global compared
    linux = run(program, args, False, cwd)
    windows = run(program, windows_args or args, True, cwd)
    compared += 1
    for name, ours, theirs in zip(("exit code", "stdout", "stderr"), linux, windows):
        if ours != theirs:
            text = first_difference(ours, theirs) if name != "exit code" else "%s and %s" % (ours, theirs)
            differences.append("%s: %s: %s" % (what, name, text))
    if b"\r" in windows[1] + windows[2]:
        differences.append("%s: a carriage return" % what)
    return linux


def expect(condition, what):
    if not condition:
        differences.append(what)


def render(what, folder, node, *more, **options):
    return same(what, "seine-agent", "render", "--objects", folder, "--node-name", node, *more, **options)


def examples():
    """Each example alone with what all of them need, for each of its nodes and both platforms."""
    shared = [name for name in sorted(os.listdir(EXAMPLES)) if name.endswith(".yaml")]
    found = [os.path.join(folder, name) for folder, _, names in os.walk(EXAMPLES) for name in names
             if name.endswith(".yaml") and folder != EXAMPLES]
    expect(len(shared) >= 3 and found, "the examples are not where they were")
    with tempfile.TemporaryDirectory() as work:
        for name in shared:
            shutil.copy(os.path.join(EXAMPLES, name), work)
        nodes = [obj["metadata"]["name"] for obj in objects_of(work) if obj["kind"] == "Node"]
        for path in [None] + sorted(found):
            if path:
                shutil.copy(path, os.path.join(work, "policy.yaml"))
            for node in nodes:
                for platform in ("linux", "windows"):
                    code, out, _ = render("example %s on %s" % (path, node), work, node, "--platform", platform)
                    expect(code == 0 and b"table=" in out, "example %s: nothing is rendered" % path)


def objects_of(folder):
    """The objects of a folder of examples, as far as their kind and name."""
    for name in sorted(os.listdir(folder)):
        with open(os.path.join(folder, name), encoding="utf-8") as f:
            for document in f.read().split("\n---"):
                lines = document.split("\n")
                kind = next((line.split(":")[1].strip() for line in lines if line.startswith("kind:")), None)
                name = next((line.split("name:")[1].strip(" {}").split(",")[0] for line in lines if "name:" in line), None)
                if kind:
                    yield {"kind": kind, "metadata": {"name": name}}


def attachments(world, node, path):
    mine = [dict(a, node=None) for a in world.attachments.values() if a["node"] == node]
    with open(path, "w", encoding="utf-8") as f:
        json.dump([{k: v for k, v in a.items() if k not in ("node", "local")} for a in mine], f)


def clusters(first, n):
    for seed in range(first, first + n):
        world = World(seed, n_pods=20, n_policies=12)
        for number in range(6):
            world.add_service(number)
        for number, node in enumerate(o for o in world.objects.values() if o["kind"] == "Node"):
            if number:
                node["metadata"]["labels"] = {"kubernetes.io/os": ("linux", "windows")[number % 2]}
        with tempfile.TemporaryDirectory() as work:
            folder = manifests.Folder(os.path.join(work, "objects"))
            folder.put(*world.objects.values())
            for node in world.nodes:
                path = os.path.join(work, node + ".json")
                attachments(world, node, path)
                code, _, err = render("seed %d on %s" % (seed, node), folder.dir, node, "--attachments", path)
                expect(code == 0, "seed %d: %s" % (seed, err))
                version = HNS_VERSIONS[seed % len(HNS_VERSIONS)]
                code, out, err = render("seed %d on %s, lists of %s" % (seed, node, version), folder.dir, node,
                                        "--attachments", path, "--datapath-type", "hns", "--hns-version", version)
                expect(code == 0 and out.startswith(b"# acls\n"), "seed %d: lists: %s" % (seed, err))


def crlf():
    with tempfile.TemporaryDirectory() as work:
        for ending in (b"\n", b"\r\n"):
            os.mkdir(os.path.join(work, repr(len(ending))))
            for name in ("nodes.yaml", "namespaces.yaml", "pods.yaml"):
                with open(os.path.join(EXAMPLES, name), "rb") as f:
                    text = f.read().replace(b"\n", ending)
                with open(os.path.join(work, repr(len(ending)), name), "wb") as f:
                    f.write(text)
        node = next(o["metadata"]["name"] for o in objects_of(os.path.join(work, "1")) if o["kind"] == "Node")
        lf, both = (render("CRLF", os.path.join(work, name), node) for name in ("1", "2"))
        expect(lf == both, "CRLF means something else than LF")
        path = os.path.join(work, "2", "bad.yaml")
        with open(path, "wb") as f:
            f.write(b"kind: Pod\r\napiVersion: v1\r\nmetadata: [x\r\n")
        code, _, err = render("bad CRLF", os.path.join(work, "2"), node)
        expect(code == 1 and b"bad.yaml:" in err, "a bad document with CRLF: %r" % err)


def names():
    """Long and foreign names. In UTF-16 the last two of these would come in the other order, and whose podCIDR overlaps
    whose is said by the order."""
    order = ["a.yaml", "Z\u00fcrich-\u03c0.yaml", "\u540d\u524d.yaml", "\uff5e.yaml", "\U0001f600.yaml"]
    with tempfile.TemporaryDirectory() as work:
        folder = os.path.join(work, "d\u00e9p\u00f4t", *["long-" + "x" * 60] * 5)
        os.makedirs(folder)
        for number, name in enumerate(order):
            with open(os.path.join(folder, name), "w", encoding="utf-8") as f:
                f.write("apiVersion: v1\nkind: Node\nmetadata: {name: n%d}\nspec: {podCIDR: 10.%d.0.0/24}\n"
                        "status: {addresses: [{type: InternalIP, address: 192.0.2.%d}]}\n" % (number, number, number + 1))
        code, out, err = render("names", folder, "n4")
        expect(code == 0 and b"table=" in out, "names: %r" % err)
        short = os.path.join(work, "d\u00e9p\u00f4t", "\u00fc")
        shutil.copytree(folder, short)
        render("this folder", ".", "n0", cwd=short)
        render("a folder of this one", "\u00fc", "n0", cwd=os.path.dirname(short))
        render("backslashes", folder, "n0", windows_args=(
            "render", "--objects", folder.replace("/", "\\"), "--node-name", "n0"))
        for name, cidr in zip(order[-2:], ("10.9.0.0/24", "10.9.0.128/25")):
            with open(os.path.join(folder, name), "a", encoding="utf-8") as f:
                f.write("---\napiVersion: v1\nkind: Node\nmetadata: {name: x%s}\nspec: {podCIDR: %s}\n" % (cidr[-2:], cidr))
        code, _, err = render("order of files", folder, "n0")
        expect(code == 1 and err.startswith(order[-1].encode() + b":"), "order of files: %r" % err)


def errors():
    with tempfile.TemporaryDirectory() as work:
        shutil.copy(os.path.join(EXAMPLES, "nodes.yaml"), work)
        node = next(o["metadata"]["name"] for o in objects_of(work) if o["kind"] == "Node")
        bad = {"syntax": "kind: Pod\nmetadata: [x\n", "number": "kind: Pod\napiVersion: v1\nmetadata: {name: 5}\n",
               "unknown": "kind: Dance\napiVersion: v1\nmetadata: {name: x}\n", "nul": "a\0b", "latin": "name: \udcff\n",
               "float": "kind: Pod\napiVersion: v1\nmetadata: {name: 1e400, x: .inf}\n"}
        for name, text in bad.items():
            path = os.path.join(work, "bad.yaml")
            with open(path, "wb") as f:
                f.write(text.encode("utf-8", "surrogateescape"))
            render("bad input: " + name, work, node)
        os.unlink(path)
        for name, text in (("absent", None), ("not JSON", "["), ("no list", "{}"), ("empty", ""), ("odd", '[{"name":7}]'),
                           ("port", '[{"namespace":"a","name":"b","ofPort":1.5}]')):
            path = os.path.join(work, name + ".attached")
            if text is not None:
                with open(path, "w", encoding="utf-8") as f:
                    f.write(text)
            code, out, err = render("attachments: " + name, work, node, "--attachments", path)
            expect(name in ("empty",) or code != 0 and not out and err, "attachments that are %s: exit %d" % (name, code))
        render("attachments: a folder", work, node, "--attachments", work)
        for what, folder in (("no such folder", work + "/none"), ("a file", work + "/nodes.yaml"), ("empty name", ""),
                             ("no such folder in none", work + "/none/none"), ("in a file", work + "/nodes.yaml/x")):
            code, out, err = render("folder: " + what, folder, node)
            expect(code and not out and err, "%s: exit %d" % (what, code))
        render("no such node", work, "nobody")
        render("a foreign node", work, "n\u00f6de")


def usage():
    for args in ((), ("--objects",), ("--objects", "x"), ("--dance",), ("--dance=1",), ("-x",), ("word",), ("--repeat", "0"),
                 ("--repeat", "x"), ("--platform", "beos"), ("--help",), ("--help=1",), ("--node-name",), ("--", "x"), ("--o",), ("--datapath-type", "x"), ("--hns-version", "11.10")):
        same("render %s" % (args,), "seine-agent", "render", *args)
    for args in (("--dance",), ("dance",), ("--objects",), ("--version",), ("--log-level", "x"), ("--resync",)):
        same("agent %s" % (args,), "seine-agent", *args)
    for args in (("--version",), ("--help",), ("dance",), ("get",), ("get", "dances"), ("why", "--help"), ("--dance",),
                 ("sync", "--timeout", "x"), ("get", "pods", "-o", "x"), ("completion", "bash"), ("pipeline",)):
        same("seinectl %s" % (args,), "seinectl", *args)
    for args in ((), ("--version",), ("--help",), ("x",)):
        same("seine-cni %s" % (args,), "seine-cni", *args)


def main():
    seed = int(sys.argv[1]) if len(sys.argv) > 1 else 1
    n = int(sys.argv[2]) if len(sys.argv) > 2 else 12
    for step in (examples, crlf, names, errors, usage):
        step()
    clusters(seed, n)
    print("%d runs compared, clusters of seeds %d to %d" % (compared, seed, seed + n - 1))
    print("\n".join(differences))
    return 1 if differences or not compared else 0


if __name__ == "__main__":
    sys.exit(main())
