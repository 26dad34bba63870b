/*
 * loop: one thread, one zmq_poll over the sockets and one epoll set, callbacks. Descriptors, ZeroMQ
 * sockets, timers and signals (through signalfd).
 *
 * ZeroMQ sockets are edge-triggered behind their descriptor; the loop hides that: a socket's
 * callback is called again as long as it has something to read. A callback may add, change and
 * remove watches, its own included. Fairness: after one callback per ready watch the loop polls
 * again, so a flood on one socket cannot starve the others. The loop itself decides nothing.
 */
#ifndef SUBOTA_LOOP_H
#define SUBOTA_LOOP_H

#include <stdbool.h>

#include "auto.h"
#include "clock.h"
#include "err.h"

struct loop;

typedef void loop_on_ready(void *arg, short revents);
typedef void loop_on_timer(void *arg);

/* A timer lives in its owner's struct; zero-initialised = not set. One shot. */
struct loop_timer {
	loop_on_timer *fn;
	void *arg;
	struct mono due;
	struct loop_timer *next; /* the loop's */
	bool set;
};

/* New loop that stops on SIGINT and SIGTERM (both are blocked from now on, SIGPIPE is ignored).
 * Caller frees. */
enum err loop_new(struct loop **out) MUST_CHECK;
void loop_free(struct loop *loop);
AUTO_DEFINE(loop, struct loop *, loop_free)

/* Watch a descriptor (borrowed) for POLLIN and/or POLLOUT; at most 512 watches, then ERR_LIMIT.
 * Before it is closed it is unwatched: a copy in another process would keep it ready for ever. */
enum err loop_watch_fd(
    struct loop *loop, int fd, short events, loop_on_ready *fn, void *arg) MUST_CHECK;
/* Other events for a watched descriptor; 0 keeps it watched for errors only. */
void loop_change_fd(struct loop *loop, int fd, short events);
void loop_unwatch_fd(struct loop *loop, int fd);

/* Watch a ZeroMQ socket (borrowed) for POLLIN; at most 64, then ERR_LIMIT. */
enum err loop_watch_socket(
    struct loop *loop, void *socket, loop_on_ready *fn, void *arg) MUST_CHECK;
void loop_unwatch_socket(struct loop *loop, void *socket);

/* (Re)set a timer to fire once at `due`; the callback runs from loop_run. */
void loop_timer_set(
    struct loop *loop, struct loop_timer *t, struct mono due, loop_on_timer *fn, void *arg);
void loop_timer_clear(struct loop *loop, struct loop_timer *t);

/* Run until loop_stop or a stopping signal. Returns the signal's number, 0 after loop_stop, -1 on a
 * poll error. */
int loop_run(struct loop *loop);
/* One round of at most `max_wait_ms`; for tests. True while the loop wants to go on. */
bool loop_once(struct loop *loop, int max_wait_ms);
void loop_stop(struct loop *loop);

#endif
