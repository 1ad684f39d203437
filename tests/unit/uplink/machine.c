/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/unit/uplink/machine.h"

/* cmocka needs these first. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "core/base/mem.h"
#include "core/base/port.h"

/* ---- the adapter ---- */

static void add_address(struct uplink_adapter *a, const char *text, enum uplink_origin origin)
{
    struct uplink_address *at = &a->addresses[a->n_addresses++];
    assert_true(prefix_parse(text, &at->address));
    at->origin = origin;
}

static void add_route(struct uplink_adapter *a, const char *to, const char *via, uint32_t metric)
{
    struct uplink_route *at = &a->routes[a->n_routes++];
    assert_true(prefix_parse(to, &at->destination));
    assert_true(ip_parse(via, &at->next_hop));
    at->metric = metric;
    at->origin = UPLINK_MANUAL;
}

void machine_adapter(struct uplink_adapter *out)
{
    *out = (struct uplink_adapter){
        .name = "Ethernet0", .physical = true, .up = true, .mtu = 1500, .metric = {25, 0}};
    out->guid = guid_from_name("adapter", "nic");
    mac_parse("02:00:00:00:00:01", &out->mac);
    add_address(out, "192.0.2.10/24", UPLINK_MANUAL);
    add_address(out, "198.51.100.7/25", UPLINK_DHCP);
    add_address(out, "2001:db8::10/64", UPLINK_MANUAL);
    add_address(out, "2001:db8::abcd/64", UPLINK_AUTO);
    add_route(out, "0.0.0.0/0", "192.0.2.1", 5);
    add_route(out, "203.0.113.0/24", "192.0.2.9", 0);
    add_route(out, "::/0", "fe80::1", 0);
    out->n_servers = 2;
    ip_parse("192.0.2.53", &out->servers[0]);
    ip_parse("2001:db8::53", &out->servers[1]);
    snprintf(out->suffix, sizeof out->suffix, "example.org");
}

/* An adapter keeps itself and loses what it has. */
static void strip(struct uplink_adapter *a)
{
    a->n_addresses = a->n_routes = a->n_servers = 0;
    a->dns = UPLINK_MANUAL;
    a->suffix[0] = 0;
    a->metric[0] = a->metric[1] = 0;
}

static void equip(struct uplink_adapter *to, const struct uplink_adapter *from, enum moves moves)
{
    struct uplink_adapter was = *to;
    if (moves == MOVES_NOTHING) {
        return;
    }
    *to = *from;
    memcpy(to->name, was.name, sizeof to->name);
    to->guid = was.guid;
    to->mac = was.mac;
    to->physical = was.physical;
    if (moves == MOVES_HALF) {
        to->n_routes = to->n_servers = 0;
        to->suffix[0] = 0;
        to->n_addresses = from->n_addresses ? 1 : 0;
    }
}

/* ---- acts: numbered, and the place to die ---- */

static bool is_kept_by_file(const struct machine *m)
{
    struct uplink_journal j;
    return m->file && uplink_journal_parse(m->file, strlen(m->file), &j, NULL) == 0 &&
           uplink_adapter_covers(&j.adapter, &m->before, NULL);
}

bool machine_is_reachable(const struct machine *m)
{
    return uplink_adapter_covers(&m->nic, &m->before, NULL) ||
           (m->network && m->vnic_after <= 0 && uplink_adapter_covers(&m->vnic, &m->before, NULL));
}

/* Whether this act happens, and whether the agent lives to see it. */
static bool act(struct machine *m, const char *name, bool *dies_out)
{
    *dies_out = false;
    if (m->dead) {
        return false;
    }
    m->n_acts++;
    size_t n = strlen(m->acts);
    snprintf(m->acts + n, sizeof m->acts - n, "%s ", name);
    if (m->n_acts == m->die_at) {
        m->dead = true;
        *dies_out = m->die_after;
        return m->die_after;
    }
    return true;
}

static int acted(struct machine *m, bool dies, struct err *err)
{
    if (!machine_is_reachable(m) && !is_kept_by_file(m)) {
        fail_msg("what the node had is lost after: %s", m->acts);
    }
    return dies ? err_set(err, ERR_IO, "died") : 0;
}

