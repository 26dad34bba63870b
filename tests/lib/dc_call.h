/*
 * dc_call: a manual plan on the platform of dc_case, an app that calls the OpenAPI, and the
 * sub-device that waits for what comes of it.
 */
#ifndef SUBOTA_TESTS_DC_CALL_H
#define SUBOTA_TESTS_DC_CALL_H

#include <cjson/cJSON.h>

#include "dc_open.h"
#include "dc_talk.h"

enum { DC_CALL_OK = 200, DC_CALL_HOUR = 3600000 };

#define DC_CALL_OTA "/v2/ota/enduserapi/"
#define DC_CALL_DEVICE "\"productKey\":\"" DC_CASE_SUB_PK "\",\"deviceKey\":\"" DC_CASE_SUB_DK "\""
#define DC_CALL_KEY_LOGIN "/v2/quecauth/accessKeyAuthrize/accessKeyLogin"
#define DC_CALL_KEY_REFRESH "/v2/quecauth/accessKeyAuthrize/refreshToken"

struct dc_call {
	struct dc_case *c;
	struct dc_line *l;
	char token[80];
	const char *address;
	const char *queries[12]; /* name, value, ... */
};

/* A manual plan 1 from now for ten hours, the sub-device online, a person logged in whose queries
 * name the sub-device. */
struct dc_call dc_call_open(void);
void dc_call_close(struct dc_call *s);

/* The envelope; caller frees. */
cJSON *dc_call_ask(struct dc_call *s, const char *path, const char *body);
/* Its code. */
int dc_call_code(struct dc_call *s, const char *path, const char *body);
void dc_call_set(struct dc_call *s, const char *const *queries);
#define DC_CALL_QUERIES(s, ...) dc_call_set(s, (const char *const[]){__VA_ARGS__, NULL})
/* A person logs in, or access key AK with secret "geheim" (the token is used from now on). */
void dc_call_as_user(struct dc_call *s);
void dc_call_as_key(struct dc_call *s);
/* userBatchConfirmUpgrade for the one device; whether it is in the list of successes. */
bool dc_call_confirm(struct dc_call *s, int oper, int64_t from, int64_t to);
/* A number of the device's plan, -1 when there is none. */
double dc_call_plan_number(struct dc_call *s, const char *field);
/* Whether the platform sent a plan notice since the last look. */
bool dc_call_is_offered(struct dc_call *s);

#endif
