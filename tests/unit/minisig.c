/*
 * minisig, minikey: texts of minisign. Numbers in comments are those of the adversarial cases.
 */
#include <criterion/criterion.h>
#include <sodium.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "kit.h"
#include "minikey.h"

struct signed_text {
	struct minikey key;
	uint8_t hash[MINISIG_HASH];
	struct minisig sig;
	char text[MINISIG_TEXT_MAX];
	size_t len;
};

static struct signed_text
sign(const char *comment)
{
	struct signed_text s;
	uint8_t seed[MINIKEY_SEED] = {1, 2, 3};

	cr_assert_eq(minikey_make(seed, &s.key), ERR_OK);
	minisig_hash("abc", 3, s.hash);
	cr_assert_eq(minisig_sign(s.key.secret_key, s.hash, comment, &s.sig), ERR_OK);
	cr_assert_eq(minisig_format(&s.sig, s.text, &s.len), ERR_OK);
	return s;
}

static bool
holds(const struct signed_text *s, const char *text, size_t len)
{
	struct minisig sig;

	return minisig_parse(text, len, &sig) == ERR_OK &&
	       minisig_verify(&sig, s->key.public_key, s->hash);
}

Test(minisig, reads_back_what_it_wrote)
{
	struct signed_text s = sign("subota acme");
	struct minisig sig;

	cr_assert_eq(minisig_parse(s.text, s.len, &sig), ERR_OK);
	cr_assert_str_eq(sig.comment, "subota acme");
	cr_assert(minisig_verify(&sig, s.key.public_key, s.hash));
}

Test(minisig, accepts_a_text_of_stock_minisign)
{
	/* minisign 0.11, `minisign -G -W`, `printf 'hi\n' > f`, `minisign -Sm f -t hello` */
	static const char text[] =
	    "untrusted comment: signature from minisign secret key\n"
	    "RUQd0x75wwJhVQMK7kmkio/TztWe5EmiZys3tUjADYiSn7kbli4jERKfvVVdutTIGxkvFFYuwkiig5+T"
	    "kF7mgPPsUlUKuyFUZw8=\n"
	    "trusted comment: hello\n"
	    "KLpIUq/hhYzlm3u+eDXgX3jaqREOBYKYW9y+FyyIjGgfjuAi3KmHDXQ2t80aLVE7JFgpGxYhWnul3Tft"
	    "cjo9DA==\n";
	static const char key[] = "untrusted comment: minisign public key 556102C3F91ED31D\n"
				  "RWQd0x75wwJhVV1SU6wh489RgQL1RlBiIMRd9UebThZ0WHcdvns2GVwv\n";
	struct minisig sig;
	struct minikey k;
	uint8_t hash[MINISIG_HASH];

	cr_assert_eq(minisig_parse(text, strlen(text), &sig), ERR_OK);
	/* the id is a random one: refused until the key was imported ... */
	cr_assert_eq(minikey_parse_public(key, strlen(key), &k, NULL), ERR_MISMATCH);
	minisig_hash("hi\n", 3, hash);
	cr_assert_not(minisig_verify(&sig, k.public_key, hash));
	/* ... but the signatures are right */
	minisig_key_id(k.public_key, sig.key_id);
	cr_assert(minisig_verify(&sig, k.public_key, hash));
}

/* any byte, four masks, and every truncation */
/* trust: 7 9 10 */
Test(minisig, refuses_every_changed_byte_and_every_truncation)
{
	static const uint8_t masks[] = {0x01, 0x20, 0x80, 0xff};
	struct signed_text s = sign("subota acme sensor-9 2.4.1 seq=241 sc=7");

	cr_assert(holds(&s, s.text, s.len));
	for (size_t i = 0; i < s.len; i++)
		for (size_t m = 0; m < sizeof(masks); m++) {
			char copy[MINISIG_TEXT_MAX];

			memcpy(copy, s.text, s.len);
			copy[i] = (char)((uint8_t)copy[i] ^ masks[m]);
			cr_assert_not(holds(&s, copy, s.len), "byte %zu mask %02x", i, masks[m]);
		}
	for (size_t n = 0; n < s.len; n++)
		cr_assert_not(holds(&s, s.text, n), "length %zu", n);
}

