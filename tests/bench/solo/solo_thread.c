/*
 * solo_thread: a session is a thread that gets what the process would get: its end of the channel,
 * the link and the package as descriptors of its own, which it closes at its end. Its number is one
 * that no process has; to kill it means to wait until it sees its channel end.
 */
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <unistd.h>

#include "auto.h"
#include "ferry.h"
#include "log.h"
#include "sandbox.h"
#include "solo.h"

enum { FDS_MAX = 4, NOBODY = 1 << 30 };

int __real_kill(pid_t pid, int signal);
int __wrap_kill(pid_t pid, int signal);
void __wrap_loop_on_child(struct loop *loop, void (*fn)(void *arg, int pid, int status), void *arg);
enum err __wrap_sandbox_spawn(
    const char *path, char *const argv[], const int *fds, size_t n_fds, pid_t *pid);

struct session {
	int number;
	int fds[FDS_MAX];
	size_t n;
};

enum err
solo_thread_start(void *(*fn)(void *arg), void *arg)
{
	pthread_t thread;

	if (pthread_create(&thread, NULL, fn, arg) != 0)
		return ERR_SYSTEM;
	pthread_detach(thread);
	return ERR_OK;
}

static void
run_session(struct session *s)
{
	AUTO(chan) struct chan *chan = NULL;
	AUTO(ferry) struct ferry *ferry = NULL;
	const struct ferry_ends ends = {.link = s->fds[1],
	    .image = s->n > 2 && s->fds[2] >= 0 ? s->fds[2] : -1,
	    .gpio = s->n > 3 ? s->fds[3] : -1};

	if (chan_new(s->fds[0], WHO_SESSION, WHO_FLASHD, &chan) != ERR_OK)
		return;
	s->fds[0] = -1; /* the channel's now */
	if (ferry_new(chan, &ends, driver_find, &ferry) != ERR_OK)
		return;
	while (ferry_step(ferry, -1))
		;
}

static void *
session_thread(void *arg)
{
	struct session *s = arg;
	int number = s->number;

	run_session(s);
	for (size_t i = 0; i < s->n; i++)
		if (s->fds[i] >= 0)
			close(s->fds[i]);
	free(s);
	if (write(solo()->ends[1], &number, sizeof(number)) != (ssize_t)sizeof(number))
		log_error(NULL, "a session's end is not heard");
	return NULL;
}

enum err
__wrap_sandbox_spawn(const char *path, char *const argv[], const int *fds, size_t n_fds, pid_t *pid)
{
	struct session *s = calloc(1, sizeof(*s));

	(void)path, (void)argv;
	if (!s || n_fds > FDS_MAX) {
		free(s);
		return ERR_NOMEM;
	}
	*s = (struct session){.number = NOBODY + ++solo()->last_pid, .n = n_fds};
	for (size_t i = 0; i < n_fds; i++)
		s->fds[i] = dup(fds[i]);
	*pid = s->number;
	return solo_thread_start(session_thread, s);
}

int
__wrap_kill(pid_t pid, int signal)
{
	return pid >= NOBODY ? 0 : __real_kill(pid, signal);
}

void
__wrap_loop_on_child(struct loop *loop, void (*fn)(void *arg, int pid, int status), void *arg)
{
	(void)loop;
	solo()->on_child = fn;
	solo()->on_child_arg = arg;
}

static void
on_end(void *arg, short revents)
{
	int number = 0;

	(void)arg, (void)revents;
	if (read(solo()->ends[0], &number, sizeof(number)) == (ssize_t)sizeof(number) &&
	    solo()->on_child)
		solo()->on_child(solo()->on_child_arg, number, 0);
}

enum err
solo_thread_init(void)
{
	if (pipe(solo()->ends) != 0)
		return ERR_SYSTEM;
	return loop_watch_fd(solo()->loop, solo()->ends[0], POLLIN, on_end, NULL);
}
