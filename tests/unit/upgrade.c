/*
 * The thread from the platform's order to flashd's word.
 */
#include <criterion/criterion.h>
#include <string.h>

#include "upgrade.h"

static struct upgrade
in_state(int state)
{
	return (struct upgrade){.id = 7, .state = state};
}

Test(upgrade, every_state_takes_exactly_the_events_of_its_rows)
{
	/* clang-format off */
	enum { NO = UPGRADE_STATES, W = UPGRADE_WAITING, F = UPGRADE_FETCHED, O = UPGRADE_ORDERED, T = UPGRADE_TAKEN,
	       E = UPGRADE_ENDED };
	static const int wanted[UPGRADE_STATES][UPGRADE_EVENTS] = {
		/*          FETCHED READY FAILED LOST HEARD OVER CANCEL REPEATED DUE */
		/* WAITING */ {F,   O,    E,     NO,  T,    E,   E,     NO,      NO},
		/* FETCHED */ {F,   O,    E,     NO,  T,    E,   E,     F,       NO},
		/* ORDERED */ {NO,  NO,   NO,    F,   T,    E,   O,     O,       O},
		/* TAKEN */   {NO,  NO,   NO,    NO,  T,    E,   T,     T,       T},
		/* ENDED */   {NO,  NO,   NO,    NO,  E,    E,   NO,    E,       NO},
	};
	/* clang-format on */
	struct upgrade_news n = {ERR_DIGEST, "why"};

	for (int s = 0; s < UPGRADE_STATES; s++) {
		for (int e = 0; e < UPGRADE_EVENTS; e++) {
			struct upgrade u = in_state(s);
			int got = upgrade_step(&u, e, &n) == ERR_OK ? u.state : NO;
			cr_expect_eq(got, wanted[s][e], "%s on %s: %d", upgrade_table.states[s],
			    upgrade_table.events[e], got);
			cr_expect_eq(u.changed, got != NO);
			if (got == NO)
				cr_expect(u.state == s && u.effects == 0);
		}
	}
}

Test(upgrade, each_step_has_the_effects_that_others_wait_for)
{
	static const struct {
		int state, event, error;
		unsigned effects;
	} rows[] = {
	    {UPGRADE_WAITING, UPGRADE_IMAGE_FETCHED, 0, UPGRADE_SAY_FETCHED},
	    {UPGRADE_FETCHED, UPGRADE_IMAGE_FETCHED, 0, 0},
	    {UPGRADE_WAITING, UPGRADE_IMAGE_READY, 0,
		UPGRADE_SAY_FETCHED | UPGRADE_SAY_VERIFIED | UPGRADE_ORDER},
	    {UPGRADE_FETCHED, UPGRADE_IMAGE_READY, 0, UPGRADE_SAY_VERIFIED | UPGRADE_ORDER},
	    {UPGRADE_WAITING, UPGRADE_IMAGE_FAILED, 0, UPGRADE_SAY_END | UPGRADE_RELEASE},
	    {UPGRADE_FETCHED, UPGRADE_CANCEL, 0, UPGRADE_SAY_END | UPGRADE_RELEASE},
	    {UPGRADE_ORDERED, UPGRADE_CANCEL, 0, UPGRADE_PASS_ON},
	    {UPGRADE_TAKEN, UPGRADE_CANCEL, 0, UPGRADE_PASS_ON},
	    {UPGRADE_ORDERED, UPGRADE_HEARD, 0, 0},
	    {UPGRADE_ORDERED, UPGRADE_OVER, 0, UPGRADE_RELEASE},
	    {UPGRADE_ENDED, UPGRADE_OVER, 0, 0},
	    {UPGRADE_ORDERED, UPGRADE_DUE, 0, UPGRADE_ORDER},
	    {UPGRADE_TAKEN, UPGRADE_DUE, 0, UPGRADE_ORDER},
	    {UPGRADE_ENDED, UPGRADE_CANCEL, ERR_DIGEST, UPGRADE_PASS_ON},
	    {UPGRADE_ORDERED, UPGRADE_REPEATED, 0,
		UPGRADE_SAY_FETCHED | UPGRADE_SAY_VERIFIED | UPGRADE_ORDER},
	    {UPGRADE_ENDED, UPGRADE_REPEATED, ERR_DIGEST, UPGRADE_SAY_END},
	    {UPGRADE_ENDED, UPGRADE_REPEATED, 0, UPGRADE_ORDER},
	};
	struct upgrade_news n = {ERR_DIGEST, "why"};

	for (size_t k = 0; k < sizeof(rows) / sizeof(rows[0]); k++) {
		struct upgrade u = in_state(rows[k].state);
		u.error = rows[k].error;
		cr_assert_eq(upgrade_step(&u, rows[k].event, &n), ERR_OK);
		cr_expect_eq(u.effects, rows[k].effects, "%s on %s: 0x%x",
		    upgrade_table.states[rows[k].state], upgrade_table.events[rows[k].event],
		    u.effects);
	}
}

