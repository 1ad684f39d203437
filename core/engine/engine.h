/* SPDX-License-Identifier: Apache-2.0
 *
 * The engine: pure derivation per unit, one generic diff.
 *
 * A unit is (kind, key).  A kind is driven by a table: for each row of that table there is a unit
 * of the same key (a singleton kind has one unit with key "").  When something that a unit read
 * changes, the unit is derived again whole: its derive function reads the store through a view and
 * emits contributions, which replace the unit's earlier ones.  A contribution goes either to a
 * derived table (stage order: a kind reads only rows that earlier stages write; asserted) or to a
 * target's desired set.  Contributions to the same key are merged by the rule of the table or
 * target; only a change of the effective value counts.
 *
 * desired - installed = plan.  A target applies a plan and acknowledges; installed then follows.
 * At start and reconnect the target dumps what is there; nothing is ever cleared.
 *
 * Single-threaded, no I/O, no clock: everything here runs on the loop thread. */
#ifndef SEINE_ENGINE_ENGINE_H
#define SEINE_ENGINE_ENGINE_H

#include "core/base/err.h"
#include "core/base/sbuf.h"
#include "core/store/store.h"

struct engine;
struct derive; /* one derivation under way */

enum { ENGINE_SINGLETON = -1 };
struct unit_kind {
    const char *name;
    int stage; /* units run in ascending stage order */
    int drive; /* table whose rows make the units, or ENGINE_SINGLETON */
    void (*derive)(struct derive *d, const char *key);
};

/* A value seen as bytes. */
struct bytes {
    const void *p;
    size_t n;
};

/* How contributions to one key become one effective value.  'values' come in a stable order
 * (unit kind, then unit key), n >= 1.  NULL merge: all must be equal, else a conflict is counted
 * and the first holds.  A merge function writes the result to 'out' and returns whether the
 * contributions agreed. */
typedef bool merge_fn(const struct bytes *values, size_t n, struct sbuf *out);

struct space_class { /* a target's desired set */
    const char *name;
    merge_fn *merge;
};
struct engine_config {
    const struct table_class *tables;
    size_t n_tables;
    merge_fn *const *table_merge; /* by table number, for derived tables; may be NULL */
    const struct unit_kind *kinds;
    size_t n_kinds;
    const struct space_class *spaces; /* position = target number */
    size_t n_spaces;
};

struct engine *engine_new(const struct engine_config *config);
void engine_free(struct engine *e);
struct store *engine_store(struct engine *e); /* write input tables through this, then engine_run */

/* ---- inside a derive function ---- */
struct view *derive_view(struct derive *d);
struct arena *derive_arena(struct derive *d); /* freed after the derivation */
/* An empty buffer for the derivation: taken, and given back with its memory for the next one. */
struct sbuf derive_buffer(struct derive *d);
void derive_buffer_done(struct derive *d, struct sbuf *b);
/* Contributes a row to a derived table / a value to a target's desired set.  Bytes are copied.
 * Twice the same key from one unit: merged like two units' values. */
void derive_row(struct derive *d, int table, const char *key, const void *blob, size_t len);
void derive_out(struct derive *d, int space, const void *key, size_t key_len, const void *value,
                size_t value_len);
/* Says that this unit could not be derived whole and why (one line; kept until the next
 * derivation of the unit, listed by engine_failures).  What it contributed still holds. */
void derive_fail(struct derive *d, const char *fmt, ...) PORT_PRINTF(2, 3);

/* ---- running ---- */
/* Derives dirty units in stage order, at most 'budget' of them (0: all).  True if none is left. */
bool engine_run(struct engine *e, size_t budget);
bool engine_is_dirty(const struct engine *e);

/* ---- desired, installed, plan ---- */
enum plan_op { PLAN_ADD, PLAN_MODIFY, PLAN_DELETE };
struct plan_item {
    enum plan_op op;
    struct bytes key;
    struct bytes value;     /* desired; empty for DELETE */
    struct bytes installed; /* what is there; empty for ADD */
};
struct plan {
    uint64_t generation;
    const struct plan_item *items; /* byte order of the keys */
    size_t n;
};
/* What must be sent so that target 'space' holds what is desired.  Empty plan: n == 0.  The memory
 * is the engine's and valid until engine_plan_done/engine_plan_failed for it; the values in it do
 * not change while the store goes on changing.  At most one plan a space is out; asking again
 * before it is settled is a caller's mistake (assert).  Keys that were refused are left out until
 * their value changes or engine_retry() is called. */
