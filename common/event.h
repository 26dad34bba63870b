/*
 * event: the operator's record of what happened, apart from the debug log.
 *
 * One JSON object a line in STATE/events.jsonl:
 * {"at","daemon","event","upgrade","product_key","device_key", "error","expected","got","text"}.
 * `event` is one of the names in event.c's table; what is empty is left out; `upgrade` is decimal
 * text; bytes outside 0x20..0x7e are written as in the log; a value has at most 1000 bytes. The
 * file is bounded: at 1 MiB it becomes events.jsonl.1 (one generation is kept). Each event is also
 * logged at info level.
 */
#ifndef SUBOTA_EVENT_H
#define SUBOTA_EVENT_H

#include <stdbool.h>

#include "auto.h"
#include "err.h"
#include "log.h"

#define EVENT_FILE "events.jsonl"
#define EVENT_FILE_OLD EVENT_FILE ".1"

struct event_log;

struct event {
	const char *name; /* "plan_offered", "image_refused", "device_done", ... */
	struct subject about;
	enum err error;       /* ERR_OK when nothing is wrong */
	const char *expected; /* may be NULL, as may the next two */
	const char *got;
	const char *text;
};

/* Append to the log in `dir` (created by the daemon skeleton). A log that cannot be opened is an
 * error. */
enum err event_open(const char *dir, const char *daemon, struct event_log **out) MUST_CHECK;
void event_close(struct event_log *l);
AUTO_DEFINE(event_log, struct event_log *, event_close)

/* Write one event; a write error is logged and otherwise survived. `l` may be NULL (tests). */
void event_write(struct event_log *l, const struct event *e);

/* The directory that the record is in; borrowed. */
int event_dir(const struct event_log *l);

bool event_is_known(const char *name);

#endif
