/*
 * ctl_tap_filter: which lines of the tap are wanted, and how many were missed.
 */
#include <criterion/criterion.h>
#include <string.h>

#include "auto.h"
#include "ctl/tap_filter.h"

AUTO_DEFINE(json, cJSON *, cJSON_Delete)

static const struct opt_spec specs[] = {TAP_FILTER_OPTIONS, {NULL, NULL, false, false, NULL}};
static const struct opt_command command = {.usage = "x", .about = "", .specs = specs};

#define ORDER \
	"{\"n\":1,\"daemon\":\"fetchd\",\"from\":\"cloudd\",\"to\":\"fetchd\",\"kind\":" \
	"\"FetchOrder\"," \
	"\"message\":{\"upgrade\":7,\"fetch_order\":{\"device\":{\"product_key\":\"p\"," \
	"\"device_key\":\"d\"}}}}"

/* Does a filter of these options want ORDER? */
static bool
wants(const char *a, const char *b, const char *c, const char *d)
{
	char *argv[] = {(char *)"tap", (char *)a, (char *)b, (char *)c, (char *)d, NULL};
	AUTO(json) cJSON *line = cJSON_Parse(ORDER);
	struct tap_filter f;
	struct opt_set o;

	cr_assert_eq(opt_parse(&command, c ? 5 : a ? 3 : 1, argv, &o), ERR_OK);
	cr_assert_eq(tap_filter_init(&f, &o), ERR_OK);
	return tap_filter_wants(&f, line);
}

Test(ctl_tap_filter, each_option_takes_what_fits_and_leaves_the_rest)
{
	cr_expect(wants(NULL, NULL, NULL, NULL));
	cr_expect(wants("--kind", "FetchOrder", NULL, NULL));
	cr_expect(wants("--kind", "Ping", "--kind", "FetchOrder"));
	cr_expect_not(wants("--kind", "Ping", NULL, NULL));
	cr_expect(wants("--device", "p/d", NULL, NULL));
	cr_expect(wants("--device", "d", NULL, NULL));
	cr_expect_not(wants("--device", "q/d", NULL, NULL));
	cr_expect_not(wants("--device", "p", NULL, NULL));
	cr_expect(wants("--upgrade", "7", NULL, NULL));
	cr_expect_not(wants("--upgrade", "70", NULL, NULL));
	cr_expect(wants("--link", "cloudd-fetchd", NULL, NULL));
	cr_expect(wants("--link", "fetchd-cloudd", NULL, NULL));
	cr_expect_not(wants("--link", "fetchd-flashd", NULL, NULL));
	cr_expect_not(wants("--link", "cloudd-fetchd", "--upgrade", "8"));
}

Test(ctl_tap_filter, nonsense_is_complained_of)
{
	static const char *const bad[][2] = {{"--device", "/d"}, {"--device", "p/"},
	    {"--link", "cloudd"}, {"--link", "cloudd-nobody"}, {"--upgrade", "x"}};

	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		char *argv[] = {(char *)"tap", (char *)bad[i][0], (char *)bad[i][1], NULL};
		struct tap_filter f;
		struct opt_set o;

		cr_assert_eq(opt_parse(&command, 3, argv, &o), ERR_OK);
		cr_expect_eq(tap_filter_init(&f, &o), ERR_INVALID, "%s %s", bad[i][0], bad[i][1]);
	}
}

static void
hear(struct tap_filter *f, const char *daemon, unsigned n)
{
	char text[100];

	snprintf(text, sizeof(text), "{\"n\":%u,\"daemon\":\"%s\"}", n, daemon);
	AUTO(json) cJSON *line = cJSON_Parse(text);

	tap_filter_wants(f, line);
}

Test(ctl_tap_filter, gaps_in_a_daemon_s_numbers_are_counted_and_a_restart_is_none)
{
	char *argv[] = {(char *)"tap", NULL};
	struct tap_filter f;
	struct opt_set o;

	cr_assert_eq(opt_parse(&command, 1, argv, &o), ERR_OK);
	cr_assert_eq(tap_filter_init(&f, &o), ERR_OK);
	hear(&f, "fetchd", 10); /* the first: whatever came before was not for us */
	hear(&f, "fetchd", 11);
	hear(&f, "flashd", 5);
	hear(&f, "fetchd", 15);
	cr_expect_eq(f.missed, 3);
	hear(&f, "flashd", 1);
	hear(&f, "flashd", 2);
	hear(&f, "nobody", 99);
	cr_expect_eq(f.missed, 3);
}
