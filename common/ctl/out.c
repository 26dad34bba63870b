/*
 * out: see out.h. Memory that is not there ends the program: a tool has nothing to save.
 */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "ctl.h"
#include "out.h"

enum { VALUE_SIZE = 1024, COLUMNS_MAX = 16, KEY_SIZE = 160, KEY_WIDTH = 26 };

static void
need(const void *p)
{
	if (p)
		return;
	fprintf(stderr, "subotactl: out of memory\n");
	exit(CTL_SYSTEM);
}

const char *
out_member(const cJSON *o, const char *key)
{
	const char *text = cJSON_GetStringValue(cJSON_GetObjectItem(o, key));

	return text ? text : "";
}

cJSON *
out_row(cJSON *list)
{
	cJSON *o = cJSON_CreateObject();

	need(list);
	need(o);
	need(cJSON_AddItemToArray(list, o) ? o : NULL);
	return o;
}

/* Merge sort, because qsort may change the order of equals; `to` is room for as many. */
static void
merge_sort(cJSON **from, cJSON **to, size_t n, int (*order)(const cJSON *a, const cJSON *b))
{
	size_t half = n / 2, i = 0, k = half;

	if (n < 2)
		return;
	merge_sort(from, to, half, order);
	merge_sort(from + half, to + half, n - half, order);
	for (size_t at = 0; at < n; at++) {
		bool left = i < half && (k == n || order(from[i], from[k]) <= 0);

		to[at] = left ? from[i++] : from[k++];
	}
	memcpy(from, to, n * sizeof(*from));
}

void
out_sort(cJSON *list, int (*order)(const cJSON *a, const cJSON *b))
{
	size_t n = (size_t)cJSON_GetArraySize(list);
	AUTO(mem) cJSON **all = calloc(n + 1, sizeof(*all));
	AUTO(mem) cJSON **side = calloc(n + 1, sizeof(*side));

	need(all);
	need(side);
	for (size_t i = 0; i < n; i++)
		all[i] = cJSON_DetachItemFromArray(list, 0);
	merge_sort(all, side, n, order);
	for (size_t i = 0; i < n; i++)
		cJSON_AddItemToArray(list, all[i]);
}

void
out_add_text(cJSON *o, const char *key, const char *text)
{
	need(cJSON_AddStringToObject(o, key, text));
}

void
out_add_number(cJSON *o, const char *key, uint64_t n)
{
	char text[24];

	snprintf(text, sizeof(text), "%" PRIu64, n);
	need(cJSON_AddRawToObject(o, key, text));
}

static void
make_printable(char *text)
{
	for (char *c = text; *c; c++)
		if (*c < ' ' || *c > '~')
			*c = '?';
}

static void
compound_text(const cJSON *value, char *text, size_t size)
{
	AUTO(mem) char *all = cJSON_PrintUnformatted(value);

	need(all);
	snprintf(text, size, "%s", all);
}

void
out_text(const cJSON *value, char *text, size_t size)
{
	const char *string = cJSON_GetStringValue(value);

	if (!value || cJSON_IsNull(value) || (string && !*string))
		snprintf(text, size, "-");
	else if (string)
		snprintf(text, size, "%s", string);
	else if (cJSON_IsBool(value))
		snprintf(text, size, "%s", cJSON_IsTrue(value) ? "yes" : "no");
	else
		compound_text(value, text, size);
	make_printable(text);
}

enum out_form
out_form(const struct opt_set *o)
{
	if (opt_count(o, "json"))
		return OUT_JSON;
	return opt_count(o, "kv") ? OUT_KV : OUT_TEXT;
}

/* Bounded by the depth that cJSON's own parser allows. An empty list or object is no line. */
static void
put_keys(const cJSON *value, const char *key)
{
	char below[KEY_SIZE], text[VALUE_SIZE];
	const cJSON *m = NULL;
	unsigned i = 0;

	if (!cJSON_IsObject(value) && !cJSON_IsArray(value)) {
		out_text(value, text, sizeof(text));
		printf("%s=%s\n", key, strcmp(text, "-") == 0 ? "" : text);
		return;
	}
	cJSON_ArrayForEach(m, value)
	{
		if (m->string)
			snprintf(below, sizeof(below), "%s%s%s", key, *key ? "." : "", m->string);
		else
			snprintf(below, sizeof(below), "%s%s%u", key, *key ? "." : "", i++);
		make_printable(below);
		put_keys(m, below);
	}
}

int
out_value(const cJSON *value, enum out_form form)
{
	if (form == OUT_KV) {
		put_keys(value, "");
		return CTL_OK;
	}
	AUTO(mem) char *text = cJSON_PrintUnformatted(value);

	need(text);
	printf("%s\n", text);
	return CTL_OK;
}

static size_t
width_of(const cJSON *list, const struct out_column *c)
{
	size_t width = strlen(c->title);
	char text[VALUE_SIZE];
	const cJSON *row = NULL;

	cJSON_ArrayForEach(row, list)
	{
		out_text(cJSON_GetObjectItem(row, c->key), text, sizeof(text));
		width = strlen(text) > width ? strlen(text) : width;
	}
	return width;
}

/* A cell and the blanks behind it, of which there are none at the end of a line. */
static void
put_cell(const char *text, size_t width, bool last)
{
	if (last)
		printf("%s\n", text);
	else
		printf("%-*s  ", (int)width, text);
}

int
out_list(const cJSON *list, const struct out_column *columns, enum out_form form)
{
	size_t widths[COLUMNS_MAX], n = 0;
	char text[VALUE_SIZE];
	const cJSON *row = NULL;

	if (form)
		return out_value(list, form);
	for (; n < COLUMNS_MAX && columns[n].key; n++)
		widths[n] = width_of(list, &columns[n]);
	for (size_t i = 0; i < n; i++)
		put_cell(columns[i].title, widths[i], i + 1 == n);
	cJSON_ArrayForEach(row, list)
	{
		for (size_t i = 0; i < n; i++) {
			out_text(cJSON_GetObjectItem(row, columns[i].key), text, sizeof(text));
			put_cell(text, widths[i], i + 1 == n);
		}
	}
	return CTL_OK;
}

void
out_line(const cJSON *row, const struct out_column *columns, enum out_form form)
{
	char text[VALUE_SIZE];
	const char *gap = "";

	for (const struct out_column *c = columns; !form && c->key; c++) {
		out_text(cJSON_GetObjectItem(row, c->key), text, sizeof(text));
		if (strcmp(text, "-") == 0)
			continue;
		printf("%s%s", gap, text);
		gap = "  ";
	}
	if (form)
		out_value(row, form);
	if (form != OUT_JSON)
		printf("\n"); /* a blank line ends a record of keys */
	fflush(stdout);
}

/* Bounded by the depth that cJSON's own parser allows. */
static void
put_members(const cJSON *o, const char *prefix)
{
	char text[VALUE_SIZE], key[KEY_SIZE];
	const cJSON *m = NULL;

	cJSON_ArrayForEach(m, o)
	{
		snprintf(key, sizeof(key), "%s%s%s", prefix, *prefix ? "." : "",
		    m->string ? m->string : "-");
		make_printable(key);
		if (cJSON_IsObject(m)) {
			put_members(m, key);
			continue;
		}
		out_text(m, text, sizeof(text));
		printf("%-*s  %s\n", KEY_WIDTH, key, text);
	}
}

int
out_object(const cJSON *o, enum out_form form)
{
	if (form)
		return out_value(o, form);
	put_members(o, "");
	return CTL_OK;
}
