/*
 * upgrade: see upgrade.h.
 */
#include <stdio.h>

#include "upgrade.h"

static const char *const states[] = {"WAITING", "FETCHED", "ORDERED", "TAKEN", "ENDED"};
static const char *const events[] = {"IMAGE_FETCHED", "IMAGE_READY", "IMAGE_FAILED", "IMAGE_LOST",
    "HEARD", "OVER", "CANCEL", "REPEATED", "DUE"};

static void
note(struct upgrade *u, int error, const char *detail)
{
	u->error = error;
	snprintf(u->detail, sizeof(u->detail), "%s", detail ? detail : "");
}

static void
say_fetched(void *ctx, const void *data)
{
	(void)data;
	((struct upgrade *)ctx)->effects |= UPGRADE_SAY_FETCHED;
}

static void
say_verified(void *ctx, const void *data)
{
	(void)data;
	((struct upgrade *)ctx)->effects |= UPGRADE_SAY_VERIFIED | UPGRADE_ORDER;
}

static void
say_both(void *ctx, const void *data)
{
	say_fetched(ctx, data);
	say_verified(ctx, data);
}

static void
order(void *ctx, const void *data)
{
	(void)data;
	((struct upgrade *)ctx)->effects |= UPGRADE_ORDER;
}

static void
fail(void *ctx, const void *data)
{
	struct upgrade *u = ctx;
	const struct upgrade_news *n = data;

	note(u, n ? (int)n->error : ERR_SYSTEM, n ? n->detail : NULL);
	u->effects |= UPGRADE_SAY_END | UPGRADE_RELEASE;
}

static void
cancel(void *ctx, const void *data)
{
	struct upgrade *u = ctx;

	(void)data;
	note(u, ERR_CANCELLED, "cancelled before the image was handed on");
	u->effects |= UPGRADE_SAY_END | UPGRADE_RELEASE;
}

static void
pass_on(void *ctx, const void *data)
{
	(void)data;
	((struct upgrade *)ctx)->effects |= UPGRADE_PASS_ON;
}

static void
release(void *ctx, const void *data)
{
	(void)data;
	((struct upgrade *)ctx)->effects |= UPGRADE_RELEASE;
}

static bool
ended_here(void *ctx, const void *data)
{
	(void)data;
	return ((struct upgrade *)ctx)->error != ERR_OK;
}

static void
say_end(void *ctx, const void *data)
{
	(void)data;
	((struct upgrade *)ctx)->effects |= UPGRADE_SAY_END;
}

