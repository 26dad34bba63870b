/*
 * sim_kind: worlds of seeds from SIM_AIMED on: boards of other kinds (without a test, with a boot
 * loader that takes XMODEM, with a serial number), several devices of one product, plans for a
 * certain version, and times so short that deadlines are met.
 */
#ifndef SUBOTA_SIM_KIND_H
#define SUBOTA_SIM_KIND_H

#include "sim_device_part.h"
#include "sim_house.h"

/* What boards there are, before packages are made; settings, after those of a lively world. */
void sim_kind_choose(struct sim_house *h);
void sim_kind_settings(struct sim_house *h);
/* What a board of this house is like. */
void sim_kind_board(const struct sim_house *h, struct board *b, struct sub_device_settings *s);
/* It has other illnesses. */
void sim_kind_illness(const struct sim_house *h, struct sim_package *p, struct sim_stream *s);

#endif
