/*
 * sim_depends: images that depend on others, in worlds of seeds from SIM_DEPENDS on: which do, and
 * what then must never happen.
 *
 * An image may depend on a version that every other device has to run first, mostly that of the
 * plan before, which all get, sometimes its own: then each waits for the others, which only a group
 * can do. It may also depend on what the other processor of its board runs.
 */
#ifndef SUBOTA_SIM_DEPENDS_H
#define SUBOTA_SIM_DEPENDS_H

#include "kit.h"
#include "sim_house.h"

/* What package number `n` depends on, for its making. */
void sim_depends_choose(struct sim_house *h, int n, struct kit_spec *spec);

/* What this package depends on is kept by whom it is asked of, or goes along with the device. */
bool sim_depends_is_met(int number, const struct sim_package *p);

/* Invariant 2, at the board: the first bytes of an image are written there. */
void sim_depends_writes(int number, const struct sim_package *p);

/* Invariants 3 and 4, as time goes on and at the end of an upgrade: nobody waits for what is not on
 * its way, and nobody is refused for what is there. */
void sim_depends_watch(void);
void sim_depends_ends(const Pb__Envelope *e);

#endif
