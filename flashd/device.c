/*
 * device: see device.h. The table is the specification.
 */
#include <stdio.h>
#include <string.h>

#include "device.h"
#include "device_bare.h"
#include "device_end.h"
#include "device_health.h"
#include "device_queue.h"
#include "utf8.h"

enum { RETRY_MS = 1000, RETRY_SHIFT_MAX = 5, DENIALS_MAX = 3 };

static const char *const states[] = {"IDENTIFIED", "ADMITTED", "WAITING", "QUEUED", "FLASHING",
    "STAGED", "TESTING", "CONFIRMED", "DONE", "REVERTED", "FAILED", "REFUSED", "CANCELLED"};
static const char *const events[] = {"ADMIT", "VERDICT_SENT", "ORDER", "TURN", "REFUSE", "SEES_OLD",
    "SEES_NEW_STORED", "SEES_NEW_PENDING", "SEES_NEW_ON_TEST", "SEES_NEW_KEPT", "SEES_MISFIT",
    "SEES_BARE", "WROTE", "MARKED", "REBOOTED", "KEPT", "WENT_BACK", "CHECKED", "REPLACED",
    "TROUBLE", "DEADLINE", "CANCEL", "SUPERSEDED", "RESTARTED"};

/* --- guards ---------------------------------------------------------------------------------- */

/* Another try may help: nothing was refused, somebody was merely not there or not understood. */
static bool
is_passing(void *ctx, const void *data)
{
	const struct device_upgrade *u = ctx;

	switch ((int)((const struct device_news *)data)->error) {
	case ERR_LINK:
	case ERR_DENIED: /* a line that has just come back, before its rights are set */
	case ERR_DEVICE_AWAY:
	case ERR_BUSY:
	case ERR_CLOSED:
		return u->confusions < DEVICE_FRUITLESS_MAX;
	case ERR_TIMEOUT:
	case ERR_AMBIGUOUS:
	case ERR_SESSION:
	case ERR_SYSTEM:
	case ERR_NOMEM:
	case ERR_DEVICE_PROTO:
		return u->confusions < DEVICE_CONFUSIONS_MAX;
	default:
		return false;
	}
}

/* The driver has no such verb: the device does it by itself, or need not. */
static bool
no_verb(void *ctx, const void *data, int verb)
{
	return ((const struct device_news *)data)->error == ERR_UNSUPPORTED &&
	       ((struct device_upgrade *)ctx)->verb == verb;
}

static bool
no_stage(void *ctx, const void *data)
{
	return no_verb(ctx, data, PB__VERB__VERB_STAGE);
}

static bool
no_confirm(void *ctx, const void *data)
{
	return no_verb(ctx, data, PB__VERB__VERB_CONFIRM);
}

static bool
no_reboot(void *ctx, const void *data)
{
	return no_verb(ctx, data, PB__VERB__VERB_REBOOT);
}

/* The device says that it runs or holds the image: look, with the hash that is known by now. */
static bool
is_already(void *ctx, const void *data)
{
	const struct device_upgrade *u = ctx;

	return ((const struct device_news *)data)->error == ERR_ALREADY && u->has_image_hash &&
	       u->confusions < DEVICE_CONFUSIONS_MAX;
}

static bool
is_reverted(void *ctx, const void *data)
{
	(void)ctx;
	return ((const struct device_news *)data)->error == ERR_REVERTED;
}

static bool
no_way_back(void *ctx, const void *data)
{
	const struct device_upgrade *u = ctx;

	return u->verb == PB__VERB__VERB_REVERT && !is_passing(ctx, data);
}

static bool
ill_for_good(void *ctx, const void *data)
{
	return device_health_was_bad(ctx, data) && no_way_back(ctx, data);
}

static bool
denies(const struct device_upgrade *u, const struct device_news *n)
{
	return n->error == ERR_DEVICE_REJECTED && u->verb == PB__VERB__VERB_CONFIRM;
}

/* It will not keep the image: left alone, it would run it until its next reset, while everybody had
 * been told that the upgrade failed. */
static bool
is_denied(void *ctx, const void *data)
{
	const struct device_upgrade *u = ctx;

	return denies(u, data) && u->denials + 1 >= DENIALS_MAX;
}

static bool
rebooted(void *ctx, const void *data)
{
	(void)data;
	return ((struct device_upgrade *)ctx)->rebooted;
}

