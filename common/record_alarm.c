/*
 * record_alarm: see record_alarm.h.
 */
#include "record_alarm.h"

bool
record_alarm_turned(struct record_alarm *a, const struct record *r, struct event *out)
{
	const char *trouble = record_trouble(r);
	bool on = *trouble != 0;

	if (on == a->on)
		return false;
	a->on = on;
	*out = (struct event){.name = on ? "record_fails" : "record_good",
	    .error = on ? ERR_SYSTEM : ERR_OK,
	    .text = on ? trouble : "the record can be written again"};
	return true;
}

void
record_alarm_show(cJSON *status, const struct record *r)
{
	cJSON_AddNumberToObject(status, "records_set_aside", record_set_aside(r));
	cJSON_AddBoolToObject(status, "record_fails", *record_trouble(r) != 0);
	cJSON_AddStringToObject(status, "record_trouble", record_trouble(r));
}
