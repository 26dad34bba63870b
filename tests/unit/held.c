/*
 * What is kept for a neighbour that is away.
 */
#include <criterion/criterion.h>
#include <string.h>

#include "held.h"

/* A neighbour that notes what it gets and refuses from the `full`th message on. */
struct neighbour {
	unsigned n, full;
	int kinds[16];
	uint64_t upgrades[16], reports[16];
	char version[32]; /* of the last DeviceReport */
};

static enum err
send(void *arg, Pb__Envelope *e)
{
	struct neighbour *to = arg;

	if (to->n >= to->full)
		return ERR_AGAIN;
	to->kinds[to->n] = (int)e->body_case;
	to->upgrades[to->n] = e->upgrade;
	if (e->body_case == PB__ENVELOPE__BODY_REPORT)
		to->reports[to->n] = e->report->id;
	if (e->body_case == PB__ENVELOPE__BODY_DEVICE_REPORT)
		snprintf(to->version, sizeof(to->version), "%s", e->device_report->version);
	to->n++;
	return ERR_OK;
}

static struct neighbour
flush(struct held *h, unsigned full)
{
	struct neighbour to = {.full = full};

	held_flush(h, send, &to);
	return to;
}

static enum err
put_cancel(struct held *h, uint64_t upgrade)
{
	Pb__Envelope e = PB__ENVELOPE__INIT;
	Pb__Cancel c = PB__CANCEL__INIT;

	e.upgrade = upgrade;
	e.body_case = PB__ENVELOPE__BODY_CANCEL;
	e.cancel = &c;
	return held_put(h, &e);
}

static enum err
put_offer(struct held *h, uint64_t upgrade)
{
	Pb__Envelope e = PB__ENVELOPE__INIT;
	Pb__PlanOffer o = PB__PLAN_OFFER__INIT;

	e.upgrade = upgrade;
	e.body_case = PB__ENVELOPE__BODY_PLAN_OFFER;
	e.plan_offer = &o;
	return held_put(h, &e);
}

static enum err
put_report(struct held *h, uint64_t upgrade, uint64_t id)
{
	Pb__Envelope e = PB__ENVELOPE__INIT;
	Pb__Report r = PB__REPORT__INIT;

	r.id = id;
	e.upgrade = upgrade;
	e.body_case = PB__ENVELOPE__BODY_REPORT;
	e.report = &r;
	return held_put(h, &e);
}

static enum err
put_device(struct held *h, const char *device, const char *component, const char *version)
{
	Pb__Envelope e = PB__ENVELOPE__INIT;
	Pb__DeviceReport r = PB__DEVICE_REPORT__INIT;
	Pb__Device d = PB__DEVICE__INIT;

	d.product_key = (char *)(uintptr_t) "p1";
	d.device_key = (char *)(uintptr_t)device;
	r.device = &d;
	r.component = (char *)(uintptr_t)component;
	r.version = (char *)(uintptr_t)version;
	e.body_case = PB__ENVELOPE__BODY_DEVICE_REPORT;
	e.device_report = &r;
	return held_put(h, &e);
}

Test(held, gives_back_in_the_order_it_got_and_once)
{
	struct held h = {0};

	for (uint64_t i = 1; i <= 3; i++)
		cr_assert_eq(put_cancel(&h, i), ERR_OK);
	struct neighbour to = flush(&h, 16);
	cr_assert_eq(to.n, 3);
	for (uint64_t i = 1; i <= 3; i++)
		cr_expect_eq(to.upgrades[i - 1], i);
	cr_expect_eq(h.n, 0);
	to = flush(&h, 16);
	cr_expect_eq(to.n, 0);
	held_fini(&h);
}

Test(held, the_newest_of_a_kind_and_subject_takes_the_olds_place)
{
	struct held h = {0};

	cr_assert_eq(put_cancel(&h, 1), ERR_OK);
	cr_assert_eq(put_cancel(&h, 2), ERR_OK);
	cr_assert_eq(put_cancel(&h, 1), ERR_OK);
	cr_expect_eq(h.n, 2);
	struct neighbour to = flush(&h, 16);
	cr_assert_eq(to.n, 2);
	cr_expect(to.upgrades[0] == 1 && to.upgrades[1] == 2);
	held_fini(&h);
}

Test(held, different_reports_of_one_upgrade_are_all_kept)
{
	struct held h = {0};

	cr_assert_eq(put_report(&h, 1, 10), ERR_OK);
	cr_assert_eq(put_report(&h, 1, 11), ERR_OK);
	cr_assert_eq(put_report(&h, 1, 10), ERR_OK);
	struct neighbour to = flush(&h, 16);
	cr_assert_eq(to.n, 2);
	cr_expect(to.reports[0] == 10 && to.reports[1] == 11);
	held_fini(&h);
}

Test(held, what_is_not_taken_stays_for_the_next_time)
{
	struct held h = {0};

	for (uint64_t i = 1; i <= 3; i++)
		cr_assert_eq(put_cancel(&h, i), ERR_OK);
	struct neighbour to = flush(&h, 1);
	cr_expect_eq(to.n, 1);
	cr_expect_eq(h.n, 2);
	to = flush(&h, 16);
	cr_assert_eq(to.n, 2);
	cr_expect_eq(to.upgrades[0], 2);
	held_fini(&h);
}

