# SPDX-License-Identifier: Apache-2.0
"""What goes on in a cluster while faults strike: random changes of its objects."""
import random
import time

from kubelab import manifests


class Changes:
    """Random changes of the objects, ever the same for a seed."""

    def __init__(self, cp, seed, pods=400, node="n1"):
        self.cp, self.rnd, self.n, self.node, self.least = cp, random.Random(seed), 0, node, pods // 2
        self.pods = []
        cp.apply(*(manifests.namespace("s%d" % i) for i in range(3)), manifests.node(node, ["10.1.0.0/16"], ["192.0.2.77"]))
        for _ in range(pods):
            self.create()

    def create(self):
        self.n += 1
        pod = manifests.pod("s%d" % self.rnd.randrange(3), "p%d" % self.n, {"app": "a%d" % self.rnd.randrange(9)}, self.node,
                            ["10.1.%d.%d" % (self.n // 250 % 250, self.n % 250)])
        self.cp.apply(pod)
        self.pods.append(pod)

    def one(self):
        what = self.rnd.random()
        if what < 0.5:
            self.cp.client.patch(self.rnd.choice(self.pods), {"metadata": {"labels": {"app": "a%d" % self.rnd.randrange(9)}}})
        elif what < 0.65:
            self.create()
        elif what < 0.8 and len(self.pods) > self.least:
            self.cp.delete(self.pods.pop(self.rnd.randrange(len(self.pods))))
        elif what < 0.9:
            policy = manifests.policy("s0", "np%d" % self.rnd.randrange(20), {"matchLabels": {"app": "a%d" % self.rnd.randrange(9)}},
                                      ["Ingress"], [{}] * self.rnd.randrange(3))
            self.cp.apply(policy)
        elif what < 0.95:
            self.cp.delete(manifests.policy("s0", "np%d" % self.rnd.randrange(20)))
        else:
            self.cp.client.patch(manifests.namespace("s%d" % self.rnd.randrange(3)), {"metadata": {"labels": {"x": str(self.n)}}})

    def go_on(self, seconds, every=0.02, enough=lambda: True):
        """For so many seconds, and up to three times as many until there was enough of what comes meanwhile. Returns how many
        changes there were."""
        end, done = time.monotonic() + seconds, 0
        while time.monotonic() < end or time.monotonic() < end + 2 * seconds and not enough():
            self.one()
            done += 1
            time.sleep(every)
            if done % 200 == 0:
                self.cp.compact()
        return done
