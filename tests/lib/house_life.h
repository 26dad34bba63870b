/*
 * house_life: what tests of the sub-devices' life ask of a house: lines of the platform's log,
 * events and JSON of cloudd, and a device that is taken out of the configuration.
 */
#ifndef SUBOTA_TESTS_HOUSE_LIFE_H
#define SUBOTA_TESTS_HOUSE_LIFE_H

#include "house_case.h"
#include "house_look.h"

/* How often `text` is in the platform's log of a device ("METER1", "GW01"). */
unsigned house_life_log(struct house *h, const char *device, const char *text);
/* Wait until it is there `times` times. */
void house_life_until_log(struct house *h, const char *device, const char *text, unsigned times);
/* The same for a kind of event, or any text of one, in cloudd's record. */
unsigned house_life_events(struct house *h, const char *text);
void house_life_until_event(struct house *h, const char *text, unsigned times);
/* Lines of a part's log with `text`. */
unsigned house_life_said(struct house *h, enum house_part p, const char *text);

/* flashd is started again without this device and those after it. */
void house_life_unlist(struct house *h, unsigned device);

#endif
