/*
 * modbus_walk: see modbus_walk.h. Scripts may be empty, so several may follow at once, but each
 * walk ends in a call, a pause or the end of the verb.
 */
#include "modbus_walk.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

void
modbus_walk_finish(struct modbus_walk *m, enum err e, const char *format, ...)
{
	va_list ap;

	va_start(ap, format);
	vsnprintf(m->result.detail, sizeof(m->result.detail), format, ap);
	va_end(ap);
	m->result.error = e;
	m->busy = false;
}

static void step_start(struct modbus_walk *m, struct mono now);

void
modbus_walk_go(struct modbus_walk *m, int at, struct mono now)
{
	m->at = at;
	m->step = 0;
	m->pausing = false;
	step_start(m, now);
}

/* --- the pieces of the image ------------------------------------------------------------------ */

static size_t
piece_len(const struct modbus_walk *m)
{
	uint64_t left = m->job.image->size - m->offset;
	uint64_t words = m->profile.data.words;

	if (m->profile.data.place == MODBUS_FILE) {
		uint64_t in_file = MODBUS_RECORDS - m->offset / 2 % MODBUS_RECORDS;

		words = words < in_file ? words : in_file;
	}
	return (size_t)(left < 2 * words ? left : 2 * words);
}

static void
set_piece(struct modbus_walk *m)
{
	m->values.of[MODBUS_OFFSET] = (uint32_t)m->offset;
	m->values.of[MODBUS_LENGTH] = (uint32_t)piece_len(m);
	m->values.of[MODBUS_BLOCK] = (uint32_t)(m->offset / (2u * m->profile.data.words));
}

/* The request for the piece at hand; false when the image cannot be read. */
static bool
ask_data(struct modbus_walk *m)
{
	uint8_t data[2 * MODBUS_WRITE_WORDS];
	const struct modbus_data *d = &m->profile.data;
	size_t len = piece_len(m);
	uint16_t words = (uint16_t)((len + 1) / 2);
	enum err e = m->job.image->read(m->job.image->arg, m->offset, data, len);

	if (e) {
		modbus_walk_finish(m, e, "image: expected %zu bytes at %llu, got none", len,
		    (unsigned long long)m->offset);
		return false;
	}
	if (len % 2)
		data[len] = m->profile.fill;
	for (size_t i = 0; m->profile.little_bytes && i < 2u * words; i += 2) {
		uint8_t first = data[i];

		data[i] = data[i + 1];
		data[i + 1] = first;
	}
	uint64_t record = m->offset / 2;
	if (d->place == MODBUS_FILE)
		modbus_frame_file(&m->call.request, (uint16_t)(d->at + record / MODBUS_RECORDS),
		    (uint16_t)(record % MODBUS_RECORDS), data, words);
	else
		modbus_frame_write(&m->call.request,
		    (uint16_t)(d->at + (d->place == MODBUS_AREA ? record : 0)), data, words);
	return true;
}

static void
next_piece(struct modbus_walk *m, struct mono now)
{
	if (m->offset >= m->job.image->size) {
		modbus_walk_go(m, MODBUS_VERIFY, now);
		return;
	}
	set_piece(m);
	m->tried = 1;
	modbus_walk_go(m, MODBUS_BEFORE, now);
}

/* --- one step --------------------------------------------------------------------------------- */

static const struct modbus_step *
step_of(const struct modbus_walk *m)
{
	return m->at < MODBUS_SCRIPTS ? &m->profile.scripts[m->at].step[m->step] : NULL;
}

static void
ask_step(struct modbus_walk *m, const struct modbus_step *s)
{
	uint8_t data[4 * MODBUS_VALUES];
	size_t words = modbus_steps_fill(s, &m->values, data);
	struct modbus_pdu *q = &m->call.request;

	if (s->kind == MODBUS_STEP_SET)
		modbus_frame_set(q, s->reg, (uint16_t)(data[0] << 8 | data[1]));
	else if (s->kind == MODBUS_STEP_WRITE)
		modbus_frame_write(q, s->reg, data, (uint16_t)words);
	else
		modbus_frame_read(
		    q, m->profile.read, s->reg, s->kind == MODBUS_STEP_WAIT ? 1 : (uint16_t)words);
}

/* The last step of these may make the device reset and not answer. */
static bool
may_reset(const struct modbus_walk *m)
{
	return (m->at == MODBUS_LAUNCH || m->at == MODBUS_COMMIT || m->at == MODBUS_RUN) &&
	       m->step + 1 == m->profile.scripts[m->at].n;
}

/* A device must not be reset twice without a look in between, nor take a piece twice. */
static bool
is_once(const struct modbus_walk *m)
{
	return may_reset(m) || (m->at == AT_DATA && m->profile.data.place == MODBUS_WINDOW);
}

static void on_met(struct modbus_walk *m, struct mono now);

