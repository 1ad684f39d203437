# SPDX-License-Identifier: Apache-2.0
"""Our client against the API server itself and through the proxy, one thing at a time: it holds what the server has, after each."""
import contextlib
import json
import os
import time
from concurrent import futures

import kubelab
import mirrorlab
from kubelab import clock, common, manifests
from mirrorlab import Mirror

PODS, POLICIES = 1200, 60  # more than two pages


def world(cp):
    items = [manifests.namespace("w%d" % i, {"team": "t%d" % i}) for i in range(4)]
    items += [manifests.node("n%d" % i, ["10.%d.0.0/24" % i, "fd00:%x::/64" % i], ["192.0.2.%d" % (i + 1), "2001:db8::%x" % (i + 1)])
              for i in range(5)]
    items += [manifests.pod("w%d" % (i % 4), "p%04d" % i, {"app": "a%d" % (i % 7)}, "n%d" % (i % 5),
                            ["10.%d.1.%d" % (i % 5 + 64, i % 250), "fd00:1::%x" % i][:1 + i % 2]) for i in range(PODS)]
    items += [manifests.policy("w%d" % (i % 4), "np%d" % i, {"matchLabels": {"app": "a%d" % (i % 7)}}, ["Ingress"],
                               [{"from": [{"podSelector": {}}]}] * (i % 3)) for i in range(POLICIES)]
    for item in items:
        if item["kind"] == "Node":  # an address of each type alone can be there when it is created
            item["status"]["addresses"] = item["status"]["addresses"][:1]
    path = cp.dir + "/world.json"
    with open(path, "w") as f:
        json.dump({"items": items}, f)
    print("   " + cp.kfix("load", "--world", path).stdout.strip())
    cp.apply({"apiVersion": "v1", "kind": "Service", "metadata": {"namespace": "w0", "name": "s"},
              "spec": {"selector": {"app": "a0"}, "ports": [{"name": "http", "port": 80, "targetPort": "web"}]}},
             {"apiVersion": "discovery.k8s.io/v1", "kind": "EndpointSlice", "addressType": "IPv4",
              "metadata": {"namespace": "w0", "name": "s-1", "labels": {"kubernetes.io/service-name": "s"}},
              "endpoints": [{"addresses": ["10.64.1.0"]}, {"addresses": ["10.64.1.7"], "conditions": {"ready": False}}],
              "ports": [{"name": "http", "port": 8080}]})


