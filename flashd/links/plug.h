/*
 * plug: hear when the node of a serial line appears, so that a device that comes back is asked at
 * once and nobody looks for it meanwhile.
 *
 * A port is a path, best a name that stays (/dev/serial/by-id/...), behind which the kernel may put
 * another terminal each time. Watched (inotify) is its directory or, while that does not exist, the
 * nearest one above: udev makes and removes the directories of links with their first and last
 * device. Only names are looked at here; who opens the path follows it anew.
 *
 * Rejected: netlink (a network namespace of one's own hears nothing), and looking every second.
 */
#ifndef SUBOTA_PLUG_H
#define SUBOTA_PLUG_H

#include "auto.h"
#include "err.h"

struct plug;

/* ERR_SYSTEM with a log line. Before the process locks itself in. Caller frees. */
enum err plug_new(struct plug **out) MUST_CHECK;
void plug_free(struct plug *p);
AUTO_DEFINE(plug, struct plug *, plug_free)

/* `port` is borrowed; one that is no path is left out. A directory that cannot be watched is only
 * logged: then the device is found by asking, later. */
enum err plug_add(struct plug *p, const char *port) MUST_CHECK;

int plug_fd(const struct plug *p);
/* Take the events that there are: on_port() for each port whose path may lead somewhere now. */
typedef void plug_on_port(void *arg, const char *port);
void plug_read(struct plug *p, plug_on_port *on_port, void *arg);

#endif
