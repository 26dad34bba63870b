/*
 * flashd and its policies: a real process between a gate that the test plays and a device on a
 * pseudo-terminal.
 */
#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "bus_client.h"
#include "flashhouse_expect.h"
#include "golden.h"
#include "tool.h"

static void
open_house(struct flashhouse *h, const char *policies)
{
	flashhouse_open(h);
	snprintf(h->extra, sizeof(h->extra), "%s", policies);
	flashhouse_publish(h);
	flashhouse_start(h);
}

static void
close_house(struct flashhouse *h)
{
	cr_expect_eq(flashhouse_stop(h), 0);
	flashhouse_close(h);
}

/* Windows of the day after tomorrow: closed now, whatever the zone. */
static void
closed_window(char out[60])
{
	static const char days[7][4] = {"sun", "mon", "tue", "wed", "thu", "fri", "sat"};
	time_t now = time(NULL);
	struct tm local;

	localtime_r(&now, &local);
	snprintf(out, 60, "%s 00:00-24:00", days[(local.tm_wday + 3) % 7]);
}

Test(flashd_policy, plan_outside_the_window_is_put_off_to_its_beginning)
{
	struct flashhouse h;
	char window[60], policies[200];

	closed_window(window);
	snprintf(policies, sizeof(policies), "[flashd.policy night]\nproduct = p1\nwindows = %s",
	    window);
	open_house(&h, policies);
	flashhouse_offer(&h, 7);
	flashhouse_expect_verdict(&h, 7, PB__VERDICT__VERDICT_DEFER, ERR_POLICY);
	const Pb__PlanVerdict *v = flashhouse_verdict(&h, 7);

	cr_expect(strstr(v->detail, "policy night") && strstr(v->detail, window), "%s", v->detail);
	uint64_t wait = v->until - clock_wall_ms();

	cr_expect(
	    wait > 46ull * 3600000 && wait < 74ull * 3600000, "%llu ms", (unsigned long long)wait);
	close_house(&h);
}

Test(flashd_policy, the_closer_policy_lets_the_device_through)
{
	struct flashhouse h;

	open_house(&h, "[flashd.policy all]\nmode = never\n"
		       "[flashd.policy pilot]\nproduct = p1\nwindows = 00:00-24:00");
	flashhouse_begin(&h, 7);
	flashhouse_expect_end(&h, 7, PB__PHASE__PHASE_DONE, ERR_OK);
	close_house(&h);
}

Test(flashd_policy, never_is_a_refusal_with_its_reason)
{
	struct flashhouse h;

	open_house(&h, "[flashd.policy frozen]\nmode = never");
	flashhouse_offer(&h, 7);
	flashhouse_expect_verdict(&h, 7, PB__VERDICT__VERDICT_REJECT, ERR_POLICY);
	cr_expect(strstr(flashhouse_verdict(&h, 7)->detail, "policy frozen: never"));
	close_house(&h);
}

/* --- a person is asked ------------------------------------------------------------------------ */

#define ASK "[flashd.policy ask]\nproduct = p1\nmode = ask"

/* An order on the act socket; what flashd says to it. */
static unsigned
order(struct flashhouse *h, const char *what, const char *argument, const char *word)
{
	struct bus_answer answer = {0};
	char path[400];

	snprintf(path, sizeof(path), "%s/run/flashd-act/sock", h->dir);
	cr_assert_eq(bus_client_act(path, what, argument, 5000, &answer), ERR_OK);
	AUTO(mem) char *json = answer.json;

	cr_expect(strstr(json, word), "%s %s: %s", what, argument, json);
	return answer.error;
}

/* Offered, and a person was asked. */
static void
open_asked(struct flashhouse *h)
{
	open_house(h, ASK);
	cr_assert_not_null(flashhouse_device(h, PB__DEVICE_STATE__DEVICE_STATE_PRESENT, NULL));
	flashhouse_offer(h, 7);
	flashhouse_expect_verdict(h, 7, PB__VERDICT__VERDICT_ASKED, ERR_POLICY);
	const Pb__PlanVerdict *v = flashhouse_verdict(h, 7);

	cr_expect(strstr(v->detail, "subotactl confirm 7"), "%s", v->detail);
	cr_expect(v->until > clock_wall_ms() + 23ull * 3600000);
	flashhouse_forget(h);
}

