/*
 * tls: see tls.h. The one file that includes wolfSSL.
 *
 * Lines of the profile, as numbered in the trust specification 4.3, and what each keeps out:
 *   1 one version only      a server that answers a 1.3 offer with an unoffered 1.2 suite
 *   2 explicit suites       anonymous, unencrypted and integrity-only suites
 *   3 VERIFY_PEER           everybody; Debian's default is not to verify
 *   4 Unload_trust_peers    a certificate with the CA's name, serial and signature but another key
 *   5 name and assertions   another host's certificate; and whatever got past wolfSSL after all
 *   6 mode is PEER          a build or an edit that lost line 3
 */
#include <wolfssl/options.h>
#include <wolfssl/ssl.h>
#include <wolfssl/wolfcrypt/ecc.h>
#include <wolfssl/wolfcrypt/sha256.h>

#include <arpa/inet.h>
#include <errno.h>
#include <malloc.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "log.h"
#include "tls.h"
#include "tls_spki.h"

enum { CRL_FILE_MAX = 4 << 20, LIST_MAX = 512, WHY_MAX = 200, NAME_MAX_LEN = 253 };
enum { V12 = 0x0303, V13 = 0x0304 };

/* clang-format off */
static const struct {
	int version;
	int number;         /* IANA */
	const char *name;   /* wolfSSL's */
} suites[] = {
	{V13, 0x1301, "TLS13-AES128-GCM-SHA256"},
	{V13, 0x1302, "TLS13-AES256-GCM-SHA384"},
	{V13, 0x1303, "TLS13-CHACHA20-POLY1305-SHA256"},
	{V12, 0xc02b, "ECDHE-ECDSA-AES128-GCM-SHA256"},
	{V12, 0xc02f, "ECDHE-RSA-AES128-GCM-SHA256"},
	{V12, 0xc02c, "ECDHE-ECDSA-AES256-GCM-SHA384"},
	{V12, 0xc030, "ECDHE-RSA-AES256-GCM-SHA384"},
	{V12, 0xcca9, "ECDHE-ECDSA-CHACHA20-POLY1305"},
	{V12, 0xcca8, "ECDHE-RSA-CHACHA20-POLY1305"},
};
/* clang-format on */

struct tls_context {
	WOLFSSL_CTX *ctx;
	int version;
	char name[NAME_MAX_LEN + 1]; /* as wolfSSL compares it */
	bool is_address;
	bool pinned;
	uint8_t pin[TLS_SPKI_DIGEST];
};

struct tls {
	WOLFSSL *ssl;
	const struct tls_context *c;
	short wants;
	bool proved;
	char why[WHY_MAX];
};

/* --- the context -------------------------------------------------------------------------- */

static bool
is_listed(int version, int number)
{
	for (size_t i = 0; i < sizeof(suites) / sizeof(suites[0]); i++)
		if (suites[i].version == version && suites[i].number == number)
			return true;
	return false;
}

static void
list_suites(int version, char *out, size_t size)
{
	size_t n = 0;

	out[0] = '\0';
	for (size_t i = 0; i < sizeof(suites) / sizeof(suites[0]); i++)
		if (suites[i].version == version && n < size)
			n += (size_t)snprintf(
			    out + n, size - n, "%s%s", n ? ":" : "", suites[i].name);
}

/* wolfSSL compares IP addresses as text: IPv4 dotted, IPv6 as eight groups of four upper-case
 * digits. */
enum err
tls_context_set_name(struct tls_context *c, const char *name)
{
	uint8_t a[16];

	if (!name || !*name || strlen(name) > NAME_MAX_LEN)
		return ERR_CONFIG;
	snprintf(c->name, sizeof(c->name), "%s", name);
	c->is_address = inet_pton(AF_INET, name, a) == 1;
	if (inet_pton(AF_INET6, name, a) == 1) {
		c->is_address = true;
		for (int i = 0; i < 8; i++)
			snprintf(c->name + 5 * i, 6, "%02X%02X%s", a[2 * i], a[2 * i + 1],
			    i < 7 ? ":" : "");
	}
	return ERR_OK;
}

static enum err
set_pin(struct tls_context *c, const char *hex)
{
	if (!hex)
		return ERR_OK;
	c->pinned = true;
	return tls_spki_parse_pin(hex, c->pin);
}

static enum err
refuse(const char *what, const char *value, int code)
{
	bool dated = code == ASN_BEFORE_DATE_E || code == ASN_AFTER_DATE_E;

	log_error(NULL, "TLS: %s: expected it to be usable, got %s (%d%s)", what, value, code,
	    dated ? ": not valid by this clock" : "");
	return dated ? ERR_TIME : ERR_CONFIG;
}

