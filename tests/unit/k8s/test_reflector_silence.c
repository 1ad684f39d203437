/* SPDX-License-Identifier: Apache-2.0
 *
 * Watches that bring nothing: of a kind that is quiet, or hanging. */
#include <string.h>

#include "tests/unit/k8s/reflector_lab.h"

/* Lets the watch be silent until it is given up. */
static uint32_t silence(struct lab *lab)
{
    uint32_t ms = 0;
    unsigned sends = lab->sends;
    while (lab->sends == sends) {
        ms += lab->timer;
        lab_timer(lab);
    }
    return ms;
}

static void a_silent_watch_is_renewed_without_a_word(void **state)
{
    (void)state;
    struct lab lab;
    lab_watching(&lab);
    unsigned changes = lab.changes;
    lab_data(&lab, EVENT("ADDED", NS("c", "11")));
    lab_timer(&lab);
    lab_data(&lab, BOOKMARK("20")); /* just behind a beat: the longest silence */
    lab_forget(&lab);
    uint32_t ms = silence(&lab);
    assert_true(ms > 22000 && ms <= 24000);
    lab_expect(&lab, "cancel\n" SEND_BRIEF("20"));
    assert_int_equal(reflector_state(lab.r), REFLECTOR_WATCHING); /* not stale meanwhile */
    lab_head(&lab, 200);
    lab_data(&lab, EVENT("DELETED", NS("c", "21"))); /* what had hung */
    lab_expect(&lab, "remove c\n");
    assert_int_equal(reflector_state(lab.r), REFLECTOR_WATCHING);
    assert_int_equal(lab.changes, changes);
    lab_done(&lab);
}

/* A loop that is held up for two seconds at each beat, and once for longer. */
static void beats_that_come_late_count_in_full(void **state)
{
    (void)state;
    struct lab lab;
    lab_watching(&lab);
    lab_timer(&lab);
    lab_data(&lab, BOOKMARK("20"));
    lab_forget(&lab);
    uint32_t ms = 0;
    for (unsigned sends = lab.sends; lab.sends == sends;) {
        ms += lab.timer + 2000;
        lab_timer_late(&lab, 2000);
    }
    assert_true(ms > 24000 && ms <= 26000);
    lab_forget(&lab);
    lab_head(&lab, 200);
    lab_timer_late(&lab, 60000);
    assert_true(lab.timer >= REFLECTOR_BEAT_MS * 4 / 10); /* what waits is read before the next */
    lab_timer(&lab);
    assert_true(lab.timer > REFLECTOR_BEAT_MS * 9 / 10);
    lab_expect(&lab, "");
    lab_done(&lab);
}

static void a_watch_that_speaks_is_left_alone(void **state)
{
    (void)state;
    struct lab lab;
    lab_watching(&lab);
    for (int i = 0; i < 40; i++) {
        if (i % 3 == 0)
            lab_data(&lab, i % 2 ? BOOKMARK("11") : EVENT("MODIFIED", NS("a", "12")));
        lab_timer(&lab);
    }
    lab_expect(&lab, "");
    lab_done(&lab);
}

static void watches_of_a_quiet_kind_are_brief_until_it_wakes(void **state)
{
    (void)state;
    struct lab lab;
    lab_watching(&lab);
    silence(&lab);
    lab_expect(&lab, "cancel\n" SEND_BRIEF("10"));
    for (int i = 0; i < 3; i++) {
        lab_head(&lab, 200);
        for (int beats = 0; beats < 4; beats++)
            lab_timer(&lab); /* that it ends is awaited longer than that it speaks */
        lab_data(&lab, BOOKMARK("30"));
        lab_expect(&lab, "");
        lab_end(&lab);
        lab_expect(&lab, SEND_BRIEF("30"));
    }
    lab_head(&lab, 200);
    lab_timer(&lab);
    lab_data(&lab, EVENT("ADDED", NS("c", "31")));
    lab_end(&lab);
    lab_expect(&lab, "put c\n" SEND_WATCH("31"));
    lab_done(&lab);
}

static void a_brief_watch_that_does_not_end_is_replaced(void **state)
{
    (void)state;
    struct lab lab;
    lab_watching(&lab);
    silence(&lab);
    lab_head(&lab, 200);
    for (int beats = 0; beats < 4; beats++)
        lab_timer(&lab);
    lab_data(&lab, BOOKMARK("30"));
    lab_forget(&lab);
    uint32_t ms = silence(&lab); /* this bookmark does not put it off */
    assert_true(ms <= REFLECTOR_BEAT_MS);
    lab_expect(&lab, "cancel\n" SEND_BRIEF("30"));
    lab_done(&lab);
}

static void what_a_renewed_watch_meets_is_met_as_ever(void **state)
{
    (void)state;
    struct lab lab;
    lab_watching(&lab);
    silence(&lab);
    lab_forget(&lab);
    lab_head(&lab, 200);
    lab_data(&lab, ERROR_EVENT("410", "Expired"));
    lab_expect(&lab,
               "cancel\ninfo Namespace: the watch was left behind: reading a new list\n" SEND_LIST);
    lab_answer(&lab, LIST("40", NS("a", "1") "," NS("b", "2")));
    lab_expect(&lab, SEND_WATCH("40"));
    lab_head(&lab, 200);
    silence(&lab);
    lab_lose(&lab);
    assert_int_equal(reflector_state(lab.r), REFLECTOR_WAITING);
    lab_timer(&lab);
    lab_head(&lab, 200);
    assert_int_equal(reflector_state(lab.r), REFLECTOR_WATCHING);
    lab_done(&lab);
}

static void a_sync_whose_short_watch_hangs_begins_anew(void **state)
{
    (void)state;
    struct lab lab;
    lab_watching_many(&lab);
    reflector_reach(lab.r, "500");
    lab_timer(&lab);
    lab_head(&lab, 200);
    lab_forget(&lab);
    silence(&lab);
    lab_expect(&lab, "cancel\n" SEND_SHORT("10"));
    lab_head(&lab, 200);
    lab_end(&lab);
    assert_true(reflector_reached(lab.r));
    lab_done(&lab);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_silent_watch_is_renewed_without_a_word),
        cmocka_unit_test(beats_that_come_late_count_in_full),
        cmocka_unit_test(a_watch_that_speaks_is_left_alone),
        cmocka_unit_test(watches_of_a_quiet_kind_are_brief_until_it_wakes),
        cmocka_unit_test(a_brief_watch_that_does_not_end_is_replaced),
        cmocka_unit_test(what_a_renewed_watch_meets_is_met_as_ever),
        cmocka_unit_test(a_sync_whose_short_watch_hangs_begins_anew),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
