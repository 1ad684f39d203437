/* SPDX-License-Identifier: Apache-2.0
 *
 * Sample flows, groups and meters that use every field and action of the model, for codec tests,
 * fuzz seeds and benches: some built with the model, some as ovs-ofctl text. */
#ifndef SEINE_TESTS_SAMPLE_FLOWS_H
#define SEINE_TESTS_SAMPLE_FLOWS_H

#include "tests/support/ofdriver.h"

struct sample_rows {
    struct ofdriver_row *v;
    size_t n, cap;
};
void sample_rows_done(struct sample_rows *rows);
void sample_rows_all(struct sample_rows *rows);
/* One simple flow: table, priority, actions=output:port / group:id. */
void sample_row_output(struct sample_rows *rows, uint8_t table, uint16_t priority, uint32_t port);
void sample_row_group(struct sample_rows *rows, uint8_t table, uint16_t priority, uint32_t group);

extern const char *const sample_texts[];
extern const size_t sample_texts_n;

#endif