const struct plan *engine_plan(struct engine *e, int space);
/* While kept, nothing is planned to be deleted from the space: what is not desired stays, and
 * counts as if it were (engine_in_sync, engine_acked).  What is no longer kept is a change to
 * acknowledge. */
void engine_keep(struct engine *e, int space, bool keep);
/* engine_plan(), but only what is to be added or modified and 'wanted' picks by its desired value:
 * some of a change, so nothing counts as acknowledged (engine_acked) when it is done. */
typedef bool plan_wanted_fn(void *aux, struct bytes key, struct bytes value);
const struct plan *engine_plan_some(struct engine *e, int space, plan_wanted_fn *wanted, void *aux);
/* Whether engine_plan_some() would find something. */
bool engine_lacks_some(const struct engine *e, int space, plan_wanted_fn *wanted, void *aux);
/* The target acknowledged the whole plan: installed follows.  (An empty plan is settled already;
 * this is then without effect.) */
void engine_plan_done(struct engine *e, int space);
/* Nothing of it was done ('refused': item number that was at fault, or SIZE_MAX if not known, with
 * reason).  The item at fault is marked refused with its units; the rest is planned again. */
void engine_plan_refused(struct engine *e, int space, size_t item, const char *reason);
/* The outcome is not known: the caller must dump (engine_dump_begin) before it plans again. */
void engine_plan_unknown(struct engine *e, int space);
void engine_retry(struct engine *e, int space); /* refused keys may be tried again */

/* Reads a target back: begin, one call a row, end.  After end, installed is exactly what was
 * given.  Not while a plan is out (settle it first, as unknown). */
void engine_dump_begin(struct engine *e, int space);
void engine_dump_row(struct engine *e, int space, struct bytes key, struct bytes value);
void engine_dump_end(struct engine *e, int space);

struct engine_counts {
    size_t desired, installed; /* keys */
    size_t pending;            /* keys whose desired and installed differ */
    size_t refused;
    size_t conflicts; /* keys whose contributions disagree */
};
struct engine_counts engine_counts(const struct engine *e, int space);
/* Nothing pending (but for what is kept), no plan out. */
bool engine_in_sync(const struct engine *e, int space);
/* Grows with each effective change of the desired set; what a waiter compares. */
uint64_t engine_generation(const struct engine *e, int space);
/* The generation up to which everything is acknowledged. */
uint64_t engine_acked(const struct engine *e, int space);

/* ---- asking ---- */
struct engine_entry {
    struct bytes key;
    struct bytes desired, installed; /* p == NULL: absent */
    const char *refused;             /* reason or NULL */
};
/* All entries in byte order of keys; allocated in 'a'. */
struct engine_entry *engine_entries(const struct engine *e, int space, struct arena *a,
                                    size_t *n_out);
/* "kind/key" of each unit that contributes to the key, allocated in 'a'. */
const char **engine_owners(const struct engine *e, int space, struct bytes key, struct arena *a,
                           size_t *n_out);
struct engine_failure {
    const char *kind, *key, *reason;
};
struct engine_failure *engine_failures(const struct engine *e, struct arena *a, size_t *n_out);
/* Grows whenever a unit begins or ceases to fail. */
uint64_t engine_failing(const struct engine *e);
size_t engine_n_units(const struct engine *e);
uint64_t engine_n_derivations(const struct engine *e);

/* The oracle: marks every unit dirty, derives all, and reports what differs from before: a text
 * line a difference ("space or table, + or - or ~, key in hex or text") into 'report' (may be
 * NULL).  Returns the number of differences; 0 is the only right answer.  The engine must not be
 * dirty when called (it runs the queue first). */
size_t engine_recompute(struct engine *e, struct sbuf *report);

#endif
