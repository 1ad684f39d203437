/* SPDX-License-Identifier: Apache-2.0
 *
 * The reflector's states.  One call is under way, or one back-off runs, or (before the start)
 * neither; the timer serves whatever is waited for.  What a call brings may end it early (an ERROR
 * event, garbage): that is noted while the bytes are read and acted upon behind them, since the
 * stream must not be touched from within. */
#include "core/k8s/reflector.h"

#include <stdio.h>
#include <string.h>

#include <cjson/cJSON.h>

#include "core/base/hash.h"
#include "core/base/mem.h"
#include "core/k8s/answer_stream.h"
#include "core/k8s/decode.h"
#include "core/k8s/held.h"
#include "core/k8s/json_stream.h"
#include "core/k8s/tree.h"

enum {
    HTTP_OK = 200,
    HTTP_UNAUTHORIZED = 401,
    HTTP_FORBIDDEN = 403,
    HTTP_NOT_FOUND = 404,
    HTTP_NOT_ACCEPTABLE = 406,
    HTTP_GONE = 410,
    HTTP_UNSUPPORTED_TYPE = 415,
    HTTP_TOO_MANY = 429,
    HTTP_TIMEOUT = 504,
};
enum {
    TROUBLE_MAX = 240,
    TOO_LARGE_TRIES = 3,
    PROTOBUF_TRIES = 3,
    SILENT_MS = 10000, /* of a streaming list, before plain lists are tried */
    SHORT_WATCH_S = 1,
    BEAT_JITTER_MS = 200,
    SILENT_BEATS = 4, /* without a word from one to the next, so less than five of silence */
    BRIEF_BEATS = 5,  /* a brief watch has ended by itself before */
    BRIEF_WATCH_S = 20,
    BRIEF_JITTER_S = 3,
};
#define INITIAL_EVENTS_END "k8s.io/initial-events-end"

enum call { CALL_NONE, CALL_LIST, CALL_STREAMING, CALL_WATCH };
enum wait {
    WAIT_NONE,
    WAIT_RETRY,
    WAIT_ABSENT,
    WAIT_BEAT, /* of a watch that goes on */
    WAIT_REACH,
    WAIT_SILENT,
};
enum next { NEXT_LIST, NEXT_PAGE, NEXT_WATCH };

/* What a refusal said: a Status, or no more than a number. */
struct refusal {
    int code;
    unsigned retry_after;
    bool too_large;
    char text[TROUBLE_MAX - 60];
};

struct reflector {
    const struct kind_row *row;
    struct reflector_ops ops;
    uint64_t random;
    struct answer_stream *stream;
    struct held held;

    enum reflector_state state;
    enum call call;
    enum wait wait;
    enum next next; /* after WAIT_RETRY */
    int status;     /* of the call; 0: no head yet */
    char version[JSON_STREAM_VERSION_MAX];
    struct sbuf token; /* of the page that is asked for, empty: the first */

    bool streaming; /* try streaming lists */
    bool json_only; /* Protobuf was refused, or could not be read */
    bool paged;     /* lists are read in pages */
    bool unpaged;   /* not this one: pages expired while they were read */
    bool brought;   /* the call brought something new */
    bool settled;   /* it has lasted */
    bool refused;   /* by an ERROR event in the bytes at hand */
    bool nameless_delete;
    bool missed; /* an event that was not understood, since the last list */
    unsigned failures, expired, too_large, absent_looks;
    unsigned cuts;       /* lists that did not come whole, one after the other */
    unsigned unreadable; /* answers in Protobuf one after the other */
    bool quiet;          /* nothing happens to the kind: its watches are brief */
    bool brief;          /* this one is */
    bool heard;          /* something came since the last beat */
    uint32_t late;       /* of the timer's call under way */
    unsigned beats;      /* in a row without; of a brief watch, since its head */
    unsigned rereads;    /* lists for the sake of what cannot be read */
    unsigned reread_in;  /* beats until the next, 0: none is due */
    uint32_t complaints; /* the held's, when these were begun to be counted */
    struct refusal refusal;
    char trouble[TROUBLE_MAX];
    char unknown_type[32];

