/* SPDX-License-Identifier: Apache-2.0
 *
 * The uplink's sequence: see uplink.h.  The steps are a table; going forward and going back are one
 * loop each over it.  Nothing is remembered between runs but the journal's content, which step is
 * at hand and since when. */
#include "hns/uplink.h"

#include <assert.h>
#include <stdio.h>
#include <string.h>

#include "core/base/mem.h"
#include "core/base/port.h"

enum {
    UPLINK_GRACE_MS = 3000,  /* the system moves addresses by itself: its time to do so */
    UPLINK_LEASE_MS = 15000, /* the same for what a DHCP server gives */
    UPLINK_LIMIT_MS = 60000, /* a step that is not done by then will not be */
    UPLINK_ABSENT_MS = 2000, /* a network that was there is believed to be gone */
    UPLINK_RECORD_MS = 5000, /* undoing waits so long for a database that does not answer */
    UPLINK_SOON_MS = 100,    /* look again */
    UPLINK_LATER_MS = 1000,  /* try again what failed */
    UPLINK_TIME_UNSET = -1,
};

struct uplink {
    char *choice, *bridge;
    struct ip *node_ips;
    size_t n_node_ips;
    struct uplink_ops ops;

    enum uplink_state state;
    bool loaded;             /* the journal was looked for */
    bool bad;                /* it was there and could not be read */
    bool back;               /* asked to give the adapter back */
    struct uplink_journal j; /* while taking, taken, undoing */
    bool noted;              /* the file holds 'j' */
    size_t at;               /* step at hand */
    int64_t absent_since;    /* the network was not seen; UPLINK_TIME_UNSET: it was */
    int64_t since;           /* when it came to hand */
    enum uplink_port port;

    /* of one run */
    int64_t now;
    const struct uplink_switch *sw;
    struct err err;
    uint32_t again_ms;
};

/* ---- the vNIC and the network ---- */

static bool same_name(const char *a, const char *b)
{
    for (; *a && *b; a++, b++) {
        char x = *a >= 'A' && *a <= 'Z' ? (char)(*a + 32) : *a;
        char y = *b >= 'A' && *b <= 'Z' ? (char)(*b + 32) : *b;
        if (x != y) {
            return false;
        }
    }
    return *a == *b;
}

/* "vEthernet (NAME)": how Windows calls the vNIC of a virtual switch. */
static bool is_name_of(const char *name, const char *base)
{
    auto_sbuf text = SBUF_INIT;
    sbuf_printf(&text, "vEthernet (%s)", base);
    return same_name(name, base) || same_name(name, text.data);
}

static int vnic_by_name(struct uplink *u, const char *name, struct uplink_adapter *out,
                        struct err *err)
{
    int rc = u->ops.by_name(u->ops.aux, name, out, err);
    if (rc == 0 && guid_equal(&out->guid, &u->j.adapter.guid)) {
        return err_set(err, ERR_NOT_FOUND, "'%s' is the adapter itself", name);
    }
    return rc;
}

/* The host's vNIC: by the bridge's name, or as the system called it at first.  1, 0: not there. */
static int vnic_find(struct uplink *u, struct uplink_adapter *out, struct err *err)
{
    auto_sbuf first = SBUF_INIT;
    sbuf_printf(&first, "vEthernet (%s)", u->j.adapter.name);
    int rc = vnic_by_name(u, first.data, out, err);
    if (rc == ERR_NOT_FOUND) {
        rc = vnic_by_name(u, u->j.bridge, out, err);
    }
    if (rc == ERR_NOT_FOUND) {
        err_set(err, ERR_NOT_FOUND, "no adapter '%s' and no '%s' yet", first.data, u->j.bridge);
        return 0;
    }
    return rc < 0 ? rc : 1;
}

static bool must_stop(const struct uplink *u)
{
    return u->ops.should_stop && u->ops.should_stop(u->ops.aux);
}

static int network_read(struct uplink *u, struct uplink_network *out, struct err *err)
{
    *out = (struct uplink_network){.present = false};
    return u->ops.network_read(u->ops.aux, out, err);
}

/* ---- the journal ---- */

