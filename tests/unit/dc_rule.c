/*
 * dc_rule: what the platform's model allows, and how plans and devices are read.
 */
#include <criterion/criterion.h>
#include <string.h>

#include "dc_rule.h"

enum { HOUR_MS = 3600000 };

Test(dc_rule, a_plan_lives_from_inactivated_to_ended)
{
	static const struct {
		const char *state;
		int64_t now, begun;
		const char *life;
	} rows[] = {
	    {"inactivated", 50, 0, "Inactivated"}, {"activated", 50, 0, "To be upgraded"},
	    {"activated", 50, 1, "Upgrading"}, {"suspended", 50, 1, "Suspended"},
	    {"terminated", 50, 1, "Terminated"}, {"activated", 100, 1, "Ended"},
	    {"suspended", 101, 0, "Ended"}, {"terminated", 101, 0, "Terminated"},
	    {"inactivated", 101, 0, "Inactivated"}};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		enum dc_rule_life life = dc_rule_life_of(
		    rows[i].state, 100, rows[i].now, rows[i].begun);

		cr_expect_str_eq(
		    dc_rule_life_name(life), rows[i].life, "%s, row %zu", rows[i].state, i);
	}
}

Test(dc_rule, the_success_rate_counts_only_who_came_to_an_end)
{
	cr_expect_eq(dc_rule_rate(&(struct dc_rule_counts){{5, 3, 0, 0, 9}}), -1);
	cr_expect_eq(dc_rule_rate(&(struct dc_rule_counts){{5, 3, 2, 1, 9}}), 66);
	cr_expect_eq(dc_rule_rate(&(struct dc_rule_counts){{0, 0, 2, 0, 0}}), 100);
	cr_expect_eq(dc_rule_rate(&(struct dc_rule_counts){{0, 0, 0, 4, 0}}), 0);
}

Test(dc_rule, a_device_stands_where_its_components_stand)
{
	static const struct {
		struct dc_rule_counts k;
		int64_t state;
	} rows[] = {{{{3, 0, 0, 0, 0}}, 0}, {{{2, 1, 0, 0, 0}}, 1}, {{{1, 0, 2, 0, 0}}, 1},
	    {{{0, 0, 3, 0, 0}}, 2}, {{{0, 0, 1, 0, 2}}, 2}, {{{0, 0, 0, 0, 3}}, 4},
	    {{{1, 0, 1, 1, 0}}, 3}, {{{1, 0, 0, 0, 2}}, 0}, {{{0, 0, 0, 0, 0}}, 0}};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		cr_expect_eq(dc_rule_device_state(&rows[i].k, 3), rows[i].state, "row %zu", i);
}

Test(dc_rule, a_push_period_has_a_zone_and_may_span_midnight)
{
	const int64_t noon = 12 * (int64_t)HOUR_MS;

	cr_expect(dc_rule_in_period(0, 0, 0, noon), "from == to is the whole day");
	cr_expect(dc_rule_in_period(600, 780, 0, noon));
	cr_expect_not(dc_rule_in_period(600, 720, 0, noon), "the end is outside");
	cr_expect(dc_rule_in_period(720, 780, 0, noon), "the start is inside");
	cr_expect_not(dc_rule_in_period(600, 780, 120, noon), "14:00 there");
	cr_expect(dc_rule_in_period(840, 900, 120, noon));
	cr_expect(dc_rule_in_period(1380, 60, 0, 0), "23:00 to 1:00, at midnight");
	cr_expect_not(dc_rule_in_period(1380, 60, 0, noon));
	cr_expect(dc_rule_in_period(1380, 1439, -60, 0), "23:00 there, a day before");
}

static struct dc_rule_package
good_package(void)
{
	return (struct dc_rule_package){.files = 1,
	    .base = "fw_1-0.tar.gz",
	    .name = "fw",
	    .component = "app",
	    .target = "1.0.0-a_b",
	    .scheme = "https"};
}

Test(dc_rule, packages_keep_to_the_platform_s_limits)
{
	char why[DC_RULE_WHY], long_name[102], long_version[66], remark[202];
	struct dc_rule_package p = good_package();
	const struct {
		const char **field, *value, *says;
	} rows[] = {
	    {&p.base, "fw", "suffixes"}, {&p.base, ".bin", "suffixes"},
	    {&p.base, "../fw.bin", "file name"}, {&p.base, "f w.bin", "file name"},
	    {&p.base, "fw.exe", "suffixes"}, {&p.component, "", "1 to 32"},
	    {&p.component, "a123456789b123456789c123456789def", "1 to 32"},
	    {&p.component, "a/b", "letters"}, {&p.target, "", "1 to 64"},
	    {&p.target, "1.0 beta", "got \"1.0 beta\""}, {&p.target, long_version, "1 to 64"},
	    {&p.source, "1;2", "source"}, {&p.source, p.target, "another version"},
	    {&p.scheme, "ftp", "https or http"}, {&p.name, "", "1 to 100"},
	    {&p.name, long_name, "1 to 100"}, {&p.remark, remark, "200"}};

	memset(long_name, 'n', 101);
	long_name[101] = '\0';
	memset(long_version, '1', 65);
	long_version[65] = '\0';
	memset(remark, 'r', 201);
	remark[201] = '\0';
	cr_expect_eq(dc_rule_package(&p, why), ERR_OK);
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		const char *was = *rows[i].field;

		*rows[i].field = rows[i].value;
		cr_expect_eq(dc_rule_package(&p, why), ERR_INVALID, "row %zu", i);
		cr_expect(strstr(why, rows[i].says), "row %zu: expected '%s' in: %s", i,
		    rows[i].says, why);
		*rows[i].field = was;
	}
	p.target = long_version + 1;
	p.name = long_name + 1;
	p.remark = remark + 1;
	cr_expect_eq(dc_rule_package(&p, why), ERR_OK, "at the limits: %s", why);
}

