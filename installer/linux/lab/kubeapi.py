# SPDX-License-Identifier: Apache-2.0
"""Plain calls to an API server, for what asks often: a client that keeps its connection, and where the kinds of objects are."""
import http.client
import json
import socket
import ssl
import threading
import time

from . import manifests, netns
from .clock import PATIENCE
from .netns import LabError

# Kind: path of its list without a namespace, path of a namespace's (None: it lies in none).
PATHS = {
    "Namespace": ("/api/v1/namespaces", None),
    "Node": ("/api/v1/nodes", None),
    "Pod": ("/api/v1/pods", "/api/v1/namespaces/%s/pods"),
    "Service": ("/api/v1/services", "/api/v1/namespaces/%s/services"),
    "ServiceAccount": ("/api/v1/serviceaccounts", "/api/v1/namespaces/%s/serviceaccounts"),
    "Secret": ("/api/v1/secrets", "/api/v1/namespaces/%s/secrets"),
    "ConfigMap": ("/api/v1/configmaps", "/api/v1/namespaces/%s/configmaps"),
    "EndpointSlice": ("/apis/discovery.k8s.io/v1/endpointslices",
                      "/apis/discovery.k8s.io/v1/namespaces/%s/endpointslices"),
    "NetworkPolicy": ("/apis/networking.k8s.io/v1/networkpolicies",
                      "/apis/networking.k8s.io/v1/namespaces/%s/networkpolicies"),
    "Event": ("/apis/events.k8s.io/v1/events", "/apis/events.k8s.io/v1/namespaces/%s/events"),
    "ClusterRole": ("/apis/rbac.authorization.k8s.io/v1/clusterroles", None),
    "ClusterRoleBinding": ("/apis/rbac.authorization.k8s.io/v1/clusterrolebindings", None),
    "CustomResourceDefinition": ("/apis/apiextensions.k8s.io/v1/customresourcedefinitions", None),
}


def path_of(kind, namespace=None, name=None):
    everywhere, within = PATHS[kind]
    path = within % namespace if within and namespace else everywhere
    return path + "/" + name if name else path


def path_of_object(obj):
    meta = obj["metadata"]
    namespace = meta.get("namespace") or ("default" if PATHS[obj["kind"]][1] else None)
    return path_of(obj["kind"], namespace, meta["name"])


class ApiError(LabError):
    def __init__(self, status, text, what):
        super().__init__("%s: %d %s" % (what, status, text[:400]))
        self.status = status


class Client:
    """Asks an API server over a connection that is kept, one a thread. In namespace `ns` if given."""

    def __init__(self, host, port, pki, cert="admin", token=None, ns=None):
        self.host, self.port, self.ns, self.token = host, port, ns, token
        self.context = ssl.create_default_context(cafile=pki + "/ca.crt")
        if not token:
            self.context.load_cert_chain("%s/%s.crt" % (pki, cert), "%s/%s.key" % (pki, cert))
        self.own = threading.local()

    def _connect(self):
        family = socket.AF_INET6 if ":" in self.host else socket.AF_INET
        sock = netns.open_socket(self.ns, family, socket.SOCK_STREAM) if self.ns else socket.socket(family, socket.SOCK_STREAM)
        sock.settimeout(2 * PATIENCE)
        sock.connect((self.host, self.port))
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.own.connection = http.client.HTTPConnection(self.host, self.port)
        self.own.connection.sock = self.context.wrap_socket(sock, server_hostname=self.host)

    def raw(self, method, path, body=None, content_type="application/json"):
        """(status, text). A connection that the server has closed meanwhile is made anew once."""
        headers = {"Content-Type": content_type, "Accept": "application/json"}
        if self.token:
            headers["Authorization"] = "Bearer " + self.token
        for attempt in (0, 1):
            fresh = getattr(self.own, "connection", None) is None
            try:
                if fresh:
                    self._connect()
                self.own.connection.request(method, path, None if body is None else json.dumps(body), headers)
                answer = self.own.connection.getresponse()
                return answer.status, answer.read().decode()
            except (OSError, http.client.HTTPException):
                self.close()
                if fresh or attempt:
                    raise

    def ask(self, method, path, body=None, content_type="application/json", accept=()):
        """The answer's JSON; ApiError unless it is 2xx or in `accept` (then None). A server that is not that far yet, 429, is asked
        again for a while."""
        end = time.monotonic() + PATIENCE
        while True:
            status, text = self.raw(method, path, body, content_type)
            if status != 429 or time.monotonic() > end:
                break
            time.sleep(0.25)
        if status in accept:
            return None
        if not 200 <= status < 300:
            raise ApiError(status, text, "%s %s" % (method, path))
        return json.loads(text)

    def close(self):
        """The connection of the calling thread."""
        if getattr(self.own, "connection", None):
            self.own.connection.close()
        self.own.connection = None

    # ---- objects ----
    def get(self, kind, namespace=None, name=None, query=""):
        return self.ask("GET", path_of(kind, namespace, name) + query)

    def list(self, kind, namespace=None):
        return self.get(kind, namespace)["items"]

    def apply(self, *objects):
        """Creates or changes each object so that it is as given, its status too: what lab.manifests writes."""
        for obj in objects:
            path = path_of_object(obj)
            main = {k: v for k, v in obj.items() if k != "status"}
            main["metadata"] = {k: v for k, v in obj["metadata"].items() if k not in ("uid", "resourceVersion", "managedFields",
                                                                                        "creationTimestamp", "generation")}
            try:
                self.ask("PATCH", path + "?fieldManager=lab&force=true", main, "application/apply-patch+yaml")
            except ApiError as e:
                if e.status != 404 or "namespace" not in main["metadata"]:
                    raise
                self.apply(manifests.namespace(main["metadata"]["namespace"]))
                self.ask("PATCH", path + "?fieldManager=lab&force=true", main, "application/apply-patch+yaml")
            if obj.get("status"):
                self.ask("PATCH", path + "/status?fieldManager=lab", {"status": obj["status"]}, "application/merge-patch+json")

    def patch(self, obj, change):
        """A JSON merge patch."""
        return self.ask("PATCH", path_of_object(obj), change, "application/merge-patch+json")

    def delete(self, *objects):
        """At once, without a kubelet's or a controller's help."""
        for obj in objects:
            self.ask("DELETE", path_of_object(obj), {"kind": "DeleteOptions", "apiVersion": "v1", "gracePeriodSeconds": 0},
                     accept=(404, 409))
            if obj["kind"] == "Namespace":
                self.ask("PUT", path_of_object(obj) + "/finalize", manifests.namespace(obj["metadata"]["name"]),
                         accept=(404, 409))
