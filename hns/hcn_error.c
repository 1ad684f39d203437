/* SPDX-License-Identifier: Apache-2.0
 *
 * The table of HRESULTs: those of HCN (facility 0x3b), and the few of Win32, RPC and COM that its
 * functions give when the service is away, an object of no own number is missing, or the caller
 * may not. */
#include "hns/hcn_error.h"

#include <string.h>

#include "hns/codec.h"

#define HCN(low, name, code, text)                                                                 \
    {                                                                                              \
        HCN_E(low), name, code, text                                                               \
    }
#define WIN32(low, name, code, text)                                                               \
    {                                                                                              \
        UINT32_C(0x80070000) | (low), name, code, text                                             \
    }

static const struct hcn_error hcn_errors[] = {
    {0x80004001, "E_NOTIMPL", ERR_UNSUPPORTED, "not implemented"},
    {0x80004005, "E_FAIL", ERR_IO, "failed for no stated reason"},
    {0x8000ffff, "E_UNEXPECTED", ERR_IO, "failed unexpectedly"},
    {0x80010108, "RPC_E_DISCONNECTED", ERR_AGAIN, "the service is away"},
    {0x8001011f, "RPC_E_TIMEOUT", ERR_TIMEOUT, "no answer in time"},
    WIN32(0x0005, "ERROR_ACCESS_DENIED", ERR_PERMISSION, "not permitted"),
    WIN32(0x000e, "ERROR_OUTOFMEMORY", ERR_EXHAUSTED, "out of memory"),
    WIN32(0x0032, "ERROR_NOT_SUPPORTED", ERR_UNSUPPORTED, "not supported"),
    WIN32(0x0057, "ERROR_INVALID_PARAMETER", ERR_INVALID, "invalid parameter"),
    WIN32(0x007f, "ERROR_PROC_NOT_FOUND", ERR_UNSUPPORTED, "no such function"),
    WIN32(0x00b7, "ERROR_ALREADY_EXISTS", ERR_EXISTS, "exists already"),
    WIN32(0x0102, "WAIT_TIMEOUT", ERR_TIMEOUT, "no answer in time"),
    WIN32(0x0422, "ERROR_SERVICE_DISABLED", ERR_AGAIN, "the service is disabled"),
    WIN32(0x0424, "ERROR_SERVICE_DOES_NOT_EXIST", ERR_AGAIN, "there is no such service"),
    WIN32(0x0426, "ERROR_SERVICE_NOT_ACTIVE", ERR_AGAIN, "the service is not running"),
    WIN32(0x045b, "ERROR_SHUTDOWN_IN_PROGRESS", ERR_AGAIN, "the system is shutting down"),
    WIN32(0x0490, "ERROR_NOT_FOUND", ERR_NOT_FOUND, "no such object"),
    WIN32(0x05b4, "ERROR_TIMEOUT", ERR_TIMEOUT, "no answer in time"),
    WIN32(0x06b5, "RPC_S_UNKNOWN_IF", ERR_AGAIN, "the service is away"),
    WIN32(0x06ba, "RPC_S_SERVER_UNAVAILABLE", ERR_AGAIN, "the service is away"),
    WIN32(0x06bb, "RPC_S_SERVER_TOO_BUSY", ERR_AGAIN, "the service is too busy"),
    WIN32(0x06be, "RPC_S_CALL_FAILED", ERR_AGAIN, "the service went away"),
    WIN32(0x06bf, "RPC_S_CALL_FAILED_DNE", ERR_AGAIN, "the service went away"),
    WIN32(0x06d9, "EPT_S_NOT_REGISTERED", ERR_AGAIN, "the service is away"),
    HCN(0x01, "HCN_E_NETWORK_NOT_FOUND", ERR_NOT_FOUND, "no such network"),
    HCN(0x02, "HCN_E_ENDPOINT_NOT_FOUND", ERR_NOT_FOUND, "no such endpoint"),
    HCN(0x03, "HCN_E_LAYER_NOT_FOUND", ERR_NOT_FOUND, "the network's layer is missing"),
    HCN(0x04, "HCN_E_SWITCH_NOT_FOUND", ERR_NOT_FOUND, "no such virtual switch"),
    HCN(0x05, "HCN_E_SUBNET_NOT_FOUND", ERR_NOT_FOUND, "the network has no such subnet"),
    HCN(0x06, "HCN_E_ADAPTER_NOT_FOUND", ERR_NOT_FOUND, "no such adapter"),
    HCN(0x07, "HCN_E_PORT_NOT_FOUND", ERR_NOT_FOUND, "no such port of the switch"),
    HCN(0x08, "HCN_E_POLICY_NOT_FOUND", ERR_NOT_FOUND, "no such policy"),
    HCN(0x09, "HCN_E_VFP_PORTSETTING_NOT_FOUND", ERR_NOT_FOUND, "a VFP port setting is missing"),
    HCN(0x0a, "HCN_E_INVALID_NETWORK", ERR_INVALID, "invalid network"),
    HCN(0x0b, "HCN_E_INVALID_NETWORK_TYPE", ERR_INVALID, "invalid type of network"),
    HCN(0x0c, "HCN_E_INVALID_ENDPOINT", ERR_INVALID, "invalid endpoint"),
    HCN(0x0d, "HCN_E_INVALID_POLICY", ERR_INVALID, "invalid policy"),
    HCN(0x0e, "HCN_E_INVALID_POLICY_TYPE", ERR_INVALID, "invalid type of policy"),
    HCN(0x0f, "HCN_E_INVALID_REMOTE_ENDPOINT_OPERATION", ERR_INVALID, "not for remote endpoints"),
    HCN(0x10, "HCN_E_NETWORK_ALREADY_EXISTS", ERR_EXISTS, "the network exists already"),
    HCN(0x11, "HCN_E_LAYER_ALREADY_EXISTS", ERR_EXISTS, "the network's layer exists already"),
    HCN(0x12, "HCN_E_POLICY_ALREADY_EXISTS", ERR_EXISTS, "the policy exists already"),
    HCN(0x13, "HCN_E_PORT_ALREADY_EXISTS", ERR_EXISTS, "the port exists already"),
    HCN(0x14, "HCN_E_ENDPOINT_ALREADY_ATTACHED", ERR_CONFLICT, "the endpoint is attached already"),
    HCN(0x15, "HCN_E_REQUEST_UNSUPPORTED", ERR_UNSUPPORTED, "unsupported request"),
    HCN(0x16, "HCN_E_MAPPING_NOT_SUPPORTED", ERR_UNSUPPORTED, "no port mapping on this network"),
    HCN(0x17, "HCN_E_DEGRADED_OPERATION", ERR_AGAIN, "the object is degraded"),
    HCN(0x18, "HCN_E_SHARED_SWITCH_MODIFICATION", ERR_CONFLICT, "networks share the switch"),
    HCN(0x19, "HCN_E_GUID_CONVERSION_FAILURE", ERR_INVALID, "invalid GUID"),
    HCN(0x1a, "HCN_E_REGKEY_FAILURE", ERR_IO, "the registry failed"),
    HCN(0x1b, "HCN_E_INVALID_JSON", ERR_INVALID, "invalid JSON"),
    HCN(0x1c, "HCN_E_INVALID_JSON_REFERENCE", ERR_INVALID, "invalid reference in JSON"),
    HCN(0x1d, "HCN_E_ENDPOINT_SHARING_DISABLED", ERR_UNSUPPORTED, "endpoints are not shared"),
    HCN(0x1e, "HCN_E_INVALID_IP", ERR_INVALID, "invalid address, or in no subnet of the network"),
    HCN(0x1f, "HCN_E_SWITCH_EXTENSION_NOT_FOUND", ERR_NOT_FOUND, "no such switch extension"),
    HCN(0x20, "HCN_E_MANAGER_STOPPED", ERR_AGAIN, "the service is stopping"),
    HCN(0x21, "GCN_E_MODULE_NOT_FOUND", ERR_UNSUPPORTED, "a module of the service is missing"),
    HCN(0x22, "GCN_E_NO_REQUEST_HANDLERS", ERR_UNSUPPORTED, "nobody handles the request"),
    HCN(0x23, "GCN_E_REQUEST_UNSUPPORTED", ERR_UNSUPPORTED, "unsupported request"),
    HCN(0x24, "GCN_E_RUNTIMEKEYS_FAILED", ERR_IO, "the container's keys cannot be written"),
    HCN(0x25, "GCN_E_NETADAPTER_TIMEOUT", ERR_TIMEOUT, "the adapter did not come in time"),
    HCN(0x26, "GCN_E_NETADAPTER_NOT_FOUND", ERR_NOT_FOUND, "no such network adapter"),
    HCN(0x27, "GCN_E_NETCOMPARTMENT_NOT_FOUND", ERR_NOT_FOUND, "no such compartment"),
    HCN(0x28, "GCN_E_NETINTERFACE_NOT_FOUND", ERR_NOT_FOUND, "no such network interface"),
    HCN(0x29, "GCN_E_DEFAULTNAMESPACE_EXISTS", ERR_EXISTS, "the default namespace exists already"),
    HCN(0x2a, "HCN_E_ICS_DISABLED", ERR_UNSUPPORTED, "connection sharing is disabled"),
    HCN(0x2b, "HCN_E_ENDPOINT_NAMESPACE_ALREADY_EXISTS", ERR_CONFLICT,
        "the endpoint is in a namespace already"),
    HCN(0x2c, "HCN_E_ENTITY_HAS_REFERENCES", ERR_CONFLICT, "the object is still used"),
    HCN(0x2d, "HCN_E_INVALID_INTERNAL_PORT", ERR_INVALID, "invalid internal port"),
    HCN(0x2e, "HCN_E_NAMESPACE_ATTACH_FAILED", ERR_IO, "attaching to the namespace failed"),
    HCN(0x2f, "HCN_E_ADDR_INVALID_OR_RESERVED", ERR_INVALID, "invalid or reserved address"),
    HCN(0x30, "HCN_E_INVALID_PREFIX", ERR_INVALID, "invalid prefix"),
    HCN(0x31, "HCN_E_OBJECT_USED_AFTER_UNLOAD", ERR_AGAIN, "the object was torn down"),
    HCN(0x32, "HCN_E_INVALID_SUBNET", ERR_INVALID, "invalid subnet"),
    HCN(0x33, "HCN_E_INVALID_IP_SUBNET", ERR_INVALID, "invalid subnet of addresses"),
    HCN(0x34, "HCN_E_ENDPOINT_NOT_ATTACHED", ERR_CONFLICT, "the endpoint is not attached"),
    HCN(0x35, "HCN_E_ENDPOINT_NOT_LOCAL", ERR_CONFLICT, "the endpoint is not local"),
    HCN(0x36, "HCN_INTERFACEPARAMETERS_ALREADY_APPLIED", ERR_EXISTS,
        "interface parameters exist already"),
    HCN(0x37, "HCN_E_VFP_NOT_ALLOWED", ERR_UNSUPPORTED, "VFP is not available"),
};