def odd_things():
    """Objects whose two encodings differ most: what is absent, empty or false, numbers or names, all kinds of peers and ports."""
    meta, other = {"namespace": "w0"}, {"namespace": "w3"}
    return [
        {"apiVersion": "v1", "kind": "Service", "metadata": dict(meta, name="outside"), "spec": {"type": "ExternalName", "externalName": "x.example"}},
        {"apiVersion": "v1", "kind": "Service", "metadata": dict(meta, name="headless"), "spec": {"clusterIP": "None", "ports": [
            {"port": 53, "protocol": "UDP"}]}},
        {"apiVersion": "v1", "kind": "Service", "metadata": dict(meta, name="node"), "spec": {"type": "NodePort", "ports": [
            {"name": "a", "port": 1, "protocol": "SCTP"}, {"name": "b", "port": 65535}]}},
        {"apiVersion": "discovery.k8s.io/v1", "kind": "EndpointSlice", "addressType": "IPv6", "metadata": dict(other, name="six", labels={
            "kubernetes.io/service-name": "s"}), "endpoints": [
                {"addresses": ["fd00::1"], "conditions": {"ready": False, "serving": True, "terminating": True}},
                {"addresses": ["fd00::2"], "conditions": {}, "nodeName": "n1"}], "ports": [
                    {"name": "", "port": 8080}, {"name": "u", "protocol": "UDP", "port": 1}, {"name": "any", "protocol": "SCTP"}]},
        {"apiVersion": "discovery.k8s.io/v1", "kind": "EndpointSlice", "addressType": "FQDN", "metadata": dict(other, name="names"),
         "endpoints": [{"addresses": ["a.example"]}]},
        {"apiVersion": "discovery.k8s.io/v1", "kind": "EndpointSlice", "addressType": "IPv4", "metadata": dict(other, name="none"), "endpoints": []},
        manifests.policy("w0", "all-forms", {"matchLabels": {"a": "", "b": "c"}, "matchExpressions": [
            {"key": "k", "operator": "In", "values": ["v", ""]}, {"key": "z", "operator": "DoesNotExist"}]}, ["Ingress", "Egress"], [
                {}, {"from": [{"podSelector": {}}, {"namespaceSelector": {}}, {"namespaceSelector": {"matchLabels": {"t": "u"}}, "podSelector": {}},
                              {"ipBlock": {"cidr": "10.0.0.0/8", "except": ["10.1.0.0/16", "10.2.3.4/32"]}}],
                     "ports": [{"port": 80}, {"port": "web", "protocol": "UDP"}, {"protocol": "SCTP"}, {"port": 1000, "endPort": 2000}]}],
            [{"to": [{"ipBlock": {"cidr": "fd00::/8"}}]}, {"ports": [{"port": 53, "protocol": "UDP"}]}]),
        dict(manifests.policy("w1", "bare", {}, []), spec={"podSelector": {}}),
        {"apiVersion": "v1", "kind": "Pod", "metadata": dict(meta, name="ports", annotations={"text": "\u00e9\u2028" * 50}, labels={"a": "b"}),
         "spec": {"hostNetwork": True, "nodeName": "n1",
                  "initContainers": [{"name": "i", "image": "i", "ports": [{"containerPort": 7, "name": "gone"}]},
                                     {"name": "j", "image": "i", "restartPolicy": "Always", "ports": [{"containerPort": 8, "name": "side"}]}],
                  "containers": [{"name": "c", "image": "i", "ports": [{"containerPort": 80, "name": "web"}, {"containerPort": 53, "protocol": "UDP"},
                                                                       {"containerPort": 65535, "name": "s", "protocol": "SCTP"}]}]},
         "status": {"phase": "Succeeded"}}]


def both_encodings(protobuf, json_):
    """What came as Protobuf is to the last field what came as JSON, from lists and from watches."""
    for m, wanted in ((protobuf, True), (json_, False)):
        def as_wanted():  # a call that was sent just now has no answer yet
            return all(k["protobuf"] == (k["calls"] if wanted else 0) for k in m.state()["kinds"].values())
        common.eventually(as_wanted, lambda: "%s: its encoding: %s" % (m.name, m.state()["kinds"]))
    own, other = protobuf.encoded(), json_.encoded()
    common.equal([line for line in own if line not in other], [line for line in other if line not in own], "objects that differ")
    common.equal(len(own), len(other), "objects")


SILENCE = 35  # seconds, after which a connection that says nothing is surely given up, and all is read again


def every_way(cp):
    common.step("token, token file, client certificate; HTTP/2 and 1.1; gzip; streaming lists")
    with open(cp.dir + "/token", "w") as f:
        f.write(cp.token())
    configs = {"token": (cp.path("agent"),), "cert": (cp.kubeconfig("cert", cert="agent"),),
               "embedded": (cp.kubeconfig("embedded", cert="agent", embedded=True), "gzip"),
               "file": (cp.kubeconfig("file", token_file=cp.dir + "/token"), "http1"),
               "stream": (cp.path("agent"), "stream", "gzip"), "json": (cp.path("agent"), "json"), "whole": (cp.path("agent"), "whole"),
               "wholejson": (cp.path("agent"), "whole", "json", "gzip"),
               "jsonstream": (cp.path("agent"), "json", "stream", "http1"), "h1gzip": (cp.path("agent"), "http1", "gzip")}
    with contextlib.ExitStack() as stack:
        mirrors = {name: stack.enter_context(Mirror(cp, "way-" + name, *words)) for name, words in configs.items()}
        for name, m in mirrors.items():
            m.equals_server()
            state = m.state()
            common.equal(state["protocol"], "http/1.1" if "http1" in configs[name] else "h2", name + ": protocol")
            if state["protocol"] == "h2":
                common.equal(state["connected"], 1, name + ": one connection carries everything")
        cp.client.patch(manifests.pod("w0", "p0000"), {"metadata": {"labels": {"app": "other"}}})
        cp.delete(manifests.pod("w1", "p0001"), manifests.policy("w1", "np1"))
        cp.apply(manifests.pod("w1", "fresh", {"a": "b"}, "n1", ["10.64.9.9"]), manifests.namespace("w9", {"x": "y"}))
        for m in mirrors.values():
            m.equals_server()
            m.honest()
        both_encodings(mirrors["token"], mirrors["json"])
        cp.delete(*odd_things())
        cp.apply(*odd_things())  # now by watches
        for m in mirrors.values():
            m.equals_server()
        both_encodings(mirrors["stream"], mirrors["jsonstream"])
        both_encodings(mirrors["token"], mirrors["json"])


