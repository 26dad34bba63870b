/*
 * dc_sys: see dc_sys.h. Which ids stand for what inside C0..C8 is the profile's.
 */
#include "dc_sys.h"

#include <string.h>

#include "dc_ota.h"

/* clang-format off */
enum {
	CMD_REGISTER_ANSWER = 0x00C1, CMD_LOGIN_ANSWER = 0x00C3, CMD_LOGOUT_ANSWER = 0x00C5,
	CMD_DEREGISTER_ANSWER = 0x00C7, CMD_OFFLINE = 0x00C8,
	EXCEPTION_PAYLOAD = 5,
};
/* clang-format on */

/* --- reports --------------------------------------------------------------------------------- */

static void
set_number(struct dc *dc, struct dc_peer *p, unsigned id, const char *sql)
{
	const struct dc_ttlv_element *e = dc_ttlv_find(&dc->ttlv, id);
	char text[32];

	if (!e || e->type != DC_TTLV_NUMBER)
		return;
	snprintf(text, sizeof(text), "%.6g", dc_ttlv_value(e));
	dc_db_do(dc->db, sql, "ti", text, p->device);
}

unsigned
dc_sys_status(struct dc *dc, struct dc_peer *p)
{
	set_number(dc, p, 1, "UPDATE device SET battery = ? WHERE id = ?");
	set_number(dc, p, 2, "UPDATE device SET voltage = ? WHERE id = ?");
	set_number(dc, p, 3, "UPDATE device SET rssi = ? WHERE id = ?");
	dc_peer_say(dc, p, "status report");
	return 0;
}

unsigned
dc_sys_info(struct dc *dc, struct dc_peer *p)
{
	char model[65], version[65], mcu[512];
	bool has_version = dc_ttlv_text(&dc->ttlv, 2, version, sizeof(version));
	bool has_mcu = dc_ttlv_text(&dc->ttlv, 3, mcu, sizeof(mcu));

	if (dc_ttlv_text(&dc->ttlv, 1, model, sizeof(model)))
		dc_db_do(
		    dc->db, "UPDATE device SET model = ? WHERE id = ?", "ti", model, p->device);
	dc_peer_say(dc, p, "info report: version %s%s%s", has_version ? version : "(none)",
	    has_mcu ? ", " : "", has_mcu ? mcu : "");
	dc_ota_version(dc, p, has_version ? version : NULL, has_mcu ? mcu : NULL);
	return 0;
}

/* --- sub-devices ----------------------------------------------------------------------------- */

/* A sub-device as the database knows it. */
struct sub {
	int64_t device;
	char pk[DC_KEY_MAX + 1], dk[DC_KEY_MAX + 1], ps[DC_KEY_MAX + 1], ds[DC_DS_LEN + 1];
	char policy[16];
};

static void
copy(char *out, size_t size, const char *text)
{
	snprintf(out, size, "%s", text);
}

/* Find sub-device s->pk, s->dk behind this gateway. */
static enum dc_code
find_sub(struct dc *dc, const struct dc_peer *gateway, struct sub *s)
{
	AUTO(dc_query)
	struct dc_query *q = dc_db_query(dc->db,
	    "SELECT d.id, p.ps, d.ds, d.gateway, p.register FROM product p LEFT JOIN device d "
	    "ON d.pk = p.pk AND d.dk = ? WHERE p.pk = ? AND p.kind = 'subdevice'",
	    "tt", s->dk, s->pk);

	if (!dc_query_next(q))
		return DC_CODE_PK;
	copy(s->ps, sizeof(s->ps), dc_query_text(q, 1));
	if (dc_query_is_null(q, 0))
		return DC_CODE_NO_DEVICE;
	s->device = dc_query_int(q, 0);
	copy(s->ds, sizeof(s->ds), dc_query_text(q, 2));
	copy(s->policy, sizeof(s->policy), dc_query_text(q, 4));
	return dc_query_int(q, 3) == gateway->device ? DC_CODE_OK : DC_CODE_NOT_ASSOCIATED;
}

