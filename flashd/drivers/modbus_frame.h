/*
 * modbus_frame: Modbus requests, answers and the two ways they are framed. Pure.
 *
 * A PDU is a function code and its data, at most 253 bytes. RTU puts the unit before it and a
 * CRC-16 (polynomial 0xA001 reflected, start 0xFFFF, low byte first) behind it; where a frame ends
 * is known from the function code, and what cannot be understood is passed over until the line is
 * quiet. TCP puts a header before it: transaction, protocol 0, length, unit.
 */
#ifndef SUBOTA_MODBUS_FRAME_H
#define SUBOTA_MODBUS_FRAME_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum modbus_framing { MODBUS_RTU, MODBUS_TCP };

enum {
	MODBUS_PDU = 253,
	MODBUS_ADU = 260,
	MODBUS_WRITE_WORDS = 123, /* FC16 */
	MODBUS_FILE_WORDS = 122,  /* FC21, one group */
	MODBUS_READ_WORDS = 125,
	MODBUS_RECORDS = 10000, /* in one file */
};

enum modbus_function {
	MODBUS_READ_HOLDING = 3,
	MODBUS_READ_INPUT = 4,
	MODBUS_SET = 6,
	MODBUS_WRITE = 16,
	MODBUS_WRITE_FILE = 21,
	MODBUS_FAILED = 0x80, /* or-ed to the function: an exception follows */
};

enum modbus_exception { MODBUS_ACKNOWLEDGE = 5, MODBUS_BUSY = 6, MODBUS_NO_TARGET = 11 };

struct modbus_pdu {
	uint8_t data[MODBUS_PDU];
	size_t len;
};

uint16_t modbus_frame_crc(const uint8_t *data, size_t len);

/* Requests. `words` is at most what the function bears. */
void modbus_frame_read(
    struct modbus_pdu *out, enum modbus_function function, uint16_t at, uint16_t words);
void modbus_frame_set(struct modbus_pdu *out, uint16_t at, uint16_t value);
/* The data is `words` * 2 bytes as they go over the wire. */
void modbus_frame_write(struct modbus_pdu *out, uint16_t at, const uint8_t *data, uint16_t words);
void modbus_frame_file(
    struct modbus_pdu *out, uint16_t file, uint16_t record, const uint8_t *data, uint16_t words);

/* Whether an answer fits the request: same function, same echo, as many registers as asked for; or
 * an exception to it (*exception then, else 0). */
bool modbus_frame_fits(
    const struct modbus_pdu *request, const struct modbus_pdu *answer, uint8_t *exception);

/* "illegal data address"; "unknown exception" for a number without a name. */
const char *modbus_frame_exception(uint8_t code);

/* A PDU framed: MODBUS_ADU bytes are enough. */
size_t modbus_frame_format(enum modbus_framing framing, uint8_t unit, uint16_t transaction,
    const struct modbus_pdu *pdu, uint8_t out[MODBUS_ADU]);

/* Bytes of a frame gathered one by one. */
struct modbus_gather {
	enum modbus_framing framing;
	uint8_t data[MODBUS_ADU];
	size_t len;
	bool lost; /* nothing is understood any more until modbus_frame_quiet */
};

enum modbus_got { MODBUS_MORE, MODBUS_FRAME, MODBUS_NONSENSE };

/* One byte of an answer. FRAME: unit, transaction (0 with RTU) and *pdu are filled in, and the next
 * byte begins another frame. NONSENSE: said once, everything is dropped from then on. */
enum modbus_got modbus_frame_gather(struct modbus_gather *g, uint8_t byte, uint8_t *unit,
    uint16_t *transaction, struct modbus_pdu *pdu);
void modbus_frame_quiet(struct modbus_gather *g);

/* Of the answer that begins like this: its length as PDU, 0 = more bytes are needed to say, -1 = no
 * answer that we know. */
int modbus_frame_answer_len(const uint8_t *pdu, size_t len);
/* The same of a request. */
int modbus_frame_request_len(const uint8_t *pdu, size_t len);

#endif
