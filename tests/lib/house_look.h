/*
 * house_look: what can be seen of a running house from outside: the Developer Center's records, the
 * daemons' control sockets, the devices' own word, the process table. Changes nothing.
 */
#ifndef SUBOTA_TESTS_HOUSE_LOOK_H
#define SUBOTA_TESTS_HOUSE_LOOK_H

#include <cjson/cJSON.h>

#include "house.h"

/* `subota-devcenter status --json`; NULL when there is none. Caller frees. */
cJSON *house_look_platform(struct house *h);
/* Of such a document: the device with this number, from 0; borrowed, may be NULL. */
const cJSON *house_look_platform_device(const cJSON *doc, int device);
/* What the device says of itself (its status.json). Caller frees, may be NULL. */
cJSON *house_look_device(struct house *h, int device);
/* Ask a daemon's control socket; NULL when it does not answer at once. Caller frees. */
cJSON *house_look_ask(struct house *h, enum house_part p, const char *what);

/* Is the part ready to work? house_look_forget makes a fresh answer to that. */
bool house_look_ready(struct house *h, enum house_part p);
void house_look_forget(struct house *h, enum house_part p);
/* Until the platform has this version of a device, online. ERR_TIMEOUT after a minute. */
enum err house_look_wait_version(struct house *h, int device, const char *version) MUST_CHECK;

/* A descendant of the part that runs this program ("subota-courier"); 0: none. */
pid_t house_look_child(struct house *h, enum house_part p, const char *program);

/* Copy all of it, the platform included, to the directory `where`: for whoever looks for the
 * reason of a failure. */
void house_keep(const struct house *h, const char *where);

/* Wait so long, to look again. */
void house_look_pause(int ms);

#endif
