/*
 * dc_state: what the tables say, as JSON: for `status`, for the console and for whoever asks them.
 * Nothing is decided here but what dc_rule decides.
 */
#ifndef DC_STATE_H
#define DC_STATE_H

#include <cjson/cJSON.h>

#include "dc_db.h"

AUTO_DEFINE(cjson, cJSON *, cJSON_Delete)

/* {"now", "products", "devices", "packages", "plans"}; with `statuses`, every status of every
 * device too. A device has where it stands in each component of each plan; a plan has its life, how
 * many of its devices are in each state, and the success rate in percent (null: none ended). */
cJSON *dc_state_all(struct dc_db *db, int64_t now, bool statuses);

/* The log of a device, oldest first: [{"id", "at", "text", "plan", "component"}] (null where a line
 * is about none), after the line `after`, only of one component unless it is "", at most 500
 * lines, the newest ones. */
cJSON *dc_state_log(struct dc_db *db, int64_t device, int64_t after, const char *component);

/* What a plan's form needs beside its row of dc_state_all(): {"texts", "white", "black",
 * "packages", "versions"}. */
cJSON *dc_state_plan(struct dc_db *db, int64_t plan);
/* The devices that a plan means, the first 200 of "total": where each stands, what a person said
 * and "can" say: retry, now, appoint, cancel, seen, again. */
cJSON *dc_state_plan_devices(struct dc_db *db, int64_t plan, int64_t now);
/* {"known", "set", "seed"} of misbehaviour. */
cJSON *dc_state_faults(struct dc_db *db);

#endif
