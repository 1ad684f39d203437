# SPDX-License-Identifier: Apache-2.0
"""The oracle against cases worked out by hand from the definition of NetworkPolicy: the judge is judged."""
import ipaddress
import unittest

import common  # noqa: F401  (finds the lab)
from lab.manifests import endpoint_slice, namespace, pod, policy, service
from oracle import Oracle, policy_types, selector_matches


def world(*more):
    objects = [
        namespace("a", {"team": "red"}), namespace("b", {"team": "blue"}), namespace("c"),
        pod("a", "web", {"app": "web"}, ips=["10.0.0.2", "fd00::2"], ports=[("http", 80, "TCP")]),
        pod("a", "db", {"app": "db"}, ips=["10.0.0.3", "fd00::3"], ports=[("http", 8080, "TCP")]),
        pod("b", "web", {"app": "web"}, ips=["10.0.0.4", "fd00::4"]),
        pod("c", "host", {"app": "web"}, ips=["192.0.2.1"], host_network=True),
        pod("b", "done", {"app": "web"}, ips=["10.0.0.9"], phase="Succeeded"),
    ]
    oracle = Oracle(objects + list(more))
    return oracle, {"%s/%s" % (o["metadata"]["namespace"], o["metadata"]["name"]): o
                    for o in objects if o["kind"] == "Pod"}


class Services(unittest.TestCase):
    @staticmethod
    def ask(slices, address="10.96.0.1", proto="TCP", port=80, **more):
        objects = [service("a", "s", ["10.96.0.1", "fd00:96::1"], ((80, "x"), (53, "y", "UDP")), **more), *slices]
        found = Oracle(objects).frontend(ipaddress.ip_address(address), proto, port)
        return found if found is None else sorted("%s:%d" % e for e in found)

    def test_addresses_and_ports(self):
        one = [endpoint_slice("a", "s", "1", ["10.0.0.1"], ((8080, "x"),))]
        self.assertEqual(self.ask(one), ["10.0.0.1:8080"])
        self.assertEqual(self.ask(one, port=81), None)
        self.assertEqual(self.ask(one, proto="UDP"), None)
        self.assertEqual(self.ask(one, proto="UDP", port=53), [])
        self.assertEqual(self.ask(one, "fd00:96::1"), [])
        self.assertEqual(self.ask(one, "10.96.0.2"), None)
        self.assertEqual(self.ask(one, kind="ExternalName"), None)

    def test_slices(self):
        self.assertEqual(self.ask([endpoint_slice("b", "s", "1", ["10.0.0.1"], ((8080, "x"),)),
                                   endpoint_slice("a", "t", "1", ["10.0.0.2"], ((8080, "x"),)),
                                   endpoint_slice("a", "s", "1", ["10.0.0.3"], ((8080, "z"),)),
                                   endpoint_slice("a", "s", "2", ["10.0.0.4"], ((8080, "x", "UDP"),))]), [])
        self.assertEqual(self.ask([endpoint_slice("a", "s", "1", ["10.0.0.1"], ((1, "x"),)),
                                   endpoint_slice("a", "s", "2", ["10.0.0.1"], ((1, "x"),)),
                                   endpoint_slice("a", "s", "3", ["10.0.0.1"], ((2, "x"),))]),
                         ["10.0.0.1:1", "10.0.0.1:2"])

    def test_one_address_claimed_twice(self):
        twins = [service(space, name, ["10.96.0.1"], ((80, "x"),)) for space, name in (("b", "a"), ("a", "t"))]
        slices = [endpoint_slice(o["metadata"]["namespace"], o["metadata"]["name"], "1", ["10.0.0.%d" % i], ((80, "x"),))
                  for i, o in enumerate(twins)]
        first, second = (Oracle(objects).frontend(ipaddress.ip_address("10.96.0.1"), "TCP", 80)
                         for objects in (twins + slices, twins[::-1] + slices))
        self.assertEqual(first, {(ipaddress.ip_address("10.0.0.1"), 80)})
        self.assertEqual(second, first)

    def test_conditions(self):
        def ends(*conditions):
            return self.ask([endpoint_slice("a", "s", "1", [("10.0.0.%d" % i, c) for i, c in enumerate(conditions)],
                                            ((1, "x"),))])
        ending = {"ready": False, "serving": True, "terminating": True}
        self.assertEqual(ends({}, {"ready": False}, ending), ["10.0.0.0:1"])
        self.assertEqual(ends({"ready": False}, ending), ["10.0.0.1:1"])
        self.assertEqual(ends({"ready": False, "serving": True}, {"ready": False, "terminating": True}), [])


class Selectors(unittest.TestCase):
    def test_operators(self):
        def match(labels, **expression):
            return selector_matches({"matchExpressions": [expression]}, labels)
        self.assertTrue(match({"k": "v"}, key="k", operator="In", values=["v", "w"]))
        self.assertFalse(match({}, key="k", operator="In", values=["v"]))
        self.assertTrue(match({}, key="k", operator="NotIn", values=["v"]))
        self.assertFalse(match({"k": "v"}, key="k", operator="NotIn", values=["v"]))
        self.assertTrue(match({"k": ""}, key="k", operator="Exists"))
        self.assertFalse(match({"k": ""}, key="k", operator="DoesNotExist"))
        self.assertTrue(match({}, key="k", operator="DoesNotExist"))

    def test_empty_value_needs_the_key(self):
        self.assertFalse(selector_matches({"matchLabels": {"k": ""}}, {}))
        self.assertTrue(selector_matches({"matchLabels": {"k": ""}}, {"k": ""}))

    def test_empty_selector_matches_all(self):
        self.assertTrue(selector_matches({}, {}))