/* Writes what 'j' holds, if the file does not. */
static int note_all(struct uplink *u, struct err *err)
{
    auto_sbuf text = SBUF_INIT;
    if (u->noted) {
        return 0;
    }
    uplink_journal_format(&u->j, &text);
    int rc = u->ops.journal_write(u->ops.aux, text.data, text.len, err);
    if (rc < 0) {
        return err_wrap(err, "journal");
    }
    u->noted = true;
    return 0;
}

static int note(struct uplink *u, const char *step, struct err *err)
{
    if (strcmp(u->j.step, step) != 0) {
        snprintf(u->j.step, sizeof u->j.step, "%s", step);
        u->noted = false;
    }
    return note_all(u, err);
}

static const char step_done[] = "done";

/* It was whole once, and nothing had to be done since. */
static bool is_settled(const struct uplink *u)
{
    return strcmp(u->j.step, step_done) == 0;
}

/* ---- steps: 'done' tells 1, 0 (err says what is missing) or an error ---- */

enum {
    STEP_SNAPSHOT,
    STEP_SWITCH,
    STEP_NETWORK,
    STEP_VNIC,
    STEP_NAME,
    STEP_ADDRESSES,
    STEP_PORT,
    STEP_EXTENSION,
    STEP_FLOWS,
    STEP_CHECK,
    STEP_N
};
static size_t step_of(const char *name);

static int snapshot_done(struct uplink *u, struct err *err)
{
    (void)err;
    return u->noted;
}

static int snapshot_undone(struct uplink *u, struct err *err)
{
    struct uplink_adapter now;
    int rc = u->ops.by_guid(u->ops.aux, &u->j.adapter.guid, &now, err);
    return rc < 0 ? rc : uplink_adapter_covers(&now, &u->j.adapter, err);
}

static int64_t waited(const struct uplink *u)
{
    return u->now - u->since;
}

static int give(struct uplink *u, const struct guid *to, struct err *err)
{
    if (waited(u) < UPLINK_GRACE_MS) {
        return 0; /* the system does it, and better */
    }
    return u->ops.restore(u->ops.aux, to, &u->j.adapter, waited(u) >= UPLINK_LEASE_MS, err);
}

static int snapshot_undo(struct uplink *u, struct err *err)
{
    return give(u, &u->j.adapter.guid, err);
}

/* The network is there, or surely is not.  One that was there and is not listed may be one that the
 * service, just started, does not know again yet. */
static int network_done(struct uplink *u, struct err *err)
{
    struct uplink_network n;
    int rc = network_read(u, &n, err);
    if (rc < 0 || n.present) {
        u->absent_since = UPLINK_TIME_UNSET;
        return rc < 0 ? rc : 1;
    }
    if (u->absent_since == UPLINK_TIME_UNSET) {
        u->absent_since = u->now;
    }
    err_set(err, ERR_AGAIN, "no HNS network");
    bool sure = step_of(u->j.step) <= STEP_NETWORK || u->now - u->absent_since >= UPLINK_ABSENT_MS;
    return sure ? 0 : ERR_AGAIN;
}

/* Nothing is moved before Open vSwitch answers.  What moved already is not kept waiting. */
static int switch_done(struct uplink *u, struct err *err)
{
    int rc = u->sw->alive ? 1 : step_of(u->j.step) <= STEP_SWITCH ? 0 : network_done(u, err);
    if (rc == 0) {
        err_set(err, ERR_AGAIN, "Open vSwitch: %s", u->sw->why ? u->sw->why : "not ready");
    }
    return rc;
}

/* After a reboot the adapter waits with what it should have. */
static int switch_act(struct uplink *u, struct err *err)
{
    int rc = snapshot_undone(u, err);
    rc = rc == 0 ? give(u, &u->j.adapter.guid, err) : rc;
    return rc == ERR_NOT_FOUND ? 0 : rc < 0 ? rc : 0;
}

/* What the adapter has at this moment is what its successor gets; after a reboot with what it has
 * not got back. */
static int network_prepare(struct uplink *u, struct err *err)
{
    struct uplink_adapter now;
    int rc = u->ops.by_guid(u->ops.aux, &u->j.adapter.guid, &now, err);
    if (rc == ERR_NOT_FOUND) { /* nothing is lost by waiting for it */
        return err_set(err, ERR_AGAIN, "adapter '%s' is not there", u->j.adapter.name);
    }
    if (rc < 0) {
        return rc;
    }
    uplink_adapter_merge(&now, &u->j.adapter, &u->j.adapter);
    u->noted = false;
    return 0;
}

