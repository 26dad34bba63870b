/*
 * sub_frame: see sub_frame.h. base64 is libsodium's: strict about padding and foreign characters.
 */
#include "sub_frame.h"

#include <sodium.h>
#include <string.h>

enum { RAW_PER_LINE = 93, MARK = 2, LENGTH = 2, SUM = 2 };

uint16_t
sub_frame_sum(const uint8_t *data, size_t len)
{
	uint16_t c = 0;

	for (size_t i = 0; i < len; i++) {
		uint16_t x = (uint16_t)((c >> 8 ^ data[i]) & 0xff);

		x ^= x >> 4;
		c = (uint16_t)(c << 8 ^ x << 12 ^ x << 5 ^ x);
	}
	return c;
}

void
sub_frame_init(struct sub_frame *f, size_t buf_size)
{
	memset(f, 0, sizeof(*f));
	f->buf_size = buf_size < SUB_FRAME_BODY ? buf_size : SUB_FRAME_BODY;
}

void
sub_frame_drop(struct sub_frame *f)
{
	f->receiving = false;
	f->line_len = 0;
}

static enum sub_frame_event
bad(struct sub_frame *f)
{
	bool was = f->receiving;

	f->bad++;
	sub_frame_drop(f);
	return was ? SUB_FRAME_BAD : SUB_FRAME_NOTHING;
}

/* The body may be whole now. */
static enum sub_frame_event
look_at_body(struct sub_frame *f)
{
	if (f->body_len < LENGTH)
		return SUB_FRAME_NOTHING;
	size_t want = (size_t)f->body[0] << 8 | f->body[1];
	if (f->body_len < LENGTH + want)
		return SUB_FRAME_NOTHING;
	size_t len = f->body_len - LENGTH;
	if (len != want || len <= SUM || sub_frame_sum(f->body + LENGTH, len) != 0)
		return bad(f);
	f->packet_len = len - SUM;
	f->receiving = false;
	return SUB_FRAME_PACKET;
}

enum sub_frame_event
sub_frame_go_on(struct sub_frame *f)
{
	size_t n = 0, len = f->line_len;

	if (!f->receiving || len == 0)
		return SUB_FRAME_NOTHING;
	f->line_len = 0;
	if (sodium_base642bin(f->body + f->body_len, f->buf_size - f->body_len, f->line + MARK,
		len - MARK, NULL, &n, NULL, sodium_base64_VARIANT_ORIGINAL) != 0)
		return bad(f);
	f->body_len += n;
	return look_at_body(f);
}

/* A line without its newline, at most SUB_FRAME_LINE - 1 long. */
static enum sub_frame_event
line_ends(struct sub_frame *f)
{
	bool first = f->line_len > MARK && memcmp(f->line, "\x06\x09", MARK) == 0;
	bool next = f->line_len > MARK && memcmp(f->line, "\x04\x14", MARK) == 0;

	if (first) {
		f->bad += f->receiving;
		f->body_len = 0;
		f->receiving = true;
		return SUB_FRAME_BEGINS;
	}
	if (next && f->receiving)
		return sub_frame_go_on(f);
	f->line_len = 0;
	return SUB_FRAME_NOTHING;
}

enum sub_frame_event
sub_frame_byte(struct sub_frame *f, uint8_t b)
{
	bool too_long = f->line_len > SUB_FRAME_LINE - 1;

	if (b == '\n' && !too_long)
		return line_ends(f);
	if (b == '\n') {
		f->bad++;
		f->line_len = 0;
		return SUB_FRAME_NOTHING;
	}
	if (f->line_len < SUB_FRAME_LINE - 1)
		f->line[f->line_len++] = (char)b;
	else
		f->line_len = SUB_FRAME_LINE;
	return SUB_FRAME_NOTHING;
}

size_t
sub_frame_format(const uint8_t *packet, size_t len, char *out)
{
	uint8_t body[SUB_FRAME_BODY];
	size_t at = 0, total = len + LENGTH + SUM;
	uint16_t sum = sub_frame_sum(packet, len);

	body[0] = (uint8_t)((len + SUM) >> 8);
	body[1] = (uint8_t)(len + SUM);
	memcpy(body + LENGTH, packet, len);
	body[LENGTH + len] = (uint8_t)(sum >> 8);
	body[LENGTH + len + 1] = (uint8_t)sum;
	for (size_t i = 0; i < total; i += RAW_PER_LINE) {
		size_t n = total - i < RAW_PER_LINE ? total - i : RAW_PER_LINE;

		memcpy(out + at, i == 0 ? "\x06\x09" : "\x04\x14", MARK);
		at += MARK;
		sodium_bin2base64(
		    out + at, SUB_FRAME_TEXT - at, body + i, n, sodium_base64_VARIANT_ORIGINAL);
		at += strlen(out + at);
		out[at++] = '\n';
	}
	return at;
}
