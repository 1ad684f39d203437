/* SPDX-License-Identifier: Apache-2.0
 *
 * Options of seine-agent: one table of flags.  The command line, the configuration file, --help and
 * docs/configuration.md are all read from it.
 *
 * A flag beats the file, the file beats the default.  What is wrong is told in one line that begins
 * with its place: "--KEY: reason" of a flag, "FILE:LINE: KEY: reason" of the file. */
#ifndef SEINE_AGENT_OPTIONS_H
#define SEINE_AGENT_OPTIONS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/base/err.h"
#include "core/base/sbuf.h"

/* Strings are never NULL; "" where nothing was given and there is no default. */
struct options {
    char *config;
    char *node_name;
    char *objects, *kubeconfig,
        *api_server; /* where desired state comes from; all "": in-cluster */
    char *cache_dir;
    char *run_dir, *socket;
    char *ovsdb, *openflow;
    char *ovs_ca, *ovs_certificate, *ovs_key;
    char *bridge, *datapath_type;
    char *gateway, *tunnel, *uplink;
    char *traffic_mode, *tunnel_type;
    uint32_t mtu; /* 0: from the uplink */
    uint32_t pod_timeout_ms;
    bool masquerade;
    char *metrics_address; /* "" : none; else "IP:PORT" */
    char *proc_sys;
    char *cni_bin_dir, *cni_config, *cni_chained;
    uint32_t audit_ms; /* 0: never */
    char *log_level, *log_format;
    /* What the arguments asked for besides. */
    bool help, markdown, version;
};

/* Reads the arguments (argv[0] is skipped) and the file that they name, fills in the defaults and
 * checks what can be checked without touching the system.  0, or ERR_INVALID with the one line to
 * print.  After --help or --version nothing is checked.  '*o' is to be done in any case. */
int options_parse(struct options *o, int argc, char **argv, struct err *err);
void options_done(struct options *o);
/* --datapath-type hns: access lists in place of a switch. */
bool options_has_acl(const struct options *o);

/* The text of --help, and the page docs/configuration.md. */
void options_help(struct sbuf *out);
void options_markdown(struct sbuf *out);

/* "20s", "500ms", "2m", "1h": a whole number with its unit, at most some 49 days.  False if not. */
bool options_duration(const char *text, uint32_t *ms_out);

#endif
