/* SPDX-License-Identifier: Apache-2.0
 *
 * Actions and instructions as they come from a switch: walked with every length checked, and put
 * into the canonical form that flow_action.c builds.  Also the rule by which several units'
 * contributions to one flow become one flow (conjunctions joined). */
#include "ovs/flow_internal.h"

#include "core/base/mem.h"
#include "core/base/sort.h"

#include <string.h>

/* The kinds of actions that Seine knows and the fewest bytes each must have; 'exact' ones have just
 * these. */
struct action_kind {
    uint16_t type, subtype;
    uint16_t min_len;
    bool exact;
};
static const struct action_kind action_kinds[] = {
    {OFPAT_OUTPUT, 0, 16, true},
    {OFPAT_PUSH_VLAN, 0, 8, true},
    {OFPAT_POP_VLAN, 0, 8, true},
    {OFPAT_GROUP, 0, 8, true},
    {OFPAT_DEC_TTL, 0, 8, true},
    {OFPAT_SET_FIELD, 0, 16, false},
    {OFPAT_COPY_FIELD, 0, 24, true},
    {OFPAT_METER, 0, 8, true},
    {OFPAT_EXPERIMENTER, NXAST_NOTE, 16, false},
    {OFPAT_EXPERIMENTER, NXAST_RESUBMIT_TABLE, 16, true},
    {OFPAT_EXPERIMENTER, NXAST_OUTPUT_REG, 24, true},
    {OFPAT_EXPERIMENTER, NXAST_LEARN, LEARN_FIXED_LEN, false},
    {OFPAT_EXPERIMENTER, NXAST_EXIT, 16, true},
    {OFPAT_EXPERIMENTER, NXAST_CONJUNCTION, 16, true},
    {OFPAT_EXPERIMENTER, NXAST_CT, CT_FIXED_LEN, false},
    {OFPAT_EXPERIMENTER, NXAST_NAT, 16, false},
    {OFPAT_EXPERIMENTER, NXAST_CONTROLLER2, 16, false},
    {OFPAT_EXPERIMENTER, NXAST_CLONE, 16, false},
    {OFPAT_EXPERIMENTER, NXAST_CT_CLEAR, 16, true},
    {OFPAT_EXPERIMENTER, NXAST_RESUBMIT_TABLE_CT, 16, true},
};

static const struct action_kind *find_kind(uint16_t type, uint16_t subtype)
{
    for (size_t i = 0; i < ARRAY_LEN(action_kinds); i++)
        if (action_kinds[i].type == type && action_kinds[i].subtype == subtype)
            return &action_kinds[i];
    return NULL;
}

int action_next(struct bytes *list, struct action_ref *out, struct err *err)
{
    const uint8_t *p = list->p;
    if (!list->n)
        return 0;
    if (list->n < 8)
        return err_set(err, ERR_TRUNCATED, "actions: %zu bytes left", list->n);
    uint16_t type = get_be16(p), len = get_be16(p + 2), subtype = 0;
    if (len < 8 || len % 8)
        return err_set(err, ERR_INVALID, "action %u: length %u", type, len);
    if (len > list->n)
        return err_set(err, ERR_TRUNCATED, "action %u: length %u of %zu", type, len, list->n);
    if (type == OFPAT_EXPERIMENTER) {
        if (len < 16)
            return err_set(err, ERR_INVALID, "experimenter action: length %u", len);
        if (get_be32(p + 4) != NX_VENDOR_ID)
            return err_set(err, ERR_UNSUPPORTED, "action of vendor 0x%x",
                           (unsigned)get_be32(p + 4));
        subtype = get_be16(p + 8);
    }
    const struct action_kind *kind = find_kind(type, subtype);
    if (!kind)
        return err_set(err, ERR_UNSUPPORTED, "action %u, subtype %u", type, subtype);
    if (len < kind->min_len || (kind->exact && len != kind->min_len))
        return err_set(err, ERR_INVALID, "action %u, subtype %u: length %u", type, subtype, len);
    *out = (struct action_ref){type, subtype, {p, len}};
    *list = bytes_from(*list, len);
    return 1;
}

/* ---- canonical form ---- */

static int list_canon(struct bytes list, struct sbuf *out, unsigned depth, struct err *err);

int set_field_read(struct bytes all, struct set_field *out, struct err *err)
{
    struct bytes in = bytes_from(all, 4), payload;
    uint32_t header;
    int r = oxm_next(&in, &header, &payload, err);
    if (r)
        return r;
    enum field f = field_by_oxm(header);
    if (f == F_N)
        return err_set(err, ERR_UNSUPPORTED, "set_field of field 0x%08x", (unsigned)header);
    const struct field_info *info = &field_table[f];
    bool masked = header & OXM_HASMASK;
    if (payload.n != (masked ? 2u : 1u) * info->bytes || in.n >= 8)
        return err_set(err, ERR_INVALID, "set_field of %s: length %zu", info->name, payload.n);
    const uint8_t *value = payload.p;
    *out = (struct set_field){f, value, masked ? value + info->bytes : NULL};
    return 0;
}

