/*
 * an3155_talk: see an3155_talk.h. What a command consists of is a row of parts.
 */
#include "an3155_talk.h"

#include <assert.h>
#include <string.h>

enum part {
	END,
	CODE,    /* out: the command and its complement; then ACK, as after each of the others */
	ADDRESS, /* 4 bytes and their xor */
	COUNT,   /* n - 1 and its complement */
	DATA,    /* n - 1, n bytes, xor of all */
	PAGES,   /* n - 1, page numbers of one byte, xor of all */
	PAGES2,  /* the same with two bytes each */
	SIZE,    /* 4 bytes and their xor */
	ACK,     /* in: one more ACK */
	COUNTED, /* n, n + 1 bytes */
	THREE,
	BYTES, /* as many as were asked for */
	SUM,   /* 4 bytes and their xor */
};

/* clang-format off */
static const struct row {
	enum an3155_code code;
	enum part parts[6];
} rows[] = {
	{AN3155_GET,       {CODE, COUNTED, ACK}},
	{AN3155_ID,        {CODE, COUNTED, ACK}},
	{AN3155_VERSION,   {CODE, THREE, ACK}},
	{AN3155_READ,      {CODE, ADDRESS, COUNT, BYTES}},
	{AN3155_WRITE,     {CODE, ADDRESS, DATA}},
	{AN3155_GO,        {CODE, ADDRESS}},
	{AN3155_ERASE,     {CODE, PAGES}},
	{AN3155_ERASE_EXT, {CODE, PAGES2}},
	{AN3155_CRC,       {CODE, ADDRESS, SIZE, ACK, SUM}},
};
/* clang-format on */

enum {
	BUSY_MAX = 60,
	GREETINGS = 2, /* pokes with 7f */
	SINGLES = 6,   /* a command lacks so many bytes at most, or its data */
	FLOOD = GREETINGS + SINGLES,
	POKES = FLOOD + 1 + 3,
	FLOOD_LEN = AN3155_OUT,
};

static const enum part *
parts_of(enum an3155_code code)
{
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		if (rows[i].code == code)
			return rows[i].parts;
	assert(!"a command without a row");
	return NULL;
}

/* --- out ------------------------------------------------------------------------------------- */

static void
put(struct an3155_talk *t, uint8_t b)
{
	assert(t->out_len < AN3155_OUT);
	t->out[t->out_len++] = b;
}

static void
put_sum(struct an3155_talk *t)
{
	uint8_t sum = 0;

	for (size_t i = 0; i < t->out_len; i++)
		sum ^= t->out[i];
	put(t, sum);
}

static void
put_word(struct an3155_talk *t, uint32_t v)
{
	for (int shift = 24; shift >= 0; shift -= 8)
		put(t, (uint8_t)(v >> shift));
	put_sum(t);
}

static void
put_pages(struct an3155_talk *t, bool two)
{
	const struct an3155_command *c = &t->command;

	if (two)
		put(t, 0);
	put(t, (uint8_t)(c->n_pages - 1));
	for (size_t i = 0; i < c->n_pages; i++) {
		if (two)
			put(t, (uint8_t)(c->pages[i] >> 8));
		put(t, (uint8_t)c->pages[i]);
	}
	put_sum(t);
}

static void
put_data(struct an3155_talk *t)
{
	put(t, (uint8_t)(t->command.len - 1));
	for (uint32_t i = 0; i < t->command.len; i++)
		put(t, t->command.data[i]);
	put_sum(t);
}

static void
fill(struct an3155_talk *t, enum part part)
{
	const struct an3155_command *c = &t->command;
	uint8_t n = (uint8_t)(c->len - 1);

	switch (part) {
	case CODE:
		put(t, (uint8_t)c->code);
		put(t, (uint8_t)~c->code);
		break;
	case ADDRESS:
		put_word(t, c->address);
		break;
	case COUNT:
		put(t, n);
		put(t, (uint8_t)~n);
		break;
	case SIZE:
		put_word(t, c->len);
		break;
	case DATA:
		put_data(t);
		break;
	default:
		put_pages(t, part == PAGES2);
	}
}

static enum part
part_of(const struct an3155_talk *t)
{
	return parts_of(t->command.code)[t->part];
}

static bool
is_out(enum part part)
{
	return part >= CODE && part <= SIZE;
}

static bool
is_last_answer(const struct an3155_talk *t)
{
	const enum part *p = parts_of(t->command.code) + t->part;

	return (p[0] == DATA || p[0] == PAGES || p[0] == PAGES2 || p[0] == ACK);
}

static uint32_t
patience(const struct an3155_talk *t)
{
	return t->reply_ms + (is_last_answer(t) ? t->command.work_ms : 0);
}

/* Make ready what the current part sends or waits for. */
static void
enter_part(struct an3155_talk *t, struct mono now)
{
	enum part part = part_of(t);

	t->out_len = t->out_at = 0;
	t->in_want = 0;
	t->due = mono_after(now, patience(t));
	if (part == END) {
		t->state = AN3155_OK;
		return;
	}
	if (is_out(part))
		fill(t, part);
	else if (part != ACK)
		t->in_want = part == BYTES   ? t->command.len
			     : part == THREE ? 3
			     : part == SUM   ? 5
					     : 1;
}

void
an3155_talk_start(struct an3155_talk *t, const struct an3155_command *c, struct mono now)
{
	t->state = AN3155_RUNNING;
	t->syncing = false;
	t->command = *c;
	assert(c->code == AN3155_CRC || c->len <= AN3155_BLOCK);
	assert(c->n_pages <= AN3155_PAGES);
	t->part = t->turn = t->busy = 0;
	t->in_len = 0;
	enter_part(t, now);
}

