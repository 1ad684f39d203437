/* SPDX-License-Identifier: Apache-2.0
 *
 * GET /v1/why: the verdict of the intents (verdict.h) beside the switch's own, from ofproto/trace.
 *
 * This node decides egress of its own Pods and ingress to them.  Where the other party is a Pod of
 * another node, what that node decides is derived too, from the same objects, in an engine of its
 * own that has this one Pod attached; the trace is compared with what is decided here.
 *
 * The answer is {"agree": BOOL, "text": TABLE, "answer": OBJECT}. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cjson/cJSON.h>

#include "core/agent/agent_internal.h"
#include "core/agent/verdict.h"
#include "core/agent/why_elsewhere.h"
#include "core/agent/why_service.h"
#include "core/base/mem.h"
#include "core/pod/pod_local.h"
#include "hns/acl_decide.h"
#include "ovs/unixctl.h"
#include "platform/pipe.h"

enum {
    WHY_PROTO_ICMP = 1,
    WHY_PROTO_TCP = 6,
    WHY_PROTO_UDP = 17,
    WHY_PROTO_ICMP6 = 58,
    WHY_PROTO_SCTP = 132,
    WHY_SOURCE_PORT = 40000,
};

/* A question while the switch is asked. */
struct why {
    struct agent *a;
    struct http_exchange *x;
    struct unixctl *call;
    struct cJSON *answer;
    struct sbuf text;
    bool expected;               /* what is decided here */
    uint32_t port;               /* where it must leave if it is allowed; 0: any */
    struct sbuf flow;            /* what was asked */
    struct why_service *service; /* NULL: the packet goes where it is addressed to */
    /* The direction that another node decides, and its name; NULL: none is. */
    const char *elsewhere;
    char *node;
};

static void why_free(struct why *w)
{
    cJSON_Delete(w->answer);
    sbuf_done(&w->text);
    sbuf_done(&w->flow);
    why_service_free(w->service);
    mem_free(w->node);
    mem_free(w);
}

/* ---- the question ---- */
static const char *why_protocol(const char *text, uint8_t *proto)
{
    static const struct {
        const char *name;
        uint8_t proto;
    } names[] = {{"tcp", WHY_PROTO_TCP},
                 {"udp", WHY_PROTO_UDP},
                 {"sctp", WHY_PROTO_SCTP},
                 {"icmp", WHY_PROTO_ICMP}};
    for (size_t i = 0; i < ARRAY_LEN(names); i++) {
        if (strcmp(names[i].name, text) == 0) {
            *proto = names[i].proto;
            return names[i].name;
        }
    }
    return NULL;
}

static int why_parse(const struct http_exchange *x, struct sbuf text[2], struct verdict_query *q,
                     struct err *err)
{
    auto_sbuf value = SBUF_INIT;
    *q = (struct verdict_query){.proto = WHY_PROTO_ICMP};
    if (!http_query(x, "src", &text[0]) || !http_query(x, "dst", &text[1])) {
        return err_set(err, ERR_INVALID, "src and dst must be given");
    }
    q->src = sbuf_cstr(&text[0]);
    q->dst = sbuf_cstr(&text[1]);
    if (http_query(x, "family", &value)) {
        q->family = strcmp(sbuf_cstr(&value), "6") == 0 ? 6 : 4;
    }
    if (http_query(x, "proto", &value) && !why_protocol(sbuf_cstr(&value), &q->proto)) {
        return err_set(err, ERR_INVALID, "%s: no such protocol", value.data);
    }
    if (http_query(x, "port", &value)) {
        const char *digits = sbuf_cstr(&value);
        uint64_t port = strtoull(digits, NULL, 10);
        if (strspn(digits, "0123456789") != value.len || port > UINT16_MAX) {
            return err_set(err, ERR_INVALID, "%s: no such port", value.data);
        }
        q->port = (uint16_t)port;
    }
    return 0;
}

/* ---- what another node decides ---- */
/* Fills in the side of 'v' that the other party's node decides; the engine must stay until the
 * verdict was printed. */
