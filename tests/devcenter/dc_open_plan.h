/*
 * dc_open_plan: a device's plan and a gateway's sub-devices as the OpenAPI shows them.
 */
#ifndef DC_OPEN_PLAN_H
#define DC_OPEN_PLAN_H

#include <cjson/cJSON.h>

#include "dc_peer.h"

/* The manual plan that concerns a device: one it has something to do with and that is still active,
 * else the first that fits; 0: none. */
int64_t dc_open_plan_of(struct dc *dc, int64_t device);
/* A plan with its components; JSON null when the plan or the device is not there. */
cJSON *dc_open_plan(struct dc *dc, int64_t device, int64_t plan);
/* The short form for lists, which only the app's SDK shows. */
cJSON *dc_open_plan_row(struct dc *dc, int64_t device, int64_t plan);
/* Whether a device is one of a gateway product; one page (from 1) of a gateway's sub-devices. */
bool dc_open_is_gateway(struct dc *dc, int64_t device);
cJSON *dc_open_children_of(struct dc *dc, int64_t gateway, int64_t page, int64_t size);

#endif
