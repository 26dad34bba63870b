/*
 * event_page: the operator's record read page by page: over a file that is turned over, over torn
 * lines, and with cursors that somebody made up.
 */
#include <criterion/criterion.h>
#include <fcntl.h>
#include <string.h>

#include "auto.h"
#include "event.h"
#include "event_page.h"
#include "kit.h"

static cJSON *
page(const char *dir, const char *cursor)
{
	AUTO(fd) int fd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	cJSON *out = NULL;

	cr_assert_eq(event_page(fd, cursor, &out), ERR_OK);
	return out;
}

/* Follow the cursor as a reader does; how many events came, how many lines were damaged. */
static int
read_all(const char *dir, char cursor[EVENT_CURSOR], int *damaged)
{
	bool more = true;
	int n = 0;

	*damaged = 0;
	for (int i = 0; i < 100 && more; i++) {
		cJSON *p = page(dir, cursor);

		n += cJSON_GetArraySize(cJSON_GetObjectItem(p, "events"));
		*damaged += cJSON_GetObjectItem(p, "damaged")->valueint;
		more = cJSON_IsTrue(cJSON_GetObjectItem(p, "more"));
		snprintf(cursor, EVENT_CURSOR, "%s",
		    cJSON_GetStringValue(cJSON_GetObjectItem(p, "next")));
		cJSON_Delete(p);
	}
	cr_expect_not(more, "there is always more");
	return n;
}

static void
add(const char *dir, int n)
{
	struct event_log *l = NULL;

	cr_assert_eq(event_open(dir, "flashd", &l), ERR_OK);
	for (int i = 0; i < n; i++)
		event_write(l, &(struct event){.name = "state", .text = "FLASHING"});
	event_close(l);
}

Test(event_page, what_is_read_is_not_read_again_and_what_comes_is)
{
	AUTO(scratch) char *dir = kit_scratch();
	char cursor[EVENT_CURSOR] = "";
	int damaged;

	cr_expect_eq(read_all(dir, cursor, &damaged), 0);
	cr_expect_str_eq(cursor, "", "no file, no cursor");
	add(dir, 3);
	cr_expect_eq(read_all(dir, cursor, &damaged), 3);
	cr_expect_eq(read_all(dir, cursor, &damaged), 0);
	add(dir, 2);
	cr_expect_eq(read_all(dir, cursor, &damaged), 2);
	cr_expect_eq(damaged, 0);
}

Test(event_page, a_file_that_is_turned_over_is_read_to_its_end_and_then_the_new_one)
{
	AUTO(scratch) char *dir = kit_scratch();
	char cursor[EVENT_CURSOR] = "", from[400], to[400];
	int damaged;

	add(dir, 5);
	cr_expect_eq(read_all(dir, cursor, &damaged), 5);
	add(dir, 2);
	snprintf(from, sizeof(from), "%s/" EVENT_FILE, dir);
	snprintf(to, sizeof(to), "%s/" EVENT_FILE_OLD, dir);
	cr_assert_eq(rename(from, to), 0);
	add(dir, 4);
	cr_expect_eq(read_all(dir, cursor, &damaged), 6);
	cr_expect_eq(read_all(dir, (char[EVENT_CURSOR]){""}, &damaged), 11, "all that is kept");
	cr_expect_eq(read_all(dir, (char[EVENT_CURSOR]){"1:0"}, &damaged), 11,
	    "a file that is gone: the oldest that is kept");
}

Test(event_page, a_big_record_comes_in_pages_and_whole)
{
	AUTO(scratch) char *dir = kit_scratch();
	char cursor[EVENT_CURSOR] = "";
	int damaged;

	add(dir, 6000);
	cJSON *first = page(dir, "");

	cr_expect(cJSON_IsTrue(cJSON_GetObjectItem(first, "more")));
	cJSON_Delete(first);
	cr_expect_eq(read_all(dir, cursor, &damaged), 6000);
}

Test(event_page, torn_and_endless_lines_are_counted_and_the_rest_is_read)
{
	AUTO(scratch) char *dir = kit_scratch();
	char cursor[EVENT_CURSOR] = "", *endless = malloc(600000);
	int damaged;

	cr_assert(endless);
	memset(endless, 'x', 600000);
	memcpy(endless, "{\"a\":1}\n{\"b\"\n7\n\n", 16);
	endless[599990] = '\n';
	memcpy(endless + 599991, "{\"c\":1}\n", 8);
	kit_write(dir, EVENT_FILE, endless, 599999);
	free(endless);
	cr_expect_eq(read_all(dir, cursor, &damaged), 2);
	cr_expect_geq(damaged, 3);
}

Test(event_page, a_cursor_that_was_made_up_is_refused_or_finds_nothing)
{
	static const char *const bad[] = {"x", "1", "1:", ":1", "1:2:3", "-1:0", "1:-1", "1:2 ",
	    "99999999999999999999999:0", "1:9999999999999999999"};
	AUTO(scratch) char *dir = kit_scratch();
	AUTO(fd) int fd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	char cursor[EVENT_CURSOR] = "";
	int damaged;

	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		cJSON *out = NULL;

		cr_expect_eq(event_page(fd, bad[i], &out), ERR_INVALID, "%s", bad[i]);
		cr_expect_null(out);
	}
	add(dir, 1);
	read_all(dir, cursor, &damaged);
	char *place = strchr(cursor, ':') + 1;

	snprintf(place, sizeof(cursor) - (size_t)(place - cursor), "999999");
	cr_expect_eq(read_all(dir, cursor, &damaged), 0, "behind the end");
}
