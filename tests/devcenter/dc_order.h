/*
 * dc_order: what the command line and the console left in the database for the running platform.
 */
#ifndef DC_ORDER_H
#define DC_ORDER_H

#include "dc_peer.h"

/* Faults, their seed, and how far the clock is ahead. */
void dc_order_load(struct dc *dc);
/* Orders, oldest first; whoever gave one waits for its row to be gone. */
void dc_order_obey(struct dc *dc);

#endif
