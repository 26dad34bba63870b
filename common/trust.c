/*
 * trust: see trust.h. The steps of a verification are one table; each is a short function that
 * refuses or lets pass, and none looks at what a later one establishes.
 */
#include <errno.h>
#include <fcntl.h>
#include <sodium.h>
#include <string.h>

#include "log.h"
#include "signers.h"
#include "trust.h"
#include "trust_chain.h"

/* A manifest may be made on a machine whose clock is this much ahead of ours. */
#define SKEW_MS (UINT64_C(24) * 3600 * 1000)

struct trust {
	struct trust_chain chain;
	struct trust_policy policy;
	uint64_t bound_ms;
	uint64_t parsed;
};

/* One verification under way. */
struct check {
	struct trust *t;
	const struct bundle_head *head;
	struct trust_time time; /* bound_ms: everything known */
	const Tr__Root *root;
	struct signers signers;
	Tr__Manifest *m;
	char *why;
};

static uint64_t
larger(uint64_t a, uint64_t b)
{
	return a > b ? a : b;
}

enum err
trust_open(const char *anchor_dir, const char *state_dir, const struct trust_policy *policy,
    struct trust **out)
{
	if (sodium_init() < 0)
		return ERR_SYSTEM;
	AUTO(trust) struct trust *t = calloc(1, sizeof(*t));

	if (!t)
		return ERR_NOMEM;
	t->policy = *policy;
	t->bound_ms = policy->build_ms;
	t->chain.lab = policy->lab;
	t->chain.state_fd = -1;
	if (state_dir) {
		t->chain.state_fd = open(state_dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
		if (t->chain.state_fd < 0) {
			log_error(
			    NULL, "trust: %s cannot be opened: %s", state_dir, strerror(errno));
			return ERR_SYSTEM;
		}
	}
	enum err e = trust_chain_load(&t->chain, anchor_dir);

	if (e)
		return e;
	if (policy->dry && t->chain.state_fd >= 0)
		close(hand_over_fd(&t->chain.state_fd));
	if (t->chain.n > 0)
		t->bound_ms = larger(t->bound_ms, trust_chain_top(&t->chain)->created_ms);
	*out = HAND_OVER(t);
	return ERR_OK;
}

void
trust_close(struct trust *t)
{
	if (!t)
		return;
	trust_chain_fini(&t->chain);
	free(t);
}

bool
trust_refuses_all(const struct trust *t)
{
	return t->chain.n == 0;
}

uint32_t
trust_root_version(const struct trust *t)
{
	return (uint32_t)t->chain.n;
}

uint64_t
trust_bound_ms(const struct trust *t)
{
	return t->bound_ms;
}

uint64_t
trust_parsed(const struct trust *t)
{
	return t->parsed;
}

/* --- time: what is known to have passed decides; a clock nobody set decides nothing
 * --------------- */

static enum err
check_end(const struct trust_time *t, uint64_t end_ms, uint64_t grace_ms, enum err expired,
    const char *what, char why[WHY_SIZE])
{
	if (t->settled)
		return ERR_OK;
	if (end_ms <= t->bound_ms)
		return why_say(why, expired, "%s ended at %llu, and %llu has passed", what,
		    (unsigned long long)end_ms, (unsigned long long)t->bound_ms);
	if (end_ms > t->now_ms)
		return ERR_OK;
	if (t->synchronised)
		return why_say(why, expired, "%s ended at %llu, now is %llu", what,
		    (unsigned long long)end_ms, (unsigned long long)t->now_ms);
	if (t->now_ms - end_ms < grace_ms)
		return ERR_OK;
	return why_say(why, ERR_TIME, "%s ended at %llu by a clock that is not synchronised (%llu)",
	    what, (unsigned long long)end_ms, (unsigned long long)t->now_ms);
}

static enum err
check_begin(const struct trust_time *t, uint64_t begin_ms, const char *what, char why[WHY_SIZE])
{
	if (t->settled || begin_ms <= t->bound_ms || (t->synchronised && begin_ms <= t->now_ms))
		return ERR_OK;
	return why_say(why, t->synchronised ? ERR_NOT_YET : ERR_TIME,
	    "%s begins at %llu, now is %llu%s", what, (unsigned long long)begin_ms,
	    (unsigned long long)t->now_ms, t->synchronised ? "" : " by a clock nobody set");
}

static struct trust_time
with_bound(const struct trust *t, const struct trust_time *time)
{
	struct trust_time all = *time;

	all.bound_ms = larger(all.bound_ms, t->bound_ms);
	return all;
}

/* --- roots
 * ------------------------------------------------------------------------------------------ */

enum err
trust_apply_roots(
    struct trust *t, const struct bundle_head *h, const struct trust_time *time, char why[WHY_SIZE])
{
	struct trust_time all = with_bound(t, time);
	size_t before = 0;

