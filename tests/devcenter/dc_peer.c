/*
 * dc_peer: see dc_peer.h.
 */
#include "dc_peer.h"

#include <string.h>

#include "dc_late.h"
#include "log.h"

enum { CMD_EXCEPTION = 0x00A3, WIRE_MAX = 2 * (DC_TTLV_OUT + DC_DP_HEAD) };

void *
dc_peer_alloc(size_t size)
{
	void *p = calloc(1, size);

	if (!p) {
		log_error(NULL, "out of memory");
		exit(EXIT_FAILURE);
	}
	return p;
}

int64_t
dc_peer_now(const struct dc *dc)
{
	return (int64_t)dc->now_ms() + dc->ahead_ms;
}

void
dc_peer_endpoint(char out[DC_ENDPOINT_MAX + 1], const char *pk, const char *dk)
{
	snprintf(out, DC_ENDPOINT_MAX + 1, "qd%.*s%.*s", DC_KEY_MAX, pk, DC_KEY_MAX, dk);
}

/* Encrypt a frame when the peer has a key. */
static enum err
seal(const struct dc_peer *p, const uint8_t *frame, size_t len, uint8_t *out, size_t *out_len)
{
	if (p->has_key)
		return dc_secret_encrypt(p->key, sizeof(p->key), frame, len, out, out_len);
	memcpy(out, frame, len);
	*out_len = len;
	return ERR_OK;
}

static void
send_on(struct dc *dc, struct dc_peer *p, const char *level, unsigned cmd, unsigned pkg_id,
    const struct dc_ttlv_out *values)
{
	uint8_t frame[WIRE_MAX], wire[WIRE_MAX + 16];
	char topic[DC_MQTT_TOPIC_MAX + 1];
	size_t n = 0, wire_len = 0;
	const struct dc_chaos_verdict v = dc_chaos_draw(&dc->chaos, cmd, false);
	struct dc_ttlv_out said = *values;

	if (v.lie)
		dc_chaos_lie(&dc->chaos, said.data, said.len);
	if (pkg_id == 0) {
		p->last_pkg = p->last_pkg >= 0xfffe ? 1 : (uint16_t)(p->last_pkg + 1);
		pkg_id = p->last_pkg;
	}
	enum err err = said.full ? ERR_LIMIT
				 : dc_dp_format(
				       pkg_id, cmd, said.data, said.len, frame, sizeof(frame), &n);
	if (!err && (dc_fault_nth(&dc->faults, DC_FAULT_BAD_FRAME) || v.garble))
		frame[n - 1] ^= 1;
	if (!err)
		err = seal(p, frame, n, wire, &wire_len);
	if (err) {
		dc_peer_say(dc, p, "0x%04x could not be written: %s", cmd, err_text(err));
		return;
	}
	snprintf(topic, sizeof(topic), "q/1/d/%s/%s", p->endpoint, level);
	dc_late_send(dc, p, topic, wire, wire_len, cmd, &v);
}

void
dc_peer_send(struct dc *dc, struct dc_peer *p, const char *level, unsigned cmd, unsigned pkg_id,
    const struct dc_ttlv_out *values)
{
	struct dc_ttlv_out named = *values;

	if (!p->is_sub || !dc_profile_by_gateway(dc->profile, level)) {
		send_on(dc, p, level, cmd, pkg_id, values);
		return;
	}
	dc_ttlv_put_text(&named, dc->profile->by_pk, p->pk);
	dc_ttlv_put_text(&named, dc->profile->by_dk, p->dk);
	send_on(dc, &p->session->self, level, cmd, pkg_id, &named);
}

void
dc_peer_refuse(struct dc *dc, struct dc_peer *p, unsigned code, unsigned pkg_id, const char *sub_pk,
    const char *sub_dk)
{
	struct dc_ttlv_out o = {0};

	dc_ttlv_put_int(&o, 1, code);
	if (pkg_id)
		dc_ttlv_put_int(&o, 2, pkg_id);
	if (sub_pk) {
		dc_ttlv_put_text(&o, dc->profile->pk, sub_pk);
		dc_ttlv_put_text(&o, dc->profile->dk, sub_dk);
	}
	dc_peer_send(dc, p, "sys", CMD_EXCEPTION, 0, &o);
}

static void
print_event(struct dc *dc, const char *pk, const char *dk, const char *text)
{
	if (!dc->events)
		return;
	fprintf(dc->events, "%s/%s: ", pk, dk);
	for (const unsigned char *c = (const unsigned char *)text; *c; c++)
		fputc(*c >= 0x20 && *c < 0x7f ? *c : '?', dc->events);
	fputc('\n', dc->events);
	fflush(dc->events);
}

