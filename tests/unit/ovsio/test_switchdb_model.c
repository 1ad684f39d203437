/* SPDX-License-Identifier: Apache-2.0
 *
 * Transactions on a Pod's port, as they are made from a replica: a bridge with a Pod's port, the
 * gateway's, and one of others. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "ovs/switchdb_model.h"

#define UUID(n) "00000000-0000-0000-0000-00000000000" n

static const char snapshot[] =
    "{\"Open_vSwitch\":{\"" UUID("1") "\":{\"initial\":{\"bridges\":[\"uuid\",\"" UUID(
        "2") "\"],"
             "\"next_cfg\":7,\"cur_cfg\":7}}},"
             "\"Bridge\":{\"" UUID(
                 "2") "\":{\"initial\":{\"name\":\"br-int\",\"ports\":[\"set\",["
                      "[\"uuid\",\"" UUID("3") "\"],[\"uuid\",\"" UUID("4") "\"],[\"uuid\",\"" UUID(
                          "5") "\"]]]}}},"
                               "\"Port\":{"
                               "\"" UUID(
                                   "3") "\":{\"initial\":{\"name\":\"web-1\",\"interfaces\":["
                                        "\"uuid\",\"" UUID(
                                            "6") "\"],"
                                                 "\"external_ids\":[\"map\",[[\"seine."
                                                 "owner\",\"pod\"]]]}},"
                                                 "\"" UUID(
                                                     "4") "\":{\"initial\":{\"name\":"
                                                          "\"gw\",\"interfaces\":["
                                                          "\"uuid\",\"" UUID(
                                                              "7") "\"],"
                                                                   "\"external_ids\":["
                                                                   "\"map\",[[\"seine."
                                                                   "owner\","
                                                                   "\"gateway\"]]]}},"
                                                                   "\"" UUID(
                                                                       "5") "\":{"
                                                                            "\"initial"
                                                                            "\":{"
                                                                            "\"name\":"
                                                                            "\"other\","
                                                                            "\"interfac"
                                                                            "es\":["
                                                                            "\"uuid\","
                                                                            "\"" UUID(
                                                                                "8") "\"]}}},"
                                                                                     "\"Interface\""
                                                                                     ":{"
                                                                                     "\"" UUID(
                                                                                         "6") "\":{"
                                                                                              "\"in"
                                                                                              "itia"
                                                                                              "l\":"
                                                                                              "{\"n"
                                                                                              "ame"
                                                                                              "\":"
                                                                                              "\"we"
                                                                                              "b-"
                                                                                              "1\","
                                                                                              "\"er"
                                                                                              "ror"
                                                                                              "\":"
                                                                                              "\"no"
                                                                                              " suc"
                                                                                              "h "
                                                                                              "devi"
                                                                                              "ce\""
                                                                                              "}},"
                                                                                              "\"" UUID(
                                                                                                  "7") "\":{\"initial\":{\"name\":\"gw\",\"type\":\"internal\",\"ofport\":2}},"
                                                                                                       "\"" UUID(
                                                                                                           "8") "\":{\"initial\":{\"name\":\"other\"}}}}";

static int setup(void **state)
{
    struct ovsdb_replica *r = ovsdb_replica_new(switchdb_specs, SWITCHDB_N_TABLES);
    cJSON *updates = cJSON_Parse(snapshot);
    struct err err = {0};
    assert_non_null(updates);
    if (ovsdb_replica_apply(r, updates, true, &err) < 0) {
        fail_msg("%s", err.text);
    }
    cJSON_Delete(updates);
    *state = r;
    return 0;
}

static int teardown(void **state)
{
    ovsdb_replica_free(*state);
    return 0;
}

static void a_ports_type_is_told(void **state)
{
    struct switchdb_model m = switchdb_model(*state, "br-int");
    struct switchdb_id ids[4];
    struct switchdb_port port;
    switchdb_model_describe(&m, switchdb_model_port(&m, "web-1"), ids, &port);
    assert_string_equal(port.type, "");
    assert_string_equal(port.error, "no such device");
    assert_int_equal(port.owner, SWITCHDB_POD);
    switchdb_model_describe(&m, switchdb_model_port(&m, "gw"), ids, &port);
    assert_string_equal(port.type, "internal");
    assert_int_equal(port.ofport, 2);
}

/* Only if the type is the one that was read: somebody else's change is not undone. */
static void a_type_is_set_on_what_was_read(void **state)
{
    struct switchdb_model m = switchdb_model(*state, "br-int");
    struct err err;
    cJSON *ops = switchdb_model_set_type(&m, "web-1", "internal", &err);
    assert_int_equal(err.code, 0);
    assert_non_null(ops);
    char *text = cJSON_PrintUnformatted(ops);
    assert_non_null(strstr(text, "[{\"op\":\"wait\",\"table\":\"Interface\""));
    assert_non_null(strstr(text, "\"rows\":[{\"type\":\"\"}]"));
    assert_non_null(strstr(text, "{\"op\":\"update\",\"table\":\"Interface\",\"where\":[[\"_uuid\","
                                 "\"==\",[\"uuid\",\"" UUID("6") "\"]]],\"row\":{\"type\":"
                                                                 "\"internal\"}}"));
    assert_non_null(strstr(text, "next_cfg"));
    cJSON_free(text);
    cJSON_Delete(ops);
}

static void the_type_that_it_has_needs_nothing(void **state)
{
    struct switchdb_model m = switchdb_model(*state, "br-int");
    struct err err;
    assert_null(switchdb_model_set_type(&m, "web-1", "", &err));
    assert_int_equal(err.code, 0);
}

static void only_a_pods_port_gets_another_type(void **state)
{
    struct switchdb_model m = switchdb_model(*state, "br-int");
    static const char *const names[] = {"gw", "other", "absent"};
    for (size_t i = 0; i < ARRAY_LEN(names); i++) {
        struct err err;
        assert_null(switchdb_model_set_type(&m, names[i], "internal", &err));
        assert_int_equal(err.code, ERR_NOT_FOUND);
        assert_non_null(strstr(err.text, names[i]));
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_ports_type_is_told),
        cmocka_unit_test(a_type_is_set_on_what_was_read),
        cmocka_unit_test(the_type_that_it_has_needs_nothing),
        cmocka_unit_test(only_a_pods_port_gets_another_type),
    };
    return cmocka_run_group_tests(tests, setup, teardown);
}