static bool
untouched(void *ctx, const void *data)
{
	(void)data;
	return !((struct device_upgrade *)ctx)->wrote;
}

/* A person wants it back: it was cancelled when it could not just be stopped. */
static bool
unwanted(void *ctx, const void *data)
{
	(void)data;
	return ((struct device_upgrade *)ctx)->error == ERR_CANCELLED;
}

/* ... but the device cannot go back. */
static bool
no_way_but_on(void *ctx, const void *data)
{
	return unwanted(ctx, data) && no_way_back(ctx, data);
}

/* Nothing but the other slot has changed so far, and the device was not told to boot it. */
static bool
is_safe(void *ctx, const void *data)
{
	const struct device_upgrade *u = ctx;

	(void)data;
	return u->verb != PB__VERB__VERB_STAGE && !(u->destructive && u->wrote);
}

/* --- actions --------------------------------------------------------------------------------- */

static void
note(struct device_upgrade *u, enum err e, const char *detail)
{
	u->error = e;
	utf8_copy(u->detail, sizeof(u->detail), detail ? detail : "");
}

static void
want(struct device_upgrade *u, int verb, struct mono due)
{
	u->verb = verb;
	u->due = due;
}

static void
want_now(void *ctx, const void *data, int verb)
{
	want(ctx, verb, ((const struct device_news *)data)->now);
}

/* Said or done before without effect: not at once, and rarer each time. */
static void
want_again(void *ctx, const void *data, int verb)
{
	struct device_upgrade *u = ctx;
	unsigned shift = u->repeats < RETRY_SHIFT_MAX ? u->repeats : RETRY_SHIFT_MAX;

	u->repeats++;
	want(u, verb,
	    mono_after(((const struct device_news *)data)->now, (int64_t)RETRY_MS << shift));
}

static void
do_look(void *ctx, const void *data)
{
	want_now(ctx, data, PB__VERB__VERB_IDENTIFY);
}

static void
do_write(void *ctx, const void *data)
{
	want_now(ctx, data, PB__VERB__VERB_WRITE);
}

static void
do_mark(void *ctx, const void *data)
{
	want_now(ctx, data, PB__VERB__VERB_STAGE);
}

/* `rebooted` is set before the order leaves: it may have an effect even if nobody says so. */
static void
do_reboot(void *ctx, const void *data)
{
	struct device_upgrade *u = ctx;

	if (u->rebooted)
		want_again(u, data, PB__VERB__VERB_REBOOT);
	else
		want_now(u, data, PB__VERB__VERB_REBOOT);
	u->rebooted = true;
}

static void
do_confirm(void *ctx, const void *data)
{
	want_now(ctx, data, PB__VERB__VERB_CONFIRM);
}

static void
do_confirm_again(void *ctx, const void *data)
{
	want_again(ctx, data, PB__VERB__VERB_CONFIRM);
}

static void
do_no_confirm(void *ctx, const void *data)
{
	((struct device_upgrade *)ctx)->no_confirm = true;
	do_look(ctx, data);
}

static void
do_revert(void *ctx, const void *data)
{
	struct device_upgrade *u = ctx;
	bool again = u->error == ERR_WRONG_VERSION;
	char detail[DEVICE_DETAIL];

	snprintf(detail, sizeof(detail), "expected version %.64s from the new image, got %.64s",
	    u->image_version, u->version);
	note(u, ERR_WRONG_VERSION, detail);
	if (again)
		want_again(u, data, PB__VERB__VERB_REVERT);
	else
		want_now(u, data, PB__VERB__VERB_REVERT);
}

static void
do_take_back(void *ctx, const void *data)
{
	const struct device_news *n = data;

	note(ctx, n->error, n->detail);
	want_now(ctx, data, PB__VERB__VERB_REVERT);
}

static void
do_back(void *ctx, const void *data)
{
	want_again(ctx, data, PB__VERB__VERB_REVERT);
}

static void
do_on(void *ctx, const void *data)
{
	note(ctx, ERR_OK, NULL);
	do_confirm(ctx, data);
}

