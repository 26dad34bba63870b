/*
 * lane: one link and the session process that works on it; one order, one process.
 *
 * flashd opens the line, a fresh subota-session gets it with a channel and, where needed, the
 * package, by way of the nursery (nursery.h); it reports and ends when its channel closes. The line
 * stays open between orders (opening it again resets some boards) until it fails. A session that
 * neither ends nor speaks in time is killed: nothing in here can make flashd wait. What a session
 * says is a report about its own device and nothing else.
 */
#ifndef SUBOTA_LANE_H
#define SUBOTA_LANE_H

#include <subota.pb-c.h>

#include "link.h"
#include "loop.h"
#include "nursery.h"

struct lane;
struct crews;

struct lane_handler {
	void (*on_report)(void *arg, struct lane *lane, const Pb__SessionReport *r);
	/* The last word, NULL = it died without one. The lane may still be busy, see on_idle. */
	void (*on_final)(void *arg, struct lane *lane, const Pb__SessionReport *r);
	void (*on_idle)(void *arg, struct lane *lane); /* the process is gone, or done with it */
	void *arg;
};

/* `nursery` and `port` are borrowed. Caller frees, which kills. */
enum err lane_new(struct loop *loop, struct nursery *nursery, const char *port,
    const struct lane_handler *h, struct lane **out) MUST_CHECK;
void lane_free(struct lane *l);

/* The socket of a network line (link.h); borrowed. Before the first order. */
void lane_lend_socket(struct lane *l, int socket);

/* Share sessions with other lanes from now on; borrowed. While the lane is idle. */
void lane_lend_crews(struct lane *l, struct crews *crews);

/* The next order's line is not the port but a subota-exec whose program may reach these places
 * (flash_exec.h); NULL: the port. Borrowed until lane_start returns. The port is closed for it,
 * unless it has no need of it (`keep_port`). */
void lane_lend_exec(struct lane *l, const struct places *places, bool keep_port);

const char *lane_port(const struct lane *l);
bool lane_is_idle(const struct lane *l);

/* The GPIO lines of the device of the next orders, -1: none. Borrowed. */
void lane_lend_pins(struct lane *l, int fd);

/* Carry out an order; `image_fd` is borrowed, -1 = none. Errors of link_open with its `why`;
 * of nursery_spawn: no process. Nothing is called back when it fails; a session that could not be
 * started after all has a last word that says so. */
enum err lane_start(struct lane *l, const struct tty_settings *s, int image_fd, Pb__SessionOrder *o,
    char why[WHY_SIZE]) MUST_CHECK;

/* Kill the session, or let go of a shared one; on_final is not called any more, on_idle is. */
void lane_stop(struct lane *l);

/* A process ended, or never began: true if it was this lane's (and maybe others'). */
bool lane_on_end(struct lane *l, const struct nursery_note *note);

#endif