/* After a reboot the adapter gets first what it lacks: the node is reached at once, and the system
 * moves it best by itself.  If that fails the vNIC gets it later. */
static int network_act(struct uplink *u, struct err *err)
{
    struct uplink_adapter now;
    if (u->ops.by_guid(u->ops.aux, &u->j.adapter.guid, &now, NULL) == 0 &&
        !uplink_adapter_covers(&now, &u->j.adapter, NULL)) {
        u->ops.restore(u->ops.aux, &u->j.adapter.guid, &u->j.adapter, false, NULL);
    }
    if (must_stop(u)) {
        return err_set(err, ERR_AGAIN, "stopped");
    }
    return u->ops.network_create(u->ops.aux, u->j.adapter.name, err);
}

/* A system without HNS has none. */
static int network_undone(struct uplink *u, struct err *err)
{
    struct uplink_network n;
    int rc = network_read(u, &n, err);
    return rc == ERR_UNSUPPORTED ? 1 : rc < 0 ? rc : !n.present;
}

static int network_undo(struct uplink *u, struct err *err)
{
    return u->ops.network_delete(u->ops.aux, err);
}

static int vnic_done(struct uplink *u, struct err *err)
{
    struct uplink_adapter vnic;
    return vnic_find(u, &vnic, err);
}

static int name_done(struct uplink *u, struct err *err)
{
    struct uplink_adapter vnic;
    int rc = vnic_find(u, &vnic, err);
    if (rc != 1) {
        return rc;
    }
    err_set(err, ERR_AGAIN, "adapter '%s' is not called '%s' yet", vnic.name, u->j.bridge);
    return same_name(vnic.name, u->j.bridge);
}

static int name_act(struct uplink *u, struct err *err)
{
    struct uplink_adapter vnic;
    int rc = vnic_find(u, &vnic, err);
    return rc == 1 ? u->ops.rename(u->ops.aux, &vnic.guid, u->j.bridge, err) : rc;
}

static int addresses_done(struct uplink *u, struct err *err)
{
    struct uplink_adapter vnic;
    int rc = is_settled(u) ? 1 : vnic_find(u, &vnic, err);
    if (rc != 1 || is_settled(u)) {
        return rc;
    }
    bool whole = uplink_adapter_covers(&vnic, &u->j.adapter, err);
    if (!whole) {
        err_wrap(err, "adapter '%s'", vnic.name);
    }
    return whole;
}

static int addresses_act(struct uplink *u, struct err *err)
{
    struct uplink_adapter vnic;
    int rc = vnic_find(u, &vnic, err);
    return rc == 1 ? give(u, &vnic.guid, err) : rc;
}

static int port_done(struct uplink *u, struct err *err)
{
    if (!u->sw->known) {
        return err_set(err, ERR_AGAIN, "Open vSwitch: %s", u->sw->why ? u->sw->why : "not read");
    }
    err_set(err, ERR_AGAIN, "the bridge has no port '%s' yet", u->j.adapter.name);
    return u->sw->has_port;
}

static int port_act(struct uplink *u, struct err *err)
{
    (void)err;
    u->port = UPLINK_PORT_ADD;
    return 0;
}

/* A database that is away keeps nobody from his addresses. */
static int port_undone(struct uplink *u, struct err *err)
{
    err_set(err, ERR_AGAIN, "the bridge has the port '%s' still", u->j.adapter.name);
    return u->sw->known ? !u->sw->has_port : waited(u) >= UPLINK_RECORD_MS;
}

static int port_undo(struct uplink *u, struct err *err)
{
    (void)err;
    u->port = UPLINK_PORT_REMOVE;
    return 0;
}

static int extension_done(struct uplink *u, struct err *err)
{
    struct uplink_network n;
    int rc = network_read(u, &n, err);
    if (rc == 0) {
        err_set(err, ERR_AGAIN, "Open vSwitch is not enabled on the HNS network");
    }
    return rc < 0 ? rc : n.present && n.extension;
}

static int extension_act(struct uplink *u, struct err *err)
{
    return u->ops.network_extension(u->ops.aux, true, err);
}

