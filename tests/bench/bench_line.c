/*
 * bench_line: see bench_line.h.
 */
#include "bench_line.h"

#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "bench.h"
#include "house_look.h"

enum { WATCH_MS = 4 };

bool
bench_line_peer(struct bench_line *l, const char *const argv[], int fd)
{
	l->begin = bench_now();
	l->peer = fork();
	if (l->peer == 0) {
		int null = open("/dev/null", O_RDWR);

		prctl(PR_SET_PDEATHSIG, SIGKILL);
		signal(SIGPIPE, SIG_DFL);
		if (dup2(fd < 0 ? null : fd, 0) < 0 || dup2(fd < 0 ? null : fd, 1) < 0 ||
		    dup2(null, 2) < 0 || chdir(l->line->dir) < 0)
			_exit(127);
		execvp(argv[0], (char *const *)(uintptr_t)argv);
		_exit(127);
	}
	l->running = l->peer > 0;
	return l->running;
}

static void
look(struct bench_line *l, double bytes)
{
	struct bench_point now = {bench_now(), bytes};

	if (bytes >= 0.05 * (double)l->image.len && l->from.at == 0)
		l->from = now;
	if (bytes <= 0.95 * (double)l->image.len && bytes > l->to.bytes)
		l->to = now;
}

static void
look_for_end(struct bench_line *l)
{
	int status = 0;

	if (l->peer) {
		l->running = waitpid(l->peer, &status, WNOHANG) == 0;
		l->fine = !l->running && WIFEXITED(status) && WEXITSTATUS(status) == 0;
	} else {
		l->running = !sub_line_final(l->line, 0, &l->last);
		l->fine = !l->running && l->last.error == ERR_OK;
	}
	l->end = bench_now();
}

void
bench_line_watch(
    struct bench_line *const lines[], int n, double (*bytes)(struct bench_line *l), double seconds)
{
	double until = bench_now() + seconds;

	for (int left = n; left > 0 && bench_now() < until;) {
		left = 0;
		for (int i = 0; i < n; i++) {
			if (!lines[i]->running)
				continue;
			look(lines[i], bytes(lines[i]));
			look_for_end(lines[i]);
			left += lines[i]->running;
		}
		house_look_pause(WATCH_MS);
	}
}

double
bench_line_rate(const struct bench_line *l)
{
	if (!l->fine || l->from.at == 0 || l->to.at <= l->from.at)
		return 0;
	return (l->to.bytes - l->from.bytes) / (l->to.at - l->from.at);
}

double
bench_line_took(const struct bench_line *l)
{
	return l->fine ? l->end - l->begin : 0;
}

const char *
bench_line_why(const struct bench_line *l)
{
	if (l->fine)
		return "too short";
	if (l->peer)
		return "the program failed or did not end";
	return l->last.detail[0] ? l->last.detail : "the session failed or did not end";
}

void
bench_line_close(struct bench_line *l)
{
	if (l->peer && l->running) {
		kill(l->peer, SIGKILL);
		waitpid(l->peer, NULL, 0);
	}
	if (l->line)
		sub_line_free(l->line);
	free(l->image.data);
}
