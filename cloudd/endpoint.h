/*
 * endpoint: names on the platform's broker, and the memory of what has come already (spec:
 * developer center, sections 1, 3 and 4). Pure.
 *
 *     qdPKDK                          a device, also its MQTT client id
 *     q/1/d/qdPKDK/ota[/app]          down to it
 *     q/2/d/qdPKDK/ota                up from it
 */
#ifndef SUBOTA_ENDPOINT_H
#define SUBOTA_ENDPOINT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "clock.h"
#include "dialect.h"

enum {
	ENDPOINT_SIZE = 2 * DIALECT_KEY_MAX + 3, /* "qd", two keys, NUL */
	ENDPOINT_TOPIC_SIZE = ENDPOINT_SIZE + 16,
	ENDPOINT_REPEATS = 256,
};

void endpoint_format(const struct dialect_sub *device, char out[ENDPOINT_SIZE]);
/* `what`: sys, ota or bus. */
void endpoint_topic_up(const char *endpoint, const char *what, char out[ENDPOINT_TOPIC_SIZE]);
/* q/1/d/<endpoint>/+ */
void endpoint_topic_filter(const char *endpoint, char out[ENDPOINT_TOPIC_SIZE]);
/* The endpoint level of a downlink topic. ERR_MALFORMED: not of the form above. The levels after it
 * are not looked at, as in the platform's own SDK. */
enum err endpoint_parse(const char *topic, char out[ENDPOINT_SIZE]) MUST_CHECK;

/* One message that has come: whose (any address that stays the same), its package id, its command,
 * and a digest of its payload, so that a platform that starts counting anew is not ignored. */
struct endpoint_seen {
	const void *owner;
	uint16_t package_id, command;
	uint32_t digest;
	struct mono at;
	bool used;
};

struct endpoint_repeats {
	struct endpoint_seen ring[ENDPOINT_REPEATS];
	size_t next;
};

/* Whether the same message came less than `window_ms` ago; remembers it either way. */
bool endpoint_is_repeat(struct endpoint_repeats *r, const void *owner, uint16_t package_id,
    uint16_t command, const uint8_t *payload, size_t len, struct mono now, uint64_t window_ms);

/* `owner` had gone, as the platform was told, and is about to come back: package ids begin anew,
 * and what then has an old one, and says the same, is not what came before. */
void endpoint_forget(struct endpoint_repeats *r, const void *owner);

#endif
