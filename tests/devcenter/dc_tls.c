/*
 * dc_tls: see dc_tls.h. ECDSA P-256, SHA-256, ten years.
 */
#include "dc_tls.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <openssl/pem.h>
#include <openssl/rand.h>
#include <openssl/x509v3.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include "auto.h"
#include "log.h"

enum { YEARS = 10, NAMES_MAX = 1000 };

AUTO_DEFINE(pkey, EVP_PKEY *, EVP_PKEY_free)
AUTO_DEFINE(x509, X509 *, X509_free)

static bool
extend(X509 *cert, X509 *issuer, int nid, const char *value)
{
	X509V3_CTX ctx;

	X509V3_set_ctx_nodb(&ctx);
	X509V3_set_ctx(&ctx, issuer, cert, NULL, NULL, 0);
	X509_EXTENSION *e = X509V3_EXT_conf_nid(NULL, &ctx, nid, value);
	bool ok = e && X509_add_ext(cert, e, -1) == 1;
	X509_EXTENSION_free(e);
	return ok;
}

static X509 *
blank(EVP_PKEY *key, const char *name)
{
	AUTO(x509) X509 *cert = X509_new();
	uint8_t serial[8];
	X509_NAME *subject = cert ? X509_get_subject_name(cert) : NULL;

	if (!subject || RAND_bytes(serial, sizeof(serial)) != 1)
		return NULL;
	serial[0] &= 0x7f;
	BIGNUM *bn = BN_bin2bn(serial, sizeof(serial), NULL);
	bool ok = bn && BN_to_ASN1_INTEGER(bn, X509_get_serialNumber(cert)) &&
		  X509_set_version(cert, 2) == 1 &&
		  X509_gmtime_adj(X509_getm_notBefore(cert), -86400) &&
		  X509_time_adj_ex(X509_getm_notAfter(cert), 365 * YEARS, 0, NULL) &&
		  X509_set_pubkey(cert, key) == 1 &&
		  X509_NAME_add_entry_by_txt(
		      subject, "CN", MBSTRING_ASC, (const unsigned char *)name, -1, -1, 0) == 1;
	BN_free(bn);
	return ok ? HAND_OVER(cert) : NULL;
}

static X509 *
make_ca(EVP_PKEY *key)
{
	AUTO(x509) X509 *ca = blank(key, "subota local Developer Center CA");

	if (!ca || X509_set_issuer_name(ca, X509_get_subject_name(ca)) != 1 ||
	    !extend(ca, ca, NID_basic_constraints, "critical,CA:TRUE,pathlen:0") ||
	    !extend(ca, ca, NID_key_usage, "critical,keyCertSign,cRLSign") ||
	    !extend(ca, ca, NID_subject_key_identifier, "hash") ||
	    X509_sign(ca, key, EVP_sha256()) == 0)
		return NULL;
	return HAND_OVER(ca);
}

/* "a,127.0.0.1" as subject alternative names. */
static bool
alt_names(const char *names, char *out, size_t size)
{
	size_t at = 0;
	struct in_addr ip;
	char name[256];

	for (const char *p = names; *p;) {
		size_t n = strcspn(p, ",");

		if (n == 0 || n >= sizeof(name))
			return false;
		memcpy(name, p, n);
		name[n] = '\0';
		int k = snprintf(out + at, size - at, "%s%s:%s", at ? "," : "",
		    inet_pton(AF_INET, name, &ip) == 1 ? "IP" : "DNS", name);
		if (k < 0 || (size_t)k >= size - at)
			return false;
		at += (size_t)k;
		p += n + (p[n] == ',');
	}
	return at > 0;
}

static X509 *
make_server(EVP_PKEY *key, X509 *ca, EVP_PKEY *ca_key, const char *names)
{
	char san[NAMES_MAX + 100], first[65];
	AUTO(x509) X509 *cert = NULL;

	snprintf(first, sizeof(first), "%.*s", (int)strcspn(names, ","), names);
	cert = blank(key, first);
	if (!cert || !alt_names(names, san, sizeof(san)) ||
	    X509_set_issuer_name(cert, X509_get_subject_name(ca)) != 1 ||
	    !extend(cert, ca, NID_basic_constraints, "critical,CA:FALSE") ||
	    !extend(cert, ca, NID_key_usage, "critical,digitalSignature") ||
	    !extend(cert, ca, NID_ext_key_usage, "serverAuth") ||
	    !extend(cert, ca, NID_subject_alt_name, san) ||
	    !extend(cert, ca, NID_authority_key_identifier, "keyid") ||
	    X509_sign(cert, ca_key, EVP_sha256()) == 0)
		return NULL;
	return HAND_OVER(cert);
}

/* Write one PEM object to DIR/NAME. */
static enum err
save(const char *dir, const char *name, mode_t mode, X509 *cert, EVP_PKEY *key)
{
	char path[4096];

	if (snprintf(path, sizeof(path), "%s/%s", dir, name) >= (int)sizeof(path))
		return ERR_LIMIT;
	AUTO(fd) int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, mode);
	AUTO(file) FILE *f = fd < 0 ? NULL : fdopen(fd, "w");
	if (!f) {
		log_error(NULL, "%s: %s", path, strerror(errno));
		return ERR_SYSTEM;
	}
	(void)hand_over_fd(&fd);
	bool ok = cert ? PEM_write_X509(f, cert) == 1
		       : PEM_write_PrivateKey(f, key, NULL, NULL, 0, NULL, NULL) == 1;
	return ok && fflush(f) == 0 ? ERR_OK : ERR_SYSTEM;
}

enum err
dc_tls_make(const char *dir, const char *names)
{
	AUTO(pkey) EVP_PKEY *ca_key = EVP_EC_gen("P-256");
	AUTO(pkey) EVP_PKEY *key = EVP_EC_gen("P-256");

	if (strlen(names) > NAMES_MAX)
		return ERR_LIMIT;
	AUTO(x509) X509 *ca = ca_key ? make_ca(ca_key) : NULL;
	AUTO(x509) X509 *cert = ca && key ? make_server(key, ca, ca_key, names) : NULL;
	if (!cert) {
		log_error(NULL, "no certificate could be made for %s", names);
		return ERR_INVALID;
	}
	enum err err = save(dir, "ca.pem", 0644, ca, NULL);
	if (!err)
		err = save(dir, "server.pem", 0644, cert, NULL);
	return err ? err : save(dir, "server.key", 0600, NULL, key);
}

enum err
dc_tls_context(const char *dir, SSL_CTX **out)
{
	char cert[4096], key[4096];
	SSL_CTX *ctx = SSL_CTX_new(TLS_server_method());

	snprintf(cert, sizeof(cert), "%s/server.pem", dir);
	snprintf(key, sizeof(key), "%s/server.key", dir);
	if (!ctx)
		return ERR_NOMEM;
	SSL_CTX_set_mode(ctx, SSL_MODE_ENABLE_PARTIAL_WRITE | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER);
	if (SSL_CTX_set_min_proto_version(ctx, TLS1_2_VERSION) != 1 ||
	    SSL_CTX_set_cipher_list(ctx, "ECDHE+AESGCM:ECDHE+CHACHA20") != 1 ||
	    SSL_CTX_use_certificate_file(ctx, cert, SSL_FILETYPE_PEM) != 1 ||
	    SSL_CTX_use_PrivateKey_file(ctx, key, SSL_FILETYPE_PEM) != 1) {
		log_error(NULL, "%s: no usable server.pem and server.key; was `init` run?", dir);
		SSL_CTX_free(ctx);
		return ERR_CONFIG;
	}
	*out = ctx;
	return ERR_OK;
}
