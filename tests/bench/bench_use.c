/*
 * bench_use: see bench_use.h. The kernel counts a running process in nanoseconds, and what was
 * waited for in ticks: so measure over seconds.
 */
#include "bench_use.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "house_proc.h"

double
bench_use_memory(pid_t pid, const char *kind)
{
	return house_proc_number(pid, "smaps_rollup", kind, 0);
}

static double
own_time(pid_t pid)
{
	struct timespec t = {0};
	clockid_t clock = 0;

	if (clock_getcpuclockid(pid, &clock) != 0 || clock_gettime(clock, &t) != 0)
		return 0;
	return (double)t.tv_sec + (double)t.tv_nsec * 1e-9;
}

struct sum {
	struct bench_use use;
	pid_t groups[HOUSE_PARTS];
	size_t n;
};

static void
add(void *arg, const struct house_proc *p)
{
	struct sum *s = arg;

	for (size_t i = 0; i < s->n; i++) {
		if (p->group != s->groups[i])
			continue;
		s->use.cpu_s += own_time(p->pid) + (double)p->children_ms / 1000;
		s->use.pss_mib += bench_use_memory(p->pid, "Pss:") / 1024;
		s->use.processes++;
	}
}

struct bench_use
bench_use_of(const struct house *h, const enum house_part *parts, size_t n)
{
	struct sum s = {0};

	for (size_t i = 0; i < n && i < HOUSE_PARTS; i++)
		if (h->process[parts[i]].pid)
			s.groups[s.n++] = h->process[parts[i]].pid;
	house_proc_each(add, &s);
	return s.use;
}
