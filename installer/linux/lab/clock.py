# SPDX-License-Identifier: Apache-2.0
"""Time on a machine that is busy, or that stands still for moments as virtual ones do.

PATIENCE is how long the lab and its tests wait for what must come. It is never part of what is tested: what comes takes as long
as it takes, only what never comes takes PATIENCE.

What must not take long, and how long nothing may come, is measured by `now()`: a clock that stands still while this process
does. A thread looks at the time every few milliseconds; what lies between two looks further apart was no time of ours."""
import os
import threading
import time

# How many times slower than a real one the machine is (emulated: tests/vm/).
SLOWNESS = float(os.environ.get("SEINE_LAB_SLOWNESS", "1"))
PATIENCE = max(60.0, 20 * SLOWNESS)
LOOK = 0.02
STILL = 0.1 * SLOWNESS  # between two looks; more than that is standing still


class Clock:
    def __init__(self, source=time.monotonic):
        self.source, self.lock = source, threading.Lock()
        self.last = source()
        self.still = self.longest = 0.0

    def now(self):
        """Seconds; their beginning means nothing."""
        with self.lock:
            t = self.source()
            gap = t - self.last - LOOK
            if gap > STILL:
                self.still += gap
                self.longest = max(self.longest, gap)
            self.last = t
            return t - self.still

    def told(self):
        """How long it stood, for whoever reads why a test failed."""
        self.now()
        with self.lock:
            return "stood still for %.1f s, at most %.1f s at once" % (self.still, self.longest)


_clock = Clock()


def now():
    return _clock.now()


def told():
    return _clock.told()


def _look():
    while True:
        time.sleep(LOOK)
        _clock.now()


def _begin():
    """Once in each process: a thread does not outlive a fork, and the time until then was nobody's."""
    global _clock
    _clock = Clock()
    threading.Thread(target=_look, daemon=True).start()


os.register_at_fork(after_in_child=_begin)
_begin()
