# SPDX-License-Identifier: Apache-2.0
"""What the lints share: the tracked files, C text without comments and strings, and how findings are told."""
import os
import re
import subprocess
import sys

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
C_ROOTS = ("core", "ovs", "cni", "hns", "platform")


def files(*suffixes, roots=()):
    """Tracked and new (not ignored) files, as paths from the root."""
    out = subprocess.run(["git", "ls-files", "--cached", "--others", "--exclude-standard"], cwd=ROOT,
                         capture_output=True, text=True, check=True).stdout.splitlines()
    return sorted(f for f in set(out) if (not suffixes or f.endswith(suffixes))
                  and (not roots or f.split("/")[0] in roots) and os.path.isfile(os.path.join(ROOT, f)))


def read(path):
    with open(os.path.join(ROOT, path), encoding="utf-8", errors="replace") as f:
        return f.read()


_TOKEN = re.compile(r'/\*.*?\*/|//[^\n]*|"(?:\\.|[^"\\\n])*"|\'(?:\\.|[^\'\\\n])*\'', re.S)


def code_only(text, keep_strings=False):
    """The text with comments (and strings) blanked out; lines stay where they are."""
    def blank(m):
        if keep_strings and m.group()[0] in "\"'":
            return m.group()
        return re.sub(r"[^\n]", " ", m.group())
    return _TOKEN.sub(blank, text)


def report(findings, rule):
    """Prints findings (path, line, text) and ends the program with the right status."""
    for path, line, text in findings:
        print("%s:%d: %s" % (path, line, text))
    print("%s: %s" % (rule, "%d findings" % len(findings) if findings else "clean"))
    sys.exit(1 if findings else 0)
