/*
 * policy: see policy.h. What can never be is asked before what may pass.
 */
#include <inttypes.h>
#include <string.h>

#include "policy.h"

struct asked {
	const struct policy_device *d;
	const Pb__PlanOffer *o;
	char *why;
};

/* A check writes its sentence whether it holds or not: what holds is told, too (policy_explain). */
static enum err
check_known(const struct asked *a)
{
	return why_say(a->why, a->d->known ? ERR_OK : ERR_UNKNOWN_DEVICE,
	    "expected a configured device, got %.64s/%.64s", a->o->device->product_key,
	    a->o->device->device_key);
}

static enum err
check_component(const struct asked *a)
{
	bool same = strcmp(a->d->component, a->o->component) == 0;

	return why_say(a->why, same ? ERR_OK : ERR_COMPONENT, "expected component %.64s, got %.64s",
	    a->d->component, a->o->component);
}

static const char *
rule_of(const struct asked *a)
{
	return a->d->rule ? a->d->rule : "of the device";
}

static enum err
check_mode(const struct asked *a)
{
	if (a->d->mode == POLICY_NEVER)
		return why_say(a->why, ERR_POLICY,
		    "expected no upgrade (policy %.64s: never), got version %.64s", rule_of(a),
		    a->o->target_version);
	return why_say(a->why, ERR_OK, "expected policy auto or ask, got %s (policy %.64s)",
	    a->d->mode == POLICY_ASK ? "ask" : "auto", rule_of(a));
}

/* Before the device is looked at: what it is like now need not be so when the window opens. */
static enum err
check_window(const struct asked *a)
{
	static const char days[7][4] = {"Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat"};
	unsigned minute = a->d->minute;

	if (!a->d->windows)
		return why_say(a->why, ERR_OK, "expected any time, got now");
	return why_say(a->why, a->d->opens_in_ms == 0 ? ERR_OK : ERR_POLICY,
	    "expected a time within %.120s (policy %.64s), got %s %02u:%02u", a->d->windows,
	    rule_of(a), days[minute / 1440 % 7], minute / 60 % 24, minute % 60);
}

static enum err
check_space(const struct asked *a)
{
	if (a->d->space == 0)
		return why_say(a->why, ERR_OK,
		    "expected any size (room is not known), got %" PRIu64, a->o->space_bytes);
	return why_say(a->why, a->o->space_bytes <= a->d->space ? ERR_OK : ERR_SPACE,
	    "expected at most %" PRIu64 " bytes, got %" PRIu64, a->d->space, a->o->space_bytes);
}

static enum err
check_heard(const struct asked *a)
{
	if (a->d->state == PB__DEVICE_STATE__DEVICE_STATE_UNKNOWN)
		return why_say(a->why, ERR_DEVICE_AWAY,
		    "expected the device to have been asked, got no time for it yet");
	return why_say(a->why, ERR_OK, "expected the device to have been asked, got that");
}

/* Busy is looked at before the version: a version is in the making. */
static enum err
check_free(const struct asked *a)
{
	return why_say(a->why, a->d->busy_with ? ERR_BUSY : ERR_OK,
	    "expected a free device, got %.120s", a->d->busy_with ? a->d->busy_with : "one");
}

static enum err
check_there(const struct asked *a)
{
	if (a->d->state != PB__DEVICE_STATE__DEVICE_STATE_AWAY)
		return why_say(a->why, ERR_OK, "expected an answer of the device, got one");
	return why_say(
	    a->why, ERR_DEVICE_AWAY, "expected an answer of the device, got none when last asked");
}

static enum err
check_newer(const struct asked *a)
{
	if (strcmp(a->d->version, a->o->target_version) == 0 && !a->d->on_trial)
		return why_say(a->why, ERR_ALREADY,
		    "expected another version than %.64s, got the same", a->d->version);
	return why_say(a->why, ERR_OK, "expected another version than %.64s, got %.64s",
	    a->d->version[0] ? a->d->version : "unknown", a->o->target_version);
}

static enum err
check_source(const struct asked *a)
{
	const char *source = a->o->source_version;
	const char *version = a->d->version[0] ? a->d->version : "unknown";

	if (!source[0])
		return why_say(a->why, ERR_OK, "expected any source version, got %.64s", version);
	return why_say(a->why, strcmp(source, a->d->version) == 0 ? ERR_OK : ERR_SOURCE_VERSION,
	    "expected source version %.64s, got %.64s", source, version);
}

