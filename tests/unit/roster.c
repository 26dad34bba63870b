/*
 * roster: what is known of the configured devices, and when each is asked again.
 */
#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "golden.h"
#include "roster.h"

struct scene {
	struct flash_settings *config;
	struct roster r;
	struct mono now;
	Pb__SessionReport a;
};

static void
configure(struct flash_settings *c, const char *device_key, const char *component)
{
	struct flash_settings_device *d = &c->devices[c->n_devices++];

	snprintf(d->name, sizeof(d->name), "%s-%s", device_key, component);
	snprintf(d->product_key, sizeof(d->product_key), "p1");
	snprintf(d->device_key, sizeof(d->device_key), "%s", device_key);
	snprintf(d->vendor, sizeof(d->vendor), "acme");
	snprintf(d->model, sizeof(d->model), "sensor-9");
	snprintf(d->component, sizeof(d->component), "%s", component);
}

static void
open_scene(struct scene *s)
{
	*s = (struct scene){.config = calloc(1, sizeof(*s->config)), .now = {1000}};
	s->config->ask_every_ms = 600000;
	configure(s->config, "meter-1", "app");
	configure(s->config, "meter-1", "radio");
	configure(s->config, "meter-2", "app");
	cr_assert_eq(roster_init(&s->r, s->config, s->now), ERR_OK);
	pb__session_report__init(&s->a);
	s->a.version = golden_text("1.0.0");
}

static void
close_scene(struct scene *s)
{
	roster_fini(&s->r);
	free(s->config);
}

Test(roster, everybody_is_asked_at_the_start_and_has_to_be_reported)
{
	struct scene s;

	open_scene(&s);
	for (size_t i = 0; i < s.r.n; i++) {
		cr_expect_eq(s.r.devices[i].ask_at.ms, s.now.ms);
		cr_expect(s.r.devices[i].report_due);
		cr_expect_eq(s.r.devices[i].state, PB__DEVICE_STATE__DEVICE_STATE_UNKNOWN);
		cr_expect_str_eq(s.r.devices[i].binding, "acme/sensor-9/");
	}
	close_scene(&s);
}

Test(roster, entry_is_found_by_component_else_by_device_else_not)
{
	struct scene s;

	open_scene(&s);
	cr_expect_eq(roster_find(&s.r, "p1", "meter-1", "radio"), &s.r.devices[1]);
	cr_expect_eq(roster_find(&s.r, "p1", "meter-2", "app"), &s.r.devices[2]);
	cr_expect_not_null(roster_find(&s.r, "p1", "meter-1", "boot"));
	cr_expect_null(roster_find(&s.r, "p2", "meter-1", "app"));
	cr_expect_null(roster_find(&s.r, "p1", "meter-3", "app"));
	close_scene(&s);
}

Test(roster, answer_is_learned_and_the_next_question_is_far)
{
	struct scene s;

	open_scene(&s);
	struct roster_device *d = &s.r.devices[0];
	d->asking = true;
	d->report_due = false;
	d->misses = 4;
	roster_on_answer(&s.r, d, &s.a, s.now);
	cr_expect_not(d->asking);
	cr_expect_eq(d->state, PB__DEVICE_STATE__DEVICE_STATE_PRESENT);
	cr_expect_str_eq(d->version, "1.0.0");
	cr_expect_eq(d->misses, 0u);
	cr_expect_eq(mono_between(s.now, d->ask_at), 600000);
	cr_expect(d->report_due);
	close_scene(&s);
}

Test(roster, answer_that_says_nothing_new_is_not_reported_again)
{
	struct scene s;

	open_scene(&s);
	struct roster_device *d = &s.r.devices[0];
	roster_on_answer(&s.r, d, &s.a, s.now);
	d->report_due = false;
	roster_on_answer(&s.r, d, &s.a, s.now);
	cr_expect_not(d->report_due);
	s.a.version = golden_text("");
	roster_learn(d, &s.a);
	cr_expect_str_eq(d->version, "1.0.0", "a verb that learned no version teaches none");
	s.a.version = golden_text("1.0.1");
	roster_learn(d, &s.a);
	cr_expect(d->report_due);
	close_scene(&s);
}

