/*
 * dc_platform: see dc_platform.h.
 *
 * Which command is understood, on which topic, from whom, is one table. What is not in it is
 * answered with 0x00A3.
 */
#include "dc_platform.h"

#include <openssl/rand.h>
#include <string.h>

#include "clock.h"
#include "dc_auth.h"
#include "dc_late.h"
#include "dc_order.h"
#include "dc_ota.h"
#include "dc_sys.h"
#include "log.h"

/* Codes of 0x00A3 for frames (spec: developer center, section 7). */
enum { SWEEP_MS = 600000 };
enum { BAD_PROTOCOL = 1, BAD_LENGTH, BAD_SUM, BAD_COMMAND, BAD_PAYLOAD };

static unsigned
on_recorded(struct dc *dc, struct dc_peer *p)
{
	dc_peer_say(dc, p, "0x%04x heard, %zu bytes", dc->frame.cmd, dc->frame.len);
	return 0;
}

/* clang-format off */
/* command, level of the topic, values or raw bytes, from sub-devices, handler */
static const struct row {
	unsigned cmd;
	const char *level;
	bool values, from_sub;
	unsigned (*handle)(struct dc *dc, struct dc_peer *p);
} rows[] = {
	{ 0x0012, "bus", true,  true,  on_recorded },
	{ 0x0014, "bus", true,  true,  on_recorded },
	{ 0x0024, "bus", false, true,  on_recorded },
	{ 0x0122, "bus", true,  true,  on_recorded },
	{ 0x0124, "bus", true,  true,  on_recorded },
	{ 0x0032, "sys", true,  true,  dc_sys_status },
	{ 0x0034, "sys", true,  true,  dc_sys_status },
	{ 0x0042, "sys", true,  true,  dc_sys_info },
	{ 0x0044, "sys", true,  true,  dc_sys_info },
	{ 0x00A4, "sys", true,  true,  on_recorded },
	{ 0x00B5, "sys", true,  false, on_recorded },
	{ 0x00C0, "sys", true,  false, dc_sys_sub_register },
	{ 0x00C2, "sys", true,  false, dc_sys_sub_login },
	{ 0x00C4, "sys", true,  false, dc_sys_sub_logout },
	{ 0x00C6, "sys", true,  false, dc_sys_sub_deregister },
	{ 0x0112, "ota", true,  true,  dc_ota_confirm },
	{ 0x0114, "ota", true,  true,  dc_ota_status },
	{ 0x0115, "ota", true,  true,  dc_ota_request },
};
/* clang-format on */

static const struct row *
find_row(unsigned cmd, const char *level, size_t len, bool is_sub)
{
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		if (rows[i].cmd == cmd && strlen(rows[i].level) == len &&
		    memcmp(rows[i].level, level, len) == 0)
			return is_sub && !rows[i].from_sub ? NULL : &rows[i];
	return NULL;
}

/* Into dc->frame; 0 or the code of an exception. */
static unsigned
open_frame(struct dc *dc, const struct dc_peer *p, const struct dc_mqtt_publish *m)
{
	uint8_t plain[DC_MQTT_PACKET_MAX];
	const uint8_t *data = m->payload;
	size_t len = m->len;

	dc->frame.pkg_id = 0;
	if (p->has_key) {
		if (dc_secret_decrypt(p->key, sizeof(p->key), m->payload, m->len, plain, &len))
			return BAD_PROTOCOL;
		data = plain;
	}
	switch (dc_dp_parse(data, len, &dc->frame)) {
	case ERR_OK:
		return 0;
	case ERR_TRUNCATED:
		return BAD_LENGTH;
	case ERR_FRAME_SUM:
		return BAD_SUM;
	default:
		return BAD_PROTOCOL;
	}
}

