# SPDX-License-Identifier: Apache-2.0
"""System conditionals live under platform/ and in core/base/port.h, nowhere else."""
import re

import tree

EXCEPT = ("core/base/port.h",)
CONDITION = re.compile(r"^[ \t]*#[ \t]*(?:if|ifdef|ifndef|elif)\b(.*)$", re.M)
# What a condition on the system, compiler or word size looks like.
SYSTEM = re.compile(r"\b(_WIN32|_WIN64|WIN32|_MSC_VER|__MINGW\w*|__CYGWIN__|__linux__?|linux|__unix__|__APPLE__|"
                    r"__FreeBSD__|__GLIBC__|__x86_64__|__aarch64__|_LP64|__LP64__|__BYTE_ORDER__|_POSIX\w*)\b")


def check(paths, read):
    findings = []
    for path in paths:
        if path.startswith("platform/") or path in EXCEPT:
            continue
        text = tree.code_only(read(path))
        for m in CONDITION.finditer(text):
            if SYSTEM.search(m.group(1)):
                findings.append((path, text[:m.start(1)].count("\n") + 1, "system conditional:" + m.group(1)))
    return findings


if __name__ == "__main__":
    tree.report(check(tree.files(".c", ".h", roots=tree.C_ROOTS), tree.read), "conditionals")
