/* SPDX-License-Identifier: Apache-2.0
 *
 * The folder source's state: files by name, each with its entries and complaints; all entries by
 * object.  A file that is given again is read whole (folder_read.c), its objects are laid over its
 * old entries, and each object that this touched is settled: who holds it now, and is that what
 * the sink has. */
#include "core/k8s/folder.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/base/hash.h"
#include "core/base/sbuf.h"
#include "core/k8s/folder_internal.h"

typedef VEC(struct entry *) entry_list;

/* ---- files ---- */

/* Position of the file, or where it would be. */
static size_t file_position(const struct folder *f, const char *name, bool *found)
{
    size_t low = 0, high = f->files.n;
    *found = false;
    while (low < high && !*found) {
        size_t mid = low + (high - low) / 2;
        int c = strcmp(f->files.v[mid]->name, name);
        if (c == 0) {
            *found = true;
            return mid;
        }
        if (c < 0)
            low = mid + 1;
        else
            high = mid;
    }
    return low;
}

static struct folder_file_state *file_find(const struct folder *f, const char *name)
{
    bool found;
    size_t i = file_position(f, name, &found);
    return found ? f->files.v[i] : NULL;
}

static struct folder_file_state *file_make(struct folder *f, const char *name)
{
    bool found;
    size_t i = file_position(f, name, &found);
    if (found)
        return f->files.v[i];
    struct folder_file_state *file = mem_calloc(1, sizeof *file);
    file->name = mem_strdup(name);
    VEC_PUSH(&f->files, file);
    memmove(&f->files.v[i + 1], &f->files.v[i], (f->files.n - 1 - i) * sizeof f->files.v[0]);
    f->files.v[i] = file;
    return file;
}

static void file_free(struct folder_file_state *file)
{
    complaints_done(&file->complaints);
    unknown_done(&file->unknown);
    VEC_DONE(&file->entries);
    mem_free(file->name);
    mem_free(file);
}

/* ---- entries ---- */

static uint64_t object_hash(const struct object_meta *meta)
{
    uint64_t h = hash_str(meta->name, (uint64_t)meta->kind + 1);
    return *meta->namespace_ ? hash_str(meta->namespace_, h) : h;
}

static bool same_object(const struct object_meta *a, const struct object_meta *b)
{
    return a->kind == b->kind && !strcmp(a->name, b->name) && !strcmp(a->namespace_, b->namespace_);
}

/* Is 'a' later than 'b', so that it holds? */
static bool is_later(const struct entry *a, const struct entry *b)
{
    int c = strcmp(a->file->name, b->file->name);
    return c ? c > 0 : a->line > b->line;
}

static struct entry *entry_of(struct hmap_node *node)
{
    return CONTAINER_OF(node, struct entry, node);
}

/* The entry that holds the object, and how many there are. */
static struct entry *find_holder(const struct folder *f, const struct object_meta *meta, size_t *n)
{
    struct entry *best = NULL;
    *n = 0;
    HMAP_FOR_EACH_WITH_HASH(node, &f->objects, object_hash(meta)) {
        struct entry *e = entry_of(node);
        if (!same_object(e->object, meta))
            continue;
        ++*n;
        if (!best || is_later(e, best))
            best = e;
    }
    return best;
}

void folder_note(const struct folder *f, enum folder_note note, const char *text)
{
    if (f->sink.note)
        f->sink.note(f->sink.aux, note, text);
}

static void note_duplicate(const struct folder *f, const struct entry *a, const struct entry *b)
{
    char key[K8S_KEY_MAX];
    const struct entry *holds = is_later(a, b) ? a : b, *rests = holds == a ? b : a;
    auto_sbuf text = SBUF_INIT;
    sbuf_printf(&text, "%s:%u: %s %s is also in %s:%u, which holds", rests->file->name, rests->line,
                k8s_kind_name(a->object->kind), k8s_key(a->object, key), holds->file->name,
                holds->line);
    folder_note(f, FOLDER_NOTE_DUPLICATE, sbuf_cstr(&text));
}

