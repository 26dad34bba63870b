/*
 * session_backoff, and which logins a session takes at all: what needs no conversation.
 */
#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "mqtt.h"
#include "session.h"

Test(session, opens_only_with_a_legal_login)
{
	struct session *s = NULL;
	struct session_login login = {.client_id = "c", .password = "p", .topic = "a/#/b"};

	cr_assert_eq(session_new(&s), ERR_OK);
	cr_expect_eq(session_open(s, (struct mono){0}, &login), ERR_INVALID);
	login.topic = "a";
	login.keepalive_s = 65536;
	cr_expect_eq(session_open(s, (struct mono){0}, &login), ERR_INVALID);
	login.keepalive_s = 65535;
	cr_expect_eq(session_open(s, (struct mono){0}, &login), ERR_OK);
	session_free(s);
}

/* rule: timer-gaps */
Test(session_backoff, has_the_platforms_classes)
{
	static const struct {
		enum session_stage stage;
		int code;
		int64_t base;
	} rows[] = {
	    {SESSION_AUTH, 10423, 30000},
	    {SESSION_AUTH, 10424, 30000},
	    {SESSION_AUTH, 10425, 30000},
	    {SESSION_AUTH, 10427, 30000},
	    {SESSION_AUTH, 10422, 600000},
	    {SESSION_AUTH, 10426, 600000},
	    {SESSION_AUTH, 10430, 600000},
	    {SESSION_AUTH, 10471, 600000},
	    {SESSION_ACCESS, 10423, 30000},
	    {SESSION_ACCESS, 10424, 30000},
	    {SESSION_ACCESS, 10425, 30000},
	    {SESSION_ACCESS, 10427, 30000},
	    {SESSION_ACCESS, 10422, 600000},
	    {SESSION_ACCESS, 10426, 600000},
	    {SESSION_ACCESS, 10431, 600000},
	    {SESSION_ACCESS, 10471, 600000},
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		for (unsigned n = 1; n <= 6; n++)
			cr_expect_eq(session_backoff(rows[i].stage, rows[i].code, n, 12345),
			    rows[i].base * n, "%d at %u", rows[i].code, n);
}

/* rule: timer-gaps */
Test(session_backoff, jitters_the_short_class_and_all_unknown_codes)
{
	static const int codes[] = {10300, 10450, 10466, 10473, 10474, 10475, 10500, 0, 4711};
	static const uint32_t randoms[] = {0, 1, 999, 1999, 2000, 0x7fffffff, UINT32_MAX};

	for (size_t i = 0; i < sizeof(codes) / sizeof(codes[0]); i++)
		for (unsigned k = 0; k < 7 * 6; k++) {
			unsigned n = k / 7 + 1;
			int64_t ms = session_backoff(SESSION_ACCESS, codes[i], n, randoms[k % 7]);

			cr_expect_geq(ms, 500 * n);
			cr_expect_lt(ms, 2500 * n);
		}
	cr_expect_eq(session_backoff(SESSION_ACCESS, 10474, 1, 0), 500, "the least");
	cr_expect_eq(session_backoff(SESSION_ACCESS, 10474, 1, 1999), 2499, "the most");
	cr_expect_neq(session_backoff(SESSION_ACCESS, 10474, 1, 0),
	    session_backoff(SESSION_ACCESS, 10474, 1, 1));
	cr_expect_lt(session_backoff(SESSION_AUTH, 10431, 1, 0), 2500);
}

/* rule: timer-pause timer-never */
Test(session_backoff, pauses_after_six_failures_and_never_retries_a_wrong_secret)
{
	for (unsigned n = 1; n <= 8; n++)
		cr_expect_eq(session_backoff(SESSION_ACCESS, 10430, n, 7), SESSION_NEVER);
	cr_expect_eq(session_backoff(SESSION_ACCESS, 10474, 7, 7), 30 * 60 * 1000);
	cr_expect_eq(session_backoff(SESSION_AUTH, 10422, 7, 7), 30 * 60 * 1000);
}

/* Gaps in seconds that the platform's own SDK left, measured on its wire. */
Test(session_backoff, agrees_with_the_measured_gaps)
{
	static const int64_t gaps_ms[] = {2350, 3450, 6640, 2810, 3310, 6180};

	for (unsigned n = 1; n <= 6; n++) {
		int64_t least = session_backoff(SESSION_ACCESS, 10474, n, 0);
		int64_t most = session_backoff(SESSION_ACCESS, 10474, n, 1999);

		cr_expect(gaps_ms[n - 1] >= least && gaps_ms[n - 1] <= most, "gap %u", n);
	}
}

Test(session_backoff, counts_refusals_right_after_login_as_failures_in_a_row)
{
	cr_expect_eq(session_failures(0, SESSION_ACCESS, SESSION_NEVER), 1);
	cr_expect_eq(session_failures(3, SESSION_ACCESS, SESSION_NEVER), 4);
	cr_expect_eq(session_failures(3, SESSION_ACCESS, 0), 1);
	cr_expect_eq(session_failures(3, SESSION_AUTH, 0), 4);
	cr_expect_eq(session_failures(3, SESSION_AUTH, 59999), 4);
	cr_expect_eq(session_failures(3, SESSION_AUTH, 60000), 1);
}
