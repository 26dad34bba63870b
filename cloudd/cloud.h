/*
 * cloud: cloudd without its sockets: the platform on one side, the gate on the other, in between
 * the conversations, and an outbox that forgets nothing.
 *
 * Events come in through the cloud_on_ functions; each steps what it concerns and ends in
 * cloud_settle, which makes everything durable and only then lets effects out through `io`. So the
 * same code runs in the daemon, under the tests with a fake platform and a fake gate, and in a
 * simulation. No clock, socket or random source in here; SQLite is the one thing it touches.
 *
 *     platform.c  what the platform says         orders.c  what the gate says, and is told
 *     pump.c      what the platform is told      cloud.c   lifetime, time, settling
 */
#ifndef SUBOTA_CLOUD_H
#define SUBOTA_CLOUD_H

#include <subota.pb-c.h>

#include "entry.h"
#include "event.h"
#include "outbox.h"
#include "record_alarm.h"
#include "secrets.h"

/* Everything that leaves. */
struct cloud_io {
	/* As uplink_publish: ERR_OK is followed by cloud_on_published with the token, or by
	 * cloud_on_down. */
	enum err (*publish)(void *arg, const char *topic, unsigned qos, const uint8_t *payload,
	    size_t len, uint64_t token);
	enum err (*subscribe)(void *arg, const char *topic);
	void (*fail)(void *arg, int platform_code); /* drop the connection and back off */
	void (*reconnect)(void *arg);               /* drop it and connect again soon */
	/* The next connection goes there; NULL: to the configured server. */
	void (*move)(void *arg, const char *host, uint16_t port);
	/* ERR_OFFLINE while the link is down; cloud_on_gate_up follows when it is there again. */
	enum err (*to_gate)(void *arg, Pb__Envelope *e);
	void (*random)(void *arg, uint8_t *out, size_t n);
	struct mono (*now)(void *arg);
	uint64_t (*wall_ms)(void *arg);
	void (*event)(void *arg, const struct event *e);
	uint64_t (*free_bytes)(void *arg); /* of the state directory, for 0034 */
	void *arg;
};

/* Who the gateway is and how it behaves; borrowed for the life of the cloud. */
struct cloud_identity {
	char product_key[DIALECT_KEY_MAX + 1], device_key[DIALECT_KEY_MAX + 1];
	char model[65], version[65], sdk_version[33]; /* for 0044 */
	bool encrypt;                                 /* ask for a session key */
	bool ask_sha256;                              /* ask for id 16 in 0113 */
	uint64_t request_interval_ms;
	char host[256]; /* the platform's server */
	uint64_t port;
	char move_to[MOVE_LIST_SIZE]; /* where 00B4 may lead (move.h) */
};

enum { CLOUD_FLIGHT_MAX = 16, CLOUD_LOGINS_MAX = 16, CLOUD_ONLINE_MS = 30000 };

/* Gateway messages that wait for room in the connection's queue. */
enum cloud_want { CLOUD_WANT_STATE = 1, CLOUD_WANT_INFO = 2 };

struct cloud {
	const struct cloud_identity *identity;
	const struct profile *profile;
	const struct secrets *secrets;
	struct cloud_io io;
	char endpoint[ENDPOINT_SIZE];
	const char *product_secret;

	struct outbox outbox;
	struct subdevices devices;
	struct endpoint_repeats repeats;

	/* the connection */
	bool linked; /* SUBACK */
	bool online; /* ... and the platform has given what we need */
	bool has_session_key;
	uint8_t session_key[AUTH_SESSION_KEY];
	uint16_t package_id;
	unsigned wants;
	size_t in_flight;
	uint64_t next_token;
	struct mono online_due; /* until then the platform has to say 00B4 */
	struct entry entry;     /* which secret is used */
	struct mono relink;     /* after a refused secret */
	int last_code;          /* of the platform, 0 = none */

	/* the gate */
	bool gate_up;
	struct mono again; /* something could not be saved or sent: try then */

	struct record_alarm record;
	int64_t clock_apart; /* wall clock less monotonic clock, ms, when last looked at */

	uint64_t refused; /* messages of the platform that were refused */
};

/* Open the outbox at `path` and go on where the last one stopped. ERR_CONFIG: no secret for the
 * gateway's product. Caller frees, also after an error. */
enum err cloud_open(struct cloud *c, const struct cloud_identity *identity,
    const struct profile *profile, const struct secrets *secrets, const struct cloud_io *io,
    const char *path) MUST_CHECK;
void cloud_close(struct cloud *c);

/* --- what happens ----------------------------------------------------------------------------- */

/* Before each CONNECT. ERR_INVALID when the identity cannot sign. */
struct cloud_credentials {
	char client_id[ENDPOINT_SIZE];
	char password[AUTH_PASSWORD_SIZE];
	char topic[ENDPOINT_TOPIC_SIZE];
};
enum err cloud_credentials(struct cloud *c, struct cloud_credentials *out) MUST_CHECK;
void cloud_on_ready(struct cloud *c);
void cloud_on_message(struct cloud *c, const char *topic, const uint8_t *payload, size_t len);
void cloud_on_published(struct cloud *c, uint64_t token);
void cloud_on_down(struct cloud *c, enum err why, int platform_code);
void cloud_on_gate_up(struct cloud *c);
void cloud_on_gate_down(struct cloud *c);
void cloud_on_gate_message(struct cloud *c, const Pb__Envelope *e);
/* Time has passed. */
void cloud_on_time(struct cloud *c);
/* When cloud_on_time wants to be called next. */
struct mono cloud_due(const struct cloud *c);

/* --- for the parts ---------------------------------------------------------------------------- */

/* When to ask for an upgrade again: the interval, give or take a tenth of it, so that a thousand
 * devices that came in together do not ask together for ever. */
struct mono cloud_next_request(struct cloud *c);
/* Make what changed durable, then carry it out. */
void cloud_settle(struct cloud *c);
/* Step a device's conversation; `n` without now, profile, component, untold and fresh, which are
 * filled in. What it said goes to the outbox; *last (may be NULL) gets the id of the last durable
 * item, 0 for none. ERR_PHASE: it means nothing now. */
enum err cloud_step(struct cloud *c, struct subdevice *s, int event, struct conversation_news *n,
    uint64_t *last) MUST_CHECK;
void cloud_step_login(struct cloud *c, struct subdevice *s, int event);
/* Whether the platform is really there; starts everything that waits for that. */
void cloud_check_online(struct cloud *c);
/* An operator's event about a device (or NULL: the gateway). */
void cloud_tell(
    struct cloud *c, const struct subdevice *s, const char *name, enum err error, const char *text);
/* The platform has given the gateway another device secret; the one before it is kept until the new
 * one has been accepted. */
void cloud_set_secret(struct cloud *c, const char *secret);

#endif