static struct entry *entry_add(struct folder *f, struct folder_file_state *file,
                               const struct fresh *fresh)
{
    struct entry *e = mem_calloc(1, sizeof *e);
    size_t n;
    e->file = file;
    e->object = fresh->object;
    e->text_hash = fresh->text_hash;
    e->line = fresh->line;
    e->cidr_line = fresh->cidr_line;
    e->changed = true;
    struct entry *other = find_holder(f, e->object, &n);
    hmap_insert(&f->objects, &e->node, object_hash(e->object));
    if (other) {
        f->n_duplicates++;
        note_duplicate(f, e, other);
    }
    return e;
}

/* Takes the entry out of the map; it stays for settling. */
static void entry_unlink(struct folder *f, struct entry *e)
{
    size_t n;
    hmap_remove(&f->objects, &e->node);
    (void)find_holder(f, e->object, &n);
    if (n)
        f->n_duplicates--;
}

static void entry_free(struct entry *e)
{
    object_free(e->object);
    mem_free(e);
}

/* An entry of the file for this object that was not found again yet. */
static struct entry *find_old(const struct folder *f, const struct folder_file_state *file,
                              const struct object_meta *meta)
{
    HMAP_FOR_EACH_WITH_HASH(node, &f->objects, object_hash(meta)) {
        struct entry *e = entry_of(node);
        if (e->old && e->file == file && same_object(e->object, meta))
            return e;
    }
    return NULL;
}

static void entry_update(struct entry *e, const struct fresh *fresh)
{
    if (!object_equal(e->object, fresh->object))
        e->changed = true;
    object_free(e->object);
    e->object = fresh->object;
    e->text_hash = fresh->text_hash;
    e->line = fresh->line;
    e->cidr_line = fresh->cidr_line;
    e->old = e->stale = false;
}

/* ---- Nodes: the earlier place has the range ---- */

static void node_put(void *aux, const char *name, void *object)
{
    const struct folder *f = aux;
    f->sink.put(f->sink.aux, K8S_NODE, name, object);
}

static void node_remove(void *aux, const char *name)
{
    const struct folder *f = aux;
    f->sink.remove(f->sink.aux, K8S_NODE, name);
}

static int node_order(const void *a, const void *b)
{
    const struct node_slot *const *x = a, *const *y = b;
    const struct entry *p = (*x)->origin, *q = (*y)->origin;
    int c = strcmp(p->file->name, q->file->name);
    return c ? c : (p->line > q->line) - (p->line < q->line);
}

static void node_describe(const struct node_slot *slot, const struct node_slot *other,
                          const char *what, struct sbuf *out)
{
    const struct entry *mine = slot->origin, *theirs = other->origin;
    sbuf_printf(out, "%s:%u: %s (%s:%u)", mine->file->name, mine->cidr_line, what,
                theirs->file->name, theirs->cidr_line);
}

static void node_error(void *aux, const char *text)
{
    folder_note(aux, FOLDER_NOTE_BAD, text);
}

static void nodes_init(struct folder *f)
{
    node_ranges_init(&f->nodes, &(struct node_ranges_ops){.aux = f,
                                                          .put = node_put,
                                                          .remove = node_remove,
                                                          .order = node_order,
                                                          .describe = node_describe,
                                                          .error = node_error});
}

/* ---- settling: what the sink must hear about one object ---- */

/* 'meta' names the object; 'was_put': an entry that is gone was what the sink has. */
static void settle(struct folder *f, const struct object_meta *meta, bool was_put)
{
    char key[K8S_KEY_MAX];
    size_t n;
    struct entry *holder = find_holder(f, meta, &n);

    k8s_key(meta, key);
    if (meta->kind == K8S_NODE) {
        node_ranges_want(&f->nodes, key, holder, holder ? holder->object : NULL);
        if (holder)
            holder->changed = false;
        return;
    }
    if (!holder) {
        if (was_put)
            f->sink.remove(f->sink.aux, meta->kind, key);
        return;
    }
    if (holder->put && !holder->changed)
        return;
    HMAP_FOR_EACH_WITH_HASH(node, &f->objects, object_hash(meta)) {
        struct entry *e = entry_of(node);
        if (same_object(e->object, meta))
            e->put = false;
    }
    holder->put = true;
    holder->changed = false;
    f->sink.put(f->sink.aux, meta->kind, key, object_ref(holder->object));
}