static struct engine *why_other_side(struct why *w, struct verdict *v, struct arena *arena)
{
    static const char *const names[] = {
        [DIRECTION_INGRESS] = "ingress", [DIRECTION_EGRESS] = "egress"};
    struct agent *a = w->a;
    const struct verdict_party *parties[] = {
        [DIRECTION_INGRESS] = &v->dst, [DIRECTION_EGRESS] = &v->src};
    char from[IP_TEXT_MAX], to[IP_TEXT_MAX];
    struct verdict_query q = v->query; /* by address, as that node sees both */
    q.src = ip_format(&v->src.ip, from);
    q.dst = ip_format(&v->dst.ip, to);
    for (size_t d = 0; d < ARRAY_LEN(parties); d++) {
        struct verdict other;
        if (v->side[d].here) {
            continue;
        }
        struct engine *e = why_elsewhere(a->store, a->o->node_name, &parties[d]->pod, 1);
        if (e && verdict_of(engine_store(e), &q, arena, &other, NULL) == 0 && other.side[d].here) {
            v->side[d] = other.side[d];
            v->allowed = v->side[DIRECTION_INGRESS].allowed && v->side[DIRECTION_EGRESS].allowed;
            const struct pod *pod = store_get(a->store, TABLE_POD, parties[d]->pod)->value;
            w->elsewhere = names[d];
            w->node = mem_strdup(pod->node_name);
            return e;
        }
        engine_free(e);
    }
    return NULL;
}

/* ---- the packet to trace ---- */
static void why_put_protocol(const struct verdict_query *q, struct sbuf *out)
{
    static const struct {
        uint8_t proto;
        const char *name;
    } ports[] = {{WHY_PROTO_TCP, "tcp"}, {WHY_PROTO_UDP, "udp"}, {WHY_PROTO_SCTP, "sctp"}};
    const char *six = q->family == 6 ? "6" : "";
    for (size_t i = 0; i < ARRAY_LEN(ports); i++) {
        if (ports[i].proto == q->proto) {
            sbuf_printf(out, "%s%s,%s_src=%d,%s_dst=%u", ports[i].name, six, ports[i].name,
                        WHY_SOURCE_PORT, ports[i].name, (unsigned)q->port);
            return;
        }
    }
    if (q->proto == WHY_PROTO_ICMP) {
        sbuf_puts(out, "icmp,icmp_type=8,icmp_code=0");
    } else if (q->proto == WHY_PROTO_ICMP6) {
        sbuf_puts(out, "icmp6,icmpv6_type=128,icmpv6_code=0");
    } else {
        sbuf_printf(out, "%s,nw_proto=%u", q->family == 6 ? "ipv6" : "ip", (unsigned)q->proto);
    }
}

/* The other node whose podCIDR has the address, or NULL. */
static const struct intent_remote *why_remote(struct agent *a, const struct ip *ip,
                                              struct arena *arena)
{
    size_t n = 0;
    const struct row **rows = store_list(a->store, TABLE_REMOTE, arena, &n);
    for (size_t i = 0; i < n; i++) {
        const struct intent_remote *r = rows[i]->value;
        for (uint32_t c = 0; c < r->n_cidrs; c++) {
            if (prefix_contains(&r->cidrs[c], ip)) {
                return r;
            }
        }
    }
    return NULL;
}

static void why_put_macs(struct sbuf *out, const struct mac *src, const struct mac *dst)
{
    char a[MAC_TEXT_MAX], b[MAC_TEXT_MAX];
    sbuf_printf(out, ",dl_src=%s,dl_dst=%s", mac_format(src, a), mac_format(dst, b));
}

