/*
 * conversation: see conversation.h. What the machine does is in conversation_table.c.
 */
#include <stdlib.h>
#include <string.h>
#include <subota.pb-c.h>

#include "conversation.h"

void
conversation_init(struct conversation *c)
{
	*c = (struct conversation){.state = CONVERSATION_IDLE, .due = MONO_NEVER};
}

void
conversation_drop_firmware(struct conversation *c)
{
	if (c->firmware)
		dialect_firmware_fini(c->firmware);
	free(c->firmware);
	c->firmware = NULL;
}

void
conversation_fini(struct conversation *c)
{
	conversation_drop_firmware(c);
	free(c->rest);
	c->rest = NULL;
	c->n_rest = 0;
}

enum err
conversation_need_rest(struct conversation *c)
{
	if (!c->rest)
		c->rest = calloc(CONVERSATION_REST_MAX, sizeof(*c->rest));
	return c->rest ? ERR_OK : ERR_NOMEM;
}

/* All allocations of the machine are made before its step, so that an action cannot fail. */
static enum err
keep_firmware(struct conversation *c, const struct conversation_news *n)
{
	bool fits = conversation_fits(c, n->firmware);
	bool wanted = c->state == CONVERSATION_IDLE ||
		      (c->state == CONVERSATION_CONFIRMED && fits) ||
		      (c->state == CONVERSATION_OFFERED && fits && c->turn > 0);

	if (!wanted)
		return ERR_OK;
	conversation_drop_firmware(c);
	c->firmware = malloc(sizeof(*c->firmware));
	return c->firmware ? dialect_firmware_copy(n->firmware, c->firmware) : ERR_NOMEM;
}

enum err
conversation_step(
    struct conversation *c, int event, const struct conversation_news *n, const struct subject *s)
{
	enum err e = ERR_OK;
	bool awaited = c->state == CONVERSATION_CONFIRMED &&
		       (event == CONVERSATION_ON_BAD_END || event == CONVERSATION_ON_REJECTED ||
			   event == CONVERSATION_ON_DUE);

	if (event == CONVERSATION_ON_FIRMWARE)
		e = keep_firmware(c, n);
	if (event == CONVERSATION_ON_PLAN && n->n_more)
		e = conversation_need_rest(c);
	if (e == ERR_OK)
		e = fsm_step(&conversation_table, &c->state, event, c, n, s);
	if (e == ERR_OK && awaited) /* it may be on its way */
		c->crossed = MONO_NEVER;
	return e;
}

void
conversation_heard_all(struct conversation *c, const struct profile *p, struct mono now)
{
	if (c->crossed.ms == MONO_NEVER.ms)
		c->crossed = mono_after(now, (int64_t)p->url_wait_ms);
}

void
conversation_resume(struct conversation *c, const struct profile *p, struct mono now, bool told)
{
	uint64_t wait[CONVERSATION_STATES] = {
	    [CONVERSATION_OFFERED] = p->offer_ms,
	    [CONVERSATION_CONFIRMED] = told ? p->url_wait_ms : 0,
	    [CONVERSATION_ORDERED] = p->hung_ms,
	    [CONVERSATION_DOWNLOADING] = p->downloading_ms,
	    [CONVERSATION_FETCHED] = p->hung_ms,
	    [CONVERSATION_UPDATING] = p->updating_ms,
	    [CONVERSATION_OVERDUE] = p->updating_ms,
	};

	c->heard = now;
	c->due = wait[c->state] ? mono_after(now, (int64_t)wait[c->state]) : MONO_NEVER;
}

bool
conversation_fits(const struct conversation *c, const struct dialect_firmware *f)
{
	return strcmp(c->plan.component, f->component) == 0 &&
	       strcmp(c->plan.target, f->target) == 0 && c->plan.type == f->type;
}

bool
conversation_is_busy(const struct conversation *c)
{
	return c->state >= CONVERSATION_ORDERED;
}

int
conversation_event_of(int phase, bool from_gate)
{
	switch (phase) {
	case PB__PHASE__PHASE_FETCHING:
		return CONVERSATION_ON_FETCHING;
	case PB__PHASE__PHASE_FETCHED:
	case PB__PHASE__PHASE_VERIFIED:
		return CONVERSATION_ON_FETCHED;
	case PB__PHASE__PHASE_FLASHING:
	case PB__PHASE__PHASE_STAGED:
	case PB__PHASE__PHASE_TESTING:
	case PB__PHASE__PHASE_CONFIRMED:
		return from_gate ? -1 : CONVERSATION_ON_WORKING;
	case PB__PHASE__PHASE_DONE:
		return from_gate ? -1 : CONVERSATION_ON_DONE;
	case PB__PHASE__PHASE_FAILED:
		return from_gate ? CONVERSATION_ON_FETCH_FAILED : CONVERSATION_ON_BAD_END;
	case PB__PHASE__PHASE_REVERTED:
	case PB__PHASE__PHASE_REFUSED:
	case PB__PHASE__PHASE_CANCELLED:
		return CONVERSATION_ON_BAD_END;
	default:
		return -1;
	}
}
