/*
 * dc_open_call: what the calls of the OpenAPI share: their codes, the envelope, and the tables'
 * handlers. For dc_open*.c only.
 */
#ifndef DC_OPEN_CALL_H
#define DC_OPEN_CALL_H

#include <cjson/cJSON.h>

#include "dc_open.h"
#include "dc_state.h"

/* clang-format off */
enum dc_open_code {
	DC_OPEN_OK = 200, DC_OPEN_UNAUTHORIZED = 401, DC_OPEN_FORBIDDEN = 403,
	DC_OPEN_NOT_FOUND = 404,
	/* end users */
	DC_OPEN_DEVICE = 5009, DC_OPEN_TOKEN = 5032, DC_OPEN_PERMISSION = 5041,
	DC_OPEN_NO_PK = 5066, DC_OPEN_NO_DK = 5067, DC_OPEN_EXPIRED = 5106, DC_OPEN_SUB = 5332,
	/* SaaS */
	DC_OPEN_SERVICE = 50000, DC_OPEN_PARAMETER = 50005, DC_OPEN_EMPTY = 50007,
	DC_OPEN_NO_GATEWAY_PRODUCT = 70020, DC_OPEN_NOT_CONNECTED = 70026,
	DC_OPEN_NO_GATEWAY = 70028, DC_OPEN_NO_SUB_PRODUCT = 70029, DC_OPEN_LIMITED = 70089,
	DC_OPEN_NO_TOKEN = 91001, DC_OPEN_BAD_TOKEN = 91004, DC_OPEN_WRONG_KIND = 91005,
	DC_OPEN_IP = 91006, DC_OPEN_NO_API = 91007,
	DC_OPEN_ITEMS = 10000, /* of a batch */
};
/* clang-format on */

typedef char *dc_open_call(struct dc *dc, const struct dc_open_request *r, const cJSON *doc);

/* The envelope; takes `data` over (NULL: null). */
char *dc_open_say(int code, const char *msg, cJSON *data);
static inline char *
dc_open_fail(int code, const char *msg)
{
	return dc_open_say(code, msg, NULL);
}
/* A parameter of the query, "" when it is not there. */
const char *dc_open_query(const struct dc_open_request *r, const char *name);
/* A member of an object: a text, "" when it is none; a number, also as text, 0 when it is none. */
const char *dc_open_text(const cJSON *o, const char *name);
int64_t dc_open_number(const cJSON *o, const char *name);
/* page and size of a list: from `page_name` and pageSize. False when one is given and is none. */
bool dc_open_page(
    const struct dc_open_request *r, const char *page_name, int64_t *page, int64_t *size);

/* dc_open_token.c: logins and refreshes; whether a token opens a call of a kind: 0 or a code. */
dc_open_call dc_open_key_login, dc_open_key_refresh, dc_open_phone_login, dc_open_email_login;
dc_open_call dc_open_user_refresh;
int dc_open_check(struct dc *dc, const struct dc_open_request *r, const char *kind);
/* Whether the access key of a SaaS token may see a product. */
bool dc_open_may_see(struct dc *dc, const struct dc_open_request *r, const char *pk);

/* dc_open_user.c: end users. dc_open_saas.c: those with an access key. */
dc_open_call dc_open_get_plan, dc_open_confirm, dc_open_details, dc_open_switch, dc_open_children;
dc_open_call dc_open_plan_devices, dc_open_have_upgrade, dc_open_fetch_plan, dc_open_report;
dc_open_call dc_open_sub_list, dc_open_gateway_of, dc_open_unbind;

#endif