/* What a gateway carries: its own, or that of the sub-device that it names. */
static unsigned
handle_carried(struct dc *dc, struct dc_peer *gateway, const struct row *row)
{
	char pk[DC_KEY_MAX + 1], dk[DC_KEY_MAX + 1], endpoint[DC_ENDPOINT_MAX + 1];

	if (!dc_ttlv_text(&dc->ttlv, dc->profile->by_pk, pk, sizeof(pk)) ||
	    !dc_ttlv_text(&dc->ttlv, dc->profile->by_dk, dk, sizeof(dk)))
		return row->handle(dc, gateway);
	dc_peer_endpoint(endpoint, pk, dk);
	struct dc_peer *p = dc_peer_in(gateway->session, endpoint, strlen(endpoint));
	if (p && p->is_sub)
		return row->handle(dc, p);
	dc_peer_say(dc, gateway, "message of %s/%s, which is not logged in here", pk, dk);
	dc_peer_refuse(dc, gateway, DC_CODE_NOT_LOGGED_IN, dc->frame.pkg_id, pk, dk);
	return 0;
}

/* Treat a message as was ordered; true when that was all, with what it is answered in *code. */
static bool
misbehave(struct dc *dc, struct dc_peer *p, const struct dc_mqtt_publish *m,
    const struct dc_chaos_verdict *v, unsigned *code)
{
	unsigned cmd = dc->frame.cmd;

	if (v->lie)
		dc_chaos_lie(&dc->chaos, dc->frame.payload, dc->frame.len);
	*code = v->garble ? BAD_SUM : 0;
	if (!v->lose && !v->cut && !v->delay_ms && !v->reorder && !v->reject)
		return v->garble;
	dc_peer_say(dc, p, "0x%04x %s, as ordered", cmd,
	    v->lose     ? "not heard"
	    : v->cut    ? "not heard, connection cut"
	    : v->reject ? "rejected"
			: "heard later");
	if (v->lose)
		return true;
	if (v->cut)
		dc_broker_drop(dc->broker, p->session->client, "cut, as ordered");
	else if (!v->reject)
		dc_late_hold(dc, p->session, m, v);
	else if (!dc_sys_reject(dc, p, (unsigned)v->reject))
		*code = (unsigned)v->reject;
	dc->held = !v->cut && !v->reject;
	return true;
}

static unsigned
handle(struct dc *dc, struct dc_peer *p, const char *level, const struct dc_mqtt_publish *m)
{
	unsigned code = open_frame(dc, p, m);

	if (code)
		return code;
	struct dc_chaos_verdict v = {0};
	if (!dc->calm)
		v = dc_chaos_draw(&dc->chaos, dc->frame.cmd, true);
	if (misbehave(dc, p, m, &v, &code))
		return code;
	if (dc_peer_is_repeat(dc, p)) {
		dc_peer_say(
		    dc, p, "0x%04x package %u again: ignored", dc->frame.cmd, dc->frame.pkg_id);
		return 0;
	}
	const struct row *row = find_row(dc->frame.cmd, level, strcspn(level, "/"), p->is_sub);
	if (!row)
		return BAD_COMMAND;
	if (row->values && dc_ttlv_parse(dc->frame.payload, dc->frame.len, &dc->ttlv))
		return BAD_PAYLOAD;
	bool carried = row->from_sub && dc_profile_by_gateway(dc->profile, level);
	if (carried && p->is_sub)
		return BAD_COMMAND;
	for (int64_t i = 0; i <= v.copies && !code; i++)
		code = carried ? handle_carried(dc, p, row) : row->handle(dc, p);
	return code;
}

/* Its package id, if it is not encrypted; 0 = not known. */
static unsigned
package_of(struct dc *dc, const struct dc_mqtt_publish *m)
{
	return dc_dp_parse(m->payload, m->len, &dc->frame) ? 0 : dc->frame.pkg_id;
}

/* A message for an endpoint that has no peer here. */
static void
on_stranger(struct dc *dc, struct dc_session *s, const char *endpoint, size_t len,
    const struct dc_mqtt_publish *m)
{
	char text[DC_ENDPOINT_MAX + 1];

	snprintf(text, sizeof(text), "%.*s", (int)len, endpoint);
	AUTO(dc_query)
	struct dc_query *q = dc_db_query(
	    dc->db, "SELECT pk, dk, gateway FROM device WHERE 'qd' || pk || dk = ?", "t", text);
	if (!dc_query_next(q)) {
		dc_peer_say(dc, &s->self, "message for unknown device %s: dropped", text);
		return;
	}
	bool ours = dc_query_int(q, 2) == s->self.device;
	unsigned code = ours ? DC_CODE_NOT_LOGGED_IN : DC_CODE_NOT_ASSOCIATED;
	dc_peer_say(dc, &s->self, "message of %s, which is not logged in here: %u", text, code);
	dc_peer_refuse(
	    dc, &s->self, code, package_of(dc, m), dc_query_text(q, 0), dc_query_text(q, 1));
}

