# SPDX-License-Identifier: Apache-2.0
"""iproute2 and sysctl of the network namespace in which this process runs, and of others by name."""
import contextlib
import json
import socket
import subprocess
import uuid

ADAPTER_SPACE = uuid.UUID("5e13e000-0000-4000-8000-000000000001")


class NetError(Exception):
    """A command of iproute2 failed; the text is its own."""


def run(*argv, stdin=None):
    done = subprocess.run([str(a) for a in argv], input=stdin, text=True, capture_output=True, timeout=120)
    if done.returncode:
        raise NetError("%s: %s" % (" ".join(map(str, argv)), done.stderr.strip()))
    return done.stdout


def ip_json(*argv, netns=None):
    at = ["-n", netns] if netns else []
    text = run("ip", *at, "-j", *argv)
    return json.loads(text) if text.strip() else []


def index_of(name):
    try:
        return socket.if_nametoindex(name)
    except OSError:
        return 0


def write_sysctl(name, value):
    with contextlib.suppress(OSError):
        with open("/proc/sys/net/" + name, "w") as f:
            f.write(str(value))


def read_sysctl(name):
    try:
        with open("/proc/sys/net/" + name) as f:
            return f.read().strip()
    except OSError:
        return "0"
