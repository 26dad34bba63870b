/*
 * tls_server_wolf: one connection of tls_server served by wolfSSL, TLS 1.3. A header of its own,
 * because OpenSSL's headers and wolfSSL's do not go together.
 */
#ifndef SUBOTA_TEST_TLS_SERVER_WOLF_H
#define SUBOTA_TEST_TLS_SERVER_WOLF_H

#include <stdbool.h>
#include <stddef.h>

struct tls_server_wolf {
	const char *cert_file, *key_file; /* PEM */
	const char *suites;               /* wolfSSL's names */
	bool able;                        /* wolfSSL took certificate, key and suites */
	bool finished;                    /* the handshake ended well */
	size_t app_bytes;
};

/* Blocks until the client is gone or the socket's receive timeout has passed. */
void tls_server_wolf_serve(struct tls_server_wolf *w, int fd);

#endif
