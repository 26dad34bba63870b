/*
 * sub_chip: see sub_chip.h.
 */
#include "sub_chip.h"

#include <string.h>

enum { K16 = 16384, GARBAGE = 0x42, RAM = 0x20 };

bool
sub_chip_page(const struct sub_chip *c, uint32_t n, uint32_t *at, uint32_t *len)
{
	*len = c->page;
	*at = n * c->page;
	if (c->page == 0) {
		*len = n < 4 ? K16 : n == 4 ? 4 * K16 : 8 * K16;
		*at = n < 4 ? n * K16 : n == 4 ? 4 * K16 : (n - 4) * 8 * K16;
	}
	return n < 0x10000 && *at < c->size;
}

static bool
is_protected(const struct sub_chip *c, uint32_t at)
{
	return at >= c->protect_at && at - c->protect_at < c->protect_len;
}

static void
program(struct sub_chip *c, uint32_t at, uint8_t value)
{
	if (is_protected(c, at))
		return;
	if (c->flash[at] == c->erased) {
		c->flash[at] = value;
	} else { /* also with what it holds already: not all parts bear that */
		c->flash[at] = c->flash[at] == value ? value : GARBAGE;
		c->overwrites++;
	}
}

void
sub_chip_write(struct sub_chip *c, uint32_t at, const uint8_t *data, uint32_t len)
{
	c->jobs %= SUB_CHIP_JOBS;
	c->job[c->jobs].erase = false;
	c->job[c->jobs].at = at;
	c->job[c->jobs].len = len;
	memcpy(c->job[c->jobs++].data, data, len);
	for (uint32_t i = 0; i < len / 2; i++)
		program(c, at + i, data[i]);
	c->writes++;
	c->written += len;
}

static void
wipe(struct sub_chip *c, uint32_t at, uint32_t len, uint8_t value)
{
	for (uint32_t i = 0; i < len; i++)
		if (!is_protected(c, at + i))
			c->flash[at + i] = value;
}

void
sub_chip_erase(struct sub_chip *c, uint32_t page)
{
	uint32_t at, len;

	if (!sub_chip_page(c, page, &at, &len))
		return;
	c->jobs %= SUB_CHIP_JOBS;
	c->job[c->jobs].erase = true;
	c->job[c->jobs].at = at;
	c->job[c->jobs++].len = len;
	wipe(c, at, len / 2, c->erased);
	wipe(c, at + len / 2, len / 2, GARBAGE);
	c->erases++;
}

void
sub_chip_end(struct sub_chip *c)
{
	for (unsigned k = 0; k < c->jobs; k++) {
		uint32_t at = c->job[k].at, len = c->job[k].len;

		if (c->job[k].erase)
			wipe(c, at, len, c->erased);
		for (uint32_t i = len / 2; i < len && !c->job[k].erase; i++)
			program(c, at + i, c->job[k].data[i]);
	}
	c->jobs = 0;
}

void
sub_chip_cut(struct sub_chip *c)
{
	c->jobs = 0;
}

uint32_t
sub_chip_crc32(const uint8_t *data, size_t len)
{
	uint32_t crc = 0xffffffff;

	for (size_t i = 0; i < len; i++) {
		crc ^= data[i];
		for (int bit = 0; bit < 8; bit++)
			crc = crc >> 1 ^ (crc & 1 ? 0xedb88320 : 0);
	}
	return ~crc;
}

static uint32_t
word(const uint8_t *p)
{
	return (uint32_t)p[3] << 24 | (uint32_t)p[2] << 16 | (uint32_t)p[1] << 8 | p[0];
}

enum sub_chip_boot
sub_chip_boot(const struct sub_chip *c, char version[SUB_CHIP_VERSION + 1])
{
	const uint8_t *f = c->flash;
	uint8_t blank[8];
	uint32_t len = word(f + SUB_CHIP_LENGTH_AT);

	version[0] = 0;
	memset(blank, c->erased, sizeof(blank));
	if (memcmp(f, blank, sizeof(blank)) == 0)
		return SUB_CHIP_EMPTY;
	if (f[3] != RAM || f[7] != SUB_CHIP_BASE >> 24 || len > c->size ||
	    len < SUB_CHIP_LENGTH_AT + 8 || sub_chip_crc32(f, len - 4) != word(f + len - 4))
		return SUB_CHIP_CRASHES;
	memcpy(version, f + SUB_CHIP_VERSION_AT, SUB_CHIP_VERSION);
	version[SUB_CHIP_VERSION] = 0;
	return SUB_CHIP_RUNS;
}