static void settle_all(struct folder *f, const struct folder_file_state *file,
                       const entry_list *dropped)
{
    for (size_t i = 0; i < dropped->n; i++)
        settle(f, dropped->v[i]->object, dropped->v[i]->put);
    /* Without duplicates an entry that did not change is held as it was. */
    for (size_t i = 0; i < file->entries.n; i++)
        if (file->entries.v[i]->changed || f->n_duplicates)
            settle(f, file->entries.v[i]->object, false);
    node_ranges_settle(&f->nodes);
    for (size_t i = 0; i < dropped->n; i++)
        entry_free(dropped->v[i]);
}

/* ---- complaints ---- */

static bool complains_of(const complaint_list *list, const char *key)
{
    for (size_t i = 0; i < list->n; i++)
        if (list->v[i].key && !strcmp(list->v[i].key, key))
            return true;
    return false;
}

static bool has_keyless(const complaint_list *list)
{
    for (size_t i = 0; i < list->n; i++)
        if (!list->v[i].key)
            return true;
    return false;
}

/* Did a complaint that could be about this object keep the source incomplete so far? */
static bool was_blocking(const complaint_list *before, const char *key)
{
    for (size_t i = 0; i < before->n; i++)
        if (before->v[i].blocking && (!key || !before->v[i].key || !strcmp(before->v[i].key, key)))
            return true;
    return false;
}

/* Is there a version of this object in the file?  Without a key: any last good version at all. */
static bool has_version(const struct folder_file_state *file, const char *key)
{
    char buf[K8S_KEY_MAX];
    for (size_t i = 0; i < file->entries.n; i++) {
        const struct entry *e = file->entries.v[i];
        if (!key && e->stale)
            return true;
        if (!key)
            continue;
        auto_free char *title = object_title(e->object->kind, k8s_key(e->object, buf));
        if (!strcmp(title, key))
            return true;
    }
    return false;
}

static bool is_blocking(const struct folder *f, const struct folder_file_state *file,
                        const struct complaint *c)
{
    if (c->key && has_version(file, c->key))
        return false;
    if (was_blocking(&file->complaints, c->key))
        return true;
    return !f->first_done && !has_version(file, c->key);
}

static bool said_before(const complaint_list *before, const char *text)
{
    for (size_t i = 0; i < before->n; i++)
        if (!strcmp(before->v[i].text, text))
            return true;
    return false;
}

static size_t count_blocking(const complaint_list *list)
{
    size_t n = 0;
    for (size_t i = 0; i < list->n; i++)
        n += list->v[i].blocking;
    return n;
}

/* The file's complaints become these (taken over). */
static void replace_complaints(struct folder *f, struct folder_file_state *file,
                               complaint_list *list)
{
    complaint_list *before = &file->complaints;
    for (size_t i = 0; i < list->n; i++)
        list->v[i].blocking = is_blocking(f, file, &list->v[i]);
    for (size_t i = 0; i < list->n; i++)
        if (!said_before(before, list->v[i].text))
            folder_note(f, FOLDER_NOTE_BAD, list->v[i].text);
    if (before->n && !list->n) {
        auto_sbuf text = SBUF_INIT;
        sbuf_printf(&text, "%s: no errors any more", file->name);
        folder_note(f, FOLDER_NOTE_MENDED, sbuf_cstr(&text));
    }
    f->n_blocking -= count_blocking(before);
    f->n_blocking += count_blocking(list);
    complaints_done(before);
    *before = *list;
    memset(list, 0, sizeof *list);
}

static void note_unknown(struct folder *f, const struct folder_file_state *file)
{
    for (size_t i = 0; i < file->unknown.n; i++) {
        const char *name = file->unknown.v[i].name;
        bool noted = false;
        for (size_t k = 0; k < f->noted_kinds.n && !noted; k++)
            noted = !strcmp(f->noted_kinds.v[k], name);
        if (noted)
            continue;
        auto_sbuf text = SBUF_INIT;
        sbuf_printf(&text, "%s: %s is not a kind that is read", file->name, name);
        folder_note(f, FOLDER_NOTE_UNKNOWN, sbuf_cstr(&text));
        VEC_PUSH(&f->noted_kinds, mem_strdup(name));
    }
}

