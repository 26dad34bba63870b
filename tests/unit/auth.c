/*
 * auth: golden passwords, device secret and payload cipher in both directions; what is refused.
 */
#include <criterion/criterion.h>
#include <openssl/evp.h>
#include <stdlib.h>
#include <string.h>

#include "auth.h"
#include "vectors.h"

static struct auth
auth_of(const cJSON *v)
{
	return (struct auth){
	    .product_key = vectors_text(v, "pk"),
	    .product_secret = vectors_text(v, "ps"),
	    .device_key = vectors_text(v, "dk"),
	    .device_secret = vectors_text(v, "ds"),
	    .random = vectors_text(v, "random"),
	    .want_session_key = cJSON_GetObjectItem(v, "session_flag")->valueint == 1,
	};
}

Test(auth, makes_every_golden_password)
{
	AUTO(vectors) cJSON *doc = vectors_load();
	const cJSON *v = NULL;
	char password[AUTH_PASSWORD_SIZE];
	int n = 0;

	cJSON_ArrayForEach(v, cJSON_GetObjectItem(doc, "passwords"))
	{
		struct auth a = auth_of(v);

		cr_assert_eq(auth_password(&a, password), ERR_OK);
		cr_expect_str_eq(password, vectors_text(v, "password"));
		n++;
	}
	cr_expect_eq(n, 5);
}

Test(auth, opens_the_blob_of_a_golden_registration)
{
	AUTO(vectors) cJSON *doc = vectors_load();
	const cJSON *v = cJSON_GetArrayItem(cJSON_GetObjectItem(doc, "passwords"), 0);
	const char *ps = vectors_text(v, "ps"), *want = vectors_text(v, "aes_plaintext");
	struct auth a = auth_of(v);
	char blob[AUTH_BLOB_SIZE];
	uint8_t raw[AUTH_BLOB_SIZE], plain[AUTH_BLOB_SIZE];
	size_t len = 0;

	cr_assert_eq(auth_blob(&a, blob), ERR_OK);
	int n = EVP_DecodeBlock(raw, (unsigned char *)blob, (int)strlen(blob));
	n -= blob[strlen(blob) - 1] == '=';
	cr_assert_eq(auth_open(ps, strlen(ps), raw, (size_t)n, plain, sizeof(plain), &len), ERR_OK);
	cr_assert_eq(len, strlen(want));
	cr_expect_eq(memcmp(plain, want, len), 0);
}

Test(auth, refuses_to_sign_with_fields_that_cannot_be)
{
	static const char ds[] = "2c8e8a105e5c4c0fa3787deb7e96ede7";
	static const char long_33[] = "123456789012345678901234567890123";
	struct auth good = {"p1115X", "d2c5Q1FsVWpwT1k3", "GW01", ds, "0123456789ABCDEF", false};
	struct auth a = good;
	char password[AUTH_PASSWORD_SIZE], signature[AUTH_SIGN_SIZE];

	cr_assert_eq(auth_password(&a, password), ERR_OK);
	a.product_secret = "15_bytes_secret";
	cr_expect_eq(auth_password(&a, password), ERR_INVALID, "its first 16 bytes are a key");
	a = good, a.product_key = "";
	cr_expect_eq(auth_password(&a, password), ERR_INVALID);
	a = good, a.device_key = long_33;
	cr_expect_eq(auth_password(&a, password), ERR_INVALID);
	a = good, a.device_secret = long_33;
	cr_expect_eq(auth_password(&a, password), ERR_INVALID);
	a = good, a.random = "short";
	cr_expect_eq(auth_password(&a, password), ERR_INVALID);
	a = good, a.device_secret = NULL;
	cr_expect_eq(auth_sign(&a, signature), ERR_INVALID, "a login needs a device secret");
	a = (struct auth){long_33 + 1, long_33 + 1, long_33 + 1, NULL, "0123456789ABCDEF", true};
	cr_expect_eq(auth_password(&a, password), ERR_OK, "the longest of each fits");
}

Test(auth, seals_and_opens_golden_payloads)
{
	AUTO(vectors) cJSON *doc = vectors_load();
	const cJSON *v = NULL;
	uint8_t out[256];
	size_t len = 0;
	int n = 0;

	cJSON_ArrayForEach(v, cJSON_GetObjectItem(doc, "aes_session"))
	{
		AUTO(mem) struct vectors_bytes *key = vectors_hex(v, "session_key");
		AUTO(mem) struct vectors_bytes *plain = vectors_hex(v, "plaintext");
		AUTO(mem) struct vectors_bytes *sealed = vectors_hex(v, "ciphertext");

		cr_assert_eq(
		    auth_seal(key->data, key->len, plain->data, plain->len, out, sizeof(out), &len),
		    ERR_OK);
		cr_assert_eq(len, sealed->len);
		cr_expect_eq(memcmp(out, sealed->data, len), 0);
		cr_assert_eq(auth_open(key->data, key->len, sealed->data, sealed->len, out,
				 sizeof(out), &len),
		    ERR_OK);
		cr_assert_eq(len, plain->len);
		cr_expect_eq(memcmp(out, plain->data, len), 0);
		n++;
	}
	cr_expect_eq(n, 3);
}

