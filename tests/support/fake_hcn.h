/* SPDX-License-Identifier: Apache-2.0
 *
 * The HCN service in memory, behind hns/client.h: networks, endpoints and namespaces as documents,
 * with the refusals of the real one as far as they are known, and what goes wrong on command.  Not
 * for several threads. */
#ifndef SEINE_TESTS_SUPPORT_FAKE_HCN_H
#define SEINE_TESTS_SUPPORT_FAKE_HCN_H

#include "core/base/vec.h"
#include "hns/client.h"

struct fake_object {
    struct guid id;
    cJSON *doc; /* as created, and as modified since */
};
struct fake_call {
    enum hcn_op op;
    enum hcn_kind kind;
    struct guid id;
    char *json;
    uint32_t hr;
};
struct fake_rule { /* what is to go wrong */
    enum hcn_op op;
    enum hcn_kind kind;
    uint32_t hr;
    const char *record; /* ErrorRecord; NULL: none */
    int count;          /* so many times; -1: always */
    bool after;         /* it is done, and fails nevertheless */
};
struct fake_hcn {
    VEC(struct fake_object) objects[HCN_N_KINDS];
    VEC(struct fake_rule) rules;
    VEC(struct fake_call) calls;
    bool down;    /* RPC_S_SERVER_UNAVAILABLE to everything */
    bool missing; /* "hns: absent" to everything */
    bool reorder; /* enumerations come in the other order */
    bool loose;   /* filters are passed over */
    bool no_version;
    bool own_ids; /* gives objects GUIDs of its own, whatever was asked for */
    struct hcn_version version;
    const char *odd_version; /* answered instead; NULL: the version */
};
extern const struct hns_ops fake_hcn_ops; /* aux: struct fake_hcn */

struct fake_hcn *fake_hcn_new(void); /* HNS 13.2, empty */
void fake_hcn_free(struct fake_hcn *f);

/* The next 'count' calls of the kind fail. */
void fake_hcn_fail(struct fake_hcn *f, enum hcn_op op, enum hcn_kind kind, uint32_t hr, int count);
/* They are carried out, and fail nevertheless: the answer was lost. */
void fake_hcn_lose(struct fake_hcn *f, enum hcn_op op, enum hcn_kind kind, uint32_t hr, int count);
/* All objects go, as at a reboot. */
void fake_hcn_forget(struct fake_hcn *f);

/* Behind the client's back. */
struct guid fake_hcn_put(struct fake_hcn *f, enum hcn_kind kind, const char *id, const char *json);
void fake_hcn_remove(struct fake_hcn *f, enum hcn_kind kind, const struct guid *id);
/* The document as text, NULL if absent; valid until the next call of it. */
const char *fake_hcn_get(struct fake_hcn *f, enum hcn_kind kind, const struct guid *id);
size_t fake_hcn_count(const struct fake_hcn *f, enum hcn_kind kind);
/* How many calls of an operation came; forgets them all: */
size_t fake_hcn_calls(const struct fake_hcn *f, enum hcn_op op, enum hcn_kind kind);
void fake_hcn_forget_calls(struct fake_hcn *f);

#endif
