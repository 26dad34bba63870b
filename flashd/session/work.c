/*
 * work: see work.h.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "work.h"

enum { OPTIONS_MAX = 32 };

static size_t
count_options(const struct driver *d)
{
	size_t n = 0;

	while (n < OPTIONS_MAX && d->options && d->options[n].key)
		n++;
	return n;
}

static enum err
take_option(const struct driver *d, const Pb__Option *o, const char **values, char why[WHY_SIZE])
{
	size_t n = count_options(d);

	for (size_t i = 0; i < n; i++) {
		if (strcmp(d->options[i].key, o->key) != 0)
			continue;
		values[i] = o->value;
		return ERR_OK;
	}
	return why_say(
	    why, ERR_CONFIG, "expected an option of driver %s, got %.40s", d->name, o->key);
}

static enum err
open_driver(struct work *w, const Pb__SessionOrder *o, char why[WHY_SIZE])
{
	const char *values[OPTIONS_MAX + 1] = {NULL};
	size_t n = count_options(w->driver);

	for (size_t i = 0; i < n; i++)
		values[i] = w->driver->options[i].fallback;
	for (size_t i = 0; i < o->n_options; i++) {
		enum err e = take_option(w->driver, o->options[i], values, why);

		if (e != ERR_OK)
			return e;
	}
	w->state = calloc(1, w->driver->state_size);
	if (!w->state)
		return ERR_NOMEM;
	return w->driver->init(w->state, values, why, WHY_SIZE);
}

static enum err
open_image(struct work *w, const Pb__SessionOrder *o, int fd, char why[WHY_SIZE])
{
	struct reader_order r = {.fd = fd,
	    .offset = o->image_offset,
	    .size = o->image_size,
	    .chunk_size = o->chunk_size,
	    .digests = o->chunk_digests.data,
	    .digests_len = o->chunk_digests.len};

	if (fd < 0 || o->image_sha256.len != sizeof(w->image.sha256))
		return why_say(why, ERR_INVALID, "expected an image with its SHA-256, got none");
	enum err e = reader_new(&r, &w->reader);
	if (e != ERR_OK)
		return why_say(why, e,
		    "expected a digest per chunk of %u bytes of %llu, got %zu bytes of digests",
		    (unsigned)o->chunk_size, (unsigned long long)o->image_size,
		    o->chunk_digests.len);
	w->image = (struct driver_image){
	    .size = o->image_size, .read = reader_read, .arg = w->reader};
	memcpy(w->image.sha256, o->image_sha256.data, sizeof(w->image.sha256));
	w->job.image = &w->image;
	return ERR_OK;
}

static enum err
fill(struct work *w, const Pb__SessionOrder *o, int image_fd, work_find *find, char why[WHY_SIZE])
{
	w->driver = find(o->driver);
	if (!w->driver)
		return why_say(
		    why, ERR_UNSUPPORTED, "expected a driver of this build, got %.32s", o->driver);
	if (o->verb < PB__VERB__VERB_IDENTIFY || o->verb > PB__VERB__VERB_CHECK ||
	    !(w->driver->verbs & 1u << o->verb))
		return why_say(why, ERR_UNSUPPORTED, "expected a verb of driver %s, got %d",
		    w->driver->name, (int)o->verb);
	enum err e = open_driver(w, o, why);
	if (e != ERR_OK)
		return e;
	w->job.verb = (enum driver_verb)o->verb;
	w->job.timeout_ms = o->timeout_ms;
	snprintf(w->job.target_version, sizeof(w->job.target_version), "%s", o->target_version);
	return o->image_size ? open_image(w, o, image_fd, why) : ERR_OK;
}

enum err
work_new(
    const Pb__SessionOrder *o, int image_fd, work_find *find, struct work **out, char why[WHY_SIZE])
{
	AUTO(work) struct work *w = calloc(1, sizeof(*w));

	if (!w)
		return ERR_NOMEM;
	enum err e = fill(w, o, image_fd, find, why);
	if (e == ERR_OK)
		*out = HAND_OVER(w);
	return e;
}

void
work_free(struct work *w)
{
	if (!w)
		return;
	reader_free(w->reader);
	free(w->state);
	free(w);
}

/* A version in the platform's characters: what a device says may be anything. */
static char *
clean(char out[65], const char *text)
{
	static const char allowed[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
				      "0123456789_-.+";

	snprintf(out, 65, "%s", text);
	for (char *p = out; *p; p++)
		if (!strchr(allowed, *p))
			*p = '_';
	return out;
}

static ProtobufCBinaryData
hash(const uint8_t *data, size_t len)
{
	return (ProtobufCBinaryData){len, (uint8_t *)(uintptr_t)data};
}

void
work_report(const struct work *w, Pb__SessionReport *r, struct work_texts *texts)
{
	const struct driver_facts *f = w->driver->facts(w->state);

	r->verb = (Pb__Verb)w->job.verb;
	r->done_bytes = f->done_bytes;
	r->total_bytes = f->total_bytes;
	r->version = clean(texts->version, f->version);
	r->active_hash = hash(f->active_hash, f->active_hash_len);
	r->staged_hash = hash(f->staged_hash, f->staged_hash_len);
	r->active_confirmed = f->active_confirmed;
	r->active_on_trial = f->active_on_trial;
	r->staged_pending = f->staged_pending;
	r->rewinds = f->rewinds;
	r->image_version = clean(texts->image_version, f->image_version);
	r->unit = clean(texts->unit, f->unit);
	r->image_hash = hash(f->image_hash, f->image_hash_len);
	r->destructive = (w->driver->caps & DRIVER_DESTRUCTIVE) != 0;
}
