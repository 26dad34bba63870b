/*
 * json: small helpers for reading JSON in tests, on cJSON; what is missing is empty.
 */
#ifndef SUBOTA_TESTS_JSON_H
#define SUBOTA_TESTS_JSON_H

#include <cjson/cJSON.h>

#include "auto.h"

AUTO_DEFINE(json, cJSON *, cJSON_Delete)

/* Text of a member, "" when it is missing or null. */
const char *json_text(const cJSON *o, const char *key);
/* Number of a member, 0 when it is missing. */
double json_number(const cJSON *o, const char *key);
/* A file of at most 64 KiB; NULL when it is not there or not whole. Caller frees. */
cJSON *json_file(const char *path);

#endif
