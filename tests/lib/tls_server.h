/*
 * tls_server: a TLS server for tests that is what an attacker would put in the platform's place.
 *
 * One thread, loopback, one connection after the other. It speaks TLS by OpenSSL at security level
 * 0 (by wolfSSL where OpenSSL has no such suite), or sends raw bytes. It counts what matters to the
 * tests: whether the client went through with the handshake, and every byte of application data
 * that came.
 */
#ifndef SUBOTA_TEST_TLS_SERVER_H
#define SUBOTA_TEST_TLS_SERVER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "pki.h"

struct tls_server;

/* Everything is borrowed for the server's life. */
struct tls_server_plan {
	const struct pki_id *id;    /* NULL = no certificate */
	const struct pki_id *chain; /* one more certificate to send, NULL = none */
	int version;                /* TLS1_2_VERSION, ...: no other; 0 = 1.2 and 1.3 */
	const char *suites;         /* up to TLS 1.2, OpenSSL's names; NULL = its defaults */
	const char *wolf_suites;    /* wolfSSL is the server, TLS 1.3, these suites */
	size_t cut_after;           /* close after so many bytes have been sent; 0 = never */
	bool no_tickets;            /* TLS 1.3: nothing is sent after the handshake */
	bool drip;                  /* one byte a second */
	const uint8_t *raw;         /* no TLS: answer the first bytes with these and stay */
	size_t raw_len;
};

struct tls_server_seen {
	unsigned connections;
	bool unable;           /* wolfSSL could not even begin to serve */
	unsigned finished;     /* handshakes that ended well on this side */
	unsigned resumed;      /* of these */
	size_t app_bytes;      /* decrypted application data */
	unsigned records[256]; /* from the client, by TLS record type */
	size_t sent;           /* bytes of all connections */
	char sni[128];         /* of the last ClientHello */
	uint8_t hello[1024];   /* first bytes of the last connection */
	size_t hello_len;
};

struct tls_server *tls_server_start(const struct tls_server_plan *plan);
void tls_server_stop(struct tls_server *s);
uint16_t tls_server_port(const struct tls_server *s);
/* Wait (up to 10 s) until `connections` have come and gone, then what was seen; false: they have
 * not. */
bool tls_server_saw(struct tls_server *s, unsigned connections, struct tls_server_seen *out);

#endif
