/*
 * The driver exec whole: a real flashd, jailed sessions and a flasher program that nobody here
 * wrote, in its own jail: Debian's avrdude at an ATmega328P in simavr with Debian's Optiboot.
 */
#include <criterion/criterion.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include "driver_run.h"
#include "flashhouse_expect.h"
#include "house_proc.h"
#include "rom_line.h"
#include "tool.h"

TestSuite(exec, .timeout = 100);

enum { BYTES = 8000, FLASH = 0x7e00, PATIENCE_MS = 20000 };

struct scene {
	struct flashhouse h;
	char conf[3000];
	uint8_t image[BYTES];
	pid_t board;
	int board_stdio;
};

static void
fill(uint8_t *out, size_t len, const char *version)
{
	for (size_t i = 0; i < len; i++)
		out[i] = (uint8_t)(i * 2654435761u >> 13 ^ i);
	memset(out + 96, 0, 32);
	snprintf((char *)out + 100, 24, "fw=%s", version);
}

static const char *
optiboot(void)
{
	static char path[600];
	ssize_t n = readlink("/proc/self/exe", path, 500);

	cr_assert_gt(n, 0);
	path[n] = 0;
	snprintf(strrchr(path, '/'), 20, "/optiboot");
	if (access(path, X_OK) != 0 || access("/usr/bin/avrdude", X_OK) != 0)
		cr_skip_test("needs avrdude, libsimavr-dev, libelf-dev, arduino-core-avr");
	return path;
}

static void
start_board(struct scene *s, const char *program, const uint8_t *flash, size_t len)
{
	struct pollfd p = {.events = POLLIN};
	char text[20] = "";

	if (len > 0)
		kit_write(s->h.dir, "flash", flash, len);
	s->board = driver_run_peer(
	    s->h.dir, (const char *const[]){program, "line", "flash", NULL}, &s->board_stdio);
	p.fd = s->board_stdio;
	cr_assert_eq(poll(&p, 1, PATIENCE_MS), 1, "the board does not start");
	cr_assert(read(p.fd, text, sizeof(text) - 1) > 0 && strncmp(text, "ready", 5) == 0);
}

/* `lines`: of the device, beside who it is; `port` NULL: DIR/line. */
static void
setup(struct scene *s, const char *port, const char *lines)
{
	char line[500];

	flashhouse_open(&s->h);
	snprintf(line, sizeof(line), "%s/line", s->h.dir);
	snprintf(s->conf, sizeof(s->conf),
	    "[flashd.device m1]\nproduct_key = p1\ndevice_key = meter-1\nvendor = acme\n"
	    "model = sensor-9\ndriver = exec\nport = %s\n%s",
	    port ? port : line, lines);
	s->h.devices = s->conf;
	fill(s->image, BYTES, "2.0.0");
	s->h.spec.version = "2.0.0";
	s->h.spec.driver = "exec";
	s->h.spec.payload = s->image;
	s->h.spec.payload_len = BYTES;
	flashhouse_publish(&s->h);
}

static void
teardown(struct scene *s)
{
	cr_expect_eq(flashhouse_stop(&s->h), 0);
	if (s->board) {
		kill(s->board, SIGKILL);
		waitpid(s->board, NULL, 0);
		close(s->board_stdio);
	}
	flashhouse_close(&s->h);
}

static void
expect_flash(struct scene *s)
{
	uint8_t got[BYTES];
	char path[600];

	snprintf(path, sizeof(path), "%s/flash", s->h.dir);
	AUTO(file) FILE *f = fopen(path, "re");
	cr_assert(f && fread(got, 1, BYTES, f) == BYTES, "%s", path);
	cr_expect_eq(memcmp(got, s->image, BYTES), 0);
}

#define AVR "recipe = avrdude\npart = m328p\nversion = fw=\n"

