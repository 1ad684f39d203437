/* SPDX-License-Identifier: Apache-2.0
 *
 * Packets that flows hand to the agent: what is to be refused at once gets its answer, by the port
 * it came by.  The answer passes no stage: it is as if the destination itself had sent it. */
#include "core/agent/agent_internal.h"

#include "core/base/log.h"
#include "core/base/metrics.h"
#include "core/pipeline/pipeline.h"
#include "ovs/reject.h"

static uint32_t reject_in_port(const struct ofmsg_packet_in *pin)
{
    const struct match_field *f = match_get(&pin->metadata, F_IN_PORT);
    return f ? get_be32(f->value) : 0;
}

static int reject_send(struct agent *a, uint32_t in_port, struct bytes answer, struct err *err)
{
    struct ofsession *s = flow_target_session(a->target);
    auto_actions actions;
    actions_init(&actions);
    act_output(&actions, in_port);
    if (!s) {
        return err_set(err, ERR_AGAIN, "no connection to the switch");
    }
    int rc = ofsession_packet_out(s, OFPORT_CONTROLLER, &actions, answer, err);
    flow_target_flush(a->target);
    return rc;
}

void agent_packet_in(void *aux, const struct ofmsg_packet_in *pin)
{
    struct agent *a = aux;
    const uint8_t *what = pin->userdata.p;
    uint32_t in_port = reject_in_port(pin);
    if (pin->userdata.n < 1 || what[0] != PACKET_IN_REJECT || !in_port) {
        return; /* a flow of nobody's, or of another version of Seine */
    }
    auto_sbuf answer = SBUF_INIT;
    struct err err = {0};
    int rc = reject_answer(pin->packet, &answer, &err);
    if (rc == 0) {
        rc = reject_send(a, in_port, (struct bytes){answer.data, answer.len}, &err);
    }
    metric_add(METRIC_REJECTS, rc == 0 ? "answered" : "ignored", NULL, 1);
    if (rc < 0) {
        log_msg(LOG_AREA_OPENFLOW, LOG_DEBUG, "a packet to refuse, by port %u: %s", in_port,
                err.text);
    }
}
