# SPDX-License-Identifier: Apache-2.0
"""Sizes of files and functions, printed with their limits; a figure over its limit fails.

Functions are found by universal-ctags (line and end line of each definition)."""
import json
import shutil
import subprocess
import sys

import tree

FILE_LINES = 1200
FUNCTION_LINES = 100  # over it only what is in TABLES: a table or a switch
P95_LINES = 70
MEDIAN_LINES = 15
TESTS_A_LINE = 0.8
TABLES = ()


def percentile(values, share):
    values = sorted(values)
    return values[min(len(values) - 1, int(len(values) * share))] if values else 0


def functions(paths):
    """(path, line, name, lines) of each function."""
    if not shutil.which("ctags"):
        print("skipped: universal-ctags is not installed")
        sys.exit(77)
    out = subprocess.run(["ctags", "--output-format=json", "--fields=+ne", "--kinds-C=f", "--languages=C",
                          "--langmap=C:.c.h", "-f", "-", "-L", "-"], input="\n".join(paths), text=True,
                         capture_output=True, cwd=tree.ROOT, check=True).stdout
    for line in out.splitlines():
        tag = json.loads(line)
        if tag.get("_type") == "tag" and "end" in tag:
            yield tag["path"], tag["line"], tag["name"], tag["end"] - tag["line"] + 1


def main():
    sources = tree.files(".c", ".h", roots=tree.C_ROOTS)
    tests = tree.files(".c", ".h", ".py", ".sh", roots=("tests",))
    findings = []
    lines = {f: tree.read(f).count("\n") for f in sources + tests}
    for f, n in lines.items():
        if n > FILE_LINES:
            findings.append((f, n, "%d lines, at most %d" % (n, FILE_LINES)))
    sizes = list(functions([f for f in sources if f.endswith(".c")]))
    for path, line, name, n in sizes:
        if n > FUNCTION_LINES and name not in TABLES:
            findings.append((path, line, "%s has %d lines, at most %d" % (name, n, FUNCTION_LINES)))
    lengths = [n for _, _, _, n in sizes]
    median, p95 = percentile(lengths, 0.5), percentile(lengths, 0.95)
    if p95 > P95_LINES:
        findings.append((".", 0, "95th percentile of function lengths %d, at most %d" % (p95, P95_LINES)))
    code, test = sum(lines[f] for f in sources), sum(lines[f] for f in tests)
    longest = max(((lines[f], f) for f in sources), default=(0, "-"))
    print("code lines              %6d in %d files (longest %d: %s, limit %d)" % (
        code, len(sources), longest[0], longest[1], FILE_LINES))
    print("functions               %6d: median %d (aim %d), p95 %d (limit %d), longest %d (limit %d)" % (
        len(lengths), median, MEDIAN_LINES, p95, P95_LINES, max(lengths, default=0), FUNCTION_LINES))
    print("test lines              %6d, %.2f a line of code (aim %.1f)" % (test, test / max(1, code), TESTS_A_LINE))
    tree.report(findings, "figures")


if __name__ == "__main__":
    main()
