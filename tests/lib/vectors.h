/*
 * vectors: the golden data of the platform's protocol (tests/data/developer-center.json), recorded
 * from its public device SDK. Whatever goes wrong in here aborts the test.
 */
#ifndef SUBOTA_TESTS_VECTORS_H
#define SUBOTA_TESTS_VECTORS_H

#include <cjson/cJSON.h>
#include <stddef.h>
#include <stdint.h>

#include "auto.h"

AUTO_DEFINE(vectors, cJSON *, cJSON_Delete)

/* The whole document; caller frees (AUTO(vectors)). */
cJSON *vectors_load(void);

/* Text of a member, "" when it is missing or null. */
const char *vectors_text(const cJSON *o, const char *key);

struct vectors_bytes {
	size_t len;
	uint8_t data[140000];
};

/* Hex text to bytes; heap, caller frees (AUTO(mem)). */
struct vectors_bytes *vectors_unhex(const char *hex);
/* The member `key` of `o`, unhexed. */
struct vectors_bytes *vectors_hex(const cJSON *o, const char *key);

#endif
