/*
 * profiles: the examples in deploy/profiles are configurations that flashd takes, with options that
 * their drivers take.
 */
#include <criterion/criterion.h>
#include <glob.h>
#include <stdlib.h>
#include <string.h>

#include "auto.h"
#include "driver.h"
#include "flash_settings.h"
#include "why.h"

static void
put_options(const struct driver *d, const char **values, const struct flash_settings_option *o,
    size_t n, const char *file)
{
	for (size_t i = 0; i < n; i++) {
		size_t k = 0;

		while (d->options[k].key && strcmp(d->options[k].key, o[i].key) != 0)
			k++;
		cr_assert(d->options[k].key, "%s: %s", file, o[i].key);
		values[k] = o[i].value;
	}
}

static void
expect_device(
    const struct flash_settings *s, const struct flash_settings_device *c, const char *file)
{
	const struct driver *d = driver_find(c->driver);
	const struct flash_settings_profile *p = flash_settings_profile(s, c);
	const char *values[40];
	char why[WHY_SIZE] = "";

	cr_assert(d && p, "%s: %s", file, c->name);
	AUTO(mem) void *state = calloc(1, d->state_size);
	for (size_t k = 0; d->options[k].key; k++)
		values[k] = d->options[k].fallback;
	put_options(d, values, p->options, p->n_options, file);
	put_options(d, values, c->options, c->n_options, file);
	cr_expect_eq(d->init(state, values, why, sizeof(why)), ERR_OK, "%s: %s", file, why);
}

Test(profiles, each_example_is_taken_by_flashd_and_by_its_driver)
{
	struct conf_section sections[FLASH_SETTINGS_SECTIONS];
	const struct conf_table table = flash_settings_table(sections);
	/* [common] asks for users that this machine may not have */
	const struct conf_table mine = {table.sections + 1, table.n_sections - 1};
	glob_t files;

	cr_assert_eq(glob("deploy/profiles/*.conf", 0, NULL, &files), 0);
	for (size_t i = 0; i < files.gl_pathc; i++) {
		AUTO(mem) struct flash_settings *s = calloc(1, sizeof(*s));
		const char *file = files.gl_pathv[i];

		cr_assert_eq(conf_load(&mine, file, s), ERR_OK, "%s", file);
		cr_expect_eq(flash_settings_check(s), ERR_OK, "%s", file);
		cr_expect_gt(s->n_devices, 0);
		for (size_t k = 0; k < s->n_devices; k++)
			expect_device(s, &s->devices[k], file);
	}
	globfree(&files);
}

Test(profiles, a_device_that_names_none_that_is_there_is_refused)
{
	static const char text[] =
	    "[flashd.device a]\nproduct_key = p\ndevice_key = d\nvendor = v\n"
	    "model = m\nport = /dev/null\nprofile = nowhere\n";
	struct conf_section sections[FLASH_SETTINGS_SECTIONS];
	const struct conf_table table = flash_settings_table(sections);
	/* [common] asks for users that this machine may not have */
	const struct conf_table mine = {table.sections + 1, table.n_sections - 1};
	AUTO(mem) struct flash_settings *s = calloc(1, sizeof(*s));

	cr_assert_eq(conf_parse(&mine, "test", text, strlen(text), s), ERR_OK);
	cr_expect_eq(flash_settings_check(s), ERR_CONFIG);
	s->devices[0].profile[0] = 0;
	cr_expect_eq(flash_settings_check(s), ERR_OK);
}
