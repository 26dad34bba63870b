/*
 * sub_device: see sub_device.h.
 */
#include "sub_device.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const int64_t reset_delay_ns = 250000000, babble_ns = 2000000;

enum { LOADER_NS = 20000000 };

static void
loader_says(void *arg, int64_t now, const char *text, size_t len)
{
	struct sub_device *d = arg;

	d->send(d->arg, now, text, len);
}

void
sub_device_init(struct sub_device *d, const struct sub_device_settings *set,
    struct sub_flash *flash, sub_device_send send, void *arg)
{
	memset(d, 0, sizeof(*d));
	d->set = *set;
	d->flash = flash;
	d->send = send;
	d->arg = arg;
	d->smp = (struct sub_smp){.flash = flash,
	    .second = set->second,
	    .buf_size = set->buf_size,
	    .buf_count = set->buf_count,
	    .slot_size = set->slot_size,
	    .deny_confirm = set->deny_confirm,
	    .quirks = set->quirks,
	    .align = set->align,
	    .no_hash = set->no_hash};
	sub_frame_init(&d->frame, set->buf_size);
	d->up_at = d->reset_at = d->noise_at = d->busy_until = d->window_end = SUB_DEVICE_NEVER;
	d->loader = (struct sub_loader){
	    .kind = set->loader, .flash = flash, .say = loader_says, .arg = d};
	if (set->loader != SUB_LOADER_NONE && !sub_loader_init(&d->loader))
		abort();
	d->loader.x.lose_acks = set->lose_acks;
}

void
sub_device_fini(struct sub_device *d)
{
	sub_loader_fini(&d->loader);
}

/* RAM is gone. */
static void
forget(struct sub_device *d)
{
	sub_smp_forget(&d->smp);
	sub_frame_drop(&d->frame);
	d->used = d->queued = 0;
	d->frame.deaf = false;
	d->working = d->sending = d->receiving = false;
	d->up_at = d->reset_at = d->noise_at = d->busy_until = d->window_end = SUB_DEVICE_NEVER;
	d->changed = true;
}

static bool
has(const struct sub_device *d, unsigned way)
{
	return d->set.recovery & way;
}

static bool
is_told(const struct sub_device *d)
{
	return d->dead || (d->to_loader && has(d, SUB_DEVICE_BOOT_MODE)) ||
	       (d->boot_pin && has(d, SUB_DEVICE_PIN));
}

/* Only because somebody might ask. */
static bool
wants_window(const struct sub_device *d)
{
	return !is_told(d) && has(d, SUB_DEVICE_WINDOW);
}

static bool
stays_in_loader(const struct sub_device *d)
{
	return d->set.recovery != 0 && (is_told(d) || wants_window(d));
}

/* Nobody asked in the window. */
static void
start_application(struct sub_device *d, int64_t now)
{
	forget(d);
	d->smp.recovery = false;
	d->smp.buf_count = d->set.buf_count;
	d->window_end = SUB_DEVICE_NEVER;
	d->state = SUB_DEVICE_STARTING;
	d->up_at = now + d->set.reset_ns;
}

static void
start(struct sub_device *d, int64_t now)
{
	struct sub_flash *second = d->set.second;
	bool moves = sub_flash_will_swap(d->flash) || (second && sub_flash_will_swap(second));

	forget(d);
	d->dead = sub_flash_boot(d->flash) == SUB_FLASH_DEAD;
	if (second && sub_flash_boot(second) == SUB_FLASH_DEAD)
		d->dead = true;
	d->state = SUB_DEVICE_STARTING;
	d->up_at = now + d->set.reset_ns + (moves ? d->set.swap_ns : 0);
	d->smp.recovery = stays_in_loader(d);
	d->smp.buf_count = d->set.buf_count;
	d->window_end = SUB_DEVICE_NEVER;
	if (d->smp.recovery) {
		d->smp.buf_count = 1;
		d->up_at = now + LOADER_NS;
		if (wants_window(d))
			d->window_end = d->up_at + d->set.window_ns;
	} else if (d->dead && d->set.loader == SUB_LOADER_NONE) {
		d->up_at = SUB_DEVICE_NEVER;
	}
	d->to_loader = false;
}

void
sub_device_power(struct sub_device *d, bool on, int64_t now)
{
	if (on) {
		start(d, now);
		return;
	}
	forget(d);
	d->state = SUB_DEVICE_OFF;
}

static bool
is_sick(const struct sub_device *d)
{
	return d->set.sick && d->set.sick[0] && strcmp(d->running.version, d->set.sick) == 0;
}

