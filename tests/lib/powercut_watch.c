/*
 * powercut_watch: see powercut_watch.h.
 */
#include "powercut_watch.h"

#include <dirent.h>
#include <poll.h>
#include <sched.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/inotify.h>
#include <unistd.h>

#include "auto.h"
#include "clock.h"
#include "powercut_view.h"

enum { PLACES = 32, PATH = 500, DEPTH = 5, PLACE = 40 };

struct watch {
	int fd;
	unsigned n;
	struct {
		int wd;
		char name[PLACE];
	} place[PLACES];
};

static void
add(struct watch *w, const char *root, const char *below, int depth)
{
	static const uint32_t changes = IN_MODIFY | IN_CREATE | IN_DELETE | IN_MOVED_TO |
					IN_ATTRIB | IN_ONLYDIR;
	char path[PATH], name[PLACE];

	if (snprintf(path, sizeof(path), "%s/%s", root, below) >= (int)sizeof(path) ||
	    w->n == PLACES)
		return;
	w->place[w->n].wd = inotify_add_watch(w->fd, path, changes);
	snprintf(w->place[w->n++].name, PLACE, "%s", below);
	AUTO(dir) DIR *d = opendir(path);
	for (struct dirent *e; d && (e = readdir(d));)
		if (e->d_type == DT_DIR && e->d_name[0] != '.' && depth < DEPTH &&
		    snprintf(name, sizeof(name), "%s%s%s", below, below[0] ? "/" : "", e->d_name) <
			(int)sizeof(name))
			add(w, root, name, depth + 1);
}

static const char *
verb(uint32_t mask)
{
	static const struct {
		uint32_t bit;
		const char *verb;
	} verbs[] = {{IN_MODIFY, "written"}, {IN_CREATE, "made"}, {IN_DELETE, "removed"},
	    {IN_MOVED_TO, "renamed to"}, {IN_ATTRIB, "given rights"}};

	for (size_t i = 0; i < sizeof(verbs) / sizeof(verbs[0]); i++)
		if (mask & verbs[i].bit)
			return verbs[i].verb;
	return "changed";
}

/* False for what is no durable write. */
static bool
name_it(const struct watch *w, const struct inotify_event *e, char what[POWERCUT_WATCH_WHAT])
{
	const char *end = e->len ? strrchr(e->name, '-') : NULL;
	char path[PLACE + 256], kind[POWERCUT_WATCH_WHAT - 16];

	if (!e->len || strstr(e->name, ".jsonl") || (end && strcmp(end, "-shm") == 0))
		return false;
	for (unsigned i = 0; i < w->n; i++) {
		if (w->place[i].wd != e->wd)
			continue;
		snprintf(path, sizeof(path), "%s/%s", w->place[i].name, e->name);
		powercut_view_kind(path, kind, sizeof(kind));
		snprintf(what, POWERCUT_WATCH_WHAT, "%s %s", kind, verb(e->mask));
		return true;
	}
	return false;
}

static bool
take(const struct watch *w, char what[POWERCUT_WATCH_WHAT])
{
	_Alignas(struct inotify_event) char buffer[4096];
	ssize_t n = read(w->fd, buffer, sizeof(buffer));

	for (ssize_t at = 0; at + (ssize_t)sizeof(struct inotify_event) <= n;) {
		const struct inotify_event *e = (const void *)(buffer + at);

		if (name_it(w, e, what))
			return true;
		at += (ssize_t)(sizeof(*e) + e->len);
	}
	return false;
}

void
powercut_watch_share_cpu(void)
{
	int cpu = sched_getcpu();
	cpu_set_t one;

	CPU_ZERO(&one);
	if (cpu >= 0)
		CPU_SET(cpu, &one);
	if (sched_setaffinity(0, sizeof(one), &one) != 0)
		fprintf(stderr, "power cuts: all processors are used, so fewer writes are lost\n");
}

static void
set_precedence(int policy, int priority)
{
	const struct sched_param p = {.sched_priority = priority};

	(void)sched_setscheduler(0, policy, &p);
}

void
powercut_watch_end(void)
{
	set_precedence(SCHED_OTHER, 0);
}

bool
powercut_watch(const char *root, int ms, char what[POWERCUT_WATCH_WHAT])
{
	AUTO(fd) int fd = inotify_init1(IN_CLOEXEC | IN_NONBLOCK);
	struct watch w = {.fd = fd};
	struct pollfd p = {.fd = fd, .events = POLLIN};
	struct mono end = mono_after(clock_now(), ms);

	if (fd < 0)
		return false;
	set_precedence(SCHED_FIFO | SCHED_RESET_ON_FORK, 1);
	add(&w, root, "", 0);
	while (!mono_reached(clock_now(), end))
		if (poll(&p, 1, 10) > 0 && take(&w, what))
			return true;
	return false;
}
