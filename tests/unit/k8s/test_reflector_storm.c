/* SPDX-License-Identifier: Apache-2.0
 *
 * The reflector against a model of what an API server does, with faults at random: whatever is
 * refused, cut off, garbled or forgotten, at the end it holds what the model has, and on the way it
 * never drops an object that is there.  (That a real server behaves as the model does is for
 * tests/kube to show.)  It answers in JSON or in Protobuf. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/base/hash.h"
#include "core/base/mem.h"
#include "core/k8s/decode.h"
#include "tests/unit/k8s/proto_build.h"
#include "tests/unit/k8s/reflector_lab.h"

enum { NAMES = 12, HISTORY = 4096, PAGE = 3, STEPS = 400, STORMS = 60 };

struct event {
    int name, variant; /* variant 0: deleted */
    bool was;          /* there before */
};
struct model {
    struct lab lab;
    uint64_t random;
    int now[NAMES];
    struct event history[HISTORY]; /* index: version */
    int version, floor;            /* floor: the oldest version a watch can begin at */
    int pages[NAMES], page_version;
    struct sbuf body; /* what the server would send next */
    size_t sent;      /* of it */
    int watched;      /* version up to which a watch was written into the body, -1: no watch */
    bool calm, proto;
    bool hung;         /* this watch: it brings nothing any more, and does not end */
    unsigned answered; /* the number of the call that has its head */
};

static uint32_t below(struct model *m, uint32_t n)
{
    m->random = hash_u64(m->random);
    return (uint32_t)((m->random >> 32) % n);
}

static void put_object(struct sbuf *out, int name, int variant, int version)
{
    sbuf_printf(out,
                "{\"metadata\":{\"name\":\"n-%d\",\"resourceVersion\":\"%d\",\"labels\":{\"v\":"
                "\"%d\"}}}",
                name, version, variant);
}

/* The same as Protobuf. */
static void put_tree(struct sbuf *out, const struct wire_field *fields, const char *json)
{
    cJSON *tree = cJSON_Parse(json);
    assert_true(tree && proto_put_tree(out, fields, tree));
    cJSON_Delete(tree);
}

/* ---- the model's world ---- */

static void change(struct model *m)
{
    if (m->version + 1 >= HISTORY)
        return;
    int name = (int)below(m, NAMES), variant = (int)below(m, 4);
    if (variant == m->now[name])
        return;
    m->history[++m->version] = (struct event){name, variant, m->now[name] != 0};
    m->now[name] = variant;
}

static bool was_there(const struct model *m, int name, int version)
{
    for (int v = version; v > 0; v--)
        if (m->history[v].name == name)
            return m->history[v].variant != 0;
    return false;
}

/* ---- what it answers ---- */

static void write_proto_page(struct model *m, int from, bool all)
{
    int n = 0, name = from;
    char version[16], token[16] = "";
    auto_sbuf list = SBUF_INIT;
    for (; name < NAMES && (all || n < PAGE); name++) {
        auto_sbuf json = SBUF_INIT, item = SBUF_INIT;
        if (!m->pages[name])
            continue;
        n++;
        put_object(&json, name, m->pages[name], 1);
        put_tree(&item, k8s_class_of(K8S_NAMESPACE)->fields, sbuf_cstr(&json));
        proto_put_message(&list, 2, &item);
    }
    snprintf(version, sizeof version, "%d", m->page_version);
    if (name < NAMES)
        snprintf(token, sizeof token, "%d", name);
    proto_put_list_meta(&list, version, token);
    proto_put_body(&m->body, "NamespaceList", &list);
}

static void write_page(struct model *m, int from, bool all)
{
    int n = 0, name = from;
    sbuf_puts(&m->body, "{\"items\":[");
    for (; name < NAMES && (all || n < PAGE); name++)
        if (m->pages[name]) {
            sbuf_puts(&m->body, n++ ? "," : "");
            put_object(&m->body, name, m->pages[name], 1);
        }
    sbuf_printf(&m->body, "],\"metadata\":{\"resourceVersion\":\"%d\"", m->page_version);
    if (name < NAMES)
        sbuf_printf(&m->body, ",\"continue\":\"%d\"", name);
    sbuf_puts(&m->body, "}}");
}

