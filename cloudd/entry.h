/*
 * entry: with which secret the gateway tries to get onto the platform next; pure.
 *
 * The platform's SDK wipes the device secret when CONNECT is refused with 2..5, and registers. A
 * platform that was only being repaired, or one that registers nobody twice (10422), would lock
 * such a gateway out for good. So no secret is thrown away for being refused. The ways are tried in
 * turn:
 *
 *     secret -> (2 s) registration -> (2 s) the secret before it, if any -> (30 min) secret -> ...
 *
 * and a secret is forgotten only when its successor has been accepted. CONNACK 3, "server
 * unavailable", is read as MQTT has it: the same secret is tried again, ever more slowly; only when
 * that has gone on for the whole back-off (six tries) is it read as the SDK does. (Spec: developer
 * center, 2.3 and 2.4.)
 */
#ifndef SUBOTA_ENTRY_H
#define SUBOTA_ENTRY_H

#include <stdbool.h>
#include <stdint.h>

enum entry_way { ENTRY_SECRET, ENTRY_REGISTER, ENTRY_SPARE, ENTRY_NONE };

/* Waits in ms; ENTRY_USUAL: the connection's own back-off decides. */
enum { ENTRY_USUAL = -1, ENTRY_SOON_MS = 2000, ENTRY_LATE_MS = 1800000 };

/* The way is only a wish: read it with entry_way, which knows what there is. */
struct entry {
	int wish;             /* enum entry_way: of the next connection */
	int way;              /* of this one; NONE: there is none, or it has brought a secret */
	unsigned unavailable; /* CONNACK 3 in a row */
	bool registering;     /* this connection does, and its new secret has not come */
};

/* What is known: the device secret, and the one before it. */
struct entry_secrets {
	bool has_secret, has_spare;
};

void entry_init(struct entry *e);
/* The way of the next connection. */
int entry_way(const struct entry *e, const struct entry_secrets *s);
/* That connection begins now. */
void entry_begin(struct entry *e, const struct entry_secrets *s);
/* It, or the try to make it, is over: how long to wait (ENTRY_*). */
int64_t entry_on_down(struct entry *e, const struct entry_secrets *s, int platform_code);
/* A device secret has come: it is the one to use. */
void entry_on_secret(struct entry *e);
/* The platform wants a registration. */
void entry_on_demand(struct entry *e);

#endif
