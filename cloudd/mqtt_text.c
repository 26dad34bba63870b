/*
 * mqtt_text: see mqtt_text.h.
 */
#include <string.h>

#include "mqtt_text.h"
#include "utf8.h"

/* [MQTT-1.5.3-1], [MQTT-1.5.3-2] */
bool
mqtt_text_is_utf8(struct mqtt_bytes b)
{
	return utf8_is_text(b.data, b.len);
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
