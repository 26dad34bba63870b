/*
 * conversation: every state meets every event, against a table written from the specification
 * (developer center, 8), not from the rows; then what a cell cannot show.
 */
#include <criterion/criterion.h>
#include <string.h>
#include <subota.pb-c.h>

#include "conversation.h"

static const struct dialect_plan plan = {.component = "app", .target = "2.0.0"};
static const struct dialect_plan other_plan = {.component = "app", .target = "3.0.0"};
static const struct dialect_firmware firmware = {
    .component = "app", .target = "2.0.0", .file = {.size = 9}};

static const struct mono start = {1000};

static struct conversation
in_state(int state)
{
	struct conversation c;

	conversation_init(&c);
	c.state = state;
	c.heard = start;
	snprintf(c.version, sizeof(c.version), "1.0.0");
	if (state == CONVERSATION_IDLE)
		return c;
	c.upgrade = 7;
	c.plan = plan;
	if (state >= CONVERSATION_ORDERED) {
		c.firmware = malloc(sizeof(*c.firmware));
		*c.firmware = firmware;
	}
	return c;
}

static struct conversation_news
news(void)
{
	return (struct conversation_news){.now = start,
	    .profile = profile_find("p1"),
	    .plan = &plan,
	    .firmware = &firmware,
	    .component = "app",
	    .fresh = 8,
	    .version = "2.0.0",
	    .error = ERR_VERIFY,
	    .detail = "why"};
}

/* "STATE says... effects..." of a step, "-" when it was refused. */
static const char *
step(struct conversation *c, int event, const struct conversation_news *n)
{
	static char text[100];
	static const char *const effects[] = {"offer", "order", "cancel", "info"};

	c->n_says = 0;
	c->effects = 0;
	if (conversation_step(c, event, n, NULL) != ERR_OK)
		return "-";
	int at = snprintf(text, sizeof(text), "%s", conversation_table.states[c->state]);
	for (size_t i = 0; i < c->n_says; i++)
		at += snprintf(text + at, sizeof(text) - (size_t)at, " %d", c->says[i]);
	for (size_t i = 0; i < 4; i++)
		if (c->effects & 1u << i)
			at += snprintf(text + at, sizeof(text) - (size_t)at, " %s", effects[i]);
	return text;
}

enum { CELL = 32 };

/* clang-format off */
#define ROW(...) {__VA_ARGS__}
static const char cells[CONVERSATION_EVENTS][CONVERSATION_STATES][CELL] = {
	/* in:                 IDLE               OFFERED              CONFIRMED            ORDERED           DOWNLOADING       FETCHED            UPDATING           OVERDUE */
	[CONVERSATION_ON_PLAN] = ROW(
		"OFFERED 1 offer", "OFFERED 1 offer",   "CONFIRMED",         "ORDERED",        "DOWNLOADING",    "FETCHED",         "UPDATING",        "OVERDUE"),
	[CONVERSATION_ON_FIRMWARE] = ROW(
		"OFFERED offer",   "OFFERED",           "ORDERED 4 order",   "ORDERED",        "DOWNLOADING",    "FETCHED",         "UPDATING",        "OVERDUE"),
	[CONVERSATION_ON_BAD_FIRMWARE] = ROW(
		"IDLE 12",         "OFFERED",           "IDLE 12 cancel",    "ORDERED",        "DOWNLOADING",    "FETCHED",         "UPDATING",        "OVERDUE"),
	[CONVERSATION_ON_ACCEPTED] = ROW(
		"-",               "CONFIRMED 2",       "CONFIRMED",         "-",              "-",              "-",               "-",               "-"),
	[CONVERSATION_ON_REJECTED] = ROW(
		"-",               "IDLE 3",            "IDLE 12",           "-",              "-",              "-",               "-",               "-"),
	[CONVERSATION_ON_DEFERRED] = ROW(
		"-",               "IDLE 3",            "IDLE 12",           "-",              "-",              "-",               "-",               "-"),
	[CONVERSATION_ON_ASKED] = ROW(
		"-",               "OFFERED",           "-",                 "-",              "-",              "-",               "-",               "-"),
	[CONVERSATION_ON_TOLD] = ROW(
		"-",               "-",                 "CONFIRMED",         "-",              "-",              "-",               "-",               "-"),
	[CONVERSATION_ON_FETCHING] = ROW(
		"-",               "-",                 "-",                 "DOWNLOADING 5",  "DOWNLOADING",    "FETCHED",         "UPDATING",        "OVERDUE"),
	[CONVERSATION_ON_FETCHED] = ROW(
		"-",               "-",                 "-",                 "FETCHED 8",      "FETCHED 8",      "FETCHED",         "UPDATING",        "OVERDUE"),
	[CONVERSATION_ON_WORKING] = ROW(
		"-",               "-",                 "-",                 "UPDATING 8 9",   "UPDATING 8 9",   "UPDATING 9",      "UPDATING",        "OVERDUE"),
	[CONVERSATION_ON_DONE] = ROW(
		"-",               "IDLE 11 info",      "IDLE 11 info",      "IDLE 11 info",   "IDLE 11 info",   "IDLE 11 info",    "IDLE 11 info",    "IDLE 11 info"),
	[CONVERSATION_ON_BAD_END] = ROW(
		"-",               "IDLE 3",            "IDLE 12",           "IDLE 12",        "IDLE 12",        "IDLE 12",         "IDLE 12",         "IDLE 12"),
	[CONVERSATION_ON_FETCH_FAILED] = ROW(
		"-",               "IDLE 3",            "IDLE 12",           "IDLE 6 cancel",  "IDLE 6 cancel",  "IDLE 12 cancel",  "UPDATING",        "IDLE 12"),
	[CONVERSATION_ON_DUE] = ROW(
		"-",               "IDLE 3 cancel",     "IDLE 12 cancel",    "OVERDUE cancel", "DOWNLOADING 5",  "OVERDUE cancel",  "OVERDUE cancel",  "OVERDUE cancel"),
	[CONVERSATION_ON_GATE_UP] = ROW(
		"-",               "OFFERED offer",     "CONFIRMED offer",   "ORDERED order",  "DOWNLOADING order", "FETCHED order", "UPDATING order", "OVERDUE order"),
	[CONVERSATION_ON_UNTOLD] = ROW(
		"-",               "-",                 "CONFIRMED",         "-",              "-",              "-",               "-",               "-"),
	[CONVERSATION_ON_NEXT] = ROW(
		"-",               "-",                 "-",                 "-",              "-",              "-",               "-",               "-"),
};
/* clang-format on */

