/* SPDX-License-Identifier: Apache-2.0
 *
 * What the HCN service could answer.  The input is taken for each kind of document; what can be
 * read is written and must then be read and written as the same text. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "hns/document.h"
#include "hns/hcn_error.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

union object {
    struct hcn_network network;
    struct hcn_endpoint endpoint;
    struct hcn_namespace namespace_;
    struct hcn_policy policy;
};

static void check(bool holds)
{
    if (!holds)
        abort();
}

/* Names that are not ours cannot be written: they stand for what others made. */
static bool is_ours(const struct hcn_policies *list)
{
    for (size_t i = 0; i < list->n; i++) {
        const struct hcn_acl *acl = &list->v[i].u.acl;
        if (list->v[i].type == HCN_POLICY_ACL &&
            (acl->action == HCN_ACTION_OTHER || acl->direction == HCN_DIRECTION_OTHER ||
             acl->rule_type == HCN_RULE_OTHER))
            return false;
    }
    return true;
}

static bool can_be_written(const struct codec_struct *s, const union object *o)
{
    struct hcn_policy policy = o->policy;
    if (s == &hcn_network_struct)
        return o->network.type != HCN_NETWORK_OTHER && is_ours(&o->network.policies);
    if (s == &hcn_endpoint_struct)
        return is_ours(&o->endpoint.policies);
    return s != &hcn_policy_struct || is_ours(&(struct hcn_policies){&policy, 1});
}

static void check_document(const struct codec_struct *s, const char *text, size_t len)
{
    struct arena a;
    union object o;
    struct err err = {0};
    auto_sbuf once = SBUF_INIT, twice = SBUF_INIT;
    arena_init(&a, 1 << 20);
    memset(&o, 0, sizeof o);
    int rc = codec_decode(s, text, len, &o, &a, &err);
    if (rc) {
        check(rc == err.code && (rc == ERR_INVALID || rc == ERR_TOO_BIG));
        check(err.text[0] && !strchr(err.text, '\n'));
    } else if (can_be_written(s, &o)) {
        codec_encode(s, &o, &once);
        check(codec_decode(s, once.data, once.len, &o, &a, &err) == 0 || err.code == ERR_TOO_BIG);
        if (!err.code) {
            codec_encode(s, &o, &twice);
            check(once.len == twice.len && memcmp(once.data, twice.data, once.len) == 0);
        }
    }
    arena_done(&a);
}

/* An ErrorRecord: whatever it says, the call failed, in one line. */
static void check_record(const char *text, size_t len)
{
    auto_free char *record = mem_strndup(text, len);
    struct hcn_reply reply = {.function = "HcnOpenNetwork", .record = record};
    struct err err = {0};
    int rc = hcn_error_set(&reply, &err);
    check(rc < 0 && rc == err.code && err.text[0] && !strchr(err.text, '\n'));
    reply.hr = HCN_E(0x02);
    check(hcn_error_set(&reply, &err) == ERR_NOT_FOUND);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    const char *text = (const char *)data;
    static const struct codec_struct *const structs[] = {&hcn_network_struct, &hcn_endpoint_struct,
                                                         &hcn_namespace_struct, &hcn_policy_struct};
    for (size_t i = 0; i < ARRAY_LEN(structs); i++)
        check_document(structs[i], text, size);
    check_record(text, size);
    struct arena a;
    struct hcn_guids ids;
    struct hcn_version version;
    arena_init(&a, 1 << 20);
    hcn_guids_decode(text, size, &ids, &a, NULL);
    hcn_globals_decode(text, size, &version, NULL);
    arena_done(&a);
    return 0;
}
