/*
 * policy_table: which policy of the configuration holds for a device, and what it adds.
 */
#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>

#include "policy_table.h"

#define DEVICE \
	"[flashd.device %s]\nproduct_key = %s\ndevice_key = %s\nvendor = v\nmodel = m\n" \
	"port = /dev/null\n%s\n"

struct scene {
	struct flash_settings s;
	char conf[4000];
};

/* Three meters, two of them of the group "cellar", and a lock. */
static struct scene *
open_scene(const char *policies)
{
	struct scene *c = calloc(1, sizeof(*c));
	struct conf_section sections[FLASH_SETTINGS_SECTIONS];

	cr_assert(c);
	struct conf_table t = flash_settings_table(sections);
	int n = snprintf(c->conf, sizeof(c->conf), DEVICE DEVICE DEVICE DEVICE "%s", "meter-1",
	    "pm", "m1", "group = cellar", "meter-2", "pm", "m2",
	    "group = cellar\npolicy = never\nmin_battery = 60", "meter-3", "pm", "m3", "", "lock",
	    "pl", "l1", "group = cellar", policies);

	t.sections++; /* without [common] */
	t.n_sections--;
	cr_assert_eq(conf_parse(&t, "conf", c->conf, (size_t)n, &c->s), ERR_OK);
	return c;
}

static const char *
holds(struct scene *c, size_t device)
{
	const struct flash_settings_policy *p = policy_table_find(&c->s, &c->s.devices[device]);

	return p ? p->name : "";
}

static struct policy_device
applied(struct scene *c, size_t device, const struct tm *local)
{
	struct policy_device d = {0};

	policy_table_apply(&c->s, &c->s.devices[device], local, &d);
	return d;
}

#define ALL "[flashd.policy all]\nmode = auto\n"
#define PRODUCT "[flashd.policy meters]\nproduct = pm\n"
#define GROUP "[flashd.policy cellar]\ngroup = cellar\n"
#define ONE "[flashd.policy one]\ndevice = meter-1\n"
#define BOTH "[flashd.policy both]\ngroup = cellar\nproduct = pl\n"

Test(policy_table, the_closest_policy_holds_whatever_the_order)
{
	static const char *const files[] = {
	    ALL PRODUCT GROUP ONE BOTH, BOTH ONE GROUP PRODUCT ALL, GROUP ALL ONE BOTH PRODUCT};

	for (size_t i = 0; i < 3; i++) {
		AUTO(mem) struct scene *c = open_scene(files[i]);

		cr_expect_str_eq(holds(c, 0), "one");
		cr_expect_str_eq(holds(c, 1), "cellar");
		cr_expect_str_eq(holds(c, 2), "meters");
		cr_expect_str_eq(holds(c, 3), "both");
		cr_expect_eq(flash_settings_check(&c->s), ERR_OK);
	}
}

Test(policy_table, the_first_of_two_equals_holds)
{
	AUTO(mem) struct scene *c = open_scene(PRODUCT "[flashd.policy second]\nproduct = pm\n");

	cr_expect_str_eq(holds(c, 2), "meters");
	cr_expect_str_empty(holds(c, 3), "none is for locks");
}

Test(policy_table, a_policy_adds_conditions_and_lifts_none)
{
	AUTO(mem)
	struct scene *c = open_scene("[flashd.policy all]\nmin_battery = 50\n"
				     "min_signal = 95\n");
	struct tm noon = {.tm_hour = 12};
	struct policy_device d = applied(c, 0, &noon);

	cr_expect_str_eq(d.rule, "all");
	cr_expect_eq(d.mode, POLICY_AUTO);
	cr_expect_eq(d.min_battery, 50);
	cr_expect_eq(d.min_signal_dbm, -95);
	cr_expect_null(d.windows);
	d = applied(c, 1, &noon);
	cr_expect_eq(d.mode, POLICY_NEVER, "its own section says so");
	cr_expect_eq(d.min_battery, 60, "its own is higher");
}

Test(policy_table, without_a_policy_the_device_s_own_section_decides)
{
	AUTO(mem) struct scene *c = open_scene("");
	struct tm noon = {.tm_hour = 12};
	struct policy_device d = applied(c, 1, &noon);

	cr_expect_null(d.rule);
	cr_expect_eq(d.mode, POLICY_NEVER);
	cr_expect_eq(d.min_battery, 60);
	cr_expect_eq(d.min_signal_dbm, 0);
}

Test(policy_table, a_window_opens_at_its_minute_exactly)
{
	AUTO(mem) struct scene *c = open_scene("[flashd.policy all]\nwindows = mon 22:00-05:00\n");
	struct tm before = {.tm_wday = 1, .tm_hour = 21, .tm_min = 58, .tm_sec = 30};
	struct tm within = {.tm_wday = 2, .tm_hour = 4, .tm_min = 59, .tm_sec = 59};
	struct policy_device d = applied(c, 0, &before);

	cr_expect_str_eq(d.windows, "mon 22:00-05:00");
	cr_expect_eq(d.opens_in_ms, 90000);
	d = applied(c, 0, &within);
	cr_expect_eq(d.opens_in_ms, 0);
}

Test(policy_table, a_policy_for_nobody_or_with_a_bad_window_is_a_mistake)
{
	static const char *const bad[] = {
	    "[flashd.policy x]\ndevice = meter-9\n", "[flashd.policy x]\nwindows = at night\n"};

	for (size_t i = 0; i < 2; i++) {
		AUTO(mem) struct scene *c = open_scene(bad[i]);

		cr_expect_eq(flash_settings_check(&c->s), ERR_CONFIG, "%s", bad[i]);
	}
}

Test(policy_table, the_stricter_of_both_modes_holds)
{
	static const char device[][24] = {"auto", "ask", "never"};

	for (int own = 0; own < 3; own++)
		for (int rule = 0; rule < 3; rule++) {
			char text[100];
			struct tm noon = {.tm_hour = 12};

			snprintf(
			    text, sizeof(text), "[flashd.policy all]\nmode = %s\n", device[rule]);
			AUTO(mem) struct scene *c = open_scene(text);

			c->s.devices[0].policy = own;
			cr_expect_eq((int)applied(c, 0, &noon).mode, own > rule ? own : rule);
		}
}
