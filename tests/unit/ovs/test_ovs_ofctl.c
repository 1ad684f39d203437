/* SPDX-License-Identifier: Apache-2.0
 *
 * The codec against the real thing: flows, groups and meters that Seine builds are installed by its
 * session in an Open vSwitch of the test's own, and must come back byte for byte, and as text equal
 * to what ovs-ofctl prints; what ovs-ofctl installs must be decoded, printed alike, and be the same
 * when installed again.  Skipped (77) where Open vSwitch is not installed. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "ovs/group.h"
#include "ovs/meter.h"
#include "tests/support/ofdriver.h"
#include "tests/support/ovs_sandbox.h"
#include "tests/unit/ovs/sample_flows.h"

static struct ovs_sandbox box;

static void open_session(struct ofdriver *d)
{
    char path[128];
    struct err err = {0};
    struct ofsession_config config = {.async = true};
    snprintf(path, sizeof path, "%s/br0.mgmt", box.dir);
    if (ofdriver_open(d, path, &config, &err))
        fail_msg("%s", err.text);
}

static void must(int r, const struct err *err)
{
    if (r)
        fail_msg("%s", err->text);
}

static int line_cmp(const void *a, const void *b)
{
    return strcmp(*(char *const *)a, *(char *const *)b);
}

/* Sorts the lines of 'text' and drops those that begin with 'drop'; a string to free. */
static char *sorted(char *text, const char *drop)
{
    VEC(char *) lines = VEC_INIT;
    struct sbuf out = SBUF_INIT;
    for (char *l = strtok(text, "\n"); l; l = strtok(NULL, "\n"))
        if (!drop || strncmp(l, drop, strlen(drop)) != 0)
            VEC_PUSH(&lines, l);
    qsort(lines.v, lines.n, sizeof lines.v[0], line_cmp);
    for (size_t i = 0; i < lines.n; i++)
        sbuf_printf(&out, "%s\n", lines.v[i]);
    VEC_DONE(&lines);
    return sbuf_take(&out);
}

/* What the session dumped, as sorted text. */
static char *rows_text(const struct ofdriver *d, enum ofsession_space space)
{
    struct sbuf out = SBUF_INIT;
    for (size_t i = 0; i < d->rows.n; i++) {
        const struct ofdriver_row *row = &d->rows.v[i];
        struct err err = {0};
        if (row->space != space)
            continue;
        if (space == OFSESSION_GROUP)
            sbuf_putc(&out, ' ');
        must(space == OFSESSION_FLOW    ? flow_format(row->key, row->value, &out, &err)
             : space == OFSESSION_GROUP ? group_format(row->key, row->value, &out, &err)
                                        : meter_format(row->key, row->value, &out, &err),
             &err);
        sbuf_putc(&out, '\n');
    }
    char *text = sbuf_take(&out), *result = sorted(text, NULL);
    mem_free(text);
    return result;
}

static char *ofctl_text(const char *what)
{
    char command[256];
    snprintf(command, sizeof command,
             "ovs-ofctl -O OpenFlow15 --no-stats --no-names %s unix:br0.mgmt", what);
    char *out = ovs_sandbox_run(&box, command);
    assert_non_null(out);
    char *result = sorted(out, "OFPST_");
    free(out);
    return result;
}

/* Equal texts, or a failure that shows the first line that differs. */
static void same_lines(const char *ours, const char *theirs)
{
    while (*ours || *theirs) {
        size_t a = strcspn(ours, "\n"), b = strcspn(theirs, "\n");
        if (a != b || memcmp(ours, theirs, a) != 0) {
            fprintf(stderr, "ours   %.*s\ntheirs %.*s\n", (int)a, ours, (int)b, theirs);
            fail_msg("texts differ");
        }
        ours += a + (ours[a] != 0);
        theirs += b + (theirs[b] != 0);
    }
}

