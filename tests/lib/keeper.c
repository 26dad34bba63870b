/*
 * house_keeper: see house_keeper.h.
 */
#include "house_keeper.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <string.h>
#include <sys/wait.h>

enum { GROUPS = 128 };

/* What goes through the pipe: a process that is there, or (negative) no longer. */
static void
note(pid_t groups[GROUPS], pid_t word)
{
	pid_t pid = word < 0 ? -word : word, wanted = word < 0 ? pid : 0;

	for (int i = 0; i < GROUPS; i++) {
		if (groups[i] != wanted)
			continue;
		groups[i] = word < 0 ? 0 : pid;
		return;
	}
}

/* Until the owner is gone or says so by closing. */
static void
keep(int fd, char *dir)
{
	pid_t groups[GROUPS] = {0}, word;
	ssize_t n;

	while ((n = read(fd, &word, sizeof(word))) != 0)
		if (n == (ssize_t)sizeof(word))
			note(groups, word);
		else if (errno != EINTR)
			break;
	for (int i = 0; i < GROUPS; i++)
		if (groups[i])
			kill(-groups[i], SIGKILL);
	kit_scratch_remove(dir);
}

static void
become(int fd)
{
	sigset_t all;
	int null = open("/dev/null", O_RDWR);

	setpgid(0, 0);
	sigfillset(&all);
	sigprocmask(SIG_SETMASK, &all, NULL);
	for (int i = 0; i < 3; i++)
		dup2(null, i);
	dup2(fd, 3);
	close_range(4, ~0u, 0);
}

enum err
house_keeper_start(struct house *h)
{
	int ends[2];

	if (pipe2(ends, O_CLOEXEC) < 0)
		return house_fail(h, ERR_SYSTEM, "pipe: %s", strerror(errno));
	fflush(NULL);
	h->keeper = fork();
	if (h->keeper == 0) {
		become(ends[0]);
		keep(3, h->dir);
		_exit(0);
	}
	close(ends[0]);
	h->keeper_fd = ends[1];
	return h->keeper > 0 ? ERR_OK : house_fail(h, ERR_SYSTEM, "fork: %s", strerror(errno));
}

static void
tell(struct house *h, pid_t word)
{
	while (write(h->keeper_fd, &word, sizeof(word)) < 0 && errno == EINTR)
		;
}

void
house_keeper_add(struct house *h, pid_t pid)
{
	tell(h, pid);
}

void
house_keeper_drop(struct house *h, pid_t pid)
{
	tell(h, -pid);
}

void
house_keeper_end(struct house *h)
{
	if (h->keeper <= 0) {
		if (h->dir)
			kit_scratch_remove(strdup(h->dir));
		return;
	}
	close(h->keeper_fd);
	while (waitpid(h->keeper, NULL, 0) < 0 && errno == EINTR)
		;
}
