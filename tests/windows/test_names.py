# SPDX-License-Identifier: Apache-2.0
"""Every unit test of the Linux build exists by the same name in the Windows build, but for those labelled linux-only."""
import json
import subprocess
import sys


def tests(tree):
    """Names of a tree's unit tests, with their labels."""
    out = subprocess.run(["ctest", "--test-dir", tree, "-L", "^unit$", "--show-only=json-v1"],
                         capture_output=True, text=True, check=True).stdout
    found = {}
    for test in json.loads(out)["tests"]:
        labels = next((p["value"] for p in test.get("properties", ()) if p["name"] == "LABELS"), [])
        if "unit" in labels:  # fixtures come along
            found[test["name"]] = labels
    return found


def main():
    linux, windows = tests("build/release"), tests("build/windows")
    only = {name for name, labels in linux.items() if "linux-only" in labels}
    wrong = ["missing on Windows: " + name for name in sorted(set(linux) - only - set(windows))]
    wrong += ["linux-only, yet there on Windows: " + name for name in sorted(only & set(windows))]
    both, more = set(windows) & set(linux), set(windows) - set(linux)
    print("%d unit tests on both systems, on Linux only: %s; on Windows only: %s" % (
        len(both), " ".join(sorted(only)), " ".join(sorted(more))))
    if len(both) < 4 * len(only):
        wrong.append("too many tests are linux-only to speak of one set of tests")
    print("\n".join(wrong))
    return 1 if wrong else 0


sys.exit(main())
