/* SPDX-License-Identifier: Apache-2.0
 *
 * The uplink's journal as text: a golden file, each truncation, wrong types, and the comparison of
 * adapters. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "core/base/mem.h"
#include "core/base/port.h"
#include "platform/ipc.h"
#include "tests/unit/uplink/machine.h"

static const char golden[] = "tests/unit/uplink/golden_uplink.json";

static void sample(struct uplink_journal *j)
{
    *j = (struct uplink_journal){.direction = UPLINK_UNDO,
                                 .step = "extension",
                                 .reason = "flows: the uplink port has no \"number\"",
                                 .bridge = "br-int"};
    machine_adapter(&j->adapter);
    snprintf(j->adapter.name, sizeof j->adapter.name, "Ethernet \xc3\xa9 0");
    j->adapter.dhcp = true;
    j->adapter.dns = UPLINK_DHCP;
}

static void test_the_journal_is_as_the_golden_file(void **state)
{
    (void)state;
    struct uplink_journal j, read;
    auto_sbuf text = SBUF_INIT, again = SBUF_INIT;
    struct err err = {0};
    sample(&j);
    uplink_journal_format(&j, &text);
    if (getenv("SEINE_WRITE_GOLDEN")) {
        assert_int_equal(file_write_atomic(golden, text.data, text.len, &err), 0);
    }
    auto_free char *want = NULL;
    size_t n = 0;
    if (file_read(golden, 1 << 16, &want, &n, &err) < 0) {
        fail_msg("%s", err.text);
    }
    assert_string_equal(text.data, want);
    if (uplink_journal_parse(want, n, &read, &err) < 0) {
        fail_msg("%s", err.text);
    }
    uplink_journal_format(&read, &again);
    assert_string_equal(again.data, want);
    assert_int_equal(read.direction, UPLINK_UNDO);
    assert_string_equal(read.adapter.name, j.adapter.name);
    assert_true(read.adapter.physical);
}

static void test_each_truncation_is_refused(void **state)
{
    (void)state;
    struct uplink_journal j, out = {.direction = UPLINK_TAKE}, untouched = out;
    auto_sbuf text = SBUF_INIT;
    sample(&j);
    uplink_journal_format(&j, &text);
    for (size_t n = 0; n < text.len; n++) {
        struct err err = {0};
        assert_int_equal(uplink_journal_parse(text.data, n, &out, &err), ERR_INVALID);
        assert_string_equal(err.text, "is cut off");
    }
    for (size_t n = 1; n < text.len - 1; n++) { /* cut, but with a newline */
        struct err err = {0};
        auto_sbuf cut = SBUF_INIT;
        sbuf_put(&cut, text.data, n);
        sbuf_putc(&cut, '\n');
        assert_int_equal(uplink_journal_parse(cut.data, cut.len, &out, &err), ERR_INVALID);
        assert_string_equal(err.text, "is not JSON");
    }
    assert_memory_equal(&out, &untouched, sizeof out);
}

/* Replaces the first 'from' of the sample's text. */
static void expect_refused(const char *from, const char *to, const char *want)
{
    struct uplink_journal j, out;
    auto_sbuf text = SBUF_INIT, changed = SBUF_INIT;
    struct err err = {0};
    sample(&j);
    uplink_journal_format(&j, &text);
    const char *at = strstr(text.data, from);
    assert_non_null(at);
    sbuf_put(&changed, text.data, (size_t)(at - text.data));
    sbuf_puts(&changed, to);
    sbuf_puts(&changed, at + strlen(from));
    assert_int_equal(uplink_journal_parse(changed.data, changed.len, &out, &err), ERR_INVALID);
    assert_string_equal(err.text, want);
}

static void test_wrong_members_are_named(void **state)
{
    (void)state;
    static const struct {
        const char *from, *to, *want;
    } cases[] = {
        {"\"version\":1", "\"version\":2", "version: is of another release"},
        {"\"version\":1", "\"version\":\"1\"", "version: must be a whole number of 32 bits"},
        {"\"version\":1,", "", "version: is missing"},
        {"\"undo\"", "\"sideways\"", "direction: is none of the words known here"},
        {"\"undo\"", "7", "direction: must be text"},
        {"\"extension\"", "\"a step with a long name\"", "step: is too long"},
        {"\"br-int\"", "null", "bridge: must be text"},
        {"\"adapter\":{", "\"adapter\":7,\"x\":{", "adapter.: must be an object"},
        {"\"guid\":\"", "\"guid\":\"x", "adapter.guid: is no GUID"},
        {"\"mac\":\"02", "\"mac\":\"2", "adapter.mac: is no Ethernet address"},
        {"\"mtu\":1500", "\"mtu\":-1", "adapter.mtu: must be a whole number of 32 bits"},
        {"\"mtu\":1500", "\"mtu\":1.5", "adapter.mtu: must be a whole number of 32 bits"},
        {"\"dhcp\":true", "\"dhcp\":1", "adapter.dhcp: must be true or false"},
        {"\"addresses\":[", "\"addresses\":7,\"x\":[", "adapter.addresses: must be a list"},
        {"192.0.2.10/24", "192.0.2.10/33", "adapter.addresses.address: is no prefix"},
        {"\"manual\"", "\"me\"", "adapter.addresses.origin: is none of the words known here"},
        {"\"nextHop\":\"192.0.2.1\"", "\"nextHop\":\"\"", "adapter.routes.nextHop: is no address"},
        {"0.0.0.0/0", "0.0.0.0", "adapter.routes.destination: is no prefix"},
        {"192.0.2.53", "dns", "adapter.dns.servers: has an element that is no address"},
        {"\"192.0.2.53\"", "53", "adapter.dns.servers: has an element that is no address"},
        {"\"suffix\":", "\"more\":1,\"suffix\":",
         "adapter.dns.: has a member that is not known, or one twice"},
        {"{\"version\":1", "{\"version\":1,\"version\":1",
         ": has a member that is not known, or one twice"},
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        expect_refused(cases[i].from, cases[i].to, cases[i].want);
    }
}

