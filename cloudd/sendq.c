/*
 * sendq: see sendq.h.
 */
#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "sendq.h"

void
sendq_clear(struct sendq *q)
{
	while (q->head)
		sendq_pop(q);
	sendq_sent(q, q->end - q->at);
}

enum err
sendq_push(struct sendq *q, size_t max, enum mqtt_type awaits, uint16_t id, uint64_t token,
    const uint8_t *packet, size_t len)
{
	if (len > max)
		return ERR_LIMIT;
	if (q->queued + len > max)
		return ERR_AGAIN;
	struct sendq_item *i = calloc(1, sizeof(*i) + len);
	if (!i)
		return ERR_NOMEM;
	i->awaits = awaits;
	i->id = id;
	i->token = token;
	i->len = len;
	memcpy(i->packet, packet, len);
	if (q->tail)
		q->tail->next = i;
	else
		q->head = i;
	q->tail = i;
	q->queued += len;
	return ERR_OK;
}

void
sendq_pop(struct sendq *q)
{
	struct sendq_item *i = q->head;

	assert(i);
	q->head = i->next;
	if (!q->head)
		q->tail = NULL;
	q->queued -= i->len;
	q->sends = 0;
	free(i);
}

bool
sendq_is_answer(const struct sendq *q, const struct mqtt_packet *p)
{
	return q->sends && q->head->awaits == p->type && q->head->id == p->id;
}

size_t
sendq_room(const struct sendq *q)
{
	return SENDQ_OUT_MAX - (q->end - q->at);
}

bool
sendq_put(struct sendq *q, const uint8_t *data, size_t len)
{
	if (len > sendq_room(q))
		return false;
	if (q->at) {
		memmove(q->out, q->out + q->at, q->end - q->at);
		q->end -= q->at;
		q->at = 0;
	}
	memcpy(q->out + q->end, data, len);
	q->end += len;
	return true;
}

bool
sendq_put_ack(struct sendq *q, enum mqtt_type type, uint16_t id)
{
	uint8_t packet[SENDQ_ACK_LEN];

	mqtt_format_ack(type, id, packet);
	return sendq_put(q, packet, sizeof(packet));
}

void
sendq_sent(struct sendq *q, size_t n)
{
	assert(n <= q->end - q->at);
	explicit_bzero(q->out + q->at, n);
	q->at += n;
	if (q->at == q->end)
		q->at = q->end = 0;
}
