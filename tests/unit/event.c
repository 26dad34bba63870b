/*
 * event: the file as an operator's tools read it.
 */
#include <cjson/cJSON.h>
#include <criterion/criterion.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "caught.h"
#include "event.h"
#include "kit.h"

static struct event_log *
open_log(const char *dir)
{
	struct event_log *l = NULL;

	cr_assert_eq(event_open(dir, "flashd", &l), ERR_OK);
	return l;
}

static char *
read_file(const char *dir, const char *name)
{
	char path[300];
	struct stat st;

	snprintf(path, sizeof(path), "%s/%s", dir, name);
	AUTO(fd) int fd = open(path, O_RDONLY);
	if (fd < 0)
		return NULL;
	cr_assert_eq(fstat(fd, &st), 0);
	char *text = calloc(1, (size_t)st.st_size + 1);
	cr_assert_eq(read(fd, text, (size_t)st.st_size), st.st_size);
	return text;
}

static const char *
field(const cJSON *o, const char *name)
{
	const char *s = cJSON_GetStringValue(cJSON_GetObjectItemCaseSensitive(o, name));

	return s ? s : "(none)";
}

/* Every line must be an object; returns how many there are. */
static int
count_lines(const char *text)
{
	int n = 0;

	for (const char *line = text, *end; *line; line = end + 1, n++) {
		end = strchr(line, '\n');
		cr_assert_not_null(end, "the last line ends");
		cJSON *o = cJSON_ParseWithLength(line, (size_t)(end - line));
		cr_assert(cJSON_IsObject(o), "%.*s", (int)(end - line), line);
		cJSON_Delete(o);
	}
	return n;
}

Test(event, writes_one_object_a_line_with_everything_that_is_known)
{
	AUTO(scratch) char *dir = kit_scratch();
	AUTO(event_log) struct event_log *l = open_log(dir);
	struct event e = {.name = "device_failed",
	    .about = {UINT64_MAX, "p1", "d1"},
	    .error = ERR_VERIFY,
	    .expected = "2.0",
	    .got = "1.0",
	    .text = "a \"quoted\" text"};

	event_write(l, &e);
	AUTO(mem) char *text = read_file(dir, "events.jsonl");
	cr_assert_eq(count_lines(text), 1);
	cJSON *o = cJSON_Parse(text);
	cr_expect_eq(strlen(field(o, "at")), 24);
	cr_expect_str_eq(field(o, "daemon"), "flashd");
	cr_expect_str_eq(field(o, "event"), "device_failed");
	cr_expect_str_eq(field(o, "upgrade"), "18446744073709551615");
	cr_expect_str_eq(field(o, "product_key"), "p1");
	cr_expect_str_eq(field(o, "device_key"), "d1");
	cr_expect_str_eq(field(o, "error"), "VERIFY");
	cr_expect_str_eq(field(o, "expected"), "2.0");
	cr_expect_str_eq(field(o, "got"), "1.0");
	cr_expect_str_eq(field(o, "text"), "a \"quoted\" text");
	cJSON_Delete(o);
}

Test(event, leaves_out_what_is_empty)
{
	AUTO(scratch) char *dir = kit_scratch();
	AUTO(event_log) struct event_log *l = open_log(dir);

	event_write(l, &(struct event){.name = "online", .text = ""});
	AUTO(mem) char *text = read_file(dir, "events.jsonl");
	cJSON *o = cJSON_Parse(text);
	cr_expect_eq(cJSON_GetArraySize(o), 3, "%s", text);
	cJSON_Delete(o);
}

Test(event, stays_valid_whatever_a_peer_said)
{
	AUTO(scratch) char *dir = kit_scratch();
	AUTO(event_log) struct event_log *l = open_log(dir);
	char all[256], endless[5000];

	for (int i = 1; i < 256; i++)
		all[i - 1] = (char)i;
	all[255] = 0;
	memset(endless, '\n', sizeof(endless) - 1);
	endless[sizeof(endless) - 1] = 0;
	event_write(l, &(struct event){.name = "online", .text = all, .got = "\xff\xc0\x80"});
	event_write(l, &(struct event){.name = "online", .text = endless});
	AUTO(mem) char *text = read_file(dir, "events.jsonl");
	cr_expect_eq(count_lines(text), 2);
	for (const char *c = text; *c; c++)
		cr_assert(*c == '\n' || (*c >= ' ' && *c <= '~'), "byte %d", *c);
	cr_expect_lt(strlen(strchr(text, '\n')), 1400, "a value is bounded");
}

Test(event, goes_on_where_it_was_and_ends_a_line_that_was_torn)
{
	AUTO(scratch) char *dir = kit_scratch();
	struct event e = {.name = "offline"};

	event_close(open_log(dir));
	AUTO(event_log) struct event_log *l = open_log(dir);
	event_write(l, &e);
	event_close(HAND_OVER(l));
	AUTO(mem) char *whole = read_file(dir, "events.jsonl");
	kit_write(dir, "events.jsonl", whole, strlen(whole) - 5);
	l = open_log(dir);
	event_write(l, &e);
	AUTO(mem) char *text = read_file(dir, "events.jsonl");
	const char *second = strchr(text, '\n');
	cr_assert_not_null(second);
	cr_expect_eq(second - text, (long)strlen(whole) - 5);
	cr_expect_eq(count_lines(second + 1), 1);
}

