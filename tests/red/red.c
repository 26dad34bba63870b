/*
 * red: tests that must fail, each in its own way. The runner is tested with them
 * (tests/integration/runner.c); no tier runs them.
 */
#include <criterion/criterion.h>
#include <fcntl.h>
#include <signal.h>
#include <spawn.h>
#include <stdlib.h>
#include <sys/types.h>
#include <unistd.h>

Test(red, passes)
{
	cr_assert(true);
}

Test(red, fails)
{
	cr_assert_eq(1, 2, "expected one, got two");
}

Test(red, crashes)
{
	raise(SIGSEGV);
}

Test(red, hangs, .timeout = 1)
{
	for (;;)
		pause();
}

/* Seen in the asan variant only. */
Test(red, leaks)
{
	char *volatile lost = malloc(77);

	cr_assert_not_null(lost);
	lost = NULL;
}

/* Criterion itself ends what a test forked, but not what it started. */
Test(red, leaves_a_process)
{
	char *argv[] = {(char[]){"sleep"}, (char[]){"1000"}, NULL};
	pid_t pid;

	cr_assert_eq(posix_spawnp(&pid, "sleep", NULL, NULL, argv, environ), 0);
}

Test(red, leaves_a_file)
{
	const char *dir = getenv("TMPDIR");
	char path[300];

	snprintf(path, sizeof(path), "%s/left-XXXXXX", dir ? dir : "/tmp");
	int fd = mkstemp(path);

	cr_assert_geq(fd, 0);
	close(fd);
}
