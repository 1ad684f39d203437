/* SPDX-License-Identifier: Apache-2.0
 *
 * The uplink's sequence on a machine in memory: the way forward and back, a crash at every act,
 * a reboot, what fails for a while and what fails for good, and random histories of all of it. */
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
#include "tests/unit/uplink/machine.h"

enum { LONG_MS = 600000 };

static int setup(void **state)
{
    struct machine *m = mem_calloc(1, sizeof *m);
    machine_init(m);
    machine_start(m);
    *state = m;
    return 0;
}

static int teardown(void **state)
{
    machine_done(*state);
    mem_free(*state);
    return 0;
}

static void expect_end(struct machine *m, enum uplink_state state)
{
    if (m->report.state != state) {
        fail_msg("%s at '%s' (%s), not %s, after %s", uplink_state_name(m->report.state),
                 m->report.step, m->report.error, uplink_state_name(state), m->acts);
    }
    if (!machine_is_reachable(m)) {
        auto_free char *text = machine_text(m);
        fail_msg("%s (%s): %s\nafter %s", uplink_state_name(m->report.state), m->report.error, text,
                 m->acts);
    }
}

static void expect_taken(struct machine *m)
{
    expect_end(m, UPLINK_TAKEN);
    assert_true(m->network && m->extension && m->port && m->ofport && m->flows);
    assert_string_equal(m->vnic.name, "br-int");
    assert_true(uplink_adapter_covers(&m->vnic, &m->before, NULL));
    assert_non_null(strstr(m->file, "\"step\":\"done\""));
}

static void expect_as_before(struct machine *m, enum uplink_state state)
{
    expect_end(m, state);
    assert_false(m->network || m->port || m->file);
    assert_true(uplink_adapter_covers(&m->nic, &m->before, NULL));
}

/* ---- the way ---- */

static void test_the_adapter_is_taken_in_order(void **state)
{
    struct machine *m = *state;
    machine_settle(m, LONG_MS);
    expect_taken(m);
    assert_string_equal(m->acts, "w:snapshot w:network create w:name rename w:port add-port "
                                 "w:extension extension w:done ");
    assert_string_equal(m->report.adapter, "Ethernet0");
    assert_string_equal(m->report.step, "");
    assert_string_equal(m->report.error, "");
    assert_int_equal(m->report.again_ms, 0);
}

static void test_what_is_taken_is_only_looked_at(void **state)
{
    struct machine *m = *state;
    machine_settle(m, LONG_MS);
    int before = m->n_acts;
    for (int i = 0; i < 10; i++) {
        machine_turn(m);
        expect_taken(m);
    }
    machine_start(m);
    machine_settle(m, LONG_MS);
    expect_taken(m);
    assert_int_equal(m->n_acts, before);
}

static void test_what_the_system_did_not_move_is_put_back(void **state)
{
    static const enum moves moves[] = {MOVES_NOTHING, MOVES_HALF};
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(moves); i++) {
        struct machine m;
        machine_init(&m);
        m.moves = moves[i];
        machine_start(&m);
        machine_settle(&m, LONG_MS);
        expect_taken(&m);
        assert_non_null(strstr(m.acts, "w:addresses restore"));
        /* The system had its time, and the lease more of it. */
        assert_true(m.now >= 15000);
        machine_done(&m);
    }
}

static void test_it_is_given_back(void **state)
{
    for (int moves = MOVES_ALL; moves <= MOVES_HALF; moves++) {
        struct machine *m = *state;
        m->moves = (enum moves)moves;
        machine_settle(m, LONG_MS);
        expect_taken(m);
        uplink_undo(m->u);
        machine_settle(m, LONG_MS);
        expect_as_before(m, UPLINK_NONE);
        machine_start(m);
    }
}

static void test_choice_none_gives_back_what_was_taken(void **state)
{
    struct machine *m = *state;
    machine_settle(m, LONG_MS);
    expect_taken(m);
    m->choice = "none";
    machine_start(m);
    machine_settle(m, LONG_MS);
    expect_as_before(m, UPLINK_NONE);
}

/* ---- deciding ---- */

