/*
 * cloud_time: what the clock does to the cloud; declared in cloud.h.
 */
#include <stdlib.h>

#include "cloud_forget.h"

/* A window opens within a week. */
#define AHEAD_MS (8 * UINT64_C(86400000))

/* While a plan is put off the clock is looked at this often; if it has moved by more than so much
 * meanwhile, somebody has set it. */
enum { LOOK_MS = 10000, MOVED_MS = 60000 };

static struct mono
now(const struct cloud *c)
{
	return c->io.now(c->io.arg);
}

static void
earlier(struct mono *at, struct mono t)
{
	if (t.ms < at->ms)
		*at = t;
}

/* How long until a wall clock time that flashd put a plan off to. One that is further ahead than
 * flashd ever says is of a clock that was set back since, by as much: it would be waited for as
 * long. Who is asked too early puts the plan off once more. */
static uint64_t
wait_for(const struct cloud *c, uint64_t wall_ms)
{
	uint64_t wall = c->io.wall_ms(c->io.arg);

	return wall_ms > wall && wall_ms - wall <= AHEAD_MS ? wall_ms - wall : 0;
}

struct mono
cloud_due(const struct cloud *c)
{
	struct mono due = c->again;

	earlier(&due, c->online_due);
	earlier(&due, c->relink);
	for (const struct subdevice *s = c->devices.first; s; s = s->next) {
		earlier(&due, s->conversation.due);
		earlier(&due, s->login.due);
		if (s->login.state != LOGIN_IN)
			continue;
		earlier(&due, s->next_request);
		if (s->conversation.ask_at) {
			uint64_t wait = wait_for(c, s->conversation.ask_at);

			earlier(
			    &due, mono_after(now(c), wait < LOOK_MS ? (int64_t)wait : LOOK_MS));
		}
		if (!mono_reached(now(c), s->hold))
			earlier(&due, s->hold);
	}
	return due;
}

/* A time to which flashd put a plan off was meant by the clock as it was: when that is set, flashd
 * is asked anew, and the plan begins, or is put off to the right time. */
static void
look_at_clock(struct cloud *c)
{
	int64_t apart = (int64_t)c->io.wall_ms(c->io.arg) - now(c).ms;
	bool moved = llabs(apart - c->clock_apart) > MOVED_MS;

	c->clock_apart = apart;
	for (struct subdevice *s = c->devices.first; s && moved; s = s->next) {
		if (!s->conversation.ask_at)
			continue;
		s->conversation.ask_at = 1;
		s->dirty = true;
	}
}

struct mono
cloud_next_request(struct cloud *c)
{
	int64_t interval = (int64_t)c->identity->request_interval_ms, tenth = interval / 10;
	uint8_t r[2];

	c->io.random(c->io.arg, r, sizeof(r));
	return mono_after(now(c), interval - tenth + 2 * tenth * (r[0] << 8 | r[1]) / UINT16_MAX);
}

static void
ask_again(struct cloud *c, struct subdevice *s)
{
	uint64_t at = s->conversation.ask_at;

	/* who was told to wait does not ask before that */
	if (mono_reached(now(c), s->next_request)) {
		s->want_request |= !at;
		s->next_request = cloud_next_request(c);
	}
	if (at && wait_for(c, at) == 0) {
		s->conversation.ask_at = 0;
		s->dirty = s->want_request = true;
	}
}

static void
pass_time(struct cloud *c, struct subdevice *s)
{
	struct conversation_news n = {0};

	if (mono_reached(now(c), s->login.due)) {
		s->login.due = MONO_NEVER;
		cloud_step_login(c, s, cloud_forget_is_due(s) ? LOGIN_ON_FORGET : LOGIN_ON_DUE);
	}
	if (mono_reached(now(c), s->conversation.due)) {
		s->conversation.due = MONO_NEVER;
		(void)!cloud_step(c, s, CONVERSATION_ON_DUE, &n, NULL);
	}
	if (s->login.state == LOGIN_IN)
		ask_again(c, s);
}

void
cloud_on_time(struct cloud *c)
{
	look_at_clock(c);
	if (mono_reached(now(c), c->again))
		c->again = MONO_NEVER;
	if (mono_reached(now(c), c->online_due)) {
		c->online_due = MONO_NEVER;
		log_warn(NULL, "expected the platform's answer to the login, got none");
		c->io.fail(c->io.arg, DIALECT_CODE_UNKNOWN);
	}
	if (mono_reached(now(c), c->relink)) {
		c->relink = MONO_NEVER;
		c->io.reconnect(c->io.arg);
	}
	for (struct subdevice *s = c->devices.first; s; s = s->next)
		pass_time(c, s);
	cloud_settle(c);
}
