/*
 * mqtt_text: see mqtt_text.h.
 */
#include <string.h>

#include "mqtt_text.h"

/* Length of the UTF-8 character at `p`, 0 if it is none; surrogates, overlong forms and NUL are
 * none ([MQTT-1.5.3-1], [MQTT-1.5.3-2]). */
static size_t
character(const uint8_t *p, size_t left)
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
mqtt_text_is_utf8(struct mqtt_bytes b)
{
	for (size_t at = 0; at < b.len;) {
		size_t n = character(b.data + at, b.len - at);

		if (n == 0)
			return false;
		at += n;
	}
	return true;
}

/* [MQTT-3.3.2-2], [MQTT-4.7.3-1]. */
bool
mqtt_text_is_name(struct mqtt_bytes b)
{
	return b.len && mqtt_text_is_utf8(b) && !memchr(b.data, '+', b.len) &&
	       !memchr(b.data, '#', b.len);
}

/* [MQTT-4.7.1-2], [MQTT-4.7.1-3]: '#' alone in the last level, '+' alone in any. */
bool
mqtt_text_is_filter(struct mqtt_bytes b)
{
	if (!b.len || !mqtt_text_is_utf8(b))
		return false;
	for (size_t i = 0; i < b.len; i++) {
		bool starts = i == 0 || b.data[i - 1] == '/';
		bool last = i + 1 == b.len;

		if (b.data[i] == '#' && (!starts || !last))
			return false;
		if (b.data[i] == '+' && (!starts || (!last && b.data[i + 1] != '/')))
			return false;
	}
	return true;
}