Test(flashd_policy, plan_goes_on_when_a_person_says_yes)
{
	struct flashhouse h;

	open_asked(&h);
	flashhouse_order(&h, 7); /* nobody has said yes: nothing is believed */
	cr_expect_eq(order(&h, "confirm", "8", "'8'"), ERR_NOT_FOUND);
	cr_expect_eq(order(&h, "approve", "7", "approve"), ERR_NOT_FOUND);
	cr_expect_eq(order(&h, "confirm", "7", ""), ERR_OK);
	flashhouse_expect_verdict(&h, 7, PB__VERDICT__VERDICT_ACCEPT, ERR_OK);
	cr_expect_eq(order(&h, "confirm", "7", "waits for a person"), ERR_PHASE);
	flashhouse_order(&h, 7);
	flashhouse_expect_end(&h, 7, PB__PHASE__PHASE_DONE, ERR_OK);
	cr_expect_eq(order(&h, "cancel", "7", "under way"), ERR_PHASE);
	close_house(&h);
}

Test(flashd_policy, plan_is_refused_when_a_person_says_no)
{
	struct flashhouse h;

	open_asked(&h);
	cr_expect_eq(order(&h, "reject", "7", ""), ERR_OK);
	flashhouse_expect_end(&h, 7, PB__PHASE__PHASE_REFUSED, ERR_POLICY);
	cr_expect(strstr(flashhouse_end(&h, 7)->detail, "got a no"));
	close_house(&h);
}

Test(flashd_policy, subotactl_says_what_came_of_an_order)
{
	struct flashhouse h;

	open_asked(&h);
	struct tool_result r = CTL(h.dir, "confirm", "--config", "subota.conf", "9");

	cr_expect_eq(r.status, 1, "%s", r.out);
	cr_expect(strstr(r.out, "expected the number of an upgrade, got '9'"), "%s", r.out);
	r = CTL(h.dir, "confirm", "--config", "subota.conf", "7");
	cr_expect_eq(r.status, 0, "%s", r.out);
	cr_expect(strstr(r.out, "upgrade 7 goes on"), "%s", r.out);
	flashhouse_expect_verdict(&h, 7, PB__VERDICT__VERDICT_ACCEPT, ERR_OK);
	r = CTL(h.dir, "cancel", "--config", "subota.conf", "7");
	cr_expect(strstr(r.out, "upgrade 7 is cancelled"), "%s", r.out);
	r = CTL(h.dir, "check", "--config", "subota.conf", "p1/meter-1");
	cr_expect_eq(r.status, 69, "cloudd is not there: %s", r.out);
	close_house(&h);
}

Test(flashd_policy, question_survives_a_killed_flashd_and_is_asked_again_of_the_gate)
{
	struct flashhouse h;

	open_asked(&h);
	flashhouse_kill(&h);
	flashhouse_start(&h);
	flashhouse_expect_verdict(&h, 7, PB__VERDICT__VERDICT_ASKED, ERR_POLICY);
	cr_assert_not_null(flashhouse_device(&h, PB__DEVICE_STATE__DEVICE_STATE_PRESENT, NULL));
	flashhouse_forget(&h);
	cr_expect_eq(order(&h, "confirm", "7", ""), ERR_OK);
	flashhouse_expect_verdict(&h, 7, PB__VERDICT__VERDICT_ACCEPT, ERR_OK);
	close_house(&h);
}

Test(flashd_policy, question_that_nobody_answers_ends_as_a_refusal)
{
	struct flashhouse h;

	flashhouse_open(&h);
	snprintf(h.extra, sizeof(h.extra), "ask_wait = 2 s\n" ASK);
	flashhouse_publish(&h);
	flashhouse_start(&h);
	cr_assert_not_null(flashhouse_device(&h, PB__DEVICE_STATE__DEVICE_STATE_PRESENT, NULL));
	flashhouse_offer(&h, 7);
	flashhouse_expect_end(&h, 7, PB__PHASE__PHASE_REFUSED, ERR_POLICY);
	close_house(&h);
}