const struct hcn_error *hcn_error_find(uint32_t hr)
{
    for (size_t i = 0; i < ARRAY_LEN(hcn_errors); i++) {
        if (hcn_errors[i].hr == hr) {
            return &hcn_errors[i];
        }
    }
    return NULL;
}

const struct hcn_error *hcn_error_table(size_t *n_out)
{
    *n_out = ARRAY_LEN(hcn_errors);
    return hcn_errors;
}

int hcn_error_code(uint32_t hr)
{
    const struct hcn_error *e = hcn_error_find(hr);
    return e ? e->code : ERR_IO;
}

bool hcn_error_is_away(uint32_t hr)
{
    return hcn_error_code(hr) == ERR_AGAIN;
}

bool hcn_error_is_absent(enum hcn_kind kind, uint32_t hr)
{
    uint32_t own = kind == HCN_NETWORK ? HCN_E(0x01) : kind == HCN_ENDPOINT ? HCN_E(0x02) : 0;
    return hr == UINT32_C(0x80070490) || (own && hr == own);
}

/* ---- ErrorRecord ---- */

enum { HCN_SAID_MAX = 160 };

struct hcn_record {
    const char *error;
    uint32_t code;
};
static const struct codec_field hcn_record_fields[] = {
    {.key = "Error", .type = CODEC_TEXT, .offset = offsetof(struct hcn_record, error)},
    {.key = "ErrorCode", .type = CODEC_NUMBER, .offset = offsetof(struct hcn_record, code)},
};
static const struct codec_struct hcn_record_struct = {.name = "error record",
                                                      .size = sizeof(struct hcn_record),
                                                      .fields = hcn_record_fields,
                                                      .n_fields = ARRAY_LEN(hcn_record_fields)};

