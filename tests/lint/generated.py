# SPDX-License-Identifier: Apache-2.0
"""Generated pages of docs/ are what the built programs print: pages named here are made by a command, and
`python3 tests/lint/generated.py BUILD --write` writes them anew."""
import os
import subprocess
import sys

import tree

# Page: program and arguments that print it.
PAGES = {
    "docs/pipeline.md": ("seinectl", "pipeline", "--markdown"),
    "docs/configuration.md": ("seine-agent", "--help", "--markdown"),
}


def generate(build, command):
    program = os.path.join(build, "bin", command[0])
    if not os.path.exists(program):
        print("skipped: %s is not built" % program)
        sys.exit(77)
    done = subprocess.run([program, *command[1:]], capture_output=True, text=True,
                          env=dict(os.environ, ASAN_OPTIONS="detect_leaks=0"))
    return done.stdout if done.returncode == 0 else None


def main():
    build = sys.argv[1] if len(sys.argv) > 1 else "build/release"
    findings = []
    for page, command in PAGES.items():
        text = generate(build, command)
        if text is None:
            findings.append((page, 0, "`%s` failed" % " ".join(command)))
        elif "--write" in sys.argv:
            with open(os.path.join(tree.ROOT, page), "w", encoding="utf-8") as f:
                f.write(text)
        elif not os.path.exists(os.path.join(tree.ROOT, page)) or tree.read(page) != text:
            findings.append((page, 0, "differs from `%s`: write it anew with %s --write" % (
                " ".join(command), "tests/lint/generated.py BUILD")))
    tree.report(findings, "generated")


if __name__ == "__main__":
    main()