Test(conversation, meets_every_event_in_every_state)
{
	for (int e = 0; e < CONVERSATION_EVENTS; e++)
		for (int s = 0; s < CONVERSATION_STATES; s++) {
			struct conversation c = in_state(s);
			struct conversation_news n = news();
			const char *got = step(&c, e, &n);

			cr_expect_str_eq(got, cells[e][s], "%s in %s: expected \"%s\", got \"%s\"",
			    conversation_table.events[e], conversation_table.states[s], cells[e][s],
			    got);
			conversation_fini(&c);
		}
}

Test(conversation, changes_nothing_when_it_refuses)
{
	for (int e = 0; e < CONVERSATION_EVENTS; e++)
		for (int s = 0; s < CONVERSATION_STATES; s++) {
			struct conversation c = in_state(s), before = c;
			struct conversation_news n = news();

			if (strcmp(step(&c, e, &n), "-") == 0)
				cr_expect_eq(memcmp(&c, &before, sizeof(c)), 0, "%s in %s",
				    conversation_table.events[e], conversation_table.states[s]);
			conversation_fini(&c);
		}
}

Test(conversation, has_no_firmware_and_no_timer_when_it_is_idle)
{
	for (int e = 0; e < CONVERSATION_EVENTS; e++)
		for (int s = 1; s < CONVERSATION_STATES; s++) {
			struct conversation c = in_state(s);
			struct conversation_news n = news();

			if (strncmp(step(&c, e, &n), "IDLE", 4) == 0) {
				cr_expect_null(c.firmware);
				cr_expect_eq(c.due.ms, MONO_NEVER.ms);
				cr_expect_eq(c.upgrade, 7);
			}
			conversation_fini(&c);
		}
}

Test(conversation, says_success_only_after_a_report_of_done)
{
	for (int e = 0; e < CONVERSATION_EVENTS; e++)
		for (int s = 0; s < CONVERSATION_STATES; s++)
			if (strstr(cells[e][s], " 11"))
				cr_expect_eq(e, CONVERSATION_ON_DONE);
}

