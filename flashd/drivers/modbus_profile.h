/*
 * modbus_profile: what one kind of device wants, from the options of the driver.
 */
#ifndef SUBOTA_MODBUS_PROFILE_H
#define SUBOTA_MODBUS_PROFILE_H

#include "driver.h"
#include "modbus_call.h"
#include "modbus_steps.h"

enum modbus_script {
	MODBUS_LOADER, /* shows that the boot loader is there */
	MODBUS_LAUNCH, /* from the application into the boot loader */
	MODBUS_UNLOCK,
	MODBUS_ERASE,
	MODBUS_BEFORE, /* each piece */
	MODBUS_AFTER,
	MODBUS_VERIFY, /* shows that the image is whole */
	MODBUS_COMMIT,
	MODBUS_RUN, /* starts it */
	MODBUS_SCRIPTS
};

struct modbus_profile {
	struct modbus_limits limits;
	struct modbus_steps scripts[MODBUS_SCRIPTS];
	struct modbus_version {
		uint16_t reg, words;
		enum modbus_format { MODBUS_TEXT, MODBUS_WORDS, MODBUS_BYTES } format;
	} version, serial; /* serial.words 0: none */
	struct modbus_data {
		enum modbus_place { MODBUS_WINDOW, MODBUS_AREA, MODBUS_FILE } place;
		uint16_t at, words; /* first register, or file; registers in one request */
	} data;
	enum modbus_function read;
	bool little_words, little_bytes;
	uint8_t fill;
	uint32_t launch_ms, run_wait_ms;
};

extern const struct driver_option modbus_profile_options[];
/* Name of a script, as in the configuration. */
const char *modbus_profile_script(enum modbus_script script);

enum err modbus_profile_parse(
    const char *const *values, struct modbus_profile *out, char *why, size_t why_size) MUST_CHECK;

/* Whether a piece may be written once more after its answer was lost. */
bool modbus_profile_repeats(const struct modbus_profile *p);
/* The most bytes that there is room to address. */
uint64_t modbus_profile_room(const struct modbus_profile *p);
/* The version or serial number in the bytes of as many registers as v->words, printable; "" = none.
 */
void modbus_profile_version(const struct modbus_version *v, const uint8_t *data, char out[65]);

#endif
