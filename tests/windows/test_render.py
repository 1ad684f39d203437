# SPDX-License-Identifier: Apache-2.0
"""Both builds print the same bytes: what `seine-agent render` says of random clusters, nodes of either system, flows and
access lists; of the samples; of CRLF, names that are not ASCII, bad documents and wrong flags.

    tests/windows/test_render.py [--seed N] [--clusters N]

The seed is printed first; the same seed is the same run."""
import argparse
import json
import os
import random
import shutil
import subprocess
import sys
import tempfile
import time

HERE = os.path.dirname(os.path.abspath(__file__))
ROOT = os.path.dirname(os.path.dirname(HERE))
sys.path[:0] = [os.path.join(ROOT, "tests", "system"), os.path.join(ROOT, "installer", "linux")]

import worldgen  # noqa: E402

LINUX = os.path.join(ROOT, "build", "release", "bin", "seine-agent")
WINDOWS = os.path.join(ROOT, "build", "windows", "bin", "seine-agent.exe")
WINE = os.path.join(HERE, "wine-run")
HNS_VERSIONS = ("9.2", "11.10", "13.0", "15.4")


class Failed(Exception):
    pass


def run(program, args, cwd):
    done = subprocess.run(program + ["render"] + args, capture_output=True, timeout=120, cwd=cwd)
    return done.returncode, done.stdout, done.stderr


class Both:
    """Runs both builds and compares; counts what was compared."""

    def __init__(self, dir):
        self.dir, self.runs, self.bytes = dir, 0, 0

    def same(self, what, args, expect=None, windows_args=None):
        linux = run([LINUX], args, self.dir)
        windows = run([WINE, WINDOWS], windows_args or args, self.dir)
        self.runs += 1
        self.bytes += len(linux[1])
        if expect is not None and linux[0] != expect:
            raise Failed("%s: exit %d on Linux, expected %d: %s" % (what, linux[0], expect, linux[2].decode()))
        for name, a, b in zip(("exit codes", "stdout", "stderr"), linux, windows):
            if a != b:
                raise Failed("%s: %s differ: %s\nLinux:   %r\nWindows: %r" % (what, name, " ".join(args), a[:600] if isinstance(
                    a, bytes) else a, b[:600] if isinstance(b, bytes) else b))
        return linux[1]


def write(path, text):
    with open(path, "w", newline="", encoding="utf-8") as f:
        f.write(text)


def clusters(both, seed, n):
    for i in range(n):
        rnd = random.Random(seed + i)
        world = worldgen.World(seed + i, n_pods=rnd.randint(4, 18), n_policies=rnd.randint(0, 14))
        folder = "c%d" % i
        os.makedirs(os.path.join(both.dir, folder))
        for obj in world.objects.values():
            if obj["kind"] == "Node" and rnd.random() < 0.7:
                obj["metadata"]["labels"] = {"kubernetes.io/os": rnd.choice(("linux", "windows"))}
        text = json.dumps({"apiVersion": "v1", "kind": "List", "items": list(world.objects.values())}, indent=1)
        write(os.path.join(both.dir, folder, "world.json"), text.replace("\n", rnd.choice(("\n", "\r\n"))))
        for node in world.nodes:
            attached = "%s-%s.json" % (folder, node)
            write(os.path.join(both.dir, attached),
                  json.dumps([a for a in world.attachments.values() if a["node"] == node]))
            args = ["--objects", folder, "--node-name", node, "--attachments", attached]
            both.same("seed %d %s flows" % (seed + i, node), args, 0)
            version = rnd.choice(HNS_VERSIONS)
            both.same("seed %d %s lists of %s" % (seed + i, node, version),
                      args + ["--datapath-type", "hns", "--hns-version", version], 0)


