/*
 * ctl_history: `subotactl events`: the records of three daemons as one list, and what comes after.
 */
#include <criterion/criterion.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>

#include "ctl/history.h"
#include "event.h"
#include "kit.h"
#include "tool.h"

#define LINE(at, daemon, event, rest) \
	"{\"at\":\"2026-11-24T09:00:" at "Z\",\"daemon\":\"" daemon "\",\"event\":\"" event \
	"\"" rest "}\n"

/* DIR/cloudd, DIR/fetchd, DIR/flashd. */
static char *
state_dir(void)
{
	char *dir = kit_scratch(), path[300];

	for (size_t i = 0; i < ASK_DAEMONS; i++) {
		snprintf(path, sizeof(path), "%s/%s", dir, who_name(ask_daemons[i]));
		cr_assert_eq(mkdir(path, 0755), 0);
	}
	return dir;
}

static void
append(const char *dir, const char *name, const char *text)
{
	char path[300];

	snprintf(path, sizeof(path), "%s/%s", dir, name);
	AUTO(file) FILE *f = fopen(path, "a");

	cr_assert(f && fputs(text, f) >= 0, "%s", path);
}

static void
open_all(struct history *h, const char *dir)
{
	char why[WHY_SIZE] = "";

	*h = (struct history){0};
	for (size_t i = 0; i < ASK_DAEMONS; i++)
		cr_assert_eq(history_add(h, dir, ask_daemons[i], why), ERR_OK, "%s", why);
}

/* Names of the events read, one after the other; then what is next is read. */
static void
expect_events(struct history *h, const char *want)
{
	AUTO(out_json) cJSON *list = history_read(h);
	const cJSON *e = NULL;
	char got[400] = "";
	size_t used = 0;

	cJSON_ArrayForEach(e, list)
	{
		const char *name = cJSON_GetStringValue(cJSON_GetObjectItem(e, "event"));

		used += (size_t)snprintf(got + used, sizeof(got) - used, "%s ", name ? name : "?");
	}
	cr_expect_str_eq(got, want);
}

Test(ctl_history, events_of_all_daemons_come_in_the_order_of_time)
{
	AUTO(scratch) char *dir = state_dir();
	struct history h;

	append(dir, "cloudd/events.jsonl",
	    LINE("01.000", "cloudd", "a", "") LINE("05.000", "cloudd", "e", ""));
	append(dir, "fetchd/events.jsonl.1", LINE("02.000", "fetchd", "b", ""));
	append(dir, "fetchd/events.jsonl", LINE("03.000", "fetchd", "c", ""));
	append(dir, "flashd/events.jsonl", LINE("03.000", "flashd", "d", ""));
	open_all(&h, dir);
	expect_events(&h, "a b c d e ");
	expect_events(&h, "");
	cr_expect_eq(h.damaged, 0);
}

Test(ctl_history, what_is_appended_later_is_read_once_and_only_as_whole_lines)
{
	AUTO(scratch) char *dir = state_dir();
	struct history h;

	open_all(&h, dir);
	expect_events(&h, "");
	append(dir, "flashd/events.jsonl", LINE("01.000", "flashd", "a", ""));
	expect_events(&h, "a ");
	append(dir, "flashd/events.jsonl", "{\"at\":\"2026-11-24T09:00:02.000Z\",");
	expect_events(&h, "");
	append(dir, "flashd/events.jsonl", "\"event\":\"b\"}\n");
	expect_events(&h, "b ");
}

Test(ctl_history, a_file_that_was_turned_over_loses_nothing)
{
	AUTO(scratch) char *dir = state_dir();
	char from[300], to[300];
	struct history h;

	append(dir, "flashd/events.jsonl", LINE("01.000", "flashd", "a", ""));
	open_all(&h, dir);
	expect_events(&h, "a ");
	append(dir, "flashd/events.jsonl", LINE("02.000", "flashd", "b", ""));
	snprintf(from, sizeof(from), "%s/flashd/events.jsonl", dir);
	snprintf(to, sizeof(to), "%s/flashd/events.jsonl.1", dir);
	cr_assert_eq(rename(from, to), 0);
	append(dir, "flashd/events.jsonl", LINE("03.000", "flashd", "c", ""));
	expect_events(&h, "b c ");
	expect_events(&h, "");
}