    char reach[JSON_STREAM_VERSION_MAX]; /* "": nothing is asked for */
    bool reach_short, reach_list;        /* on its way since it was asked for */

    bool was_complete, was_reached; /* when 'changed' was called last */
    enum reflector_state was_state;
};

static void on_object(void *aux, const char *type, const cJSON *object);
static void on_bad(void *aux, const char *type, const cJSON *object, const char *why);

/* ---- small things ---- */

struct reflector *reflector_new(const struct kind_row *row, uint64_t seed,
                                const struct reflector_ops *ops)
{
    struct reflector *r = mem_calloc(1, sizeof *r);
    r->row = row;
    r->ops = *ops;
    r->random = hash_u64(seed);
    r->streaming = row->streaming;
    r->paged = row->page > 0;
    r->stream = answer_stream_new(row->kind, &(struct json_stream_sink){r, on_object, on_bad});
    held_init(&r->held, row->kind, &r->ops);
    r->was_reached = true;
    return r;
}

void reflector_free(struct reflector *r)
{
    if (!r)
        return;
    held_done(&r->held);
    answer_stream_free(r->stream);
    sbuf_done(&r->token);
    mem_free(r);
}

void reflector_seed(struct reflector *r, void *object)
{
    held_seed(&r->held, object);
}

enum reflector_state reflector_state(const struct reflector *r)
{
    return r->state;
}

const char *reflector_state_name(enum reflector_state state)
{
    static const char *const names[] = {[REFLECTOR_NEW] = "new",
                                        [REFLECTOR_LISTING] = "listing",
                                        [REFLECTOR_WATCHING] = "watching",
                                        [REFLECTOR_WAITING] = "waiting",
                                        [REFLECTOR_ABSENT] = "absent"};
    return (size_t)state < ARRAY_LEN(names) ? names[state] : "unknown";
}

bool reflector_complete(const struct reflector *r)
{
    return held_complete(&r->held);
}

const char *reflector_version(const struct reflector *r)
{
    return r->version;
}

const char *reflector_trouble(const struct reflector *r)
{
    return r->trouble;
}

size_t reflector_count(const struct reflector *r)
{
    return r->held.objects.n;
}

size_t reflector_errors(const struct reflector *r, const struct reflector_error **out)
{
    *out = r->held.listed_errors.v;
    return r->held.listed_errors.n;
}

bool reflector_reached(const struct reflector *r)
{
    return !r->reach[0];
}

/* At the end of each input. */
static void tell_changes(struct reflector *r)
{
    held_settle(&r->held);
    bool complete = reflector_complete(r), reached = reflector_reached(r);
    if (complete == r->was_complete && reached == r->was_reached && r->state == r->was_state)
        return;
    r->was_complete = complete;
    r->was_reached = reached;
    r->was_state = r->state;
    r->ops.changed(r->ops.aux);
}

static void note(struct reflector *r, enum log_level level, const char *text)
{
    auto_sbuf line = SBUF_INIT;
    sbuf_printf(&line, "%s: %s", k8s_kind_name(r->row->kind), text);
    r->ops.note(r->ops.aux, level, sbuf_cstr(&line));
}

/* 0 .. n - 1 */
static uint32_t random_below(struct reflector *r, uint32_t n)
{
    r->random = hash_u64(r->random);
    return (uint32_t)((r->random >> 32) * n >> 32);
}

static void wait_for(struct reflector *r, enum wait wait, uint32_t ms)
{
    r->wait = wait;
    r->ops.timer(r->ops.aux, ms);
}

static const char *verb(const struct reflector *r)
{
    return r->call == CALL_LIST ? "list" : "watch";
}

/* ---- trouble ---- */

