/*
 * subdevice: what cloudd knows of one device behind the gateway. A list of structs whose addresses
 * stay the same; nothing is ever removed while the daemon runs.
 */
#ifndef SUBOTA_SUBDEVICE_H
#define SUBOTA_SUBDEVICE_H

#include "auth.h"
#include "component.h"
#include "conversation.h"
#include "endpoint.h"
#include "login.h"

enum { SUBDEVICE_MAX = 4096 };

struct outbox_item; /* outbox.h */

struct subdevice {
	struct dialect_sub keys;
	char endpoint[ENDPOINT_SIZE];

	/* recorded, with the conversation's own part */
	char device_secret[AUTH_KEY_MAX + 1]; /* "" = not registered */
	struct components components;
	struct conversation conversation;
	bool dirty;        /* the above has changed since it was recorded */
	bool secret_dirty; /* the secret has */
	bool leaving;      /* a person wants it de-registered (cloud_forget.h) */
	bool gone;         /* it was, and nothing of it is recorded; until its next report */

	/* as flashd last reported it; nothing before its first report */
	bool reported;
	int state; /* Pb__DeviceState: the best of its components' */
	uint32_t battery_percent;
	int32_t signal_dbm;

	/* on the platform */
	struct login login;
	bool left;                  /* it has logged out, and not in since */
	const char *product_secret; /* NULL = none configured: it cannot log in */
	bool has_session_key;
	uint8_t session_key[AUTH_SESSION_KEY];
	uint16_t package_id;
	bool want_info, want_request;
	struct mono next_request;  /* 0115 by the clock */
	struct mono hold;          /* the platform wants us to be slower */
	size_t pending;            /* items that the platform has not confirmed */
	size_t kept;               /* items that it has, which are remembered for a while */
	struct outbox_item *items; /* its own in the outbox, oldest first; borrowed */

	struct subdevice *next;
};

struct subdevices {
	struct subdevice *first;
	size_t n;
};

void subdevice_free_all(struct subdevices *l);
struct subdevice *subdevice_find(const struct subdevices *l, const char *pk, const char *dk);
struct subdevice *subdevice_find_endpoint(const struct subdevices *l, const char *endpoint);
/* Find or make. ERR_LIMIT, ERR_NOMEM. */
enum err subdevice_need(
    struct subdevices *l, const char *pk, const char *dk, struct subdevice **out) MUST_CHECK;

/* For log lines: names the upgrade while there is one. */
struct subject subdevice_subject(const struct subdevice *s);
/* Whether it is there, as far as flashd knows. */
bool subdevice_is_present(const struct subdevice *s);
/* The component that is under way, whose version must not be announced; NULL for none. */
const char *subdevice_hidden(const struct subdevice *s);
/* Whether the platform knows all versions that may be announced. */
bool subdevice_is_announced(const struct subdevice *s);

#endif
