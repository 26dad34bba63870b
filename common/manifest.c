/*
 * manifest: see manifest.h. This file checks form; manifest_match.c asks what a manifest says about
 * a device.
 */
#include <assert.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "bundle.h"
#include "manifest.h"
#include "strict.h"

enum { FORMAT = 1, KEY_MAX = 32, HINT_MAX = 128, DEVICE_ID_MAX = 65 };

static bool
is_alnum(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
}

bool
manifest_is_name(const char *s)
{
	size_t n = strlen(s);

	if (n < 1 || n > MANIFEST_NAME_MAX)
		return false;
	for (; *s; s++)
		if (!is_alnum(*s) && !strchr("_-.+", *s))
			return false;
	return true;
}

static bool
is_key(const char *s)
{
	size_t n = strlen(s);

	if (n < 1 || n > KEY_MAX)
		return false;
	for (; *s; s++)
		if (!(*s >= 'a' && *s <= 'z') && !(*s >= '0' && *s <= '9') && !strchr("_-.", *s))
			return false;
	return true;
}

static bool
is_printable(const char *s, size_t max, char lowest, const char *except)
{
	size_t n = strnlen(s, max + 1);

	if (n > max)
		return false;
	for (; *s; s++)
		if (*s < lowest || *s > 0x7e || strchr(except, *s))
			return false;
	return true;
}

static bool
is_device_id(const char *s)
{
	return s[0] && is_printable(s, DEVICE_ID_MAX, 0x21, "\"'\\");
}

/* A name field: `what` says where. */
static enum err
want_name(const char *value, const char *what, char why[WHY_SIZE])
{
	if (manifest_is_name(value))
		return ERR_OK;
	return why_say(why, ERR_MANIFEST,
	    "%s: expected 1 to %d of letters, digits and _-.+, got "
	    "'%.70s'",
	    what, MANIFEST_NAME_MAX, value);
}

static enum err
want_digest(const ProtobufCBinaryData *d, const char *what, char why[WHY_SIZE])
{
	if (d->len == MANIFEST_DIGEST)
		return ERR_OK;
	return why_say(
	    why, ERR_MANIFEST, "%s: expected %d bytes, got %zu", what, MANIFEST_DIGEST, d->len);
}

static enum err
want_count(size_t n, size_t least, size_t most, const char *what, char why[WHY_SIZE])
{
	if (n >= least && n <= most)
		return ERR_OK;
	return why_say(why, ERR_MANIFEST, "%s: expected %zu to %zu, got %zu", what, least, most, n);
}

static enum err
check_target(const Tr__Target *t, char why[WHY_SIZE])
{
	enum err e = want_name(t->vendor, "vendor", why);

	if (!e)
		e = want_name(t->model, "model", why);
	if (!e)
		e = want_count(t->n_hw_revision, 0, MANIFEST_REVISIONS_MAX, "hw_revision", why);
	for (size_t i = 0; !e && i < t->n_hw_revision; i++)
		e = want_name(t->hw_revision[i], "hw_revision", why);
	if (!e && t->hw_range && t->n_hw_revision > 0)
		return why_say(why, ERR_MANIFEST, "expected hw_revision or hw_range, got both");
	if (!e && t->hw_range && t->hw_range->min > t->hw_range->max)
		return why_say(why, ERR_MANIFEST, "hw_range: expected min <= max, got %u > %u",
		    t->hw_range->min, t->hw_range->max);
	return e;
}

/* "1.20.3", at most 32 characters; or nothing. */
static bool
is_dotted(const char *s)
{
	size_t n = strlen(s);

	if (n > 32 || (n > 0 && (s[0] == '.' || s[n - 1] == '.')))
		return false;
	return strspn(s, "0123456789.") == n && !strstr(s, "..");
}

static enum err
check_depends(const Tr__Depends *d, char why[WHY_SIZE])
{
	enum err e = want_name(d->component, "depends.component", why);
	bool other = d->vendor[0] || d->model[0];

	if (!e && other)
		e = want_name(d->vendor, "depends.vendor", why);
	if (!e && other)
		e = want_name(d->model, "depends.model", why);
	if (!e && !is_dotted(d->min_version))
		return why_say(why, ERR_MANIFEST,
		    "depends.min_version: expected numbers divided by dots, got '%.40s'",
		    d->min_version);
	if (!e && d->image_sha256.len > 0)
		e = want_digest(&d->image_sha256, "depends.image_sha256", why);
	if (!e && d->max_sequence != 0 && d->max_sequence < d->min_sequence)
		return why_say(why, ERR_MANIFEST, "depends: expected min_sequence <= max_sequence");
	return e;
}

static enum err
check_hints(const Tr__Payload *p, char why[WHY_SIZE])
{
	enum err e = want_count(p->n_driver_hint, 0, MANIFEST_HINTS_MAX, "driver_hint", why);

	for (size_t i = 0; !e && i < p->n_driver_hint; i++) {
		const Tr__Hint *h = p->driver_hint[i];

		if (!is_key(h->key) || !is_printable(h->value, HINT_MAX, 0x20, ""))
			return why_say(why, ERR_MANIFEST,
			    "driver_hint: expected printable key=value, got '%.40s'", h->key);
		if (i > 0 && strcmp(p->driver_hint[i - 1]->key, h->key) >= 0)
			return why_say(why, ERR_MANIFEST,
			    "driver_hint: expected ascending keys, got '%.40s' after '%.40s'",
			    h->key, p->driver_hint[i - 1]->key);
	}
	return e;
}

