/*
 * System tests of the jail: a share of the escape matrix (tests/escape) against the shipped
 * programs, other attempts each day; `make escape` is the whole. And its judge, on results made by
 * hand.
 */
#include <errno.h>
#include <string.h>
#include <time.h>

#include "../escape/matrix.h"
#include "house_case.h"
#include "walled.h"

enum { SHARE = 8 };

TestSuite(escape, .timeout = 120);

extern void __asan_init(void) __attribute__((weak));

Test(escape, no_process_gets_out_of_the_jail_as_shipped)
{
	AUTO(mem) struct matrix *m = calloc(1, sizeof(*m));
	const uint64_t seed = (uint64_t)time(NULL) / 86400;
	struct matrix_order share = {.modes = 1, .rows = SHARE, .seed = seed};
	char text[4000] = "";

	if (!inject_works() || geteuid() != 0 || __asan_init)
		cr_skip_test("needs x86-64, root and programs without sanitizers");
	share.walled = walled_enter() && walled_works();
	AUTO(house_case) struct house *h = house_case_open(&(struct house_options){.devices = 1});
	AUTO(file) FILE *out = fmemopen(text, sizeof(text), "w");
	cr_assert(m && out);
	cr_assert(matrix_run(m, h, &share), "seed %llu", (unsigned long long)seed);
	unsigned wrong = matrix_judge(m, out);
	fflush(out);
	cr_expect_eq(wrong, 0, "seed %llu: %s", (unsigned long long)seed, text);
}

/* The attempt of this name, by cloudd or its dialer. */
static struct attempt_result
attempt_by(struct victims *v, const char *name, enum attempt_who who)
{
	struct attempt_result r = {INJECT_LOST, 0};
	size_t n = 0;
	const struct attempt *rows = attempt_rows(&n);

	for (size_t i = 0; i < n; i++) {
		struct places places = {0};

		if (strcmp(rows[i].name, name) != 0)
			continue;
		victims_places(v, who, &places);
		r = attempt_run(&rows[i], victims_pid(v, who), &places);
		places_fini(&places);
	}
	if (r.end != INJECT_RETURNED)
		victims_end(v, who);
	return r;
}

Test(escape, cloudd_dies_of_any_network_socket_and_holds_none)
{
	static const char *const names[] = {"TCP to the platform", "UDP", "raw socket",
	    "packet socket", "netlink socket", "bind a TCP port"};
	struct victims v;

	if (!inject_works() || geteuid() != 0 || __asan_init)
		cr_skip_test("needs x86-64, root and programs without sanitizers");
	AUTO(house_case) struct house *h = house_case_open(&(struct house_options){.devices = 1});
	cr_assert_eq(victims_open(&v, h, false), ERR_OK);
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		cr_expect_eq(
		    attempt_by(&v, names[i], ATTEMPT_CLOUDD).end, INJECT_KILLED, "%s", names[i]);
	struct attempt_result r = attempt_by(&v, "own TCP socket to its port", ATTEMPT_CLOUDD);
	cr_expect(
	    r.end == INJECT_RETURNED && r.error == EBADF, "while it is connected: %d", r.error);
	r = attempt_by(&v, "own TCP socket to its port", ATTEMPT_DIALER);
	cr_expect(attempt_succeeded(&r), "it is the dialer's: %d", r.error);
	victims_close(&v);
}

/* One attempt that is meant for nobody but cloudd, as it went in the jail. */
static unsigned
judge_one(struct attempt_result r, size_t victim)
{
	AUTO(mem) struct matrix *m = calloc(1, sizeof(*m));
	char text[400] = "";
	AUTO(file) FILE *out = fmemopen(text, sizeof(text), "w");

	cr_assert(m && out);
	m->modes = 1;
	m->cells[0][victim].tried = true;
	m->cells[0][victim].by_mode[0] = r;
	return matrix_judge(m, out);
}

Test(escape, judge_sees_what_comes_through_and_what_should)
{
	const struct attempt_result allowed = {INJECT_RETURNED, 0}, denied = {INJECT_RETURNED, 13},
				    killed = {INJECT_KILLED, 0}, became = {INJECT_BECAME, 0},
				    lost = {INJECT_LOST, 0};
	size_t n = 0;

	cr_assert_eq(attempt_rows(&n)[0].meant_for, ATTEMPT_CLOUDD);
	cr_expect_eq(judge_one(allowed, 0), 0);
	cr_expect_eq(judge_one(denied, 0), 1);
	cr_expect_eq(judge_one(killed, 0), 1);
	cr_expect_eq(judge_one(allowed, 1), 1);
	cr_expect_eq(judge_one(became, 1), 1);
	cr_expect_eq(judge_one(denied, 1), 0);
	cr_expect_eq(judge_one(killed, 1), 0);
	cr_expect_eq(judge_one(lost, 1), 1, "not tried is not a pass");
}

Test(escape, what_only_a_newer_landlock_denies_is_told_apart_by_its_abi)
{
	size_t n = 0, seen = 0;
	const struct attempt *rows = attempt_rows(&n);
	int since = 0;

	for (size_t i = 0; i < n; i++) {
		unsigned who = attempt_gap(&rows[i], 2, &since);

		seen += who != 0;
		cr_expect_eq(who & rows[i].meant_for, 0, "%s: meant anyway", rows[i].name);
		cr_expect_eq(attempt_gap(&rows[i], 6, &since), 0, "%s", rows[i].name);
	}
	cr_expect_eq(seen, 4, "each row of the gaps names an attempt");
}

/* Whom the firewall denies what: the rows name attempts, and its judge expects a denial then. */
Test(escape, what_the_firewall_denies_is_neither_a_gap_nor_meant)
{
	AUTO(mem) struct matrix *m = calloc(1, sizeof(*m));
	size_t n = 0, seen = 0, wrong = 0;
	const struct attempt *rows = attempt_rows(&n);
	const char *name;

	cr_assert(m);
	m->modes = 1;
	m->abi = 2;
	for (size_t i = 0; i < n; i++) {
		seen += attempt_walled(&rows[i]) != 0;
		for (size_t k = 0; k < VICTIMS; k++) {
			m->cells[i][k].tried = attempt_walled(&rows[i]) & victims_who(k, &name);
			wrong += m->cells[i][k].tried;
		}
	}
	cr_expect_eq(seen, 5, "each row of it names an attempt");
	AUTO(file) FILE *out = fopen("/dev/null", "we");
	cr_expect_eq(matrix_judge(m, out), 0, "without a firewall all of them come through");
	m->walled = true;
	cr_expect_eq(matrix_judge(m, out), wrong, "with it none may");
}
