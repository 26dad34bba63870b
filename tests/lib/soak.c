/*
 * soak: see soak.h. The connection here does what cloudd/uplink.c does with a socket.
 */
#include <criterion/criterion.h>
#include <string.h>

#include "kit.h"
#include "soak.h"

enum { TICK_MS = 5000, AWAY_RETRY_MS = 10000 };

uint64_t
soak_random(struct soak *s, uint64_t below)
{
	s->random ^= s->random >> 12;
	s->random ^= s->random << 25;
	s->random ^= s->random >> 27;
	return (s->random * UINT64_C(2685821657736338717) >> 16) % below;
}

uint64_t
soak_wall(const struct soak *s)
{
	return s->wall0 + (uint64_t)s->now.ms;
}

/* --- what the cloud asks of the world --------------------------------------------------------- */

static enum err
publish(
    void *arg, const char *topic, unsigned qos, const uint8_t *payload, size_t len, uint64_t token)
{
	return session_publish(((struct soak *)arg)->session, topic, qos, payload, len, token);
}

static enum err
subscribe(void *arg, const char *topic)
{
	return session_subscribe(((struct soak *)arg)->session, topic, 1);
}

static void
fail(void *arg, int code)
{
	((struct soak *)arg)->fail_code = code;
}

static void
reconnect(void *arg)
{
	((struct soak *)arg)->reconnect = true;
}

static enum err
to_gate(void *arg, Pb__Envelope *e)
{
	return soak_gate_take(arg, e);
}

static void
move(void *arg, const char *host, uint16_t port)
{
	(void)arg, (void)host, (void)port;
}

static void
make_random(void *arg, uint8_t *out, size_t n)
{
	for (size_t i = 0; i < n; i++)
		out[i] = (uint8_t)soak_random(arg, 256);
}

static struct mono
tell_now(void *arg)
{
	return ((struct soak *)arg)->now;
}

static uint64_t
tell_wall(void *arg)
{
	return soak_wall(arg);
}

static void
on_event(void *arg, const struct event *e)
{
	(void)arg;
	cr_assert(event_is_known(e->name), "event %s", e->name);
}

static uint64_t
free_bytes(void *arg)
{
	(void)arg;
	return 1000000;
}

static void
open_cloud(struct soak *s)
{
	struct cloud_io io = {publish, subscribe, fail, reconnect, move, to_gate, make_random,
	    tell_now, tell_wall, on_event, free_bytes, s};

	cr_assert_eq(
	    cloud_open(&s->cloud, &s->identity, profile_find("p1"), &s->secrets, &io, s->path),
	    ERR_OK);
}

/* --- the connection --------------------------------------------------------------------------- */

static void
hang_up(struct soak *s)
{
	if (s->line)
		dc_line_free(s->line);
	s->line = NULL;
	s->up_len = 0;
	s->cut_after = -1;
	session_close(s->session);
}

static void
go_down(struct soak *s, enum session_stage stage, enum err why, int code)
{
	int64_t ready_ms = s->ready_at.ms == MONO_NEVER.ms ? SESSION_NEVER
							   : mono_between(s->ready_at, s->now);

	hang_up(s);
	s->ready_at = MONO_NEVER;
	s->failures = session_failures(s->failures, stage, ready_ms);
	int64_t ms = session_backoff(
	    stage, code, s->failures, (uint32_t)soak_random(s, UINT32_MAX));
	if (s->failures > SESSION_FAILURES_MAX)
		s->failures = 0;
	s->retry = ms == SESSION_NEVER ? MONO_NEVER : mono_after(s->now, ms);
	cloud_on_down(&s->cloud, why, code);
}

