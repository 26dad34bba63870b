/*
 * sub_wire: see sub_wire.h. Every byte carries the time it arrives at; the ring is longer than
 * what can wait plus what can be under way at a megabaud and 50 ms.
 */
#include "sub_wire.h"

static const int64_t second_ns = 1000000000;

void
sub_wire_init(struct sub_wire *w, uint32_t baud, int64_t latency_ns, uint64_t seed)
{
	w->baud = baud;
	w->latency_ns = latency_ns;
	w->bits = 10;
	w->loss = w->flip = 0;
	w->random = seed * 0x9e3779b97f4a7c15u + 0x6a09e667f3bcc909u;
	w->random = w->random ? w->random : 1;
	w->free_at = INT64_MIN;
	w->left_over = w->taken = 0;
	w->head = w->tail = 0;
}

static uint64_t
next_random(struct sub_wire *w)
{
	w->random ^= w->random << 13;
	w->random ^= w->random >> 7;
	w->random ^= w->random << 17;
	return w->random;
}

static bool
happens(struct sub_wire *w, double chance)
{
	return chance > 0 && (double)(next_random(w) >> 11) * 0x1p-53 < chance;
}

bool
sub_wire_loses(struct sub_wire *w)
{
	return happens(w, w->loss);
}

size_t
sub_wire_room(const struct sub_wire *w, int64_t now)
{
	uint32_t held = w->head - w->tail;
	uint64_t waiting = 0;

	if (w->free_at > now)
		waiting = (uint64_t)(w->free_at - now) * w->baud / w->bits / (uint64_t)second_ns;
	if (waiting >= SUB_WIRE_QUEUE || held >= SUB_WIRE_RING)
		return 0;
	size_t room = SUB_WIRE_QUEUE - (size_t)waiting;
	return room < SUB_WIRE_RING - held ? room : SUB_WIRE_RING - held;
}

/* The line is busy for one more byte; when that ends. */
static int64_t
occupy(struct sub_wire *w, int64_t now)
{
	uint64_t bits = w->bits * (uint64_t)second_ns + w->left_over;

	if (w->free_at < now)
		w->free_at = now;
	w->free_at += (int64_t)(bits / w->baud);
	w->left_over = bits % w->baud;
	w->taken++;
	return w->free_at;
}

void
sub_wire_put(struct sub_wire *w, int64_t now, const void *data, size_t len)
{
	const uint8_t *bytes = data;

	for (size_t i = 0; i < len; i++) {
		int64_t sent = occupy(w, now);
		uint8_t b = bytes[i];

		if (happens(w, w->loss) || w->head - w->tail == SUB_WIRE_RING)
			continue;
		if (happens(w, w->flip))
			b ^= (uint8_t)(1u << (next_random(w) >> 61));
		w->at[w->head % SUB_WIRE_RING] = sent + w->latency_ns;
		w->byte[w->head++ % SUB_WIRE_RING] = b;
	}
}

size_t
sub_wire_get(struct sub_wire *w, int64_t now, void *out, size_t size)
{
	uint8_t *bytes = out;
	size_t n = 0;

	while (n < size && w->tail != w->head && w->at[w->tail % SUB_WIRE_RING] <= now)
		bytes[n++] = w->byte[w->tail++ % SUB_WIRE_RING];
	return n;
}

bool
sub_wire_next(struct sub_wire *w, int64_t now, uint8_t *byte, int64_t *at)
{
	uint32_t i = w->tail % SUB_WIRE_RING;

	if (w->tail == w->head || w->at[i] > now)
		return false;
	*at = w->at[i];
	*byte = w->byte[i];
	w->tail++;
	return true;
}

int64_t
sub_wire_due(const struct sub_wire *w)
{
	uint32_t i = w->tail;

	if (w->tail == w->head)
		return SUB_WIRE_NEVER;
	while (i + 1 != w->head && w->byte[i % SUB_WIRE_RING] != '\n')
		i++;
	return w->at[i % SUB_WIRE_RING];
}

int64_t
sub_wire_sent_at(const struct sub_wire *w)
{
	return w->free_at;
}

void
sub_wire_cut(struct sub_wire *w, int64_t now)
{
	w->tail = w->head;
	if (w->free_at > now)
		w->free_at = now;
}