/* finding 7: libsodium 1.0.18 reads every byte above 0x7f as '/' */
Test(minisig, refuses_another_spelling_of_a_slash_in_base64)
{
	struct signed_text s = sign("c");
	unsigned slashes = 0;

	for (int n = 0; n < 64 && slashes == 0; n++) {
		char comment[16];

		snprintf(comment, sizeof(comment), "c%d", n);
		s = sign(comment);
		for (char *p = strchr(s.text, '\n'); (p = strchr(p + 1, '/')); slashes++) {
			char was = *p;

			*p = (char)0x80;
			cr_assert_not(holds(&s, s.text, s.len));
			*p = was;
		}
	}
	cr_assert_gt(slashes, 0u, "no slash in 64 signatures");
}

Test(minisig, refuses_bytes_behind_the_text)
{
	struct signed_text s = sign("c");

	s.text[s.len] = '\n';
	cr_assert_not(holds(&s, s.text, s.len + 1));
	cr_assert_not(holds(&s, s.text, MINISIG_TEXT_MAX));
	struct minisig sig;
	char huge[MINISIG_TEXT_MAX + 1] = {0};

	cr_assert_eq(minisig_parse(huge, sizeof(huge), &sig), ERR_LIMIT);
}

/* the legacy kind signs the file itself */
/* trust: 8 */
Test(minisig, refuses_a_valid_legacy_signature)
{
	struct signed_text s = sign("c");
	uint8_t bytes[74];
	char line[sodium_base64_ENCODED_LEN(74, sodium_base64_VARIANT_ORIGINAL)];
	struct minisig sig;

	memcpy(bytes, "Ed", 2);
	memcpy(bytes + 2, s.key.id, 8);
	crypto_sign_detached(bytes + 10, NULL, (const uint8_t *)"abc", 3, s.key.secret_key);
	sodium_bin2base64(line, sizeof(line), bytes, 74, sodium_base64_VARIANT_ORIGINAL);
	memcpy(strchr(s.text, '\n') + 1, line, strlen(line));
	cr_assert_eq(minisig_parse(s.text, s.len, &sig), ERR_UNSUPPORTED);
}

/* trust: 9 */
Test(minisig, refuses_an_unknown_algorithm)
{
	static const char *const names[] = {"EE", "ed", "\0\0", "RS"};

	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		struct signed_text s = sign("c");
		uint8_t bytes[74] = {0};
		char line[sodium_base64_ENCODED_LEN(74, sodium_base64_VARIANT_ORIGINAL)];
		struct minisig sig;

		memcpy(bytes, names[i], 2);
		memcpy(bytes + 10, s.sig.sig, 64);
		sodium_bin2base64(line, sizeof(line), bytes, 74, sodium_base64_VARIANT_ORIGINAL);
		memcpy(strchr(s.text, '\n') + 1, line, strlen(line));
		cr_assert_eq(minisig_parse(s.text, s.len, &sig), ERR_UNSUPPORTED);
	}
}

/* trust: 10 */
Test(minisig, refuses_a_comment_its_second_signature_does_not_cover)
{
	struct signed_text a = sign("one"), b = sign("two");

	memcpy(a.sig.comment, b.sig.comment, sizeof(a.sig.comment));
	cr_assert_not(minisig_verify(&a.sig, a.key.public_key, a.hash));
}

Test(minisig, writes_no_comment_that_would_break_the_line)
{
	struct signed_text s = sign("c");
	char longest[MINISIG_COMMENT_MAX + 2];

	cr_assert_eq(minisig_sign(s.key.secret_key, s.hash, "a\nb", &s.sig), ERR_INVALID);
	cr_assert_eq(minisig_sign(s.key.secret_key, s.hash, "\x1b[2J", &s.sig), ERR_INVALID);
	memset(longest, 'x', sizeof(longest));
	longest[MINISIG_COMMENT_MAX + 1] = 0;
	cr_assert_eq(minisig_sign(s.key.secret_key, s.hash, longest, &s.sig), ERR_INVALID);
	longest[MINISIG_COMMENT_MAX] = 0;
	cr_assert_eq(minisig_sign(s.key.secret_key, s.hash, longest, &s.sig), ERR_OK);
	cr_assert_eq(minisig_format(&s.sig, s.text, &s.len), ERR_OK);
	cr_assert(holds(&s, s.text, s.len));
}

