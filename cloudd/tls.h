/*
 * tls: a non-blocking TLS client by wolfSSL, under the exact profile of the trust specification
 * (4.3). Debian builds wolfSSL with defaults that let anonymous, unencrypted and forged servers
 * pass, so none of the profile's lines is optional and none is a setting; tests/integration/
 * {tls,tls_forged}.c shows a server that passes for each line that is taken away.
 *
 * A server is believed when, and only when, tls_handshake has said ERR_OK. Nothing may be written
 * before. Sessions are never resumed: each connection proves the server anew.
 *
 * The name that a certificate must bear is a DNS name or an IP literal; a literal is looked for
 * among the certificate's IP addresses, and sent to nobody (SNI knows no addresses).
 */
#ifndef SUBOTA_TLS_H
#define SUBOTA_TLS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "auto.h"
#include "err.h"

struct tls_settings {
	const char *ca_file;     /* PEM, one or more; required */
	const char *server_name; /* required */
	const char *crl_file;    /* PEM, NULL = none; else every issuer in a server's chain must
				    have a list in it that has not run out, and be in
				    ca_file; read once, up to 4 MiB */
	const char *spki_pin;    /* 64 hex digits, NULL = none */
	bool tls12;              /* TLS 1.2 only; false: TLS 1.3 only */
};

struct tls_context; /* certificates and rules, for any number of connections */
struct tls;         /* one connection */

/* Reads the files. ERR_CONFIG (with a log line that says which and why) when one cannot be used or
 * when wolfSSL does not take a line of the profile; ERR_TIME when one is not valid by this clock,
 * which may be set yet. The strings must outlive the context. */
enum err tls_context_new(const struct tls_settings *settings, struct tls_context **out) MUST_CHECK;
void tls_context_free(struct tls_context *c);
AUTO_DEFINE(tls_context, struct tls_context *, tls_context_free)

/* The name that servers must bear from the next connection on. ERR_CONFIG: it cannot be one. */
enum err tls_context_set_name(struct tls_context *c, const char *name) MUST_CHECK;

/* A connection on the non-blocking socket `fd`, which stays the caller's. */
enum err tls_open(struct tls_context *c, int fd, struct tls **out) MUST_CHECK;
/* Frees, after an attempt to say goodbye. NULL is fine. */
void tls_close(struct tls *t);
AUTO_DEFINE(tls, struct tls *, tls_close)

/* All three: ERR_AGAIN when the socket must first be ready for tls_wants(); ERR_CLOSED when the
 * server has closed; ERR_NETWORK or ERR_TLS with tls_why(), after which only tls_close is left. */

enum err tls_handshake(struct tls *t) MUST_CHECK;
/* At most `size` bytes; *n > 0 on ERR_OK. */
enum err tls_read(struct tls *t, uint8_t *data, size_t size, size_t *n) MUST_CHECK;
/* After ERR_AGAIN offer the same bytes again; more may follow them. */
enum err tls_write(struct tls *t, const uint8_t *data, size_t len, size_t *n) MUST_CHECK;

/* POLLIN or POLLOUT, what the last call wants. */
short tls_wants(const struct tls *t);
/* What went wrong: "expected ..., got ...". */
const char *tls_why(const struct tls *t);

#endif
