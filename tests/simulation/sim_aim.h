/*
 * sim_aim: trouble that waits until a machine enters a state, of seeds from SIM_AIMED on. Some is
 * drawn by lot, a state and what happens then; some is a recipe for a history of several such
 * pairs, which chance would hardly ever bring together.
 */
#ifndef SUBOTA_SIM_AIM_H
#define SUBOTA_SIM_AIM_H

#include "log.h"

enum { SIM_AIMS_MAX = 31 }; /* faults of this kind in one world */

/* From now on something waits for device `a`; `b` says what. */
void sim_aim(unsigned a, unsigned b);
/* A machine of this table (enum sim_table) has taken a step into this state. */
void sim_aim_on_step(int table, int state, int event, const struct subject *s);

#endif
