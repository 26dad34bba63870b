/*
 * flash_act: see flash_act.h.
 */
#include <cjson/cJSON.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "flash_act.h"
#include "flash_judge.h"
#include "flash_queue.h"

void
flash_act_ask(struct flash *f, struct device_upgrade *u, const char *why)
{
	u->error = ERR_POLICY;
	snprintf(u->detail, sizeof(u->detail), "%.200s; subotactl confirm %" PRIu64, why, u->id);
	u->effects |= DEVICE_DO_VERDICT;
	flash_note(f, "plan_awaits_person", u, ERR_POLICY, u->detail);
}

/* --- orders ----------------------------------------------------------------------------------- */

/* The plan is judged once more: a yes lifts no other condition. */
static enum err
confirm(struct flash *f, struct device_upgrade *u, char why[WHY_SIZE])
{
	struct device_news n = {.now = clock_now()};
	struct policy_verdict v;

	flash_judge_again(f, u, &v);
	if (v.verdict != PB__VERDICT__VERDICT_ACCEPT) {
		snprintf(why, WHY_SIZE, "%s", v.detail);
		return v.reason;
	}
	enum err e = device_step(u, DEVICE_ADMIT, &n);

	if (e == ERR_OK) {
		u->error = ERR_OK;
		u->detail[0] = '\0';
	}
	return e;
}

static enum err
reject(struct flash *f, struct device_upgrade *u, char why[WHY_SIZE])
{
	struct device_news n = {.now = clock_now(),
	    .error = ERR_POLICY,
	    .detail = "expected a person to say yes, got a no"};

	(void)f, (void)why;
	return device_step(u, DEVICE_REFUSE, &n);
}

static enum err
cancel(struct flash *f, struct device_upgrade *u, char why[WHY_SIZE])
{
	struct device_news n = {.now = clock_now(),
	    .error = ERR_CANCELLED, /* back even from a test, where that is possible */
	    .detail = "cancelled by a person on the gateway"};
	enum err e = device_step(u, DEVICE_CANCEL, &n);

	(void)f;
	if (e == ERR_OK && !device_is_over(u) && u->error != ERR_CANCELLED)
		e = why_say(why, ERR_PHASE, "expected a state in which it is safe to stop, got %s",
		    device_table.states[u->state]);
	return e;
}

/* clang-format off */
static const struct order {
	const char *what;
	bool waiting; /* only while a person is asked */
	enum err (*fn)(struct flash *f, struct device_upgrade *u, char why[WHY_SIZE]);
	const char *event;
} orders[] = {
	/* order     asked  does      event */
	{"confirm",  true,  confirm,  "operator_confirm"},
	{"reject",   true,  reject,   "operator_reject"},
	{"cancel",   false, cancel,   "operator_cancel"},
};
/* clang-format on */

static enum err
carry_out(struct flash *f, const struct order *o, const char *argument, char why[WHY_SIZE])
{
	char *end = NULL;
	uint64_t id = strtoull(argument, &end, 10);
	struct device_upgrade *u = *argument && !*end ? ledger_find(&f->ledger, id) : NULL;

	if (!u)
		return why_say(
		    why, ERR_NOT_FOUND, "expected the number of an upgrade, got '%.40s'", argument);
	if (device_is_over(u) || (o->waiting && u->state != DEVICE_IDENTIFIED))
		return why_say(why, ERR_PHASE, "expected an upgrade %s, got one that is %s",
		    o->waiting ? "that waits for a person" : "that is under way",
		    device_table.states[u->state]);
	enum err e = o->fn(f, u, why);

	flash_note(f, o->event, u, e, why);
	return e;
}

/* Orders about rollouts. */
static enum err
pause_or_resume(struct flash *f, bool pause, const char *argument, char why[WHY_SIZE])
{
	struct event ev = {.name = pause ? "operator_pause" : "operator_resume", .text = argument};
	enum err e = flash_queue_pause(f, argument, pause, why);

	ev.error = e;
	event_write(f->daemon->events, &ev);
	return e;
}

enum err
flash_act_on_order(void *arg, const char *what, const char *argument, char **json)
{
	char why[WHY_SIZE] = "";
	enum err e = why_say(why, ERR_NOT_FOUND,
	    "expected confirm, reject, cancel, pause or resume, got '%.40s'", what);
	bool pause = strcmp(what, "pause") == 0;

	if (pause || strcmp(what, "resume") == 0) {
		why[0] = '\0';
		e = pause_or_resume(arg, pause, argument, why);
	}

	for (size_t i = 0; i < sizeof(orders) / sizeof(orders[0]); i++) {
		if (strcmp(orders[i].what, what) != 0)
			continue;
		why[0] = '\0';
		e = carry_out(arg, &orders[i], argument, why);
	}
	flash_settle(arg);
	cJSON *root = cJSON_CreateObject();

	cJSON_AddStringToObject(root, "detail", why);
	*json = cJSON_PrintUnformatted(root);
	cJSON_Delete(root);
	return *json ? e : ERR_NOMEM;
}