Test(conversation, sets_the_timers_of_the_specification)
{
	static const struct {
		int state, event;
		int64_t ms;
	} rows[] = {
	    {CONVERSATION_CONFIRMED, CONVERSATION_ON_TOLD, 30000},
	    {CONVERSATION_ORDERED, CONVERSATION_ON_FETCHING, 5000},
	    {CONVERSATION_DOWNLOADING, CONVERSATION_ON_DUE, 5000},
	    {CONVERSATION_FETCHED, CONVERSATION_ON_WORKING, 20 * 60000},
	    {CONVERSATION_UPDATING, CONVERSATION_ON_WORKING, 20 * 60000},
	    {CONVERSATION_IDLE, CONVERSATION_ON_PLAN, 10 * 60000},
	    {CONVERSATION_CONFIRMED, CONVERSATION_ON_FIRMWARE, 6 * 3600000},
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct conversation c = in_state(rows[i].state);
		struct conversation_news n = news();

		n.now.ms += 50;
		step(&c, rows[i].event, &n);
		cr_expect_eq(mono_between(n.now, c.due), rows[i].ms, "row %zu: %lld", i,
		    (long long)mono_between(n.now, c.due));
		conversation_fini(&c);
	}
}

Test(conversation, starts_the_url_timer_only_when_the_platform_has_heard_the_confirmation)
{
	struct conversation c = in_state(CONVERSATION_OFFERED);
	struct conversation_news n = news();

	cr_expect_str_eq(step(&c, CONVERSATION_ON_ACCEPTED, &n), "CONFIRMED 2");
	cr_expect_eq(c.due.ms, MONO_NEVER.ms);
}

Test(conversation, stops_the_url_timer_when_the_platform_has_not_taken_the_confirmation)
{
	struct conversation c = in_state(CONVERSATION_CONFIRMED);
	struct conversation_news n = news();

	step(&c, CONVERSATION_ON_TOLD, &n);
	step(&c, CONVERSATION_ON_UNTOLD, &n);
	cr_expect_eq(c.due.ms, MONO_NEVER.ms);
	step(&c, CONVERSATION_ON_TOLD, &n);
	cr_expect_eq(c.due.ms, start.ms + 30000);
}

Test(conversation, takes_another_plan_instead_while_flashd_has_not_answered)
{
	struct conversation c = in_state(CONVERSATION_OFFERED);
	struct conversation_news n = news();

	n.plan = &other_plan;
	cr_expect_str_eq(step(&c, CONVERSATION_ON_PLAN, &n), "OFFERED 1 offer cancel");
	cr_expect_eq(c.cancelled, 7);
	cr_expect_eq(c.upgrade, 8);
	cr_expect_str_eq(c.plan.target, "3.0.0");
}

Test(conversation, keeps_the_same_upgrade_when_a_plan_is_repeated)
{
	struct conversation c = in_state(CONVERSATION_OFFERED);
	struct conversation_news n = news();

	step(&c, CONVERSATION_ON_PLAN, &n);
	cr_expect_eq(c.upgrade, 7);
}

Test(conversation, does_not_begin_what_is_over_while_the_platform_has_not_heard_the_end)
{
	struct conversation c = in_state(CONVERSATION_UPDATING);
	struct conversation_news n = news();

	step(&c, CONVERSATION_ON_DONE, &n);
	n.untold = true;
	cr_expect_str_eq(step(&c, CONVERSATION_ON_PLAN, &n), "IDLE");
	n.plan = &other_plan;
	cr_expect_str_eq(step(&c, CONVERSATION_ON_PLAN, &n), "OFFERED 1 offer");
	conversation_fini(&c);
}

/* The confirmation is heard after the upgrade is over, its connection was cut; the platform
 * answers it with the address. Found by the simulator. */
Test(conversation, does_not_begin_anew_for_an_address_while_the_platform_has_not_heard_the_end)
{
	struct conversation c = in_state(CONVERSATION_UPDATING);
	struct conversation_news n = news();

	step(&c, CONVERSATION_ON_DONE, &n);
	n.untold = true;
	cr_expect_str_eq(step(&c, CONVERSATION_ON_FIRMWARE, &n), "IDLE");
	n.untold = false;
	cr_expect_str_eq(step(&c, CONVERSATION_ON_PLAN, &n), "OFFERED 1 offer");
	cr_expect_str_eq(step(&c, CONVERSATION_ON_ACCEPTED, &n), "CONFIRMED 2",
	    "an address from before is not taken for this plan's");
	conversation_fini(&c);
}

Test(conversation, refuses_a_firmware_that_is_not_the_plans)
{
	static const struct dialect_firmware misfits[] = {{.component = "app", .target = "3.0.0"},
	    {.component = "boot", .target = "2.0.0"},
	    {.component = "app", .target = "2.0.0", .type = 1}};

	for (size_t i = 0; i < 3; i++) {
		struct conversation c = in_state(CONVERSATION_CONFIRMED);
		struct conversation_news n = news();

		n.firmware = &misfits[i];
		cr_expect_str_eq(step(&c, CONVERSATION_ON_FIRMWARE, &n), "IDLE 12 cancel");
		cr_expect_eq(c.error, ERR_MISMATCH);
		cr_expect(strstr(c.detail, "expected firmware app 2.0.0, got"), "%s", c.detail);
		conversation_fini(&c);
	}
}

