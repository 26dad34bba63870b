/*
 * platform: what the platform says, once it has come out of the connection: whose topic, decrypt,
 * unframe, ignore repeats, then one handler per command. Everything is hostile: what is refused is
 * logged with what was expected, counted, and answered with 00A4 where the platform's SDK does so.
 */
#ifndef SUBOTA_PLATFORM_H
#define SUBOTA_PLATFORM_H

#include "cloud.h"

void platform_on_message(struct cloud *c, const char *topic, const uint8_t *payload, size_t len);

#endif