static int flows_done(struct uplink *u, struct err *err)
{
    const char *why = u->sw->why;
    err_set(err, ERR_AGAIN, "%s%s%s",
            u->sw->ofport ? "the node's own flows are not acknowledged"
                          : "the uplink port has no number",
            why ? ": " : "", why ? why : "");
    return u->sw->ofport && u->sw->flows;
}

typedef int step_fn(struct uplink *u, struct err *err);

static const struct step {
    const char *name;
    step_fn *done;
    step_fn *prepare; /* before the journal is written */
    step_fn *act;     /* NULL: it comes about by itself */
    step_fn *undone;  /* NULL: nothing to undo */
    step_fn *undo;
    bool patient; /* no limit: nothing is at stake yet */
} steps[] = {
    [STEP_SNAPSHOT] = {"snapshot", snapshot_done, NULL, NULL, snapshot_undone, snapshot_undo, true},
    [STEP_SWITCH] = {"switch", switch_done, NULL, switch_act, NULL, NULL, true},
    [STEP_NETWORK] = {"network", network_done, network_prepare, network_act, network_undone,
                      network_undo, false},
    [STEP_VNIC] = {"vnic", vnic_done, NULL, NULL, NULL, NULL, false},
    [STEP_NAME] = {"name", name_done, NULL, name_act, NULL, NULL, false},
    [STEP_ADDRESSES] = {"addresses", addresses_done, NULL, addresses_act, NULL, NULL, false},
    [STEP_PORT] = {"port", port_done, NULL, port_act, port_undone, port_undo, false},
    [STEP_EXTENSION] = {"extension", extension_done, NULL, extension_act, NULL, NULL, false},
    [STEP_FLOWS] = {"flows", flows_done, NULL, NULL, NULL, NULL, false},
    [STEP_CHECK] = {"check", addresses_done, NULL, addresses_act, NULL, NULL, false},
};
static_assert(ARRAY_LEN(steps) == STEP_N, "each step has its row");

/* STEP_N: "done". */
static size_t step_of(const char *name)
{
    size_t i = 0;
    while (i < STEP_N && strcmp(steps[i].name, name) != 0) {
        i++;
    }
    return i;
}

/* ---- both ways ---- */

static void come_to(struct uplink *u, size_t at)
{
    u->at = at;
    u->since = u->now;
}

static void wait_for(struct uplink *u, uint32_t ms, const struct err *why)
{
    u->err = *why;
    u->again_ms = ms;
}

/* When to look again at a step: often at first. */
static uint32_t pace(const struct uplink *u, const struct step *s, int rc)
{
    return rc < 0 || s->patient || waited(u) >= UPLINK_GRACE_MS ? UPLINK_LATER_MS : UPLINK_SOON_MS;
}

/* ---- back ---- */

static void undo_begin(struct uplink *u, const char *reason)
{
    u->state = UPLINK_UNDOING;
    u->j.direction = UPLINK_UNDO;
    snprintf(u->j.reason, sizeof u->j.reason, "%s", reason);
    u->noted = false;
    come_to(u, STEP_N);
}

/* What was noted is over: the file goes last. */
static void undo_end(struct uplink *u)
{
    struct err err = {0};
    int rc = u->ops.journal_remove(u->ops.aux, &err);
    if (rc < 0) {
        err_wrap(&err, "journal");
        wait_for(u, UPLINK_LATER_MS, &err);
        return;
    }
    u->noted = false;
    u->port = UPLINK_PORT_LEAVE;
    u->state = u->j.reason[0] ? UPLINK_FAILED : UPLINK_NONE;
    err_set(&u->err, u->j.reason[0] ? ERR_REFUSED : 0, "%s", u->j.reason);
    u->j = (struct uplink_journal){.direction = UPLINK_TAKE};
}

/* One step back: true, it is undone.  That the journal cannot be written keeps nobody from it:
 * which way to go it says already. */
static bool undo_step(struct uplink *u, const struct step *s)
{
    struct err err = {0};
    int rc = s->undone(u, &err);
    if (rc == 0) {
        if (note(u, s->name, NULL) < 0) {
            u->noted = true; /* what matters */
        }
        rc = s->undo(u, &err);
        rc = rc < 0 ? rc : s->undone(u, &err);
    }
    if (rc != 1) {
        wait_for(u, pace(u, s, rc), &err);
    }
    return rc == 1;
}