/* q/2/d/ENDPOINT/LEVEL[/APP]: the endpoint and the rest; false for any other topic. */
static bool
split_topic(
    const char *topic, char direction, const char **endpoint, size_t *len, const char **level)
{
	if (strncmp(topic, "q/", 2) != 0 || topic[2] != direction ||
	    strncmp(topic + 3, "/d/", 3) != 0)
		return false;
	*endpoint = topic + 6;
	*len = strcspn(*endpoint, "/");
	*level = *endpoint + *len + 1;
	return *len > 0 && (*endpoint)[*len] == '/';
}

/* --- the broker's questions ------------------------------------------------------------------ */

/* Handle a message of a device; false when its topic is not one of its own. */
static bool
on_message(struct dc *dc, struct dc_session *s, const struct dc_mqtt_publish *m)
{
	const char *endpoint, *level;
	size_t len;

	if (!split_topic(m->topic, '2', &endpoint, &len, &level)) {
		dc_peer_say(dc, &s->self, "message on a topic that is not a device's: dropped");
		return false;
	}
	struct dc_peer *p = dc_peer_in(s, endpoint, len);
	if (!p) {
		on_stranger(dc, s, endpoint, len, m);
		return false;
	}
	unsigned code = handle(dc, p, level, m);
	if (!code)
		return true;
	dc_peer_say(dc, p, "refused: exception %u, package %u, command 0x%04x, topic level %s",
	    code, dc->frame.pkg_id, dc->frame.cmd, level);
	dc_peer_refuse(dc, &s->self, code, dc->frame.pkg_id, p->is_sub ? p->pk : NULL, p->dk);
	return true;
}

static bool
on_publish(void *arg, struct dc_client *from, const struct dc_mqtt_publish *m)
{
	struct dc *dc = arg;
	struct dc_session *s = dc_client_user(from);

	if (!s)
		return true; /* an account: it may say anything to anybody */
	if (!s->client || !s->greeted || s->refusal != DC_CODE_OK)
		return false;
	dc_db_begin(dc->db);
	dc->held = false;
	bool public = on_message(dc, s, m);
	if (!dc->held)
		dc_late_heard(dc, s);
	dc_db_commit(dc->db);
	return public;
}

void
dc_platform_hear(struct dc *dc, const char *endpoint, const struct dc_mqtt_publish *m)
{
	struct dc_session *s = dc->sessions;

	while (s && (!s->client || !s->greeted || strcmp(s->self.endpoint, endpoint) != 0))
		s = s->next;
	if (!s)
		return;
	dc_db_begin(dc->db);
	dc->calm = true;
	(void)on_message(dc, s, m);
	dc->calm = false;
	dc_db_commit(dc->db);
}

static unsigned
on_connect(void *arg, struct dc_client *c, const struct dc_mqtt_connect *p)
{
	struct dc *dc = arg;

	dc_db_begin(dc->db);
	unsigned code = dc_auth_connect(dc, c, p);
	dc_db_commit(dc->db);
	return code;
}

/* A device hears its own topics and those of its sub-devices; whoever has an account, everything.
 */
static bool
may_subscribe(void *arg, struct dc_client *c, const char *filter)
{
	struct dc_session *s = dc_client_user(c);
	const char *endpoint, *level;
	size_t len;

	(void)arg;
	if (!s)
		return true;
	return split_topic(filter, '1', &endpoint, &len, &level) &&
	       dc_peer_in(s, endpoint, len) != NULL;
}

static void
on_subscribed(void *arg, struct dc_client *c)
{
	struct dc *dc = arg;
	struct dc_session *s = dc_client_user(c);

	dc_db_begin(dc->db);
	if (s && dc_auth_greet(dc, s))
		dc_ota_offer(dc, &s->self, DC_OTA_LOGIN);
	dc_db_commit(dc->db);
}