/* How the packet of a party that is not attached here comes in. */
static void why_put_arrival(struct why *w, const struct verdict *v, struct arena *arena)
{
    const struct node_config *config = store_get(w->a->store, TABLE_CONFIG, "")->value;
    const struct intent_remote *remote = why_remote(w->a, &v->src.ip, arena);
    const struct intent_local *dst = v->dst.local->value;
    const struct row *self = store_get(w->a->store, TABLE_SELF, "");
    char from[IP_TEXT_MAX], to[IP_TEXT_MAX];
    if (!remote || !remote->tunnel.family) {
        sbuf_printf(&w->flow, ",in_port=%u", (unsigned)config->gateway_ofport);
        why_put_macs(&w->flow, &config->gateway_mac, &dst->mac);
        return;
    }
    sbuf_printf(&w->flow, ",in_port=%u,tun_id=0", (unsigned)config->tunnel_ofport);
    why_put_macs(&w->flow, &remote->gateway_mac, &config->gateway_mac);
    const struct intent_self *own = self ? self->value : NULL;
    for (uint32_t i = 0; own && i < own->n_node_ips; i++) {
        if (own->node_ips[i].family == remote->tunnel.family) {
            const char *six = remote->tunnel.family == 6 ? "ipv6_" : "";
            sbuf_printf(&w->flow, ",tun_%ssrc=%s,tun_%sdst=%s", six,
                        ip_format(&remote->tunnel, from), six, ip_format(&own->node_ips[i], to));
            return;
        }
    }
}

/* The port by which a packet of a local Pod leaves; 0: by the one it came from. */
static uint32_t why_port_to(struct why *w, const struct verdict *v, struct arena *arena)
{
    const struct node_config *config = store_get(w->a->store, TABLE_CONFIG, "")->value;
    if (v->dst.local) {
        return v->dst.local == v->src.local
                   ? 0
                   : ((const struct intent_local *)v->dst.local->value)->ofport;
    }
    return why_remote(w->a, &v->dst.ip, arena) ? config->tunnel_ofport : config->gateway_ofport;
}

/* Where a packet of a local Pod goes. */
static void why_put_departure(struct why *w, const struct verdict *v, struct arena *arena)
{
    const struct node_config *config = store_get(w->a->store, TABLE_CONFIG, "")->value;
    const struct intent_local *src = v->src.local->value;
    const struct intent_local *dst = v->dst.local ? v->dst.local->value : NULL;
    sbuf_printf(&w->flow, ",in_port=%u", (unsigned)src->ofport);
    why_put_macs(&w->flow, &src->mac, dst ? &dst->mac : &config->gateway_mac);
    w->port = why_port_to(w, v, arena);
}

static void why_put_flow(struct why *w, const struct verdict *v, struct arena *arena)
{
    char src[IP_TEXT_MAX], dst[IP_TEXT_MAX];
    bool six = v->query.family == 6;
    why_put_protocol(&v->query, &w->flow);
    sbuf_printf(&w->flow, ",%s=%s,%s=%s,nw_ttl=64", six ? "ipv6_src" : "nw_src",
                ip_format(&v->src.ip, src), six ? "ipv6_dst" : "nw_dst",
                ip_format(&v->dst.ip, dst));
    if (v->src.local) {
        why_put_departure(w, v, arena);
    } else {
        why_put_arrival(w, v, arena);
        w->port = ((const struct intent_local *)v->dst.local->value)->ofport;
    }
}

/* ---- the switch's answer ---- */
/* The text after the last line that begins with 'lead' (blanks before it aside); NULL: none. */
static const char *why_last(const char *text, const char *lead)
{
    const char *found = NULL;
    for (const char *p = strstr(text, lead); p; p = strstr(p + 1, lead)) {
        found = p + strlen(lead);
    }
    return found;
}

static bool why_trace_allows(const struct why *w, const char *text)
{
    if (w->service && !w->service->n) {
        return !strstr(text, "controller("); /* refused, as it is to be */
    }
    const char *actions = why_last(text, "Datapath actions: ");
    const char *port = why_last(text, "-> output port is ");
    if (!actions || strncmp(actions, "drop", 4) == 0) {
        return false;
    }
    return !w->port || !port || strtoull(port, NULL, 10) == w->port;
}