static void undo(struct uplink *u)
{
    struct err err = {0};
    if (note_all(u, &err) < 0) {
        wait_for(u, UPLINK_LATER_MS, &err);
        return;
    }
    while (u->at > 0 && !must_stop(u)) {
        const struct step *s = &steps[u->at - 1];
        if (s->undone && !undo_step(u, s)) {
            return;
        }
        come_to(u, u->at - 1);
    }
    if (u->at == 0) {
        undo_end(u);
    }
}

/* ---- forward ---- */

/* Whether what stands in the way will stay. */
static bool is_for_good(struct uplink *u, const struct step *s, int rc)
{
    if (rc == ERR_AGAIN) {
        u->since = u->now; /* the limit is for answers */
    }
    if (rc == ERR_AGAIN || is_settled(u)) { /* what stands is not given up for a bad moment */
        return false;
    }
    if (rc < 0 && err_retry(rc) == ERR_RETRY_NEVER) {
        return true;
    }
    return !s->patient && waited(u) >= UPLINK_LIMIT_MS;
}

static int attempt(struct uplink *u, const struct step *s, struct err *err)
{
    int rc = s->prepare ? s->prepare(u, err) : 0;
    if (rc == 0 && (s->act || u->at == STEP_SNAPSHOT)) {
        u->state = UPLINK_TAKING;
        rc = note(u, s->name, err);
    }
    if (rc == 0 && s->act && !must_stop(u)) {
        rc = s->act(u, err);
    }
    return rc < 0 ? rc : s->done(u, err);
}

/* False: not done (yet), see u->err. */
static bool take_step(struct uplink *u, const struct step *s)
{
    struct err err = {0};
    int rc = s->done(u, &err);
    if (rc == 0) {
        rc = attempt(u, s, &err);
    }
    if (rc == 1) {
        return true;
    }
    wait_for(u, pace(u, s, rc), &err);
    if (u->state == UPLINK_TAKEN && rc == 0) {
        u->state = UPLINK_TAKING;
    }
    if (is_for_good(u, s, rc)) {
        auto_sbuf reason = SBUF_INIT;
        sbuf_printf(&reason, "%s: %s", s->name, err.text);
        undo_begin(u, reason.data);
    }
    return false;
}

/* Lists that follow what an operator changes on the vNIC; never what is only away for a moment. */
static void follow(struct uplink *u)
{
    struct uplink_adapter vnic;
    struct uplink_journal next = u->j;
    auto_sbuf before = SBUF_INIT, after = SBUF_INIT;
    if (vnic_find(u, &vnic, NULL) != 1 || !vnic.up) {
        return;
    }
    uplink_adapter_follow(&vnic, &u->j.adapter, &next.adapter);
    uplink_journal_format(&u->j, &before);
    uplink_journal_format(&next, &after);
    if (strcmp(before.data, after.data) != 0) {
        u->j = next;
        u->noted = false;
        note(u, step_done, NULL); /* the next look does it, if not this one */
    }
}

static void take(struct uplink *u)
{
    bool was_taken = u->state == UPLINK_TAKEN;
    struct err err = {0};
    if (was_taken) {
        come_to(u, STEP_SNAPSHOT);
    }
    while (u->at < STEP_N) {
        if (must_stop(u) || !take_step(u, &steps[u->at])) {
            return;
        }
        come_to(u, u->at + 1);
    }
    if (note(u, step_done, &err) < 0) {
        wait_for(u, UPLINK_LATER_MS, &err);
        return;
    }
    u->port = UPLINK_PORT_ADD;
    u->state = UPLINK_TAKEN;
    u->err = (struct err){0};
    if (was_taken) {
        follow(u);
    }
}

/* ---- what is to be taken ---- */

static bool is_local_port(const struct uplink *u, const struct uplink_adapter *a)
{
    for (size_t i = 0; i < u->sw->n_bridges; i++) {
        if (is_name_of(a->name, u->sw->bridges[i])) {
            return true;
        }
    }
    return is_name_of(a->name, u->bridge);
}