/* clang-format off */
static const struct fsm_row rows[] = {
	/* state           event                  guard       action        next             note */
	{UPGRADE_WAITING,  UPGRADE_IMAGE_FETCHED, NULL,       say_fetched,  UPGRADE_FETCHED, "the platform hears 8"},
	{UPGRADE_WAITING,  UPGRADE_IMAGE_READY,   NULL,       say_both,     UPGRADE_ORDERED, "it was in the store already"},
	{UPGRADE_FETCHED,  UPGRADE_IMAGE_FETCHED, NULL,       NULL,         FSM_SAME,        "said already"},
	{UPGRADE_FETCHED,  UPGRADE_IMAGE_READY,   NULL,       say_verified, UPGRADE_ORDERED, "flashd's turn"},
	{UPGRADE_WAITING,  UPGRADE_IMAGE_FAILED,  NULL,       fail,         UPGRADE_ENDED,   "with the image's error"},
	{UPGRADE_FETCHED,  UPGRADE_IMAGE_FAILED,  NULL,       fail,         UPGRADE_ENDED,   "with the image's error"},
	{UPGRADE_ORDERED,  UPGRADE_IMAGE_LOST,    NULL,       NULL,         UPGRADE_FETCHED, "until it is there again"},
	{UPGRADE_WAITING,  UPGRADE_HEARD,         NULL,       NULL,         UPGRADE_TAKEN,   "we have forgotten, flashd has not"},
	{UPGRADE_FETCHED,  UPGRADE_HEARD,         NULL,       NULL,         UPGRADE_TAKEN,   "we have forgotten, flashd has not"},
	{UPGRADE_ORDERED,  UPGRADE_HEARD,         NULL,       NULL,         UPGRADE_TAKEN,   "no more orders"},
	{UPGRADE_TAKEN,    UPGRADE_HEARD,         NULL,       NULL,         FSM_SAME,        ""},
	{UPGRADE_ENDED,    UPGRADE_HEARD,         NULL,       NULL,         FSM_SAME,        "a repeated report"},
	{UPGRADE_ENDED,    UPGRADE_OVER,          NULL,       NULL,         FSM_SAME,        "a repeated report"},
	{FSM_ANY,          UPGRADE_OVER,          NULL,       release,      UPGRADE_ENDED,   "flashd ended it"},
	{UPGRADE_WAITING,  UPGRADE_CANCEL,        NULL,       cancel,       UPGRADE_ENDED,   "nothing was written"},
	{UPGRADE_FETCHED,  UPGRADE_CANCEL,        NULL,       cancel,       UPGRADE_ENDED,   "nothing was written"},
	{UPGRADE_ORDERED,  UPGRADE_CANCEL,        NULL,       pass_on,      FSM_SAME,        "flashd knows whether it is safe"},
	{UPGRADE_TAKEN,    UPGRADE_CANCEL,        NULL,       pass_on,      FSM_SAME,        "flashd knows whether it is safe"},
	{UPGRADE_ENDED,    UPGRADE_CANCEL,        ended_here, pass_on,      FSM_SAME,        "flashd may still wait for the image"},
	{UPGRADE_FETCHED,  UPGRADE_REPEATED,      NULL,       say_fetched,  FSM_SAME,        "said again"},
	{UPGRADE_ORDERED,  UPGRADE_REPEATED,      NULL,       say_both,     FSM_SAME,        "said again"},
	{UPGRADE_TAKEN,    UPGRADE_REPEATED,      NULL,       say_both,     FSM_SAME,        "said again"},
	{UPGRADE_ENDED,    UPGRADE_REPEATED,      ended_here, say_end,      FSM_SAME,        "said again"},
	{UPGRADE_ENDED,    UPGRADE_REPEATED,      NULL,       order,        FSM_SAME,        "flashd says again how it ended"},
	{UPGRADE_ORDERED,  UPGRADE_DUE,           NULL,       order,        FSM_SAME,        "tell flashd again"},
	{UPGRADE_TAKEN,    UPGRADE_DUE,           NULL,       order,        FSM_SAME,        "flashd is back, perhaps without its memory"},
};

const struct fsm_table upgrade_table = {
	"upgrade", states, UPGRADE_STATES, events, UPGRADE_EVENTS, rows,
	sizeof(rows) / sizeof(rows[0]),
};
/* clang-format on */

struct subject
upgrade_subject(const struct upgrade *u)
{
	return (struct subject){u->id, u->product_key, u->device_key};
}

enum err
upgrade_step(struct upgrade *u, int event, const struct upgrade_news *news)
{
	struct subject s = upgrade_subject(u);

	enum err e = fsm_step(&upgrade_table, &u->state, event, u, news, &s);
	u->changed |= e == ERR_OK;
	if (u->local)
		u->effects &= ~(unsigned)(
		    UPGRADE_SAY_FETCHED | UPGRADE_SAY_VERIFIED | UPGRADE_SAY_END);
	return e;
}

void
upgrade_init(struct upgrade *u, uint64_t id, uint64_t image, const Pb__FetchOrder *o)
{
	*u = (struct upgrade){.id = id, .state = UPGRADE_WAITING, .image = image};
	snprintf(u->product_key, sizeof(u->product_key), "%s", o->device->product_key);
	snprintf(u->device_key, sizeof(u->device_key), "%s", o->device->device_key);
	snprintf(u->component, sizeof(u->component), "%s", o->component);
	snprintf(u->target_version, sizeof(u->target_version), "%s", o->target_version);
}

Pb__Phase
upgrade_end_phase(int error)
{
	if (error == ERR_CANCELLED)
		return PB__PHASE__PHASE_CANCELLED;
	if (error >= ERR_NO_TRUST && error <= ERR_DEPENDS)
		return PB__PHASE__PHASE_REFUSED;
	return PB__PHASE__PHASE_FAILED;
}

bool
upgrade_is_end(Pb__Phase phase)
{
	return phase >= PB__PHASE__PHASE_DONE;
}
