/*
 * sim_install: people who install packages without the platform, in worlds of seeds from SIM_LOCAL
 * on: they lay files into the gate's drop directory and order them (fetchd/drop.h), good ones and
 * all kinds of others. In the end somebody brings the last good package, for which there is no
 * plan, onto every device.
 */
#ifndef SUBOTA_SIM_INSTALL_H
#define SUBOTA_SIM_INSTALL_H

#include <stdbool.h>
#include <stdint.h>
#include <subota.pb-c.h>

#include "sim.h"

/* While there is trouble, more or less. */
void sim_install_new(void);
/* Everything has its end, and the devices run what was to be brought last. */
bool sim_install_is_done(char *why, size_t size);

/* Of these upgrades cloudd must not hear (invariant 3); what flashd is ordered was signed
 * (invariant 1). For every message on the bus. */
void sim_install_sent(enum sim_who to, const Pb__Envelope *e);
/* Nothing is left in the directory when all is over (invariant 5). */
void sim_install_check_end(void);

const char *sim_install_dir(void);
/* What was laid there under this address of the gate's; NULL: it is not of that kind. */
struct sim_package;
const struct sim_package *sim_install_package(const char *url);

#endif
