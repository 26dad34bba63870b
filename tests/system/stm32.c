/*
 * System tests of STM32 behind their boot loader in ROM: silent upgrades with all processes real, a
 * jailed session at a pseudo-terminal, and sudden death of the gateway or of the device in each
 * phase. Whatever dies: the device ends with the new image, never ran into a half one, and the
 * platform has heard nothing but the truth.
 */
#include <signal.h>
#include <string.h>

#include "house_case.h"
#include "house_look.h"
#include "json.h"

TestSuite(stm32, .timeout = 150);

enum { SIZE = 30000 };

static struct house *
stm32_house(unsigned baud)
{
	return house_case_new(
	    &(struct house_options){.stm32 = true, .baud = baud, .patience_s = 90});
}

static void
plan(struct house *h)
{
	house_case_plan(h, &(struct house_pack){.size = SIZE});
}

static void
ends_rightly(struct house *h)
{
	house_case_upgraded(h, 0, HOUSE_NEW);
	AUTO(json) cJSON *own = house_look_device(h, 0);
	cr_expect_eq(json_number(own, "crashes"), 0, "it ran into a half image");
}

Test(stm32, a_silent_plan_ends_with_the_new_version)
{
	AUTO(house_case) struct house *h = stm32_house(0);

	HOUSE_MUST(h, house_start_all(h));
	plan(h);
	ends_rightly(h);
	AUTO(json) cJSON *own = house_look_device(h, 0);
	cr_expect_eq(json_number(own, "overwrites"), 0);
	cr_expect_lt(json_number(own, "written"), SIZE + 64);
}

/* --- phases ---------------------------------------------------------------------------------- */

enum phase { COMPARING, WRITING, TESTING };

static bool
is_in(struct house *h, void *arg)
{
	const enum phase *p = arg;
	char state[32];
	double done;

	AUTO(json) cJSON *own = house_look_device(h, 0);
	double written = json_number(own, "written");
	house_case_flash(h, 0, state, &done);
	if (*p == COMPARING)
		return strcmp(state, "FLASHING") == 0;
	if (*p == WRITING)
		return strcmp(state, "FLASHING") == 0 && written > 4000;
	return strcmp(state, "STAGED") == 0 || strcmp(state, "TESTING") == 0;
}

/* A house whose upgrade has come to this phase; slow enough to be met there. */
static struct house *
house_in(enum phase p)
{
	struct house *h = stm32_house(230400);

	HOUSE_MUST(h, house_start_all(h));
	plan(h);
	house_case_until(h, is_in, &p, "the phase in which to kill");
	return h;
}

static void
kill_part(enum house_part part, enum phase p)
{
	AUTO(house_case) struct house *h = house_in(p);

	house_kill(h, part);
	HOUSE_MUST(h, house_start(h, part));
	ends_rightly(h);
}

static void
kill_session(enum phase p)
{
	AUTO(house_case) struct house *h = house_in(p);
	pid_t child = 0;

	for (int i = 0; i < 1000 && !child; i++) {
		child = house_look_child(h, HOUSE_FLASHD, "subota-session");
		house_look_pause(1);
	}
	cr_assert_gt(child, 0, "no session is running");
	cr_assert_eq(kill(child, SIGKILL), 0);
	ends_rightly(h);
}

/* clang-format off */
#define KILLED(name, ...) Test(stm32, name) { __VA_ARGS__; }

KILLED(flashd_killed_before_anything_is_written,     kill_part(HOUSE_FLASHD, COMPARING))
KILLED(flashd_killed_in_mid_write,                   kill_part(HOUSE_FLASHD, WRITING))
KILLED(flashd_killed_while_the_image_starts,         kill_part(HOUSE_FLASHD, TESTING))
KILLED(session_killed_in_mid_write,                  kill_session(WRITING))
KILLED(device_without_power_before_anything_is_written, kill_part(HOUSE_DEVICE, COMPARING))
KILLED(device_without_power_in_mid_write,            kill_part(HOUSE_DEVICE, WRITING))
KILLED(device_without_power_while_the_image_starts,  kill_part(HOUSE_DEVICE, TESTING))
/* clang-format on */

Test(stm32, a_device_that_was_cut_off_goes_on_where_it_was)
{
	AUTO(house_case) struct house *h = stm32_house(0);

	house_device_args(h, 0, "--cut-at", "20000");
	HOUSE_MUST(h, house_start_all(h));
	plan(h);
	ends_rightly(h);
	AUTO(json) cJSON *own = house_look_device(h, 0);
	cr_expect_lt(json_number(own, "written"), SIZE + 6000, "most was there already");
}

static bool
is_refused(struct house *h, void *arg)
{
	char verdict[32];

	(void)arg;
	house_case_verdict(h, 0, verdict);
	return strcmp(verdict, "failed") == 0;
}

Test(stm32, a_protected_device_fails_as_such_and_keeps_working)
{
	AUTO(house_case) struct house *h = stm32_house(0);

	house_device_args(h, 0, "--quirks", "1");
	HOUSE_MUST(h, house_start_all(h));
	plan(h);
	house_case_until(h, is_refused, NULL, "a failure that the platform knows");
	AUTO(json) cJSON *doc = house_look_ask(h, HOUSE_FLASHD, "upgrades");
	const cJSON *u = cJSON_GetArrayItem(cJSON_GetObjectItem(doc, "upgrades"), 0);
	cr_expect_str_eq(json_text(u, "error"), "PROTECTED");
	HOUSE_MUST(h, house_look_wait_version(h, 0, HOUSE_OLD));
}
