# SPDX-License-Identifier: Apache-2.0
"""Words that have no place: `long` and the functions on it in portable code (it has 32 bits on Windows), goto, marks of
unfinished work, paths of somebody's machine, hosts of package registries."""
import re

import tree

PORTABLE = ("core/", "ovs/", "cni/", "hns/", "platform/")
# (pattern, where it is forbidden, why)
IN_CODE = (
    (re.compile(r"(?<!long )\blong\b(?! long| double)"), PORTABLE, "`long` differs between systems: use int64_t or size_t"),
    (re.compile(r"\b(strtol|strtoul|atol|atoi)\b"), PORTABLE, "is on long or has no errors: use the parsers of core/base"),
    (re.compile(r"\bgoto\s+\w+\s*;"), ("core/", "ovs/", "cni/", "hns/", "platform/", "tests/"), "no goto"),
    (re.compile(r"\b(FormatMessage[AW]?|strerror)\b"), PORTABLE, "the system's own text: say what all systems say"),
    (re.compile(r"\b(gets|strcpy|strcat|sprintf|vsprintf)\s*\("), PORTABLE, "is unbounded"),
)
LINUX_ONLY = ("platform/linux/",)
ANYWHERE = (
    (re.compile(r"\b(TODO|FIXME|XXX)\b"), "unfinished work is written down in docs, not left in code"),
    (re.compile(r"(?<![\w.])/(?:work|farm|home/\w+)/\w"), "a path of one machine"),
    (re.compile("|".join(h.replace(".", r"\.") for h in (
        "deb." + "debian.org", "snapshot." + "debian", "proxy." + "golang", "registry." + "npmjs", "pypi." + "org",
        "crates." + "io/api", "registry-1." + "docker"))), "a package registry's host"),
)
SKIP = ("LICENSE", "tests/lint/words.py", "tests/lint/test_lint.py")


def scan(path, text, pattern, why):
    for m in pattern.finditer(text):
        yield path, text[:m.start()].count("\n") + 1, "%s: %s" % (m.group().strip(), why)


def check(paths, read):
    findings = []
    for path in paths:
        if path in SKIP:
            continue
        text = read(path)
        for pattern, why in ANYWHERE:
            findings += scan(path, text, pattern, why)
        if not path.endswith((".c", ".h")):
            continue
        code = tree.code_only(text)
        for pattern, where, why in IN_CODE:
            if path.startswith(where) and not path.startswith(LINUX_ONLY):
                findings += scan(path, code, pattern, why)
    return findings


if __name__ == "__main__":
    text_files = [f for f in tree.files() if not f.startswith(("tests/fuzz/corpus", "tests/fuzz/"))
                  or f.endswith((".c", ".sh", ".txt", ".md"))]
    tree.report(check(text_files, tree.read), "words")
