# SPDX-License-Identifier: Apache-2.0
"""The manifests of installer/linux are what render.sh makes of the chart, helm (where it is installed) makes the same, the
chart is of the project's version, and what it asks of the API server is what docs/install.md explains."""
import os
import re
import shutil
import subprocess
import sys

import tree

sys.dont_write_bytecode = True
LINUX = os.path.join(tree.ROOT, "installer", "linux")
CHART = os.path.join(LINUX, "chart")
sys.path.insert(0, LINUX)
import render  # noqa: E402


def helm(settings):
    flags = [word for key, value in settings.items() for word in ("--set", "%s=%s" % (key, str(value).lower()))]
    return subprocess.run(["helm", "template", "seine", CHART, "-n", "kube-system", *flags], capture_output=True,
                          text=True, check=True).stdout


def check(read):
    findings = []
    for name, settings in render.FILES.items():
        path = "installer/linux/" + name
        want = render.render(settings)
        if read(path) != want:
            findings.append((path, 0, "differs from the chart: installer/linux/render.sh --write"))
        if shutil.which("helm") and helm(settings) != want:
            findings.append((path, 0, "helm renders the chart otherwise"))
    project = re.search(r"project\(seine VERSION (\S+)", read("CMakeLists.txt")).group(1)
    chart = read("installer/linux/chart/Chart.yaml")
    for key in ("version: %s" % project, 'appVersion: "%s"' % project):
        if not re.search("^%s$" % re.escape(key), chart, re.M):
            findings.append(("installer/linux/chart/Chart.yaml", 0, "not of the project's version: " + key))
    return findings + values(read)


def values(read):
    """Each value of the chart has its row in the docs."""
    page = read("docs/install.md")
    return [("docs/install.md", 0, "value %s of the chart is not in the table" % key)
            for key in render.load(read("installer/linux/chart/values.yaml")) if "| `%s` |" % key not in page]


if __name__ == "__main__":
    tree.report(check(tree.read), "manifests")
