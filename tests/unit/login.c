/*
 * login: every state meets every event, against a table written from the specification (developer
 * center, 10); then waits that grow.
 */
#include <criterion/criterion.h>
#include <string.h>

#include "dialect.h"
#include "login.h"

enum { CELL = 32 };

/* clang-format off */
/* What a device does that has a secret; "-" = refused. Waits are in seconds behind the @. */
static const char cells[LOGIN_EVENTS][LOGIN_STATES][CELL] = {
	/*                      OUT                REGISTERING         ENTERING                     IN                  PAUSED               LEAVING */
	[LOGIN_ON_WANTED]     = {"ENTERING 00c2 @10", "-",              "-",                         "-",                "-", "-"},
	[LOGIN_ON_REGISTERED] = {"-",              "ENTERING 00c2 @10", "-",                         "-",                "ENTERING 00c2 @10", "-"},
	[LOGIN_ON_ENTERED]    = {"-",              "-",                 "IN announce",               "-",                "IN announce", "-"},
	[LOGIN_ON_REFUSED]    = {"-",              "PAUSED @600",       "PAUSED @600",               "PAUSED @600",      "-", "PAUSED @600"},
	[LOGIN_ON_BAD_SECRET] = {"-",              "PAUSED @600",       "REGISTERING 00c0 @10 shelved", "PAUSED @1 shelved", "-", "PAUSED @600"},
	[LOGIN_ON_EXPELLED]   = {"-",              "PAUSED @1",         "PAUSED @1",                 "PAUSED @1",        "-", "PAUSED @1"},
	[LOGIN_ON_UNWANTED]   = {"OUT",            "OUT",               "OUT",                       "OUT 00c4",         "OUT", "OUT"},
	[LOGIN_ON_LINK_DOWN]  = {"OUT",            "OUT",               "OUT",                       "OUT",              "OUT", "OUT"},
	[LOGIN_ON_DUE]        = {"-",              "PAUSED @1",         "PAUSED @1",                 "-",                "ENTERING 00c2 @10", "PAUSED @1"},
	[LOGIN_ON_FORGET]     = {"LEAVING 00c6 @10", "-",              "-",                         "LEAVING 00c4 00c6 @10", "LEAVING 00c6 @10", "-"},
	[LOGIN_ON_FORGOTTEN]  = {"-",              "-",                 "-",                         "-",                "OUT", "OUT"},
};
/* clang-format on */

static const struct mono start = {5000};

static struct login
in_state(int state)
{
	struct login l;

	login_init(&l);
	l.state = state;
	l.has_secret = true;
	l.since = start;
	return l;
}

static const char *
step(struct login *l, int event, struct mono now)
{
	static char text[100];
	static const char *const effects[] = {" 00c0", " 00c2", " 00c4", " announce", " 00c6"};
	struct login_news n = {now, profile_find("p1")};

	l->effects = 0;
	if (login_step(l, event, &n, NULL) != ERR_OK)
		return "-";
	int at = snprintf(text, sizeof(text), "%s", login_table.states[l->state]);
	for (size_t i = 0; i < 5; i++)
		if (l->effects & 1u << i)
			at += snprintf(text + at, sizeof(text) - (size_t)at, "%s", effects[i]);
	if (l->due.ms != MONO_NEVER.ms)
		at += snprintf(text + at, sizeof(text) - (size_t)at, " @%lld",
		    (long long)mono_between(now, l->due) / 1000);
	if (l->shelved)
		snprintf(text + at, sizeof(text) - (size_t)at, " shelved");
	return text;
}

Test(login, meets_every_event_in_every_state)
{
	for (int e = 0; e < LOGIN_EVENTS; e++)
		for (int s = 0; s < LOGIN_STATES; s++) {
			struct login l = in_state(s);
			const char *got = step(&l, e, start);

			cr_expect_str_eq(got, cells[e][s], "%s in %s: expected \"%s\", got \"%s\"",
			    login_table.events[e], login_table.states[s], cells[e][s], got);
		}
}