static void check_texts(const struct ofdriver *d)
{
    char *ours = rows_text(d, OFSESSION_FLOW), *theirs = ofctl_text("dump-flows");
    same_lines(ours, theirs);
    mem_free(ours);
    mem_free(theirs);
    ours = rows_text(d, OFSESSION_GROUP);
    theirs = ofctl_text("dump-groups");
    same_lines(ours, theirs);
    mem_free(ours);
    mem_free(theirs);
}

static void clear_switch(void)
{
    char *out = ovs_sandbox_run(&box, "ovs-ofctl -O OpenFlow15 del-flows unix:br0.mgmt && "
                                      "ovs-ofctl -O OpenFlow15 del-groups unix:br0.mgmt && "
                                      "ovs-ofctl -O OpenFlow15 del-meters unix:br0.mgmt");
    assert_non_null(out);
    free(out);
}

/* Installs rows as a plan of additions. */
static void install(struct ofdriver *d, const struct ofdriver_row *rows, size_t n)
{
    struct plan plans[OFSESSION_N_SPACES] = {{0}};
    struct plan_item *items = mem_calloc(3 * n, sizeof *items);
    struct err err = {0};
    for (size_t i = 0; i < n; i++) {
        struct plan *p = &plans[rows[i].space];
        struct plan_item item = {PLAN_ADD, rows[i].key, rows[i].value, {NULL, 0}};
        p->items = items + (size_t)rows[i].space * n;
        items[(size_t)rows[i].space * n + p->n++] = item;
    }
    must(ofdriver_apply(d, &plans[0], &plans[1], &plans[2], &err), &err);
    if (d->outcome.result != OFSESSION_COMMITTED)
        fail_msg("space %d item %zu: %s", d->outcome.space, d->outcome.item, d->reason);
    mem_free(items);
}

/* Dumps and compares with rows (which get sorted). */
static void check_dump(struct ofdriver *d, struct ofdriver_row *rows, size_t n)
{
    struct err err = {0};
    must(ofdriver_dump(d, &err), &err);
    qsort(rows, n, sizeof *rows, ofdriver_row_cmp);
    qsort(d->rows.v, d->rows.n, sizeof d->rows.v[0], ofdriver_row_cmp);
    for (size_t i = 0; i < n && i < d->rows.n; i++) {
        struct sbuf text = SBUF_INIT;
        if (ofdriver_row_cmp(&rows[i], &d->rows.v[i]) && rows[i].space == OFSESSION_FLOW) {
            sbuf_puts(&text, "built:");
            flow_format(rows[i].key, rows[i].value, &text, NULL);
            sbuf_puts(&text, "\ndumped:");
            flow_format(d->rows.v[i].key, d->rows.v[i].value, &text, NULL);
            sbuf_puts(&text, "\nbuilt: ");
            for (size_t j = 0; j < rows[i].key.n + rows[i].value.n; j++)
                sbuf_printf(&text, "%02x", ((const uint8_t *)rows[i].key.p)[j]);
            sbuf_puts(&text, "\ndumped:");
            for (size_t j = 0; j < d->rows.v[i].key.n + d->rows.v[i].value.n; j++)
                sbuf_printf(&text, "%02x", ((const uint8_t *)d->rows.v[i].key.p)[j]);
        }
        if (ofdriver_row_cmp(&rows[i], &d->rows.v[i]))
            fail_msg("row %zu of space %d differs\n%s", i, rows[i].space, sbuf_cstr(&text));
    }
    assert_int_equal(d->rows.n, n);
}

static void what_we_build_comes_back_byte_for_byte(void **state)
{
    (void)state;
    struct sample_rows rows = VEC_INIT;
    struct ofdriver d;
    clear_switch();
    sample_rows_all(&rows);
    open_session(&d);
    install(&d, rows.v, rows.n);
    check_dump(&d, rows.v, rows.n);
    check_texts(&d);
    ofdriver_close(&d);
    sample_rows_done(&rows);
}

