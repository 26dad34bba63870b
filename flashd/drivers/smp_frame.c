/*
 * smp_frame: console framing of SMP packets; see smp_frame.h.
 *
 * Sending: the packet is written straight into its body buffer, lines are made from it one at a
 * time when the wire wants them. Receiving: a byte is junk, part of a marker, or inside a line; a
 * control byte ends any line (base64 has none), so a lost newline costs one line only.
 */
#include "smp_frame.h"

#include <string.h>

enum {
	LINE_RAW = 93, /* bytes that give 124 base64 characters */
	LEN_BYTES = 2,
	SUM_BYTES = 2,
	BODY_MIN = LEN_BYTES + 8 + SUM_BYTES,
};

static const char alphabet[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

uint16_t
smp_frame_crc(const uint8_t *data, size_t len)
{
	uint16_t crc = 0;

	for (size_t i = 0; i < len; i++) {
		crc = (uint16_t)(crc ^ data[i] << 8);
		for (int bit = 0; bit < 8; bit++)
			crc = (uint16_t)(crc & 0x8000 ? crc << 1 ^ 0x1021 : crc << 1);
	}
	return crc;
}

void
smp_frame_reset(struct smp_tx *t, struct smp_rx *r)
{
	t->len = t->at = t->line_len = t->line_at = 0;
	r->in_line = false;
	r->last = 0;
	r->want = r->have = 0;
}

static void
put16(uint8_t *out, size_t value)
{
	out[0] = (uint8_t)(value >> 8);
	out[1] = (uint8_t)value;
}

static uint8_t *
console_room(struct smp_tx *t)
{
	return t->body + LEN_BYTES;
}

static void
console_load(struct smp_tx *t, size_t len)
{
	put16(t->body, len + SUM_BYTES);
	put16(t->body + LEN_BYTES + len, smp_frame_crc(t->body + LEN_BYTES, len));
	t->len = LEN_BYTES + len + SUM_BYTES;
	t->at = t->line_len = t->line_at = 0;
}

static size_t
base64_encode(const uint8_t *data, size_t len, char *out)
{
	size_t n = 0;

	for (size_t i = 0; i < len; i += 3) {
		uint32_t v = (uint32_t)data[i] << 16;

		if (i + 1 < len)
			v |= (uint32_t)data[i + 1] << 8;
		if (i + 2 < len)
			v |= data[i + 2];
		out[n++] = alphabet[v >> 18];
		out[n++] = alphabet[v >> 12 & 63];
		out[n++] = i + 1 < len ? alphabet[v >> 6 & 63] : '=';
		out[n++] = i + 2 < len ? alphabet[v & 63] : '=';
	}
	return n;
}

static void
next_line(struct smp_tx *t)
{
	size_t n = t->len - t->at < LINE_RAW ? t->len - t->at : LINE_RAW;

	memcpy(t->line, t->at == 0 ? "\x06\x09" : "\x04\x14", 2);
	t->line_len = 2 + base64_encode(t->body + t->at, n, t->line + 2);
	t->line[t->line_len++] = '\n';
	t->line_at = 0;
	t->at += n;
}

static bool
console_at_line(const struct smp_tx *t)
{
	return t->len > 0 && t->line_at == t->line_len;
}

static size_t
console_output(struct smp_tx *t, uint8_t *out, size_t size)
{
	if (t->len == 0 || size == 0)
		return 0;
	if (t->line_at == t->line_len)
		next_line(t);

	size_t n = t->line_len - t->line_at < size ? t->line_len - t->line_at : size;

	memcpy(out, t->line + t->line_at, n);
	t->line_at += n;
	if (t->line_at == t->line_len && t->at == t->len)
		t->len = 0;
	return n;
}

static int
digit(char c)
{
	if (c >= 'A' && c <= 'Z')
		return c - 'A';
	if (c >= 'a' && c <= 'z')
		return c - 'a' + 26;
	if (c >= '0' && c <= '9')
		return c - '0' + 52;
	return c == '+' ? 62 : c == '/' ? 63 : -1;
}

/* Decode in place of the body. false: not base64. *n bytes were appended. */
static bool
base64_decode(const char *in, size_t len, uint8_t *out, size_t size, size_t *n)
{
	size_t pad = 0;

	*n = 0;
	if (len == 0 || len % 4 != 0)
		return false;
	while (pad < 2 && in[len - 1 - pad] == '=')
		pad++;
	if (len / 4 * 3 - pad > size)
		return false;
	for (size_t i = 0; i < len; i += 4) {
		uint32_t v = 0;

		for (size_t k = 0; k < 4; k++) {
			int d = i + k >= len - pad ? 0 : digit(in[i + k]);

			if (d < 0)
				return false;
			v = v << 6 | (uint32_t)d;
		}
		for (int shift = 16; shift >= 0 && *n < len / 4 * 3 - pad; shift -= 8)
			out[(*n)++] = (uint8_t)(v >> shift);
	}
	return true;
}

/* The body is complete: is it a packet? */
static bool
complete(struct smp_rx *r)
{
	r->want = 0;
	if (smp_frame_crc(r->body + LEN_BYTES, r->have - LEN_BYTES) != 0) {
		r->count.bad_sums++;
		return false;
	}
	r->count.packets++;
	return true;
}

/* A whole line has been collected; true when it completes a packet (r->have bytes of body). */
static bool
end_line(struct smp_rx *r)
{
	size_t n = 0;

	r->in_line = false;
	if (r->first) {
		r->have = 0;
		r->want = sizeof(r->body);
	}
	if (r->want == 0 || r->too_long ||
	    !base64_decode(
		r->line, r->line_len, r->body + r->have, sizeof(r->body) - r->have, &n)) {
		r->count.bad_lines++;
		r->want = 0;
		return false;
	}
	r->have += n;
	if (r->first && r->have >= LEN_BYTES)
		r->want = LEN_BYTES + (size_t)(r->body[0] << 8 | r->body[1]);
	if (r->have < LEN_BYTES || r->want < BODY_MIN || r->want > sizeof(r->body) ||
	    r->have > r->want) {
		r->count.overruns++;
		r->want = 0;
		return false;
	}
	return r->have == r->want && complete(r);
}

/* A byte that is in no line: junk, or the second half of a marker. */
static void
outside(struct smp_rx *r, uint8_t byte)
{
	bool starts = r->last == 0x06 && byte == 0x09;
	bool continues = r->last == 0x04 && byte == 0x14;

	r->last = byte;
	if (!starts && !continues) {
		r->count.junk_bytes++;
		return;
	}
	r->count.junk_bytes--; /* the marker's first byte was none after all */
	r->in_line = true;
	r->first = starts;
	r->too_long = false;
	r->line_len = 0;
}

/* One byte inside a line; true when it completes a packet. */
static bool
inside(struct smp_rx *r, uint8_t byte)
{
	if (byte == '\n') {
		r->last = 0;
		return end_line(r);
	}
	if (byte == '\r')
		return false;
	if (byte < 0x20) { /* a marker, or noise: this line is lost */
		r->in_line = false;
		r->want = 0;
		r->last = byte;
		r->count.bad_lines++;
		r->count.junk_bytes++;
		return false;
	}
	if (r->line_len == sizeof(r->line))
		r->too_long = true;
	else
		r->line[r->line_len++] = (char)byte;
	return false;
}

static size_t
console_feed(
    struct smp_rx *r, const uint8_t *data, size_t len, const uint8_t **packet, size_t *packet_len)
{
	*packet = NULL;
	*packet_len = 0;
	for (size_t i = 0; i < len; i++) {
		if (!r->in_line) {
			outside(r, data[i]);
			continue;
		}
		if (!inside(r, data[i]))
			continue;
		*packet = r->body + LEN_BYTES;
		*packet_len = r->have - LEN_BYTES - SUM_BYTES;
		return i + 1;
	}
	return len;
}

const struct smp_framing smp_frame_console = {
    .name = "console",
    .overhead = 4,
    .most = SMP_PACKET_MAX,
    .marked = true,
    .room = console_room,
    .load = console_load,
    .output = console_output,
    .at_line = console_at_line,
    .feed = console_feed,
};
