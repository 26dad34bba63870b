/*
 * sim_traitor: a gate that was broken into. It puts a package of its own making into the store and
 * orders flashd to write it in the place of what was fetched. flashd believes no other process
 * about an image: not a byte of it may reach a device (sim_device.c watches), and the gate of old
 * finds its order refused. In hostile worlds.
 */
#ifndef SUBOTA_SIM_TRAITOR_H
#define SUBOTA_SIM_TRAITOR_H

#include <stdbool.h>
#include <stdint.h>
#include <subota.pb-c.h>

/* The next order to flashd is another; `how` decides what is wrong with its package. */
void sim_traitor_strike(unsigned how);
/* fetchd is about to send this. True: it is another order now. */
bool sim_traitor_order(Pb__FlashOrder *o);
/* Bytes of the store that are none of fetchd's. */
uint64_t sim_traitor_bytes(void);
/* It is over, and what it left is removed. */
void sim_traitor_end(void);

#endif
