/*
 * conversation_act: see conversation_act.h.
 */
#include <stdlib.h>
#include <string.h>

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
conversation_act_wait_on(void *ctx, const void *data)
{
	const struct conversation_news *n = data;

	conversation_act_wait(ctx, n, n->profile->hung_ms);
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

void
conversation_act_pass(struct conversation *c)
{
	conversation_drop_firmware(c);
	c->due = MONO_NEVER;
	c->strikes = 0;
}

void
conversation_act_end(struct conversation *c)
{
	conversation_act_pass(c);
	free(c->rest);
	c->rest = NULL;
	c->n_rest = 0;
}

bool
conversation_act_is_crossed(void *ctx, const void *data)
{
	const struct conversation *c = ctx;
	const struct conversation_news *n = data;

	return n->now.ms < c->crossed.ms && conversation_fits(c, n->firmware);
}

size_t
conversation_act_where(const struct conversation *c, const struct conversation_news *n)
{
	for (size_t i = 0; i <= n->n_more; i++) {
		const struct dialect_plan *p = &n->plan[i];

		if (strcmp(c->plan.component, p->component) == 0 &&
		    strcmp(c->plan.target, p->target) == 0 && c->plan.type == p->type)
			return i + 1;
	}
	return 0;
}

void
conversation_act_keep_rest(struct conversation *c, const struct conversation_news *n, size_t after)
{
	c->turn = after;
	c->n_rest = n->n_more - after;
	if (c->n_rest)
		memcpy(c->rest, n->plan + after + 1, c->n_rest * sizeof(*c->rest));
}

void
conversation_act_repeat(void *ctx, const void *data)
{
	struct conversation *c = ctx;
	const struct conversation_news *n = data;

	conversation_act_keep_rest(c, n, conversation_act_where(c, n) - 1);
	conversation_drop_firmware(c); /* the platform starts over and awaits a 2 */
	c->effects |= CONVERSATION_OFFER;
	conversation_act_wait(c, n, n->profile->offer_ms);
	conversation_act_say(c, DIALECT_PLAN_RECEIVED);
}

void
conversation_act_next(void *ctx, const void *data)
{
	struct conversation *c = ctx;

	c->plan = c->rest[0];
	c->turn++;
	c->n_rest--;
	memmove(c->rest, c->rest + 1, c->n_rest * sizeof(*c->rest));
	conversation_act_begin(c, data);
	conversation_act_say(c, DIALECT_PLAN_RECEIVED);
}

bool
conversation_act_has_rest(void *ctx, const void *data)
{
	(void)data;
	return ((const struct conversation *)ctx)->n_rest > 0;
}

bool
conversation_act_is_needless(void *ctx, const void *data)
{
	return conversation_act_has_rest(ctx, data) &&
	       ((const struct conversation_news *)data)->error == ERR_ALREADY;
}

void
conversation_act_skip(void *ctx, const void *data)
{
	struct conversation *c = ctx;
	const struct conversation_news *n = data;

	conversation_act_note(c, n->error, n->detail);
	c->effects |= CONVERSATION_INFO;
	conversation_act_pass(c);
}

bool
conversation_act_is_early(void *ctx, const void *data)
{
	const struct conversation *c = ctx;
	const struct conversation_news *n = data;

	return c->turn > 0 && conversation_fits(c, n->firmware);
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
	const struct conversation *c = ctx;
	const struct conversation_news *n = data;
	/* the list had gone on from it before the platform heard of its end */
	bool before = c->turn > 0 && strcmp(n->firmware->component, c->plan.component) != 0;

	return n->untold && (before || conversation_fits(c, n->firmware));
}

void
conversation_act_drop(void *ctx, const void *data)
{
	(void)data;
	((struct conversation *)ctx)->crossed = (struct mono){0};
	conversation_fini(ctx);
}