Test(conversation, in_a_list_the_address_of_a_component_before_means_nothing)
{
	static const struct dialect_firmware before = {.component = "boot", .target = "2.0.0"};
	static const struct dialect_firmware misfit = {.component = "app", .target = "3.0.0"};
	struct conversation c = in_state(CONVERSATION_CONFIRMED);
	struct conversation_news n = news();

	c.turn = 1;
	n.firmware = &before;
	cr_expect_str_eq(step(&c, CONVERSATION_ON_FIRMWARE, &n), "CONFIRMED");
	cr_expect_eq(c.error, ERR_OK);
	n.firmware = &misfit;
	cr_expect_str_eq(step(&c, CONVERSATION_ON_FIRMWARE, &n), "IDLE 12 cancel");
	conversation_fini(&c);
}

Test(
    conversation, in_a_list_that_is_over_and_untold_the_address_of_a_component_before_means_nothing)
{
	static const struct dialect_firmware before = {.component = "boot", .target = "2.0.0"};
	struct conversation c = in_state(CONVERSATION_IDLE);
	struct conversation_news n = news();

	snprintf(c.plan.component, sizeof(c.plan.component), "app");
	c.turn = 1;
	n.firmware = &before;
	n.untold = true;
	cr_expect_str_eq(step(&c, CONVERSATION_ON_FIRMWARE, &n), "IDLE");
	conversation_fini(&c);
}

Test(conversation, orders_at_once_when_the_firmware_came_without_a_plan)
{
	struct conversation c = in_state(CONVERSATION_IDLE);
	struct conversation_news n = news();

	cr_expect_str_eq(step(&c, CONVERSATION_ON_FIRMWARE, &n), "OFFERED offer");
	cr_expect_str_eq(c.plan.target, "2.0.0");
	cr_expect_str_eq(step(&c, CONVERSATION_ON_ACCEPTED, &n), "ORDERED 4 order");
	cr_expect_eq(c.firmware->file.size, 9);
	conversation_fini(&c);
}

Test(conversation, calls_the_sixth_failed_download_a_failed_upgrade)
{
	struct conversation c = in_state(CONVERSATION_IDLE);
	struct conversation_news n = news();

	for (int i = 1; i <= 6; i++) {
		step(&c, CONVERSATION_ON_PLAN, &n);
		step(&c, CONVERSATION_ON_ACCEPTED, &n);
		step(&c, CONVERSATION_ON_FIRMWARE, &n);
		if (i % 2)
			step(&c, CONVERSATION_ON_FETCHING, &n);
		cr_expect_str_eq(step(&c, CONVERSATION_ON_FETCH_FAILED, &n),
		    i < 6 ? "IDLE 6 cancel" : "IDLE 12 cancel", "failure %d", i);
	}
	cr_expect_eq(c.failures, 0, "counted anew");
	conversation_fini(&c);
}

Test(conversation, counts_failed_downloads_over_a_good_one_but_not_over_a_success)
{
	struct conversation c = in_state(CONVERSATION_ORDERED);
	struct conversation_news n = news();

	c.failures = 4;
	step(&c, CONVERSATION_ON_FETCHED, &n);
	cr_expect_eq(c.failures, 4);
	step(&c, CONVERSATION_ON_DONE, &n);
	cr_expect_eq(c.failures, 0);
	conversation_fini(&c);
}

Test(conversation, asks_a_silent_device_three_times_before_it_gives_up)
{
	struct conversation c = in_state(CONVERSATION_UPDATING);
	struct conversation_news n = news();

	for (int i = 0; i < CONVERSATION_STRIKES; i++)
		cr_expect_str_eq(step(&c, CONVERSATION_ON_DUE, &n), "OVERDUE cancel");
	cr_expect_str_eq(step(&c, CONVERSATION_ON_DUE, &n), "IDLE 12");
	cr_expect_eq(c.error, ERR_TIMEOUT);
	conversation_fini(&c);
}

Test(conversation, claims_nothing_about_a_silent_device_that_runs_the_target)
{
	struct conversation c = in_state(CONVERSATION_OVERDUE);
	struct conversation_news n = news();

	c.strikes = CONVERSATION_STRIKES;
	snprintf(c.version, sizeof(c.version), "2.0.0");
	cr_expect_str_eq(step(&c, CONVERSATION_ON_DUE, &n), "IDLE info");
	conversation_fini(&c);
}