static void set_trouble(struct reflector *r, enum log_level level, const char *text)
{
    if (!strcmp(r->trouble, text))
        return;
    snprintf(r->trouble, sizeof r->trouble, "%s", text);
    note(r, level, text);
}

/* The server answered as it should. */
static void good(struct reflector *r)
{
    r->failures = r->unreadable = 0;
    if (!r->trouble[0])
        return;
    r->trouble[0] = '\0';
    note(r, LOG_INFO, "read from the API server again");
}

static void back_off(struct reflector *r, enum next next, unsigned retry_after_s)
{
    uint32_t most = REFLECTOR_BACKOFF_MIN_MS;
    for (unsigned i = 0; i < r->failures && most < REFLECTOR_BACKOFF_MAX_MS; i++)
        most *= 2;
    most = most < REFLECTOR_BACKOFF_MAX_MS ? most : REFLECTOR_BACKOFF_MAX_MS;
    uint32_t ms = most / 2 + random_below(r, most / 2) + 1;
    uint32_t asked =
        retry_after_s < REFLECTOR_RETRY_AFTER_MAX_S ? retry_after_s : REFLECTOR_RETRY_AFTER_MAX_S;
    if (asked)
        ms += asked * 1000;
    r->failures++;
    r->next = next;
    r->call = CALL_NONE;
    r->state = REFLECTOR_WAITING;
    wait_for(r, WAIT_RETRY, ms);
}

/* ---- calls ---- */

static void send_call(struct reflector *r, enum call call, const char *path)
{
    r->call = call;
    r->status = 0;
    r->brought = r->settled = r->refused = r->nameless_delete = false;
    wait_for(r, WAIT_NONE, 0);
    r->ops.send(r->ops.aux, path, r->json_only ? ANSWER_ACCEPT_JSON : ANSWER_ACCEPT);
}

static bool is_paged(const struct reflector *r)
{
    return r->paged && !r->unpaged;
}

static void send_page(struct reflector *r)
{
    auto_sbuf path = SBUF_INIT;
    unsigned page = r->row->page ? r->row->page : REFLECTOR_PAGE;
    kind_path_list(r->row, is_paged(r) ? page : 0, r->token.len ? r->token.data : NULL, &path);
    send_call(r, CALL_LIST, sbuf_cstr(&path));
}

static unsigned watch_seconds(struct reflector *r)
{
    return REFLECTOR_WATCH_S + random_below(r, REFLECTOR_WATCH_S);
}

/* After one that came late the next comes sooner, but not at once: what came meanwhile is read
 * first. */
static void wait_beat(struct reflector *r)
{
    uint32_t ms = REFLECTOR_BEAT_MS - random_below(r, BEAT_JITTER_MS);
    wait_for(r, WAIT_BEAT, ms - (r->late < ms / 2 ? r->late : ms / 2));
}

/* The server took it up. */
static void watch_begun(struct reflector *r)
{
    r->state = REFLECTOR_WATCHING;
    r->beats = 0;
    r->heard = false;
    wait_beat(r);
}

static void begin_list(struct reflector *r)
{
    auto_sbuf path = SBUF_INIT;
    held_round_begin(&r->held);
    sbuf_clear(&r->token);
    r->reread_in = 0;
    r->brief = false;
    r->reach_list = r->reach[0] != '\0';
    if (r->state != REFLECTOR_ABSENT && !(r->state == REFLECTOR_WATCHING && r->reach_list))
        r->state = REFLECTOR_LISTING;
    if (!r->streaming) {
        send_page(r);
        return;
    }
    kind_path_streaming(r->row, watch_seconds(r), &path);
    send_call(r, CALL_STREAMING, sbuf_cstr(&path));
}

/* Goes on from the last version.  While something is to be reached: what a list can tell at once
 * is listed, what is more than that is told by a short watch. */
