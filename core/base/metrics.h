/* SPDX-License-Identifier: Apache-2.0
 *
 * Metrics registry: a const table of metrics; values by (metric, label values).  Text form is
 * Prometheus text exposition format 0.0.4. */
#ifndef SEINE_BASE_METRICS_H
#define SEINE_BASE_METRICS_H

#include "core/base/sbuf.h"

/* id, kind, name, label names ("" or "a" or "a,b"), help */
#define METRICS_LIST(X)                                                                            \
    X(FLOW_MODS, COUNTER, "seine_openflow_flow_mods_total", "", "Flow-mods sent.")                 \
    X(BUNDLES, COUNTER, "seine_openflow_bundles_total", "result", "OpenFlow bundles by result.")   \
    X(RECOMPUTE_DIFFS, COUNTER, "seine_recompute_differences_total", "",                           \
      "Differences found by deriving everything again.")                                           \
    X(FLOWS, GAUGE, "seine_flows", "state", "Flows desired and installed.")                        \
    X(SOURCE_ERRORS, GAUGE, "seine_source_errors", "source", "Bad documents of a source.")         \
    X(SOURCE_STALE, GAUGE, "seine_source_stale_seconds", "source",                                 \
      "For how long a source has not been heard of; 0: it is up to date.")                         \
    X(CNI_REQUESTS, COUNTER, "seine_cni_requests_total", "verb,result", "CNI requests.")           \
    X(CNI_DURATION, HISTOGRAM, "seine_cni_request_duration_seconds", "verb",                       \
      "Time to answer a CNI request.")                                                             \
    X(SYNC_DURATION, HISTOGRAM, "seine_sync_duration_seconds", "",                                 \
      "Input change to barrier reply.")                                                            \
    X(UNKNOWN_KINDS, COUNTER, "seine_source_unknown_kinds_total", "kind",                          \
      "Objects of kinds that are not used here.")                                                  \
    X(IPAM_FREE, GAUGE, "seine_ipam_free_addresses", "family", "Addresses left in the pool.")      \
    X(LATE_PORTS, GAUGE, "seine_cni_late_ports", "",                                               \
      "Attached Pods whose port has no number yet.")                                               \
    X(CNI_RESTORED, COUNTER, "seine_cni_config_restored_total", "",                                \
      "Times that the container runtime's network configuration was gone or changed and was put "  \
      "back.")                                                                                     \
    X(CNI_FILES, GAUGE, "seine_cni_files_wrong", "what",                                           \
      "1: the network configuration is unwritable or not-first in its folder, the plugin is "      \
      "plugin-lost.")                                                                              \
    X(HNS_CALLS, COUNTER, "seine_hns_calls_total", "result",                                       \
      "Calls to the host networking service of Windows by result.")                                \
    X(HNS_IN_FLIGHT, GAUGE, "seine_hns_calls_in_flight", "",                                       \
      "Calls to the host networking service that have not returned.")                              \
    X(REJECTS, COUNTER, "seine_rejected_packets_total", "result",                                  \
      "Packets that the agent was to refuse: answered, or not to be answered.")                    \
    X(CONFLICTS, COUNTER, "seine_engine_conflicts_total", "space",                                 \
      "Contributions that disagree about one key.")                                                \
    X(LIMITS, COUNTER, "seine_limit_exceeded_total", "limit",                                      \
      "What a limit left undone: Events of the API server that are not told, connections to gone " \
      "endpoints that are not forgotten.")                                                         \
    X(SILENT, COUNTER, "seine_connection_timeouts_total", "peer",                                  \
      "Connections given up because the peer was silent.")
#define METRICS_ENUM__(id, kind, name, labels, help) METRIC_##id,
enum metric { METRICS_LIST(METRICS_ENUM__) METRICS_N };
#undef METRICS_ENUM__

/* 'l1', 'l2': label values in the order of the table, NULL where it has none. */
void metric_add(enum metric m, const char *l1, const char *l2, double by);
void metric_set(enum metric m, const char *l1, const char *l2, double value);
/* A counter whose value is counted elsewhere: it becomes 'value', but never goes down. */
void metric_count(enum metric m, const char *l1, double value);
void metric_observe(enum metric m, const char *l1, const char *l2, double value);
double metric_get(enum metric m, const char *l1, const char *l2);
void metrics_format(struct sbuf *out);
/* The table of all metrics for a page of docs/: name, kind, labels, help. */
void metrics_markdown(struct sbuf *out);
void metrics_reset(void); /* for tests */

#endif
