/*
 * smp_script: wire, buffers and virtual time around smp_server; see smp_script.h.
 *
 * Times are ns. A byte leaves the host when the wire is free, arrives a byte time and a latency
 * later. The device takes a buffer with a packet's first line, works on one request at a time,
 * takes a second buffer for the answer, sends it byte by byte and gives both back.
 */
#include "smp_script.h"

#include <assert.h>
#include <sodium.h>
#include <stdlib.h>
#include <string.h>

#include "smp_server.h"

enum { TTY = 4096, RING = 1 << 16, QUEUE = 16, LINE = 1024, MESSAGE = 8192 };

struct ring {
	int64_t at[RING];
	uint8_t byte[RING];
	unsigned head, tail;
};

struct request {
	uint8_t data[MESSAGE];
	size_t len;
};

struct smp_script_wire {
	uint8_t tty[TTY];
	size_t tty_len;
	int64_t now, free_at; /* host's side of the wire */
	struct ring to_device, to_host;
	char line[LINE];
	size_t line_len;
	uint8_t body[MESSAGE];
	size_t body_len;
	bool receiving, dropping;
	struct request queue[QUEUE];
	unsigned queued, used; /* requests waiting, buffers taken */
	int64_t busy_until;    /* device works or sends, 0 = idle */
	bool sending;
	int64_t back_at, down_at; /* after a reset */
	int64_t link_back_at;
	uint64_t upload_requests, upload_answers;
	uint32_t random;
	bool cut_done;
	uint8_t inject[70000];
	size_t inject_len;
};

void
smp_script_init(struct smp_script *d)
{
	*d = (struct smp_script){
	    .buf_size = 384,
	    .buf_count = 4,
	    .buffers = 0,
	    .chunk_us = 2000,
	    .erase_us = 500000,
	    .old_answers_us = 250000,
	    .boot_us = 2000000,
	    .byte_us_x1000 = 86806,
	    .latency_us = 1000,
	    .slot = {{.used = true,
		.version = "1.0.0",
		.hash = {1, 2, 3},
		.confirmed = true,
		.active = true}},
	};
	d->flash = calloc(1, 1 << 20);
	d->wire = calloc(1, sizeof(*d->wire));
	assert(d->flash && d->wire);
	d->wire->random = 12345;
	d->wire->now = 1000000000;
}

void
smp_script_fini(struct smp_script *d)
{
	free(d->flash);
	free(d->wire);
}

void
smp_script_inject(struct smp_script *d, const void *data, size_t len)
{
	assert(len <= sizeof(d->wire->inject));
	memcpy(d->wire->inject, data, len);
	d->wire->inject_len = len;
}

static void
push(struct smp_script *d, struct ring *r, int64_t at, uint8_t byte)
{
	struct smp_script_wire *w = d->wire;

	w->random = w->random * 1664525 + 1013904223;
	if (d->flip_every && (w->random >> 8) % d->flip_every == 0)
		byte ^= (uint8_t)(1u << (w->random >> 29));
	r->at[r->head % RING] = at;
	r->byte[r->head++ % RING] = byte;
	assert(r->head - r->tail < RING);
}

static uint16_t
sum(const uint8_t *data, size_t len)
{
	unsigned c = 0;

	for (size_t i = 0; i < 8 * len; i++) {
		unsigned top = c >> 15 & 1, bit = data[i / 8] >> (7 - i % 8) & 1;

		c = (c << 1 & 0xffff) ^ (top != bit ? 0x1021 : 0);
	}
	return (uint16_t)c;
}

static bool
listed(const unsigned *numbers, uint64_t n)
{
	for (int i = 0; i < 8; i++)
		if (numbers[i] != 0 && numbers[i] == n)
			return true;
	return false;
}

/* --- device to host ---- */

static void
send_text(struct smp_script *d, int64_t *at, const char *text, size_t len)
{
	for (size_t i = 0; i < len; i++) {
		*at += d->byte_us_x1000;
		push(d, &d->wire->to_host, *at + (int64_t)d->latency_us * 1000, (uint8_t)text[i]);
	}
}

/* Frame a packet and put it on the wire from `at` on; returns when its last byte has left. */
static int64_t
send_packet(struct smp_script *d, int64_t at, const uint8_t *packet, size_t len)
{
	uint8_t body[SMP_SERVER_ANSWER + 4];
	char line[200];

	body[0] = (uint8_t)((len + 2) >> 8);
	body[1] = (uint8_t)(len + 2);
	memcpy(body + 2, packet, len);
	body[2 + len] = (uint8_t)(sum(packet, len) >> 8);
	body[3 + len] = (uint8_t)sum(packet, len);
	if (d->noise)
		send_text(d, &at, d->noise, strlen(d->noise));
	for (size_t i = 0; i < len + 4; i += 93) {
		size_t n = len + 4 - i < 93 ? len + 4 - i : 93;

		sodium_bin2base64(
		    line + 2, sizeof(line) - 2, body + i, n, sodium_base64_VARIANT_ORIGINAL);
		memcpy(line, i == 0 ? "\x06\x09" : "\x04\x14", 2);
		send_text(d, &at, line, strlen(line));
		send_text(d, &at, "\n", 1);
	}
	return at;
}

