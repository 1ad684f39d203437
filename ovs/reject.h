/* SPDX-License-Identifier: Apache-2.0
 *
 * The answer to a packet that is refused: a TCP reset (RFC 9293, 3.10.7.1), else ICMP "port
 * unreachable" (RFC 792; RFC 1122, 3.2.2) or ICMPv6 "port unreachable" (RFC 4443, 3.1), as the
 * destination itself would send it.  Bytes in, bytes out.
 *
 * Nothing answers what must not be answered: a reset, an ICMP or ICMPv6 error, a redirect, a
 * fragment behind the first, a packet to or from a multicast or broadcast address (RFC 1122,
 * 3.2.2; RFC 4443, 2.4 (e)), a frame to a multicast MAC. */
#ifndef SEINE_OVS_REJECT_H
#define SEINE_OVS_REJECT_H

#include "core/base/err.h"
#include "core/base/sbuf.h"
#include "core/engine/engine.h"

/* Room that the longest answer takes: Ethernet, IPv6, ICMPv6 and what is quoted. */
enum { REJECT_MAX = 14 + 1280 };

/* 'packet' is an Ethernet frame without a VLAN tag, whole or cut at its end; the answer, with
 * finished checksums, is appended to 'out'.  0 if there is one.  ERR_NOT_FOUND: this packet is not
 * to be answered.  ERR_TRUNCATED, ERR_UNSUPPORTED (neither IPv4 nor IPv6): 'out' is as it was. */
int reject_answer(struct bytes packet, struct sbuf *out, struct err *err);

#endif