/* under the identity, "R = identity, S = 0" signs everything in wolfCrypt and OpenSSL */
/* trust: 16 */
Test(minisig, refuses_keys_of_small_order_and_forged_scalars)
{
	static const uint8_t identity[MINISIG_PUBLIC] = {1};
	/* order 8, and -1 as a non-canonical encoding of p - 1 + ... (RFC 8032, 5.1.3) */
	static const uint8_t order8[MINISIG_PUBLIC] = {0x26, 0xe8, 0x95, 0x8f, 0xc2, 0xb2, 0x27,
	    0xb0, 0x45, 0xc3, 0xf4, 0x89, 0xf2, 0xef, 0x98, 0xf0, 0xd5, 0xdf, 0xac, 0x05, 0xd3,
	    0xc6, 0x33, 0x39, 0xb1, 0x38, 0x02, 0x88, 0x6d, 0x53, 0xfc, 0x05};
	static const uint8_t zero[MINISIG_PUBLIC];
	uint8_t non_canonical[MINISIG_PUBLIC];
	struct signed_text s = sign("c");

	memset(non_canonical, 0xff, sizeof(non_canonical));
	cr_assert_not(minisig_key_is_sound(identity));
	cr_assert_not(minisig_key_is_sound(order8));
	cr_assert_not(minisig_key_is_sound(zero));
	cr_assert_not(minisig_key_is_sound(non_canonical));
	cr_assert(minisig_key_is_sound(s.key.public_key));
	minisig_key_id(identity, s.sig.key_id);
	memset(s.sig.sig, 0, sizeof(s.sig.sig));
	s.sig.sig[0] = 1;
	memcpy(s.sig.global, s.sig.sig, sizeof(s.sig.sig));
	cr_assert_not(minisig_verify(&s.sig, identity, s.hash));
}

/* S + L is the same number to a careless verifier */
/* trust: 16 */
Test(minisig, refuses_a_scalar_plus_the_group_order_and_all_zeros)
{
	static const uint8_t order[32] = {0xed, 0xd3, 0xf5, 0x5c, 0x1a, 0x63, 0x12, 0x58, 0xd6,
	    0x9c, 0xf7, 0xa2, 0xde, 0xf9, 0xde, 0x14, [31] = 0x10};
	struct signed_text s = sign("c");

	cr_assert(minisig_verify(&s.sig, s.key.public_key, s.hash));
	sodium_add(s.sig.sig + 32, order, sizeof(order));
	cr_assert_not(minisig_verify(&s.sig, s.key.public_key, s.hash));
	memset(s.sig.sig, 0, sizeof(s.sig.sig));
	cr_assert_not(minisig_verify(&s.sig, s.key.public_key, s.hash));
}

Test(minikey, saves_and_loads_both_halves)
{
	AUTO(scratch) char *dir = kit_scratch();
	char pub[128], key[128], why[WHY_SIZE] = "";
	struct minikey made, read;
	struct stat st;

	snprintf(pub, sizeof(pub), "%s/k.pub", dir);
	snprintf(key, sizeof(key), "%s/k.key", dir);
	cr_assert_eq(minikey_make(NULL, &made), ERR_OK);
	cr_assert_eq(minikey_save(&made, pub, key, why), ERR_OK, "%s", why);
	cr_assert_eq(stat(key, &st), 0);
	cr_assert_eq(st.st_mode & 07777, 0600u);
	cr_assert_eq(minikey_load_public(pub, &read, why), ERR_OK, "%s", why);
	cr_assert_arr_eq(read.public_key, made.public_key, MINISIG_PUBLIC);
	cr_assert_eq(minikey_load_secret(key, false, &read, why), ERR_OK, "%s", why);
	cr_assert_arr_eq(&read, &made, sizeof(made));
	cr_assert_eq(minikey_save(&made, pub, key, why), ERR_EXISTS);
	chmod(key, 0640);
	cr_assert_eq(minikey_load_secret(key, false, &read, why), ERR_DENIED);
}

Test(minikey, refuses_what_is_no_unencrypted_key)
{
	struct minikey k;
	char text[MINIKEY_TEXT_MAX], why[WHY_SIZE] = "";
	size_t len = 0;

	cr_assert_eq(minikey_make(NULL, &k), ERR_OK);
	cr_assert_eq(minikey_format_secret(&k, text, &len), ERR_OK);
	for (size_t n = 0; n < len - 1; n++)
		cr_assert_eq(minikey_parse_secret(text, n, true, &k, why), ERR_MALFORMED);
	text[len - 40] ^= 1; /* inside the public half */
	cr_assert_eq(minikey_parse_secret(text, len, true, &k, why), ERR_MALFORMED);
	text[len - 40] ^= 1;
	memcpy(strchr(text, '\n') + 1, "RWRTY0Iy", 8); /* "Ed" "Sc" "B2": scrypt */
	cr_assert_eq(minikey_parse_secret(text, len, true, &k, why), ERR_UNSUPPORTED);
}
