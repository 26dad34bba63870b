/*
 * ferry: the session's loop around one link: orders in, reports out, bytes to and fro.
 *
 * One order at a time; the driver decides everything, the ferry only moves bytes and asks the
 * clock. It asks the driver for more as soon as the kernel has taken what was there, and the driver
 * makes its messages in that moment, so the wire does not idle and nothing stale is sent. Progress
 * goes out at most four times a second; each order gets exactly one final report. A link that
 * closes ends the order with ERR_LINK; flashd opens it again and starts another session.
 */
#ifndef SUBOTA_FERRY_H
#define SUBOTA_FERRY_H

#include <poll.h>
#include <stdbool.h>

#include "auto.h"
#include "chan.h"
#include "work.h"

enum { FERRY_REPORT_MS = 250 };

struct ferry;

/* The link is non-blocking; image, gpio: -1 = none. */
struct ferry_ends {
	int link, image, gpio;
};

/* Everything is borrowed. Caller frees. */
enum err ferry_new(struct chan *chan, const struct ferry_ends *ends, work_find *find,
    struct ferry **out) MUST_CHECK;
void ferry_free(struct ferry *p);
AUTO_DEFINE(ferry, struct ferry *, ferry_free)

/* For a loop that turns several: what to wait for (fds), and for how long at most, in ms (-1: for
 * ever). */
int ferry_wants(const struct ferry *p, struct mono now, struct pollfd fds[2]);
/* What was waited for is there, or the time. False: as of ferry_step. */
bool ferry_act(struct ferry *p, const struct pollfd fds[2]);

/* Wait for something to do, at most `max_wait_ms` (-1 = for ever), and do it. False: the channel
 * has ended or was violated, the session is over. */
bool ferry_step(struct ferry *p, int max_wait_ms);

#endif
