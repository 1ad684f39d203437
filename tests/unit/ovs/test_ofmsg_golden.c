/* SPDX-License-Identifier: Apache-2.0
 *
 * What goes to the switch is the same, byte for byte, on every system: each sample row in each kind
 * of modification, inside and outside a bundle, against one file in the tree.  For each row a line
 * of text, then the messages in hex.  `test_ofmsg_golden FILE` writes such a file anew. */
#include "tests/unit/ovs/ovs_test.h"

#include "ovs/group.h"
#include "ovs/meter.h"
#include "ovs/ofmsg.h"
#include "tests/unit/ovs/sample_flows.h"

static const struct {
    int (*format)(struct bytes key, struct bytes value, struct sbuf *out, struct err *err);
    int (*encode)(enum ofmsg_mod op, struct bytes key, struct bytes value, uint32_t xid,
                  struct sbuf *out, struct err *err);
} spaces[] = {
    [OFSESSION_FLOW] = {flow_format, ofmsg_flow_mod_encode},
    [OFSESSION_GROUP] = {group_format, ofmsg_group_mod_encode},
    [OFSESSION_METER] = {meter_format, ofmsg_meter_mod_encode},
};

static void put_hex(struct sbuf *out, const struct sbuf *message)
{
    for (size_t i = 0; i < message->len; i++)
        sbuf_printf(out, "%02x", (uint8_t)message->data[i]);
    sbuf_putc(out, '\n');
}

static void put_row(struct sbuf *out, const struct ofdriver_row *row, uint32_t xid)
{
    struct err err = {0};
    assert_int_equal(spaces[row->space].format(row->key, row->value, out, &err), 0);
    sbuf_putc(out, '\n');
    for (int op = OFMSG_ADD; op <= OFMSG_DELETE; op++) {
        auto_sbuf plain = SBUF_INIT, bundled = SBUF_INIT;
        assert_int_equal(
            spaces[row->space].encode((enum ofmsg_mod)op, row->key, row->value, xid, &plain, &err),
            0);
        put_hex(out, &plain);
        size_t begin = ofmsg_bundle_add_begin(7, 3, xid, &bundled);
        sbuf_put(&bundled, plain.data, plain.len);
        assert_int_equal(ofmsg_bundle_add_end(begin, &bundled, &err), 0);
        put_hex(out, &bundled);
    }
}

static void put_all(struct sbuf *out)
{
    struct sample_rows rows = {0};
    sample_rows_all(&rows);
    for (size_t i = 0; i < rows.n; i++)
        put_row(out, &rows.v[i], 0x01020300u + (uint32_t)i);
    sample_rows_done(&rows);
}

static void read_golden(struct sbuf *out)
{
    char part[8192];
    FILE *f = fopen("tests/unit/ovs/openflow.golden", "rb");
    assert_non_null(f);
    for (size_t n; (n = fread(part, 1, sizeof part, f));)
        sbuf_put(out, part, n);
    fclose(f);
}

/* The number of the first line that differs. */
static size_t first_difference(const char *a, const char *b)
{
    size_t line = 1;
    for (; *a && *a == *b; a++, b++)
        line += *a == '\n';
    return line;
}

static void bytes_are_those_of_the_golden_file(void **state)
{
    (void)state;
    auto_sbuf golden = SBUF_INIT, ours = SBUF_INIT;
    read_golden(&golden);
    put_all(&ours);
    if (strcmp(sbuf_cstr(&ours), sbuf_cstr(&golden)))
        fail_msg("openflow.golden:%zu differs from what is encoded",
                 first_difference(golden.data, ours.data));
}

static int write_golden(const char *path)
{
    auto_sbuf text = SBUF_INIT;
    FILE *f = fopen(path, "wb");
    if (!f)
        return 1;
    put_all(&text);
    bool whole = fwrite(text.data, 1, text.len, f) == text.len;
    return fclose(f) == 0 && whole ? 0 : 1;
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(bytes_are_those_of_the_golden_file)};
    return argc == 2 ? write_golden(argv[1]) : cmocka_run_group_tests(tests, NULL, NULL);
}