static void write_event(struct model *m, const char *type, const char *json)
{
    bool error = strcmp(type, "ERROR") == 0;
    auto_sbuf object = SBUF_INIT;
    if (!m->proto) {
        sbuf_printf(&m->body, "{\"type\":\"%s\",\"object\":%s}\n", type, json);
        return;
    }
    put_tree(&object, error ? wire_status_fields : k8s_class_of(K8S_NAMESPACE)->fields, json);
    proto_put_event(&m->body, type, error ? "Status" : "Namespace", &object);
}

static void write_events(struct model *m)
{
    for (; m->watched < m->version; m->watched++) {
        const struct event *e = &m->history[m->watched + 1];
        auto_sbuf json = SBUF_INIT;
        put_object(&json, e->name, e->variant, m->watched + 1);
        write_event(m, !e->variant ? "DELETED" : e->was ? "MODIFIED" : "ADDED", sbuf_cstr(&json));
    }
}

static int number_in(const struct model *m, const char *name)
{
    const char *at = strstr(m->lab.path.data, name);
    return at ? atoi(at + strlen(name)) : -1;
}

static void answer_watch(struct model *m)
{
    int from = number_in(m, "resourceVersion=");
    lab_head(&m->lab, 200);
    m->hung = !m->calm && below(m, 6) == 0;
    m->watched = from;
    if (from < m->floor || from > m->version) {
        m->watched = m->version;
        write_event(m, "ERROR", "{\"code\":410,\"reason\":\"Expired\"}");
    }
    write_events(m);
}

static void answer_streaming(struct model *m)
{
    auto_sbuf mark = SBUF_INIT;
    lab_head(&m->lab, 200);
    for (int i = 0; i < NAMES; i++)
        if (m->now[i]) {
            auto_sbuf json = SBUF_INIT;
            put_object(&json, i, m->now[i], 1);
            write_event(m, "ADDED", sbuf_cstr(&json));
        }
    sbuf_printf(&mark,
                "{\"metadata\":{\"resourceVersion\":\"%d\","
                "\"annotations\":{\"k8s.io/initial-events-end\":\"true\"}}}",
                m->version);
    write_event(m, "BOOKMARK", sbuf_cstr(&mark));
    m->watched = m->version;
}

static void answer_list(struct model *m)
{
    int from = number_in(m, "continue=");
    m->watched = -1;
    if (from >= 0 && m->page_version < m->floor) {
        lab_refuse(&m->lab, 410, "Expired");
        return;
    }
    if (from < 0) {
        memcpy(m->pages, m->now, sizeof m->pages);
        m->page_version = m->version;
    }
    lab_head(&m->lab, 200);
    (m->proto ? write_proto_page : write_page)(m, from < 0 ? 0 : from,
                                               !strstr(m->lab.path.data, "limit="));
}

static void answer(struct model *m)
{
    static const int refusals[] = {401, 403, 429, 500, 503, 504, 404, 410};
    sbuf_clear(&m->body);
    m->sent = 0;
    m->hung = false;
    m->proto = !m->lab.json_asked && below(m, 4) > 0; /* the server chooses for each answer */
    m->lab.content_type =
        m->proto ? "application/vnd.kubernetes.protobuf;stream=watch" : "application/json";
    if (!m->calm && below(m, 8) == 0) {
        lab_refuse(&m->lab, refusals[below(m, ARRAY_LEN(refusals))], "Storm");
        return;
    }
    m->answered = m->lab.sends;
    if (strstr(m->lab.path.data, "sendInitialEvents"))
        answer_streaming(m);
    else if (strstr(m->lab.path.data, "watch=1"))
        answer_watch(m);
    else
        answer_list(m);
}

/* Some more of the body. */
static void send_some(struct model *m)
{
    size_t left = m->body.len - m->sent, n = left;
    if (!m->calm && left > 1)
        n = below(m, (uint32_t)left) + 1;
    if (n)
        reflector_data(m->lab.r, m->body.data + m->sent, n);
    m->sent += n;
}

static void end_call(struct model *m)
{
    bool whole = m->sent == m->body.len;
    if (!m->calm && below(m, 3) == 0)
        lab_lose(&m->lab);
    else if (m->watched >= 0 || whole)
        lab_end(&m->lab); /* a watch may end inside an event too */
    else
        lab_lose(&m->lab);
}

static bool is_answered(const struct model *m)
{
    return m->lab.calling && m->answered == m->lab.sends;
}

