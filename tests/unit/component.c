/*
 * component: the list of a device's components, and what is said of their versions.
 */
#include <criterion/criterion.h>
#include <string.h>
#include <subota.pb-c.h>

#include "component.h"

static struct components list;

static void
forget(void)
{
	component_free_all(&list);
}

/* Two components, the second heard of first. */
static void
two(void)
{
	struct component *k = NULL;
	bool changed = false;

	cr_assert_eq(component_need(&list, "radio", 1, 2, &changed, &k), ERR_OK);
	cr_assert_eq(component_need(&list, "app", 0, 2, &changed, &k), ERR_OK);
	cr_assert(changed);
	cr_assert(component_learn(&list, "app", "1.0.0"));
	cr_assert(component_learn(&list, "radio", "7.0"));
}

TestSuite(component, .fini = forget);

static const char *
said(const char *name, const char *version, const char *hidden)
{
	static char text[700];
	struct component_versions v;

	component_say(&list, name, version, hidden, &v);
	snprintf(text, sizeof(text), "%s|%s", v.module, v.mcu);
	return text;
}

Test(component, the_version_of_the_first_place_is_the_devices)
{
	two();
	cr_expect_str_eq(component_main_name(&list), "app");
	cr_expect_str_eq(component_main_version(&list), "1.0.0");
	cr_expect_str_eq(said(NULL, NULL, NULL), "1.0.0|radio:7.0");
}

Test(component, a_report_about_one_changes_what_is_said_of_it_alone)
{
	two();
	cr_expect_str_eq(said("radio", "7.1", NULL), "1.0.0|radio:7.1");
	cr_expect_str_eq(said("app", "1.1.0", NULL), "1.1.0|radio:7.0");
	cr_expect_str_eq(said("other", "9", NULL), "1.0.0|radio:7.0");
}

Test(component, one_that_is_in_the_making_is_said_as_it_was_said_before)
{
	two();
	cr_expect_str_eq(said(NULL, NULL, "radio"), "1.0.0|", "nothing was said before");
	component_note_said(&list, NULL, NULL, NULL);
	cr_expect(component_is_said(&list, NULL));
	component_learn(&list, "radio", "7.1");
	cr_expect_str_eq(said(NULL, NULL, "radio"), "1.0.0|radio:7.0");
	cr_expect(component_is_said(&list, "radio"));
	cr_expect(!component_is_said(&list, NULL));
	component_forget_said(&list);
	cr_expect(!component_is_said(&list, "radio"));
}

Test(component, a_lone_one_may_be_called_as_the_plan_likes)
{
	struct component *k = NULL;
	bool changed = false;

	cr_expect_str_eq(said("app", "2", NULL), "2|", "nothing is known of the device");
	cr_assert_eq(component_need(&list, "app", 0, 0, &changed, &k), ERR_OK);
	cr_expect_str_eq(said("firmware", "2", NULL), "2|");
	component_note_said(&list, "firmware", "2", NULL);
	cr_expect_str_eq(k->announced, "2");
}

Test(component, a_component_that_counts_as_mcu_is_named_once)
{
	struct component_versions v;

	two();
	component_say(&list, "radio", "7.1", NULL, &v);
	component_add_mcu(&v, "radio", "7.1");
	cr_expect_str_eq(v.mcu, "radio:7.1");
	component_add_mcu(&v, "rad", "3");
	component_add_mcu(&v, "app", "1");
	component_add_mcu(&v, "none", "");
	cr_expect_str_eq(v.mcu, "radio:7.1;rad:3;app:1");
}

Test(component, what_took_its_place_or_is_beyond_the_end_is_forgotten)
{
	struct component *k = NULL;
	bool changed = false;

	two();
	cr_assert_eq(component_need(&list, "app", 0, 2, &changed, &k), ERR_OK);
	cr_expect(!changed);
	cr_assert_eq(component_need(&list, "modem", 1, 2, &changed, &k), ERR_OK);
	cr_expect(changed);
	cr_expect_null(component_find(&list, "radio"));
	cr_assert_eq(component_need(&list, "app", 1, 2, &changed, &k), ERR_OK);
	cr_expect_eq(list.n, 1, "it moved, and modem stood there");
	cr_expect_str_eq(k->version, "1.0.0", "its version moves with it");
	cr_expect_null(component_main(&list));
	cr_assert_eq(component_need(&list, "app", 0, 1, &changed, &k), ERR_OK);
	cr_expect_eq(list.n, 1);
}

Test(component, there_are_at_most_twenty)
{
	struct component *k = NULL;
	bool changed = false;
	char name[100];

	for (unsigned i = 0; i < COMPONENT_MAX; i++) {
		snprintf(name, sizeof(name), "c%u", i);
		cr_assert_eq(component_need(&list, name, i, 100, &changed, &k), ERR_OK);
	}
	cr_expect_eq(component_need(&list, "c20", 20, 100, &changed, &k), ERR_LIMIT);
	cr_expect_eq(list.n, COMPONENT_MAX);
	memset(name, 'x', sizeof(name) - 1);
	name[sizeof(name) - 1] = '\0';
	cr_assert_eq(component_need(&list, name, 3, 100, &changed, &k), ERR_OK);
	cr_expect_eq(strlen(k->name), DIALECT_COMPONENT_MAX, "cut");
}

Test(component, a_list_that_is_too_long_for_a_message_is_cut_between_two)
{
	struct component *k = NULL;
	bool changed = false;
	char name[40], version[DIALECT_VERSION_MAX + 1];
	struct component_versions v;

	memset(version, '7', sizeof(version) - 1);
	version[sizeof(version) - 1] = '\0';
	for (unsigned i = 1; i < COMPONENT_MAX; i++) {
		snprintf(name, sizeof(name), "component%u", i);
		cr_assert_eq(component_need(&list, name, i, 100, &changed, &k), ERR_OK);
		component_learn(&list, name, version);
	}
	component_say(&list, NULL, NULL, NULL, &v);
	cr_expect_leq(strlen(v.mcu), DIALECT_VERSION_LIST_MAX);
	cr_expect_gt(strlen(v.mcu), DIALECT_VERSION_LIST_MAX - 80);
	cr_expect_eq(v.mcu[strlen(v.mcu) - 1], '7');
}

Test(component, a_device_is_there_as_soon_as_one_of_them_is)
{
	two();
	cr_expect_eq(component_state(&list), PB__DEVICE_STATE__DEVICE_STATE_UNKNOWN);
	component_find(&list, "radio")->state = PB__DEVICE_STATE__DEVICE_STATE_AWAY;
	cr_expect_eq(component_state(&list), PB__DEVICE_STATE__DEVICE_STATE_AWAY);
	component_find(&list, "app")->state = PB__DEVICE_STATE__DEVICE_STATE_PRESENT;
	cr_expect_eq(component_state(&list), PB__DEVICE_STATE__DEVICE_STATE_PRESENT);
}