static struct dc_ttlv_out
answer(const struct dc *dc, unsigned code, const struct sub *s)
{
	struct dc_ttlv_out o = {0};

	dc_ttlv_put_int(&o, dc->profile->code, code);
	dc_ttlv_put_text(&o, dc->profile->pk, s->pk);
	dc_ttlv_put_text(&o, dc->profile->dk, s->dk);
	return o;
}

static void
say_sub(struct dc *dc, const struct dc_peer *gateway, const struct sub *s, const char *what,
    unsigned code)
{
	char text[160];

	snprintf(text, sizeof(text), "sub-device %s/%s: %s: %u", s->pk, s->dk, what, code);
	dc_peer_say(dc, gateway, "%s", text);
	if (s->device && code == DC_CODE_OK) {
		snprintf(text, sizeof(text), "%s through %s/%s", what, gateway->pk, gateway->dk);
		dc_peer_note(dc, s->device, text);
	}
}

/* The password's blob tells the device key; it is not in the message in clear. */
static enum dc_code
open_blob(struct dc *dc, const struct dc_peer *gateway, struct sub *s, const char *blob)
{
	AUTO(dc_query)
	struct dc_query *q = dc_db_query(dc->db,
	    "SELECT d.dk FROM device d WHERE d.pk = ? AND d.gateway = ?", "ti", s->pk,
	    gateway->device);
	enum dc_code code = find_sub(dc, gateway, s);

	if (code == DC_CODE_PK)
		return code;
	while (dc_query_next(q)) {
		if (dc_secret_check_register(s->ps, dc_query_text(q, 0), blob) != DC_CODE_OK)
			continue;
		copy(s->dk, sizeof(s->dk), dc_query_text(q, 0));
		return DC_CODE_OK;
	}
	/* Not one of ours: find out whether the blob is wrong or the association. */
	AUTO(dc_query)
	struct dc_query *all = dc_db_query(
	    dc->db, "SELECT dk FROM device WHERE pk = ?", "t", s->pk);
	while (dc_query_next(all)) {
		if (dc_secret_check_register(s->ps, dc_query_text(all, 0), blob) != DC_CODE_OK)
			continue;
		copy(s->dk, sizeof(s->dk), dc_query_text(all, 0));
		return DC_CODE_NOT_ASSOCIATED;
	}
	return dc_secret_check_register(s->ps, "", blob) == DC_CODE_DECODE ? DC_CODE_DECODE
									   : DC_CODE_NO_DEVICE;
}

static enum dc_code
register_sub(struct dc *dc, const struct dc_peer *gateway, struct sub *s, const char *blob)
{
	uint8_t raw[DC_DS_LEN / 2];
	int64_t forced;

	if (dc_fault_strikes(&dc->faults, DC_FAULT_REJECT, &forced))
		return (enum dc_code)forced;
	enum dc_code code = open_blob(dc, gateway, s, blob);
	if (code == DC_CODE_OK)
		code = find_sub(dc, gateway, s);
	if (code != DC_CODE_OK)
		return code;
	if (strcmp(s->policy, "never") == 0)
		return DC_CODE_NO_REGISTER;
	if (strcmp(s->policy, "once") == 0 && s->ds[0])
		return DC_CODE_REGISTERED;
	dc->random(raw, sizeof(raw));
	for (size_t i = 0; i < sizeof(raw); i++)
		snprintf(s->ds + 2 * i, 3, "%02x", raw[i]);
	dc_db_do(dc->db, "UPDATE device SET ds = ?, registered = ? WHERE id = ?", "tii", s->ds,
	    dc_peer_now(dc), s->device);
	return DC_CODE_OK;
}

