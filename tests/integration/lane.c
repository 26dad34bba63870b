/*
 * lane: what flashd makes of a session that does not behave. The session's program is a shell
 * script of the test, started by a real nursery without its jail, so it may say and do anything;
 * the line is a pseudo-terminal.
 */
#include <criterion/criterion.h>
#include <poll.h>
#include <pty.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include "couriers.h"
#include "golden.h"
#include "kit.h"
#include "lane.h"
#include "msg.h"

enum { PATIENCE_MS = 20000, NOBODY = 65534 };

struct scene {
	char *dir, program[300], port[64];
	int master, slave;
	struct loop *loop;
	struct nursery *nursery;
	struct lane *lane;
	unsigned reports, finals, idles;
	bool died; /* the final was NULL */
	int error; /* else its error */
	char why[WHY_SIZE];
};

static void
on_report(void *arg, struct lane *lane, const Pb__SessionReport *r)
{
	(void)lane;
	(void)r;
	((struct scene *)arg)->reports++;
}

static void
on_final(void *arg, struct lane *lane, const Pb__SessionReport *r)
{
	struct scene *s = arg;

	(void)lane;
	s->finals++;
	s->died = !r;
	s->error = r ? (int)r->error : 0;
}

static void
on_idle(void *arg, struct lane *lane)
{
	(void)lane;
	((struct scene *)arg)->idles++;
}

static void
on_nursery(void *arg, short revents)
{
	struct scene *s = arg;
	struct nursery_note note;

	(void)revents;
	cr_assert_eq(nursery_read(s->nursery, &note), ERR_OK);
	cr_expect(lane_on_end(s->lane, &note));
}

static void
start_nursery(struct scene *s)
{
	bool root = geteuid() == 0;
	struct places places = {0};
	const struct nursery_setup setup = {.program = couriers_program("subota-nursery"),
	    .parent = "flashd",
	    .mode = "none",
	    .uid = root ? NOBODY : geteuid(),
	    .gid = root ? NOBODY : getegid(),
	    .places = &places};

	places_add(&places, "$session", "%s", s->program);
	cr_assert_eq(nursery_start(&setup, &s->nursery), ERR_OK);
	places_fini(&places);
	cr_assert_eq(loop_watch_fd(s->loop, nursery_fd(s->nursery), POLLIN, on_nursery, s), ERR_OK);
}

/* A session whose whole life is `script`; FRAME in it is a file with a final report. */
static void
open_scene(struct scene *s, const char *script)
{
	struct lane_handler h = {on_report, on_final, on_idle, s};
	char text[600];

	*s = (struct scene){.dir = kit_scratch()};
	snprintf(text, sizeof(text), "#!/bin/sh\nPATH=/usr/bin:/bin\ncd %.100s\n%.400s\n", s->dir,
	    script);
	kit_write(s->dir, "session", text, strlen(text));
	snprintf(s->program, sizeof(s->program), "%s/session", s->dir);
	cr_assert_eq(chmod(s->program, 0755), 0);
	cr_assert_eq(openpty(&s->master, &s->slave, s->port, NULL, NULL), 0);
	cr_assert_eq(loop_new(&s->loop), ERR_OK);
	cr_assert(geteuid() != 0 || chown(s->dir, NOBODY, NOBODY) == 0);
	start_nursery(s);
	cr_assert_eq(lane_new(s->loop, s->nursery, s->port, &h, &s->lane), ERR_OK);
}

static void
close_scene(struct scene *s)
{
	pid_t nursery = nursery_pid(s->nursery);

	lane_free(s->lane);
	nursery_free(s->nursery);
	cr_expect_eq(waitpid(nursery, NULL, 0), nursery);
	loop_free(s->loop);
	close(s->master);
	close(s->slave);
	kit_scratch_remove(s->dir);
}

static void
put_report(struct scene *s, const char *name, bool final)
{
	struct golden g;
	uint8_t frame[GOLDEN_BYTES];
	size_t len = 0;

	golden_make(PB__ENVELOPE__BODY_SESSION_REPORT, &g);
	g.body.session_report.final = final;
	cr_assert_eq(msg_pack(&g.e, frame + 4, sizeof(frame) - 4, &len), ERR_OK);
	memcpy(frame, (uint8_t[]){0, 0, (uint8_t)(len >> 8), (uint8_t)len}, 4);
	kit_write(s->dir, name, frame, len + 4);
}