static void expect_nothing_done(struct machine *m)
{
    assert_int_equal(m->n_acts, 0);
    assert_null(m->file);
    assert_true(machine_is_reachable(m));
}

static void test_nothing_is_taken_when_nothing_is_asked(void **state)
{
    struct machine *m = *state;
    m->choice = "none";
    machine_start(m);
    machine_settle(m, LONG_MS);
    assert_int_equal(m->report.state, UPLINK_NONE);
    expect_nothing_done(m);
}

static void test_a_bridges_own_port_is_not_taken(void **state)
{
    static const char *const names[] = {"br-int", "vEthernet (br-int)", "br-phy",
                                        "vEthernet (BR-PHY)"};
    struct machine *m = *state;
    for (size_t i = 0; i < ARRAY_LEN(names); i++) {
        snprintf(m->nic.name, sizeof m->nic.name, "%s", names[i]);
        machine_start(m);
        machine_settle(m, LONG_MS);
        assert_int_equal(m->report.state, UPLINK_NONE);
        expect_nothing_done(m);
    }
    m->choice = "br-phy";
    snprintf(m->nic.name, sizeof m->nic.name, "br-phy");
    machine_start(m);
    machine_settle(m, LONG_MS);
    assert_int_equal(m->report.state, UPLINK_FAILED);
    assert_string_equal(m->report.error, "'br-phy' is a bridge's own port");
    expect_nothing_done(m);
}

static void test_it_waits_until_it_can_decide(void **state)
{
    struct machine *m = *state;
    uplink_set_node_ips(m->u, NULL, 0);
    machine_settle(m, 5000);
    assert_string_equal(m->report.error, "the Node has no InternalIP yet");
    struct ip ip;
    assert_true(ip_parse("192.0.2.99", &ip));
    uplink_set_node_ips(m->u, &ip, 1);
    machine_settle(m, 5000);
    assert_string_equal(m->report.error, "no adapter has the Node's address 192.0.2.99");
    assert_true(ip_parse("192.0.2.10", &ip));
    uplink_set_node_ips(m->u, &ip, 1);
    m->nic.physical = false;
    machine_settle(m, 5000);
    assert_non_null(strstr(m->report.error, "which is no physical adapter"));
    m->ovs_down = true;
    machine_settle(m, 5000);
    assert_string_equal(m->report.error, "Open vSwitch: not connected");
    assert_int_equal(m->report.state, UPLINK_DECIDING);
    assert_true(m->report.hold_datapath);
    expect_nothing_done(m);
    m->ovs_down = false;
    m->nic.physical = true;
    machine_settle(m, LONG_MS);
    expect_taken(m);
}

static void test_an_adapter_may_be_named(void **state)
{
    struct machine *m = *state;
    m->choice = "Ethernet9";
    machine_start(m);
    machine_settle(m, 5000);
    assert_string_equal(m->report.error, "no adapter 'Ethernet9'");
    m->choice = "Ethernet0";
    m->nic.physical = false; /* who names it knows */
    machine_start(m);
    machine_settle(m, LONG_MS);
    expect_taken(m);
    m->choice = "Ethernet9";
    machine_start(m);
    machine_settle(m, 5000);
    assert_int_equal(m->report.state, UPLINK_FAILED);
    assert_non_null(strstr(m->report.error, "'Ethernet0' is taken"));
    assert_true(m->network && m->extension);
}

static void test_an_adapter_without_address_is_waited_for(void **state)
{
    struct machine *m = *state;
    m->choice = "Ethernet0";
    m->nic.n_addresses = 0;
    machine_start(m);
    machine_settle(m, 5000);
    assert_string_equal(m->report.error, "'Ethernet0' has no address");
    assert_int_equal(m->n_acts, 0);
}

/* ---- dying ---- */