static bool
is_deaf(const struct sub_device *d)
{
	bool for_good = d->set.deaf_after && d->smp.upload_bytes >= d->set.deaf_after;

	return for_good || (is_sick(d) && !d->smp.recovery);
}

static bool
babbles(const struct sub_device *d)
{
	return d->set.quirks & (SUB_QUIRK_GARBAGE | SUB_QUIRK_ENDLESS);
}

static void
come_up(struct sub_device *d, int64_t now)
{
	d->up_at = SUB_DEVICE_NEVER;
	d->state = SUB_DEVICE_UP;
	d->changed = true;
	if (d->smp.recovery)
		return;
	d->running = d->flash->slot[0];
	if (d->set.loader != SUB_LOADER_NONE)
		sub_loader_boot(&d->loader, !d->dead, now);
	if (is_sick(d))
		d->reset_at = now + d->set.sick_ns;
	if (d->set.noise_ns)
		d->noise_at = now + d->set.noise_ns;
	if (babbles(d))
		d->noise_at = now + babble_ns;
}

/* --- requests in ----------------------------------------------------------------------------- */

static void
packet_begins(struct sub_device *d)
{
	if (d->receiving)
		d->used--;
	d->begging = false;
	d->receiving = d->used < d->smp.buf_count;
	if (d->receiving) {
		d->used++;
		return;
	}
	d->drops++;
	d->begging = d->set.quirks & SUB_QUIRK_NO_MEMORY;
	if (!d->begging)
		sub_frame_drop(&d->frame);
}

static void
tell_no_memory(struct sub_device *d, int64_t now)
{
	struct sub_smp_answer no;
	char text[SUB_FRAME_TEXT];

	d->begging = false;
	sub_smp_no_memory(d->frame.body + 2, &no);
	d->send(d->arg, now, text, sub_frame_format(no.data, no.len, text));
}

static void
packet_is_whole(struct sub_device *d)
{
	struct sub_device_request *r = &d->queue[d->queued++];

	d->receiving = false;
	d->window_end = SUB_DEVICE_NEVER; /* somebody asked */
	r->len = d->frame.packet_len;
	memcpy(r->data, d->frame.body + 2, r->len);
}

static void
on_frame(struct sub_device *d, enum sub_frame_event e)
{
	if (e == SUB_FRAME_BEGINS) {
		packet_begins(d);
		e = sub_frame_go_on(&d->frame);
	}
	if (e == SUB_FRAME_PACKET && d->begging)
		tell_no_memory(d, d->heard_at);
	else if (e == SUB_FRAME_PACKET)
		packet_is_whole(d);
	if (e == SUB_FRAME_BAD && d->begging) {
		d->begging = false;
	} else if (e == SUB_FRAME_BAD) {
		d->receiving = false;
		d->used--;
		d->changed = true;
	}
}

void
sub_device_pins(struct sub_device *d, bool boot, bool reset, int64_t now)
{
	bool released = d->in_reset && !reset;

	d->boot_pin = boot;
	d->in_reset = reset;
	if (reset && d->state != SUB_DEVICE_OFF)
		sub_device_power(d, false, now);
	if (released)
		sub_device_power(d, true, now);
}

/* A torn packet is given up when the line has been silent. */
static enum sub_frame_event
raw_byte(struct sub_device *d, uint8_t b, int64_t now)
{
	if (now - d->heard_at > d->set.raw_idle_ns && sub_raw_idle(&d->frame))
		on_frame(d, SUB_FRAME_BAD);
	d->heard_at = now;
	return sub_raw_byte(&d->frame, b);
}

static void
look_at_loader(struct sub_device *d, int64_t now)
{
	struct sub_loader *l = &d->loader;

	d->smp.upload_bytes = l->bytes;
	d->smp.max_upload = l->furthest;
	d->smp.writes = l->pieces;
	d->changed |= l->changed;
	l->changed = false;
	if (l->reset)
		start(d, now);
}

void
sub_device_byte(struct sub_device *d, uint8_t b, int64_t now)
{
	if (d->state != SUB_DEVICE_UP || is_deaf(d))
		return;
	if (d->set.loader != SUB_LOADER_NONE) {
		sub_loader_byte(&d->loader, b, now);
		look_at_loader(d, now);
		return;
	}
	if (d->set.framing == SUB_DEVICE_CONSOLE)
		d->heard_at = now;
	on_frame(d, d->set.framing == SUB_DEVICE_RAW ? raw_byte(d, b, now)
						     : sub_frame_byte(&d->frame, b));
	sub_device_step(d, now);
}

