/*
 * login: how one sub-device gets onto the platform, over the gateway's connection; pure.
 *
 *     out -> registering -> entering -> in -> leaving -> out
 *            00C0, 00C1     00C2, 00C3        00C6, 00C7
 *
 * Who has a device secret skips the registration. A refusal or a missing reply leads to `paused`,
 * with a growing wait; so does being thrown out soon after coming in. (Spec: developer center, 10.)
 */
#ifndef SUBOTA_LOGIN_H
#define SUBOTA_LOGIN_H

#include "clock.h"
#include "fsm.h"
#include "profile.h"

enum login_state {
	LOGIN_OUT,
	LOGIN_REGISTERING,
	LOGIN_ENTERING,
	LOGIN_IN,
	LOGIN_PAUSED,
	LOGIN_LEAVING, /* for good */
	LOGIN_STATES
};

enum login_event {
	LOGIN_ON_WANTED,     /* the platform is there, and so is the device */
	LOGIN_ON_REGISTERED, /* 00C1 with a device secret, which has been kept */
	LOGIN_ON_ENTERED,    /* 00C3 with 10200 or 10441 */
	LOGIN_ON_REFUSED,    /* any other code; 00C8 */
	LOGIN_ON_BAD_SECRET, /* 10430, 10437: the device secret is not the platform's */
	LOGIN_ON_EXPELLED,   /* 10442: not logged in */
	LOGIN_ON_UNWANTED,   /* the device is away */
	LOGIN_ON_LINK_DOWN,
	LOGIN_ON_DUE,
	LOGIN_ON_FORGET,    /* a person wants it de-registered */
	LOGIN_ON_FORGOTTEN, /* and the platform has done so */
	LOGIN_EVENTS
};

enum login_effect {
	LOGIN_SEND_REGISTER = 1, /* 00C0 */
	LOGIN_SEND_LOGIN = 2,    /* 00C2 */
	LOGIN_SEND_LOGOUT = 4,   /* 00C4 */
	LOGIN_ANNOUNCE = 8, /* 0044, 0115 */
	LOGIN_SEND_FORGET = 16, /* 00C6, after 00C4 */
};

enum { LOGIN_FIRST_PAUSE_MS = 1000, LOGIN_SETTLED_MS = 60000 };

struct login {
	int state;
	bool has_secret; /* kept by the caller, who keeps it also while it is shelved */
	bool shelved;    /* refused; used again if the platform registers nobody */
	bool refused;    /* the pause is because the platform said no */
	unsigned tries;  /* pauses since it was in for LOGIN_SETTLED_MS */
	struct mono due, since;
	unsigned effects;
};

struct login_news {
	struct mono now;
	const struct profile *profile;
};

extern const struct fsm_table login_table;

void login_init(struct login *l);
/* ERR_PHASE: the event means nothing in this state. */
enum err login_step(
    struct login *l, int event, const struct login_news *n, const struct subject *s) MUST_CHECK;
/* The event for a code of the platform. */
int login_event_of(int64_t code);

#endif
