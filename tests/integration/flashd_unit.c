/*
 * A module that was swapped: a real flashd, and a device that a script plays, with a serial number.
 */
#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "flashhouse_expect.h"
#include "tool.h"

TestSuite(flashd_unit, .timeout = 100);

struct scene {
	struct flashhouse h;
	char conf[3000];
};

/* Version, serial number, and whether the flasher program has to wait. */
static void
is_now(struct scene *s, const char *state)
{
	kit_write_mode(s->h.dir, "meter.new", state, 0644);
	kit_write_mode(s->h.dir, "meter.state", state, 0644);
}

static void
open_house(struct scene *s)
{
	static const char script[] =
	    "#!/bin/sh\nread -r v s w <\"$2\" || exit 69\n"
	    "if [ \"$1\" = ask ]; then echo \"fw=$v sn=$s\"; exit 0; fi\necho 5%\n"
	    "while read -r v s w <\"$2\"; [ \"$w\" != go ]; do sleep 0.05; done\n";
	char path[400];

	flashhouse_open(&s->h);
	chmod(s->h.dir, 0755);
	snprintf(path, sizeof(path), "%s/meter.sh", s->h.dir);
	kit_write_mode(s->h.dir, "meter.sh", script, 0755);
	is_now(s, "1.0.0 A-1 wait\n");
	snprintf(s->h.extra, sizeof(s->h.extra), "ask_every = 1 s");
	snprintf(s->conf, sizeof(s->conf),
	    "[flashd.device meter]\nproduct_key = p1\ndevice_key = meter-1\nvendor = acme\n"
	    "model = sensor-9\ndriver = exec\nport = %s/line\nprogram = %s\n"
	    "identify = ask %s/meter.state\nflash = write %s/meter.state\nversion = fw=\n"
	    "progress = percent\nserial = sn=\nruns = /bin/sh /usr/bin/sleep\nreads = "
	    "%s/meter.state\n",
	    s->h.dir, path, s->h.dir, s->h.dir, s->h.dir);
	s->h.devices = s->conf;
	flashhouse_start(&s->h);
	cr_assert_not_null(
	    flashhouse_device(&s->h, PB__DEVICE_STATE__DEVICE_STATE_PRESENT, "1.0.0"));
}

static void
close_house(struct scene *s)
{
	cr_expect_eq(flashhouse_stop(&s->h), 0);
	flashhouse_close(&s->h);
}

static void
begin(struct scene *s, uint64_t id, const char *version, uint64_t sequence)
{
	static const uint8_t image[5000] = {'m'};

	s->h.spec = (struct kit_spec){.version = version,
	    .sequence = sequence,
	    .driver = "exec",
	    .payload = image,
	    .payload_len = sizeof(image)};
	flashhouse_publish(&s->h);
	flashhouse_begin_for(&s->h, id, &(struct flashhouse_target){.version = version});
}

static void
expect_done(struct scene *s, uint64_t id, const char *state)
{
	cr_assert_not_null(flashhouse_report(&s->h, id, PB__PHASE__PHASE_FLASHING));
	is_now(s, state);
	flashhouse_expect_end(&s->h, id, PB__PHASE__PHASE_DONE, ERR_OK);
}

static void
expect_events(struct scene *s, const char *text)
{
	struct tool_result r = TOOL(s->h.dir, "grep", "-r", text, "state");

	cr_expect_eq(r.status, 0, "expected %s in the events", text);
}

Test(flashd_unit, another_unit_begins_with_the_floors_and_the_first_keeps_its_numbers)
{
	struct scene s;

	open_house(&s);
	begin(&s, 6, "2.0.0", 5);
	expect_done(&s, 6, "2.0.0 A-1 go\n");
	begin(&s, 7, "1.5.0", 3);
	flashhouse_expect_end(&s.h, 7, PB__PHASE__PHASE_REFUSED, ERR_ROLLBACK);
	flashhouse_forget(&s.h);
	is_now(&s, "1.0.1 B-2 wait\n");
	cr_assert_not_null(
	    flashhouse_device(&s.h, PB__DEVICE_STATE__DEVICE_STATE_PRESENT, "1.0.1"));
	begin(&s, 8, "1.5.0", 3);
	expect_done(&s, 8, "1.5.0 B-2 go\n");
	flashhouse_forget(&s.h);
	flashhouse_kill(&s.h); /* units are remembered */
	flashhouse_start(&s.h);
	is_now(&s, "2.0.0 A-1 wait\n");
	cr_assert_not_null(
	    flashhouse_device(&s.h, PB__DEVICE_STATE__DEVICE_STATE_PRESENT, "2.0.0"));
	begin(&s, 9, "1.6.0", 4);
	flashhouse_expect_end(&s.h, 9, PB__PHASE__PHASE_REFUSED, ERR_ROLLBACK);
	expect_events(&s, "device_replaced");
	expect_events(&s, "expected unit A-1, got B-2");
	close_house(&s);
}

Test(flashd_unit, a_plan_whose_device_is_swapped_in_mid_flash_is_taken_up_again_by_itself)
{
	struct scene s;

	open_house(&s);
	begin(&s, 6, "2.0.0", 5);
	cr_assert_not_null(flashhouse_report(&s.h, 6, PB__PHASE__PHASE_FLASHING));
	flashhouse_forget(&s.h);
	is_now(&s, "1.0.0 B-2 go\n"); /* the flasher is content, another unit answers */
	cr_assert_not_null(flashhouse_report(&s.h, 6, PB__PHASE__PHASE_TESTING));
	cr_assert_not_null(
	    flashhouse_report(&s.h, 6, PB__PHASE__PHASE_VERIFIED), "in the queue again");
	is_now(&s, "2.0.0 B-2 go\n");
	flashhouse_expect_end(&s.h, 6, PB__PHASE__PHASE_DONE, ERR_OK);
	expect_events(&s, "device_replaced");
	close_house(&s);
}

/* The flasher program has begun. */
static bool
is_being_written(const struct scene *s, uint64_t id)
{
	for (size_t i = 0; i < s->h.n; i++)
		if (s->h.inbox[i]->body_case == PB__ENVELOPE__BODY_PROGRESS &&
		    s->h.inbox[i]->upgrade == id && s->h.inbox[i]->progress->done_bytes > 0)
			return true;
	return false;
}

/* Written, and it runs by itself; then its package is gone from the store, and what comes next can
 * no longer be verified. */
Test(flashd_unit, version_that_runs_after_its_upgrade_failed_is_confirmed_without_a_hash)
{
	struct scene s;

	open_house(&s);
	begin(&s, 6, "2.0.0", 5);
	struct mono end = mono_after(clock_now(), 20000);
	while (!is_being_written(&s, 6) && !mono_reached(clock_now(), end))
		loop_once(s.h.loop, 50);
	cr_assert_eq(unlink(s.h.bundle), 0);
	is_now(&s, "2.0.0 A-1 go\n");
	cr_assert_not_null(flashhouse_report(&s.h, 6, PB__PHASE__PHASE_FAILED));
	cr_assert_not_null(
	    flashhouse_device(&s.h, PB__DEVICE_STATE__DEVICE_STATE_PRESENT, "2.0.0"));
	begin(&s, 7, "1.5.0", 3);
	flashhouse_expect_end(&s.h, 7, PB__PHASE__PHASE_REFUSED, ERR_ROLLBACK);
	close_house(&s);
}
