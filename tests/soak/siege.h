/*
 * siege: a house with a crowd of devices in which plan follows plan, while daemons, devices and the
 * platform die at random, and the gateway's power is cut where that can be had.
 */
#ifndef SUBOTA_SOAK_SIEGE_H
#define SUBOTA_SOAK_SIEGE_H

#include "gauge.h"

enum siege_harm {
	SIEGE_FLASHD,
	SIEGE_FETCHD,
	SIEGE_CLOUDD,
	SIEGE_PLATFORM,
	SIEGE_DEVICES, /* all of the crowd, as by their power */
	SIEGE_POWER,   /* the gateway's */
	SIEGE_HARMS
};
const char *siege_harm_name(int harm);

struct siege {
	unsigned devices;
	double seconds; /* how long; plans are begun until then */
	uint64_t seed;
	bool (*is_stopped)(void); /* by a person: end soon, all is well */
	const char *found; /* where the house is kept when something went wrong; NULL = nowhere */

	double begun;
	unsigned plans, upgrades, harms[SIEGE_HARMS];
	unsigned calm_from; /* sample from which on no daemon died any more */
	struct gauge gauge;
	char why[500]; /* what went wrong; "" = nothing */
};

/* Live through it. False with `why`. */
bool siege_run(struct siege *s);

#endif
