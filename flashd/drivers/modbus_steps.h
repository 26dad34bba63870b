/*
 * modbus_steps: what is done with registers, as data. Pure.
 *
 * A script is one line of steps, as it stands in the configuration:
 *
 *     set REG VALUE            write one register (function 6)
 *     write REG VALUE...       write registers (function 16)
 *     wait REG MASK VALUE [MS] [unless MASK VALUE]
 *                              read the register until its bits under MASK are VALUE, 10000 ms at
 *                              most; `unless`: give up as soon as these are
 *     expect REG VALUE...      read registers once, they must hold exactly this
 *     pause MS
 *
 * Numbers are decimal or 0x hex. A VALUE may be {size}, {crc32}, {offset}: two registers, in the
 * order of the option `word_order`; or {crc16}, {ccitt}, {length}, {block}: one register. {size} is
 * the image's length in bytes, the sums are over all of it ({crc16} as Modbus itself has it,
 * {ccitt} with polynomial 0x1021 from 0xFFFF); {offset}, {length} in bytes and {block} are those of
 * the piece that is being written.
 */
#ifndef SUBOTA_MODBUS_STEPS_H
#define SUBOTA_MODBUS_STEPS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "err.h"

enum { MODBUS_STEPS = 12, MODBUS_VALUES = 8 };

enum modbus_hole {
	MODBUS_NUMBER,
	MODBUS_SIZE,
	MODBUS_CRC32,
	MODBUS_OFFSET, /* the three above take two registers */
	MODBUS_CRC16,
	MODBUS_CCITT,
	MODBUS_LENGTH,
	MODBUS_BLOCK,
	MODBUS_HOLES
};

struct modbus_value {
	enum modbus_hole hole;
	uint16_t number;
};

struct modbus_step {
	enum modbus_step_kind {
		MODBUS_STEP_SET,
		MODBUS_STEP_WRITE,
		MODBUS_STEP_WAIT,
		MODBUS_STEP_EXPECT,
		MODBUS_STEP_PAUSE
	} kind;
	uint16_t reg;
	struct modbus_value values[MODBUS_VALUES]; /* WAIT: mask, value, mask and value of unless */
	size_t n;
	uint32_t ms;
};

struct modbus_steps {
	struct modbus_step step[MODBUS_STEPS];
	size_t n; /* 0 = nothing to do */
};

/* What placeholders stand for. */
struct modbus_values {
	uint32_t of[MODBUS_HOLES];
	bool little; /* order of words */
};

/* An empty text gives no steps. ERR_CONFIG with `why`. */
enum err modbus_steps_parse(
    const char *text, struct modbus_steps *out, char *why, size_t why_size) MUST_CHECK;

/* The values of a step as bytes on the wire; returns how many registers, 2 * MODBUS_VALUES at most.
 */
size_t modbus_steps_fill(
    const struct modbus_step *s, const struct modbus_values *v, uint8_t out[4 * MODBUS_VALUES]);

/* Whether a script says where a piece belongs. */
bool modbus_steps_places(const struct modbus_steps *s);

/* "0x12", "18" up to `max`. */
bool modbus_steps_number(const char *text, size_t len, uint32_t max, uint32_t *out);
/* The next word of *at, which moves behind it; its length, 0 = none left. */
size_t modbus_steps_word(const char **at, const char **word);

#endif
