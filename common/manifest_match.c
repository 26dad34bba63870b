/*
 * manifest_match: what a manifest says about one device; declared in manifest.h.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "manifest.h"

static const char *
known(const char *s)
{
	return s && s[0] ? s : "unknown";
}

/* A decimal number without sign or leading zeros. */
static bool
read_number(const char *s, uint32_t *out)
{
	char again[16];
	unsigned long long n = strtoull(s, NULL, 10);

	if (n > UINT32_MAX)
		return false;
	snprintf(again, sizeof(again), "%llu", n);
	*out = (uint32_t)n;
	return strcmp(s, again) == 0;
}

static bool
fits_revision(const Tr__Target *t, const char *revision)
{
	uint32_t n = 0;

	if (t->n_hw_revision == 0 && !t->hw_range)
		return true;
	if (!revision || !revision[0])
		return false;
	if (t->hw_range)
		return read_number(revision, &n) && n >= t->hw_range->min && n <= t->hw_range->max;
	for (size_t i = 0; i < t->n_hw_revision; i++)
		if (strcmp(t->hw_revision[i], revision) == 0)
			return true;
	return false;
}

static enum err
match_target(const Tr__Manifest *m, const struct manifest_target *t, char why[WHY_SIZE])
{
	const char *vendor = known(t->vendor), *model = known(t->model);
	bool same_model = false;

	for (size_t i = 0; i < m->n_target; i++) {
		const Tr__Target *one = m->target[i];

		if (!t->vendor || !t->model || strcmp(one->vendor, t->vendor) != 0 ||
		    strcmp(one->model, t->model) != 0)
			continue;
		same_model = true;
		if (fits_revision(one, t->hw_revision))
			return ERR_OK;
	}
	if (same_model)
		return why_say(why, ERR_WRONG_TARGET,
		    "expected a hardware revision the manifest lists, got %.64s",
		    known(t->hw_revision));
	return why_say(why, ERR_WRONG_TARGET, "expected %.64s/%.64s, got a manifest for %s/%s",
	    vendor, model, m->target[0]->vendor, m->target[0]->model);
}

static enum err
match_device(const Tr__Manifest *m, const struct manifest_target *t, char why[WHY_SIZE])
{
	if (m->n_device_id == 0)
		return ERR_OK;
	for (size_t i = 0; t->device_id && i < m->n_device_id; i++)
		if (strcmp(m->device_id[i], t->device_id) == 0)
			return ERR_OK;
	return why_say(why, ERR_WRONG_TARGET,
	    "expected one of %zu listed devices (%s ..), got %.65s", m->n_device_id,
	    m->device_id[0], known(t->device_id));
}

enum err
manifest_match(const Tr__Manifest *m, const struct manifest_target *t, const Tr__Payload **out,
    char why[WHY_SIZE])
{
	enum err e = match_target(m, t, why);

	if (!e)
		e = match_device(m, t, why);
	if (e)
		return e;
	for (size_t i = 0; t->component && i < m->n_payload; i++)
		if (strcmp(m->payload[i]->component, t->component) == 0) {
			*out = m->payload[i];
			return ERR_OK;
		}
	return why_say(why, ERR_COMPONENT, "expected component %.64s, got a manifest for %s",
	    known(t->component), m->payload[0]->component);
}

static uint64_t
next_number(const char **at)
{
	uint64_t n = 0;

	while (**at >= '0' && **at <= '9') {
		n = n > UINT64_MAX / 100 ? n : n * 10 + (uint64_t)(**at - '0');
		++*at;
	}
	*at += **at == '.' && (*at)[1] >= '0' && (*at)[1] <= '9';
	return n;
}

bool
manifest_version_is_older(const char *have, const char *min)
{
	if (*have < '0' || *have > '9')
		return true;
	while ((*have >= '0' && *have <= '9') || (*min >= '0' && *min <= '9')) {
		uint64_t a = next_number(&have), b = next_number(&min);

		if (a != b)
			return a < b;
	}
	return false;
}

enum err
manifest_satisfies(const Tr__Depends *d, const struct manifest_seen *s, char why[WHY_SIZE])
{
	bool sequence = d->min_sequence || d->max_sequence || !d->min_version[0];
	bool image = d->image_sha256.len > 0;

	if ((sequence || image) && !s->known)
		return why_say(why, ERR_DEPENDS,
		    "expected %.64s to run %.64s with sequence %llu or more, got nothing that was"
		    " confirmed there (version %.32s)",
		    s->name, d->component, (unsigned long long)d->min_sequence,
		    s->version[0] ? s->version : "unknown");
	if (sequence &&
	    (s->sequence < d->min_sequence || (d->max_sequence && s->sequence > d->max_sequence)))
		return why_say(why, ERR_DEPENDS,
		    "expected %.64s to run %.64s with sequence %llu to %llu (0 = any), got %llu"
		    " (version %.32s)",
		    s->name, d->component, (unsigned long long)d->min_sequence,
		    (unsigned long long)d->max_sequence, (unsigned long long)s->sequence,
		    s->version[0] ? s->version : "unknown");
	if (image && memcmp(d->image_sha256.data, s->image_sha256, MANIFEST_DIGEST) != 0)
		return why_say(why, ERR_DEPENDS,
		    "expected %.64s to run a certain image of %.64s, got another (version %.32s)",
		    s->name, d->component, s->version);
	if (d->min_version[0] && manifest_version_is_older(s->version, d->min_version))
		return why_say(why, ERR_DEPENDS,
		    "expected %.64s to run version %.32s or newer of %.64s, got %.32s", s->name,
		    d->min_version, d->component, s->version[0] ? s->version : "unknown");
	return ERR_OK;
}

enum err
manifest_check_depends(
    const Tr__Manifest *m, manifest_on_depends *ask, void *arg, char why[WHY_SIZE])
{
	char one[WHY_SIZE] = "";
	enum err worst = ERR_OK;

	for (size_t i = 0; i < m->n_depends && worst != ERR_DEPENDS; i++) {
		enum err e = ask(arg, m->depends[i], one);

		if (e == ERR_OK || worst == e)
			continue;
		worst = e == ERR_AGAIN ? ERR_AGAIN : ERR_DEPENDS;
		if (why)
			memcpy(why, one, WHY_SIZE);
	}
	return worst;
}

size_t
manifest_chunks(const Tr__Payload *p)
{
	return p->chunk_digests.len / MANIFEST_DIGEST;
}

size_t
manifest_chunk_len(const Tr__Payload *p, size_t i)
{
	uint64_t at = (uint64_t)i * p->chunk_size;
	uint64_t rest = at < p->image_size ? p->image_size - at : 0;

	return rest < p->chunk_size ? (size_t)rest : p->chunk_size;
}

const uint8_t *
manifest_chunk_digest(const Tr__Payload *p, size_t i)
{
	return p->chunk_digests.data + i * MANIFEST_DIGEST;
}

const char *
manifest_hint(const Tr__Payload *p, const char *key)
{
	for (size_t i = 0; i < p->n_driver_hint; i++)
		if (strcmp(p->driver_hint[i]->key, key) == 0)
			return p->driver_hint[i]->value;
	return NULL;
}
