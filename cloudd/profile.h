/*
 * profile: everything about the sub-device leg that is inference or our own choice, in one table
 * (spec: developer center, section 10 and 19). When the platform is known better, or a vendor's
 * variant turns up, only a row changes, or the section [cloudd.profile] of the configuration.
 *
 * P1 (default): a sub-device has topics of its own for all that concerns it. P2: all goes over the
 * gateway's topics and the sub-device is named by two more ids. Registration and login always go
 * over the gateway's `sys`.
 */
#ifndef SUBOTA_PROFILE_H
#define SUBOTA_PROFILE_H

#include <stdbool.h>

#include "conf.h"

enum profile_via { PROFILE_VIA_SUBDEVICE, PROFILE_VIA_GATEWAY };

/* Types are those that conf.h writes into. An id of 0 is left out. */
struct profile {
	/* topics: whose endpoint carries a sub-device's messages of a class */
	int ota_via;
	int sys_via;
	bool subscribe; /* to each sub-device's topics; the platform is said to push them unasked */

	/* ids that name the sub-device in messages that go over the gateway's endpoint */
	uint64_t via_pk, via_dk;

	/* ids of 00C0..00C8 and of 00A3 */
	uint64_t register_pk, register_blob;
	uint64_t sub_pk, sub_dk;
	uint64_t login_random, login_sign, login_flag;
	uint64_t reply_code, reply_ds, reply_session_key;

	/* times in ms, and counts */
	uint64_t url_wait_ms;    /* status 2 to 0113 */
	uint64_t downloading_ms; /* between two status 5 */
	uint64_t updating_ms;    /* longest silence after status 9 */
	uint64_t hung_ms;        /* longest silence before it */
	uint64_t offer_ms;       /* 0111 to flashd's verdict */
	uint64_t reply_ms;       /* 00C0, 00C2 to their reply */
	uint64_t refused_ms;     /* before a refused sub-device tries again */
	uint64_t repeat_ms;      /* a repeated (endpoint, package, command) is ignored so long */
	uint64_t failures_max;   /* failed downloads, the last of which is reported as 12 */
};

enum { PROFILE_KEYS = 24 };

/* "p1", "p2"; NULL for another name. */
const struct profile *profile_find(const char *name);

/* The fields as configuration keys for a section that lands in a struct profile; the fallbacks are
 * P1's values. */
extern const struct conf_key profile_keys[PROFILE_KEYS];

#endif
