/*
 * login: see login.h.
 */
#include "login.h"
#include "dialect.h"

static const char *const states[] = {"OUT", "REGISTERING", "ENTERING", "IN", "PAUSED",
    "LEAVING"};
static const char *const events[] = {"WANTED", "REGISTERED", "ENTERED", "REFUSED", "BAD_SECRET",
    "EXPELLED", "UNWANTED", "LINK_DOWN", "DUE", "FORGET", "FORGOTTEN"};

static bool
has_secret(void *ctx, const void *data)
{
	(void)data;
	return ((const struct login *)ctx)->has_secret;
}

static bool
is_settled(void *ctx, const void *data)
{
	const struct login_news *n = data;

	return mono_between(((const struct login *)ctx)->since, n->now) >= LOGIN_SETTLED_MS;
}

static void
send(struct login *l, const struct login_news *n, unsigned what)
{
	l->effects |= what;
	l->refused = false;
	l->due = mono_after(n->now, (int64_t)n->profile->reply_ms);
}

/* A refused secret is not thrown away: who may not register would then be locked out for ever. */
static void
shelve(struct login *l)
{
	l->has_secret = false;
	l->shelved = true;
}

static void
unshelve(struct login *l)
{
	l->has_secret |= l->shelved;
	l->shelved = false;
}

static void
enroll(void *ctx, const void *data)
{
	send(ctx, data, LOGIN_SEND_REGISTER);
}

static void
enter(void *ctx, const void *data)
{
	((struct login *)ctx)->shelved = false;
	send(ctx, data, LOGIN_SEND_LOGIN);
}

static void
enter_anew(void *ctx, const void *data)
{
	((struct login *)ctx)->tries = 0;
	enter(ctx, data);
}

static void
enroll_anew(void *ctx, const void *data)
{
	struct login *l = ctx;

	shelve(l);
	enroll(l, data);
}

static void
come_in(void *ctx, const void *data)
{
	struct login *l = ctx;

	l->since = ((const struct login_news *)data)->now;
	l->due = MONO_NEVER;
	l->effects |= LOGIN_ANNOUNCE;
}

/* 1, 2, 4, ... s, at most as long as after a refusal. */
static void
pause_short(void *ctx, const void *data)
{
	struct login *l = ctx;
	const struct login_news *n = data;
	uint64_t ms = (uint64_t)LOGIN_FIRST_PAUSE_MS << (l->tries < 16 ? l->tries : 16);

	l->tries++;
	unshelve(l);
	if (ms > n->profile->refused_ms)
		ms = n->profile->refused_ms;
	l->due = mono_after(n->now, (int64_t)ms);
}

static void
pause_long(void *ctx, const void *data)
{
	struct login *l = ctx;
	const struct login_news *n = data;

	unshelve(l);
	l->refused = true;
	l->due = mono_after(n->now, (int64_t)n->profile->refused_ms);
}

static void
shelve_and_pause(void *ctx, const void *data)
{
	pause_short(ctx, data);
	shelve(ctx);
}

static void
go(void *ctx, const void *data)
{
	struct login *l = ctx;

	(void)data;
	unshelve(l);
	l->due = MONO_NEVER;
}

static void
say_goodbye(void *ctx, const void *data)
{
	((struct login *)ctx)->effects |= LOGIN_SEND_LOGOUT;
	go(ctx, data);
}

static void
leave(void *ctx, const void *data)
{
	unshelve(ctx);
	send(ctx, data, LOGIN_SEND_FORGET);
}

static void
leave_from_in(void *ctx, const void *data)
{
	((struct login *)ctx)->effects |= LOGIN_SEND_LOGOUT;
	leave(ctx, data);
}

static void
forget(void *ctx, const void *data)
{
	struct login *l = ctx;

	l->effects = 0;
	l->tries = 0;
	go(l, data);
}

#define GO(s, e, guard, action, next, note) \
	{ \
		LOGIN_##s, LOGIN_ON_##e, guard, action, LOGIN_##next, note \
	}

