# SPDX-License-Identifier: Apache-2.0
"""seine-agent.exe as an installer and as a service, in a Wine prefix of its own, with the doubles of HNS and a real Open
vSwitch: what is found, done, undone and left."""
import json
import os
import shutil
import subprocess

from service_node import BUILD, PATIENCE, PROGRAMS, WINENODE, Node, clock, equal, need_root, ovs, results, steps, wait_for

CNI = ("--cni-bin-dir", r"C:\k\cni\bin", "--cni-conf-dir", r"C:\k\cni\conf")
CONFLIST = "k/cni/conf/10-seine.conflist"
INSTALLED = "Program Files/Seine"
FOLDERS = ("Program Files", "ProgramData/seine", "k")
COMMAND = r'"C:\Program Files\Seine\seine-agent.exe" --config C:\ProgramData\seine\config.yaml'


def media(n, name, tail=b""):
    """The programs in a folder of their own; a tail makes them another version."""
    folder = n.c(name)
    os.makedirs(folder)
    for program in PROGRAMS:
        shutil.copy(BUILD + "/bin/" + program, folder)
        with open(folder + "/" + program, "ab") as f:
            f.write(tail)
    return "C:\\" + name + "\\seine-agent.exe"


def same_file(n, path, other):
    with open(n.c(path), "rb") as a, open(n.c(other), "rb") as b:
        return a.read() == b.read()


def requirements(n, agent):
    have = results(n.exec(agent, "check", *CNI))
    equal(have, {"administrator": "ok", "windows": "ok", "hns": "ok", "config": "skip", "openvswitch": "ok",
                 "containerd": "skip"}, "check")
    equal(results(n.exec(agent, "check", rc=1))["containerd"], "fail", "without containerd and folders")
    n.order("version 8.9")
    text = n.exec(agent, "check", *CNI, rc=1)
    assert "fail hns: 8.9: Seine needs 9.2 or newer\n" in text, text
    n.order("version 13.3")
    n.order("service down")
    equal(results(n.exec(agent, "check", *CNI, rc=1))["hns"], "fail", "HNS is away")
    n.order("service up")
    n.order("hold HNSCall")
    text = n.exec(agent, "check", *CNI, rc=1)
    assert "fail hns: hns: no answer within 10 s\n" in text, text
    n.order("release HNSCall")
    for version, result in (("2.17.9", "fail"), ("3.0.5", "ok"), ("3.7.1", "ok"), ("4.0.0", "fail"), ("3.3.1", "ok")):
        n.ovs_version(version)
        equal(results(n.exec(agent, "check", *CNI, rc=None))["openvswitch"], result, version)


def open_vswitch_by_its_service(n, agent):
    """Where nothing answers, the program that the service ovs-vswitchd runs says its version."""
    os.makedirs(n.c("ovs"))
    with open(n.c("ovs/ovs-vswitchd.bat"), "w") as f:
        f.write("@echo ovs-vswitchd (Open vSwitch) 3.3.1\r\n")
    with open(n.c("ovs/c.yaml"), "w") as f:
        f.write("objects: C:/o\novsdb: pipe:nobody\n")
    flags = ("--config", r"C:\ovs\c.yaml", *CNI)
    text = n.exec(agent, "check", *flags, rc=1)
    assert "there is no service ovs-vswitchd" in text, text
    n.exec("sc", "create", "ovs-vswitchd", "binPath=", r"C:\ovs\ovs-vswitchd.bat")
    text = n.exec(agent, "check", *flags)
    assert "ok openvswitch: ovs-vswitchd (Open vSwitch) 3.3.1 (C:\\ovs\\ovs-vswitchd.bat); it does not answer" in text, \
        text
    n.exec("sc", "delete", "ovs-vswitchd")


def containerd(n, agent):
    folder = n.c("Program Files/containerd")
    os.makedirs(folder)
    with open(folder + "/config.toml", "w", newline="\r\n") as f:
        f.write('version = 2\n[plugins."io.containerd.grpc.v1.cri".cni]\n'
                '  bin_dir = "C:\\\\cd\\\\bin"\n  conf_dir = \'C:\\cd\\conf\'\n')
    text = n.exec(agent, "check")
    assert "ok containerd: C:\\Program Files\\containerd\\config.toml: plugins in C:\\cd\\bin, configuration in " \
        "C:\\cd\\conf\n" in text, text
    with open(folder + "/config.toml", "a") as f:
        f.write("[broken\n")
    text = n.exec(agent, "check", rc=1)
    assert "fail containerd: C:\\Program Files\\containerd\\config.toml:5: ']' was expected\n" in text, text
    shutil.rmtree(folder)