/* --- host to device ---- */

static void
enqueue(struct smp_script *d)
{
	struct smp_script_wire *w = d->wire;
	size_t len = w->body_len - 4;
	bool is_upload = len >= 8 && w->body[2 + 5] == 1 && w->body[2 + 7] == 1;

	w->receiving = false;
	if (sum(w->body + 2, w->body_len - 2) != 0 || w->queued == QUEUE || len < 8) {
		w->used--;
		d->drops++;
		return;
	}
	d->longest = len > d->longest ? (unsigned)len : d->longest;
	w->upload_requests += is_upload;
	d->uploads += is_upload;
	if (is_upload && listed(d->drop_request, w->upload_requests)) {
		w->used--;
		return;
	}
	memcpy(w->queue[w->queued].data, w->body + 2, len);
	w->queue[w->queued++].len = len;
	d->most_in_flight = w->queued > d->most_in_flight ? w->queued : d->most_in_flight;
	if (is_upload && d->first_upload_us == 0) {
		d->first_upload_us = w->now / 1000;
		d->wire_busy_first = d->wire_busy_ns;
	}
}

static void
packet_begins(struct smp_script *d)
{
	struct smp_script_wire *w = d->wire;

	if (w->receiving)
		w->used--;
	w->receiving = w->dropping = false;
	w->body_len = 0;
	if ((d->buffers && w->used >= d->buffers) || (d->one_at_a_time && w->busy_until != 0)) {
		d->drops++;
		w->dropping = true;
		return;
	}
	w->receiving = true;
	w->used++;
}

static void
line_ends(struct smp_script *d)
{
	struct smp_script_wire *w = d->wire;
	size_t n = 0;
	uint32_t most = d->receive_max ? d->receive_max : d->buf_size;

	if (w->line_len < 3 || w->line_len > 127)
		return;
	if (w->line[0] == 6 && w->line[1] == 9)
		packet_begins(d);
	else if (w->line[0] != 4 || w->line[1] != 0x14 || !w->receiving)
		return;
	if (!w->receiving)
		return;
	if (sodium_base642bin(w->body + w->body_len, sizeof(w->body) - w->body_len, w->line + 2,
		w->line_len - 2, NULL, &n, NULL, sodium_base64_VARIANT_ORIGINAL) ||
	    w->body_len + n > most) {
		w->receiving = false;
		w->used--;
		d->drops++;
		return;
	}
	w->body_len += n;
	if (w->body_len >= 4 && w->body_len == 2u + (unsigned)(w->body[0] << 8 | w->body[1]))
		enqueue(d);
}

static void
device_byte(struct smp_script *d, uint8_t b)
{
	struct smp_script_wire *w = d->wire;

	if (b == '\n') {
		line_ends(d);
		w->line_len = 0;
	} else if (w->line_len < LINE) {
		w->line[w->line_len++] = (char)b;
	}
}

/* --- the device works ---- */

static void
forget_all(struct smp_script *d)
{
	struct smp_script_wire *w = d->wire;

	w->queued = w->used = 0;
	w->receiving = w->sending = false;
	w->busy_until = 0;
	w->line_len = 0;
	w->to_device.tail = w->to_device.head;
	w->to_host.tail = w->to_host.head;
}

static bool
answer_is_lost(struct smp_script *d, const uint8_t *request)
{
	if (request[5] == 1 && request[7] == 1)
		return listed(d->drop_answer, ++d->wire->upload_answers);
	if (request[5] == 0 && request[7] == 5 && d->lose_reset_answer) {
		d->lose_reset_answer--;
		return true;
	}
	if (d->drop_other == 0)
		return false;
	d->drop_other--;
	return true;
}

static void
note_reset(struct smp_script *d)
{
	struct smp_script_wire *w = d->wire;

	d->resets++;
	if (d->quirks & SMP_Q_IGNORES_RESET && d->resets == 1)
		return;
	if (w->down_at == 0)
		w->down_at = w->now + (int64_t)d->old_answers_us * 1000;
}

static void
request_is_done(struct smp_script *d)
{
	struct smp_script_wire *w = d->wire;
	uint8_t answer[SMP_SERVER_ANSWER];
	bool is_reset = false, is_upload = w->queue[0].data[5] == 1 && w->queue[0].data[7] == 1;
	size_t n = smp_server_answer(d, w->queue[0].data, w->queue[0].len, answer, &is_reset);
	bool no_buffer = d->buffers && w->used >= d->buffers;

	if (is_reset)
		note_reset(d);
	if (is_upload) {
		d->last_upload_us = w->now / 1000;
		d->wire_busy_last = d->wire_busy_ns;
	}
	w->used += !no_buffer;
	w->busy_until = w->now;
	if (no_buffer)
		d->drops++;
	else if (n > 0 && !answer_is_lost(d, w->queue[0].data))
		w->busy_until = send_packet(d, w->now, answer, n);
	w->sending = !no_buffer;
	w->used -= no_buffer;
	w->queued--;
	memmove(&w->queue[0], &w->queue[1], w->queued * sizeof(w->queue[0]));
	if (no_buffer)
		w->busy_until = 0;
}

