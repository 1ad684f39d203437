/* SPDX-License-Identifier: Apache-2.0
 *
 * Refusing at once: the packet goes to the agent, which answers it. */
#include "core/pipeline/pipeline.h"
#include "ovs/meter.h"

void flow_act_reject(struct flow *f)
{
    static const uint8_t userdata[] = {PACKET_IN_REJECT};
    auto_sbuf key = SBUF_INIT, value = SBUF_INIT;
    meter_key_encode(METER_REJECT, &key);
    meter_value_encode(&(struct meter){.flags = METER_PKTPS | METER_BURST,
                                       .rate = REJECT_PER_SECOND,
                                       .burst = REJECT_BURST},
                       &value);
    derive_out(f->derive, SPACE_METER, key.data, key.len, value.data, value.len);
    act_controller(&f->actions, &(struct act_controller){.max_len = UINT16_MAX,
                                                         .controller_id = PACKET_IN_CONTROLLER,
                                                         .userdata = userdata,
                                                         .userdata_len = sizeof userdata,
                                                         .meter_id = METER_REJECT});
}
