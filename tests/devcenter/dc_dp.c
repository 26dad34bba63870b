/*
 * dc_dp: see dc_dp.h. Reading takes one unescaped byte at a time; writing looks one byte ahead.
 */
#include "dc_dp.h"

#include <stdbool.h>
#include <string.h>

struct reader {
	const uint8_t *data;
	size_t len, at;
};

/* Next unescaped byte: a 55 whose predecessor on the wire is AA is no byte of the frame. */
static bool
next(struct reader *r, uint8_t *out)
{
	if (r->at >= 2 && r->at < r->len && r->data[r->at] == 0x55 && r->data[r->at - 1] == 0xAA)
		r->at++;
	if (r->at >= r->len)
		return false;
	*out = r->data[r->at++];
	return true;
}

static bool
read_some(struct reader *r, uint8_t *out, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (!next(r, &out[i]))
			return false;
	return true;
}

enum err
dc_dp_parse(const uint8_t *data, size_t len, struct dc_dp *out)
{
	struct reader r = {data, len, 0};
	uint8_t head[DC_DP_HEAD] = {0};

	out->pkg_id = 0;
	out->cmd = 0;
	out->len = 0;
	if (len < 2 || data[0] != 0xAA || data[1] != 0xAA)
		return ERR_MALFORMED;
	if (!read_some(&r, head, sizeof(head)))
		return ERR_TRUNCATED;
	out->pkg_id = (uint16_t)(head[5] << 8 | head[6]);
	out->cmd = (uint16_t)(head[7] << 8 | head[8]);
	size_t counted = (size_t)head[2] << 8 | head[3];
	if (counted < 5 || !read_some(&r, out->payload, counted - 5))
		return ERR_TRUNCATED;
	out->len = counted - 5;
	unsigned sum = head[5] + head[6] + head[7] + head[8];
	for (size_t i = 0; i < out->len; i++)
		sum += out->payload[i];
	if ((sum & 0xff) != head[4])
		return ERR_FRAME_SUM;
	return out->pkg_id == 0 || out->pkg_id == 0xffff ? ERR_MALFORMED : ERR_OK;
}

struct writer {
	uint8_t *data;
	size_t size, len;
	bool pending; /* the byte before was an AA that may need its 55 */
	bool full;
};

static void
put_raw(struct writer *w, uint8_t byte)
{
	if (w->len == w->size) {
		w->full = true;
		return;
	}
	w->data[w->len++] = byte;
}

static void
put(struct writer *w, uint8_t byte)
{
	if (w->pending && (byte == 0xAA || byte == 0x55))
		put_raw(w, 0x55);
	put_raw(w, byte);
	w->pending = byte == 0xAA;
}

enum err
dc_dp_format(unsigned pkg_id, unsigned cmd, const uint8_t *payload, size_t len, uint8_t *out,
    size_t size, size_t *out_len)
{
	struct writer w = {.data = out, .size = size};
	size_t counted = len + 5;
	uint8_t ids[4] = {
	    (uint8_t)(pkg_id >> 8), (uint8_t)pkg_id, (uint8_t)(cmd >> 8), (uint8_t)cmd};
	unsigned sum = ids[0] + ids[1] + ids[2] + ids[3];

	if (len > DC_DP_PAYLOAD_MAX)
		return ERR_LIMIT;
	for (size_t i = 0; i < len; i++)
		sum += payload[i];
	put_raw(&w, 0xAA);
	put(&w, 0xAA);
	put(&w, (uint8_t)(counted >> 8));
	put(&w, (uint8_t)counted);
	put(&w, (uint8_t)sum);
	for (size_t i = 0; i < sizeof(ids); i++)
		put(&w, ids[i]);
	for (size_t i = 0; i < len; i++)
		put(&w, payload[i]);
	if (w.pending)
		put_raw(&w, 0x55);
	*out_len = w.len;
	return w.full ? ERR_LIMIT : ERR_OK;
}
