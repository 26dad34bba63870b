/*
 * modbus_frame: see modbus_frame.h. Own code: libmodbus takes the first bytes of an answer to a
 * file record for the whole and trips over the rest in the answer that follows.
 */
#include "modbus_frame.h"

#include <assert.h>
#include <string.h>

enum { GROUP = 7, REFERENCE = 6, HEADER = 7 };

uint16_t
modbus_frame_crc(const uint8_t *data, size_t len)
{
	unsigned crc = 0xffff;

	for (size_t i = 0; i < len; i++) {
		crc ^= data[i];
		for (int bit = 0; bit < 8; bit++)
			crc = crc & 1 ? crc >> 1 ^ 0xa001 : crc >> 1;
	}
	return (uint16_t)crc;
}

static void
put16(uint8_t *out, unsigned v)
{
	out[0] = (uint8_t)(v >> 8);
	out[1] = (uint8_t)v;
}

static unsigned
get16(const uint8_t *p)
{
	return (unsigned)p[0] << 8 | p[1];
}

/* --- requests --------------------------------------------------------------------------------- */

static void
head(struct modbus_pdu *out, uint8_t function, unsigned a, unsigned b)
{
	out->data[0] = function;
	put16(out->data + 1, a);
	put16(out->data + 3, b);
	out->len = 5;
}

void
modbus_frame_read(
    struct modbus_pdu *out, enum modbus_function function, uint16_t at, uint16_t words)
{
	head(out, (uint8_t)function, at, words);
}

void
modbus_frame_set(struct modbus_pdu *out, uint16_t at, uint16_t value)
{
	head(out, MODBUS_SET, at, value);
}

void
modbus_frame_write(struct modbus_pdu *out, uint16_t at, const uint8_t *data, uint16_t words)
{
	assert(words > 0 && words <= MODBUS_WRITE_WORDS);
	head(out, MODBUS_WRITE, at, words);
	out->data[5] = (uint8_t)(2 * words);
	memcpy(out->data + 6, data, 2u * words);
	out->len = 6u + 2u * words;
}

void
modbus_frame_file(
    struct modbus_pdu *out, uint16_t file, uint16_t record, const uint8_t *data, uint16_t words)
{
	assert(words > 0 && words <= MODBUS_FILE_WORDS);
	out->data[0] = MODBUS_WRITE_FILE;
	out->data[1] = (uint8_t)(GROUP + 2 * words);
	out->data[2] = REFERENCE;
	put16(out->data + 3, file);
	put16(out->data + 5, record);
	put16(out->data + 7, words);
	memcpy(out->data + 9, data, 2u * words);
	out->len = 9u + 2u * words;
}

/* --- answers ---------------------------------------------------------------------------------- */

bool
modbus_frame_fits(
    const struct modbus_pdu *request, const struct modbus_pdu *answer, uint8_t *exception)
{
	const uint8_t *q = request->data, *a = answer->data;

	*exception = 0;
	if (answer->len == 2 && a[0] == (q[0] | MODBUS_FAILED)) {
		*exception = a[1] ? a[1] : 0xff;
		return true;
	}
	if (answer->len < 2 || a[0] != q[0])
		return false;
	switch (q[0]) {
	case MODBUS_READ_HOLDING:
	case MODBUS_READ_INPUT:
		return a[1] == 2 * get16(q + 3) && answer->len == 2u + a[1];
	case MODBUS_WRITE:
		return answer->len == 5 && memcmp(q, a, 5) == 0;
	default: /* the whole request comes back */
		return answer->len == request->len && memcmp(q, a, answer->len) == 0;
	}
}

const char *
modbus_frame_exception(uint8_t code)
{
	static const char *const names[] = {NULL, "illegal function", "illegal data address",
	    "illegal data value", "server device failure", "acknowledge", "server device busy",
	    "negative acknowledge", "memory parity error", NULL, "gateway path unavailable",
	    "gateway target device failed to respond"};

	if (code < sizeof(names) / sizeof(names[0]) && names[code])
		return names[code];
	return "unknown exception";
}

