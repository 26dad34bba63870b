/*
 * Dependencies between devices: a real flashd with an SMP meter whose image wants a newer radio
 * beside it; the radio is a script that plays the flasher program of a device.
 */
#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "flashhouse_expect.h"
#include "tool.h"

TestSuite(flashd_depends, .timeout = 100);

struct scene {
	struct flashhouse h;
	char conf[3000];
};

/* The radio says `version`; writing it waits until that is another one, and fails if it is bad. */
static void
open_house(struct scene *s, const char *version, const char *more)
{
	static const char script[] =
	    "#!/bin/sh\nread -r v <\"$2\"\n"
	    "if [ \"$1\" = ask ]; then echo \"fw=$v\"; exit 0; fi\n"
	    "while read -r v <\"$2\"; [ \"$v\" = 1.0.0 ]; do sleep 0.05; done\n"
	    "[ \"$v\" != bad ]\n";

	flashhouse_open(&s->h);
	chmod(s->h.dir, 0755);
	kit_write_mode(s->h.dir, "radio", script, 0755);
	kit_write_mode(s->h.dir, "radio.version", version, 0644);
	snprintf(s->conf, sizeof(s->conf),
	    "[flashd.device meter]\nproduct_key = p1\ndevice_key = meter-1\nvendor = acme\n"
	    "model = sensor-9\ndriver = smp\nport = %s/tty\nreply_ms = 300\nretries = 2\n"
	    "reset_wait_ms = 100\n%s\n"
	    "[flashd.device radio]\nproduct_key = p1\ndevice_key = radio-1\nvendor = acme\n"
	    "model = radio-2\ndriver = exec\nport = %s/radio.tty\nprogram = %s/radio\n"
	    "identify = ask %s/radio.version\nflash = write %s/radio.version\nversion = fw=\n"
	    "runs = /bin/sh /usr/bin/sleep\nreads = %s/radio.version\n%s\n",
	    s->h.dir, more, s->h.dir, s->h.dir, s->h.dir, s->h.dir, s->h.dir, more);
	s->h.devices = s->conf;
	s->h.spec.depends_model = "radio-2";
	s->h.spec.depends_version = "1.10";
	flashhouse_publish(&s->h);
	flashhouse_start(&s->h);
}

static void
close_house(struct scene *s)
{
	cr_expect_eq(flashhouse_stop(&s->h), 0);
	flashhouse_close(&s->h);
}

/* An order for a version of the radio, as another bundle, which may depend on what the meter runs;
 * the meter's is published again. */
static void
begin_radio_after(struct scene *s, uint64_t id, const char *version, const char *meters)
{
	static const uint8_t image[5000] = {'r'};
	struct kit_spec meter = s->h.spec;

	s->h.spec = (struct kit_spec){.model = "radio-2",
	    .version = version,
	    .driver = "exec",
	    .payload = image,
	    .payload_len = sizeof(image),
	    .depends_model = meters ? "sensor-9" : NULL,
	    .depends_version = meters};
	flashhouse_publish(&s->h);
	flashhouse_begin_for(
	    &s->h, id, &(struct flashhouse_target){.device_key = "radio-1", .version = version});
	s->h.spec = meter;
	flashhouse_publish(&s->h);
}

static void
begin_radio(struct scene *s, uint64_t id, const char *version)
{
	begin_radio_after(s, id, version, NULL);
}

static void
expect_said(struct scene *s, const char *text)
{
	struct tool_result r = CTL(s->h.dir, "upgrades", "--config", "subota.conf");

	cr_expect(strstr(r.out, text), "expected '%s' in: %s", text, r.out);
}

static void
until_said(struct scene *s, const char *text)
{
	for (int i = 0; i < 200; i++)
		if (strstr(CTL(s->h.dir, "upgrades", "--config", "subota.conf").out, text))
			return;
	expect_said(s, text);
}

