/* SPDX-License-Identifier: Apache-2.0
 *
 * The session against a scripted switch: each exchange, each way to fail, each clock. */
#include "tests/unit/ovs/ovs_test.h"

#include "ovs/ofsession.h"
#include "ovs/group.h"
#include "ovs/meter.h"

/* The session and what it told. */
struct world {
    struct ofsession *s;
    struct sbuf out; /* what it sent and the test has not looked at */
    int64_t now;
    unsigned n_ready, n_end, n_applied, n_stray, n_ports, n_packets;
    unsigned n_rows[OFSESSION_N_SPACES];
    struct ofsession_outcome outcome;
    char reason[256];
    bool apply_when_ready;
};

static void ready(void *aux, const struct ofmsg_features *features)
{
    struct world *w = aux;
    assert_int_equal(features->n_tables, 254);
    w->n_ready++;
    if (w->apply_when_ready)
        assert_int_equal(ofsession_dump(w->s, w->now), 0);
}

static void dump_row(void *aux, enum ofsession_space space, struct bytes key, struct bytes value)
{
    struct world *w = aux;
    assert_true(key.n && value.n);
    w->n_rows[space]++;
}

static void dump_end(void *aux)
{
    ((struct world *)aux)->n_end++;
}

static void applied(void *aux, const struct ofsession_outcome *o)
{
    struct world *w = aux;
    w->n_applied++;
    w->outcome = *o;
    snprintf(w->reason, sizeof w->reason, "%s", o->reason);
}

static void port_status(void *aux, enum ofmsg_port_reason reason, const struct ofmsg_port *port)
{
    (void)reason;
    (void)port;
    ((struct world *)aux)->n_ports++;
}

static void packet_in(void *aux, const struct ofmsg_packet_in *pin)
{
    (void)pin;
    ((struct world *)aux)->n_packets++;
}

static void stray(void *aux, const struct ofmsg_error *e)
{
    (void)e;
    ((struct world *)aux)->n_stray++;
}

static const struct ofsession_events events = {ready,       dump_row,  dump_end, applied,
                                               port_status, packet_in, stray};

static void world_init(struct world *w, const struct ofsession_config *config)
{
    memset(w, 0, sizeof *w);
    w->now = 1000;
    w->s = ofsession_new(config, &events, w, w->now);
}

static void world_done(struct world *w)
{
    ofsession_free(w->s);
    sbuf_done(&w->out);
}

static int give(struct world *w, const char *hex)
{
    struct sbuf b = SBUF_INIT;
    struct err err = {0};
    put_hex_text(&b, hex);
    struct bytes copy = exact_copy(of_sbuf(&b), b.len);
    int r = ofsession_input(w->s, copy.p, copy.n, w->now, &err);
    free_copy(copy);
    sbuf_done(&b);
    if (r)
        assert_true(err.text[0]);
    return r;
}

/* Takes the next message that the session sends; its xid, and it must be of this type. */
static uint32_t expect(struct world *w, uint8_t type)
{
    ofsession_output(w->s, &w->out, 1 << 20);
    if (w->out.len < OFMSG_HEADER_LEN)
        fail_msg("no message, but type %u was expected", type);
    uint16_t len = get_be16(w->out.data + 2);
    assert_int_equal((uint8_t)w->out.data[1], type);
    assert_true(len <= w->out.len);
    uint32_t xid = get_be32(w->out.data + 4);
    sbuf_pull(&w->out, len);
    return xid;
}

static void expect_silence(struct world *w)
{
    ofsession_output(w->s, &w->out, 1 << 20);
    assert_int_equal(w->out.len, 0);
    assert_false(ofsession_has_output(w->s));
}

static int give_head(struct world *w, uint8_t type, uint32_t xid, const char *rest)
{
    struct sbuf b = SBUF_INIT;
    put_hex_text(&b, rest);
    char text[4096];
    int n = snprintf(text, sizeof text, "06%02x%04x%08x%s", type,
                     (unsigned)(OFMSG_HEADER_LEN + b.len), (unsigned)xid, rest);
    sbuf_done(&b);
    assert_true(n > 0 && (size_t)n < sizeof text);
    return give(w, text);
}

