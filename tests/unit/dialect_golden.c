/*
 * dialect_golden: golden OTA messages in both directions, and the recorded sessions of the
 * platform's SDK replayed: what it sent is made again byte for byte, what it was sent is
 * understood.
 */
#include <criterion/criterion.h>
#include <openssl/evp.h>
#include <stdlib.h>
#include <string.h>

#include "auth.h"
#include "dialect.h"
#include "dp.h"
#include "vectors.h"

static const struct profile *
p1(void)
{
	return profile_find("p1");
}

/* --- what the SDK sent, made by us ------------------------------------------------------------ */

/* Put the message again that was read from `f`, with our own functions. */
static void
put_again(struct ttlv_writer *w, const struct dp *f)
{
	static struct ttlv t;
	struct dialect_report r = {0};
	char texts[16][600] = {{0}};
	int64_t v = 0;

	cr_assert_eq(ttlv_parse(f->payload, f->len, &t), ERR_OK);
	for (uint16_t id = 1; id < 16; id++)
		(void)!ttlv_text(ttlv_find(&t, 0, t.n, id), texts[id], sizeof(texts[id]));
	(void)!ttlv_text(ttlv_find(&t, 0, t.n, 25), texts[0], sizeof(texts[0]));
	(void)!ttlv_text(ttlv_find(&t, 0, t.n, 26), texts[15], sizeof(texts[15]));
	switch (f->command) {
	case DIALECT_STATE:
		dialect_put_state(
		    w, &(struct dialect_state){true, true, true, true, 87, 3850, -63, 4194304});
		return;
	case DIALECT_INFO:
		dialect_put_info(w, &(struct dialect_info){texts[1], texts[2], texts[3], texts[5],
					texts[11], texts[12], texts[13], texts[14]});
		return;
	case DIALECT_OTA_REQUEST:
		dialect_put_request(w, texts[0], texts[15]);
		return;
	case DIALECT_OTA_STATUS:
		cr_assert_eq(ttlv_int(ttlv_find(&t, 0, t.n, 13), 1, 12, &v), ERR_OK);
		r.status = (int)v;
		cr_assert_eq(ttlv_int(ttlv_find(&t, 0, t.n, 7), 0, 1, &v), ERR_OK);
		r.type = (int)v;
		r.component = texts[4];
		r.ask_sha256 = ttlv_find(&t, 0, t.n, 19);
		r.version = texts[0];
		r.mcu_versions = texts[15];
		dialect_put_report(w, &r);
		return;
	default:
		cr_assert_fail("a command that this test does not know: %04x", f->command);
	}
}

/* Our frame for the same values; its bytes must be the SDK's. */
static void
expect_made_again(const uint8_t *frame, size_t len, const char *name)
{
	static uint8_t buffer[4096], again[4096];
	uint8_t payload[DIALECT_PAYLOAD_MAX];
	struct ttlv_writer w = TTLV_WRITER(payload);
	struct dp f;
	size_t n = 0;

	cr_assert_eq(dp_parse(frame, len, buffer, sizeof(buffer), &f), ERR_OK, "%s", name);
	put_again(&w, &f);
	f.payload = payload;
	cr_assert_eq(ttlv_put_end(&w, &f.len), ERR_OK, "%s", name);
	cr_assert_eq(dp_format(&f, again, sizeof(again), &n), ERR_OK, "%s", name);
	cr_assert_eq(n, len, "%s", name);
	cr_expect_eq(memcmp(again, frame, n), 0, "%s: other bytes", name);
}

/* What comes down must be understood. */
static void
expect_understood(const uint8_t *frame, size_t len, const char *name)
{
	static uint8_t buffer[4096];
	static struct dialect_notice notice;
	static struct dialect_firmware firmware;
	struct dialect_configure configure;
	struct dialect_reply reply;
	char why[WHY_SIZE] = "";
	struct dp f;
	enum err e = ERR_UNSUPPORTED;

	cr_assert_eq(dp_parse(frame, len, buffer, sizeof(buffer), &f), ERR_OK, "%s", name);
	if (f.command == DIALECT_PLAN)
		e = dialect_parse_notice(p1(), f.payload, f.len, &notice, why);
	else if (f.command == DIALECT_FIRMWARE)
		e = dialect_parse_firmware(p1(), f.payload, f.len, &firmware, why);
	else if (f.command == DIALECT_CONFIGURE)
		e = dialect_parse_configure(f.payload, f.len, &configure, why);
	else if (f.command == DIALECT_EXCEPTION)
		e = dialect_parse_exception(p1(), f.payload, f.len, &reply, why);
	cr_expect_eq(e, ERR_OK, "%s: %s %s", name, err_name(e), why);
}

