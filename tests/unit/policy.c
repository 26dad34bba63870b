/*
 * May this plan be carried out on this device now?
 */
#include <criterion/criterion.h>
#include <string.h>

#include "policy.h"

enum { NOW = 1000000 };

struct scene {
	struct policy_device d;
	Pb__Device device;
	Pb__PlanOffer o;
};

static void
open_scene(struct scene *s)
{
	*s = (struct scene){.d = {.known = true,
				.mode = POLICY_AUTO,
				.component = "app",
				.state = PB__DEVICE_STATE__DEVICE_STATE_PRESENT,
				.version = "1.0.0",
				.battery = POLICY_BATTERY_UNKNOWN}};
	pb__device__init(&s->device);
	pb__plan_offer__init(&s->o);
	s->device.product_key = (char *)(uintptr_t) "p1";
	s->device.device_key = (char *)(uintptr_t) "meter-1";
	s->o.device = &s->device;
	s->o.component = (char *)(uintptr_t) "app";
	s->o.target_version = (char *)(uintptr_t) "2.0.0";
}

static void
expect(struct scene *s, Pb__Verdict verdict, enum err reason, const char *expected, const char *got)
{
	struct policy_verdict v;

	policy_judge(&s->d, &s->o, NOW, &v);
	cr_expect_eq(v.verdict, verdict, "%s: %s", err_name(v.reason), v.detail);
	cr_expect_eq(v.reason, reason, "expected %s, got %s", err_name(reason), err_name(v.reason));
	cr_expect_eq(v.until > NOW, verdict == PB__VERDICT__VERDICT_DEFER);
	if (expected)
		cr_expect(strstr(v.detail, expected) && strstr(v.detail, got) &&
			      strstr(v.detail, "expected ") && strstr(v.detail, "got "),
		    "%s", v.detail);
	else
		cr_expect_eq(v.detail[0], 0);
}

#define ACCEPT PB__VERDICT__VERDICT_ACCEPT
#define REJECT PB__VERDICT__VERDICT_REJECT
#define DEFER PB__VERDICT__VERDICT_DEFER

Test(policy, accepts_a_newer_version_for_a_device_that_is_there)
{
	struct scene s;

	open_scene(&s);
	expect(&s, ACCEPT, ERR_OK, NULL, NULL);
}

Test(policy, rejects_what_can_never_be)
{
	struct scene s;

	open_scene(&s);
	s.d.known = false;
	expect(&s, REJECT, ERR_UNKNOWN_DEVICE, "configured", "p1/meter-1");
	open_scene(&s);
	s.o.component = (char *)(uintptr_t) "modem";
	expect(&s, REJECT, ERR_COMPONENT, "app", "modem");
	open_scene(&s);
	s.d.mode = POLICY_NEVER;
	expect(&s, REJECT, ERR_POLICY, "never", "2.0.0");
	open_scene(&s);
	s.d.version = "2.0.0";
	expect(&s, REJECT, ERR_ALREADY, "2.0.0", "same");
	s.d.on_trial = true; /* which somebody has to bring to an end */
	expect(&s, ACCEPT, ERR_OK, NULL, NULL);
	open_scene(&s);
	s.o.source_version = (char *)(uintptr_t) "1.5.0";
	expect(&s, REJECT, ERR_SOURCE_VERSION, "1.5.0", "1.0.0");
	s.d.version = "";
	expect(&s, REJECT, ERR_SOURCE_VERSION, "1.5.0", "unknown");
	s.d.version = "1.5.0";
	expect(&s, ACCEPT, ERR_OK, NULL, NULL);
}

Test(policy, space_is_compared_only_when_it_is_known)
{
	struct scene s;

	open_scene(&s);
	s.o.space_bytes = 1000;
	expect(&s, ACCEPT, ERR_OK, NULL, NULL);
	s.d.space = 999;
	expect(&s, REJECT, ERR_SPACE, "999", "1000");
	s.d.space = 1000;
	expect(&s, ACCEPT, ERR_OK, NULL, NULL);
}

/* rule: policy-battery */
Test(policy, the_higher_of_both_battery_limits_counts)
{
	struct scene s;

	open_scene(&s);
	s.o.min_battery_percent = 30;
	s.d.min_battery = 50;
	expect(&s, ACCEPT, ERR_OK, NULL, NULL); /* mains, or nobody knows */
	s.d.battery = 49;
	expect(&s, REJECT, ERR_BATTERY, "50", "49");
	s.d.battery = 50;
	expect(&s, ACCEPT, ERR_OK, NULL, NULL);
	s.o.min_battery_percent = 60;
	expect(&s, REJECT, ERR_BATTERY, "60", "50");
	s.d.battery = 0;
	expect(&s, REJECT, ERR_BATTERY, "60", "0");
}

Test(policy, a_weak_signal_is_refused_and_an_unknown_one_is_not)
{
	struct scene s;

	open_scene(&s);
	s.o.min_signal_dbm = -90;
	expect(&s, ACCEPT, ERR_OK, NULL, NULL);
	s.d.signal_dbm = -91;
	expect(&s, REJECT, ERR_SIGNAL, "-90", "-91");
	s.d.signal_dbm = -90;
	expect(&s, ACCEPT, ERR_OK, NULL, NULL);
}

