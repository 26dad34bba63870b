/*
 * json: see json.h.
 */
#include "json.h"

enum { FILE_MAX = 65536 };

const char *
json_text(const cJSON *o, const char *key)
{
	const cJSON *item = cJSON_GetObjectItem(o, key);

	return cJSON_IsString(item) ? item->valuestring : "";
}

double
json_number(const cJSON *o, const char *key)
{
	const cJSON *n = cJSON_GetObjectItem(o, key);

	return cJSON_IsNumber(n) ? n->valuedouble : 0;
}

cJSON *
json_file(const char *path)
{
	AUTO(file) FILE *f = fopen(path, "re");
	AUTO(mem) char *text = calloc(1, FILE_MAX);

	if (!f || !text)
		return NULL;
	return fread(text, 1, FILE_MAX - 1, f) > 0 ? cJSON_Parse(text) : NULL;
}
