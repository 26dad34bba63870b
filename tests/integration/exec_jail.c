/*
 * subota-exec and its jail: a script as flasher program that tries what it should and what it
 * should not; the test plays the session.
 */
#include <criterion/criterion.h>
#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include "clock.h"
#include "exec_wire.h"
#include "kit.h"
#include "landlock.h"
#include "sandbox.h"

extern void __asan_init(void) __attribute__((weak));

TestSuite(exec_jail, .timeout = 60);

enum { PATIENCE_MS = 20000 };

struct scene {
	char *dir;
	char script[600];
	pid_t pid;
	int fd;
	struct exec_gather in;
	char said[8000];
	size_t said_len;
};

/* subota-exec for a script of these lines; `more`: further places, ended by NULL, or NULL. */
static void
setup(struct scene *s, const char *lines, const char *const *more)
{
	char self[500] = "", program[600], run[700], text[4000];
	int pair[2];

	*s = (struct scene){.dir = kit_scratch()};
	chmod(s->dir, 0755);
	cr_assert_gt(readlink("/proc/self/exe", self, sizeof(self) - 1), 0);
	*strrchr(self, '/') = 0;
	snprintf(program, sizeof(program), "%s/../bin/subota-exec", self);
	snprintf(s->script, sizeof(s->script), "%s/flasher", s->dir);
	snprintf(run, sizeof(run), "$flasher=%s", s->script);
	int n = snprintf(text, sizeof(text), "#!/bin/sh\n%s\n", lines);
	kit_write(s->dir, "flasher", text, (size_t)n);
	cr_assert_eq(chmod(s->script, 0755), 0);
	kit_write(s->dir, "secret", "secret\n", 7);
	char *argv[] = {program, (char *)(uintptr_t) "require", run,
	    (char *)(uintptr_t) "$flasher=/bin/sh", (char *)(uintptr_t) "$flasher=/usr/bin/env",
	    (char *)(uintptr_t) "$flasher=/usr/bin/sleep", NULL, NULL, NULL, NULL};
	for (size_t i = 0; more && more[i]; i++)
		argv[6 + i] = (char *)(uintptr_t)more[i];
	cr_assert_eq(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair), 0);
	uid_t own = geteuid();
	if (own == 0)
		cr_assert(setegid(65534) == 0 && seteuid(65534) == 0);
	s->fd = pair[0];
	s->pid = fork();
	if (s->pid == 0) {
		if (own == 0 && (setresgid(65534, 65534, 65534) != 0 || seteuid(0) != 0 ||
				    setresuid(65534, 65534, 65534) != 0))
			_exit(126);
		(void)!dup2(pair[1], 3);
		execv(program, argv);
		_exit(127);
	}
	if (own == 0)
		cr_assert(seteuid(0) == 0 && setegid(0) == 0);
	close(pair[1]);
}

static void
teardown(struct scene *s)
{
	if (s->fd >= 0)
		close(s->fd);
	waitpid(s->pid, NULL, 0);
	kit_scratch_remove(s->dir);
}

static void
tell(struct scene *s, enum exec_kind kind, const void *data, size_t len)
{
	uint8_t out[EXEC_WIRE_FRAME];
	size_t n = exec_wire_format(kind, data, len, out);

	cr_assert_eq(write(s->fd, out, n), (ssize_t)n);
}

static void
run(struct scene *s, const char *argument)
{
	tell(s, EXEC_WORD, s->script, strlen(s->script));
	if (argument)
		tell(s, EXEC_WORD, argument, strlen(argument));
	tell(s, EXEC_RUN, NULL, 0);
}

/* One frame of the launcher; false: it is gone, or nothing comes. */
static bool
take(struct scene *s, size_t *len)
{
	struct pollfd p = {s->fd, POLLIN, 0};
	uint8_t byte;

	while (poll(&p, 1, PATIENCE_MS) == 1 && read(s->fd, &byte, 1) == 1) {
		enum exec_got got = exec_wire_gather(&s->in, byte, len);

		cr_assert_neq(got, EXEC_NONSENSE);
		if (got == EXEC_FRAME)
			return true;
	}
	return false;
}

