/*
 * drop: packages that a person on the gateway wants installed, without the platform.
 *
 * A member of actor_group lays a package into STATE/drop (03770, the gate's, for that group) and
 * says `install` on the act socket, once per device. The gate copies the file into the store, in
 * slices, and from there on it goes the way of every package: head, signatures, digests, entry,
 * FlashOrder; flashd judges as ever. Nothing is believed because of who laid it there, and what
 * happens to the file afterwards does not matter: the copy was verified.
 *
 * An upgrade that began so is `local`: the platform knows nothing of it and hears nothing of it but
 * the version that the device reports at its end. Its number comes from a counter of its own that
 * starts at the seconds of the wall clock, far below cloudd's numbers (milliseconds).
 */
#ifndef SUBOTA_DROP_H
#define SUBOTA_DROP_H

#include "gate.h"

/* Make the directory, before privileges are dropped; without it nothing can be installed, all else
 * goes on. */
void drop_make(const struct daemon_common *c);

/* bus_on_query for the act socket. install, "FILE VERSION PRODUCT/DEVICE COMPONENT": FILE is a name
 * in the drop directory, VERSION what the manifest says of the component. cancel, "N": an
 * installation that was not handed on to flashd yet; ERR_NOT_FOUND: there is none. *json:
 * {"upgrade": N} or {"detail": sentence}. */
enum err drop_on_order(void *arg, const char *what, const char *argument, char **json);

/* Does the image come from the drop directory and not from a server? */
bool drop_is(const struct image *i);
/* A copy is under way; one at a time. */
bool drop_is_busy(const struct gate *g);
/* Begin to copy; in the place of a courier. */
void drop_start(struct gate *g, struct image *i);
/* The image is gone, or its bytes are not needed any more. */
void drop_stop(struct gate *g, const struct image *i);

/* Names in the drop directory that no image waits for and that are an hour old: somebody gave up.
 * Looks again every hour. */
void drop_sweep(struct gate *g);

#endif