/* What the data plane said. */
struct why_told {
    bool known, allows;
    const char *agrees, *differs; /* in words */
    const struct err *error;      /* why it is not known */
    bool unreachable;             /* there is no way to ask from here: no disagreement */
};

static void why_put_told(struct why *w, const struct why_told *t, const char *verdict)
{
    sbuf_printf(&w->text, "trace      %s", verdict);
    if (!t->known) {
        sbuf_printf(&w->text, ": %s\n", t->error->text);
    } else if (t->allows != w->expected) {
        sbuf_printf(&w->text, " (%s)\n", t->differs);
    } else if (w->elsewhere) {
        sbuf_printf(&w->text, " (%s; %s is decided on %s)\n", t->agrees, w->elsewhere, w->node);
    } else {
        sbuf_printf(&w->text, " (%s)\n", t->agrees);
    }
}

static void why_finish(struct why *w, const struct why_told *t)
{
    bool refused = w->service && !w->service->n;
    const char *verdict = !t->known   ? "unknown"
                          : t->allows ? "allow"
                          : refused   ? "refused"
                                      : "drop";
    bool agree = t->known && t->allows == w->expected;
    struct sbuf body = SBUF_INIT;
    cJSON *object = cJSON_AddObjectToObject(w->answer, "trace");
    cJSON_AddStringToObject(object, "verdict", verdict);
    cJSON_AddStringToObject(object, "flow", sbuf_cstr(&w->flow));
    if (t->error) {
        cJSON_AddStringToObject(object, "error", t->error->text);
    }
    cJSON_AddItemToObject(w->answer, "agree",
                          t->unreachable ? cJSON_CreateNull() : cJSON_CreateBool(agree));
    why_put_told(w, t, verdict);
    char *json = cJSON_PrintUnformatted(w->answer);
    sbuf_printf(&body, "{\"agree\":%s,\"text\":", agree || t->unreachable ? "true" : "false");
    sbuf_put_json(&body, w->text.data);
    sbuf_printf(&body, ",\"answer\":%s}\n", json);
    cJSON_free(json);
    http_answer(w->x, 200, "application/json", &body);
    why_free(w);
}

/* What is expected is that of the endpoint that the switch has chosen. */
static void why_service_chosen(struct why *w, const char *trace)
{
    const struct why_endpoint *e = why_service_choice(w->service, trace);
    char text[IP_TEXT_MAX];
    if (!e) {
        return;
    }
    w->expected = e->allowed_here;
    w->port = e->out_port;
    if (e->node) {
        w->elsewhere = "ingress";
        w->node = mem_strdup(e->node);
    }
    sbuf_printf(&w->text, "chosen     %s port %u, this time\n", ip_format(&e->at.ip, text),
                (unsigned)e->at.port);
}

/* 'trace' NULL: for 'error'. */
static void why_answer(struct why *w, const char *trace, const struct err *error)
{
    if (w->service && trace) {
        why_service_chosen(w, trace);
    }
    why_finish(w, &(struct why_told){.known = trace != NULL,
                                     .allows = trace && why_trace_allows(w, trace),
                                     .agrees = "the switch agrees",
                                     .differs = "THE SWITCH DIFFERS",
                                     .error = error,
                                     .unreachable = !trace && error->code == ERR_UNSUPPORTED});
}

/* In place of a trace: what the lists say that the service has. */
static enum acl_verdict why_list(const struct why *w, const struct verdict *v,
                                 const struct verdict_party *own, const struct ip *remote)
{
    return acl_decide_installed(w->a->engine, own->local->key,
                                &(struct acl_packet){.direction = own == &v->dst ? HCN_IN : HCN_OUT,
                                                     .remote = *remote,
                                                     .proto = v->query.proto,
                                                     .port = v->query.port});
}