/* ---- a file given ---- */

/* Old entries that were not found again: those that a complaint may be about stay as last good
 * versions, the others go to 'dropped'. */
static void keep_or_drop(struct folder *f, const entry_list *old, const complaint_list *complaints,
                         struct folder_file_state *file, entry_list *dropped)
{
    char buf[K8S_KEY_MAX];
    bool any = has_keyless(complaints);
    for (size_t i = 0; i < old->n; i++) {
        struct entry *e = old->v[i];
        if (!e->old)
            continue;
        bool keep = any;
        if (!keep && complaints->n) {
            auto_free char *title = object_title(e->object->kind, k8s_key(e->object, buf));
            keep = complains_of(complaints, title);
        }
        e->old = false;
        e->stale = keep;
        if (keep) {
            VEC_PUSH(&file->entries, e);
        } else {
            entry_unlink(f, e);
            VEC_PUSH(dropped, e);
        }
    }
}

/* The file's entries become what 'r' says. */
static void lay_over(struct folder *f, struct folder_file_state *file, struct reading *r,
                     entry_list *dropped)
{
    entry_list old = {file->entries.v, file->entries.n, file->entries.cap};
    memset(&file->entries, 0, sizeof file->entries);
    for (size_t i = 0; i < old.n; i++)
        old.v[i]->old = true;
    for (size_t i = 0; i < r->objects.n; i++) {
        struct fresh *fresh = &r->objects.v[i];
        struct entry *e = find_old(f, file, fresh->object);
        if (e)
            entry_update(e, fresh);
        else
            e = entry_add(f, file, fresh);
        VEC_PUSH(&file->entries, e);
    }
    keep_or_drop(f, &old, &r->complaints, file, dropped);
    VEC_DONE(&old);
    VEC_DONE(&r->objects);
}

static void file_replace(struct folder *f, struct folder_file_state *file, struct reading *r)
{
    entry_list dropped = VEC_INIT;
    lay_over(f, file, r, &dropped);
    replace_complaints(f, file, &r->complaints);
    unknown_done(&file->unknown);
    file->unknown.v = r->unknown.v;
    file->unknown.n = r->unknown.n;
    file->unknown.cap = r->unknown.cap;
    file->n_documents = r->n_documents;
    note_unknown(f, file);
    settle_all(f, file, &dropped);
    VEC_DONE(&dropped);
}

bool folder_wants(const char *name)
{
    static const char *const ends[] = {".yaml", ".yml", ".json"};
    size_t n = strlen(name);
    if (*name == '.')
        return false;
    for (size_t i = 0; i < ARRAY_LEN(ends); i++) {
        size_t len = strlen(ends[i]);
        if (n > len && !strcmp(name + n - len, ends[i]))
            return true;
    }
    return false;
}

static bool is_known_content(const struct folder_file_state *file, uint64_t hash, size_t len)
{
    return file && file->readable && file->hash == hash && file->len == len;
}

/* Takes '*r' over. */
static void take_file(struct folder *f, const char *name, uint64_t hash, size_t len,
                      struct reading *r)
{
    struct folder_file_state *file = file_make(f, name);
    file->hash = hash;
    file->len = len;
    file->readable = true;
    file_replace(f, file, r);
}

bool folder_file(struct folder *f, const char *name, const char *text, size_t len)
{
    uint64_t hash = hash_bytes(text, len, 0);
    struct folder_file_state *file = file_find(f, name);
    struct reading r;

    if (is_known_content(file, hash, len))
        return false;
    folder_read(name, text, len, file, &r);
    take_file(f, name, hash, len, &r);
    return true;
}

