/*
 * smp_slots: what a state list says: which slot runs, which is the other one, is it this image.
 *
 * Servers differ: false flags may be left out, or all flags, or the hashes; empty slots are left
 * out of the list.
 */
#include <stdio.h>
#include <string.h>

#include "smp_state.h"

static bool
any_flags(const struct smp_answer *list)
{
	for (unsigned i = 0; i < list->n_images; i++)
		if (list->images[i].has_flags)
			return true;
	return false;
}

/* What runs. A frugal server without any flags runs slot 0. */
const struct smp_slot *
smp_slots_active(const struct smp *s, const struct smp_answer *list)
{
	bool flags = any_flags(list);

	for (unsigned i = 0; i < list->n_images; i++) {
		const struct smp_slot *slot = &list->images[i];

		if (slot->image == s->config.image && (flags ? slot->active : slot->slot == 0))
			return slot;
	}
	return NULL;
}

const struct smp_slot *
smp_slots_other(const struct smp *s, const struct smp_answer *list)
{
	const struct smp_slot *active = smp_slots_active(s, list);

	for (unsigned i = 0; i < list->n_images; i++)
		if (list->images[i].image == s->config.image && &list->images[i] != active)
			return &list->images[i];
	return NULL;
}

bool
smp_slots_hold(const struct smp_slot *slot, const uint8_t hash[SMP_MSG_HASH])
{
	return slot && slot->has_hash && memcmp(slot->hash, hash, SMP_MSG_HASH) == 0;
}

/* The image of the job; without one its version must do, as it did when it was seen to run. */
bool
smp_slots_wanted(const struct smp *s, const struct smp_slot *slot)
{
	if (s->job.image)
		return smp_slots_hold(slot, s->image.sha256);
	return slot && s->job.target_version[0] &&
	       strcmp(slot->version, s->job.target_version) == 0;
}

/* On trial: runs, not confirmed, and the server does tell. */
bool
smp_slots_on_trial(const struct smp_slot *active)
{
	return active && active->has_flags && !active->confirmed;
}

bool
smp_slots_same(const struct smp_slot *a, const struct smp_slot *b)
{
	if (!a || !b)
		return a == b;
	return a->has_hash == b->has_hash && memcmp(a->hash, b->hash, SMP_MSG_HASH) == 0 &&
	       a->pending == b->pending && a->confirmed == b->confirmed && a->active == b->active &&
	       strcmp(a->version, b->version) == 0;
}

/* Take the answer as the newest list; fill the facts from it. */
void
smp_slots_take(struct smp *s)
{
	struct driver_facts *f = &s->facts;

	s->list = s->answer;
	const struct smp_slot *active = smp_slots_active(s, &s->list);
	const struct smp_slot *other = smp_slots_other(s, &s->list);

	f->active_hash_len = active && active->has_hash ? SMP_MSG_HASH : 0;
	f->staged_hash_len = other && other->has_hash ? SMP_MSG_HASH : 0;
	snprintf(f->version, sizeof(f->version), "%s", active ? active->version : "");
	f->active_confirmed = active && active->confirmed;
	f->active_on_trial = smp_slots_on_trial(active);
	f->staged_pending = other && other->pending;
	if (active)
		memcpy(f->active_hash, active->hash, SMP_MSG_HASH);
	if (other)
		memcpy(f->staged_hash, other->hash, SMP_MSG_HASH);
}

/* A recovery server may list no hashes: then the version must do. */
bool
smp_slots_version_only(const struct smp *s)
{
	bool version = false;

	for (unsigned i = 0; i < s->list.n_images; i++) {
		if (s->list.images[i].has_hash)
			return false;
		version |= strcmp(s->list.images[i].version, s->image.version_text) == 0;
	}
	return version;
}