static void begin_watch(struct reflector *r)
{
    auto_sbuf path = SBUF_INIT;
    unsigned seconds =
        r->quiet ? BRIEF_WATCH_S + random_below(r, BRIEF_JITTER_S) : watch_seconds(r);
    if (r->reach[0] && reflector_count(r) <= REFLECTOR_REACH_LIST) {
        begin_list(r);
        return;
    }
    if (r->reach[0]) {
        r->reach_short = true;
        seconds = SHORT_WATCH_S;
    }
    r->brief = r->quiet || r->reach_short;
    kind_path_watch(r->row, r->version, seconds, &path);
    send_call(r, CALL_WATCH, sbuf_cstr(&path));
}

static void run_next(struct reflector *r)
{
    if (r->next == NEXT_LIST)
        begin_list(r);
    else if (r->next == NEXT_PAGE)
        send_page(r);
    else
        begin_watch(r);
}

/* What to ask for again when a call failed on its way.  Pages behind the first are of one state of
 * the server; the first, asked for again, is of a later one, and what the broken one brought may be
 * gone. */
static enum next again(const struct reflector *r)
{
    if (r->call == CALL_WATCH)
        return NEXT_WATCH;
    return r->call == CALL_LIST && r->token.len ? NEXT_PAGE : NEXT_LIST;
}

static void drop_call(struct reflector *r)
{
    r->ops.cancel(r->ops.aux);
}

/* ---- versions ---- */

static void reach_over(struct reflector *r)
{
    r->reach[0] = '\0';
    r->reach_short = r->reach_list = false;
}

static void check_reach(struct reflector *r)
{
    int c;
    if (r->reach[0] && r->version[0] &&
        (!strcmp(r->version, r->reach) ||
         (kind_version_compare(r->version, r->reach, &c) && c >= 0)))
        reach_over(r);
}

static void set_version(struct reflector *r, const char *version)
{
    if (!*version || strlen(version) >= sizeof r->version)
        return;
    memcpy(r->version, version, strlen(version) + 1);
    check_reach(r);
}

/* ---- lists ---- */

static void list_done(struct reflector *r, const char *version)
{
    held_round_end(&r->held);
    set_version(r, version);
    if (r->reach_list)
        reach_over(r);
    r->too_large = r->absent_looks = 0;
    r->unpaged = r->missed = false;
    r->cuts = 0;
    sbuf_clear(&r->token);
    good(r);
}

static void page_done(struct reflector *r)
{
    if (r->state != REFLECTOR_WATCHING)
        r->state = REFLECTOR_LISTING;
    const char *token = answer_stream_continue(r->stream);
    if (*token) {
        sbuf_clear(&r->token);
        sbuf_puts(&r->token, token);
        good(r);
        send_page(r);
        return;
    }
    list_done(r, answer_stream_version(r->stream));
    begin_watch(r);
}

static bool in_doubt(const struct reflector *r)
{
    return r->held.errors.n || r->missed;
}

/* While a watch goes on and something of it cannot be read: when to list anew. */
static void plan_reread(struct reflector *r)
{
    bool fresh = r->complaints != r->held.complaints;
    if (fresh)
        r->rereads = 0;
    r->complaints = r->held.complaints;
    if (!in_doubt(r) || r->call != CALL_WATCH || !r->settled || (r->reread_in && !fresh))
        return;
    uint32_t ms = REFLECTOR_REREAD_MIN_MS;
    for (unsigned i = 0; i < r->rereads && ms < REFLECTOR_REREAD_MAX_MS; i++)
        ms *= 2;
    r->reread_in =
        (ms < REFLECTOR_REREAD_MAX_MS ? ms : REFLECTOR_REREAD_MAX_MS) / REFLECTOR_BEAT_MS;
    if (fresh && r->wait == WAIT_BEAT)
        wait_beat(r);
}

/* ---- a watch goes on ---- */

/* It has lasted. */
static void settle(struct reflector *r)
{
    r->settled = true;
    r->expired = r->too_large = 0;
    r->rereads = in_doubt(r) ? r->rereads : 0;
    good(r);
    plan_reread(r);
}

