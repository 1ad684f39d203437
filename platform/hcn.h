/* SPDX-License-Identifier: Apache-2.0
 *
 * Platform contract: the Host Compute Network service (HCN, also HNS) of Windows.
 *
 * Thin on purpose: GUIDs and JSON go in, JSON and the service's own numbers come out.  What the
 * documents say and what an HRESULT means is portable and lives in hns/ (hns/client.h is what the
 * rest of the agent uses).  All text is UTF-8.
 *
 * Every call may block for seconds, and for ever if the service hangs: they run on the work queue,
 * never on the loop, and from any number of threads at once.  No handle outlives a call: objects
 * are named by GUID, opened, used and closed within one call.
 *
 * On a system without the service every call ends with ERR_UNSUPPORTED, "hns: absent".  Nothing
 * fails to start for that: the library is loaded by name when the first call comes (from the
 * system's own folder only), and each function is looked up by name, since older systems lack some.
 */
#ifndef SEINE_PLATFORM_HCN_H
#define SEINE_PLATFORM_HCN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/base/err.h"
#include "core/base/guid.h"

enum hcn_kind { HCN_NETWORK, HCN_ENDPOINT, HCN_NAMESPACE, HCN_LOADBALANCER, HCN_N_KINDS };
enum hcn_op {
    HCN_ENUMERATE, /* json: the query.  Gives a JSON array of GUIDs */
    HCN_CREATE,    /* id, json: the settings; an endpoint also: network */
    HCN_QUERY,     /* id, json: the query.  Gives the object's document */
    HCN_MODIFY,    /* id, json: the request */
    HCN_DELETE,    /* id */
    HCN_N_OPS
};

struct hcn_call {
    enum hcn_op op;
    enum hcn_kind kind;
    struct guid id;      /* all but ENUMERATE; zero at CREATE: the service chooses one */
    struct guid network; /* CREATE of an endpoint: the network it is made in */
    const char *json;    /* NULL: none */
};

/* What the service said. */
struct hcn_reply {
    uint32_t hr;          /* HRESULT of 'function': 0 S_OK */
    const char *function; /* the last one called: "HcnOpenEndpoint"; static; "" if none was */
    char *json;           /* the result; NULL if there is none */
    char *record;         /* the ErrorRecord, JSON as it came; NULL if there is none */
};
/* Frees what the reply holds and empties it. */
void hcn_reply_done(struct hcn_reply *r);
#define auto_hcn_reply PORT_CLEANUP(hcn_reply_done) struct hcn_reply

/* Makes one call.  '*reply' (given empty) is filled as far as things went; the caller frees it in
 * any case.
 *   0                 done; reply->json is the result where the operation has one ("" if the
 *                     service gave none)
 *   ERR_REFUSED       the service said no, by HRESULT or by a non-empty ErrorRecord (then hr may
 *                     be 0): reply tells, and only hns/hcn_error.h knows what it means
 *   ERR_UNSUPPORTED   no library, or the named function is absent from it
 *   ERR_INVALID       call->json is not UTF-8
 *   ERR_PROTOCOL      the result is not UTF-16 text that we can take (over HCN_REPLY_MAX)
 * 'err' says the same in text. */
int hcn_call(const struct hcn_call *call, struct hcn_reply *reply, struct err *err);
enum { HCN_REPLY_MAX = 64 << 20 };

/* GET /globals/version, the one question that only the older interface (vmcompute.dll, HNSCall)
 * answers: {"Success":true,"Output":{"Major":11,"Minor":10}} in reply->json.  Results as hcn_call.
 */
int hcn_globals_version(struct hcn_reply *reply, struct err *err);

/* Whether the library is there: 0, or ERR_UNSUPPORTED "hns: absent". */
int hcn_load(struct err *err);
/* The functions that were looked for and not found, by name: "HcnModifyLoadBalancer".  Static
 * strings; at most 'max' are written, all are counted.  None where the library itself is absent:
 * hcn_load() tells that. */
size_t hcn_missing(const char **names_out, size_t max);

/* What the service tells on its own.  Numbers of HCN's own (HCN_NOTIFICATIONS). */
enum hcn_event {
    HCN_EVENT_NETWORK_PRE_CREATE = 0x1,
    HCN_EVENT_NETWORK_CREATE = 0x2,
    HCN_EVENT_NETWORK_PRE_DELETE = 0x3,
    HCN_EVENT_NETWORK_DELETE = 0x4,
    HCN_EVENT_NAMESPACE_CREATE = 0x5,
    HCN_EVENT_NAMESPACE_DELETE = 0x6,
    HCN_EVENT_ENDPOINT_ATTACHED = 0x9,
    HCN_EVENT_ENDPOINT_DETACHED = 0x10,
    HCN_EVENT_SERVICE_DISCONNECT = 0x1000000
};
/* Called on a thread of the service's own, perhaps on several at once, at any time between
 * hcn_watch() and the return of hcn_unwatch().  It must be short, must not call anything of this
 * header, and touches nothing of the loop's: it wakes the loop (uv_async_send) and returns.
 * 'event' may be a number that the enum above does not have.  'data' is JSON, "" if there is none,
 * and valid during the call only. */
typedef void hcn_event_fn(void *aux, uint32_t event, uint32_t hr, const char *data);

struct hcn_watch;
/* Registers for all events.  Events are hints: they may come late, twice or not at all, so whoever
 * uses them also looks from time to time.  After SERVICE_DISCONNECT none comes any more: unwatch
 * and watch again.  ERR_UNSUPPORTED, ERR_REFUSED (err->os_code has the HRESULT). */
int hcn_watch(hcn_event_fn *fn, void *aux, struct hcn_watch **out, struct err *err);
/* Waits for callbacks under way; none comes afterwards.  Never from within one.  NULL is fine. */
void hcn_unwatch(struct hcn_watch *w);

#endif
