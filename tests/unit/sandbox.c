/*
 * sandbox: what a process gives up, looked at from inside and through /proc.
 *
 * Each case runs in a child, because nothing here can be taken back. Cases that need root say so
 * and check the ordinary user's half otherwise.
 */
#include <criterion/criterion.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <poll.h>
#include <signal.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/wait.h>

#include "auto.h"
#include "clock.h"
#include "sandbox.h"

enum { NOBODY = 65534, PATIENCE_MS = 20000 };

extern void __asan_init(void) __attribute__((weak));

static const struct sandbox_promise promise = {
    .name = "test", .max_memory = 1ull << 33, .max_files = 40};

/* Run `fn` in a child; its exit status, 128 + signal when it was killed. */
static int
in_child(void (*fn)(void))
{
	pid_t pid = fork();
	int status = 0;

	if (pid == 0) {
		fn();
		_exit(0);
	}
	cr_assert_gt(pid, 0);
	cr_assert_eq(waitpid(pid, &status, 0), pid);
	return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

/* In a child: a failed expectation is its exit status. */
#define NEED(number, condition) \
	do { \
		if (!(condition)) \
			_exit(number); \
	} while (0)

/* The value of a line of /proc/self/status. */
static const char *
status_line(const char *name, char *out, size_t size)
{
	AUTO(file) FILE *f = fopen("/proc/self/status", "re");
	size_t len = strlen(name);

	while (f && fgets(out, (int)size, f))
		if (strncmp(out, name, len) == 0 && out[len] == ':')
			return out + len + 1 + strspn(out + len + 1, " \t");
	return "";
}

static uid_t
target(void)
{
	return geteuid() ? geteuid() : NOBODY;
}

static gid_t
target_group(void)
{
	return geteuid() ? getegid() : NOBODY;
}

static bool
is_zero(const char *name)
{
	char line[200];
	const char *v = status_line(name, line, sizeof(line));

	return v[0] && strspn(v, "0\n") == strlen(v);
}

static void
enter_and_look(void)
{
	bool root = geteuid() == 0;
	uid_t uid = target();
	char line[200];

	NEED(10, sandbox_enter(&promise, uid, target_group(), root ? 20 : 0) == ERR_OK);
	NEED(11, getuid() == uid && geteuid() == uid);
	NEED(12, is_zero("CapEff") && is_zero("CapPrm") && is_zero("CapInh") && is_zero("CapAmb"));
	NEED(13, !root || is_zero("CapBnd"));
	NEED(14, status_line("NoNewPrivs", line, sizeof(line))[0] == '1');
	NEED(15, !root || strcmp(status_line("Groups", line, sizeof(line)), "20 \n") == 0);
	NEED(16, setresuid(0, 0, 0) < 0);
	NEED(17, __asan_init || prctl(PR_GET_DUMPABLE) == 0);
}

Test(sandbox, leaves_no_user_no_group_and_no_capability_to_go_back_to)
{
	int status = in_child(enter_and_look);

	cr_assert_eq(status, 0, "expectation %d does not hold", status);
}

static void
enter_and_measure(void)
{
	struct rlimit files = {0}, core = {1, 1}, memory = {0};

	NEED(10, sandbox_enter(&promise, target(), target_group(), 0) == ERR_OK);
	NEED(11, getrlimit(RLIMIT_NOFILE, &files) == 0 && files.rlim_max == 40);
	NEED(12, getrlimit(RLIMIT_CORE, &core) == 0 && core.rlim_max == 0);
	NEED(13, getrlimit(RLIMIT_AS, &memory) == 0);
	NEED(14, __asan_init || memory.rlim_max == 1ull << 33);
	NEED(15, setrlimit(RLIMIT_NOFILE, &(struct rlimit){80, 80}) < 0);
}

Test(sandbox, sets_limits_that_cannot_be_raised_again)
{
	int status = in_child(enter_and_measure);

	cr_assert_eq(status, 0, "expectation %d does not hold", status);
}

static void
become_somebody_else(void)
{
	if (geteuid() == 0)
		NEED(10, setresuid(NOBODY, NOBODY, NOBODY) == 0);
	NEED(11, sandbox_enter(&promise, geteuid() + 1, getegid(), 0) == ERR_DENIED);
}

Test(sandbox, refuses_another_user_without_root)
{
	cr_assert_eq(in_child(become_somebody_else), 0);
}

static void
stay_root(void)
{
	NEED(10, sandbox_enter(&promise, 0, 0, 0) == ERR_DENIED);
}

Test(sandbox, refuses_to_stay_root)
{
	cr_assert_eq(in_child(stay_root), 0);
}

/* --- children --------------------------------------------------------------------------------- */

/* Run a shell line with the write end of a pipe as descriptor 3; what it wrote there. */
static void
shell(const char *line, char *out, size_t size)
{
	char *argv[] = {(char[]){"sh"}, (char[]){"-c"}, (char *)(uintptr_t)line, NULL};
	int pipes[2], status = 0;
	pid_t pid = 0;
	size_t n = 0;

	cr_assert_eq(pipe2(pipes, O_CLOEXEC), 0);
	cr_assert_eq(sandbox_spawn("/bin/sh", argv, &pipes[1], 1, &pid), ERR_OK);
	close(pipes[1]);
	for (ssize_t got; (got = read(pipes[0], out + n, size - 1 - n)) > 0;)
		n += (size_t)got;
	out[n] = '\0';
	close(pipes[0]);
	cr_assert_eq(waitpid(pid, &status, 0), pid);
}

Test(sandbox, gives_a_child_the_named_descriptors_and_no_other)
{
	char out[400];
	AUTO(fd) int stray = open("/dev/null", O_RDONLY); /* without close-on-exec */

	cr_assert_geq(stray, 0);
	shell("for f in /proc/$$/fd/*; do printf '%s ' ${f##*/} >&3; done", out, sizeof(out));
	cr_assert(strncmp(out, "0 1 2 3 ", 8) == 0, "%s", out);
	cr_assert_lt(strlen(out), 13, "%s", out); /* the shell's own directory handle, perhaps */
}

Test(sandbox, gives_a_child_an_empty_environment_and_no_input)
{
	char out[400];

	cr_assert_eq(setenv("SUBOTA_SECRET", "x", 1), 0);
	shell("tr '\\0' '\\n' </proc/self/environ | grep -c SUBOTA >&3; readlink /proc/$$/fd/0 >&3",
	    out, sizeof(out));
	cr_assert_str_eq(out, "0\n/dev/null\n");
}

Test(sandbox, gives_a_child_unblocked_signals)
{
	char out[400];
	sigset_t set;

	sigemptyset(&set);
	sigaddset(&set, SIGTERM);
	cr_assert_eq(sigprocmask(SIG_BLOCK, &set, NULL), 0);
	shell("grep SigBlk /proc/self/status >&3", out, sizeof(out));
	cr_assert_str_eq(out, "SigBlk:\t0000000000000000\n");
}

/* Descriptors 4 and 3 wanted as 3 and 4: in a child, whose low descriptors are its own. */
static void
spawn_crossed(void)
{
	char *argv[] = {(char[]){"sh"}, (char[]){"-c"}, (char[]){"echo a >&3; echo b >&4"}, NULL};
	int a[2], b[2], status = 0;
	char text[8] = "";
	pid_t pid = 0;

	NEED(10, pipe2(a, O_CLOEXEC) == 0 && pipe2(b, O_CLOEXEC) == 0);
	int to_a = fcntl(a[1], F_DUPFD_CLOEXEC, 100), to_b = fcntl(b[1], F_DUPFD_CLOEXEC, 100);
	int from_a = fcntl(a[0], F_DUPFD_CLOEXEC, 100), from_b = fcntl(b[0], F_DUPFD_CLOEXEC, 100);
	NEED(11, dup3(to_a, 4, O_CLOEXEC) == 4 && dup3(to_b, 3, O_CLOEXEC) == 3);
	NEED(12, sandbox_spawn("/bin/sh", argv, (int[]){4, 3}, 2, &pid) == ERR_OK);
	NEED(13, waitpid(pid, &status, 0) == pid && status == 0);
	NEED(14, read(from_a, text, sizeof(text)) == 2 && text[0] == 'a');
	NEED(15, read(from_b, text, sizeof(text)) == 2 && text[0] == 'b');
}

Test(sandbox, places_descriptors_that_lie_in_each_others_way)
{
	cr_assert_eq(in_child(spawn_crossed), 0);
}

Test(sandbox, says_when_a_program_does_not_exist_and_leaves_no_zombie)
{
	char *argv[] = {(char[]){"x"}, NULL};
	pid_t pid = 0;

	cr_assert_eq(sandbox_spawn("/nonexistent/x", argv, NULL, 0, &pid), ERR_NOT_FOUND);
	cr_assert_eq(pid, 0);
	cr_assert(waitpid(-1, NULL, WNOHANG) < 0 && errno == ECHILD);
}

/* Start a sleeper that holds the pipe's end, then die. */
static void
spawn_and_die(int fd)
{
	char *argv[] = {(char[]){"sleep"}, (char[]){"600"}, NULL};
	pid_t pid = 0;

	NEED(10, sandbox_spawn("/bin/sleep", argv, &fd, 1, &pid) == ERR_OK);
	raise(SIGKILL);
}

Test(sandbox, takes_its_children_along_when_it_is_killed)
{
	int pipes[2], status = 0;
	char byte;

	cr_assert_eq(pipe2(pipes, O_CLOEXEC), 0);
	pid_t pid = fork();
	if (pid == 0)
		spawn_and_die(pipes[1]);
	close(pipes[1]);
	cr_assert_eq(waitpid(pid, &status, 0), pid);
	cr_assert(WIFSIGNALED(status), "exit status %d", WEXITSTATUS(status));
	/* the sleeper held the last writing end: it is gone when the pipe ends */
	struct pollfd p = {.fd = pipes[0], .events = POLLIN};
	cr_assert_eq(poll(&p, 1, PATIENCE_MS), 1);
	cr_assert_eq(read(pipes[0], &byte, 1), 0);
}

/* --- which layers ----------------------------------------------------------------------------- */

Test(sandbox, reads_and_writes_which_layers_are_wanted)
{
	static const struct {
		const char *text, *back;
	} rows[] = {{"require", "require"}, {"degrade", "degrade"}, {"none", "require,none"},
	    {"degrade,no-calls", "degrade,no-calls"}, {"none,require", "require"},
	    {"no-files,no-apart", "require,no-files,no-apart"},
	    {"no-files,no-calls,no-apart", "require,none"}};
	char text[40];

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct sandbox_mode m = {0};

		cr_expect_eq(sandbox_mode_parse(rows[i].text, &m), ERR_OK, "%s", rows[i].text);
		cr_expect_str_eq(sandbox_mode_text(&m, text), rows[i].back);
	}
}

