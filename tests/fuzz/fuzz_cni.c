/* SPDX-License-Identifier: Apache-2.0
 *
 * What a runtime, or anyone who reaches the socket, could send.  The input is the body of a request
 * as the agent gets it; it is also taken for a network configuration, and each of its lines for a
 * CNI_ARGS, as the plugin does before the agent sees them. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "cni/request.h"
#include "cni/scan.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check(bool holds)
{
    if (!holds)
        abort();
}

static void check_request(const void *body, size_t n)
{
    struct request r;
    struct cni_error e = {0};
    int code = request_parse(&r, body, n, &e);
    auto_sbuf text = SBUF_INIT;
    check(r.version != NULL);
    check(code == e.code);
    if (code) {
        check(*cni_code_meaning(code) && e.msg[0] && !strchr(e.msg, '\n'));
        cni_error_format(&e, r.version->name, &text);
    } else {
        check(r.n_ips <= REQUEST_MAX_IPS && r.prev.n_ips <= REQUEST_MAX_PREV_IPS);
        check(cni_version_has(r.version, r.verb));
        for (size_t i = 0; i < r.n_valid; i++)
            check(r.valid[i].container_id && r.valid[i].ifname);
    }
    request_done(&r);
}

/* What the plugin makes of a configuration and of variables, the agent reads again. */
static void check_plugin(const char *config)
{
    auto_sbuf value = SBUF_INIT, body = SBUF_INIT;
    struct cni_error e = {0};
    scan_string(config, "cniVersion", &value);
    struct cni_env env = {.command = "ADD",
                          .container_id = "c1",
                          .netns = "/run/netns/x",
                          .ifname = "eth0",
                          .args = sbuf_cstr(&value)};
    int rc = cni_env_check(&env, &e);
    check(rc == e.code);
    cni_env_format(&env, config, &body);
    check_request(sbuf_cstr(&body), body.len);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    check_request(data, size);
    auto_free char *text = mem_alloc(size + 1);
    memcpy(text, data, size);
    text[size] = '\0';
    check_plugin(text);
    return 0;
}
