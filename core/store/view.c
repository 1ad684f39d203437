/* SPDX-License-Identifier: Apache-2.0 */
#include "core/store/store_internal.h"

static void note(struct view *v, int table, int kind, const char *text)
{
    v->read(v->aux, table, note_of(table, kind, text));
}

const struct row *view_get(struct view *v, int table, const char *key)
{
    note(v, table, NOTE_KEY, key);
    return store_get(v->store, table, key);
}

const struct row **view_list(struct view *v, int table, size_t *n_out)
{
    note(v, table, NOTE_LIST, "");
    return store_list(v->store, table, v->arena, n_out);
}

const struct row **view_list_index(struct view *v, int table, int index, const char *ikey,
                                   size_t *n_out)
{
    note(v, table, NOTE_INDEX + index, ikey);
    return store_list_index(v->store, table, index, ikey, v->arena, n_out);
}
