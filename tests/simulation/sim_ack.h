/*
 * sim_ack: nobody acknowledges a report before what it means is recorded: cloudd, that it has been
 * heard and told; the gate, which passes flashd's on, that an upgrade is over. The fault that goes
 * with it: a report comes while nothing can be recorded, and who took it dies before it can be; in
 * lively and hostile worlds, in every fifth seed.
 */
#ifndef SUBOTA_SIM_ACK_H
#define SUBOTA_SIM_ACK_H

#include <subota.pb-c.h>

#include "sim.h"

/* From now on that waits for a report to cloudd or to fetchd; `a` and `b` say which, and when the
 * process dies. */
void sim_ack_trouble(unsigned a, unsigned b);
/* This process is about to be given a message, or about to send one. */
void sim_ack_given(struct sim_proc *to, const Pb__Envelope *e);
void sim_ack_sent(enum sim_who from, enum sim_who to, const Pb__Envelope *e);

#endif
