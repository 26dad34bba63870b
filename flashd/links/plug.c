/*
 * plug: see plug.h.
 */
#include "plug.h"

#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/inotify.h>
#include <unistd.h>

#include "log.h"

enum { PATH = 128, EVENTS = 4096, DEPTH = 16, READS = 16 };

struct port {
	const char *path;
	int wd;          /* of the directory that is watched; -1: none */
	char name[PATH]; /* what has to appear in it */
	bool last;       /* that is the port itself, not a directory on the way */
};

struct plug {
	int fd;
	size_t n;
	struct port *ports;
};

enum err
plug_new(struct plug **out)
{
	struct plug *p = calloc(1, sizeof(*p));

	if (!p)
		return ERR_NOMEM;
	p->fd = inotify_init1(IN_NONBLOCK | IN_CLOEXEC);
	if (p->fd < 0) {
		log_error(NULL, "inotify: %s", strerror(errno));
		free(p);
		return ERR_SYSTEM;
	}
	*out = p;
	return ERR_OK;
}

void
plug_free(struct plug *p)
{
	if (!p)
		return;
	close(p->fd);
	free(p->ports);
	free(p);
}

/* Watch the deepest directory on the way that exists. */
static void
arm(struct plug *p, struct port *port)
{
	const uint32_t mask = IN_CREATE | IN_MOVED_TO | IN_ATTRIB | IN_DELETE_SELF | IN_ONLYDIR;
	char dir[PATH];

	snprintf(dir, sizeof(dir), "%s", port->path);
	port->wd = -1;
	port->last = true;
	for (int depth = 0; port->wd < 0 && depth < DEPTH; depth++) {
		char *slash = strrchr(dir, '/');

		if (!slash)
			return;
		snprintf(port->name, sizeof(port->name), "%s", slash + 1);
		port->last = depth == 0;
		slash[slash == dir ? 1 : 0] = '\0';
		port->wd = inotify_add_watch(p->fd, dir, mask);
		if (slash == dir)
			break;
	}
	if (port->wd < 0)
		log_warn(NULL, "%s: its directory cannot be watched: %s", port->path,
		    strerror(errno));
}

enum err
plug_add(struct plug *p, const char *port)
{
	if (port[0] != '/' || strlen(port) >= PATH)
		return ERR_OK;
	struct port *ports = reallocarray(p->ports, p->n + 1, sizeof(*ports));
	if (!ports)
		return ERR_NOMEM;
	p->ports = ports;
	p->ports[p->n] = (struct port){.path = port};
	arm(p, &p->ports[p->n]);
	p->n++;
	return ERR_OK;
}

int
plug_fd(const struct plug *p)
{
	return p->fd;
}

/* One event, for one port. */
static bool
concerns(const struct port *port, const struct inotify_event *e)
{
	if (e->wd != port->wd)
		return false;
	return e->mask & (IN_IGNORED | IN_DELETE_SELF) ||
	       (e->len > 0 && strcmp(e->name, port->name) == 0);
}

static void
on_event(struct plug *p, const struct inotify_event *e, plug_on_port *on_port, void *arg)
{
	for (size_t i = 0; i < p->n; i++) {
		struct port *port = &p->ports[i];
		bool lost = e->mask & IN_Q_OVERFLOW, hit = lost || concerns(port, e);

		if (!hit)
			continue;
		if (!port->last || lost || !(e->len > 0))
			arm(p, port); /* a directory came or went */
		if (access(port->path, F_OK) == 0)
			on_port(arg, port->path);
	}
}

void
plug_read(struct plug *p, plug_on_port *on_port, void *arg)
{
	char events[EVENTS] __attribute__((aligned(__alignof__(struct inotify_event))));

	for (int i = 0; i < READS; i++) {
		ssize_t n = read(p->fd, events, sizeof(events));

		if (n <= 0)
			return;
		for (ssize_t at = 0; at < n;) {
			const struct inotify_event *e = (const void *)(events + at);

			on_event(p, e, on_port, arg);
			at += (ssize_t)(sizeof(*e) + e->len);
		}
	}
}