/* Dies at each act, before it and after it, and lives on: returns how many there are. */
static int die_everywhere(struct machine *like, bool back, enum uplink_state end, const char *want)
{
    int n = 0;
    for (int at = 1;; at++) {
        for (int after = 0; after < 2; after++) {
            struct machine m = *like;
            m.file = like->file ? mem_strdup(like->file) : NULL;
            m.u = NULL;
            m.n_acts = 0;
            machine_start(&m);
            if (back) {
                uplink_undo(m.u);
            }
            m.die_at = at;
            m.die_after = after;
            machine_settle(&m, LONG_MS);
            bool died = m.dead;
            if (died) {
                machine_start(&m);
                if (back) {
                    uplink_undo(m.u);
                }
                machine_live(&m);
            }
            auto_free char *text = machine_text(&m);
            expect_end(&m, end);
            if (strcmp(text, want) != 0) {
                fail_msg("after dying at %d (%d):\n%s\nnot\n%s\nacts %s", at, after, text, want,
                         m.acts);
            }
            machine_done(&m);
            if (!died) {
                return n;
            }
        }
        n = at;
    }
}

static void test_a_crash_at_any_act_is_gone_on_from(void **state)
{
    (void)state;
    for (int moves = MOVES_ALL; moves <= MOVES_HALF; moves++) {
        struct machine m, fresh;
        machine_init(&fresh);
        fresh.moves = (enum moves)moves;
        m = fresh;
        machine_start(&m);
        machine_settle(&m, LONG_MS);
        expect_taken(&m);
        auto_free char *want = machine_text(&m);
        int n = die_everywhere(&fresh, false, UPLINK_TAKEN, want);
        assert_int_equal(n, m.n_acts);
        assert_true(n >= 10);
        machine_done(&m);
    }
}

static void test_a_crash_at_any_act_of_undoing_is_gone_on_from(void **state)
{
    (void)state;
    for (int moves = MOVES_ALL; moves <= MOVES_HALF; moves++) {
        struct machine m, back;
        machine_init(&m);
        m.moves = (enum moves)moves;
        machine_start(&m);
        machine_settle(&m, LONG_MS);
        back = m;
        back.file = mem_strdup(m.file);
        back.u = NULL;
        back.n_acts = 0;
        back.acts[0] = 0;
        struct machine taken = back;
        taken.file = mem_strdup(m.file);
        machine_start(&back);
        uplink_undo(back.u);
        machine_settle(&back, LONG_MS);
        expect_as_before(&back, UPLINK_NONE);
        auto_free char *want = machine_text(&back);
        assert_int_equal(die_everywhere(&taken, true, UPLINK_NONE, want), back.n_acts);
        assert_true(back.n_acts >= 6);
        machine_done(&m);
        machine_done(&back);
        machine_done(&taken);
    }
}

/* Dies at each act of taking, and the next life gives back. */
static void test_undoing_from_any_point_ends_at_the_beginning(void **state)
{
    (void)state;
    for (int moves = MOVES_ALL; moves <= MOVES_HALF; moves++) {
        for (int at = 1, died = 1; died; at++) {
            for (int after = 0; after < 2; after++) {
                struct machine m;
                machine_init(&m);
                m.moves = (enum moves)moves;
                machine_start(&m);
                m.die_at = at;
                m.die_after = after;
                machine_settle(&m, LONG_MS);
                died = m.dead;
                machine_start(&m);
                uplink_undo(m.u);
                machine_settle(&m, LONG_MS);
                expect_as_before(&m, UPLINK_NONE);
                machine_done(&m);
            }
        }
    }
}

/* ---- a reboot ---- */

static void test_a_reboot_is_followed_by_rebuilding(void **state)
{
    for (int moves = MOVES_ALL; moves <= MOVES_HALF; moves++) {
        struct machine *m = *state;
        m->moves = (enum moves)moves;
        machine_settle(m, LONG_MS);
        expect_taken(m);
        m->acts[0] = 0;
        machine_reboot(m);
        machine_settle(m, LONG_MS);
        expect_taken(m);
        /* The adapter has again what it had, before anything moves. */
        assert_non_null(strstr(m->acts, moves == MOVES_ALL ? "w:network create "
                                                           : "w:network restore create "));
        assert_null(strstr(m->acts, "w:snapshot"));
    }
}

