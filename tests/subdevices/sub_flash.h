/*
 * sub_flash: what survives a power cut, in a directory, and the bootloader that acts on it.
 *
 * DIR/slot0.bin and DIR/slot1.bin are the slots (an empty file is an erased slot), DIR/state holds
 * the flags of MCUboot's trailers and two counters. A swap exchanges the files in one step with its
 * intent written before, so that it can be finished after a cut. Everything else is read anew from
 * the files at boot, as a bootloader does.
 */
#ifndef SUB_FLASH_H
#define SUB_FLASH_H

#include "sub_image.h"

enum sub_flash_pending { SUB_FLASH_NONE, SUB_FLASH_TEST, SUB_FLASH_FOR_GOOD };

enum sub_flash_boot {
	SUB_FLASH_DEAD,     /* nothing that may run */
	SUB_FLASH_BOOTED,   /* slot 0 as it was */
	SUB_FLASH_SWAPPED,  /* slot 1 was pending and is in slot 0 now */
	SUB_FLASH_REVERTED, /* slot 0 was on test and is in slot 1 again */
};

enum { SUB_FLASH_SIZE = 1 << 20 }; /* of a slot */

struct sub_flash {
	int dir;
	enum sub_flash_pending pending;
	bool confirmed; /* slot 0 */
	uint64_t boots, reverts;
	bool resumed; /* a swap was finished that a cut had interrupted: the next boot runs it */
	unsigned cut_swap; /* the power goes in the next swap: 1 before its exchange, 2 after it */
	const char *refused; /* the bootloader does not take this version; NULL = none */
	bool no_test; /* it has no test: whatever is to boot next does so for good */
	struct sub_image slot[2];
};

/* Open DIR (made if missing) with what is in it. An empty one gets the file `slot0`, confirmed;
 * NULL leaves it without an image. False with errno when the directory or a file fails. */
bool sub_flash_open(struct sub_flash *f, const char *dir, const char *slot0);
void sub_flash_close(struct sub_flash *f);

/* Power on or reset. */
enum sub_flash_boot sub_flash_boot(struct sub_flash *f);
/* Will the next boot move images? */
bool sub_flash_will_swap(const struct sub_flash *f);

/* Erase a slot, write to it, and look at what it holds now. False = the flash does not take it. */
bool sub_flash_erase(struct sub_flash *f, int slot);
bool sub_flash_write(
    struct sub_flash *f, int slot, uint64_t off, const uint8_t *data, size_t len);
void sub_flash_look(struct sub_flash *f, int slot);

/* All that was written to a slot; caller frees, NULL = none. */
uint8_t *sub_flash_read(const struct sub_flash *f, int slot, size_t *len);

/* Slot 1 boots next, or slot 0 stays. False = could not be written. */
bool sub_flash_mark(struct sub_flash *f, enum sub_flash_pending pending);
bool sub_flash_confirm(struct sub_flash *f);

#endif
