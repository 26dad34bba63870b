/*
 * sendq: what a session wants to send: a bounded queue of whole packets, of which only the first is
 * in flight, and the output buffer in front of the transport. Memory and bookkeeping only; when to
 * send and what an answer means is session.c's.
 */
#ifndef SUBOTA_SENDQ_H
#define SUBOTA_SENDQ_H

#include "clock.h"
#include "mqtt.h"

enum { SENDQ_OUT_MAX = MQTT_PACKET_MAX + 1024, SENDQ_ACK_LEN = 4 };

struct sendq_item {
	struct sendq_item *next;
	uint64_t token;
	enum mqtt_type awaits; /* the answer that comes next; 0 = none, QoS 0 */
	uint16_t id;
	size_t len;
	uint8_t packet[];
};

struct sendq {
	struct sendq_item *head; /* in flight when sends > 0 */
	struct sendq_item *tail;
	size_t queued;  /* bytes of all items */
	unsigned sends; /* of the head */
	struct mono resend_due;
	size_t at, end; /* of what waits in out */
	uint8_t out[SENDQ_OUT_MAX];
};

/* Forget everything; what waited in the output is wiped. Zeroed memory is a cleared queue. */
void sendq_clear(struct sendq *q);

/* Append a copy of a packet. ERR_LIMIT: longer than `max`; ERR_AGAIN: with what is queued it would
 * pass `max`; ERR_NOMEM. */
enum err sendq_push(struct sendq *q, size_t max, enum mqtt_type awaits, uint16_t id, uint64_t token,
    const uint8_t *packet, size_t len) MUST_CHECK;
/* Forget the head, which must exist. */
void sendq_pop(struct sendq *q);
/* Whether `p` is the answer that the packet in flight waits for. */
bool sendq_is_answer(const struct sendq *q, const struct mqtt_packet *p);

/* Bytes that still fit into the output. */
size_t sendq_room(const struct sendq *q);
/* Append to the output; false and no effect when there is no room. */
bool sendq_put(struct sendq *q, const uint8_t *data, size_t len);
bool sendq_put_ack(struct sendq *q, enum mqtt_type type, uint16_t id);
/* `n` bytes of the output are gone; they are wiped, the first packet carries the password. */
void sendq_sent(struct sendq *q, size_t n);

#endif
