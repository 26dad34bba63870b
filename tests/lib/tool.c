/*
 * tool: see tool.h.
 */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "tool.h"

/* Read the pipe to its end, keep what fits. */
static void
collect(int fd, struct tool_result *r)
{
	char buf[512];
	size_t used = 0;
	ssize_t n;

	while ((n = read(fd, buf, sizeof(buf))) > 0 || (n < 0 && errno == EINTR)) {
		size_t room = sizeof(r->out) - 1 - used, take = n < 0 ? 0 : (size_t)n;

		memcpy(r->out + used, buf, take < room ? take : room);
		used += take < room ? take : room;
	}
	r->out[used] = 0;
}

static void
become(const char *dir, int out)
{
	int null = open("/dev/null", O_RDONLY);

	if (chdir(dir) < 0)
		_exit(127);
	dup2(null, 0);
	dup2(out, 1);
	dup2(out, 2);
	signal(SIGPIPE, SIG_DFL);
}

struct tool_result
tool_call(const char *dir, const char *const argv[], tool_main *program)
{
	struct tool_result r = {.status = -1};
	int pipes[2], status = 0;

	fflush(NULL);
	if (pipe(pipes) < 0)
		return r;
	pid_t pid = fork();

	if (pid == 0) {
		int argc = 0;

		become(dir, pipes[1]);
		close(pipes[0]);
		close(pipes[1]);
		while (argv[argc])
			argc++;
		if (program) {
			int code = program(argc, (char **)(uintptr_t)argv);

			fflush(NULL);
			_exit(code);
		}
		execvp(argv[0], (char *const *)(uintptr_t)argv);
		_exit(127);
	}
	close(pipes[1]);
	if (pid > 0) {
		collect(pipes[0], &r);
		while (waitpid(pid, &status, 0) < 0 && errno == EINTR)
			;
		r.status = WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
	}
	close(pipes[0]);
	return r;
}

struct tool_result
tool_run(const char *dir, const char *const argv[])
{
	return tool_call(dir, argv, NULL);
}