static int fails(struct machine *m, const char *name, struct err *err)
{
    if (m->dead) {
        return err_set(err, ERR_IO, "dead");
    }
    if (m->fail && strcmp(m->fail, name) == 0 && m->fail_times != 0) {
        m->fail_times -= m->fail_times > 0;
        return err_set(err, m->fail_code, "%s: made to fail", name);
    }
    if (m->chance && m->chance(m)) {
        static const int codes[] = {ERR_AGAIN, ERR_TIMEOUT, ERR_IO};
        return err_set(err, codes[m->seed >> 33 & 1], "%s: by chance", name);
    }
    return 0;
}

/* ---- the adapters ---- */

static struct uplink_adapter *vnic_of(struct machine *m)
{
    return m->network && m->vnic_after <= 0 ? &m->vnic : NULL;
}

static int by_name(void *aux, const char *name, struct uplink_adapter *out, struct err *err)
{
    struct machine *m = aux;
    const struct uplink_adapter *vnic = vnic_of(m);
    int rc = fails(m, "by_name", err);
    if (rc < 0) {
        return rc;
    }
    if (!m->nic_gone && strcmp(name, m->nic.name) == 0) {
        *out = m->nic;
        return 0;
    }
    if (vnic && strcmp(name, vnic->name) == 0) {
        *out = *vnic;
        return 0;
    }
    m->vnic_after -= m->network && strstr(name, "vEthernet") != NULL;
    return err_set(err, ERR_NOT_FOUND, "no adapter '%s'", name);
}

static int by_guid(void *aux, const struct guid *guid, struct uplink_adapter *out, struct err *err)
{
    struct machine *m = aux;
    int rc = fails(m, "by_guid", err);
    if (rc < 0) {
        return rc;
    }
    if (m->nic_gone || !guid_equal(guid, &m->nic.guid)) {
        return err_set(err, ERR_NOT_FOUND, "no such adapter");
    }
    *out = m->nic;
    return 0;
}

static bool has(const struct uplink_adapter *a, const struct ip *ip)
{
    for (size_t i = 0; i < a->n_addresses; i++) {
        if (ip_equal(&a->addresses[i].address.ip, ip)) {
            return true;
        }
    }
    return false;
}

static int by_address(void *aux, const struct ip *ip, struct uplink_adapter *out, struct err *err)
{
    struct machine *m = aux;
    const struct uplink_adapter *vnic = vnic_of(m);
    int rc = fails(m, "by_address", err);
    if (rc < 0) {
        return rc;
    }
    if (vnic && has(vnic, ip)) {
        *out = *vnic;
        return 0;
    }
    if (has(&m->nic, ip)) {
        *out = m->nic;
        return 0;
    }
    return err_set(err, ERR_NOT_FOUND, "no adapter with the address");
}

/* Adds what is missing, as the real one does. */
static void give(struct uplink_adapter *to, const struct uplink_adapter *want, bool all)
{
    for (size_t i = 0; i < want->n_addresses; i++) {
        const struct uplink_address *a = &want->addresses[i];
        if (a->origin == UPLINK_MANUAL || (all && a->origin == UPLINK_DHCP)) {
            to->addresses[to->n_addresses] = *a;
            to->n_addresses += !has(to, &a->address.ip);
        }
    }
    to->n_routes = want->n_routes;
    memcpy(to->routes, want->routes, sizeof to->routes);
    to->n_servers = want->n_servers;
    memcpy(to->servers, want->servers, sizeof to->servers);
    memcpy(to->suffix, want->suffix, sizeof to->suffix);
    memcpy(to->metric, want->metric, sizeof to->metric);
}

static int restore(void *aux, const struct guid *guid, const struct uplink_adapter *want, bool all,
                   struct err *err)
{
    struct machine *m = aux;
    struct uplink_adapter *vnic = vnic_of(m);
    bool dies;
    int rc = fails(m, "restore", err);
    if (rc < 0) {
        return rc;
    }
    struct uplink_adapter *to = guid_equal(guid, &m->nic.guid)          ? &m->nic
                                : vnic && guid_equal(guid, &vnic->guid) ? vnic
                                                                        : NULL;
    if (!to) {
        return err_set(err, ERR_NOT_FOUND, "no such adapter");
    }
    if (!act(m, "restore", &dies)) {
        return err_set(err, ERR_IO, "died");
    }
    give(to, want, all);
    return acted(m, dies, err);
}