static int barrier_reply(struct world *w, uint32_t xid)
{
    return give_head(w, OFMSG_BARRIER_REPLY, xid, "");
}

static const char hello[] = "0600001000000001 0001000800000040";
static const char features[] = "00000000000000aa 00000000 fe 00 0000 00000000 00000000";

static void make_ready(struct world *w)
{
    expect(w, OFMSG_HELLO);
    assert_int_equal(give(w, hello), 0);
    uint32_t xid = expect(w, OFMSG_FEATURES_REQUEST);
    assert_int_equal(give_head(w, OFMSG_FEATURES_REPLY, xid, features), 0);
    assert_int_equal(w->n_ready, 0);
    xid = expect(w, OFMSG_BARRIER_REQUEST);
    assert_int_equal(barrier_reply(w, xid), 0);
    assert_int_equal(w->n_ready, 1);
    if (!w->apply_when_ready)
        assert_int_equal(ofsession_state(w->s), OFSESSION_IDLE);
}

/* ---- plans ---- */

struct plans {
    struct sbuf key[8], value[8];
    struct plan_item items[OFSESSION_N_SPACES][8];
    struct plan plan[OFSESSION_N_SPACES];
    const struct plan *all[OFSESSION_N_SPACES];
    size_t n;
};

static void plan_add(struct plans *p, enum ofsession_space space, enum plan_op op, uint32_t id)
{
    struct match m;
    auto_actions a;
    struct sbuf *key = &p->key[p->n], *value = &p->value[p->n];
    match_init(&m);
    actions_init(&a);
    if (space == OFSESSION_FLOW) {
        flow_key_encode(1, (uint16_t)id, &m, key);
        flow_value_encode(id, 0, 0, 0, &a, value);
    } else if (space == OFSESSION_GROUP) {
        group_key_encode(id, key);
        group_value_encode(&(struct group){.type = GROUP_ALL}, value);
    } else {
        meter_key_encode(id, key);
        meter_value_encode(&(struct meter){.flags = METER_PKTPS, .rate = id}, value);
    }
    p->n++;
    struct plan *plan = &p->plan[space];
    p->items[space][plan->n++] = (struct plan_item){op, of_sbuf(key), of_sbuf(value), {NULL, 0}};
    plan->items = p->items[space];
    p->all[space] = plan;
}

static void plans_done(struct plans *p)
{
    for (size_t i = 0; i < p->n; i++) {
        sbuf_done(&p->key[i]);
        sbuf_done(&p->value[i]);
    }
}

/* ---- beginning ---- */

static void a_session_says_hello_then_gets_ready(void **state)
{
    (void)state;
    struct world w;
    world_init(&w, NULL);
    assert_int_equal(ofsession_state(w.s), OFSESSION_HELLO);
    assert_null(ofsession_features(w.s));
    assert_int_equal(ofsession_dump(w.s, w.now), ERR_AGAIN);
    make_ready(&w);
    assert_int_equal(ofsession_features(w.s)->datapath_id, 0xaa);
    expect_silence(&w);
    world_done(&w);
}

static void a_session_for_events_asks_for_them(void **state)
{
    (void)state;
    struct world w;
    world_init(&w, &(struct ofsession_config){.async = true, .controller_id = 5});
    expect(&w, OFMSG_HELLO);
    give(&w, hello);
    uint32_t xid = expect(&w, OFMSG_FEATURES_REQUEST);
    expect(&w, OFMSG_EXPERIMENTER); /* packet-in format */
    expect(&w, OFMSG_EXPERIMENTER); /* controller id */
    expect(&w, OFMSG_SET_CONFIG);
    uint32_t barrier = expect(&w, OFMSG_BARRIER_REQUEST);
    give_head(&w, OFMSG_FEATURES_REPLY, xid, features);
    barrier_reply(&w, barrier);
    assert_int_equal(w.n_ready, 1);
    give_head(&w, OFMSG_PORT_STATUS, 0,
              "01 00000000000000 00000005 0028 0000 020000000009 0000"
              "70310000000000000000000000000000 00000001 00000004");
    assert_int_equal(w.n_ports, 1);
    give_head(&w, OFMSG_EXPERIMENTER, 0, "00002320 0000001e 0000 0006 0102 0000");
    assert_int_equal(w.n_packets, 1);
    give_head(&w, OFMSG_EXPERIMENTER, 0, "00001234 00000001"); /* not for us */
    assert_int_equal(w.n_packets, 1);
    world_done(&w);
}

