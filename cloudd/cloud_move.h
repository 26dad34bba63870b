/*
 * cloud_move: a move (move.h) in the cloud: what is allowed, when it begins, and how it ends.
 */
#ifndef SUBOTA_CLOUD_MOVE_H
#define SUBOTA_CLOUD_MOVE_H

#include "cloud.h"

/* Of a 00B4 that names a server or a product. Allowed: the next connection goes there, and *begun
 * says that there has to be one. Else an event, and nothing is changed. */
void cloud_move(struct cloud *c, const struct dialect_configure *f, bool *begun);
/* At the start: go to where we were, if that is still allowed. */
void cloud_move_resume(struct cloud *c);
/* Before each connection: be who the place wants us to be. */
enum err cloud_move_adopt(struct cloud *c) MUST_CHECK;
/* The platform has let us in. */
void cloud_move_on_online(struct cloud *c);
/* A connection is over that never got so far. */
void cloud_move_on_failure(struct cloud *c);

#endif
