# SPDX-License-Identifier: Apache-2.0
"""The Windows build of the agent, under Wine, on a real API server: its lists over TLS and HTTP/2, a change, a sync, a server that is
away, and a start from the cache. There is no Open vSwitch: it never becomes ready."""
import json
import os
import shutil
import subprocess
import tempfile

import kubelab
from kubelab import common, manifests

WINE = os.path.join(kubelab.ROOT, "tests", "windows", "wine-run")
BIN = os.path.join(kubelab.ROOT, "build", "windows", "bin")


def need():
    kubelab.need()
    if not shutil.which("wine"):
        common.skip("no wine here (installer/deps.sh windows)")
    if not os.path.exists(BIN + "/seine-agent.exe"):
        common.skip("%s/seine-agent.exe is not built" % BIN)


def windows_path(path):
    return "Z:" + path.replace("/", "\\")


class Agent:
    def __init__(self, cp, folder):
        self.pipe, self.folder = r"\\.\pipe\seine-kube-%d" % os.getpid(), folder
        self.args = ["--node-name", "n1", "--kubeconfig", windows_path(cp.path("agent")), "--cache-dir", windows_path(folder + "/cache"),
                     "--run-dir", windows_path(folder + "/run"), "--socket", self.pipe, "--ovsdb", "tcp:127.0.0.1:1",
                     "--openflow", "tcp:127.0.0.1:1", "--uplink", "none", "--datapath-type", "system"]  # auto gives up without a switch

    def __enter__(self):
        with open(self.folder + "/agent.log", "ab") as log:
            self.process = subprocess.Popen([WINE, BIN + "/seine-agent.exe", *self.args], stdin=subprocess.DEVNULL, stdout=log, stderr=log)
        return self

    def __exit__(self, kind, error, trace):
        self.process.kill()
        self.process.wait()
        if error is not None:
            with open(self.folder + "/agent.log", errors="replace") as f:
                print("".join(f.readlines()[-20:]))

    def ctl(self, *args):
        return subprocess.run([WINE, BIN + "/seinectl.exe", "--socket", self.pipe, *args], stdin=subprocess.DEVNULL, capture_output=True,
                              text=True, timeout=2 * common.PATIENCE)

    def source(self):
        done = self.ctl("status", "-o", "json")
        return json.loads(done.stdout)["sources"][0] if done.stdout else {}

    def pods(self):
        done = self.ctl("get", "pods", "-o", "json")
        return [p["name"] for p in json.loads(done.stdout)["items"]] if done.stdout else []


def scenario():
    with kubelab.control_plane() as cp, tempfile.TemporaryDirectory(prefix="seine-kube-") as folder:
        cp.agent_account()
        cp.apply(manifests.node("n1", ["10.80.1.0/24"], ["192.0.2.1"]), manifests.pod("default", "one", {}, "n2", ["10.9.0.1"]))
        common.step("lists, and a change")
        with Agent(cp, folder) as agent:
            common.eventually(lambda: agent.source().get("complete"), "complete", every=0.5)
            cp.apply(manifests.pod("default", "two", {}, "n2", ["10.9.0.2"]))
            common.eventually(lambda: agent.pods() == ["one", "two"], "the new Pod", every=0.2)
            common.step("the server goes: stale")
            common.eventually(lambda: os.path.exists(folder + "/cache/api-server.cache"), "a cache", every=0.2)
            cp.kill()
            common.eventually(lambda: agent.source().get("stale"), "stale", every=0.2)
        common.step("a start from the cache; the server comes back")
        with Agent(cp, folder) as agent:
            found = common.eventually(lambda: agent.source().get("cached") and agent.source(), "cached", every=0.5)
            common.equal(found["complete"], False, "complete")
            common.eventually(lambda: "one" in agent.pods(), lambda: "Pods from the cache: %s" % agent.pods())
            cp.start()
            found = common.eventually(lambda: agent.source().get("complete") and agent.source(), "complete", every=0.5)
            common.equal(found["cached"], False, "cached")
            common.eventually(lambda: agent.pods() == ["one", "two"], lambda: "Pods: %s" % agent.pods())


common.main(scenario, need)
