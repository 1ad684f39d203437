/* SPDX-License-Identifier: Apache-2.0
 *
 * The engine's parts.
 *
 * An entry is one key of a place: a target's desired set (places 0 .. n_spaces - 1) or a derived
 * table (the places after them).  It holds the contributions of units, their merged value
 * (desired), and for targets what is there (installed).  Values are shared, refcounted blobs:
 * a single contribution, the desired and the installed value of one key are one blob.
 *
 * A unit keeps the notes of its last reads and its contributions in order of their entries, so
 * that a derivation's result is compared with the one before in one walk. */
#ifndef SEINE_ENGINE_ENGINE_INTERNAL_H
#define SEINE_ENGINE_ENGINE_INTERNAL_H

#include "core/base/hmap.h"
#include "core/base/mem.h"
#include "core/base/pool.h"
#include "core/base/vec.h"
#include "core/engine/engine.h"
#include "core/store/store_internal.h"

struct blob {
    uint32_t refs, len;
    uint8_t data[]; /* 8-byte aligned */
};
struct engine;
struct blob *blob_new(struct engine *e, const void *p, size_t n);
struct blob *blob_ref(struct blob *b);
void blob_unref(struct engine *e, struct blob *b); /* NULL is fine */
bool blob_is(const struct blob *b, const void *p, size_t n);

struct unit;
struct contribution {
    struct contribution *next_in_entry, *next_in_unit;
    struct unit *unit;
    struct entry *entry;
    struct blob *value;
};

#define NOT_PENDING UINT32_MAX
struct entry {
    struct hmap_node hmap;              /* in its place, by key */
    struct contribution *contributions; /* in their stable order */
    struct blob *desired, *installed;   /* NULL: absent */
    char *refused;                      /* reason, NULL: not refused */
    uint32_t key_len;
    uint32_t pending_at; /* position in the place's pending list */
    uint32_t seen;       /* the dump that showed it last */
    uint16_t place;
    bool in_plan, conflict;
    char key[]; /* key_len bytes and a NUL */
};

struct plan_out {
    enum { PLAN_NONE, PLAN_OUT } state;
    bool some; /* not all that differs */
    struct plan plan;
    struct entry **entries;  /* of the items */
    struct blob **desired;   /* what each item asks for, NULL: delete; holds a reference */
    struct blob **installed; /* the same for what was there */
};
struct place {
    const char *name;
    merge_fn *merge;
    struct hmap entries;
    VEC(struct entry *) pending; /* desired and installed differ; no order */
    size_t n_desired, n_installed, n_refused, n_conflicts;
    uint64_t generation, acked;
    uint32_t dump; /* number of the last dump */
    bool dumping, must_dump;
    bool keep; /* nothing is deleted */
    struct plan_out out;
};

struct unit {
    struct hmap_node hmap;
    const struct unit_kind *kind;
    uint64_t *reads; /* sorted notes */
    uint32_t n_reads;
    bool dirty, gone;
    struct contribution *contributions; /* in order of (entry, value) */
    char *failure;
    uint32_t failing_at; /* position in the engine's list of failing units, if 'failure' */
    char key[];
};
struct reader { /* the units that read one note: mostly one */
    struct hmap_node hmap;
    uint32_t n, cap; /* cap 1: 'one' holds it */
    union {
        struct unit *one, **many;
    } units;
};
struct queue {
    VEC(struct unit *) units;
    size_t head;
};

struct emitted { /* by the derivation under way */
    uint16_t place;
    uint32_t key_at, key_len, value_at, value_len; /* offsets into 'bytes' */
    struct entry *entry;
    const uint8_t *value;
};
enum { DERIVE_BUFFERS = 8, DERIVE_BUFFER_MAX = 64 * 1024 };
struct derive {
    struct engine *engine;
    struct unit *unit;
    struct arena arena;
    struct view view;
    VEC(uint64_t) reads;
    VEC(struct emitted) emitted;
    struct sbuf bytes;
    VEC(struct entry *) touched;         /* by unit_contribute() */
    struct sbuf buffers[DERIVE_BUFFERS]; /* that nobody has: the first n_buffers */
    size_t n_buffers;
    char *failure;
};

struct engine {
    struct engine_config config;
    struct pool pool; /* of entries, contributions, blobs, units, readers */
    struct store *store;
    struct place *places;
    size_t n_places;
    struct hmap units;   /* by kind and key */
    struct hmap readers; /* by note */
    VEC(struct unit *) failing;
    uint64_t n_failing_changes;
    struct queue *queues; /* by stage */
    int n_stages;
    size_t n_dirty;
    uint64_t n_derivations;
    int *written_by, *read_by; /* by table: highest stage that writes, lowest that reads */
    struct derive derive;
    struct sbuf scratch; /* merged value */
    struct sbuf *report; /* engine_recompute() under way */
    size_t n_reported;
    bool recomputing;
};

/* engine_entry.c */
struct entry *entry_find(const struct engine *e, int place, const void *key, size_t n);
struct entry *entry_get(struct engine *e, int place, const void *key, size_t n); /* makes it */
void entry_drop_if_empty(struct engine *e, struct entry *entry);
/* Merges the contributions again; the desired value, the store or the plan follow. */
void entry_settle(struct engine *e, struct entry *entry);
void entry_set_installed(struct engine *e, struct entry *entry, struct blob *installed);
void entry_set_refused(struct engine *e, struct entry *entry, const char *reason);
/* Replaces what 'u' contributed by what was emitted. */
void unit_contribute(struct engine *e, struct unit *u, struct derive *d);
void places_done(struct engine *e);
struct place *place_of(const struct engine *e, int space);

/* engine.c */
struct unit *unit_find(const struct engine *e, const struct unit_kind *kind, const char *key);
void unit_mark(struct engine *e, struct unit *u);

/* engine_plan.c */
void plan_drop(struct engine *e, struct place *p);

#endif
