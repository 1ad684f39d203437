/* SPDX-License-Identifier: Apache-2.0
 *
 * Fuzzes all that reads what a switch sends: the session in each of its states, and each decoder
 * alone.  The first byte says which.  Beside not crashing: what is decoded must be canonical (a
 * second decoding changes nothing), and a session must never tell of an apply more than once. */
#include <stdlib.h>
#include <string.h>

#include "ovs/flow_internal.h"
#include "ovs/group.h"
#include "ovs/meter.h"
#include "ovs/ofsession.h"
#include "ovs/reject.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum mode {
    FROM_START,
    WHILE_IDLE,
    WHILE_DUMPING,
    WHILE_APPLYING,
    FLOWS,
    GROUPS,
    METERS,
    PACKET_IN,
    FLOW_TEXT,
    MATCH,
    INSTRUCTIONS,
    REJECT,
    N_MODES
};

static void check(bool ok)
{
    if (!ok)
        abort();
}

/* ---- sessions ---- */

struct told {
    struct ofsession *s;
    unsigned applied;
};

static void on_target(void *aux, const struct ip *ip, uint16_t port)
{
    (void)aux;
    (void)port;
    if (ip->family != 4 && ip->family != 6)
        abort();
}

static void on_row(void *aux, enum ofsession_space space, struct bytes key, struct bytes value)
{
    auto_sbuf text = SBUF_INIT;
    (void)aux;
    if (space == OFSESSION_FLOW)
        flow_format(key, value, &text, NULL);
    else if (space == OFSESSION_GROUP) {
        group_format(key, value, &text, NULL);
        group_targets(value, on_target, NULL);
    } else
        meter_format(key, value, &text, NULL);
}

static void on_applied(void *aux, const struct ofsession_outcome *o)
{
    struct told *t = aux;
    check(++t->applied == 1);
    check(o->reason != NULL);
}

static void on_packet(void *aux, const struct ofmsg_packet_in *pin)
{
    struct told *t = aux;
    ofsession_resume(t->s, pin, NULL);
}

static const struct ofsession_events events = {
    .dump_row = on_row, .applied = on_applied, .packet_in = on_packet};

static const uint8_t greeting[] = {
    6, 0, 0, 16, 0, 0, 0, 1, 0, 1,  0, 8, 0, 0, 0, 0x40,                           /* hello */
    6, 6, 0, 32, 0, 0, 0, 2, 0, 0,  0, 0, 0, 0, 0, 1,    0, 0, 0, 0, 254, 0, 0, 0, /* features */
    0, 0, 0, 0,  0, 0, 0, 0, 6, 21, 0, 8, 0, 0, 0, 3, /* barrier reply */
};

static void drain(struct ofsession *s)
{
    auto_sbuf out = SBUF_INIT;
    while (ofsession_output(s, &out, out.len + 100))
        check(out.len < 1 << 22);
}

static void fuzz_session(enum mode mode, const uint8_t *data, size_t size)
{
    static const uint8_t key[] = {1, 0, 100}, value[FLOW_VALUE_MIN] = {0};
    static const struct plan_item item = {PLAN_ADD, {key, 3}, {value, FLOW_VALUE_MIN}, {NULL, 0}};
    static const struct plan plan = {1, &item, 1};
    const struct plan *plans[OFSESSION_N_SPACES] = {&plan, NULL, NULL};
    struct told t = {0};
    struct ofsession *s = t.s = ofsession_new(NULL, &events, &t, 0);
    int r = 0;
    if (mode != FROM_START) {
        r = ofsession_input(s, greeting, sizeof greeting, 0, NULL);
        check(r == 0 && ofsession_state(s) == OFSESSION_IDLE);
    }
    if (mode == WHILE_DUMPING)
        ofsession_dump(s, 0);
    if (mode == WHILE_APPLYING)
        ofsession_apply(s, plans, 0);
    drain(s);
    for (size_t at = 0, n; !r && at < size; at += n) { /* in pieces of some length */
        n = (size_t)data[at] + 1;
        n = n > size - at ? size - at : n;
        r = ofsession_input(s, data + at, n, (int64_t)at, NULL);
        drain(s);
    }
    ofsession_run(s, INT64_MAX / 2, NULL);
    ofsession_lost(s);
    check(mode != WHILE_APPLYING || t.applied == 1);
    ofsession_free(s);
}

/* ---- decoders ---- */

