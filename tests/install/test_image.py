# SPDX-License-Identifier: Apache-2.0
"""The image as podman runs it with what the manifest grants: no library is missing, the files of the node come and go, the
agent serves Pods with these capabilities and with no less, `cleanup` leaves nothing."""
import json
import os
import shutil
import tarfile

import installlab
from installlab import CONFIG, common, manifest, netns

LIMIT = 20000000  # bytes of the agent's image, unpacked


def look_into(path):
    """What can be seen without running it."""
    with tarfile.open(path) as outer:
        images = json.load(outer.extractfile("manifest.json"))
        names = [i["RepoTags"][0].split(":")[0] for i in images]
        common.equal(names, ["seine.dev/seine", "seine.dev/seine-ovs"], "images")
        for image in images:
            size = 0
            for layer in image["Layers"]:
                with tarfile.open(fileobj=outer.extractfile(layer)) as tar:
                    for member in tar:
                        size += member.size
                        common.equal((member.uid, member.gid, member.mtime), (0, 0, 0), "owner and time of " + member.name)
                        common.true(not member.isfile() or common.ROOT.encode() not in tar.extractfile(member).read(),
                                    "%s names the folder it was built in" % member.name)
            print("   %s: %.1f MB" % (image["RepoTags"][0], size / 1e6))
            common.true("ovs" in image["RepoTags"][0] or size < LIMIT, "over %d bytes" % LIMIT)
    return {tag for image in images for tag in image["RepoTags"]}


def programs(engine, tag):
    run = ("run", "--rm", "--network", "none", "--read-only", "--read-only-tmpfs=false", "--cap-drop", "all", "--entrypoint")
    for name in ("seine-agent", "seine-cni", "seinectl", "kubectl-seine", "nft"):
        done = engine(*run, name, "seine.dev/seine:" + tag, "--version")
        print("   " + done.stdout.strip())
    for name in ("ovsdb-server", "ovs-vswitchd", "ovsdb-tool", "ovsdb-client", "ovs-vsctl", "ovs-ofctl", "ovs-appctl"):
        engine(*run, name, "seine.dev/seine-ovs:" + tag, "--version")
    usage = engine(*run, "/usr/sbin/seine-ovs", "seine.dev/seine-ovs:" + tag, check=False)
    common.equal((usage.returncode, usage.stderr), (2, "usage: seine-ovs db|switch\n"), "seine-ovs without a word")


def serve(c, m, agent):
    """Pods come, are looked at and go; `agent` runs."""
    pods = []
    for name in ("a", "b"):
        ns = c.pod_ns("default", name)
        netns.add(ns)
        # As a runtime may leave it: Seine turns IPv6 on for its own interface.
        netns.run("sysctl", "-qw", "net.ipv6.conf.all.disable_ipv6=1", "net.ipv6.conf.default.disable_ipv6=1", ns=ns)
        code, text = m.cni("ADD", ns, name)
        common.equal(code, 0, "ADD %s: %s\n%s" % (name, text, agent.logs("agent")))
        pods.append((name, ns, json.loads(text)))
    for ip in pods[1][2]["ips"]:
        netns.run("ping", "-c", "1", "-w", "30", ip["address"].split("/")[0], ns=pods[0][1])
    table = netns.run("nft", "list", "table", "inet", "seine-seine-gw0", ns=m.node.ns).stdout
    common.true("masquerade" in table, "masquerade is set: " + table)
    forwarding = netns.run("sysctl", "-n", "net.ipv4.ip_forward", "net.ipv6.conf.all.forwarding", ns=m.node.ns).stdout
    common.equal(forwarding.split(), ["1", "1"], "forwarding")
    return pods


def less_will_not_do(c, m, agent):
    """Each capability that is asked for is needed: without it Pods cannot be made."""
    asked = agent.container("agent")["securityContext"]["capabilities"]["add"]
    for capability in asked:
        agent.start("agent", without=(capability,))
        ns = c.pod_ns("default", "without-" + capability.lower().replace("_", "-"))
        netns.add(ns)
        served = False
        if within(3, lambda: m.page("/readyz") == 200):
            served = m.cni("ADD", ns, "a")[0] == 0
        refused = ("not permitted", "ermission")
        if not served:
            common.eventually(lambda: any(w in agent.logs("agent") for w in refused), lambda: "it says why: " + agent.logs("agent"))
        logs = agent.logs("agent")
        agent.stop("agent")
        common.true(not served, "the agent serves without " + capability)
        print("   without %s: %s" % (capability, next(l for l in logs.splitlines() if "ermi" in l)[25:140]))


def by_dockerfile(engine, folder):
    """The Dockerfile makes images of the same files."""
    installlab.make("--root", folder)
    for target, program in (("seine", "seine-agent"), ("seine-ovs", "ovs-vswitchd")):
        tag = "localhost/%s:dockerfile" % target
        engine("build", "-q", "-f", os.path.join(common.ROOT, "installer/linux/Dockerfile"), "--target", target, "-t", tag, folder)
        engine("run", "--rm", "--network", "none", "--read-only", "--cap-drop", "all", "--entrypoint", program, tag, "--version")
        engine("rmi", tag)
    shutil.rmtree(folder)


def within(timeout, check):
    try:
        return common.eventually(check, "", timeout)
    except common.Failed:
        return False