/* The adapter that has one of the node's addresses. */
static int find_by_address(struct uplink *u, struct uplink_adapter *out, struct err *err)
{
    int rc = err_set(err, ERR_AGAIN, "the Node has no InternalIP yet");
    for (size_t i = 0; i < u->n_node_ips && rc != 0; i++) {
        char text[IP_TEXT_MAX];
        rc = u->ops.by_address(u->ops.aux, &u->node_ips[i], out, err);
        if (rc == ERR_NOT_FOUND) {
            err_set(err, ERR_AGAIN, "no adapter has the Node's address %s",
                    ip_format(&u->node_ips[i], text));
            rc = ERR_AGAIN;
        }
    }
    return rc;
}

/* 0: '*out' is to be taken; 1: nothing is; else an error, ERR_AGAIN: not yet. */
static int decide_adapter(struct uplink *u, struct uplink_adapter *out, struct err *err)
{
    bool named = strcmp(u->choice, "auto") != 0;
    if (!u->sw->known) {
        return err_set(err, ERR_AGAIN, "Open vSwitch: %s", u->sw->why ? u->sw->why : "not read");
    }
    int rc = named ? u->ops.by_name(u->ops.aux, u->choice, out, err) : find_by_address(u, out, err);
    if (rc < 0) {
        return rc == ERR_NOT_FOUND ? err_set(err, ERR_AGAIN, "no adapter '%s'", u->choice) : rc;
    }
    if (is_local_port(u, out)) {
        return named ? err_set(err, ERR_INVALID, "'%s' is a bridge's own port", out->name) : 1;
    }
    if (!named && !out->physical) {
        return err_set(err, ERR_AGAIN,
                       "the Node's address is on '%s', which is no physical adapter: name "
                       "the one to take",
                       out->name);
    }
    return out->n_addresses ? 0 : err_set(err, ERR_AGAIN, "'%s' has no address", out->name);
}

static void decide(struct uplink *u)
{
    struct err err = {0};
    struct uplink_journal j = {.direction = UPLINK_TAKE};
    int rc = u->back || strcmp(u->choice, "none") == 0 ? 1 : decide_adapter(u, &j.adapter, &err);
    if (rc == 1) {
        u->state = UPLINK_NONE;
    } else if (rc == 0) {
        snprintf(j.bridge, sizeof j.bridge, "%s", u->bridge);
        snprintf(j.step, sizeof j.step, "%s", steps[STEP_SNAPSHOT].name);
        u->j = j;
        u->noted = false;
        u->state = UPLINK_TAKING;
        come_to(u, STEP_SNAPSHOT);
    } else if (rc == ERR_AGAIN || err_retry(rc) == ERR_RETRY_LATER) {
        wait_for(u, UPLINK_LATER_MS, &err);
    } else {
        u->state = UPLINK_FAILED;
        u->err = err;
    }
}

/* ---- the journal of an earlier life ---- */

/* What it says and what is asked for now must be about the same. */
static int check_loaded(struct uplink *u, struct err *err)
{
    bool named = strcmp(u->choice, "auto") != 0 && strcmp(u->choice, "none") != 0;
    if (step_of(u->j.step) == STEP_N && strcmp(u->j.step, step_done) != 0) {
        return err_set(err, ERR_INVALID, "step: is none of this release");
    }
    if (u->j.direction == UPLINK_UNDO || u->back) {
        return 0;
    }
    if (strcmp(u->j.bridge, u->bridge) != 0) {
        return err_set(err, ERR_CONFLICT, "'%s' was taken for bridge %s: run cleanup first",
                       u->j.adapter.name, u->j.bridge);
    }
    if (named && !same_name(u->j.adapter.name, u->choice)) {
        return err_set(err, ERR_CONFLICT, "'%s' is taken: run cleanup before another is",
                       u->j.adapter.name);
    }
    return 0;
}

static int load_text(struct uplink *u, struct err *err)
{
    auto_free char *text = NULL;
    size_t n = 0;
    int rc = u->ops.journal_read(u->ops.aux, &text, &n, err);
    if (rc < 0) {
        return rc;
    }
    rc = uplink_journal_parse(text, n, &u->j, err);
    return rc < 0 ? rc : check_loaded(u, err);
}

