/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/unit/hns/lists.h"

#include <stdio.h>
#include <string.h>

#include "core/pipeline/world.h"
#include "hns/acl.h"

struct engine *lists_world(uint32_t major, uint32_t minor)
{
    struct engine *e = world_engine_acl();
    struct node_config *c = node_config_new("n1");
    c->hns_major = major;
    c->hns_minor = minor;
    store_put(engine_store(e), TABLE_CONFIG, "", c);
    world_node(e, "n1", "10.1.0.0/24 fd00:1::/64", "192.0.2.1 2001:db8::1");
    return e;
}

void lists_pod(struct engine *e, const char *key, const char *labels, const char *ips)
{
    world_pod(e, key, labels, ips);
    world_attach_pod(e, key, ips);
}

static const char *star(const char *s)
{
    return *s ? s : "*";
}

/* The value of a key of one line, up to its closing quote; "" of an empty one. */
static const char *value_of(const char *line, const char *key, char *buf, size_t size)
{
    char want[32];
    snprintf(want, sizeof want, "\"%s\":", key);
    const char *at = strstr(line, want);
    assert_non_null(at);
    at += strlen(want);
    size_t n = *at == '"' ? strcspn(at + 1, "\"") : strcspn(at, "},");
    assert_true(n < size);
    memcpy(buf, at + (*at == '"'), n);
    buf[n] = '\0';
    return buf;
}

/* Each rule in the short form. */
static void short_form(struct engine *e, struct sbuf *out)
{
    auto_sbuf text = SBUF_INIT;
    world_settle(e);
    acl_print(e, false, &text);
    for (char *line = strtok(text.data, "\n"); line; line = strtok(NULL, "\n")) {
        char direction[8], priority[8], action[8], proto[8], peers[65536], local[8192],
            remote[8192];
        if (strcmp(line, "# sets") == 0)
            break;
        if (*line == '#')
            continue;
        value_of(line, "Direction", direction, sizeof direction);
        value_of(line, "LocalPorts", local, sizeof local);
        value_of(line, "RemotePorts", remote, sizeof remote);
        value_of(line, "Protocols", proto, sizeof proto);
        assert_string_equal(direction[0] == 'I' ? remote : local, "");
        sbuf_printf(out, "%.*s %s %s %s %s %s %s\n", (int)strcspn(line, " "), line, direction,
                    value_of(line, "Priority", priority, sizeof priority),
                    value_of(line, "Action", action, sizeof action),
                    strcmp(proto, "256") ? proto : "*",
                    star(value_of(line, "RemoteAddresses", peers, sizeof peers)),
                    star(direction[0] == 'I' ? local : remote));
    }
}

void expect_rule(struct engine *e, const char *rule)
{
    auto_sbuf all = SBUF_INIT, line = SBUF_INIT;
    short_form(e, &all);
    sbuf_printf(&line, "%s\n", rule);
    const char *at = strstr(sbuf_cstr(&all), line.data);
    if (!at || (at != all.data && at[-1] != '\n'))
        fail_msg("%s: absent\n%s", rule, all.data);
}

void expect_rules(struct engine *e, const char *pod, const char *direction, size_t n)
{
    auto_sbuf all = SBUF_INIT, begin = SBUF_INIT;
    short_form(e, &all);
    sbuf_printf(&begin, "%s %s ", pod, direction);
    size_t found = 0;
    for (const char *p = sbuf_cstr(&all); *p; p += strcspn(p, "\n") + 1)
        found += strncmp(p, begin.data, begin.len) == 0;
    if (found != n)
        fail_msg("%s%zu rules, expected %zu\n%s", begin.data, found, n, all.data);
}

void expect_unsaid(struct engine *e, const char *text)
{
    auto_sbuf unsaid = SBUF_INIT;
    world_settle(e);
    acl_print_unsaid(e, &unsaid);
    assert_string_equal(sbuf_cstr(&unsaid), text);
}
