/*
 * modbus: see modbus.h. One request at a time: RTU knows no more, and most TCP devices do not
 * either. The way of a verb is in modbus_walk.c.
 */
#include "modbus.h"

#include "modbus_sum.h"
#include "modbus_walk.h"

/* Take notice of a call that is over. */
static void
go_on(struct modbus_walk *m, struct mono now)
{
	if (m->busy && !m->pausing && m->call.state == MODBUS_OVER)
		modbus_walk_answer(m, now);
}

/* --- verbs ------------------------------------------------------------------------------------ */

static enum err
init(void *state, const char *const *values, char *why, size_t why_size)
{
	struct modbus_walk *m = state;

	*m = (struct modbus_walk){.up = true};
	enum err e = modbus_profile_parse(values, &m->profile, why, why_size);
	if (!e)
		modbus_call_init(&m->call, &m->profile.limits);
	m->values.little = m->profile.little_words;
	return e;
}

/* The sums go into scripts that may come before the first piece. */
static bool
sum_image(struct modbus_walk *m)
{
	const struct driver_image *i = m->job.image;
	struct modbus_sum sum;
	uint64_t room = modbus_profile_room(&m->profile);
	enum err e = ERR_OK;

	if (!i || i->size == 0)
		modbus_walk_finish(m, ERR_INVALID, "expected an image, got none");
	else if (i->size > room)
		modbus_walk_finish(m, ERR_IMAGE, "expected at most %llu bytes, got %llu",
		    (unsigned long long)room, (unsigned long long)i->size);
	else if ((e = modbus_sum_image(i, &sum)))
		modbus_walk_finish(
		    m, e, "image: expected %llu bytes, got less", (unsigned long long)i->size);
	else {
		m->values.of[MODBUS_SIZE] = (uint32_t)i->size;
		m->values.of[MODBUS_CRC32] = sum.crc32;
		m->values.of[MODBUS_CRC16] = sum.crc16;
		m->values.of[MODBUS_CCITT] = sum.ccitt;
		return true;
	}
	return false;
}

static void
start_write(struct modbus_walk *m, struct mono now)
{
	const struct modbus_steps *s = m->profile.scripts;

	if (!sum_image(m))
		return;
	if (s[MODBUS_LOADER].n > 0)
		modbus_walk_go(m, MODBUS_LOADER, now);
	else
		modbus_walk_go(m, MODBUS_LAUNCH, now);
}

static void
start(void *state, const struct driver_job *job, struct mono now)
{
	struct modbus_walk *m = state;

	m->job = *job;
	m->busy = true;
	m->launched = m->pausing = m->looking = false;
	m->end = mono_after(now, job->timeout_ms);
	m->offset = 0;
	m->detail[0] = 0;
	m->result = (struct driver_result){0};
	m->facts = (struct driver_facts){.total_bytes = job->image ? job->image->size : 0};
	m->call.heard = false;
	modbus_frame_quiet(&m->call.in);
	if (job->verb == DRIVER_IDENTIFY)
		modbus_walk_go(m, AT_VERSION, now);
	else if (job->verb == DRIVER_WRITE)
		start_write(m, now);
	else if (m->profile.scripts[MODBUS_RUN].n == 0)
		modbus_walk_finish(m, ERR_UNSUPPORTED, "expected a script `run`, got none");
	else
		modbus_walk_go(m, MODBUS_RUN, now);
}

/* --- bytes and time --------------------------------------------------------------------------- */

static void
on_bytes(void *state, const uint8_t *data, size_t len, struct mono now)
{
	struct modbus_walk *m = state;

	for (size_t i = 0; i < len && m->busy; i++) {
		modbus_call_byte(&m->call, data[i], now);
		go_on(m, now);
	}
}

static size_t
output(void *state, uint8_t *out, size_t size, struct mono now)
{
	struct modbus_walk *m = state;

	return m->busy && m->up && !m->pausing ? modbus_call_output(&m->call, out, size, now) : 0;
}

static void
on_time(void *state, struct mono now)
{
	struct modbus_walk *m = state;

	if (!m->busy)
		return;
	if (mono_reached(now, m->end)) {
		modbus_walk_finish(m, m->call.heard ? ERR_TIMEOUT : ERR_DEVICE_AWAY,
		    "expected an end within %u ms, got as far as %s at %llu of %llu bytes",
		    (unsigned)m->job.timeout_ms, m->at == AT_REST ? "run" : modbus_walk_name(m),
		    (unsigned long long)m->facts.done_bytes,
		    (unsigned long long)m->facts.total_bytes);
		return;
	}
	if (!m->pausing) {
		modbus_call_time(&m->call, now);
		go_on(m, now);
		return;
	}
	if (!mono_reached(now, m->due))
		return;
	modbus_walk_resume(m, now);
}

static struct mono
deadline(const void *state)
{
	const struct modbus_walk *m = state;

	if (!m->busy)
		return MONO_NEVER;
	struct mono due = m->pausing ? m->due : modbus_call_deadline(&m->call);
	return due.ms < m->end.ms ? due : m->end;
}

static bool
done(const void *state, struct driver_result *result)
{
	const struct modbus_walk *m = state;

	if (!m->busy && result)
		*result = m->result;
	return !m->busy;
}

static const struct driver_facts *
facts(const void *state)
{
	return &((const struct modbus_walk *)state)->facts;
}

static void
on_link(void *state, bool up, struct mono now)
{
	struct modbus_walk *m = state;
	bool back = up && !m->up;

	(void)now;
	m->up = up;
	if (back && m->busy)
		modbus_walk_finish(m, ERR_LINK,
		    "expected the line to stay for %llu bytes, lost it at %llu",
		    (unsigned long long)m->facts.total_bytes,
		    (unsigned long long)m->facts.done_bytes);
}

const struct driver modbus_driver = {
    .name = "modbus",
    .caps = DRIVER_VERSION | DRIVER_DESTRUCTIVE,
    .verbs = 1u << DRIVER_IDENTIFY | 1u << DRIVER_WRITE | 1u << DRIVER_REBOOT,
    .state_size = sizeof(struct modbus_walk),
    .options = modbus_profile_options,
    .init = init,
    .start = start,
    .on_bytes = on_bytes,
    .on_time = on_time,
    .output = output,
    .deadline = deadline,
    .done = done,
    .facts = facts,
    .on_link = on_link,
};
