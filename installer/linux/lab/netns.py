# SPDX-License-Identifier: Apache-2.0
"""Network namespaces by name (below /run/netns, as iproute2 keeps them)."""
import contextlib
import ctypes
import os
import socket
import subprocess
import threading

from .clock import PATIENCE

CLONE_NEWNET = 0x40000000
_libc = ctypes.CDLL(None, use_errno=True)
_own = threading.local()


class LabError(Exception):
    """Something that the lab needs went wrong; the text says what."""


def checked(done):
    """What subprocess.run returned, if the program ended with 0."""
    if done.returncode != 0:
        raise LabError("%s: exit %d\n%s%s" % (" ".join(done.args), done.returncode, done.stdout, done.stderr))
    return done


def run(*argv, ns=None, check=True, stdin=None, env=None, timeout=2 * PATIENCE):
    """Runs a program, in namespace `ns` if given. Returns what subprocess.run does; its output is text."""
    argv = [str(a) for a in argv]
    if ns:
        argv = ["ip", "netns", "exec", ns] + argv
    done = subprocess.run(argv, input=stdin, text=True, capture_output=True, env=env, timeout=timeout)
    return checked(done) if check else done


def path(name):
    """Where the namespace is; a Pod of a real runtime is known by the path itself (/proc/PID/ns/net)."""
    return name if name.startswith("/") else "/run/netns/" + name


def exists(name):
    return os.path.exists(path(name))


def add(name):
    run("ip", "netns", "add", name)
    run("ip", "link", "set", "lo", "up", ns=name)


def names(prefix):
    """Namespaces whose name begins with `prefix`."""
    try:
        return sorted(n for n in os.listdir("/run/netns") if n.startswith(prefix))
    except FileNotFoundError:
        return []


def pids(name):
    return [int(p) for p in run("ip", "netns", "pids", name, check=False).stdout.split()]


def delete(name):
    """Removes the namespace. Processes in it are the caller's matter."""
    run("ip", "netns", "del", name, check=False)


def _setns(fd):
    if _libc.setns(fd, CLONE_NEWNET) != 0:
        raise OSError(ctypes.get_errno(), "setns")


def leave():
    """This process, and what it starts, goes on in a network of its own that has nothing but `lo`: nobody else's ports and
    interfaces come and go there. Before it has threads."""
    if _libc.unshare(CLONE_NEWNET) != 0:
        raise OSError(ctypes.get_errno(), "unshare")
    run("ip", "link", "set", "lo", "up")


@contextlib.contextmanager
def inside(name):
    """The calling thread is in the namespace; sockets opened here stay there."""
    home = os.open("/proc/thread-self/ns/net", os.O_RDONLY | os.O_CLOEXEC)
    try:
        fd = os.open(path(name), os.O_RDONLY | os.O_CLOEXEC)
        try:
            _setns(fd)
        finally:
            os.close(fd)
        try:
            yield
        finally:
            _setns(home)
    finally:
        os.close(home)


def open_socket(name, family, kind, proto=0):
    """A socket that lives in namespace `name`, whoever uses it."""
    with inside(name):
        return socket.socket(family, kind | socket.SOCK_CLOEXEC, proto)
