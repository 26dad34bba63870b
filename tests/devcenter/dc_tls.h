/*
 * dc_tls: a small certificate authority for one directory, and the server's TLS context.
 *
 * DIR/ca.pem is what clients trust; DIR/server.pem and DIR/server.key (0600) are for the names
 * that were asked for. The CA's own key is thrown away after signing: nothing else can ever be
 * issued under it.
 */
#ifndef DC_TLS_H
#define DC_TLS_H

#include <openssl/ssl.h>

#include "err.h"

/* Make ca.pem, server.pem, server.key in `dir` for the comma-separated names (IPv4 addresses or
 * host names). Existing ones are replaced. */
enum err dc_tls_make(const char *dir, const char *names) MUST_CHECK;

/* A server context from `dir`: TLS 1.2 (AEAD only) and 1.3. Caller frees. */
enum err dc_tls_context(const char *dir, SSL_CTX **out) MUST_CHECK;

#endif
