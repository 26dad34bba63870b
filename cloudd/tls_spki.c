/*
 * tls_spki: see tls_spki.h. Certificate ::= SEQUENCE { TBSCertificate, ... }, TBSCertificate ::=
 * SEQUENCE { [0] version?, serial, signature, issuer, validity, subject, subjectPublicKeyInfo,
 * ...}.
 */
#include <stdio.h>
#include <string.h>

#include "tls_spki.h"

enum { SEQUENCE = 0x30, VERSION = 0xa0, LONG_FORM = 0x80, BEFORE_KEY = 5 };

struct der {
	const uint8_t *at;
	size_t left;
};

/* The next element: its tag, its contents, and its bytes in all. */
static enum err
take(struct der *d, uint8_t *tag, struct der *body, struct der *whole)
{
	size_t head = 2, len = 0;

	if (d->left < head)
		return ERR_MALFORMED;
	*tag = d->at[0];
	len = d->at[1];
	if (len & LONG_FORM) {
		size_t n = len & 0x7f;

		if (n == 0 || n > 3 || d->left < head + n)
			return ERR_MALFORMED;
		len = 0;
		for (size_t i = 0; i < n; i++)
			len = len << 8 | d->at[head + i];
		head += n;
	}
	if (len > d->left - head)
		return ERR_MALFORMED;
	*body = (struct der){d->at + head, len};
	*whole = (struct der){d->at, head + len};
	d->at += head + len;
	d->left -= head + len;
	return ERR_OK;
}

enum err
tls_spki_find(const uint8_t *der, size_t len, const uint8_t **key, size_t *key_len)
{
	struct der d = {der, len}, body = {0}, whole = {0};
	uint8_t tag = 0;

	for (int depth = 0; depth < 2; depth++) {
		if (take(&d, &tag, &body, &whole) || tag != SEQUENCE)
			return ERR_MALFORMED;
		d = body;
	}
	if (d.left && d.at[0] == VERSION && take(&d, &tag, &body, &whole))
		return ERR_MALFORMED;
	for (int i = 0; i <= BEFORE_KEY; i++)
		if (take(&d, &tag, &body, &whole))
			return ERR_MALFORMED;
	if (tag != SEQUENCE)
		return ERR_MALFORMED;
	*key = whole.at;
	*key_len = whole.left;
	return ERR_OK;
}

enum err
tls_spki_parse_pin(const char *hex, uint8_t out[TLS_SPKI_DIGEST])
{
	if (strlen(hex) != 2 * TLS_SPKI_DIGEST ||
	    strspn(hex, "0123456789abcdefABCDEF") != 2 * TLS_SPKI_DIGEST)
		return ERR_INVALID;
	for (int i = 0; i < TLS_SPKI_DIGEST; i++) {
		unsigned value = 0;

		if (sscanf(hex + 2 * i, "%2x", &value) != 1)
			return ERR_INVALID;
		out[i] = (uint8_t)value;
	}
	return ERR_OK;
}
