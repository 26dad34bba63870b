/*
 * couriers: run real couriers, through a real nursery, from a test.
 *
 * As root they run as nobody, as in production under another uid than the gate's.
 */
#ifndef SUBOTA_TEST_COURIERS_H
#define SUBOTA_TEST_COURIERS_H

#include "auto.h"

#include "chan.h"
#include "nursery.h"

struct courier_run {
	struct nursery *nursery;
	struct chan *chan;
	int file;
	uint32_t id;
};

/* Path of a program of ours, beside the running test program (static storage). */
const char *couriers_program(const char *name);

/* Start one courier with `order` on `file` (borrowed). Fails the test if it cannot. */
void couriers_start(struct courier_run *r, Pb__CourierOrder *order, int file);
/* Wait for a report; NULL when the channel ended or nothing came within 20 s. */
Pb__Envelope *couriers_next(struct courier_run *r);
/* All reports up to the final one, which is returned (or NULL). */
Pb__Envelope *couriers_final(struct courier_run *r);
void couriers_kill(struct courier_run *r);
/* Close the channel, wait for the courier to end, free. */
void couriers_stop(struct courier_run *r);

#endif
