/*
 * component: what is known of the components of one device: their versions as flashd last heard
 * them, and what the platform has been told of that. Pure.
 *
 * A device key may stand for several components. The one in the first place of flashd's list is the
 * main one: its version is the device's (ids 2 and 25), the others follow as `name:version;...`
 * (ids 3 and 26), as the platform's own SDK says module and MCU versions. A list of its own, not a
 * member per component, because nearly all devices have one.
 */
#ifndef SUBOTA_COMPONENT_H
#define SUBOTA_COMPONENT_H

#include "dialect.h"

enum { COMPONENT_MAX = DIALECT_PLANS_MAX };

struct component {
	char name[DIALECT_COMPONENT_MAX + 1];
	char version[DIALECT_VERSION_MAX + 1];   /* "" = not known */
	char announced[DIALECT_VERSION_MAX + 1]; /* in the last 0044 of this login */
	unsigned place;                          /* in flashd's list; 0 = the main one */
	int state; /* Pb__DeviceState, as last reported; not recorded */
};

struct components {
	struct component *list; /* by place */
	size_t n;
};

/* What a message says of the versions of a device; "" = nothing. */
struct component_versions {
	char module[DIALECT_VERSION_MAX + 1];
	char mcu[DIALECT_VERSION_LIST_MAX + 1];
};

void component_free_all(struct components *l);
struct component *component_find(const struct components *l, const char *name);
/* The main one; NULL when there is none. */
const struct component *component_main(const struct components *l);
/* Its name and version, "" where there is none. */
const char *component_main_name(const struct components *l);
const char *component_main_version(const struct components *l);

/* Find or make the component `name` (cut to its length) at `place` of `places` (0: not said, one).
 * Whatever else was at that place, or is beyond the list's end, is forgotten; *changed (never
 * cleared) says that the list is another one now. ERR_LIMIT, ERR_NOMEM. */
enum err component_need(struct components *l, const char *name, unsigned place, unsigned places,
    bool *changed, struct component **out) MUST_CHECK;
/* Take over a version; whether it is a new one. NULL, "" and unknown names count as nothing. */
bool component_learn(struct components *l, const char *name, const char *version);
/* The best that is known of any of them: PRESENT or BUSY before AWAY before UNKNOWN. */
int component_state(const struct components *l);
/* Whether the version of any is known. */
bool component_is_any_known(const struct components *l);

/* What there is to say, as far as it may be said: `name` (may be NULL) has this `version`, whatever
 * is known of it; `hidden` (may be NULL) is in the making, so the platform hears what it heard last
 * time. Where there is one component, its version is the module's. */
void component_say(const struct components *l, const char *name, const char *version,
    const char *hidden, struct component_versions *out);
/* Name a component among the MCUs, too, if it is not: a plan counts it as one. */
void component_add_mcu(struct component_versions *v, const char *name, const char *version);
/* The last 0044 said this; or nothing was said, as after a new login. */
void component_note_said(struct components *l, const char *name, const char *version,
    const char *hidden);
void component_forget_said(struct components *l);
/* Whether there is nothing new to say. */
bool component_is_said(const struct components *l, const char *hidden);

#endif
