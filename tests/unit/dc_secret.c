/*
 * dc_secret: golden passwords are accepted, and refused with the right code when anything in them
 * is changed.
 */
#include <criterion/criterion.h>
#include <string.h>

#include "dc_secret.h"
#include "vectors.h"

/* What the platform says to a password, given what it knows about the device. */
static enum dc_code
judge(const char *password, const char *ps, const char *dk, const char *ds)
{
	struct dc_password pw;
	enum dc_code code = dc_secret_split(password, &pw);

	if (code != DC_CODE_OK)
		return code;
	return pw.is_register ? dc_secret_check_register(ps, dk, pw.blob)
			      : dc_secret_check_connect(ps, ds, pw.random, pw.sign, DC_CODE_DS);
}

Test(dc_secret, golden_passwords_are_accepted)
{
	AUTO(vectors) cJSON *doc = vectors_load();
	const cJSON *row = NULL;
	int n = 0;

	cJSON_ArrayForEach(row, cJSON_GetObjectItem(doc, "passwords"))
	{
		struct dc_password pw;

		cr_expect_eq(judge(vectors_text(row, "password"), vectors_text(row, "ps"),
				 vectors_text(row, "dk"), vectors_text(row, "ds")),
		    DC_CODE_OK, "%s", vectors_text(row, "password"));
		cr_assert_eq(dc_secret_split(vectors_text(row, "password"), &pw), DC_CODE_OK);
		cr_expect_eq(pw.encrypt, cJSON_GetObjectItem(row, "session_flag")->valueint);
		cr_expect_eq(pw.is_register, strcmp(vectors_text(row, "kind"), "register") == 0);
		n++;
	}
	cr_expect_eq(n, 5);
}

Test(dc_secret, a_golden_password_with_any_other_character_is_refused)
{
	AUTO(vectors) cJSON *doc = vectors_load();
	const cJSON *row = NULL;

	cJSON_ArrayForEach(row, cJSON_GetObjectItem(doc, "passwords"))
	{
		char text[512];
		size_t n = (size_t)snprintf(
		    text, sizeof(text), "%s", vectors_text(row, "password"));
		struct dc_password pw;

		for (size_t i = 0; i < n; i++) {
			char kept = text[i];

			text[i] = kept == 'x' ? 'y' : 'x';
			enum dc_code code = judge(text, vectors_text(row, "ps"),
			    vectors_text(row, "dk"), vectors_text(row, "ds"));
			/* The product key of a registration is compared with the client id
			 * elsewhere. */
			bool is_pk = !dc_secret_split(text, &pw) ||
				     (pw.is_register &&
					 strcmp(pw.pk, vectors_text(row, "pk")) != 0);
			cr_expect(code != DC_CODE_OK || is_pk, "%s is accepted", text);
			text[i] = kept;
		}
	}
}

Test(dc_secret, a_wrong_secret_is_told_from_a_wrong_signature)
{
	AUTO(vectors) cJSON *doc = vectors_load();
	const cJSON *rows = cJSON_GetObjectItem(doc, "passwords");
	const char *reg = vectors_text(cJSON_GetArrayItem(rows, 0), "password");
	const char *con = vectors_text(cJSON_GetArrayItem(rows, 2), "password");
	const char *ps = vectors_text(cJSON_GetArrayItem(rows, 0), "ps");

	cr_expect_eq(judge(reg, "d2c5Q1FsVWpwT1k4", "860000000000001", ""), DC_CODE_DECODE);
	cr_expect_eq(judge(reg, ps, "860000000000002", ""), DC_CODE_CLIENT_ID);
	cr_expect_eq(judge(con, ps, "", "2c8e8a105e5c4c0fa3787deb7e96ede8"), DC_CODE_DS);
}

Test(dc_secret, what_is_no_password_gets_its_code)
{
	static const struct {
		const char *text;
		enum dc_code code;
	} rows[] = {
	    {"", DC_CODE_DECODE},
	    {"1", DC_CODE_DECODE},
	    {"2;0000;a;b", DC_CODE_AUTH_VERSION},
	    {"1;0002;0123456789ABCDEF;x", DC_CODE_FLAG},
	    {"1;000;0123456789ABCDEF;x", DC_CODE_FLAG},
	    {"1;00000;0123456789ABCDEF;x", DC_CODE_DECODE},
	    {"1;0000;0123456789ABCDE;x", DC_CODE_RANDOM},
	    {"1;0000;0123456789ABCDE!;x", DC_CODE_RANDOM},
	    {"1;0000;0123456789ABCDEF0;x", DC_CODE_DECODE},
	    {"1;0000;0123456789ABCDEF", DC_CODE_DECODE},
	    {"1;0000;0123456789ABCDEF;x;y", DC_CODE_DECODE},
	    {"0;0000;p1115X;not base64", DC_CODE_DECODE},
	    {"0;0000;p1115X;QUJD", DC_CODE_DECODE},
	    {"0;0000;p1115X;", DC_CODE_DECODE},
	    {"0;0000;012345678901234567890123456789012;QUJD", DC_CODE_DECODE},
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		cr_expect_eq(judge(rows[i].text, "d2c5Q1FsVWpwT1k3", "860000000000001",
				 "2c8e8a105e5c4c0fa3787deb7e96ede7"),
		    rows[i].code, "%s", rows[i].text);
}

Test(dc_secret, the_session_cipher_equals_the_recorded_one)
{
	AUTO(vectors) cJSON *doc = vectors_load();
	const cJSON *row = NULL;
	uint8_t out[600];
	size_t n;

	cJSON_ArrayForEach(row, cJSON_GetObjectItem(doc, "aes_session"))
	{
		AUTO(mem) struct vectors_bytes *key = vectors_hex(row, "session_key");
		AUTO(mem) struct vectors_bytes *plain = vectors_hex(row, "plaintext");
		AUTO(mem) struct vectors_bytes *sealed = vectors_hex(row, "ciphertext");

		cr_assert_eq(
		    dc_secret_encrypt(key->data, key->len, plain->data, plain->len, out, &n),
		    ERR_OK);
		cr_assert_eq(n, sealed->len);
		cr_expect_arr_eq(out, sealed->data, n);
		cr_assert_eq(
		    dc_secret_decrypt(key->data, key->len, sealed->data, sealed->len, out, &n),
		    ERR_OK);
		cr_assert_eq(n, plain->len);
		cr_expect_arr_eq(out, plain->data, n);
		cr_expect_neq(
		    dc_secret_decrypt(key->data, key->len, sealed->data, sealed->len - 1, out, &n),
		    ERR_OK);
		cr_expect_neq(
		    dc_secret_decrypt(key->data, key->len, sealed->data, 0, out, &n), ERR_OK);
	}
}

Test(dc_secret, a_device_secret_is_wrapped_as_recorded)
{
	AUTO(vectors) cJSON *doc = vectors_load();
	const cJSON *v = cJSON_GetObjectItem(doc, "ds_encrypted_form");
	char out[80];

	cr_assert_eq(
	    dc_secret_wrap_ds(vectors_text(v, "ps"), vectors_text(v, "ds"), out, sizeof(out)),
	    ERR_OK);
	cr_expect_str_eq(out, vectors_text(v, "base64_aes"));
	cr_expect_eq(
	    dc_secret_wrap_ds(vectors_text(v, "ps"), vectors_text(v, "ds"), out, 64), ERR_LIMIT);
}
