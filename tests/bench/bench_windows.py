# SPDX-License-Identifier: Apache-2.0
"""The engine of the Windows build under Wine against that of the Linux build, on the same objects in the same run: time to
derive a large world from nothing, and memory.

    bench_windows.py [--rounds 5] [--repeat 9]

The builds take turns. Time is the median of a run (`render --repeat`), then the median of the rounds. Memory is the peak
of the process less that of the same program in a world of one node: Wine's own part is not the engine's. Exit 1 if a
ratio is over 1.3; 77 where the Windows build or Wine is missing."""
import argparse
import json
import os
import re
import statistics
import subprocess
import sys
import tempfile

import worldgen
from benchlib import UNTIMED

HERE = os.path.dirname(os.path.abspath(__file__))
ROOT = os.path.dirname(os.path.dirname(HERE))

LIMIT = 1.3
LINUX = [os.path.join(os.environ.get("SEINE_BUILD") or ROOT + "/build/release", "bin", "seine-agent")]
WINDOWS = [ROOT + "/tests/windows/wine-run", ROOT + "/build/windows/bin/seine-agent.exe"]
LINE = re.compile(r"render: (\d+) times, load ([\d.]+) s, derive ([\d.]+) s, print ([\d.]+) s, peak RSS (\d+) kB")


def write_world(folder):
    """The world, and one attachment for each Pod of its first node."""
    world = worldgen.World()
    world.write(folder + "/world")
    with open(folder + "/attachments.json", "w") as f:
        json.dump([{"namespace": p["metadata"]["namespace"], "name": p["metadata"]["name"], "uid": p["metadata"]["uid"],
                    "containerID": "c%d" % i, "interface": "pod%d" % i, "ofPort": 10 + i,
                    "mac": "0a:00:00:00:%02x:%02x" % divmod(i, 256), "addresses": ["10.80.1.%d" % (i + 2)]}
                   for i, p in enumerate(world.local)], f)
    os.mkdir(folder + "/empty")
    with open(folder + "/empty/nodes.json", "w") as f:
        json.dump(world.nodes[0], f)
    return " ".join("%s=%d" % kv for kv in sorted(world.counts().items()))


def render(command, folder, world, repeat, attachments=True):
    more = ["--attachments", folder + "/attachments.json"] if attachments else []
    done = subprocess.run([*command, "render", "--objects", folder + "/" + world, "--node-name", "node1", "--repeat",
                           str(repeat), *more], stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True, timeout=900)
    found = LINE.search(done.stderr)
    if done.returncode or not found:
        sys.exit("%s: exit %d: %s" % (command[-1], done.returncode, done.stderr))
    return {"load": float(found[2]), "derive": float(found[3]), "print": float(found[4]), "rss": int(found[5])}


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=1 if UNTIMED else 5)
    parser.add_argument("--repeat", type=int, default=3 if UNTIMED else 9)
    args = parser.parse_args()
    if not os.path.exists(WINDOWS[-1]):
        print("skipped: %s is not built" % WINDOWS[-1])
        return 77
    builds = {"linux": LINUX, "windows": WINDOWS}
    with tempfile.TemporaryDirectory() as folder:
        print(write_world(folder))
        empty = {name: render(command, folder, "empty", 1, attachments=False)["rss"] for name, command in builds.items()}
        runs = {name: [] for name in builds}
        for _ in range(args.rounds):
            for name, command in builds.items():
                runs[name].append(render(command, folder, "world", args.repeat))
    subprocess.run([WINDOWS[0], "down"], check=False)
    medians = {name: {k: statistics.median(r[k] for r in found) for k in found[0]} for name, found in runs.items()}
    over = 0
    for key in ("load", "derive", "print"):
        a, b = medians["linux"][key], medians["windows"][key]
        limited = key == "derive"
        over += limited and b > LIMIT * a and not UNTIMED
        print("%-7s Linux %7.1f ms, Windows %7.1f ms, ratio %.2f%s" % (key, a * 1e3, b * 1e3, b / a, ", limit %.1f" % LIMIT
                                                                        if limited else ""))
    a, b = (medians[name]["rss"] - empty[name] for name in ("linux", "windows"))
    over += b > LIMIT * a
    print("memory  Linux %7.1f MB, Windows %7.1f MB, ratio %.2f, limit %.1f (whole processes: %.1f and %.1f MB; in an empty "
          "world %.1f and %.1f MB)" % (a / 1e3, b / 1e3, b / a, LIMIT, medians["linux"]["rss"] / 1e3,
                                       medians["windows"]["rss"] / 1e3, empty["linux"] / 1e3, empty["windows"] / 1e3))
    return 1 if over else 0


if __name__ == "__main__":
    sys.exit(main())