Test(roster, version_of_an_image_on_trial_is_not_told_while_the_one_before_is_known)
{
	struct scene s;

	open_scene(&s);
	struct roster_device *d = &s.r.devices[0];
	roster_on_answer(&s.r, d, &s.a, s.now);
	d->report_due = false;
	s.a.version = golden_text("1.0.1");
	s.a.active_on_trial = true;
	roster_on_answer(&s.r, d, &s.a, s.now);
	cr_expect(d->on_trial);
	cr_expect_not(d->report_due);
	cr_expect_str_eq(d->version, "1.0.0");
	s.a.active_on_trial = false;
	roster_on_answer(&s.r, d, &s.a, s.now);
	cr_expect_not(d->on_trial);
	cr_expect(d->report_due);
	cr_expect_str_eq(d->version, "1.0.1");
	close_scene(&s);
}

Test(roster, version_of_an_image_on_trial_is_better_than_none)
{
	struct scene s;

	open_scene(&s);
	struct roster_device *d = &s.r.devices[0];
	s.a.active_on_trial = true;
	roster_on_answer(&s.r, d, &s.a, s.now);
	cr_expect(d->on_trial);
	cr_expect_str_eq(d->version, "1.0.0");
	close_scene(&s);
}

Test(roster, version_of_an_image_on_trial_is_not_better_than_none_while_an_upgrade_is_under_way)
{
	struct scene s;

	open_scene(&s);
	struct roster_device *d = &s.r.devices[0];
	d->report_due = false;
	s.a.active_on_trial = true;
	roster_learn(d, &s.a);
	cr_expect(d->on_trial);
	cr_expect_not(d->unkept);
	cr_expect_not(d->report_due);
	cr_expect_str_eq(d->version, "");
	s.a.active_on_trial = false;
	roster_learn(d, &s.a);
	cr_expect(d->report_due);
	cr_expect_str_eq(d->version, "1.0.0");
	close_scene(&s);
}

Test(roster, device_that_does_not_answer_is_asked_less_and_less_often_but_for_ever)
{
	struct scene s;
	int64_t last = 0;

	open_scene(&s);
	struct roster_device *d = &s.r.devices[0];
	for (int i = 0; i < 40; i++) {
		roster_on_failure(&s.r, d, ERR_DEVICE_AWAY, "no answer", s.now);
		int64_t wait = mono_between(s.now, d->ask_at);
		cr_expect_geq(wait, last);
		cr_expect_leq(wait, 600000);
		last = wait;
	}
	cr_expect_eq(last, 600000);
	cr_expect_eq(d->state, PB__DEVICE_STATE__DEVICE_STATE_AWAY);
	cr_expect_str_eq(d->detail, "no answer");
	roster_ask_soon(d, s.now);
	cr_expect_eq(d->ask_at.ms, s.now.ms);
	cr_expect_eq(d->misses, 0u);
	close_scene(&s);
}

Test(roster, bad_word_and_no_word_of_a_session_are_failures)
{
	struct scene s;

	open_scene(&s);
	struct roster_device *d = &s.r.devices[0];
	roster_on_answer(&s.r, d, NULL, s.now);
	cr_expect_eq(d->error, ERR_SESSION);
	cr_expect_eq(d->state, PB__DEVICE_STATE__DEVICE_STATE_AWAY);
	s.a.error = ERR_LINK;
	s.a.detail = golden_text("expected a link, got none");
	roster_on_answer(&s.r, d, &s.a, s.now);
	cr_expect_eq(d->error, ERR_LINK);
	cr_expect_str_eq(d->version, "", "nothing is learned from it");
	close_scene(&s);
}

Test(roster, device_that_is_away_keeps_the_version_it_last_said)
{
	struct scene s;

	open_scene(&s);
	struct roster_device *d = &s.r.devices[0];
	roster_on_answer(&s.r, d, &s.a, s.now);
	roster_on_answer(&s.r, d, NULL, s.now);
	cr_expect_str_eq(d->version, "1.0.0");
	close_scene(&s);
}

Test(roster, empty_configuration_is_an_empty_roster)
{
	struct flash_settings *none = calloc(1, sizeof(*none));
	struct roster r;

	cr_assert_eq(roster_init(&r, none, (struct mono){1}), ERR_OK);
	cr_expect_null(roster_find(&r, "p1", "meter-1", "app"));
	roster_fini(&r);
	free(none);
}

