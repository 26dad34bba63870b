/*
 * sub_quirk: see sub_quirk.h.
 */
#include "sub_quirk.h"

#include <string.h>

/* clang-format off */
static const struct sub_quirk_row table[] = {
	{"erase-rc7",    SUB_QUIRK_ERASE_RC7},
	{"erase-first",  SUB_QUIRK_ERASE_FIRST},
	{"rc-zero",      SUB_QUIRK_RC_ZERO},
	{"counted",      SUB_QUIRK_COUNTED},
	{"answer-v0",    SUB_QUIRK_ANSWER_V0},
	{"v0-refuses",   SUB_QUIRK_V0_REFUSES},
	{"v0-silent",    SUB_QUIRK_V0_SILENT},
	{"at-once",      SUB_QUIRK_AT_ONCE},
	{"lingers",      SUB_QUIRK_LINGERS},
	{"no-memory",    SUB_QUIRK_NO_MEMORY},
	{"no-resume",    SUB_QUIRK_NO_RESUME},
	{"checks",       SUB_QUIRK_CHECKS},
	{"no-params",    SUB_QUIRK_NO_PARAMS},
	{"params-lie",   SUB_QUIRK_PARAMS_LIE},
	{"all-flags",    SUB_QUIRK_ALL_FLAGS},
	{"four-parts",   SUB_QUIRK_FOUR_PARTS},
	{"empty-slots",  SUB_QUIRK_EMPTY_SLOTS},
	{"no-slot-info", SUB_QUIRK_NO_SLOT_INFO},
	{"slots-only",   SUB_QUIRK_SLOTS_ONLY},
	{"unguarded",    SUB_QUIRK_UNGUARDED},
	{"off-zero",     SUB_QUIRK_OFF_ZERO},
	{"off-wanders",  SUB_QUIRK_OFF_WANDERS},
	{"evil-version", SUB_QUIRK_EVIL_VERSION},
	{"huge",         SUB_QUIRK_HUGE},
	{"nested",       SUB_QUIRK_NESTED},
	{"garbage",      SUB_QUIRK_GARBAGE},
	{"endless",      SUB_QUIRK_ENDLESS},
	{NULL,           0},
};
/* clang-format on */

const struct sub_quirk_row *
sub_quirk_table(void)
{
	return table;
}

static unsigned
find(const char *word, size_t len)
{
	for (const struct sub_quirk_row *r = table; r->name; r++)
		if (strlen(r->name) == len && memcmp(r->name, word, len) == 0)
			return r->bit;
	return 0;
}

bool
sub_quirk_parse(const char *text, unsigned *out, const char **wrong)
{
	*out = 0;
	for (const char *at = text;; at++) {
		size_t len = strcspn(at, ",");
		unsigned bit = find(at, len);

		*wrong = at;
		if (!bit)
			return false;
		*out |= bit;
		at += len;
		if (*at == '\0')
			return true;
	}
}

/* --- counted maps ----------------------------------------------------------------------------- */

/* The length of a plain item's head and, for strings, what follows it. */
static size_t
plain(const uint8_t *p)
{
	unsigned type = p[0] >> 5, low = p[0] & 31;
	size_t head = low < 24 ? 1 : 1 + ((size_t)1 << (low - 24)), n = 0;

	if (type != 2 && type != 3)
		return head;
	n = low < 24 ? low : 0;
	for (size_t i = 1; i < head; i++)
		n = n << 8 | p[i];
	return head + n;
}

/* One item at `at`, all within counted; returns where the next one begins. */
static size_t
count_item(uint8_t *map, size_t at, size_t *len)
{
	bool is_map = map[at] == 0xbf, is_list = map[at] == 0x9f;
	size_t head = at, n = 0;

	if (!is_map && !is_list)
		return at + plain(map + at);
	for (at++; map[at] != 0xff; n++)
		at = count_item(map, at, len);
	map[head] = (uint8_t)(is_map ? 0xa0 | n / 2 : 0x80 | n);
	memmove(map + at, map + at + 1, *len - at - 1);
	(*len)--;
	return at;
}

void
sub_quirk_count(uint8_t *map, size_t *len)
{
	count_item(map, 0, len);
}

/* --- taken over ------------------------------------------------------------------------------- */

size_t
sub_quirk_evil_map(unsigned quirks, uint8_t *out, size_t size)
{
	static const uint8_t huge[] = {0xbf, 0x66, 'i', 'm', 'a', 'g', 'e', 's', 0x9b, 0x7f, 0xff,
	    0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xbf, 0x67, 'v', 'e', 'r', 's', 'i', 'o', 'n',
	    0x7b, 0x7f, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff};

	if (quirks & SUB_QUIRK_HUGE) {
		memcpy(out, huge, sizeof(huge));
		return sizeof(huge);
	}
	memset(out, 0x9f, size);
	out[0] = 0xbf;
	out[1] = 0x61;
	out[2] = 'x';
	return size;
}

size_t
sub_quirk_babble(unsigned quirks, uint64_t *random, char *out, size_t size)
{
	memset(out, 'A', size);
	if (quirks & SUB_QUIRK_ENDLESS) {
		if (*random == 0)
			memcpy(out, "\x06\x09", 2);
		*random = 1;
		return size;
	}
	*random = *random ? *random : 88172645463325252u;
	for (size_t i = 0; i < size; i++) {
		*random ^= *random << 13;
		*random ^= *random >> 7;
		*random ^= *random << 17;
		out[i] = (char)(*random >> 32);
	}
	return size;
}