/* A record that cannot be read says nothing: the call failed all the same. */
static void hcn_record_read(const struct hcn_reply *reply, struct hcn_record *out, struct arena *a)
{
    memset(out, 0, sizeof *out);
    if (reply->record) {
        codec_decode(&hcn_record_struct, reply->record, strlen(reply->record), out, a, NULL);
    }
}

static uint32_t hcn_number(const struct hcn_reply *reply, const struct hcn_record *record)
{
    return reply->hr & UINT32_C(0x80000000) ? reply->hr : record->code;
}

uint32_t hcn_error_number(const struct hcn_reply *reply)
{
    struct arena a;
    struct hcn_record record;
    arena_init(&a, CODEC_DOCUMENT_MAX);
    hcn_record_read(reply, &record, &a);
    arena_done(&a);
    return hcn_number(reply, &record);
}

/* What the service says of its own: one line, without the blanks and the full stop at its end. */
static void hcn_put_said(const char *said, struct sbuf *out)
{
    size_t n = said ? strlen(said) : 0;
    while (n && strchr(" \t\r\n.", said[n - 1])) {
        n--;
    }
    for (size_t i = 0; i < n && i < HCN_SAID_MAX; i++) {
        sbuf_puts(out, i ? "" : " (");
        sbuf_putc(out, (unsigned char)said[i] < ' ' ? ' ' : said[i]);
    }
    sbuf_puts(out, n ? ")" : "");
}

int hcn_error_set(const struct hcn_reply *reply, struct err *err)
{
    struct arena a;
    struct hcn_record record;
    auto_sbuf text = SBUF_INIT;
    arena_init(&a, CODEC_DOCUMENT_MAX);
    hcn_record_read(reply, &record, &a);
    uint32_t hr = hcn_number(reply, &record);
    const struct hcn_error *e = hcn_error_find(hr);
    if (e) {
        sbuf_printf(&text, "%s: %s: %s", reply->function, e->name, e->text);
    } else {
        sbuf_printf(&text, "%s: 0x%08x", reply->function, (unsigned)hr);
    }
    hcn_put_said(record.error, &text);
    arena_done(&a);
    return err_set_os(err, e ? e->code : ERR_IO, hr, "%s", text.data);
}