static void bytes_may_come_in_any_pieces(void **state)
{
    (void)state;
    struct world w;
    world_init(&w, NULL);
    expect(&w, OFMSG_HELLO);
    static const uint8_t bytes[] = {6, 0, 0,    16, 0, 0, 0, 1, 0, 1, 0, 8,   0,
                                    0, 0, 0x40, 6,  2, 0, 9, 0, 0, 0, 7, 0x55};
    for (size_t i = 0; i < sizeof bytes; i++)
        assert_int_equal(ofsession_input(w.s, &bytes[i], 1, w.now, NULL), 0);
    expect(&w, OFMSG_FEATURES_REQUEST);
    expect(&w, OFMSG_BARRIER_REQUEST);
    assert_int_equal(expect(&w, OFMSG_ECHO_REPLY), 7);
    world_done(&w);
}

static void other_versions_and_strange_starts_end_the_session(void **state)
{
    (void)state;
    static const struct {
        const char *hex;
        int want;
    } cases[] = {
        {"0400000800000001", ERR_UNSUPPORTED},
        {"0600001000000001 0001000800000012", ERR_UNSUPPORTED},
        {"0614000800000001", ERR_PROTOCOL},              /* a barrier request before hello */
        {"0600000700000001", ERR_PROTOCOL},              /* a length below the header's */
        {"0601000c00000001 0000 0000", ERR_UNSUPPORTED}, /* OFPHFC_INCOMPATIBLE */
        {"0600001000000001 0001000800000040 0515000800000009", ERR_PROTOCOL}, /* version changes */
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct world w;
        world_init(&w, NULL);
        assert_int_equal(give(&w, cases[i].hex), cases[i].want);
        assert_int_equal(ofsession_state(w.s), OFSESSION_DEAD);
        assert_int_equal(give(&w, hello), ERR_CLOSED);
        assert_true(ofsession_deadline(w.s) == INT64_MAX);
        expect_silence(&w);
        world_done(&w);
    }
}

/* ---- dump ---- */

static const char flow_part[] = "0001 0001 00000000" /* more follows */
                                "0030 0000 01 00 0064 0000 0000 0000 0000 0000000000000009"
                                "0001 0004 00000000 0000 0004 00000000 0001 0008 06 000000";
static const char flow_last[] = "0001 0000 00000000";

static void a_dump_tells_rows_of_all_spaces_then_its_end(void **state)
{
    (void)state;
    struct world w;
    world_init(&w, NULL);
    w.apply_when_ready = true; /* a dump asked for from a callback */
    make_ready(&w);
    assert_int_equal(ofsession_state(w.s), OFSESSION_DUMPING);
    assert_int_equal(ofsession_dump(w.s, w.now), ERR_AGAIN);
    uint32_t meters = expect(&w, OFMSG_MULTIPART_REQUEST);
    uint32_t groups = expect(&w, OFMSG_MULTIPART_REQUEST);
    uint32_t flows = expect(&w, OFMSG_MULTIPART_REQUEST);
    assert_int_equal(give_head(&w, OFMSG_MULTIPART_REPLY, meters,
                               "000a 0000 00000000"
                               "0018 0001 00000007 0001 0010 00000064 00000009 00000000"),
                     0);
    assert_int_equal(give_head(&w, OFMSG_MULTIPART_REPLY, groups,
                               "0007 0000 00000000 0010 0000 00000001 0000 000000000000"),
                     0);
    assert_int_equal(give_head(&w, OFMSG_MULTIPART_REPLY, flows, flow_part), 0);
    assert_int_equal(give_head(&w, OFMSG_MULTIPART_REPLY, flows, flow_part), 0);
    assert_int_equal(w.n_end, 0);
    assert_int_equal(give_head(&w, OFMSG_MULTIPART_REPLY, flows, flow_last), 0);
    assert_int_equal(w.n_end, 1);
    assert_int_equal(w.n_rows[OFSESSION_FLOW], 2);
    assert_int_equal(w.n_rows[OFSESSION_GROUP], 1);
    assert_int_equal(w.n_rows[OFSESSION_METER], 1);
    assert_int_equal(ofsession_state(w.s), OFSESSION_IDLE);
    world_done(&w);
}