/* wolfSSL reads the first list of a file only, so each one is handed over by itself. */
static enum err
load_lists(WOLFSSL_CTX *ctx, const char *text, const char *file)
{
	unsigned n = 0;

	for (const char *at = text; (at = strstr(at, "-----BEGIN ")); n++) {
		const char *end = strstr(at, "-----END ");

		if (!end)
			return refuse("crl_file", file, ASN_PARSE_E);
		end += strcspn(end, "\n");
		int e = wolfSSL_CTX_LoadCRLBuffer(
		    ctx, (const unsigned char *)at, end - at, WOLFSSL_FILETYPE_PEM);
		if (e != WOLFSSL_SUCCESS)
			return refuse("crl_file", file, e);
		at = end;
	}
	return n ? ERR_OK : refuse("crl_file", file, ASN_NO_PEM_HEADER);
}

static enum err
load_crl(WOLFSSL_CTX *ctx, const char *file)
{
	if (!file)
		return ERR_OK;
	int e = wolfSSL_CTX_EnableCRL(ctx, WOLFSSL_CRL_CHECKALL);
	if (e != WOLFSSL_SUCCESS)
		return refuse("revocation check", "an error", e);
	AUTO(mem) char *text = calloc(1, CRL_FILE_MAX + 1);
	AUTO(file) FILE *f = fopen(file, "re");
	if (!text)
		return ERR_NOMEM;
	if (!f || fread(text, 1, CRL_FILE_MAX + 1, f) > CRL_FILE_MAX || ferror(f))
		return refuse("crl_file", file, WOLFSSL_BAD_FILE);
	return load_lists(ctx, text, file);
}

/* Lines 2 to 4 and 6 of the profile. */
static enum err
apply_profile(struct tls_context *c, const struct tls_settings *s)
{
	char list[LIST_MAX];

	list_suites(c->version, list, sizeof(list));
	int e = wolfSSL_CTX_set_cipher_list(c->ctx, list);
	if (e != WOLFSSL_SUCCESS)
		return refuse("cipher suites", list, e);
	wolfSSL_CTX_set_verify(c->ctx, WOLFSSL_VERIFY_PEER, NULL);
	wolfSSL_CTX_set_session_cache_mode(c->ctx, WOLFSSL_SESS_CACHE_OFF);
	e = wolfSSL_CTX_load_verify_locations_ex(c->ctx, s->ca_file, NULL, WOLFSSL_LOAD_FLAG_NONE);
	if (e != WOLFSSL_SUCCESS)
		return refuse("ca_file", s->ca_file, e);
	e = wolfSSL_CTX_Unload_trust_peers(c->ctx);
	if (e != WOLFSSL_SUCCESS)
		return refuse("trusted peers", "an error when unloading them", e);
	enum err listed = load_crl(c->ctx, s->crl_file);
	if (listed)
		return listed;
	e = wolfSSL_CTX_get_verify_mode(c->ctx);
	if (e != WOLFSSL_VERIFY_PEER)
		return refuse("verify mode", "another than PEER", e);
	return ERR_OK;
}

enum err
tls_context_new(const struct tls_settings *s, struct tls_context **out)
{
	if (!s->ca_file)
		return refuse("ca_file", "none", 0);
	if (wolfSSL_Init() != WOLFSSL_SUCCESS)
		return ERR_SYSTEM;
	AUTO(tls_context) struct tls_context *c = calloc(1, sizeof(*c));
	if (!c) {
		wolfSSL_Cleanup();
		return ERR_NOMEM;
	}
	c->version = s->tls12 ? V12 : V13;
	c->ctx = wolfSSL_CTX_new(
	    s->tls12 ? wolfTLSv1_2_client_method() : wolfTLSv1_3_client_method());
	if (!c->ctx)
		return ERR_NOMEM;
	if (tls_context_set_name(c, s->server_name))
		return refuse("server_name", s->server_name ? s->server_name : "none", 0);
	if (set_pin(c, s->spki_pin))
		return refuse("spki_pin", s->spki_pin, 0);
	enum err e = apply_profile(c, s);
	if (!e)
		*out = HAND_OVER(c);
	return e;
}

void
tls_context_free(struct tls_context *c)
{
	if (!c)
		return;
	wolfSSL_CTX_free(c->ctx);
	free(c);
	wolfSSL_Cleanup();
}

/* --- a connection ------------------------------------------------------------------------- */

static enum err
distrust(struct tls *t, const char *why)
{
	snprintf(t->why, sizeof(t->why), "%s", why);
	return ERR_TLS;
}

enum err
tls_open(struct tls_context *c, int fd, struct tls **out)
{
	AUTO(tls) struct tls *t = calloc(1, sizeof(*t));

	if (!t)
		return ERR_NOMEM;
	t->c = c;
	t->ssl = wolfSSL_new(c->ctx);
	if (!t->ssl)
		return ERR_NOMEM;
	if (wolfSSL_check_domain_name(t->ssl, c->name) != WOLFSSL_SUCCESS)
		return ERR_SYSTEM;
	if (!c->is_address && wolfSSL_UseSNI(t->ssl, WOLFSSL_SNI_HOST_NAME, c->name,
				  (unsigned short)strlen(c->name)) != WOLFSSL_SUCCESS)
		return ERR_SYSTEM;
	if (wolfSSL_set_fd(t->ssl, fd) != WOLFSSL_SUCCESS)
		return ERR_SYSTEM;
	wolfSSL_set_using_nonblock(t->ssl, 1);
	*out = HAND_OVER(t);
	return ERR_OK;
}

