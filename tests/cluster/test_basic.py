# SPDX-License-Identifier: Apache-2.0
"""What anybody expects of a cluster: nodes become Ready, Deployments scale over them, exec, logs, port-forward and probes work,
NetworkPolicies applied with kubectl hold from the next connection on, follow labels of Pods and Namespaces, and go. Services
are reached from Pods without a kube-proxy: those of Deployments as they scale, the cluster's DNS, the API server's own."""
import ipaddress
import signal
import subprocess

from clusterlab import LONG, cluster, common, deployment, json, kubeimage, main, namespace, pod_object, probe, running
from lab import netns
from lab.manifests import policy

PATIENTLY = "60000"  # milliseconds, to labpod
PORTS = (("tcp", 80), ("tcp", 8080), ("udp", 5353))


def matrix(c, what, rows):
    """rows: (source, destination, the ports that are open)."""
    m = common.Matrix(c)
    for src, dst, opened in rows:
        for proto, port in PORTS:
            m.expect(src, dst, (proto, port) in opened, proto, port)
    m.check(what)


def nodes(c):
    common.step("nodes")
    for node in c.nodes:
        found = c.control.get("/api/v1/nodes/" + node.name)
        status = {s["type"]: s for s in found["status"]["conditions"]}
        common.equal(status["Ready"]["status"], "True", node.name + " is Ready")
        # Another controller takes it away, a moment after the Node is Ready.
        common.eventually(lambda: not c.control.get("/api/v1/nodes/" + node.name)["spec"].get("taints"), "no taint of " + node.name, LONG, 0.2)
        common.true(node.status()["ready"], "the agent of %s is ready" % node.name)


def workloads(c):
    common.step("a Deployment, scaled")
    c.apply(namespace("work"), deployment("work", "web", 1, ports=[("http", 80, "TCP"), ("alt", 8080, "TCP")]))
    c.kubectl("scale", "-n", "work", "deployment/web", "--replicas=5")
    pods = running(c, "work", "app=web", 5)
    common.equal({p.node.name for p in pods}, {n.name for n in c.nodes}, "nodes that have some of them")
    for p in pods:
        inside = [any(ipaddress.ip_address(ip) in ipaddress.ip_network(cidr) for cidr in p.node.cidrs) for ip in p.ips]
        common.equal(inside, [True, True], "%s' addresses %s in the ranges of %s" % (p.name, p.ips, p.node.name))
    common.equal(len({ip for p in pods for ip in p.ips}), 10, "different addresses")
    matrix(c, "all to all", [(a, b, PORTS) for a in pods for b in pods if a is not b])
    c.kubectl("scale", "-n", "work", "deployment/web", "--replicas=1")
    left = running(c, "work", "app=web", 1)
    c.sync()
    for node in c.nodes:
        known = [p["name"] for p in node.ctl_json("get", "pods")["items"] if p["namespace"] == "work"]
        common.equal(known, [left[0].name], "Pods that the agent of %s knows" % node.name)


