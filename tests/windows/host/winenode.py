# SPDX-License-Identifier: Apache-2.0
"""A Windows machine for tests: a Wine prefix and server of its own in a network namespace, with doubles of what Wine lacks.

  winenode up NAME --netns NS --ovsdb tcp:IP:PORT --openflow tcp:IP:PORT --dir D [--ovs-rundir DIR]
  winenode exec NAME CMD...
  winenode namespace NAME add|del|list [LINUXNETNS]
  winenode down NAME

README.md, one folder up, says what stands in for what, and which orders the doubles take."""
import argparse
import contextlib
import fcntl
import json
import os
import re
import shlex
import shutil
import signal
import subprocess
import sys
import tempfile
import time

import wire

HERE = os.path.dirname(os.path.realpath(__file__))

BUILD = os.environ.get("SEINE_WINDOWS_BUILD") or os.path.normpath(HERE + "/../../../build/windows")
DOUBLES = BUILD + "/doubles"
ROOT = BUILD + "/winenode"
PIPE_OVSDB = "C:openvswitchvarrunopenvswitchdb.sock"
PIPE_OPENFLOW = "C:openvswitchvarrunopenvswitchbr-int.mgmt"
OVS_RUNDIR = "/drive_c/openvswitch/var/run/openvswitch"  # of Open vSwitch on Windows, in a prefix
OVS_PID = 4242  # whatever its pid is on the Linux side
PIPE_CONTROL = "C:openvswitchvarrunopenvswitchovs-vswitchd.ctl"  # without the pid that it has on Linux
IN_SYSTEM32 = ("computenetwork.dll", "vmcompute.dll", "iphlpapi.dll", "wbemdouble.dll")
CLASSES = (("WbemLocator", "4590F811-1D3A-11D0-891F-00AA004B2E24"),
           ("ConnectionManager", "BA126AD1-2166-11D1-B1D0-00805FC1270E"))
OWN = ("hcn", "host.sock", "host.log", "relay.log", "calls.jsonl", "nat.json", "nat.json.new",
       "control.port")


class NodeError(Exception):
    pass


def wine_env(prefix):
    env = {k: v for k, v in os.environ.items() if k not in ("DISPLAY", "WAYLAND_DISPLAY")}
    env["WINEPREFIX"] = prefix
    env.setdefault("WINEDEBUG", "-all")
    env.setdefault("WINEDLLOVERRIDES", "mscoree,mshtml,winemenubuilder.exe=")
    return env


def quiet(argv, prefix, timeout=300, check=True):
    """What it says goes into a file: services that it brings up keep its output open."""
    with tempfile.TemporaryFile("w+", errors="replace") as out:
        done = subprocess.run(argv, env=wine_env(prefix), stdin=subprocess.DEVNULL, stdout=out, stderr=out, timeout=timeout)
        if check and done.returncode:
            out.seek(0)
            raise NodeError("%s: exit %d\n%s" % (" ".join(argv), done.returncode, out.read()))


def processes_of(prefix):
    """Wine's processes of this prefix, its server too, and the node's host. Others may have its name in their
    environment, such as the shell that asks."""
    want = ("WINEPREFIX=" + prefix).encode()
    found = []
    for entry in os.listdir("/proc"):
        if entry.isdigit() and int(entry) != os.getpid():
            with contextlib.suppress(OSError):
                with open("/proc/%s/environ" % entry, "rb") as f:
                    if want in f.read().split(b"\0") and (is_wine(entry) or is_host(entry)):
                        found.append(int(entry))
    return found


def is_wine(pid):
    """Or what is about to become Wine."""
    with open("/proc/%s/cmdline" % pid, "rb") as f:
        words = f.read().split(b"\0")
    return os.path.basename(os.readlink("/proc/%s/exe" % pid)).startswith("wine") or any(
        os.path.basename(w) in (b"wine", b"wineserver") for w in words)


def is_host(pid):
    with open("/proc/%s/cmdline" % pid, "rb") as f:
        return (HERE + "/host.py").encode() in f.read().split(b"\0")