static void what_ovs_ofctl_installs_is_decoded_and_printed_alike(void **state)
{
    (void)state;
    struct ofdriver d, again;
    struct err err = {0};
    char path[128];
    clear_switch();
    snprintf(path, sizeof path, "%s/flows.txt", box.dir);
    FILE *f = fopen(path, "w");
    assert_non_null(f);
    for (size_t i = 0; i < sample_texts_n; i++)
        fprintf(f, "%s\n", sample_texts[i]);
    fclose(f);
    free(ovs_sandbox_run(&box, "ovs-ofctl -O OpenFlow15 add-group unix:br0.mgmt "
                               "'group_id=9,type=select,selection_method=hash,fields(ip_src,ip_dst,"
                               "nw_proto),bucket=bucket_id:1,weight:3,actions=output:1,bucket="
                               "bucket_id:2,weight:5,actions=set_field:1->reg0,resubmit(,5)'"));
    free(ovs_sandbox_run(&box, "ovs-ofctl -O OpenFlow15 add-group unix:br0.mgmt "
                               "'group_id=10,type=ff,bucket=bucket_id:0,watch_port:1,actions="
                               "output:1,bucket=bucket_id:1,watch_port:2,actions=output:2'"));
    free(ovs_sandbox_run(&box, "ovs-ofctl -O OpenFlow15 add-meter unix:br0.mgmt "
                               "'meter=7,pktps,burst,band=type=drop,rate=100,burst_size=200'"));
    char *out = ovs_sandbox_run(&box, "ovs-ofctl -O OpenFlow15 add-flows unix:br0.mgmt flows.txt");
    assert_non_null(out);
    free(out);
    open_session(&d);
    must(ofdriver_dump(&d, &err), &err);
    assert_int_equal(d.rows.n, sample_texts_n + 3);
    check_texts(&d);
    char *meters = rows_text(&d, OFSESSION_METER);
    assert_string_equal(meters, "meter=7 pktps burst bands=type=drop rate=100 burst_size=200\n");
    mem_free(meters);
    /* The same bytes, installed by us, are the same flows. */
    clear_switch();
    open_session(&again);
    install(&again, d.rows.v, d.rows.n);
    check_dump(&again, d.rows.v, d.rows.n);
    check_texts(&again);
    ofdriver_close(&again);
    ofdriver_close(&d);
}

static void a_flow_with_unknown_parts_can_be_deleted(void **state)
{
    (void)state;
    struct ofdriver d;
    struct err err = {0};
    clear_switch();
    char *out = ovs_sandbox_run(
        &box, "ovs-ofctl -O OpenFlow15 add-flow unix:br0.mgmt "
              "'table=3,priority=7,mpls,mpls_label=5,reg3=4 actions=pop_mpls:0x0800,output:1'");
    assert_non_null(out);
    free(out);
    open_session(&d);
    must(ofdriver_dump(&d, &err), &err);
    assert_int_equal(d.rows.n, 1);
    struct sbuf text = SBUF_INIT;
    assert_int_equal(flow_format(d.rows.v[0].key, d.rows.v[0].value, &text, &err), ERR_UNSUPPORTED);
    struct plan_item item = {PLAN_DELETE, d.rows.v[0].key, {NULL, 0}, d.rows.v[0].value};
    struct plan plan = {1, &item, 1};
    must(ofdriver_apply(&d, &plan, NULL, NULL, &err), &err);
    assert_int_equal(d.outcome.result, OFSESSION_COMMITTED);
    must(ofdriver_dump(&d, &err), &err);
    assert_int_equal(d.rows.n, 0);
    sbuf_done(&text);
    ofdriver_close(&d);
}

