/* SPDX-License-Identifier: Apache-2.0 */
#include "core/pipeline/stages.h"

#include <string.h>

#define STAGE_ROW__(id, table, name, feature, miss, match, doc)                                    \
    {table, #id, name, feature, miss, match, doc},
const struct stage_info stage_table[] = {STAGE_LIST(STAGE_ROW__)};
#undef STAGE_ROW__
const size_t stage_count = ARRAY_LEN(stage_table);

struct reg_info {
    const char *name;
    unsigned reg, first, bits;
    const char *doc;
};
#define REG_ROW__(name, reg, first, bits, doc) {#name, reg, first, bits, doc},
static const struct reg_info regs[] = {REG_LIST(REG_ROW__)};
#undef REG_ROW__

struct zone_info {
    const char *name;
    unsigned number;
    const char *doc;
};
#define ZONE_ROW__(name, number, doc) {#name, number, doc},
static const struct zone_info zones[] = {ZONE_LIST(ZONE_ROW__)};
#undef ZONE_ROW__

struct mark_info {
    const char *name;
    unsigned bit;
    const char *doc;
};
#define MARK_ROW__(name, bit, doc) {#name, bit, doc},
static const struct mark_info marks[] = {MARK_LIST(MARK_ROW__)};
#undef MARK_ROW__

/* IPv4: of the link-local range, as node-local caches use it; IPv6: of a range drawn at random
 * (RFC 4193). */
struct ip hairpin_address(uint8_t family)
{
    static const struct ip v6 = {6, {0xfd, 0x5e, 0x19, 0xe0, 0x5e, 0x1e, [15] = 1}};
    return family == 4 ? ip_v4(0xa9fe5e01) : v6; /* 169.254.94.1, fd5e:19e0:5e1e::1 */
}

const struct stage_info *stage_find(uint8_t table)
{
    for (size_t i = 0; i < stage_count; i++)
        if (stage_table[i].table == table)
            return &stage_table[i];
    return NULL;
}

const struct stage_info *stage_by_name(const char *name)
{
    for (size_t i = 0; i < stage_count; i++)
        if (strcmp(stage_table[i].name, name) == 0)
            return &stage_table[i];
    return NULL;
}

bool stage_is_reserved(const struct stage_info *s)
{
    return strcmp(s->miss, "reserved") == 0;
}

/* A miss as people read it: "drop", "reserved" or the next stage's printed name. */
static const char *miss_text(const struct stage_info *s)
{
    for (size_t i = 0; i < stage_count; i++)
        if (strcmp(stage_table[i].id, s->miss) == 0)
            return stage_table[i].name;
    return s->miss;
}

void pipeline_print(struct sbuf *out)
{
    sbuf_printf(out, "%-6s %-20s %-10s %-18s %s\n", "TABLE", "STAGE", "FEATURE", "MISS", "MATCH");
    for (size_t i = 0; i < stage_count; i++) {
        const struct stage_info *s = &stage_table[i];
        sbuf_printf(out, "%-6u %-20s %-10s %-18s %s\n", (unsigned)s->table, s->name, s->feature,
                    miss_text(s), *s->match ? s->match : "-");
    }
}

static void docs_stages(struct sbuf *out)
{
    sbuf_puts(out, "## Stages\n\nA stage is an OpenFlow table.  A packet that matches no flow of a "
                   "stage goes on as the column \"miss\" says.\nStages that are reserved hold no "
                   "flows yet and no packet goes there; their numbers are kept for what is named.\n"
                   "\n| table | stage | feature | miss | matches on | what it does |\n"
                   "|---|---|---|---|---|---|\n");
    for (size_t i = 0; i < stage_count; i++) {
        const struct stage_info *s = &stage_table[i];
        sbuf_printf(out, "| %u | %s | %s | %s | %s | %s |\n", (unsigned)s->table, s->name,
                    s->feature, miss_text(s), *s->match ? s->match : "–", s->doc);
    }
}

static void docs_fields(struct sbuf *out)
{
    sbuf_puts(out, "\n## Registers\n\n| name | register | bits | meaning |\n|---|---|---|---|\n");
    for (size_t i = 0; i < ARRAY_LEN(regs); i++)
        sbuf_printf(out, "| %s | reg%u | %u..%u | %s |\n", regs[i].name, regs[i].reg, regs[i].first,
                    regs[i].first + regs[i].bits - 1, regs[i].doc);
    sbuf_puts(out, "\n## Connection-tracking zones\n\n| name | zone | holds |\n|---|---|---|\n");
    for (size_t i = 0; i < ARRAY_LEN(zones); i++)
        sbuf_printf(out, "| %s | %u | %s |\n", zones[i].name, zones[i].number, zones[i].doc);
    sbuf_puts(
        out,
        "\n## Bits of a connection's mark\n\n| name | ct_mark bit | meaning |\n|---|---|---|\n");
    for (size_t i = 0; i < ARRAY_LEN(marks); i++)
        sbuf_printf(out, "| %s | %u | %s |\n", marks[i].name, marks[i].bit, marks[i].doc);
}

void pipeline_docs(struct sbuf *out)
{
    sbuf_puts(
        out,
        "# The pipeline\n\n"
        "This page is printed by `seinectl pipeline -o markdown` from the stage table in\n"
        "`core/pipeline/stages.h`; a test holds the two together.  The same objects give the same\n"
        "flows on every platform.\n\n"
        "A packet of a Pod is classified by its port, checked against what that Pod may send "
        "from,\n"
        "tracked, sent to an endpoint if it opens a connection to a Service, judged by the egress "
        "rules\n"
        "of its Pod, forwarded by its destination, judged by the ingress rules of a local "
        "destination,\n"
        "remembered if it opens a connection, and sent.\n"
        "Packets from other nodes enter behind the spoof guard; their egress was judged where "
        "they\n"
        "came from.\n\n");
    docs_stages(out);
    docs_fields(out);
    sbuf_puts(
        out,
        "\n## Rules as conjunctive matches\n\n"
        "A resolved rule has up to three clauses: the Pod it applies to (clause 0), the peer, and "
        "the\n"
        "port.  Each clause's flows carry `conjunction(ID,CLAUSE/N)`; a packet that meets all of "
        "them\n"
        "matches `conj_id=ID`, which lets it through.  ID is a hash of the rule's content, so "
        "equal\n"
        "rules of any number of policies are one, and a restart finds what it left.  An address\n"
        "that is in several sets has one flow with the conjunctions of all rules that name them.\n"
        "A rule without peers and ports is one flow of its Pod.  Port ranges are the fewest "
        "masks.\n"
        "Port names are resolved before: of ingress rules into the Pod's clause, of egress rules\n"
        "into the peer's.\n\n"
        "## What always holds\n\n"
        "- Established connections, and ICMP errors that belong to them, skip policy: a policy "
        "change\n"
        "  applies to new connections.  SCTP is the exception: the userspace datapath tracks it "
        "without\n"
        "  ports, so what a client sends is judged packet by packet.\n"
        "- Connections to Services are judged by their endpoint.  They are remembered when they "
        "are\n"
        "  translated, with the mark PENDING until policy has let a packet through: until then "
        "each is\n"
        "  judged, whatever connection tracking calls it ([services.md](services.md)).\n"
        "- A node's own addresses reach its own Pods whatever their policies (probes).\n"
        "- Neighbour discovery and ARP are not subject to policy; spoofed ones never pass.\n"
        "- A Pod that is not whole (its port or object is missing, or its object is another "
        "Pod's)\n"
        "  has no flows: nothing passes to it or from it.\n"
        "- Where the node's physical adapter is a port of the bridge (uplink), packets between it "
        "and the\n"
        "  node itself (LOCAL) pass unseen by policy, and by no other way: two flows, written "
        "before "
        "all\n"
        "  others.  From there a Pod is reached only as the node routes.\n"
        "- The time to live is decremented once by each node that routes; not between Pods of one\n"
        "  node.\n");
}
