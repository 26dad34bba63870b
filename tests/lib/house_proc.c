/*
 * house_proc: see house_proc.h.
 */
#include "house_proc.h"

#include <ctype.h>
#include <errno.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/wait.h>
#include <unistd.h>

#include "auto.h"
#include "clock.h"
#include "house_look.h"

enum { COMM = 15, DEPTH = 16 };

bool
house_proc_own_mounts(void)
{
	return geteuid() == 0 && unshare(CLONE_NEWNS) == 0 &&
	       mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) == 0;
}

bool
house_proc_read(pid_t pid, struct house_proc *out)
{
	char path[64], line[1024];
	unsigned long user, system, rss;
	long children_user, children_system;

	*out = (struct house_proc){.pid = pid};
	snprintf(path, sizeof(path), "/proc/%d/stat", (int)pid);
	AUTO(file) FILE *f = fopen(path, "re");
	if (!f || !fgets(line, sizeof(line), f))
		return false;
	char *name = strchr(line, '('), *rest = strrchr(line, ')');
	if (!name || !rest)
		return false;
	*rest = 0;
	snprintf(out->name, sizeof(out->name), "%s", name + 1);
	if (sscanf(rest + 2,
		"%c %d %d %*d %*d %*d %*u %*u %*u %*u %*u %lu %lu %ld %ld %*d %*d "
		"%*d %*d %*u %*u %lu",
		&out->state, &out->parent, &out->group, &user, &system, &children_user,
		&children_system, &rss) != 8)
		return false;
	uint64_t tick_ms = 1000 / (uint64_t)sysconf(_SC_CLK_TCK);
	out->cpu_ms = (user + system) * tick_ms;
	out->children_ms = (uint64_t)(children_user + children_system) * tick_ms;
	out->rss_kib = rss * (uint64_t)sysconf(_SC_PAGESIZE) / 1024;
	return true;
}

void
house_proc_each(house_proc_on *fn, void *arg)
{
	AUTO(dir) DIR *d = opendir("/proc");
	struct house_proc p;

	for (struct dirent *e = d ? readdir(d) : NULL; e; e = readdir(d))
		if (isdigit((unsigned char)e->d_name[0]) &&
		    house_proc_read((pid_t)strtol(e->d_name, NULL, 10), &p))
			fn(arg, &p);
}

struct search {
	pid_t ancestor, found;
	const char *program;
	unsigned n;
};

static bool
descends(pid_t pid, pid_t ancestor)
{
	struct house_proc p;

	for (int i = 0; i < DEPTH && pid > 1; i++) {
		if (pid == ancestor)
			return true;
		if (!house_proc_read(pid, &p))
			return false;
		pid = p.parent;
	}
	return false;
}

static void
look_at(void *arg, const struct house_proc *p)
{
	struct search *s = arg;

	if (p->state == 'Z' || strncmp(p->name, s->program, COMM) != 0 ||
	    !descends(p->parent, s->ancestor))
		return;
	s->found = p->pid;
	s->n++;
}

unsigned
house_proc_count(pid_t ancestor, const char *program)
{
	struct search s = {.ancestor = ancestor, .program = program};

	house_proc_each(look_at, &s);
	return s.n;
}

pid_t
house_proc_find(pid_t ancestor, const char *program)
{
	struct search s = {.ancestor = ancestor, .program = program};

	house_proc_each(look_at, &s);
	return s.found;
}

struct count {
	pid_t group;
	unsigned alive;
};

static void
count_one(void *arg, const struct house_proc *p)
{
	struct count *c = arg;

	c->alive += p->group == c->group && p->state != 'Z';
}

unsigned
house_proc_end_group(pid_t group, int patience_ms)
{
	struct mono end = mono_after(clock_now(), patience_ms);
	struct count c = {.group = group};

	for (;;) {
		while (waitpid(-group, NULL, WNOHANG) > 0)
			;
		if (kill(-group, 0) < 0)
			return 0;
		if (mono_reached(clock_now(), end))
			break;
		house_look_pause(2);
	}
	house_proc_each(count_one, &c);
	kill(-group, SIGKILL);
	while (waitpid(-group, NULL, 0) > 0 || errno == EINTR)
		;
	return c.alive;
}

double
house_proc_number(pid_t pid, const char *file, const char *key, double none)
{
	char path[64], line[200];
	double n = none;

	snprintf(path, sizeof(path), "/proc/%d/%.20s", (int)pid, file);
	AUTO(file) FILE *f = fopen(path, "re");
	while (f && fgets(line, sizeof(line), f))
		if (strncmp(line, key, strlen(key)) == 0)
			n = strtod(line + strlen(key), NULL);
	return n;
}

unsigned
house_proc_descriptors(pid_t pid)
{
	char path[64];
	unsigned n = 0;

	snprintf(path, sizeof(path), "/proc/%d/fd", (int)pid);
	AUTO(dir) DIR *d = opendir(path);
	for (struct dirent *e; d && (e = readdir(d));)
		n += e->d_name[0] != '.';
	return n;
}
