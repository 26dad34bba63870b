/*
 * an3155_write: how an image gets into the flash of an STM32; pure. Says which command it wants
 * next and learns what came of it.
 *
 *     COMPARE   which pages hold something else; what is there already is left alone, so an upgrade
 *               that was cut off goes on where it was
 *     ERASE     those pages, the first of the image before all others
 *     WRITE     them, but the first block (the vector table); blocks of erased bytes are left out
 *     VERIFY    them, read back: a boot loader says nothing of write-protected flash
 *     HEAD      the first block, its first 32 bytes at the very end, read back
 *
 * So whenever power fails in between, the vector table is missing: a chip that looks for it stays
 * in its boot loader, and we find that nothing is there to run. A table that is there means that
 * the image is whole. A block whose write was not acknowledged is read back: it is taken as it is,
 * written again when it is still erased, otherwise its page is erased in the next round.
 *
 * The image is filled up with erased bytes to a multiple of 32, the largest unit that any of these
 * chips programs.
 */
#ifndef SUBOTA_AN3155_WRITE_H
#define SUBOTA_AN3155_WRITE_H

#include "an3155_chip.h"
#include "an3155_talk.h"
#include "driver.h"

enum { AN3155_PAGES_MAX = 4096, AN3155_HEAD = 32 };

enum an3155_stage {
	AN3155_COMPARE,
	AN3155_ERASE_FIRST,
	AN3155_ERASE_REST,
	AN3155_WRITE_REST,
	AN3155_VERIFY_REST,
	AN3155_HEAD_REST, /* of the first block */
	AN3155_HEAD_LAST,
	AN3155_HEAD_VERIFY,
	AN3155_DONE,
	AN3155_FAILED
};

struct an3155_write {
	const struct an3155_chip *chip;
	const struct driver_image *image;
	uint32_t base;     /* address of the image */
	uint32_t size;     /* of the image, filled up */
	uint32_t head;     /* of the first block */
	bool ext;          /* the boot loader has the command for many pages */
	bool crc;          /* compare and verify by its CRC command */
	uint32_t write_ms; /* of a block */
	unsigned rounds;   /* of erase, write and verify, at most */

	enum an3155_stage stage;
	struct an3155_page page; /* the one at hand; page.at counts from the start of the flash */
	uint32_t page_index;     /* from the first one of the image */
	uint32_t at;             /* in the image */
	uint32_t len;            /* of the piece at hand */
	unsigned round, again;   /* again: this piece was read or written so often */
	bool doubt;              /* this piece was written, perhaps: look */
	bool touched;            /* something on the device was or may have been changed */
	size_t erasing;          /* pages of the erase that is out */
	uint8_t piece[AN3155_BLOCK];
	uint8_t wanted[AN3155_PAGES_MAX / 8]; /* pages to be erased and written */
	uint64_t good;      /* bytes of the image that are in their place, as far as is known */
	uint64_t page_good; /* of them, in the page that is compared */
	enum err error;
	char detail[160];
};

/* The fields up to `rounds` are set, base and sizes fit the chip. */
void an3155_write_start(struct an3155_write *w);
/* The same, because the device was reset or changed meanwhile; rounds go on counting. */
void an3155_write_restart(struct an3155_write *w);

/* The next command; false: DONE or FAILED. */
bool an3155_write_want(struct an3155_write *w, struct an3155_command *c);
/* The command was carried out; `in` is what it brought. */
void an3155_write_done(struct an3155_write *w, const uint8_t *in);
/* It may have been or not: neither ACK nor NACK came, or a NACK of its data. */
void an3155_write_unsure(struct an3155_write *w);

/* Does this look like the beginning of an application, that is, of a vector table: a stack in RAM,
 * an entry (Thumb) in flash? */
bool an3155_write_is_vector(const uint8_t head[8]);

#endif