Test(exec, avrdude_upgrades_a_board_with_optiboot)
{
	const char *program = optiboot();
	struct scene s = {0};
	uint8_t old[FLASH];

	setup(&s, NULL, AVR);
	fill(old, sizeof(old), "1.0.0");
	start_board(&s, program, old, sizeof(old));
	flashhouse_start(&s.h);
	cr_assert_not_null(
	    flashhouse_device(&s.h, PB__DEVICE_STATE__DEVICE_STATE_PRESENT, "1.0.0"));
	flashhouse_begin(&s.h, 7);
	flashhouse_expect_end(&s.h, 7, PB__PHASE__PHASE_DONE, ERR_OK);
	cr_expect_gt(flashhouse_count(&s.h, PB__ENVELOPE__BODY_PROGRESS), 0);
	expect_flash(&s);
	teardown(&s);
}

/* It loses its power with half an image in flash, and stays in its boot loader. */
Test(exec, a_board_without_power_in_mid_flash_is_written_again)
{
	const char *program = optiboot();
	const Pb__Report *r = NULL;
	struct scene s = {0};
	uint8_t old[FLASH];

	setup(&s, NULL, AVR);
	fill(old, sizeof(old), "1.0.0");
	start_board(&s, program, old, sizeof(old));
	flashhouse_start(&s.h);
	flashhouse_begin(&s.h, 7);
	for (int ms = 0; flashhouse_count(&s.h, PB__ENVELOPE__BODY_PROGRESS) == 0; ms += 10) {
		cr_assert_lt(ms, 2 * PATIENCE_MS);
		loop_once(s.h.loop, 10);
	}
	kill(s.board, SIGUSR1);
	for (int i = 0; i < 3 && !r; i++)
		r = flashhouse_end(&s.h, 7);
	cr_assert(r, "no end");
	cr_expect_eq(r->phase, PB__PHASE__PHASE_DONE, "%s: %s", err_name(r->error), r->detail);
	expect_flash(&s);
	teardown(&s);
}

Test(exec, stm32flash_upgrades_a_chip_in_its_boot_loader)
{
	static const char *const chip[] = {"--baud", "1000000", "--write-us", "200", "--erase-us",
	    "500", "--uid", FLASHHOUSE_SESSION_UID, NULL};
	struct scene s = {0};

	if (access("/usr/bin/stm32flash", X_OK) != 0)
		cr_skip_test("needs stm32flash");
	AUTO(rom_line) struct rom_line *l = rom_line_new(geteuid() ? NULL : chip);
	chmod(l->dir, 0755);
	/* no parity at a pseudo-terminal; nothing starts the image, as no pin would lead back */
	setup(&s, l->tty,
	    "recipe = stm32flash\nversion = fw=\nreset = none\n"
	    "identify = -b {baud} -m 8n1 -r - -S 0x08000040:64 {port}\n"
	    "flash = -b {baud} -m 8n1 -f -v -w {image} {port}\n");
	flashhouse_start(&s.h);
	cr_assert_not_null(flashhouse_device(&s.h, PB__DEVICE_STATE__DEVICE_STATE_PRESENT, NULL));
	flashhouse_begin_for(&s.h, 7, &(struct flashhouse_target){0});
	flashhouse_expect_end(&s.h, 7, PB__PHASE__PHASE_DONE, ERR_OK);
	cr_expect(rom_line_holds(l, (struct bundle_bytes){s.image, BYTES}));
	teardown(&s);
}

Test(exec, a_program_that_hangs_is_ended_and_the_device_is_away)
{
	static const char script[] = "#!/bin/sh\nwhile :; do /usr/bin/sleep 9; done\n";
	struct scene s = {0};
	char path[500];

	setup(&s, "usb", "");
	kit_write(s.h.dir, "hang", script, sizeof(script) - 1);
	snprintf(path, sizeof(path), "%s/hang", s.h.dir);
	chmod(path, 0755);
	size_t at = strlen(s.conf);
	snprintf(s.conf + at, sizeof(s.conf) - at,
	    "program = %s\nruns = /bin/sh /usr/bin/sleep\nidentify = x\ncommand_ms = 500\n", path);
	flashhouse_start(&s.h);
	cr_assert_not_null(flashhouse_device(&s.h, PB__DEVICE_STATE__DEVICE_STATE_AWAY, NULL));
	teardown(&s);
}

/* --- a program of a few lines: its device is a file ------------------------------------------- */

