/*
 * history: see history.h. Both ways lead to the same pages (event_page.h).
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "clock.h"
#include "history.h"

enum { PAGES_MAX = 64 }; /* in one go: more than a daemon keeps */

/* Does the daemon answer this question? An older one does not know it. */
static bool
answers(const struct ask *a, enum who daemon)
{
	cJSON *page = NULL;
	char why[WHY_SIZE];
	bool yes = a && ask_one(a, daemon, "events", "", &page, why) == ERR_OK;

	cJSON_Delete(page);
	return yes;
}

enum err
history_add(struct history *h, const char *state_dir, enum who daemon, char why[WHY_SIZE])
{
	struct history_file *f = &h->files[h->n];

	*f = (struct history_file){.daemon = daemon, .asked = answers(h->ask, daemon)};
	snprintf(f->dir, sizeof(f->dir), "%s/%s", state_dir, who_name(daemon));
	if (!f->asked && access(f->dir, X_OK) != 0 && errno == EACCES)
		return why_say(why, ERR_DENIED,
		    "%s does not answer, and %s is for root and its user only", who_name(daemon),
		    f->dir);
	h->n++;
	return ERR_OK;
}

static bool
is_wanted(const struct history *h, const cJSON *event)
{
	const char *at = cJSON_GetStringValue(cJSON_GetObjectItem(event, "at"));
	char id[24] = "", want[24];

	if (h->since[0] && (!at || strcmp(at, h->since) < 0))
		return false;
	snprintf(want, sizeof(want), "%llu", (unsigned long long)h->upgrade);
	out_text(cJSON_GetObjectItem(event, "upgrade"), id, sizeof(id));
	return h->upgrade == 0 || strcmp(id, want) == 0;
}

/* NULL: nothing came; it is tried again with the next reading. */
static cJSON *
page_of(const struct history *h, const struct history_file *f)
{
	char why[WHY_SIZE];
	cJSON *page = NULL;
	enum err e = ERR_OK;

	if (f->asked) {
		e = ask_one(h->ask, f->daemon, "events", f->next, &page, why);
		return e == ERR_OK ? page : NULL;
	}
	AUTO(fd) int dir = open(f->dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	return dir >= 0 && event_page(dir, f->next, &page) == ERR_OK ? page : NULL;
}

/* Events of a page that are wanted go over to the list. True: there is more. */
static bool
take_page(struct history *h, struct history_file *f, cJSON *page, cJSON *list)
{
	cJSON *events = cJSON_GetObjectItem(page, "events"), *e = NULL;
	const char *next = cJSON_GetStringValue(cJSON_GetObjectItem(page, "next"));

	if (!cJSON_IsArray(events) || !next || strlen(next) >= sizeof(f->next))
		return false;
	snprintf(f->next, sizeof(f->next), "%s", next);
	while ((e = events->child)) {
		cJSON_DetachItemViaPointer(events, e);
		if (is_wanted(h, e))
			cJSON_AddItemToArray(list, e);
		else
			cJSON_Delete(e);
	}
	const cJSON *damaged = cJSON_GetObjectItem(page, "damaged");

	h->damaged += cJSON_IsNumber(damaged) && damaged->valueint > 0 ? damaged->valueint : 0;
	return cJSON_IsTrue(cJSON_GetObjectItem(page, "more"));
}

static void
read_file(struct history *h, struct history_file *f, cJSON *list)
{
	bool more = true;

	for (int i = 0; i < PAGES_MAX && more; i++) {
		AUTO(out_json) cJSON *page = page_of(h, f);

		more = page && take_page(h, f, page, list);
	}
}

static const char *
time_of(const cJSON *event)
{
	const char *at = cJSON_GetStringValue(cJSON_GetObjectItem(event, "at"));

	return at ? at : "";
}

static int
by_time(const cJSON *a, const cJSON *b)
{
	return strcmp(time_of(a), time_of(b));
}

cJSON *
history_read(struct history *h)
{
	cJSON *list = cJSON_CreateArray();

	for (size_t i = 0; i < h->n; i++)
		read_file(h, &h->files[i], list);
	out_sort(list, by_time);
	return list;
}

/* `15m` */
static bool
read_span(const char *text, uint64_t *ms)
{
	static const char units[] = "smhd";
	static const uint64_t unit_ms[] = {1000, 60000, 3600000, 86400000};
	char digits[12];
	size_t n = strlen(text);
	const char *unit = n > 1 ? strchr(units, text[n - 1]) : NULL;
	uint64_t count = 0;

	if (!unit || n > sizeof(digits))
		return false;
	memcpy(digits, text, n - 1);
	digits[n - 1] = '\0';
	if (!opt_read_number(digits, 1000000, &count))
		return false;
	*ms = count * unit_ms[unit - units];
	return true;
}

bool
history_since(const char *text, uint64_t now_ms, char out[HISTORY_SINCE])
{
	uint64_t ms = 0, span = 0;
	char at[CLOCK_TEXT];

	if (read_span(text, &span))
		ms = span < now_ms ? now_ms - span : 0;
	else if (text[0] == '+' || !opt_read_time(text, now_ms, &ms))
		return false;
	clock_text(ms, at);
	snprintf(out, HISTORY_SINCE, "%s", at);
	return true;
}
