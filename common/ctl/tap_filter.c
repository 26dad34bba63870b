/*
 * tap_filter: see tap_filter.h. A device is found wherever a message names one, however deep: the
 * walk knows two names of members, not the schema.
 */
#include <stdio.h>
#include <string.h>

#include "out.h"
#include "tap_filter.h"

enum { DEPTH_MAX = 8 };

static enum err
take_device(struct tap_filter *f, const char *text)
{
	const char *slash = strchr(text, '/');
	int pk = slash ? snprintf(f->product_key, sizeof(f->product_key), "%.*s",
			     (int)(slash - text), text)
		       : 1;
	int dk = snprintf(f->device_key, sizeof(f->device_key), "%s", slash ? slash + 1 : text);

	if (pk > 0 && pk < (int)sizeof(f->product_key) && dk > 0 && dk < (int)sizeof(f->device_key))
		return ERR_OK;
	fprintf(stderr, "--device: expected PRODUCT/DEVICE or DEVICE, got '%s'\n", text);
	return ERR_INVALID;
}

static enum who
find_who(const char *name, size_t len)
{
	for (int w = WHO_NONE + 1; w < WHO_COUNT; w++)
		if (strlen(who_name((enum who)w)) == len &&
		    strncmp(who_name((enum who)w), name, len) == 0)
			return (enum who)w;
	return WHO_NONE;
}

static enum err
take_link(struct tap_filter *f, const char *text)
{
	const char *dash = strchr(text, '-');

	f->a = dash ? find_who(text, (size_t)(dash - text)) : WHO_NONE;
	f->b = dash ? find_who(dash + 1, strlen(dash + 1)) : WHO_NONE;
	if (f->a != WHO_NONE && f->b != WHO_NONE)
		return ERR_OK;
	fprintf(stderr, "--link: expected two processes like cloudd-fetchd, got '%s'\n", text);
	return ERR_INVALID;
}

enum err
tap_filter_init(struct tap_filter *f, const struct opt_set *o)
{
	const char *device = opt_nth(o, "device", 0), *link = opt_nth(o, "link", 0);

	*f = (struct tap_filter){.options = o};
	enum err e = opt_number(o, "upgrade", 0, INT64_MAX, &f->upgrade);
	if (e == ERR_OK && device)
		e = take_device(f, device);
	return e == ERR_OK && link ? take_link(f, link) : e;
}

/* Lines of a daemon are numbered: what lies between two that came was missed. */
static void
count(struct tap_filter *f, const cJSON *line)
{
	const cJSON *n = cJSON_GetObjectItem(line, "n");
	enum who daemon = ask_find(out_member(line, "daemon"));

	if (!cJSON_IsNumber(n) || !(n->valuedouble >= 1) || n->valuedouble > 9e15)
		return;
	for (size_t i = 0; i < ASK_DAEMONS; i++) {
		uint64_t now = (uint64_t)n->valuedouble;

		if (ask_daemons[i] != daemon)
			continue;
		if (f->seen[i] && now > f->seen[i] + 1) /* less: it was started again */
			f->missed += now - f->seen[i] - 1;
		f->seen[i] = now;
	}
}

/* Does any object in here name the device? */
static bool
names_device(const struct tap_filter *f, const cJSON *o, int depth)
{
	if (depth == DEPTH_MAX)
		return false;
	if (strcmp(out_member(o, "device_key"), f->device_key) == 0 &&
	    (!f->product_key[0] || strcmp(out_member(o, "product_key"), f->product_key) == 0))
		return true;
	for (const cJSON *m = o ? o->child : NULL; m; m = m->next)
		if ((cJSON_IsObject(m) || cJSON_IsArray(m)) && names_device(f, m, depth + 1))
			return true;
	return false;
}

static bool
is_of_upgrade(const struct tap_filter *f, const cJSON *message)
{
	char got[24], want[24];

	out_text(cJSON_GetObjectItem(message, "upgrade"), got, sizeof(got));
	snprintf(want, sizeof(want), "%llu", (unsigned long long)f->upgrade);
	return strcmp(got, want) == 0;
}

static bool
is_on_link(const struct tap_filter *f, const cJSON *line)
{
	const char *from = out_member(line, "from"), *to = out_member(line, "to");
	const char *a = who_name(f->a), *b = who_name(f->b);

	return (strcmp(from, a) == 0 && strcmp(to, b) == 0) ||
	       (strcmp(from, b) == 0 && strcmp(to, a) == 0);
}

static bool
is_of_kind(const struct tap_filter *f, const cJSON *line)
{
	size_t n = opt_count(f->options, "kind");

	for (size_t i = 0; i < n; i++)
		if (strcmp(opt_nth(f->options, "kind", i), out_member(line, "kind")) == 0)
			return true;
	return n == 0;
}

bool
tap_filter_wants(struct tap_filter *f, const cJSON *line)
{
	const cJSON *message = cJSON_GetObjectItem(line, "message");

	count(f, line);
	if (!is_of_kind(f, line) || (f->a != WHO_NONE && !is_on_link(f, line)))
		return false;
	if (f->upgrade && !is_of_upgrade(f, message))
		return false;
	return !f->device_key[0] || names_device(f, message, 0);
}
