/*
 * dc_mqtt: packets of MQTT 3.1.1 as a server reads and writes them. Pure.
 *
 * One departure from the standard, on purpose: CONNECT may carry a password without a user name
 * (flags 0x42), because that is what the platform's devices send (spec: developer center, 2.1).
 * Everything else is refused as the standard demands; a refused packet means closing the
 * connection.
 */
#ifndef DC_MQTT_H
#define DC_MQTT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "err.h"

enum {
	DC_MQTT_PACKET_MAX = 256 *
			     1024, /* the platform's own limit is 64 KiB; observers may more */
	DC_MQTT_TOPIC_MAX = 255,
	DC_MQTT_FILTERS = 16, /* per SUBSCRIBE */
	DC_MQTT_HEAD_MAX = 5,
};

enum dc_mqtt_type {
	DC_MQTT_CONNECT = 1,
	DC_MQTT_CONNACK,
	DC_MQTT_PUBLISH,
	DC_MQTT_PUBACK,
	DC_MQTT_PUBREC,
	DC_MQTT_PUBREL,
	DC_MQTT_PUBCOMP,
	DC_MQTT_SUBSCRIBE,
	DC_MQTT_SUBACK,
	DC_MQTT_UNSUBSCRIBE,
	DC_MQTT_UNSUBACK,
	DC_MQTT_PINGREQ,
	DC_MQTT_PINGRESP,
	DC_MQTT_DISCONNECT,
};

struct dc_mqtt_packet {
	uint8_t type, flags;
	const uint8_t *body; /* into the input */
	size_t len;          /* of the body */
	size_t total;        /* bytes to take off the input */
};

struct dc_mqtt_connect {
	uint8_t level, flags;
	uint16_t keepalive_s;
	bool known_level; /* false: answer CONNACK 1 and close; nothing below is set */
	bool has_user, has_password;
	char client_id[128];
	char user[128];
	char password[512];
};

struct dc_mqtt_publish {
	char topic[DC_MQTT_TOPIC_MAX + 1];
	uint8_t qos;
	bool dup, retain;
	uint16_t id; /* 0 for QoS 0 */
	const uint8_t *payload;
	size_t len;
};

struct dc_mqtt_filters {
	uint16_t id;
	unsigned n;
	struct {
		char filter[DC_MQTT_TOPIC_MAX + 1];
		uint8_t qos;
	} row[DC_MQTT_FILTERS];
};

/* Frame: the first packet in the input. ERR_TRUNCATED: more bytes are needed; ERR_MQTT, ERR_LIMIT:
 * close. Checks the flags of the fixed head. */
enum err dc_mqtt_frame(const uint8_t *data, size_t len, struct dc_mqtt_packet *out) MUST_CHECK;

/* Bodies. All may say ERR_MQTT, or ERR_LIMIT for what is legal and longer than we take. */
enum err dc_mqtt_connect(const struct dc_mqtt_packet *p, struct dc_mqtt_connect *out) MUST_CHECK;
enum err dc_mqtt_publish(const struct dc_mqtt_packet *p, struct dc_mqtt_publish *out) MUST_CHECK;
/* SUBSCRIBE and UNSUBSCRIBE (whose rows have QoS 0). */
enum err dc_mqtt_filters(const struct dc_mqtt_packet *p, struct dc_mqtt_filters *out) MUST_CHECK;
/* PUBACK, PUBREC, PUBREL, PUBCOMP */
enum err dc_mqtt_id(const struct dc_mqtt_packet *p, uint16_t *out) MUST_CHECK;

/* Answers: CONNACK (no session present), the four acknowledgements, PINGRESP. Return the length. */
size_t dc_mqtt_put_connack(uint8_t out[4], unsigned code);
size_t dc_mqtt_put_ack(uint8_t out[4], enum dc_mqtt_type type, uint16_t id);
size_t dc_mqtt_put_pingresp(uint8_t out[2]);
/* SUBACK with one code per filter (QoS or 0x80). */
size_t dc_mqtt_put_suback(
    uint8_t out[4 + DC_MQTT_FILTERS], uint16_t id, const uint8_t *codes, unsigned n);

/* A PUBLISH. ERR_LIMIT when it does not fit. */
enum err dc_mqtt_put_publish(
    const struct dc_mqtt_publish *p, uint8_t *out, size_t size, size_t *out_len) MUST_CHECK;

/* Whether a filter with + and # (already found valid) matches a topic name. */
bool dc_mqtt_matches(const char *filter, const char *topic);

#endif
