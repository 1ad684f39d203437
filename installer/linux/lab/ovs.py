# SPDX-License-Identifier: Apache-2.0
"""One Open vSwitch: a database server and a switch daemon with a folder of their own, tools aimed at
them, and the switch's control socket, over which thousands of traces a second can be asked."""
import contextlib
import json
import os
import signal
import socket
import time

from . import netns
from .clock import PATIENCE
from .netns import LabError, run

SCHEMA = "/usr/share/openvswitch/vswitch.ovsschema"


def is_gone(pid):
    """No thread of it runs any more.  (The first of many is a zombie as soon as it has ended itself: until the others have
    ended too, the process' sockets are still open.)"""
    try:
        with open("/proc/%d/stat" % pid) as f:
            ended = f.read().rsplit(")", 1)[1].split()[0] == "Z"
        return ended and len(os.listdir("/proc/%d/task" % pid)) == 1
    except (FileNotFoundError, ProcessLookupError):
        return True


def read_pid(path):
    """What a pid file says, None without one."""
    try:
        with open(path) as f:
            return int(f.read())
    except (FileNotFoundError, ValueError):
        return None


def kill(pid, sig=signal.SIGKILL, timeout=PATIENCE):
    """Signals a process and waits until it is gone; True if it went in time."""
    try:
        os.kill(pid, sig)
    except ProcessLookupError:
        return True
    end = time.monotonic() + timeout
    while time.monotonic() < end:
        with contextlib.suppress(ChildProcessError):
            os.waitpid(pid, os.WNOHANG)
        if is_gone(pid):
            return True
        time.sleep(0.005)
    return False


def end_of(pid_file, word, sig=signal.SIGTERM, timeout=10):
    """Ends the process of a pid file, if `word` is in its command line: the pid may be somebody else's by now."""
    pid = read_pid(pid_file)
    with contextlib.suppress(FileNotFoundError, ProcessLookupError):
        with open("/proc/%s/cmdline" % pid) as f:
            if word in f.read():
                kill(pid, sig, timeout) or kill(pid)


class Control:
    """A daemon's unixctl socket: JSON-RPC, one request at a time."""

    def __init__(self, path):
        self.sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self.sock.settimeout(PATIENCE)
        self.sock.connect(path)
        self.decoder = json.JSONDecoder()
        self.n = 0

    def call(self, method, *params):
        """The answer's text; LabError with the daemon's own words if it refuses."""
        self.n += 1
        self.sock.sendall(json.dumps({"id": self.n, "method": method, "params": list(params)}).encode())
        text = b""
        while True:
            chunk = self.sock.recv(1 << 20)
            if not chunk:
                raise LabError("%s: the control socket closed" % method)
            text += chunk
            if not text.rstrip().endswith(b"}"):
                continue
            try:
                reply = self.decoder.decode(text.decode())
            except ValueError:
                continue
            if reply.get("error"):
                raise LabError("%s %s: %s" % (method, " ".join(params), reply["error"]))
            return reply.get("result") or ""

    def close(self):
        self.sock.close()


