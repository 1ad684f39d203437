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
            cls.objects = {d["kind"]: d for d in yaml.safe_load_all(f)}
        cls.pod = cls.objects["DaemonSet"]["spec"]["template"]["spec"]

    def test_it_is_one_daemon_set_with_its_account(self):
        self.assertEqual(list(self.objects), ["ServiceAccount", "ConfigMap", "ClusterRole", "ClusterRoleBinding", "DaemonSet"])
        for o in self.objects.values():
            self.assertEqual(o["metadata"].get("namespace"), None if "Cluster" in o["kind"] else "kube-system")
            self.assertEqual(o["metadata"]["labels"], self.objects["DaemonSet"]["metadata"]["labels"])
        spec = self.objects["DaemonSet"]["spec"]
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

    def test_its_account_may_do_what_the_one_on_linux_may(self):
        with open(ROOT + "/installer/linux/seine.yaml", encoding="utf-8") as f:
            linux = next(d for d in yaml.safe_load_all(f) if d["kind"] == "ClusterRole")
        self.assertEqual(self.objects["ClusterRole"]["rules"], linux["rules"])
        name, binding = self.objects["ServiceAccount"]["metadata"]["name"], self.objects["ClusterRoleBinding"]
        self.assertEqual(binding["subjects"], [{"kind": "ServiceAccount", "name": name, "namespace": "kube-system"}])
        self.assertEqual(binding["roleRef"]["name"], self.objects["ClusterRole"]["metadata"]["name"])
        self.assertEqual(self.pod["serviceAccountName"], name)
        self.assertIs(self.pod["automountServiceAccountToken"], True)

    def test_the_configuration_is_mounted_where_it_is_looked_for(self):
        config = self.objects["ConfigMap"]
        (volume,) = self.pod["volumes"]
        self.assertEqual(volume["configMap"]["name"], config["metadata"]["name"])
        (key,) = config["data"]
        self.assertLessEqual({"--" + k for k in yaml.safe_load(config["data"][key])}, flags_of())
        for c in self.pod["initContainers"] + self.pod["containers"]:
            (mount,) = c["volumeMounts"]
            self.assertEqual(mount["name"], volume["name"])
            path = "%CONTAINER_SANDBOX_MOUNT_POINT%" + mount["mountPath"].replace("/", "\\") + "\\" + key
            self.assertIn("--config=" + path, c["args"])

    def test_the_plugin_is_placed_before_the_agent(self):
        (init,), (agent,) = self.pod["initContainers"], self.pod["containers"]
        self.assertEqual(init["args"][0], "install")
        self.assertIn("--no-service", init["args"])
        self.assertEqual(init["image"], agent["image"])
        self.assertLessEqual({a.split("=")[0] for a in init["args"][1:]}, flags_of("install"))

    def test_the_agent_s_flags_and_probes_agree(self):
        agent = self.pod["containers"][0]
        self.assertEqual(agent["args"][0], "run")
        self.assertLessEqual({a.split("=")[0] for a in agent["args"][1:]}, flags_of())
        metrics = yaml.safe_load(self.objects["ConfigMap"]["data"]["seine.yaml"])["metrics-address"]
        for probe, path in (("readinessProbe", "/readyz"), ("livenessProbe", "/healthz")):
            get = agent[probe]["httpGet"]
            self.assertEqual("%s:%d" % (get["host"], get["port"]), metrics)
            self.assertEqual(get["path"], path)
        self.assertEqual(agent["env"][0]["name"], "NODE_NAME")
        for c in self.pod["initContainers"] + self.pod["containers"]:
            self.assertEqual(c["imagePullPolicy"], "IfNotPresent")

    def test_the_image_holds_what_is_run(self):
        with open(ROOT + "/installer/windows/Containerfile", encoding="utf-8") as f:
            copied = re.search(r"^COPY (.*) /$", f.read(), re.M).group(1).split()
        self.assertEqual(copied, ["seine-agent.exe", "seine-cni.exe", "seinectl.exe"])
        for c in self.pod["initContainers"] + self.pod["containers"]:
            self.assertIn(c["command"][0].split("\\")[-1], copied)


if __name__ == "__main__":
    unittest.main()
