/*
 * conversation_act: see conversation_act.h.
 */
#include <stdlib.h>

#include "conversation_act.h"

void
conversation_act_say(struct conversation *c, int status)
{
	if (c->n_says < CONVERSATION_SAYS_MAX)
		c->says[c->n_says++] = status;
}

void
conversation_act_wait(struct conversation *c, const struct conversation_news *n, uint64_t ms)
{
	c->due = mono_after(n->now, (int64_t)ms);
	c->heard = n->now;
}

void
conversation_act_note(struct conversation *c, int error, const char *detail)
{
	c->error = error;
	snprintf(c->detail, sizeof(c->detail), "%s", detail ? detail : err_text((unsigned)error));
}

void
conversation_act_learn(struct conversation *c, const struct conversation_news *n)
{
	if (n->version && n->version[0])
		snprintf(c->version, sizeof(c->version), "%s", n->version);
}

void
conversation_act_cancel(struct conversation *c)
{
	c->cancelled = c->upgrade;
	c->effects |= CONVERSATION_CANCEL;
}

/* Back to idle; the plan stays for whoever wants to look at it. */
void
conversation_act_end(struct conversation *c)
{
	free(c->firmware);
	c->firmware = NULL;
	c->due = MONO_NEVER;
	c->strikes = 0;
}

void
conversation_act_begin(struct conversation *c, const struct conversation_news *n)
{
	c->upgrade = n->fresh;
	c->ask_at = 0;
	c->strikes = 0;
	conversation_act_note(c, ERR_OK, "");
	c->effects |= CONVERSATION_OFFER;
	conversation_act_wait(c, n, n->profile->offer_ms);
}

void
conversation_act_hold(void *ctx, const void *data)
{
	const struct conversation_news *n = data;

	conversation_act_wait(ctx, n, n->wait_ms + n->profile->offer_ms);
}

bool
conversation_act_is_untold(void *ctx, const void *data)
{
	const struct conversation_news *n = data;

	return n->untold && conversation_fits(ctx, n->firmware);
}

void
conversation_act_drop(void *ctx, const void *data)
{
	(void)data;
	conversation_fini(ctx);
}
