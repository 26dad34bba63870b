/*
 * sub_drive: see sub_drive.h.
 */
#include "sub_drive.h"

#include <criterion/criterion.h>
#include <openssl/evp.h>
#include <stdio.h>
#include <string.h>

#include "kit.h"

static const int64_t ms_ns = 1000000;

enum { TIMEOUT_MS = 60000, STUCK = 200 };

/* --- the device's side ------------------------------------------------------------------------ */

static int64_t
take_text(void *arg, int64_t now, const char *text, size_t len)
{
	struct sub_drive *d = arg;

	if (d->set.device.framing != SUB_DEVICE_DATAGRAM) {
		if (d->noise)
			sub_wire_put(&d->out, now, d->noise, strlen(d->noise));
		sub_wire_put(&d->out, now, text, len);
		return sub_wire_sent_at(&d->out);
	}
	if (sub_wire_loses(&d->out))
		return now;
	cr_assert_lt(d->answers_len + len + 2, sizeof(d->answers));
	d->answers[d->answers_len++] = (uint8_t)(len >> 8);
	d->answers[d->answers_len++] = (uint8_t)len;
	memcpy(d->answers + d->answers_len, text, len);
	d->answers_len += len;
	return now;
}

static void
begin_device(struct sub_drive *d, const char *first)
{
	char dir[300];

	snprintf(dir, sizeof(dir), "%s/flash", d->dir);
	cr_assert(sub_flash_open(&d->flash, dir, first));
	if (d->set.second) {
		snprintf(dir, sizeof(dir), "%s/second", d->dir);
		cr_assert(sub_flash_open(&d->second, dir, first));
		d->set.device.second = &d->second;
	}
	sub_device_init(&d->device, &d->set.device, &d->flash, take_text, d);
	sub_device_power(&d->device, true, d->now);
}

static void
close_flash(struct sub_drive *d)
{
	sub_flash_close(&d->flash);
	if (d->set.second)
		sub_flash_close(&d->second);
}

void
sub_drive_power_cut(struct sub_drive *d)
{
	const char *refused = d->flash.refused;

	sub_wire_cut(&d->in, d->now);
	sub_wire_cut(&d->out, d->now);
	d->answers_len = 0;
	sub_device_power(&d->device, false, d->now);
	sub_device_fini(&d->device);
	close_flash(d);
	begin_device(d, NULL);
	d->flash.refused = refused;
}

/* True when the line is gone now. */
static bool
is_cut(struct sub_drive *d)
{
	bool cut = (d->cut_at != 0 && d->sent >= d->cut_at) ||
		   (d->cut_at_ns != 0 && d->now >= d->cut_at_ns);

	if (!cut)
		return false;
	d->cut_at = 0;
	d->cut_at_ns = 0;
	d->cuts++;
	if (!d->line_only)
		sub_drive_power_cut(d);
	sub_wire_cut(&d->in, d->now);
	sub_wire_cut(&d->out, d->now);
	return !d->silent;
}

/* --- the driver's side ------------------------------------------------------------------------ */

static enum err
read_image(void *arg, uint64_t offset, uint8_t *out, size_t len)
{
	struct sub_drive *d = arg;

	cr_assert(offset <= d->image_len && len <= d->image_len - offset);
	memcpy(out, d->image + offset, len);
	return ERR_OK;
}

static void
forget(struct sub_drive *d)
{
	const struct driver *v = d->set.driver;
	const char *values[40] = {NULL};
	char why[200] = "";

	for (size_t i = 0; v->options[i].key; i++) {
		values[i] = v->options[i].fallback;
		for (size_t k = 0; d->set.options[k]; k += 2)
			if (strcmp(d->set.options[k], v->options[i].key) == 0)
				values[i] = d->set.options[k + 1];
	}
	memset(d->state, 0, v->state_size);
	cr_assert_eq(v->init(d->state, values, why, sizeof(why)), ERR_OK, "%s", why);
}

const struct driver_facts *
sub_drive_facts(const struct sub_drive *d)
{
	return d->set.driver->facts(d->state);
}

