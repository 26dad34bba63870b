/*
 * flash_exec: what a device's flasher program may reach, from the configuration: the nursery must
 * be able to hand it on, and subota-exec gets it as its jail.
 */
#ifndef SUBOTA_FLASH_EXEC_H
#define SUBOTA_FLASH_EXEC_H

#include "flash_settings.h"
#include "places.h"

/* Whether the device is written by a program. */
bool flash_exec_is(const struct flash_settings_device *d);
/* Whether any is. */
bool flash_exec_any(const struct flash_settings *s);

/* Its $flasher, $flasher_reads and $flasher_devices; nothing for other devices. */
void flash_exec_places(
    const struct flash_settings *s, const struct flash_settings_device *d, struct places *out);

/* ERR_CONFIG, logged: a recipe that does not exist, paths that are none. */
enum err flash_exec_check(
    const struct flash_settings *s, const struct flash_settings_device *d) MUST_CHECK;

/* Whether a text is a list of paths, divided by blanks; else logged with the key's name. */
bool flash_exec_are_paths(const struct flash_settings_device *d, const char *key, const char *list);
/* Each of a list. */
void flash_exec_add_list(struct places *out, const char *name, const char *list);

#endif