	if (trust_refuses_all(t))
		return why_say(why, ERR_NO_TRUST, "there is no root document to begin with");
	enum err e = trust_chain_offer(&t->chain, h, &before, why);

	if (e || t->chain.n == before)
		return e;
	const Tr__Root *top = trust_chain_top(&t->chain);

	e = check_end(&all, top->expires_ms, 0, ERR_ROOT_EXPIRED, "the newest root document", why);
	if (e) {
		trust_chain_drop(&t->chain, before);
		return e;
	}
	e = trust_chain_keep(&t->chain, h, before, why);
	if (e)
		return e;
	t->bound_ms = larger(t->bound_ms, top->created_ms);
	if (!t->policy.dry)
		log_info(NULL, "trust: root.%zu -> root.%zu", before, t->chain.n);
	return ERR_OK;
}

void
trust_floor(const struct trust *t, const char *vendor, const char *model, const char *component,
    uint64_t *min_counter, uint64_t *min_sequence)
{
	const Tr__Root *r = trust_chain_top(&t->chain);

	*min_counter = 0;
	*min_sequence = 0;
	for (size_t i = 0; r && i < r->n_floor; i++) {
		const Tr__Floor *f = r->floor[i];

		if (!root_pattern_fits(f->vendor, vendor) || !root_pattern_fits(f->model, model) ||
		    !root_pattern_fits(f->component, component))
			continue;
		*min_counter = larger(*min_counter, f->min_security_counter);
		*min_sequence = larger(*min_sequence, f->min_sequence);
	}
}

uint64_t
trust_max_gap(const struct trust *t, const char *role)
{
	const Tr__Root *r = trust_chain_top(&t->chain);
	const Tr__Role *found = r ? root_role(r, role) : NULL;

	return found ? found->max_sequence_gap : 0;
}

uint32_t
trust_generation(const struct trust *t, const char *role)
{
	return trust_chain_generation(&t->chain, role);
}

/* --- the steps
 * --------------------------------------------------------------------------------------- */

static enum err
step_anchor(struct check *c)
{
	if (trust_refuses_all(c->t))
		return why_say(c->why, ERR_NO_TRUST, "expected a root document, got none");
	return ERR_OK;
}

static enum err
step_roots(struct check *c)
{
	enum err e = trust_apply_roots(c->t, c->head, &c->time, c->why);

	if (e)
		return e;
	c->root = trust_chain_top(&c->t->chain);
	c->time = with_bound(c->t, &c->time);
	return check_end(
	    &c->time, c->root->expires_ms, 0, ERR_ROOT_EXPIRED, "the root document", c->why);
}

static enum err
step_revoked(struct check *c)
{
	if (root_manifest_revoked(c->root, c->head->digest))
		return why_say(
		    c->why, ERR_KEY_REVOKED, "root.%u revokes this manifest", c->root->version);
	return ERR_OK;
}

/* Before anything is parsed: is there a role whose threshold these signatures meet? */
static enum err
step_signed(struct check *c)
{
	signers_find(&c->head->manifest, c->root, &c->signers);
	for (size_t i = 0; i < c->root->n_role; i++) {
		const Tr__Role *role = c->root->role[i];

		if (strcmp(role->name, ROOT_ROLE) != 0 &&
		    signers_in_role(&c->signers, role) >= role->threshold)
			return ERR_OK;
	}
	return why_say(c->why, c->signers.revoked ? ERR_KEY_REVOKED : ERR_THRESHOLD,
	    "expected a role's threshold of valid signatures, got %zu valid, %zu revoked, of %zu",
	    c->signers.n, c->signers.revoked, c->head->manifest.n_sigs);
}

static enum err
step_parsed(struct check *c)
{
	const struct bundle_bytes *b = &c->head->manifest.doc;

	c->t->parsed++;
	return manifest_parse(b->data, b->len, &c->m, c->why);
}

static enum err
step_comment(struct check *c)
{
	char want[MANIFEST_COMMENT_SIZE];

	manifest_comment(c->m, want);
	for (size_t i = 0; i < c->signers.n; i++)
		if (strcmp(c->signers.by[i].comment, want) != 0)
			return why_say(c->why, ERR_MANIFEST,
			    "expected trusted comment '%.60s ..', got '%.60s'", want,
			    c->signers.by[i].comment);
	return ERR_OK;
}

static enum err
check_role(const struct check *c, const Tr__Role *role)
{
	enum err e = check_begin(&c->time, role->valid_from_ms, "the role", c->why);

	if (!e && role->valid_until_ms)
		e = check_end(&c->time, role->valid_until_ms, 0, ERR_SCOPE, "the role", c->why);
	if (e)
		return e == ERR_NOT_YET ? ERR_SCOPE : e;
	size_t n = signers_in_role(&c->signers, role);

	if (n < role->threshold)
		return why_say(c->why, ERR_SCOPE, "expected %u signatures by role %s, got %zu",
		    role->threshold, role->name, n);
	return ERR_OK;
}

static enum err
step_scope(struct check *c)
{
	const Tr__Role *role = root_role(c->root, c->m->role);

	if (!role || strcmp(c->m->role, ROOT_ROLE) == 0)
		return why_say(c->why, ERR_SCOPE, "expected a role of the root document, got '%s'",
		    c->m->role);
	enum err e = check_role(c, role);

	if (e)
		return e;
	for (size_t i = 0; i < c->m->n_target * c->m->n_payload; i++) {
		const Tr__Target *t = c->m->target[i / c->m->n_payload];
		const Tr__Payload *p = c->m->payload[i % c->m->n_payload];

		if (!root_role_covers(role, t->vendor, t->model, p->component))
			return why_say(c->why, ERR_SCOPE, "role %s may not sign for %s/%s/%s",
			    role->name, t->vendor, t->model, p->component);
	}
	return ERR_OK;
}

static enum err
step_time(struct check *c)
{
	enum err e = check_end(&c->time, c->m->expires_ms, c->t->policy.offline_grace_ms,
	    ERR_EXPIRED, "the manifest", c->why);

	if (!e)
		e = check_begin(&c->time, c->m->not_before_ms, "the manifest", c->why);
	if (!e && c->time.synchronised && !c->time.settled &&
	    c->m->created_ms > larger(c->time.now_ms, c->time.bound_ms) + SKEW_MS)
		e = why_say(c->why, ERR_NOT_YET, "the manifest was made at %llu, now is %llu",
		    (unsigned long long)c->m->created_ms, (unsigned long long)c->time.now_ms);
	return e;
}

/* Is every component of this target at or above its floor? */
static bool
above_floors(const struct check *c, const Tr__Target *t)
{
	for (size_t i = 0; i < c->m->n_payload; i++) {
		uint64_t counter, sequence;

		trust_floor(
		    c->t, t->vendor, t->model, c->m->payload[i]->component, &counter, &sequence);
		if (c->m->security_counter < counter || c->m->sequence < sequence)
			return false;
	}
	return true;
}

static enum err
step_floors(struct check *c)
{
	for (size_t i = 0; i < c->m->n_target; i++)
		if (above_floors(c, c->m->target[i]))
			return ERR_OK;
	return why_say(c->why, ERR_ROLLBACK,
	    "expected counter and sequence above the signed floors, got %llu and %llu",
	    (unsigned long long)c->m->security_counter, (unsigned long long)c->m->sequence);
}

/* clang-format off */
static enum err (*const steps[TRUST_STEP_COUNT])(struct check *c) = {
	[TRUST_ANCHOR]  = step_anchor,
	[TRUST_ROOTS]   = step_roots,
	[TRUST_REVOKED] = step_revoked,
	[TRUST_SIGNED]  = step_signed,
	[TRUST_PARSED]  = step_parsed,
	[TRUST_COMMENT] = step_comment,
	[TRUST_SCOPE]   = step_scope,
	[TRUST_TIME]    = step_time,
	[TRUST_FLOORS]  = step_floors,
};
/* clang-format on */

static void
fill_result(const struct check *c, struct trust_result *res)
{
	res->root_version = trust_root_version(c->t);
	res->clock_behind = c->time.now_ms < c->time.bound_ms;
	res->n_signers = c->signers.n;
	for (size_t i = 0; i < c->signers.n; i++)
		memcpy(res->signers[i], c->signers.by[i].id, MINISIG_KEY_ID);
}

enum err
trust_verify(struct trust *t, const struct bundle_head *h, const struct trust_time *time,
    Tr__Manifest **out, struct trust_result *res)
{
	*res = (struct trust_result){0};
	struct check c = {.t = t, .head = h, .time = with_bound(t, time), .why = res->why};

	for (int s = 0; !res->error && s < TRUST_STEP_COUNT; s++) {
		res->step = (enum trust_step)s;
		res->error = steps[s](&c);
	}
	fill_result(&c, res);
	if (res->error) {
		manifest_free(c.m);
		return res->error;
	}
	res->step = TRUST_STEP_COUNT;
	/* a thief of a release key must not be able to push time past what root keys said */
	uint64_t seen = c.m->created_ms < c.root->expires_ms ? c.m->created_ms : c.root->expires_ms;

	t->bound_ms = larger(t->bound_ms, seen - 1);
	*out = c.m;
	return ERR_OK;
}

/* clang-format off */
static const char *const step_names[] = {
#define X(name, text) #name,
	TRUST_STEPS(X)
#undef X
};
static const char *const step_texts[] = {
#define X(name, text) text,
	TRUST_STEPS(X)
#undef X
};
/* clang-format on */

const char *
trust_step_name(enum trust_step step)
{
	return step < TRUST_STEP_COUNT ? step_names[step] : "TRUST_DONE";
}

const char *
trust_step_text(enum trust_step step)
{
	return step < TRUST_STEP_COUNT ? step_texts[step] : "all checks hold";
}
