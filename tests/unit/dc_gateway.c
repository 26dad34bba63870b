/*
 * dc_gateway: the local Developer Center and the gateway's own codecs, which share no code,
 * understand each other: registration, login, plan, address, reports; in clear and encrypted.
 */
#include <criterion/criterion.h>
#include <string.h>

#include "auth.h"
#include "dc_case.h"
#include "dialect.h"
#include "dp.h"

#define RANDOM "0123456789abcdEF"

static const struct auth sub_auth = {
    .product_key = DC_CASE_SUB_PK,
    .product_secret = DC_CASE_SUB_PS,
    .device_key = DC_CASE_SUB_DK,
    .random = RANDOM,
    .want_session_key = true,
};

/* A gateway whose messages are made by cloudd's code. */
struct gateway {
	struct dc_line *line;
	const struct profile *profile;
	char device_secret[AUTH_KEY_MAX + 1];
	uint8_t key[AUTH_SESSION_KEY];
	char sub_secret[AUTH_KEY_MAX + 1];
	uint8_t sub_key[AUTH_SESSION_KEY];
	uint16_t package;
	uint8_t buffer[4096], plain[4096];
};

static void
must(enum err err)
{
	cr_assert_eq(err, ERR_OK, "%s", err_text(err));
}

/* Frame, encrypt (key NULL: not) and publish. */
static void
say(struct gateway *g, const char *topic, const uint8_t *key, unsigned command,
    const struct ttlv_writer *w)
{
	uint8_t frame[4096], sealed[4200];
	struct dp f = {
	    .package_id = ++g->package, .command = (uint16_t)command, .payload = w->data};
	size_t n;

	must(ttlv_put_end(w, &f.len));
	must(dp_format(&f, frame, sizeof(frame), &n));
	if (key)
		must(auth_seal(key, AUTH_SESSION_KEY, frame, n, sealed, sizeof(sealed), &n));
	dc_line_publish(g->line, topic, key ? sealed : frame, n, 1, g->package);
}

/* The next message as cloudd reads it; it must be this command on this topic. */
static struct dp
hear(struct gateway *g, const char *topic, const uint8_t *key, unsigned command)
{
	struct dc_mqtt_publish m;
	struct dp f;
	size_t n;

	cr_assert(dc_line_message(g->line, &m), "expected %04x", command);
	cr_expect_str_eq(m.topic, topic);
	n = m.len;
	if (key)
		must(auth_open(
		    key, AUTH_SESSION_KEY, m.payload, m.len, g->plain, sizeof(g->plain), &n));
	must(dp_parse(key ? g->plain : m.payload, n, g->buffer, sizeof(g->buffer), &f));
	cr_assert_eq(f.command, command, "expected %04x, got %04x", command, f.command);
	return f;
}

#define GW_UP(level) "q/2/d/" DC_CASE_EP "/" level
#define GW_DOWN(level) "q/1/d/" DC_CASE_EP "/" level
#define SUB_UP(level) "q/2/d/" DC_CASE_SUB_EP "/" level
#define SUB_DOWN(level) "q/1/d/" DC_CASE_SUB_EP "/" level

/* Register with a session key. */
static void
sign_on(struct gateway *g)
{
	struct auth a = {.product_key = DC_CASE_PK,
	    .product_secret = DC_CASE_PS,
	    .device_key = DC_CASE_DK,
	    .random = RANDOM,
	    .want_session_key = true};
	char password[AUTH_PASSWORD_SIZE], why[WHY_SIZE];
	struct dialect_configure c;

	must(auth_password(&a, password));
	dc_line_connect(g->line, DC_CASE_EP, NULL, password);
	dc_line_subscribe(g->line, GW_DOWN("+"), 1);
	struct dp f = hear(g, GW_DOWN("sys"), NULL, 0x00b4);
	must(dialect_parse_configure(f.payload, f.len, &c, why));
	cr_assert(c.has_session_key);
	memcpy(g->key, c.session_key, sizeof(g->key));
	memcpy(g->device_secret, c.device_secret, sizeof(g->device_secret));
	cr_expect_eq(strlen(g->device_secret), 32);
}

static struct dialect_reply
reply(struct gateway *g, unsigned command)
{
	struct dp f = hear(g, GW_DOWN("sys"), g->key, command);
	struct dialect_reply r;
	char why[WHY_SIZE];

	must(dialect_parse_reply(g->profile, f.payload, f.len, &r, why));
	cr_expect_str_eq(r.sub.device_key, DC_CASE_SUB_DK);
	return r;
}

/* Register the sub-device and log it in with a session key of its own. */
static void
bring_sub(struct gateway *g)
{
	uint8_t bytes[DIALECT_PAYLOAD_MAX];
	char blob[AUTH_BLOB_SIZE], sign[AUTH_SIGN_SIZE];
	struct ttlv_writer w = TTLV_WRITER(bytes);
	struct auth a = sub_auth;
	const struct dialect_sub sub = {DC_CASE_SUB_PK, DC_CASE_SUB_DK};

	must(auth_blob(&a, blob));
	dialect_put_register(&w, g->profile, DC_CASE_SUB_PK, blob);
	say(g, GW_UP("sys"), g->key, 0x00c0, &w);
	struct dialect_reply r = reply(g, 0x00c1);
	cr_assert_eq(r.code, 10200);
	must(auth_device_secret(DC_CASE_SUB_PS, r.device_secret, g->sub_secret));
	a.device_secret = g->sub_secret;
	must(auth_sign(&a, sign));
	w = TTLV_WRITER(bytes);
	dialect_put_login(&w, g->profile, &sub, RANDOM, sign, true);
	say(g, GW_UP("sys"), g->key, 0x00c2, &w);
	r = reply(g, 0x00c3);
	cr_assert_eq(r.code, 10200);
	must(auth_session_key(g->sub_secret, r.session_key, r.session_key_len, g->sub_key));
}