class Switch:
    """ovsdb-server and ovs-vswitchd in folder `dir`; the switch daemon lives in namespace `ns` (None: here)."""

    def __init__(self, dir, ns=None, dummy=False):
        self.dir, self.ns, self.dummy = dir, ns, dummy
        self.env = dict(os.environ, OVS_RUNDIR=dir, OVS_LOGDIR=dir, OVS_DBDIR=dir)
        self._control = None

    @property
    def db(self):
        return "unix:%s/db.sock" % self.dir

    def start_db(self):
        os.makedirs(self.dir, exist_ok=True)
        conf = self.dir + "/conf.db"
        if not os.path.exists(conf):
            run("ovsdb-tool", "create", conf, SCHEMA)
        self._daemon("ovsdb-server", conf, "--remote=punix:%s/db.sock" % self.dir)
        self.tool("ovs-vsctl", "--no-wait", "init")

    def start_switch(self):
        extra = ["--enable-dummy=override", "--disable-system"] if self.dummy else []
        self._daemon("ovs-vswitchd", self.db, *extra)
        # ovs-vsctl without --no-wait returns when the daemon has taken the configuration over. The interval is how
        # long settle() may take.
        self.tool("ovs-vsctl", "set", "Open_vSwitch", ".", "other_config:max-revalidator=100")

    def start(self):
        self.start_db()
        self.start_switch()

    def _daemon(self, name, *args):
        run(name, *args, "--pidfile=%s/%s.pid" % (self.dir, name), "--log-file=%s/%s.log" % (self.dir, name),
            "-vconsole:off", "--detach", "--no-chdir", ns=self.ns, env=self.env)

    def pid(self, name):
        return read_pid("%s/%s.pid" % (self.dir, name))

    def stop(self, *daemons):
        """Kills the named daemons (both if none is named). Nothing here needs their own cleaning up."""
        for name in daemons or ("ovs-vswitchd", "ovsdb-server"):
            pid = self.pid(name)
            if pid:
                if not kill(pid):
                    raise LabError("%s: %s, process %d, was killed and does not end" % (self.dir, name, pid))
                with contextlib.suppress(FileNotFoundError):
                    os.unlink("%s/%s.pid" % (self.dir, name))
            if name == "ovs-vswitchd":
                self._hang_up()

    def tool(self, *argv, check=True, stdin=None):
        return run(*argv, ns=self.ns, env=self.env, check=check, stdin=stdin).stdout

    def vsctl(self, *args, check=True):
        return self.tool("ovs-vsctl", "--timeout=%d" % PATIENCE, *args, check=check)

    def ofctl(self, *args, stdin=None, check=True):
        """ovs-vswitchd gives whoever connects one second to greet: who stood still for it has said nothing yet, and says it again."""
        for _ in range(20):
            done = run("ovs-ofctl", "-O", "OpenFlow15", *args, ns=self.ns, env=self.env, check=False, stdin=stdin)
            if "failed to open socket (Broken pipe)" not in done.stderr:
                break
        return (netns.checked(done) if check else done).stdout

    def flows(self, bridge="br-int"):
        """What the switch holds, one flow a line, sorted, in the form that seinectl prints."""
        text = self.ofctl("dump-flows", "--no-stats", "--no-names", bridge)
        return sorted(line.strip() for line in text.splitlines() if line.strip())

    def held(self, what, bridge="br-int"):
        """Its "groups" or "meters", in the same form."""
        # A meter's bands come on lines of their own.
        text = self.ofctl("dump-" + what, bridge).replace("bands=\n", "bands=")
        return sorted(line.strip() for line in text.splitlines() if line.startswith((" ", "meter=", "group_id=")))

    def complaints(self, lines=15):
        """The last warnings and errors of the switch daemon's log."""
        try:
            with open(self.dir + "/ovs-vswitchd.log", errors="replace") as f:
                return "".join([line for line in f if "|WARN|" in line or "|ERR|" in line][-lines:])
        except FileNotFoundError:
            return ""

    def control(self):
        if not self._control:
            self._control = Control("%s/ovs-vswitchd.%d.ctl" % (self.dir, self.pid("ovs-vswitchd")))
        return self._control

    def _hang_up(self):
        if self._control:
            self._control.close()
            self._control = None

    def appctl(self, method, *params):
        return self.control().call(method, *params)

    def settle(self):
        """Waits until the cached decisions were looked through once more. Not while the daemon is away, nor with two
        kinds of datapath: there is nothing to wait for then."""
        if self.pid("ovs-vswitchd"):
            try:
                self.control().call("revalidator/wait")
            except (OSError, LabError):
                self._hang_up()  # an answer that comes late is none to the next question

    def drain(self, rounds=10):
        """Waits until the userspace datapath has judged what had arrived: between two answers the daemon's one thread takes a
        batch of packets from each port."""
        with contextlib.suppress(OSError, LabError):
            for _ in range(rounds if self.pid("ovs-vswitchd") else 0):
                self.control().call("version")
            return
        self._hang_up()

    def trace(self, bridge, flow):
        """The whole text of ofproto/trace of one packet."""
        return self.control().call("ofproto/trace", bridge, flow)

    def ofport(self, interface):
        return int(self.vsctl("get", "Interface", interface, "ofport"))


def trace_outputs(text):
    """Where a trace ends: the "Datapath actions" of its last pass, or "drop"."""
    last = [line.split(":", 1)[1].strip() for line in text.splitlines()
            if line.startswith("Datapath actions:")]
    if not last:
        raise LabError("no datapath actions in this trace:\n" + text)
    return last[-1]