Test(flashd_policy, a_person_cancels_what_waits_for_its_image)
{
	struct flashhouse h;

	open_asked(&h);
	cr_expect_eq(order(&h, "confirm", "7", ""), ERR_OK);
	cr_expect_eq(order(&h, "cancel", "7", ""), ERR_OK);
	flashhouse_expect_end(&h, 7, PB__PHASE__PHASE_CANCELLED, ERR_CANCELLED);
	cr_expect(strstr(flashhouse_end(&h, 7)->detail, "by a person"));
	close_house(&h);
}

Test(flashd_policy, who_may_only_look_cannot_act_and_the_other_way_round)
{
	struct flashhouse h;
	struct bus_answer answer = {0};
	char look[400], act[400];

	open_asked(&h);
	snprintf(look, sizeof(look), "%s/run/flashd-ctl/sock", h.dir);
	snprintf(act, sizeof(act), "%s/run/flashd-act/sock", h.dir);
	cr_expect_neq(bus_client_act(look, "confirm", "7", 1000, &answer), ERR_OK);
	cr_expect_neq(bus_client_ask(act, "status", "", 1000, &answer), ERR_OK);
	cr_expect_eq(order(&h, "reject", "7", ""), ERR_OK); /* it still waits */
	close_house(&h);
}

/* --- delta plans ------------------------------------------------------------------------------ */

static void
offer_from(struct flashhouse *h, uint64_t id, const char *source)
{
	Pb__Envelope e = PB__ENVELOPE__INIT;
	Pb__PlanOffer o = PB__PLAN_OFFER__INIT;
	Pb__Device d = PB__DEVICE__INIT;

	d.product_key = golden_text("p1");
	d.device_key = golden_text("meter-1");
	o.device = &d;
	o.component = golden_text("app");
	o.source_version = golden_text(source);
	o.target_version = golden_text(h->spec.version);
	e.upgrade = id;
	e.body_case = PB__ENVELOPE__BODY_PLAN_OFFER;
	e.plan_offer = &o;
	flashhouse_send(h, &e);
}

/* rule: plan-delta */
Test(flashd_policy, the_source_version_counts_when_the_turn_comes_not_only_when_it_was_asked)
{
	struct flashhouse h;

	open_house(&h, "ask_every = 1 s");
	cr_assert_not_null(flashhouse_device(&h, PB__DEVICE_STATE__DEVICE_STATE_PRESENT, NULL));
	offer_from(&h, 6, "0.9.0");
	flashhouse_expect_verdict(&h, 6, PB__VERDICT__VERDICT_REJECT, ERR_SOURCE_VERSION);
	offer_from(&h, 7, "1.0.0");
	flashhouse_expect_verdict(&h, 7, PB__VERDICT__VERDICT_ACCEPT, ERR_OK);
	snprintf(smp_tty_take(h.device)->slot[0].version, 8, "1.0.5");
	smp_tty_give(h.device);
	cr_assert_not_null(
	    flashhouse_device(&h, PB__DEVICE_STATE__DEVICE_STATE_PRESENT, "1.0.5"));
	flashhouse_order(&h, 7);
	flashhouse_expect_end(&h, 7, PB__PHASE__PHASE_REFUSED, ERR_SOURCE_VERSION);
	cr_expect_eq(smp_tty_take(h.device)->uploads, 0);
	smp_tty_give(h.device);
	close_house(&h);
}

Test(flashd_policy, newer_plan_takes_the_place_of_one_that_stands_in_the_queue)
{
	struct flashhouse h;

	open_house(&h, "");
	cr_assert_not_null(flashhouse_device(&h, PB__DEVICE_STATE__DEVICE_STATE_PRESENT, NULL));
	cr_expect_eq(order(&h, "pause", "all", ""), ERR_OK);
	flashhouse_begin(&h, 7);
	cr_assert_not_null(flashhouse_report(&h, 7, PB__PHASE__PHASE_VERIFIED));
	flashhouse_begin(&h, 8);
	flashhouse_expect_end(&h, 7, PB__PHASE__PHASE_CANCELLED, ERR_CANCELLED);
	cr_expect_eq(order(&h, "resume", "all", ""), ERR_OK);
	flashhouse_expect_end(&h, 8, PB__PHASE__PHASE_DONE, ERR_OK);
	close_house(&h);
}
