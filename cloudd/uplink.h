/*
 * uplink: the one connection to the platform, kept alive for ever. The thin shell around session
 * (MQTT 3.1.1) and tls (wolfSSL): has the dialer connect (dial.h), moves bytes, and connects again
 * after the platform's back-off (spec: developer center, 2.3 and 2.4). Who the gateway is and what
 * the messages mean is its caller's.
 *
 * Callbacks run from the loop only, never from within a call of this header; any uplink_ function
 * but uplink_free may be called inside them.
 */
#ifndef SUBOTA_UPLINK_H
#define SUBOTA_UPLINK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "auto.h"
#include "dial.h"
#include "err.h"
#include "loop.h"

struct uplink;

struct uplink_settings {
	struct dial *dialer; /* outlives the uplink, which is the only one to ask it */
	const char *host; /* name or IP literal; without server_name also what the certificate must
			     name */
	uint16_t port;
	bool tls;                /* false only together with lab */
	bool lab;                /* allow plain TCP; warned about at each start */
	const char *ca_file;     /* PEM, one or more; needed with tls */
	const char *server_name; /* name the certificate must bear, NULL = host */
	const char *crl_file;    /* PEM, NULL = no revocation check */
	const char *spki_pin;    /* SHA-256 of the server's SubjectPublicKeyInfo as 64 hex digits,
				    NULL = none */
	bool tls12;              /* speak TLS 1.2 only instead of 1.3 only; never both */
	unsigned keepalive_s;    /* 1..65535, 0 = 120; up to 20 becomes 21 as the platform's SDK has
				    it */
	bool send_user_name;     /* false: password without user name, as the platform wants */
};

/* Filled by the caller before every CONNECT; wiped after use. All NUL-terminated. */
struct uplink_credentials {
	char client_id[128];
	char user[128]; /* sent only with send_user_name */
	char password[512];
	char topic[256]; /* the one topic to subscribe to, QoS 1 */
};

struct uplink_handler {
	/* An error keeps the link down until uplink_reconnect. */
	enum err (*credentials)(void *arg, struct uplink_credentials *out);
	/* SUBACK has come: publishing is possible, and whatever was not confirmed before must be
	 * published again. */
	void (*on_ready)(void *arg);
	/* A message, borrowed for the call; QoS 2 exactly once per connection. May come just before
	 * on_ready. The payload may be empty (then NULL). */
	void (*on_message)(void *arg, const char *topic, const uint8_t *payload, size_t len);
	/* QoS 1: PUBACK; QoS 2: PUBCOMP; QoS 0: handed to the transport. */
	void (*on_published)(void *arg, uint64_t token);
	/* The connection, or the try to make one, has failed; every unconfirmed publish is
	 * forgotten here. `why` is ERR_TLS, ERR_MQTT, ERR_AUTH, ERR_PLATFORM, ERR_NETWORK,
	 * ERR_TIMEOUT, ..., or ERR_DIALER, after which there will be no connection any more;
	 * `platform_code` the platform's name for it (10430, 10471, 10473, 10474, 10500 or what
	 * uplink_fail was given). A new try follows by itself, but not after 10430 on connect: then
	 * only uplink_reconnect helps. */
	void (*on_down)(void *arg, enum err why, int platform_code);
	void *arg;
};

/* The strings of `settings` must outlive the uplink; the handler is copied. With TLS this loads the
 * certificates and refuses a profile that is not safe: ERR_CONFIG. Where they are not valid by this
 * clock, they are looked at again every few seconds, and nothing is connected until they are. Plain
 * TCP without lab: ERR_CONFIG. Caller frees. */
enum err uplink_new(struct loop *loop, const struct uplink_settings *settings,
    const struct uplink_handler *handler, struct uplink **out) MUST_CHECK;
void uplink_free(struct uplink *u);
AUTO_DEFINE(uplink, struct uplink *, uplink_free)

/* Start the first connection (from the loop, at once). Once. */
void uplink_start(struct uplink *u);

/* Queue a message (copied). ERR_AGAIN: the queue (50 KiB) is full; ERR_OFFLINE: not ready;
 * ERR_LIMIT: never fits; ERR_INVALID: topic or qos is not allowed. Messages leave in the order they
 * were queued, one QoS>0 message at a time; the token comes back in on_published. */
enum err uplink_publish(struct uplink *u, const char *topic, unsigned qos, const uint8_t *payload,
    size_t len, uint64_t token) MUST_CHECK;

/* Subscribe to one more topic at `qos`, for brokers that do not push sub-device topics by
 * themselves; forgotten when the link goes down, so repeat it in on_ready. Errors as of
 * uplink_publish; a refusal by the broker is logged and otherwise ignored. */
enum err uplink_subscribe(struct uplink *u, const char *topic, unsigned qos) MUST_CHECK;

/* The platform refused on a higher level (0x00A3): drop the connection, report
 * on_down(ERR_PLATFORM, code), and back off as for a failure in the authentication stage. */
void uplink_fail(struct uplink *u, int platform_code);

/* Drop what is there and connect anew, soon and with the count of failures at zero; also ends the
 * silence after 10430 or an error of `credentials`. No on_down when nothing was up. */
void uplink_reconnect(struct uplink *u);

/* From the next connection on go to this server (copied), whose certificate must bear that very
 * name; NULL: to the one of the settings again. */
void uplink_move(struct uplink *u, const char *host, uint16_t port);

bool uplink_is_ready(const struct uplink *u);

#endif
