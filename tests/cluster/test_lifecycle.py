# SPDX-License-Identifier: Apache-2.0
"""Each part in turn crashes, comes back, goes for good or is replaced, under traffic between the nodes: agent, Open vSwitch,
containerd (with what it left behind), kubelet, API server, a whole node, a node's Pod range. What must not lose a packet
loses none, and in the end nothing is left of Pods that are gone."""
import contextlib
import json
import signal
import time

from clusterlab import LONG, attached, clock, cluster, common, main, pod_object, probe, reach, restarted, settled, traffic
from lab.manifests import policy


def restarts(c):
    return {p["metadata"]["name"]: p["status"]["containerStatuses"][0]["restartCount"] for p in c.list_pods("default")}


def agent_killed(c, src, dst):
    common.step("the agent is killed")
    node = src.node
    with traffic(src, dst):
        c.kill_agent(node)
        time.sleep(0.5)
        c.revive_agent(node)
    common.step("and once more; a Pod comes meanwhile")
    c.kill_agent(node)
    c.control.call("POST", "/api/v1/namespaces/default/pods", pod_object("default", "meanwhile", node.name))
    time.sleep(1)
    c.revive_agent(node)
    new = c.wait_pod("default", "meanwhile")
    reach(c, src, dst, new)
    c.delete_pods(new)


def switch_killed(c, src, dst):
    common.step("Open vSwitch is killed")
    with traffic(src, dst, lost=0.6) as streams:
        dst.node.switch.stop("ovs-vswitchd")
        time.sleep(0.5)
        dst.node.switch.start_switch()
        dst.node.underlay_up()
        start = clock.now()
        asked = [probe.Probe(src.ns, dst.ip(4), "tcp", 80, dst.full_name)]
        common.eventually(lambda: probe.ask(asked, timeout=0.5) == ["allow"], "a Pod on the node answers again", 10)
        print("   reached again %.1f s after the start" % (clock.now() - start))
        for s in streams:  # what was sent meanwhile over TCP is sent again
            s.goes_on(200)
    reach(c, src, dst)


def runtime_killed(c, src, dst):
    common.step("containerd is killed; a Pod is deleted meanwhile, another dies with its sandbox")
    node = src.node
    gone, died = c.create(pod_object("default", "gone", node.name), pod_object("default", "died", node.name))
    sandboxes = node.sandboxes(died)
    common.equal(len(sandboxes), 1, "sandboxes of one Pod")
    with traffic(src, dst, lost=0.05):
        node.stop("containerd", signal.SIGKILL)
        c.control.call("DELETE", "/api/v1/namespaces/default/pods/gone")
        for container in sandboxes:
            node.kill_container(container)
        time.sleep(1)
        node.start_containerd()
        node.wait_containerd()
        common.eventually(lambda: not c.control.get("/api/v1/namespaces/default/pods/gone"), "the deleted Pod is gone", LONG, 0.2)
        again = common.eventually(lambda: restarted(c, died), "the other one runs again", LONG, 0.2)
    reach(c, src, dst, again)
    c.delete_pods(again)
    settled(c)


def kubelet_killed(c, src, dst):
    common.step("kubelet is killed")
    before = restarts(c)
    with traffic(src, dst):
        src.node.stop("kubelet", signal.SIGKILL)
        src.node.start_kubelet()
        time.sleep(2)
    new, = c.create(pod_object("default", "new", src.node.name))
    common.equal({k: v for k, v in restarts(c).items() if k != "new"}, before, "restarts of containers")
    reach(c, src, dst, new)
    c.delete_pods(new)