def relist_is_a_difference(m, proxy, what):
    """After `what`, which must make it list anew: nothing was told to the owner, and it holds what the server has."""
    before, calls = m.puts(), m.calls()
    common.true(what() != 0, "watches were struck")
    common.eventually(lambda: m.calls() > calls, "it asks anew", SILENCE)
    m.equals_server(SILENCE)
    common.equal(m.puts(), before, "objects told for nothing")


def watch_faults(cp, proxy, m):
    common.step("watches that end, expire, fail, are reset, or bring garbage: a relist is a difference")
    for fault in ("end", "expired", "error", "reset", "garbage", "calm", "cut", "noise", "frame"):
        relist_is_a_difference(m, proxy, lambda: proxy.strike(fault))
        changed = manifests.pod("w2", "p0002")
        cp.client.patch(changed, {"metadata": {"labels": {"after": fault}}})
        m.equals_server(SILENCE)  # a frame of noise may swallow what follows: then it is silence that tells
    before = m.state()["connected"]
    common.true(proxy.strike("goaway") > 0, "the server says goodbye")
    cp.client.patch(manifests.pod("w2", "p0002"), {"metadata": {"labels": {"after": "goaway"}}})
    m.equals_server()  # what is under way goes on
    common.true(proxy.strike("end") > 0, "watches end")
    cp.client.patch(manifests.pod("w2", "p0002"), {"metadata": {"labels": {"after": "goodbye"}}})
    m.equals_server()
    # A watch that had one to come did not take the other: it may go on where it was.
    common.eventually(lambda: m.state()["connected"] > before, "another connection after GOAWAY")
    common.equal(m.state()["connected"], before + 1, "connections after GOAWAY")
    m.honest()


def list_faults(cp, proxy):
    common.step("lists: pages cut, gone (410), refused, in single bytes, in half of a gzip")
    cases = {"pieces": dict(fault="pieces", path="/pods", after=1000), "bytes": dict(fault="bytes", path="/nodes", after=3),
             "trickle": dict(fault="trickle", path="/namespaces", after=0), "end": dict(fault="end", path="/pods", after=5000),
             "reset": dict(fault="reset", path="continue=", after=70000), "garbage": dict(fault="garbage", path="/pods", after=333333),
             "html": dict(fault="html", path="/networkpolicies"), "badgzip": dict(fault="badgzip", path="/pods"),
             "status": dict(fault="status", path="/pods", status=500), "gone": dict(fault="status", path="continue=", status=410),
             "refuse": dict(fault="refuse", path="/services"), "noprotobuf": dict(fault="status", path="/pods", status=406)}
    with contextlib.ExitStack() as stack:
        for name, rule in cases.items():
            proxy.rules(rule)
            m = stack.enter_context(Mirror(cp, "list-" + name, cp.path("proxied"), *(["gzip"] if name == "badgzip" else [])))
            common.eventually(lambda: proxy.stats()["waiting"] == 0, name + " struck")
            m.equals_server()  # before the next: what it asks again would meet the other's fault
            m.honest()
        kinds = m.state()["kinds"]
        common.true(kinds["Pod"]["protobuf"] == 0 < kinds["Node"]["protobuf"], "JSON of the kind whose Protobuf was refused alone: %s" % kinds)


