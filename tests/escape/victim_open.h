/*
 * victim_open: what stands around the victims: who listens, a device's line, and a second house
 * whose flashd may start programs of somebody else.
 */
#ifndef SUBOTA_ESCAPE_VICTIM_OPEN_H
#define SUBOTA_ESCAPE_VICTIM_OPEN_H

#include "victim.h"

/* The program that plays a flasher. */
#define FLASHER "/usr/bin/sleep"

/* The end of what victims_open made. */
void victims_shut(struct victims *v);

#endif