void
sub_device_datagram(struct sub_device *d, const void *data, size_t len, int64_t now)
{
	struct sub_smp_answer no;

	if (d->state != SUB_DEVICE_UP || is_deaf(d) || !sub_raw_datagram(&d->frame, data, len))
		return;
	if (d->used >= d->smp.buf_count) {
		d->drops++;
		sub_smp_no_memory(d->frame.body + 2, &no);
		d->send(d->arg, now, (const char *)no.data, no.len);
		return;
	}
	d->used++;
	packet_is_whole(d);
	sub_device_step(d, now);
}

/* --- answers out ----------------------------------------------------------------------------- */

static void
give_back(struct sub_device *d)
{
	d->used--;
	d->queued--;
	d->at = 0;
	memmove(&d->queue[0], &d->queue[1], d->queued * sizeof(d->queue[0]));
	d->changed = true;
}

/* Begin with the next request; a device with one buffer answers in the request's own. */
static void
begin_work(struct sub_device *d, int64_t now)
{
	const struct sub_device_request *r = &d->queue[0];
	bool shares = d->smp.buf_count == 1;

	/* work begins as soon as there is some, so it is never late for the last buffer */
	assert(shares || d->used < d->smp.buf_count);
	size_t n = sub_smp_answer(&d->smp, r->data + d->at, r->len - d->at, &d->answer);
	if (n == 0 || is_deaf(d)) {
		give_back(d);
		return;
	}
	d->at += n;
	d->used += !shares;
	d->working = true;
	d->busy_until = now + (int64_t)d->answer.work_ns;
}

/* How long the old image goes on after the answer to a reset. */
static int64_t
lingers_ns(const struct sub_device *d)
{
	if (d->set.quirks & SUB_QUIRK_AT_ONCE)
		return 0;
	return d->set.quirks & SUB_QUIRK_LINGERS ? 8 * reset_delay_ns : reset_delay_ns;
}

static void
send_answer(struct sub_device *d, int64_t now)
{
	char text[SUB_FRAME_TEXT];
	size_t len = d->answer.len;

	d->working = false;
	d->sending = true;
	d->busy_until = now;
	if (len > 0 && d->set.framing == SUB_DEVICE_CONSOLE)
		len = sub_frame_format(d->answer.data, len, text);
	else
		memcpy(text, d->answer.data, len);
	if (len > 0)
		d->busy_until = d->send(d->arg, now, text, len);
	if (!d->answer.reset || d->reset_at != SUB_DEVICE_NEVER)
		return;
	d->to_loader = d->answer.to_loader;
	d->reset_at = d->busy_until + lingers_ns(d);
}

static void
answer_has_left(struct sub_device *d)
{
	d->sending = false;
	d->busy_until = SUB_DEVICE_NEVER;
	d->used -= d->smp.buf_count != 1;
	if (d->at >= d->queue[0].len)
		give_back(d);
}

static void
make_noise(struct sub_device *d, int64_t now)
{
	char text[100];

	if (babbles(d)) {
		d->noise_at = now + babble_ns;
		sub_quirk_babble(d->set.quirks, &d->random, text, sizeof(text));
		d->send(d->arg, now, text, sizeof(text));
		return;
	}
	int n = snprintf(text, sizeof(text), "[%08lld] <inf> app: alive, %u of %u buffers used\r\n",
	    (long long)(now / 1000000), d->used, (unsigned)d->set.buf_count);

	d->noise_at = now + d->set.noise_ns;
	d->send(d->arg, now, text, (size_t)n);
}

void
sub_device_step(struct sub_device *d, int64_t now)
{
	if (now >= d->up_at)
		come_up(d, now);
	if (now >= d->reset_at)
		start(d, now);
	if (now >= d->window_end)
		start_application(d, now);
	if (now >= d->noise_at)
		make_noise(d, now);
	if (d->state == SUB_DEVICE_UP && d->set.loader != SUB_LOADER_NONE) {
		sub_loader_step(&d->loader, now);
		look_at_loader(d, now);
	}
	while (d->state == SUB_DEVICE_UP) {
		if (d->working && now >= d->busy_until)
			send_answer(d, now);
		else if (d->sending && now >= d->busy_until)
			answer_has_left(d);
		else if (!d->working && !d->sending && d->queued > 0)
			begin_work(d, now);
		else
			return;
	}
}

int64_t
sub_device_due(const struct sub_device *d)
{
	bool loads = d->state == SUB_DEVICE_UP && d->set.loader != SUB_LOADER_NONE;
	int64_t due = loads ? sub_loader_due(&d->loader) : SUB_DEVICE_NEVER;

	due = d->up_at < due ? d->up_at : due;
	due = d->reset_at < due ? d->reset_at : due;
	due = d->window_end < due ? d->window_end : due;
	due = d->noise_at < due ? d->noise_at : due;
	return d->busy_until < due ? d->busy_until : due;
}
