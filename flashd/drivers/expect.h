/*
 * expect: a dialogue with a device as data: send this, wait for that. Pure.
 *
 * A script is one line of steps, as it stands in the configuration:
 *
 *     send 'TEXT'         write it
 *     expect 'TEXT' [MS]  wait until it comes, 2000 ms at most
 *     pause MS            wait
 *     set PIN on|off      a pin beside the line (boot, reset), driver.h; it stands so afterwards,
 * too
 *
 * Quotes are ' or "; escapes are \r \n \t \\ \' \" \xNN. In a text {address} stands for the option
 * of that name, {size} for the image's length in hex, {crc32} for its CRC-32 in eight hex digits,
 * {target} for the version that the image is to be; in an `expect` one {version} takes what stands
 * there: letters, digits and _.+- up to the next other character; {unit} likewise takes a serial
 * number (one of both in a step). There are no loops and no
 * branches: what needs them is a driver.
 */
#ifndef SUBOTA_EXPECT_H
#define SUBOTA_EXPECT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "driver.h"

enum {
	EXPECT_STEPS = 16,
	EXPECT_TEXT = 320,  /* bytes and placeholders of all steps */
	EXPECT_BYTES = 256, /* of one step when the placeholders are filled in */
	EXPECT_SEEN = 512,  /* bytes remembered while waiting */
	EXPECT_VERSION = 65,
};

struct expect_step {
	enum expect_kind { EXPECT_SEND, EXPECT_WAIT, EXPECT_PAUSE, EXPECT_SET } kind;
	uint16_t at, len; /* in text */
	uint32_t ms;      /* SET: 1 = on */
	uint8_t pins;     /* SET: enum driver_pin */
};

struct expect_script {
	struct expect_step steps[EXPECT_STEPS];
	size_t n; /* 0 = nothing to do */
	uint16_t text[EXPECT_TEXT];
	size_t text_len;
};

/* What placeholders stand for. */
struct expect_values {
	char address[20];
	char target[EXPECT_VERSION];
	uint64_t size;
	uint32_t crc32;
};

enum expect_state { EXPECT_RUNNING, EXPECT_MET, EXPECT_MISSED };

struct expect {
	const struct expect_script *script;
	const struct expect_values *values;
	enum expect_state state;
	size_t step;
	uint8_t text[EXPECT_BYTES]; /* of the step: to write, or to wait for */
	size_t text_len, text_at;
	size_t mark; /* where {version} or {unit} stands in text, SIZE_MAX = nowhere */
	bool mark_unit;
	uint8_t seen[EXPECT_SEEN];
	size_t seen_len;
	bool heard; /* any byte since the start */
	struct mono due;
	char version[EXPECT_VERSION]; /* as taken; "" = none */
	char unit[EXPECT_VERSION];    /* the same */
	uint8_t pins;                 /* that are on: kept from run to run */
};

/* An empty text gives a script of no steps. ERR_CONFIG with `why`. */
enum err expect_parse(
    const char *source, struct expect_script *out, char *why, size_t why_size) MUST_CHECK;

/* Does an `expect` of the script take the version? */
bool expect_takes_version(const struct expect_script *script);

/* Both are borrowed until the run is over. */
void expect_start(struct expect *e, const struct expect_script *script,
    const struct expect_values *values, struct mono now);

/* Returns how many bytes were taken: what came after the last step's text is not. */
size_t expect_bytes(struct expect *e, const uint8_t *data, size_t len, struct mono now);
size_t expect_output(struct expect *e, uint8_t *out, size_t size, struct mono now);
void expect_time(struct expect *e, struct mono now);
struct mono expect_deadline(const struct expect *e);

/* Of a MISSED run: "expected 'BL > ' within 2000 ms, got '...'", printable. */
void expect_complain(const struct expect *e, char *out, size_t size);

#endif
