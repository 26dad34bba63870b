/*
 * device_see: what a session's words mean for an upgrade; declared in device.h.
 *
 * A device's answer to a change is an opinion, its answer to IDENTIFY the fact: only IDENTIFY leads
 * to a SEES event. Every verb, whatever its end, may teach the hash under which the device lists
 * the image and the version that runs.
 */
#include <stdio.h>
#include <string.h>

#include "device.h"
#include "device_bare.h"
#include "device_end.h"

enum {
	IDENTIFY_MS = 20000,
	CHANGE_MS = 60000, /* STAGE, CONFIRM */
	START_MS = 10000,  /* of a program, and to end it */
	RATE_MS = 1000,
};

static bool
is_hash(const ProtobufCBinaryData *b)
{
	return b->len == DEVICE_HASH;
}

static bool
is_image(const struct device_upgrade *u, const ProtobufCBinaryData *b)
{
	return u->has_image_hash && is_hash(b) && memcmp(b->data, u->image_hash, b->len) == 0;
}

/* The active image is on the device for good, as far as it can say. */
static int
kept_or_test(const struct device_upgrade *u, const Pb__SessionReport *r)
{
	if (r->active_confirmed || u->no_confirm)
		return DEVICE_SEES_NEW_KEPT;
	return DEVICE_SEES_NEW_ON_TEST;
}

int
device_see(const struct device_upgrade *u, const Pb__SessionReport *r)
{
	bool same_version = strcmp(r->version, u->image_version) == 0;

	if (r->destructive && !r->version[0] && !is_hash(&r->active_hash))
		return DEVICE_SEES_BARE;
	if (is_image(u, &r->active_hash))
		return same_version ? kept_or_test(u, r) : DEVICE_SEES_MISFIT;
	if (is_image(u, &r->staged_hash))
		return r->staged_pending ? DEVICE_SEES_NEW_PENDING : DEVICE_SEES_NEW_STORED;
	/* a device that knows hashes is not believed by its version */
	if (is_hash(&r->active_hash) || !same_version || !u->wrote)
		return DEVICE_SEES_OLD;
	return kept_or_test(u, r);
}

bool
device_see_in_the_way(void *ctx, const void *data)
{
	const struct device_upgrade *u = ctx;

	return ((const struct device_news *)data)->error == ERR_DEVICE_STATE && u->on_trial &&
	       u->verb == PB__VERB__VERB_WRITE;
}

static void
learn(struct device_upgrade *u, const Pb__SessionReport *r)
{
	if (r->version[0])
		snprintf(u->version, sizeof(u->version), "%.64s", r->version);
	u->on_trial = r->active_on_trial;
	u->destructive |= r->destructive;
	if (!is_hash(&r->image_hash) || is_image(u, &r->image_hash))
		return;
	memcpy(u->image_hash, r->image_hash.data, DEVICE_HASH);
	u->has_image_hash = u->changed = true;
}

static void
count(struct device_upgrade *u, const Pb__SessionReport *r, struct mono now)
{
	int64_t ms = mono_between(u->progress_at, now);

	if (r->done_bytes > u->done_bytes)
		u->sign = now; /* somebody is there */
	if (r->done_bytes > u->most_bytes) {
		u->most_bytes = r->done_bytes;
		u->troubles = u->confusions = 0;
	}
	u->done_bytes = r->done_bytes;
	u->total_bytes = r->total_bytes;
	if (u->progress_at.ms == 0 || r->done_bytes < u->progress_done) {
		u->progress_at = now;
		u->progress_done = r->done_bytes;
	} else if (ms >= RATE_MS) {
		u->rate = (r->done_bytes - u->progress_done) * 1000 / (uint64_t)ms;
		u->progress_at = now;
		u->progress_done = r->done_bytes;
	}
}

void
device_on_progress(struct device_upgrade *u, const Pb__SessionReport *r, struct mono now)
{
	if (u->verb == PB__VERB__VERB_CHECK) /* it comes from a program, not from the device */
		return;
	learn(u, r);
	if (u->verb == PB__VERB__VERB_WRITE)
		count(u, r, now);
}

/* What the success of a verb is called. */
static int
success_of(const struct device_upgrade *u, const Pb__SessionReport *r)
{
	switch (u->verb) {
	case PB__VERB__VERB_IDENTIFY:
		return device_see(u, r);
	case PB__VERB__VERB_WRITE:
		return DEVICE_WROTE;
	case PB__VERB__VERB_STAGE:
		return DEVICE_MARKED;
	case PB__VERB__VERB_REBOOT:
		return DEVICE_REBOOTED;
	case PB__VERB__VERB_CONFIRM:
		return DEVICE_KEPT;
	case PB__VERB__VERB_CHECK:
		return DEVICE_CHECKED;
	default:
		return DEVICE_WENT_BACK;
	}
}

/* Neither there nor gone: somebody answered, but not as a device should. */
static bool
is_confusion(enum err e)
{
	return e != ERR_LINK && e != ERR_DENIED && e != ERR_DEVICE_AWAY && e != ERR_BUSY &&
	       e != ERR_CLOSED;
}

static void
forget_trouble(struct device_upgrade *u)
{
	u->confusions = 0;
	if (device_end_goes_back(u))
		return;
	u->error = ERR_OK;
	u->detail[0] = 0;
}