struct sub_drive *
sub_drive_new(const struct sub_drive_options *o)
{
	struct sub_drive *d = calloc(1, sizeof(*d));
	uint8_t old[SUB_CASE_BODY + 100];
	size_t body = o->body ? o->body : 400;
	char path[300];

	cr_assert(d);
	d->set = *o;
	if (!d->set.device.buf_size)
		d->set.device.buf_size = 384;
	if (!d->set.device.buf_count)
		d->set.device.buf_count = 4;
	if (!d->set.device.reset_ns)
		d->set.device.reset_ns = 50 * ms_ns;
	d->dir = kit_scratch();
	d->now = ms_ns;
	kit_write(d->dir, "old.img", old, sub_case_image(SUB_DRIVE_OLD, body, old));
	snprintf(path, sizeof(path), "%s/old.img", d->dir);
	d->image_len = sub_case_image(SUB_DRIVE_NEW, body, d->image);
	d->source = (struct driver_image){.size = d->image_len, .read = read_image, .arg = d};
	EVP_Digest(d->image, d->image_len, d->source.sha256, NULL, EVP_sha256(), NULL);
	sub_wire_init(&d->in, o->baud ? o->baud : 1000000, o->latency_ns, 1);
	sub_wire_init(&d->out, o->baud ? o->baud : 1000000, o->latency_ns, 2);
	begin_device(d, path);
	d->state = malloc(o->driver->state_size);
	cr_assert(d->state);
	forget(d);
	sub_drive_wait(d, 1);
	return d;
}

void
sub_drive_free(struct sub_drive *d)
{
	if (!d)
		return;
	sub_device_fini(&d->device);
	close_flash(d);
	kit_scratch_remove(d->dir);
	free(d->state);
	free(d);
}

/* --- time ------------------------------------------------------------------------------------- */

static void
deliver(struct sub_drive *d, struct mono now)
{
	const struct driver *v = d->set.driver;
	uint8_t bytes[1024];
	size_t n = 0, at = 0;

	while ((n = sub_wire_get(&d->in, d->now, bytes, 1)) > 0 && !is_cut(d)) {
		d->sent++;
		sub_device_byte(&d->device, bytes[0], d->now);
	}
	sub_device_step(&d->device, d->now);
	while ((n = sub_wire_get(&d->out, d->now, bytes, sizeof(bytes))) > 0)
		v->on_bytes(d->state, bytes, n, now);
	while (at < d->answers_len) {
		n = (size_t)d->answers[at] << 8 | d->answers[at + 1];
		v->on_bytes(d->state, d->answers + at + 2, n, now);
		at += 2 + n;
	}
	d->answers_len = 0;
}

static void
collect(struct sub_drive *d, struct mono now)
{
	const struct driver *v = d->set.driver;
	uint8_t bytes[2048];
	bool apart = d->set.device.framing == SUB_DEVICE_DATAGRAM;
	size_t room = apart ? sizeof(bytes) : sub_wire_room(&d->in, d->now), n = 0;

	if (room > sizeof(bytes))
		room = sizeof(bytes);
	while (room > 0 && (n = v->output(d->state, bytes, room, now)) > 0) {
		room -= apart ? 0 : n;
		if (!apart)
			sub_wire_put(&d->in, d->now, bytes, n);
		else if (!sub_wire_loses(&d->in))
			sub_device_datagram(&d->device, bytes, n, d->now);
		d->sent += apart ? n : 0;
	}
}

/* The pins as the driver wants them now. */
static void
set_pins(struct sub_drive *d, bool over)
{
	const struct driver *v = d->set.driver;
	uint8_t pins = v->line && !over ? v->line(d->state).pins & d->set.pins : 0;

	if (pins == d->pins)
		return;
	d->pins = pins;
	sub_device_pins(&d->device, pins & DRIVER_BOOT, pins & DRIVER_RESET, d->now);
}

static int64_t
sooner(int64_t a, int64_t b)
{
	return a < b ? a : b;
}

static int64_t
next_event(const struct sub_drive *d)
{
	struct mono due = d->set.driver->deadline(d->state);
	int64_t best = due.ms > INT64_MAX / ms_ns ? INT64_MAX : due.ms * ms_ns;

	best = sooner(best, sub_device_due(&d->device));
	best = sooner(best, sub_wire_due(&d->in));
	best = sooner(best, sub_wire_due(&d->out));
	if (d->answers_len > 0)
		best = d->now;
	if (d->cut_at_ns > 0)
		best = sooner(best, d->cut_at_ns);
	return best;
}

