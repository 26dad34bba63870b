/*
 * ttlv_dump: TTLV payloads as JSON for people (`subotactl decode ttlv`, tests); declared in ttlv.h.
 * Numbers are written digit for digit, not through a double. Bytes are text when they are printable
 * ASCII, else hex.
 */
#include <cjson/cJSON.h>
#include <stdio.h>

#include "auto.h"
#include "ttlv.h"

AUTO_DEFINE(json, cJSON *, cJSON_Delete)

static bool
is_printable(const struct ttlv_node *n)
{
	for (size_t i = 0; i < n->len; i++)
		if (n->data[i] < 0x20 || n->data[i] > 0x7e)
			return false;
	return true;
}

static bool
add_bytes(cJSON *o, const struct ttlv_node *n)
{
	AUTO(mem) char *s = malloc(2 * n->len + 1);

	if (!s)
		return false;
	s[0] = '\0';
	if (is_printable(n)) {
		snprintf(s, n->len + 1, "%.*s", (int)n->len, n->len ? (const char *)n->data : "");
		return cJSON_AddStringToObject(o, "text", s);
	}
	for (size_t i = 0; i < n->len; i++)
		snprintf(s + 2 * i, 3, "%02x", n->data[i]);
	return cJSON_AddStringToObject(o, "bytes", s);
}

static bool
add_value(cJSON *o, const struct ttlv_node *n, cJSON **inside)
{
	char text[TTLV_NUMBER_TEXT];

	switch (n->type) {
	case TTLV_NUMBER:
		ttlv_number_text(n->number, text);
		return cJSON_AddRawToObject(o, "number", text);
	case TTLV_BYTES:
		return add_bytes(o, n);
	case TTLV_STRUCT:
		*inside = cJSON_AddArrayToObject(o, n->is_array ? "array" : "struct");
		return *inside;
	default:
		return cJSON_AddBoolToObject(o, "bool", n->type == TTLV_TRUE);
	}
}

/* Nodes from..to into `list`; the parser has bounded the depth. */
static bool
add_nodes(cJSON *list, const struct ttlv *t, size_t from, size_t to)
{
	for (size_t i = from; i < to; i = t->nodes[i].end) {
		cJSON *o = cJSON_CreateObject(), *inside = NULL;

		if (!cJSON_AddItemToArray(list, o))
			return false;
		if (!cJSON_AddNumberToObject(o, "id", t->nodes[i].id) ||
		    !add_value(o, &t->nodes[i], &inside))
			return false;
		if (inside && !add_nodes(inside, t, i + 1, t->nodes[i].end))
			return false;
	}
	return true;
}

enum err
ttlv_dump_json(const uint8_t *data, size_t len, char **out)
{
	AUTO(mem) struct ttlv *t = malloc(sizeof(*t));
	AUTO(json) cJSON *list = cJSON_CreateArray();

	if (!t || !list)
		return ERR_NOMEM;
	enum err e = ttlv_parse(data, len, t);

	if (e != ERR_OK)
		return e;
	if (!add_nodes(list, t, 0, t->n))
		return ERR_NOMEM;
	*out = cJSON_PrintUnformatted(list);
	return *out ? ERR_OK : ERR_NOMEM;
}
