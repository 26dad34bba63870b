/*
 * driver: how a sub-device is spoken to. Sans-I/O: bytes, image bytes and the time go in, bytes and
 * a deadline come out. A driver owns no descriptor, asks no clock and allocates nothing after init,
 * so it runs unchanged in a session process, in a test, in the simulator and under a fuzzer.
 *
 * One verb at a time (enum Pb__Verb names them; DESIGN.md section 5). start() begins a verb; then
 * the caller, in any order and as often as it likes: feeds on_bytes(), calls on_time() when
 * deadline() is reached, writes what output() has. When done() says so, the result is final and the
 * next verb may start. A verb the driver cannot do is missing from `verbs`. Whatever a device
 * sends, memory stays bounded and every verb ends by its deadlines.
 */
#ifndef SUBOTA_DRIVER_H
#define SUBOTA_DRIVER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "clock.h"
#include "err.h"

enum driver_cap {
	DRIVER_VERSION = 1 << 0, /* can read the running version */
	DRIVER_HASH = 1 << 1,    /* can read hashes of images */
	DRIVER_SLOTS = 1 << 2,
	DRIVER_RESUME = 1 << 3,      /* within one power cycle of the device */
	DRIVER_TEST = 1 << 4,        /* new image on trial until confirmed */
	DRIVER_AUTOREVERT = 1 << 5,  /* unconfirmed image is reverted at the next reset */
	DRIVER_DESTRUCTIVE = 1 << 6, /* from begin to finish there is no runnable image */
};

enum driver_verb {
	DRIVER_IDENTIFY = 1, /* same numbers as subota.v1.Verb */
	DRIVER_WRITE = 2,
	DRIVER_STAGE = 3,
	DRIVER_REBOOT = 4,
	DRIVER_CONFIRM = 5,
	DRIVER_REVERT = 6,
	DRIVER_CHECK = 7, /* exec only: a program says whether the new image works */
};

/* The image, through the session's verifying reader: read() fills `out` with `len` bytes from
 * `offset`, each byte of which was hashed in the very buffer it is copied from; ERR_TOCTOU or
 * ERR_DIGEST when a chunk is not what was signed. `arg` is the reader's. */
struct driver_image {
	uint64_t size;
	uint8_t sha256[32];
	enum err (*read)(void *arg, uint64_t offset, uint8_t *out, size_t len);
	void *arg;
};

/* Pins beside the line, as far as the device has them wired: on means that the boot loader is
 * chosen, that the device is held in reset. */
enum driver_pin { DRIVER_BOOT = 1, DRIVER_RESET = 2 };

/* How the line should stand now. */
struct driver_line {
	uint8_t pins; /* that are on */
	bool even;    /* 8 bits, even parity, whatever the line is set up for */
};

struct driver_job {
	enum driver_verb verb;
	const struct driver_image
	    *image;              /* WRITE, STAGE, CONFIRM with slots; may be NULL for other verbs */
	char target_version[65]; /* WRITE: the image's own header must say the same, where it has
				    one; of each verb: not empty while the device is upgraded */
	uint32_t timeout_ms;     /* for the verb */
	bool datagram;           /* the link keeps messages apart: one output(), one message */
	uint8_t pins;            /* that there are: enum driver_pin */
};

/* Facts a verb found out. Texts are printable ASCII, cut to fit. A hash is 32 bytes or, with length
 * 0, unknown. */
struct driver_facts {
	char version[65];
	uint8_t active_hash[32];
	size_t active_hash_len;
	uint8_t staged_hash[32];
	size_t staged_hash_len;
	bool active_confirmed;
	bool active_on_trial; /* not kept, and the device does tell: the next start may undo it */
	bool staged_pending;
	char unit[65]; /* serial number or unique id of the device; empty: not known */
	char image_version[65];
	uint8_t image_hash[32];
	size_t image_hash_len;
	uint64_t done_bytes; /* acknowledged by the device */
	uint64_t total_bytes;
	uint64_t rewinds;
};

struct driver_result {
	enum err error;
	char detail[200]; /* expected ..., got ... */
};

struct driver_option {
	const char *key;
	const char *fallback;
	uint64_t min, max; /* numbers */
	const char *help;
};

struct driver {
	const char *name; /* "smp" */
	unsigned caps;
	unsigned verbs; /* 1 << driver_verb */
	size_t state_size;
	const struct driver_option *options; /* ends with key NULL */

	/* `values[i]` is the text for options[i], never NULL. ERR_CONFIG with `why`. */
	enum err (*init)(void *state, const char *const *values, char *why, size_t why_size);
	void (*start)(void *state, const struct driver_job *job, struct mono now);
	void (*on_bytes)(void *state, const uint8_t *data, size_t len, struct mono now);
	void (*on_time)(void *state, struct mono now);
	/* Move up to `size` bytes that want to be written now into `out`; returns how many. */
	size_t (*output)(void *state, uint8_t *out, size_t size, struct mono now);
	struct mono (*deadline)(const void *state);
	bool (*done)(const void *state, struct driver_result *result);
	const struct driver_facts *(*facts)(const void *state);
	/* The link closed and came back (device unplugged): forget half-received input. */
	void (*on_link)(void *state, bool up, struct mono now);
	/* NULL: always as configured. Asked after each of the above, before output() is written. */
	struct driver_line (*line)(const void *state);
};

/* All drivers, ends with NULL. */
extern const struct driver *const driver_list[];
const struct driver *driver_find(const char *name);

/* The text of an option that is a number within its bounds. ERR_CONFIG with `why`. */
enum err driver_number(const struct driver_option *o, const char *text, uint32_t *out, char *why,
    size_t why_size) MUST_CHECK;

#endif