static void
step_start(struct modbus_walk *m, struct mono now)
{
	const struct modbus_step *s = step_of(m);
	unsigned tries = is_once(m) ? 1 : m->profile.limits.tries;

	if (m->at == AT_REST || (s && m->step >= m->profile.scripts[m->at].n)) {
		on_met(m, now);
		return;
	}
	if (s && s->kind == MODBUS_STEP_PAUSE) {
		m->pausing = true;
		m->due = mono_after(now, s->ms);
		return;
	}
	if (s) {
		ask_step(m, s);
		m->step_end = mono_after(now, s->ms);
	} else if (m->at == AT_VERSION || m->at == AT_SERIAL) {
		const struct modbus_version *v = m->at == AT_VERSION ? &m->profile.version
								     : &m->profile.serial;

		modbus_frame_read(&m->call.request, m->profile.read, v->reg, v->words);
	} else if (!ask_data(m)) {
		return;
	}
	modbus_call_start(&m->call, tries, now);
}

static void
next_step(struct modbus_walk *m, struct mono now)
{
	m->step++;
	m->pausing = false;
	step_start(m, now);
}

/* --- the walk --------------------------------------------------------------------------------- */

static void
on_identified(struct modbus_walk *m, const char *version, struct mono now)
{
	snprintf(m->facts.version, sizeof(m->facts.version), "%s", version);
	m->facts.active_confirmed = version[0] != 0; /* there is nothing to confirm */
	if (version[0] && m->profile.serial.words)
		modbus_walk_go(m, AT_SERIAL, now);
	else
		modbus_walk_finish(m, ERR_OK, "%s", "");
}

static void
after_launch(struct modbus_walk *m, struct mono now)
{
	m->launch_end = mono_after(now, m->profile.launch_ms);
	modbus_walk_go(
	    m, m->profile.scripts[MODBUS_LOADER].n > 0 ? MODBUS_LOADER : MODBUS_UNLOCK, now);
}

static void
rest(struct modbus_walk *m, struct mono now)
{
	m->at = AT_REST;
	m->pausing = true;
	m->due = mono_after(now, m->profile.run_wait_ms);
}

/* All steps of what is at hand are done. */
static void
on_met(struct modbus_walk *m, struct mono now)
{
	static const int then[] = {[MODBUS_UNLOCK] = MODBUS_ERASE,
	    [MODBUS_BEFORE] = AT_DATA,
	    [MODBUS_VERIFY] = MODBUS_COMMIT};

	switch (m->at) {
	case MODBUS_LOADER:
		if (m->job.verb == DRIVER_IDENTIFY)
			on_identified(m, "", now);
		else
			modbus_walk_go(m, MODBUS_UNLOCK, now);
		break;
	case MODBUS_LAUNCH:
		after_launch(m, now);
		break;
	case MODBUS_ERASE:
		next_piece(m, now);
		break;
	case AT_DATA:
		modbus_walk_go(m, MODBUS_AFTER, now);
		break;
	case MODBUS_AFTER:
		m->offset += piece_len(m);
		m->facts.done_bytes = m->offset;
		next_piece(m, now);
		break;
	case MODBUS_RUN:
		rest(m, now);
		break;
	case MODBUS_COMMIT:
	case AT_REST:
		modbus_walk_finish(m, ERR_OK, "%s", "");
		break;
	default:
		modbus_walk_go(m, then[m->at], now);
	}
}

const char *
modbus_walk_name(const struct modbus_walk *m)
{
	if (m->at == AT_VERSION || m->at == AT_SERIAL)
		return m->at == AT_VERSION ? "version" : "serial";
	return m->at == AT_DATA ? "data" : modbus_profile_script((enum modbus_script)m->at);
}

/* A piece that may have been lost on its way, or its answer. */
static void
on_piece_missed(struct modbus_walk *m, enum err e, struct mono now)
{
	bool lost = e == ERR_DEVICE_AWAY || e == ERR_DEVICE_PROTO;

	if (lost && modbus_profile_repeats(&m->profile) && m->tried < m->profile.limits.tries) {
		m->tried++;
		m->facts.rewinds++;
		modbus_walk_go(m, MODBUS_BEFORE, now);
		return;
	}
	if (lost && m->at == AT_DATA && !modbus_profile_repeats(&m->profile))
		e = ERR_AMBIGUOUS; /* it may have been taken, and must not be taken twice */
	modbus_walk_finish(m, e, "%s: piece at %llu: %s", modbus_walk_name(m),
	    (unsigned long long)m->offset, m->detail);
}