static bool is_reread_due(struct reflector *r)
{
    if (!in_doubt(r))
        r->reread_in = 0;
    return r->reread_in && --r->reread_in == 0;
}

static void beat(struct reflector *r)
{
    bool due = is_reread_due(r);
    r->beats = r->heard && !r->brief ? 0 : r->beats + 1;
    r->heard = false;
    if (!r->settled)
        settle(r);
    if (due) {
        r->rereads++;
        drop_call(r);
        begin_list(r);
    } else if (r->beats >= (r->brief ? BRIEF_BEATS : SILENT_BEATS)) {
        r->quiet = true;
        drop_call(r);
        begin_watch(r);
    } else {
        wait_beat(r);
    }
}

/* ---- refusals ---- */

static unsigned number_of(const cJSON *map, const char *name)
{
    const cJSON *item = cJSON_GetObjectItemCaseSensitive(map, name);
    return cJSON_IsNumber(item) && item->valueint > 0 ? (unsigned)item->valueint : 0;
}

static bool has_cause(const cJSON *details, const char *reason)
{
    const cJSON *causes = cJSON_GetObjectItemCaseSensitive(details, "causes");
    for (const cJSON *c = cJSON_IsArray(causes) ? causes->child : NULL; c; c = c->next)
        if (!strcmp(tree_member_text(c, "reason"), reason))
            return true;
    return false;
}

static void read_status(struct reflector *r, const cJSON *status)
{
    struct refusal *f = &r->refusal;
    const cJSON *details = cJSON_GetObjectItemCaseSensitive(status, "details");
    const char *reason = tree_member_text(status, "reason"),
               *message = tree_member_text(status, "message");
    unsigned code = number_of(status, "code"), seconds = number_of(details, "retryAfterSeconds");

    if (code)
        f->code = (int)code;
    if (!strcmp(reason, "Expired") || !strcmp(reason, "Gone"))
        f->code = HTTP_GONE;
    if (seconds > f->retry_after)
        f->retry_after = seconds;
    f->too_large = has_cause(details, "ResourceVersionTooLarge");
    snprintf(f->text, sizeof f->text, "%s%s%s", reason, *reason && *message ? ": " : "", message);
    for (char *p = f->text; *p; p++)
        if ((unsigned char)*p < 0x20 || *p == 0x7f)
            *p = ' ';
}

static void refusal_trouble(struct reflector *r)
{
    char text[TROUBLE_MAX];
    const struct refusal *f = &r->refusal;
    bool permission = f->code == HTTP_UNAUTHORIZED || f->code == HTTP_FORBIDDEN;
    snprintf(text, sizeof text, "%s %s %s: %d%s%s", permission ? "not permitted to" : "cannot",
             verb(r), r->row->resource, f->code, *f->text ? " " : "", f->text);
    set_trouble(r, permission ? LOG_ERROR : LOG_WARN, text);
}

/* The optional kind is not there. */
static void absent(struct reflector *r)
{
    bool known = reflector_count(r) > 0;
    if (r->absent_looks < UINT32_MAX)
        r->absent_looks++;
    if (known && r->absent_looks < REFLECTOR_ABSENT_LOOKS) {
        set_trouble(r, LOG_WARN, "not served any more: its objects are kept for the moment");
    } else {
        if (known || r->absent_looks == 1)
            note(r, LOG_INFO, "not served by this API server");
        held_clear(&r->held);
        r->trouble[0] = '\0';
    }
    reach_over(r);
    r->version[0] = '\0';
    r->failures = 0;
    r->call = CALL_NONE;
    r->state = REFLECTOR_ABSENT;
    wait_for(r, WAIT_ABSENT,
             REFLECTOR_ABSENT_MS - REFLECTOR_ABSENT_MS / 10 +
                 random_below(r, REFLECTOR_ABSENT_MS / 10));
}