Test(sandbox, knows_no_other_word)
{
	static const char *const rows[] = {"", "None", "no", "none,", ",none", "no-files no-calls"};
	struct sandbox_mode m = {.off = 5};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		cr_expect_eq(sandbox_mode_parse(rows[i], &m), ERR_INVALID, "%s", rows[i]);
	cr_expect_eq(m.off, 5, "untouched");
}

static void
leave_out_in_a_service(void)
{
	const struct sandbox_mode off = {.off = SANDBOX_CALLS}, on = {0};

	unsetenv("INVOCATION_ID");
	NEED(10, setenv("NOTIFY_SOCKET", "/run/x", 1) == 0);
	NEED(11, sandbox_mode_admit(&off) == ERR_DENIED);
	NEED(12, sandbox_mode_admit(&on) == ERR_OK);
	NEED(13, unsetenv("NOTIFY_SOCKET") == 0);
	NEED(14, sandbox_mode_admit(&off) == ERR_OK);
}

Test(sandbox, leaves_nothing_out_in_a_service)
{
	int status = in_child(leave_out_in_a_service);

	cr_expect_eq(status, 0, "expectation %d does not hold", status);
}

/* Too large for a filter: as on a kernel that does not take it. */
static void
lock_with_too_much(void)
{
	static struct seccomp_row many[SECCOMP_PROGRAM_MAX];
	const struct seccomp_set set = {"many", many};
	const struct seccomp_set *const sets[] = {&set, NULL};
	const struct sandbox_promise p = {.name = "test", .calls = sets};
	const struct sandbox_mode require = {0}, degrade = {.degrade = true};

	for (int i = 0; i < SECCOMP_PROGRAM_MAX - 1; i++)
		many[i] = (struct seccomp_row){"row", i, 0, {{0}}};
	NEED(10, __asan_init || sandbox_lock_calls(&p, &require) == ERR_DENIED);
	NEED(11, sandbox_lock_calls(&p, &degrade) == ERR_OK);
}