def paths_as_given(n, agent):
    """Both separators serve, and a path is printed as it was given."""
    text = n.exec(agent, "check", "--cni-bin-dir", "C:/k/cni/bin", "--cni-conf-dir", r"C:\k/cni\conf")
    assert ": plugins in C:/k/cni/bin, configuration in C:\\k/cni\\conf\n" in text, text


def dry_run(n, agent):
    before = n.tree(".")
    have = results(n.exec(agent, "install", *CNI, "--dry-run"))
    equal([name for name, r in have.items() if r == "would"],
          ["programs", "config-file", "service", "cni-plugin", "start", "conflist"], "dry run")
    equal(n.tree("."), before, "files after a dry run")
    equal(n.service(), None, "service after a dry run")


def install(n, agent):
    text = n.exec(agent, "install", *CNI)
    equal([(r, name) for r, name, _ in steps(text)][-7:],
          [("skip", "stop"), ("ok", "programs"), ("ok", "config-file"), ("ok", "service"), ("ok", "cni-plugin"),
           ("ok", "start"), ("ok", "conflist")], "install")
    equal(n.service(), ("RUNNING", 0), "service")
    values = n.service_values()
    equal(values["ImagePath"], COMMAND, "command line")
    equal((values["Start"], values["ObjectName"]), ("0x2", "LocalSystem"), "automatic start")
    assert n.told("SERVICE_CONFIG_FAILURE_ACTIONS not implemented: period 86400"), "no restart on failure was asked for"
    source = n.exec("reg", "query", r"HKLM\System\CurrentControlSet\Services\EventLog\Application\seine-agent")
    assert "EventCreate.exe" in source, source
    for program in PROGRAMS:
        assert same_file(n, INSTALLED + "/" + program, "media1/" + program)
    assert same_file(n, "k/cni/bin/seine-cni.exe", "media1/seine-cni.exe")
    with open(n.c(CONFLIST)) as f:
        equal(json.load(f), {"cniVersion": "1.0.0", "name": "seine", "plugins": [
            {"type": "seine-cni", "socket": r"\\.\pipe\seine-agent"}]}, "conflist")
    assert "info agent: node " in log(n)
    assert not [f for f in n.tree(*FOLDERS).split() if f.endswith((".undo", ".new", ".old"))]


def log(n):
    with open(n.c("ProgramData/seine/logs/seine-agent.log")) as f:
        return f.read()


def twice(n, agent):
    before, pid = n.tree(*FOLDERS), n.processes("seine-agent.exe")
    have = results(n.exec(agent, "install", *CNI))
    equal([r for name, r in have.items() if name in ("stop", "programs", "config-file", "service", "cni-plugin", "start",
                                                     "conflist")], ["skip"] * 7, "twice")
    equal(n.tree(*FOLDERS), before, "files")
    equal(n.processes("seine-agent.exe"), pid, "the service was left alone")


def json_output(n, agent):
    lines = steps(n.exec(agent, "status", *CNI, rc=1))  # not ready: no Node object
    answer = json.loads(n.exec(agent, "status", *CNI, "-o", "json", rc=1))
    equal((answer["apiVersion"], answer["kind"]), ("seine.dev/v1", "StepList"))
    equal([(i["result"], i["name"]) for i in answer["items"]], [(r, name) for r, name, _ in lines], "JSON")
    answer = {i["name"]: i for i in answer["items"]}
    equal(answer["service"]["result"], "ok")
    assert answer["service"]["detail"].startswith("running, pid "), answer["service"]
    assert answer["agent"]["detail"].startswith("not ready: no Node object"), answer["agent"]


def plugin(n):
    """The plugin, started as the network configuration says, reaches the service: it says why no Pod can come yet."""
    with open(n.c(CONFLIST)) as f:
        conflist = json.load(f)
    config = dict(conflist["plugins"][0], name=conflist["name"], cniVersion="1.1.0")
    done = subprocess.run([WINENODE, "exec", n.name, r"C:\k\cni\bin\seine-cni.exe"], input=json.dumps(config), text=True,
                          env=dict(os.environ, CNI_COMMAND="STATUS", CNI_PATH=r"C:\k\cni\bin"), capture_output=True,
                          timeout=2 * PATIENCE)
    equal(done.returncode, 1, done.stdout + done.stderr)
    answer = json.loads(done.stdout)
    equal(answer["code"], 50, done.stdout)
    assert "no Node object" in done.stdout, done.stdout