static void why_answer_lists(struct why *w, const struct verdict *v)
{
    enum acl_verdict sides[] = {ACL_ALLOWED, ACL_ALLOWED};
    struct err err = {0};
    if (v->src.local) {
        sides[0] = why_list(w, v, &v->src, &v->dst.ip);
    }
    if (v->dst.local) {
        sides[1] = why_list(w, v, &v->dst, &v->src.ip);
    }
    bool known = sides[0] != ACL_UNCLEAR && sides[1] != ACL_UNCLEAR;
    if (!known) {
        err_set(&err, ERR_NOT_FOUND, "no list that decides it");
    }
    why_finish(w, &(struct why_told){.known = known,
                                     .allows = sides[0] == ACL_ALLOWED && sides[1] == ACL_ALLOWED,
                                     .agrees = "the lists agree",
                                     .differs = "THE LISTS DIFFER",
                                     .error = known ? NULL : &err});
}

static void why_traced(void *aux, const char *text, const struct err *err)
{
    struct err told = *err;
    if (pipe_is_native() && told.code == ERR_NOT_FOUND) {
        told.code = ERR_UNSUPPORTED; /* not every Open vSwitch has a control pipe for us */
    }
    why_answer(aux, err->code ? NULL : text, err->code ? &told : NULL);
}

static void why_abandoned(void *aux)
{
    struct why *w = aux;
    unixctl_cancel(w->call);
    why_free(w);
}

static int why_ask(struct why *w, struct err *err)
{
    char address[STREAM_ADDRESS_MAX + 64];
    int rc = agent_switch_control(w->a, address, sizeof address, err);
    if (rc < 0) {
        return rc;
    }
    const char *args[] = {w->a->o->bridge, w->flow.data};
    struct unixctl_request request = {
        .address = address, .method = "ofproto/trace", .args = args, .n_args = ARRAY_LEN(args)};
    w->call = unixctl_call(w->a->loop, &request, why_traced, w, err);
    return w->call ? 0 : ERR_INVALID;
}

/* ---- serving ---- */
static int why_verdict(struct agent *a, struct verdict_query *q, struct arena *arena,
                       struct verdict *v, struct err *err)
{
    int rc = verdict_of(a->store, q, arena, v, err);
    if (rc == 0 && v->query.family == 6 && q->proto == WHY_PROTO_ICMP) {
        q->proto = WHY_PROTO_ICMP6;
        rc = verdict_of(a->store, q, arena, v, err);
    }
    return rc;
}

/* The question about one endpoint in place of the Service; 'text' must last as long as it. */
static struct verdict_query why_endpoint_query(const struct verdict *v,
                                               const struct why_endpoint *e, char text[IP_TEXT_MAX])
{
    struct verdict_query q = v->query;
    q.dst = ip_format(&e->at.ip, text);
    q.port = e->at.port;
    return q;
}

/* What this node decides about each endpoint. */
static void why_judge_here(struct why *w, const struct verdict *v)
{
    struct arena arena;
    arena_init(&arena, 0);
    for (size_t i = 0; i < w->service->n; i++) {
        struct why_endpoint *e = &w->service->v[i];
        struct verdict one;
        char text[IP_TEXT_MAX];
        struct verdict_query q = why_endpoint_query(v, e, text);
        if (verdict_of(w->a->store, &q, &arena, &one, NULL) == 0) {
            why_endpoint_judge(e, &one);
            e->out_port = why_port_to(w, &one, &arena);
        }
        arena_reset(&arena);
    }
    arena_done(&arena);
}

