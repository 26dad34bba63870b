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

#include "auto.h"
#include "route.h"

struct chan;

/* `fd` becomes the channel's and is made non-blocking; on error it stays the caller's.
 * `self`/`peer` are the two ends for the route table, whose phase is always ready: there is no
 * Hello on a pipe. */
enum err chan_new(int fd, enum who self, enum who peer, struct chan **out) MUST_CHECK;
void chan_free(struct chan *c);
int chan_fd(const struct chan *c);

/* Send; blocks (poll) for at most 5 s while the peer does not read, then ERR_TIMEOUT. Fills proto
 * and seq. A droppable kind is dropped (ERR_OK) instead of waiting. What the table does not admit
 * is our own mistake and is not sent (its error). A message of which the peer has taken a part goes
 * on before the next one, even after ERR_TIMEOUT. ERR_CLOSED: the peer is gone. */
enum err chan_send(struct chan *c, Pb__Envelope *e) MUST_CHECK;

/* Next message that the route table admits, caller frees. ERR_AGAIN: none yet; ERR_CLOSED: end of
 * file, in mid-message as well; any other error is a violation by the peer and is the answer to
 * every later call, too. */
enum err chan_recv(struct chan *c, Pb__Envelope **out) MUST_CHECK;

/* chan_recv that waits up to timeout_ms (-1 = for ever), then ERR_TIMEOUT. */
enum err chan_wait(struct chan *c, int timeout_ms, Pb__Envelope **out) MUST_CHECK;

AUTO_DEFINE(chan, struct chan *, chan_free)

#endif
