/*
 * reap: see reap.h.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <spawn.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "auto.h"
#include "reap.h"

static sigset_t
awaited(void)
{
	sigset_t set;

	sigemptyset(&set);
	sigaddset(&set, SIGCHLD);
	sigaddset(&set, SIGINT);
	sigaddset(&set, SIGTERM);
	sigaddset(&set, SIGHUP);
	return set;
}

bool
reap_init(void)
{
	sigset_t set = awaited();

	return prctl(PR_SET_CHILD_SUBREAPER, 1) == 0 && sigprocmask(SIG_BLOCK, &set, NULL) == 0;
}

pid_t
reap_start(char *const argv[], const char *log)
{
	posix_spawn_file_actions_t files;
	posix_spawnattr_t attr;
	sigset_t none;
	pid_t pid = -1;

	sigemptyset(&none);
	posix_spawnattr_init(&attr);
	posix_spawnattr_setsigmask(&attr, &none);
	posix_spawnattr_setflags(&attr, POSIX_SPAWN_SETSIGMASK);
	posix_spawn_file_actions_init(&files);
	posix_spawn_file_actions_addopen(&files, 0, "/dev/null", O_RDONLY, 0);
	posix_spawn_file_actions_addopen(&files, 1, log, O_WRONLY | O_CREAT | O_APPEND, 0644);
	posix_spawn_file_actions_adddup2(&files, 1, 2);
	if (posix_spawnp(&pid, argv[0], &files, &attr, argv, environ) != 0)
		pid = -1;
	posix_spawn_file_actions_destroy(&files);
	posix_spawnattr_destroy(&attr);
	return pid;
}

static long
now_ms(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

enum reap_why
reap_wait(int timeout_ms, pid_t *pid, int *status)
{
	sigset_t set = awaited();
	long end = now_ms() + timeout_ms;

	for (;;) {
		long left = end - now_ms();
		struct timespec wait = {.tv_sec = left / 1000, .tv_nsec = left % 1000 * 1000000};

		*pid = waitpid(-1, status, WNOHANG);
		if (*pid > 0)
			return REAP_ENDED;
		if (left <= 0)
			return REAP_LATE;
		int sig = sigtimedwait(&set, NULL, &wait);

		if (sig == SIGINT || sig == SIGTERM || sig == SIGHUP)
			return REAP_INTERRUPTED;
	}
}

static pid_t
parent_of(const char *pid)
{
	char path[300], line[512] = "";
	int parent = 0;

	snprintf(path, sizeof(path), "/proc/%s/stat", pid);
	AUTO(file) FILE *f = fopen(path, "re");

	if (!f || !fgets(line, sizeof(line), f))
		return 0;
	const char *behind_name = strrchr(line, ')');

	return behind_name && sscanf(behind_name, ") %*c %d", &parent) == 1 ? parent : 0;
}

static void
name_process(const char *pid, FILE *out)
{
	char path[300], line[300] = "";

	snprintf(path, sizeof(path), "/proc/%s/cmdline", pid);
	AUTO(file) FILE *f = fopen(path, "re");
	size_t n = f ? fread(line, 1, sizeof(line) - 1, f) : 0;

	for (size_t i = 0; i + 1 < n; i++) {
		if (line[i] == 0)
			line[i] = ' ';
	}
	fprintf(out, "left a process behind: %s %s\n", pid, line);
}

/* Kill each child; `out` may be NULL. Returns how many there were. */
static unsigned
kill_children(FILE *out)
{
	AUTO(dir) DIR *proc = opendir("/proc");
	struct dirent *e;
	unsigned n = 0;

	while (proc && (e = readdir(proc)) != NULL) {
		if (e->d_name[0] < '1' || e->d_name[0] > '9' || parent_of(e->d_name) != getpid())
			continue;
		if (out)
			name_process(e->d_name, out);
		kill((pid_t)strtol(e->d_name, NULL, 10), SIGKILL);
		n++;
	}
	return n;
}

void
reap_all(void)
{
	pid_t pid;
	int status;

	/* The children of a killed child become ours: again until nobody is left. A process of
	 * another user cannot be killed; it must not hold us up for ever either. */
	for (int i = 0; i < 100 && kill_children(NULL) > 0; i++)
		reap_wait(50, &pid, &status);
	while (waitpid(-1, &status, WNOHANG) > 0)
		;
}

unsigned
reap_orphans(int grace_ms, FILE *out)
{
	long end = now_ms() + grace_ms;
	pid_t pid;
	int status;

	for (;;) {
		pid = waitpid(-1, &status, WNOHANG);
		if (pid < 0 && errno == ECHILD)
			return 0;
		long left = end - now_ms();

		if (left <= 0)
			break;
		if (pid == 0 && reap_wait((int)left, &pid, &status) == REAP_INTERRUPTED)
			break;
	}
	unsigned n = kill_children(out);

	reap_all();
	return n;
}