/* Does the file hold an object that is not among these? */
static bool loses_object(const struct folder *f, struct folder_file_state *file,
                         const struct reading *r)
{
    size_t found = 0;
    if (!file)
        return false;
    for (size_t i = 0; i < file->entries.n; i++)
        file->entries.v[i]->old = true;
    for (size_t i = 0; i < r->objects.n; i++) {
        struct entry *e = find_old(f, file, r->objects.v[i].object);
        if (e)
            e->old = false;
        found += e != NULL;
    }
    for (size_t i = 0; i < file->entries.n; i++)
        file->entries.v[i]->old = false;
    return found < file->entries.n;
}

unsigned folder_offer(struct folder *f, const char *name, const char *text, size_t len,
                      unsigned age_ms)
{
    uint64_t hash = hash_bytes(text, len, 0);
    struct folder_file_state *file = file_find(f, name);
    struct reading r;
    unsigned wait = 0;

    if (is_known_content(file, hash, len))
        return 0;
    folder_read(name, text, len, file, &r);
    bool loses = loses_object(f, file, &r);
    if (loses && r.n_documents + r.complaints.n == 0)
        wait = FOLDER_EMPTY_MS;
    else if (loses || r.complaints.n)
        wait = FOLDER_SETTLE_MS;
    if (age_ms < wait) {
        for (size_t i = 0; i < r.objects.n; i++)
            object_free(r.objects.v[i].object);
        VEC_DONE(&r.objects);
        complaints_done(&r.complaints);
        unknown_done(&r.unknown);
        return wait - age_ms;
    }
    take_file(f, name, hash, len, &r);
    return 0;
}

bool folder_file_unreadable(struct folder *f, const char *name, const char *reason)
{
    struct folder_file_state *file = file_make(f, name);
    struct reading r = {.n_documents = file->n_documents};
    struct complaint c = complaint_make(name, 0, reason);
    bool same = !file->readable && said_before(&file->complaints, c.text);

    VEC_PUSH(&r.complaints, c);
    if (same) {
        complaints_done(&r.complaints);
        return false;
    }
    file->readable = false;
    file_replace(f, file, &r);
    return true;
}

bool folder_file_gone(struct folder *f, const char *name)
{
    bool found;
    size_t i = file_position(f, name, &found);
    if (!found)
        return false;
    struct folder_file_state *file = f->files.v[i];
    struct reading r = {.n_documents = 0};
    /* Complaints first, so that nothing is kept for them, and without a note that all is well. */
    f->n_blocking -= count_blocking(&file->complaints);
    complaints_done(&file->complaints);
    file_replace(f, file, &r);
    memmove(&f->files.v[i], &f->files.v[i + 1], (f->files.n - 1 - i) * sizeof f->files.v[0]);
    f->files.n--;
    file_free(file);
    return true;
}

/* ---- the folder ---- */

struct folder *folder_new(const struct folder_sink *sink)
{
    struct folder *f = mem_calloc(1, sizeof *f);
    f->sink = *sink;
    hmap_init(&f->objects);
    nodes_init(f);
    return f;
}

void folder_free(struct folder *f)
{
    if (!f)
        return;
    for (size_t i = 0; i < f->files.n; i++) {
        for (size_t k = 0; k < f->files.v[i]->entries.n; k++)
            entry_free(f->files.v[i]->entries.v[k]);
        file_free(f->files.v[i]);
    }
    VEC_DONE(&f->files);
    hmap_done(&f->objects);
    node_ranges_done(&f->nodes);
    for (size_t i = 0; i < f->noted_kinds.n; i++)
        mem_free(f->noted_kinds.v[i]);
    VEC_DONE(&f->noted_kinds);
    VEC_DONE(&f->errors);
    mem_free(f->dir_error);
    mem_free(f);
}

void folder_unreadable(struct folder *f, const char *path, const char *reason)
{
    auto_free char *before = f->dir_error;
    f->dir_error = NULL;
    if (reason) {
        struct complaint c = complaint_make(path, 0, reason);
        f->dir_error = c.text;
        if (!before || strcmp(before, c.text))
            folder_note(f, FOLDER_NOTE_BAD, c.text);
    } else if (before) {
        auto_sbuf text = SBUF_INIT;
        sbuf_printf(&text, "%s: can be read again", path);
        folder_note(f, FOLDER_NOTE_MENDED, sbuf_cstr(&text));
    }
}

