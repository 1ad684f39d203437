# SPDX-License-Identifier: Apache-2.0
"""Each header compiles alone: it includes what it needs. Uses the build tree's own flags."""
import concurrent.futures
import json
import os
import shlex
import subprocess
import sys

import tree


def flags(build):
    """Defines and include folders that the build uses, from its compile commands."""
    path = os.path.join(build, "compile_commands.json")
    if not os.path.exists(path):
        print("skipped: no compile_commands.json in " + build)
        sys.exit(77)
    found = []
    with open(path) as f:
        commands = json.load(f)
    for entry in commands:
        words = shlex.split(entry["command"])
        for i, word in enumerate(words):
            if word.startswith(("-I", "-D")):
                found.append(word)
            elif word == "-isystem":
                found.append("-isystem" + words[i + 1])
    return list(dict.fromkeys(found))


def compile_alone(header, extra):
    text = '#include "%s"\n#include "%s"\ntypedef int not_empty;\n' % (header, header)
    done = subprocess.run(["gcc", "-std=c11", "-Wall", "-Wextra", "-Wpedantic", "-Werror", "-fsyntax-only", "-x", "c",
                           "-I" + tree.ROOT, *extra, "-"], input=text, text=True, capture_output=True, cwd=tree.ROOT)
    return header, done.returncode, done.stderr


if __name__ == "__main__":
    extra = flags(sys.argv[1])
    headers = [h for h in tree.files(".h", roots=tree.C_ROOTS) if not h.startswith("platform/windows/")]
    findings = []
    with concurrent.futures.ThreadPoolExecutor(os.cpu_count()) as pool:
        for header, code, errors in pool.map(lambda h: compile_alone(h, extra), headers):
            if code:
                first = next((e for e in errors.splitlines() if "error" in e), errors)
                findings.append((header, 1, "does not compile alone: " + first))
    print("%d headers" % len(headers))
    tree.report(findings, "headers")