static void test_a_reboot_may_come_at_any_act(void **state)
{
    (void)state;
    for (int moves = MOVES_ALL; moves <= MOVES_HALF; moves++) {
        for (int at = 1, died = 1; died; at++) {
            struct machine m;
            machine_init(&m);
            m.moves = (enum moves)moves;
            machine_start(&m);
            m.die_at = at;
            m.die_after = true;
            machine_settle(&m, LONG_MS);
            died = m.dead;
            machine_reboot(&m);
            machine_settle(&m, LONG_MS);
            expect_taken(&m);
            machine_done(&m);
        }
    }
}

static void test_after_a_reboot_what_the_adapter_has_counts(void **state)
{
    struct machine *m = *state;
    machine_settle(m, LONG_MS);
    m->moves = MOVES_NOTHING;
    machine_reboot(m);
    /* A new lease; the rest has not come back. */
    struct uplink_address *a = &m->nic.addresses[0];
    assert_true(prefix_parse("198.51.100.99/25", &a->address));
    a->origin = UPLINK_DHCP;
    m->nic.n_addresses = 1;
    m->moves = MOVES_ALL;
    m->before.addresses[1] = *a;
    machine_settle(m, LONG_MS);
    expect_taken(m);
    assert_null(strstr(m->file, "198.51.100.7"));
}

static void test_after_a_reboot_it_waits_for_the_adapter(void **state)
{
    struct machine *m = *state;
    machine_settle(m, LONG_MS);
    machine_reboot(m);
    m->nic_gone = true;
    machine_settle(m, LONG_MS);
    assert_int_equal(m->report.state, UPLINK_TAKING);
    assert_string_equal(m->report.step, "network");
    assert_string_equal(m->report.error, "adapter 'Ethernet0' is not there");
    m->nic_gone = false;
    machine_settle(m, LONG_MS);
    expect_taken(m);
}

static void test_after_a_reboot_the_adapter_waits_with_its_addresses(void **state)
{
    struct machine *m = *state;
    machine_settle(m, LONG_MS);
    m->moves = MOVES_NOTHING;
    machine_reboot(m);
    m->ovs_down = true;
    machine_settle(m, LONG_MS);
    assert_string_equal(m->report.error, "Open vSwitch: not connected");
    assert_false(m->network);
    assert_true(uplink_adapter_covers(&m->nic, &m->before, NULL));
    m->ovs_down = false;
    machine_settle(m, LONG_MS);
    expect_taken(m);
}

static void test_a_network_not_seen_for_a_moment_is_not_gone(void **state)
{
    struct machine *m = *state;
    machine_settle(m, LONG_MS);
    int before = m->n_acts;
    m->network = false; /* the service starts and does not know it again yet */
    machine_turn(m);
    assert_int_equal(m->report.state, UPLINK_TAKEN);
    assert_true(m->report.again_ms > 0);
    m->network = true;
    machine_settle(m, LONG_MS);
    expect_taken(m);
    assert_int_equal(m->n_acts, before);
}

/* ---- what fails ---- */

static void test_a_service_that_is_not_available_is_asked_again(void **state)
{
    struct machine *m = *state;
    m->hns_down = true;
    machine_settle(m, LONG_MS);
    assert_int_equal(m->report.state, UPLINK_TAKING);
    assert_string_equal(m->report.step, "network");
    assert_true(uplink_adapter_covers(&m->nic, &m->before, NULL));
    m->hns_down = false;
    machine_settle(m, LONG_MS);
    expect_taken(m);
    int before = m->n_acts;
    m->hns_down = true; /* never read as "there is no network" */
    for (int i = 0; i < 300; i++) {
        machine_turn(m);
        assert_int_equal(m->report.state, UPLINK_TAKEN);
    }
    assert_int_equal(m->n_acts, before);
}

static const char *const functions[] = {"rename", "network_create", "network_extension",
                                        "network_read", "restore"};

