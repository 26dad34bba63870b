/*
 * verify_explain: what verify.h says of an image, each check told on its own. It asks the functions
 * that verify_open asks; none of the rules is written here.
 */
#include <inttypes.h>
#include <string.h>

#include "verify.h"

struct telling {
	const struct verify_context *c;
	const struct verify_target *t;
	why_on_check *fn;
	void *arg;
	enum err first; /* refusal */
	char binding[COUNTERS_BINDING];
	struct counters_key key;
};

static enum err
tell(struct telling *k, const char *check, enum err e, const char *text)
{
	k->fn(k->arg, check, e, text);
	if (k->first == ERR_OK)
		k->first = e;
	return e;
}

static void
tell_trust(struct telling *k, const struct trust_result *res)
{
	for (int s = 0; s < TRUST_STEP_COUNT && s <= (int)res->step; s++) {
		bool holds = s < (int)res->step;

		tell(k, trust_step_name((enum trust_step)s), holds ? ERR_OK : res->error,
		    holds ? trust_step_text((enum trust_step)s) : res->why);
	}
}

static const Tr__Payload *
tell_target(struct telling *k, const Tr__Manifest *m)
{
	const struct verify_target *t = k->t;
	const Tr__Payload *p = NULL;
	char why[WHY_SIZE] = "", id[2 * MANIFEST_NAME_MAX + 2];
	struct manifest_target target = {.vendor = t->vendor,
	    .model = t->model,
	    .hw_revision = t->hw_revision,
	    .device_id = id,
	    .component = t->component};

	snprintf(id, sizeof(id), "%.64s/%.64s", t->product_key, t->device_key);
	enum err e = manifest_match(m, &target, &p, why);
	if (e == ERR_OK)
		e = why_say(why, ERR_OK,
		    "expected %.40s/%.40s revision %.20s component %.40s, got a manifest for it",
		    t->vendor, t->model, t->hw_revision[0] ? t->hw_revision : "unknown",
		    t->component);
	tell(k, "target", e, why);
	if (!p)
		return NULL;
	e = why_say(why, strcmp(p->driver, t->driver) == 0 ? ERR_OK : ERR_WRONG_TARGET,
	    "expected an image for driver %.32s, got one for %.32s", t->driver, p->driver);
	tell(k, "driver", e, why);
	return p;
}

static enum err
on_depends(void *arg, const Tr__Depends *d, char why[WHY_SIZE])
{
	const struct telling *k = arg;

	if (!k->c->depends)
		return why_say(why, ERR_DEPENDS, "expected %.64s to be known, got nothing about it",
		    d->component);
	return k->c->depends(k->c->arg, k->t, d, why);
}

static void
tell_order(struct telling *k, const Tr__Manifest *m, const uint8_t digest[32])
{
	const struct verify_target *t = k->t;
	struct trust *trust = k->c->trust;
	struct counters_row row = {0};
	char why[WHY_SIZE] = "";
	struct rollback_rules rules = {.max_gap = trust_max_gap(trust, m->role),
	    .generation = trust_generation(trust, m->role)};

	trust_floor(
	    trust, t->vendor, t->model, t->component, &rules.floor_counter, &rules.floor_sequence);
	enum err e = counters_check(k->c->record, &k->key, &rules, m, digest, why);
	bool known = counters_get(k->c->record, &k->key, &row) == ERR_OK;

	if (e == ERR_OK)
		e = why_say(why, ERR_OK,
		    "expected counter %" PRIu64 " and sequence %" PRIu64 " or more (floor %" PRIu64
		    "), got %" PRIu64 " and %" PRIu64,
		    known && row.counter > rules.floor_counter ? row.counter : rules.floor_counter,
		    known ? row.sequence + 1 : rules.floor_sequence, rules.floor_sequence,
		    m->security_counter, m->sequence);
	tell(k, "rollback", e, why);
	e = manifest_check_depends(m, on_depends, k, why);
	if (e == ERR_OK)
		e = why_say(
		    why, ERR_OK, "expected %zu dependencies to be met, got all", m->n_depends);
	tell(k, "depends", e, why);
}

enum err
verify_explain(const struct verify_context *c, const struct bundle_head *head,
    const struct verify_target *t, why_on_check *fn, void *arg, Tr__Manifest **out)
{
	struct telling k = {.c = c, .t = t, .fn = fn, .arg = arg};
	struct trust_result res = {0};

	counters_binding(k.binding, t->vendor, t->model, t->hw_revision, t->unit);
	k.key = (struct counters_key){t->product_key, t->device_key, k.binding, t->component};
	*out = NULL;
	if (trust_verify(c->trust, head, &c->time, out, &res) != ERR_OK)
		*out = NULL;
	tell_trust(&k, &res);
	if (*out && tell_target(&k, *out))
		tell_order(&k, *out, head->digest);
	return k.first;
}
