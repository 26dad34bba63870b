/*
 * flash_back: a device that was left on trial.
 *
 * An upgrade fails when its device is away for too long, and may be cancelled meanwhile, also
 * between the mark and the reset that follows it. The device then starts the new image on trial
 * whenever it gets its power back; nobody tests that image any more, nobody keeps it, and a sick
 * one would run until the next reset. So a device that is heard to run on trial what the upgrade
 * that wrote last has left there, and which is over without success, is sent back to the image that
 * it keeps: at once, and a few times at most: a device that puts it on trial again by itself would
 * swap its images for ever, which wears its flash out. Without a window: it belongs to the upgrade
 * that had its turn.
 */
#ifndef SUBOTA_FLASH_BACK_H
#define SUBOTA_FLASH_BACK_H

#include "flash.h"
#include "flash_order.h"

/* What it is told next: to go back, or the question what it runs, which may take `ask_ms`. */
void flash_back_order(
    struct flash *f, const struct roster_device *d, uint32_t ask_ms, struct flash_order *k);
/* That has left: its session is asking, or has it go back. */
void flash_back_begins(struct roster_device *d, int verb);
/* It has answered; NULL: its session has died. True: nothing of this is learned, because it is to
 * go back first, which undoes what it runs, or because that was about going back. It is asked
 * again. */
bool flash_back_takes(struct flash *f, struct roster_device *d, const Pb__SessionReport *answer);

#endif
