/*
 * exec_state: what exec.c and exec_options.c share and nobody else needs.
 */
#ifndef SUBOTA_EXEC_STATE_H
#define SUBOTA_EXEC_STATE_H

#include "driver.h"
#include "exec_argv.h"
#include "exec_recipe.h"
#include "exec_said.h"
#include "exec_wire.h"

enum {
	EXEC_CHECK = EXEC_SETTINGS, /* a command that no recipe has */
	EXEC_COMMANDS = 2,
	EXEC_LINE_MAX = 520,
	EXEC_VALUE = 130,
};

struct exec {
	char lines[EXEC_VERSION + 1][EXEC_LINE_MAX]; /* of settings up to the version */
	char serial[EXEC_TEXT];                      /* text before a serial number */
	char check[EXEC_LINE_MAX];
	bool checks; /* the program is a health check */
	char port[EXEC_VALUE], part[EXEC_VALUE], address[EXEC_VALUE], device[EXEC_VALUE], baud[24];
	struct exec_progress progress;
	bool needs_version;                 /* without one the device is away */
	uint8_t statuses[3][EXEC_STATUSES]; /* absent, again, refused; 0 ends */
	uint32_t command_ms;

	struct driver_job job;
	bool busy, up;
	struct mono end, due;
	int commands[EXEC_COMMANDS]; /* enum exec_setting, EXEC_CHECK */
	size_t n_commands, command;
	enum { AT_IMAGE, AT_PROGRAM, AT_WORDS, AT_RUN, AT_WORK } at;
	uint64_t sent;    /* of the image */
	const char *word; /* next of the line */
	struct exec_values values;
	uint8_t out[EXEC_WIRE_FRAME];
	size_t out_len, out_at;
	struct exec_gather in;
	struct exec_said said;
	struct driver_facts facts;
	struct driver_result result;
};

extern const struct driver_option exec_options[];
/* driver.h: init. */
enum err exec_options_init(void *state, const char *const *values, char *why, size_t why_size);

#endif