Test(held, a_device_is_told_of_again_to_whoever_comes_with_its_newest_state)
{
	struct held h = {0};

	cr_assert_eq(put_device(&h, "meter-1", "app", "1.0"), ERR_OK);
	cr_assert_eq(put_device(&h, "meter-2", "app", "3.0"), ERR_OK);
	cr_assert_eq(put_device(&h, "meter-1", "radio", "7.0"), ERR_OK);
	cr_assert_eq(put_device(&h, "meter-1", "radio", "7.1"), ERR_OK);
	for (int i = 0; i < 2; i++) {
		struct neighbour to = flush(&h, 16);
		cr_expect_eq(to.n, 3);
		cr_expect_str_eq(to.version, "7.1");
		held_again(&h);
	}
	cr_expect_eq(h.n, 3);
	held_fini(&h);
}

/* Found by the simulator (seed 5300580): an upgrade had ended with a version that the device has no
 * more, and the platform heard it last. */
Test(held, news_of_a_device_come_after_the_older_report_of_its_upgrade)
{
	struct held h = {0};

	cr_assert_eq(put_device(&h, "meter-1", "app", "1.0"), ERR_OK);
	cr_assert_eq(put_report(&h, 5, 1), ERR_OK);
	cr_assert_eq(put_device(&h, "meter-1", "app", "1.1"), ERR_OK);
	struct neighbour to = flush(&h, 16);
	cr_assert_eq(to.n, 2);
	cr_expect(to.upgrades[0] == 5 && to.upgrades[1] == 0);
	cr_expect_str_eq(to.version, "1.1");
	cr_expect_eq(h.n, 1);
	held_fini(&h);
}

Test(held, the_same_neighbour_is_told_only_what_is_new)
{
	struct held h = {0};

	cr_assert_eq(put_device(&h, "meter-1", "app", "1.0"), ERR_OK);
	cr_assert_eq(put_device(&h, "meter-2", "app", "3.0"), ERR_OK);
	cr_expect_eq(h.due, 2);
	struct neighbour to = flush(&h, 1);
	cr_expect_eq(h.due, 1);
	to = flush(&h, 16);
	cr_expect_eq(to.n, 1, "the first was told already");
	cr_expect_eq(h.due, 0);
	cr_assert_eq(put_device(&h, "meter-1", "app", "1.1"), ERR_OK);
	cr_assert_eq(put_device(&h, "meter-1", "app", "1.2"), ERR_OK);
	cr_expect_eq(h.due, 1);
	to = flush(&h, 16);
	cr_expect_eq(to.n, 1);
	cr_expect_str_eq(to.version, "1.2");
	held_fini(&h);
}

Test(held, what_is_kept_does_not_stand_in_the_way_of_what_waits_behind_it)
{
	struct held h = {0};

	cr_assert_eq(put_device(&h, "meter-1", "app", "1.0"), ERR_OK);
	cr_assert_eq(put_cancel(&h, 1), ERR_OK);
	struct neighbour to = flush(&h, 1); /* takes one message at a time */
	to = flush(&h, 1);
	cr_expect_eq(to.kinds[0], PB__ENVELOPE__BODY_CANCEL);
	cr_expect_eq(h.due, 0);
	held_fini(&h);
}

Test(held, is_bounded_and_then_refuses_new_subjects_only)
{
	struct held h = {0};

	for (uint64_t i = 1; i <= HELD_MAX; i++)
		cr_assert_eq(put_cancel(&h, i), ERR_OK);
	cr_expect_eq(put_cancel(&h, HELD_MAX + 1), ERR_LIMIT);
	cr_expect_eq(put_cancel(&h, 5), ERR_OK);
	cr_expect_eq(h.n, HELD_MAX);
	held_fini(&h);
	cr_expect_eq(h.n, 0);
}

Test(held, a_plan_is_offered_again_to_whoever_comes_until_it_is_answered)
{
	struct held h = {0};

	cr_assert_eq(put_offer(&h, 7), ERR_OK);
	cr_assert_eq(put_offer(&h, 8), ERR_OK);
	cr_assert_eq(put_cancel(&h, 7), ERR_OK);
	cr_expect_eq(flush(&h, 16).n, 3);
	cr_expect_eq(flush(&h, 16).n, 0, "once to each");
	held_drop(&h, PB__ENVELOPE__BODY_PLAN_OFFER, 7);
	held_again(&h);
	struct neighbour to = flush(&h, 16);
	cr_expect_eq(to.n, 1);
	cr_expect_eq(to.upgrades[0], 8);
	held_again(&h);
	held_drop(&h, PB__ENVELOPE__BODY_PLAN_OFFER, 8);
	held_drop(&h, PB__ENVELOPE__BODY_PLAN_OFFER, 9);
	cr_expect_eq(h.n, 0);
	cr_expect_eq(h.due, 0);
	held_fini(&h);
}

Test(held, nobody_is_told_of_devices_that_were_dropped)
{
	struct held h = {0};

	cr_assert_eq(put_device(&h, "meter-1", "app", "1.0"), ERR_OK);
	cr_assert_eq(put_cancel(&h, 7), ERR_OK);
	cr_assert_eq(put_device(&h, "meter-2", "app", "3.0"), ERR_OK);
	held_drop(&h, PB__ENVELOPE__BODY_DEVICE_REPORT, 0);
	cr_expect_eq(h.n, 1);
	cr_expect_eq(h.due, 1);
	struct neighbour to = flush(&h, 16);
	cr_expect_eq(to.n, 1);
	cr_expect_eq(to.kinds[0], PB__ENVELOPE__BODY_CANCEL);
	held_fini(&h);
}
