/*
 * sim_trouble: what else happens in lively worlds (seeds from SIM_LIVELY on): people change their
 * minds, the platform expels devices and sends addresses nobody asked for, somebody is away for
 * hours, a database is lost. Its kinds are the last ones of sim_fault.h.
 */
#ifndef SUBOTA_SIM_TROUBLE_H
#define SUBOTA_SIM_TROUBLE_H

void sim_trouble(int kind, unsigned a, unsigned b);
/* It is calm: who was away comes back, what was to happen next does not. */
void sim_trouble_end(void);

#endif