Test(auth, gives_a_full_block_of_padding_to_a_full_block)
{
	uint8_t in[16] = {0}, out[32];
	size_t len = 0;

	cr_expect_eq(auth_seal("0123456789abcdef", 16, in, 16, out, 31, &len), ERR_LIMIT);
	cr_assert_eq(auth_seal("0123456789abcdef", 16, in, 16, out, 32, &len), ERR_OK);
	cr_expect_eq(len, 32);
	cr_assert_eq(auth_seal("0123456789abcdef", 16, in, 0, out, 16, &len), ERR_OK);
	cr_assert_eq(auth_open("0123456789abcdef", 16, out, 16, out, 16, &len), ERR_OK);
	cr_expect_eq(len, 0);
}

Test(auth, refuses_ciphertext_that_is_none)
{
	uint8_t in[32] = {1, 2, 3}, out[32];
	size_t len = 0;

	cr_expect_eq(auth_open("0123456789abcdef", 16, in, 0, out, 32, &len), ERR_MALFORMED);
	cr_expect_eq(auth_open("0123456789abcdef", 16, in, 31, out, 32, &len), ERR_MALFORMED);
	cr_expect_eq(auth_open("0123456789abcdef", 16, in, 32, out, 32, &len), ERR_MALFORMED);
	cr_expect_eq(auth_open("0123456789abcdef", 16, in, 32, out, 31, &len), ERR_LIMIT);
	cr_expect_eq(auth_open("0123456789abcde", 15, in, 32, out, 32, &len), ERR_INVALID);
}

Test(auth, opens_the_golden_device_secret)
{
	AUTO(vectors) cJSON *doc = vectors_load();
	const cJSON *v = cJSON_GetObjectItem(doc, "ds_encrypted_form");
	const char *sealed = vectors_text(v, "base64_aes"), *ps = vectors_text(v, "ps");
	char ds[AUTH_KEY_MAX + 1];

	cr_assert_eq(auth_device_secret(ps, sealed, ds), ERR_OK);
	cr_expect_str_eq(ds, vectors_text(v, "ds"));
	cr_expect_eq(auth_device_secret("d2c5Q1FsVWpwT1k4", sealed, ds), ERR_MALFORMED);
	cr_expect_eq(auth_device_secret(ps, "", ds), ERR_MALFORMED);
	cr_expect_eq(auth_device_secret(ps, "====", ds), ERR_MALFORMED);
	cr_expect_eq(auth_device_secret(ps, "    ", ds), ERR_MALFORMED);
	cr_expect_eq(auth_device_secret(ps, "2iKcFleFzN2uzW2f", ds), ERR_MALFORMED);
	cr_expect_eq(auth_device_secret(ps, sealed + 1, ds), ERR_MALFORMED);
}

Test(auth, takes_a_session_key_with_and_without_padding)
{
	static const char ds[] = "2c8e8a105e5c4c0fa3787deb7e96ede7";
	uint8_t key[16] = "ABCDEFGHIJKLMNOP", sealed[32], out[16];
	size_t len = 0;

	cr_assert_eq(auth_seal(ds, 32, key, 16, sealed, sizeof(sealed), &len), ERR_OK);
	cr_assert_eq(auth_session_key(ds, sealed, 32, out), ERR_OK);
	cr_expect_eq(memcmp(out, key, 16), 0);
	memset(out, 0, sizeof(out));
	cr_assert_eq(auth_session_key(ds, sealed, 16, out), ERR_OK);
	cr_expect_eq(memcmp(out, key, 16), 0);
	cr_expect_eq(auth_session_key(ds, sealed, 31, out), ERR_MALFORMED);
	cr_expect_eq(auth_session_key(ds, sealed, 0, out), ERR_MALFORMED);
	sealed[31] ^= 1;
	cr_expect_eq(auth_session_key(ds, sealed, 32, out), ERR_MALFORMED);
}

Test(auth, makes_random_text_of_the_platforms_alphabet)
{
	uint8_t random[AUTH_RANDOM];
	char text[AUTH_RANDOM + 1];

	for (unsigned i = 0; i < 256; i += AUTH_RANDOM) {
		for (unsigned k = 0; k < AUTH_RANDOM; k++)
			random[k] = (uint8_t)(i + k);
		auth_random_text(random, text);
		cr_expect_eq(strlen(text), AUTH_RANDOM);
		cr_expect_eq(
		    strspn(text, "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"),
		    AUTH_RANDOM);
	}
}
