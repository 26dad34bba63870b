/*
 * The health check by a program: a real flashd, real sessions, a script in its own jail, and a
 * device on a pseudo-terminal.
 */
#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "flashhouse_expect.h"
#include "json.h"
#include "tool.h"

TestSuite(flashd_health, .timeout = 100);

struct scene {
	struct flashhouse h;
	char conf[2000];
};

/* The verdict of the next question: a number, or "wait". */
static void
decide(struct scene *s, const char *verdict)
{
	char text[20];

	snprintf(text, sizeof(text), "%s\n", verdict);
	kit_write_mode(s->h.dir, "verdict", text, 0644);
}

/* `more`: lines of the device. */
static void
open_house(struct scene *s, const char *verdict, const char *more)
{
	/* a script that must be given its device, its version and nothing of flashd's environment
	 */
	static const char check[] =
	    "#!/bin/sh\n"
	    "[ \"$1 $2 $HOME\" = 'meter " FLASHHOUSE_VERSION " /nonexistent' ] ||"
	    " { echo \"not $1 $2 $HOME\"; exit 9; }\n"
	    "while read -r v <\"$3\"; [ \"$v\" = wait ]; do sleep 0.05; done\n"
	    "echo \"no pulse: $v\"\n"
	    "exit \"$v\"\n";
	char path[400];

	flashhouse_open(&s->h);
	chmod(s->h.dir, 0755);
	snprintf(path, sizeof(path), "%s/check", s->h.dir);
	kit_write_mode(s->h.dir, "check", check, 0755);
	decide(s, verdict);
	snprintf(s->conf, sizeof(s->conf),
	    "[flashd.device meter]\nproduct_key = p1\ndevice_key = meter-1\nvendor = acme\n"
	    "model = sensor-9\ndriver = smp\nport = %s/tty\nreply_ms = 300\nretries = 2\n"
	    "reset_wait_ms = 100\nhealth_command = %s {device} {target} %s/verdict\n"
	    "health_runs = /bin/sh /usr/bin/sleep\nhealth_reads = %s/verdict\n%s\n",
	    s->h.dir, path, s->h.dir, s->h.dir, more);
	s->h.devices = s->conf;
	flashhouse_publish(&s->h);
	flashhouse_start(&s->h);
	flashhouse_begin(&s->h, 7);
}

static void
close_house(struct scene *s)
{
	cr_expect_eq(flashhouse_stop(&s->h), 0);
	flashhouse_close(&s->h);
}

static void
expect_unhealthy(struct scene *s, const char *why)
{
	flashhouse_expect_end(&s->h, 7, PB__PHASE__PHASE_REVERTED, ERR_UNHEALTHY);
	const Pb__Report *r = flashhouse_end(&s->h, 7);

	cr_expect(strstr(r->detail, why), "expected '%s', got '%s'", why, r->detail);
	flashhouse_expect_old(&s->h);
	close_house(s);
}

Test(flashd_health, an_image_that_the_program_finds_healthy_is_kept)
{
	struct scene s;

	open_house(&s, "0", "");
	flashhouse_expect_end(&s.h, 7, PB__PHASE__PHASE_DONE, ERR_OK);
	flashhouse_expect_upgraded(&s.h, s.h.device);
	struct tool_result r = CTL(s.h.dir, "plan", "--config", "subota.conf", s.h.bundle, "meter");

	cr_expect(
	    strstr(r.out, "health") && strstr(r.out, "expected exit status 0 of"), "%s", r.out);
	close_house(&s);
}

Test(flashd_health, one_that_it_does_not_goes_back_and_the_report_says_what_was_seen)
{
	struct scene s;

	open_house(&s, "3", "");
	expect_unhealthy(&s, "health check of meter: expected exit status 0, got 3");
}

Test(flashd_health, a_program_that_does_not_end_in_time_has_found_it_unhealthy)
{
	struct scene s;

	open_house(&s, "wait", "health_deadline = 400 ms");
	expect_unhealthy(&s, "health check of meter: expected exit status 0, got none within 400");
}

/* Until the upgrade is being checked; what people are told of it. */
static void
until_checked(struct scene *s)
{
	struct tool_result r = {0};

	for (int i = 0; i < 400; i++) {
		r = CTL(s->h.dir, "upgrades", "--config", "subota.conf");
		if (strstr(r.out, "health_command"))
			return;
	}
	cr_assert_fail("it is never checked: %s", r.out);
}

Test(flashd_health, flashd_killed_in_mid_check_asks_the_program_again)
{
	struct scene s;

	open_house(&s, "wait", "");
	cr_assert_not_null(flashhouse_report(&s.h, 7, PB__PHASE__PHASE_TESTING));
	until_checked(&s);
	flashhouse_kill(&s.h);
	flashhouse_forget(&s.h);
	decide(&s, "4");
	flashhouse_start(&s.h);
	expect_unhealthy(&s, "got 4");
}

static bool
has_confirmed(struct scene *s, const char *version)
{
	char want[100];
	struct tool_result r = CTL(s->h.dir, "devices", "--config", "subota.conf", "--json");

	snprintf(want, sizeof(want), "\"confirmed_version\":\"%s\"", version);
	cr_assert(strstr(r.out, "confirmed_version"), "%s", r.out);
	return strstr(r.out, want) != NULL;
}

/* A boot loader that overwrites: the new image is there for good, whatever the program says. */
Test(flashd_health, one_that_is_ill_and_has_no_way_back_is_not_confirmed_after_the_end)
{
	struct scene s;

	open_house(&s, "wait", "");
	cr_assert_not_null(flashhouse_report(&s.h, 7, PB__PHASE__PHASE_TESTING));
	until_checked(&s);
	struct smp_script *d = smp_tty_take(s.h.device);
	d->slot[0].confirmed = true;
	d->slot[1].used = false;
	smp_tty_give(s.h.device);
	decide(&s, "3");
	flashhouse_expect_end(&s.h, 7, PB__PHASE__PHASE_FAILED, ERR_UNHEALTHY);
	cr_expect_eq(flashhouse_stop(&s.h), 0);
	flashhouse_forget(&s.h);
	flashhouse_start(&s.h); /* which asks everybody */
	cr_assert_not_null(
	    flashhouse_device(&s.h, PB__DEVICE_STATE__DEVICE_STATE_PRESENT, FLASHHOUSE_VERSION));
	cr_expect(has_confirmed(&s, ""));
	close_house(&s);
}
