/*
 * flash_queue: who begins next. Gathers what rollout.h needs to choose, asks policy once more when
 * an upgrade's turn comes (a window may have closed since the plan was accepted), and counts ends.
 */
#ifndef SUBOTA_FLASH_QUEUE_H
#define SUBOTA_FLASH_QUEUE_H

#include "flash.h"

/* Let begin what may; true when some upgrade changed. */
bool flash_queue_start(struct flash *f);
/* What would hold `u`, which is not in the ledger, if it stood in the queue; hold_text says it,
 * too.
 */
enum rollout_hold flash_queue_would(struct flash *f, struct device_upgrade *u);
/* When one that policy holds is asked about again. */
struct mono flash_queue_next(const struct flash *f);
/* An upgrade has just ended: its rollout counts it, in the record that holds the end. */
void flash_queue_count(struct flash *f, const struct device_upgrade *u);

/* Orders of a person: pause or resume a rollout by its number, or "all". */
enum err flash_queue_pause(
    struct flash *f, const char *argument, bool pause, char why[WHY_SIZE]) MUST_CHECK;

/* What is true of an upgrade, in one word: asked, waiting, away, held, queued, writing, staged,
 * testing, done, reverted, failed, refused, cancelled. `text` says why where that helps. */
const char *flash_queue_status(
    const struct flash *f, const struct device_upgrade *u, const char **text);

#endif
