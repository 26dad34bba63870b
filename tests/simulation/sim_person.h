/*
 * sim_person: people at the gateway, with subotactl: rollouts are paused and resumed in every
 * fourth seed; in lively worlds plans that wait for a person are answered, upgrades are cancelled,
 * devices are forgotten and come back.
 */
#ifndef SUBOTA_SIM_PERSON_H
#define SUBOTA_SIM_PERSON_H

#include <stdbool.h>

void sim_person_new(void);
/* One of the upgrades that are not over; one of the rollouts. */
void sim_person_cancels(unsigned which);
void sim_person_cancels_on(int device);  /* what is under way there */
void sim_person_cancels_for(int device); /* or waits */
void sim_person_rolls(unsigned which, bool pause);
/* An order to cloudd about a device. */
void sim_person_orders(const char *what, const char *device);

#endif