/* --- synchronising --------------------------------------------------------------------------- */

/* Neither 00 nor ff, never a byte and its complement in a row, no sum that fits by pattern. */
static void
put_noise(struct an3155_talk *t, size_t n)
{
	static const uint8_t noise[] = {0x5a, 0x36, 0x6d, 0x2b, 0x95, 0x1d, 0x4e};

	while (n-- > 0)
		put(t, noise[(t->poke + t->out_len) % sizeof(noise)]);
}

static uint32_t
poke_patience(const struct an3155_talk *t)
{
	return t->poke == FLOOD ? t->reply_ms : t->sync_ms;
}

static void
load_poke(struct an3155_talk *t, struct mono now)
{
	t->out_len = t->out_at = 0;
	t->due = mono_after(now, poke_patience(t));
	if (t->poke < GREETINGS)
		put(t, AN3155_HELLO);
	else
		put_noise(t, t->poke == FLOOD ? FLOOD_LEN : 1);
}

void
an3155_talk_sync(struct an3155_talk *t, bool whole, struct mono now)
{
	t->state = AN3155_RUNNING;
	t->syncing = true;
	t->heard = t->fresh = false;
	t->poke = 0;
	t->pokes = whole ? POKES : GREETINGS;
	t->in_len = t->in_want = 0;
	load_poke(t, now);
}

static void
on_sync_byte(struct an3155_talk *t, uint8_t b)
{
	bool known = b == AN3155_ACK || b == AN3155_NACK;

	t->heard |= known;
	if (t->poke == FLOOD || t->out_at < t->out_len || !known)
		return; /* an answer to what was before */
	if (b == AN3155_ACK && t->poke >= GREETINGS)
		return;
	t->fresh = b == AN3155_ACK;
	t->state = AN3155_OK;
}

static void
next_poke(struct an3155_talk *t, struct mono now)
{
	t->poke++;
	if (t->poke < t->pokes)
		load_poke(t, now);
	else
		t->state = AN3155_SILENT;
}

/* --- in -------------------------------------------------------------------------------------- */

static void
next_part(struct an3155_talk *t, struct mono now)
{
	t->turn += is_out(part_of(t));
	t->part++;
	enter_part(t, now);
}

static void
on_answer(struct an3155_talk *t, uint8_t b, struct mono now)
{
	if (b == AN3155_BUSY && t->busy < BUSY_MAX) {
		t->busy++;
		t->due = mono_after(now, patience(t));
		return;
	}
	if (b == AN3155_ACK) {
		next_part(t, now);
		return;
	}
	t->odd = b;
	t->state = b == AN3155_NACK ? AN3155_REFUSED : AN3155_GARBLED;
}

static void
on_data(struct an3155_talk *t, uint8_t b, struct mono now)
{
	if (t->in_len == 0 && part_of(t) == COUNTED)
		t->in_want = (size_t)b + 2; /* the count itself, and that many and one more */
	if (t->in_len < sizeof(t->in))
		t->in[t->in_len++] = b;
	if (t->in_want > sizeof(t->in)) {
		t->odd = b;
		t->state = AN3155_GARBLED;
	} else if (t->in_len == t->in_want) {
		next_part(t, now);
	} else {
		t->due = mono_after(now, t->reply_ms);
	}
}

static void
on_byte(struct an3155_talk *t, uint8_t b, struct mono now)
{
	if (t->syncing)
		on_sync_byte(t, b);
	else if (t->in_want > 0)
		on_data(t, b, now);
	else if (t->out_at == t->out_len)
		on_answer(t, b, now);
	/* else: it cannot answer what it has not got */
}

size_t
an3155_talk_bytes(struct an3155_talk *t, const uint8_t *data, size_t len, struct mono now)
{
	size_t i = 0;

	while (i < len && t->state == AN3155_RUNNING)
		on_byte(t, data[i++], now);
	return i;
}

/* --- time and output ------------------------------------------------------------------------- */

size_t
an3155_talk_output(struct an3155_talk *t, uint8_t *out, size_t size, struct mono now)
{
	size_t n = t->out_len - t->out_at;

	if (t->state != AN3155_RUNNING || n == 0)
		return 0;
	n = n < size ? n : size;
	memcpy(out, t->out + t->out_at, n);
	t->out_at += n;
	t->due = mono_after(now, t->syncing ? poke_patience(t) : patience(t));
	return n;
}

void
an3155_talk_time(struct an3155_talk *t, struct mono now)
{
	if (t->state != AN3155_RUNNING || !mono_reached(now, an3155_talk_deadline(t)))
		return;
	if (t->syncing)
		next_poke(t, now);
	else
		t->state = AN3155_SILENT;
}

struct mono
an3155_talk_deadline(const struct an3155_talk *t)
{
	if (t->state != AN3155_RUNNING || t->out_at < t->out_len)
		return MONO_NEVER; /* the wire decides */
	return t->due;
}

uint32_t
an3155_talk_crc(uint32_t crc, const uint8_t *data, size_t len)
{
	for (size_t i = 0; i + 4 <= len; i += 4) {
		crc ^= (uint32_t)data[i] | (uint32_t)data[i + 1] << 8 |
		       (uint32_t)data[i + 2] << 16 | (uint32_t)data[i + 3] << 24;
		for (int bit = 0; bit < 32; bit++)
			crc = crc & 0x80000000u ? crc << 1 ^ 0x04c11db7u : crc << 1;
	}
	return crc;
}