static void a_switch_without_meters_has_none(void **state)
{
    (void)state;
    struct world w;
    world_init(&w, NULL);
    make_ready(&w);
    ofsession_dump(w.s, w.now);
    uint32_t meters = expect(&w, OFMSG_MULTIPART_REQUEST);
    uint32_t groups = expect(&w, OFMSG_MULTIPART_REQUEST);
    assert_int_equal(give_head(&w, OFMSG_ERROR, meters, "0001 0002"), 0);
    assert_int_equal(give_head(&w, OFMSG_ERROR, groups, "0001 0002"), ERR_REFUSED);
    assert_int_equal(w.n_end, 0);
    world_done(&w);
}

static void replies_that_nobody_asked_for_end_the_session(void **state)
{
    (void)state;
    static const struct {
        uint8_t type;
        const char *rest;
    } cases[] = {{OFMSG_MULTIPART_REPLY, "0001 0000 00000000"},
                 {OFMSG_BARRIER_REPLY, ""},
                 {OFMSG_BUNDLE_CONTROL, "00000007 0005 0003"},
                 {OFMSG_MULTIPART_REPLY, "0001"},
                 {OFMSG_PORT_STATUS, "00"}};
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct world w;
        world_init(&w, NULL);
        make_ready(&w);
        int r = give_head(&w, cases[i].type, 12345, cases[i].rest);
        assert_true(r == ERR_PROTOCOL || r == ERR_TRUNCATED);
        assert_int_equal(ofsession_state(w.s), OFSESSION_DEAD);
        world_done(&w);
    }
    struct world w; /* a dump's reply of the wrong kind */
    world_init(&w, NULL);
    make_ready(&w);
    ofsession_dump(w.s, w.now);
    uint32_t meters = expect(&w, OFMSG_MULTIPART_REQUEST);
    assert_int_equal(give_head(&w, OFMSG_MULTIPART_REPLY, meters, "0001 0000 00000000"),
                     ERR_PROTOCOL);
    world_done(&w);
}

/* ---- apply ---- */

static void a_plan_is_one_bundle_between_two_barriers(void **state)
{
    (void)state;
    struct world w;
    struct plans p = {0};
    world_init(&w, NULL);
    make_ready(&w);
    plan_add(&p, OFSESSION_FLOW, PLAN_ADD, 1);
    plan_add(&p, OFSESSION_FLOW, PLAN_DELETE, 2);
    plan_add(&p, OFSESSION_GROUP, PLAN_DELETE, 3);
    plan_add(&p, OFSESSION_GROUP, PLAN_MODIFY, 4);
    assert_int_equal(ofsession_apply(w.s, p.all, w.now), 0);
    assert_int_equal(ofsession_apply(w.s, p.all, w.now), ERR_AGAIN);
    expect(&w, OFMSG_BUNDLE_CONTROL);
    static const uint8_t inner[] = {OFMSG_GROUP_MOD, OFMSG_FLOW_MOD, OFMSG_FLOW_MOD,
                                    OFMSG_GROUP_MOD};
    for (size_t i = 0; i < ARRAY_LEN(inner); i++) {
        assert_int_equal((uint8_t)w.out.data[17], inner[i]);
        assert_int_equal(get_be32(w.out.data + 4), get_be32(w.out.data + 20)); /* same xid */
        expect(&w, OFMSG_BUNDLE_ADD);
    }
    uint32_t barrier = expect(&w, OFMSG_BARRIER_REQUEST);
    expect_silence(&w); /* no commit before the answer */
    assert_int_equal(barrier_reply(&w, barrier), 0);
    assert_int_equal(w.n_applied, 0);
    expect(&w, OFMSG_BUNDLE_CONTROL);
    barrier = expect(&w, OFMSG_BARRIER_REQUEST);
    assert_int_equal(barrier_reply(&w, barrier), 0);
    assert_int_equal(w.n_applied, 1);
    assert_int_equal(w.outcome.result, OFSESSION_COMMITTED);
    assert_int_equal(w.outcome.n_mods[OFSESSION_FLOW], 2);
    assert_int_equal(w.outcome.n_mods[OFSESSION_GROUP], 2);
    assert_int_equal(ofsession_state(w.s), OFSESSION_IDLE);
    plans_done(&p);
    world_done(&w);
}