/* flashd has told that the upgrade waits, which is no report. */
static bool
is_told_to_wait(const struct scene *s, uint64_t id)
{
	for (size_t i = 0; i < s->h.n; i++)
		if (s->h.inbox[i]->body_case == PB__ENVELOPE__BODY_PROGRESS &&
		    s->h.inbox[i]->upgrade == id &&
		    s->h.inbox[i]->progress->phase == PB__PHASE__PHASE_VERIFIED)
			return true;
	return false;
}

Test(flashd_depends, an_image_is_refused_when_the_device_it_depends_on_runs_something_older)
{
	struct scene s;

	open_house(&s, "1.9.9\n", "");
	flashhouse_begin(&s.h, 7);
	flashhouse_expect_end(&s.h, 7, PB__PHASE__PHASE_REFUSED, ERR_DEPENDS);
	const Pb__Report *r = flashhouse_end(&s.h, 7);

	cr_expect(
	    strstr(r->detail, "expected radio to run version 1.10 or newer of app, got 1.9.9"),
	    "%s", r->detail);
	flashhouse_expect_untouched(&s.h);
	close_house(&s);
}

Test(flashd_depends, an_image_whose_dependency_runs_is_flashed)
{
	struct scene s;

	open_house(&s, "1.10.1\n", "");
	flashhouse_begin(&s.h, 7);
	flashhouse_expect_end(&s.h, 7, PB__PHASE__PHASE_DONE, ERR_OK);
	close_house(&s);
}

Test(flashd_depends, an_image_is_refused_when_there_is_no_such_device)
{
	struct scene s;

	open_house(&s, "1.10.1\n", "");
	s.h.spec.depends_model = "radio-3";
	flashhouse_publish(&s.h);
	flashhouse_begin(&s.h, 7);
	flashhouse_expect_end(&s.h, 7, PB__PHASE__PHASE_REFUSED, ERR_DEPENDS);
	cr_expect(strstr(flashhouse_end(&s.h, 7)->detail, "acme/radio-3 with component app"));
	close_house(&s);
}

Test(
    flashd_depends, an_image_waits_for_the_upgrade_of_the_other_device_and_begins_when_that_is_done)
{
	struct scene s;

	open_house(&s, "1.0.0\n", "");
	begin_radio(&s, 6, "1.10.0");
	cr_assert_not_null(flashhouse_report(&s.h, 6, PB__PHASE__PHASE_FLASHING));
	flashhouse_begin(&s.h, 7);
	cr_assert_not_null(flashhouse_report(&s.h, 7, PB__PHASE__PHASE_VERIFIED));
	expect_said(&s, "upgrade 6 of it is FLASHING");
	flashhouse_kill(&s.h);
	flashhouse_forget(&s.h);
	flashhouse_start(&s.h); /* it waits also after a restart */
	cr_assert_not_null(
	    flashhouse_device(&s.h, PB__DEVICE_STATE__DEVICE_STATE_PRESENT, "1.0.0"));
	expect_said(&s, "upgrade 6 of it is FLASHING");
	flashhouse_expect_untouched(&s.h);
	kit_write_mode(s.h.dir, "radio.version", "1.10.0\n", 0644);
	flashhouse_expect_end(&s.h, 6, PB__PHASE__PHASE_DONE, ERR_OK);
	flashhouse_expect_end(&s.h, 7, PB__PHASE__PHASE_DONE, ERR_OK);
	cr_expect(is_told_to_wait(&s, 7), "nobody knew that it was alive");
	flashhouse_expect_upgraded(&s.h, s.h.device);
	close_house(&s);
}

static void
set_meter(struct scene *s, const char *version, bool confirmed)
{
	struct smp_script *d = smp_tty_take(s->h.device);

	snprintf(d->slot[0].version, sizeof(d->slot[0].version), "%s", version);
	d->slot[0].confirmed = confirmed;
	smp_tty_give(s->h.device);
}

