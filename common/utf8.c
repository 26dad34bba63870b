/*
 * utf8: see utf8.h. The smallest value a length may carry is in `least`: what could have been
 * shorter is overlong.
 */
#include <string.h>

#include "utf8.h"

size_t
utf8_character(const uint8_t *p, size_t left)
{
	static const uint32_t least[] = {0, 1, 0x80, 0x800, 0x10000};
	size_t n = *p < 0x80 ? 1 : *p >= 0xf0 ? 4 : *p >= 0xe0 ? 3 : 2;
	uint32_t value = n == 1 ? *p : *p & (0x7fU >> n);

	if (n > left || (*p >= 0x80 && *p < 0xc2) || *p > 0xf4)
		return 0;
	for (size_t i = 1; i < n; i++) {
		if ((p[i] & 0xc0) != 0x80)
			return 0;
		value = value << 6 | (p[i] & 0x3f);
	}
	if (value < least[n] || value > 0x10ffff || (value >= 0xd800 && value <= 0xdfff))
		return 0;
	return n;
}

bool
utf8_is_text(const uint8_t *p, size_t len)
{
	for (size_t at = 0; at < len;) {
		size_t n = utf8_character(p + at, len - at);

		if (n == 0)
			return false;
		at += n;
	}
	return true;
}

void
utf8_copy(char *out, size_t size, const char *text)
{
	size_t len = strlen(text), at = 0, n = 0;

	while (at < len && (n = utf8_character((const uint8_t *)text + at, len - at)) > 0 &&
	       at + n < size)
		at += n;
	memcpy(out, text, at);
	out[at] = '\0';
}
