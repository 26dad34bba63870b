/*
 * smp_script: a scripted SMP server and the wire to it, in virtual time, for tests of the driver.
 *
 * The server is a model of what is seen in the field: two slots, a pool of buffers that requests
 * and answers share and that drops without a word when empty, a flash that takes time, a reset that
 * takes effect late. Quirks are bits. The wire has a rate, a latency per direction and faults by
 * number or by chance. Nothing sleeps and no clock is asked: smp_script_run() steps from event to
 * event. It shares no code with the driver: requests are read with libcbor, answers and frames are
 * made here.
 */
#ifndef SUBOTA_TESTS_SMP_SCRIPT_H
#define SUBOTA_TESTS_SMP_SCRIPT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "driver.h"

enum smp_quirk {
	SMP_Q_V0_REFUSES = 1 << 0,     /* version 1 in the header: rc 12 */
	SMP_Q_V0_SILENT = 1 << 1,      /* version 1 in the header: no answer */
	SMP_Q_ERR_MAPS = 1 << 2,       /* trouble as {"err": {...}} */
	SMP_Q_RC_ZERO = 1 << 3,        /* rc 0 in every good answer */
	SMP_Q_NO_PARAMS = 1 << 4,      /* rc 8 */
	SMP_Q_OFF_ZERO = 1 << 5,       /* upload always wants offset 0 */
	SMP_Q_OFF_HUGE = 1 << 6,       /* upload wants an offset past the end */
	SMP_Q_MATCH_FALSE = 1 << 7,    /* in the last upload answer */
	SMP_Q_ERASE_RC7 = 1 << 8,      /* erase works and says rc 7 */
	SMP_Q_FRUGAL = 1 << 9,         /* false flags are left out */
	SMP_Q_BARE_LIST = 1 << 10,     /* no hashes, no flags */
	SMP_Q_REFUSES_BOOT = 1 << 11,  /* bootloader keeps the old image, pending is cleared */
	SMP_Q_NEVER_BACK = 1 << 12,    /* after a reset */
	SMP_Q_SLOT_TAKEN = 1 << 13,    /* upload refused while slot 1 holds anything */
	SMP_Q_NOMEM_ANSWER = 1 << 14,  /* no free buffer: rc 2 instead of silence */
	SMP_Q_DEFINITE = 1 << 15,      /* counted maps */
	SMP_Q_MARK_LIES = 1 << 16,     /* state write says fine and does nothing */
	SMP_Q_NO_RESUME = 1 << 17,     /* offset 0 always starts again (MCUboot recovery) */
	SMP_Q_MARK_TROUBLE = 1 << 18,  /* state write does it and says rc 6 */
	SMP_Q_FORGETS = 1 << 19,       /* a finished upload is not in the list */
	SMP_Q_IGNORES_RESET = 1 << 20, /* the first reset is answered and not done */
	SMP_Q_NO_OFF = 1 << 21,        /* upload answers carry nothing */
	SMP_Q_MARK_SILENT = 1 << 23,   /* state write is not answered */
	SMP_Q_ANSWER_V0 = 1 << 22,     /* answers carry version 0 whatever was asked */
};

struct smp_script_slot {
	bool used;
	char version[100];
	uint8_t hash[32];
	bool pending, confirmed, active;
};

struct smp_script {
	/* --- set by the test */
	unsigned quirks;
	uint32_t buf_size, buf_count; /* as params say */
	unsigned buffers;             /* as they are, 0 = no limit */
	bool one_at_a_time;           /* drops what begins to arrive while it works or answers */
	uint32_t receive_max;         /* longer messages are dropped, 0 = buf_size */
	uint32_t chunk_us, erase_us;  /* what flash takes */
	uint32_t align;          /* writes only multiples of it of a non-final piece, 0 = any */
	uint32_t old_answers_us; /* after a reset the old image still answers so long */
	uint32_t boot_us;
	uint32_t booted_buf_size; /* from the next boot on, 0 = as before */
	unsigned booted_quirks;   /* added at the next boot */
	uint32_t byte_us_x1000;   /* time of a byte on the wire, ns; 86806 at 115200 */
	uint32_t latency_us;      /* per direction */
	unsigned drop_request[8]; /* these upload requests (from 1) are dropped; 0 = none */
	unsigned drop_answer[8];  /* same for answers to upload requests */
	unsigned drop_other;      /* drop so many answers that are not to uploads */
	unsigned lose_reset_answer;
	unsigned flip_every; /* one flipped bit per so many bytes, both ways; 0 = none */
	const char *noise;   /* written by the device before every answer */
	uint32_t cut_at;     /* link down when the device holds so many bytes, 0 = never */
	uint32_t cut_us;     /* for so long; the device keeps its state ... */
	bool cut_reboots;    /* ... unless the cut takes its power, too */
	struct smp_script_slot slot[2];
	uint8_t image_hash[32]; /* what an upload becomes */
	char image_version[100];
	const void *serial; /* of the setting id/serial; NULL: it has no settings */
	size_t serial_len;

	/* --- what came of it */
	int64_t now_us;
	uint64_t requests, uploads, echoes, resets, erases, drops;
	unsigned longest; /* message received */
	unsigned most_in_flight;
	uint64_t wire_busy_ns; /* host to device */
	int64_t first_upload_us, last_upload_us;
	uint64_t wire_busy_first, wire_busy_last; /* wire_busy_ns at these two times */
	bool unaligned;                           /* a non-final piece was no multiple of 32 */
	uint8_t *flash;
	size_t flash_len, flash_size;
	uint8_t sha[32];

	struct smp_script_wire *wire; /* internal */
};

/* A friendly device: version 1.0.0 confirmed in slot 0, slot 1 empty, 115200 baud, 1 ms. */
void smp_script_init(struct smp_script *d);
void smp_script_fini(struct smp_script *d);

/* Run one verb to its end (the driver's deadline bounds it); the virtual seconds it took are added
 * to now_us. `inject` bytes are fed to the driver first. */
void smp_script_run(struct smp_script *d, const struct driver *driver, void *state,
    const struct driver_job *job, struct driver_result *result);

/* Bytes that the driver gets as if the device had sent them, at the next run's start. */
void smp_script_inject(struct smp_script *d, const void *data, size_t len);

#endif
