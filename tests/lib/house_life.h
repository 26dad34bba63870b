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

/* Wait until a part has logged it so often. */
void house_life_until_said(struct house *h, enum house_part p, const char *text, unsigned times);
/* Make the platform say something to a device ("GW1", "METER1"); `value` may be NULL. */
void house_life_say(struct house *h, const char *device, const char *name, const char *value);
/* A text of cloudd's status, or a number as text. */
void house_life_status(struct house *h, const char *key, char out[64]);

/* A second platform, a copy of the first as it is now, on a port of its own. */
struct house_life_twin {
	struct house *h;
	pid_t pid;
	unsigned port;
};
void house_life_twin_start(struct house *h, struct house_life_twin *t);
void house_life_twin_end(struct house_life_twin *t);
/* In its place, on its port: a platform of another authority. */
void house_life_twin_stranger(struct house *h, struct house_life_twin *t);
/* Lines that it has printed with `text`. */
unsigned house_life_twin_said(struct house_life_twin *t, const char *text);
unsigned house_life_twin_log(struct house_life_twin *t, const char *device, const char *text);

/* flashd is started again without this device and those after it. */
void house_life_unlist(struct house *h, unsigned device);

#endif