def usage(n, agent):
    for argv, text in ((("install", "--what"), "--what: no such flag (see --help)"),
                       (("check", "--purge"), "--purge: only with uninstall"),
                       (("status", "-o", "xml"), "-o: 'xml' is not one of text, json")):
        equal(n.exec(agent, *argv, rc=2), "", "stdout")
        equal(n.stderr.strip(), text)


def stop_in_time(n):
    """Stops the service: its process is gone two seconds after it was asked. How long it took."""
    pids = n.processes("seine-agent.exe")
    equal(len(pids), 1, "processes of the service")
    n.exec("sc", "stop", "seine-agent", rc=None)
    start = clock.now()
    wait_for("gone", lambda: ovs.is_gone(pids[0]), every=0.01)
    took = clock.now() - start
    assert took < 2.0, "stopping took %.1f s; the test %s\n%s" % (took, clock.told(), log(n)[-2000:])
    n.wait_service("STOPPED")
    equal(n.service(), ("STOPPED", 0), "exit code")
    return took


def stop_and_start(n):
    """Stop is what SIGTERM is on Linux; pause is refused."""
    n.exec("sc", "pause", "seine-agent", rc=None)
    equal(n.service(), ("RUNNING", 0), "after pause")
    rows = n.switch.vsctl("--format=json", "list", "bridge") + n.switch.vsctl("--format=json", "list", "port")
    print("stop: %.2f s" % stop_in_time(n))
    assert "stopping; the switch and its Pods stay as they are" in log(n).splitlines()[-1]
    equal(n.switch.vsctl("--format=json", "list", "bridge") + n.switch.vsctl("--format=json", "list", "port"), rows,
          "rows of the switch")
    n.exec("sc", "start", "seine-agent")
    n.wait_service("RUNNING")


def killed_installs(n, agent):
    """Killed after any step, the next run completes it, and nothing of the killed one is left."""
    for step in ("containerd", "programs", "config-file", "service", "cni-plugin"):
        child = subprocess.Popen([WINENODE, "exec", n.name, agent, "install", *CNI], stdout=subprocess.PIPE, text=True)
        for line in child.stdout:
            if line.split()[1] == step + ":":
                break
        child.kill()
        for pid in n.processes("media1"):
            os.kill(pid, 9)
        left = child.communicate()[0]
        print("killed after %s, %d lines later" % (step, left.count("\n")))
        assert "conflist" not in left, left
        n.exec(agent, "install", *CNI)
        equal(n.service(), ("RUNNING", 0), "after one that was killed")
        for program in PROGRAMS:
            assert same_file(n, INSTALLED + "/" + program, "media1/" + program)
        equal([f for f in n.tree(*FOLDERS).split() if f.endswith((".undo", ".new", ".old"))], [], "beside the files")
        n.exec(agent, "uninstall", *CNI, "--purge")


def stop_while_hns_hangs(n, agent):
    """A call of HNS that never returns is no reason to stay, and no failure of the service."""
    n.exec(agent, "install", *CNI)
    n.exec("sc", "stop", "seine-agent", rc=None)
    n.wait_service("STOPPED")
    for function in ("HNSCall", "HcnEnumerateNetworks", "HcnEnumerateEndpoints", "HcnRegisterServiceCallback"):
        n.order("hold " + function)
    n.exec("sc", "start", "seine-agent")
    n.wait_service("RUNNING")
    n.wait_held()
    print("stop while HNS hangs: %.2f s" % stop_in_time(n))
    assert "a call of the system hangs" in log(n).splitlines()[-1], log(n)
    for function in ("HNSCall", "HcnEnumerateNetworks", "HcnEnumerateEndpoints", "HcnRegisterServiceCallback"):
        n.order("release " + function)
    n.exec(agent, "uninstall", *CNI, "--purge")