/* Wait until it says `text`. */
static void
until_said(struct scene *s, const char *text)
{
	size_t len = 0;

	while (!strstr(s->said, text)) {
		cr_assert(take(s, &len), "expected '%s', got '%s'", text, s->said);
		cr_assert_eq(s->in.data[0], EXEC_OUTPUT, "expected '%s', got '%s'", text, s->said);
		cr_assert_lt(s->said_len + len, sizeof(s->said));
		memcpy(s->said + s->said_len, s->in.data + 3, len);
		s->said_len += len;
	}
}

/* To its end; the status as of waitpid. */
static int
finish(struct scene *s)
{
	size_t len = 0;

	while (take(s, &len)) {
		const uint8_t *d = s->in.data + 3;

		if (s->in.data[0] == EXEC_EXIT)
			return (
			    int)((unsigned)d[0] << 24 | (unsigned)d[1] << 16 | d[2] << 8 | d[3]);
		cr_assert_lt(s->said_len + len, sizeof(s->said));
		memcpy(s->said + s->said_len, d, len);
		s->said_len += len;
		s->said[s->said_len] = 0;
	}
	cr_assert(false, "no end: %s", s->said);
	return -1;
}

static void
expect_output(const char *lines, const char *want, int status)
{
	struct scene s;

	setup(&s, lines, NULL);
	run(&s, NULL);
	int got = finish(&s);
	cr_expect_eq(got, status << 8, "0x%x: %s", (unsigned)got, s.said);
	cr_expect(strstr(s.said, want), "expected '%s', got '%s'", want, s.said);
	teardown(&s);
}

Test(exec_jail, a_program_speaks_on_both_outputs_and_its_status_is_told)
{
	expect_output("echo out; echo err >&2; exit 7", "out\nerr\n", 7);
}

Test(exec_jail, the_image_is_at_descriptor_3_and_cannot_be_changed)
{
	struct scene s;

	setup(&s,
	    "read -r line <$1; echo \"got $line\"\n"
	    "read -r line <$1; echo \"again $line\"\n"
	    "(echo evil >>$1) 2>&1; (echo evil >&3) 2>&1; read -r line <$1; echo \"still $line\"",
	    NULL);
	tell(&s, EXEC_IMAGE, "good ", 5);
	tell(&s, EXEC_IMAGE, "image\n", 6);
	run(&s, "/dev/fd/3");
	cr_expect_eq(finish(&s), 0, "%s", s.said);
	cr_expect(strstr(s.said, "got good image\nagain good image\n"), "%s", s.said);
	cr_expect(strstr(s.said, "still good image\n"), "%s", s.said);
	/* nor can the session add to what a program has seen */
	tell(&s, EXEC_IMAGE, "more", 4);
	size_t len = 0;
	cr_expect_not(take(&s, &len));
	teardown(&s);
}

Test(exec_jail, it_reads_nothing_but_what_it_was_given)
{
	struct scene s;
	char line[700];

	setup(&s, "while read -r x; do echo \"got $x\"; done <\"$1\"", NULL);
	snprintf(line, sizeof(line), "%s/secret", s.dir);
	run(&s, line);
	cr_expect_neq(finish(&s), 0, "%s", s.said);
	cr_expect_null(strstr(s.said, "got secret"), "%s", s.said);
	run(&s, "/etc/passwd");
	cr_expect_neq(finish(&s), 0, "%s", s.said);
	cr_expect_null(strstr(s.said, "got root"), "%s", s.said);
	teardown(&s);
}

Test(exec_jail, it_reads_what_it_was_given)
{
	struct scene s;

	setup(&s, "while read -r x; do echo \"got $x\"; done <\"$1\"",
	    (const char *const[]){"$flasher_reads=/etc/passwd", NULL});
	run(&s, "/etc/passwd");
	cr_expect_eq(finish(&s), 0, "%s", s.said);
	cr_expect(strstr(s.said, "got root"), "%s", s.said);
	teardown(&s);
}

Test(exec_jail, it_runs_no_other_program_and_makes_no_file)
{
	expect_output("/usr/bin/id", "ermission denied", 126);
	expect_output("echo x >/tmp/subota-exec-jail-test", "ermission denied", 2);
	expect_output("/usr/bin/env", "LC_ALL=C", 0);
}