static void
device_step(struct smp_script *d)
{
	struct smp_script_wire *w = d->wire;

	if (w->down_at != 0 && w->now >= w->down_at) {
		w->down_at = 0;
		forget_all(d);
		smp_server_boot(d);
		w->back_at = d->quirks & SMP_Q_NEVER_BACK ? INT64_MAX
							  : w->now + (int64_t)d->boot_us * 1000;
	}
	if (w->busy_until != 0 && w->now >= w->busy_until) {
		w->busy_until = 0;
		if (w->sending)
			w->used -= 2; /* the request's and the answer's */
		else
			request_is_done(d);
		if (w->busy_until == 0)
			w->sending = false;
	}
	if (w->busy_until == 0 && w->queued > 0)
		w->busy_until = w->now +
				1000 * smp_server_works_us(d, w->queue[0].data, w->queue[0].len);
}

/* --- the loop ---- */

static void
link_step(struct smp_script *d, const struct driver *v, void *state, struct mono now)
{
	struct smp_script_wire *w = d->wire;

	if (w->link_back_at != 0 && w->now >= w->link_back_at) {
		w->link_back_at = 0;
		v->on_link(state, true, now);
	}
	if (d->cut_at == 0 || w->cut_done || d->flash_len < d->cut_at)
		return;
	w->cut_done = true;
	forget_all(d);
	w->tty_len = 0;
	if (d->cut_reboots)
		d->flash_len = d->flash_size = 0;
	w->link_back_at = w->now + (int64_t)d->cut_us * 1000;
	v->on_link(state, false, now);
}

static void
host_step(struct smp_script *d, const struct driver *v, void *state, struct mono now)
{
	struct smp_script_wire *w = d->wire;
	uint8_t in[RING];
	size_t n = 0;

	while (
	    w->to_host.tail != w->to_host.head && w->to_host.at[w->to_host.tail % RING] <= w->now)
		in[n++] = w->to_host.byte[w->to_host.tail++ % RING];
	if (n > 0)
		v->on_bytes(state, in, n, now);
	if (v->deadline(state).ms <= now.ms)
		v->on_time(state, now);
	w->tty_len += v->output(state, w->tty + w->tty_len, TTY - w->tty_len, now);
	if (w->tty_len == 0 || w->free_at > w->now)
		return;
	w->free_at = w->now + d->byte_us_x1000;
	d->wire_busy_ns += d->byte_us_x1000;
	push(d, &w->to_device, w->free_at + (int64_t)d->latency_us * 1000, w->tty[0]);
	memmove(w->tty, w->tty + 1, --w->tty_len);
}

static void
wire_step(struct smp_script *d)
{
	struct smp_script_wire *w = d->wire;

	if (w->back_at != 0 && w->now >= w->back_at)
		w->back_at = 0;
	while (w->to_device.tail != w->to_device.head &&
	       w->to_device.at[w->to_device.tail % RING] <= w->now) {
		uint8_t b = w->to_device.byte[w->to_device.tail++ % RING];

		if (w->back_at == 0 && w->link_back_at == 0)
			device_byte(d, b);
	}
}

static int64_t
sooner(int64_t best, int64_t at)
{
	return at != 0 && at < best ? at : best;
}

static int64_t
next_event(const struct smp_script *d, struct mono due)
{
	const struct smp_script_wire *w = d->wire;
	int64_t best = due.ms > INT64_MAX / 1000000 ? INT64_MAX : due.ms * 1000000;

	best = sooner(best, w->busy_until);
	best = sooner(best, w->down_at);
	best = sooner(best, w->back_at);
	best = sooner(best, w->link_back_at);
	if (w->tty_len > 0)
		best = sooner(best, w->free_at);
	if (w->to_device.tail != w->to_device.head)
		best = sooner(best, w->to_device.at[w->to_device.tail % RING]);
	if (w->to_host.tail != w->to_host.head)
		best = sooner(best, w->to_host.at[w->to_host.tail % RING]);
	return best;
}

void
smp_script_run(struct smp_script *d, const struct driver *v, void *state,
    const struct driver_job *job, struct driver_result *result)
{
	struct smp_script_wire *w = d->wire;
	unsigned stuck = 0;

	v->start(state, job, (struct mono){w->now / 1000000});
	if (w->inject_len > 0)
		v->on_bytes(state, w->inject, w->inject_len, (struct mono){w->now / 1000000});
	w->inject_len = 0;
	while (!v->done(state, result)) { /* a verb may end at once */
		struct mono now = {w->now / 1000000};

		link_step(d, v, state, now);
		wire_step(d);
		device_step(d);
		host_step(d, v, state, now);
		if (v->done(state, result))
			break;
		int64_t next = next_event(d, v->deadline(state));

		stuck = next <= w->now ? stuck + 1 : 0;
		assert(stuck < 100 && "the driver's deadline stays in the past");
		w->now = next > w->now ? next : w->now;
	}
	d->now_us = w->now / 1000;
}