/* What was asked for is too old for the server: a list from the start. */
static void expired(struct reflector *r)
{
    bool paging = r->call == CALL_LIST && r->token.len;
    if (paging && r->expired)
        r->unpaged = true;
    if (r->expired++ == 0) {
        note(r, LOG_INFO,
             paging ? "the list expired while it was read: it is read again"
                    : "the watch was left behind: reading a new list");
        begin_list(r);
        return;
    }
    refusal_trouble(r);
    back_off(r, NEXT_LIST, r->refusal.retry_after);
}

static bool is_passing(int code)
{
    return code == HTTP_TOO_MANY || code == HTTP_UNAUTHORIZED || code == HTTP_FORBIDDEN;
}

/* The list did not come whole. */
static void cut_off(struct reflector *r)
{
    if (r->call != CALL_LIST || is_paged(r) || ++r->cuts < REFLECTOR_CUTS)
        return;
    r->paged = true;
    r->unpaged = false;
    note(r, LOG_INFO, "lists do not come whole: read in pages from now on");
}

/* The same once more, as JSON. */
static void ask_json(struct reflector *r, const char *why)
{
    char text[80];
    snprintf(text, sizeof text, "%s: read as JSON from now on", why);
    note(r, LOG_WARN, text);
    r->json_only = true;
    r->next = again(r);
    run_next(r);
}

/* The server did not do what was asked; the call is over. */
static void refused(struct reflector *r)
{
    const struct refusal *f = &r->refusal;
    enum next next = again(r);
    if (f->code == HTTP_NOT_FOUND && r->row->optional && r->call != CALL_WATCH) {
        absent(r);
    } else if ((f->code == HTTP_NOT_ACCEPTABLE || f->code == HTTP_UNSUPPORTED_TYPE) &&
               !r->json_only) {
        ask_json(r, "no Protobuf by this API server");
    } else if (f->code == HTTP_GONE) {
        expired(r);
    } else if (r->call == CALL_STREAMING && !f->too_large && !is_passing(f->code) &&
               (f->code < 500 || r->status == HTTP_OK) && f->code != HTTP_NOT_FOUND) {
        r->streaming = false;
        note(r, LOG_INFO, "no streaming lists by this API server: reading plain ones");
        begin_list(r);
    } else {
        if (f->code == HTTP_NOT_FOUND || (f->too_large && ++r->too_large >= TOO_LARGE_TRIES))
            next = NEXT_LIST;
        refusal_trouble(r);
        if (f->code == HTTP_TIMEOUT && !f->too_large)
            cut_off(r);
        back_off(r, next, f->retry_after);
    }
}

/* ---- what a body brings ---- */

/* The key of an object that may be a part of one: where it has no Namespace, it has lost it. */
static bool identify(const struct reflector *r, const cJSON *json, char key[K8S_KEY_MAX])
{
    const cJSON *meta = cJSON_GetObjectItemCaseSensitive(json, "metadata");
    bool whole = !r->row->namespaced || *tree_member_text(meta, "namespace");
    return whole && object_identify(json, r->row->kind, key);
}

static void receive(struct reflector *r, const cJSON *json, const char *why)
{
    struct object_meta *object;
    char key[K8S_KEY_MAX];
    struct err err;

    r->brought = true;
    if (!why && !object_decode(json, r->row->kind, &object, &err)) {
        held_put(&r->held, object);
        return;
    }
    bool known = identify(r, json, key);
    held_bad(&r->held, known ? key : "", why ? why : err.text);
}

static void receive_delete(struct reflector *r, const cJSON *json)
{
    char key[K8S_KEY_MAX];
    r->brought = true;
    if (identify(r, json, key))
        held_remove(&r->held, key);
    else
        r->nameless_delete = true;
}

static void receive_bookmark(struct reflector *r, const cJSON *json)
{
    const cJSON *meta = cJSON_GetObjectItemCaseSensitive(json, "metadata");
    const cJSON *notes = cJSON_GetObjectItemCaseSensitive(meta, "annotations");
    r->brought = true;
    if (r->call != CALL_STREAMING || strcmp(tree_member_text(notes, INITIAL_EVENTS_END), "true"))
        return;
    list_done(r, tree_member_text(meta, "resourceVersion"));
    r->call = CALL_WATCH;
    watch_begun(r);
}

