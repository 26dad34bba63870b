/*
 * tls_spki: the public key inside a certificate, here the smallest thing with a certificate's
 * shape.
 */
#include <criterion/criterion.h>
#include <string.h>

#include "tls_spki.h"

/* SEQUENCE { SEQUENCE { [0] version, serial, algorithm, issuer, validity, subject, key, more } } */
static const uint8_t with_version[] = {0x30, 0x1a, 0x30, 0x18, 0xa0, 0x03, 0x02, 0x01, 0x02, 0x02,
    0x01, 0x07, 0x30, 0x00, 0x30, 0x00, 0x30, 0x00, 0x30, 0x00, 0x30, 0x03, 0x03, 0x01, 0x55, 0xa3,
    0x01, 0x00};
static const size_t key_at = 20, key_size = 5;

Test(tls_spki, finds_the_key_with_and_without_a_version)
{
	const uint8_t *key = NULL;
	uint8_t without[sizeof(with_version)];
	size_t len = 0;

	cr_assert_eq(tls_spki_find(with_version, sizeof(with_version), &key, &len), ERR_OK);
	cr_expect_eq(key - with_version, (ptrdiff_t)key_at);
	cr_expect_eq(len, key_size);
	memcpy(without, with_version, 4);
	memcpy(without + 4, with_version + 9, sizeof(without) - 9);
	without[1] -= 5;
	without[3] -= 5;
	cr_assert_eq(tls_spki_find(without, sizeof(without) - 5, &key, &len), ERR_OK);
	cr_expect_eq(key - without, (ptrdiff_t)key_at - 5);
	cr_expect_eq(len, key_size);
}

Test(tls_spki, takes_long_lengths)
{
	uint8_t der[sizeof(with_version) + 2] = {0x30, 0x82, 0x00, 0x1a};
	const uint8_t *key = NULL;
	size_t len = 0;

	memcpy(der + 4, with_version + 2, sizeof(with_version) - 2);
	cr_expect_eq(tls_spki_find(der, sizeof(der), &key, &len), ERR_OK);
	der[1] = 0x84; /* longer than any certificate */
	cr_expect_eq(tls_spki_find(der, sizeof(der), &key, &len), ERR_MALFORMED);
	der[1] = 0x80; /* no length at all */
	cr_expect_eq(tls_spki_find(der, sizeof(der), &key, &len), ERR_MALFORMED);
}

Test(tls_spki, refuses_every_truncation_and_every_odd_shape)
{
	const uint8_t *key = NULL;
	uint8_t der[sizeof(with_version)];
	size_t len = 0;

	for (size_t n = 0; n < sizeof(with_version); n++)
		cr_expect_eq(tls_spki_find(with_version, n, &key, &len), ERR_MALFORMED);
	for (size_t i = 1; i < key_at + 2; i++) {
		memcpy(der, with_version, sizeof(der));
		der[i] = 0xff;
		if (!tls_spki_find(der, sizeof(der), &key, &len))
			cr_expect(key >= der && len <= (size_t)(der + sizeof(der) - key));
	}
	memcpy(der, with_version, sizeof(der));
	der[key_at] = 0x31; /* a SET where the key should be */
	cr_expect_eq(tls_spki_find(der, sizeof(der), &key, &len), ERR_MALFORMED);
}

Test(tls_spki, parses_a_pin_of_64_digits_only)
{
	char hex[66] = "00112233445566778899aabbccddeeffFFEEDDCCBBAA99887766554433221100";
	uint8_t pin[TLS_SPKI_DIGEST] = {0};

	cr_assert_eq(tls_spki_parse_pin(hex, pin), ERR_OK);
	cr_expect_eq(pin[0], 0x00);
	cr_expect_eq(pin[15], 0xff);
	cr_expect_eq(pin[17], 0xee);
	hex[64] = '0';
	cr_expect_eq(tls_spki_parse_pin(hex, pin), ERR_INVALID);
	hex[63] = '\0';
	cr_expect_eq(tls_spki_parse_pin(hex, pin), ERR_INVALID);
	cr_expect_eq(tls_spki_parse_pin("", pin), ERR_INVALID);
	memcpy(hex, "0x", 2);
	hex[63] = '0';
	hex[64] = '\0';
	cr_expect_eq(tls_spki_parse_pin(hex, pin), ERR_INVALID);
}
