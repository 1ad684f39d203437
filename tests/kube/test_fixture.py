# SPDX-License-Identifier: Apache-2.0
"""The fixture itself: an API server that pages, watches, forgets and comes back as the same cluster; accounts; a proxy whose faults
are the ones it names, and that client-go gets through."""
import http.client
import json
import os
import signal
import time

import kubelab
from kubelab import common, manifests

PODS = 30


def watch(cp, path):
    """The events of a watch that the server ends by itself, after a second. One that it ended before it said anything is begun again."""
    def events():
        status, text = cp.client.raw("GET", "%s%swatch=1&timeoutSeconds=1" % (path, "&" if "?" in path else "?"))
        found = [json.loads(line) for line in text.splitlines()]
        return (found or status != 200) and (status, found)
    return common.eventually(events, "an event of " + path)


def pages_and_watches(cp):
    common.step("paged lists, watches, bookmarks")
    cp.apply(manifests.namespace("a"), *(manifests.pod("a", "p%02d" % i, {"n": str(i)}, "n1", ["10.9.0.%d" % i]) for i in range(PODS)))
    page = cp.client.get("Pod", query="?limit=10")
    common.equal(len(page["items"]), 10, "Pods of the first page")
    common.equal(page["metadata"]["remainingItemCount"], PODS - 10, "how many more there are")
    common.equal(page["items"][3]["status"]["podIPs"], [{"ip": "10.9.0.3"}], "addresses that were given")
    version = page["metadata"]["resourceVersion"]
    cp.client.patch(manifests.pod("a", "p05"), {"metadata": {"labels": {"n": "x"}}})
    status, events = watch(cp, "/api/v1/pods?resourceVersion=" + version)
    common.equal((status, [(e["type"], e["object"]["metadata"]["name"]) for e in events]), (200, [("MODIFIED", "p05")]), "events")
    return version


def forgets(cp, old):
    common.step("compaction: 410 of a page, of an exact version and, after a restart, inside a watch")
    page = cp.client.get("Pod", query="?limit=10")
    cp.client.patch(manifests.pod("a", "p06"), {"metadata": {"labels": {"n": "y"}}})
    cp.compact()
    for query in "?resourceVersionMatch=Exact&resourceVersion=" + old, "?limit=10&continue=" + page["metadata"]["continue"]:
        common.eventually(lambda: cp.client.raw("GET", "/api/v1/pods" + query)[0] == 410, "410 of a list" + query[:20], every=0.2)
    uids = {p["metadata"]["uid"] for p in cp.client.list("Pod")}
    start = time.monotonic()
    cp.restart()
    print("   killed and ready again after %.1f s" % (time.monotonic() - start))
    common.equal({p["metadata"]["uid"] for p in cp.client.list("Pod")}, uids, "Pods after the restart")
    status, events = watch(cp, "/api/v1/pods?resourceVersion=" + old)
    common.equal((status, [(e["type"], e["object"]["code"]) for e in events]), (200, [("ERROR", 410)]), "a watch from before")


def accounts(cp):
    common.step("the agent's account: what it may, a token that goes with its Secret, kubectl")
    cp.agent_account()
    common.eventually(lambda: cp.kubectl("auth", "can-i", "list", "pods", "-A", config="agent", check=False).stdout.strip() == "yes",
                      "it may list Pods, once the server has looked at its role")
    common.equal(cp.kubectl("auth", "can-i", "list", "secrets", "-A", config="agent", check=False).stdout.strip(), "no", "Secrets")
    cp.kubeconfig("agent-cert", cert="agent", embedded=True)
    common.equal(cp.kubectl("get", "nodes", "-o", "name", config="agent-cert").returncode, 0, "a client certificate")
    secret = {"apiVersion": "v1", "kind": "Secret", "metadata": {"namespace": "kube-system", "name": "bound"}}
    cp.apply(secret)
    token = cp.token(bound=cp.client.get("Secret", "kube-system", "bound"))
    bound = kubelab.Client(cp.bind, cp.port, cp.pki, token=token)
    common.eventually(lambda: bound.raw("GET", "/api/v1/nodes")[0] == 200, "a token that is bound to a Secret")
    cp.delete(secret)
    common.eventually(lambda: bound.raw("GET", "/api/v1/nodes")[0] == 401, "401 when its Secret is gone", every=0.2)


