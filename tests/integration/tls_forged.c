/*
 * cloudd's TLS client against bytes that no library sends: made by hand, after the trust
 * specification's finding 1. The server holds the connection open, so a refusal is the client's own
 * doing; and what the client offers is looked at, too.
 */
#include <criterion/criterion.h>
#include <openssl/bn.h>
#include <openssl/ssl.h>

#include "tls_case.h"

enum { ALERT = 21, HANDSHAKE = 22, CHANGE_CIPHER = 20, APPLICATION = 23 };
enum { ADH_AES128_SHA = 0x0034, SHA256_SHA256 = 0xc0b4, RAW_MAX = 2048 };

TestSuite(tls_forged, .timeout = 60);

struct raw {
	uint8_t data[RAW_MAX];
	size_t len;
};

static void
add(struct raw *r, const void *data, size_t len)
{
	cr_assert_leq(r->len + len, sizeof(r->data));
	memcpy(r->data + r->len, data, len);
	r->len += len;
}

static void
add_number(struct raw *r, size_t value, unsigned bytes)
{
	while (bytes-- > 0)
		add(r, &(uint8_t){(uint8_t)(value >> 8 * bytes)}, 1);
}

/* One handshake message in a record of its own. */
static void
add_message(struct raw *r, unsigned type, const struct raw *body)
{
	add_number(r, HANDSHAKE, 1);
	add_number(r, 0x0303, 2);
	add_number(r, body->len + 4, 2);
	add_number(r, type, 1);
	add_number(r, body->len, 3);
	add(r, body->data, body->len);
}

static void
add_hello(struct raw *r, unsigned suite, const struct raw *extensions)
{
	uint8_t random[32];
	struct raw body = {0};

	memset(random, 0x5a, sizeof(random));
	add_number(&body, 0x0303, 2);
	add(&body, random, sizeof(random));
	add_number(&body, 0, 1); /* session id */
	add_number(&body, suite, 2);
	add_number(&body, 0, 1); /* compression */
	if (extensions) {
		add_number(&body, extensions->len, 2);
		add(&body, extensions->data, extensions->len);
	}
	add_message(r, 2, &body);
}

/* ServerHello, anonymous ServerKeyExchange, ServerHelloDone. */
static void
make_anonymous_12(struct raw *r, bool extended)
{
	struct raw extensions = {0}, exchange = {0}, done = {0};
	BIGNUM *p = BN_get_rfc3526_prime_2048(NULL), *g = BN_new(), *x = BN_new(), *y = BN_new();
	BN_CTX *ctx = BN_CTX_new();
	uint8_t number[256];

	cr_assert(BN_set_word(g, 2) && BN_rand(x, 256, 0, 0) && BN_mod_exp(y, g, x, p, ctx));
	cr_assert_eq(BN_bn2binpad(p, number, sizeof(number)), sizeof(number));
	add_number(&exchange, sizeof(number), 2);
	add(&exchange, number, sizeof(number));
	add_number(&exchange, 1, 2);
	add_number(&exchange, 2, 1);
	cr_assert_eq(BN_bn2binpad(y, number, sizeof(number)), sizeof(number));
	add_number(&exchange, sizeof(number), 2);
	add(&exchange, number, sizeof(number));
	add_number(&extensions, 0x0017, 2); /* extended master secret */
	add_number(&extensions, 0, 2);
	add_hello(r, ADH_AES128_SHA, extended ? &extensions : NULL);
	add_message(r, 12, &exchange);
	add_message(r, 14, &done);
	BN_free(p);
	BN_free(g);
	BN_free(x);
	BN_free(y);
	BN_CTX_free(ctx);
}

/* ServerHello of TLS 1.3 with a true key share on P-256. */
static void
make_hello_13(struct raw *r, unsigned suite)
{
	EVP_PKEY *key = EVP_EC_gen("P-256");
	struct raw extensions = {0};
	unsigned char *point = NULL;
	size_t len = EVP_PKEY_get1_encoded_public_key(key, &point);

	cr_assert_eq(len, 65);
	add_number(&extensions, 0x002b, 2);
	add_number(&extensions, 2, 2);
	add_number(&extensions, 0x0304, 2);
	add_number(&extensions, 0x0033, 2);
	add_number(&extensions, len + 4, 2);
	add_number(&extensions, 0x0017, 2);
	add_number(&extensions, len, 2);
	add(&extensions, point, len);
	add_hello(r, suite, &extensions);
	OPENSSL_free(point);
	EVP_PKEY_free(key);
}

