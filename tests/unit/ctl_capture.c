/*
 * ctl_capture: a capture is read, whatever becomes of its file meanwhile.
 */
#include <criterion/criterion.h>
#include <errno.h>
#include <stdio.h>

#include "../../common/ctl/capture.h"
#include "kit.h"
#include "sick_calls.h"

struct scene {
	char *dir;
	char path[300];
	long size;
};

static struct scene
scene_new(void)
{
	struct scene s = {.dir = kit_scratch()};
	struct pcapng_writer w = {0};
	struct pcapng_packet p = {.link = "fetchd:cloudd>fetchd", .comment = ""};

	snprintf(s.path, sizeof(s.path), "%s/up.pcapng", s.dir);
	AUTO(file) FILE *f = fopen(s.path, "we");
	cr_assert(f && capture_begin(&w, f) == ERR_OK);
	cr_assert_eq(pcapng_add(&w, &p), ERR_OK);
	cr_assert_eq(pcapng_add(&w, &p), ERR_OK);
	s.size = ftell(f);
	return s;
}

static void
scene_fini(struct scene *s)
{
	kit_scratch_remove(s->dir);
}

#define SCENE(s) __attribute__((cleanup(scene_fini))) struct scene s = scene_new()

Test(ctl_capture, a_capture_has_each_of_its_messages)
{
	SCENE(s);
	AUTO(out_json) cJSON *list = NULL;
	char why[WHY_SIZE] = "";

	cr_assert_eq(capture_load(s.path, &list, why), ERR_OK, "%s", why);
	cr_expect_eq(cJSON_GetArraySize(list), 2);
}

Test(ctl_capture, a_capture_that_is_cut_while_it_is_read_is_an_error_that_says_so)
{
	SCENE(s);

	for (long left = 0; left < s.size; left += s.size / 3) {
		AUTO(out_json) cJSON *list = NULL;
		char why[WHY_SIZE] = "", expected[WHY_SIZE];

		snprintf(expected, sizeof(expected),
		    "expected %ld bytes as when it was opened, got %ld", s.size, left);
		sick_calls_fail(SICK_END, EIO, left);
		cr_expect_eq(capture_load(s.path, &list, why), ERR_TRUNCATED);
		cr_expect_null(list);
		cr_expect_str_eq(why, expected);
	}
	sick_calls_fail(SICK_END, 0, 0);
}

/* trust: 57 */
Test(ctl_capture, a_capture_that_the_disk_does_not_give_is_an_error_with_the_disk_s_word)
{
	SCENE(s);
	AUTO(out_json) cJSON *list = NULL;
	char why[WHY_SIZE] = "";

	sick_calls_fail(SICK_READ, EIO, 0);
	cr_expect_eq(capture_load(s.path, &list, why), ERR_SYSTEM);
	cr_expect_eq(errno, EIO);
	sick_calls_fail(SICK_READ, 0, 0);
	cr_expect_null(list);
}
