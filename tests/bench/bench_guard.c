/*
 * bench_guard: see bench_guard.h.
 */
#include "bench_guard.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include "auto.h"
#include "bench.h"
#include "house_look.h"
#include "house_proc.h"
#include "kit.h"

enum { EXIT_SYSTEM = 71, GRACE_S = 10 };

static void
kill_child(void *arg, const struct house_proc *p)
{
	if (p->parent == getpid())
		kill(p->pid, *(const int *)arg);
}

/* End all children, adopted ones included; those that end by themselves are given the time. */
static void
sweep(void)
{
	double end = bench_now() + GRACE_S;
	int gently = SIGTERM, hard = SIGKILL;

	house_proc_each(kill_child, &gently);
	while (waitpid(-1, NULL, WNOHANG) >= 0 || errno == EINTR) {
		if (bench_now() > end)
			house_proc_each(kill_child, &hard);
		house_look_pause(5);
	}
}

static int
wait_for(pid_t child, const sigset_t *set)
{
	int status = 0, got = 0;

	for (;;) {
		sigwait(set, &got);
		if (got != SIGCHLD)
			kill(child, SIGKILL);
		pid_t ended = 0;
		while ((ended = waitpid(-1, &status, WNOHANG)) > 0)
			if (ended == child)
				return WIFEXITED(status) ? WEXITSTATUS(status)
							 : 128 + WTERMSIG(status);
	}
}

int
bench_guard_run(int (*fn)(void *arg), void *arg)
{
	AUTO(scratch) char *dir = kit_scratch();
	sigset_t set, old;

	sigemptyset(&set);
	sigaddset(&set, SIGCHLD);
	sigaddset(&set, SIGINT);
	sigaddset(&set, SIGTERM);
	sigprocmask(SIG_BLOCK, &set, &old);
	if (chmod(dir, 0755) < 0 || setenv("TMPDIR", dir, 1) < 0 ||
	    prctl(PR_SET_CHILD_SUBREAPER, 1) < 0)
		return EXIT_SYSTEM;
	fflush(NULL);
	pid_t child = fork();
	if (child < 0)
		return EXIT_SYSTEM;
	if (child == 0) {
		sigprocmask(SIG_SETMASK, &old, NULL);
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		prctl(PR_SET_CHILD_SUBREAPER, 1);
		int status = fn(arg);
		fflush(NULL);
		_exit(status);
	}
	int status = wait_for(child, &set);
	sweep();
	return status;
}