/* And what the nodes of the others do. */
static void why_judge_elsewhere(struct why *w, const struct verdict *v)
{
    struct agent *a = w->a;
    const char *pods[WHY_ENDPOINTS_MAX];
    struct arena arena;
    arena_init(&arena, 0);
    for (size_t i = 0; i < w->service->n; i++) {
        pods[i] = w->service->v[i].ingress_here ? NULL : w->service->v[i].pod;
    }
    struct engine *other = why_elsewhere(a->store, a->o->node_name, pods, w->service->n);
    for (size_t i = 0; other && i < w->service->n; i++) {
        struct why_endpoint *e = &w->service->v[i];
        struct verdict one;
        char text[IP_TEXT_MAX], from[IP_TEXT_MAX];
        struct verdict_query q = why_endpoint_query(v, e, text);
        q.src = ip_format(&v->src.ip, from); /* as that node sees it */
        if (pods[i] && verdict_of(engine_store(other), &q, &arena, &one, NULL) == 0 &&
            one.side[DIRECTION_INGRESS].here) {
            const struct pod *pod = store_get(a->store, TABLE_POD, pods[i])->value;
            why_endpoint_judge_elsewhere(e, &one, pod->node_name);
        }
        arena_reset(&arena);
    }
    why_elsewhere_free(other);
    arena_done(&arena);
}

/* The endpoints that 'v', a verdict about the Service's address, may become. */
static void why_begin_service(struct why *w, const struct row *frontend, const struct verdict *v)
{
    struct why_service *s = why_service_new(frontend);
    w->service = s;
    why_judge_here(w, v);
    why_judge_elsewhere(w, v);
    w->expected = why_service_allows_here(s);
    /* The datapath's hash, which a trace does not compute. */
    sbuf_puts(&w->flow, ",dp_hash=1");
    w->answer = why_service_json(s, v);
    why_service_table(s, v, &w->text);
}

/* Where 'v' is about a Service's address, but none of its ports: it says so. */
static void why_note_service(struct why *w, const struct verdict *v)
{
    auto_sbuf note = SBUF_INIT;
    if (why_service_other_port(w->a->store, v, &note)) {
        sbuf_printf(&w->text, "note       %s\n", sbuf_cstr(&note));
        cJSON_AddStringToObject(w->answer, "note", note.data);
    }
}

static void why_begin(struct agent *a, struct http_exchange *x, struct verdict *v,
                      struct arena *arena)
{
    struct err err = {0};
    struct why *w = mem_calloc(1, sizeof *w);
    w->a = a;
    w->x = x;
    w->expected = v->allowed;
    why_put_flow(w, v, arena);
    const struct row *frontend = v->src.local ? why_service_frontend(a->store, v, arena) : NULL;
    struct engine *other = frontend ? NULL : why_other_side(w, v, arena);
    if (frontend) {
        why_begin_service(w, frontend, v);
    } else {
        w->answer = verdict_json(v);
        verdict_table(v, &w->text);
        why_note_service(w, v);
    }
    if (w->elsewhere) {
        cJSON *side = cJSON_GetObjectItemCaseSensitive(w->answer, w->elsewhere);
        cJSON_ReplaceItemInObjectCaseSensitive(side, "here", cJSON_CreateFalse());
        cJSON_AddStringToObject(side, "node", w->node);
    }
    why_elsewhere_free(other);
    if (a->acl) {
        why_answer_lists(w, v);
    } else if (why_ask(w, &err) < 0) {
        why_answer(w, NULL, &err);
    } else {
        http_on_abandon(x, why_abandoned, w);
    }
}

void api_why(struct agent *a, struct http_exchange *x)
{
    struct sbuf text[2] = {SBUF_INIT, SBUF_INIT};
    struct verdict_query q;
    struct verdict v;
    struct arena arena;
    struct err err = {0};
    arena_init(&arena, 0);
    int rc = why_parse(x, text, &q, &err);
    if (rc == 0 && !store_get(a->store, TABLE_CONFIG, "")) {
        rc = err_set(&err, ERR_AGAIN, "not ready: %s", a->why);
    }
    rc = rc < 0 ? rc : why_verdict(a, &q, &arena, &v, &err);
    if (rc == 0) {
        why_begin(a, x, &v, &arena);
    } else {
        http_answer_error(x,
                          rc == ERR_INVALID     ? 400
                          : rc == ERR_NOT_FOUND ? 404
                                                : 503,
                          "%s", err.text);
    }
    arena_done(&arena);
    sbuf_done(&text[0]);
    sbuf_done(&text[1]);
}