static enum err
start(struct scene *s, uint32_t timeout_ms)
{
	struct tty_settings line = {.path = s->port, .baud = 115200};
	Pb__SessionOrder o = PB__SESSION_ORDER__INIT;

	o.verb = PB__VERB__VERB_IDENTIFY;
	o.driver = golden_text("smp");
	o.timeout_ms = timeout_ms;
	return lane_start(s->lane, &line, -1, &o, s->why);
}

static void
run_until_idle(struct scene *s)
{
	struct mono end = mono_after(clock_now(), PATIENCE_MS);

	while (s->idles == 0 && !mono_reached(clock_now(), end))
		loop_once(s->loop, 10);
	cr_expect_eq(s->idles, 1u);
	cr_expect(lane_is_idle(s->lane));
}

/* Whatever it does: one last word, "it died", and the lane is free again. */
static void
expect_death(const char *script)
{
	struct scene s;

	open_scene(&s, script);
	cr_assert_eq(start(&s, 5000), ERR_OK, "%s", s.why);
	run_until_idle(&s);
	cr_expect_eq(s.finals, 1u, "%s", script);
	cr_expect(s.died, "%s", script);
	close_scene(&s);
}

Test(lane, session_that_ends_without_a_word_has_died)
{
	expect_death("exit 0");
	expect_death("exit 3");
	expect_death("kill -9 $$");
}

Test(lane, session_that_talks_nonsense_is_given_up)
{
	expect_death("printf 'hello, I am a session' >&3; exec sleep 60");
	expect_death("printf '\\377\\377\\377\\377' >&3; exec sleep 60");
	expect_death("printf '\\000\\000\\000\\004abcd' >&3; exec sleep 60");
	expect_death("printf '\\000\\000' >&3");
}

Test(lane, last_word_counts_and_what_comes_after_it_does_not)
{
	struct scene s;

	open_scene(&s, "cat more final final >&3; exec sleep 60");
	put_report(&s, "more", false);
	put_report(&s, "final", true);
	cr_assert_eq(start(&s, 5000), ERR_OK, "%s", s.why);
	run_until_idle(&s);
	cr_expect_eq(s.reports, 1u);
	cr_expect_eq(s.finals, 1u);
	cr_expect_not(s.died);
	cr_expect_eq(s.error, ERR_LINK);
	close_scene(&s);
}

Test(lane, word_said_just_before_the_end_is_heard)
{
	struct scene s;

	open_scene(&s, "cat final >&3; exit 1");
	put_report(&s, "final", true);
	cr_assert_eq(start(&s, 5000), ERR_OK, "%s", s.why);
	run_until_idle(&s);
	cr_expect_eq(s.finals, 1u);
	cr_expect_not(s.died);
	close_scene(&s);
}

Test(lane, kind_that_a_session_may_not_say_is_its_end)
{
	struct scene s;
	struct golden g;
	uint8_t frame[GOLDEN_BYTES];
	size_t len = 0;

	open_scene(&s, "cat evil >&3; exec sleep 60");
	golden_make(PB__ENVELOPE__BODY_REPORT, &g);
	cr_assert_eq(msg_pack(&g.e, frame + 4, sizeof(frame) - 4, &len), ERR_OK);
	memcpy(frame, (uint8_t[]){0, 0, (uint8_t)(len >> 8), (uint8_t)len}, 4);
	kit_write(s.dir, "evil", frame, len + 4);
	cr_assert_eq(start(&s, 5000), ERR_OK, "%s", s.why);
	run_until_idle(&s);
	cr_expect(s.died);
	close_scene(&s);
}

/* More than can be read while it is being written. */
static void
put_flood(struct scene *s)
{
	char path[320], one[GOLDEN_BYTES];

	put_report(s, "more", false);
	snprintf(path, sizeof(path), "%s/more", s->dir);
	AUTO(file) FILE *in = fopen(path, "re");
	size_t n = fread(one, 1, sizeof(one), in);
	snprintf(path, sizeof(path), "%s/flood", s->dir);
	AUTO(file) FILE *out = fopen(path, "we");
	for (int i = 0; i < 20000; i++)
		cr_assert_eq(fwrite(one, 1, n, out), n);
}