unsigned
dc_sys_sub_register(struct dc *dc, struct dc_peer *p)
{
	struct sub s = {0};
	char blob[400], sealed[80];

	if (!dc_ttlv_text(&dc->ttlv, dc->profile->register_pk, s.pk, sizeof(s.pk)) ||
	    !dc_ttlv_text(&dc->ttlv, dc->profile->blob, blob, sizeof(blob)))
		return EXCEPTION_PAYLOAD;
	enum dc_code code = register_sub(dc, p, &s, blob);
	struct dc_ttlv_out o = answer(dc, code, &s);
	if (code == DC_CODE_OK && !dc_secret_wrap_ds(s.ps, s.ds, sealed, sizeof(sealed)))
		dc_ttlv_put_text(&o, dc->profile->ds, sealed);
	dc_peer_send(dc, p, "sys", CMD_REGISTER_ANSWER, dc->frame.pkg_id, &o);
	say_sub(dc, p, &s, "register", code);
	return 0;
}

/* Keys, signature and (for the login) the flag of a request about one sub-device. */
static enum dc_code
read_signed(struct dc *dc, const struct dc_peer *gateway, struct sub *s)
{
	char random[DC_RANDOM_LEN + 1], sign[DC_SIGN_LEN + 1];
	enum dc_code code = find_sub(dc, gateway, s);

	if (code != DC_CODE_OK)
		return code;
	if (!s->ds[0])
		return DC_CODE_SUB_DS;
	if (!dc_ttlv_text(&dc->ttlv, dc->profile->random, random, sizeof(random)))
		return DC_CODE_RANDOM;
	if (!dc_ttlv_text(&dc->ttlv, dc->profile->sign, sign, sizeof(sign)))
		return DC_CODE_SUB_DS;
	return dc_secret_check_connect(s->ps, s->ds, random, sign, DC_CODE_SUB_DS);
}

static bool
read_keys(struct dc *dc, struct sub *s)
{
	return dc_ttlv_text(&dc->ttlv, dc->profile->pk, s->pk, sizeof(s->pk)) &&
	       dc_ttlv_text(&dc->ttlv, dc->profile->dk, s->dk, sizeof(s->dk)) &&
	       dc_secret_is_key(s->pk) && dc_secret_is_key(s->dk);
}

static struct dc_peer *
peer_of_sub(const struct dc_peer *gateway, const struct sub *s)
{
	char endpoint[DC_ENDPOINT_MAX + 1];

	dc_peer_endpoint(endpoint, s->pk, s->dk);
	for (struct dc_peer *p = gateway->session->subs; p; p = p->next)
		if (strcmp(p->endpoint, endpoint) == 0)
			return p;
	return NULL;
}

static struct dc_peer *
log_in(struct dc *dc, struct dc_peer *gateway, const struct sub *s)
{
	struct dc_peer *p = dc_peer_alloc(sizeof(*p));

	p->session = gateway->session;
	p->is_sub = true;
	p->device = s->device;
	copy(p->pk, sizeof(p->pk), s->pk);
	copy(p->dk, sizeof(p->dk), s->dk);
	copy(p->ps, sizeof(p->ps), s->ps);
	dc_peer_endpoint(p->endpoint, s->pk, s->dk);
	p->next = gateway->session->subs;
	gateway->session->subs = p;
	dc_db_do(dc->db, "UPDATE device SET online = 1, seen = ? WHERE id = ?", "ii",
	    dc_peer_now(dc), s->device);
	return p;
}

static void
put_session_key(
    const struct dc *dc, struct dc_ttlv_out *o, const struct dc_peer *sub, const struct sub *s)
{
	uint8_t sealed[2 * DC_SESSION_KEY];
	size_t n;

	if (!dc_secret_encrypt(s->ds, strlen(s->ds), sub->key, sizeof(sub->key), sealed, &n))
		dc_ttlv_put_bytes(o, dc->profile->key, sealed, n);
}