static enum err
check_chunks(const Tr__Payload *p, char why[WHY_SIZE])
{
	uint32_t c = p->chunk_size;

	if (c < MANIFEST_CHUNK_MIN || c > MANIFEST_CHUNK_MAX || c % MANIFEST_CHUNK_MIN != 0)
		return why_say(why, ERR_MANIFEST,
		    "chunk_size: expected a multiple of %d up to %d, got %u", MANIFEST_CHUNK_MIN,
		    MANIFEST_CHUNK_MAX, c);
	uint64_t want = (p->image_size + c - 1) / c;

	if (p->chunk_digests.len % MANIFEST_DIGEST != 0 ||
	    p->chunk_digests.len / MANIFEST_DIGEST != want)
		return why_say(why, ERR_MANIFEST,
		    "chunk_digests: expected %llu of %d bytes, got %zu bytes",
		    (unsigned long long)want, MANIFEST_DIGEST, p->chunk_digests.len);
	return ERR_OK;
}

static enum err
check_sizes(const Tr__Payload *p, char why[WHY_SIZE])
{
	if (p->stored_size < 1 || p->stored_size > BUNDLE_PAYLOAD_BYTES || p->image_size < 1 ||
	    p->image_size > BUNDLE_PAYLOAD_BYTES)
		return why_say(why, ERR_MANIFEST, "sizes: expected 1 to %llu, got %llu and %llu",
		    (unsigned long long)BUNDLE_PAYLOAD_BYTES, (unsigned long long)p->stored_size,
		    (unsigned long long)p->image_size);
	enum err e = want_digest(&p->stored_sha256, "stored_sha256", why);

	if (!e)
		e = want_digest(&p->image_sha256, "image_sha256", why);
	if (e)
		return e;
	if (p->compression[0] && strcmp(p->compression, "zstd") != 0)
		return why_say(why, ERR_MANIFEST, "compression: expected none or zstd, got '%.40s'",
		    p->compression);
	if (p->compression[0])
		return why_say(why, ERR_UNSUPPORTED, "compression zstd is not supported yet");
	if (p->delta)
		return why_say(why, ERR_UNSUPPORTED, "delta images are not supported yet");
	if (p->stored_size != p->image_size ||
	    memcmp(p->stored_sha256.data, p->image_sha256.data, MANIFEST_DIGEST) != 0)
		return why_say(why, ERR_MANIFEST,
		    "expected image and stored bytes to be the same without compression");
	return ERR_OK;
}

static enum err
check_payload(const Tr__Payload *p, size_t i, char why[WHY_SIZE])
{
	char file[24];
	enum err e = want_name(p->component, "component", why);

	snprintf(file, sizeof(file), "p%zu", i);
	if (!e && strcmp(p->file, file) != 0)
		return why_say(why, ERR_MANIFEST, "file: expected %s, got '%.40s'", file, p->file);
	if (!e)
		e = check_sizes(p, why);
	if (!e)
		e = check_chunks(p, why);
	if (!e && !is_key(p->driver))
		return why_say(
		    why, ERR_MANIFEST, "driver: expected a name, got '%.40s'", p->driver);
	if (!e)
		e = check_hints(p, why);
	return e ? e : want_name(p->version, "payload.version", why);
}

/* Two names for one thing: equal but for case, or but for what follows the last dot. */
static bool
is_lookalike(const char *a, const char *b)
{
	const char *da = strrchr(a, '.'), *db = strrchr(b, '.');
	size_t na = da ? (size_t)(da - a) : strlen(a), nb = db ? (size_t)(db - b) : strlen(b);

	return na == nb && strncasecmp(a, b, na) == 0;
}

static enum err
check_payloads(const Tr__Manifest *m, char why[WHY_SIZE])
{
	enum err e = want_count(m->n_payload, 1, BUNDLE_PAYLOADS_MAX, "payload", why);

	for (size_t i = 0; !e && i < m->n_payload; i++) {
		e = check_payload(m->payload[i], i, why);
		for (size_t j = 0; !e && j < i; j++)
			if (is_lookalike(m->payload[i]->component, m->payload[j]->component))
				e = why_say(why, ERR_MANIFEST,
				    "expected different components, got '%s' and '%s'",
				    m->payload[j]->component, m->payload[i]->component);
	}
	return e;
}

/* MAJOR.MINOR.PATCH to a number that can be compared; false if it is not one. */
static bool
read_version(const char *s, uint64_t *out)
{
	unsigned a, b, c;
	char again[40];

	if (sscanf(s, "%5u.%5u.%5u", &a, &b, &c) != 3)
		return false;
	snprintf(again, sizeof(again), "%u.%u.%u", a, b, c);
	*out = (uint64_t)a << 40 | (uint64_t)b << 20 | c;
	return strcmp(again, s) == 0;
}