static void an_error_while_filling_discards_and_names_the_item(void **state)
{
    (void)state;
    struct world w;
    struct plans p = {0};
    world_init(&w, NULL);
    make_ready(&w);
    plan_add(&p, OFSESSION_FLOW, PLAN_ADD, 1);
    plan_add(&p, OFSESSION_FLOW, PLAN_ADD, 2);
    plan_add(&p, OFSESSION_FLOW, PLAN_ADD, 3);
    ofsession_apply(w.s, p.all, w.now);
    uint32_t open = expect(&w, OFMSG_BUNDLE_CONTROL);
    expect(&w, OFMSG_BUNDLE_ADD);
    uint32_t bad = expect(&w, OFMSG_BUNDLE_ADD);
    uint32_t worse = expect(&w, OFMSG_BUNDLE_ADD);
    uint32_t barrier = expect(&w, OFMSG_BARRIER_REQUEST);
    (void)open;
    give_head(&w, OFMSG_ERROR, bad, "0002 0004");
    give_head(&w, OFMSG_ERROR, worse, "0005 0001");
    barrier_reply(&w, barrier);
    assert_int_equal(w.n_applied, 0);
    ofsession_output(w.s, &w.out, 1 << 20);
    assert_int_equal(get_be16(w.out.data + 12), OFMSG_BUNDLE_DISCARD);
    expect(&w, OFMSG_BUNDLE_CONTROL);
    barrier = expect(&w, OFMSG_BARRIER_REQUEST);
    barrier_reply(&w, barrier);
    assert_int_equal(w.n_applied, 1);
    assert_int_equal(w.outcome.result, OFSESSION_REFUSED);
    assert_int_equal(w.outcome.space, OFSESSION_FLOW);
    assert_int_equal(w.outcome.item, 1); /* the first of them */
    assert_string_equal(w.reason, "OFPBAC_BAD_OUT_PORT");
    plans_done(&p);
    world_done(&w);
}

static void an_error_of_the_commit_is_refusal(void **state)
{
    (void)state;
    for (int named = 0; named < 2; named++) {
        struct world w;
        struct plans p = {0};
        world_init(&w, NULL);
        make_ready(&w);
        plan_add(&p, OFSESSION_GROUP, PLAN_ADD, 1);
        ofsession_apply(w.s, p.all, w.now);
        expect(&w, OFMSG_BUNDLE_CONTROL);
        uint32_t item = expect(&w, OFMSG_BUNDLE_ADD);
        barrier_reply(&w, expect(&w, OFMSG_BARRIER_REQUEST));
        uint32_t commit = expect(&w, OFMSG_BUNDLE_CONTROL);
        uint32_t barrier = expect(&w, OFMSG_BARRIER_REQUEST);
        if (named)
            give_head(&w, OFMSG_ERROR, item, "0006 0000");
        give_head(&w, OFMSG_ERROR, commit, "0011 000d");
        barrier_reply(&w, barrier);
        assert_int_equal(w.outcome.result, OFSESSION_REFUSED);
        assert_true(w.outcome.item == (named ? 0 : SIZE_MAX));
        assert_string_equal(w.reason, named ? "OFPGMFC_GROUP_EXISTS" : "OFPBFC_MSG_FAILED");
        assert_int_equal(w.outcome.space, named ? OFSESSION_GROUP : OFSESSION_FLOW);
        expect_silence(&w); /* the switch has dropped the bundle itself */
        plans_done(&p);
        world_done(&w);
    }
}

