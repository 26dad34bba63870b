/*
 * The virtual sub-device and the gateway's session, two programs that share no code, agree about
 * one upgrade and about its bad days.
 */
#include <criterion/criterion.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>

#include "clock.h"
#include "house_look.h"
#include "house_pack.h"
#include "json.h"
#include "sub_line.h"

#define FAST "--baud", "921600", "--reset-ms", "100", "--swap-ms", "100"
#define FAST_LINE \
	(const char *const[]) \
	{ \
		FAST, NULL \
	}

enum { SIZE = 30000 };

static const char *const impatient[] = {"reply_ms", "400", "reset_wait_ms", "100", NULL};

static struct sub_line_order
order(Pb__Verb verb, struct bundle_bytes image)
{
	struct sub_line_order o = {.verb = verb, .image = image, .target = "1.1.0"};

	for (int i = 0; impatient[i]; i++)
		o.options[i] = impatient[i];
	return o;
}

static enum err
run(struct sub_line *l, Pb__Verb verb, struct bundle_bytes image)
{
	struct sub_line_order o = order(verb, image);
	struct sub_line_end end;
	enum err e = sub_line_run(l, &o, &end);

	if (e != ERR_OK)
		cr_log_info("verb %d: %s: %s", (int)verb, err_name(e), end.detail);
	return e;
}

static void
into_test(struct sub_line *l, struct bundle_bytes image)
{
	cr_assert_eq(run(l, PB__VERB__VERB_WRITE, image), ERR_OK);
	cr_assert_eq(run(l, PB__VERB__VERB_STAGE, image), ERR_OK);
	cr_assert_eq(run(l, PB__VERB__VERB_REBOOT, image), ERR_OK);
}

Test(subdevice, is_upgraded_by_a_session_and_keeps_it)
{
	AUTO(sub_line) struct sub_line *l = sub_line_new("1.0.0");
	struct bundle_bytes image = house_pack_image("1.1.0", 2, SIZE);

	sub_line_start(l, FAST_LINE);
	into_test(l, image);
	cr_assert(sub_line_wait(l, "1.1.0", false));
	cr_assert_eq(run(l, PB__VERB__VERB_CONFIRM, image), ERR_OK);
	cr_assert(sub_line_wait(l, "1.1.0", true));
	sub_line_stop(l, SIGKILL);
	sub_line_start(l, FAST_LINE);
	cr_assert(sub_line_wait(l, "1.1.0", true));
	cr_assert_eq(sub_line_number(l, "reverts"), 0);
	free(image.data);
}

Test(subdevice, a_power_cut_before_confirmation_brings_the_old_image_back)
{
	AUTO(sub_line) struct sub_line *l = sub_line_new("1.0.0");
	struct bundle_bytes image = house_pack_image("1.1.0", 2, SIZE);

	sub_line_start(l, FAST_LINE);
	into_test(l, image);
	cr_assert(sub_line_wait(l, "1.1.0", false));
	sub_line_stop(l, SIGKILL);
	sub_line_start(l, FAST_LINE);
	cr_assert(sub_line_wait(l, "1.0.0", true));
	cr_assert_eq(sub_line_number(l, "reverts"), 1);
	free(image.data);
}

Test(subdevice, unplugged_in_mid_flash_it_is_written_from_the_beginning_afterwards)
{
	AUTO(sub_line) struct sub_line *l = sub_line_new("1.0.0");
	struct bundle_bytes image = house_pack_image("1.1.0", 2, SIZE);

	sub_line_start(l, (const char *const[]){FAST, "--unplug-at", "12000:1", NULL});
	cr_assert_eq(run(l, PB__VERB__VERB_WRITE, image), ERR_LINK);
	into_test(l, image);
	cr_assert(sub_line_wait(l, "1.1.0", false));
	cr_assert_geq(sub_line_number(l, "upload_bytes"), 12000 + SIZE);
	free(image.data);
}

