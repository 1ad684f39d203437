/* SPDX-License-Identifier: Apache-2.0
 *
 * What the doubles share: asking the node's host, a process on the Linux side of the node
 * (host/host.py) that holds all state and works on the node's network namespace.  One request is a
 * list of texts, so is its answer; both travel over TCP on loopback as a 32-bit little-endian
 * length and then the texts, each ended by a zero byte.  The port is in the file
 * seine-double.port of system32.  Any thread may ask; requests of one process run beside each
 * other. */
#ifndef SEINE_TESTS_WINDOWS_LINK_H
#define SEINE_TESTS_WINDOWS_LINK_H

#include <winsock2.h>
#include <ws2tcpip.h>
#include <windows.h>

#include <stdbool.h>
#include <stdint.h>

struct link_reply {
    char *data; /* the texts, as they came */
    uint32_t n; /* bytes */
};
/* Asks; 'args' ends with NULL.  False when the host cannot be reached.  The caller frees 'reply'.
 */
bool link_call(const char *const *args, struct link_reply *reply);
void link_reply_free(struct link_reply *reply);
/* Text number 'i' of an answer, "" where there are fewer. */
const char *link_text(const struct link_reply *reply, unsigned i);
/* Steps through the texts: 'at' is NULL at first; NULL after the last. */
const char *link_next(const struct link_reply *reply, const char *at);

/* A connection that stays open for what the host sends by itself; INVALID_SOCKET. */
SOCKET link_open(const char *const *args);
/* Waits for one message.  False when the connection ended. */
bool link_read(SOCKET s, struct link_reply *reply);

/* Text in both encodings; NULL stays NULL.  The caller frees with free(). */
char *link_utf8(const WCHAR *text);
WCHAR *link_utf16(const char *text);
/* The same for strings that the caller of a COM-like interface frees by CoTaskMemFree(). */
WCHAR *link_cotask(const char *text);
/* GUIDs as text: lower case, without braces; 'text' holds 37 bytes. */
void link_guid_format(const GUID *id, char *text);
bool link_guid_parse(const char *text, GUID *id);

/* Field number 'i' of a line of fields that tabs separate, copied into 'out' of 'size' bytes. */
const char *link_field(const char *line, unsigned i, char *out, size_t size);
uint32_t link_number(const char *line, unsigned i);

/* Takes the functions that the file 'name' of system32 lists out of the module's exports, in
 * memory: who asks for their addresses from now on finds none. */
void link_hide_exports(HMODULE module, const WCHAR *name);

#endif
