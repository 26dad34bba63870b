/*
 * app: a person's app on the platform's OpenAPI, as far as a manual upgrade needs it: signs in with
 * an account of its own and calls, by curl, over the Developer Center's HTTPS port.
 *
 *     struct app a;  app_sign_in(h, &a);
 *     AUTO(json) cJSON *doc = app_get(&a, "enduserapi/v2/getDeviceUpgradePlan?pk=...&dk=...");
 *     app_confirm(&a, "METER1", APP_NOW, 0, 0)
 */
#ifndef SUBOTA_TESTS_APP_H
#define SUBOTA_TESTS_APP_H

#include <cjson/cJSON.h>
#include <stdbool.h>
#include <stdint.h>

#include "house.h"

enum { APP_OK = 200 };
/* What a person may say of an upgrade: operType. */
enum app_wish { APP_NOW = 1, APP_APPOINT, APP_CANCEL, APP_SEEN, APP_RETRY };

struct app {
	struct house *house;
	char base[64]; /* https://127.0.0.1:PORT */
	char token[300];
};

/* A new account, signed in. */
void app_sign_in(struct house *h, struct app *out);
/* Any call: `path` from /v2 on; `token` NULL: without; `body` NULL: GET; `method` NULL: GET or
 * POST. The answer as a document, which the caller frees; asserts that there is one. */
cJSON *app_call(
    const struct app *a, const char *method, const char *path, const char *token, const char *body);
/* With the token: a call of the OTA service. */
cJSON *app_get(const struct app *a, const char *call);

/* The plan that the app is shown for a device: its document (data), NULL when there is none. */
cJSON *app_plan(const struct app *a, const char *dk);
/* Says what a person wants of the plan that is shown (or was, the newest); false when the platform
 * puts it on its list of failures. Times are ms since 1970, of an appointment. */
bool app_confirm(
    const struct app *a, const char *dk, enum app_wish wish, int64_t starts, int64_t ends);
/* getBatchUpgradeDetails of the newest plan: its document, caller frees. */
cJSON *app_details(const struct app *a, const char *dk);

#endif