void
tls_close(struct tls *t)
{
	if (!t)
		return;
	if (t->proved)
		(void)wolfSSL_shutdown(t->ssl);
	wolfSSL_free(t->ssl);
	free(t);
}

/* Turn wolfSSL's word for a result that was not success into ours. */
static enum err
explain(struct tls *t, int result)
{
	char text[WOLFSSL_MAX_ERROR_SZ] = "";
	int saved = errno;
	int code = wolfSSL_get_error(t->ssl, result);

	if (code == WOLFSSL_ERROR_WANT_READ || code == WOLFSSL_ERROR_WANT_WRITE) {
		t->wants = code == WOLFSSL_ERROR_WANT_READ ? POLLIN : POLLOUT;
		return ERR_AGAIN;
	}
	if (code == WOLFSSL_ERROR_ZERO_RETURN || code == SOCKET_PEER_CLOSED_E)
		return ERR_CLOSED;
	if (code == SOCKET_ERROR_E || code == WOLFSSL_ERROR_SYSCALL) {
		snprintf(t->why, sizeof(t->why), "socket: %s", strerror(saved));
		return ERR_NETWORK;
	}
	wolfSSL_ERR_error_string((unsigned long)code, text);
	snprintf(t->why, sizeof(t->why), "%.150s (%d)", text, code);
	return ERR_TLS;
}

static enum err
check_pin(struct tls *t, WOLFSSL_X509 *x)
{
	uint8_t digest[TLS_SPKI_DIGEST];
	const uint8_t *key = NULL;
	size_t key_len = 0;
	int len = 0;
	const unsigned char *der = wolfSSL_X509_get_der(x, &len);

	if (!der || len <= 0 || tls_spki_find(der, (size_t)len, &key, &key_len))
		return distrust(t, "expected a certificate with a public key, got none");
	if (wc_Sha256Hash(key, (word32)key_len, digest) != 0)
		return ERR_SYSTEM;
	if (memcmp(digest, t->c->pin, sizeof(digest)) != 0)
		return distrust(t, "expected the pinned public key, got another");
	return ERR_OK;
}

/* Line 5: what must be true of a finished handshake, whatever wolfSSL thinks of it. */
static enum err
assert_profile(struct tls *t)
{
	if (wolfSSL_version(t->ssl) != t->c->version)
		return distrust(t, "expected the one TLS version of the profile, got another");
	if (!is_listed(t->c->version, wolfSSL_get_current_cipher_suite(t->ssl)))
		return distrust(t, "expected a cipher suite of the profile, got another");
	if (wolfSSL_session_reused(t->ssl))
		return distrust(t, "expected a full handshake, got a resumed session");
	WOLFSSL_X509 *x = wolfSSL_get_peer_certificate(t->ssl);
	if (!x)
		return distrust(t, "expected a server certificate, got none");
	enum err e = t->c->pinned ? check_pin(t, x) : ERR_OK;
	wolfSSL_X509_free(x);
	return e;
}

/* wolfSSL keeps 3 MB of tables that would make the next handshake a little faster. That one comes
 * in days; the memory is missed until then. */
static void
drop_tables(void)
{
	wc_ecc_fp_free();
	malloc_trim(0);
}

enum err
tls_handshake(struct tls *t)
{
	int r = wolfSSL_connect(t->ssl);

	if (r != WOLFSSL_SUCCESS)
		return explain(t, r);
	drop_tables();
	enum err e = assert_profile(t);
	t->proved = e == ERR_OK;
	return e;
}

enum err
tls_read(struct tls *t, uint8_t *data, size_t size, size_t *n)
{
	if (!t->proved)
		return distrust(t, "nothing is read before the server has proved itself");
	int r = wolfSSL_read(t->ssl, data, size > INT32_MAX ? INT32_MAX : (int)size);
	if (r <= 0)
		return explain(t, r);
	*n = (size_t)r;
	return ERR_OK;
}

enum err
tls_write(struct tls *t, const uint8_t *data, size_t len, size_t *n)
{
	if (!t->proved)
		return distrust(t, "nothing is written before the server has proved itself");
	int r = wolfSSL_write(t->ssl, data, len > INT32_MAX ? INT32_MAX : (int)len);
	if (r <= 0)
		return explain(t, r);
	*n = (size_t)r;
	return ERR_OK;
}

short
tls_wants(const struct tls *t)
{
	return t->wants;
}

const char *
tls_why(const struct tls *t)
{
	return t->why;
}