static void a_refused_item_is_named_and_nothing_is_done(void **state)
{
    (void)state;
    struct sample_rows rows = VEC_INIT;
    struct ofdriver d;
    struct err err = {0};
    clear_switch();
    sample_row_output(&rows, 1, 100, 1);
    sample_row_output(&rows, 1, 200, OFPORT_MAX + 5); /* no such port number */
    sample_row_output(&rows, 1, 300, 2);
    struct plan_item items[3];
    for (size_t i = 0; i < 3; i++)
        items[i] = (struct plan_item){PLAN_ADD, rows.v[i].key, rows.v[i].value, {NULL, 0}};
    struct plan plan = {1, items, 3};
    open_session(&d);
    must(ofdriver_apply(&d, &plan, NULL, NULL, &err), &err);
    assert_int_equal(d.outcome.result, OFSESSION_REFUSED);
    assert_int_equal(d.outcome.space, OFSESSION_FLOW);
    assert_int_equal(d.outcome.item, 1);
    assert_string_equal(d.reason, "OFPBAC_BAD_OUT_PORT");
    must(ofdriver_dump(&d, &err), &err);
    assert_int_equal(d.rows.n, 0);
    /* Refused at the commit: a group that is not there. */
    sample_rows_done(&rows);
    sample_row_output(&rows, 1, 100, 1);
    sample_row_group(&rows, 1, 200, 77);
    for (size_t i = 0; i < 2; i++)
        items[i] = (struct plan_item){PLAN_ADD, rows.v[i].key, rows.v[i].value, {NULL, 0}};
    plan.n = 2;
    must(ofdriver_apply(&d, &plan, NULL, NULL, &err), &err);
    assert_int_equal(d.outcome.result, OFSESSION_REFUSED);
    assert_int_equal(d.outcome.item, 1);
    assert_string_equal(d.reason, "OFPBAC_BAD_OUT_GROUP");
    must(ofdriver_dump(&d, &err), &err);
    assert_int_equal(d.rows.n, 0);
    /* The session goes on. */
    plan.n = 1;
    must(ofdriver_apply(&d, &plan, NULL, NULL, &err), &err);
    assert_int_equal(d.outcome.result, OFSESSION_COMMITTED);
    must(ofdriver_dump(&d, &err), &err);
    assert_int_equal(d.rows.n, 1);
    ofdriver_close(&d);
    sample_rows_done(&rows);
}

static void changes_and_deletes_of_all_spaces_go_together(void **state)
{
    (void)state;
    struct sample_rows rows = VEC_INIT;
    struct ofdriver d;
    struct err err = {0};
    clear_switch();
    sample_rows_all(&rows);
    open_session(&d);
    install(&d, rows.v, rows.n);
    must(ofdriver_dump(&d, &err), &err);
    struct plan_item *items = mem_calloc(3 * d.rows.n, sizeof *items);
    struct plan plans[OFSESSION_N_SPACES] = {{0}};
    for (size_t i = 0; i < d.rows.n; i++) {
        struct ofdriver_row *row = &d.rows.v[i];
        struct plan *p = &plans[row->space];
        p->items = items + (size_t)row->space * d.rows.n;
        items[(size_t)row->space * d.rows.n + p->n++] =
            (struct plan_item){PLAN_DELETE, row->key, {NULL, 0}, row->value};
    }
    must(ofdriver_apply(&d, &plans[0], &plans[1], &plans[2], &err), &err);
    if (d.outcome.result != OFSESSION_COMMITTED)
        fail_msg("space %d item %zu: %s", d.outcome.space, d.outcome.item, d.reason);
    must(ofdriver_dump(&d, &err), &err);
    assert_int_equal(d.rows.n, 0);
    mem_free(items);
    ofdriver_close(&d);
    sample_rows_done(&rows);
}

static void resume_it(struct ofdriver *d, const struct ofmsg_packet_in *pin)
{
    struct ofmsg_packet_in copy = *pin;
    struct err err = {0};
    if (!pin->continuation.p)
        return;
    match_set(&copy.metadata, F_REG5, 0x77);
    must(ofsession_resume(d->session, &copy, &err), &err);
}

