/*
 * flash_queue: see flash_queue.h.
 */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "device_queue.h"
#include "flash_depends.h"
#include "flash_group.h"
#include "flash_judge.h"
#include "flash_queue.h"
#include "flash_work.h"
#include "policy_table.h"

enum { PRIORITY = 50, JUDGE_AGAIN_MS = 60000 };

/* --- gathering -------------------------------------------------------------------------------- */

static const struct flash_settings_policy *
policy_of(const struct flash *f, const struct roster_device *d)
{
	return d ? policy_table_find(f->settings, d->config) : NULL;
}

/* Its own device, or none. */
/* Policy has said no, and when it is asked again. */
static bool
is_judged(const struct device_upgrade *u)
{
	return u->hold == ROLLOUT_HOLD_POLICY || u->hold == ROLLOUT_HOLD_BUSY ||
	       u->hold == ROLLOUT_HOLD_DEPENDS;
}

static enum rollout_hold
hold_of(
    const struct flash *f, const struct roster_device *d, struct device_upgrade *u, struct mono now)
{
	if (d->state != PB__DEVICE_STATE__DEVICE_STATE_PRESENT)
		return ROLLOUT_HOLD_AWAY;
	if (flash_group_holds(f, d, u, u->hold_text)) {
		u->due = now;
		return ROLLOUT_HOLD_ORDER;
	}
	return is_judged(u) && !mono_reached(now, u->due) ? (enum rollout_hold)u->hold
							  : ROLLOUT_HOLD_NONE;
}

static void
fill(struct flash *f, struct rollout_entry *e, struct device_upgrade *u, struct mono now)
{
	const struct roster_device *d = roster_of(&f->roster, u);
	const struct flash_settings_policy *p = policy_of(f, d);

	*e = (struct rollout_entry){.upgrade = u->id,
	    .rollout = ledger_rollout_of(&f->ledger, u),
	    .link = d ? d->lane : NULL,
	    .product = u->product_key,
	    .active = device_is_active(u),
	    .absent = device_queue_is_absent(u) ||
		      (u->waits_for_others && u->state == DEVICE_TESTING),
	    .canary = p && !flash_group_has_begun(f, d) ? (uint32_t)p->canary : 0,
	    .parallel = p ? (uint32_t)p->parallel : 0,
	    .priority = p ? (uint32_t)p->priority : PRIORITY,
	    .since = u->since};
	if (!e->active)
		e->hold = d ? hold_of(f, d, u, now) : ROLLOUT_HOLD_AWAY;
}

static bool
is_queued(const struct device_upgrade *u)
{
	return u->state == DEVICE_QUEUED;
}

/* Makes the rollouts of those that wait; how many do. */
static size_t
need_rollouts(struct flash *f)
{
	size_t waiting = 0;

	for (struct device_upgrade *u = f->ledger.upgrades; u; u = u->next) {
		waiting += is_queued(u);
		if (is_queued(u) && !ledger_need_rollout(&f->ledger, u))
			log_warn(NULL, "too many rollouts at the same time, one is not counted");
	}
	return waiting;
}

/* All that wait or are under way, with room for one more; NULL: no memory. */
static struct rollout_entry *
gather(struct flash *f, size_t *n, struct mono now)
{
	size_t all = 1;

	for (struct device_upgrade *u = f->ledger.upgrades; u; u = u->next)
		all += is_queued(u) || device_is_active(u);
	struct rollout_entry *list = calloc(all, sizeof(*list));

	*n = 0;
	if (!list)
		return NULL;
	for (struct device_upgrade *u = f->ledger.upgrades; u; u = u->next)
		if (is_queued(u) || device_is_active(u))
			fill(f, &list[(*n)++], u, now);
	return list;
}

/* --- a turn ----------------------------------------------------------------------------------- */

/* The device itself knows best whether it runs the version already. */
static bool
is_welcome(const struct policy_verdict *v)
{
	return v->verdict == PB__VERDICT__VERDICT_ACCEPT || v->reason == ERR_ALREADY;
}

/* Looked at again when `due`, for this reason. */
static void
hold_back(struct device_upgrade *u, enum rollout_hold *hold, enum rollout_hold why,
    const char *text, struct mono due)
{
	*hold = why;
	snprintf(u->hold_text, sizeof(u->hold_text), "%.190s", text);
	u->due = due;
}

/* What can be found out only now, of its image and of its group. */
static enum err
look_closely(struct flash *f, struct device_upgrade *u, char why[WHY_SIZE])
{
	enum err e = flash_depends_hold(f, u, why);

	return e ? e : flash_group_check(f, u, why);
}

