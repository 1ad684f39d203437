# SPDX-License-Identifier: Apache-2.0
"""What every test stands on: a process that the lab has killed holds nothing any more; a clock that counts no time in which the
machine stood still; streams that lose nothing because somebody is late."""
import socket
import subprocess
import sys
import threading
import time
import unittest

import common
from lab import clock, netns, ovs, probe

# Listens, and has threads and pages enough that the kernel needs a while to end it; its first thread is a zombie long before.
MANY_THREADS = """
import socket, threading, time
s = socket.create_server(("127.0.0.1", %d))
pages = bytearray(300 << 20)
for _ in range(8):
    threading.Thread(target=time.sleep, args=(60,), daemon=True).start()
print("up", flush=True)
time.sleep(60)
"""


class Kill(unittest.TestCase):
    def test_sockets_are_closed(self):
        with socket.create_server(("127.0.0.1", 0)) as s:
            port = s.getsockname()[1]
        for _ in range(3):
            process = subprocess.Popen([sys.executable, "-c", MANY_THREADS % port], stdout=subprocess.PIPE)
            with process.stdout:
                self.assertEqual(process.stdout.readline(), b"up\n")
                self.assertTrue(ovs.kill(process.pid))
            socket.create_server(("127.0.0.1", port)).close()
            process.wait()

    def test_a_process_that_is_not_there(self):
        process = subprocess.Popen(["true"])
        process.wait()
        self.assertTrue(ovs.kill(process.pid))


class Clock(unittest.TestCase):
    def test_counts_what_passes(self):
        t = [100.0]
        c = clock.Clock(lambda: t[0])
        start = c.now()
        for _ in range(50):
            t[0] += clock.LOOK
            c.now()
        self.assertAlmostEqual(c.now() - start, 50 * clock.LOOK)

    def test_does_not_count_standing_still(self):
        t = [100.0]
        c = clock.Clock(lambda: t[0])
        start = c.now()
        t[0] += 7
        self.assertLess(c.now() - start, 2 * clock.STILL)
        self.assertIn("stood still for 7.0 s, at most 7.0 s", c.told())

    def test_runs_while_nobody_asks(self):
        start, real = clock.now(), time.monotonic()
        common.eventually(lambda: clock.now() - start > 0.5, "it runs")
        self.assertLess(clock.now() - start, time.monotonic() - real + 0.1)


class Late:
    """Echoes datagrams, each time all that have come meanwhile."""

    def __init__(self, pause, loses=()):
        self.sock = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.sock.bind(("127.0.0.1", 0))
        self.pause, self.loses, self.most, self.running = pause, set(loses), 0, True
        self.thread = threading.Thread(target=self.run, daemon=True)
        self.thread.start()

    def run(self):
        self.sock.settimeout(0.1)
        while self.running:
            time.sleep(self.pause)
            found = []
            try:
                while True:
                    found.append(self.sock.recvfrom(100))
                    self.sock.settimeout(0)
            except (BlockingIOError, TimeoutError):
                self.sock.settimeout(0.1)
            self.most = max(self.most, len(found))
            for data, peer in found:
                if int(data) in self.loses:
                    self.loses.remove(int(data))
                else:
                    self.sock.sendto(data, peer)
        self.sock.close()


class Stream(unittest.TestCase):
    def stream(self, late, n):
        s = probe.Stream("/proc/thread-self/ns/net", "127.0.0.1", late.sock.getsockname()[1])
        s.start()
        s.goes_on(n)
        lost = s.finish()
        late.running = False
        late.thread.join()
        return s, lost

    def test_fills_no_queue_of_one_who_is_late(self):
        late = Late(0.3)
        s, lost = self.stream(late, 60)
        self.assertEqual((lost, s.failed), (0, None))
        self.assertLessEqual(late.most, probe.IN_FLIGHT)

    def test_fills_none_of_one_who_is_away_for_seconds(self):
        late = Late(2.5)
        s, lost = self.stream(late, 60)
        self.assertEqual((lost, s.failed), (0, None))
        self.assertLessEqual(late.most, 5 * probe.IN_FLIGHT)

    def test_sees_what_is_lost_and_goes_on(self):
        s, lost = self.stream(Late(0, range(20, 20 + probe.IN_FLIGHT)), 60)
        self.assertEqual((lost, s.failed), (probe.IN_FLIGHT, None))
        self.assertGreater(s.longest_silence, 0.9)


if __name__ == "__main__":
    common.need_lab()
    netns.leave()  # a port that was free is not somebody else's a moment later
    unittest.main()
