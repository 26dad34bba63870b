/*
 * pki: see pki.h.
 */
#include <criterion/criterion.h>
#include <fcntl.h>
#include <openssl/pem.h>
#include <openssl/sha.h>
#include <openssl/x509v3.h>
#include <stdio.h>

#include "auto.h"
#include "pki.h"

enum { HOUR = 3600 };

static void
extend(X509 *cert, X509 *issuer, int nid, const char *value)
{
	X509V3_CTX ctx;

	X509V3_set_ctx_nodb(&ctx);
	X509V3_set_ctx(&ctx, issuer, cert, NULL, NULL, 0);
	X509_EXTENSION *e = X509V3_EXT_conf_nid(NULL, &ctx, nid, value);
	cr_assert(e && X509_add_ext(cert, e, -1) == 1, "expected extension %s, got none", value);
	X509_EXTENSION_free(e);
}

/* A certificate with a new key that still lacks issuer, extensions and signature. */
static struct pki_id
blank(const struct pki_wish *w)
{
	struct pki_id id = {X509_new(), EVP_EC_gen("P-256")};
	bool usual = w->from_s == 0 && w->until_s == 0;
	X509_NAME *subject = X509_get_subject_name(id.cert);

	cr_assert(X509_set_version(id.cert, 2) == 1 &&
		  ASN1_INTEGER_set(X509_get_serialNumber(id.cert), w->serial) == 1 &&
		  X509_gmtime_adj(X509_getm_notBefore(id.cert), usual ? -HOUR : w->from_s) &&
		  X509_gmtime_adj(X509_getm_notAfter(id.cert), usual ? HOUR : w->until_s) &&
		  X509_set_pubkey(id.cert, id.key) == 1 &&
		  X509_NAME_add_entry_by_txt(subject, "CN", MBSTRING_ASC,
		      (const unsigned char *)w->subject, -1, -1, 0) == 1);
	return id;
}

struct pki_id
pki_make(const struct pki_wish *wish, const struct pki_id *issuer)
{
	struct pki_id id = blank(wish);
	const struct pki_id *by = issuer ? issuer : &id;

	cr_assert_eq(X509_set_issuer_name(id.cert, X509_get_subject_name(by->cert)), 1);
	extend(id.cert, by->cert, NID_basic_constraints,
	    wish->authority ? "critical,CA:TRUE" : "critical,CA:FALSE");
	extend(id.cert, by->cert, NID_key_usage,
	    wish->authority ? "critical,keyCertSign,cRLSign" : "critical,digitalSignature");
	extend(id.cert, by->cert, NID_subject_key_identifier, "hash");
	if (issuer)
		extend(id.cert, by->cert, NID_authority_key_identifier, "keyid");
	if (wish->san)
		extend(id.cert, by->cert, NID_subject_alt_name, wish->san);
	cr_assert_gt(X509_sign(id.cert, by->key, EVP_sha256()), 0);
	return id;
}

struct pki_id
pki_clone(const struct pki_id *victim, const char *san)
{
	struct pki_wish wish = {.subject = "replaced"};
	struct pki_id id = blank(&wish);
	const ASN1_BIT_STRING *theirs = NULL, *ours = NULL;

	cr_assert(X509_set_subject_name(id.cert, X509_get_subject_name(victim->cert)) == 1 &&
		  X509_set_issuer_name(id.cert, X509_get_issuer_name(victim->cert)) == 1 &&
		  X509_set_serialNumber(id.cert, X509_get_serialNumber(victim->cert)) == 1);
	extend(id.cert, id.cert, NID_subject_alt_name, san);
	cr_assert_gt(X509_sign(id.cert, id.key, EVP_sha256()), 0);
	X509_get0_signature(&theirs, NULL, victim->cert);
	X509_get0_signature(&ours, NULL, id.cert);
	cr_assert_eq(ASN1_STRING_copy((ASN1_BIT_STRING *)(uintptr_t)ours, theirs), 1);
	return id;
}

