/*
 * dc_auth: see dc_auth.h; spec: developer center, sections 2.1 to 2.3.
 *
 * A client id is "qd" PK DK without a border between the two, so a known device is looked for by
 * the whole id, and every device that has it may prove to be the one.
 */
#include "dc_auth.h"

#include <string.h>

#include "log.h"

enum { CMD_CONFIGURE = 0x00B4, CONNACK_ID = 2, CONNACK_CREDENTIALS = 4 };

static struct dc_session *
new_session(struct dc *dc, struct dc_client *c, int64_t device)
{
	struct dc_session *s = dc_peer_alloc(sizeof(*s));

	for (struct dc_session *o = dc->sessions; o; o = o->next)
		if (device && o->client && o->self.device == device)
			dc_peer_end_session(dc, o, "connected again");
	s->client = c;
	s->self.session = s;
	s->self.device = device;
	s->refusal = DC_CODE_OK;
	s->next = dc->sessions;
	dc->sessions = s;
	snprintf(
	    s->self.endpoint, sizeof(s->self.endpoint), "%.*s", DC_ENDPOINT_MAX, dc_client_id(c));
	dc_client_set_device(c, s);
	return s;
}

static void
set_keys(struct dc_peer *p, const char *pk, const char *dk, const char *ps)
{
	snprintf(p->pk, sizeof(p->pk), "%s", pk);
	snprintf(p->dk, sizeof(p->dk), "%s", dk);
	snprintf(p->ps, sizeof(p->ps), "%s", ps);
}

/* --- a known device -------------------------------------------------------------------------- */

static unsigned
connect_known(struct dc *dc, struct dc_client *c, const struct dc_password *pw)
{
	AUTO(dc_query)
	struct dc_query *q = dc_db_query(dc->db,
	    "SELECT d.id, d.pk, d.dk, p.ps, d.ds FROM device d JOIN product p ON p.pk = d.pk "
	    "WHERE 'qd' || d.pk || d.dk = ? AND p.kind = 'gateway' AND d.ds IS NOT NULL",
	    "t", dc_client_id(c));

	while (dc_query_next(q)) {
		enum dc_code code = dc_secret_check_connect(
		    dc_query_text(q, 3), dc_query_text(q, 4), pw->random, pw->sign, DC_CODE_DS);

		if (code != DC_CODE_OK)
			continue;
		struct dc_session *s = new_session(dc, c, dc_query_int(q, 0));
		set_keys(&s->self, dc_query_text(q, 1), dc_query_text(q, 2), dc_query_text(q, 3));
		s->wants_key = pw->encrypt;
		return 0;
	}
	log_warn(NULL, "%s: expected the signature of a registered device, got one that fits none",
	    dc_client_id(c));
	return CONNACK_CREDENTIALS;
}

/* --- a device that registers ----------------------------------------------------------------- */

/* Whether this device may have a (new) secret; makes its row in an open product. */
static enum dc_code
admit(struct dc *dc, const char *pk, const char *dk, const char *policy, bool open, int64_t *device)
{
	AUTO(dc_query)
	struct dc_query *q = dc_db_query(
	    dc->db, "SELECT id, ds FROM device WHERE pk = ? AND dk = ?", "tt", pk, dk);

	if (strcmp(policy, "never") == 0)
		return DC_CODE_NO_REGISTER;
	if (dc_query_next(q)) {
		*device = dc_query_int(q, 0);
		return strcmp(policy, "once") == 0 && !dc_query_is_null(q, 1) ? DC_CODE_REGISTERED
									      : DC_CODE_OK;
	}
	if (!open)
		return DC_CODE_NO_DEVICE;
	dc_db_do(dc->db, "INSERT INTO device (pk, dk) VALUES (?, ?)", "tt", pk, dk);
	*device = dc_db_last_id(dc->db);
	return DC_CODE_OK;
}

static enum dc_code
check_registration(struct dc *dc, const char *client_id, const struct dc_password *pw, char *dk,
    char *ps, int64_t *device)
{
	size_t n = strlen(pw->pk);
	const char *rest = client_id + 2;
	int64_t forced;

	if (dc_fault_strikes(&dc->faults, DC_FAULT_REJECT, &forced))
		return (enum dc_code)forced;
	if (!dc_secret_is_key(pw->pk) || strncmp(rest, pw->pk, n) != 0)
		return DC_CODE_CLIENT_ID;
	if (!dc_secret_is_key(rest + n))
		return DC_CODE_DK;
	AUTO(dc_query)
	struct dc_query *q = dc_db_query(
	    dc->db, "SELECT ps, kind, register, open FROM product WHERE pk = ?", "t", pw->pk);
	if (!dc_query_next(q))
		return DC_CODE_PK;
	if (strcmp(dc_query_text(q, 1), "gateway") != 0)
		return DC_CODE_NO_REGISTER;
	enum dc_code code = dc_secret_check_register(dc_query_text(q, 0), rest + n, pw->blob);
	if (code != DC_CODE_OK)
		return code;
	snprintf(dk, DC_KEY_MAX + 1, "%s", rest + n);
	snprintf(ps, DC_KEY_MAX + 1, "%s", dc_query_text(q, 0));
	return admit(dc, pw->pk, dk, dc_query_text(q, 2), dc_query_int(q, 3), device);
}