Test(exec_jail, it_cannot_signal_those_who_started_it)
{
	struct scene s;

	setup(&s, "kill -9 $PPID; echo alive", NULL);
	run(&s, NULL);
	/* programs with sanitizers keep every call: then only its user stands in the way */
	cr_expect_eq(finish(&s), __asan_init ? 0 : SIGSYS, "%s", s.said);
	cr_expect_eq(strstr(s.said, "not permitted") != NULL, __asan_init != NULL, "%s", s.said);
	teardown(&s);
}

Test(exec_jail, a_program_that_is_not_there_is_said_so)
{
	struct scene s;

	setup(&s, "exit 0", NULL);
	snprintf(s.script, sizeof(s.script), "/nowhere");
	run(&s, NULL);
	cr_expect_eq(finish(&s), 127 << 8);
	cr_expect(strstr(s.said, "No such file"), "%s", s.said);
	teardown(&s);
}

static bool
is_gone(pid_t pid)
{
	for (int ms = 0; ms < PATIENCE_MS; ms += 10) {
		if (kill(pid, 0) < 0 && errno == ESRCH)
			return true;
		poll(NULL, 0, 10);
	}
	return false;
}

/* Also what it started, and also when it does not want to. */
Test(exec_jail, all_of_it_ends_with_the_session)
{
	struct scene s;
	pid_t pids[2] = {0, 0};

	setup(
	    &s, "trap '' TERM; /usr/bin/sleep 300 & echo \"pids $$ $!.\"; wait; wait; wait", NULL);
	run(&s, NULL);
	until_said(&s, ".\n");
	cr_assert_eq(sscanf(strstr(s.said, "pids"), "pids %d %d.", &pids[0], &pids[1]), 2);
	struct pollfd p = {s.fd, POLLIN, 0};
	cr_expect_eq(poll(&p, 1, 200), 0, "it has ended by itself");
	close(s.fd);
	s.fd = -1;
	cr_expect(is_gone(pids[0]));
	cr_expect(is_gone(pids[1]));
	teardown(&s);
}

Test(exec_jail, what_it_left_behind_ends_with_it)
{
	struct scene s;
	pid_t pid = 0;

	setup(&s, "/usr/bin/sleep 300 & echo \"pid $!.\"; exit 0", NULL);
	run(&s, NULL);
	cr_expect_eq(finish(&s), 0);
	cr_assert_eq(sscanf(strstr(s.said, "pid"), "pid %d.", &pid), 1);
	cr_expect(is_gone(pid));
	teardown(&s);
}

Test(exec_jail, nonsense_of_a_session_ends_it)
{
	static const struct {
		uint8_t data[8];
		size_t len;
	} rows[] = {{{'Z', 0, 0}, 3}, {{'I', 0xff, 0xff}, 3}, {{'R', 0, 0}, 3}, {{'O', 0, 0}, 3},
	    {{'W', 0, 2, 'a', 0}, 5}};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct scene s;
		size_t len = 0;

		setup(&s, "exit 0", NULL);
		cr_assert_eq(write(s.fd, rows[i].data, rows[i].len), (ssize_t)rows[i].len);
		cr_expect_not(take(&s, &len), "row %zu", i);
		teardown(&s);
	}
}

/* --- programs of Debian, as far as they go without a device ------------------------------------
 */

static void
expect_program(const char *program, const char *argument, const char *want)
{
	struct scene s;
	char place[100];

	if (access(program, X_OK) != 0)
		cr_skip_test("needs %s", program);
	snprintf(place, sizeof(place), "$flasher=%s", program);
	setup(&s, "exit 0",
	    (const char *const[]){place, "$flasher_reads=/sys", "$flasher_reads=/run/udev", NULL});
	snprintf(s.script, sizeof(s.script), "%s", program);
	run(&s, argument);
	int status = finish(&s);
	cr_expect_eq(status, 0, "0x%x: %s", (unsigned)status, s.said);
	cr_expect(strstr(s.said, want), "%s", s.said);
	teardown(&s);
}

Test(exec_jail, dfu_util_lists_what_is_plugged_in)
{
	expect_program("/usr/bin/dfu-util", "-l", "dfu-util 0.");
}

Test(exec_jail, openocd_says_its_version)
{
	expect_program("/usr/bin/openocd", "--version", "Open On-Chip Debugger");
}
