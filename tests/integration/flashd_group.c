/*
 * A group in which one device can only be taken back by writing its old image again: a real flashd,
 * an SMP device, and one without slots that a script plays.
 */
#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "flashhouse_expect.h"
#include "tool.h"

TestSuite(flashd_group, .timeout = 100);

struct scene {
	struct flashhouse h;
	char conf[3000];
};

/* What the device without slots runs, and whether its flasher may end. */
static void
is_now(struct scene *s, const char *state)
{
	kit_write_mode(s->h.dir, "radio.state", state, 0644);
}

/* `both`: more lines for both devices. The one with slots is checked by the script, too. */
static void
start(struct scene *s, const char *both)
{
	snprintf(s->conf, sizeof(s->conf),
	    "[flashd.device lamp]\nproduct_key = p1\ndevice_key = smp-1\nvendor = acme\n"
	    "model = sensor-9\ndriver = smp\nport = %s/tty\nreply_ms = 300\nretries = 2\n"
	    "reset_wait_ms = 100\nhealth_command = %s/radio check %s/verdict\n"
	    "health_runs = /bin/sh /usr/bin/sleep\nhealth_reads = %s/verdict\n%s\n"
	    "[flashd.device radio]\nproduct_key = p1\ndevice_key = meter-1\nvendor = acme\n"
	    "model = radio-2\ndriver = exec\nport = %s/radio.tty\nprogram = %s/radio\n"
	    "identify = ask %s/radio.state\nflash = write %s/radio.state\nversion = fw=\n"
	    "runs = /bin/sh /usr/bin/sleep\nreads = %s/radio.state\n%s\n",
	    s->h.dir, s->h.dir, s->h.dir, s->h.dir, both, s->h.dir, s->h.dir, s->h.dir, s->h.dir,
	    s->h.dir, both);
	s->h.devices = s->conf;
	flashhouse_forget(&s->h);
	flashhouse_start(&s->h);
}

static void
open_house(struct scene *s)
{
	static const char script[] =
	    "#!/bin/sh\nread -r v w <\"$2\" || exit 69\n"
	    "if [ \"$1\" = ask ]; then echo \"fw=$v\"; exit 0; fi\n"
	    "while read -r v w <\"$2\"; [ \"$w\" != go ]; do sleep 0.05; done\n"
	    "[ \"$1\" != check ] || exit \"$v\"\n";

	flashhouse_open(&s->h);
	chmod(s->h.dir, 0755);
	kit_write_mode(s->h.dir, "radio", script, 0755);
	is_now(s, "1.0.0 hold\n");
	kit_write_mode(s->h.dir, "verdict", "0 hold\n", 0644);
	snprintf(
	    s->h.extra, sizeof(s->h.extra), "ask_every = 1 s\n[flashd.policy all]\nrestore = yes");
}

static void
begin_radio(struct scene *s, uint64_t id, const char *version, uint64_t sequence)
{
	static const uint8_t image[5000] = {'r'};
	struct kit_spec smp = s->h.spec;

	s->h.spec = (struct kit_spec){.model = "radio-2",
	    .version = version,
	    .sequence = sequence,
	    .driver = "exec",
	    .payload = image,
	    .payload_len = sizeof(image)};
	flashhouse_publish(&s->h);
	flashhouse_begin_for(&s->h, id, &(struct flashhouse_target){.version = version});
	s->h.spec = smp;
}

static void
begin_lamp(struct scene *s, uint64_t id)
{
	flashhouse_publish(&s->h);
	flashhouse_begin_for(&s->h, id, &(struct flashhouse_target){.device_key = "smp-1"});
}

/* The radio's image of version 1.10.0 is confirmed; then flashd has the group. */
static void
confirm_first(struct scene *s)
{
	start(s, "");
	begin_radio(s, 5, "1.10.0", 1);
	cr_assert_not_null(flashhouse_report(&s->h, 5, PB__PHASE__PHASE_FLASHING));
	is_now(s, "1.10.0 go\n");
	flashhouse_expect_end(&s->h, 5, PB__PHASE__PHASE_DONE, ERR_OK);
	is_now(s, "1.10.0 hold\n");
	cr_expect_eq(flashhouse_stop(&s->h), 0);
}

static void
until_event(struct scene *s, const char *name)
{
	for (int i = 0; i < 2000; i++)
		if (TOOL(s->h.dir, "grep", "-rq", name, "state").status == 0)
			return;
	cr_assert_fail("no event %s", name);
}

