/*
 * works: the gate's work on images: couriers, verification in slices, room in the store.
 */
#ifndef SUBOTA_WORKS_H
#define SUBOTA_WORKS_H

#include "gate.h"

/* Handlers for the couriers; arg is the gate. */
struct download_handler works_handler(struct gate *g);

/* After a start: half-done images go on, ready ones are looked for in the store, orphans go. */
void works_restart(struct gate *g);
/* Start couriers for queued images whose time has come, as many as may run at once. */
void works_start_queued(struct gate *g);
/* Begin to verify the next fetched image, if none is being verified. */
void works_check_next(struct gate *g);
/* Carry out an image's IMAGE_DO bits and clear them. */
void works_carry_out(struct gate *g, struct image *i);
/* Drop an image that no upgrade wants and that is not ready. */
void works_release(struct gate *g, struct image *i);
/* Open a ready image's entry and verify its head (again: keys may have been revoked since). `out`
 * is the caller's. */
enum err works_open_ready(
    struct gate *g, const struct image *i, struct checked *out) MUST_CHECK;
/* Forget failed images that could not be forgotten when they failed: the disk was full, say. */
void works_forget_failed(struct gate *g);
/* Whether some image waits for a moment to come. */
bool works_is_waiting(const struct gate *g);
/* Judge the first bytes of an image's file, once they are there; it may be refused by that. */
void works_judge_head(struct gate *g, struct image *i);
/* Abandon the verification in progress. */
void works_stop(struct gate *g);

#endif