def end(pids, sig=signal.SIGKILL, wait=5.0):
    for pid in pids:
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, sig)
    until = time.monotonic() + wait
    left = list(pids)
    while left and time.monotonic() < until:
        left = [p for p in left if alive(p)]
        if left:
            time.sleep(0.005)
    return left


def alive(pid):
    """Some thread of it runs; the first may have ended before the others."""
    try:
        with open("/proc/%d/stat" % pid) as f:
            ended = f.read().rsplit(")", 1)[1].split()[0] == "Z"
        return not ended or len(os.listdir("/proc/%d/task" % pid)) > 1
    except (FileNotFoundError, ProcessLookupError):
        return False


def end_prefix(prefix):
    for _ in range(5):
        pids = processes_of(prefix)
        if not pids:
            break
        end(pids)
    # The server's own folder below /tmp: the prefix says which.
    with contextlib.suppress(OSError):
        with open(prefix + "/wineserver") as f:
            name = f.read().strip()
        if re.fullmatch(r"wine-[A-Za-z0-9]+", name):
            shutil.rmtree("/tmp/" + name, ignore_errors=True)
        os.unlink(prefix + "/wineserver")


# ---- the base prefix ----

def make_base(base):
    prefix = base + "/prefix"
    shutil.rmtree(base, ignore_errors=True)
    os.makedirs(base)
    try:
        quiet(["wine", "wineboot", "-i"], prefix)
        quiet(["wine", "winecfg", "-v", "win10"], prefix)
        quiet(["wine", "reg", "add", r"HKCU\Software\Wine\DllOverrides", "/v", "iphlpapi", "/d", "native", "/f"], prefix)
        for _, guid in CLASSES:
            key = r"HKLM\Software\Classes\CLSID\{%s}\InprocServer32" % guid
            quiet(["wine", "reg", "add", key, "/ve", "/d", r"C:\windows\system32\wbemdouble.dll", "/f"], prefix)
            quiet(["wine", "reg", "add", key, "/v", "ThreadingModel", "/d", "Both", "/f"], prefix)
        quiet(["wineserver", "-k"], prefix, check=False)
        quiet(["wineserver", "-w"], prefix, timeout=30)
    finally:
        end_prefix(prefix)
    system32 = prefix + "/drive_c/windows/system32"
    with open(system32 + "/iphlpapi.dll", "rb") as f:
        own = bytearray(f.read())
    # Wine looks for the mark of its own DLLs at offset 64; without it this copy is one like any other.
    if own[64:80] != b"Wine builtin DLL":
        raise NodeError("iphlpapi.dll of Wine has no mark")
    own[64] ^= 0x20
    with open(system32 + "/wiphlp.dll", "wb") as f:
        f.write(own)
    with open(base + "/ready", "w") as f:
        f.write(base_version())


def base_version():
    """What the base prefix was made of: another Wine, or other entries of the registry, need another one."""
    wine = subprocess.run(["wine", "--version"], text=True, capture_output=True,
                          env=dict(os.environ, WINEDEBUG="-all")).stdout.strip()
    return "%s %s\n" % (wine, CLASSES)


def ready(path):
    with contextlib.suppress(FileNotFoundError):
        with open(path) as f:
            return f.read() == base_version()
    return False


