# SPDX-License-Identifier: Apache-2.0
"""The HostProcess manifest, as far as it can be held without a Windows cluster: it is what the API calls a HostProcess Pod,
and the flags that it gives are flags of the programs."""
import os
import re
import subprocess
import sys
import unittest

import yaml

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.realpath(__file__))))
AGENT = sys.argv.pop(1) if len(sys.argv) > 1 else ROOT + "/build/debug/bin/seine-agent"


def flags_of(*words):
    text = subprocess.run([AGENT, *words, "--help"], check=True, capture_output=True, text=True,
                          env=dict(os.environ, ASAN_OPTIONS="detect_leaks=0")).stdout
    return set(re.findall(r"^  (--[a-z-]+)", text, re.M))


class Manifest(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        with open(ROOT + "/installer/windows/seine-windows.yaml", encoding="utf-8") as f:
            cls.documents = list(yaml.safe_load_all(f))
        cls.pod = cls.documents[0]["spec"]["template"]["spec"]

    def test_it_is_one_daemon_set(self):
        self.assertEqual([(d["apiVersion"], d["kind"]) for d in self.documents], [("apps/v1", "DaemonSet")])
        spec = self.documents[0]["spec"]
        labels = spec["template"]["metadata"]["labels"]
        self.assertEqual({k: labels.get(k) for k in spec["selector"]["matchLabels"]}, spec["selector"]["matchLabels"])

    def test_it_is_a_host_process_pod(self):
        """All of a Pod's containers are HostProcess or none is, and such a Pod is in the host's network."""
        self.assertEqual(self.pod["securityContext"]["windowsOptions"],
                         {"hostProcess": True, "runAsUserName": "NT AUTHORITY\\SYSTEM"})
        self.assertIs(self.pod["hostNetwork"], True)
        for c in self.pod["initContainers"] + self.pod["containers"]:
            self.assertNotIn("securityContext", c)
            self.assertNotIn("hostPort", str(c))

    def test_it_is_on_every_windows_node_and_only_there(self):
        self.assertEqual(self.pod["nodeSelector"], {"kubernetes.io/os": "windows"})
        self.assertEqual(self.pod["tolerations"], [{"operator": "Exists"}])
        self.assertEqual(self.pod["priorityClassName"], "system-node-critical")
        self.assertIs(self.pod["automountServiceAccountToken"], False)

    def test_the_plugin_is_placed_before_the_agent(self):
        (init,), (agent,) = self.pod["initContainers"], self.pod["containers"]
        self.assertEqual(init["args"][0], "install")
        self.assertIn("--no-service", init["args"])
        self.assertEqual(init["image"], agent["image"])
        self.assertLessEqual({a.split("=")[0] for a in init["args"][1:]}, flags_of("install"))

    def test_the_agent_s_flags_and_probes_agree(self):
        agent = self.pod["containers"][0]
        self.assertEqual(agent["args"][0], "run")
        given = dict(a.split("=", 1) for a in agent["args"][1:])
        self.assertLessEqual(set(given), flags_of())
        for probe, path in (("readinessProbe", "/readyz"), ("livenessProbe", "/healthz")):
            get = agent[probe]["httpGet"]
            self.assertEqual("%s:%d" % (get["host"], get["port"]), given["--metrics-address"])
            self.assertEqual(get["path"], path)
        self.assertEqual(agent["env"][0]["name"], "NODE_NAME")

    def test_the_image_holds_what_is_run(self):
        with open(ROOT + "/installer/windows/Containerfile", encoding="utf-8") as f:
            copied = re.search(r"^COPY (.*) /$", f.read(), re.M).group(1).split()
        self.assertEqual(copied, ["seine-agent.exe", "seine-cni.exe", "seinectl.exe"])
        for c in self.pod["initContainers"] + self.pod["containers"]:
            self.assertIn(c["command"][0].split("\\")[-1], copied)


if __name__ == "__main__":
    unittest.main()
