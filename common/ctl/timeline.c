/*
 * timeline: see timeline.h. The sentence takes the word of whoever said no first: a refusal travels
 * back through the other daemons, which repeat it, cloudd as `upgrade_ended`.
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "err.h"
#include "out.h"
#include "timeline.h"

/* `2026-11-24T09:10:11.123Z` as ms; 0: it is none. */
static int64_t
time_of(const cJSON *event)
{
	struct tm tm = {0};
	int ms = 0, used = 0;
	const char *at = out_member(event, "at");

	if (sscanf(at, "%4d-%2d-%2dT%2d:%2d:%2d.%3dZ%n", &tm.tm_year, &tm.tm_mon, &tm.tm_mday,
		&tm.tm_hour, &tm.tm_min, &tm.tm_sec, &ms, &used) != 7 ||
	    at[used])
		return 0;
	tm.tm_year -= 1900;
	tm.tm_mon -= 1;
	return (int64_t)timegm(&tm) * 1000 + ms;
}

/* The same daemon's next event; NULL: it is its last. */
static const cJSON *
next_of(const cJSON *event)
{
	const char *daemon = out_member(event, "daemon");

	for (const cJSON *e = event->next; e; e = e->next)
		if (strcmp(out_member(e, "daemon"), daemon) == 0)
			return e;
	return NULL;
}

cJSON *
timeline_make(const cJSON *events)
{
	static const char *const kept[] = {
	    "at", "daemon", "event", "text", "error", "expected", "got"};
	cJSON *list = cJSON_CreateArray();
	const cJSON *event = NULL;
	int64_t first = events && events->child ? time_of(events->child) : 0;

	cJSON_ArrayForEach(event, events)
	{
		cJSON *row = out_row(list);
		const cJSON *next = next_of(event);

		for (size_t i = 0; i < sizeof(kept) / sizeof(kept[0]); i++)
			if (out_member(event, kept[i])[0])
				out_add_text(row, kept[i], out_member(event, kept[i]));
		cJSON_AddNumberToObject(row, "after_ms", (double)(time_of(event) - first));
		if (next)
			cJSON_AddNumberToObject(
			    row, "for_ms", (double)(time_of(next) - time_of(event)));
	}
	return list;
}

/* --- for people ------------------------------------------------------------------------------- */

/* "0.012 s", "3 min 20 s", "5 h 12 min"; clocks may jump back. */
static void
add_span(cJSON *row, const char *key, const cJSON *ms)
{
	char text[40];
	double s = cJSON_IsNumber(ms) ? ms->valuedouble / 1000 : 0;
	int64_t whole = (int64_t)s;

	if (!cJSON_IsNumber(ms))
		return;
	if (s < 120 && s > -120)
		snprintf(text, sizeof(text), "%.3f s", s);
	else if (whole < 7200)
		snprintf(
		    text, sizeof(text), "%" PRId64 " min %" PRId64 " s", whole / 60, whole % 60);
	else
		snprintf(text, sizeof(text), "%" PRId64 " h %" PRId64 " min", whole / 3600,
		    whole / 60 % 60);
	out_add_text(row, key, text);
}

/* NAME: expected ..., got ...; or the event's own words. */
static void
add_why(cJSON *row, const cJSON *e, bool is_state)
{
	char why[900] = "";
	size_t used = 0;
	const char *const parts[] = {out_member(e, "error"), is_state ? "" : out_member(e, "text"),
	    out_member(e, "expected"), out_member(e, "got")};
	static const char *const before[] = {"", ": ", ": expected ", ", got "};

	for (size_t i = 0; i < 4; i++)
		if (parts[i][0] && used < sizeof(why) - 1)
			used += (size_t)snprintf(why + used, sizeof(why) - used, "%s%.300s",
			    used ? before[i] : "", parts[i]);
	if (used)
		out_add_text(row, "why", why);
}

static void
leave_out(cJSON *list, int n)
{
	cJSON *row = out_row(list);
	char text[60];

	snprintf(text, sizeof(text), "%d more; --json has them", n);
	out_add_text(row, "at", "...");
	out_add_text(row, "why", text);
}

cJSON *
timeline_rows(const cJSON *timeline)
{
	cJSON *list = cJSON_CreateArray();
	const cJSON *e = NULL;
	int n = cJSON_GetArraySize(timeline), i = 0;
	int out = n > TIMELINE_FIRST + TIMELINE_LAST + 1 ? n - TIMELINE_FIRST - TIMELINE_LAST : 0;

	cJSON_ArrayForEach(e, timeline)
	{
		if (i++ == TIMELINE_FIRST && out)
			leave_out(list, out);
		if (i > TIMELINE_FIRST && i <= TIMELINE_FIRST + out)
			continue;
		bool is_state = strcmp(out_member(e, "event"), "state") == 0;
		cJSON *row = out_row(list);

		out_add_text(row, "at", out_member(e, "at"));
		add_span(row, "after", cJSON_GetObjectItem(e, "after_ms"));
		out_add_text(row, "daemon", out_member(e, "daemon"));
		out_add_text(row, "what", out_member(e, is_state ? "text" : "event"));
		add_span(row, "lasted", cJSON_GetObjectItem(e, "for_ms"));
		add_why(row, e, is_state);
	}
	return list;
}

