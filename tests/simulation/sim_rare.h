/*
 * sim_rare: worlds of seeds from SIM_RARE on, for histories that happen nowhere else: upgrades of
 * one rollout that are under way at the same time when it stops; boards without a second slot that
 * go together.
 *
 * Those can be taken back only by writing what was confirmed on them before (flash_group.h), so
 * they form a group only when each has confirmed something: a person writes it into flashd's
 * configuration, and starts flashd anew.
 */
#ifndef SUBOTA_SIM_RARE_H
#define SUBOTA_SIM_RARE_H

#include "sim_house.h"

/* Where all devices have the same plans, before packages are made: what boards are, and how many
 * will go together. */
void sim_rare_choose(struct sim_house *h);
/* After the settings of all worlds. */
void sim_rare_settings(struct sim_house *h);
/* Look from now on whether the group can be formed. */
void sim_rare_begin(void);
/* Invariant 2, when all is over: devices that go together run the same, and nothing that does not
 * work on one of them. */
void sim_rare_check_end(void);

#endif