static enum err
check_min_gateway(const char *min, char why[WHY_SIZE])
{
	uint64_t want = 0, ours = 0;

	if (!min[0])
		return ERR_OK;
	if (!read_version(min, &want))
		return why_say(why, ERR_MANIFEST, "min_gateway: expected A.B.C, got '%.40s'", min);
	if (!read_version(SUBOTA_VERSION, &ours) || want > ours)
		return why_say(why, ERR_MANIFEST_TOO_NEW,
		    "expected gateway version %s or newer, got " SUBOTA_VERSION, min);
	return ERR_OK;
}

static enum err
check_numbers(const Tr__Manifest *m, char why[WHY_SIZE])
{
	if (m->sequence < 1 || m->sequence > INT64_MAX || m->security_counter > INT64_MAX)
		return why_say(why, ERR_MANIFEST,
		    "expected sequence 1.. and counter 0.. below 2^63, got %llu and %llu",
		    (unsigned long long)m->sequence, (unsigned long long)m->security_counter);
	if (m->created_ms < 1 || m->expires_ms <= m->created_ms || m->expires_ms > INT64_MAX ||
	    m->not_before_ms >= m->expires_ms)
		return why_say(why, ERR_MANIFEST,
		    "times: expected created < expires and not_before < expires, got %llu %llu "
		    "%llu",
		    (unsigned long long)m->created_ms, (unsigned long long)m->not_before_ms,
		    (unsigned long long)m->expires_ms);
	return check_min_gateway(m->min_gateway, why);
}

static enum err
check_names(const Tr__Manifest *m, char why[WHY_SIZE])
{
	enum err e = want_name(m->publisher, "publisher", why);

	if (!e)
		e = want_name(m->release_id, "release_id", why);
	if (!e)
		e = want_name(m->role, "role", why);
	if (!e)
		e = want_name(m->version, "version", why);
	if (!e)
		e = want_count(m->n_target, 1, MANIFEST_TARGETS_MAX, "target", why);
	if (!e)
		e = want_count(m->n_device_id, 0, MANIFEST_DEVICES_MAX, "device_id", why);
	return e ? e : want_count(m->n_depends, 0, MANIFEST_DEPENDS_MAX, "depends", why);
}

enum err
manifest_check(const Tr__Manifest *m, char why[WHY_SIZE])
{
	assert(m);
	if (strcmp(m->magic, MANIFEST_MAGIC) != 0)
		return why_say(why, ERR_MANIFEST, "expected magic " MANIFEST_MAGIC);
	if (m->format != FORMAT)
		return why_say(why, m->format > FORMAT ? ERR_MANIFEST_TOO_NEW : ERR_MANIFEST,
		    "format: expected %d, got %u", FORMAT, m->format);
	enum err e = check_names(m, why);

	for (size_t i = 0; !e && i < m->n_target; i++)
		e = check_target(m->target[i], why);
	for (size_t i = 0; !e && i < m->n_device_id; i++)
		if (!is_device_id(m->device_id[i]))
			e = why_say(why, ERR_MANIFEST,
			    "device_id: expected 1 to %d printable characters, got '%.70s'",
			    DEVICE_ID_MAX, m->device_id[i]);
	for (size_t i = 0; !e && i < m->n_depends; i++)
		e = check_depends(m->depends[i], why);
	if (!e)
		e = check_payloads(m, why);
	return e ? e : check_numbers(m, why);
}

enum err
manifest_parse(const uint8_t *data, size_t len, Tr__Manifest **out, char why[WHY_SIZE])
{
	ProtobufCMessage *base = NULL;
	enum err e = len > BUNDLE_MANIFEST_BYTES
			 ? why_say(
			       why, ERR_LIMIT, "expected at most %d bytes", BUNDLE_MANIFEST_BYTES)
			 : strict_unpack(
			       &tr__manifest__descriptor, MANIFEST_MAGIC, data, len, &base, why);

	if (e == ERR_UNSUPPORTED)
		return ERR_MANIFEST_TOO_NEW;
	if (e)
		return e == ERR_NOMEM ? e : ERR_MANIFEST;
	AUTO(manifest) Tr__Manifest *m = (Tr__Manifest *)base;

	e = manifest_check(m, why);
	if (e)
		return e;
	*out = HAND_OVER(m);
	return ERR_OK;
}

void
manifest_free(Tr__Manifest *m)
{
	if (m)
		tr__manifest__free_unpacked(m, NULL);
}

void
manifest_comment(const Tr__Manifest *m, char out[MANIFEST_COMMENT_SIZE])
{
	char hex[2 * MANIFEST_DIGEST + 1];

	sodium_bin2hex(hex, sizeof(hex), m->payload[0]->stored_sha256.data, MANIFEST_DIGEST);
	snprintf(out, MANIFEST_COMMENT_SIZE, "subota %s %s %s seq=%llu sc=%llu sha256=%s",
	    m->publisher, m->target[0]->model, m->version, (unsigned long long)m->sequence,
	    (unsigned long long)m->security_counter, hex);
}