Test(policy, what_may_pass_is_deferred)
{
	struct scene s;

	open_scene(&s);
	s.d.busy_with = "upgrade 6";
	expect(&s, DEFER, ERR_BUSY, "free", "upgrade 6");
	s.d.version = "2.0.0"; /* in the making: not a reason while it is busy */
	expect(&s, DEFER, ERR_BUSY, "free", "upgrade 6");
	open_scene(&s);
	s.d.state = PB__DEVICE_STATE__DEVICE_STATE_AWAY;
	expect(&s, DEFER, ERR_DEVICE_AWAY, "answer", "none");
	s.d.state = PB__DEVICE_STATE__DEVICE_STATE_UNKNOWN;
	expect(&s, DEFER, ERR_DEVICE_AWAY, "asked", "yet");
}

Test(policy, what_can_never_be_comes_before_what_may_pass)
{
	struct scene s;

	open_scene(&s);
	s.d.state = PB__DEVICE_STATE__DEVICE_STATE_AWAY;
	s.d.mode = POLICY_NEVER;
	expect(&s, REJECT, ERR_POLICY, "never", "2.0.0");
}

Test(policy, outside_its_window_a_plan_is_deferred_until_the_window_opens)
{
	struct scene s;
	struct policy_verdict v;

	open_scene(&s);
	s.d.rule = "night";
	s.d.windows = "mon-fri 22:00-05:00";
	s.d.minute = 3 * 1440 + 21 * 60 + 5;
	s.d.opens_in_ms = 55 * 60000;
	s.d.state = PB__DEVICE_STATE__DEVICE_STATE_AWAY; /* it may be there by then */
	expect(&s, DEFER, ERR_POLICY, "within mon-fri 22:00-05:00 (policy night)", "Wed 21:05");
	policy_judge(&s.d, &s.o, NOW, &v);
	cr_expect_eq(v.until, NOW + 55 * 60000);
	s.d.opens_in_ms = 0;
	s.d.state = PB__DEVICE_STATE__DEVICE_STATE_PRESENT;
	expect(&s, ACCEPT, ERR_OK, NULL, NULL);
	s.d.mode = POLICY_NEVER;
	expect(&s, REJECT, ERR_POLICY, "policy night: never", "2.0.0");
}

/* rule: policy-signal */
Test(policy, the_stronger_of_both_signal_limits_counts)
{
	struct scene s;

	open_scene(&s);
	s.d.min_signal_dbm = -95;
	expect(&s, ACCEPT, ERR_OK, NULL, NULL); /* nobody knows it */
	s.d.signal_dbm = -96;
	expect(&s, REJECT, ERR_SIGNAL, "-95", "-96");
	s.o.min_signal_dbm = -110;
	expect(&s, REJECT, ERR_SIGNAL, "-95", "-96");
	s.o.min_signal_dbm = -90;
	s.d.signal_dbm = -92;
	expect(&s, REJECT, ERR_SIGNAL, "-90", "-92");
	s.d.signal_dbm = -90;
	expect(&s, ACCEPT, ERR_OK, NULL, NULL);
}

Test(policy, asks_a_person_only_when_nothing_else_is_in_the_way)
{
	struct scene s;
	struct policy_verdict v;

	open_scene(&s);
	s.d.mode = POLICY_ASK;
	s.d.rule = "lifts";
	expect(&s, PB__VERDICT__VERDICT_ASKED, ERR_POLICY, "policy lifts: ask", "no answer");
	s.d.min_battery = 50;
	s.d.battery = 40;
	expect(&s, REJECT, ERR_BATTERY, "50", "40");
	s.d.consent = true;
	expect(&s, REJECT, ERR_BATTERY, "50", "40");
	s.d.battery = 60;
	policy_judge(&s.d, &s.o, NOW, &v);
	cr_expect_eq(v.verdict, ACCEPT);
	s.d.mode = POLICY_NEVER;
	expect(&s, REJECT, ERR_POLICY, "never", "2.0.0");
}

/* --- each check on its own -------------------------------------------------------------------- */

struct told {
	unsigned n, refused;
	bool both; /* every sentence has both values */
	char names[300];
};

static void
on_check(void *arg, const char *check, enum err e, const char *text)
{
	struct told *t = arg;

	t->n++;
	t->refused += e != ERR_OK;
	t->both &= strncmp(text, "expected ", 9) == 0 && strstr(text, ", got ");
	snprintf(t->names + strlen(t->names), sizeof(t->names) - strlen(t->names), "%s ", check);
}

Test(policy, explains_every_check_whether_it_holds_or_not)
{
	struct scene s;
	struct told t = {.both = true};

	open_scene(&s);
	policy_explain(&s.d, &s.o, on_check, &t);
	cr_expect_eq(t.refused, 0);
	cr_expect_eq(t.n, 13);
	cr_expect(t.both);
	cr_expect_not_null(strstr(t.names, "battery "), "%s", t.names);
	t = (struct told){.both = true};
	s.d.mode = POLICY_NEVER;
	s.d.battery = 10;
	s.d.min_battery = 20;
	s.d.busy_with = "upgrade 7";
	s.d.state = PB__DEVICE_STATE__DEVICE_STATE_AWAY;
	policy_explain(&s.d, &s.o, on_check, &t);
	cr_expect_eq(t.refused, 4);
	cr_expect(t.both);
	t = (struct told){.both = true};
	s.d.known = false;
	policy_explain(&s.d, &s.o, on_check, &t);
	cr_expect_eq(t.n, 1);
}