static int rename_(void *aux, const struct guid *guid, const char *name, struct err *err)
{
    struct machine *m = aux;
    bool dies;
    int rc = fails(m, "rename", err);
    if (rc < 0) {
        return rc;
    }
    assert_true(vnic_of(m) && guid_equal(guid, &m->vnic.guid));
    if (!act(m, "rename", &dies)) {
        return err_set(err, ERR_IO, "died");
    }
    snprintf(m->vnic.name, sizeof m->vnic.name, "%s", name);
    return acted(m, dies, err);
}

/* ---- HNS ---- */

static int hns_fails(struct machine *m, const char *name, struct err *err)
{
    int rc = fails(m, name, err);
    return rc == 0 && m->hns_down ? err_set(err, ERR_AGAIN, "hns: not answering") : rc;
}

static int network_read(void *aux, struct uplink_network *out, struct err *err)
{
    struct machine *m = aux;
    int rc = hns_fails(m, "network_read", err);
    if (rc == 0) {
        *out = (struct uplink_network){m->network, m->network && m->extension};
    }
    return rc;
}

static int network_create(void *aux, const char *adapter, struct err *err)
{
    struct machine *m = aux;
    bool dies;
    int rc = hns_fails(m, "network_create", err);
    if (rc < 0) {
        return rc;
    }
    assert_string_equal(adapter, m->nic.name);
    if (!act(m, "create", &dies)) {
        return err_set(err, ERR_IO, "died");
    }
    if (!m->network) {
        m->network = true;
        m->extension = false;
        m->vnic_after = 2;
        m->vnic = (struct uplink_adapter){.mtu = 1500, .up = true, .mac = m->nic.mac};
        m->vnic.guid = guid_from_name("adapter", "vnic");
        snprintf(m->vnic.name, sizeof m->vnic.name, "vEthernet (%.*s)", UPLINK_NAME_MAX - 20,
                 m->nic.name);
        equip(&m->vnic, &m->nic, m->moves);
        strip(&m->nic);
    }
    return acted(m, dies, err);
}

static int network_extension(void *aux, bool on, struct err *err)
{
    struct machine *m = aux;
    bool dies;
    int rc = hns_fails(m, "network_extension", err);
    if (rc < 0) {
        return rc;
    }
    if (!m->network) {
        return err_set(err, ERR_NOT_FOUND, "no network");
    }
    if (!act(m, "extension", &dies)) {
        return err_set(err, ERR_IO, "died");
    }
    m->extension = on;
    return acted(m, dies, err);
}

static int network_delete(void *aux, struct err *err)
{
    struct machine *m = aux;
    bool dies;
    int rc = hns_fails(m, "network_delete", err);
    if (rc < 0) {
        return rc;
    }
    if (!act(m, "delete", &dies)) {
        return err_set(err, ERR_IO, "died");
    }
    if (m->network) {
        m->network = m->extension = false;
        equip(&m->nic, &m->vnic, m->moves);
    }
    return acted(m, dies, err);
}

/* ---- the journal ---- */

static int journal_read(void *aux, char **text_out, size_t *n_out, struct err *err)
{
    struct machine *m = aux;
    int rc = fails(m, "journal_read", err);
    if (rc < 0) {
        return rc;
    }
    if (!m->file) {
        return err_set(err, ERR_NOT_FOUND, "no journal");
    }
    *text_out = mem_strdup(m->file);
    *n_out = strlen(m->file);
    return 0;
}

static int journal_write(void *aux, const char *text, size_t n, struct err *err)
{
    struct machine *m = aux;
    bool dies;
    int rc = fails(m, "journal_write", err);
    if (rc < 0) {
        return rc;
    }
    struct uplink_journal j;
    struct err why = {0};
    if (uplink_journal_parse(text, n, &j, &why) < 0) {
        fail_msg("%s: %s", why.text, text);
    }
    if (!act(m, j.direction == UPLINK_TAKE ? "w" : "W", &dies)) {
        return err_set(err, ERR_IO, "died");
    }
    mem_free(m->file);
    m->file = mem_strndup(text, n);
    snprintf(m->acts + strlen(m->acts) - 1, sizeof m->acts - strlen(m->acts), ":%s ", j.step);
    return acted(m, dies, err);
}

