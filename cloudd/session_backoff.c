/*
 * session_backoff: when to try again, by what went wrong; declared in session.h. The classes are
 * the platform SDK's (spec: developer center 2.4): a code that has no row is of the short class.
 */
#include "session.h"

enum { SECOND = 1000, MINUTE = 60 * SECOND, JITTER_LEAST = 500, JITTER_SPAN = 2000 };
enum { LONG_PAUSE = 30 * MINUTE };

/* clang-format off */
static const struct {
	int code;
	enum session_stage stage;
	int64_t base;           /* ms, times the count of failures */
} rows[] = {
	{10430, SESSION_ACCESS, SESSION_NEVER},  /* device secret is wrong */
	{10430, SESSION_AUTH,   10 * MINUTE},    /* product key changed */
	{10422, SESSION_AUTH,   10 * MINUTE},
	{10422, SESSION_ACCESS, 10 * MINUTE},
	{10426, SESSION_AUTH,   10 * MINUTE},
	{10426, SESSION_ACCESS, 10 * MINUTE},
	{10431, SESSION_ACCESS, 10 * MINUTE},
	{10471, SESSION_AUTH,   10 * MINUTE},
	{10471, SESSION_ACCESS, 10 * MINUTE},
	{10423, SESSION_AUTH,   30 * SECOND},
	{10423, SESSION_ACCESS, 30 * SECOND},
	{10424, SESSION_AUTH,   30 * SECOND},
	{10424, SESSION_ACCESS, 30 * SECOND},
	{10425, SESSION_AUTH,   30 * SECOND},
	{10425, SESSION_ACCESS, 30 * SECOND},
	{10427, SESSION_AUTH,   30 * SECOND},
	{10427, SESSION_ACCESS, 30 * SECOND},
};
/* clang-format on */

int64_t
session_backoff(enum session_stage stage, int code, unsigned n, uint32_t random)
{
	int64_t base = JITTER_LEAST + random % JITTER_SPAN;

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		if (rows[i].code == code && rows[i].stage == stage)
			base = rows[i].base;
	if (base == SESSION_NEVER)
		return SESSION_NEVER;
	if (n > SESSION_FAILURES_MAX)
		return LONG_PAUSE;
	return base * (n ? n : 1);
}

unsigned
session_failures(unsigned before, enum session_stage stage, int64_t ready_ms)
{
	bool settled = ready_ms != SESSION_NEVER &&
		       (stage == SESSION_ACCESS || ready_ms >= SESSION_SETTLED_MS);

	return settled ? 1 : before + 1;
}
