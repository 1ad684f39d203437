# SPDX-License-Identifier: Apache-2.0
"""A small cluster on one machine: nodes, Open vSwitch, agents, Pods and probes, in network namespaces.

Python's standard library only. The quickstart shows itself with it and the system tests stand on it, so both
see the same thing: each node is a namespace with its own ovsdb-server and ovs-vswitchd, each Pod a
namespace that a real CNI call fills. Modules, from the bottom up:

  clock      patience, and a clock that does not count what the machine stood still
  netns      namespaces: make, enter, open sockets inside, remove
  ovs        one Open vSwitch: daemons, tools, the control socket (ofproto/trace)
  manifests  the folder of Kubernetes objects
  probe      TCP, UDP, SCTP and ICMP questions asked from inside namespaces, many at once; the servers
  cluster    nodes, underlay, agents, CNI calls, Pods
"""