Test(lane, flood_of_reports_does_not_hold_up_anybody_else)
{
	struct scene s;
	unsigned most = 0;

	open_scene(&s, "while :; do cat flood flood flood flood; done >&3");
	put_flood(&s);
	cr_assert_eq(start(&s, 60000), ERR_OK, "%s", s.why);
	while (s.reports < 2000) {
		unsigned before = s.reports;

		cr_assert(loop_once(s.loop, 10));
		most = s.reports - before > most ? s.reports - before : most;
	}
	cr_expect_leq(
	    most, 64u, "expected the loop back after some reports, got %u in a row", most);
	lane_stop(s.lane);
	run_until_idle(&s);
	cr_expect_eq(s.finals, 0u, "who was stopped has no last word");
	close_scene(&s);
}

Test(lane, program_that_is_not_there_is_the_last_word)
{
	struct scene s;

	open_scene(&s, "exit 0");
	unlink(s.program);
	cr_assert_eq(start(&s, 5000), ERR_OK, "%s", s.why);
	run_until_idle(&s);
	cr_expect_eq(s.finals, 1u);
	cr_expect_eq(s.error, ERR_NOT_FOUND);
	close_scene(&s);
}

Test(lane, nursery_that_died_is_an_error_at_once)
{
	struct scene s;

	open_scene(&s, "exit 0");
	loop_unwatch_fd(s.loop, nursery_fd(s.nursery));
	cr_assert_eq(kill(nursery_pid(s.nursery), SIGKILL), 0);
	cr_expect_eq(waitid(P_PID, (id_t)nursery_pid(s.nursery), NULL, WEXITED | WNOWAIT), 0);
	cr_expect_eq(start(&s, 5000), ERR_CLOSED);
	cr_expect_not_null(strstr(s.why, "session"), "%s", s.why);
	cr_expect(lane_is_idle(s.lane));
	cr_expect_eq(s.finals, 0u);
	close_scene(&s);
}

Test(lane, line_that_is_not_there_is_an_error_at_once)
{
	struct scene s;

	open_scene(&s, "exit 0");
	snprintf(s.port, sizeof(s.port), "/nowhere/tty");
	cr_expect_eq(start(&s, 5000), ERR_LINK);
	cr_expect_not_null(strstr(s.why, "/nowhere/tty"), "%s", s.why);
	cr_expect(lane_is_idle(s.lane));
	close_scene(&s);
}

Test(lane, session_gets_its_descriptors_and_nothing_else)
{
	struct scene s;
	char path[320], got[400] = "";

	open_scene(&s, "ls /proc/self/fd > fds; env > env; exit 0");
	cr_assert_eq(start(&s, 5000), ERR_OK, "%s", s.why);
	run_until_idle(&s);
	snprintf(path, sizeof(path), "%s/fds", s.dir);
	AUTO(file) FILE *f = fopen(path, "re");
	cr_assert_not_null(f);
	for (int c = 0; (c = fgetc(f)) != EOF && strlen(got) < 390;)
		got[strlen(got)] = c == '\n' ? ' ' : (char)c;
	cr_expect_str_eq(got, "0 1 2 3 4 5 ", "5 is the list's own"); /* ls reads the directory */
	close_scene(&s);
}

/* What a link in the scratch directory, made by the session's script, leads to. */
static void
expect_link(struct scene *s, const char *name, const char *want)
{
	char path[300], got[300] = "";

	snprintf(path, sizeof(path), "%s/%s", s->dir, name);
	AUTO(file) FILE *f = fopen(path, "re");
	cr_assert(f && fgets(got, sizeof(got), f), "%s", name);
	cr_expect(strstr(got, want), "%s: expected %s, got %s", name, want, got);
}

Test(lane, session_gets_the_pins_of_its_device_as_the_sixth_descriptor)
{
	AUTO(fd) int pins = memfd_create("lines-of-a-chip", MFD_CLOEXEC);
	struct scene s;

	open_scene(&s, "readlink /proc/$$/fd/6 >six; readlink /proc/$$/fd/5 >five; cat final >&3");
	put_report(&s, "final", true);
	lane_lend_pins(s.lane, pins);
	cr_assert_eq(start(&s, 5000), ERR_OK, "%s", s.why);
	run_until_idle(&s);
	expect_link(&s, "six", "lines-of-a-chip");
	expect_link(&s, "five", s.port);
	close_scene(&s);
}