def base_prefix():
    """One prefix a build folder, made once, copied for each node."""
    os.makedirs(ROOT, exist_ok=True)
    with open(ROOT + "/base.lock", "w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not ready(ROOT + "/base/ready"):
            make_base(ROOT + "/base")
    return ROOT + "/base/prefix"


def copy_prefix(base, prefix):
    """Hard links, but for the registry (which Wine writes in place) and what the doubles replace."""
    subprocess.run(["cp", "-al", base, prefix], check=True)
    for name in os.listdir(prefix):
        if name.endswith(".reg"):
            subprocess.run(["cp", "--remove-destination", base + "/" + name, prefix + "/" + name], check=True)
    for name in IN_SYSTEM32:
        subprocess.run(["cp", "--remove-destination", DOUBLES + "/" + name,
                        prefix + "/drive_c/windows/system32/" + name], check=True)


# ---- nodes ----

def folder(name):
    if not name or "/" in name or name.startswith("."):
        raise NodeError("not a name of a node: %r" % name)
    return ROOT + "/nodes/" + name


def load(name):
    try:
        with open(folder(name) + "/node.json") as f:
            return json.load(f)
    except (OSError, ValueError):
        raise NodeError("no node %s is up" % name) from None


def save(node):
    path = folder(node["name"]) + "/node.json"
    with open(path + ".new", "w") as f:
        json.dump(node, f)
    os.rename(path + ".new", path)


def enter(netns):
    return ["nsenter", "--net=/run/netns/" + netns]


def start(argv, log, prefix, ready, what):
    """A daemon in a session of its own; returns when its log has the line `ready`."""
    with open(log, "ab") as out:
        child = subprocess.Popen(argv, env=wine_env(prefix), stdin=subprocess.DEVNULL, stdout=out, stderr=out,
                                 start_new_session=True)
    until = time.monotonic() + 180
    while time.monotonic() < until:
        with open(log) as f:
            if ready in [line.strip() for line in f]:
                return child.pid
        if child.poll() is not None:
            break
        time.sleep(0.01)
    with open(log) as f:
        raise NodeError("%s did not start:\n%s" % (what, f.read()))


def up(a):
    missing = [f for f in IN_SYSTEM32 + ("ovs-relay.exe",) if not os.path.exists(DOUBLES + "/" + f)]
    if missing:
        raise NodeError("%s: not built: %s (cmake --build --preset windows)" % (DOUBLES, ", ".join(missing)))
    if not os.path.exists("/run/netns/" + a.netns):
        raise NodeError("no network namespace %s" % a.netns)
    base = base_prefix()
    home, dir = folder(a.name), os.path.abspath(a.dir)
    os.makedirs(ROOT + "/nodes", exist_ok=True)
    try:
        os.mkdir(home)
    except FileExistsError:
        raise NodeError("node %s is there already; winenode down %s" % (a.name, a.name)) from None
    prefix = home + "/prefix"
    node = {"name": a.name, "netns": a.netns, "dir": dir, "prefix": prefix, "pids": [],
            "made_dir": not os.path.exists(dir)}
    save(node)
    with open(home + "/env", "w") as f:
        f.write("WINEPREFIX=%s\nnetns=%s\n" % (shlex.quote(prefix), shlex.quote(a.netns)))
    try:
        os.makedirs(dir + "/hcn", exist_ok=True)
        copy_prefix(base, prefix)
        subprocess.run(enter(a.netns) + ["ip", "link", "set", "lo", "up"], check=True)
        host = [sys.executable, "-B", HERE + "/host.py", "--name", a.name, "--dir", dir, "--prefix", prefix,
                "--ovsdb", a.ovsdb] + (["--ovs-rundir", a.ovs_rundir] if a.ovs_rundir else [])
        node["pids"].append(start(enter(a.netns) + host, dir + "/host.log", prefix, "ready", "the node's host"))
        save(node)
        subprocess.run(enter(a.netns) + ["wineserver", "-p"], env=wine_env(prefix), stdin=subprocess.DEVNULL,
                       stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, check=True)
        pipes = [PIPE_OVSDB, a.ovsdb, PIPE_OPENFLOW, a.openflow]
        if a.ovs_rundir:
            os.makedirs(prefix + OVS_RUNDIR)
            with open(prefix + OVS_RUNDIR + "/ovs-vswitchd.pid", "w") as f:
                f.write("%d\n" % OVS_PID)
            with open(dir + "/control.port") as f:
                pipes += [PIPE_CONTROL, "tcp:127.0.0.1:" + f.read().strip()]
        node["pids"].append(start(
            enter(a.netns) + ["wine", DOUBLES + "/ovs-relay.exe"] + pipes, dir + "/relay.log", prefix, "ready", "ovs-relay.exe"))
        save(node)
    except BaseException:
        take_down(node)
        raise
    print("WINEPREFIX=%s\nPIPE_OVSDB=%s\nPIPE_OPENFLOW=%s" % (prefix, PIPE_OVSDB, PIPE_OPENFLOW))


def execute(a):
    """Only reached where the node is not up: the script of that name beside this folder does it itself."""
    node = load(a.name)
    argv = enter(node["netns"]) + ["wine"] + a.command
    os.execvpe(argv[0], argv, wine_env(node["prefix"]))


def namespace(a):
    node = load(a.name)
    answer = wire.ask(node["dir"] + "/host.sock", "namespace", a.verb, *a.linux)
    text = answer[0] if answer else ""
    if a.verb != "list" and not text:
        raise NodeError("no namespace %s" % " ".join(a.linux))
    if text:
        print(text)


def leftovers(node):
    """What the host makes outside its folder, for when it could not do that itself."""
    with contextlib.suppress(OSError, ValueError):
        with open(node["dir"] + "/hcn/netns.json") as f:
            for name in json.load(f)["made"]:
                subprocess.run(["ip", "netns", "del", name], stderr=subprocess.DEVNULL)
    if not os.path.exists("/run/netns/" + node["netns"]) or not os.path.exists(node["dir"] + "/nat.json"):
        return
    listed = subprocess.run(enter(node["netns"]) + ["nft", "list", "tables"], text=True, capture_output=True).stdout
    for line in listed.splitlines():
        words = line.split()
        if len(words) == 3 and words[2].startswith("wine-netnat-"):
            subprocess.run(enter(node["netns"]) + ["nft", "delete", *words])


def take_down(node):
    # The host first and by itself: it takes away what it made in the node's namespace.
    with contextlib.suppress(OSError):
        end(end([p for p in processes_of(node["prefix"]) if is_host(p)], signal.SIGTERM))
    end_prefix(node["prefix"])
    leftovers(node)
    for name in OWN:
        path = node["dir"] + "/" + name
        if os.path.isdir(path):
            shutil.rmtree(path, ignore_errors=True)
        elif os.path.lexists(path):
            os.unlink(path)
    if node["made_dir"]:
        with contextlib.suppress(OSError):
            os.rmdir(node["dir"])
    shutil.rmtree(folder(node["name"]), ignore_errors=True)


def down(a):
    """Also when it came up by half, or is down already."""
    home = folder(a.name)
    try:
        node = load(a.name)
    except NodeError:
        if os.path.exists(home):
            end_prefix(home + "/prefix")
            shutil.rmtree(home, ignore_errors=True)
        return
    take_down(node)


def main():
    p = argparse.ArgumentParser(prog="winenode", description="A Windows machine for tests.")
    verbs = p.add_subparsers(dest="verb", required=True)
    v = verbs.add_parser("up", help="make a node")
    v.add_argument("name")
    for option in ("netns", "ovsdb", "openflow", "dir"):
        v.add_argument("--" + option, required=True)
    v.add_argument("--ovs-rundir", help="where the switch daemon has its pid file and control socket, to offer that too")
    v.set_defaults(run=up)
    v = verbs.add_parser("exec", help="run a Windows program on it")
    v.add_argument("name")
    v.add_argument("command", nargs=argparse.REMAINDER)
    v.set_defaults(run=execute)
    v = verbs.add_parser("namespace", help="HCN namespaces that are Linux network namespaces")
    v.add_argument("name")
    v.add_argument("verb", choices=("add", "del", "list"))
    v.add_argument("linux", nargs="*")
    v.set_defaults(run=namespace)
    v = verbs.add_parser("down", help="take it away, all of it")
    v.add_argument("name")
    v.set_defaults(run=down)
    a = p.parse_args()
    try:
        a.run(a)
    except (NodeError, OSError, subprocess.SubprocessError) as e:
        print("winenode: %s" % e, file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