Test(roster, a_component_has_its_place_in_the_order_of_the_configuration)
{
	struct scene s;

	open_scene(&s);
	cr_expect_eq(s.r.devices[0].place, 0);
	cr_expect_eq(s.r.devices[1].place, 1);
	cr_expect_eq(s.r.devices[1].places, 2);
	cr_expect_eq(s.r.devices[2].place, 0);
	cr_expect_eq(s.r.devices[2].places, 1);
	close_scene(&s);
}

Test(roster, a_device_has_at_most_twenty_components)
{
	struct scene s;
	char name[32];

	open_scene(&s);
	for (unsigned i = 0; i < 19; i++) {
		snprintf(name, sizeof(name), "c%u", i);
		configure(s.config, "meter-2", name);
	}
	for (size_t i = 0; i < s.config->n_devices; i++)
		snprintf(s.config->devices[i].port, sizeof(s.config->devices[i].port), "/dev/x");
	cr_expect_eq(flash_settings_check(s.config), ERR_OK);
	configure(s.config, "meter-2", "one-more");
	snprintf(s.config->devices[22].port, sizeof(s.config->devices[22].port), "/dev/x");
	cr_expect_eq(flash_settings_check(s.config), ERR_CONFIG);
	close_scene(&s);
}

Test(roster, finds_each_of_hundreds_whatever_the_order_of_the_configuration)
{
	struct flash_settings *c = calloc(1, sizeof(*c));
	struct roster r;
	char name[32];

	for (unsigned i = 0; i < FLASH_SETTINGS_DEVICES; i++) {
		snprintf(name, sizeof(name), "meter-%u", (i * 77) % FLASH_SETTINGS_DEVICES);
		configure(c, name, "app");
	}
	cr_assert_eq(roster_init(&r, c, (struct mono){1}), ERR_OK);
	for (size_t i = 0; i < r.n; i++) {
		struct roster_device *d = &r.devices[i];

		cr_expect_eq(roster_find(&r, "p1", d->config->device_key, "app"), d);
		cr_expect_eq(d->leader, d);
		cr_expect_eq(d->places, 1);
	}
	cr_expect_null(roster_find(&r, "p1", "meter-256", "app"));
	cr_expect_null(roster_find(&r, "p1", "", "app"));
	roster_fini(&r);
	free(c);
}

static struct device_upgrade
upgrade_of(const char *device_key, const char *component, int state)
{
	struct device_upgrade u = {.state = state};

	snprintf(u.product_key, sizeof(u.product_key), "p1");
	snprintf(u.device_key, sizeof(u.device_key), "%s", device_key);
	snprintf(u.component, sizeof(u.component), "%s", component);
	return u;
}

Test(roster, an_upgrade_under_way_keeps_all_components_of_its_device_busy_and_no_other)
{
	struct scene s;

	open_scene(&s);
	struct device_upgrade waits = upgrade_of("meter-2", "app", DEVICE_QUEUED);
	struct device_upgrade u = upgrade_of("meter-1", "radio", DEVICE_FLASHING);

	u.next = &waits;
	for (int seated = 0; seated < 2; seated++) {
		roster_count(&s.r, &u);
		cr_expect(roster_is_busy(&s.r.devices[0]));
		cr_expect(roster_is_busy(&s.r.devices[1]));
		cr_expect_not(roster_is_busy(&s.r.devices[2]));
		cr_expect(roster_is_of(&u, &s.r.devices[0]));
		cr_expect_not(roster_is_of(&u, &s.r.devices[2]));
		cr_expect_eq(roster_seat(&s.r, &u), &s.r.devices[1]);
	}
	u.state = DEVICE_DONE;
	roster_count(&s.r, &u);
	cr_expect_not(roster_is_busy(&s.r.devices[0]));
	close_scene(&s);
}

Test(roster, an_upgrade_of_a_component_that_is_not_configured_has_no_seat)
{
	struct scene s;

	open_scene(&s);
	struct device_upgrade boot = upgrade_of("meter-1", "boot", DEVICE_FLASHING);
	struct device_upgrade stranger = upgrade_of("meter-9", "app", DEVICE_FLASHING);

	cr_expect_null(roster_seat(&s.r, &boot));
	cr_expect_null(roster_of(&s.r, &stranger));
	roster_count(&s.r, &boot);
	cr_expect(roster_is_busy(&s.r.devices[1])); /* the device is under way all the same */
	close_scene(&s);
}
