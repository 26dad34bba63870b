/*
 * opt: command lines against a table.
 */
#include <criterion/criterion.h>
#include <fcntl.h>
#include <unistd.h>

#include "ctl/opt.h"

static const struct opt_spec specs[] = {
    {"out", "FILE", true, false, "where"},
    {"model", "NAME", false, true, "which"},
    {"lab", NULL, false, false, "careless"},
    {NULL, NULL, false, false, NULL},
};
static const struct opt_command command = {
    .usage = "x [OPTION]... FILE", .about = "y", .specs = specs, .min_args = 1, .max_args = 2};

/* Complaints are wanted here, not shown. */
static enum err
parse(struct opt_set *o, int argc, const char *const *argv)
{
	int keep = dup(2), null = open("/dev/null", O_WRONLY);

	dup2(null, 2);
	enum err e = opt_parse(&command, argc, (char **)(uintptr_t)argv, o);

	dup2(keep, 2);
	close(keep);
	close(null);
	return e;
}

#define PARSE(o, ...) \
	parse(o, (int)(sizeof((const char *[]){"x", __VA_ARGS__}) / sizeof(char *)), \
	    (const char *[]){"x", __VA_ARGS__})

Test(opt, takes_options_and_arguments_in_any_order)
{
	struct opt_set o;

	cr_assert_eq(
	    PARSE(&o, "a", "--model", "m1", "--out=f", "--lab", "--model=m2", "b"), ERR_OK);
	cr_assert_str_eq(opt_text(&o, "out", ""), "f");
	cr_assert_eq(opt_count(&o, "model"), 2u);
	cr_assert_str_eq(opt_nth(&o, "model", 1), "m2");
	cr_assert_null(opt_nth(&o, "model", 2));
	cr_assert_eq(opt_count(&o, "lab"), 1u);
	cr_assert_eq(o.n_args, 2u);
	cr_assert_str_eq(o.args[1], "b");
}

Test(opt, refuses_what_the_table_does_not_allow)
{
	struct opt_set o;

	cr_assert_eq(PARSE(&o, "a", "--out"), ERR_INVALID, "no value");
	cr_assert_eq(PARSE(&o, "a", "--out=f", "--out=g"), ERR_INVALID, "twice");
	cr_assert_eq(PARSE(&o, "a", "--out=f", "--lab=1"), ERR_INVALID, "flag with a value");
	cr_assert_eq(PARSE(&o, "a", "--out=f", "--mode", "m"), ERR_INVALID, "part of a name");
	cr_assert_eq(PARSE(&o, "a", "--lab"), ERR_INVALID, "required one missing");
	cr_assert_eq(PARSE(&o, "--out=f"), ERR_INVALID, "argument missing");
	cr_assert_eq(PARSE(&o, "--out=f", "a", "b", "c"), ERR_INVALID, "argument too many");
	cr_assert_eq(PARSE(&o, "--out=f", "a", "--"), ERR_INVALID, "empty name");
}

Test(opt, reads_numbers_up_to_their_limit_only)
{
	uint64_t n = 7;

	cr_assert(opt_read_number("0", 0, &n));
	cr_assert_eq(n, 0u);
	cr_assert(opt_read_number("18446744073709551615", UINT64_MAX, &n));
	cr_assert_eq(n, UINT64_MAX);
	cr_assert_not(opt_read_number("18446744073709551616", UINT64_MAX, &n));
	cr_assert(opt_read_number("255", 255, &n));
	cr_assert_not(opt_read_number("256", 255, &n));
	cr_assert_not(opt_read_number("1", 0, &n));
	cr_assert_not(opt_read_number("5", 4, &n));
	cr_assert_not(opt_read_number("", 9, &n));
	cr_assert_not(opt_read_number("-1", 9, &n));
	cr_assert_not(opt_read_number("0x1", 99, &n));
	cr_assert_not(opt_read_number(" 1", 99, &n));
}

Test(opt, reads_dates_instants_and_spans)
{
	uint64_t t = 0;

	cr_assert(opt_read_time("2024-01-01", 0, &t));
	cr_assert_eq(t, UINT64_C(1704067200000));
	cr_assert(opt_read_time("2024-01-01T00:00:01Z", 0, &t));
	cr_assert_eq(t, UINT64_C(1704067201000));
	cr_assert(opt_read_time("+90d", 1000, &t));
	cr_assert_eq(t, UINT64_C(90) * 24 * 3600 * 1000 + 1000);
	cr_assert_not(opt_read_time("2024-13-01", 0, &t));
	cr_assert_not(opt_read_time("2024-01-01x", 0, &t));
	cr_assert_not(opt_read_time("1960-01-01", 0, &t));
	cr_assert_not(opt_read_time("+d", 0, &t));
	cr_assert_not(opt_read_time("+9999999d", 0, &t));
	cr_assert_not(opt_read_time("tomorrow", 0, &t));
}