Test(login, registers_without_a_secret)
{
	struct login out = in_state(LOGIN_OUT), paused = in_state(LOGIN_PAUSED);

	out.has_secret = paused.has_secret = false;
	cr_expect_str_eq(step(&out, LOGIN_ON_WANTED, start), "REGISTERING 00c0 @10");
	cr_expect_str_eq(step(&paused, LOGIN_ON_DUE, start), "REGISTERING 00c0 @10");
}

Test(login, forgets_a_secret_that_the_platform_does_not_know)
{
	struct login l = in_state(LOGIN_ENTERING);

	step(&l, LOGIN_ON_BAD_SECRET, start);
	cr_expect(!l.has_secret);
}

Test(login, comes_in_again_at_once_when_it_was_in_for_long_and_later_when_not)
{
	struct login l = in_state(LOGIN_IN);

	cr_expect_str_eq(step(&l, LOGIN_ON_EXPELLED, (struct mono){start.ms + 59999}), "PAUSED @1");
	l = in_state(LOGIN_IN);
	cr_expect_str_eq(
	    step(&l, LOGIN_ON_EXPELLED, (struct mono){start.ms + 60000}), "ENTERING 00c2 @10");
}

Test(login, waits_twice_as_long_each_time_and_at_most_as_long_as_after_a_refusal)
{
	static const int64_t seconds[] = {1, 2, 4, 8, 16, 32, 64, 128, 256, 512, 600, 600};
	struct login l = in_state(LOGIN_ENTERING);

	for (size_t i = 0; i < sizeof(seconds) / sizeof(seconds[0]); i++) {
		step(&l, LOGIN_ON_DUE, start);
		cr_expect_eq(mono_between(start, l.due), seconds[i] * 1000);
		step(&l, LOGIN_ON_DUE, start);
		cr_expect_eq(l.state, LOGIN_ENTERING);
	}
	for (int i = 0; i < 100; i++)
		step(&l, LOGIN_ON_DUE, start);
	cr_expect_leq(mono_between(start, l.due), 600000);
	step(&l, LOGIN_ON_LINK_DOWN, start);
	cr_expect_eq(l.tries, 0);
}

Test(login, knows_what_the_platforms_codes_mean)
{
	static const struct {
		int64_t code;
		int event;
	} rows[] = {{10200, LOGIN_ON_ENTERED}, {10441, LOGIN_ON_ENTERED},
	    {10442, LOGIN_ON_EXPELLED}, {10430, LOGIN_ON_BAD_SECRET}, {10437, LOGIN_ON_BAD_SECRET},
	    {10440, LOGIN_ON_REFUSED}, {10438, LOGIN_ON_REFUSED}, {0, LOGIN_ON_REFUSED},
	    {-1, LOGIN_ON_REFUSED}, {INT64_MAX, LOGIN_ON_REFUSED}};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		cr_expect_eq(
		    login_event_of(rows[i].code), rows[i].event, "%lld", (long long)rows[i].code);
}

Test(login, goes_back_to_a_refused_secret_when_the_platform_registers_nobody_twice)
{
	static const int ends[] = {
	    LOGIN_ON_REFUSED, LOGIN_ON_BAD_SECRET, LOGIN_ON_EXPELLED, LOGIN_ON_DUE};

	for (size_t i = 0; i < sizeof(ends) / sizeof(ends[0]); i++) {
		struct login l = in_state(LOGIN_ENTERING);

		cr_expect_str_eq(
		    step(&l, LOGIN_ON_BAD_SECRET, start), "REGISTERING 00c0 @10 shelved");
		cr_expect(!l.has_secret);
		step(&l, ends[i], start);
		cr_expect_eq(l.state, LOGIN_PAUSED);
		cr_expect_str_eq(step(&l, LOGIN_ON_DUE, start), "ENTERING 00c2 @10");
	}
	struct login l = in_state(LOGIN_ENTERING);

	step(&l, LOGIN_ON_BAD_SECRET, start);
	step(&l, LOGIN_ON_LINK_DOWN, start);
	cr_expect_str_eq(step(&l, LOGIN_ON_WANTED, start), "ENTERING 00c2 @10");
}
