/*
 * dp: see dp.h.
 *
 * Escaping, for the whole frame but its first byte: after an AA that is followed by AA or 55 in the
 * unescaped frame, or by nothing, comes a 55. Unescaping: from offset 2 on, a raw 55 after a raw AA
 * goes. (The platform's SDK forgets the escape after a command's low byte; no such command exists,
 * and that is not copied.)
 */
#include <stdbool.h>
#include <string.h>

#include "dp.h"

enum { AA = 0xaa, ESCAPE = 0x55, SUM_AT = 4, PACKAGE_AT = 5, COMMAND_AT = 7 };

static unsigned
get16(const uint8_t *p)
{
	return (unsigned)p[0] << 8 | p[1];
}

static void
set16(uint8_t *p, unsigned value)
{
	p[0] = (uint8_t)(value >> 8);
	p[1] = (uint8_t)value;
}

static uint8_t
sum_of(const uint8_t *data, size_t len)
{
	uint8_t sum = 0;

	for (size_t i = 0; i < len; i++)
		sum = (uint8_t)(sum + data[i]);
	return sum;
}

/* Unescape until the frame is complete. *have: bytes in `buffer`. */
static enum err
unescape(const uint8_t *data, size_t len, uint8_t *buffer, size_t size, size_t *have)
{
	size_t n = 0, want = DP_HEAD;

	for (size_t i = 0; i < len && n < want; i++) {
		if (i >= 2 && data[i] == ESCAPE && data[i - 1] == AA)
			continue;
		if (n == size)
			return ERR_LIMIT;
		buffer[n++] = data[i];
		if (n != SUM_AT)
			continue;
		want = get16(buffer + 2) + SUM_AT;
		if (want < DP_HEAD)
			return ERR_MALFORMED;
	}
	*have = n;
	return n < want ? ERR_TRUNCATED : ERR_OK;
}

enum err
dp_parse(const uint8_t *data, size_t len, uint8_t *buffer, size_t size, struct dp *out)
{
	size_t n = 0;

	if (len < DP_HEAD)
		return ERR_TRUNCATED;
	if (data[0] != AA || data[1] != AA)
		return ERR_MALFORMED;
	enum err e = unescape(data, len, buffer, size, &n);
	if (e != ERR_OK)
		return e;
	if (buffer[SUM_AT] != sum_of(buffer + PACKAGE_AT, n - PACKAGE_AT))
		return ERR_FRAME_SUM;
	*out = (struct dp){
	    .package_id = (uint16_t)get16(buffer + PACKAGE_AT),
	    .command = (uint16_t)get16(buffer + COMMAND_AT),
	    .payload = buffer + DP_HEAD,
	    .len = n - DP_HEAD,
	};
	if (out->package_id == 0 || out->package_id > DP_PACKAGE_MAX)
		return ERR_MALFORMED;
	return ERR_OK;
}

/* Byte i of the unescaped frame. */
static uint8_t
byte_at(const uint8_t head[DP_HEAD], const struct dp *f, size_t i)
{
	return i < DP_HEAD ? head[i] : f->payload[i - DP_HEAD];
}

enum err
dp_format(const struct dp *f, uint8_t *out, size_t size, size_t *len)
{
	uint8_t head[DP_HEAD] = {AA, AA};
	size_t total = DP_HEAD + f->len, n = 0;

	if (f->package_id == 0 || f->package_id > DP_PACKAGE_MAX)
		return ERR_INVALID;
	if (f->len > DP_PAYLOAD_MAX)
		return ERR_LIMIT;
	set16(head + 2, (unsigned)(total - SUM_AT));
	set16(head + PACKAGE_AT, f->package_id);
	set16(head + COMMAND_AT, f->command);
	head[SUM_AT] = (uint8_t)(sum_of(head + PACKAGE_AT, DP_HEAD - PACKAGE_AT) +
				 sum_of(f->payload, f->len));
	for (size_t i = 0; i < total; i++) {
		uint8_t b = byte_at(head, f, i);
		uint8_t next = i + 1 < total ? byte_at(head, f, i + 1) : AA;
		bool escaped = i > 0 && b == AA && (next == AA || next == ESCAPE);

		if (size - n < 1 + (size_t)escaped)
			return ERR_LIMIT;
		out[n++] = b;
		if (escaped)
			out[n++] = ESCAPE;
	}
	*len = n;
	return ERR_OK;
}

uint16_t
dp_next_package(uint16_t id)
{
	return id >= DP_PACKAGE_MAX ? 1 : (uint16_t)(id + 1);
}

struct command {
	uint16_t command;
	const char *name;
};

/* clang-format off */
static const struct command commands[] = {
	/* 0011.. values and transparent data */
	{0x0011, "read values"},          {0x0012, "values"},
	{0x0013, "write values"},         {0x0014, "report values"},
	{0x0023, "data to device"},       {0x0024, "data from device"},
	/* 003x, 004x: about the module */
	{0x0031, "read status"},          {0x0032, "status"},             {0x0034, "report status"},
	{0x0041, "read module info"},     {0x0042, "module info"},
	{0x0044, "report module info"},
	/* the link */
	{0x00a3, "exception"},            {0x00a4, "exception of device"},
	{0x00b4, "configure"},            {0x00b5, "bind code"},
	/* sub-devices */
	{0x00c0, "sub-device register"},  {0x00c1, "sub-device registered"},
	{0x00c2, "sub-device login"},     {0x00c3, "sub-device logged in"},
	{0x00c4, "sub-device logout"},    {0x00c5, "sub-device logged out"},
	{0x00c6, "sub-device forget"},    {0x00c7, "sub-device forgotten"},
	{0x00c8, "sub-device put offline"},
	/* upgrades */
	{0x0111, "OTA plan"},             {0x0112, "OTA confirm"},        {0x0113, "OTA firmware"},
	{0x0114, "OTA status"},           {0x0115, "OTA request"},
};
/* clang-format on */

const char *
dp_command_name(uint16_t command)
{
	for (size_t i = 0; i < sizeof(commands) / sizeof(commands[0]); i++)
		if (commands[i].command == command)
			return commands[i].name;
	return "unknown";
}