/* It is welcome. */
static bool
begin(struct flash *f, struct device_upgrade *u, enum rollout_hold *hold, struct mono now)
{
	char why[WHY_SIZE] = "";
	struct device_news n = {.now = now, .error = look_closely(f, u, why), .detail = why};

	if (n.error == ERR_AGAIN) {
		hold_back(u, hold, ROLLOUT_HOLD_DEPENDS, why, mono_after(now, JUDGE_AGAIN_MS));
		return false;
	}
	if (n.error != ERR_OK)
		return device_step(u, DEVICE_REFUSE, &n) == ERR_OK;
	if (device_step(u, DEVICE_TURN, &n) != ERR_OK)
		return false;
	snprintf(u->binding, sizeof(u->binding), "%s", roster_of(&f->roster, u)->binding);
	u->hold = ROLLOUT_HOLD_NONE;
	u->hold_text[0] = '\0';
	return true;
}

static bool
try_to_begin(struct flash *f, struct device_upgrade *u, enum rollout_hold *hold, struct mono now)
{
	struct policy_verdict v;

	flash_judge_again(f, u, &v);
	struct device_news n = {.now = now, .error = v.reason, .detail = v.detail};
	if (v.reason == ERR_SOURCE_VERSION) /* it was accepted for another version */
		return device_step(u, DEVICE_REFUSE, &n) == ERR_OK;
	if (is_welcome(&v))
		return begin(f, u, hold, now);
	uint64_t wall = clock_wall_ms();
	uint64_t wait = v.until > wall ? v.until - wall : JUDGE_AGAIN_MS;

	hold_back(u, hold, v.reason == ERR_BUSY ? ROLLOUT_HOLD_BUSY : ROLLOUT_HOLD_POLICY, v.detail,
	    mono_after(now, (int64_t)(wait < JUDGE_AGAIN_MS ? wait : JUDGE_AGAIN_MS)));
	return false;
}

/* What holds it, for people; policy's own words are there already. */
static void
explain(struct flash *f, struct device_upgrade *u, const struct rollout_entry *e)
{
	const struct roster_device *d = roster_of(&f->roster, u);

	u->hold = e->hold;
	switch (e->hold) {
	case ROLLOUT_HOLD_POLICY:
	case ROLLOUT_HOLD_BUSY:
	case ROLLOUT_HOLD_ORDER:
	case ROLLOUT_HOLD_DEPENDS:
		break;
	case ROLLOUT_HOLD_AWAY:
		snprintf(u->hold_text, sizeof(u->hold_text),
		    "expected an answer of the device, got: %.150s",
		    d && d->detail[0] ? d->detail : "none yet");
		break;
	case ROLLOUT_HOLD_CANARY:
		snprintf(u->hold_text, sizeof(u->hold_text),
		    "expected %u devices that run it (canary), got %u", e->canary,
		    e->rollout->done);
		break;
	case ROLLOUT_HOLD_STOPPED:
		snprintf(u->hold_text, sizeof(u->hold_text),
		    "stopped after %u failures; subotactl rollout resume %" PRIu64,
		    e->rollout->failures, e->rollout->id);
		break;
	default:
		snprintf(u->hold_text, sizeof(u->hold_text), "in the queue: %s",
		    rollout_hold_name(e->hold));
	}
}

static struct rollout_limits
limits_of(const struct flash *f)
{
	return (struct rollout_limits){.all = (uint32_t)f->settings->parallel,
	    .link = (uint32_t)f->settings->per_link,
	    .paused = f->ledger.paused};
}

static bool
choose(struct flash *f, struct rollout_entry *list, size_t n, struct mono now)
{
	const struct rollout_limits l = limits_of(f);
	struct rollout_entry *e = NULL;
	bool changed = false;

	while ((e = rollout_pick(list, n, &l, now)) != NULL) {
		struct device_upgrade *u = ledger_find(&f->ledger, e->upgrade);

		e->active = try_to_begin(f, u, &e->hold, now);
		changed |= e->active;
	}
	for (size_t i = 0; i < n; i++)
		if (!list[i].active)
			explain(f, ledger_find(&f->ledger, list[i].upgrade), &list[i]);
	return changed;
}

bool
flash_queue_start(struct flash *f)
{
	struct mono now = clock_now();
	size_t n = 0;

	if (need_rollouts(f) == 0)
		return false;
	AUTO(mem) struct rollout_entry *list = gather(f, &n, now);

	return list && choose(f, list, n, now);
}

