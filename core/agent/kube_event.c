/* SPDX-License-Identifier: Apache-2.0 */
#include "core/agent/kube_event.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "core/base/hash.h"
#include "core/base/mem.h"
#include "core/base/time_text.h"
#include "core/k8s/kinds.h"

struct entry {
    struct entry *next;
    enum k8s_kind kind;
    bool shared;
    char *namespace_, *name, *uid, *reason, *action, *note;
    char *object;          /* name of the Event; NULL: not made */
    uint64_t wall_ms;      /* of the first time */
    uint64_t last_wall_ms; /* of the last */
    int64_t last;
    int64_t due; /* of its next call */
    uint64_t count;
    uint64_t told;    /* the count that the server knows */
    uint64_t telling; /* by the call under way */
};

struct kube_event_book {
    char *node_name;
    struct entry *entries; /* the newest first */
    struct entry *out;     /* its call is under way */
    size_t n;
    uint64_t dropped, serial;
    int64_t tokens_at; /* the bucket was filled until then */
    unsigned tokens;
    bool filled;
};

/* ---- the book ---- */
struct kube_event_book *kube_event_book_new(const char *node_name)
{
    struct kube_event_book *b = mem_calloc(1, sizeof *b);
    b->node_name = mem_strdup(node_name);
    b->tokens = KUBE_EVENT_BURST;
    return b;
}

static void entry_free(struct entry *e)
{
    char *const texts[] = {e->namespace_, e->name, e->uid,   e->reason,
                           e->action,     e->note, e->object};
    for (size_t i = 0; i < ARRAY_LEN(texts); i++) {
        mem_free(texts[i]);
    }
    mem_free(e);
}

void kube_event_book_free(struct kube_event_book *b)
{
    while (b && b->entries) {
        struct entry *e = b->entries;
        b->entries = e->next;
        entry_free(e);
    }
    if (b) {
        mem_free(b->node_name);
        mem_free(b);
    }
}

static bool entry_is_of(const struct entry *e, const struct kube_event *event)
{
    return e->kind == event->kind && strcmp(e->name, event->name) == 0 &&
           strcmp(e->reason, event->reason) == 0 && strcmp(e->namespace_, event->namespace_) == 0 &&
           strcmp(e->uid, event->uid) == 0;
}

/* What has not happened for a while and is told whole is forgotten. */
static void book_forget(struct kube_event_book *b, int64_t now)
{
    for (struct entry **link = &b->entries, *e; (e = *link) != NULL;) {
        if (e != b->out && e->told == e->count && now - e->last >= KUBE_EVENT_FORGET_MS) {
            *link = e->next;
            b->n--;
            entry_free(e);
        } else {
            link = &e->next;
        }
    }
}

static bool book_take_token(struct kube_event_book *b, int64_t now)
{
    if (!b->filled) {
        b->filled = true;
        b->tokens_at = now;
    }
    int64_t more = (now - b->tokens_at) / KUBE_EVENT_FILL_MS;
    b->tokens_at += more * KUBE_EVENT_FILL_MS;
    b->tokens = (int64_t)b->tokens + more < KUBE_EVENT_BURST ? b->tokens + (unsigned)more
                                                             : KUBE_EVENT_BURST;
    if (!b->tokens) {
        return false;
    }
    b->tokens--;
    return true;
}

/* At most so many bytes, and no half of a character. */
static char *cut(const char *text, size_t max)
{
    size_t n = strlen(text);
    n = n < max ? n : max;
    while (n && ((unsigned char)text[n] & 0xc0) == 0x80) {
        n--;
    }
    return mem_strndup(text, n);
}

static void book_add(struct kube_event_book *b, const struct kube_event *event, int64_t now,
                     uint64_t wall_ms)
{
    struct entry *e = mem_calloc(1, sizeof *e);
    e->kind = event->kind;
    e->shared = event->shared;
    e->namespace_ = mem_strdup(event->namespace_);
    e->name = mem_strdup(event->name);
    e->uid = mem_strdup(event->uid);
    e->reason = mem_strdup(event->reason);
    e->action = mem_strdup(event->action);
    e->note = cut(event->note, KUBE_EVENT_NOTE_MAX);
    e->wall_ms = e->last_wall_ms = wall_ms;
    e->last = e->due = now;
    e->count = 1;
    e->next = b->entries;
    b->entries = e;
    b->n++;
}

void kube_event_note(struct kube_event_book *b, const struct kube_event *event, int64_t now,
                     uint64_t wall_ms)
{
    book_forget(b, now);
    for (struct entry *e = b->entries; e; e = e->next) {
        if (entry_is_of(e, event)) {
            e->due = e->count == e->told && e->due < now ? now : e->due;
            e->wall_ms = e->count ? e->wall_ms : wall_ms;
            e->count++;
            e->last = now;
            e->last_wall_ms = wall_ms;
            return;
        }
    }
    if (b->n >= KUBE_EVENT_MAX || !book_take_token(b, now)) {
        b->dropped++;
        return;
    }
    book_add(b, event, now, wall_ms);
}

/* ---- calls ---- */
static const char *entry_place(const struct entry *e)
{
    return *e->namespace_ ? e->namespace_ : "default";
}