class Defaults(unittest.TestCase):
    def test_policy_types(self):
        self.assertEqual(policy_types({}), ["Ingress"])
        self.assertEqual(policy_types({"egress": []}), ["Ingress"])
        self.assertEqual(policy_types({"egress": [{}]}), ["Ingress", "Egress"])
        self.assertEqual(policy_types({"policyTypes": ["Egress"]}), ["Egress"])


class Verdicts(unittest.TestCase):
    def check(self, policies, src, dst, expected, proto="TCP", port=80, family=4):
        oracle, pods = world(*policies)
        self.assertEqual(oracle.verdict(pods[src], pods[dst], family, proto, port), expected)

    def test_no_policy_allows(self):
        self.check([], "a/web", "b/web", True)

    def test_default_deny_by_direction(self):
        deny = policy("a", "p", {}, ["Ingress"])
        self.check([deny], "b/web", "a/web", False)
        self.check([deny], "a/web", "b/web", True)
        self.check([deny], "a/web", "a/db", False)
        self.check([deny], "a/web", "a/web", True)

    def test_egress_deny(self):
        deny = policy("a", "p", {}, ["Egress"])
        self.check([deny], "a/web", "b/web", False)
        self.check([deny], "b/web", "a/web", True)

    def test_pod_selector_is_of_the_policys_namespace(self):
        p = policy("a", "p", {}, ingress=[{"from": [{"podSelector": {"matchLabels": {"app": "web"}}}]}])
        self.check([p], "a/web", "a/db", True)
        self.check([p], "b/web", "a/db", False)

    def test_namespace_selector(self):
        blue = {"namespaceSelector": {"matchLabels": {"team": "blue"}}}
        p = policy("a", "p", {}, ingress=[{"from": [blue]}])
        self.check([p], "b/web", "a/db", True)
        self.check([p], "a/web", "a/db", False)
        both = dict(blue, podSelector={"matchLabels": {"app": "db"}})
        self.check([policy("a", "p", {}, ingress=[{"from": [both]}])], "b/web", "a/db", False)

    def test_namespace_name_label_is_always_there(self):
        sel = {"namespaceSelector": {"matchLabels": {"kubernetes.io/metadata.name": "b"}}}
        self.check([policy("a", "p", {}, ingress=[{"from": [sel]}])], "b/web", "a/db", True)

    def test_ports_and_protocols(self):
        p = policy("a", "p", {}, ingress=[{"ports": [{"port": 80}, {"protocol": "UDP"}]}])
        self.check([p], "b/web", "a/db", True)
        self.check([p], "b/web", "a/db", False, port=81)
        self.check([p], "b/web", "a/db", True, "UDP", 5)
        self.check([p], "b/web", "a/db", False, "SCTP", 80)
        self.check([p], "b/web", "a/db", False, "ICMP", None)

    def test_rule_without_ports_allows_icmp(self):
        p = policy("a", "p", {}, ingress=[{}])
        self.check([p], "b/web", "a/db", True, "ICMP", None)

    def test_end_port(self):
        p = policy("a", "p", {}, ingress=[{"ports": [{"port": 80, "endPort": 90}]}])
        for port, expected in ((79, False), (80, True), (90, True), (91, False)):
            self.check([p], "b/web", "a/db", expected, port=port)

    def test_named_port_is_of_the_receiver(self):
        p = policy("a", "p", {}, ingress=[{"ports": [{"port": "http"}]}])
        self.check([p], "b/web", "a/web", True, port=80)
        self.check([p], "b/web", "a/db", False, port=80)
        self.check([p], "b/web", "a/db", True, port=8080)
        e = policy("a", "p", {}, ["Egress"], egress=[{"ports": [{"port": "http"}]}])
        self.check([e], "a/web", "a/db", True, port=8080)
        self.check([e], "a/web", "a/db", False, port=80)
        self.check([e], "a/web", "b/web", False, port=80)

    def test_ip_block(self):
        block = {"ipBlock": {"cidr": "10.0.0.1/24", "except": ["10.0.0.4/32"]}}
        p = policy("a", "p", {}, ingress=[{"from": [block]}])
        self.check([p], "a/web", "a/db", True)
        self.check([p], "b/web", "a/db", False)
        self.check([p], "a/web", "a/db", False, family=6)

    def test_finished_and_host_network_pods_are_nobodys_peers(self):
        p = policy("a", "p", {}, ingress=[{"from": [{"namespaceSelector": {}}]}])
        oracle, pods = world(p)
        self.assertTrue(oracle.ingress("10.0.0.4", pods["a/db"], 4, "TCP", 80))
        self.assertFalse(oracle.ingress("10.0.0.9", pods["a/db"], 4, "TCP", 80))
        self.assertFalse(oracle.ingress("192.0.2.1", pods["a/db"], 4, "TCP", 80))

    def test_union_of_policies(self):
        one = policy("a", "p", {}, ingress=[{"ports": [{"port": 80}]}])
        two = policy("a", "q", {"matchLabels": {"app": "db"}}, ingress=[{"ports": [{"port": 81}]}])
        self.check([one, two], "b/web", "a/db", True, port=81)
        self.check([one, two], "b/web", "a/web", False, port=81)


if __name__ == "__main__":
    unittest.main()
