/*
 * held: messages for a neighbour that is away just now.
 *
 * The gate stands between cloudd and flashd, and each of them sees only its own link to the gate. A
 * plan that cloudd offers while flashd restarts, or a report that flashd makes while cloudd
 * restarts, would be lost in the middle although both links looked fine to their owners. So what is
 * passed on lies here until the link takes it, the newest of its kind and subject only; nothing
 * overtakes: how a device is now does not come before how an upgrade of it ended earlier.
 * Durability is still its owner's: this is memory, bounded, and it starts empty.
 *
 * DeviceReports are kept after sending, too: whoever connects gets the latest of every device. So
 * is a PlanOffer until it is answered: flashd may die before it has written it down.
 */
#ifndef SUBOTA_HELD_H
#define SUBOTA_HELD_H

#include <stdbool.h>
#include <subota.pb-c.h>

#include "err.h"

/* A full list refuses new subjects; their owners will repeat. */
enum { HELD_MAX = 4096 };

struct held_item;

struct held {
	struct held_item *items;
	size_t n;
	size_t due; /* of them: not yet sent */
};

void held_fini(struct held *h);
/* Keep a copy, in place of an older one of the same kind and subject. ERR_LIMIT when full. */
enum err held_put(struct held *h, const Pb__Envelope *e) MUST_CHECK;
/* Send what is due in the order it came; `fn` says ERR_OK and the item goes (or stays as sent, if
 * it is of a kind to keep), or anything else and the rest stays due for the next time. */
typedef enum err held_send(void *arg, Pb__Envelope *e);
void held_flush(struct held *h, held_send *fn, void *arg);
/* Forget all that is kept of this kind for this upgrade (0: for none), sent or not. */
void held_drop(struct held *h, int kind, uint64_t upgrade);
/* All of it is due again: the neighbour may have been restarted. */
void held_again(struct held *h);

#endif