def page_gone(cp, proxy):
    common.step("410 of the API server itself between two pages")
    proxy.rules(dict(fault="delay", path="continue=", ms=1500))
    with Mirror(cp, "gone", cp.path("proxied")) as m:
        common.eventually(lambda: proxy.stats()["waiting"] == 0, "the second page was asked for")
        cp.client.patch(manifests.pod("w3", "p0003"), {"metadata": {"labels": {"x": "y"}}})
        cp.compact()
        m.equals_server()
        m.honest()


def retry_after(cp, proxy):
    common.step("429 with Retry-After is waited for; 401 twice is got over")
    proxy.rules(dict(fault="status", path="/pods", status=429, retry="3"), dict(fault="status", path="/nodes", status=401, count=2))
    start, start_clock = time.monotonic(), clock.now()
    with Mirror(cp, "busy", cp.path("proxied")) as m:
        m.equals_server()
        took = time.monotonic() - start
        common.true(3 <= took and clock.now() - start_clock < 25, "after Retry-After: 3 it took %.1f s; the test %s" % (took, clock.told()))


def rotation(cp):
    common.step("the token in the file is replaced, the old one ends")
    secrets = [{"apiVersion": "v1", "kind": "Secret", "metadata": {"namespace": "kube-system", "name": "s%d" % i}} for i in (0, 1)]
    cp.apply(*secrets)

    def write(i):
        with open(cp.dir + "/.rotating", "w") as f:
            f.write(cp.token(bound=cp.client.get("Secret", "kube-system", "s%d" % i)))
        os.rename(cp.dir + "/.rotating", cp.dir + "/rotating")
    write(0)
    with kubelab.Proxy(cp, "rotation") as proxy:
        config = cp.kubeconfig("rotating", token_file=cp.dir + "/rotating", server=proxy.url)
        with Mirror(cp, "rotating", config) as m:
            m.equals_server()
            with open(cp.dir + "/rotating") as f:
                old = kubelab.Client(cp.bind, cp.port, cp.pki, token=f.read())
            write(1)
            cp.delete(secrets[0])
            common.eventually(lambda: old.raw("GET", "/api/v1/nodes")[0] == 401, "the old token is refused", every=0.5)
            proxy.strike("end")
            cp.client.patch(manifests.pod("w0", "p0004"), {"metadata": {"labels": {"x": "rotated"}}})
            m.equals_server()


def timed(mirrors, is_there):
    """Returns what waits until is_there(mirror) of each, and says how long it took, but for what the machine stood still."""
    def look(m):
        start = clock.now()
        common.eventually(lambda: is_there(m), lambda: "mirror %s found out: %s\n%s" % (m.name, m.state(), m.tail()), every=0.2)
        return clock.now() - start
    pool = futures.ThreadPoolExecutor(len(mirrors))
    seen = {m.name: pool.submit(look, m) for m in mirrors}
    pool.shutdown(wait=False)

    def wait():
        took = {name: each.result() for name, each in seen.items()}
        print("   found out and got over: %s; the test %s" % (", ".join("%s %.1f s" % kv for kv in took.items()), clock.told()))
        return took
    return wait


def followed(cp, name, *mirrors):
    """Changes a Pod, which is waited for."""
    cp.client.patch(manifests.pod("w0", name), {"metadata": {"labels": {"x": "changed"}}})
    return timed(mirrors, lambda m: m.objects()["Pod", "w0/" + name]["labels"].get("x") == "changed")