Test(sandbox, refuses_to_start_without_what_it_promised_unless_told_to_go_on)
{
	int status = in_child(lock_with_too_much);

	cr_expect_eq(status, 0, "expectation %d does not hold", status);
}

static void
count_interfaces(void)
{
	const struct sandbox_promise p = {.name = "test", .apart = true};
	const struct sandbox_mode on = {0};
	char line[300];
	int n = 0;

	NEED(10, sandbox_apart(&p, &on) == ERR_OK);
	AUTO(file) FILE *f = fopen("/proc/thread-self/net/dev", "re");
	while (f && fgets(line, sizeof(line), f))
		if (strchr(line, ':') && !strstr(line, " lo:"))
			n++;
	NEED(11, f && n == 0);
	/* not even the one interface there is works */
	int fd = socket(AF_INET, SOCK_DGRAM, 0);
	struct sockaddr_in at = {.sin_family = AF_INET, .sin_port = 9};
	NEED(12, connect(fd, (struct sockaddr *)&at, sizeof(at)) < 0 && errno == ENETUNREACH);
}

Test(sandbox, has_a_network_without_interface)
{
	if (geteuid() != 0)
		cr_skip_test("needs root");
	int status = in_child(count_interfaces);
	cr_expect_eq(status, 0, "expectation %d does not hold", status);
}