def each_fault(cp, proxy):
    """What an HTTP/1.1 client sees of each fault of a request or a body."""
    common.step("the proxy's faults, one by one")
    client = kubelab.Client(cp.bind, proxy.port, cp.pki, token=cp.token())
    whole = client.raw("GET", "/api/v1/pods")
    common.equal(whole[0], 200, "a list by the proxy")

    def meets(fault, **more):
        proxy.rules(dict(more, fault=fault, path="/pods"))
        start = time.monotonic()
        try:
            return client.raw("GET", "/api/v1/pods")[0], time.monotonic() - start
        except (OSError, http.client.HTTPException, UnicodeDecodeError) as e:
            return type(e).__name__, time.monotonic() - start
        finally:
            client.close()

    common.equal(meets("status", status=503, retry="1")[0], 503, "status")
    status, took = meets("delay", ms=300)
    common.true(status == 200 and took >= 0.3, "delay: %s after %.2f s" % (status, took))
    for fault in ("drop", "hang", "reset", "cut", "stall", "noise", "frame", "vanish"):
        proxy.rules(dict(fault=fault, path="/pods", after=500, ms=300, count=2))
        try:
            status = client.raw("GET", "/api/v1/pods")
            common.true(status != whole, "%s left the answer whole" % fault)
        except (OSError, http.client.HTTPException, UnicodeDecodeError):
            pass
        client.close()
    for fault in ("pieces", "bytes", "trickle"):
        proxy.rules(dict(fault=fault, path="/pods", after=100))
        common.equal(client.raw("GET", "/api/v1/pods"), whole, fault + " changes no byte")
    proxy.rules(dict(fault="end", path="/pods", after=500))
    common.equal(len(client.raw("GET", "/api/v1/pods")[1]), 500, "an answer that ended early")
    proxy.rules(dict(fault="expired", path="/pods"))
    events = [json.loads(e) for e in client.raw("GET", "/api/v1/pods?watch=1&timeoutSeconds=5")[1].splitlines()]
    common.equal([(e["type"], e["object"]["code"]) for e in events], [("ERROR", 410)], "the event that ends a watch")
    proxy.away(True)
    client.close()
    try:
        client.raw("GET", "/api/v1/pods")
        raise common.Failed("the proxy answered while away")
    except (OSError, http.client.HTTPException):
        proxy.away(False)
    common.equal(client.raw("GET", "/api/v1/pods"), whole, "afterwards")
    proxy.rules()


def informer_gets_through(cp, proxy):
    common.step("client-go's informers: through random faults, equal at the end")
    cp.kubeconfig("informer", token=cp.token(), server=proxy.url)
    with open(cp.dir + "/informer.out", "w+") as out, open(cp.dir + "/informer.err", "w") as err:
        informer = cp.spawn(os.path.join(kubelab.KUBE_BIN, "informer"), "--kubeconfig", cp.path("informer"), "--every", "200ms",
                            stdout=out, stderr=err)
        try:
            def last():
                with open(out.name) as f:
                    reports = [json.loads(line) for line in f if line.endswith("\n")]
                return reports[-1] if reports else {"event": None, "objects": {}}
            common.eventually(lambda: last()["event"] == "tick", "the informer has synced")
            proxy.random(seed=1, rate=0.5, strike_ms=50, ms=200)
            for i in range(PODS):
                cp.client.patch(manifests.pod("a", "p%02d" % i), {"metadata": {"labels": {"round": "2"}}})
            common.eventually(lambda: sum(proxy.stats()["struck"].values()) >= 10, "ten faults struck", every=0.2)
            cp.delete(manifests.pod("a", "p00"))
            proxy.random()
            common.eventually(lambda: last()["objects"].get("Pod") == PODS - 1, lambda: "the informer holds every Pod: %s" % last(),
                              2 * common.PATIENCE, 0.2)
        finally:
            informer.send_signal(signal.SIGTERM)
            informer.wait(common.PATIENCE)
    print("   %s" % json.dumps(proxy.stats()))


def scenario():
    # Lists of old versions come from etcd, not from the API server's memory: what is compacted is gone at once.
    with kubelab.control_plane(args=kubelab.PLAIN + ("--feature-gates=ListFromCacheSnapshot=false",)) as cp:
        old = pages_and_watches(cp)
        forgets(cp, old)
        accounts(cp)
        with kubelab.Proxy(cp, http1=True) as proxy:
            each_fault(cp, proxy)
        with kubelab.Proxy(cp, "proxy2") as proxy:
            informer_gets_through(cp, proxy)


common.main(scenario, kubelab.need)