def server_killed(c, src, dst):
    common.step("the API server is killed, then an agent too")
    deny = policy("default", "deny", {"matchLabels": {"app": "c"}}, ["Ingress", "Egress"])
    shut, = c.create(pod_object("default", "c", src.node.name, {"app": "c"}))
    c.apply(deny)
    common.eventually(lambda: in_cache(src.node, shut), "the cache on disk knows of the Pod and its policy", every=0.2)
    with traffic(src, dst):
        c.control.kill()
        time.sleep(1.5)
        for node in c.nodes:
            common.true(node.status()["ready"], "the agent of %s stays ready" % node.name)
        c.kill_agent(src.node)
        c.revive_agent(src.node, wait=False)
        common.eventually(lambda: cached(src.node), lambda: "the new agent has its state from the cache\n" + c.agent_logs(src.node), LONG, 0.2)
        common.true(not src.node.status()["ready"], "it is not ready")
        reach(c, src, dst, shut, what="a policy in force from the cache", refused=[shut])
        c.control.start()
        src.node.wait_ready(LONG)
    c.remove(deny)
    reach(c, src, dst, shut, what="the policy is gone")
    c.delete_pods(shut)


def in_cache(node, pod):
    """Whether what the agent would start from has the Pod, its address and a policy."""
    with contextlib.suppress(FileNotFoundError):
        with open(node.dir + "/up/var/lib/seine/api-server.cache", errors="replace") as f:
            text = f.read()
        return pod.uid in text and pod.ip(4) in text and "NetworkPolicy" in text
    return False


def cached(node):
    """Whether the agent answers and says that what it holds is from its cache."""
    done = node.ctl("status", "-o", "json", check=False)
    return done.returncode == 0 and all(s.get("cached") for s in json.loads(done.stdout)["sources"])


def node_removed(c, src, dst):
    common.step("a node is drained, removed, and added again")
    node = dst.node
    c.kubectl("drain", node.name, "--force", "--ignore-daemonsets", "--delete-emptydir-data", "--timeout=%ds" % LONG, timeout=2 * LONG)
    c.kubectl("delete", "node", node.name)
    other = next(n for n in c.nodes if n is not node)
    other.sync()
    common.equal([n["name"] for n in other.ctl_json("get", "nodes")["items"]], [other.name], "nodes that the other knows")
    common.eventually(lambda: not attached(node), lambda: "attachments of the drained node: %s" % attached(node))
    node.stop("kubelet")
    node.start_kubelet()
    c.wait_registered()
    c.wait_nodes_ready()
    back, = c.create(pod_object("default", "back", node.name))
    reach(c, src, back)
    return back


def range_changed(c, src, old):
    common.step("a node comes back with another Pod range")
    node = old.node
    node.stop("kubelet")
    c.control.call("DELETE", "/api/v1/nodes/" + node.name)
    ranges = ["10.80.77.0/24", "fd00:80:0:77::/64"]
    c.control.call("POST", "/api/v1/nodes", {"apiVersion": "v1", "kind": "Node", "metadata": {"name": node.name},
                                             "spec": {"podCIDR": ranges[0], "podCIDRs": ranges}})
    node.start_kubelet()
    c.wait_registered()
    common.equal(list(node.cidrs), ranges, "ranges of the node")
    c.wait_nodes_ready()
    new, = c.create(pod_object("default", "renumbered", node.name))
    common.equal([ip.rsplit(":" if ":" in ip else ".", 1)[0] for ip in new.ips], ["10.80.77", "fd00:80:0:77:"], "its addresses")
    reach(c, old, new, what="old and new addresses on the node")
    reach(c, src, new, what="the new range from the other node")
    c.delete_pods(old)
    return new


def agent_upgraded(c, src, dst):
    common.step("the agents are replaced")
    with traffic(src, dst):
        c.upgrade_agents()
    reach(c, src, dst)


def scenario():
    with cluster("life") as c:
        common.step("install")
        c.install()
        src, dst = c.create(pod_object("default", "a", "node1"), pod_object("default", "b", "node2"))
        reach(c, src, dst)
        agent_killed(c, src, dst)
        switch_killed(c, src, dst)
        runtime_killed(c, src, dst)
        kubelet_killed(c, src, dst)
        server_killed(c, src, dst)
        agent_upgraded(c, src, dst)
        settled(c)
        back = node_removed(c, src, dst)
        new = range_changed(c, src, back)
        agent_upgraded(c, src, new)
        settled(c)


main(scenario)
