/*
 * dp_dump: frames as JSON for people (`subotactl decode dp`, tests); declared in dp.h.
 */
#include <cjson/cJSON.h>
#include <stdio.h>

#include "auto.h"
#include "dp.h"
#include "ttlv.h"

AUTO_DEFINE(json, cJSON *, cJSON_Delete)

static bool
add_head(cJSON *o, const struct dp *f)
{
	char command[5];

	snprintf(command, sizeof(command), "%04x", f->command);
	return cJSON_AddNumberToObject(o, "package", f->package_id) &&
	       cJSON_AddStringToObject(o, "command", command) &&
	       cJSON_AddStringToObject(o, "name", dp_command_name(f->command));
}

static bool
add_payload(cJSON *o, const struct dp *f)
{
	AUTO(mem) char *hex = malloc(2 * f->len + 1);
	AUTO(mem) char *values = NULL;

	if (!hex)
		return false;
	hex[0] = '\0';
	for (size_t i = 0; i < f->len; i++)
		snprintf(hex + 2 * i, 3, "%02x", f->payload[i]);
	if (!cJSON_AddStringToObject(o, "payload", hex))
		return false;
	if (ttlv_dump_json(f->payload, f->len, &values) != ERR_OK)
		return true; /* raw data, which is legal */
	return cJSON_AddRawToObject(o, "ttlv", values);
}

enum err
dp_dump_json(const uint8_t *data, size_t len, char **out)
{
	size_t size = DP_HEAD + DP_PAYLOAD_MAX;
	AUTO(mem) uint8_t *buffer = malloc(size);
	AUTO(json) cJSON *o = cJSON_CreateObject();
	struct dp f;

	if (!buffer || !o)
		return ERR_NOMEM;
	enum err e = dp_parse(data, len, buffer, size, &f);
	if (e != ERR_OK)
		return e;
	if (!add_head(o, &f) || !add_payload(o, &f))
		return ERR_NOMEM;
	*out = cJSON_PrintUnformatted(o);
	return *out ? ERR_OK : ERR_NOMEM;
}
