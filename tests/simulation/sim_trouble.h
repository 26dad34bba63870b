/*
 * sim_trouble: what else happens in lively worlds (seeds from SIM_LIVELY on): people change their
 * minds, the platform expels devices and sends addresses nobody asked for, somebody is away for
 * hours, a database is lost. Its kinds are the last ones of sim_fault.h.
 */
#ifndef SUBOTA_SIM_TROUBLE_H
#define SUBOTA_SIM_TROUBLE_H

#include <stdint.h>

struct sim_proc;

void sim_trouble(int kind, unsigned a, unsigned b);
/* It is calm: who was away comes back, what was to happen next does not. */
void sim_trouble_end(void);

/* From a minute to two hours, in ns; `n` is any number. */
int64_t sim_trouble_long(unsigned n);
/* It dies, and comes back after such a time. */
void sim_trouble_send_away(struct sim_proc *p, unsigned n);
/* Its disk takes nothing for so many ms. */
void sim_trouble_read_only(struct sim_proc *p, int64_t ms);
/* It dies, and its database is gone. Of flashd only in houses where no old image is tried
 * (`forgets`): its counters are all that keeps one from coming back. */
void sim_trouble_lose_record(struct sim_proc *p);

#endif