def stuck_lists(cp, proxy, stack):
    """Lists of which one does not begin, and one stops in its middle, on connections that live; returns what waits for the end."""
    mirrors, start = [], time.monotonic()
    for name, rule in (("head", dict(fault="hang", path="/nodes")), ("body", dict(fault="swallow", path="/pods", after=5000))):
        proxy.rules(rule)
        mirrors.append(stack.enter_context(Mirror(cp, "stuck-" + name, cp.path("silent"))))
        common.eventually(lambda: sum(not k["complete"] for k in mirrors[-1].state()["kinds"].values()) == 1, name + ": one list hangs")
        common.equal(proxy.stats()["waiting"], 0, "faults to come")

    def is_over(m):
        over = m.is_complete()
        common.true(not over or time.monotonic() - start > 10, m.name + ": a list was given up too early")
        return over
    seen = timed(mirrors, is_over)

    def wait():
        took = seen()
        common.true(max(took.values()) < 30, "a list that hangs: %s" % took)
        for m in mirrors:
            m.equals_server()
            m.honest()
    return wait


def hung(cp, proxy, *mirrors):
    """One stream of a connection hangs, the connection and its other streams go on; returns what waits for its end."""
    def lists():
        return proxy.stats()["lists"]
    cp.compact()  # what is renewed begins at a version that etcd has forgotten
    before, first = {m: m.state() for m in mirrors}, lists()
    common.equal(proxy.strike("swallow", path="/pods", want=len(mirrors)), len(mirrors), "one watch of each hangs")
    seen = followed(cp, "p0012", *mirrors)
    cp.client.patch(manifests.namespace("w0"), {"metadata": {"labels": {"x": "meanwhile"}}})
    for m in mirrors:
        common.eventually(lambda: m.objects()["Namespace", "w0"]["labels"].get("x") == "meanwhile", m.name + ": the other streams go on")
        common.true(m.objects()["Pod", "w0/p0012"]["labels"].get("x") != "changed", "the stream hangs")

    def wait():
        common.true(max(seen().values()) < 30, "it took too long")
        for m in mirrors:
            m.equals_server()
            m.honest()
            after = m.state()
            common.equal(after["notes"], before[m]["notes"], m.name + ": log lines; " + m.tail())
            common.equal((after["protocol"], after["lost"]), (before[m]["protocol"], 0), m.name + ": no connection was given up")
        common.equal(mirrors[0].state()["connected"], 1, "one connection carried everything")
        common.equal(lists(), first, "lists, of kinds that were quiet too")
        for m in mirrors:
            def quiet(state):
                return int(state["kinds"]["NetworkPolicy"]["version"])
            common.eventually(lambda: quiet(m.state()) > quiet(before[m]), m.name + ": the version of a quiet kind goes on")
    return wait


def vanished(cp, proxy, *mirrors):
    """Begins a silence; returns what waits for its end."""
    common.true(proxy.strike("vanish") > 0, "watches vanished")
    seen = followed(cp, "p0008", *mirrors)

    def wait():
        took = seen()
        # 30 s at most until it is found out, then a back-off.
        common.true(max(took.values()) < 40, "it took too long")
        for m in mirrors:
            m.equals_server()
    return wait


def server_restarts(cp, mirrors):
    common.step("the API server is killed and comes back")
    held = {m: len(m.objects()) for m in mirrors}
    cp.kill()
    time.sleep(1)
    for m in mirrors:
        common.equal(len(m.objects()), held[m], "objects held while it is away")
    cp.args[-1] += ",WatchList=false"
    cp.start()
    cp.delete(manifests.pod("w3", "p0007"))
    for m in mirrors:
        m.equals_server()
        m.honest()


CRD = {"apiVersion": "apiextensions.k8s.io/v1", "kind": "CustomResourceDefinition", "metadata": {"name": "networkpolicies.lab.seine.dev"},
       "spec": {"group": "lab.seine.dev", "scope": "Namespaced", "names": {"plural": "networkpolicies", "singular": "networkpolicy",
                                                                             "kind": "NetworkPolicy", "listKind": "NetworkPolicyList"},
                "versions": [{"name": "v1", "served": True, "storage": True, "schema": {"openAPIV3Schema": {
                    "type": "object", "x-kubernetes-preserve-unknown-fields": True}}}]}}


