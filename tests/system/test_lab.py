# SPDX-License-Identifier: Apache-2.0
"""What every test stands on: a process that the lab has killed holds nothing any more."""
import socket
import subprocess
import sys
import unittest

import common
from lab import netns, ovs

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


if __name__ == "__main__":
    common.need_lab()
    netns.leave()  # a port that was free is not somebody else's a moment later
    unittest.main()