static int canon_set_field(const struct action_ref *a, struct sbuf *out, struct err *err)
{
    struct set_field s;
    int r = set_field_read(a->all, &s, err);
    if (r)
        return r;
    const struct field_info *info = &field_table[s.field];
    bool full = true;
    for (unsigned i = 0; s.mask && i < info->bytes; i++)
        full &= s.mask[i] == (i ? 0xff : (info->bits % 8 ? (1u << info->bits % 8) - 1 : 0xff));
    size_t start = out->len, keep = full ? info->bytes : 2u * info->bytes;
    sbuf_put(out, a->all.p, 4);
    sbuf_put_be32(out, full ? info->oxm : (info->oxm | OXM_HASMASK) + info->bytes);
    sbuf_put(out, s.value, keep);
    sbuf_pad8(out, start);
    set_be16(out->data + start + 2, (uint16_t)(out->len - start));
    return 0;
}

static int canon_copy_field(const struct action_ref *a, struct sbuf *out, struct err *err)
{
    const uint8_t *p = a->all.p;
    enum field src = field_by_oxm(get_be32(p + 12)), dst = field_by_oxm(get_be32(p + 16));
    if (src == F_N || dst == F_N)
        return err_set(err, ERR_UNSUPPORTED, "move between fields 0x%08x and 0x%08x",
                       (unsigned)get_be32(p + 12), (unsigned)get_be32(p + 16));
    sbuf_put(out, p, 12);
    sbuf_put_be32(out, field_table[src].oxm);
    sbuf_put_be32(out, field_table[dst].oxm);
    sbuf_put_be32(out, 0);
    return 0;
}

/* An action whose tail, from 'fixed' on, is a list of actions. */
static int canon_nested(const struct action_ref *a, size_t fixed, struct sbuf *out, unsigned depth,
                        struct err *err)
{
    size_t start = out->len;
    sbuf_put(out, a->all.p, fixed);
    int r = list_canon(bytes_from(a->all, fixed), out, depth + 1, err);
    if (!r)
        set_be16(out->data + start + 2, (uint16_t)(out->len - start));
    return r;
}

static int action_canon(const struct action_ref *a, struct sbuf *out, unsigned depth,
                        struct err *err)
{
    const uint8_t *p = a->all.p;
    if (a->type == OFPAT_SET_FIELD)
        return canon_set_field(a, out, err);
    if (a->type == OFPAT_COPY_FIELD)
        return canon_copy_field(a, out, err);
    if (a->type == OFPAT_EXPERIMENTER && a->subtype == NXAST_CT)
        return canon_nested(a, CT_FIXED_LEN, out, depth, err);
    if (a->type == OFPAT_EXPERIMENTER && a->subtype == NXAST_CLONE)
        return canon_nested(a, 16, out, depth, err);
    size_t start = out->len;
    sbuf_put(out, p, a->all.n);
    if (a->type == OFPAT_OUTPUT && get_be32(p + 4) != OFPORT_CONTROLLER)
        memset(out->data + start + 8, 0, 8);
    return 0;
}

static int list_canon(struct bytes list, struct sbuf *out, unsigned depth, struct err *err)
{
    struct action_ref a;
    int r;
    if (depth > ACTION_MAX_DEPTH)
        return err_set(err, ERR_TOO_BIG, "actions nested more than %d deep", ACTION_MAX_DEPTH);
    while ((r = action_next(&list, &a, err)) > 0)
        if ((r = action_canon(&a, out, depth, err)) < 0)
            return r;
    return r;
}

int actions_canon(struct bytes list, struct sbuf *out, struct err *err)
{
    return list_canon(list, out, 0, err);
}

int instructions_canon(struct bytes in, struct sbuf *out, struct err *err)
{
    bool had_goto = false, had_apply = false;
    while (in.n) {
        const uint8_t *p = in.p;
        if (in.n < 8)
            return err_set(err, ERR_TRUNCATED, "instructions: %zu bytes left", in.n);
        uint16_t type = get_be16(p), len = get_be16(p + 2);
        if (len < 8 || len % 8)
            return err_set(err, ERR_INVALID, "instruction %u: length %u", type, len);
        if (len > in.n)
            return err_set(err, ERR_TRUNCATED, "instruction %u: length %u", type, len);
        if (type == OFPIT_GOTO_TABLE && len == 8 && !had_goto) {
            had_goto = true;
            sbuf_put(out, p, 5);
            sbuf_put_zeros(out, 3);
        } else if (type == OFPIT_APPLY_ACTIONS && !had_goto && !had_apply) {
            had_apply = true;
            size_t start = out->len;
            sbuf_put(out, p, 4);
            sbuf_put_be32(out, 0);
            int r = actions_canon((struct bytes){p + 8, len - 8u}, out, err);
            if (r)
                return r;
            set_be16(out->data + start + 2, (uint16_t)(out->len - start));
            if (out->len - start == 8) /* nothing to apply */
                out->len = start;
        } else {
            return err_set(err, ERR_UNSUPPORTED, "instruction %u", type);
        }
        in = bytes_from(in, len);
    }
    return 0;
}