Test(flashd_depends, what_a_device_runs_on_trial_is_no_version_to_depend_on)
{
	struct scene s;

	open_house(&s, "1.0.0\n", "");
	flashhouse_kill(&s.h);
	set_meter(&s, "1.1.0", false);
	snprintf(s.h.extra, sizeof(s.h.extra), "ask_every = 1 s");
	flashhouse_forget(&s.h);
	flashhouse_start(&s.h);
	begin_radio_after(&s, 6, "1.10.0", "1.1");
	cr_assert_not_null(flashhouse_report(&s.h, 6, PB__PHASE__PHASE_VERIFIED));
	expect_said(&s, "got unknown; it runs one on trial");
	set_meter(&s, "1.1.0", true);
	cr_assert_not_null(flashhouse_report(&s.h, 6, PB__PHASE__PHASE_FLASHING));
	kit_write_mode(s.h.dir, "radio.version", "1.10.0\n", 0644);
	flashhouse_expect_end(&s.h, 6, PB__PHASE__PHASE_DONE, ERR_OK);
	close_house(&s);
}

/* The radio's program has been begun for that. */
static void
until_written(struct scene *s)
{
	char path[600];

	snprintf(path, sizeof(path), "%s/radio write", s->h.dir);
	for (int i = 0; i < 500; i++)
		if (TOOL(s->h.dir, "pgrep", "-f", path).status == 0)
			return;
	cr_expect_fail("nobody writes it once more");
}

/* It would be left with nothing to run. */
Test(flashd_depends, what_is_written_already_is_written_to_the_end_whatever_becomes_of_the_other)
{
	struct scene s;

	open_house(&s, "1.0.0\n", "");
	flashhouse_kill(&s.h);
	snprintf(s.h.extra, sizeof(s.h.extra), "ask_every = 1 s");
	flashhouse_forget(&s.h);
	flashhouse_start(&s.h);
	begin_radio_after(&s, 6, "1.10.0", "1.0");
	cr_assert_not_null(flashhouse_report(&s.h, 6, PB__PHASE__PHASE_FLASHING));
	set_meter(&s, "0.9.0", true);
	cr_assert_not_null(
	    flashhouse_device(&s.h, PB__DEVICE_STATE__DEVICE_STATE_PRESENT, "0.9.0"));
	kit_write_mode(s.h.dir, "radio.version", "bad\n", 0644);
	until_said(&s, "expected exit status 0");
	kit_write_mode(s.h.dir, "radio.version", "1.0.0\n", 0644);
	until_written(&s);
	kit_write_mode(s.h.dir, "radio.version", "1.10.0\n", 0644);
	flashhouse_expect_end(&s.h, 6, PB__PHASE__PHASE_DONE, ERR_OK);
	close_house(&s);
}

/* --- groups ----------------------------------------------------------------------------------- */

Test(flashd_depends, a_group_with_a_device_that_could_not_be_taken_back_never_begins)
{
	struct scene s;

	open_house(&s, "1.10.0\n", "together = pair");
	begin_radio(&s, 6, "1.11.0");
	flashhouse_begin(&s.h, 7);
	flashhouse_expect_end(&s.h, 6, PB__PHASE__PHASE_REFUSED, ERR_POLICY);
	const Pb__Report *r = flashhouse_end(&s.h, 6);

	if (r->error != ERR_POLICY) /* the other may have been looked at first */
		r = flashhouse_end(&s.h, 7);
	cr_expect(
	    strstr(r->detail, "group pair") && strstr(r->detail, "device radio"), "%s", r->detail);
	cr_assert_not_null(flashhouse_end(&s.h, 7));
	flashhouse_expect_untouched(&s.h);
	close_house(&s);
}

Test(flashd_depends, the_first_of_a_group_whose_images_need_each_other_waits_for_the_second)
{
	struct scene s;

	open_house(&s, "1.0.0\n", "together = pair");
	flashhouse_begin(&s.h, 7);
	cr_assert_not_null(flashhouse_report(&s.h, 7, PB__PHASE__PHASE_VERIFIED));
	expect_said(&s, "expected all of group pair to be ready, got for radio: none");
	close_house(&s);
}
