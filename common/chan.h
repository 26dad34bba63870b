/*
 * chan: envelopes over an inherited stream socket pair, each with a 4-byte big-endian length before
 * it. This is how a courier and a session are spoken to: same envelopes, same route table as on the
 * bus, no library to parse.
 *
 * The reader is incremental and keeps at most one message of the limit; a longer length is a
 * violation, answered with ERR_LIMIT, after which the channel must be closed.
 */
#ifndef SUBOTA_CHAN_H
#define SUBOTA_CHAN_H

#include <stdbool.h>

#include "route.h"

struct chan;

/* `fd` becomes the channel's and is made non-blocking. `self`/`peer` are the two ends for the route
 * table. */
enum err chan_new(int fd, enum who self, enum who peer, struct chan **out) MUST_CHECK;
void chan_free(struct chan *c);
int chan_fd(const struct chan *c);

/* Send; blocks (poll) for at most 5 s while the peer does not read, then ERR_TIMEOUT. Fills proto
 * and seq. A droppable kind is dropped (ERR_OK) instead of waiting. */
enum err chan_send(struct chan *c, Pb__Envelope *e) MUST_CHECK;

/* Next message that the route table admits, caller frees. ERR_AGAIN: none yet; ERR_CLOSED: end of
 * file; any other error is a violation by the peer. */
enum err chan_recv(struct chan *c, Pb__Envelope **out) MUST_CHECK;

/* chan_recv that waits up to timeout_ms (-1 = for ever). */
enum err chan_wait(struct chan *c, int timeout_ms, Pb__Envelope **out) MUST_CHECK;

AUTO_DEFINE(chan, struct chan *, chan_free)

#endif
