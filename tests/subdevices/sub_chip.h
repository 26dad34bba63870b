/*
 * sub_chip: the flash of a virtual STM32 and what runs from it; pure, the memory is the caller's
 * (a file that is mapped survives a power cut).
 *
 * Programming and erasing take time: half of it is done at once, the rest at the end, so that a
 * power cut leaves something torn. A byte that is not erased cannot be programmed: it gets garbage
 * and is counted.
 *
 * An application is an image with a vector table, its version as text at VERSION_AT, its length at
 * LENGTH_AT and, as its last four bytes, the CRC-32 of all before them. A table without the rest is
 * the worst case: the chip runs into it and hangs (`crashes`).
 */
#ifndef SUB_CHIP_H
#define SUB_CHIP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
	SUB_CHIP_BASE = 0x08000000,
	SUB_CHIP_VERSION_AT = 0x100,
	SUB_CHIP_LENGTH_AT = 0x120,
	SUB_CHIP_VERSION = 32,
	SUB_CHIP_JOBS = 512,
};

struct sub_chip {
	uint16_t id;
	uint8_t *flash;
	uint32_t size;
	uint32_t page;  /* bytes of a page; 0: sectors of 16, 64 and 128 KiB, as of an F4 */
	uint8_t erased; /* value of an erased byte */
	uint32_t protect_at, protect_len; /* neither programmed nor erased, and nobody is told */
	/* counted */
	uint64_t crashes, overwrites, writes, erases, written; /* written: bytes */
	/* under way */
	struct {
		bool erase;
		uint32_t at, len;
		uint8_t data[256];
	} job[SUB_CHIP_JOBS];
	unsigned jobs;
};

/* Where page `n` begins; false: there is none. */
bool sub_chip_page(const struct sub_chip *c, uint32_t n, uint32_t *at, uint32_t *len);

/* Begin; sub_chip_end() when its time is over. At most SUB_CHIP_JOBS between two
 * ends. */
void sub_chip_write(struct sub_chip *c, uint32_t at, const uint8_t *data, uint32_t len);
void sub_chip_erase(struct sub_chip *c, uint32_t page);
void sub_chip_end(struct sub_chip *c);
/* A power cut: what is under way stays torn. */
void sub_chip_cut(struct sub_chip *c);

enum sub_chip_boot { SUB_CHIP_EMPTY, SUB_CHIP_RUNS, SUB_CHIP_CRASHES };
/* What happens when the core starts at the flash; `version` when it runs. */
enum sub_chip_boot sub_chip_boot(const struct sub_chip *c, char version[SUB_CHIP_VERSION + 1]);

uint32_t sub_chip_crc32(const uint8_t *data, size_t len);

#endif
