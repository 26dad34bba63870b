/*
 * bench: medians, goals and the file that others read.
 */
#include "../bench/bench.h"
#include "../bench/bench_readme.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "json.h"
#include "kit.h"

static struct bench b;

static void
samples(struct bench_figure *f, const double *v, unsigned n)
{
	for (unsigned i = 0; i < n; i++)
		bench_sample(f, v[i]);
}

Test(bench, the_value_is_the_median_and_the_spread_the_range)
{
	struct bench_figure *f = bench_add(&b, "x", "s", BENCH_LOWER);

	cr_expect_eq(bench_median(f), 0);
	samples(f, (const double[]){5, 1, 9}, 3);
	cr_expect_eq(bench_median(f), 5);
	cr_expect_eq(bench_spread(f), 8);
	bench_sample(f, 7);
	cr_expect_eq(bench_median(f), 6);
	for (int i = 0; i < 100; i++)
		bench_sample(f, 1000);
	cr_expect_eq(f->n, BENCH_SAMPLES);
}

Test(bench, a_goal_is_reached_from_the_better_side)
{
	struct bench_figure *low = bench_goal(&b, "low", "ratio", BENCH_LOWER, 1);
	struct bench_figure *high = bench_goal(&b, "high", "ratio", BENCH_HIGHER, 1);

	bench_sample(low, 1);
	bench_sample(high, 1);
	cr_expect(bench_reached(low) && bench_reached(high));
	samples(low, (const double[]){1.2, 1.1}, 2);
	samples(high, (const double[]){1.2, 1.1}, 2);
	cr_expect_not(bench_reached(low));
	cr_expect(bench_reached(high));
	cr_expect(bench_reached(bench_add(&b, "free", "s", BENCH_LOWER)));
}

Test(bench, writes_what_was_measured_as_json)
{
	AUTO(scratch) char *dir = kit_scratch();
	char path[300];

	bench_sample(bench_goal(&b, "a", "bytes", BENCH_LOWER, 65536), 12);
	bench_add(&b, "never_taken", "s", BENCH_LOWER);
	bench_sample(bench_add(&b, "c", "MiB", BENCH_HIGHER), 1.5);
	snprintf(path, sizeof(path), "%s/bench.json", dir);
	cr_assert(bench_write(&b, path));
	AUTO(json) cJSON *doc = json_file(path);
	cr_assert_eq(cJSON_GetArraySize(doc), 2);
	const cJSON *a = cJSON_GetArrayItem(doc, 0), *c = cJSON_GetArrayItem(doc, 1);
	cr_expect_str_eq(json_text(a, "name"), "a");
	cr_expect_str_eq(json_text(a, "unit"), "bytes");
	cr_expect_str_eq(json_text(a, "better"), "lower");
	cr_expect_eq(json_number(a, "value"), 12);
	cr_expect_eq(json_number(a, "goal"), 65536);
	cr_expect_eq(json_number(a, "samples"), 1);
	cr_expect_str_eq(json_text(c, "better"), "higher");
	cr_expect(cJSON_IsNull(cJSON_GetObjectItem(c, "goal")));
	cr_expect_not(bench_write(&b, "/nowhere/bench.json"));
}

static char *
rows_of(const char *json)
{
	AUTO(json) cJSON *doc = cJSON_Parse(json);
	char *text = NULL;
	size_t len = 0;
	FILE *out = open_memstream(&text, &len);

	cr_assert(doc && out);
	bench_readme_rows(out, doc);
	fclose(out);
	return text;
}

Test(bench, the_readmes_rows_say_what_was_measured_and_what_was_missed_and_of_whom)
{
	AUTO(mem)
	char *text = rows_of(
	    "[{\"name\": \"download_100mb_to_curl\", \"value\": 1.234, \"better\": \"lower\","
	    " \"goal\": 1, \"samples\": 11, \"spread\": 0.8},"
	    " {\"name\": \"download_100mb_to_swupdate\", \"value\": 0.14, \"better\": \"lower\","
	    " \"goal\": 0.7, \"samples\": 11, \"spread\": 0.05},"
	    " {\"name\": \"sigkill_at_half_fetched_again\", \"value\": 0, \"better\": \"lower\","
	    " \"goal\": 65536, \"samples\": 1, \"spread\": 0},"
	    " {\"name\": \"sigkill_at_half_fetched_again_swupdate\", \"value\": 50000000,"
	    " \"better\": \"lower\", \"goal\": null, \"samples\": 1, \"spread\": 0}]");

	cr_expect_not_null(strstr(text, "| ≤ 1.0 | 1.23, missed | 11, 0.80 |\n"), "%s", text);
	cr_expect_not_null(strstr(text, "| ≤ 0.70 | 0.14 | 11, 0.05 |\n"));
	cr_expect_not_null(strstr(text, "| 0 (swupdate: 50000000) | 1 |\n"));
	cr_expect_not_null(
	    strstr(text, "| plan to first byte over http, ms | ≤ 2 | not measured |"));
}

Test(bench, a_figure_beside_another_is_on_its_line)
{
	struct bench one = {0};

	bench_sample(bench_add(&one, "ours", "s", BENCH_LOWER), 1);
	bench_sample(bench_want(bench_beside(&one, "theirs", "peer", "s"), BENCH_LOWER, 1), 2);
	cr_expect_eq(one.n, 2);
	cr_expect_str_eq(one.figure[1].beside, "peer");
	cr_expect_not(bench_reached(&one.figure[1]));
}