static void test_more_than_fits_is_refused(void **state)
{
    (void)state;
    auto_sbuf many = SBUF_INIT;
    sbuf_puts(&many, "\"servers\":[");
    for (int i = 0; i <= UPLINK_SERVERS_MAX; i++) {
        sbuf_puts(&many, "\"192.0.2.1\",");
    }
    expect_refused("\"servers\":[", many.data, "adapter.dns.servers: has too many elements");
}

static void test_what_follows_or_hides_is_refused(void **state)
{
    (void)state;
    struct uplink_journal j, out;
    auto_sbuf text = SBUF_INIT;
    struct err err = {0};
    sample(&j);
    uplink_journal_format(&j, &text);
    sbuf_puts(&text, "{}\n");
    assert_int_equal(uplink_journal_parse(text.data, text.len, &out, &err), ERR_INVALID);
    assert_int_equal(uplink_journal_parse("[]\n", 3, &out, &err), ERR_INVALID);
    assert_int_equal(uplink_journal_parse("{}\n", 3, &out, &err), ERR_INVALID);
    assert_int_equal(uplink_journal_parse("{}\0\n", 4, &out, &err), ERR_INVALID);
    assert_string_equal(err.text, "has a NUL byte");
}

/* ---- what adapters have ---- */

static void test_covering_asks_for_all_but_what_is_advertised(void **state)
{
    (void)state;
    struct uplink_adapter want, have;
    struct err err = {0};
    machine_adapter(&want);
    have = want;
    assert_true(uplink_adapter_covers(&have, &want, &err));
    have.n_addresses = 3; /* without the advertised one */
    have.name[0] = 'X';
    have.mtu = 9000;
    assert_true(uplink_adapter_covers(&have, &want, &err));
    have.n_addresses = 2;
    assert_false(uplink_adapter_covers(&have, &want, &err));
    assert_string_equal(err.text, "no address 2001:db8::10/64");
    have = want;
    have.n_routes = 2;
    assert_false(uplink_adapter_covers(&have, &want, &err));
    assert_string_equal(err.text, "no route to ::/0");
    have = want;
    have.routes[0].metric = 99; /* the same route all the same */
    assert_true(uplink_adapter_covers(&have, &want, &err));
    have.metric[0] = 10;
    assert_false(uplink_adapter_covers(&have, &want, &err));
    assert_string_equal(err.text, "another interface metric");
    have = want;
    have.n_servers = 1;
    assert_false(uplink_adapter_covers(&have, &want, &err));
    assert_string_equal(err.text, "other DNS servers");
    want.dns = UPLINK_DHCP; /* they come with the lease */
    assert_true(uplink_adapter_covers(&have, &want, &err));
}

static void test_merging_keeps_what_either_has(void **state)
{
    (void)state;
    struct uplink_adapter now, then, out;
    machine_adapter(&then);
    machine_adapter(&now);
    snprintf(now.name, sizeof now.name, "Ethernet1");
    now.n_addresses = now.n_routes = now.n_servers = 0;
    now.suffix[0] = 0;
    now.metric[0] = 0;
    uplink_adapter_merge(&now, &then, &out); /* nothing came back by itself */
    assert_true(uplink_adapter_covers(&out, &then, NULL));
    assert_string_equal(out.name, "Ethernet1");
    assert_string_equal(out.suffix, "example.org");

    now.n_addresses = 1;
    assert_true(prefix_parse("10.9.0.5/16", &now.addresses[0].address));
    now.addresses[0].origin = UPLINK_DHCP;
    now.dhcp = true;
    uplink_adapter_merge(&now, &then, &out);
    assert_true(out.dhcp);
    assert_int_equal(out.n_addresses, 4); /* instead of the old lease */
    assert_int_equal(out.n_routes, 3);

    uplink_adapter_merge(&out, &out, &out); /* in place */
    assert_int_equal(out.n_addresses, 4);
    assert_int_equal(out.n_routes, 3);
}

static void test_following_goes_by_family(void **state)
{
    (void)state;
    struct uplink_adapter now, then, out;
    machine_adapter(&then);
    machine_adapter(&now);
    snprintf(now.name, sizeof now.name, "br-int");
    now.n_addresses = 1;
    now.n_routes = 0;
    assert_true(prefix_parse("10.9.0.5/16", &now.addresses[0].address));
    uplink_adapter_follow(&now, &then, &out);
    assert_string_equal(out.name, "Ethernet0");
    assert_int_equal(out.n_addresses, 3); /* its own, and the two of IPv6 */
    /* Next hops of the old prefix lead nowhere. */
    assert_int_equal(out.n_routes, 1);
    assert_int_equal(out.routes[0].destination.ip.family, 6);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_the_journal_is_as_the_golden_file),
        cmocka_unit_test(test_each_truncation_is_refused),
        cmocka_unit_test(test_wrong_members_are_named),
        cmocka_unit_test(test_more_than_fits_is_refused),
        cmocka_unit_test(test_what_follows_or_hides_is_refused),
        cmocka_unit_test(test_covering_asks_for_all_but_what_is_advertised),
        cmocka_unit_test(test_merging_keeps_what_either_has),
        cmocka_unit_test(test_following_goes_by_family),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
