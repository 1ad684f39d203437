# SPDX-License-Identifier: Apache-2.0
"""Restarts. The agent stopped (and killed) and started with nothing changed sends no flow-mod and no packet of a
running stream is lost; what changed while it was away is caught up with; Open vSwitch restarted is filled
again in one bundle, within two seconds, and the Pods talk again."""
import signal
import time

import common
from lab import clock, probe
from lab.manifests import policy


def streams(c, src, dsts):
    found = [probe.Stream(src.ns, d.ip(f), 80, proto) for d in dsts for f in c.families for proto in ("udp", "tcp")]
    for s in found:
        s.start()
    go_on(found)
    return found


def go_on(found):
    for s in found:
        s.goes_on()


def finish(found):
    """No stream broke and nothing was lost. An emulated machine loses packets when it cannot keep up: there, what was
    lost is told, and the TCP streams judge."""
    go_on(found)
    for s in found:
        s.stop()
    lost = [s.finish() for s in found]
    for s, n in zip(found, lost):
        common.true(s.failed is None, "%s broke: %s" % (s, s.failed))
        if n:
            print("   %s: %d of %d lost, longest silence %.2f s" % (s, n, s.sent, s.longest_silence))
    if probe.SLOWNESS > 1:
        lost = [n for s, n in zip(found, lost) if s.proto == "tcp"]
    common.equal(lost, [0] * len(lost), "packets lost")


def agent_restarts(c, a, src, dsts):
    for sig, status in ((signal.SIGTERM, 0), (signal.SIGINT, 0), (signal.SIGKILL, -signal.SIGKILL)):
        common.step("restart after %s, nothing changed" % signal.Signals(sig).name)
        running = streams(c, src, dsts)
        before = a.switch.flows()
        got, seconds = a.stop_agent(sig)
        common.equal(got, status, "exit status")
        common.true(seconds < 2.0, "the agent took %.1f s to stop" % seconds)
        common.equal(a.switch.flows(), before, "flows after the stop")
        go_on(running)
        start = time.monotonic()
        a.start_agent()
        print("   ready after %.2f s" % (time.monotonic() - start))
        common.equal(a.flow_mods(), 0, "flow-mods of a restart with nothing changed")
        finish(running)
        common.equal(a.switch.flows(), before, "flows after the restart")
        common.equal(a.ctl("get", "flows", "--installed").stdout.splitlines(), before,
                     "seinectl get flows --installed against ovs-ofctl")


def changes_while_away(c, a, src, dst):
    common.step("a policy that came while the agent was away")
    a.stop_agent()
    deny = policy("default", "deny", {}, ["Egress"])
    c.objects.put(deny)
    a.start_agent()
    common.true(a.flow_mods() > 0, "the difference was sent")
    m = common.Matrix(c)
    m.expect(src, dst, False)
    m.check("denied")
    common.step("and went while it was away")
    a.stop_agent(signal.SIGKILL)
    c.objects.delete(deny)
    a.start_agent()
    m = common.Matrix(c)
    m.expect(src, dst, True)
    m.check("allowed")


def foreign_flows(c, a):
    common.step("flows that do not belong, and one that is missing, are put right at the next start")
    before = a.switch.flows()
    a.stop_agent()
    a.switch.ofctl("add-flow", "br-int", "table=0,priority=65000,ip,actions=drop")
    a.switch.ofctl("--strict", "del-flows", "br-int", before[-1].split(" actions=")[0].split(", ", 1)[1]
                   if before[-1].startswith("cookie=") else before[-1].split(" actions=")[0])
    common.true(a.switch.flows() != before, "the switch was changed behind the agent")
    a.start_agent()
    common.equal(a.switch.flows(), before, "flows")


def switch_restarts(c, a, b, src, dsts):
    common.step("ovs-vswitchd killed and started again")
    before = a.switch.flows()
    committed = a.status()["bundles"]["committed"]
    a.switch.stop("ovs-vswitchd")
    common.eventually(lambda: not a.status()["ovs"]["connected"], "status says that Open vSwitch is away")
    common.equal(a.cni("STATUS").error, 51, "CNI STATUS while Open vSwitch is away")
    a.switch.start_switch()
    a.underlay_up()
    start = clock.now()
    common.eventually(lambda: a.switch.flows() == before, "the flows are whole again", timeout=4 * probe.SLOWNESS)
    print("   whole after %.2f s" % (clock.now() - start))
    a.sync()
    common.equal(a.status()["bundles"]["committed"] - committed, 1, "bundles that it took")
    c.warm()
    m = common.Matrix(c)
    for dst in dsts:
        m.expect(src, dst, True)
        m.expect(dst, src, True)
    m.check("after the switch's restart")

    common.step("ovsdb-server killed and started again")
    a.switch.stop("ovsdb-server")
    time.sleep(0.5)
    a.switch.start_db()
    common.eventually(lambda: a.ctl("status", check=False).returncode == 0 and a.status()["ready"],
                      "ready again")
    common.equal(a.switch.flows(), before, "flows")


def scenario():
    with common.cluster("rst") as c:
        c.start_agents()
        a, b = c.nodes
        src = c.pod(a, "default", "src", {"app": "src"})
        dsts = [c.pod(a, "default", "near", {"app": "dst"}), c.pod(b, "default", "far", {"app": "dst"})]
        c.apply(policy("default", "to-dst", {"matchLabels": {"app": "dst"}}, ["Ingress"],
                       [{"from": [{"podSelector": {"matchLabels": {"app": "src"}}}]}, {"ports": [{"port": 9}]}]))
        dsts_open = dsts
        m = common.Matrix(c)
        for dst in dsts:
            m.expect(src, dst, True)
        m.check("before")
        agent_restarts(c, a, src, dsts)
        changes_while_away(c, a, src, dsts[1])
        foreign_flows(c, a)
        c.remove(policy("default", "to-dst"))
        switch_restarts(c, a, b, src, dsts_open)
        c.recompute()


if __name__ == "__main__":
    common.main(scenario)
