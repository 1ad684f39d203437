/* SPDX-License-Identifier: Apache-2.0
 *
 * Meters as bytes, for the engine: OpenFlow 1.5 meter entries.
 *   key   = meter id (4, big endian)
 *   value = flags (2) | bands in wire form (16 each)
 * Canonical: equal meters have equal bytes, built here or decoded from a switch's dump. */
#ifndef SEINE_OVS_METER_H
#define SEINE_OVS_METER_H

#include "ovs/flow.h"

enum meter_flag { METER_KBPS = 1, METER_PKTPS = 2, METER_BURST = 4, METER_STATS = 8 };
enum { METER_KEY_LEN = 4, METER_VALUE_MIN = 2, METER_BAND_LEN = 16 };

struct meter {      /* one drop band, which is all that datapaths know */
    uint16_t flags; /* METER_ */
    uint32_t rate;  /* packets or kilobits a second */
    uint32_t burst; /* with METER_BURST */
};

/* Appends the key / value form. */
void meter_key_encode(uint32_t id, struct sbuf *out);
void meter_value_encode(const struct meter *m, struct sbuf *out);
/* Appends one meter on one line: "meter=1 pktps burst bands=type=drop rate=100 burst_size=200",
 * which `ovs-ofctl add-meter` takes back with commas for blanks.
 * 0, or ERR_TRUNCATED, ERR_INVALID, ERR_UNSUPPORTED. */
int meter_format(struct bytes key, struct bytes value, struct sbuf *out, struct err *err);

#endif
