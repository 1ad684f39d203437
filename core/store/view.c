/* SPDX-License-Identifier: Apache-2.0 */
#include "core/base/hash.h"
#include "core/store/store_internal.h"

static void note(struct view *v, int table, int kind, uint64_t hash)
{
    v->read(v->aux, table, note_by_hash(table, kind, hash));
}

const struct row *view_get(struct view *v, int table, const char *key)
{
    uint64_t hash = hash_str(key, 0);
    note(v, table, NOTE_KEY, hash);
    return store_get_hashed(v->store, table, key, hash);
}

const struct row **view_list(struct view *v, int table, size_t *n_out)
{
    note(v, table, NOTE_LIST, hash_str("", 0));
    return store_list(v->store, table, v->arena, n_out);
}

const struct row **view_list_index(struct view *v, int table, int index, const char *ikey,
                                   size_t *n_out)
{
    struct index_key by = {index, ikey, hash_str(ikey, 0)};
    note(v, table, NOTE_INDEX + index, by.hash);
    return store_list_hashed(v->store, table, by, v->arena, n_out);
}
