/*
 * history: the event records of all daemons (event.h) as one list by time, and what comes after
 * it. A daemon is asked for its own on the control socket; the files of one that does not answer,
 * STATE/<daemon>/events.jsonl.1 and events.jsonl, are read by whoever may. Lines that are no JSON
 * object are counted, not shown.
 */
#ifndef SUBOTA_HISTORY_H
#define SUBOTA_HISTORY_H

#include "ask.h"
#include "event_page.h"

enum { HISTORY_SINCE = 32 };

/* Where the reading of one daemon's file has come to. */
struct history_file {
	char dir[256];
	enum who daemon;
	bool asked; /* else the files are read */
	char next[EVENT_CURSOR];
};

struct history {
	const struct ask *ask; /* NULL: files only */
	struct history_file files[ASK_DAEMONS];
	size_t n;
	char since[HISTORY_SINCE]; /* as in events; "" = all */
	uint64_t upgrade;          /* 0 = all */
	uint64_t damaged;          /* lines that could not be read */
};

/* Read `daemon`'s record, too. ERR_DENIED: it does not answer us, and its directory is not ours to
 * read; `why` says so. No file there yet is fine. */
enum err history_add(
    struct history *h, const char *state_dir, enum who daemon, char why[WHY_SIZE]) MUST_CHECK;

/* What there is and has not been read, by time; the first call has all that is kept. The list is
 * the caller's. */
cJSON *history_read(struct history *h);

/* Time as events have it, from `2026-11-24`, `2026-11-24T09:00:00Z`, or `90s`, `15m`, `2h`, `7d`
 * before `now_ms`. */
bool history_since(const char *text, uint64_t now_ms, char out[HISTORY_SINCE]);

#endif
