/*
 * session: an MQTT 3.1.1 client as a state machine without clock and socket. Bytes and the time go
 * in; bytes, one deadline and events come out. Behaviour: spec developer center, 2.3 and 2.4.
 *
 *     session_open       the transport is up: CONNECT waits in the output
 *     session_input      what was received; takes as much as it has room for
 *     session_next       work on it and on the time; one event at a time until false
 *     session_output     what to send next; session_sent says how much of it went
 *     session_due        when to call session_next again at the latest
 *     session_close      the transport is gone
 *
 * After SESSION_DOWN the session is closed: nothing more goes in or out until session_open. A
 * connection is always a clean session, so whatever was not confirmed is then forgotten here and is
 * its owner's to publish again.
 *
 * Publishing: messages leave in the order they were queued. One packet that wants an answer is in
 * flight at a time; it is sent up to 3 times, 2 s apart, from the second time with DUP (which the
 * SDK forgets), then the connection is given up (10500). QoS 2 both ways with the standard's
 * duplicate rules: an inbound message is delivered when it first arrives, and its id is remembered
 * until PUBREL.
 *
 * Bounds: one input buffer of one packet, one output buffer; when the peer does not read, nothing
 * more is parsed, so its own packets press back on it. The queue is 50 KiB, as the SDK's.
 */
#ifndef SUBOTA_SESSION_H
#define SUBOTA_SESSION_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "auto.h"
#include "clock.h"
#include "err.h"

struct session;

enum { SESSION_QUEUE_MAX = 50 * 1024, SESSION_TOPIC_MAX = 1024 };

/* The platform's codes that a session itself raises. */
enum {
	SESSION_CODE_REFUSED = 10430,     /* CONNACK 2, 4, 5 */
	SESSION_CODE_UNAVAILABLE = 10466, /* CONNACK 3; entry.h says why not as the SDK */
	SESSION_CODE_VERSION = 10471,     /* CONNACK 1 */
	SESSION_CODE_PING = 10473,
	SESSION_CODE_NETWORK = 10474,
	SESSION_CODE_UNKNOWN = 10500, /* no answer in time, or not MQTT */
};

/* Strings are borrowed for the call of session_open. */
struct session_login {
	const char *client_id;
	const char *user; /* NULL = none */
	const char *password;
	const char *topic;    /* subscribed at QoS 1 */
	unsigned keepalive_s; /* 0 = 120; 1..20 become 21; over 65535 is ERR_INVALID */
};

enum session_event_kind {
	SESSION_NOTHING,
	SESSION_READY,     /* SUBACK: publishing is possible */
	SESSION_MESSAGE,   /* topic, payload: borrowed until the next call of this session */
	SESSION_PUBLISHED, /* token: PUBACK, PUBCOMP, or QoS 0 and in the output */
	SESSION_REFUSED,   /* topic: the broker refused an additional subscription */
	SESSION_DOWN,      /* why, code, detail */
};

struct session_event {
	enum session_event_kind kind;
	const char *topic;
	const uint8_t *payload;
	size_t len;
	uint64_t token;
	enum err why;
	int code;
	const char *detail; /* static: what was expected, what came */
};

enum err session_new(struct session **out) MUST_CHECK;
void session_free(struct session *s);
AUTO_DEFINE(session, struct session *, session_free)

enum err session_open(
    struct session *s, struct mono now, const struct session_login *login) MUST_CHECK;
void session_close(struct session *s);

/* Bytes taken, less than `len` when there is no room: call session_next, then offer the rest. */
size_t session_input(struct session *s, const uint8_t *data, size_t len);
/* True when *out holds an event. Call until false after every input, publish or deadline. */
bool session_next(struct session *s, struct mono now, struct session_event *out);
/* The bytes to send now and their count, 0 for none. Valid until the next call of this session. */
size_t session_output(const struct session *s, const uint8_t **data);
void session_sent(struct session *s, size_t n);
struct mono session_due(const struct session *s);

bool session_is_ready(const struct session *s);

/* ERR_OFFLINE unless ready; ERR_AGAIN when the queue has no room now, ERR_LIMIT when it never will;
 * ERR_INVALID for a topic or QoS that MQTT forbids. The payload is copied. */
enum err session_publish(struct session *s, const char *topic, unsigned qos, const uint8_t *payload,
    size_t len, uint64_t token) MUST_CHECK;
enum err session_subscribe(struct session *s, const char *topic, unsigned qos) MUST_CHECK;

/* Which side of the login a failure was on: the session's own codes come from access; what the
 * platform says by message (0x00A3) is authentication. The same code may weigh differently. */
enum session_stage { SESSION_AUTH, SESSION_ACCESS };

enum { SESSION_NEVER = -1, SESSION_FAILURES_MAX = 6, SESSION_SETTLED_MS = 60000 };

/* The count of failures in a row after one more, on a connection that was ready for `ready_ms`, or
 * SESSION_NEVER. A connection that was ready starts a new count, unless the platform refused us
 * within SESSION_SETTLED_MS: one that accepts CONNECT and refuses the registration right afterwards
 * must still meet a growing delay. Pure. */
unsigned session_failures(unsigned before, enum session_stage stage, int64_t ready_ms);

/* How long to wait before the next try, in ms, after the n-th (1..) failure in a row; SESSION_NEVER
 * = until told. From n = 7 on it is the long pause, after which the caller counts from 0 again.
 * `random` is any 32 random bits. Pure. */
int64_t session_backoff(enum session_stage stage, int code, unsigned n, uint32_t random);

#endif