def scenario():
    with common.cluster("img", nodes=1) as c:
        archive, again = c.run + "/seine.tar", c.run + "/again.tar"
        common.step("the archive")
        common.equal(installlab.make(archive)[-1], archive, "the last line of image.sh")
        installlab.make(again)
        with open(archive, "rb") as a, open(again, "rb") as b:
            common.true(a.read() == b.read(), "made twice, the archives differ")
        os.unlink(again)
        tags = look_into(archive)
        m = installlab.Machine(c.nodes[0], archive)
        try:
            run(c, m, tags)
        finally:
            m.podman.close()


def files_looked_after(m, agent, conflist):
    """Through the mounts that the manifest gives: the configuration comes back, a plugin that is gone is seen."""
    other = os.path.dirname(conflist) + "/98-other.conf"

    def troubles():
        return json.loads(m.podman("exec", "agent", "seinectl", "status", "-o", "json").stdout)["cni"]["troubles"]
    common.equal(troubles(), [], "troubles")
    os.unlink(m.paths["/opt/cni/bin"] + "/seine-cni")
    os.unlink(conflist)
    common.eventually(lambda: os.path.exists(conflist), lambda: "it comes back: " + agent.logs("agent"))
    common.eventually(lambda: [t for t in troubles() if "the CNI plugin is gone" in t], "the plugin is missed")
    agent.run("install-cni")
    with open(other, "w") as f:  # a change of the folder is a look at both
        f.write("{}\n")
    common.eventually(lambda: not troubles(), "the plugin is there again")
    os.unlink(other)


def run(c, m, tags):
    agent = m.pod({"config": CONFIG}, "seine-agent")
    images = {k["image"] for k in agent.spec["initContainers"] + agent.spec["containers"]}
    common.true(images <= tags, "the manifest names what the archive holds: %s" % images)
    common.step("the programs start")
    programs(m.podman, images.pop().split(":")[1])
    by_dockerfile(m.podman, c.run + "/dockerfile")
    before = m.files()
    installlab.put_objects(c, m.node)
    common.step("the init container")
    agent.run("install-cni")
    agent.run("install-cni")
    common.equal(os.listdir(m.paths["/opt/cni/bin"]), ["seine-cni"], "placed")
    common.step("the agent")
    agent.start("agent")
    conflist = m.paths["/etc/cni/net.d"] + "/10-seine.conflist"
    common.true(not os.path.exists(conflist) or m.page("/readyz") == 200, "no configuration before the agent is ready")
    common.eventually(lambda: m.page("/readyz") == 200, lambda: "ready: " + agent.logs("agent"))
    common.eventually(lambda: os.path.exists(conflist), "the network configuration")
    common.equal(sorted(os.listdir(m.paths["/etc/cni/net.d"])), ["10-seine.conflist", "99-other.conf"], "configurations")
    common.step("the runtime's files")
    files_looked_after(m, agent, conflist)
    pods = serve(c, m, agent)
    status = json.loads(m.podman("exec", "agent", "seinectl", "status", "-o", "json").stdout)
    common.equal((status["ready"], status["node"]), (True, m.node.name), "seinectl by exec")
    common.equal(m.podman("exec", "agent", "seinectl", "recompute").returncode, 0, "recompute")
    common.step("Open vSwitch is away: alive, not ready")
    m.node.switch.stop()
    common.eventually(lambda: m.page("/readyz") == 503, "not ready")
    common.equal(m.page("/healthz"), 200, "/healthz while Open vSwitch is away")
    m.node.switch.start()
    m.node.underlay_up()
    common.eventually(lambda: m.page("/readyz") == 200, lambda: "ready again: " + agent.logs("agent"))
    common.step("an agent comes after an agent: the Pods stay")
    agent.stop("agent")
    common.true(os.path.exists(conflist), "the network configuration stays")
    agent.start("agent")
    common.eventually(lambda: m.page("/readyz") == 200, lambda: "ready: " + agent.logs("agent"))
    netns.run("ping", "-c", "1", "-w", "30", pods[1][2]["ips"][0]["address"].split("/")[0], ns=pods[0][1])
    for name, ns, result in pods:
        common.equal(m.cni("CHECK", ns, name, prevResult=result), (0, ""), "CHECK " + name)
        common.equal(m.cni("DEL", ns, name), (0, ""), "DEL " + name)
    agent.stop("agent")
    common.step("no capability is asked for in vain")
    less_will_not_do(c, m, agent)
    cache = m.paths["/var/lib/seine"]
    shutil.rmtree(cache + "/objects")
    for name in ("api-server.cache", ".api-server.cache.1"):
        with open("%s/%s" % (cache, name), "w") as f:
            f.write("as one that was cut short\n")
    common.step("uninstall.yaml")
    gone = m.pod({"uninstall": True}, "seine-uninstall", {"seine-config": manifest({"config": CONFIG})["ConfigMap", "seine-config"]})
    gone.run("cleanup")
    left = [f for f in before if f not in ("run/seine", "lib/seine")]
    common.equal(m.files(), left, "what is left on the node")
    links = [l["ifname"] for l in json.loads(netns.run("ip", "-j", "link", "show", ns=m.node.ns).stdout)]
    common.true("seine-gw0" not in links and m.node.switch.vsctl("list-br").split() == ["br-phy"], "no bridge: %s" % links)


if __name__ == "__main__":
    common.main(scenario, installlab.need)