/* The object's name and a number, as all clients make them: one of its own, or what all nodes come
 * to. */
static void entry_name(struct kube_event_book *b, struct entry *e)
{
    auto_sbuf name = SBUF_INIT;
    uint64_t number = e->shared ? hash_str(e->uid, (uint64_t)e->kind)
                                : hash_str(b->node_name, e->wall_ms + b->serial++);
    sbuf_printf(&name, "%.200s.%016" PRIx64, e->name, hash_str(e->reason, number));
    mem_free(e->object);
    e->object = mem_strdup(name.data);
}

static void put_text(struct sbuf *out, const char *key, const char *value)
{
    sbuf_printf(out, "\"%s\":", key);
    sbuf_put_json(out, value);
}

static void entry_document(const struct kube_event_book *b, const struct entry *e, struct sbuf *out)
{
    char time[TIME_TEXT_MAX];
    auto_sbuf instance = SBUF_INIT;
    sbuf_printf(&instance, "seine-agent-%s", b->node_name);
    auto_free char *short_instance = cut(instance.data, KUBE_EVENT_INSTANCE_MAX);
    sbuf_puts(out, "{\"apiVersion\":\"events.k8s.io/v1\",\"kind\":\"Event\",\"metadata\":{");
    put_text(out, "name", e->object);
    sbuf_putc(out, ',');
    put_text(out, "namespace", entry_place(e));
    time_text_format(e->wall_ms, TIME_MICRO, time);
    sbuf_printf(out, "},\"eventTime\":\"%s\",\"type\":\"Warning\",", time);
    sbuf_puts(out, "\"reportingController\":\"seine.dev/agent\",");
    put_text(out, "reportingInstance", short_instance);
    sbuf_putc(out, ',');
    put_text(out, "action", e->action);
    sbuf_putc(out, ',');
    put_text(out, "reason", e->reason);
    sbuf_putc(out, ',');
    put_text(out, "note", e->note);
    sbuf_printf(out, ",\"regarding\":{\"apiVersion\":\"%s\",\"kind\":\"%s\",",
                strchr(kind_row(e->kind)->group_path + 1, '/') + 1, k8s_kind_name(e->kind));
    if (*e->namespace_) {
        put_text(out, "namespace", e->namespace_);
        sbuf_putc(out, ',');
    }
    put_text(out, "name", e->name);
    sbuf_putc(out, ',');
    put_text(out, "uid", e->uid);
    sbuf_puts(out, "}}");
}

static void entry_create(struct kube_event_book *b, struct entry *e, struct kube_event_call *out)
{
    entry_name(b, e);
    out->method = "POST";
    out->content_type = "application/json";
    sbuf_printf(&out->path, "/apis/events.k8s.io/v1/namespaces/%s/events", entry_place(e));
    entry_document(b, e, &out->body);
    e->telling = 1;
}

static void entry_count(struct entry *e, struct kube_event_call *out)
{
    char time[TIME_TEXT_MAX];
    time_text_format(e->last_wall_ms, TIME_MICRO, time);
    out->method = "PATCH";
    out->content_type = "application/merge-patch+json";
    sbuf_printf(&out->path, "/apis/events.k8s.io/v1/namespaces/%s/events/%s", entry_place(e),
                e->object);
    sbuf_printf(&out->body, "{\"series\":{\"count\":%" PRIu64 ",\"lastObservedTime\":\"%s\"}}",
                e->count, time);
    e->telling = e->count;
}

bool kube_event_next(struct kube_event_book *b, int64_t now, struct kube_event_call *out)
{
    struct entry *next = NULL;
    for (struct entry *e = b->entries; e && !b->out; e = e->next) {
        bool due = e->told < e->count && e->due <= now;
        next = due && (!next || e->due <= next->due) ? e : next;
    }
    if (!next) {
        return false;
    }
    *out = (struct kube_event_call){.method = NULL};
    if (next->object) {
        entry_count(next, out);
    } else {
        entry_create(b, next, out);
    }
    next->due = now + KUBE_EVENT_SERIES_MS;
    b->out = next;
    return true;
}

void kube_event_answered(struct kube_event_book *b, int status, int64_t now)
{
    struct entry *e = b->out;
    b->out = NULL;
    if (!e) {
        return;
    }
    bool transient = status == 0 || status == 429 || status >= 500;
    bool fresh = e->told == 0; /* it was to be made */
    if (status >= 200 && status < 300) {
        e->told = e->telling;
    } else if (transient) {
        e->due = now + KUBE_EVENT_AGAIN_MS;
    } else if (status == 404 && !fresh) { /* deleted, or it grew old: anew when it happens again */
        e->told = e->count = 0;
    } else {
        e->told = e->count; /* it is not wanted there, or there already */
    }
    if (e->told == 0) {
        mem_free(e->object);
        e->object = NULL;
    }
}

int64_t kube_event_due(const struct kube_event_book *b)
{
    int64_t due = INT64_MAX;
    for (const struct entry *e = b->entries; e && !b->out; e = e->next) {
        due = e->told < e->count && e->due < due ? e->due : due;
    }
    return due;
}

uint64_t kube_event_dropped(const struct kube_event_book *b)
{
    return b->dropped;
}