static void
connect_now(struct soak *s)
{
	struct cloud_credentials c;

	s->retry = MONO_NEVER;
	if (!mono_reached(s->now, s->away_until)) {
		go_down(s, SESSION_ACCESS, ERR_NETWORK, SESSION_CODE_NETWORK);
		return;
	}
	s->line = calloc(1, sizeof(*s->line));
	cr_assert_not_null(s->line);
	s->line->of = s->platform;
	s->line->client = dc_broker_open(s->platform->dc->broker, s->line, s->now);
	cr_assert_eq(cloud_credentials(&s->cloud, &c), ERR_OK);
	struct session_login login = {
	    .client_id = c.client_id, .password = c.password, .topic = c.topic, .keepalive_s = 120};
	cr_assert_eq(session_open(s->session, s->now, &login), ERR_OK);
	s->count.connects++;
}

/* True when the connection is gone by it. */
static bool
serve_requests(struct soak *s)
{
	int code = s->fail_code;

	s->fail_code = 0;
	if (s->reconnect) {
		s->reconnect = false;
		bool was_up = s->line != NULL;

		hang_up(s);
		s->ready_at = MONO_NEVER;
		s->failures = 0;
		s->retry = mono_after(s->now, 1000);
		if (was_up)
			cloud_on_down(&s->cloud, ERR_CANCELLED, SESSION_CODE_NETWORK);
		return true;
	}
	if (code && s->line)
		go_down(s, SESSION_AUTH, ERR_PLATFORM, code);
	return code != 0;
}

static void
handle(struct soak *s, const struct session_event *e)
{
	switch (e->kind) {
	case SESSION_READY:
		s->ready_at = s->now;
		cloud_on_ready(&s->cloud);
		break;
	case SESSION_MESSAGE:
		cloud_on_message(&s->cloud, e->topic, e->payload, e->len);
		break;
	case SESSION_PUBLISHED:
		cloud_on_published(&s->cloud, e->token);
		break;
	case SESSION_DOWN:
		go_down(s, SESSION_ACCESS, e->why, e->code);
		break;
	case SESSION_REFUSED:
	case SESSION_NOTHING:
		break;
	}
}

/* Bytes to the broker; false when the connection broke in their middle. */
static bool
carry_up(struct soak *s, bool *moved)
{
	const uint8_t *data = NULL;
	size_t len = session_output(s->session, &data), used = 0;
	bool cut = s->cut_after >= 0 && (size_t)s->cut_after < len;

	if (cut)
		len = (size_t)s->cut_after;
	else if (s->cut_after >= 0)
		s->cut_after -= (int64_t)len;
	cr_assert_leq(s->up_len + len, sizeof(s->up));
	if (len)
		memcpy(s->up + s->up_len, data, len);
	s->up_len += len;
	session_sent(s->session, len);
	*moved |= len > 0;
	if (s->up_len && dc_broker_input(s->platform->dc->broker, s->line->client, s->up, s->up_len,
			     s->now, &used) == ERR_OK) {
		memmove(s->up, s->up + used, s->up_len - used);
		s->up_len -= used;
	}
	if (!cut && !s->line->closed)
		return true;
	s->count.cuts += cut;
	go_down(s, SESSION_ACCESS, ERR_NETWORK, SESSION_CODE_NETWORK);
	return false;
}

static void
carry_down(struct soak *s, bool *moved)
{
	struct dc_line *l = s->line;
	size_t taken = session_input(s->session, l->data + l->at, l->len - l->at);

	l->at += taken;
	*moved |= taken > 0;
	if (l->at == l->len)
		l->at = l->len = 0;
}

/* Until nothing moves any more. */
static void
work(struct soak *s)
{
	struct session_event e;

	for (bool moved = true; moved && s->line;) {
		moved = false;
		while (session_next(s->session, s->now, &e)) {
			moved = true;
			handle(s, &e);
			if (serve_requests(s) || !s->line)
				return;
		}
		if (!carry_up(s, &moved))
			return;
		carry_down(s, &moved);
	}
}

/* --- trouble ---------------------------------------------------------------------------------- */

