/* SPDX-License-Identifier: Apache-2.0
 *
 * A small blocking driver of ofsession over a unix socket, for tests and benches: each call runs
 * the session until what was asked for is done.  Dumped rows and events are kept. */
#ifndef SEINE_TESTS_OFDRIVER_H
#define SEINE_TESTS_OFDRIVER_H

#include "core/base/sbuf.h"
#include "core/base/vec.h"
#include "ovs/ofsession.h"

struct ofdriver_row {
    enum ofsession_space space;
    struct bytes key, value; /* one allocation, the key's */
};
struct ofdriver {
    int fd;
    struct ofsession *session;
    struct sbuf buf;
    bool ready, dumped, applied;
    struct ofsession_outcome outcome;
    char reason[256];
    VEC(struct ofdriver_row) rows; /* of the last dump */
    /* Instead of keeping rows, if set. */
    void (*on_row)(void *aux, enum ofsession_space space, struct bytes key, struct bytes value);
    void *on_row_aux;
    size_t n_stray, n_packet_in, n_port_status;
    struct ofmsg_error stray;
    struct sbuf packet_in; /* packet | userdata of the last one */
    void (*on_packet_in)(struct ofdriver *d, const struct ofmsg_packet_in *pin);
};

/* Connects and gets ready; 0 or an error. */
int ofdriver_open(struct ofdriver *d, const char *path, const struct ofsession_config *config,
                  struct err *err);
void ofdriver_close(struct ofdriver *d);
int ofdriver_dump(struct ofdriver *d, struct err *err);
/* Sends the plans and waits for the outcome in d->outcome. */
int ofdriver_apply(struct ofdriver *d, const struct plan *flow, const struct plan *group,
                   const struct plan *meter, struct err *err);
/* Runs for some milliseconds, or until '*flag' is not 0. */
int ofdriver_run(struct ofdriver *d, int ms, const size_t *flag, struct err *err);
/* Byte order of space, key, value. */
int ofdriver_row_cmp(const void *a, const void *b);

#endif