static void
record(struct dc *dc, int64_t device, int64_t plan, const char *component, const char *text)
{
	dc_db_do(dc->db,
	    "INSERT INTO log (device, at, text, plan, component) "
	    "VALUES (?, ?, ?, nullif(?, 0), ?)",
	    "iitit", device, dc_peer_now(dc), text, plan, component);
}

void
dc_peer_tell(struct dc *dc, const struct dc_peer *p, int64_t plan, const char *component,
    const char *format, va_list ap)
{
	char text[900];

	vsnprintf(text, sizeof(text), format, ap);
	if (p->device)
		record(dc, p->device, plan, component, text);
	print_event(dc, p->pk[0] ? p->pk : "-", p->dk[0] ? p->dk : p->endpoint, text);
}

void
dc_peer_say(struct dc *dc, const struct dc_peer *p, const char *format, ...)
{
	va_list ap;

	va_start(ap, format);
	dc_peer_tell(dc, p, 0, NULL, format, ap);
	va_end(ap);
}

void
dc_peer_note(struct dc *dc, int64_t device, const char *text)
{
	AUTO(dc_query)
	struct dc_query *q = dc_db_query(
	    dc->db, "SELECT pk, dk FROM device WHERE id = ?", "i", device);

	record(dc, device, 0, NULL, text);
	if (dc_query_next(q))
		print_event(dc, dc_query_text(q, 0), dc_query_text(q, 1), text);
}

/* FNV-1a: to tell payloads apart, not to protect anything. */
static uint32_t
hash(const uint8_t *data, size_t len)
{
	uint32_t h = 2166136261u;

	for (size_t i = 0; i < len; i++)
		h = (h ^ data[i]) * 16777619u;
	return h;
}

bool
dc_peer_is_repeat(struct dc *dc, struct dc_peer *p)
{
	const struct dc_dp *f = &dc->frame;
	uint32_t h = hash(f->payload, f->len);
	uint64_t now = (uint64_t)dc_peer_now(dc);

	for (unsigned i = 0; i < DC_RECENT; i++)
		if (p->recent[i].pkg_id == f->pkg_id && p->recent[i].cmd == f->cmd &&
		    p->recent[i].hash == h && now - p->recent[i].at_ms < DC_REPEAT_MS)
			return true;
	unsigned at = p->n_recent++ % DC_RECENT;
	p->recent[at].pkg_id = f->pkg_id;
	p->recent[at].cmd = f->cmd;
	p->recent[at].hash = h;
	p->recent[at].at_ms = now;
	return false;
}

struct dc_peer *
dc_peer_in(struct dc_session *s, const char *endpoint, size_t len)
{
	if (strlen(s->self.endpoint) == len && memcmp(s->self.endpoint, endpoint, len) == 0)
		return &s->self;
	for (struct dc_peer *p = s->subs; p; p = p->next)
		if (strlen(p->endpoint) == len && memcmp(p->endpoint, endpoint, len) == 0)
			return p;
	return NULL;
}

struct dc_peer *
dc_peer_of(struct dc *dc, int64_t device)
{
	for (struct dc_session *s = dc->sessions; s; s = s->next) {
		if (!s->client || !s->greeted)
			continue;
		if (s->self.device == device)
			return &s->self;
		for (struct dc_peer *p = s->subs; p; p = p->next)
			if (p->device == device)
				return p;
	}
	return NULL;
}

static void
go_offline(struct dc *dc, const struct dc_peer *p, const char *why)
{
	if (!p->device)
		return;
	dc_db_do(dc->db, "UPDATE device SET online = 0, seen = ? WHERE id = ?", "ii",
	    dc_peer_now(dc), p->device);
	dc_peer_say(dc, p, "offline: %s", why);
}

void
dc_peer_remove_sub(struct dc *dc, struct dc_peer *p, const char *why)
{
	struct dc_peer **at = &p->session->subs;

	while (*at != p)
		at = &(*at)->next;
	*at = p->next;
	go_offline(dc, p, why);
	free(p);
}

void
dc_peer_end_session(struct dc *dc, struct dc_session *s, const char *why)
{
	while (s->subs)
		dc_peer_remove_sub(dc, s->subs, why);
	if (s->greeted)
		go_offline(dc, &s->self, why);
	s->client = NULL;
	s->greeted = false;
}
