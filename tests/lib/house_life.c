/*
 * house_life: see house_life.h.
 */
#include "house_life.h"

#include <string.h>

#include "house_conf.h"

static unsigned
count(const char *text, const char *what)
{
	unsigned n = 0;

	for (const char *at = text; (at = strstr(at, what)) != NULL; at += strlen(what))
		n++;
	return n;
}

unsigned
house_life_log(struct house *h, const char *device, const char *text)
{
	char name[80];
	const char *pk = strncmp(device, "METER", 5) == 0 ? HOUSE_PK : HOUSE_GATEWAY_PK;

	snprintf(name, sizeof(name), "%s/%s", pk, device);
	struct tool_result r = HOUSE_DC(h, "log", name);
	cr_assert_eq(r.status, 0, "log %s: %s", name, r.out);
	return count(r.out, text);
}

static unsigned
lines_with(const char *path, const char *text)
{
	char line[4096];
	unsigned n = 0;
	AUTO(file) FILE *f = fopen(path, "re");

	while (f && fgets(line, sizeof(line), f))
		n += strstr(line, text) != NULL;
	return n;
}

unsigned
house_life_events(struct house *h, const char *text)
{
	char path[300];

	snprintf(path, sizeof(path), "%s/state/cloudd/events.jsonl", h->dir);
	return lines_with(path, text);
}

unsigned
house_life_said(struct house *h, enum house_part p, const char *text)
{
	char path[300], name[32];

	snprintf(path, sizeof(path), "%s/log/%s", h->dir, house_name(p, name));
	return lines_with(path, text);
}

struct wish {
	const char *device, *text; /* device NULL: an event of cloudd's */
	unsigned times;
};

static bool
is_there(struct house *h, void *arg)
{
	const struct wish *w = arg;

	return (w->device ? house_life_log(h, w->device, w->text)
			  : house_life_events(h, w->text)) >= w->times;
}

void
house_life_until_log(struct house *h, const char *device, const char *text, unsigned times)
{
	struct wish w = {device, text, times};

	house_case_until(h, is_there, &w, text);
}

void
house_life_until_event(struct house *h, const char *text, unsigned times)
{
	struct wish w = {NULL, text, times};

	house_case_until(h, is_there, &w, text);
}

void
house_life_unlist(struct house *h, unsigned device)
{
	unsigned all = h->options.devices;

	HOUSE_MUST(h, house_stop(h, HOUSE_FLASHD));
	h->options.devices = device;
	HOUSE_MUST(h, house_conf_write(h));
	h->options.devices = all;
	HOUSE_MUST(h, house_start(h, HOUSE_FLASHD));
}