static enum err
check_battery(const struct asked *a)
{
	uint32_t least = a->o->min_battery_percent;

	if (a->d->min_battery > least)
		least = a->d->min_battery;
	if (a->d->battery >= POLICY_BATTERY_UNKNOWN)
		return why_say(a->why, ERR_OK,
		    "expected a battery of %u %% or more, got mains or unknown", (unsigned)least);
	return why_say(a->why, a->d->battery >= least ? ERR_OK : ERR_BATTERY,
	    "expected a battery of %u %% or more, got %u %%", (unsigned)least,
	    (unsigned)a->d->battery);
}

static enum err
check_signal(const struct asked *a)
{
	int32_t least = a->o->min_signal_dbm;

	if (a->d->min_signal_dbm && (least == 0 || a->d->min_signal_dbm > least))
		least = a->d->min_signal_dbm;
	if (least == 0 || a->d->signal_dbm == 0)
		return why_say(a->why, ERR_OK, "expected %s signal, got %d dBm (0 = unknown)",
		    least ? "a better" : "any", (int)a->d->signal_dbm);
	return why_say(a->why, a->d->signal_dbm >= least ? ERR_OK : ERR_SIGNAL,
	    "expected a signal of %d dBm or more, got %d dBm", (int)least, (int)a->d->signal_dbm);
}

static enum err
check_consent(const struct asked *a)
{
	if (a->d->mode != POLICY_ASK)
		return why_say(a->why, ERR_OK, "expected nobody to be asked, got nobody");
	if (a->d->consent)
		return why_say(a->why, ERR_OK, "expected a person to say yes, got a yes");
	return why_say(a->why, ERR_POLICY,
	    "expected a person to say yes (policy %.64s: ask), got no answer yet", rule_of(a));
}

enum { WHEN_OPEN = 1, WHEN_ASKED = 2 };

/* clang-format off */
static const struct {
	enum err (*check)(const struct asked *a);
	const char *name;
	uint64_t later_ms; /* 0: the plan is rejected, else deferred; WHEN_OPEN: to the window,
			    WHEN_ASKED: the caller knows */
} rules[] = {
	/* check          name         again after */
	{check_known,     "known",     0},
	{check_component, "component", 0},
	{check_mode,      "mode",      0},
	{check_space,     "space",     0},
	{check_window,    "window",    WHEN_OPEN},
	{check_heard,     "heard",     POLICY_SOON_MS},
	{check_free,      "free",      POLICY_LATER_MS},
	{check_there,     "there",     POLICY_LATER_MS},
	{check_newer,     "newer",     0},
	{check_source,    "source",    0},
	{check_battery,   "battery",   0},
	{check_signal,    "signal",    0},
	{check_consent,   "consent",   WHEN_ASKED},
};
/* clang-format on */

static void
set_verdict(
    struct policy_verdict *out, uint64_t later_ms, uint64_t wall_ms, const struct policy_device *d)
{
	if (later_ms == WHEN_ASKED) {
		out->verdict = PB__VERDICT__VERDICT_ASKED;
	} else if (later_ms) {
		out->verdict = PB__VERDICT__VERDICT_DEFER;
		out->until = wall_ms + (later_ms == WHEN_OPEN ? d->opens_in_ms : later_ms);
	} else {
		out->verdict = PB__VERDICT__VERDICT_REJECT;
	}
}

void
policy_judge(const struct policy_device *d, const Pb__PlanOffer *o, uint64_t wall_ms,
    struct policy_verdict *out)
{
	struct asked a = {d, o, out->detail};

	*out = (struct policy_verdict){.verdict = PB__VERDICT__VERDICT_ACCEPT};
	for (size_t i = 0; i < sizeof(rules) / sizeof(rules[0]); i++) {
		out->reason = rules[i].check(&a);
		if (out->reason == ERR_OK)
			continue;
		set_verdict(out, rules[i].later_ms, wall_ms, d);
		return;
	}
	out->detail[0] = '\0';
}

void
policy_explain(const struct policy_device *d, const Pb__PlanOffer *o, why_on_check *fn, void *arg)
{
	char why[WHY_SIZE];
	struct asked a = {d, o, why};
	size_t n = d->known ? sizeof(rules) / sizeof(rules[0]) : 1;

	for (size_t i = 0; i < n; i++) {
		enum err e = rules[i].check(&a);

		fn(arg, rules[i].name, e, why);
	}
}