enum err
device_on_final(struct device_upgrade *u, const Pb__SessionReport *r, struct mono now)
{
	struct device_news n = {.now = now, .error = ERR_SESSION};

	u->running = false;
	n.detail = "expected a last word of the session, got none";
	if (r && (int)r->verb == u->verb) {
		device_on_progress(u, r, now);
		n.error = (enum err)r->error;
		n.detail = r->detail;
	}
	if (n.error == ERR_OK) {
		u->sign = now;
		u->troubles = 0;
		if (u->verb != PB__VERB__VERB_IDENTIFY) /* being there is no progress */
			forget_trouble(u);
		device_bare_learn(u, success_of(u, r));
		return device_step(u, success_of(u, r), &n);
	}
	if (is_confusion(n.error) || u->verb != PB__VERB__VERB_IDENTIFY)
		u->confusions++;
	device_bare_learn(u, DEVICE_TROUBLE);
	return device_step(u, DEVICE_TROUBLE, &n);
}

struct subject
device_subject(const struct device_upgrade *u)
{
	return (struct subject){u->id, u->product_key, u->device_key};
}

static struct mono
earlier(struct mono a, struct mono b)
{
	return a.ms < b.ms ? a : b;
}

struct mono
device_deadline(const struct device_upgrade *u, const struct device_limits *l)
{
	switch (u->state) {
	case DEVICE_IDENTIFIED:
		return mono_after(u->since, (int64_t)l->ask_ms);
	case DEVICE_ADMITTED:
	case DEVICE_WAITING:
		return mono_after(u->since, (int64_t)l->wait_ms);
	case DEVICE_QUEUED:
		return mono_after(u->since, (int64_t)l->queue_ms);
	case DEVICE_FLASHING:
		return earlier(mono_after(u->since, (int64_t)l->flash_ms),
		    mono_after(u->sign, (int64_t)l->away_ms));
	case DEVICE_STAGED:
		return mono_after(u->since, (int64_t)l->reboot_ms);
	case DEVICE_TESTING: /* others may still be written */
		return mono_after(u->since,
		    (int64_t)(l->test_ms + u->settle_ms + u->check_ms +
			      (u->waits_for_others && u->healthy_since.ms ? l->flash_ms : 0)));
	case DEVICE_CONFIRMED:
		return mono_after(u->since, (int64_t)l->confirm_ms);
	default:
		return MONO_NEVER;
	}
}

uint32_t
device_verb_ms(const struct device_upgrade *u, const struct device_limits *l)
{
	uint64_t ms = CHANGE_MS;

	if (u->verb == PB__VERB__VERB_IDENTIFY)
		ms = IDENTIFY_MS;
	else if (u->verb == PB__VERB__VERB_WRITE)
		ms = l->flash_ms;
	else if (u->verb == PB__VERB__VERB_CHECK)
		ms = u->check_ms + START_MS;
	else if (u->verb == PB__VERB__VERB_REBOOT || u->verb == PB__VERB__VERB_REVERT)
		ms = l->reboot_ms / 2; /* and time to look after that */
	return ms > UINT32_MAX ? UINT32_MAX : (uint32_t)ms;
}

bool
device_needs_image(int verb)
{
	return verb == PB__VERB__VERB_WRITE || verb == PB__VERB__VERB_STAGE;
}

bool
device_is_over(const struct device_upgrade *u)
{
	return u->state >= DEVICE_DONE;
}

bool
device_is_active(const struct device_upgrade *u)
{
	return u->state >= DEVICE_FLASHING && u->state <= DEVICE_CONFIRMED;
}

Pb__Phase
device_phase(int state)
{
	static const Pb__Phase phases[DEVICE_STATES] = {
	    [DEVICE_QUEUED] = PB__PHASE__PHASE_VERIFIED,
	    [DEVICE_FLASHING] = PB__PHASE__PHASE_FLASHING,
	    [DEVICE_STAGED] = PB__PHASE__PHASE_STAGED,
	    [DEVICE_TESTING] = PB__PHASE__PHASE_TESTING,
	    [DEVICE_CONFIRMED] = PB__PHASE__PHASE_CONFIRMED,
	    [DEVICE_DONE] = PB__PHASE__PHASE_DONE,
	    [DEVICE_REVERTED] = PB__PHASE__PHASE_REVERTED,
	    [DEVICE_FAILED] = PB__PHASE__PHASE_FAILED,
	    [DEVICE_REFUSED] = PB__PHASE__PHASE_REFUSED,
	    [DEVICE_CANCELLED] = PB__PHASE__PHASE_CANCELLED,
	};

	return phases[state];
}

void
device_init(struct device_upgrade *u, uint64_t id, const Pb__Device *device, const char *component,
    const char *target_version, struct mono now)
{
	*u = (struct device_upgrade){.id = id, .state = DEVICE_IDENTIFIED, .changed = true};
	snprintf(u->product_key, sizeof(u->product_key), "%s", device->product_key);
	snprintf(u->device_key, sizeof(u->device_key), "%s", device->device_key);
	snprintf(u->component, sizeof(u->component), "%s", component);
	snprintf(u->target_version, sizeof(u->target_version), "%s", target_version);
	u->since = u->sign = now;
	u->due = MONO_NEVER;
}
