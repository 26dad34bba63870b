/*
 * dc_peer: the platform's side of one connection, and of each device that speaks through it.
 *
 * A session is a device's MQTT connection. It has one peer for the device itself and one for each
 * sub-device that is logged in; a peer is an endpoint with its own topics, key and package ids.
 * struct dc is the whole running platform; everything hangs off it, and time comes from it.
 */
#ifndef DC_PEER_H
#define DC_PEER_H

#include <stdarg.h>
#include <stdio.h>

#include "dc_broker.h"
#include "dc_chaos.h"
#include "dc_db.h"
#include "dc_dp.h"
#include "dc_profile.h"
#include "dc_secret.h"
#include "dc_ttlv.h"

enum { DC_ENDPOINT_MAX = 2 * DC_KEY_MAX + 2, DC_RECENT = 32, DC_REPEAT_MS = 60000 };

struct dc_session;

struct dc_peer {
	struct dc_peer *next;
	struct dc_session *session;
	int64_t device; /* row; 0: a device that was refused */
	char pk[DC_KEY_MAX + 1], dk[DC_KEY_MAX + 1], ps[DC_KEY_MAX + 1];
	char endpoint[DC_ENDPOINT_MAX + 1];
	bool is_sub;
	bool has_key; /* payloads are encrypted */
	uint8_t key[DC_SESSION_KEY];
	uint16_t last_pkg;
	unsigned n_recent;
	struct {
		uint16_t pkg_id, cmd;
		uint32_t hash;
		uint64_t at_ms;
	} recent[DC_RECENT]; /* to tell a repeated frame */
};

struct dc_session {
	struct dc_session *next;
	struct dc_client *client; /* NULL: another connection took the device over */
	struct dc_peer self;
	struct dc_peer *subs;
	bool registers, wants_key, greeted;
	enum dc_code refusal; /* of a registration, told after SUBSCRIBE */
};

struct dc {
	struct dc_db *db;
	struct dc_broker *broker;
	struct dc_faults faults;
	struct dc_chaos chaos;
	struct dc_late *late; /* messages that are held back */
	int64_t slow_ms;      /* the message that is being sent waits so long on its connection */
	bool held;            /* the message that was heard is held back */
	bool calm;            /* what is being heard was held back already */
	const struct dc_profile *profile;
	struct dc_session *sessions;
	uint64_t (*now_ms)(void);            /* wall clock; dc_peer_now() is what counts */
	int64_t ahead_ms;                    /* how far the platform's clock is before it */
	int64_t links_ahead_ms;              /* the same for the silence of connections */
	void (*random)(void *out, size_t n); /* secrets and names */
	FILE *events;                        /* one line per event; NULL = none */
	const char *ota_prefix;              /* of the OTA calls; NULL: "/v2/ota" */
	char https[128], http[128];          /* "https://HOST:PORT" of the package server */
	int64_t db_version;
	int64_t swept;       /* when everybody was looked at last */
	int64_t ticked;      /* the device that dc_ota_tick() looked at last */
	struct dc_dp frame;  /* the message that is being handled ... */
	struct dc_ttlv ttlv; /* ... and its values */
};

/* Zeroed memory; without any, the program ends: it serves tests, not customers. */
void *dc_peer_alloc(size_t size);

/* The platform's time, ms since 1970: the wall clock and what `clock` put it ahead. */
int64_t dc_peer_now(const struct dc *dc);

/* The endpoint of a product key and a device key. */
void dc_peer_endpoint(char out[DC_ENDPOINT_MAX + 1], const char *pk, const char *dk);

/* Send a frame to q/1/d/ENDPOINT/LEVEL; pkg_id 0 takes the next of the endpoint's own. The endpoint
 * is the peer's, or its gateway's where the profile says so. */
void dc_peer_send(struct dc *dc, struct dc_peer *p, const char *level, unsigned cmd,
    unsigned pkg_id, const struct dc_ttlv_out *values);
/* 0x00A3: code and, when known, the id of the frame it is about and the sub-device. */
void dc_peer_refuse(struct dc *dc, struct dc_peer *p, unsigned code, unsigned pkg_id,
    const char *sub_pk, const char *sub_dk);

/* A line in the device's log and on the console. */
void dc_peer_say(struct dc *dc, const struct dc_peer *p, const char *format, ...)
    __attribute__((format(printf, 3, 4)));
/* The same about one component of a plan (0, NULL: none). */
void dc_peer_tell(struct dc *dc, const struct dc_peer *p, int64_t plan, const char *component,
    const char *format, va_list ap) __attribute__((format(printf, 5, 0)));
/* The same for a device that may not be connected. */
void dc_peer_note(struct dc *dc, int64_t device, const char *text);

/* Whether dc->frame repeats one that came within the last minute on this connection. */
bool dc_peer_is_repeat(struct dc *dc, struct dc_peer *p);

/* The peer with this endpoint in a session, or with this device row anywhere; NULL if none. */
struct dc_peer *dc_peer_in(struct dc_session *s, const char *endpoint, size_t len);
struct dc_peer *dc_peer_of(struct dc *dc, int64_t device);

/* Log a sub-device out and free its peer. */
void dc_peer_remove_sub(struct dc *dc, struct dc_peer *p, const char *why);
/* Everything of a session goes offline; the session stays with its client until that is gone. */
void dc_peer_end_session(struct dc *dc, struct dc_session *s, const char *why);

#endif
