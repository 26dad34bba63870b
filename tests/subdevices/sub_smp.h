/*
 * sub_smp: the SMP server: one request in, one answer out. No clock, no wire.
 *
 * It answers like a stock Zephyr with the image and OS groups, header version 0 (trouble as "rc")
 * and 1 (trouble as "err"). Where Zephyr is odd so is this: a wrong offset is no error, the state
 * of an upload is in RAM and forgotten at its end, neither length, hash nor signature is checked,
 * and a confirmation without a hash means image 0, whatever has been written before.
 */
#ifndef SUB_SMP_H
#define SUB_SMP_H

#include "sub_flash.h"
#include "sub_quirk.h"

enum { SUB_SMP_HEADER = 8, SUB_SMP_ANSWER = 2048 };

struct sub_smp {
	struct sub_flash *flash;
	struct sub_flash *second; /* of another processor: image 1; NULL = there is none */
	uint32_t buf_size, buf_count;
	uint32_t slot_size; /* as slot info has it; 0: all of the flash */
	bool deny_confirm;
	const char *serial; /* value of any setting that is asked for; NULL: it has no settings */
	unsigned quirks; /* sub_quirk.h */
	/* It is MCUboot's serial recovery that answers: straight into slot 0, offset 0 always
	 * begins anew, only whole units of `align` of a piece that is not the last are written,
	 * only what would run is listed, without flags; no erase, no state write. */
	bool recovery;
	uint32_t align;        /* 0: 1 */
	bool no_hash;          /* nor a hash, in recovery's list */
	bool recovery_params;  /* it knows its buffers, as since 2026 */
	/* RAM: gone with a reset */
	struct {
		bool active;
		struct sub_flash *flash;
		uint64_t off, size;
		size_t sha_len;
		uint8_t sha[64];
	} upload;
	/* counted since the start */
	uint64_t upload_bytes; /* image bytes that came in, repeated ones included */
	uint64_t max_upload;   /* furthest byte ever held of an upload */
	uint64_t writes;       /* pieces written */
};

struct sub_smp_answer {
	size_t len;       /* 0 = no answer */
	bool to_loader;   /* the reset is one into the boot loader */
	bool reset;       /* the device is to reset once this has been sent */
	uint64_t work_ns; /* what the flash takes before the answer */
	uint8_t data[SUB_SMP_ANSWER];
};

/* Deal with the request at the front of a packet; returns how many bytes it had, 0 = nonsense. */
size_t sub_smp_answer(
    struct sub_smp *s, const uint8_t *packet, size_t len, struct sub_smp_answer *a);

/* There is no buffer for the request: rc 2. */
void sub_smp_no_memory(const uint8_t *packet, struct sub_smp_answer *a);

/* The device restarts. */
void sub_smp_forget(struct sub_smp *s);

#endif