static unsigned
connect_new(struct dc *dc, struct dc_client *c, const struct dc_password *pw)
{
	char dk[DC_KEY_MAX + 1] = "", ps[DC_KEY_MAX + 1] = "";
	int64_t device = 0;
	enum dc_code code = check_registration(dc, dc_client_id(c), pw, dk, ps, &device);
	struct dc_session *s = new_session(dc, c, code == DC_CODE_OK ? device : 0);

	set_keys(&s->self, pw->pk, dk, ps);
	s->registers = true;
	s->wants_key = pw->encrypt;
	s->refusal = code;
	return 0;
}

/* --- anybody else ---------------------------------------------------------------------------- */

static unsigned
connect_account(struct dc *dc, const struct dc_mqtt_connect *p)
{
	int64_t known = dc_db_int(dc->db, 0,
	    "SELECT count(*) FROM account WHERE user = ? AND password = ?", "tt", p->user,
	    p->password);

	return p->has_user && p->has_password && known ? 0 : CONNACK_CREDENTIALS;
}

unsigned
dc_auth_connect(struct dc *dc, struct dc_client *c, const struct dc_mqtt_connect *p)
{
	struct dc_password pw;
	int64_t forced;

	if (strncmp(p->client_id, "qd", 2) != 0)
		return connect_account(dc, p);
	if (dc_fault_strikes(&dc->faults, DC_FAULT_MQTT_REFUSE, &forced))
		return (unsigned)forced & 7;
	if (strlen(p->client_id) > DC_ENDPOINT_MAX ||
	    strspn(
		p->client_id, "0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ") !=
		strlen(p->client_id))
		return CONNACK_ID;
	enum dc_code code = p->has_password ? dc_secret_split(p->password, &pw) : DC_CODE_DECODE;
	if (code == DC_CODE_OK)
		return pw.is_register ? connect_new(dc, c, &pw) : connect_known(dc, c, &pw);
	log_warn(NULL, "%s: the password is not one of the platform's: %u", p->client_id, code);
	if (!p->has_password || p->password[0] != '0')
		return CONNACK_CREDENTIALS;
	new_session(dc, c, 0)->refusal = code;
	return 0;
}

static void
new_secret(struct dc *dc, struct dc_session *s, struct dc_ttlv_out *o)
{
	uint8_t raw[DC_DS_LEN / 2];
	char ds[DC_DS_LEN + 1];

	dc->random(raw, sizeof(raw));
	for (size_t i = 0; i < sizeof(raw); i++)
		snprintf(ds + 2 * i, 3, "%02x", raw[i]);
	dc_db_do(dc->db, "UPDATE device SET ds = ?, registered = ? WHERE id = ?", "tii", ds,
	    dc_peer_now(dc), s->self.device);
	dc_ttlv_put_text(o, 5, ds);
	dc_peer_say(dc, &s->self, "registered");
}

bool
dc_auth_greet(struct dc *dc, struct dc_session *s)
{
	struct dc_ttlv_out o = {0};

	if (s->greeted || !s->client)
		return false;
	s->greeted = true;
	if (s->refusal != DC_CODE_OK) {
		dc_peer_say(dc, &s->self, "registration refused: %u", s->refusal);
		dc_peer_refuse(dc, &s->self, s->refusal, 0, NULL, NULL);
		return false;
	}
	if (s->registers)
		new_secret(dc, s, &o);
	if (s->wants_key) {
		dc->random(s->self.key, sizeof(s->self.key));
		dc_ttlv_put_bytes(&o, 6, s->self.key, sizeof(s->self.key));
	}
	if (o.len > 0)
		dc_peer_send(dc, &s->self, "sys", CMD_CONFIGURE, 0, &o);
	s->self.has_key = s->wants_key;
	dc_db_do(dc->db, "UPDATE device SET online = 1, seen = ? WHERE id = ?", "ii",
	    dc_peer_now(dc), s->self.device);
	dc_peer_say(dc, &s->self, "online");
	return true;
}