static void load(struct uplink *u)
{
    struct err err = {0};
    int rc = load_text(u, &err);
    if (rc < 0 && rc != ERR_NOT_FOUND && err_retry(rc) == ERR_RETRY_LATER) {
        wait_for(u, UPLINK_LATER_MS, &err);
        return;
    }
    u->loaded = true;
    if (rc == ERR_NOT_FOUND) {
        return;
    }
    if (rc < 0) { /* nothing is done by a journal that cannot be read */
        err_wrap(&err, "journal");
        u->err = err;
        u->bad = true;
        u->state = UPLINK_FAILED;
        return;
    }
    u->noted = true;
    u->state = u->j.direction == UPLINK_UNDO ? UPLINK_UNDOING : UPLINK_TAKING;
    come_to(u, u->state == UPLINK_UNDOING ? STEP_N : STEP_SNAPSHOT);
    u->back = u->back || strcmp(u->choice, "none") == 0;
}

/* ---- public ---- */

const char *uplink_state_name(enum uplink_state s)
{
    static const char *const names[] = {
        [UPLINK_DECIDING] = "deciding", [UPLINK_NONE] = "none",       [UPLINK_TAKING] = "taking",
        [UPLINK_TAKEN] = "taken",       [UPLINK_UNDOING] = "undoing", [UPLINK_FAILED] = "failed"};
    static_assert(ARRAY_LEN(names) == UPLINK_N_STATES, "each state has its name");
    return names[s];
}

struct uplink *uplink_new(const struct uplink_config *config, const struct uplink_ops *ops)
{
    struct uplink *u = mem_calloc(1, sizeof *u);
    u->choice = mem_strdup(config->choice);
    u->bridge = mem_strdup(config->bridge);
    u->ops = *ops;
    u->absent_since = UPLINK_TIME_UNSET;
    uplink_set_node_ips(u, config->node_ips, config->n_node_ips);
    return u;
}

void uplink_free(struct uplink *u)
{
    if (!u) {
        return;
    }
    mem_free(u->choice);
    mem_free(u->bridge);
    mem_free(u->node_ips);
    mem_free(u);
}

void uplink_set_node_ips(struct uplink *u, const struct ip *ips, size_t n)
{
    mem_free(u->node_ips);
    u->node_ips = mem_calloc(n + 1, sizeof *ips);
    for (size_t i = 0; i < n; i++) {
        u->node_ips[i] = ips[i];
    }
    u->n_node_ips = n;
}

void uplink_undo(struct uplink *u)
{
    u->back = true;
}

static void tell(const struct uplink *u, struct uplink_report *out)
{
    bool moving = u->state == UPLINK_TAKING || u->state == UPLINK_UNDOING;
    size_t at = u->state == UPLINK_UNDOING && u->at > 0 ? u->at - 1 : u->at;
    *out = (struct uplink_report){.state = u->state, .port = u->port, .again_ms = u->again_ms};
    out->step = moving && at < STEP_N ? steps[at].name : "";
    out->hold_datapath =
        u->state == UPLINK_DECIDING || (u->state == UPLINK_TAKING && u->at < STEP_FLOWS);
    memcpy(out->error, u->err.text, sizeof out->error);
    memcpy(out->adapter, u->j.adapter.name, sizeof out->adapter);
}

void uplink_run(struct uplink *u, int64_t now_ms, const struct uplink_switch *sw,
                struct uplink_report *out)
{
    u->now = now_ms;
    u->sw = sw;
    u->again_ms = 0;
    if (u->state != UPLINK_FAILED) {
        u->err = (struct err){0};
    }
    if (!u->loaded) {
        load(u);
    }
    if (u->loaded && u->state == UPLINK_DECIDING) {
        decide(u);
    }
    if (u->back && (u->state == UPLINK_TAKING || u->state == UPLINK_TAKEN)) {
        undo_begin(u, "");
    }
    if (u->back && u->state == UPLINK_FAILED && !u->bad) {
        u->state = UPLINK_NONE;
        u->err = (struct err){0};
    }
    if (u->state == UPLINK_TAKING || u->state == UPLINK_TAKEN) {
        take(u);
    }
    if (u->state == UPLINK_UNDOING) {
        undo(u);
    }
    tell(u, out);
    u->sw = NULL;
}