static int
counted(const uint8_t *pdu, size_t len, size_t at)
{
	if (len <= at)
		return 0;
	int all = (int)at + 1 + pdu[at];

	return all <= MODBUS_PDU ? all : -1;
}

int
modbus_frame_answer_len(const uint8_t *pdu, size_t len)
{
	if (len == 0)
		return 0;
	if (pdu[0] & MODBUS_FAILED)
		return 2;
	switch (pdu[0]) {
	case MODBUS_READ_HOLDING:
	case MODBUS_READ_INPUT:
	case MODBUS_WRITE_FILE:
		return counted(pdu, len, 1);
	case MODBUS_SET:
	case MODBUS_WRITE:
		return 5;
	default:
		return -1;
	}
}

int
modbus_frame_request_len(const uint8_t *pdu, size_t len)
{
	if (len == 0)
		return 0;
	switch (pdu[0]) {
	case MODBUS_READ_HOLDING:
	case MODBUS_READ_INPUT:
	case MODBUS_SET:
		return 5;
	case MODBUS_WRITE:
		return counted(pdu, len, 5);
	case MODBUS_WRITE_FILE:
		return counted(pdu, len, 1);
	default:
		return -1;
	}
}

/* --- framings --------------------------------------------------------------------------------- */

size_t
modbus_frame_format(enum modbus_framing framing, uint8_t unit, uint16_t transaction,
    const struct modbus_pdu *pdu, uint8_t out[MODBUS_ADU])
{
	if (framing == MODBUS_TCP) {
		put16(out, transaction);
		put16(out + 2, 0);
		put16(out + 4, (unsigned)pdu->len + 1);
		out[6] = unit;
		memcpy(out + HEADER, pdu->data, pdu->len);
		return HEADER + pdu->len;
	}
	out[0] = unit;
	memcpy(out + 1, pdu->data, pdu->len);
	unsigned crc = modbus_frame_crc(out, 1 + pdu->len);
	out[1 + pdu->len] = (uint8_t)crc;
	out[2 + pdu->len] = (uint8_t)(crc >> 8);
	return 3 + pdu->len;
}

/* Where the frame that is being gathered ends, 0 = not known yet, -1 = no frame. */
static int
end_of(const struct modbus_gather *g)
{
	if (g->framing == MODBUS_TCP) {
		if (g->len < HEADER)
			return 0;
		unsigned len = get16(g->data + 4);

		return get16(g->data + 2) == 0 && len >= 2 && len <= MODBUS_PDU + 1 ? 6 + (int)len
										    : -1;
	}
	int len = g->len < 2 ? 0 : modbus_frame_answer_len(g->data + 1, g->len - 1);
	return len > 0 ? len + 3 : len;
}

static bool
is_whole(const struct modbus_gather *g)
{
	const uint8_t *sum = g->data + g->len - 2;

	return g->framing == MODBUS_TCP ||
	       modbus_frame_crc(g->data, g->len - 2) == (sum[0] | sum[1] << 8);
}

enum modbus_got
modbus_frame_gather(struct modbus_gather *g, uint8_t byte, uint8_t *unit, uint16_t *transaction,
    struct modbus_pdu *pdu)
{
	if (g->lost)
		return MODBUS_MORE;
	assert(g->len < MODBUS_ADU);
	g->data[g->len++] = byte;
	int end = end_of(g);
	if (end >= 0 && (end == 0 || (size_t)end > g->len))
		return MODBUS_MORE;
	if (end < 0 || !is_whole(g)) {
		g->lost = true;
		return MODBUS_NONSENSE;
	}
	bool tcp = g->framing == MODBUS_TCP;
	*unit = tcp ? g->data[6] : g->data[0];
	*transaction = tcp ? (uint16_t)get16(g->data) : 0;
	pdu->len = tcp ? g->len - HEADER : g->len - 3;
	memcpy(pdu->data, tcp ? g->data + HEADER : g->data + 1, pdu->len);
	g->len = 0;
	return MODBUS_FRAME;
}

void
modbus_frame_quiet(struct modbus_gather *g)
{
	g->len = 0;
	g->lost = false;
}
