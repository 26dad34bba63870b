/*
 * merge: see merge.h. Lists are short (an answer fits a message), so looking through them is fine.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "ask.h"
#include "merge.h"

enum { TEXT_SIZE = 600 };

/* Member `from` of `row` as `to` of `out`, unless it is there already or has nothing to say. */
static void
copy(cJSON *out, const char *to, const cJSON *row, const char *from)
{
	const cJSON *v = cJSON_GetObjectItem(row, from);
	const char *text = cJSON_GetStringValue(v);

	if (!v || cJSON_GetObjectItem(out, to) || (text && !*text))
		return;
	cJSON_AddItemToObject(out, to, cJSON_Duplicate(v, true));
}

static void
add_device(cJSON *out, const cJSON *row)
{
	char pk[TEXT_SIZE], dk[TEXT_SIZE], both[2 * TEXT_SIZE];

	if (cJSON_GetObjectItem(out, "device"))
		return;
	out_text(cJSON_GetObjectItem(row, "product_key"), pk, sizeof(pk));
	out_text(cJSON_GetObjectItem(row, "device_key"), dk, sizeof(dk));
	snprintf(both, sizeof(both), "%s/%s", pk, dk);
	out_add_text(out, "device", both);
	copy(out, "component", row, "component");
}

/* Why it went wrong; "OK" is no reason, and the first one stays. */
static void
add_error(cJSON *out, const cJSON *row)
{
	const char *name = cJSON_GetStringValue(cJSON_GetObjectItem(row, "error"));

	if (!name || strcmp(name, "OK") == 0 || cJSON_GetObjectItem(out, "error"))
		return;
	copy(out, "error", row, "error");
	copy(out, "detail", row, "detail");
}

static bool
is_same(const cJSON *a, const cJSON *b, const char *key)
{
	char x[TEXT_SIZE], y[TEXT_SIZE];

	out_text(cJSON_GetObjectItem(a, key), x, sizeof(x));
	out_text(cJSON_GetObjectItem(b, key), y, sizeof(y));
	return strcmp(x, y) == 0;
}

static bool
is_of_device(const cJSON *d, const cJSON *row)
{
	const cJSON *other = cJSON_GetObjectItem(d, "flashd");

	return other && is_same(other, row, "product_key") && is_same(other, row, "device_key");
}

/* What flashd says of the component that `key` of cloudd's row names. */
static cJSON *
find_component(cJSON *list, const cJSON *row, const char *key)
{
	const char *name = cJSON_GetStringValue(cJSON_GetObjectItem(row, key));
	cJSON *d = NULL;

	cJSON_ArrayForEach(d, list)
	{
		const char *other = cJSON_GetStringValue(cJSON_GetObjectItem(d, "component"));

		if (is_of_device(d, row) && name && other && strcmp(name, other) == 0)
			return d;
	}
	return NULL;
}

/* The platform knows devices: all components of one are logged in together, and one of them at most
 * is being upgraded. */
static void
add_platform(cJSON *list, cJSON *main, const cJSON *row)
{
	cJSON *busy = find_component(list, row, "upgrade_component"), *d = NULL;

	copy(busy ? busy : main, "upgrade", row, "upgrade");
	cJSON_ArrayForEach(d, list)
	{
		if (d == main || is_of_device(d, row))
			copy(d, "login", row, "login");
	}
}

cJSON *
merge_devices(const struct merge *m)
{
	cJSON *list = cJSON_CreateArray();
	const cJSON *row = NULL;

	cJSON_ArrayForEach(row, ask_list(m->flashd, "devices"))
	{
		static const char *const same[] = {
		    "name", "state", "version", "unit", "port", "driver", "status"};
		cJSON *d = out_row(list);

		add_device(d, row);
		for (size_t i = 0; i < sizeof(same) / sizeof(same[0]); i++)
			copy(d, same[i], row, same[i]);
		add_error(d, row);
		cJSON_AddItemToObject(d, "flashd", cJSON_Duplicate(row, true));
	}
	cJSON_ArrayForEach(row, ask_list(m->cloudd, "devices"))
	{
		cJSON *d = find_component(list, row, "component");

		if (!d)
			d = out_row(list);
		add_device(d, row);
		copy(d, "version", row, "version");
		add_platform(list, d, row);
		cJSON_AddItemToObject(d, "cloudd", cJSON_Duplicate(row, true));
	}
	return list;
}

/* --- upgrades --------------------------------------------------------------------------------- */

/* Ids above 2^53 travel as text. */
static uint64_t
id_of(const cJSON *row)
{
	char text[24];

	out_text(cJSON_GetObjectItem(row, "upgrade"), text, sizeof(text));
	return strtoull(text, NULL, 10);
}

static cJSON *
row_of(cJSON *list, uint64_t id)
{
	cJSON *u = NULL;

	cJSON_ArrayForEach(u, list)
	{
		if (id_of(u) == id)
			return u;
	}
	u = out_row(list);
	out_add_number(u, "upgrade", id);
	return u;
}

static int
newest_first(const cJSON *a, const cJSON *b)
{
	return id_of(a) < id_of(b) ? 1 : id_of(a) > id_of(b) ? -1 : 0;
}

static void
add_upgrades(
    cJSON *list, const cJSON *answer, const char *daemon, const char *column, const char *state)
{
	const cJSON *row = NULL;

	cJSON_ArrayForEach(row, ask_list(answer, "upgrades"))
	{
		cJSON *u = row_of(list, id_of(row));

		add_device(u, row);
		copy(u, "target", row, "target_version");
		copy(u, "target", row, "target");
		copy(u, column, row, state);
		copy(u, "status", row, "status");
		copy(u, "done", row, "done");
		copy(u, "size", row, "size");
		add_error(u, row);
		if (cJSON_GetStringValue(cJSON_GetObjectItem(row, "hold")))
			copy(u, "detail", row, "detail"); /* why it does not begin */
		cJSON_DeleteItemFromObject(u, daemon);    /* a daemon that names one twice */
		cJSON_AddItemToObject(u, daemon, cJSON_Duplicate(row, true));
	}
}

cJSON *
merge_upgrades(const struct merge *m)
{
	cJSON *list = cJSON_CreateArray();

	add_upgrades(list, m->flashd, "flashd", "flash", "state");
	add_upgrades(list, m->fetchd, "fetchd", "gate", "state");
	add_upgrades(list, m->cloudd, "cloudd", "cloud", "text");
	out_sort(list, newest_first);
	return list;
}

const cJSON *
merge_find_upgrade(const cJSON *upgrades, uint64_t id)
{
	const cJSON *u = NULL;

	cJSON_ArrayForEach(u, upgrades)
	{
		if (id_of(u) == id)
			return u;
	}
	return NULL;
}