/* The client gives up by itself, sends neither keys nor data. One record is the ClientHello's. */
static void
expect_refusal(const struct raw *r, const char *what)
{
	AUTO(tls_case) struct tls_case *c = tls_case_open();
	const struct tls_server_plan plan = {.raw = r->data, .raw_len = r->len};

	for (int tls12 = 0; tls12 < 2; tls12++) {
		struct tls_case_end end = {0};

		c->set.tls12 = tls12;
		tls_case_try(c, &plan, &end);
		cr_expect(end.err != ERR_OK && end.err != ERR_AGAIN,
		    "%s, TLS 1.%d: expected a refusal, got %s", what, 3 - tls12, err_name(end.err));
		cr_expect_eq(
		    end.seen.records[HANDSHAKE], 1, "%s, TLS 1.%d: it went on", what, 3 - tls12);
		cr_expect_eq(end.seen.records[CHANGE_CIPHER], 0);
		cr_expect_eq(end.seen.records[APPLICATION], 0);
	}
}

/* trust: 68 */
Test(tls_forged, a_suite_that_was_not_offered_is_refused_after_a_1_3_offer)
{
	/* wolfSSL reads the two kinds of ServerHello on different ways; the second one is the
	 * way of CVE-2024-5814 */
	for (int extended = 0; extended < 2; extended++) {
		struct raw r = {0};

		make_anonymous_12(&r, extended);
		expect_refusal(&r, "anonymous Diffie-Hellman in a TLS 1.2 ServerHello");
	}
}

/* trust: 68 */
Test(tls_forged, a_1_3_hello_with_a_suite_that_was_not_offered_is_refused)
{
	struct raw r = {0};

	make_hello_13(&r, SHA256_SHA256);
	expect_refusal(&r, "an integrity-only suite in a TLS 1.3 ServerHello");
}

#define BYTES(text) \
	{ \
		sizeof(text) - 1, text \
	}

Test(tls_forged, garbage_is_refused)
{
	static const struct {
		size_t len;
		char text[40];
	} rows[] = {
	    BYTES("HTTP/1.1 400 Bad Request\r\n\r\n"), BYTES("220 mail.example ESMTP\r\n"),
	    BYTES("\x20\x02\x00\x00\x20\x02\x00\x00"), /* CONNACK */
	    BYTES("\x15\x03\x03\x00\x02\x02\x28"),     /* an alert */
	    BYTES("\x16\x03\x03\xff\xff garbage"),     /* too long a record */
	};
	uint32_t x = 1;

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct raw r = {0};

		add(&r, rows[i].text, rows[i].len);
		while (r.len < 600)
			add_number(&r, (x = x * 1664525u + 1013904223u) >> 24, 1);
		expect_refusal(&r, rows[i].text);
	}
}

/* The cipher suites of a ClientHello in its first record. */
static size_t
offered_suites(const struct tls_server_seen *seen, unsigned out[], size_t max)
{
	size_t at = 5 + 4 + 2 + 32, n = 0;

	cr_assert_gt(seen->hello_len, at);
	at += 1 + (size_t)seen->hello[at];
	size_t end = at + 2 + ((size_t)seen->hello[at] << 8 | seen->hello[at + 1]);
	cr_assert_leq(end, seen->hello_len);
	for (at += 2; at < end && n < max; at += 2)
		out[n++] = (unsigned)seen->hello[at] << 8 | seen->hello[at + 1];
	return n;
}

/* trust: 67 */
Test(tls_forged, only_the_suites_of_the_profile_are_offered)
{
	static const unsigned wanted[2][7] = {
	    {0x1301, 0x1302, 0x1303, 0}, {0xc02b, 0xc02f, 0xc02c, 0xc030, 0xcca9, 0xcca8, 0}};
	AUTO(tls_case) struct tls_case *c = tls_case_open();
	const struct tls_server_plan plan = {.raw = (const uint8_t *)"no", .raw_len = 2};

	for (int tls12 = 0; tls12 < 2; tls12++) {
		struct tls_case_end end = {0};
		unsigned got[40] = {0};

		c->set.tls12 = tls12;
		c->patience_ms = 300;
		tls_case_try(c, &plan, &end);
		size_t n = offered_suites(&end.seen, got, 40);
		for (size_t i = 0; i < n; i++) {
			bool known = got[i] == 0x00ff; /* renegotiation is not offered */

			for (size_t k = 0; wanted[tls12][k]; k++)
				known = known || wanted[tls12][k] == got[i];
			cr_expect(known, "TLS 1.%d: suite %04x is offered", 3 - tls12, got[i]);
		}
	}
}