Test(event, keeps_one_older_file_of_at_most_one_mebibyte)
{
	AUTO(scratch) char *dir = kit_scratch();
	AUTO(event_log) struct event_log *l = open_log(dir);
	char padding[1000];
	struct stat st;
	char path[300];

	log_init("x", LOG_ERROR);
	memset(padding, 'x', sizeof(padding) - 1);
	padding[sizeof(padding) - 1] = 0;
	for (int i = 0; i < 2500; i++) {
		struct event e = {
		    .name = "online", .about = {.upgrade = (uint64_t)i + 1}, .text = padding};

		event_write(l, &e);
		snprintf(path, sizeof(path), "%s/events.jsonl", dir);
		cr_assert_eq(stat(path, &st), 0);
		cr_assert_leq(st.st_size, 1024 * 1024);
	}
	AUTO(mem) char *now = read_file(dir, "events.jsonl");
	AUTO(mem) char *before = read_file(dir, "events.jsonl.1");
	AUTO(mem) char *oldest = read_file(dir, "events.jsonl.2");
	cr_assert(now && before && !oldest);
	cr_expect_gt(strlen(before), 1024 * 1024 - 1200, "it is used up");
	cr_expect_gt(count_lines(now), 1);
	count_lines(before);
	cr_expect(strstr(now, "\"upgrade\":\"2500\""));
}

Test(event, counts_what_an_older_run_wrote)
{
	AUTO(scratch) char *dir = kit_scratch();
	AUTO(mem) char *old = malloc(1024 * 1024);

	memset(old, '\n', 1024 * 1024);
	kit_write(dir, "events.jsonl", old, 1024 * 1024);
	AUTO(event_log) struct event_log *l = open_log(dir);
	event_write(l, &(struct event){.name = "online"});
	AUTO(mem) char *now = read_file(dir, "events.jsonl");
	cr_expect_eq(count_lines(now), 1);
}

Test(event, logs_each_event_too_even_without_a_file)
{
	struct event e = {.name = "image_refused",
	    .about = {.upgrade = 7},
	    .error = ERR_MD5,
	    .expected = "aa",
	    .got = "bb",
	    .text = "text"};

	log_init("x", LOG_INFO);
	AUTO(caught) struct caught *c = caught_begin(STDERR_FILENO);
	event_write(NULL, &e);
	cr_expect(strstr(caught_text(c),
		      "x info upgrade 7: event image_refused, MD5: text: expected aa, got bb\n"),
	    "%s", caught_text(c));
	event_write(NULL, &(struct event){.name = "no_such_event"});
	cr_expect(strstr(caught_text(c), "error expected an event of the table"));
}

Test(event, survives_a_file_that_cannot_be_written)
{
	AUTO(scratch) char *dir = kit_scratch();
	AUTO(event_log) struct event_log *l = open_log(dir);
	AUTO(caught) struct caught *c = caught_begin(STDERR_FILENO);
	char padding[1000], from[300];

	snprintf(from, sizeof(from), "%s/events.jsonl.1", dir);
	cr_assert_eq(mkdir(from, 0700), 0); /* nothing can be renamed to it */
	memset(padding, 'x', sizeof(padding) - 1);
	padding[sizeof(padding) - 1] = 0;
	for (int i = 0; i < 1100; i++)
		event_write(l, &(struct event){.name = "online", .text = padding});
	cr_expect(strstr(caught_text(c), "expected to rename it"));
	AUTO(mem) char *now = read_file(dir, "events.jsonl");
	cr_expect_leq(strlen(now), 1024 * 1024);
	cr_expect_gt(count_lines(now), 1);
}

Test(event, opens_only_a_plain_file_in_a_directory)
{
	AUTO(scratch) char *dir = kit_scratch();
	char path[300];
	struct event_log *l = NULL;

	snprintf(path, sizeof(path), "%s/none", dir);
	cr_expect_eq(event_open(path, "x", &l), ERR_SYSTEM);
	snprintf(path, sizeof(path), "%s/events.jsonl", dir);
	cr_assert_eq(mkfifo(path, 0600), 0);
	cr_expect_eq(event_open(dir, "x", &l), ERR_SYSTEM);
	cr_assert_eq(unlink(path), 0);
	cr_assert_eq(symlink("/dev/null", path), 0);
	cr_expect_eq(event_open(dir, "x", &l), ERR_SYSTEM);
	cr_expect_null(l);
}

Test(event, knows_the_names_that_the_daemons_use)
{
	static const char names[][24] = {"online", "offline", "gateway_refused", "login_refused",
	    "no_secret", "put_offline", "move_refused", "plan_offered", "upgrade_ended",
	    "image_refused", "plan_refused", "plan_put_off", "plan_awaits_person",
	    "operator_confirm", "operator_reject", "operator_cancel", "operator_check",
	    "device_done", "device_reverted", "device_failed", "device_regressed",
	    "operator_install", "operator_pause", "operator_resume", "group_stopped",
	    "rollout_stopped", "restore_begins", "restore_impossible", "device_replaced",
	    "upgrade_refused", "upgrade_cancelled", "record_damaged", "clock_behind", "clock_good",
	    "record_fails", "record_good"};

	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		cr_expect(event_is_known(names[i]), "%s", names[i]);
	cr_expect(!event_is_known(""));
	cr_expect(!event_is_known("onlin"));
}