static void
do_retry(void *ctx, const void *data)
{
	struct device_upgrade *u = ctx;
	const struct device_news *n = data;
	unsigned shift = u->troubles < RETRY_SHIFT_MAX ? u->troubles : RETRY_SHIFT_MAX;

	if (!device_end_goes_back(u)) /* why it does stays the reason */
		note(u, n->error, n->detail);
	device_health_lost(u);
	u->troubles++;
	u->denials += denies(u, n);
	want(u, PB__VERB__VERB_IDENTIFY, mono_after(n->now, (int64_t)RETRY_MS << shift));
}

static void
do_admit(void *ctx, const void *data)
{
	(void)data;
	((struct device_upgrade *)ctx)->effects |= DEVICE_DO_VERDICT;
}

enum { DEVICE_SAME = FSM_SAME, DEVICE_ANY = FSM_ANY };
#define ROW(state, event, guard, action, next, note) \
	{ \
		DEVICE_##state, DEVICE_##event, guard, action, DEVICE_##next, note \
	}

/* clang-format off */
static const struct fsm_row rows[] = {
	/* state   event             guard        action         next       note */
	ROW(IDENTIFIED,ADMIT,            NULL,        do_admit,      ADMITTED,  "record, tell"),
	ROW(IDENTIFIED,REFUSE,           NULL,        device_end_as, REFUSED, "by policy"),
	ROW(IDENTIFIED,DEADLINE,         NULL,        device_end_late, REFUSED, "nobody says yes"),
	ROW(IDENTIFIED,SUPERSEDED,       NULL,        device_end_supersede, CANCELLED, ""),
	ROW(IDENTIFIED,CANCEL,           NULL,        device_end_cancel, CANCELLED, ""),
	ROW(IDENTIFIED,RESTARTED,        NULL,        do_admit,      SAME,      "say it again"),
	ROW(ADMITTED,  VERDICT_SENT,     NULL,        NULL,          WAITING,   "it may fetch"),
	ROW(WAITING,   ADMIT,            NULL,        do_admit,      ADMITTED,  "say it again"),
	ROW(ADMITTED,  ADMIT,            NULL,        do_admit,      SAME,      "say it again"),
	ROW(ADMITTED,  ORDER,            NULL,        device_queue_enter, QUEUED, "after others"),
	ROW(WAITING,   ORDER,            NULL,        device_queue_enter, QUEUED, "after others"),
	ROW(QUEUED,    TURN,             NULL,        do_look,       FLASHING,  "what runs there?"),
	ROW(QUEUED,    REFUSE,           NULL,        device_end_as, REFUSED, "nothing written"),
	ROW(QUEUED,    DEADLINE,         NULL,        device_queue_late, FAILED, "no turn came"),
	ROW(QUEUED,    SUPERSEDED,       NULL,        device_end_supersede, CANCELLED, ""),
	ROW(QUEUED,    CANCEL,           NULL,        device_end_cancel, CANCELLED, ""),
	ROW(QUEUED,    RESTARTED,        NULL,        NULL,          SAME,      "in its place"),
	ROW(ADMITTED,  REFUSE,           NULL,        device_end_as, REFUSED, "nothing written"),
	ROW(WAITING,   REFUSE,           NULL,        device_end_as, REFUSED, "nothing written"),
	ROW(FLASHING,  REFUSE,           untouched,   device_end_as, REFUSED, "nothing written"),
	ROW(FLASHING,  REFUSE,           NULL,        device_end_as, FAILED, "half written"),

	ROW(FLASHING,  SEES_OLD,         device_end_is_called_off, device_end_call_off, CANCELLED, ""),
	ROW(FLASHING,  SEES_NEW_STORED,  device_end_is_called_off, device_end_call_off, CANCELLED, ""),
	ROW(FLASHING,  SEES_OLD,         NULL,        do_write,      SAME,      "or resume"),
	ROW(FLASHING,  SEES_NEW_STORED,  NULL,        do_mark,       SAME,      "written already"),
	ROW(FLASHING,  SEES_NEW_PENDING, NULL,        do_reboot,     STAGED,    "marked already"),
	ROW(FLASHING,  SEES_NEW_ON_TEST, unwanted,    do_back,       TESTING,   "cancelled"),
	ROW(FLASHING,  SEES_NEW_ON_TEST, device_health_waits, device_health_watch, TESTING, ""),
	ROW(FLASHING,  SEES_NEW_ON_TEST, device_health_asks, device_health_ask, TESTING, "a program"),
	ROW(FLASHING,  SEES_NEW_ON_TEST, NULL,        do_confirm,    TESTING,   "healthy: keep it"),
	ROW(FLASHING,  SEES_MISFIT,      NULL,        do_revert,     TESTING,   "not healthy"),
	ROW(FLASHING,   SEES_NEW_KEPT,    device_end_is_replaced, device_end_replaced, FAILED, ""),
	ROW(FLASHING,  SEES_NEW_KEPT,    device_health_kept_waits, device_health_watch, TESTING, ""),
	ROW(FLASHING,  SEES_NEW_KEPT,    device_health_kept_asks, device_health_ask, TESTING, ""),
	ROW(FLASHING,  SEES_NEW_KEPT,    NULL,        device_end_done, DONE, "nothing to do"),
	ROW(FLASHING,  SEES_BARE,        NULL,        device_bare_write, SAME,  "nothing to lose"),
	ROW(FLASHING,  WROTE,            NULL,        do_mark,       SAME,      "for a test boot"),
	ROW(FLASHING,  MARKED,           NULL,        do_reboot,     STAGED,    ""),
	ROW(FLASHING,  TROUBLE,          no_stage,    do_reboot,     STAGED,    "it has no slots"),
	ROW(FLASHING,  TROUBLE,          device_queue_yields, device_queue_again, QUEUED, "it went"),
	ROW(FLASHING,  TROUBLE,          is_already,  do_look,       SAME,      "look, by hash"),
	ROW(FLASHING,  TROUBLE,          device_see_in_the_way, do_back, SAME,     "one on trial goes"),
	ROW(FLASHING,  WENT_BACK,        NULL,        do_look,       SAME,      "to which?"),
	ROW(FLASHING,  TROUBLE,          is_passing,  do_retry,      SAME,      "after a pause"),
	ROW(FLASHING,  TROUBLE,          device_bare_goes_on, do_retry, SAME,   "keep trying"),
	ROW(FLASHING,  TROUBLE,          NULL,        device_end_as, FAILED, "refused"),
	ROW(FLASHING,  DEADLINE,         device_bare_is, device_bare_alarm, SAME, "keep trying"),
	ROW(FLASHING,  DEADLINE,         NULL,        device_end_late, FAILED, ""),
	ROW(STAGED,    REBOOTED,         NULL,        do_look,       TESTING,   "what runs?"),
	ROW(STAGED,    SEES_NEW_PENDING, NULL,        do_reboot,     SAME,      "reset was lost"),
	ROW(STAGED,    SEES_NEW_ON_TEST, unwanted,    do_back,       TESTING,   "cancelled"),
	ROW(STAGED,    SEES_NEW_ON_TEST, device_health_waits, device_health_watch, TESTING, ""),
	ROW(STAGED,    SEES_NEW_ON_TEST, device_health_asks, device_health_ask, TESTING, "a program"),
	ROW(STAGED,    SEES_NEW_ON_TEST, NULL,        do_confirm,    TESTING,   "healthy: keep it"),
	ROW(STAGED,    SEES_MISFIT,      NULL,        do_revert,     TESTING,   "not healthy"),
	ROW(STAGED,     SEES_NEW_KEPT,    device_end_is_replaced, device_end_replaced, FAILED, ""),
	ROW(STAGED,    SEES_NEW_KEPT,    device_health_kept_waits, device_health_watch, TESTING, ""),
	ROW(STAGED,    SEES_NEW_KEPT,    device_health_kept_asks, device_health_ask, TESTING, ""),
	ROW(STAGED,    SEES_NEW_KEPT,    NULL,        device_end_done, DONE, "booted for good"),
	ROW(STAGED,    SEES_NEW_STORED,  rebooted,    device_end_reverted, REVERTED, "refused to boot"),
	ROW(STAGED,    SEES_NEW_STORED,  NULL,        do_mark,       FLASHING,  "mark was lost"),
	ROW(STAGED,    SEES_OLD,         rebooted,    device_end_reverted, REVERTED, "refused to boot"),
	ROW(STAGED,    SEES_OLD,         NULL,        do_write,      FLASHING,  "image was lost"),
	ROW(STAGED,    SEES_BARE,        NULL,        device_bare_write, FLASHING, "once more"),
	ROW(STAGED,    TROUBLE,          no_reboot,   do_look,       TESTING,   "by itself"),
	ROW(STAGED,    TROUBLE,          NULL,        do_retry,      SAME,      "after a pause"),
	ROW(STAGED,    DEADLINE,         device_bare_is, device_bare_alarm, FLASHING, ""),
	ROW(STAGED,    DEADLINE,         NULL,        device_end_late, FAILED, ""),
	ROW(TESTING,   SEES_NEW_ON_TEST, unwanted,    do_back,       SAME,      "cancelled"),
	ROW(TESTING,   SEES_NEW_ON_TEST, device_health_was_bad, do_back, SAME,  "not healthy"),
	ROW(TESTING,   SEES_NEW_ON_TEST, device_health_waits, device_health_watch, SAME, "for a while"),
	ROW(TESTING,   SEES_NEW_ON_TEST, device_health_asks, device_health_ask, SAME, "a program"),
	ROW(TESTING,   SEES_NEW_ON_TEST, NULL,        do_confirm,    SAME,      "healthy: keep it"),
	ROW(TESTING,    SEES_NEW_KEPT,    device_end_is_replaced, device_end_replaced, FAILED, ""),
	ROW(TESTING,   SEES_NEW_KEPT,    device_health_was_bad, do_back, SAME,  "not healthy"),
	ROW(TESTING,   SEES_NEW_KEPT,    device_health_waits, device_health_watch, SAME, "for a while"),
	ROW(TESTING,   SEES_NEW_KEPT,    device_health_asks, device_health_ask, SAME, "a program"),
	ROW(TESTING,   SEES_NEW_KEPT,    NULL,        device_end_done, DONE, "kept already"),
	ROW(TESTING,   SEES_MISFIT,      NULL,        do_revert,     SAME,      "not healthy"),
	ROW(TESTING,   SEES_NEW_PENDING, NULL,        do_reboot,     STAGED,    "it did not reset"),
	ROW(TESTING,   SEES_NEW_STORED,  NULL,        device_end_reverted, REVERTED, "old image runs"),
	ROW(TESTING,   SEES_OLD,         NULL,        device_end_reverted, REVERTED, "old image runs"),
	ROW(TESTING,   KEPT,             NULL,        do_look,       CONFIRMED, "says it so?"),
	ROW(TESTING,   WENT_BACK,        NULL,        do_look,       SAME,      "says it so?"),
	ROW(TESTING,   CHECKED,          NULL,        device_health_good, SAME, "still there?"),
	ROW(TESTING,   SEES_BARE,        NULL,        device_bare_write, FLASHING, "once more"),
	ROW(TESTING,   TROUBLE,          no_confirm,  do_no_confirm, CONFIRMED, "no such thing"),
	ROW(TESTING,   TROUBLE,          is_reverted, device_end_reverted, REVERTED, "old image runs"),
	ROW(TESTING,   TROUBLE,          device_health_is_bad, device_health_bad, SAME, "not healthy"),
	ROW(TESTING,   TROUBLE,          ill_for_good, device_health_stuck, FAILED, ""),
	ROW(TESTING,   TROUBLE,          no_way_but_on, do_on,       SAME,      "it cannot go back"),
	ROW(TESTING,   TROUBLE,          no_way_back, device_end_as, FAILED, "wrong image runs"),
	ROW(TESTING,   TROUBLE,          is_denied,   do_take_back,  SAME,      "it will not keep it"),
	ROW(TESTING,   TROUBLE,          NULL,        do_retry,      SAME,      "after a pause"),
	ROW(TESTING,   DEADLINE,         device_bare_is, device_bare_alarm, FLASHING, ""),
	ROW(TESTING,   DEADLINE,         NULL,        device_end_late, FAILED, ""),

	ROW(CONFIRMED, SEES_NEW_KEPT,    NULL,        device_end_done, DONE, "counters rise"),
	ROW(CONFIRMED, SEES_NEW_ON_TEST, NULL,        do_confirm_again, SAME,   "did not take"),
	ROW(CONFIRMED, KEPT,             NULL,        do_look,       SAME,      "says it so?"),
	ROW(CONFIRMED, SEES_MISFIT,      NULL,        do_revert,     TESTING,   "not healthy"),
	ROW(CONFIRMED, SEES_NEW_PENDING, NULL,        device_end_reverted, REVERTED, "old image runs"),
	ROW(CONFIRMED, SEES_NEW_STORED,  NULL,        device_end_reverted, REVERTED, "old image runs"),
	ROW(CONFIRMED, SEES_OLD,         NULL,        device_end_reverted, REVERTED, "old image runs"),
	ROW(CONFIRMED, SEES_BARE,        NULL,        device_bare_write, FLASHING, "once more"),
	ROW(CONFIRMED, TROUBLE,          no_confirm,  do_no_confirm, SAME,      "no such thing"),
	ROW(CONFIRMED, TROUBLE,          NULL,        do_retry,      SAME,      "after a pause"),
	ROW(CONFIRMED, DEADLINE,         device_bare_is, device_bare_alarm, FLASHING, ""),
	ROW(CONFIRMED, DEADLINE,         NULL,        device_end_late, FAILED, "not seen again"),

	ROW(ANY,       REPLACED,         device_queue_drops, device_end_replaced, CANCELLED, ""),
	ROW(ANY,       REPLACED,         device_queue_swaps, device_queue_anew, QUEUED, "another unit"),
	ROW(ADMITTED,  DEADLINE,         NULL,        device_end_late_image, FAILED, "no image came"),
	ROW(WAITING,   DEADLINE,         NULL,        device_end_late_image, FAILED, "no image came"),
	ROW(ADMITTED,  SUPERSEDED,       NULL,        device_end_supersede, CANCELLED, ""),
	ROW(WAITING,   SUPERSEDED,       NULL,        device_end_supersede, CANCELLED, ""),
	ROW(ADMITTED,  CANCEL,           NULL,        device_end_cancel, CANCELLED, ""),
	ROW(WAITING,   CANCEL,           NULL,        device_end_cancel, CANCELLED, ""),
	ROW(FLASHING,  SUPERSEDED,       device_bare_is, device_end_supersede, CANCELLED, "alarmed"),
	ROW(FLASHING,  CANCEL,           is_safe,     device_end_cancel, CANCELLED, "old image runs"),
	ROW(FLASHING,  CANCEL,           device_end_may_replace, device_end_replace_later, SAME, "later"),
	ROW(FLASHING,  CANCEL,           device_end_is_marked, device_end_go_back, SAME, "once it runs"),
	ROW(FLASHING,  CANCEL,           NULL,        device_end_too_late, SAME, ""),
	ROW(STAGED,    CANCEL,           device_end_is_by_person, device_end_go_back, SAME,      "once it runs"),
	ROW(STAGED,    CANCEL,           NULL,        device_end_too_late, SAME, ""),
	ROW(TESTING,   CANCEL,           device_end_is_by_person, device_end_go_back, SAME,      "back"),
	ROW(TESTING,   CANCEL,           NULL,        device_end_too_late, SAME, ""),
	ROW(CONFIRMED, CANCEL,           NULL,        device_end_too_late, SAME, ""),

	ROW(ADMITTED,  RESTARTED,        NULL,        do_admit,      SAME,      "say it again"),
	ROW(WAITING,   RESTARTED,        NULL,        NULL,          SAME,      ""),
	ROW(FLASHING,  RESTARTED,        NULL,        do_look,       SAME,      "ask the device"),
	ROW(STAGED,    RESTARTED,        NULL,        do_look,       SAME,      "ask the device"),
	ROW(TESTING,   RESTARTED,        NULL,        do_look,       SAME,      "ask the device"),
	ROW(CONFIRMED, RESTARTED,        NULL,        do_look,       SAME,      "ask the device"),
};

const struct fsm_table device_table = {
	"device", states, DEVICE_STATES, events, DEVICE_EVENTS, rows,
	sizeof(rows) / sizeof(rows[0]),
};
/* clang-format on */
#undef ROW

enum err
device_step(struct device_upgrade *u, int event, const struct device_news *n)
{
	struct subject s = device_subject(u);
	int before = u->state;

	if (u->furthest < before)
		u->furthest = before;
	enum err e = fsm_step(&device_table, &u->state, event, u, n, &s);

	if (e != ERR_OK)
		return e;
	u->changed = true;
	if (u->state == before)
		return ERR_OK;
	if (u->state > u->furthest) { /* going back does not start the clock again */
		u->furthest = u->state;
		u->since = u->sign = n->now;
		u->spent_ms = 0;
		u->confusions = u->troubles = u->repeats = u->denials = 0;
	}
	if (device_phase(u->state) != PB__PHASE__PHASE_UNKNOWN)
		u->say |= 1u << device_phase(u->state);
	return ERR_OK;
}