/* --- the sentence ----------------------------------------------------------------------------- */

/* How good an event is as an answer to "who said no?": its own word, a repetition of another's, or
 * no end yet (asked again later, or a person is asked). */
enum { NO_OWN, NO_REPEATED, NO_PUT_OFF, NO_KINDS };

static int
kind_of(const cJSON *event)
{
	const char *name = out_member(event, "event");

	if (strcmp(name, "plan_put_off") == 0 || strcmp(name, "plan_awaits_person") == 0)
		return NO_PUT_OFF;
	return strcmp(name, "upgrade_ended") == 0 ? NO_REPEATED : NO_OWN;
}

/* The first event with an error, of the best kind there is; NULL: none. */
static const cJSON *
first_no(const cJSON *timeline)
{
	for (int kind = NO_OWN; kind < NO_KINDS; kind++) {
		const cJSON *e = NULL;

		cJSON_ArrayForEach(
		    e, timeline) if (out_member(e, "error")[0] && kind_of(e) == kind) return e;
	}
	return NULL;
}

/* Who said no, by the upgrade's rows: nearest to the device first. */
static const char *
who_said_no(const cJSON *upgrade)
{
	static const char *const daemons[] = {"flashd", "fetchd", "cloudd"};

	for (size_t i = 0; i < 3; i++) {
		const char *error = out_member(cJSON_GetObjectItem(upgrade, daemons[i]), "error");

		if (error[0] && strcmp(error, err_name(ERR_OK)) != 0)
			return daemons[i];
	}
	return NULL;
}

static const char *
verb_of(const cJSON *upgrade, const cJSON *no)
{
	if (no && kind_of(no) == NO_PUT_OFF)
		return "puts it off";
	if (strstr(out_member(no, "event"), "refused") ||
	    strcmp(out_member(upgrade, "flash"), "REFUSED") == 0)
		return "refused it";
	return "failed it";
}

/* `no` may be NULL: the words of the upgrade's row then. */
static void
say_no(const cJSON *upgrade, const cJSON *no, const char *who, char out[TIMELINE_SENTENCE])
{
	const char *name = out_member(no ? no : upgrade, "error");
	const char *detail = no ? out_member(no, "text") : out_member(upgrade, "detail");
	const char *expected = out_member(no, "expected"), *got = out_member(no, "got");
	bool both = expected[0] || got[0];

	snprintf(out, TIMELINE_SENTENCE, "%s %s: %s (%s)%s%.300s%s%.200s%s%.200s", who,
	    verb_of(upgrade, no), err_text_of(name), name, detail[0] ? ": " : "", detail,
	    both ? ": expected " : "", expected, both ? ", got " : "", got);
}

static void
say_work(const cJSON *upgrade, const cJSON *timeline, char out[TIMELINE_SENTENCE])
{
	const cJSON *last = timeline && timeline->child ? timeline->child->prev : NULL;
	char done[24] = "", size[24] = "";
	const char *flash = out_member(upgrade, "flash"), *gate = out_member(upgrade, "gate");

	out_text(cJSON_GetObjectItem(upgrade, "done"), done, sizeof(done));
	out_text(cJSON_GetObjectItem(upgrade, "size"), size, sizeof(size));
	snprintf(out, TIMELINE_SENTENCE, "at work: %s%.40s, %s of %s bytes%s%.24s",
	    flash[0]  ? "flashd "
	    : gate[0] ? "fetchd "
		      : "cloudd ",
	    flash[0]  ? flash
	    : gate[0] ? gate
		      : out_member(upgrade, "cloud"),
	    done, size, last ? "; last heard of at " : "", out_member(last, "at"));
}

void
timeline_sentence(const cJSON *upgrade, const cJSON *timeline, char out[TIMELINE_SENTENCE])
{
	const char *flash = out_member(upgrade, "flash"), *who = who_said_no(upgrade);
	const cJSON *no = first_no(timeline);

	if (strcmp(flash, "DONE") == 0)
		snprintf(out, TIMELINE_SENTENCE, "done: %.130s %.64s runs %.64s",
		    out_member(upgrade, "device"), out_member(upgrade, "component"),
		    out_member(upgrade, "target"));
	else if (no || who)
		say_no(upgrade, no, no ? out_member(no, "daemon") : who, out);
	else
		say_work(upgrade, timeline, out);
}