enum rollout_hold
flash_queue_would(struct flash *f, struct device_upgrade *u)
{
	const struct rollout_limits l = limits_of(f);
	struct mono now = clock_now();
	size_t n = 0;
	AUTO(mem) struct rollout_entry *list = gather(f, &n, now);

	if (!list)
		return ROLLOUT_HOLD_ALL;
	u->since = now;
	u->hold = ROLLOUT_HOLD_NONE;
	fill(f, &list[n], u, now);
	list[n].hold = rollout_hold_of(list, n, &l, &list[n]);
	explain(f, u, &list[n]);
	return list[n].hold;
}

struct mono
flash_queue_next(const struct flash *f)
{
	struct mono due = MONO_NEVER;

	for (const struct device_upgrade *u = f->ledger.upgrades; u; u = u->next)
		if (is_queued(u) && is_judged(u) && u->due.ms < due.ms)
			due = u->due;
	return due;
}

/* --- ends ------------------------------------------------------------------------------------- */

static struct rollout_rules
rules_of(const struct flash *f, const struct device_upgrade *u)
{
	const struct flash_settings_policy *p = policy_of(f, roster_of(&f->roster, u));

	return (struct rollout_rules){p ? (uint32_t)p->canary : 0, p ? (uint32_t)p->stop_after : 0};
}

void
flash_queue_count(struct flash *f, const struct device_upgrade *u)
{
	struct rollout *r = ledger_rollout_of(&f->ledger, u);
	struct rollout_rules rules = rules_of(f, u);
	int event = u->state == DEVICE_DONE ? ROLLOUT_DONE : ROLLOUT_FAILED;
	bool counts = u->state == DEVICE_DONE || u->state == DEVICE_FAILED ||
		      (u->state == DEVICE_REVERTED && u->error != ERR_CANCELLED);

	if (!r || !counts || rollout_step(r, event, &rules) != ERR_OK || !r->stopped_now)
		return;
	r->stopped_now = false;
	char text[WHY_SIZE];

	snprintf(text, sizeof(text),
	    "rollout %" PRIu64 " of %.64s to %.64s stopped after %u failures; subotactl rollout"
	    " resume %" PRIu64,
	    r->id, r->product_key, r->version, r->failures, r->id);
	flash_note(f, "rollout_stopped", u, (enum err)u->error, text);
}

/* --- a person --------------------------------------------------------------------------------- */

enum err
flash_queue_pause(struct flash *f, const char *argument, bool pause, char why[WHY_SIZE])
{
	char *end = NULL;
	uint64_t id = strtoull(argument, &end, 10);
	struct rollout *r = *argument && !*end ? ledger_rollout(&f->ledger, id) : NULL;

	if (strcmp(argument, "all") == 0)
		return ledger_pause(&f->ledger, pause);
	if (!r)
		return why_say(why, ERR_NOT_FOUND,
		    "expected the number of a rollout or all, got '%.40s'", argument);
	/* whoever had canaries and has none any more may go on with the rest */
	const struct device_upgrade *u = f->ledger.upgrades;

	while (u && ledger_rollout_of(&f->ledger, u) != r)
		u = u->next;
	struct rollout_rules rules = u ? rules_of(f, u) : (struct rollout_rules){0};
	enum err e = rollout_step(r, pause ? ROLLOUT_PAUSE : ROLLOUT_RESUME, &rules);

	return e == ERR_OK ? e
			   : why_say(why, e, "expected a rollout that is not %s, got one",
				 rollout_table.states[r->state]);
}

/* --- the truth in a word ---------------------------------------------------------------------- */

static const char *
queued_status(const struct device_upgrade *u)
{
	switch (u->hold) {
	case ROLLOUT_HOLD_AWAY:
		return "away";
	case ROLLOUT_HOLD_POLICY:
	case ROLLOUT_HOLD_DEPENDS:
		return "held";
	default:
		return "queued";
	}
}

const char *
flash_queue_status(const struct flash *f, const struct device_upgrade *u, const char **text)
{
	static const char *const words[DEVICE_STATES] = {"asked", "waiting", "waiting", "queued",
	    "writing", "staged", "testing", "testing", "done", "reverted", "failed", "refused",
	    "cancelled"};

	(void)f;
	*text = u->detail;
	if (is_queued(u)) {
		*text = u->hold_text;
		return queued_status(u);
	}
	if (u->verb == PB__VERB__VERB_CHECK)
		*text = "expected an answer of health_command, got none yet";
	return device_queue_is_absent(u) ? "away" : words[u->state];
}