static void a_paused_packet_comes_in_and_goes_on_with_changed_registers(void **state)
{
    (void)state;
    struct ofdriver d;
    struct err err = {0};
    uint8_t packet[60] = {0x02, 0, 0, 0, 0, 1, 0x02, 0, 0, 0, 0, 2, 0x88, 0xb5, 1, 2, 3};
    clear_switch();
    free(ovs_sandbox_run(
        &box, "ovs-ofctl -O OpenFlow15 add-flow unix:br0.mgmt 'table=0,in_port=1 "
              "actions=set_field:0x5->reg0,controller(userdata=aa.bb,pause),resubmit(,1)' && "
              "ovs-ofctl -O OpenFlow15 add-flow unix:br0.mgmt "
              "'table=1,reg0=5,reg5=0x77 actions=controller(userdata=cc)'"));
    open_session(&d);
    d.on_packet_in = resume_it;
    auto_actions a;
    actions_init(&a);
    act_resubmit(&a, 0);
    must(ofsession_packet_out(d.session, 1, &a, (struct bytes){packet, sizeof packet}, &err), &err);
    must(ofdriver_run(&d, 300, NULL, &err), &err);
    assert_int_equal(d.n_stray, 0);
    assert_int_equal(d.n_packet_in, 2);
    assert_int_equal(d.packet_in.len, 61);
    assert_int_equal((uint8_t)d.packet_in.data[60], 0xcc);
    ofdriver_close(&d);
}

static void port_changes_are_told(void **state)
{
    (void)state;
    struct ofdriver d;
    struct err err = {0};
    open_session(&d);
    free(ovs_sandbox_run(&box, "ovs-vsctl --db=unix:db.sock del-port p4"));
    must(ofdriver_run(&d, 2000, &d.n_port_status, &err), &err);
    assert_true(d.n_port_status > 0);
    ofdriver_close(&d);
}

static void a_switch_without_openflow_15_is_refused_by_name(void **state)
{
    (void)state;
    struct ofdriver d;
    struct err err = {0};
    char path[128];
    free(ovs_sandbox_run(&box, "ovs-vsctl --db=unix:db.sock set bridge br0 protocols=OpenFlow13"));
    snprintf(path, sizeof path, "%s/br0.mgmt", box.dir);
    assert_int_equal(ofdriver_open(&d, path, NULL, &err), ERR_UNSUPPORTED);
    assert_non_null(strstr(err.text, "does not offer OpenFlow 1.5"));
    ofdriver_close(&d);
    free(ovs_sandbox_run(&box, "ovs-vsctl --db=unix:db.sock set bridge br0 protocols=OpenFlow15"));
}

static void a_bundle_cut_by_the_switchs_death_is_unknown(void **state)
{
    (void)state;
    struct sample_rows rows = VEC_INIT;
    struct ofdriver d;
    struct err err = {0};
    open_session(&d);
    sample_row_output(&rows, 1, 100, 1);
    assert_true(ovs_sandbox_restart_vswitchd(&box));
    struct plan_item item = {PLAN_ADD, rows.v[0].key, rows.v[0].value, {NULL, 0}};
    struct plan plan = {1, &item, 1};
    assert_int_not_equal(ofdriver_apply(&d, &plan, NULL, NULL, &err), 0);
    assert_true(d.applied);
    assert_int_equal(d.outcome.result, OFSESSION_UNKNOWN);
    ofdriver_close(&d);
    sample_rows_done(&rows);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_we_build_comes_back_byte_for_byte),
        cmocka_unit_test(what_ovs_ofctl_installs_is_decoded_and_printed_alike),
        cmocka_unit_test(a_flow_with_unknown_parts_can_be_deleted),
        cmocka_unit_test(a_refused_item_is_named_and_nothing_is_done),
        cmocka_unit_test(changes_and_deletes_of_all_spaces_go_together),
        cmocka_unit_test(a_paused_packet_comes_in_and_goes_on_with_changed_registers),
        cmocka_unit_test(port_changes_are_told),
        cmocka_unit_test(a_switch_without_openflow_15_is_refused_by_name),
        cmocka_unit_test(a_bundle_cut_by_the_switchs_death_is_unknown),
    };
    if (!ovs_sandbox_available()) {
        fprintf(stderr, "Open vSwitch is not installed: skipped\n");
        return 77;
    }
    int r = 1;
    if (ovs_sandbox_start(&box))
        r = cmocka_run_group_tests(tests, NULL, NULL);
    ovs_sandbox_stop(&box);
    return r;
}