static void
report(struct gateway *g, int status, bool ask_sha256, const char *version)
{
	uint8_t bytes[DIALECT_PAYLOAD_MAX];
	struct ttlv_writer w = TTLV_WRITER(bytes);
	const struct dialect_report r = {
	    .status = status, .component = "app", .ask_sha256 = ask_sha256, .version = version};

	dialect_put_report(&w, &r);
	say(g, SUB_UP("ota"), g->sub_key, 0x0114, &w);
}

Test(dc_gateway, a_whole_encrypted_upgrade_of_a_sub_device)
{
	AUTO(dc_case) struct dc_case *c = dc_case_new();
	AUTO(dc_line) struct dc_line *line = dc_case_connect(c);
	AUTO(mem) struct gateway *g = calloc(1, sizeof(*g));
	AUTO(mem) struct dialect_notice *notice = calloc(1, sizeof(*notice));
	AUTO(mem) struct dialect_firmware *fw = calloc(1, sizeof(*fw));
	char why[WHY_SIZE];

	g->line = line;
	g->profile = profile_find("p1");
	dc_case_plan(c, DC_CASE_SUB_PK, "app", 0, "1.0.0", "2.0.0", true);
	dc_db_do(c->db, "UPDATE device SET version = '1.0.0' WHERE id = 2", "");
	sign_on(g);
	bring_sub(g);
	struct dp f = hear(g, SUB_DOWN("ota"), g->sub_key, 0x0111);
	must(dialect_parse_notice(g->profile, f.payload, f.len, notice, why));
	cr_expect_eq(notice->n, 1);
	cr_expect_str_eq(notice->plans[0].component, "app");
	cr_expect_str_eq(notice->plans[0].source, "1.0.0");
	cr_expect_str_eq(notice->plans[0].target, "2.0.0");
	cr_expect_eq(notice->plans[0].min_battery_percent, 30);
	cr_expect_eq(notice->plans[0].min_signal_dbm, -110);
	report(g, 1, false, NULL);
	report(g, 2, true, NULL);
	f = hear(g, SUB_DOWN("ota"), g->sub_key, 0x0113);
	must(dialect_parse_firmware(g->profile, f.payload, f.len, fw, why));
	cr_expect_str_eq(fw->file.url, "https://127.0.0.1:8443/packages/fw2.0.0");
	cr_expect(fw->has_sha256 && fw->sha256[0] == 0x34 && fw->file.md5[0] == 0x33);
	cr_expect_eq(fw->file.size, 5000);
	cr_expect_eq(fw->crc, 0x9b71c);
	for (int status = 4; status <= 9; status++)
		if (status != 6 && status != 7)
			report(g, status, false, NULL);
	report(g, 11, false, "2.0.0");
	cr_expect_str_eq(dc_case_statuses(c, DC_CASE_SUB_DK), "1 2 4 5 8 9 11");
	cr_expect_eq(dc_case_state(c, DC_CASE_SUB_DK), 2);
}

Test(dc_gateway, state_and_info_of_the_gateway_arrive)
{
	AUTO(dc_case) struct dc_case *c = dc_case_new();
	AUTO(dc_line) struct dc_line *line = dc_case_connect(c);
	AUTO(mem) struct gateway *g = calloc(1, sizeof(*g));
	uint8_t bytes[DIALECT_PAYLOAD_MAX];
	struct ttlv_writer w = TTLV_WRITER(bytes);
	const struct dialect_state state = {.has_battery = true,
	    .battery_percent = 55,
	    .has_voltage = true,
	    .voltage_mv = 3850,
	    .has_rssi = true,
	    .rssi_dbm = -71};
	const struct dialect_info info = {.model = "subota", .version = "0.1.0"};

	g->line = line;
	sign_on(g);
	dialect_put_state(&w, &state);
	say(g, GW_UP("sys"), g->key, 0x0034, &w);
	w = TTLV_WRITER(bytes);
	dialect_put_info(&w, &info);
	say(g, GW_UP("sys"), g->key, 0x0044, &w);
	cr_expect_eq(dc_db_int(c->db, 0,
			 "SELECT count(*) FROM device WHERE id = 1 AND battery = 55 AND "
			 "voltage = 3.85 AND rssi = -71 AND model = 'subota' AND version = '0.1.0'",
			 ""),
	    1);
}

Test(dc_gateway, an_exception_about_a_sub_device_names_it)
{
	AUTO(dc_case) struct dc_case *c = dc_case_new();
	AUTO(dc_line) struct dc_line *line = dc_case_connect(c);
	AUTO(mem) struct gateway *g = calloc(1, sizeof(*g));
	uint8_t bytes[DIALECT_PAYLOAD_MAX];
	struct ttlv_writer w = TTLV_WRITER(bytes);
	struct dialect_reply r;
	char why[WHY_SIZE];

	g->line = line;
	g->profile = profile_find("p1");
	sign_on(g);
	dialect_put_request(&w, "1.0.0", NULL);
	say(g, SUB_UP("ota"), NULL, 0x0115, &w);
	struct dp f = hear(g, GW_DOWN("sys"), g->key, 0x00a3);
	must(dialect_parse_exception(g->profile, f.payload, f.len, &r, why));
	cr_expect_eq(r.code, 10442);
	cr_expect_str_eq(r.sub.product_key, DC_CASE_SUB_PK);
	cr_expect_str_eq(r.sub.device_key, DC_CASE_SUB_DK);
}