static void meters_come_before_and_go_after_the_bundle(void **state)
{
    (void)state;
    struct world w;
    struct plans p = {0};
    world_init(&w, NULL);
    make_ready(&w);
    plan_add(&p, OFSESSION_METER, PLAN_ADD, 1);
    plan_add(&p, OFSESSION_METER, PLAN_DELETE, 2);
    plan_add(&p, OFSESSION_FLOW, PLAN_ADD, 3);
    ofsession_apply(w.s, p.all, w.now);
    expect(&w, OFMSG_METER_MOD);
    uint32_t barrier = expect(&w, OFMSG_BARRIER_REQUEST);
    expect_silence(&w);
    barrier_reply(&w, barrier);
    expect(&w, OFMSG_BUNDLE_CONTROL);
    expect(&w, OFMSG_BUNDLE_ADD);
    barrier_reply(&w, expect(&w, OFMSG_BARRIER_REQUEST));
    expect(&w, OFMSG_BUNDLE_CONTROL);
    barrier_reply(&w, expect(&w, OFMSG_BARRIER_REQUEST));
    assert_int_equal(w.n_applied, 0);
    expect(&w, OFMSG_METER_MOD);
    barrier_reply(&w, expect(&w, OFMSG_BARRIER_REQUEST));
    assert_int_equal(w.outcome.result, OFSESSION_COMMITTED);
    assert_int_equal(w.outcome.n_mods[OFSESSION_METER], 2);
    /* A meter that is refused: no bundle at all. */
    ofsession_apply(w.s, p.all, w.now);
    uint32_t meter = expect(&w, OFMSG_METER_MOD);
    barrier = expect(&w, OFMSG_BARRIER_REQUEST);
    give_head(&w, OFMSG_ERROR, meter, "000c 0001");
    barrier_reply(&w, barrier);
    assert_int_equal(w.outcome.result, OFSESSION_REFUSED);
    assert_int_equal(w.outcome.space, OFSESSION_METER);
    assert_int_equal(w.outcome.item, 0);
    expect_silence(&w);
    plans_done(&p);
    world_done(&w);
}

static void an_empty_plan_is_committed_without_a_word(void **state)
{
    (void)state;
    struct world w;
    const struct plan *none[OFSESSION_N_SPACES] = {NULL};
    world_init(&w, NULL);
    make_ready(&w);
    assert_int_equal(ofsession_apply(w.s, none, w.now), 0);
    expect_silence(&w);
    assert_int_equal(w.n_applied, 0); /* never from within the request */
    assert_true(ofsession_deadline(w.s) <= w.now);
    assert_int_equal(ofsession_run(w.s, w.now, NULL), 0);
    assert_int_equal(w.n_applied, 1);
    assert_int_equal(w.outcome.result, OFSESSION_COMMITTED);
    world_done(&w);
}

static void a_malformed_item_is_refused_here(void **state)
{
    (void)state;
    struct world w;
    struct plans p = {0};
    world_init(&w, NULL);
    make_ready(&w);
    plan_add(&p, OFSESSION_FLOW, PLAN_ADD, 1);
    plan_add(&p, OFSESSION_FLOW, PLAN_ADD, 2);
    p.items[OFSESSION_FLOW][1].key.n = 1;
    ofsession_apply(w.s, p.all, w.now);
    expect(&w, OFMSG_BUNDLE_CONTROL);
    expect(&w, OFMSG_BUNDLE_ADD);
    barrier_reply(&w, expect(&w, OFMSG_BARRIER_REQUEST));
    expect(&w, OFMSG_BUNDLE_CONTROL); /* discard */
    barrier_reply(&w, expect(&w, OFMSG_BARRIER_REQUEST));
    assert_int_equal(w.outcome.result, OFSESSION_REFUSED);
    assert_int_equal(w.outcome.item, 1);
    plans_done(&p);
    world_done(&w);
}