def samples(both):
    folder = os.path.join(both.dir, "samples")
    crlf = os.path.join(both.dir, "crlf")
    os.makedirs(folder)
    os.makedirs(crlf)
    docs = os.path.join(ROOT, "docs", "examples")
    for where in (docs, os.path.join(docs, "policies")):
        for name in os.listdir(where):
            if name.endswith(".yaml"):
                shutil.copy(os.path.join(where, name), folder)
                with open(os.path.join(where, name), encoding="utf-8") as f:
                    write(os.path.join(crlf, name), f.read().replace("\n", "\r\n"))
    for node in ("node-a", "node-b", "nowhere"):
        plain = both.same("samples", ["--objects", "samples", "--node-name", node], 0)
        if both.same("samples with CRLF", ["--objects", "crlf", "--node-name", node], 0) != plain:
            raise Failed("CRLF means something else")
        both.same("platform given", ["--objects", "samples", "--node-name", node, "--platform", "windows"], 0)


def names(both):
    """Files are taken in byte order of their UTF-8 names, and both separators serve on Windows."""
    folder = os.path.join(both.dir, "n\u00e4mes", "sub " + "x" * 60)
    os.makedirs(folder)
    for i, name in enumerate(("Z.yaml", "a.yaml", "\u00e4.yaml", "\u4e2d.yaml", "z.yaml", "\U0001f41f.yaml")):
        write(os.path.join(folder, name), "apiVersion: v1\nkind: Node\nmetadata: {name: n1}\nspec: {podCIDR: 10.%d.0.0/24}\n" % i)
    path = os.path.relpath(folder, both.dir)
    found = both.same("names", ["--objects", path, "--node-name", "n1"], 0)
    if b"10.5.0.1" not in found:
        raise Failed("the file last in byte order does not hold")
    both.same("backslashes", ["--objects", path, "--node-name", "n1"], 0,
              ["--objects", path.replace("/", "\\"), "--node-name", "n1"])


def faults(both):
    os.makedirs(os.path.join(both.dir, "bad"))
    write(os.path.join(both.dir, "bad", "x.yaml"), "kind: Pod\napiVersion: v1\nmetadata: [x\n")
    write(os.path.join(both.dir, "bad", "y.yaml"), "kind: Node\napiVersion: v1\nmetadata: {name: n1}\nspec: {podCIDR: 10.0.0.0}\n")
    write(os.path.join(both.dir, "bad.json"), "[{]")
    write(os.path.join(both.dir, "half.json"), json.dumps([{"namespace": "a", "name": "b"}]))
    good = ["--objects", "samples", "--node-name", "node-a"]
    for what, args, code in (
            ("a bad document", ["--objects", "bad", "--node-name", "n1"], 1),
            ("no such folder", ["--objects", "none", "--node-name", "n1"], 1),
            ("a file for a folder", ["--objects", "bad.json", "--node-name", "n1"], 1),
            ("attachments that are no JSON", good + ["--attachments", "bad.json"], 1),
            ("an attachment by half", good + ["--attachments", "half.json"], 1),
            ("no such attachments", good + ["--attachments", "none.json"], 1),
            ("a flag too many", good + ["--flows"], 2),
            ("a flag without value", good + ["--platform"], 2),
            ("a word too many", good + ["word"], 2),
            ("a wrong platform", good + ["--platform", "plan9"], 2),
            ("a wrong version", good + ["--datapath-type", "hns", "--hns-version", "0.1"], 2),
            ("nothing", [], 2),
            ("help", ["--help"], 0)):
        both.same(what, args, code)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seed", type=int, default=int.from_bytes(os.urandom(3), "big"))
    parser.add_argument("--clusters", type=int, default=8)
    args = parser.parse_args()
    print("test_render.py --seed %d" % args.seed, flush=True)
    start = time.monotonic()
    subprocess.run([WINE, "up"], check=True, timeout=180)
    with tempfile.TemporaryDirectory(prefix="seine-render-") as dir:
        both = Both(dir)
        try:
            clusters(both, args.seed, args.clusters)
            samples(both)
            names(both)
            faults(both)
        except Failed as e:
            print("FAILED: %s" % e)
            return 1
    print("%d runs of each build print the same %d bytes and say the same on stderr (%.0f s)" % (
        both.runs, both.bytes, time.monotonic() - start))
    return 0


sys.exit(main())
