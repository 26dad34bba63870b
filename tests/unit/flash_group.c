/*
 * flash_group: who of a group is missing. Through a real flashd: integration flashd_group.
 */
#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "flash_group.h"
#include "golden.h"
#include "kit.h"

struct scene {
	struct flash_settings *config;
	struct flash f;
	char *dir, text[DEVICE_HOLD];
	struct device_upgrade *u; /* of device 0, to 2.0.0; it waits for its turn */
};

/* Two devices of a group, both there; the second runs `version`. */
static void
open_scene(struct scene *s, const char *version)
{
	Pb__Device device = PB__DEVICE__INIT;
	struct mono now = {5000000};
	struct device_upgrade fresh;
	char path[600];
	bool is_new = false;

	*s = (struct scene){.config = calloc(1, sizeof(*s->config)), .dir = kit_scratch()};
	for (unsigned i = 0; i < 2; i++) {
		struct flash_settings_device *c = &s->config->devices[s->config->n_devices++];

		snprintf(c->name, sizeof(c->name), "meter%u", i);
		snprintf(c->product_key, sizeof(c->product_key), "p1");
		snprintf(c->device_key, sizeof(c->device_key), "meter-%u", i);
		snprintf(c->component, sizeof(c->component), "app");
		snprintf(c->port, sizeof(c->port), "/dev/meter%u", i);
		snprintf(c->together, sizeof(c->together), "pair");
	}
	s->f.settings = s->config;
	cr_assert_eq(roster_init(&s->f.roster, s->config, now), ERR_OK);
	snprintf(path, sizeof(path), "%s/flashd.db", s->dir);
	cr_assert_eq(ledger_open(path, now, &s->f.ledger, &is_new), ERR_OK);
	for (unsigned i = 0; i < 2; i++)
		s->f.roster.devices[i].state = PB__DEVICE_STATE__DEVICE_STATE_PRESENT;
	snprintf(s->f.roster.devices[1].version, DEVICE_TEXT, "%s", version);
	device.product_key = golden_text("p1");
	device.device_key = golden_text("meter-0");
	device_init(&fresh, 7, &device, "app", "2.0.0", now);
	fresh.state = DEVICE_QUEUED;
	cr_assert_eq(ledger_add(&s->f.ledger, &fresh, &s->u), ERR_OK);
}

static void
close_scene(struct scene *s)
{
	ledger_close(&s->f.ledger);
	roster_fini(&s->f.roster);
	free(s->config);
	kit_scratch_remove(s->dir);
}

static bool
is_held(struct scene *s)
{
	return flash_group_holds(&s->f, &s->f.roster.devices[0], s->u, s->text);
}

Test(flash_group, one_of_a_group_waits_for_another_that_has_no_upgrade)
{
	struct scene s;

	open_scene(&s, "1.0.0");
	cr_expect(is_held(&s));
	cr_expect(strstr(s.text, "got for meter1: none"), "%s", s.text);
	close_scene(&s);
}

/* As it was delivered, in the place of one that broke: its own plan is refused, as done already. */
Test(flash_group, a_device_that_runs_already_what_its_group_gets_is_not_missing)
{
	struct scene s;

	open_scene(&s, "2.0.0");
	cr_expect_not(is_held(&s), "%s", s.text);
	s.f.roster.devices[1].on_trial = true;
	cr_expect(is_held(&s), "what it runs on trial may go");
	s.f.roster.devices[1].on_trial = false;
	s.f.roster.devices[1].regressed = true;
	cr_expect(is_held(&s), "it has confirmed another one, and may not say the truth");
	close_scene(&s);
}

/* It failed, and what it wrote was confirmed late all the same: the group was dissolved, say, and
 * is one again. */
Test(flash_group, a_device_that_keeps_what_failed_on_it_is_not_missing)
{
	Pb__Device device = PB__DEVICE__INIT;
	struct counters_row row = {.counter = 2, .sequence = 2, .digest = {2}, .version = "2.0.0"};
	struct device_upgrade fresh, *u = NULL;
	struct scene s;

	open_scene(&s, "2.0.0");
	device.product_key = golden_text("p1");
	device.device_key = golden_text("meter-1");
	device_init(&fresh, 6, &device, "app", "2.0.0", (struct mono){5000000});
	fresh.state = DEVICE_FAILED;
	fresh.wrote = fresh.has_digest = true;
	fresh.digest[0] = 2;
	cr_assert_eq(ledger_add(&s.f.ledger, &fresh, &u), ERR_OK);
	cr_expect(is_held(&s), "nothing was confirmed");
	const struct counters_key key = roster_key(&s.f.roster.devices[1]);

	cr_assert_eq(counters_raise(s.f.ledger.record, &key, &row), ERR_OK);
	cr_expect_not(is_held(&s), "%s", s.text);
	s.f.roster.devices[1].regressed = true;
	cr_expect(is_held(&s), "it runs another one now");
	close_scene(&s);
}
