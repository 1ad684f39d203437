/* SPDX-License-Identifier: Apache-2.0
 *
 * Proxy of iphlpapi.dll: what is here answers from the node's host (host/net.py), which works on
 * the node's Linux network namespace; all other exports are Wine's own (iphlpapi.def forwards
 * them). Tables come as lines of fields, whose columns host/net.py names. */
#ifndef SEINE_TESTS_WINDOWS_IPHLP_H
#define SEINE_TESTS_WINDOWS_IPHLP_H

#include "link.h"

#include <iphlpapi.h>
#include <netioapi.h>

enum { POD_INDEX = 1 << 20 }; /* adapters of endpoints are counted from here */

/* Fetches a table: a Windows error; on success the caller frees 'reply'.  Its lines follow the
 * first text. */
DWORD iphlp_table(const char *name, struct link_reply *reply);
/* The first line of such an answer; link_next() gives the next. */
const char *iphlp_first(const struct link_reply *reply);
unsigned iphlp_count(const struct link_reply *reply);
/* A call with texts, ended by NULL, of which only the error matters. */
DWORD iphlp_change(const char *const *args);

/* Addresses as text, and from fields 'family' and 'text' of a line. */
void iphlp_format(const SOCKADDR_INET *address, char *text, size_t size);
void iphlp_parse(const char *text, SOCKADDR_INET *address);
void iphlp_address_field(const char *line, unsigned i, SOCKADDR_INET *address);
/* A number as text. */
struct iphlp_text {
    char s[24];
};
struct iphlp_text iphlp_decimal(uint64_t n);
bool iphlp_family_wanted(ADDRESS_FAMILY family, const char *line, unsigned i);

NET_LUID iphlp_luid(NET_IFINDEX index);
/* The index of a row that names its adapter by either; 0. */
NET_IFINDEX iphlp_index(NET_LUID luid, NET_IFINDEX index);
NET_IF_COMPARTMENT_ID iphlp_compartment(void);
void iphlp_compartment_init(void);

/* Rows from lines. */
void iphlp_route_row(const char *line, MIB_IPFORWARD_ROW2 *row);
void iphlp_address_row(const char *line, MIB_UNICASTIPADDRESS_ROW *row);
void iphlp_interface_row(const char *line, MIB_IPINTERFACE_ROW *row);

/* A table of 'n' rows, as FreeMibTable() frees it. */
void *iphlp_alloc_table(size_t header, size_t row, unsigned n);

#endif