Test(dc_rule, plans_keep_to_the_platform_s_limits)
{
	char why[DC_RULE_WHY];
	struct dc_rule_plan p = dc_rule_plan_defaults(1000);
	const struct {
		int64_t *field, low, high; /* the least and the most that is allowed */
	} rows[] = {{&p.reject_min, 10, 1440}, {&p.retries, 0, 5}, {&p.min_signal, -113, 0},
	    {&p.min_battery, 0, 100}, {&p.zone_min, -720, 840}};

	p.name = "plan";
	cr_expect_eq(dc_rule_plan(&p, why), ERR_OK);
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		const int64_t was = *rows[i].field;
		const struct {
			int64_t value;
			enum err want;
		} tries[] = {{rows[i].low, ERR_OK}, {rows[i].high, ERR_OK},
		    {rows[i].low - 1, ERR_INVALID}, {rows[i].high + 1, ERR_INVALID}};

		for (int k = 0; k < 4; k++) {
			*rows[i].field = tries[k].value;
			cr_expect_eq(dc_rule_plan(&p, why), tries[k].want, "row %zu, %lld", i,
			    (long long)tries[k].value);
		}
		*rows[i].field = was;
	}
	p.components = 21;
	cr_expect_eq(dc_rule_plan(&p, why), ERR_INVALID);
	cr_expect(strstr(why, "expected 1 to 20, got 21"), "%s", why);
	p.components = 20;
	p.push_from = 1380;
	p.push_to = 30;
	cr_expect_eq(dc_rule_plan(&p, why), ERR_INVALID, "half an hour");
	cr_expect(strstr(why, "expected whole hours, got minutes 1380 and 30"), "%s", why);
	p.push_to = 60;
	cr_expect_eq(dc_rule_plan(&p, why), ERR_OK, "over midnight");
	p.push_from = 30;
	cr_expect_eq(dc_rule_plan(&p, why), ERR_INVALID);
	p.push_from = 61;
	cr_expect_eq(dc_rule_plan(&p, why), ERR_INVALID);
	p.push_from = 60;
	cr_expect_eq(dc_rule_plan(&p, why), ERR_OK, "the whole day");
	p.ends = p.starts;
	cr_expect_eq(dc_rule_plan(&p, why), ERR_INVALID);
}

Test(dc_rule, names_are_counted_in_characters_not_in_bytes)
{
	char why[DC_RULE_WHY], name[DC_RULE_NAME_BYTES + 8] = "";
	struct dc_rule_plan p = dc_rule_plan_defaults(1000);

	for (int i = 0; i < 100; i++)
		memcpy(name + 3 * (size_t)i, "\xe8\xae\xa1", 4);
	p.name = name;
	cr_expect_eq(dc_rule_plan(&p, why), ERR_OK, "%s", why);
	memcpy(name + 300, "\xe8\xae\xa1", 4);
	cr_expect_eq(dc_rule_plan(&p, why), ERR_INVALID);
}

Test(dc_rule, a_component_begins_in_an_active_plan_or_goes_on_in_a_suspended_one)
{
	static const struct {
		const char *state;
		int64_t now;
		bool begun, may, over;
	} rows[] = {{"activated", 9, false, true, false}, {"activated", 10, false, false, true},
	    {"activated", 10, true, false, true}, {"suspended", 9, false, false, false},
	    {"suspended", 9, true, true, false}, {"suspended", 10, true, false, true},
	    {"terminated", 9, true, false, true}, {"inactivated", 9, true, false, false},
	    {"inactivated", 10, false, false, false}};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		cr_expect_eq(dc_rule_may_begin(rows[i].state, 10, rows[i].now, rows[i].begun),
		    rows[i].may, "row %zu", i);
		cr_expect_eq(
		    dc_rule_is_over(rows[i].state, 10, rows[i].now), rows[i].over, "row %zu", i);
	}
}

Test(dc_rule, at_most_eight_versions_can_be_specified)
{
	char why[DC_RULE_WHY];
	struct dc_rule_plan p = dc_rule_plan_defaults(1000);
	static const struct {
		const char *versions;
		enum err want;
	} rows[] = {{"1", ERR_OK}, {"1;2;3;4;5;6;7;8", ERR_OK},
	    {"1;2;3;4;5;6;7;8;9", ERR_INVALID}, {"", ERR_INVALID}, {"1;", ERR_INVALID},
	    {";1", ERR_INVALID}, {"1;;2", ERR_INVALID}, {"1 2", ERR_INVALID}};

	p.name = "plan";
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		p.versions = rows[i].versions;
		cr_expect_eq(dc_rule_plan(&p, why), rows[i].want, "'%s'", rows[i].versions);
	}
}
