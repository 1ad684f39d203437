# SPDX-License-Identifier: Apache-2.0
"""The orders of a test to the doubles: lines appended to a file, obeyed before the next call."""
import json
import os
import threading
import time


class Commands:
    """Reads the file; keeps what each order means for later calls. What concerns the service as a whole goes to
    `actions`: functions by the order's first word, called with the other words."""

    def __init__(self, path, actions):
        self.path, self.actions = path, actions
        self.offset = 0
        self.lock = threading.RLock()
        self.fails = {}    # function: [code, times left]
        self.delays = {}   # function: milliseconds
        self.holds = set()  # functions
        self.held = {}     # function: how many calls wait until it is let go
        self.let_go = threading.Condition(self.lock)
        self.settings = {"reorder": "off", "service": "up", "adapter-delay": "0", "version": "11.10", "events": "on",
                         "extension": "present", "lose-addresses": "off"}
        open(path, "a").close()
        self.tell_held()

    def poll(self):
        """Obeys what was appended since; a line without its end waits."""
        with self.lock:
            try:
                if os.stat(self.path).st_size <= self.offset:
                    return
                with open(self.path, "rb") as f:
                    f.seek(self.offset)
                    data = f.read()
            except FileNotFoundError:
                return
            lines = data[:data.rfind(b"\n") + 1]
            self.offset += len(lines)
            for line in lines.decode("utf-8", "replace").splitlines():
                words = line.split("#")[0].split()
                if words:
                    try:
                        self.obey(words)
                    except (IndexError, ValueError) as e:
                        print("commands: not understood: %r (%s)" % (line, e), flush=True)

    def obey(self, words):
        name, rest = words[0], words[1:]
        if name == "fail":
            self.fails[rest[0]] = [code_of(rest[1]) & 0xffffffff, int(rest[2]) if len(rest) > 2 else 1]
        elif name == "delay":
            self.delays[rest[0]] = int(rest[1])
        elif name == "hold":
            self.holds.add(rest[0])
        elif name == "release":
            self.holds.discard(rest[0])
            self.let_go.notify_all()
        elif name in self.settings:
            old, self.settings[name] = self.settings[name], rest[0]
            if name in self.actions:
                self.actions[name](old, rest[0])
        elif name in self.actions:
            self.actions[name](*rest)
        else:
            raise ValueError("no such order")

    def before(self, function):
        """What comes first in each call: the code to fail with, or 0; it took its delay, and was let go."""
        self.poll()
        with self.lock:
            wait = self.delays.get(function, self.delays.get("*", 0))
            code = 0
            for key in (function, "*"):
                fail = self.fails.get(key)
                if fail and fail[1] > 0:
                    fail[1] -= 1
                    code = fail[0]
                    break
        if wait:
            time.sleep(wait / 1000)
        self.wait_while_held(function)
        return code

    def wait_while_held(self, function):
        with self.lock:
            if function not in self.holds:
                return
            self.held[function] = self.held.get(function, 0) + 1
            self.tell_held()
            self.let_go.wait_for(lambda: function not in self.holds)
            self.held[function] -= 1
            self.tell_held()

    def tell_held(self):
        replace_json(os.path.dirname(self.path) + "/held.json", self.held)

    def watch(self, every=0.02):
        """For orders that need no call: in a thread of its own."""
        while True:
            self.poll()
            time.sleep(every)


def code_of(text):
    """A number, decimal or hexadecimal, with 0x or (of eight digits) without."""
    if len(text) == 8 and not text.startswith("0x"):
        return int(text, 16)
    return int(text, 0)


class Later:
    """True when so long has passed as is asked for by then, `ms()`; from then on always."""

    def __init__(self, ms):
        self.ms, self.since, self.come = ms, time.monotonic(), False

    def __call__(self):
        self.come = self.come or time.monotonic() >= self.since + self.ms() / 1000
        return self.come


class Log:
    """One JSON line a call."""

    def __init__(self, path):
        self.lock, self.n = threading.Lock(), 0
        self.file = open(path, "a", buffering=1)

    def write(self, function, start, hr, **what):
        with self.lock:
            self.n += 1
            self.file.write(json.dumps(dict({"n": self.n, "function": function}, **what, hr=hr,
                                            ms=round((time.monotonic() - start) * 1000, 3)),
                                       ensure_ascii=False) + "\n")


def replace_json(path, value):
    with open(path + ".new", "w") as f:
        json.dump(value, f, indent=1)
    os.rename(path + ".new", path)
