/*
 * flash_health: the health check of a device by a program (`health_command`), from the
 * configuration: what it may reach, and the order that makes a session run it.
 *
 * It runs like a flasher program (flash_exec.h): started by subota-exec in a jail of its own, never
 * through a shell, with nothing of our environment, without network, with a deadline; the session
 * speaks the driver exec with the verb CHECK, whatever driver the device has. What the program
 * answers decides whether a new image is kept (device_health.h) and nothing else.
 */
#ifndef SUBOTA_FLASH_HEALTH_H
#define SUBOTA_FLASH_HEALTH_H

#include "flash_order.h"
#include "places.h"

/* Whether the device has one; whether any has. */
bool flash_health_is(const struct flash_settings_device *d);
bool flash_health_any(const struct flash_settings *s);
/* Whether it gets the device's line, which is closed for it. */
bool flash_health_uses_port(const struct flash_settings_device *d);

/* What the program may reach, as $flasher, $flasher_reads, $flasher_devices; nothing where there is
 * none. */
void flash_health_places(const struct flash_settings_device *d, struct places *out);

/* The same for an order: of the health check, or of the device's flasher; nothing where the session
 * needs no program. */
void flash_health_places_for(const struct flash_settings *s, const struct flash_settings_device *d,
    int verb, struct places *out);

/* ERR_CONFIG, logged: no path, quotes without end, a placeholder that does not exist. */
enum err flash_health_check(const struct flash_settings_device *d) MUST_CHECK;

/* The order for a session; k->o.target_version is the caller's. */
void flash_health_order(
    struct flash_order *k, const struct flash_settings_device *d, uint32_t timeout_ms);

#endif
