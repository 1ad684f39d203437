/* SPDX-License-Identifier: Apache-2.0
 *
 * Named ports in objects: the lists of Services and EndpointSlices, and what all lists share once
 * they are read. */
#include <stdlib.h>
#include <string.h>

#include "core/k8s/decode.h"
#include "core/k8s/names.h"

static int read_port(struct decode *d, const struct field *f, bool numbered, struct named_port *p)
{
    struct field name = field_member(f, "name"), number = field_member(f, "port");
    struct field proto = field_member(f, "protocol");
    int port = 0, rc = decode_object(d, f);

    if (!rc)
        rc = decode_string(d, &name, &p->name);
    if (!rc && numbered && !number.json)
        rc = decode_fail(d, &number, "is required");
    if (!rc)
        rc = decode_int(d, &number, 1, 65535, &port);
    if (!rc)
        rc = decode_protocol(d, &proto, &p->proto);
    if (rc)
        return rc;
    if (!p->name)
        p->name = "";
    const char *why = *p->name ? name_dns_label_problem(p->name) : NULL;
    if (why)
        return decode_fail(d, &name, "%s", why);
    p->port = (uint16_t)port;
    return 0;
}

static int cmp_text(const void *a, const void *b)
{
    return strcmp(*(const char *const *)a, *(const char *const *)b);
}

/* Sorted, so that long lists cost little.  Several without a name are for the caller to judge. */
static int check_names(struct decode *d, const struct field *f, const struct named_port *v,
                       size_t n)
{
    char quoted[QUOTE_MAX];
    const char **names = arena_alloc(&d->scratch, (n ? n : 1) * sizeof *names);
    for (size_t i = 0; i < n; i++)
        names[i] = v[i].name;
    if (n > 1)
        qsort(names, n, sizeof *names, cmp_text);
    for (size_t i = 1; i < n; i++)
        if (*names[i] && !strcmp(names[i - 1], names[i]))
            return decode_fail(d, f, "the name %s occurs twice", decode_quote(names[i], quoted));
    return 0;
}

int decode_service_ports(struct decode *d, const struct field *f, bool numbered,
                         const struct named_port **out, size_t *n_out)
{
    size_t n, i = 0;
    int rc = decode_list(d, f, &n);
    if (rc)
        return rc;
    struct named_port *v = decode_array(d, n, sizeof *v);
    for (const cJSON *c = n ? f->json->child : NULL; c; c = c->next, i++) {
        struct field one = field_item(f, c, i);
        if ((rc = read_port(d, &one, numbered, &v[i])))
            return rc;
    }
    *out = v;
    *n_out = n;
    return check_names(d, f, v, n);
}

const struct named_port *block_ports(struct block *b, const struct named_port *v, size_t n)
{
    struct named_port *ports = block_array(b, v, n, sizeof *ports);
    for (size_t i = 0; i < n; i++)
        ports[i].name = block_intern(ports[i].name);
    return ports;
}

void ports_unref(const struct named_port *v, size_t n)
{
    for (size_t i = 0; i < n; i++)
        intern_unref(v[i].name);
}

bool named_ports_equal(const struct named_port *a, const struct named_port *b, size_t n)
{
    for (size_t i = 0; i < n; i++)
        if (a[i].name != b[i].name || a[i].proto != b[i].proto || a[i].port != b[i].port)
            return false;
    return true;
}