static void fuzz_flows(struct bytes body)
{
    auto_sbuf key = SBUF_INIT, value = SBUF_INIT;
    while (ofmsg_flow_desc_next(&body, &key, &value, NULL) > 0) {
        auto_sbuf text = SBUF_INIT, mod = SBUF_INIT;
        struct bytes k = {key.data, key.len}, v = {value.data, value.len};
        flow_format(k, v, &text, NULL);
        check(!ofmsg_flow_mod_encode(OFMSG_DELETE, k, v, 1, &mod, NULL));
    }
}

static void fuzz_groups(struct bytes body)
{
    auto_sbuf key = SBUF_INIT, value = SBUF_INIT;
    while (ofmsg_group_desc_next(&body, &key, &value, NULL) > 0)
        on_row(NULL, OFSESSION_GROUP, (struct bytes){key.data, key.len},
               (struct bytes){value.data, value.len});
}

static void fuzz_meters(struct bytes body)
{
    auto_sbuf key = SBUF_INIT, value = SBUF_INIT;
    while (ofmsg_meter_desc_next(&body, &key, &value, NULL) > 0)
        on_row(NULL, OFSESSION_METER, (struct bytes){key.data, key.len},
               (struct bytes){value.data, value.len});
}

static void fuzz_packet_in(struct bytes msg)
{
    struct ofmsg_packet_in pin;
    auto_sbuf out = SBUF_INIT;
    if (!ofmsg_packet_in_decode(msg, &pin, NULL))
        ofmsg_resume_encode(&pin, 1, &out, NULL);
}

static void fuzz_match(struct bytes oxm)
{
    struct match one, two;
    auto_sbuf first = SBUF_INIT, second = SBUF_INIT, text = SBUF_INIT;
    if (match_parse(oxm, &one, NULL))
        return;
    match_put(&one, &first);
    check(!match_parse((struct bytes){first.data, first.len}, &two, NULL));
    match_put(&two, &second);
    check(first.len == second.len && (!first.len || !memcmp(first.data, second.data, first.len)));
    match_format(&one, 1, &text);
}

static void fuzz_instructions(struct bytes in)
{
    auto_sbuf first = SBUF_INIT, second = SBUF_INIT;
    if (instructions_canon(in, &first, NULL))
        return;
    check(!instructions_canon((struct bytes){first.data, first.len}, &second, NULL));
    check(first.len == second.len && (!first.len || !memcmp(first.data, second.data, first.len)));
}

static void fuzz_flow_text(const uint8_t *data, size_t size)
{
    auto_sbuf text = SBUF_INIT, merged = SBUF_INIT;
    size_t at = size ? data[0] : 0;
    if (at + 1 > size)
        return;
    struct bytes key = {data + 1, at}, value = {data + 1 + at, size - 1 - at};
    if (flow_format(key, value, &text, NULL))
        check(text.len == 0);
    flow_merge(&value, 1, &merged);
    check(merged.len <= value.n);
}

/* What is answered is within bounds, and no answer but a refusal of a query is answered again. */
static void fuzz_reject(struct bytes in)
{
    auto_sbuf out = SBUF_INIT, again = SBUF_INIT;
    int rc = reject_answer(in, &out, NULL);
    check((rc == 0) == (out.len > 0) && out.len <= REJECT_MAX);
    if (rc == 0)
        check(reject_answer((struct bytes){out.data, out.len}, &again, NULL) < 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (!size)
        return 0;
    enum mode mode = (enum mode)(data[0] % N_MODES);
    struct bytes rest = {data + 1, size - 1};
    switch (mode) {
    case FROM_START:
    case WHILE_IDLE:
    case WHILE_DUMPING:
    case WHILE_APPLYING:
        fuzz_session(mode, rest.p, rest.n);
        break;
    case FLOWS:
        fuzz_flows(rest);
        break;
    case GROUPS:
        fuzz_groups(rest);
        break;
    case METERS:
        fuzz_meters(rest);
        break;
    case PACKET_IN:
        fuzz_packet_in(rest);
        break;
    case FLOW_TEXT:
        fuzz_flow_text(rest.p, rest.n);
        break;
    case MATCH:
        fuzz_match(rest);
        break;
    case INSTRUCTIONS:
        fuzz_instructions(rest);
        break;
    case REJECT:
        fuzz_reject(rest);
        break;
    case N_MODES:
        break;
    }
    return 0;
}
