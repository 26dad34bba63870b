/*
 * modbus_case: see modbus_case.h.
 */
#include "modbus_case.h"

#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>

enum { STEPS_MAX = 3000000 };

static enum err
read_image(void *arg, uint64_t offset, uint8_t *out, size_t len)
{
	const struct modbus_case *c = arg;

	cr_assert(offset + len <= c->of.size);
	memcpy(out, c->image + offset, len);
	return ERR_OK;
}

void
modbus_case_open(struct modbus_case *c, const char *const *options, size_t len)
{
	const char *values[32];
	char why[200] = "";

	*c = (struct modbus_case){.state = calloc(1, modbus_driver.state_size),
	    .dev = calloc(1, sizeof(struct modbus_dev)),
	    .now = {1000},
	    .image = malloc(len)};
	c->of = (struct driver_image){.size = len, .read = read_image, .arg = c};
	cr_assert(c->state && c->dev && c->image);
	modbus_dev_init(c->dev, "1.0.0");
	modbus_dev_image(c->image, len, "2.0.0");
	for (size_t i = 0; modbus_driver.options[i].key; i++) {
		values[i] = modbus_driver.options[i].fallback;
		for (size_t k = 0; options[k]; k += 2)
			if (strcmp(options[k], modbus_driver.options[i].key) == 0)
				values[i] = options[k + 1];
	}
	cr_assert_eq(modbus_driver.init(c->state, values, why, sizeof(why)), ERR_OK, "%s", why);
}

void
modbus_case_close(struct modbus_case *c)
{
	free(c->state);
	free(c->dev);
	free(c->image);
}

/* Bytes of the driver reach the device, as far as the line's faults let them. */
static void
deliver(struct modbus_case *c, const uint8_t *data, size_t len)
{
	for (size_t i = 0; i < len; i++) {
		uint64_t at = ++c->to_device;

		if (c->echo)
			modbus_driver.on_bytes(c->state, data + i, 1, c->now);
		if (at == c->cut_at)
			modbus_dev_power(c->dev);
		if (at != c->lose_at)
			modbus_dev_bytes(c->dev, data + i, 1);
	}
}

/* What the device says now is under way, some of it for longer. */
static void
take_out(struct modbus_case *c)
{
	struct modbus_dev *d = c->dev;
	bool late = c->late_every && d->answers % c->late_every == 0;
	struct modbus_case_said *s = &c->said[c->n_said];

	if (d->out_len == 0)
		return;
	cr_assert_lt(c->n_said, MODBUS_CASE_SAID);
	s->len = d->out_len;
	memcpy(s->data, d->out, d->out_len);
	s->at = mono_after(c->now, late ? c->late_ms : 0);
	c->n_said++;
	d->out_len = 0;
}

/* One answer that has arrived; false when there is none. */
static bool
hear(struct modbus_case *c)
{
	size_t first = 0;

	for (size_t i = 1; i < c->n_said; i++)
		if (c->said[i].at.ms < c->said[first].at.ms)
			first = i;
	if (c->n_said == 0 || !mono_reached(c->now, c->said[first].at))
		return false;
	struct modbus_case_said s = c->said[first];
	c->said[first] = c->said[--c->n_said];
	for (size_t i = 0; i < s.len; i++) {
		c->from_device++;
		if (!c->mute_at || c->from_device < c->mute_at)
			modbus_driver.on_bytes(c->state, s.data + i, 1, c->now);
	}
	return true;
}

/* Without a word from either side, time goes on. */
static void
pass(struct modbus_case *c)
{
	struct mono due = modbus_driver.deadline(c->state);

	for (size_t i = 0; i < c->n_said; i++)
		due = c->said[i].at.ms < due.ms ? c->said[i].at : due;
	if (due.ms > c->now.ms) {
		c->now = due;
		modbus_dev_quiet(c->dev);
	}
	if (mono_reached(c->now, modbus_driver.deadline(c->state)))
		modbus_driver.on_time(c->state, c->now);
}

enum err
modbus_case_run(struct modbus_case *c, enum driver_verb verb)
{
	struct driver_job job = {.verb = verb,
	    .image = verb == DRIVER_WRITE ? &c->of : NULL,
	    .timeout_ms = verb == DRIVER_WRITE ? 3600000 : 20000,
	    .target_version = "2.0.0"};
	uint8_t out[300];

	modbus_driver.start(c->state, &job, c->now);
	for (int i = 0; !modbus_driver.done(c->state, &c->result); i++) {
		size_t n = modbus_driver.output(c->state, out, sizeof(out), c->now);

		cr_assert_lt(i, STEPS_MAX, "no end");
		deliver(c, out, n);
		take_out(c);
		if (c->babble) {
			modbus_driver.on_bytes(c->state, c->babble, c->babble_len, c->now);
			c->now.ms += 5;
			modbus_driver.on_time(c->state, c->now);
			c->n_said = 0;
		} else if (!hear(c) && n == 0) {
			pass(c);
		}
	}
	return c->result.error;
}

bool
modbus_case_holds(const struct modbus_case *c)
{
	return memcmp(c->dev->flash, c->image, c->of.size) == 0;
}

const char *
modbus_case_version(struct modbus_case *c)
{
	return modbus_driver.facts(c->state)->version;
}

bool
modbus_case_upgrade(struct modbus_case *c, int rounds)
{
	for (int i = 0; i < rounds; i++) {
		if (modbus_case_run(c, DRIVER_IDENTIFY) != ERR_OK)
			continue;
		if (strcmp(modbus_case_version(c), "2.0.0") == 0)
			return true;
		if (modbus_case_run(c, DRIVER_WRITE) == ERR_OK)
			(void)modbus_case_run(c, DRIVER_REBOOT);
	}
	return false;
}