/* clang-format off */
static const struct fsm_row rows[] = {
	/* state        event       guard       action          next         sends, note */
	GO(OUT,         WANTED,     has_secret, enter,          ENTERING,    "00C2"),
	GO(OUT,         WANTED,     NULL,       enroll,         REGISTERING, "00C0"),
	GO(REGISTERING, REGISTERED, NULL,       enter,          ENTERING,    "00C2"),
	GO(REGISTERING, REFUSED,    NULL,       pause_long,     PAUSED,      "not associated"),
	GO(REGISTERING, BAD_SECRET, NULL,       pause_long,     PAUSED,      "product's secret"),
	GO(REGISTERING, EXPELLED,   NULL,       pause_short,    PAUSED,      "10442"),
	GO(REGISTERING, DUE,        NULL,       pause_short,    PAUSED,      "no reply"),
	GO(ENTERING,    ENTERED,    NULL,       come_in,        IN,          "0044, 0115"),
	GO(ENTERING,    BAD_SECRET, NULL,       enroll_anew,    REGISTERING, "00C0"),
	GO(ENTERING,    REFUSED,    NULL,       pause_long,     PAUSED,      "disabled, ..."),
	GO(ENTERING,    EXPELLED,   NULL,       pause_short,    PAUSED,      "10442"),
	GO(ENTERING,    DUE,        NULL,       pause_short,    PAUSED,      "no reply"),
	GO(IN,          EXPELLED,   is_settled, enter_anew,     ENTERING,    "00C2"),
	GO(IN,          EXPELLED,   NULL,       pause_short,    PAUSED,      "not in circles"),
	GO(IN,          REFUSED,    NULL,       pause_long,     PAUSED,      "00C8"),
	GO(IN,          BAD_SECRET, NULL,       shelve_and_pause, PAUSED,    "register anew"),
	GO(IN,          UNWANTED,   NULL,       say_goodbye,    OUT,         "00C4"),
	GO(PAUSED,      REGISTERED, NULL,       enter,          ENTERING,    "a late reply"),
	GO(PAUSED,      ENTERED,    NULL,       come_in,        IN,          "a late reply"),
	GO(PAUSED,      DUE,        has_secret, enter,          ENTERING,    "00C2"),
	GO(PAUSED,      DUE,        NULL,       enroll,         REGISTERING, "00C0"),
	GO(IN,          FORGET,     NULL,       leave_from_in,  LEAVING,     "00C4, 00C6"),
	GO(OUT,         FORGET,     NULL,       leave,          LEAVING,     "00C6"),
	GO(PAUSED,      FORGET,     NULL,       leave,          LEAVING,     "00C6 once more"),
	GO(PAUSED,      FORGOTTEN,  NULL,       go,             OUT,         "a late reply"),
	GO(LEAVING,     FORGOTTEN,  NULL,       go,             OUT,         "00C7"),
	GO(LEAVING,     REFUSED,    NULL,       pause_long,     PAUSED,      "00C7 with a code"),
	GO(LEAVING,     BAD_SECRET, NULL,       pause_long,     PAUSED,      "its secret is wrong"),
	GO(LEAVING,     EXPELLED,   NULL,       pause_short,    PAUSED,      "10442"),
	GO(LEAVING,     DUE,        NULL,       pause_short,    PAUSED,      "no reply"),
	{FSM_ANY, LOGIN_ON_UNWANTED,  NULL, go,     LOGIN_OUT, "was not in"},
	{FSM_ANY, LOGIN_ON_LINK_DOWN, NULL, forget, LOGIN_OUT, "nobody is in without a link"},
};

const struct fsm_table login_table = {
	"login", states, LOGIN_STATES, events, LOGIN_EVENTS, rows, sizeof(rows) / sizeof(rows[0]),
};
/* clang-format on */

void
login_init(struct login *l)
{
	*l = (struct login){.state = LOGIN_OUT, .due = MONO_NEVER};
}

enum err
login_step(struct login *l, int event, const struct login_news *n, const struct subject *s)
{
	return fsm_step(&login_table, &l->state, event, l, n, s);
}

int
login_event_of(int64_t code)
{
	switch (code) {
	case DIALECT_CODE_OK:
	case DIALECT_CODE_ALREADY:
		return LOGIN_ON_ENTERED;
	case DIALECT_CODE_NOT_LOGGED_IN:
		return LOGIN_ON_EXPELLED;
	case DIALECT_CODE_SECRET:
	case DIALECT_CODE_SUB_SECRET:
		return LOGIN_ON_BAD_SECRET;
	default:
		return LOGIN_ON_REFUSED;
	}
}