static void receive_unknown(struct reflector *r, const char *type)
{
    char text[80];
    r->brought = r->missed = true;
    if (r->call == CALL_STREAMING) /* it may have been an object of the list */
        held_bad(&r->held, "", "an event of an unknown type");
    if (!strcmp(r->unknown_type, type))
        return;
    snprintf(r->unknown_type, sizeof r->unknown_type, "%s", type);
    snprintf(text, sizeof text, "events of an unknown type are ignored: \"%s\"", type);
    for (char *p = text; *p; p++)
        if ((unsigned char)*p < 0x20 || *p == 0x7f)
            *p = '?';
    note(r, LOG_WARN, text);
}

static void receive_event(struct reflector *r, const char *type, const cJSON *json, const char *why)
{
    const cJSON *meta = cJSON_GetObjectItemCaseSensitive(json, "metadata");
    bool initial = r->call == CALL_STREAMING;
    r->quiet = r->quiet && !strcmp(type, "BOOKMARK");
    if (!strcmp(type, "ERROR")) {
        r->refused = true;
        read_status(r, json);
        return;
    }
    if (!strcmp(type, "ADDED") || !strcmp(type, "MODIFIED"))
        receive(r, json, why);
    else if (!strcmp(type, "DELETED"))
        receive_delete(r, json);
    else if (!strcmp(type, "BOOKMARK") && !why)
        receive_bookmark(r, json);
    else {
        receive_unknown(r, type);
        return;
    }
    if (!initial)
        set_version(r, tree_member_text(meta, "resourceVersion"));
}

static void on_json(struct reflector *r, const char *type, const cJSON *json, const char *why)
{
    if (r->refused)
        return; /* nothing counts behind an ERROR */
    if (r->status != HTTP_OK)
        read_status(r, json);
    else if (r->call == CALL_LIST)
        receive(r, json, why);
    else
        receive_event(r, type, json, why);
}

static void on_object(void *aux, const char *type, const cJSON *object)
{
    on_json(aux, type, object, NULL);
}

static void on_bad(void *aux, const char *type, const cJSON *object, const char *why)
{
    on_json(aux, type, object, why);
}

/* ---- inputs ---- */

void reflector_start(struct reflector *r)
{
    begin_list(r);
    tell_changes(r);
}

void reflector_head(struct reflector *r, int status, unsigned retry_after_s,
                    const char *content_type)
{
    bool watch = r->call == CALL_WATCH;
    enum json_stream_form form = r->call == CALL_LIST ? JSON_STREAM_LIST : JSON_STREAM_WATCH;
    r->status = status;
    r->refusal = (struct refusal){.code = status, .retry_after = retry_after_s};
    answer_stream_begin(r->stream, status == HTTP_OK ? form : JSON_STREAM_STATUS, content_type);
    if (status == HTTP_OK && watch && r->reach[0] && !r->reach_short) {
        watch_begun(r);
        wait_for(r, WAIT_REACH, REFLECTOR_REACH_MS); /* said after it was asked for */
    } else if (status == HTTP_OK && watch) {
        watch_begun(r);
    } else if (status == HTTP_OK && r->call == CALL_STREAMING) {
        wait_for(r, WAIT_SILENT, SILENT_MS);
    }
    tell_changes(r);
}

static void garbage(struct reflector *r, const struct err *err)
{
    char text[TROUBLE_MAX];
    snprintf(text, sizeof text, "cannot %s %s: the answer is not to be read: %.120s", verb(r),
             r->row->resource, err->text);
    set_trouble(r, LOG_WARN, text);
    if (answer_stream_is_protobuf(r->stream) && !r->json_only && ++r->unreadable >= PROTOBUF_TRIES)
        ask_json(r, "Protobuf that is not to be read");
    else
        back_off(r, again(r), 0);
}