/* ---- merging ---- */

enum { APPLY_HEAD = 8, CONJ_FEW = 64 };

/* The conjunction actions of a value that holds nothing else; n == 0: it is not such a value. */
static struct bytes pure_conjunctions(struct bytes value)
{
    const uint8_t *p = value.p;
    struct bytes none = {NULL, 0};
    if (value.n < FLOW_VALUE_MIN + APPLY_HEAD + CONJUNCTION_LEN)
        return none;
    if (get_be16(p + FLOW_VALUE_MIN) != OFPIT_APPLY_ACTIONS ||
        get_be16(p + FLOW_VALUE_MIN + 2) != value.n - FLOW_VALUE_MIN)
        return none;
    struct bytes list = bytes_from(value, FLOW_VALUE_MIN + APPLY_HEAD);
    if (list.n % CONJUNCTION_LEN)
        return none;
    for (size_t i = 0; i < list.n; i += CONJUNCTION_LEN) {
        const uint8_t *a = (const uint8_t *)list.p + i;
        if (get_be16(a) != OFPAT_EXPERIMENTER || get_be16(a + 2) != CONJUNCTION_LEN ||
            get_be32(a + 4) != NX_VENDOR_ID || get_be16(a + 8) != NXAST_CONJUNCTION)
            return none;
    }
    return list;
}

static int bytes_cmp(struct bytes a, struct bytes b)
{
    int r = memcmp(a.p, b.p, a.n < b.n ? a.n : b.n);
    return r ? r : a.n < b.n ? -1 : a.n > b.n;
}

/* A conjunction action as a number: id, clause, number of clauses.  Nothing else varies. */
static uint64_t conj_number(const uint8_t *a)
{
    return (uint64_t)get_be32(a + 12) << 16 | get_be16(a + 10);
}

/* Those of all values, which hold nothing else, in order. */
static void take_conjunctions(const struct bytes *values, size_t n, uint64_t *numbers)
{
    enum { HEAD = FLOW_VALUE_MIN + APPLY_HEAD };
    size_t n_numbers = 0;
    for (size_t i = 0; i < n; i++)
        for (size_t at = HEAD; at < values[i].n; at += CONJUNCTION_LEN)
            numbers[n_numbers++] = conj_number((const uint8_t *)values[i].p + at);
    sort_u64(numbers, n_numbers);
}

bool flow_merge(const struct bytes *values, size_t n, struct sbuf *out)
{
    uint64_t few[CONJ_FEW];
    size_t n_conj = 0, low = 0;
    bool equal = true, pure = true;
    for (size_t i = 0; i < n; i++) {
        struct bytes list = pure_conjunctions(values[i]);
        pure &= list.n > 0;
        equal &= !bytes_cmp(values[0], values[i]);
        if (bytes_cmp(values[i], values[low]) < 0)
            low = i;
        n_conj += list.n / CONJUNCTION_LEN;
    }
    if (!pure) { /* the first holds; others must agree */
        sbuf_put(out, values[0].p, values[0].n);
        return equal;
    }
    auto_free uint64_t *many = n_conj > CONJ_FEW ? mem_alloc(n_conj * sizeof *many) : NULL;
    uint64_t *numbers = many ? many : few;
    take_conjunctions(values, n, numbers);
    size_t start = out->len;
    sbuf_put(out, values[low].p, FLOW_VALUE_MIN);
    sbuf_put_be16(out, OFPIT_APPLY_ACTIONS);
    sbuf_put_be16(out, 0);
    sbuf_put_be32(out, 0);
    size_t n_put = 0, n_distinct = 0;
    for (size_t i = 0; i < n_conj; i++) {
        if (i && numbers[i - 1] == numbers[i])
            continue;
        if (n_distinct++ < FLOW_CONJUNCTIONS_MAX) {
            conjunction_put(numbers[i], out);
            n_put++;
        }
    }
    size_t len = out->len - start - FLOW_VALUE_MIN;
    set_be16(out->data + start + FLOW_VALUE_MIN + 2, (uint16_t)len);
    return n_put == n_distinct;
}