void
pki_free(struct pki_id *id)
{
	X509_free(id->cert);
	EVP_PKEY_free(id->key);
	*id = (struct pki_id){0};
}

static FILE *
create(const char *path, mode_t mode)
{
	int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, mode);
	FILE *f = fd < 0 ? NULL : fdopen(fd, "w");

	cr_assert_not_null(f, "expected to create %s, got an error", path);
	return f;
}

void
pki_save_cert(const struct pki_id *id, const char *path)
{
	AUTO(file) FILE *f = create(path, 0644);

	cr_assert_eq(PEM_write_X509(f, id->cert), 1);
}

void
pki_append_cert(const struct pki_id *id, const char *path)
{
	AUTO(file) FILE *f = fopen(path, "ae");

	cr_assert(f && PEM_write_X509(f, id->cert) == 1);
}

void
pki_save_key(const struct pki_id *id, const char *path)
{
	AUTO(file) FILE *f = create(path, 0600);

	cr_assert_eq(PEM_write_PrivateKey(f, id->key, NULL, NULL, 0, NULL, NULL), 1);
}

static void
add_revoked(X509_CRL *crl, long serial)
{
	X509_REVOKED *r = X509_REVOKED_new();
	ASN1_INTEGER *number = ASN1_INTEGER_new();
	ASN1_TIME *when = X509_gmtime_adj(NULL, -HOUR);

	cr_assert(ASN1_INTEGER_set(number, serial) == 1 &&
		  X509_REVOKED_set_serialNumber(r, number) == 1 &&
		  X509_REVOKED_set_revocationDate(r, when) == 1 &&
		  X509_CRL_add0_revoked(crl, r) == 1);
	ASN1_INTEGER_free(number);
	ASN1_TIME_free(when);
}

static void
write_crl(const struct pki_id *issuer, long serial, long until_s, FILE *f)
{
	X509_CRL *crl = X509_CRL_new();
	ASN1_TIME *last = X509_gmtime_adj(NULL, -2 * HOUR);
	ASN1_TIME *next = X509_gmtime_adj(NULL, until_s);

	cr_assert(X509_CRL_set_version(crl, 1) == 1 &&
		  X509_CRL_set_issuer_name(crl, X509_get_subject_name(issuer->cert)) == 1 &&
		  X509_CRL_set1_lastUpdate(crl, last) == 1 &&
		  X509_CRL_set1_nextUpdate(crl, next) == 1);
	if (serial)
		add_revoked(crl, serial);
	cr_assert_gt(X509_CRL_sign(crl, issuer->key, EVP_sha256()), 0);
	cr_assert_eq(PEM_write_X509_CRL(f, crl), 1);
	ASN1_TIME_free(last);
	ASN1_TIME_free(next);
	X509_CRL_free(crl);
}

void
pki_save_crl(const struct pki_id *issuer, long serial, long until_s, const char *path)
{
	AUTO(file) FILE *f = create(path, 0644);

	write_crl(issuer, serial, until_s, f);
}

void
pki_append_crl(const struct pki_id *issuer, long serial, long until_s, const char *path)
{
	AUTO(file) FILE *f = fopen(path, "ae");

	cr_assert_not_null(f);
	write_crl(issuer, serial, until_s, f);
}

void
pki_pin(const struct pki_id *id, char out[65])
{
	unsigned char *der = NULL, digest[SHA256_DIGEST_LENGTH];
	int len = i2d_X509_PUBKEY(X509_get_X509_PUBKEY(id->cert), &der);

	cr_assert_gt(len, 0);
	SHA256(der, (size_t)len, digest);
	OPENSSL_free(der);
	for (int i = 0; i < SHA256_DIGEST_LENGTH; i++)
		snprintf(out + 2 * i, 3, "%02x", digest[i]);
}