static void
on_loader_missed(struct modbus_walk *m, enum err e, struct mono now)
{
	if (m->job.verb == DRIVER_IDENTIFY) {
		modbus_walk_finish(m, m->version_error, "loader: %s", m->detail);
	} else if (!m->launched && m->profile.scripts[MODBUS_LAUNCH].n > 0) {
		m->launched = true;
		modbus_walk_go(m, MODBUS_LAUNCH, now);
	} else if (m->launched && !mono_reached(now, m->launch_end)) {
		m->step = 0; /* it may still be starting */
		m->pausing = true;
		m->due = mono_after(now, m->profile.limits.poll_ms);
	} else {
		modbus_walk_finish(m, e, "loader: %s", m->detail);
	}
}

/* A step failed. */
static void
on_missed(struct modbus_walk *m, enum err e, struct mono now)
{
	if (m->at == AT_SERIAL) { /* of no known unit, but there */
		modbus_walk_finish(m, ERR_OK, "%s", "");
	} else if (may_reset(m) && e == ERR_DEVICE_AWAY) {
		on_met(m, now);
	} else if (m->at == AT_VERSION && m->profile.scripts[MODBUS_LOADER].n > 0) {
		m->version_error = e;
		modbus_walk_go(m, MODBUS_LOADER, now);
	} else if (m->at == MODBUS_LOADER) {
		on_loader_missed(m, e, now);
	} else if (m->at == MODBUS_BEFORE || m->at == AT_DATA || m->at == MODBUS_AFTER) {
		on_piece_missed(m, e, now);
	} else {
		modbus_walk_finish(m, e, "%s: %s", modbus_walk_name(m), m->detail);
	}
}

/* --- answers ---------------------------------------------------------------------------------- */

static void
on_wait(struct modbus_walk *m, const struct modbus_step *s, struct mono now)
{
	unsigned got = (unsigned)(m->call.answer.data[2] << 8 | m->call.answer.data[3]);
	const struct modbus_value *v = s->values;
	bool given_up = s->n == 4 && (got & v[2].number) == v[3].number;

	if ((got & v[0].number) == v[1].number) {
		next_step(m, now);
		return;
	}
	if (!given_up && !mono_reached(now, m->step_end)) {
		m->pausing = m->looking = true;
		m->due = mono_after(now, m->profile.limits.poll_ms);
		return;
	}
	snprintf(m->detail, sizeof(m->detail),
	    "expected register %u to be 0x%04x under 0x%04x within %u ms, got 0x%04x", s->reg,
	    v[1].number, v[0].number, (unsigned)s->ms, got);
	on_missed(m, given_up ? ERR_DEVICE_REJECTED : ERR_TIMEOUT, now);
}

static void
on_expect(struct modbus_walk *m, const struct modbus_step *s, struct mono now)
{
	uint8_t want[4 * MODBUS_VALUES];
	size_t words = modbus_steps_fill(s, &m->values, want), i = 0;
	const uint8_t *got = m->call.answer.data + 2;

	while (i < words && memcmp(want + 2 * i, got + 2 * i, 2) == 0)
		i++;
	if (i == words) {
		next_step(m, now);
		return;
	}
	snprintf(m->detail, sizeof(m->detail),
	    "expected register %u to be 0x%02x%02x, got 0x%02x%02x", (unsigned)(s->reg + i),
	    want[2 * i], want[2 * i + 1], got[2 * i], got[2 * i + 1]);
	on_missed(m, m->at == MODBUS_VERIFY ? ERR_VERIFY : ERR_DEVICE_STATE, now);
}

void
modbus_walk_answer(struct modbus_walk *m, struct mono now)
{
	const struct modbus_step *s = step_of(m);
	char version[65];

	if (m->call.error == ERR_LINK) {
		modbus_walk_finish(m, ERR_LINK, "expected a Modbus TCP header, got something else");
	} else if (m->call.error) {
		modbus_call_complain(&m->call, m->detail, sizeof(m->detail));
		on_missed(m, m->call.error, now);
	} else if (m->at == AT_VERSION) {
		modbus_profile_version(&m->profile.version, m->call.answer.data + 2, version);
		on_identified(m, version, now);
	} else if (m->at == AT_SERIAL) {
		modbus_profile_version(&m->profile.serial, m->call.answer.data + 2, m->facts.unit);
		modbus_walk_finish(m, ERR_OK, "%s", "");
	} else if (m->at == AT_DATA) {
		on_met(m, now);
	} else if (s->kind == MODBUS_STEP_WAIT) {
		on_wait(m, s, now);
	} else if (s->kind == MODBUS_STEP_EXPECT) {
		on_expect(m, s, now);
	} else {
		next_step(m, now);
	}
}

void
modbus_walk_resume(struct modbus_walk *m, struct mono now)
{
	const struct modbus_step *s = step_of(m);
	bool look = m->looking;

	m->pausing = m->looking = false;
	if (m->at == AT_REST)
		on_met(m, now);
	else if (look)
		modbus_call_start(&m->call, m->profile.limits.tries, now);
	else if (s->kind == MODBUS_STEP_PAUSE)
		next_step(m, now);
	else
		step_start(m, now);
}
