/* SPDX-License-Identifier: Apache-2.0
 *
 * Streams: byte connections to and from "unix:PATH", "tcp:IP:PORT", "ssl:IP:PORT" and "pipe:NAME"
 * (IPv6 addresses in brackets; what unix: and pipe: mean on each system is said in
 * platform/pipe.h). TLS is OpenSSL over memory, version 1.2 or later, the peer's certificate
 * verified against the given authority (unless a client asks otherwise).
 *
 * Events come from the loop only, never from within a call made here, and never after
 * stream_close() or stream_finish().  After 'closed' the stream says nothing more; its owner still
 * has to call stream_close().  What is written is copied into a bounded queue. */
#ifndef SEINE_IO_STREAM_H
#define SEINE_IO_STREAM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/base/err.h"
#include "core/io/loop.h"

struct stream;
struct stream_listener;

enum { STREAM_ADDRESS_MAX = 512, STREAM_WRITE_LIMIT = 8 << 20 };
enum stream_kind { STREAM_UNIX, STREAM_TCP, STREAM_SSL, STREAM_PIPE };
struct stream_address {
    enum stream_kind kind;
    char name[STREAM_ADDRESS_MAX]; /* path, pipe name, or IP without brackets */
    uint16_t port;                 /* tcp, ssl */
};
/* The text form above; ERR_INVALID says what is wrong with it. */
int stream_address_parse(const char *text, struct stream_address *out, struct err *err);
/* Is it an address that can be opened on this system?  ERR_INVALID. */
int stream_address_check(const char *text, struct err *err);

/* What TLS needs, as PEM: names of files, or the texts themselves, which count where both are
 * given.  A client and a server need all; a client may leave out its certificate and key where the
 * server does not ask for one. */
struct stream_tls {
    const char *ca_file, *cert_file, *key_file;
    const char *ca_pem, *cert_pem, *key_pem;
    bool ca_system; /* the authorities that this system trusts, in place of a given one */
    /* Name or IP that the peer's certificate must carry.  NULL: the chain alone is checked, which
     * is how Open vSwitch's own programs use TLS. */
    const char *verify_name;
    /* What is offered by a client, or chosen from by a listener, best first (ALPN, RFC 7301):
     * "h2,http/1.1".  NULL: nothing. */
    const char *protocols;
    bool client_certificate_optional; /* listeners: peers without a certificate are let in */
    bool verify_nothing;              /* clients: any certificate will do */
};
/* Could a client use it?  What it names is read.  ERR_INVALID, ERR_NOT_FOUND, ERR_PERMISSION. */
int stream_tls_check(const struct stream_tls *tls, struct err *err);

/* What a stream tells its owner.  Members may be NULL. */
struct stream_events {
    void (*opened)(void *aux); /* connected, TLS handshake done: write may begin */
    void (*input)(void *aux, const void *p, size_t n);
    void (*drained)(void *aux); /* the write queue went empty */
    /* Failed to connect, ended by the peer (ERR_CLOSED) or broken.  Not called for one's own
     * stream_close(). */
    void (*closed)(void *aux, const struct err *why);
};

struct stream_config {
    const char *address;
    const struct stream_tls *tls; /* ssl: only; copied into an OpenSSL context at once */
    size_t write_limit;           /* bytes that may wait; 0: STREAM_WRITE_LIMIT */
    unsigned connect_timeout_ms;  /* 0: 5000; connect and handshake together */
};

/* Begins to connect: 'opened' or 'closed' follows.  Fails at once, with no event, on a bad address
 * or bad TLS files: ERR_INVALID, ERR_NOT_FOUND, ERR_PERMISSION.  'events' is borrowed for the
 * stream's life. */
int stream_connect(struct loop *l, const struct stream_config *config,
                   const struct stream_events *events, void *aux, struct stream **out,
                   struct err *err);
/* Changes who is told (an accepted stream has nobody until its owner calls this). */
void stream_set_events(struct stream *s, const struct stream_events *events, void *aux);
/* Queues n bytes (copied).  ERR_EXHAUSTED: they do not fit below the limit, nothing was queued;
 * ERR_CLOSED: not open (yet or any more). */
int stream_write(struct stream *s, const void *p, size_t n);
size_t stream_queued(const struct stream *s); /* bytes that wait or are under way */
bool stream_is_open(const struct stream *s);
/* The protocol that both ends agreed on (ALPN), "" if none. */
const char *stream_protocol(const struct stream *s);
/* Stops and restarts reading: back pressure. */
void stream_pause(struct stream *s);
void stream_resume(struct stream *s);
/* Ends it now; queued bytes are dropped, no event follows, 's' is gone.  NULL is fine. */
void stream_close(struct stream *s);
/* Ends it when the queued bytes are out (or after 5 s); no event follows, 's' is gone. */
void stream_finish(struct stream *s);

/* ---- listening ---- */
/* May this peer come in?  'os_handle' is the connection's descriptor or handle; 0 or an error.  For
 * unix sockets and pipes; platform/peer.h has the check for "root only". */
typedef int stream_peer_fn(uint64_t os_handle, struct err *err);
/* A new connection, open already (TLS: handshake done), with nobody told yet: the callback calls
 * stream_set_events() or stream_close(). */
typedef void stream_accept_fn(void *aux, struct stream *s);
/* A peer that was turned away, for the log.  May be NULL. */
typedef void stream_reject_fn(void *aux, const struct err *why);
struct stream_listen_config {
    const char *address;
    const struct stream_tls *tls;
    stream_peer_fn *peer_check; /* NULL: everyone who can open the address */
    size_t write_limit;
    unsigned max_connections; /* more are turned away; 0: 256 */
    stream_reject_fn *rejected;
};
/* unix: (Linux) a stale socket at the path is removed first (who may use the path is settled by the
 * caller's lock) and the new one has mode 0600 before anyone can connect.  On
 * Windows it is a pipe for SYSTEM and Administrators of this machine.  ERR_INVALID, ERR_PERMISSION,
 * ERR_EXISTS (address in use), ERR_IO. */
int stream_listen(struct loop *l, const struct stream_listen_config *config,
                  stream_accept_fn *accept, void *aux, struct stream_listener **out,
                  struct err *err);
/* The port it listens on (tcp and ssl with port 0), else 0. */
uint16_t stream_listener_port(const struct stream_listener *sl);
/* Stops listening and removes the socket's path; connections live on.  NULL is fine. */
void stream_listener_close(struct stream_listener *sl);

#endif
