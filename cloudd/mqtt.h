/*
 * mqtt: the packets of MQTT 3.1.1 (OASIS, 29 October 2014), both directions, to bytes and back.
 * Pure.
 *
 * Our own, because the platform's CONNECT carries a password without a user name (flags 0x42),
 * which [MQTT-3.1.2-22] forbids and packaged clients refuse to send (spec: developer center 2.1).
 * This one deviation is formatted and parsed; in all else the standard is enforced: reserved flag
 * bits, UTF-8 without NUL, topics without wildcards in PUBLISH, packet ids that are not 0, no bytes
 * left over.
 *
 * A whole packet is at most MQTT_PACKET_MAX bytes, which is the platform's limit.
 */
#ifndef SUBOTA_MQTT_H
#define SUBOTA_MQTT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "err.h"

enum { MQTT_PACKET_MAX = 65535 };

/* clang-format off */
enum mqtt_type {
	MQTT_CONNECT = 1, MQTT_CONNACK,  MQTT_PUBLISH,     MQTT_PUBACK,   MQTT_PUBREC,
	MQTT_PUBREL,      MQTT_PUBCOMP,  MQTT_SUBSCRIBE,   MQTT_SUBACK,   MQTT_UNSUBSCRIBE,
	MQTT_UNSUBACK,    MQTT_PINGREQ,  MQTT_PINGRESP,    MQTT_DISCONNECT,
};
/* clang-format on */

/* Bytes borrowed from the parsed packet; not terminated. data is NULL for an absent field. */
struct mqtt_bytes {
	const uint8_t *data;
	size_t len;
};

struct mqtt_connect {
	struct mqtt_bytes client_id, will_topic, will_payload, user, password;
	uint16_t keepalive_s;
	bool clean_session, will_retain;
	uint8_t will_qos;
};

/* One packet; which fields count depends on the type, the others are zero. */
struct mqtt_packet {
	enum mqtt_type type;
	uint16_t id;                 /* PUBLISH with qos > 0 and the types that answer it, *SUB* */
	bool dup, retain;            /* PUBLISH */
	uint8_t qos;                 /* PUBLISH */
	uint8_t code;                /* CONNACK: 0..5, others reserved */
	bool session_present;        /* CONNACK */
	struct mqtt_bytes topic;     /* PUBLISH */
	struct mqtt_bytes payload;   /* PUBLISH: the message. SUBSCRIBE, UNSUBSCRIBE: the list of
					topics, checked, as on the wire. SUBACK: the codes */
	struct mqtt_connect connect; /* CONNECT */
};

/* The packet at the start of `data`; *used is its length. ERR_TRUNCATED: more bytes are needed
 * (`*used` is then 0); ERR_LIMIT: longer than MQTT_PACKET_MAX (known from the first bytes);
 * ERR_MALFORMED: not MQTT 3.1.1. `out` borrows from `data`. */
enum err mqtt_parse(
    const uint8_t *data, size_t len, struct mqtt_packet *out, size_t *used) MUST_CHECK;

/* Formatters: one packet into `out` of `size` bytes, its length to *len. ERR_LIMIT when it does not
 * fit or would pass MQTT_PACKET_MAX; ERR_INVALID for a value that the standard forbids. */

/* Clean session, no will. `user` NULL = none; `password` NULL = none. */
enum err mqtt_format_connect(const char *client_id, const char *user, const char *password,
    uint16_t keepalive_s, uint8_t *out, size_t size, size_t *len) MUST_CHECK;
enum err mqtt_format_subscribe(uint16_t id, const char *topic, unsigned qos, uint8_t *out,
    size_t size, size_t *len) MUST_CHECK;
/* `id` is ignored with qos 0. DUP is bit 0x08 of the first byte: see mqtt_set_dup. */
enum err mqtt_format_publish(const char *topic, unsigned qos, uint16_t id, const uint8_t *payload,
    size_t payload_len, uint8_t *out, size_t size, size_t *len) MUST_CHECK;
/* PUBACK, PUBREC, PUBREL or PUBCOMP: always 4 bytes. */
void mqtt_format_ack(enum mqtt_type type, uint16_t id, uint8_t out[4]);
/* PINGREQ or DISCONNECT: always 2 bytes. */
void mqtt_format_empty(enum mqtt_type type, uint8_t out[2]);

/* Mark a formatted PUBLISH of qos > 0 as sent again. */
void mqtt_set_dup(uint8_t *publish);

const char *mqtt_type_name(enum mqtt_type type);

/* The packets in `data` (one or more, complete) as a JSON array on the heap; caller frees. Errors
 * as of mqtt_parse. The password is shown: only for bytes that the caller holds anyway. */
enum err mqtt_dump_json(const uint8_t *data, size_t len, char **out) MUST_CHECK;

#endif
