/*
 * fake_driver: see fake_driver.h.
 */
#include "fake_driver.h"

#include <stdio.h>
#include <string.h>

struct fake {
	struct driver_job job;
	struct driver_facts facts;
	struct driver_result result;
	bool over, asked, link_down;
	uint64_t sent;
	struct mono due;
};

static enum err
fake_init(void *state, const char *const *values, char *why, size_t size)
{
	(void)state;
	if (strcmp(values[0], "bad") != 0)
		return ERR_OK;
	snprintf(why, size, "expected a good colour, got bad");
	return ERR_CONFIG;
}

static void
fake_start(void *state, const struct driver_job *job, struct mono now)
{
	struct fake *f = state;

	f->job = *job;
	f->due = mono_after(now, (int64_t)job->timeout_ms);
	f->facts.total_bytes = job->image ? job->image->size : 0;
}

static void
finish(struct fake *f, enum err e, const char *detail)
{
	f->over = true;
	f->result.error = e;
	snprintf(f->result.detail, sizeof(f->result.detail), "%s", detail);
}

static void
fake_on_bytes(void *state, const uint8_t *data, size_t len, struct mono now)
{
	struct fake *f = state;

	(void)now;
	for (size_t i = 0; i < len; i++) {
		size_t n = strlen(f->facts.version);

		if (data[i] == '\n')
			finish(f, ERR_OK, "");
		else if (n + 1 < sizeof(f->facts.version))
			f->facts.version[n] = (char)data[i];
	}
}

static void
fake_on_time(void *state, struct mono now)
{
	(void)now;
	finish(state, ERR_TIMEOUT, "expected a line in time, got none");
}

static size_t
fake_output(void *state, uint8_t *out, size_t size, struct mono now)
{
	struct fake *f = state;

	(void)now;
	if (!f->job.image) {
		out[0] = '?';
		size_t n = f->asked ? 0 : 1;
		f->asked = true;
		return n;
	}
	size_t n = f->job.image->size - f->sent < size ? f->job.image->size - f->sent : size;
	if (n == 0) {
		finish(f, ERR_OK, "");
		return 0;
	}
	if (f->job.image->read(f->job.image->arg, f->sent, out, n) != ERR_OK) {
		finish(f, ERR_SYSTEM, "cannot read the image");
		return 0;
	}
	f->sent += n;
	f->facts.done_bytes = f->sent;
	return n;
}

static struct mono
fake_deadline(const void *state)
{
	return ((const struct fake *)state)->due;
}

static bool
fake_done(const void *state, struct driver_result *result)
{
	const struct fake *f = state;

	*result = f->result;
	return f->over;
}

static const struct driver_facts *
fake_facts(const void *state)
{
	return &((const struct fake *)state)->facts;
}

static void
fake_on_link(void *state, bool up, struct mono now)
{
	(void)now;
	((struct fake *)state)->link_down = !up;
}

static const struct driver_option options[] = {{"colour", "red", 0, 0, "for the test"}, {0}};

static const struct driver fake = {.name = "fake",
    .verbs = 1u << DRIVER_IDENTIFY | 1u << DRIVER_WRITE,
    .state_size = sizeof(struct fake),
    .options = options,
    .init = fake_init,
    .start = fake_start,
    .on_bytes = fake_on_bytes,
    .on_time = fake_on_time,
    .output = fake_output,
    .deadline = fake_deadline,
    .done = fake_done,
    .facts = fake_facts,
    .on_link = fake_on_link};

const struct driver *
fake_driver_find(const char *name)
{
	return strcmp(name, "fake") == 0 ? &fake : NULL;
}