const char **folder_files(const struct folder *f, size_t *n_out)
{
    const char **names = mem_calloc(f->files.n ? f->files.n : 1, sizeof *names);
    for (size_t i = 0; i < f->files.n; i++)
        names[i] = f->files.v[i]->name;
    *n_out = f->files.n;
    return names;
}

void folder_first_load_done(struct folder *f)
{
    f->first_done = true;
}

bool folder_complete(const struct folder *f)
{
    return f->first_done && f->n_blocking == 0;
}

static int error_cmp(const void *a, const void *b)
{
    const struct folder_error *x = a, *y = b;
    int c = strcmp(x->file, y->file);
    if (c == 0)
        c = (x->line > y->line) - (x->line < y->line);
    return c ? c : strcmp(x->text, y->text);
}

size_t folder_errors(struct folder *f, const struct folder_error **out)
{
    f->errors.n = 0;
    if (f->dir_error)
        VEC_PUSH(&f->errors, ((struct folder_error){"", 0, f->dir_error, !f->first_done}));
    for (size_t i = 0; i < f->files.n; i++) {
        const struct folder_file_state *file = f->files.v[i];
        for (size_t k = 0; k < file->complaints.n; k++) {
            const struct complaint *c = &file->complaints.v[k];
            VEC_PUSH(&f->errors,
                     ((struct folder_error){file->name, c->line, c->text, c->blocking}));
        }
    }
    for (size_t i = 0; i < f->nodes.slots.n; i++) {
        const struct node_slot *s = &f->nodes.slots.v[i];
        const struct entry *e = s->origin;
        if (s->error)
            VEC_PUSH(&f->errors,
                     ((struct folder_error){e->file->name, e->cidr_line, s->error, false}));
    }
    if (f->errors.n)
        qsort(f->errors.v, f->errors.n, sizeof *f->errors.v, error_cmp);
    *out = f->errors.v;
    return f->errors.n;
}

void folder_counts(const struct folder *f, struct folder_counts *out)
{
    memset(out, 0, sizeof *out);
    out->files = f->files.n;
    for (size_t i = 0; i < f->files.n; i++) {
        const struct folder_file_state *file = f->files.v[i];
        out->bytes += file->len;
        out->documents += file->n_documents;
        out->errors += file->complaints.n;
        for (size_t k = 0; k < file->unknown.n; k++)
            out->unknown += file->unknown.v[k].n;
    }
    for (size_t i = 0; i < f->nodes.slots.n; i++)
        out->errors += f->nodes.slots.v[i].error != NULL;
    out->errors += f->dir_error != NULL;
    out->objects = f->objects.n - f->n_duplicates;
    out->duplicates = f->n_duplicates;
    out->blocking = f->n_blocking;
}

const char *folder_unknown(const struct folder *f, size_t index, size_t *n_out)
{
    const char *last = NULL;
    for (size_t round = 0; round <= index; round++) {
        const char *next = NULL; /* the smallest name above 'last' */
        *n_out = 0;
        for (size_t i = 0; i < f->files.n; i++)
            for (size_t k = 0; k < f->files.v[i]->unknown.n; k++) {
                const struct unknown_kind *u = &f->files.v[i]->unknown.v[k];
                int c = next ? strcmp(u->name, next) : -1;
                if ((last && strcmp(u->name, last) <= 0) || c > 0)
                    continue;
                *n_out = c == 0 ? *n_out + u->n : u->n;
                next = u->name;
            }
        if (!next)
            return NULL;
        last = next;
    }
    return last;
}

bool folder_place(const struct folder *f, enum k8s_kind kind, const char *key, char *buf,
                  size_t buf_size)
{
    const char *slash = strchr(key, '/');
    auto_free char *ns = mem_strndup(key, slash ? (size_t)(slash - key) : 0);
    struct object_meta meta = {
        .kind = kind, .namespace_ = ns, .name = slash ? slash + 1 : key, .uid = ""};
    size_t n;
    const struct entry *e = find_holder(f, &meta, &n);
    if (!e)
        return false;
    snprintf(buf, buf_size, "%s:%u", e->file->name, e->line);
    return true;
}
