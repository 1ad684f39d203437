# SPDX-License-Identifier: Apache-2.0
"""The certificates and kubeconfigs of a lab's control plane: one CA, the API server's and each kubelet's certificate, the key
that signs service accounts' tokens."""
import json
import os

from .netns import run


def kubeconfig(server, folder, user):
    """The text of a kubeconfig (JSON is YAML)."""
    return json.dumps({
        "apiVersion": "v1", "kind": "Config", "current-context": "lab",
        "clusters": [{"name": "lab", "cluster": {"server": server, "certificate-authority": folder + "/ca.crt"}}],
        "users": [{"name": "lab", "user": user}],
        "contexts": [{"name": "lab", "context": {"cluster": "lab", "user": "lab"}}]}, indent=1) + "\n"


class Pki:
    def __init__(self, folder):
        self.dir = folder

    def path(self, name):
        return os.path.join(self.dir, name)

    def write(self, name, text):
        with open(self.path(name), "w") as f:
            f.write(text)
        return self.path(name)

    def _key(self, name):
        run("openssl", "genpkey", "-algorithm", "EC", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-out",
            self.path(name + ".key"))

    def ca(self, name):
        self._key(name)
        run("openssl", "req", "-x509", "-new", "-key", self.path(name + ".key"), "-days", "3650", "-subj", "/CN=" + name,
            "-addext", "basicConstraints=critical,CA:TRUE", "-addext", "keyUsage=critical,keyCertSign,cRLSign",
            "-out", self.path(name + ".crt"))

    def leaf(self, name, subject, names=(), ca="ca"):
        """A certificate for client and server; `names` as openssl writes them (DNS:..., IP:...)."""
        lines = ["basicConstraints=CA:FALSE", "keyUsage=digitalSignature", "extendedKeyUsage=serverAuth,clientAuth"]
        if names:
            lines.append("subjectAltName=" + ",".join(names))
        self.write(name + ".ext", "\n".join(lines) + "\n")
        self._key(name)
        run("openssl", "req", "-new", "-key", self.path(name + ".key"), "-subj", subject, "-out", self.path(name + ".csr"))
        run("openssl", "x509", "-req", "-in", self.path(name + ".csr"), "-CA", self.path(ca + ".crt"), "-CAkey",
            self.path(ca + ".key"), "-CAcreateserial", "-days", "3650", "-extfile", self.path(name + ".ext"),
            "-out", self.path(name + ".crt"))

    def user(self, name):
        """What a kubeconfig says of somebody with that certificate."""
        return {"client-certificate": self.path(name + ".crt"), "client-key": self.path(name + ".key")}

    def make(self, addresses, nodes):
        """Everything, for an API server at `addresses`; `nodes` is {name: [addresses]}."""
        os.makedirs(self.dir, exist_ok=True)
        self.ca("ca")
        self.ca("front-proxy-ca")
        names = ["DNS:" + d for d in ("localhost", "kubernetes", "kubernetes.default", "kubernetes.default.svc",
                                      "kubernetes.default.svc.cluster.local")]
        self.leaf("apiserver", "/CN=kube-apiserver", names + ["IP:" + a for a in addresses])
        self.leaf("apiserver-kubelet-client", "/O=system:masters/CN=apiserver-kubelet-client")
        self.leaf("admin", "/O=system:masters/CN=admin")
        self.leaf("front-proxy-client", "/CN=front-proxy-client", ca="front-proxy-ca")
        self._key("sa")
        run("openssl", "pkey", "-in", self.path("sa.key"), "-pubout", "-out", self.path("sa.pub"))
        for name, own in nodes.items():
            self.leaf("kubelet-" + name, "/O=system:nodes/CN=system:node:" + name, ["DNS:" + name] + ["IP:" + a for a in own])
        self.write("tokens.csv", "")  # nobody has a token of his own; the API server wants the file
