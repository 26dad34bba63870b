/*
 * smp_frame_raw: SMP packets as they are, header and CBOR, without base64, marks and sum.
 *
 * On a stream (raw UART) only the header's length says where a packet ends. What cannot be a header
 * is stepped over byte by byte, so junk costs at most the packet it lies in; the driver keeps
 * one request in flight and is quiet after a loss (smp.c:hush), because both sides start anew only
 * after silence. Nothing protects the bytes on the way: the image's own hash does, at the end.
 *
 * On datagrams the link keeps packets apart: one that is cut or has bytes behind it is dropped.
 */
#include <string.h>

#include "smp_frame.h"
#include "smp_msg.h"

enum { DATAGRAM_MOST = 1452 }; /* what an Ethernet frame takes of UDP over IPv6 */

static uint8_t *
raw_room(struct smp_tx *t)
{
	return t->body;
}

static void
raw_load(struct smp_tx *t, size_t len)
{
	t->len = len;
	t->at = 0;
}

static bool
raw_at_line(const struct smp_tx *t)
{
	return t->len > 0 && t->at == 0;
}

static size_t
raw_output(struct smp_tx *t, uint8_t *out, size_t size)
{
	size_t n = t->len - t->at < size ? t->len - t->at : size;

	memcpy(out, t->body + t->at, n);
	t->at += n;
	if (t->at == t->len)
		t->len = t->at = 0;
	return n;
}

/* Could these be the first bytes of a packet that we can take? Only what we ask for is answered, so
 * the reserved bits, the flags and the group tell junk. */
static bool
is_header(const uint8_t *bytes, size_t *len)
{
	struct smp_header h;

	if (smp_msg_header(bytes, SMP_MSG_HEADER, &h) != ERR_OK || bytes[0] >> 5 != 0 ||
	    h.flags != 0 || h.group > SMP_IMAGE)
		return false;
	*len = SMP_MSG_HEADER + (size_t)h.len;
	return *len <= SMP_PACKET_MAX;
}

/* A header is complete: how long is its packet? Else look for one a byte later. */
static void
judge_header(struct smp_rx *r)
{
	while (r->have >= SMP_MSG_HEADER && r->want == 0 && !is_header(r->body, &r->want)) {
		r->have--;
		memmove(r->body, r->body + 1, r->have);
		r->count.junk_bytes++;
	}
}

static size_t
raw_feed(
    struct smp_rx *r, const uint8_t *data, size_t len, const uint8_t **packet, size_t *packet_len)
{
	*packet = NULL;
	*packet_len = 0;
	for (size_t i = 0; i < len; i++) {
		r->body[r->have++] = data[i];
		if (r->want == 0)
			judge_header(r);
		if (r->want == 0 || r->have < r->want)
			continue;
		*packet = r->body;
		*packet_len = r->want;
		r->have = r->want = 0;
		r->count.packets++;
		return i + 1;
	}
	return len;
}

static size_t
datagram_feed(
    struct smp_rx *r, const uint8_t *data, size_t len, const uint8_t **packet, size_t *packet_len)
{
	size_t want = 0;

	*packet = NULL;
	*packet_len = 0;
	if (len < SMP_MSG_HEADER || !is_header(data, &want) || want != len) {
		r->count.overruns++;
		return len;
	}
	*packet = data;
	*packet_len = len;
	r->count.packets++;
	return len;
}

const struct smp_framing smp_frame_raw = {
    .name = "raw",
    .most = SMP_PACKET_MAX,
    .room = raw_room,
    .load = raw_load,
    .output = raw_output,
    .at_line = raw_at_line,
    .feed = raw_feed,
};

const struct smp_framing smp_frame_datagram = {
    .name = "datagram",
    .most = DATAGRAM_MOST,
    .marked = true,
    .datagram = true,
    .room = raw_room,
    .load = raw_load,
    .output = raw_output,
    .at_line = raw_at_line,
    .feed = datagram_feed,
};