static void output_comes_in_portions(void **state)
{
    (void)state;
    struct world w;
    struct plans p = {0};
    world_init(&w, NULL);
    make_ready(&w);
    for (uint32_t i = 0; i < 8; i++)
        plan_add(&p, OFSESSION_FLOW, PLAN_ADD, i);
    ofsession_apply(w.s, p.all, w.now);
    unsigned calls = 0;
    for (;;) {
        auto_sbuf b = SBUF_INIT;
        size_t n = ofsession_output(w.s, &b, 1); /* one message at a time */
        if (!n)
            break;
        assert_int_equal(n, get_be16(b.data + 2));
        calls++;
    }
    assert_int_equal(calls, 1 + 8 + 1);
    plans_done(&p);
    world_done(&w);
}

/* Cuts the connection after each message of a whole apply: committed only at the very end. */
static void lost_at_any_point_is_unknown_until_the_last_reply(void **state)
{
    (void)state;
    for (int cut = 0; cut < 3; cut++) {
        struct world w;
        struct plans p = {0};
        world_init(&w, NULL);
        make_ready(&w);
        plan_add(&p, OFSESSION_FLOW, PLAN_ADD, 1);
        ofsession_apply(w.s, p.all, w.now);
        for (int i = 0; i < cut; i++) {
            expect(&w, OFMSG_BUNDLE_CONTROL);
            if (!i)
                expect(&w, OFMSG_BUNDLE_ADD);
            barrier_reply(&w, expect(&w, OFMSG_BARRIER_REQUEST));
        }
        ofsession_lost(w.s);
        assert_int_equal(w.n_applied, 1);
        assert_int_equal(w.outcome.result, cut == 2 ? OFSESSION_COMMITTED : OFSESSION_UNKNOWN);
        ofsession_lost(w.s); /* again: nothing */
        assert_int_equal(w.n_applied, 1);
        assert_int_equal(ofsession_state(w.s), OFSESSION_DEAD);
        plans_done(&p);
        world_done(&w);
    }
}

static void garbage_during_an_apply_is_unknown(void **state)
{
    (void)state;
    struct world w;
    struct plans p = {0};
    world_init(&w, NULL);
    make_ready(&w);
    plan_add(&p, OFSESSION_FLOW, PLAN_ADD, 1);
    ofsession_apply(w.s, p.all, w.now);
    assert_int_equal(give(&w, "0615000200000000"), ERR_PROTOCOL);
    assert_int_equal(w.n_applied, 1);
    assert_int_equal(w.outcome.result, OFSESSION_UNKNOWN);
    assert_non_null(strstr(w.reason, "length"));
    plans_done(&p);
    world_done(&w);
}

static void errors_of_others_are_stray(void **state)
{
    (void)state;
    struct world w;
    struct plans p = {0};
    world_init(&w, NULL);
    make_ready(&w);
    give_head(&w, OFMSG_ERROR, 4711, "0005 0001");
    assert_int_equal(w.n_stray, 1);
    plan_add(&p, OFSESSION_FLOW, PLAN_ADD, 1);
    ofsession_apply(w.s, p.all, w.now);
    ofsession_output(w.s, &w.out, 1 << 20);
    give_head(&w, OFMSG_ERROR, 4711, "0005 0001");
    assert_int_equal(w.n_stray, 2);
    assert_int_equal(w.n_applied, 0);
    plans_done(&p);
    world_done(&w);
}

/* ---- time ---- */

static void silence_is_asked_about_then_given_up(void **state)
{
    (void)state;
    struct world w;
    struct err err = {0};
    world_init(&w, &(struct ofsession_config){.echo_interval = 100, .echo_timeout = 300});
    make_ready(&w);
    assert_true(ofsession_deadline(w.s) == w.now + 100);
    assert_int_equal(ofsession_run(w.s, w.now + 99, &err), 0);
    expect_silence(&w);
    w.now += 100;
    assert_int_equal(ofsession_run(w.s, w.now, &err), 0);
    uint32_t xid = expect(&w, OFMSG_ECHO_REQUEST);
    assert_int_equal(ofsession_run(w.s, w.now, &err), 0);
    expect_silence(&w); /* asked once */
    w.now += 50;
    give_head(&w, OFMSG_ECHO_REPLY, xid, "");
    assert_true(ofsession_deadline(w.s) == w.now + 100);
    w.now += 100;
    ofsession_run(w.s, w.now, &err);
    expect(&w, OFMSG_ECHO_REQUEST);
    w.now += 300;
    assert_int_equal(ofsession_run(w.s, w.now, &err), ERR_TIMEOUT);
    assert_int_equal(ofsession_state(w.s), OFSESSION_DEAD);
    assert_non_null(strstr(err.text, "echo"));
    world_done(&w);
}