static void test_what_fails_for_good_is_undone(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(functions); i++) {
        for (int back = 0; back < 2; back++) {
            struct machine m;
            machine_init(&m);
            m.moves = MOVES_HALF;
            machine_start(&m);
            m.fail = functions[i];
            m.fail_code = back ? ERR_PERMISSION : ERR_UNSUPPORTED;
            m.fail_times = 1;
            machine_settle(&m, LONG_MS);
            expect_as_before(&m, UPLINK_FAILED);
            assert_non_null(strstr(m.report.error, "made to fail"));
            machine_turn(&m); /* not tried again by itself */
            expect_as_before(&m, UPLINK_FAILED);
            machine_start(&m); /* but by the next start */
            machine_settle(&m, LONG_MS);
            expect_taken(&m);
            machine_done(&m);
        }
    }
}

static void test_a_system_without_hns_is_left_alone(void **state)
{
    struct machine *m = *state;
    m->fail = "network_read";
    m->fail_code = ERR_UNSUPPORTED;
    m->fail_times = -1;
    machine_settle(m, LONG_MS);
    expect_as_before(m, UPLINK_FAILED);
    assert_null(strstr(m->acts, "create"));
}

static void test_what_fails_for_a_while_is_tried_again(void **state)
{
    (void)state;
    static const int codes[] = {ERR_AGAIN, ERR_TIMEOUT, ERR_IO, ERR_NOT_FOUND, ERR_INVALID};
    for (size_t i = 0; i < ARRAY_LEN(functions); i++) {
        for (size_t k = 0; k < ARRAY_LEN(codes); k++) {
            struct machine m;
            machine_init(&m);
            m.moves = MOVES_NOTHING;
            machine_start(&m);
            m.fail = functions[i];
            m.fail_code = codes[k];
            m.fail_times = 5;
            machine_settle(&m, LONG_MS);
            expect_taken(&m);
            machine_done(&m);
        }
    }
}

static void test_what_does_not_come_about_in_time_is_undone(void **state)
{
    struct machine *m = *state;
    m->port_stays_numberless = true;
    machine_settle(m, LONG_MS);
    expect_as_before(m, UPLINK_FAILED);
    assert_string_equal(m->report.error, "flows: the uplink port has no number");
    assert_true(m->now < 2 * 60000);
}

static void test_a_journal_that_cannot_be_written_stops_all(void **state)
{
    struct machine *m = *state;
    m->fail = "journal_write";
    m->fail_code = ERR_IO;
    m->fail_times = -1;
    machine_settle(m, 50000);
    assert_int_equal(m->report.state, UPLINK_TAKING);
    assert_non_null(strstr(m->report.error, "journal: "));
    expect_nothing_done(m);
}

/* Which way to go is noted first; after that a full disk keeps nobody from his addresses. */
static void test_undoing_goes_on_without_notes(void **state)
{
    struct machine *m = *state;
    machine_settle(m, LONG_MS);
    uplink_undo(m->u);
    m->hns_down = true;
    machine_turn(m);
    assert_non_null(strstr(m->file, "\"direction\":\"undo\""));
    m->hns_down = false;
    m->fail = "journal_write";
    m->fail_code = ERR_EXHAUSTED;
    m->fail_times = -1;
    machine_settle(m, LONG_MS);
    expect_as_before(m, UPLINK_NONE);
}

static void test_undoing_does_not_wait_for_open_vswitch(void **state)
{
    struct machine *m = *state;
    machine_settle(m, LONG_MS);
    m->ovs_down = true;
    uplink_undo(m->u);
    machine_settle(m, LONG_MS);
    assert_int_equal(m->report.state, UPLINK_NONE);
    assert_true(uplink_adapter_covers(&m->nic, &m->before, NULL));
    assert_false(m->network);
}

static void test_undoing_goes_on_until_it_is_done(void **state)
{
    struct machine *m = *state;
    machine_settle(m, LONG_MS);
    uplink_undo(m->u);
    m->hns_down = true;
    m->fail = "restore";
    m->fail_code = ERR_PERMISSION; /* for good or not */
    m->fail_times = 3;
    machine_settle(m, LONG_MS);
    assert_int_equal(m->report.state, UPLINK_UNDOING);
    m->hns_down = false;
    m->moves = MOVES_NOTHING;
    machine_settle(m, LONG_MS);
    expect_as_before(m, UPLINK_NONE);
}

