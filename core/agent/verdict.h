/* SPDX-License-Identifier: Apache-2.0
 *
 * Verdicts: what the intents say about one kind of traffic between two parties, as far as this node
 * decides it: egress where the source is attached here, ingress where the destination is.  Pure:
 * reads a store without leaving notes, asks no switch; `seinectl why` compares the answer with the
 * switch's own trace.
 *
 * Parties are judged by their addresses, as the switch judges them.  A verdict is about a new
 * connection; packets of established ones are not judged again. */
#ifndef SEINE_AGENT_VERDICT_H
#define SEINE_AGENT_VERDICT_H

#include "core/base/err.h"
#include "core/base/sbuf.h"
#include "core/intent/intent.h"

struct cJSON;

struct verdict_query {
    const char *src, *dst; /* NAMESPACE/POD or an address */
    uint8_t family;        /* 4 or 6; 0: 4 where both parties have it, else 6 */
    uint8_t proto;         /* IP protocol number */
    uint16_t port;         /* of TCP, UDP, SCTP; else 0 */
};

struct verdict_party {
    const char *name; /* as it was asked for */
    const char *pod;  /* namespace/name of the Pod: asked for, attached here, or of another node but
                       * with this address; or NULL */
    const struct row *local; /* its row of TABLE_LOCAL, NULL: not attached here */
    struct ip ip;            /* the address that is judged */
};

struct verdict_rule {   /* a rule that allows the traffic */
    const char *policy; /* namespace/name */
    uint32_t index;     /* position in spec.ingress or spec.egress */
    struct intent_id rule;
    uint32_t id; /* the rule's number in the data plane */
};

struct verdict_side {
    bool here;             /* this node decides this direction; else it is allowed, with no rules */
    bool allowed;          /* the verdict */
    bool isolated;         /* a policy isolates the Pod in this direction, or nothing passes it */
    const char *because;   /* why it is so whatever the rules say; NULL: the rules decide */
    const char **policies; /* those that isolate the Pod in this direction, in key order */
    size_t n_policies;
    struct verdict_rule *rules; /* those that allow it, in order of policy and position */
    size_t n_rules;
};

struct verdict {
    struct verdict_query query; /* family filled in */
    struct verdict_party src, dst;
    struct verdict_side side[2]; /* by enum intent_direction */
    bool allowed;                /* both directions, as far as they are decided here */
};

/* Answers the query.  What 'out' points to is in 'a' and in the store: valid until either changes.
 * ERR_INVALID: a party is neither a Pod's name nor an address.  ERR_NOT_FOUND: no such Pod, or one
 * without addresses; no family that both have; neither party is attached to this node. */
int verdict_of(const struct store *s, const struct verdict_query *query, struct arena *a,
               struct verdict *out, struct err *err);

/* "TCP", "UDP", "SCTP", "ICMP", "ICMPv6", or NULL for others. */
const char *verdict_proto_name(uint8_t proto);
/* Why the side does not allow it: "no rule allows it: shop/db". */
void verdict_why_not(const struct verdict_side *side, struct sbuf *out);
/* The verdict as a table for people. */
void verdict_table(const struct verdict *v, struct sbuf *out);
/* The same as an object: verdict, source, destination, family, protocol, port, egress and ingress
 * {verdict, isolated, here, because, policies[], rules[]}.  The caller owns it. */
struct cJSON *verdict_json(const struct verdict *v);

#endif