static void
cut_soon(struct soak *s)
{
	s->cut_after = (int64_t)soak_random(s, 900);
}

static void
be_away(struct soak *s)
{
	s->count.outages++;
	s->away_until = mono_after(s->now, (int64_t)(1 + soak_random(s, 90)) * SOAK_MINUTE);
	if (s->line)
		go_down(s, SESSION_ACCESS, ERR_NETWORK, SESSION_CODE_NETWORK);
}

static void
restart_platform(struct soak *s)
{
	s->count.restarts_platform++;
	be_away(s);
	dc_case_restart(s->platform);
}

static void
restart_cloud(struct soak *s)
{
	s->count.restarts_cloudd++;
	hang_up(s);
	cloud_close(&s->cloud);
	s->ready_at = MONO_NEVER;
	s->failures = 0;
	open_cloud(s);
	s->retry = mono_after(s->now, 2000);
	if (s->gate_up)
		soak_gate_link(s, true);
}

static void
lose_gate(struct soak *s)
{
	s->count.gate_gone++;
	soak_gate_link(s, false);
	s->gate_back = mono_after(s->now, (int64_t)(1 + soak_random(s, 20)) * SOAK_MINUTE);
}

static void
misbehave(struct soak *s)
{
	static const enum dc_fault which[] = {DC_FAULT_DROP_PUBLISH, DC_FAULT_DROP_ACK,
	    DC_FAULT_REPEAT, DC_FAULT_REORDER, DC_FAULT_BAD_FRAME, DC_FAULT_NO_0113};
	struct dc_faults *f = &s->platform->dc->faults;

	dc_fault_set(f, which[soak_random(s, sizeof(which) / sizeof(which[0]))],
	    (int64_t)soak_random(s, 9) + 1, (int64_t)soak_random(s, 12) + 1, 0);
}

/* As the command line would order it: the server obeys at its next tick. */
static void
kick(struct soak *s)
{
	s->count.kicks++;
	cr_assert_eq(
	    dc_db_run(s->platform->db, "INSERT INTO command (what, device) VALUES ('kick', ?)", "i",
		(int64_t)soak_random(s, SOAK_DEVICES) + 2),
	    ERR_OK);
	s->platform->dc->db_version = -1;
}

static void
make_trouble(struct soak *s)
{
	static void (*const kinds[])(struct soak *) = {cut_soon, cut_soon, cut_soon, misbehave,
	    misbehave, misbehave, be_away, restart_platform, restart_cloud, lose_gate, kick};

	s->next_trouble = mono_after(s->now, (int64_t)(5 + soak_random(s, 90)) * SOAK_MINUTE);
	kinds[soak_random(s, sizeof(kinds) / sizeof(kinds[0]))](s);
}

void
soak_trouble(struct soak *s, bool on)
{
	s->trouble = on;
	s->next_trouble = on ? s->now : MONO_NEVER;
	if (on)
		return;
	memset(&s->platform->dc->faults, 0, sizeof(s->platform->dc->faults));
	s->away_until = s->now;
	s->cut_after = -1;
	if (!s->gate_up)
		soak_gate_link(s, true);
}

/* --- time ------------------------------------------------------------------------------------- */

static void
earlier(struct mono *at, struct mono t)
{
	at->ms = t.ms < at->ms ? t.ms : at->ms;
}

static void
turn(struct soak *s)
{
	if (mono_reached(s->now, s->next_trouble))
		make_trouble(s);
	if (mono_reached(s->now, s->next_tick)) {
		s->next_tick = mono_after(s->now, TICK_MS);
		dc_platform_tick(s->platform->dc, s->now);
	}
	if (!s->line && mono_reached(s->now, s->retry))
		connect_now(s);
	soak_gate_step(s);
	cloud_on_time(&s->cloud);
	if (!serve_requests(s))
		work(s);
	size_t n = s->cloud.outbox.n_items;
	s->count.items_max = n > s->count.items_max ? n : s->count.items_max;
}

