/*
 * sim_day: a day (or any number of hours) of one gateway with many devices, plans and faults at a
 * steady rate, and what the processes hold: memory, descriptors, records, files. All of it has to
 * stay where it was after two hours.
 */
#ifndef SUBOTA_SIM_DAY_H
#define SUBOTA_SIM_DAY_H

#include <stdbool.h>
#include <stdint.h>

struct sim_day {
	unsigned hours, devices;
};

/* In this process, which must be a fresh one. Prints a row per hour, and what was wrong; exit
 * status 1 when something was. */
int sim_day_main(uint64_t seed, const struct sim_day *d, bool timeline);

#endif
