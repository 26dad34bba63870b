/*
 * keeper: see keeper.h.
 */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "keeper.h"
#include "kit.h"

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
keeper_start(struct keeper *k, const char *dir)
{
	int ends[2];

	*k = (struct keeper){.fd = -1};
	if (pipe2(ends, O_CLOEXEC) < 0)
		return ERR_SYSTEM;
	fflush(NULL);
	k->pid = fork();
	if (k->pid == 0) {
		become(ends[0]);
		keep(3, strdup(dir));
		_exit(0);
	}
	close(ends[0]);
	k->fd = ends[1];
	return k->pid > 0 ? ERR_OK : ERR_SYSTEM;
}

static void
tell(const struct keeper *k, pid_t word)
{
	while (write(k->fd, &word, sizeof(word)) < 0 && errno == EINTR)
		;
}

void
keeper_add(const struct keeper *k, pid_t pid)
{
	tell(k, pid);
}

void
keeper_drop(const struct keeper *k, pid_t pid)
{
	tell(k, -pid);
}

void
keeper_end(struct keeper *k, const char *dir)
{
	if (k->pid <= 0) {
		kit_scratch_remove(strdup(dir));
		return;
	}
	close(k->fd);
	while (waitpid(k->pid, NULL, 0) < 0 && errno == EINTR)
		;
	k->pid = 0;
}