void
soak_pass(struct soak *s, int64_t ms)
{
	struct mono end = mono_after(s->now, ms);

	while (s->now.ms < end.ms) {
		struct mono due = end;

		earlier(&due, cloud_due(&s->cloud));
		earlier(&due, soak_gate_due(s));
		earlier(&due, s->next_tick);
		earlier(&due, s->next_trouble);
		if (s->line)
			earlier(&due, session_due(s->session));
		else
			earlier(&due, s->retry);
		s->now.ms = due.ms > s->now.ms ? due.ms : s->now.ms + 1;
		*dc_case_clock() = soak_wall(s);
		turn(s);
	}
}

/* --- life ------------------------------------------------------------------------------------- */

static void
add_devices(struct soak *s)
{
	for (unsigned i = 0; i < SOAK_DEVICES; i++) {
		snprintf(
		    s->device[i].dk, sizeof(s->device[i].dk), i ? "SOAK%u" : DC_CASE_SUB_DK, i);
		snprintf(s->device[i].version, sizeof(s->device[i].version), "1.0.0");
		if (i)
			cr_assert_eq(dc_db_run(s->platform->db,
					 "INSERT INTO device (pk, dk, gateway) VALUES (?, ?, 1)",
					 "tt", DC_CASE_SUB_PK, s->device[i].dk),
			    ERR_OK);
	}
}

struct soak *
soak_new(uint64_t seed)
{
	struct soak *s = calloc(1, sizeof(*s));

	cr_assert_not_null(s);
	s->random = seed * UINT64_C(0x9e3779b97f4a7c15) + 1;
	s->now = (struct mono){1000};
	s->platform = dc_case_new();
	s->wall0 = *dc_case_clock();
	add_devices(s);
	s->identity = (struct cloud_identity){.product_key = DC_CASE_PK,
	    .device_key = DC_CASE_DK,
	    .model = "m",
	    .version = "0.1",
	    .sdk_version = "2.9.0",
	    .ask_sha256 = true,
	    .request_interval_ms = (uint64_t)(4 * SOAK_HOUR)};
	s->secrets = (struct secrets){
	    {{DC_CASE_PK, DC_CASE_PS}, {DC_CASE_SUB_PK, DC_CASE_SUB_PS}}, 2};
	s->dir = kit_scratch();
	snprintf(s->path, sizeof(s->path), "%s/outbox.db", s->dir);
	cr_assert_eq(session_new(&s->session), ERR_OK);
	s->cut_after = -1;
	s->ready_at = s->gate_back = s->next_trouble = MONO_NEVER;
	s->retry = s->next_tick = s->away_until = s->now;
	open_cloud(s);
	soak_gate_link(s, true);
	soak_pass(s, SOAK_MINUTE);
	return s;
}

void
soak_free(struct soak *s)
{
	hang_up(s);
	session_free(s->session);
	cloud_close(&s->cloud);
	dc_case_free(s->platform);
	kit_scratch_remove(s->dir);
	free(s);
}

void
soak_plan(struct soak *s, const char *target, int hours, int push_from, int push_to, int reject_min)
{
	struct dc_db *db = s->platform->db;
	int64_t now = (int64_t)soak_wall(s);

	dc_case_plan(s->platform, DC_CASE_SUB_PK, "app", 0, NULL, target, push_from >= 0);
	cr_assert_eq(dc_db_run(db,
			 "UPDATE plan SET starts = ?, ends = ?, push_from = ?, push_to = ?, "
			 "reject_min = ? WHERE id = (SELECT max(id) FROM plan)",
			 "iiiii", now, now + hours * SOAK_HOUR,
			 (int64_t)(push_from > 0 ? 60 * push_from : 0),
			 (int64_t)(push_from > 0 ? 60 * push_to : 0), (int64_t)reject_min),
	    ERR_OK);
	dc_platform_offer(s->platform->dc);
}