def crash(n, agent):
    """Wine's service manager does not notice that a service died, let alone starts it again. Shown is that it is seen, and
    that nothing of the dead one is in the way of the next, here one in the foreground."""
    n.exec(agent, "install", *CNI)
    killed = n.processes("seine-agent.exe")
    equal(len(killed), 1, "processes of the service")
    os.kill(killed[0], 9)
    wait_for("gone", lambda: not n.processes("seine-agent.exe"))
    equal(results(n.exec(agent, "status", *CNI, rc=1))["agent"], "fail", "status after a crash")
    child = subprocess.Popen([WINENODE, "exec", n.name, agent, "--config", r"C:\ProgramData\seine\config.yaml"],
                             stderr=subprocess.PIPE, text=True)
    line = child.stderr.readline()
    assert " info agent: node " in line, line
    wait_for("the status of the agent in the foreground",
             lambda: "fail agent: not ready: no Node object" in n.exec(agent, "status", *CNI, rc=1))
    start = clock.now()
    for pid in n.processes("seine-agent.exe"):
        os.kill(pid, 2)
    child.communicate(timeout=PATIENCE)
    equal(child.returncode, 0, "exit code after Ctrl-C")
    print("Ctrl-C: %.2f s" % (clock.now() - start))


def bad_configuration(n):
    """What ends the service before it has a log is in the event log, and its code is told."""
    n.exec("sc", "stop", "seine-agent", rc=None)
    n.wait_service("STOPPED")
    os.rename(n.c("ProgramData/seine/config.yaml"), n.c("ProgramData/seine/kept.yaml"))
    with open(n.c("ProgramData/seine/config.yaml"), "w") as f:
        f.write("objects: C:/o\nmtu: 3\n")
    n.exec("sc", "start", "seine-agent", rc=None)
    n.wait_service("STOPPED", 2)
    assert [line for line in n.told("eventlog") if "config.yaml:2: mtu: '3' is not a number" in line], "event log"
    os.rename(n.c("ProgramData/seine/kept.yaml"), n.c("ProgramData/seine/config.yaml"))
    n.exec("sc", "start", "seine-agent")
    n.wait_service("RUNNING")


def upgrade(n):
    newer = media(n, "media2", b"2")
    n.exec(newer, "upgrade", *CNI, "--dry-run")
    assert same_file(n, INSTALLED + "/seine-agent.exe", "media1/seine-agent.exe")
    text = n.exec(newer, "upgrade", *CNI)
    equal([r for r, name, _ in steps(text) if name in ("stop", "programs", "cni-plugin", "start")], ["ok"] * 4, text)
    for program in PROGRAMS:
        assert same_file(n, INSTALLED + "/" + program, "media2/" + program)
    assert same_file(n, "k/cni/bin/seine-cni.exe", "media2/seine-cni.exe")
    equal(n.service(), ("RUNNING", 0))
    have = results(n.exec(newer, "upgrade", *CNI))
    equal((have["stop"], have["programs"]), ("skip", "skip"), "twice")


def busy_port(n):
    """A socket of the node's namespace that listens, and a configuration that wants the same port."""
    child = subprocess.Popen(["ip", "netns", "exec", n.name, "python3", "-c",
                              "import socket, time\ns = socket.create_server(('127.0.0.1', 9911))\n"
                              "print('up', flush=True)\ntime.sleep(600)"], stdout=subprocess.PIPE, text=True)
    equal(child.stdout.readline(), "up\n")
    with open(n.c("busy.yaml"), "w") as f:
        f.write("objects: C:/ProgramData/seine/objects\nmetrics-address: 127.0.0.1:9911\n")
    return child


def failed_upgrade(n):
    """The new one does not run: the old one runs again, with its own programs and configuration."""
    newest = media(n, "media3", b"3")
    child = busy_port(n)
    try:
        text = n.exec(newest, "upgrade", "--config", r"C:\busy.yaml", *CNI, rc=1)
    finally:
        child.kill()
        child.wait()
    lines = steps(text)
    equal(lines[-1], ("fail", "upgrade", "rolled back: the node is as it was"))
    start = [detail for r, name, detail in lines if (r, name) == ("fail", "start")]
    assert len(start) == 1 and "127.0.0.1:9911" in start[0], text
    assert [line for line in n.told("err:eventlog") if 'L"agent: --metrics-address: tcp:127.0.0.1:9911' in line], "event log"
    equal([d for r, name, d in lines if name == "rollback"], ["start", "cni-plugin", "service", "programs", "stop"])
    for program in PROGRAMS:
        assert same_file(n, INSTALLED + "/" + program, "media2/" + program)
    assert same_file(n, "k/cni/bin/seine-cni.exe", "media2/seine-cni.exe")
    equal(n.service_values()["ImagePath"], COMMAND)
    equal(n.service(), ("RUNNING", 0))


