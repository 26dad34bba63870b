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

static enum err
check_known(const struct asked *a)
{
	if (a->d->known)
		return ERR_OK;
	return why_say(a->why, ERR_UNKNOWN_DEVICE, "expected a configured device, got %.64s/%.64s",
	    a->o->device->product_key, a->o->device->device_key);
}

static enum err
check_component(const struct asked *a)
{
	if (strcmp(a->d->component, a->o->component) == 0)
		return ERR_OK;
	return why_say(a->why, ERR_COMPONENT, "expected component %.64s, got %.64s",
	    a->d->component, a->o->component);
}

static enum err
check_mode(const struct asked *a)
{
	if (a->d->mode != POLICY_NEVER)
		return ERR_OK;
	return why_say(a->why, ERR_POLICY,
	    "expected no upgrade (policy %.64s: never), got version %.64s",
	    a->d->rule ? a->d->rule : "of the device", a->o->target_version);
}

/* Before the device is looked at: what it is like now need not be so when the window opens. */
static enum err
check_window(const struct asked *a)
{
	static const char days[7][4] = {"Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat"};
	unsigned minute = a->d->minute;

	if (!a->d->windows || a->d->opens_in_ms == 0)
		return ERR_OK;
	return why_say(a->why, ERR_POLICY,
	    "expected a time within %.120s (policy %.64s), got %s %02u:%02u", a->d->windows,
	    a->d->rule ? a->d->rule : "of the device", days[minute / 1440 % 7], minute / 60 % 24,
	    minute % 60);
}

static enum err
check_space(const struct asked *a)
{
	if (a->d->space == 0 || a->o->space_bytes <= a->d->space)
		return ERR_OK;
	return why_say(a->why, ERR_SPACE, "expected at most %" PRIu64 " bytes, got %" PRIu64,
	    a->d->space, a->o->space_bytes);
}

static enum err
check_heard(const struct asked *a)
{
	if (a->d->state == PB__DEVICE_STATE__DEVICE_STATE_UNKNOWN)
		return why_say(a->why, ERR_DEVICE_AWAY,
		    "expected the device to have been asked, got no time for it yet");
	return ERR_OK;
}

/* Busy is looked at before the version: a version is in the making. */
static enum err
check_free(const struct asked *a)
{
	if (!a->d->busy_with)
		return ERR_OK;
	return why_say(a->why, ERR_BUSY, "expected a free device, got %.120s", a->d->busy_with);
}

static enum err
check_there(const struct asked *a)
{
	if (a->d->state != PB__DEVICE_STATE__DEVICE_STATE_AWAY)
		return ERR_OK;
	return why_say(
	    a->why, ERR_DEVICE_AWAY, "expected an answer of the device, got none when last asked");
}

static enum err
check_newer(const struct asked *a)
{
	if (strcmp(a->d->version, a->o->target_version) != 0)
		return ERR_OK;
	return why_say(a->why, ERR_ALREADY, "expected another version than %.64s, got the same",
	    a->d->version);
}

static enum err
check_source(const struct asked *a)
{
	const char *source = a->o->source_version;

	if (!source[0] || strcmp(source, a->d->version) == 0)
		return ERR_OK;
	return why_say(a->why, ERR_SOURCE_VERSION, "expected source version %.64s, got %.64s",
	    source, a->d->version[0] ? a->d->version : "unknown");
}

static enum err
check_battery(const struct asked *a)
{
	uint32_t least = a->o->min_battery_percent;

	if (a->d->min_battery > least)
		least = a->d->min_battery;
	if (a->d->battery >= POLICY_BATTERY_UNKNOWN || a->d->battery >= least)
		return ERR_OK;
	return why_say(a->why, ERR_BATTERY, "expected a battery of %u %% or more, got %u %%",
	    (unsigned)least, (unsigned)a->d->battery);
}

static enum err
check_signal(const struct asked *a)
{
	int32_t least = a->o->min_signal_dbm;

	if (a->d->min_signal_dbm && (least == 0 || a->d->min_signal_dbm > least))
		least = a->d->min_signal_dbm;
	if (least == 0 || a->d->signal_dbm == 0 || a->d->signal_dbm >= least)
		return ERR_OK;
	return why_say(a->why, ERR_SIGNAL, "expected a signal of %d dBm or more, got %d dBm",
	    (int)least, (int)a->d->signal_dbm);
}

static enum err
check_consent(const struct asked *a)
{
	if (a->d->mode != POLICY_ASK || a->d->consent)
		return ERR_OK;
	return why_say(a->why, ERR_POLICY,
	    "expected a person to say yes (policy %.64s: ask), got no answer yet",
	    a->d->rule ? a->d->rule : "of the device");
}

enum { WHEN_OPEN = 1, WHEN_ASKED = 2 };

/* clang-format off */
static const struct {
	enum err (*check)(const struct asked *a);
	uint64_t later_ms; /* 0: the plan is rejected, else deferred; WHEN_OPEN: to the window,
			    WHEN_ASKED: the caller knows */
} rules[] = {
	/* check          again after */
	{check_known,     0},
	{check_component, 0},
	{check_mode,      0},
	{check_space,     0},
	{check_window,    WHEN_OPEN},
	{check_heard,     POLICY_SOON_MS},
	{check_free,      POLICY_LATER_MS},
	{check_there,     POLICY_LATER_MS},
	{check_newer,     0},
	{check_source,    0},
	{check_battery,   0},
	{check_signal,    0},
	{check_consent,   WHEN_ASKED},
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
}