Test(subdevice, a_session_that_died_is_resumed_by_the_next_one)
{
	AUTO(sub_line) struct sub_line *l = sub_line_new("1.0.0");
	struct bundle_bytes image = house_pack_image("1.1.0", 2, SIZE);
	struct sub_line_order o = order(PB__VERB__VERB_WRITE, image);
	struct mono end = mono_after(clock_now(), 20000);

	sub_line_start(l, FAST_LINE);
	cr_assert_eq(sub_line_order(l, &o), ERR_OK);
	while (sub_line_number(l, "max_upload") < 10000) {
		cr_assert_not(mono_reached(clock_now(), end));
		house_look_pause(5);
	}
	sub_line_drop(l);
	cr_assert_eq(run(l, PB__VERB__VERB_WRITE, image), ERR_OK);
	cr_expect_lt(sub_line_number(l, "upload_bytes"), SIZE + 8000, "resumed, not begun anew");
	free(image.data);
}

Test(subdevice, an_image_that_never_answers_is_reverted_by_the_watchdog)
{
	AUTO(sub_line) struct sub_line *l = sub_line_new("1.0.0");
	struct bundle_bytes image = house_pack_image("1.1.0", 2, SIZE);

	sub_line_start(l, (const char *const[]){FAST, "--sick", "1.1.0:1", NULL});
	cr_assert_eq(run(l, PB__VERB__VERB_WRITE, image), ERR_OK);
	cr_assert_eq(run(l, PB__VERB__VERB_STAGE, image), ERR_OK);
	cr_expect_eq(run(l, PB__VERB__VERB_REBOOT, image), ERR_OK);
	cr_expect_eq(run(l, PB__VERB__VERB_CONFIRM, image), ERR_REVERTED);
	cr_expect(sub_line_wait(l, "1.0.0", true));
	cr_expect_eq(sub_line_number(l, "reverts"), 1);
	free(image.data);
}

Test(subdevice, what_the_bootloader_refuses_is_not_confirmed)
{
	AUTO(sub_line) struct sub_line *l = sub_line_new("1.0.0");
	struct bundle_bytes image = house_pack_image("1.1.0", 2, SIZE);

	sub_line_start(l, (const char *const[]){FAST, "--refuse-boot", "1.1.0", NULL});
	into_test(l, image);
	cr_expect_eq(run(l, PB__VERB__VERB_CONFIRM, image), ERR_REVERTED);
	cr_expect(sub_line_wait(l, "1.0.0", true));
	free(image.data);
}

Test(subdevice, a_bad_line_costs_time_and_never_a_byte)
{
	AUTO(sub_line) struct sub_line *l = sub_line_new("1.0.0");
	struct bundle_bytes image = house_pack_image("1.1.0", 2, SIZE);
	char path[300];
	static uint8_t held[SIZE + 1000];

	sub_line_start(l, (const char *const[]){FAST, "--loss", "0.0001", "--flip", "0.0001",
			      "--noise", "50", "--latency-ms", "5", NULL});
	cr_assert_eq(run(l, PB__VERB__VERB_WRITE, image), ERR_OK);
	cr_expect_gt(sub_line_number(l, "bad_frames"), 0);
	snprintf(path, sizeof(path), "%s/flash/slot1.bin", l->dir);
	AUTO(fd) int fd = open(path, O_RDONLY);
	cr_assert_eq(read(fd, held, sizeof(held)), (ssize_t)image.len);
	cr_assert_arr_eq(held, image.data, image.len);
	free(image.data);
}

Test(subdevice, ends_cleanly_and_leaves_no_link)
{
	AUTO(sub_line) struct sub_line *l = sub_line_new("1.0.0");
	char path[300];

	sub_line_start(l, FAST_LINE);
	snprintf(path, sizeof(path), "%s/tty", l->dir);
	cr_assert_eq(access(path, F_OK), 0);
	cr_assert_eq(sub_line_stop(l, SIGTERM), 0);
	snprintf(path, sizeof(path), "%s/tty", l->dir);
	cr_assert_neq(faccessat(AT_FDCWD, path, F_OK, AT_SYMLINK_NOFOLLOW), 0);
}
