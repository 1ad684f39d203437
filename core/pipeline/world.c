/* SPDX-License-Identifier: Apache-2.0 */
#include "core/pipeline/world.h"

#include "core/intent/intent.h"
#include "core/k8s/object.h"
#include "core/node/node_intents.h"
#include "core/pipeline/pipeline.h"
#include "core/pod/attachment.h"
#include "core/pod/pod_local.h"
#include "core/policy/policy.h"
#include "core/service/service.h"
#include "hns/acl.h"

/* The tables; 'member_index': where sets are asked for their addresses. */
#define WORLD_TABLES(member_index)                                                                 \
    {                                                                                              \
        [TABLE_POD] = {"pod", object_free, object_equal, {NULL}},                                  \
        [TABLE_NAMESPACE] = {"namespace", object_free, object_equal, {NULL}},                      \
        [TABLE_NODE] = {"node", object_free, object_equal, {NULL}},                                \
        [TABLE_POLICY] = {"policy", object_free, object_equal, {NULL}},                            \
        [TABLE_SERVICE] = {"service", object_free, object_equal, {NULL}},                          \
        [TABLE_ENDPOINT_SLICE] = {"endpoint_slice",                                                \
                                  object_free,                                                     \
                                  object_equal,                                                    \
                                  {[SLICE_BY_SERVICE] = slice_by_service}},                        \
        [TABLE_ATTACHMENT] = {"attachment",                                                        \
                              attachment_free,                                                     \
                              attachment_equal,                                                    \
                              {attachment_by_pod}},                                                \
        [TABLE_CONFIG] = {"config", node_config_free, node_config_equal, {NULL}},                  \
        [TABLE_SELF] = {.name = "self"}, [TABLE_REMOTE] = {.name = "remote"},                      \
        [TABLE_LOCAL] = {.name = "local",                                                          \
                         .indexes = {[LOCAL_BY_POD] = intent_local_by_pod,                         \
                                     [LOCAL_BY_NAMESPACE] = intent_local_by_namespace}},           \
        [TABLE_RULE] = {.name = "rule", .indexes = {[RULE_BY_SET] = intent_rule_by_set}},          \
        [TABLE_RULE_ID] = {.name = "rule_id"},                                                     \
        [TABLE_SET] = {.name = "set", .indexes = {[SET_BY_ANCHOR] = intent_set_by_anchor}},        \
        [TABLE_APPLIED] = {.name = "applied",                                                      \
                           .indexes = {[APPLIED_BY_LOCAL] = intent_applied_by_local}},             \
        [TABLE_MEMBER] = {.name = "member", .indexes = {[MEMBER_BY_SET] = (member_index)}},        \
        [TABLE_FRONTEND] = {.name = "frontend",                                                    \
                            .indexes = {[FRONTEND_BY_HASH] = intent_frontend_by_hash}},            \
        [TABLE_PEERS] = {.name = "peers"}, [TABLE_UNSAID] = {.name = "unsaid"},                    \
    }
static const struct table_class tables[TABLE_N] = WORLD_TABLES(NULL);
static const struct table_class acl_tables[TABLE_N] = WORLD_TABLES(intent_member_by_set);

/* Name, stage, driving table, derivation.  A kind reads only what earlier stages write; from
 * WORLD_FLOW_STAGE on they make flows of what the others say. */
enum { WORLD_FLOW_STAGE = 3 };
static const struct unit_kind kinds[] = {
    {"self", 0, ENGINE_SINGLETON, node_self_derive},
    {"remote", 0, TABLE_NODE, node_remote_derive},
    {"local", 0, TABLE_ATTACHMENT, pod_local_derive},
    {"policy", 1, TABLE_POLICY, policy_rules_derive},
    {"service", 1, TABLE_SERVICE, service_derive},
    {"rule_id", 2, ENGINE_SINGLETON, policy_rule_id_derive},
    {"member", 2, TABLE_POD, policy_member_derive},
    {"bare_member", 2, TABLE_LOCAL, policy_bare_member_derive},
    {"flow_base", 3, ENGINE_SINGLETON, flow_base_derive},
    {"flow_uplink", 3, ENGINE_SINGLETON, flow_uplink_derive},
    {"flow_remote", 3, TABLE_REMOTE, flow_remote_derive},
    {"flow_local", 3, TABLE_LOCAL, flow_local_derive},
    {"flow_rule", 3, TABLE_RULE, flow_rule_derive},
    {"flow_member", 3, TABLE_MEMBER, flow_member_derive},
    {"flow_service", 3, TABLE_FRONTEND, flow_service_derive},
    {"host_nat", 3, ENGINE_SINGLETON, host_nat_derive},
};

/* The same intents, for access lists in place of flows. */
static const struct unit_kind acl_kinds[] = {
    {"self", 0, ENGINE_SINGLETON, node_self_derive},
    {"local", 0, TABLE_ATTACHMENT, pod_local_derive},
    {"policy", 1, TABLE_POLICY, policy_rules_derive},
    {"member", 2, TABLE_POD, policy_member_derive},
    {"bare_member", 2, TABLE_LOCAL, policy_bare_member_derive},
    {"acl_peers", 3, TABLE_SET, acl_peers_derive},
    {"acl", 4, TABLE_LOCAL, acl_derive},
};

static const struct space_class spaces[SPACE_N] = {
    [SPACE_FLOW] = {"flow", flow_merge}, [SPACE_GROUP] = {"group", NULL},
    [SPACE_METER] = {"meter", NULL},     [SPACE_ROUTE] = {"route", NULL},
    [SPACE_HOSTNAT] = {"hostnat", NULL}, [SPACE_ACL_SET] = {"acl_set", NULL},
    [SPACE_ACL] = {"acl", NULL},
};

struct engine *world_engine(void)
{
    return engine_new(&(struct engine_config){.tables = tables,
                                              .n_tables = TABLE_N,
                                              .kinds = kinds,
                                              .n_kinds = ARRAY_LEN(kinds),
                                              .spaces = spaces,
                                              .n_spaces = SPACE_N});
}

struct engine *world_engine_intents(void)
{
    size_t n = 0;
    while (n < ARRAY_LEN(kinds) && kinds[n].stage < WORLD_FLOW_STAGE)
        n++;
    return engine_new(&(struct engine_config){.tables = tables,
                                              .n_tables = TABLE_N,
                                              .kinds = kinds,
                                              .n_kinds = n,
                                              .spaces = spaces,
                                              .n_spaces = SPACE_N});
}

struct engine *world_engine_acl(void)
{
    return engine_new(&(struct engine_config){.tables = acl_tables,
                                              .n_tables = TABLE_N,
                                              .kinds = acl_kinds,
                                              .n_kinds = ARRAY_LEN(acl_kinds),
                                              .spaces = spaces,
                                              .n_spaces = SPACE_N});
}

struct engine *world_engine_empty(void)
{
    return engine_new(&(struct engine_config){.tables = tables,
                                              .n_tables = TABLE_N,
                                              .kinds = kinds,
                                              .spaces = spaces,
                                              .n_spaces = SPACE_N});
}
