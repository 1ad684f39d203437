/* SPDX-License-Identifier: Apache-2.0
 *
 * Results of ADD: section "Success" of the specification, versions 0.3.0 to 1.1.0.  Interface 0 is
 * the node's side, interface 1 the Pod's, which has the addresses. */
#include "cni/result.h"

static void result_put_interfaces(const struct result *r, struct sbuf *out)
{
    char mac[MAC_TEXT_MAX];
    sbuf_puts(out, "\"interfaces\":[{\"name\":");
    sbuf_put_json(out, r->host_interface);
    if (r->version->interfaces_have_mtu) {
        sbuf_printf(out, ",\"mtu\":%u", (unsigned)r->mtu);
    }
    sbuf_puts(out, "},{\"name\":");
    sbuf_put_json(out, r->pod_interface);
    sbuf_printf(out, ",\"mac\":\"%s\"", mac_format(&r->pod_mac, mac));
    if (r->version->interfaces_have_mtu) {
        sbuf_printf(out, ",\"mtu\":%u", (unsigned)r->mtu);
    }
    sbuf_puts(out, ",\"sandbox\":");
    sbuf_put_json(out, r->sandbox);
    sbuf_puts(out, "}]");
}

static void result_put_ips(const struct result *r, struct sbuf *out)
{
    sbuf_puts(out, ",\"ips\":[");
    for (size_t i = 0; i < r->n_addresses; i++) {
        const struct netif_address *a = &r->addresses[i];
        char address[PREFIX_TEXT_MAX], gateway[IP_TEXT_MAX];
        sbuf_puts(out, i ? ",{" : "{");
        if (r->version->ips_have_version) {
            sbuf_printf(out, "\"version\":\"%u\",", a->address.ip.family);
        }
        sbuf_printf(out, "\"interface\":1,\"address\":\"%s\",\"gateway\":\"%s\"}",
                    prefix_format(&a->address, address), ip_format(&a->gateway, gateway));
    }
    sbuf_puts(out, "]");
}

static void result_put_routes(const struct result *r, struct sbuf *out)
{
    sbuf_puts(out, ",\"routes\":[");
    for (size_t i = 0; i < r->n_addresses; i++) {
        char gateway[IP_TEXT_MAX];
        const struct ip *gw = &r->addresses[i].gateway;
        sbuf_printf(out, "%s{\"dst\":\"%s\",\"gw\":\"%s\"}", i ? "," : "",
                    gw->family == 4 ? "0.0.0.0/0" : "::/0", ip_format(gw, gateway));
    }
    sbuf_puts(out, "]");
}

void result_format(const struct result *r, struct sbuf *out)
{
    sbuf_printf(out, "{\"cniVersion\":\"%s\",", r->version->name);
    result_put_interfaces(r, out);
    result_put_ips(r, out);
    result_put_routes(r, out);
    sbuf_printf(out, ",\"dns\":%s}\n", *r->dns ? r->dns : "{}");
}
