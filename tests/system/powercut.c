/*
 * powercut: the gateway's power is cut again and again while it upgrades eight devices, at moments
 * that a seed chooses, and of its disk there is only what was synced. Every upgrade ends rightly,
 * nothing contradicts, nothing that was reported is missing from the signed log.
 *
 * POWERCUT_N cuts from POWERCUT_SEED: make powercut N=1000 SEED=1.
 */
#include <stdlib.h>
#include <string.h>

#include "house_case.h"
#include "house_db.h"
#include "house_look.h"
#include "json.h"
#include "powercut.h"

TestSuite(powercut, .timeout = 36000);

enum { DEVICES = 8, CUTS = 50, LONGEST_MS = 1600, STUCK = 200 /* cuts in one plan */ };

static uint64_t
setting(const char *name, uint64_t fallback)
{
	const char *text = getenv(name);

	return text ? strtoull(text, NULL, 10) : fallback;
}

static unsigned
roll(uint64_t *state, unsigned sides)
{
	*state ^= *state << 13;
	*state ^= *state >> 7;
	*state ^= *state << 17;
	return (unsigned)(*state >> 32) % sides;
}

static long
statuses(struct house *h, const char *codes)
{
	char sql[100];

	snprintf(sql, sizeof(sql), "SELECT count(*) FROM status WHERE code IN (%s)", codes);
	return house_db_ask(h, sql);
}

/* Each device runs it, confirmed, and platform and cloudd agree that its newest plan is over. */
static bool
all_run(struct house *h, const char *version)
{
	char state[32];

	for (int d = 0; d < DEVICES; d++) {
		AUTO(json) cJSON *own = house_look_device(h, d);

		if (strcmp(json_text(own, "running"), version) != 0 ||
		    !cJSON_IsTrue(cJSON_GetObjectItem(own, "confirmed")))
			return false;
		house_case_conversation(h, d, state);
		if (strcmp(state, "IDLE") != 0)
			return false;
	}
	return house_db_ask(h, "SELECT count(DISTINCT device) FROM status WHERE code = 11"
			       " AND plan = (SELECT max(id) FROM plan)") == DEVICES;
}

/* And cloudd knows that the platform knows it. A last status whose confirmation a cut took away is
 * said again; the platform would hold it against a plan that it has issued meanwhile. */
static bool
all_over(struct house *h, const char *version)
{
	AUTO(json) cJSON *cloud = house_look_ask(h, HOUSE_CLOUDD, "status");

	return all_run(h, version) && cJSON_GetObjectItem(cloud, "unconfirmed") &&
	       json_number(cloud, "unconfirmed") == 0;
}

/* No status that says an upgrade failed or was refused; no device went back; no report is missing.
 */
static void
expect_truth(struct house *h, unsigned plans)
{
	cr_expect_gt(plans, 0);
	cr_expect_eq(statuses(h, "3, 6, 7, 10, 12"), 0);
	for (int d = 0; d < DEVICES; d++) {
		AUTO(json) cJSON *own = house_look_device(h, d);

		cr_expect_eq(json_number(own, "reverts"), 0);
	}
	struct tool_result r = CTL(h->dir, "audit", "verify", "--config", "subota.conf");

	cr_expect_eq(r.status, 0, "%s", r.out);
}

/* trust: 56 */
Test(powercut, gateway_without_power_again_and_again_loses_nothing)
{
	AUTO(house_case)
	struct house *h = house_case_new(&(struct house_options){.devices = DEVICES,
	    .flashd =
		"ask_every = 2 s\naway_retry = 60 s\nflash_deadline = 60 min\n"
		"reboot_deadline = 30 min\ntest_deadline = 30 min\nconfirm_deadline = 30 min"});
	uint64_t seed = setting("POWERCUT_SEED", 1), state = seed * 2654435769u + 1;
	unsigned wanted = (unsigned)setting("POWERCUT_N", CUTS), plans = 0, within = 0;
	struct powercut p;
	char name[16], version[16] = HOUSE_OLD;

	if (!powercut_open(&p, h))
		cr_skip_test("a disk of its own needs root and loop devices");
	HOUSE_MUST(h, house_start_all(h));
	for (bool over = true; p.cuts < wanted || !over;) {
		if (over) {
			within = 0;
			snprintf(name, sizeof(name), "fw%u", ++plans);
			snprintf(version, sizeof(version), "1.%u.0", plans);
			house_case_plan(h, &(struct house_pack){.name = name,
					       .version = version,
					       .sequence = 5 + plans,
					       .size = 60000});
		}
		house_look_pause(50 + (int)roll(&state, LONGEST_MS));
		over = all_over(h, version);
		if (p.cuts == wanted)
			continue;
		HOUSE_MUST(h, powercut_now(&p));
		cr_assert_lt(++within, STUCK, "plan %u does not end", plans);
		if (getenv("POWERCUT_N"))
			fprintf(stderr, "cut %u, plan %u\n", p.cuts, plans);
	}
	expect_truth(h, plans);
	cr_log_info("%u cuts, %u plans", p.cuts, plans);
	powercut_close(&p);
}