static void a_peer_that_never_greets_is_given_up(void **state)
{
    (void)state;
    struct world w;
    struct err err = {0};
    world_init(&w, &(struct ofsession_config){.hello_timeout = 500});
    assert_true(ofsession_deadline(w.s) == w.now + 500);
    assert_int_equal(ofsession_run(w.s, w.now + 499, &err), 0);
    assert_int_equal(ofsession_run(w.s, w.now + 500, &err), ERR_TIMEOUT);
    world_done(&w);
}

static void an_apply_without_answer_is_unknown_even_if_echoes_come(void **state)
{
    (void)state;
    struct world w;
    struct plans p = {0};
    struct err err = {0};
    world_init(&w, &(struct ofsession_config){.reply_timeout = 1000, .echo_interval = 300});
    make_ready(&w);
    plan_add(&p, OFSESSION_FLOW, PLAN_ADD, 1);
    ofsession_apply(w.s, p.all, w.now);
    ofsession_output(w.s, &w.out, 1 << 20);
    for (int i = 0; i < 4; i++) {
        w.now += 249;
        give_head(&w, OFMSG_ECHO_REQUEST, 1, "");
        assert_int_equal(ofsession_run(w.s, w.now, &err), 0);
    }
    w.now += 10;
    assert_int_equal(ofsession_run(w.s, w.now, &err), ERR_TIMEOUT);
    assert_int_equal(w.outcome.result, OFSESSION_UNKNOWN);
    plans_done(&p);
    world_done(&w);
}

static void packets_wait_for_readiness(void **state)
{
    (void)state;
    struct world w;
    auto_actions a;
    struct err err = {0};
    actions_init(&a);
    act_output(&a, 1);
    world_init(&w, NULL);
    assert_int_equal(ofsession_packet_out(w.s, 1, &a, (struct bytes){"x", 1}, &err), ERR_AGAIN);
    make_ready(&w);
    assert_int_equal(ofsession_packet_out(w.s, 1, &a, (struct bytes){"x", 1}, &err), 0);
    expect(&w, OFMSG_PACKET_OUT);
    struct ofmsg_packet_in pin = {.packet = {"x", 1}, .continuation = {"12345678", 8}};
    assert_int_equal(ofsession_resume(w.s, &pin, &err), 0);
    expect(&w, OFMSG_EXPERIMENTER);
    world_done(&w);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_session_says_hello_then_gets_ready),
        cmocka_unit_test(a_session_for_events_asks_for_them),
        cmocka_unit_test(bytes_may_come_in_any_pieces),
        cmocka_unit_test(other_versions_and_strange_starts_end_the_session),
        cmocka_unit_test(a_dump_tells_rows_of_all_spaces_then_its_end),
        cmocka_unit_test(a_switch_without_meters_has_none),
        cmocka_unit_test(replies_that_nobody_asked_for_end_the_session),
        cmocka_unit_test(a_plan_is_one_bundle_between_two_barriers),
        cmocka_unit_test(an_error_while_filling_discards_and_names_the_item),
        cmocka_unit_test(an_error_of_the_commit_is_refusal),
        cmocka_unit_test(meters_come_before_and_go_after_the_bundle),
        cmocka_unit_test(an_empty_plan_is_committed_without_a_word),
        cmocka_unit_test(a_malformed_item_is_refused_here),
        cmocka_unit_test(output_comes_in_portions),
        cmocka_unit_test(lost_at_any_point_is_unknown_until_the_last_reply),
        cmocka_unit_test(garbage_during_an_apply_is_unknown),
        cmocka_unit_test(errors_of_others_are_stray),
        cmocka_unit_test(silence_is_asked_about_then_given_up),
        cmocka_unit_test(a_peer_that_never_greets_is_given_up),
        cmocka_unit_test(an_apply_without_answer_is_unknown_even_if_echoes_come),
        cmocka_unit_test(packets_wait_for_readiness),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