static void test_open_vswitch_that_goes_later_does_not_undo(void **state)
{
    struct machine *m = *state;
    machine_settle(m, LONG_MS);
    int before = m->n_acts;
    m->ovs_down = true;
    machine_settle(m, LONG_MS);
    assert_int_equal(m->report.state, UPLINK_TAKEN);
    assert_string_equal(m->report.error, "Open vSwitch: not connected");
    m->ovs_down = false;
    m->port_stays_numberless = true; /* the database answers, ovs-vswitchd does not */
    machine_settle(m, LONG_MS);
    assert_int_equal(m->report.state, UPLINK_TAKING);
    assert_string_equal(m->report.step, "flows");
    m->port_stays_numberless = false;
    machine_settle(m, LONG_MS);
    expect_taken(m);
    assert_int_equal(m->n_acts, before);
}

/* ---- later changes ---- */

static void test_the_journal_follows_the_operator(void **state)
{
    struct machine *m = *state;
    machine_settle(m, LONG_MS);
    assert_true(prefix_parse("192.0.2.20/24", &m->vnic.addresses[0].address));
    ip_parse("192.0.2.54", &m->vnic.servers[0]);
    m->before = m->vnic;
    machine_settle(m, LONG_MS);
    expect_taken(m);
    assert_non_null(strstr(m->file, "192.0.2.20/24"));
    assert_non_null(strstr(m->file, "192.0.2.54"));
    assert_non_null(strstr(m->file, "\"name\":\"Ethernet0\""));
    m->moves = MOVES_NOTHING;
    machine_reboot(m);
    machine_settle(m, LONG_MS);
    expect_taken(m);
    uplink_undo(m->u);
    machine_settle(m, LONG_MS);
    expect_as_before(m, UPLINK_NONE);
}

static void test_the_journal_does_not_follow_what_is_away(void **state)
{
    struct machine *m = *state;
    machine_settle(m, LONG_MS);
    auto_free char *file = mem_strdup(m->file);
    struct uplink_adapter was = m->vnic;
    m->vnic.n_addresses = m->vnic.n_routes = m->vnic.n_servers = 0;
    m->vnic.suffix[0] = 0;
    machine_turn(m);
    assert_string_equal(m->file, file);
    m->vnic = was;
}

static void test_a_journal_of_another_bridge_is_not_touched(void **state)
{
    struct machine *m = *state;
    machine_settle(m, LONG_MS);
    auto_free char *text = machine_text(m);
    char *at = strstr(m->file, "\"bridge\":\"br-int\"");
    memcpy(at, "\"bridge\":\"br-old\"", strlen("\"bridge\":\"br-old\""));
    machine_start(m);
    machine_settle(m, LONG_MS);
    assert_int_equal(m->report.state, UPLINK_FAILED);
    assert_non_null(strstr(m->report.error, "run cleanup first"));
    auto_free char *after = machine_text(m);
    assert_string_equal(text, after);
}

static void test_a_bad_journal_is_told_and_nothing_done(void **state)
{
    struct machine *m = *state;
    machine_settle(m, LONG_MS);
    auto_free char *text = machine_text(m);
    m->file[strlen(m->file) / 2] = 0;
    int before = m->n_acts;
    for (int back = 0; back < 2; back++) {
        machine_start(m);
        if (back) {
            uplink_undo(m->u);
        }
        machine_settle(m, LONG_MS);
        assert_int_equal(m->report.state, UPLINK_FAILED);
        assert_string_equal(m->report.error, "journal: is cut off");
    }
    auto_free char *after = machine_text(m);
    assert_string_equal(text, after);
    assert_int_equal(m->n_acts, before);
}

/* ---- random histories ---- */

static uint64_t draw(struct machine *m)
{
    m->seed = m->seed * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
    return m->seed >> 40;
}

static bool one_in_eight(struct machine *m)
{
    return draw(m) % 8 == 0;
}