Test(ctl_history, lines_that_are_no_events_are_counted_and_stepped_over)
{
	AUTO(scratch) char *dir = state_dir();
	struct history h;

	append(dir, "cloudd/events.jsonl", "\n{\"at\":\n[1]\n" LINE("01.000", "cloudd", "a", ""));
	open_all(&h, dir);
	expect_events(&h, "a ");
	cr_expect_eq(h.damaged, 2, "an empty line is none");
}

Test(ctl_history, events_can_be_chosen_by_time_and_upgrade)
{
	AUTO(scratch) char *dir = state_dir();
	struct history h;

	append(dir, "cloudd/events.jsonl",
	    LINE("01.000", "cloudd", "a", ",\"upgrade\":7") LINE("02.000", "cloudd", "b", "")
		LINE("03.000", "cloudd", "c", ",\"upgrade\":7") "{\"event\":\"timeless\"}\n");
	open_all(&h, dir);
	cr_assert(history_since("2026-11-24T09:00:02Z", 0, h.since));
	expect_events(&h, "b c ");
	open_all(&h, dir);
	h.upgrade = 7;
	expect_events(&h, "a c ");
}

Test(ctl_history, since_takes_dates_and_spans)
{
	static const struct {
		char text[24], want[32];
	} rows[] = {
	    {"2026-11-24", "2026-11-24T00:00:00.000Z"},
	    {"2026-11-24T09:00:00Z", "2026-11-24T09:00:00.000Z"},
	    {"90s", "2026-11-24T08:58:30.000Z"},
	    {"15m", "2026-11-24T08:45:00.000Z"},
	    {"2h", "2026-11-24T07:00:00.000Z"},
	    {"7d", "2026-11-17T09:00:00.000Z"},
	};
	static const char *const wrong[] = {"", "x", "h", "5", "+90d", "-5m", "5y", "99999999999h"};
	const uint64_t now = UINT64_C(1795510800000);
	char out[HISTORY_SINCE];

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		cr_assert(history_since(rows[i].text, now, out), "%s", rows[i].text);
		cr_expect_str_eq(out, rows[i].want);
	}
	for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++)
		cr_expect_not(history_since(wrong[i], now, out), "%s", wrong[i]);
}

Test(ctl_history, the_command_shows_what_the_daemons_event_log_wrote)
{
	AUTO(scratch) char *dir = state_dir();
	char path[300], conf[400];
	struct event_log *log = NULL;

	snprintf(path, sizeof(path), "%s/flashd", dir);
	snprintf(conf, sizeof(conf), "[common]\nstate_dir = %s\n", dir);
	kit_write(dir, "conf", conf, strlen(conf));
	cr_assert_eq(event_open(path, "flashd", &log), ERR_OK);
	event_write(log, &(struct event){.name = "device_failed",
			     .about = {7, "p1", "m1"},
			     .error = ERR_VERIFY,
			     .expected = "aa",
			     .got = "bb"});
	event_close(log);
	struct tool_result r = CTL(dir, "events", "--config", "conf", "--upgrade", "7");

	cr_expect_eq(r.status, 0, "%s", r.out);
	cr_expect(strstr(r.out, "  flashd  device_failed  7  p1  m1  "), "%s", r.out);
	cr_expect_str_eq(CTL(dir, "events", "--config", "conf", "cloudd").out, "");
	r = CTL(dir, "events", "--config", "conf", "--json", "--since", "1h");
	cr_expect(strncmp(r.out, "{\"at\":\"", 7) == 0, "%s", r.out);
	cr_expect_eq(CTL(dir, "events", "--config", "conf", "--since", "soon").status, 64);
	cr_expect_eq(CTL(dir, "events", "--config", "conf", "nobody").status, 64);
}

Test(ctl_history, records_that_are_not_ours_to_read_are_named)
{
	AUTO(scratch) char *dir = state_dir();
	char path[300], why[WHY_SIZE] = "";
	struct history h = {0};

	if (geteuid() == 0)
		return; /* root may read all of them */
	snprintf(path, sizeof(path), "%s/flashd", dir);
	cr_assert_eq(chmod(path, 0), 0);
	cr_expect_eq(history_add(&h, dir, WHO_FLASHD, why), ERR_DENIED);
	cr_expect(strstr(why, "only root"), "%s", why);
	cr_expect_eq(h.n, 0);
	chmod(path, 0755);
}
