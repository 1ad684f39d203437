# SPDX-License-Identifier: Apache-2.0
"""Every C file is as clang-format 14 writes it with the checked-in style."""
import shutil
import subprocess
import sys

import tree


def main():
    program = shutil.which("clang-format-14")
    if not program:
        print("skipped: clang-format-14 is not installed")
        sys.exit(77)
    paths = tree.files(".c", ".h", roots=tree.C_ROOTS + ("tests",))
    done = subprocess.run([program, "--dry-run", "--ferror-limit=1", *paths], cwd=tree.ROOT, text=True, capture_output=True)
    findings = {}
    for line in done.stderr.splitlines():
        if "-Wclang-format-violations" in line:
            path, number = line.split(":")[:2]
            findings.setdefault(path, (path, int(number), "not formatted (clang-format-14 -i %s)" % path))
    if done.returncode and not findings:
        findings[""] = (".", 0, done.stderr)
    tree.report(sorted(findings.values()), "format")


if __name__ == "__main__":
    main()
