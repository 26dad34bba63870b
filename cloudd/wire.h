/*
 * wire: one byte stream to a server, non-blocking: a connection that the dialer makes (dial.h), and
 * TLS above it when there is a context for it. The dialer tries the addresses of a name until one
 * can be connected to; a server that cannot prove itself is not passed over for the next one.
 */
#ifndef SUBOTA_WIRE_H
#define SUBOTA_WIRE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "auto.h"
#include "dial.h"
#include "err.h"
#include "tls.h"

struct wire;

/* Have a connection made. `context` NULL = no TLS; it and the dialer must outlive the wire. Only
 * one wire at a time may be open on a dialer. ERR_DENIED: no such server is listed; ERR_DIALER. */
enum err wire_open(struct dial *dialer, const char *host, uint16_t port,
    struct tls_context *context, struct wire **out) MUST_CHECK;
/* The same on a connection that there is already: `fd`, non-blocking, is handed over. */
enum err wire_new(int fd, struct tls_context *context, struct wire **out) MUST_CHECK;
/* An answer that is still to come is for nobody then. */
void wire_close(struct wire *w);
AUTO_DEFINE(wire, struct wire *, wire_close)

/* Go on connecting: ERR_OK once bytes may flow, ERR_AGAIN when wire_fd must first be ready for
 * wire_wants; otherwise it has failed: see wire_why. wire_fd may be another one afterwards. */
enum err wire_step(struct wire *w) MUST_CHECK;
/* Is there a connection, TLS or not? */
bool wire_is_through(const struct wire *w);

/* Results as tls_read and tls_write, without TLS too; ERR_NETWORK also for what the dialer has said
 * of the connection, ERR_DIALER when it died. */
enum err wire_read(struct wire *w, uint8_t *data, size_t size, size_t *n) MUST_CHECK;
enum err wire_write(struct wire *w, const uint8_t *data, size_t len, size_t *n) MUST_CHECK;

int wire_fd(const struct wire *w);
short wire_wants(const struct wire *w);
const char *wire_why(const struct wire *w);

#endif
