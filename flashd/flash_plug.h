/*
 * flash_plug: a line that has appeared again: whoever is at its end is asked at once, and an
 * upgrade that waits for it goes on.
 */
#ifndef SUBOTA_FLASH_PLUG_H
#define SUBOTA_FLASH_PLUG_H

#include "flash.h"

/* Before the process locks itself in: hear of all lines of the configuration. */
enum err flash_plug_prepare(struct plug **out, const struct flash_settings *s) MUST_CHECK;
/* From now on, if that was done. */
enum err flash_plug_start(struct flash *f) MUST_CHECK;
void flash_plug_stop(struct flash *f);

#endif