static void
write_script(struct scene *s)
{
	static const char script[] =
	    "#!/bin/sh\n"
	    "if [ $1 = id ]; then read -r v <$2; echo \"v=$v\"; exit 0; fi\n"
	    "echo busy >$3; /usr/bin/sleep 3\n"
	    "while read -r l; do echo \"$l\"; done </dev/fd/3 >$2\n";
	static const char *const files[] = {"prog", "out", "mark"};
	size_t at = strlen(s->conf);
	char path[500];

	kit_write(s->h.dir, "prog", script, sizeof(script) - 1);
	kit_write(s->h.dir, "out", "1.0.0\n", 6);
	kit_write(s->h.dir, "mark", "", 0);
	for (size_t i = 0; i < 3; i++) {
		snprintf(path, sizeof(path), "%s/%s", s->h.dir, files[i]);
		chmod(path, i ? 0666 : 0755);
	}
	snprintf(s->conf + at, sizeof(s->conf) - at,
	    "program = %s/prog\nruns = /bin/sh /usr/bin/sleep\ndevices = %s/out %s/mark\n"
	    "version = v=\nidentify = id %s/out\nflash = wr %s/out %s/mark\n",
	    s->h.dir, s->h.dir, s->h.dir, s->h.dir, s->h.dir, s->h.dir);
}

static bool
has(struct scene *s, const char *name, const char *text)
{
	char path[500], got[100] = "";

	snprintf(path, sizeof(path), "%s/%s", s->h.dir, name);
	AUTO(file) FILE *f = fopen(path, "re");
	return f && fgets(got, sizeof(got), f) && strcmp(got, text) == 0;
}

static void
count_program(void *arg, const struct house_proc *p)
{
	*(int *)arg += strcmp(p->name, "prog") == 0 && p->state != 'Z';
}

/* No script of ours is left. */
static bool
none_runs(void)
{
	int n = 1;

	for (int ms = 0; n > 0 && ms < PATIENCE_MS; ms += 10) {
		n = 0;
		house_proc_each(count_program, &n);
		poll(NULL, 0, n ? 10 : 0);
	}
	return n == 0;
}

Test(exec, flashd_killed_while_a_program_runs_leaves_none_behind_and_starts_over)
{
	static const char image[] = "2.0.0\nsecond line\n";
	struct scene s = {0};

	setup(&s, "bench", "");
	write_script(&s);
	s.h.spec.payload = image;
	s.h.spec.payload_len = sizeof(image) - 1;
	flashhouse_publish(&s.h);
	flashhouse_start(&s.h);
	flashhouse_begin(&s.h, 7);
	for (int ms = 0; !has(&s, "mark", "busy\n"); ms += 10) {
		cr_assert_lt(ms, PATIENCE_MS);
		loop_once(s.h.loop, 10);
	}
	flashhouse_kill(&s.h);
	cr_expect(none_runs());
	cr_expect(has(&s, "out", "1.0.0\n"));
	flashhouse_start(&s.h);
	flashhouse_expect_end(&s.h, 7, PB__PHASE__PHASE_DONE, ERR_OK);
	cr_expect(has(&s, "out", "2.0.0\n"));
	teardown(&s);
}

Test(exec, a_version_without_a_text_before_it_is_warned_of_at_the_start)
{
	static const char conf[] =
	    "[common]\ncloud_user = 1\nfetch_user = 2\ncourier_user = 3\nflash_user = 4\n"
	    "session_user = 5\n"
	    "[cloudd]\nhost = a.example\nproduct_key = p\ndevice_key = g\n"
	    "[flashd.device m1]\nproduct_key = p1\ndevice_key = m1\nvendor = acme\nmodel = s9\n"
	    "driver = exec\nport = /dev/null\nrecipe = avrdude\nversion =\n";
	AUTO(scratch) char *dir = kit_scratch();

	kit_write(dir, "c", conf, sizeof(conf) - 1);
	struct tool_result r = CTL(dir, "config", "--check", "c");

	cr_expect_eq(r.status, 0, "%s", r.out);
	cr_expect(strstr(r.out, "m1: version: expected the text before the version"), "%s", r.out);
	kit_write(dir, "c", conf, sizeof(conf) - 1 - strlen("version =\n"));
	r = CTL(dir, "config", "--check", "c");
	cr_expect_null(strstr(r.out, "version: expected"), "%s", r.out);
}