def crd_appears(cp, m):
    """A kind that is not served: complete without it. Installed later, it comes by itself."""
    cp.apply(CRD)
    path = "/apis/lab.seine.dev/v1/namespaces/w0/networkpolicies"
    policy = dict(manifests.policy("w0", "special", {}, ["Egress"]), apiVersion="lab.seine.dev/v1")
    common.eventually(lambda: cp.client.raw("POST", path, policy)[0] in (201, 409), "the new kind is served", every=0.3)
    return m.equals_server


def crd_goes_and_returns(cp, m):
    """It is taken away with its objects: complete without it, no trouble. Installed again, it comes again."""
    def policies():
        return m.state()["kinds"]["NetworkPolicy"]
    common.step("a kind that came later goes, and comes again")
    common.eventually(lambda: (policies()["state"], policies()["held"]) == ("watching", 1), lambda: "the new kind: %s" % policies())
    start = time.monotonic()
    cp.delete(CRD)
    common.eventually(lambda: policies()["state"] == "absent", lambda: "it is seen to be gone: %s" % policies())
    print("   seen to be gone after %.1f s" % (time.monotonic() - start))
    m.equals_server()
    common.equal((policies()["held"], policies()["trouble"], m.is_complete()), (0, "", True), "objects, trouble, completeness without it")
    return crd_appears(cp, m)


def allow_crd(cp):
    group = "rbac.authorization.k8s.io"
    cp.apply({"apiVersion": group + "/v1", "kind": "ClusterRole", "metadata": {"name": "lab-crd"}, "rules": [
                  {"apiGroups": ["lab.seine.dev"], "resources": ["networkpolicies"], "verbs": ["get", "list", "watch"]}]},
             {"apiVersion": group + "/v1", "kind": "ClusterRoleBinding", "metadata": {"name": "lab-crd"},
              "roleRef": {"apiGroup": group, "kind": "ClusterRole", "name": "lab-crd"},
              "subjects": [{"kind": "ServiceAccount", "namespace": "kube-system", "name": kubelab.ACCOUNT}]})


def scenario():
    with kubelab.control_plane(args=kubelab.PLAIN + ("--feature-gates=ListFromCacheSnapshot=false",)) as cp, contextlib.ExitStack() as s:
        cp.agent_account()
        allow_crd(cp)
        world(cp)
        cp.apply(*odd_things())
        every_way(cp)
        proxy, silent, stream = (s.enter_context(kubelab.Proxy(cp, name)) for name in ("proxy", "silent", "hung"))
        cp.kubeconfig("proxied", token=cp.token(), server=proxy.url)
        cp.kubeconfig("silent", token=cp.token(), server=silent.url)
        cp.kubeconfig("hung", token=cp.token(), server=stream.url)
        m = s.enter_context(Mirror(cp, "main", cp.path("proxied")))
        gone, gone1 = s.enter_context(Mirror(cp, "silent", cp.path("silent"))), s.enter_context(Mirror(cp, "silent1", cp.path("silent"), "http1"))
        one, one1 = s.enter_context(Mirror(cp, "hung", cp.path("hung"))), s.enter_context(Mirror(cp, "hung1", cp.path("hung"), "http1"))
        crd = s.enter_context(Mirror(cp, "crd", cp.path("agent"), "crd"))
        for mirror in (m, gone, gone1, one, one1, crd):
            mirror.equals_server()
        waits = [hung(cp, stream, one, one1), vanished(cp, silent, gone, gone1), stuck_lists(cp, silent, s)]
        came = crd_appears(cp, crd)
        watch_faults(cp, proxy, m)
        list_faults(cp, proxy)
        page_gone(cp, proxy)
        came()
        waits.append(crd_goes_and_returns(cp, crd))
        retry_after(cp, proxy)
        rotation(cp)
        common.step("meanwhile: a stream that hung, silence, lists that hung, and a kind that came again")
        for wait in waits:
            wait()
        server_restarts(cp, [m, gone, crd])
        common.step("a server without streaming lists: plain ones")
        with Mirror(cp, "plain", cp.path("agent"), "stream") as plain:
            plain.equals_server()
            common.true("no streaming lists" in plain.tail(), "a note of it: " + plain.tail())


common.main(scenario, mirrorlab.need)
