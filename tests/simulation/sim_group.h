/*
 * sim_group: devices that go together, in worlds of seeds from SIM_GROUPS on: which they are, and
 * what then must never happen.
 *
 * The first few devices are a group; their plans are the same, each is offered when all have ended
 * the one before. A package that does not work does so on one of them only, and none may keep it.
 */
#ifndef SUBOTA_SIM_GROUP_H
#define SUBOTA_SIM_GROUP_H

#include "sim_house.h"

/* Before packages are made: who is in the group. */
void sim_group_choose(struct sim_house *h);
/* After the settings of all worlds. */
void sim_group_settings(struct sim_house *h);

/* Device `number` is in the group; this package works there, although not on another of them. */
bool sim_group_has(int number);
bool sim_group_spares(int number, const struct sim_package *p);

/* Invariant 2, at the board: an image is about to be kept. */
void sim_group_keeps(int number, const struct sim_package *p);

#endif
