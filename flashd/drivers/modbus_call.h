/*
 * modbus_call: one request and what comes of it: silence before it, tries, exceptions. Pure.
 *
 * The line is half duplex and nothing but the unit's number says whose answer an answer is. So:
 * nothing is sent until the line was quiet for `silence_ms`; after an answer that may have been
 * lost on its way, late ones are waited out before the next request, because the answer to one
 * write looks like the answer to the next; with TCP the transaction's number does that. "Busy" and
 * "acknowledge" mean the same request again in a while.
 */
#ifndef SUBOTA_MODBUS_CALL_H
#define SUBOTA_MODBUS_CALL_H

#include "clock.h"
#include "err.h"
#include "modbus_frame.h"

struct modbus_limits {
	enum modbus_framing framing;
	uint8_t unit;
	bool echo;           /* the adapter hears itself: our own bytes come back first */
	uint32_t reply_ms;   /* longest wait for an answer, its time on the wire included */
	uint32_t silence_ms; /* between two frames */
	uint32_t tries;
	uint32_t poll_ms; /* between two looks at something that takes time */
	uint32_t busy_ms; /* longest time to be called busy */
};

enum modbus_call_state { MODBUS_QUIET, MODBUS_SENDING, MODBUS_WAITING, MODBUS_OVER };

struct modbus_call {
	const struct modbus_limits *limits;
	enum modbus_call_state state;
	struct modbus_pdu request, answer;
	uint16_t transaction;
	uint8_t out[MODBUS_ADU];
	size_t out_len, out_at;
	size_t own; /* of them still to come back */
	struct modbus_gather in;
	unsigned tried, max_tries;
	unsigned unheard; /* tries without an answer: it may still come */
	bool heard;       /* any byte */
	bool nonsense;
	struct mono due, busy_until;
	enum err error; /* when OVER */
	uint8_t exception;
};

/* `limits` is borrowed. */
void modbus_call_init(struct modbus_call *c, const struct modbus_limits *limits);
/* c->request is what is asked; at most `tries` times. */
void modbus_call_start(struct modbus_call *c, unsigned tries, struct mono now);

void modbus_call_byte(struct modbus_call *c, uint8_t byte, struct mono now);
size_t modbus_call_output(struct modbus_call *c, uint8_t *out, size_t size, struct mono now);
void modbus_call_time(struct modbus_call *c, struct mono now);
struct mono modbus_call_deadline(const struct modbus_call *c);

/* Of a call that is OVER with an error: "expected an answer to FC16 within 1000 ms, got none". */
void modbus_call_complain(const struct modbus_call *c, char *out, size_t size);

#endif
