/*
 * sub_wire: one direction of a serial line, pure: bytes go in now and come out when a line of that
 * rate and latency would have brought them, with losses and flipped bits by chance.
 *
 * Time is ns since any point, given by the caller. A byte takes 10 bits (`bits`: 11 with parity);
 * what a division leaves over is kept, so that a million bytes take exactly ten million bits' time
 * at any rate. A line that was idle owes nothing: there is no burst after a pause.
 */
#ifndef SUB_WIRE_H
#define SUB_WIRE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define SUB_WIRE_NEVER INT64_MAX

enum { SUB_WIRE_RING = 1 << 16, SUB_WIRE_QUEUE = 4096 };

struct sub_wire {
	uint32_t baud, bits;
	int64_t latency_ns;
	double loss, flip;  /* chance per byte, 0 to 1 */
	uint64_t random;    /* never 0 */
	int64_t free_at;    /* when the next byte may begin */
	uint64_t left_over; /* of the division, below baud */
	uint64_t taken;     /* bytes that were put on the line, lost ones included */
	uint32_t head, tail;
	int64_t at[SUB_WIRE_RING];
	uint8_t byte[SUB_WIRE_RING];
};

/* `baud` > 0. The seed may be anything. */
void sub_wire_init(struct sub_wire *w, uint32_t baud, int64_t latency_ns, uint64_t seed);

/* How many bytes the sender's buffer still takes: up to SUB_WIRE_QUEUE wait for the line. */
size_t sub_wire_room(const struct sub_wire *w, int64_t now);

/* Put bytes on the line; no more than the room (they are dropped beyond the ring). */
void sub_wire_put(struct sub_wire *w, int64_t now, const void *data, size_t len);

/* Take what has arrived by `now`. */
size_t sub_wire_get(struct sub_wire *w, int64_t now, void *out, size_t size);

/* Take one byte that has arrived by `now`, and when it did; false when there is none. Who answers
 * at that time and not when it got round to look is as fast as the device it stands for, however
 * busy the machine is. */
bool sub_wire_next(struct sub_wire *w, int64_t now, uint8_t *byte, int64_t *at);

/* Something that is no byte of the line: is it lost, by the same chance? */
bool sub_wire_loses(struct sub_wire *w);

/* When it is worth looking again: the next line's end or the last byte; SUB_WIRE_NEVER if empty. */
int64_t sub_wire_due(const struct sub_wire *w);

/* When the last byte that was put has left the sender. */
int64_t sub_wire_sent_at(const struct sub_wire *w);

/* Cut: whatever is on its way is gone. */
void sub_wire_cut(struct sub_wire *w, int64_t now);

#endif
