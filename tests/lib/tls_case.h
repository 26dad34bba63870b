/*
 * tls_case: cloudd's wire, with TLS, against a tls_server: an authority, a genuine server of it,
 * the client's settings, and one try to get an MQTT CONNECT through.
 */
#ifndef SUBOTA_TEST_TLS_CASE_H
#define SUBOTA_TEST_TLS_CASE_H

#include "auto.h"
#include "err.h"
#include "pki.h"
#include "tls.h"
#include "tls_server.h"

#define TLS_CASE_CA "Test CA"
#define TLS_CASE_NAME "cloud.example.org"
#define TLS_CASE_SAN "DNS:" TLS_CASE_NAME
enum { TLS_CASE_SERIAL = 77, TLS_CASE_MQTT = 14 }; /* bytes of the CONNECT */

struct tls_case {
	char *dir;
	char ca_file[100], crl_file[100], key_file[100]; /* only the first one exists */
	struct pki_id ca, server;
	struct tls_settings set; /* the test's to change */
	const char *moved_to;    /* another name from then on; NULL: none */
	int patience_ms;         /* until the client gives up */
};

/* How a try ended. */
struct tls_case_end {
	enum err err; /* ERR_AGAIN: the client gave up waiting */
	char why[200];
	struct tls_server_seen seen;
};

struct tls_case *tls_case_open(void);
void tls_case_close(struct tls_case *c);
AUTO_DEFINE(tls_case, struct tls_case *, tls_case_close)

/* Connect, send CONNECT when the server is believed, and try to send it all the same when it is
 * not; then close. `nth` connection to this server, from 1. */
void tls_case_visit(
    struct tls_case *c, struct tls_server *s, unsigned nth, struct tls_case_end *out);
/* The same with a server of its own. */
void tls_case_try(struct tls_case *c, const struct tls_server_plan *plan, struct tls_case_end *out);

#endif
