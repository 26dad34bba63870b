/*
 * demo_tap: see demo_tap.h.
 */
#include "demo_tap.h"

#include <string.h>

#include "json.h"

/* clang-format off */
/* body of the message, phase of a report, what begins with it */
static const struct {
	const char *body, *phase;
	enum demo_phase begins;
} rows[] = {
	{"plan_offer",  NULL,              DEMO_OFFERED},
	{"fetch_order", NULL,              DEMO_FETCHING},
	{"report",      "PHASE_FETCHED",   DEMO_VERIFYING},
	{"report",      "PHASE_VERIFIED",  DEMO_WAITING},
	{"report",      "PHASE_FLASHING",  DEMO_FLASHING},
	{"report",      "PHASE_STAGED",    DEMO_STAGED},
	{"report",      "PHASE_TESTING",   DEMO_TESTING},
	{"report",      "PHASE_CONFIRMED", DEMO_CONFIRMED},
	{"report",      "PHASE_DONE",      DEMO_DONE},
	{"report",      "PHASE_REVERTED",  DEMO_REVERTED},
	{"report",      "PHASE_REFUSED",   DEMO_REFUSED},
	{"report",      "PHASE_FAILED",    DEMO_FAILED},
};
/* clang-format on */

bool
demo_tap_take(struct demo_marks *m, const char *line)
{
	AUTO(json) cJSON *doc = cJSON_Parse(line);
	const cJSON *message = cJSON_GetObjectItem(doc, "message");

	if (strcmp(json_text(doc, "verdict"), "OK") != 0)
		return false;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		const cJSON *body = cJSON_GetObjectItem(message, rows[i].body);
		const cJSON *device = cJSON_GetObjectItem(body, "device");

		if (strcmp(json_text(device, "device_key"), m->device) != 0 ||
		    (rows[i].phase && strcmp(json_text(body, "phase"), rows[i].phase) != 0))
			continue;
		if (!m->at[rows[i].begins])
			m->at[rows[i].begins] = (uint64_t)json_number(doc, "at");
		return true;
	}
	return false;
}

/* The first mark after phase `p`; 0: none. */
static uint64_t
next_mark(const struct demo_marks *m, enum demo_phase p)
{
	for (enum demo_phase q = p + 1; q < DEMO_PHASE_COUNT; q++)
		if (m->at[q])
			return m->at[q];
	return 0;
}

void
demo_tap_durations(const struct demo_marks *m, uint64_t ms[DEMO_PHASE_COUNT])
{
	if (!next_mark(m, DEMO_DONE - 1))
		return;
	for (enum demo_phase p = DEMO_OFFERED; p < DEMO_DONE; p++) {
		uint64_t next = next_mark(m, p);

		ms[p] = m->at[p] && next > m->at[p] ? next - m->at[p] : 0;
	}
}