void
sub_drive_wait(struct sub_drive *d, double seconds)
{
	int64_t end = d->now + (int64_t)(seconds * 1e9);

	while (sub_device_due(&d->device) <= end) {
		if (sub_device_due(&d->device) > d->now)
			d->now = sub_device_due(&d->device);
		sub_device_step(&d->device, d->now);
	}
	d->now = end;
	sub_wire_cut(&d->out, d->now);
	d->answers_len = 0;
}

static void
lose_line(struct sub_drive *d, struct mono now)
{
	d->set.driver->on_link(d->state, false, now);
	d->result = (struct driver_result){.error = ERR_LINK};
	snprintf(d->result.detail, sizeof(d->result.detail), "the line was cut");
	forget(d);
}

enum err
sub_drive_run(struct sub_drive *d, enum driver_verb verb)
{
	const struct driver *v = d->set.driver;
	struct driver_job job = {.verb = verb,
	    .image = &d->source,
	    .timeout_ms = TIMEOUT_MS,
	    .target_version = SUB_DRIVE_NEW,
	    .pins = d->set.pins,
	    .datagram = d->set.device.framing == SUB_DEVICE_DATAGRAM};
	unsigned stuck = 0, cuts = d->cuts;

	d->verbs++;
	d->now = (d->now + ms_ns - 1) / ms_ns * ms_ns;
	v->start(d->state, &job, (struct mono){d->now / ms_ns});
	while (!v->done(d->state, &d->result)) {
		struct mono now = {d->now / ms_ns};

		deliver(d, now);
		if ((d->cuts > cuts || is_cut(d)) && !d->silent) {
			lose_line(d, now);
			break;
		}
		cuts = d->cuts;
		if (v->deadline(d->state).ms <= now.ms)
			v->on_time(d->state, now);
		set_pins(d, false);
		collect(d, now);
		if (v->done(d->state, &d->result))
			break;
		int64_t next = next_event(d);
		stuck = next <= d->now ? stuck + 1 : 0;
		cr_assert_lt(stuck, STUCK, "nothing moves on at %lld ns", (long long)d->now);
		d->now = next > d->now ? next : d->now;
	}
	set_pins(d, true);
	return d->result.error;
}

/* --- an upgrade ------------------------------------------------------------------------------- */

/* The hash decides where there is one: versions are only names. */
static bool
is_new(const struct sub_drive *d)
{
	const struct driver_facts *f = sub_drive_facts(d);

	if (f->active_hash_len > 0)
		return memcmp(f->active_hash, sub_case_hash(d->image, d->image_len), 32) == 0;
	return strcmp(sub_drive_facts(d)->version, SUB_DRIVE_NEW) == 0;
}

/* One try; true when the new image runs and is kept. */
static bool
attempt(struct sub_drive *d)
{
	unsigned verbs = d->set.driver->verbs;
	bool slots = verbs & 1u << DRIVER_STAGE;

	if (sub_drive_run(d, DRIVER_IDENTIFY) != ERR_OK)
		return false;
	bool kept = sub_drive_facts(d)->active_confirmed;
	if (is_new(d) && kept)
		return true;
	if (is_new(d))
		return sub_drive_run(d, DRIVER_CONFIRM) == ERR_OK && false; /* look again */
	enum err e = sub_drive_run(d, DRIVER_WRITE);
	if (e == ERR_OK && slots)
		e = sub_drive_run(d, DRIVER_STAGE);
	if (e == ERR_OK && verbs & 1u << DRIVER_REBOOT)
		e = sub_drive_run(d, DRIVER_REBOOT);
	return false;
}

bool
sub_drive_upgrade(struct sub_drive *d, unsigned rounds)
{
	bool slots = d->set.driver->verbs & 1u << DRIVER_STAGE;

	for (d->rounds = 0; d->rounds < rounds; d->rounds++) {
		if (attempt(d))
			return true;
		/* with two slots there is always something that can run */
		if (slots)
			cr_assert(d->flash.slot[0].sound || d->flash.slot[1].sound,
			    "nothing can run after %u cuts, sent %llu", d->cuts,
			    (unsigned long long)d->sent);
		sub_drive_wait(d, 0.5);
	}
	return false;
}
