/*
 * flash_nursery: flashd's ear for its nursery: which sessions and helpers have ended, and whether
 * it is there at all.
 */
#ifndef SUBOTA_FLASH_NURSERY_H
#define SUBOTA_FLASH_NURSERY_H

#include "flash.h"

/* Hear f->nursery, and tell the lanes. */
enum err flash_nursery_watch(struct flash *f) MUST_CHECK;
void flash_nursery_unwatch(struct flash *f);
/* When the lanes are gone: it ends, too. */
void flash_nursery_end(struct flash *f);

#endif
