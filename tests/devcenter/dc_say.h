/*
 * dc_say: what a person can make the platform say to one device, out of turn: every row of 0x00B4,
 * questions, exceptions, junk, an address without a plan. For tests and for looking at a gateway.
 */
#ifndef DC_SAY_H
#define DC_SAY_H

#include "dc_peer.h"

/* `text` is a name and, for some, a blank and a value. Nothing when the device is not connected. */
void dc_say(struct dc *dc, int64_t device, const char *text);
/* Whether there is one of this name, with or without a value as it wants. */
bool dc_say_is_known(const char *name, bool has_value);
/* All of them, for people. */
void dc_say_print(FILE *f);

#endif
