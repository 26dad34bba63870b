/*
 * wire: one byte stream to a host, non-blocking: TCP, and TLS above it when there is a context for
 * it. The addresses of a name are tried in the resolver's order until one can be connected to; a
 * server that cannot prove itself is not passed over for the next one.
 *
 * wire_open asks the resolver and may block for its timeout.
 */
#ifndef SUBOTA_WIRE_H
#define SUBOTA_WIRE_H

#include <stddef.h>
#include <stdint.h>

#include "auto.h"
#include "err.h"
#include "tls.h"

struct wire;

/* Start to connect. `context` NULL = plain TCP; it must outlive the wire. ERR_NETWORK when the name
 * has no address. */
enum err wire_open(
    const char *host, uint16_t port, struct tls_context *context, struct wire **out) MUST_CHECK;
void wire_close(struct wire *w);
AUTO_DEFINE(wire, struct wire *, wire_close)

/* Go on connecting: ERR_OK once bytes may flow, ERR_AGAIN when wire_fd must first be ready for
 * wire_wants; otherwise it has failed: see wire_why. wire_fd may be another one afterwards. */
enum err wire_step(struct wire *w) MUST_CHECK;

/* The address being tried takes too long: go on with the next. ERR_TIMEOUT when TCP is connected
 * already, ERR_NETWORK when there is no other address. */
enum err wire_skip(struct wire *w) MUST_CHECK;

/* Results as tls_read and tls_write, for plain TCP too. */
enum err wire_read(struct wire *w, uint8_t *data, size_t size, size_t *n) MUST_CHECK;
enum err wire_write(struct wire *w, const uint8_t *data, size_t len, size_t *n) MUST_CHECK;

int wire_fd(const struct wire *w);
short wire_wants(const struct wire *w);
const char *wire_why(const struct wire *w);

#endif
