/*
 * sub_raw: SMP packets without lines, the device's side; see sub_raw.h.
 */
#include "sub_raw.h"

#include <string.h>

enum { HEADER = 8, AT = 2 }; /* where a packet lies in the body */

static enum sub_frame_event
swallow(struct sub_frame *f)
{
	f->deaf = true;
	f->bad++;
	return f->receiving ? SUB_FRAME_BAD : SUB_FRAME_NOTHING;
}

static size_t
wanted(const struct sub_frame *f)
{
	const uint8_t *h = f->body + AT;

	return f->body_len < HEADER ? 0 : HEADER + ((size_t)h[2] << 8 | h[3]);
}

enum sub_frame_event
sub_raw_byte(struct sub_frame *f, uint8_t b)
{
	bool begins = !f->receiving && !f->deaf;

	if (f->deaf)
		return SUB_FRAME_NOTHING;
	if (begins)
		f->body_len = 0;
	f->receiving = true;
	f->body[AT + f->body_len++] = b;
	if (wanted(f) + AT > f->buf_size) {
		enum sub_frame_event e = swallow(f);

		f->receiving = false;
		return e;
	}
	if (begins)
		return SUB_FRAME_BEGINS;
	if (f->body_len < HEADER || f->body_len < wanted(f))
		return SUB_FRAME_NOTHING;
	f->packet_len = f->body_len;
	f->receiving = false;
	return SUB_FRAME_PACKET;
}

bool
sub_raw_idle(struct sub_frame *f)
{
	bool was = f->receiving;

	f->bad += was;
	f->receiving = f->deaf = false;
	return was;
}

bool
sub_raw_datagram(struct sub_frame *f, const void *data, size_t len)
{
	const uint8_t *p = data;

	if (len < HEADER || len + AT > f->buf_size || HEADER + ((size_t)p[2] << 8 | p[3]) > len) {
		f->bad++;
		return false;
	}
	memcpy(f->body + AT, data, len);
	f->packet_len = len;
	return true;
}