void reflector_data(struct reflector *r, const void *data, size_t n)
{
    struct err err;
    int rc = answer_stream_put(r->stream, data, n, &err);
    r->heard = true;
    if (r->status != HTTP_OK)
        return;
    if (r->refused) {
        drop_call(r);
        refused(r);
    } else if (rc) {
        drop_call(r);
        garbage(r, &err);
    } else if (r->nameless_delete) {
        drop_call(r);
        set_trouble(r, LOG_WARN, "an object without a name was deleted: reading a new list");
        back_off(r, NEXT_LIST, 0);
    } else if (r->call == CALL_WATCH && r->brought) {
        good(r);
        plan_reread(r);
    }
    tell_changes(r);
}

static void lost(struct reflector *r, const struct err *err)
{
    char text[TROUBLE_MAX];
    snprintf(text, sizeof text, "cannot %s %s: %.160s", verb(r), r->row->resource, err->text);
    set_trouble(r, LOG_WARN, text);
    if (r->status == HTTP_OK || err->code == ERR_TIMEOUT)
        cut_off(r);
    back_off(r, again(r), 0);
}

/* The server ended the watch as it may at any time. */
static void watch_ended(struct reflector *r)
{
    bool soon = !r->brought && !r->settled && !r->reach[0];
    if (r->reach_short)
        reach_over(r);
    if (soon)
        back_off(r, NEXT_WATCH, 0);
    else
        begin_watch(r);
}

void reflector_end(struct reflector *r, const struct err *err)
{
    struct err own;
    wait_for(r, WAIT_NONE, 0);
    if (r->status && r->status != HTTP_OK)
        refused(r);
    else if (err)
        lost(r, err);
    else if (r->status == 0) {
        err_set(&own, ERR_PROTOCOL, "no answer");
        lost(r, &own);
    } else if (answer_stream_end(r->stream, &own))
        garbage(r, &own);
    else if (r->call == CALL_LIST)
        page_done(r);
    else if (r->call == CALL_WATCH)
        watch_ended(r);
    else
        back_off(r, NEXT_LIST, 0);
    tell_changes(r);
}

/* A streaming list: does it go on?  Servers of old do not know it and tell nothing. */
static void silent(struct reflector *r)
{
    if (r->brought) {
        r->brought = false;
        wait_for(r, WAIT_SILENT, SILENT_MS);
        return;
    }
    drop_call(r);
    r->streaming = false;
    note(r, LOG_INFO, "a streaming list does not come to its end: reading plain ones");
    begin_list(r);
}

void reflector_timer(struct reflector *r, uint32_t late_ms)
{
    enum wait wait = r->wait;
    r->wait = WAIT_NONE;
    r->late = late_ms;
    switch (wait) {
    case WAIT_RETRY:
        run_next(r);
        break;
    case WAIT_ABSENT:
        begin_list(r);
        break;
    case WAIT_REACH:
        if (!r->reach[0]) { /* reached meanwhile */
            wait_beat(r);
            break;
        }
        drop_call(r);
        begin_watch(r);
        break;
    case WAIT_BEAT:
        beat(r);
        break;
    case WAIT_SILENT:
        silent(r);
        break;
    case WAIT_NONE:
        break;
    }
    r->late = 0;
    tell_changes(r);
}

void reflector_hurry(struct reflector *r)
{
    if (r->wait != WAIT_RETRY)
        return;
    run_next(r);
    tell_changes(r);
}

void reflector_reach(struct reflector *r, const char *version)
{
    if (!*version || strlen(version) >= sizeof r->reach || r->state == REFLECTOR_ABSENT)
        return;
    memcpy(r->reach, version, strlen(version) + 1);
    r->reach_short = r->reach_list = false;
    check_reach(r);
    if (r->reach[0] && r->call == CALL_WATCH && r->status == HTTP_OK)
        wait_for(r, WAIT_REACH, REFLECTOR_REACH_MS);
    tell_changes(r);
}
