# SPDX-License-Identifier: Apache-2.0
"""Services of a real API server, which gives them their addresses: the API server's own from any Pod, one of two Pods whose
endpoints change, one that asks for another proxy."""
import socket
import ssl

import agentlab
import kubelab
from kubelab import common, manifests, netns
from lab import probe


def service_of(c, space, name):
    return next(o for o in c.cp.client.list("Service")
                if (o["metadata"]["namespace"], o["metadata"]["name"]) == (space, name))


def own_service(c, pod):
    """What the API server answers to a Pod that asks it by its Service's address."""
    spec = service_of(c, "default", "kubernetes")["spec"]
    sock = netns.open_socket(pod.ns, socket.AF_INET, socket.SOCK_STREAM)
    sock.settimeout(common.PATIENCE)
    sock.connect((spec["clusterIP"], spec["ports"][0]["port"]))
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    with context.wrap_socket(sock) as tls:
        tls.sendall(b"GET /version HTTP/1.1\r\nHost: kubernetes\r\nConnection: close\r\n\r\n")
        return tls.recv(65536).split(b"\r\n")[0].decode()


def the_api_servers_own(c, pods):
    common.step("the API server's own Service, from Pods of both nodes")
    for pod in pods:
        answer = common.eventually(lambda: own_service(c, pod), "an answer to " + pod.full_name)
        print("   %s: %s" % (pod.full_name, answer))
        common.true(answer.startswith("HTTP/1.1 "), "an answer of HTTP")


def asked(c, src, spec, expect, proto="tcp", port=80):
    return probe.Probe(src.ns, spec["clusterIP"], proto, port, expect and expect.full_name)


def endpoints_change(c, near, far, web, web2):
    common.step("a Service with an address from the API server; its endpoints change")
    ports = ((80, "http"), (53, "dns", "UDP"))
    targets = ((8080, "http"), (5353, "dns", "UDP"))
    c.apply(manifests.service("default", "web", (), ports),
            manifests.endpoint_slice("default", "web", "a", [web.ip(4)], targets))
    spec = service_of(c, "default", "web")["spec"]
    for end in (web, web2):
        c.apply(manifests.endpoint_slice("default", "web", "a", [end.ip(4)], targets))
        m = common.Matrix(c)
        for src in (near, far):
            m.add(asked(c, src, spec, end), True, "%s tcp" % src.full_name)
            m.add(asked(c, src, spec, end, "udp", 53), True, "%s udp" % src.full_name)
        m.check(end.full_name)
    c.apply(manifests.endpoint_slice("default", "web", "a", [], targets))
    common.equal(c.answers([asked(c, src, spec, None) for src in (near, far)]), ["refused"] * 2, "no endpoint")


def another_proxy(c, near, web):
    common.step("a Service that asks for another proxy is not ours")
    label = {"service.kubernetes.io/service-proxy-name": "other"}
    obj = manifests.service("default", "theirs", (), ((80, "http"),))
    piece = manifests.endpoint_slice("default", "theirs", "a", [web.ip(4)], ((8080, "http"),))
    c.apply(obj, piece)
    spec = service_of(c, "default", "theirs")["spec"]
    common.equal(c.answers([asked(c, near, spec, web)]), ["allow"], "without the label")
    for o in (obj, piece):
        o["metadata"].setdefault("labels", {}).update(label)
    obj["spec"].update(clusterIP=spec["clusterIP"], clusterIPs=spec["clusterIPs"])
    c.apply(obj, piece)
    common.true(c.ask([asked(c, near, spec, web)]) != ["allow"], "with it nothing answers")
    names = [i["name"] for i in c.nodes[0].ctl_json("get", "services")["items"]]
    common.true("theirs" not in names, "get services does not have it")
    c.objects.delete(obj, piece)


def scenario():
    with kubelab.cluster("sv") as c:
        c.start_agents()
        a, b = c.nodes
        near, far = c.pod(a, "default", "near"), c.pod(b, "default", "far")
        web, web2 = c.pod(a, "default", "web"), c.pod(b, "default", "web2")
        c.sync()
        the_api_servers_own(c, (near, far))
        endpoints_change(c, near, far, web, web2)
        another_proxy(c, near, web)
        agentlab.check(c)


common.main(scenario, agentlab.need)