static void strike(struct model *m)
{
    switch (below(m, 12)) {
    case 0:
        m->floor = m->version; /* history is forgotten */
        break;
    case 1:
        /* not inside a text, where it could pass for the server's own word */
        if (is_answered(m) && m->sent == m->body.len)
            reflector_data(m->lab.r, "}garbage{", 9);
        break;
    case 2:
        reflector_hurry(m->lab.r);
        break;
    case 3:
        if (is_answered(m))
            end_call(m);
        break;
    default:
        break;
    }
}

/* One step of the call under way. */
static void step(struct model *m)
{
    lab_forget(&m->lab);
    if (!m->lab.calling) {
        lab_timer(&m->lab);
    } else if (!is_answered(m)) {
        answer(m);
    } else if (m->watched >= 0 && m->hung) {
        lab_timer(&m->lab);
    } else if (m->sent < m->body.len) {
        send_some(m);
    } else if (m->watched < 0) {
        end_call(m);
    } else if (m->watched < m->version) {
        write_events(m);
    } else if (!m->calm && below(m, 6) == 0) {
        end_call(m);
    }
}

/* ---- what must hold ---- */

/* What went was gone at some version between the one that was known before and the newest. */
static void check_removals(struct model *m, int known)
{
    const char *at = sbuf_cstr(&m->lab.log);
    while ((at = strstr(at, "remove n-"))) {
        int name = atoi(at + strlen("remove n-"));
        bool gone = false;
        for (int v = known; v <= m->version && !gone; v++)
            gone = !was_there(m, name, v);
        assert_true(gone);
        at++;
    }
}

static void check_equal(struct model *m)
{
    auto_sbuf wanted = SBUF_INIT, held = SBUF_INIT;
    char name[16];
    for (int i = 0; i < NAMES; i++)
        if (m->now[i])
            sbuf_printf(&wanted, "n-%d=%d ", i, m->now[i]);
    for (int i = 0; i < NAMES; i++)
        for (size_t k = 0; k < m->lab.rows.n; k++) {
            const struct object_meta *meta = m->lab.rows.v[k].object;
            snprintf(name, sizeof name, "n-%d", i);
            if (!strcmp(meta->name, name))
                sbuf_printf(&held, "%s=%s ", name, labels_get(&meta->labels, "v"));
        }
    assert_string_equal(sbuf_cstr(&held), sbuf_cstr(&wanted));
    assert_int_equal(reflector_count(m->lab.r), m->lab.rows.n);
}

static bool is_current(const struct model *m)
{
    return reflector_state(m->lab.r) == REFLECTOR_WATCHING &&
           atoi(reflector_version(m->lab.r)) == m->version;
}

static void storm(uint64_t seed, bool streaming)
{
    struct kind_row row = *kind_row(K8S_NAMESPACE);
    struct model *m = mem_calloc(1, sizeof *m);
    row.streaming = streaming;
    m->random = seed;
    m->watched = -1;
    lab_init(&m->lab, &row);
    reflector_start(m->lab.r);
    for (int i = 0; i < STEPS; i++) {
        if (below(m, 3) == 0)
            change(m);
        if (below(m, 4) == 0)
            strike(m);
        int known = atoi(reflector_version(m->lab.r));
        step(m);
        check_removals(m, known);
    }
    m->calm = true;
    if (is_answered(m) && !m->hung)
        end_call(m);
    for (int i = 0; i < 1000 && !is_current(m); i++)
        step(m);
    if (!is_current(m))
        fail_msg("seed %llu: version %s of %d, %s", (unsigned long long)seed,
                 reflector_version(m->lab.r), m->version,
                 reflector_state_name(reflector_state(m->lab.r)));
    assert_true(reflector_complete(m->lab.r));
    check_equal(m);
    lab_done(&m->lab);
    sbuf_done(&m->body);
    mem_free(m);
}

static void after_each_storm_it_holds_what_there_is(void **state)
{
    (void)state;
    for (uint64_t seed = 1; seed <= STORMS; seed++)
        storm(seed, false);
}

static void after_each_storm_of_streaming_lists_too(void **state)
{
    (void)state;
    for (uint64_t seed = 1; seed <= STORMS; seed++)
        storm(seed, true);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(after_each_storm_it_holds_what_there_is),
        cmocka_unit_test(after_each_storm_of_streaming_lists_too),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
