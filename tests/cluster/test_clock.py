# SPDX-License-Identifier: Apache-2.0
"""The clock of a node jumps ten days ahead and half a day back while its agent runs (libfaketime; the agent is a program of
the node here): it stays ready, policies and Pods come as before, and so they do over a new connection to the API server. No packet
is lost."""
import contextlib
import glob
import os
import time

from clusterlab import LONG, cluster, common, kubecluster, main, pod_object
from lab.manifests import policy
from lab import probe

LIBRARY = glob.glob("/usr/lib/*/faketime/libfaketime.so.1")


def set_clock(node, offset):
    """At once: it is read for every question about the time."""
    with open(node.dir + "/clock.new", "w") as f:
        f.write(offset + "\n")
    os.rename(node.dir + "/clock.new", node.dir + "/clock")


@contextlib.contextmanager
def agent_with_clock(node):
    set_clock(node, "+0")
    node.stop("agent")
    node.start_agent(wrap=("env", "LD_PRELOAD=" + LIBRARY[0], "FAKETIME_TIMESTAMP_FILE=%s/clock" % node.dir, "FAKETIME_NO_CACHE=1",
                           "FAKETIME_DONT_FAKE_MONOTONIC=1"))
    try:
        yield
    finally:
        for name in ("faketime_shm_%d", "sem.faketime_sem_%d"):  # the agent's and its children's: the library leaves them
            os.unlink("/dev/shm/" + name % node.agent.pid)


def last_day(node):
    """The date of the agent's last line."""
    return node.log_tail(1)[:10]


def follows(c, name, src, dst):
    """A new Pod and a new policy are in force on the node of `dst`."""
    common.true(dst.node.status()["ready"], "ready")
    new, = c.create(pod_object("default", name, dst.node.name))
    deny = policy("default", name, {"matchLabels": {"app": "b"}}, ["Ingress"], [])
    for objects, opened in (((deny,), False), ((), True)):
        c.apply(*objects) if objects else c.remove(deny)
        m = common.Matrix(c)
        m.expect(src, dst, opened)
        m.expect(src, new, True)
        m.check(name + (" with" if objects else " without") + " a policy")
    c.delete_pods(new)


def jumps(c, node):
    src, dst = c.create(pod_object("default", "a", "node1"), pod_object("default", "b", "node2", {"app": "b"}))
    follows(c, "before", src, dst)
    today = last_day(node)
    for name, offset in (("ahead", "+10d"), ("behind", "-12h")):
        common.step("the clock jumps: " + offset)
        stream = probe.Stream(src.ns, dst.ip(4), 80, "tcp", rate=50)
        stream.start()
        set_clock(node, offset)
        time.sleep(2)
        common.equal((stream.finish(), stream.failed), (0, None), "bytes that never came back")
        follows(c, name, src, dst)
        common.step("and the API server is another process")
        c.control.kill()
        c.control.start()
        node.wait_ready(LONG)
        c.sync()
        if name == "ahead":
            common.true(last_day(node) > today, "the agent lives in the future: " + last_day(node))
        follows(c, name + "-again", src, dst)
    c.recompute()


def scenario():
    if not LIBRARY:
        common.skip("libfaketime is not installed (installer/deps.sh kube)")
    with cluster("clock", cni=kubecluster.PROGRAMS) as c:
        c.install()
        node = c.nodes[1]
        with agent_with_clock(node):
            jumps(c, node)


main(scenario)
