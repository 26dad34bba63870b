/*
 * endpoint: see endpoint.h.
 */
#include <stdio.h>
#include <string.h>

#include "endpoint.h"

static const char down[] = "q/1/d/";

void
endpoint_format(const struct dialect_sub *device, char out[ENDPOINT_SIZE])
{
	snprintf(out, ENDPOINT_SIZE, "qd%s%s", device->product_key, device->device_key);
}

void
endpoint_topic_up(const char *endpoint, const char *what, char out[ENDPOINT_TOPIC_SIZE])
{
	snprintf(out, ENDPOINT_TOPIC_SIZE, "q/2/d/%s/%s", endpoint, what);
}

void
endpoint_topic_filter(const char *endpoint, char out[ENDPOINT_TOPIC_SIZE])
{
	snprintf(out, ENDPOINT_TOPIC_SIZE, "%s%s/+", down, endpoint);
}

enum err
endpoint_parse(const char *topic, char out[ENDPOINT_SIZE])
{
	if (strncmp(topic, down, strlen(down)) != 0)
		return ERR_MALFORMED;
	const char *level = topic + strlen(down);
	size_t len = strcspn(level, "/");

	if (len == 0 || len >= ENDPOINT_SIZE || level[len] != '/')
		return ERR_MALFORMED;
	memcpy(out, level, len);
	out[len] = '\0';
	return ERR_OK;
}

/* FNV-1a */
static uint32_t
digest_of(const uint8_t *data, size_t len)
{
	uint32_t h = 2166136261u;

	for (size_t i = 0; i < len; i++)
		h = (h ^ data[i]) * 16777619u;
	return h;
}

bool
endpoint_is_repeat(struct endpoint_repeats *r, const void *owner, uint16_t package_id,
    uint16_t command, const uint8_t *payload, size_t len, struct mono now, uint64_t window_ms)
{
	struct endpoint_seen fresh = {
	    owner, package_id, command, digest_of(payload, len), now, true};

	for (size_t i = 0; i < ENDPOINT_REPEATS; i++) {
		const struct endpoint_seen *s = &r->ring[i];

		if (s->used && s->owner == owner && s->package_id == package_id &&
		    s->command == command && s->digest == fresh.digest &&
		    mono_between(s->at, now) < (int64_t)window_ms)
			return true;
	}
	r->ring[r->next] = fresh;
	r->next = (r->next + 1) % ENDPOINT_REPEATS;
	return false;
}

void
endpoint_forget(struct endpoint_repeats *r, const void *owner)
{
	for (size_t i = 0; i < ENDPOINT_REPEATS; i++)
		r->ring[i].used &= r->ring[i].owner != owner;
}
