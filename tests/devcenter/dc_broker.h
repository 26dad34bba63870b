/*
 * dc_broker: an MQTT 3.1.1 broker without sockets and clock. Bytes come in, bytes go out through
 * `send`; who may connect, subscribe and hear what is the owner's business.
 *
 * QoS 0, 1 and 2 both ways; a repeated QoS 2 PUBLISH reaches the owner once. Sessions are clean
 * whatever a client asks for; wills and retained messages are accepted and not kept: nothing of the
 * platform rests on them. Limits: see the enum; a client that passes one is dropped, never the
 * broker.
 */
#ifndef DC_BROKER_H
#define DC_BROKER_H

#include "auto.h"
#include "clock.h"
#include "dc_fault.h"
#include "dc_mqtt.h"

enum {
	DC_BROKER_FILTERS = 32,    /* per client */
	DC_BROKER_INBOUND = 64,    /* QoS 2 messages from a client between PUBLISH and PUBREL */
	DC_BROKER_OUTBOUND = 1024, /* QoS 1 and 2 messages to a client without the last answer */
	DC_BROKER_CONNECT_MS = 10000,
};

struct dc_broker;
struct dc_client;

struct dc_broker_ops {
	/* The transport; `conn` is what dc_broker_open was given. close: after what was sent. */
	void (*send)(void *conn, const uint8_t *data, size_t len);
	void (*close)(void *conn);
	/* The owner. on_connect returns the CONNACK code. A client that it accepted with
	 * dc_client_set_device() is held to `is_addressed` and gets the faults. */
	unsigned (*on_connect)(void *arg, struct dc_client *c, const struct dc_mqtt_connect *p);
	bool (*may_subscribe)(void *arg, struct dc_client *c, const char *filter);
	void (*on_subscribed)(void *arg, struct dc_client *c);
	/* A message of a client, once; false: nobody else hears it. */
	bool (*on_publish)(void *arg, struct dc_client *from, const struct dc_mqtt_publish *p);
	/* Whether a device hears this topic, subscribed or not. */
	bool (*is_addressed)(void *arg, struct dc_client *c, const char *topic);
	void (*on_gone)(void *arg, struct dc_client *c);
	void *arg;
};

/* `ops` is copied, `faults` borrowed. */
enum err dc_broker_new(
    const struct dc_broker_ops *ops, struct dc_faults *faults, struct dc_broker **out) MUST_CHECK;
void dc_broker_free(struct dc_broker *b);
AUTO_DEFINE(dc_broker, struct dc_broker *, dc_broker_free)

/* A connection was made; NULL without memory. */
struct dc_client *dc_broker_open(struct dc_broker *b, void *conn, struct mono now);
/* Bytes from it. *used of them are done with, the rest must be given again with more. An error has
 * closed the connection. */
enum err dc_broker_input(struct dc_broker *b, struct dc_client *c, const uint8_t *data, size_t len,
    struct mono now, size_t *used) MUST_CHECK;
/* The connection is no more; frees the client. */
void dc_broker_gone(struct dc_broker *b, struct dc_client *c);

/* Close whoever has been silent for too long. */
void dc_broker_tick(struct dc_broker *b, struct mono now);

/* Send a message to everybody who hears its topic. */
void dc_broker_publish(
    struct dc_broker *b, const char *topic, const uint8_t *payload, size_t len, unsigned qos);

/* The owner's word on a client. */
void dc_client_set_device(struct dc_client *c, void *user);
void *dc_client_user(const struct dc_client *c);
const char *dc_client_id(const struct dc_client *c);
/* Close it. */
void dc_broker_drop(struct dc_broker *b, struct dc_client *c, const char *why);

#endif