/* Both have an upgrade; that of the radio, 6, is being written. */
static void
begin_group(struct scene *s)
{
	open_house(s);
	confirm_first(s);
	start(s, "together = pair");
	begin_radio(s, 6, "1.11.0", 2);
	begin_lamp(s, 7);
	cr_assert_not_null(flashhouse_report(&s->h, 6, PB__PHASE__PHASE_FLASHING));
}

/* The radio gets its old image again; closes. */
static void
expect_restored(struct scene *s)
{
	until_event(s, "restore_begins");
	flashhouse_forget(&s->h);
	is_now(s, "1.10.0 go\n");
	cr_assert_not_null(
	    flashhouse_device(&s->h, PB__DEVICE_STATE__DEVICE_STATE_PRESENT, "1.10.0"));
	cr_expect_eq(flashhouse_stop(&s->h), 0);
	flashhouse_close(&s->h);
}

Test(flashd_group, a_device_without_slots_gets_its_old_image_again_when_another_of_its_group_fails)
{
	struct scene s;

	begin_group(&s);
	is_now(&s, "1.11.0 go\n");
	cr_assert_not_null(flashhouse_report(&s.h, 6, PB__PHASE__PHASE_TESTING));
	kit_write_mode(s.h.dir, "verdict", "1 go\n", 0644);
	flashhouse_expect_end(&s.h, 7, PB__PHASE__PHASE_REVERTED, ERR_UNHEALTHY);
	is_now(&s, "1.11.0 hold\n");
	flashhouse_expect_end(&s.h, 6, PB__PHASE__PHASE_FAILED, ERR_CANCELLED);
	cr_expect(strstr(flashhouse_end(&s.h, 6)->detail, "all of a group"), "%s",
	    flashhouse_end(&s.h, 6)->detail);
	expect_restored(&s);
}

Test(flashd_group, a_group_whose_devices_are_all_well_keeps_what_it_got)
{
	struct scene s;

	begin_group(&s);
	is_now(&s, "1.11.0 go\n");
	kit_write_mode(s.h.dir, "verdict", "0 go\n", 0644);
	flashhouse_expect_end(&s.h, 6, PB__PHASE__PHASE_DONE, ERR_OK);
	flashhouse_expect_end(&s.h, 7, PB__PHASE__PHASE_DONE, ERR_OK);
	flashhouse_expect_upgraded(&s.h, s.h.device);
	cr_expect_eq(flashhouse_stop(&s.h), 0);
	flashhouse_close(&s.h);
}

/* In the middle of its write; the flashd that goes on knows so only by its record. */
Test(flashd_group, flashd_killed_in_the_write_of_a_device_whose_group_was_stopped)
{
	struct scene s;

	begin_group(&s);
	kit_write_mode(s.h.dir, "verdict", "1 go\n", 0644);
	flashhouse_expect_end(&s.h, 7, PB__PHASE__PHASE_REVERTED, ERR_UNHEALTHY);
	until_event(&s, "group_stopped");
	flashhouse_kill(&s.h);
	is_now(&s, "1.11.0 hold\n");
	flashhouse_forget(&s.h);
	flashhouse_start(&s.h);
	flashhouse_expect_end(&s.h, 6, PB__PHASE__PHASE_FAILED, ERR_CANCELLED);
	expect_restored(&s);
}

/* The first of them waits for the others before it is kept: they cannot wait for it to be. */
Test(flashd_group, devices_that_go_together_are_one_canary)
{
	struct scene s;

	open_house(&s);
	snprintf(s.h.extra, sizeof(s.h.extra),
	    "ask_every = 1 s\n[flashd.policy all]\nrestore = yes\ncanary = 1");
	confirm_first(&s);
	start(&s, "together = pair");
	begin_radio(&s, 6, FLASHHOUSE_VERSION, 2);
	begin_lamp(&s, 7);
	cr_assert_not_null(flashhouse_report(&s.h, 6, PB__PHASE__PHASE_FLASHING));
	is_now(&s, FLASHHOUSE_VERSION " go\n");
	kit_write_mode(s.h.dir, "verdict", "0 go\n", 0644);
	flashhouse_expect_end(&s.h, 6, PB__PHASE__PHASE_DONE, ERR_OK);
	flashhouse_expect_end(&s.h, 7, PB__PHASE__PHASE_DONE, ERR_OK);
	cr_expect_eq(flashhouse_stop(&s.h), 0);
	flashhouse_close(&s.h);
}