static void random_event(struct machine *m)
{
    switch (draw(m) % 40) {
    case 0:
        m->die_at = m->n_acts + 1 + (int)(draw(m) % 5);
        m->die_after = draw(m) % 2;
        break;
    case 1:
        machine_reboot(m);
        break;
    case 2:
        m->hns_down = !m->hns_down;
        break;
    case 3:
        m->ovs_down = !m->ovs_down;
        break;
    case 4:
        uplink_undo(m->u);
        break;
    case 5:
        m->moves = (enum moves)(draw(m) % 3);
        break;
    case 6:
        machine_start(m);
        break;
    default:
        break;
    }
}

static void random_history(uint64_t seed)
{
    struct machine m;
    machine_init(&m);
    m.seed = seed;
    m.moves = (enum moves)(draw(&m) % 3);
    machine_start(&m);
    m.chance = one_in_eight;
    for (int i = 0; i < 200; i++) {
        m.acts[0] = 0;
        random_event(&m);
        if (!machine_turn(&m)) {
            machine_start(&m);
        }
    }
    /* Quiet again: it goes to an end, and back. */
    m.chance = NULL;
    m.hns_down = m.ovs_down = false;
    machine_start(&m);
    machine_settle(&m, LONG_MS);
    if (m.report.state != UPLINK_TAKEN) { /* it was on its way back */
        expect_as_before(&m, m.report.state);
        machine_start(&m);
        machine_settle(&m, LONG_MS);
    }
    expect_taken(&m);
    uplink_undo(m.u);
    machine_settle(&m, LONG_MS);
    expect_as_before(&m, UPLINK_NONE);
    machine_done(&m);
}

static void test_random_histories(void **state)
{
    (void)state;
    const char *given = getenv("SEINE_SEED");
    uint64_t seed = given ? strtoull(given, NULL, 10) : 1;
    for (uint64_t i = 0; i < (given ? 1 : 200); i++) {
        if (i % 100 == 0) {
            printf("seed %llu\n", (unsigned long long)(seed + i));
        }
        random_history(seed + i);
    }
}

int main(void)
{
#define TEST(fn) cmocka_unit_test_setup_teardown(fn, setup, teardown)
    const struct CMUnitTest tests[] = {
        TEST(test_the_adapter_is_taken_in_order),
        TEST(test_what_is_taken_is_only_looked_at),
        TEST(test_what_the_system_did_not_move_is_put_back),
        TEST(test_it_is_given_back),
        TEST(test_choice_none_gives_back_what_was_taken),
        TEST(test_nothing_is_taken_when_nothing_is_asked),
        TEST(test_a_bridges_own_port_is_not_taken),
        TEST(test_it_waits_until_it_can_decide),
        TEST(test_an_adapter_may_be_named),
        TEST(test_an_adapter_without_address_is_waited_for),
        TEST(test_a_crash_at_any_act_is_gone_on_from),
        TEST(test_a_crash_at_any_act_of_undoing_is_gone_on_from),
        TEST(test_undoing_from_any_point_ends_at_the_beginning),
        TEST(test_a_reboot_is_followed_by_rebuilding),
        TEST(test_a_reboot_may_come_at_any_act),
        TEST(test_after_a_reboot_what_the_adapter_has_counts),
        TEST(test_after_a_reboot_it_waits_for_the_adapter),
        TEST(test_after_a_reboot_the_adapter_waits_with_its_addresses),
        TEST(test_a_network_not_seen_for_a_moment_is_not_gone),
        TEST(test_a_service_that_is_not_available_is_asked_again),
        TEST(test_what_fails_for_good_is_undone),
        TEST(test_a_system_without_hns_is_left_alone),
        TEST(test_what_fails_for_a_while_is_tried_again),
        TEST(test_what_does_not_come_about_in_time_is_undone),
        TEST(test_a_journal_that_cannot_be_written_stops_all),
        TEST(test_undoing_goes_on_without_notes),
        TEST(test_undoing_does_not_wait_for_open_vswitch),
        TEST(test_undoing_goes_on_until_it_is_done),
        TEST(test_open_vswitch_that_goes_later_does_not_undo),
        TEST(test_the_journal_follows_the_operator),
        TEST(test_the_journal_does_not_follow_what_is_away),
        TEST(test_a_journal_of_another_bridge_is_not_touched),
        TEST(test_a_bad_journal_is_told_and_nothing_done),
        TEST(test_random_histories),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