Test(dialect_golden, makes_and_understands_every_golden_ota_message)
{
	AUTO(vectors) cJSON *doc = vectors_load();
	const cJSON *v = NULL;
	int n = 0;

	cJSON_ArrayForEach(v, cJSON_GetObjectItem(doc, "ota_messages"))
	{
		AUTO(mem) struct vectors_bytes *b = vectors_hex(v, "frame");
		const char *name = vectors_text(v, "name");

		if (strcmp(vectors_text(v, "direction"), "device to cloud") == 0)
			expect_made_again(b->data, b->len, name);
		else
			expect_understood(b->data, b->len, name);
		n++;
	}
	cr_expect_eq(n, 16);
}

/* One recorded line. True when it was a frame. */
static bool
replay(const cJSON *step, const char *key, const char *name)
{
	AUTO(mem) struct vectors_bytes *wire = vectors_hex(step, "wire");
	AUTO(mem) struct vectors_bytes *clear = vectors_hex(step, "frame");
	static uint8_t out[4096], sealed[4096];
	size_t len = wire->len, n = 0;
	bool ours = strcmp(vectors_text(step, "from"), "SDK") == 0;

	if (!vectors_text(step, "from")[0])
		return false;
	memcpy(out, wire->data, wire->len);
	if (wire->len && key) {
		cr_assert_eq(auth_open(key, 16, wire->data, wire->len, out, sizeof(out), &len),
		    ERR_OK, "%s", name);
		cr_assert_eq(
		    auth_seal(key, 16, out, len, sealed, sizeof(sealed), &n), ERR_OK, "%s", name);
		cr_assert_eq(n, wire->len);
		cr_expect_eq(memcmp(sealed, wire->data, n), 0, "%s: other ciphertext", name);
	}
	if (!wire->len) { /* the key itself comes in clear */
		memcpy(out, clear->data, clear->len);
		len = clear->len;
	}
	if (ours)
		expect_made_again(out, len, name);
	else
		expect_understood(out, len, name);
	return true;
}

Test(dialect_golden, replays_every_recorded_session)
{
	AUTO(vectors) cJSON *doc = vectors_load();
	const cJSON *session = NULL, *step = NULL;
	int n = 0;

	cJSON_ArrayForEach(session, cJSON_GetObjectItem(doc, "sdk_sessions"))
	{
		const char *key = vectors_text(session, "session_key");

		cJSON_ArrayForEach(step, cJSON_GetObjectItem(session, "steps"))
		    n += replay(step, key[0] ? key : NULL, vectors_text(session, "name"));
	}
	cr_expect_geq(n, 45, "%d lines", n);
}

/* The registration password of a session: what is in its blob is what we would seal. */
Test(dialect_golden, makes_the_password_of_every_recorded_session)
{
	AUTO(vectors) cJSON *doc = vectors_load();
	const cJSON *session = NULL;

	cJSON_ArrayForEach(session, cJSON_GetObjectItem(doc, "sdk_sessions"))
	{
		const cJSON *connect = cJSON_GetArrayItem(cJSON_GetObjectItem(session, "steps"), 0);
		const char *want = vectors_text(connect, "password");
		const char *ps = vectors_text(session, "ps"), *blob = strrchr(want, ';') + 1;
		char random[AUTH_RANDOM + 1] = "", password[AUTH_PASSWORD_SIZE], sealed[129];
		uint8_t raw[128], plain[128];
		size_t len = 0;

		cr_assert_lt(strlen(blob), sizeof(sealed));
		int n = EVP_DecodeBlock(raw, (const unsigned char *)blob, (int)strlen(blob));
		n -= (blob[strlen(blob) - 1] == '=') + (blob[strlen(blob) - 2] == '=');
		cr_assert_eq(
		    auth_open(ps, strlen(ps), raw, (size_t)n, plain, sizeof(plain), &len), ERR_OK);
		memcpy(random, plain + strlen("860000000000001;"), AUTH_RANDOM);
		struct auth a = {"p1115X", ps, "860000000000001", NULL, random, want[5] == '1'};
		cr_assert_eq(auth_password(&a, password), ERR_OK);
		cr_expect_str_eq(password, want);
	}
}