unsigned
dc_sys_sub_login(struct dc *dc, struct dc_peer *p)
{
	struct sub s = {0};

	if (!read_keys(dc, &s))
		return EXCEPTION_PAYLOAD;
	enum dc_code code = read_signed(dc, p, &s);
	struct dc_peer *sub = code == DC_CODE_OK ? peer_of_sub(p, &s) : NULL;
	bool again = sub != NULL;
	if (again)
		code = DC_CODE_LOGGED_IN;
	else if (code == DC_CODE_OK)
		sub = log_in(dc, p, &s);
	const struct dc_ttlv_element *flag = dc_ttlv_find(&dc->ttlv, dc->profile->flag);
	struct dc_ttlv_out o = answer(dc, code, &s);
	if (sub && !again && flag && flag->type == DC_TTLV_TRUE) {
		dc->random(sub->key, sizeof(sub->key));
		sub->has_key = true;
	}
	if (sub && sub->has_key)
		put_session_key(dc, &o, sub, &s);
	dc_peer_send(dc, p, "sys", CMD_LOGIN_ANSWER, dc->frame.pkg_id, &o);
	say_sub(dc, p, &s, "login", code);
	if (sub && !again)
		dc_ota_offer(dc, sub, DC_OTA_LOGIN);
	return 0;
}

unsigned
dc_sys_sub_logout(struct dc *dc, struct dc_peer *p)
{
	struct sub s = {0};

	if (!read_keys(dc, &s))
		return EXCEPTION_PAYLOAD;
	struct dc_peer *sub = peer_of_sub(p, &s);
	enum dc_code code = sub ? DC_CODE_OK : DC_CODE_NOT_LOGGED_IN;
	if (sub)
		dc_peer_remove_sub(dc, sub, "logged out");
	struct dc_ttlv_out o = answer(dc, code, &s);
	dc_peer_send(dc, p, "sys", CMD_LOGOUT_ANSWER, dc->frame.pkg_id, &o);
	say_sub(dc, p, &s, "logout", code);
	return 0;
}

unsigned
dc_sys_sub_deregister(struct dc *dc, struct dc_peer *p)
{
	struct sub s = {0};

	if (!read_keys(dc, &s))
		return EXCEPTION_PAYLOAD;
	enum dc_code code = read_signed(dc, p, &s);
	struct dc_peer *sub = code == DC_CODE_OK ? peer_of_sub(p, &s) : NULL;
	if (sub)
		dc_peer_remove_sub(dc, sub, "de-registered");
	if (code == DC_CODE_OK)
		dc_db_do(dc->db, "UPDATE device SET ds = NULL WHERE id = ?", "i", s.device);
	struct dc_ttlv_out o = answer(dc, code, &s);
	dc_peer_send(dc, p, "sys", CMD_DEREGISTER_ANSWER, dc->frame.pkg_id, &o);
	say_sub(dc, p, &s, "de-register", code);
	return 0;
}

void
dc_sys_kick(struct dc *dc, struct dc_peer *sub, unsigned reason)
{
	struct dc_peer *gateway = &sub->session->self;
	struct dc_ttlv_out o = {0};

	dc_ttlv_put_text(&o, dc->profile->pk, sub->pk);
	dc_ttlv_put_text(&o, dc->profile->dk, sub->dk);
	dc_ttlv_put_int(&o, dc->profile->code, reason);
	dc_peer_send(dc, gateway, "sys", CMD_OFFLINE, 0, &o);
	dc_peer_remove_sub(dc, sub, "put offline by the platform");
}

bool
dc_sys_reject(struct dc *dc, struct dc_peer *p, unsigned code)
{
	unsigned cmd = dc->frame.cmd;
	struct sub s = {0};

	if (cmd < 0x00C0 || cmd > 0x00C6 || cmd % 2)
		return false;
	if (!dc_ttlv_parse(dc->frame.payload, dc->frame.len, &dc->ttlv))
		(void)read_keys(dc, &s);
	struct dc_ttlv_out o = answer(dc, code, &s);
	dc_peer_send(dc, p, "sys", cmd + 1, dc->frame.pkg_id, &o);
	return true;
}
