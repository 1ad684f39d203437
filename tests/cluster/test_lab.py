# SPDX-License-Identifier: Apache-2.0
"""The cluster itself, without Seine: the reference plugin as its CNI. Nodes become Ready, Pods of two nodes talk, exec and logs
work, and of all that nothing is left, Pods and a killed containerd included."""
import signal

from clusterlab import LONG, cluster, common, kubecluster, main, pod_object, probe


def scenario():
    with cluster("lab", cni=kubecluster.BRIDGE) as c:
        common.step("nodes")
        c.install()
        a, b = c.nodes
        common.step("Pods, by the scheduler and by name")
        web, far = c.create(pod_object("default", "web", a.name),
                            pod_object("default", "far", b.name))
        free, = c.create(pod_object("default", "free"))
        common.true(free.node in c.nodes, "the scheduler chose a node")
        common.step("who reaches whom")
        m = common.Matrix(c)
        for proto, port in (("tcp", 80), ("tcp", 8080), ("udp", 5353)):
            m.expect(web, far, True, proto, port)
            m.expect(far, web, True, proto, port)
        m.check()
        common.step("exec and logs")
        out = c.exec(web, "labpod", "ask", "60000", "tcp", far.ip(4), "80", "udp", far.ip(6), "5353", "tcp", far.ip(4), "81").stdout
        common.equal(out.split(), ["default/far", "default/far", "refused"], "labpod ask in the Pod")
        common.equal(c.kubectl("logs", "-n", "default", "web").returncode, 0, "kubectl logs")
        c.delete_pods(free)

        def held():
            return [(n, i) for n in c.nodes for i in n.containers()]
        common.eventually(lambda: len(held()) == 4, lambda: "containers of two Pods: %s" % held(), LONG, 0.2)
        containers = held()
        common.step("down, with Pods running and a containerd that was killed")
        a.stop("containerd", signal.SIGKILL)
    common.equal(kubecluster.leftovers(c.prefix, c.run), [], "left after down")
    common.equal([i for n, i in containers if n.cgroups(i)], [], "cgroups left after down")


main(scenario)
