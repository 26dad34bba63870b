/*
 * smp_unit: the serial number of an SMP device, read as a setting (Zephyr's settings group), whose
 * name is the option `serial`; declared in smp_state.h.
 *
 * A setting is bytes of no said kind: text stays text, without zeros behind it; anything else is
 * written in hex, at most 32 bytes.
 */
#include <stdio.h>

#include "smp_state.h"

void
smp_unit_ask(struct smp *s, struct mono now)
{
	if (s->config.serial[0])
		smp_ask(s, SMP_STEP_UNIT, now);
	else
		smp_finish(s, ERR_OK, "%s", "");
}

size_t
smp_unit_format(struct smp *s, const struct smp_to *to)
{
	return smp_msg_setting(to, s->config.serial);
}

static void
take(struct smp *s, const uint8_t *value, size_t len)
{
	char *out = s->facts.unit;
	bool text = true;

	while (len > 0 && value[len - 1] == 0)
		len--;
	for (size_t i = 0; i < len; i++)
		text &= value[i] > 0x20 && value[i] < 0x7f;
	for (size_t i = 0; i < len && (text || i < 32); i++) {
		size_t at = text ? i : 2 * i;

		snprintf(out + at, sizeof(s->facts.unit) - at, text ? "%c" : "%02x", value[i]);
	}
}

void
smp_unit_on_answer(struct smp *s, struct mono now)
{
	(void)now;
	if (s->answer.rc == 0)
		take(s, s->answer.value, s->answer.value_len);
	smp_finish(s, ERR_OK, "%s", "");
}

void
smp_unit_silent(struct smp *s, struct mono now)
{
	(void)now;
	smp_finish(s, ERR_OK, "%s", "");
}
