/*
 * smp_options: what the SMP driver can be told, and which framing that means on which link.
 *
 * A link of datagrams leaves no choice: a datagram is a message. On a stream "auto" is the
 * console's framing, which nearly all servers speak on a UART, also one behind a TCP port; "raw" is
 * header and CBOR as they are (Zephyr's raw UART transport, MCUboot's raw recovery).
 */
#include <stdio.h>
#include <string.h>

#include "smp_state.h"

/* clang-format off */
/* key               fallback min  max      help */
#define SHARED \
	{"version",          "auto",  0,   1,       "protocol version: auto, 0 or 1"}, \
	{"framing",          "auto",  0,   0,       "on a stream: auto, console or raw"}, \
	{"max_message",      "4096",  128, 4096,    "longest message sent, bytes with header"}, \
	{"message_unsaid",   "256",   128, 4096,    "the same where the device says no limit"}, \
	{"window",           "4",     1,   16,      "upload requests in flight, at most"}, \
	{"line_gap_us",      "0",     0,   1000000, "least time from line start to line start"}, \
	{"reply_ms",         "2500",  50,  60000,   "longest wait for an answer"}, \
	{"first_reply_ms",   "40000", 100, 600000,  "the same for the first piece (flash erase)"}, \
	{"retries",          "5",     1,   100,     "silences in a row until it counts as away"}, \
	{"image",            "0",     0,   15,      "image number on the device"}, \
	{"reset_wait_ms",    "300",   0,   60000,   "ignore the device so long after a reset"}, \
	{"raw_quiet_ms",     "3200",  0,   60000,   "raw framing: silence after which the device starts anew"}, \
	{"serial",           "none",  0,   0,       "setting that holds its serial number (Zephyr's settings group)"},

#define LAST {NULL, NULL, 0, 0, NULL}

const struct driver_option smp_options[] = {SHARED LAST};

const struct driver_option smp_recovery_options[] = {
	SHARED
	{"enter",            "boot_mode", 0, 0,     "way into the boot loader: boot_mode, pin or window"},
	{"enter_ms",         "10000", 100, 600000,  "longest way into it"},
	{"pulse_ms",         "100",   1,   10000,   "enter = pin: how long the reset is held"},
	{"window_ms",        "1500",  0,   60000,   "enter = window: silence after a start, so that it is one"},
	LAST,
};
/* clang-format on */

enum {
	OPTIONS = sizeof(smp_options) / sizeof(smp_options[0]) - 1,
	NUMBERS = 2,
	SERIAL = OPTIONS - 1
};
_Static_assert((int)OPTIONS == (int)SMP_OPTIONS, "the shared part of the tables");

static enum err
take_framing(const char *text, int *out, char *why, size_t why_size)
{
	static const char *const names[] = {[SMP_FRAMING_AUTO] = "auto",
	    [SMP_FRAMING_CONSOLE] = "console",
	    [SMP_FRAMING_RAW] = "raw"};

	for (int i = 0; i <= SMP_FRAMING_RAW; i++) {
		if (strcmp(text, names[i]) != 0)
			continue;
		*out = i;
		return ERR_OK;
	}
	snprintf(why, why_size, "framing: expected auto, console or raw, got %.40s", text);
	return ERR_CONFIG;
}

enum err
smp_options_init(void *state, const char *const *values, char *why, size_t why_size)
{
	struct smp *s = state;
	uint32_t number[OPTIONS] = {0};
	bool find_out = strcmp(values[0], "auto") == 0;
	int framing = 0;
	enum err e = take_framing(values[1], &framing, why, why_size);

	if (e == ERR_OK && !find_out)
		e = driver_number(&smp_options[0], values[0], &number[0], why, why_size);
	for (size_t i = NUMBERS; e == ERR_OK && i < SERIAL; i++)
		e = driver_number(&smp_options[i], values[i], &number[i], why, why_size);
	const char *serial = strcmp(values[SERIAL], "none") == 0 ? "" : values[SERIAL];
	if (e == ERR_OK && strlen(serial) >= SMP_SETTING_NAME) {
		snprintf(why, why_size, "serial: expected less than %d characters, got '%.70s'",
		    SMP_SETTING_NAME, serial);
		e = ERR_CONFIG;
	}
	if (e != ERR_OK)
		return e;
	*s = (struct smp){
	    .config =
		{
		    .version = find_out ? -1 : (int)number[0],
		    .framing = framing,
		    .max_message = number[2],
		    .message_unsaid = number[3],
		    .window = number[4],
		    .line_gap_us = number[5],
		    .reply_ms = number[6],
		    .first_reply_ms = number[7],
		    .retries = number[8],
		    .image = number[9],
		    .reset_wait_ms = number[10],
		    .raw_quiet_ms = number[11],
		},
	    .framing = &smp_frame_console,
	    .up = true,
	    .version = find_out ? 1 : (uint8_t)number[0],
	    .version_known = !find_out,
	};
	snprintf(s->config.serial, sizeof(s->config.serial), "%s", serial);
	return ERR_OK;
}

bool
smp_options_fit(struct smp *s)
{
	if (s->job.datagram && s->config.framing == SMP_FRAMING_CONSOLE) {
		smp_finish(s, ERR_CONFIG,
		    "expected framing auto or raw on a link of datagrams, got console");
		return false;
	}
	s->framing = s->job.datagram                        ? &smp_frame_datagram
		     : s->config.framing == SMP_FRAMING_RAW ? &smp_frame_raw
							    : &smp_frame_console;
	return true;
}

enum err
smp_recovery_init(void *state, const char *const *values, char *why, size_t why_size)
{
	static const char *const ways[] = {[SMP_ENTER_BOOT_MODE] = "boot_mode",
	    [SMP_ENTER_PIN] = "pin",
	    [SMP_ENTER_WINDOW] = "window"};
	const char *way = values[SMP_OPTIONS];
	struct smp_recovery r = {.on = true};
	int i = 0;
	enum err e = smp_options_init(state, values, why, why_size);

	while (i <= SMP_ENTER_WINDOW && strcmp(ways[i], way) != 0)
		i++;
	r.enter = (enum smp_enter)i;
	if (e == ERR_OK && i > SMP_ENTER_WINDOW) {
		snprintf(why, why_size, "enter: expected boot_mode, pin or window, got %.40s", way);
		e = ERR_CONFIG;
	}
	if (e == ERR_OK)
		e = driver_number(&smp_recovery_options[SMP_OPTIONS + 1], values[SMP_OPTIONS + 1],
		    &r.enter_ms, why, why_size);
	if (e == ERR_OK)
		e = driver_number(&smp_recovery_options[SMP_OPTIONS + 2], values[SMP_OPTIONS + 2],
		    &r.pulse_ms, why, why_size);
	if (e == ERR_OK)
		e = driver_number(&smp_recovery_options[SMP_OPTIONS + 3], values[SMP_OPTIONS + 3],
		    &r.window_ms, why, why_size);
	if (e == ERR_OK)
		((struct smp *)state)->recovery = r;
	return e;
}