Test(upgrade, an_upgrade_that_fails_keeps_the_images_reason)
{
	struct upgrade u = in_state(UPGRADE_WAITING), c = in_state(UPGRADE_WAITING);
	struct upgrade_news n = {ERR_DIGEST, "expected a, got b"};

	cr_assert_eq(upgrade_step(&u, UPGRADE_IMAGE_FAILED, &n), ERR_OK);
	cr_expect_eq(u.error, ERR_DIGEST);
	cr_expect_str_eq(u.detail, "expected a, got b");
	cr_assert_eq(upgrade_step(&c, UPGRADE_CANCEL, NULL), ERR_OK);
	cr_expect_eq(c.error, ERR_CANCELLED);
}

Test(upgrade, what_trust_forbids_is_refused_and_what_fails_has_failed)
{
	cr_expect_eq(upgrade_end_phase(ERR_DIGEST), PB__PHASE__PHASE_REFUSED);
	cr_expect_eq(upgrade_end_phase(ERR_NO_TRUST), PB__PHASE__PHASE_REFUSED);
	cr_expect_eq(upgrade_end_phase(ERR_DEPENDS), PB__PHASE__PHASE_REFUSED);
	cr_expect_eq(upgrade_end_phase(ERR_MD5), PB__PHASE__PHASE_FAILED);
	cr_expect_eq(upgrade_end_phase(ERR_COURIER), PB__PHASE__PHASE_FAILED);
	cr_expect_eq(upgrade_end_phase(ERR_LINK), PB__PHASE__PHASE_FAILED);
	cr_expect_eq(upgrade_end_phase(ERR_CANCELLED), PB__PHASE__PHASE_CANCELLED);
}

Test(upgrade, knows_which_phases_are_the_last)
{
	for (int p = PB__PHASE__PHASE_UNKNOWN; p <= PB__PHASE__PHASE_CANCELLED; p++)
		cr_expect_eq(upgrade_is_end((Pb__Phase)p), p >= PB__PHASE__PHASE_DONE, "%d", p);
}

Test(upgrade, takes_over_what_the_order_says)
{
	struct upgrade u;
	Pb__FetchOrder o = PB__FETCH_ORDER__INIT;
	Pb__Device d = PB__DEVICE__INIT;

	d.product_key = (char *)(uintptr_t) "p1";
	d.device_key = (char *)(uintptr_t) "meter-1";
	o.device = &d;
	o.component = (char *)(uintptr_t) "app";
	o.target_version = (char *)(uintptr_t) "2.4.1";
	upgrade_init(&u, 7, 3, &o);
	cr_expect(u.id == 7 && u.image == 3 && u.state == UPGRADE_WAITING);
	cr_expect_str_eq(u.component, "app");
	cr_expect_str_eq(u.target_version, "2.4.1");
	struct subject s = upgrade_subject(&u);
	cr_expect_eq(s.upgrade, 7);
	cr_expect_str_eq(s.product_key, "p1");
	cr_expect_str_eq(s.device_key, "meter-1");
}
