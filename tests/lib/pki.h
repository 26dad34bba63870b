/*
 * pki: certificates for tests, made on the spot with OpenSSL: authorities, servers, revocation
 * lists, and a forgery. ECDSA P-256 with SHA-256 throughout. Nothing here is for production.
 *
 * Every function that makes something ends the test (cr_assert) when OpenSSL does not.
 */
#ifndef SUBOTA_TEST_PKI_H
#define SUBOTA_TEST_PKI_H

#include <openssl/x509.h>
#include <stdbool.h>

/* A certificate and its key; both owned. */
struct pki_id {
	X509 *cert;
	EVP_PKEY *key;
};

struct pki_wish {
	const char *subject; /* common name */
	const char *san;     /* "DNS:a.example,IP:127.0.0.1"; NULL = none */
	bool authority;
	long serial;
	long from_s, until_s; /* relative to now; both 0 = an hour ago until in an hour */
};

/* Signed by `issuer`; NULL = by itself. */
struct pki_id pki_make(const struct pki_wish *wish, const struct pki_id *issuer);

/* CVE-2026-93302: issuer, subject, serial number and signature bytes of `victim`, everything else
 * (key, names) the attacker's. No sound client takes the signature for one. */
struct pki_id pki_clone(const struct pki_id *victim, const char *san);

void pki_free(struct pki_id *id);

/* PEM files: the certificate (alone, or after those in the file); the key (0600); a revocation list
 * of `issuer` with one serial (0 = none) that runs out `until_s` from now. */
void pki_save_cert(const struct pki_id *id, const char *path);
void pki_append_cert(const struct pki_id *id, const char *path);
void pki_save_key(const struct pki_id *id, const char *path);
void pki_save_crl(const struct pki_id *issuer, long serial, long until_s, const char *path);
void pki_append_crl(const struct pki_id *issuer, long serial, long until_s, const char *path);

/* SHA-256 of the SubjectPublicKeyInfo as 64 hex digits. */
void pki_pin(const struct pki_id *id, char out[65]);

#endif