static int journal_remove(void *aux, struct err *err)
{
    struct machine *m = aux;
    bool dies;
    int rc = fails(m, "journal_remove", err);
    if (rc < 0) {
        return rc;
    }
    if (!act(m, "forget", &dies)) {
        return err_set(err, ERR_IO, "died");
    }
    mem_free(m->file);
    m->file = NULL;
    return acted(m, dies, err);
}

static bool should_stop(void *aux)
{
    return ((struct machine *)aux)->dead;
}

/* ---- life ---- */

void machine_init(struct machine *m)
{
    memset(m, 0, sizeof *m);
    machine_adapter(&m->nic);
    m->before = m->nic;
    m->choice = "auto";
}

void machine_done(struct machine *m)
{
    uplink_free(m->u);
    mem_free(m->file);
}

void machine_start(struct machine *m)
{
    struct ip ip;
    struct uplink_ops ops = {m,
                             by_name,
                             by_guid,
                             by_address,
                             restore,
                             rename_,
                             network_read,
                             network_create,
                             network_extension,
                             network_delete,
                             journal_read,
                             journal_write,
                             journal_remove,
                             should_stop};
    assert_true(ip_parse("192.0.2.10", &ip));
    uplink_free(m->u);
    m->dead = false;
    m->die_at = 0;
    m->report = (struct uplink_report){.state = UPLINK_DECIDING};
    m->u = uplink_new(
        &(struct uplink_config){
            .choice = m->choice, .bridge = "br-int", .node_ips = &ip, .n_node_ips = 1},
        &ops);
}

/* Open vSwitch as it follows its record: a number where the extension sees the adapter. */
static void ovs_follows(struct machine *m)
{
    bool works = m->port && m->network && m->extension && !m->ovs_down;
    m->flows = works && m->ofport != 0;
    m->ofport = works && !m->port_stays_numberless ? 7 : 0;
}

static void port_act(struct machine *m)
{
    bool dies, want = m->report.port == UPLINK_PORT_ADD;
    if (m->report.port == UPLINK_PORT_LEAVE || want == m->port || m->ovs_down) {
        return;
    }
    if (act(m, want ? "add-port" : "del-port", &dies)) {
        m->port = want;
        acted(m, dies, NULL);
    }
}

bool machine_turn(struct machine *m)
{
    static const char *const bridges[] = {"br-int", "br-phy"};
    ovs_follows(m);
    struct uplink_switch sw = {.known = !m->ovs_down,
                               .alive = !m->ovs_down,
                               .has_port = m->port && !m->ovs_down,
                               .ofport = m->ofport,
                               .flows = m->flows,
                               .why = m->ovs_down ? "not connected" : NULL,
                               .bridges = bridges,
                               .n_bridges = m->ovs_down ? 0 : ARRAY_LEN(bridges)};
    struct uplink_report report;
    uplink_run(m->u, m->now, &sw, &report);
    if (!m->dead) {
        m->report = report;
        port_act(m);
    }
    m->now += report.again_ms ? report.again_ms : 1000;
    return !m->dead;
}

static bool is_end(const struct machine *m)
{
    return m->report.state == UPLINK_TAKEN || m->report.state == UPLINK_NONE ||
           m->report.state == UPLINK_FAILED;
}

void machine_settle(struct machine *m, int64_t patience_ms)
{
    int64_t end = m->now + patience_ms;
    m->report.state = UPLINK_DECIDING;
    while (m->now < end && machine_turn(m) && !is_end(m)) {}
}

void machine_live(struct machine *m)
{
    for (int lives = 0; lives < 10; lives++) {
        machine_settle(m, 600000);
        if (!m->dead) {
            return;
        }
        machine_start(m);
    }
}

void machine_reboot(struct machine *m)
{
    if (m->network) {
        m->network = m->extension = false;
        equip(&m->nic, &m->vnic, m->moves);
    }
    machine_start(m);
}

char *machine_text(const struct machine *m)
{
    struct sbuf text = SBUF_INIT;
    struct uplink_journal nic = {.adapter = m->nic}, vnic = {.adapter = m->vnic};
    uplink_journal_format(&nic, &text);
    if (m->network) {
        uplink_journal_format(&vnic, &text);
    }
    sbuf_printf(&text, "network %d extension %d port %d ofport %u flows %d journal %d", m->network,
                m->extension, m->port, (unsigned)m->ofport, m->flows, m->file != NULL);
    return sbuf_take(&text);
}