def tools(c):
    common.step("exec, logs, port-forward")
    a, b = c.create(pod_object("default", "a", "node1", {"app": "a"}), pod_object("default", "b", "node2", {"app": "b"}))
    asked = [w for ip in b.ips for w in ("tcp", ip, "80", "tcp", ip, "8080", "udp", ip, "5353")]
    common.equal(c.exec(a, "labpod", "ask", PATIENTLY, *asked).stdout.split(), ["default/b"] * 6, "asked by kubectl exec")
    common.equal(c.exec(a, "ping", "-c", "2", "-W", "10", b.ip(4)).returncode, 0, "ping")
    c.exec(b, "sh", "-c", "echo said > /proc/1/fd/1")
    common.eventually(lambda: "said" in c.kubectl("logs", "-n", "default", "b").stdout, "logs", every=0.2)
    argv = ["nsenter", "--net=" + netns.path(c.fabric), c.kube_bin + "/kubectl", "--kubeconfig", c.control.path("admin"),
            "port-forward", "-n", "default", "pod/b", "18080:8080"]
    forward = subprocess.Popen(argv, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    try:
        common.true("Forwarding from" in forward.stdout.readline(), "port-forward")
        common.equal(probe.ask([probe.Probe(c.fabric, "127.0.0.1", "tcp", 18080, "default/b")], timeout=common.PATIENCE), ["allow"],
                     "through the forwarded port")
    finally:
        forward.terminate()
        forward.wait(common.PATIENCE)
        forward.stdout.close()
    return a, b


def probed(c, pod, kind):
    """How often the kubelet's probes of a kind went well."""
    text = c.kubectl("get", "--raw", "/api/v1/nodes/%s/proxy/metrics/probes" % pod.node.name).stdout
    return sum(float(line.rsplit(" ", 1)[1]) for line in text.splitlines() if line.startswith("prober_probe_total{") and all(
        word in line for word in ('pod="%s"' % pod.name, 'probe_type="%s"' % kind, 'result="successful"')))


def probes(c):
    common.step("probes reach a Pod that nobody else may reach")
    c.apply(namespace("shut"), policy("shut", "deny", {}, ["Ingress", "Egress"]))
    asked = {"tcpSocket": {"port": 8080}, "periodSeconds": 1, "timeoutSeconds": 30}
    obj = pod_object("shut", "probed", "node1")
    obj["spec"]["containers"][0].update(readinessProbe=asked, livenessProbe=dict(asked, failureThreshold=2))
    pod, = c.create(obj)
    common.eventually(lambda: probed(c, pod, "Liveness") >= 3 and probed(c, pod, "Readiness") >= 3, "probes that went well", LONG, 0.3)
    again = c.control.get("/api/v1/namespaces/shut/pods/probed")["status"]["containerStatuses"][0]
    common.equal((again["ready"], again["restartCount"]), (True, 0), "ready, never restarted")
    return pod


def static_pod(c, b):
    common.step("a static Pod: the API server's object of it has another UID than the kubelet's")
    node = c.nodes[0]
    obj = pod_object("default", "static", labels={"app": "static"})
    obj["spec"]["containers"][0]["env"][0]["value"] = "default/static-" + node.name
    node.exec("mkdir", "-p", "/etc/static-pods")
    node.exec("sh", "-c", "cat > /etc/static-pods/static.json", stdin=json.dumps(obj))
    node.stop("kubelet", signal.SIGKILL)
    node.start_kubelet("--pod-manifest-path=/etc/static-pods")
    pod = c.wait_pod("default", "static-" + node.name)
    shut = policy("default", "static", {"matchLabels": {"app": "static"}}, ["Ingress"], [{"ports": [{"port": 80}]}])
    c.apply(shut)
    matrix(c, "its labels are the object's", [(b, pod, [("tcp", 80)]), (pod, b, PORTS)])
    c.remove(shut)
    node.exec("rm", "/etc/static-pods/static.json")
    common.eventually(lambda: not c.control.get("/api/v1/namespaces/default/pods/static-" + node.name), "it is gone", LONG, 0.2)
    c.pods.pop(pod.full_name, None)
    c.sync()


def policies(c, a, b, shut):
    common.step("policies by kubectl")
    d, = c.create(pod_object("default", "d", "node2", {"app": "d"}, ports=[("web", 8080, "TCP")]))
    everything = [(s, t, PORTS) for s in (a, b, d) for t in (a, b, d) if s is not t]
    matrix(c, "without", everything + [(a, shut, ()), (shut, a, ())])
    only = policy("default", "only-a", {"matchLabels": {"app": "b"}}, ["Ingress"],
                  [{"from": [{"podSelector": {"matchLabels": {"app": "a"}}}], "ports": [{"port": 80}]}])
    named = policy("default", "named", {"matchLabels": {"app": "a"}}, ["Egress"], egress=[{"ports": [{"port": "web"}]}, {
        "to": [{"namespaceSelector": {"matchLabels": {"team": "x"}}}]}, {"to": [{"podSelector": {"matchLabels": {"app": "b"}}}]}])
    c.apply(only, named)
    matrix(c, "ingress by Pod, egress by named port", [
        (a, b, [("tcp", 80)]), (d, b, ()), (a, d, [("tcp", 8080)]), (b, d, PORTS), (b, a, PORTS), (d, a, PORTS)])
    common.step("labels of Pods and Namespaces")
    c.kubectl("label", "pod", "-n", "default", "d", "app=a", "--overwrite")
    c.kubectl("apply", "-f", "-", stdin="{apiVersion: v1, kind: Namespace, metadata: {name: other}}")
    f, = c.create(pod_object("other", "f", "node2"))
    c.sync()
    matrix(c, "d is an a now; other is nobody's team", [(d, b, [("tcp", 80)]), (a, f, ()), (b, f, PORTS)])
    c.kubectl("label", "namespace", "other", "team=x")
    c.sync()
    matrix(c, "other is of team x", [(a, f, PORTS)])
    c.remove(only, named)
    c.kubectl("label", "pod", "-n", "default", "d", "app=d", "--overwrite")
    c.sync()
    matrix(c, "without again", everything)


def service(space, name, selector, ports, address=None):
    """Both families; `ports`: (name, protocol, port, target)."""
    spec = {"selector": selector, "ipFamilyPolicy": "PreferDualStack",
            "ports": [{"name": n, "protocol": proto, "port": port, "targetPort": target} for n, proto, port, target in ports]}
    if address:
        spec.update(clusterIP=address, ipFamilyPolicy="SingleStack")
    return {"apiVersion": "v1", "kind": "Service", "metadata": {"namespace": space, "name": name}, "spec": spec}


def addresses(c, space, name):
    """ClusterIPs of a Service, once each has an EndpointSlice."""
    path = "/apis/discovery.k8s.io/v1/namespaces/%s/endpointslices?labelSelector=kubernetes.io/service-name=%s" % (space, name)
    found = c.control.get("/api/v1/namespaces/%s/services/%s" % (space, name))["spec"]["clusterIPs"]
    common.eventually(lambda: len(c.control.get(path)["items"]) == len(found), "EndpointSlices of " + name, LONG, 0.1)
    return found


def ready_endpoints(c, space, name):
    path = "/apis/discovery.k8s.io/v1/namespaces/%s/endpointslices?labelSelector=kubernetes.io/service-name=%s" % (space, name)
    return len({e["targetRef"]["name"] for s in c.control.get(path)["items"] for e in s["endpoints"] or ()
                if e["conditions"].get("ready")})


def answers(c, pod, proto, address, port, times=48, patience=(PATIENTLY,)):
    """Who answers there, asked so many times from new ports; somebody surely does, or refuses, unless there is no `patience`."""
    done = c.exec(pod, "labpod", "ask", *patience, *([proto, address, str(port)] * times))
    return set(done.stdout.split())


def services(c, a):
    common.step("a Service, as its Deployment scales")
    c.apply(service("work", "web", {"app": "web"}, [("http", "TCP", 8000, "http"), ("name", "UDP", 53, 5353)]))
    ips = addresses(c, "work", "web")
    common.equal(len(ips), 2, "addresses of both families")
    for count in (3, 2):
        c.kubectl("scale", "-n", "work", "deployment/web", "--replicas=%d" % count)
        pods = {p.full_name for p in running(c, "work", "app=web", count)}
        common.eventually(lambda: ready_endpoints(c, "work", "web") == count, "%d endpoints" % count, LONG, 0.1)
        c.sync()
        for ip in ips:
            for proto, port in (("tcp", 8000), ("udp", 53)):
                common.equal(answers(c, a, proto, ip, port), pods, "who answers on %s %s %d" % (proto, ip, port))
    common.step("a policy judges the endpoint")
    only = policy("work", "only-ops", {"matchLabels": {"app": "web"}}, ["Ingress"],
                  [{"from": [{"namespaceSelector": {"matchLabels": {"team": "x"}}}], "ports": [{"port": 80}]}])
    c.apply(only)
    common.equal([answers(c, a, "tcp", ip, 8000, 4, ()) for ip in ips], [{"drop"}, {"drop"}], "who answers a Pod that may not")
    c.remove(only)
    common.step("without endpoints it refuses")
    c.kubectl("scale", "-n", "work", "deployment/web", "--replicas=0")
    running(c, "work", "app=web", 0)
    common.eventually(lambda: ready_endpoints(c, "work", "web") == 0, "no endpoints", LONG, 0.1)
    c.sync()
    common.equal([answers(c, a, "tcp", ip, 8000, 2) for ip in ips], [{"refused"}, {"refused"}], "who answers for nobody")


def inside(c, b):
    """What programs in Pods expect to find: the API server at its Service, names by the cluster's DNS."""
    common.step("the API server and DNS, as programs in Pods find them")
    target = c.control.get("/api/v1/namespaces/default/services/kubernetes")["spec"]["clusterIP"]
    names = ["kubernetes.default.svc.cluster.local=" + target, "b.default.svc.cluster.local=" + b.ip(4)]
    dns = pod_object("kube-system", "dns", "node2", {"k8s-app": "kube-dns"})
    dns["spec"]["containers"][0]["command"] = ["labpod", "dns", *names]
    c.apply(service("kube-system", "kube-dns", {"k8s-app": "kube-dns"}, [("dns", "UDP", 53, 53)], "10.96.0.10"))
    client = pod_object("default", "client", "node1", image=kubeimage.AGNHOST, args=["inclusterclient", "--poll-interval=1"])
    pods = c.create(dns, client)
    common.eventually(lambda: ready_endpoints(c, "kube-system", "kube-dns") == 1, "the name server's endpoint", LONG, 0.1)
    c.sync()
    for where in ("kubernetes.default:443", target + ":443", "b.default:80"):
        done = c.exec(pods[1], "agnhost", "connect", "--timeout=60s", where, check=False)
        common.equal((done.returncode, done.stdout), (0, ""), "%s from a Pod: %s" % (where, done.stderr))
    done = c.exec(pods[1], "agnhost", "connect", "--timeout=60s", "absent.default:80", check=False)
    common.true(done.returncode != 0 and "DNS" in done.stdout + done.stderr, "a name that is not there: %r" % done)

    def log():
        return c.kubectl("logs", "-n", "default", "client").stdout.splitlines()
    common.eventually(lambda: len([line for line in log() if "calling /healthz" in line]) > 2, lambda: "client-go's calls in a Pod: %s" % log(), every=0.5)
    common.equal([line for line in log() if line.startswith("E")], [], "what client-go complains about in a Pod")


def scenario():
    with cluster("basic", agnhost=True) as c:
        common.step("install")
        c.install()
        nodes(c)
        workloads(c)
        a, b = tools(c)
        shut = probes(c)
        services(c, a)
        inside(c, b)
        static_pod(c, b)
        policies(c, a, b, shut)
        c.recompute()


main(scenario)