Test(conversation, forgets_strikes_when_the_device_gives_a_sign_of_life)
{
	struct conversation c = in_state(CONVERSATION_OVERDUE);
	struct conversation_news n = news();

	c.strikes = CONVERSATION_STRIKES;
	step(&c, CONVERSATION_ON_WORKING, &n);
	cr_expect_str_eq(step(&c, CONVERSATION_ON_DUE, &n), "OVERDUE cancel");
	conversation_fini(&c);
}

Test(conversation, stops_a_download_that_was_silent_for_hours)
{
	struct conversation c = in_state(CONVERSATION_DOWNLOADING);
	struct conversation_news n = news();

	n.now.ms += 6 * 3600000 - 1;
	cr_expect_str_eq(step(&c, CONVERSATION_ON_DUE, &n), "DOWNLOADING 5");
	n.now.ms += 1;
	cr_expect_str_eq(step(&c, CONVERSATION_ON_DUE, &n), "OVERDUE cancel");
	conversation_fini(&c);
}

Test(conversation, remembers_until_when_flashd_defers)
{
	struct conversation c = in_state(CONVERSATION_OFFERED);
	struct conversation_news n = news();

	n.until = 12345;
	step(&c, CONVERSATION_ON_DEFERRED, &n);
	cr_expect_eq(c.ask_at, 12345);
	step(&c, CONVERSATION_ON_PLAN, &n);
	cr_expect_eq(c.ask_at, 0, "it has been asked");
}

Test(conversation, resumes_with_the_timer_of_its_state)
{
	const struct profile *p = profile_find("p1");
	const int64_t want[CONVERSATION_STATES] = {
	    -1, 600000, 30000, 6 * 3600000, 5000, 6 * 3600000, 20 * 60000, 20 * 60000};

	for (int s = 0; s < CONVERSATION_STATES; s++) {
		struct conversation c = in_state(s);

		conversation_resume(&c, p, start, true);
		cr_expect_eq(c.due.ms, want[s] < 0 ? MONO_NEVER.ms : start.ms + want[s], "%s",
		    conversation_table.states[s]);
		conversation_fini(&c);
	}
	struct conversation c = in_state(CONVERSATION_CONFIRMED);
	conversation_resume(&c, p, start, false);
	cr_expect_eq(c.due.ms, MONO_NEVER.ms, "the platform has not heard the 2");
}

Test(conversation, is_busy_from_the_order_to_the_end)
{
	for (int s = 0; s < CONVERSATION_STATES; s++) {
		struct conversation c = in_state(s);

		cr_expect_eq(conversation_is_busy(&c), s >= CONVERSATION_ORDERED);
		conversation_fini(&c);
	}
}

Test(conversation, knows_what_phases_mean_and_from_whom)
{
	static const struct {
		int phase, from_flashd, from_gate;
	} rows[] = {
	    {PB__PHASE__PHASE_UNKNOWN, -1, -1},
	    {PB__PHASE__PHASE_FETCHING, CONVERSATION_ON_FETCHING, CONVERSATION_ON_FETCHING},
	    {PB__PHASE__PHASE_FETCHED, CONVERSATION_ON_FETCHED, CONVERSATION_ON_FETCHED},
	    {PB__PHASE__PHASE_VERIFIED, CONVERSATION_ON_FETCHED, CONVERSATION_ON_FETCHED},
	    {PB__PHASE__PHASE_FLASHING, CONVERSATION_ON_WORKING, -1},
	    {PB__PHASE__PHASE_STAGED, CONVERSATION_ON_WORKING, -1},
	    {PB__PHASE__PHASE_TESTING, CONVERSATION_ON_WORKING, -1},
	    {PB__PHASE__PHASE_CONFIRMED, CONVERSATION_ON_WORKING, -1},
	    {PB__PHASE__PHASE_DONE, CONVERSATION_ON_DONE, -1},
	    {PB__PHASE__PHASE_REVERTED, CONVERSATION_ON_BAD_END, CONVERSATION_ON_BAD_END},
	    {PB__PHASE__PHASE_FAILED, CONVERSATION_ON_BAD_END, CONVERSATION_ON_FETCH_FAILED},
	    {PB__PHASE__PHASE_REFUSED, CONVERSATION_ON_BAD_END, CONVERSATION_ON_BAD_END},
	    {PB__PHASE__PHASE_CANCELLED, CONVERSATION_ON_BAD_END, CONVERSATION_ON_BAD_END},
	    {99, -1, -1},
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		cr_expect_eq(conversation_event_of(rows[i].phase, false), rows[i].from_flashd);
		cr_expect_eq(conversation_event_of(rows[i].phase, true), rows[i].from_gate);
	}
}