static bool
is_addressed(void *arg, struct dc_client *c, const char *topic)
{
	struct dc *dc = arg;
	struct dc_session *s = dc_client_user(c);
	const char *endpoint, *level;
	size_t len;

	if (!s || !split_topic(topic, '1', &endpoint, &len, &level))
		return false;
	struct dc_peer *p = dc_peer_in(s, endpoint, len);
	return p && (!p->is_sub || !dc->profile->must_subscribe);
}

static void
on_gone(void *arg, struct dc_client *c)
{
	struct dc *dc = arg;
	struct dc_session *s = dc_client_user(c);
	struct dc_session **at = &dc->sessions;

	if (!s)
		return;
	dc_db_begin(dc->db);
	if (s->client)
		dc_peer_end_session(dc, s, "connection closed");
	dc_db_commit(dc->db);
	while (*at != s)
		at = &(*at)->next;
	*at = s->next;
	free(s);
}

/* --- life ------------------------------------------------------------------------------------ */

static void
offer_all(struct dc *dc, enum dc_ota_why why)
{
	for (struct dc_session *s = dc->sessions; s; s = s->next) {
		if (!s->client || !s->greeted || s->refusal != DC_CODE_OK)
			continue;
		dc_ota_offer(dc, &s->self, why);
		for (struct dc_peer *p = s->subs; p; p = p->next)
			dc_ota_offer(dc, p, why);
	}
}

void
dc_platform_offer(struct dc *dc)
{
	offer_all(dc, DC_OTA_ACTIVE);
}

/* A push period that begins, a plan whose time has come: nothing else tells. */
static void
sweep(struct dc *dc)
{
	int64_t now = dc_peer_now(dc);

	if (now >= dc->swept && now - dc->swept < SWEEP_MS)
		return;
	bool back = now < dc->swept; /* the clock was put back */
	dc->swept = now;
	if (back)
		return;
	dc_db_begin(dc->db);
	offer_all(dc, DC_OTA_SWEEP);
	dc_db_commit(dc->db);
}

static uint64_t
real_now(void)
{
	return clock_wall_ms();
}

static void
real_random(void *out, size_t n)
{
	if (RAND_bytes(out, (int)n) != 1) {
		log_error(NULL, "no random bytes");
		exit(EXIT_FAILURE);
	}
}

enum err
dc_platform_new(struct dc_db *db, void (*send)(void *, const uint8_t *, size_t),
    void (*close)(void *), struct dc **out)
{
	struct dc *dc = dc_peer_alloc(sizeof(*dc));
	const struct dc_broker_ops ops = {
	    .send = send,
	    .close = close,
	    .on_connect = on_connect,
	    .may_subscribe = may_subscribe,
	    .on_subscribed = on_subscribed,
	    .on_publish = on_publish,
	    .is_addressed = is_addressed,
	    .on_gone = on_gone,
	    .arg = dc,
	};

	dc->db = db;
	dc->profile = dc_profile_find("p1");
	dc->now_ms = real_now;
	dc->random = real_random;
	enum err err = dc_broker_new(&ops, &dc->faults, &dc->broker);
	if (err) {
		free(dc);
		return err;
	}
	dc_db_do(db, "UPDATE device SET online = 0", "");
	dc_db_do(db, "DELETE FROM command", "");
	dc_order_load(dc);
	dc->db_version = dc_db_version(db);
	dc->swept = dc_peer_now(dc);
	*out = dc;
	return ERR_OK;
}

void
dc_platform_free(struct dc *dc)
{
	if (!dc)
		return;
	dc_late_free(dc);
	dc_broker_free(dc->broker);
	free(dc);
}

void
dc_platform_tick(struct dc *dc, struct mono now)
{
	int64_t version = dc_db_version(dc->db);

	if (version != dc->db_version) {
		dc->db_version = version;
		dc_db_begin(dc->db);
		dc_order_load(dc);
		dc_order_obey(dc);
		dc_db_commit(dc->db);
	}
	dc_late_tick(dc);
	dc_broker_tick(dc->broker, now);
	dc_ota_tick(dc);
	sweep(dc);
}
