/*
 * flash_back: who is sent back to the image that it keeps, and how often. Through a real flashd:
 * integration flashd_restart.
 */
#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "flash_back.h"
#include "golden.h"

struct scene {
	struct flash_settings *config;
	struct flash f;
	struct roster_device *d;
	struct device_upgrade failed, later;
	uint8_t hash[DEVICE_HASH];
	Pb__SessionReport trial, old;
};

static void
init_upgrade(const struct scene *s, struct device_upgrade *u, uint64_t id)
{
	Pb__Device device = PB__DEVICE__INIT;

	device.product_key = golden_text(s->d->config->product_key);
	device.device_key = golden_text(s->d->config->device_key);
	device_init(u, id, &device, s->d->config->component, "2.0.0", clock_now());
	snprintf(u->image_version, sizeof(u->image_version), "2.0.0");
	memcpy(u->image_hash, s->hash, DEVICE_HASH);
	u->has_image_hash = u->wrote = true;
	snprintf(u->binding, sizeof(u->binding), "%s", s->d->binding);
}

/* Upgrade 7 wrote 2.0.0 and failed. */
static void
open_scene(struct scene *s)
{
	struct flash_settings_device *c = NULL;

	*s = (struct scene){.config = calloc(1, sizeof(*s->config)), .hash = {7}};
	c = &s->config->devices[s->config->n_devices++];
	snprintf(c->product_key, sizeof(c->product_key), "p1");
	snprintf(c->device_key, sizeof(c->device_key), "meter-1");
	snprintf(c->driver, sizeof(c->driver), "smp");
	s->f.settings = s->config;
	s->f.limits.reboot_ms = 60000;
	cr_assert_eq(roster_init(&s->f.roster, s->config, clock_now()), ERR_OK);
	s->d = &s->f.roster.devices[0];
	init_upgrade(s, &s->failed, 7);
	s->failed.state = DEVICE_FAILED;
	s->f.ledger.upgrades = &s->failed;
	pb__session_report__init(&s->trial);
	s->trial.version = golden_text("2.0.0");
	s->trial.active_on_trial = true;
	s->trial.active_hash = (ProtobufCBinaryData){sizeof(s->hash), s->hash};
	pb__session_report__init(&s->old);
	s->old.version = golden_text("1.0.0");
	s->old.active_confirmed = true;
}

static void
close_scene(struct scene *s)
{
	roster_fini(&s->f.roster);
	free(s->config);
}

/* Which order leaves next. */
static int
order(struct scene *s)
{
	struct flash_order k;

	flash_back_order(&s->f, s->d, 1000, &k);
	flash_back_begins(s->d, (int)k.o.verb);
	return (int)k.o.verb;
}

/* It is asked, and answers so; true: it is told to go back, and does. */
static bool
goes_back(struct scene *s, const Pb__SessionReport *answer)
{
	cr_assert_eq(order(s), PB__VERB__VERB_IDENTIFY);
	if (!flash_back_takes(&s->f, s->d, answer))
		return false;
	cr_assert_eq(order(s), PB__VERB__VERB_REVERT);
	cr_assert(flash_back_takes(&s->f, s->d, &s->old), "what it said is not learned");
	return true;
}

Test(flash_back, what_a_failed_upgrade_left_on_trial_is_sent_back_and_then_asked)
{
	struct scene s;

	open_scene(&s);
	cr_expect(goes_back(&s, &s.trial));
	cr_expect_not(goes_back(&s, &s.old));
	close_scene(&s);
}

/* Its old image finds the new one in the other slot, and starts it each time. */
Test(flash_back, a_device_that_puts_it_on_trial_again_by_itself_is_not_sent_back_for_ever)
{
	struct scene s;
	unsigned n = 0;

	open_scene(&s);
	for (unsigned i = 0; i < 20; i++) {
		n += goes_back(&s, &s.trial);
		cr_expect_not(goes_back(&s, &s.old));
	}
	cr_expect_eq(n, 3, "%u times", n);
	init_upgrade(&s, &s.later, 8);
	s.later.state = DEVICE_CANCELLED;
	s.later.next = &s.failed;
	s.f.ledger.upgrades = &s.later;
	cr_expect(goes_back(&s, &s.trial), "what another one has left is another matter");
	close_scene(&s);
}

/* It was exchanged; what the other one runs on trial is none of our doing. */
Test(flash_back, another_unit_is_not_sent_back)
{
	struct scene s;

	open_scene(&s);
	snprintf(s.d->unit, sizeof(s.d->unit), "A");
	s.trial.unit = golden_text("B");
	cr_expect_not(goes_back(&s, &s.trial), "it is only now heard of");
	snprintf(s.d->unit, sizeof(s.d->unit), "B");
	snprintf(s.d->binding, sizeof(s.d->binding), "acme/sensor-9/B");
	cr_expect_not(goes_back(&s, &s.trial));
	snprintf(s.failed.binding, sizeof(s.failed.binding), "%s", s.d->binding);
	cr_expect(goes_back(&s, &s.trial));
	close_scene(&s);
}

Test(flash_back, nothing_is_sent_back_under_an_upgrade_that_is_on_its_way)
{
	struct scene s;

	open_scene(&s);
	init_upgrade(&s, &s.later, 8);
	s.later.wrote = false;
	s.later.state = DEVICE_QUEUED;
	s.later.next = &s.failed;
	s.f.ledger.upgrades = &s.later;
	cr_expect_not(goes_back(&s, &s.trial));
	s.later.state = DEVICE_REFUSED;
	cr_assert_eq(order(&s), PB__VERB__VERB_IDENTIFY);
	cr_expect(flash_back_takes(&s.f, s.d, &s.trial), "nor has it written anything");
	s.later.state = DEVICE_QUEUED;
	cr_expect_eq(order(&s), PB__VERB__VERB_IDENTIFY, "one that came in between");
	close_scene(&s);
}