def uninstall(n):
    """Run from where it is installed: a program that runs goes too."""
    own = r"C:\Program Files\Seine\seine-agent.exe"
    before = n.tree(*FOLDERS)
    n.exec(own, "uninstall", *CNI, "--dry-run")
    equal(n.tree(*FOLDERS), before, "files after a dry run")
    lines = steps(n.exec(own, "uninstall", *CNI))
    equal([(r, name) for r, name, _ in lines if r == "ok"][1:],
          [("ok", "conflist"), ("ok", "stop"), ("ok", "cni-plugin"), ("ok", "programs"), ("ok", "service")])
    equal(n.service(), None)
    assert not os.path.exists(n.c(CONFLIST)) and not os.path.exists(n.c("k/cni/bin/seine-cni.exe"))
    for program in PROGRAMS:
        assert not os.path.exists(n.c(INSTALLED + "/" + program))
    assert os.path.exists(n.c("ProgramData/seine/config.yaml")), "ProgramData is kept"
    again = results(n.exec(r"C:\media1\seine-agent.exe", "uninstall", *CNI))
    equal([again[name] for name in ("conflist", "stop", "cni-plugin", "service", "data")], ["skip"] * 5, "twice")
    n.exec(r"C:\media1\seine-agent.exe", "uninstall", *CNI, "--purge")
    assert not os.path.exists(n.c("ProgramData/seine"))


def failed_installs(n, agent):
    """Each step is made to fail by something real; the node is then as it was."""
    shutil.rmtree(n.c(INSTALLED), ignore_errors=True)
    shutil.rmtree(n.c("k"), ignore_errors=True)

    def fails(step, flags=CNI):
        before = n.tree(*FOLDERS)
        text = n.exec(agent, "install", *flags, rc=1)
        assert ("fail", step) in [(r, name) for r, name, _ in steps(text)], text
        assert steps(text)[-1] == ("fail", "install", "rolled back: the node is as it was"), text
        after = n.tree(*FOLDERS)
        if step in ("start", "conflist"):  # the agent ran: its log and its lock stay, and the folder they are in
            before, after = (t.replace("ProgramData/seine d\n", "") for t in (before, after))
        equal(after, before, "files after a failed " + step)
        equal(n.service(), None, "service after a failed " + step)

    os.rename(n.c("media1/seinectl.exe"), n.c("media1/away.exe"))
    fails("programs")
    os.rename(n.c("media1/away.exe"), n.c("media1/seinectl.exe"))
    with open(n.c(INSTALLED), "w") as f:
        f.write("no folder")
    text = n.exec(agent, "install", *CNI, rc=1)
    assert "fail programs: " in text, text
    os.unlink(n.c(INSTALLED))
    os.makedirs(n.c("k/cni"))
    for step, folder in (("config-file", "ProgramData/seine"), ("cni-plugin", "k/cni/bin"), ("conflist", "k/cni/conf")):
        with open(n.c(folder), "w") as f:
            f.write("no folder")
        fails(step)
        os.unlink(n.c(folder))
    child = busy_port(n)
    try:
        fails("start", ("--config", r"C:\busy.yaml", *CNI))
    finally:
        child.kill()
        child.wait()
    # With what was in the way gone, it installs.
    n.exec(agent, "install", *CNI)
    equal(n.service(), ("RUNNING", 0))
    n.exec(agent, "uninstall", *CNI, "--purge")


def main():
    need_root()
    with Node("svc") as n:
        agent = media(n, "media1")
        requirements(n, agent)
        open_vswitch_by_its_service(n, agent)
        containerd(n, agent)
        paths_as_given(n, agent)
        dry_run(n, agent)
        install(n, agent)
        twice(n, agent)
        json_output(n, agent)
        plugin(n)
        usage(n, agent)
        stop_and_start(n)
        bad_configuration(n)
        upgrade(n)
        failed_upgrade(n)
        uninstall(n)
        failed_installs(n, agent)
        killed_installs(n, agent)
        stop_while_hns_hangs(n, agent)
        crash(n, agent)
    print("ok")


if __name__ == "__main__":
    main()
