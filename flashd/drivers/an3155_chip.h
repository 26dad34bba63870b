/*
 * an3155_chip: which STM32 are known by the id that their system boot loader says, and where the
 * pages of their flash begin and end. Data, from public reference manuals and data sheets.
 *
 * A page is what can be erased alone; its number is what the erase commands want. `size` is the
 * largest flash of the id, the one in front of us may have less (its ROM refuses what lies beyond).
 * `erase_ms` is the longest time for one of the largest pages. L0 and L1 erase to 00, all others to
 * ff.
 */
#ifndef SUBOTA_AN3155_CHIP_H
#define SUBOTA_AN3155_CHIP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
	AN3155_FLASH = 0x08000000,
	AN3155_FLASH_END = 0x08400000,
	AN3155_RUNS = 7,
	AN3155_NAME = 24
};

struct an3155_chip {
	uint16_t id;
	const char *name;
	uint32_t size; /* bytes */
	uint32_t erase_ms;
	uint8_t erased;
	struct {
		uint16_t count, quarters; /* pages in a row, each of so many quarters of a KiB */
	} runs[AN3155_RUNS];              /* the last may be followed by more of the same */
};

struct an3155_page {
	uint32_t number, at, size; /* at: from the start of the flash */
};

/* NULL: not known. */
const struct an3155_chip *an3155_chip_find(uint16_t id);
/* All of them; for tests. */
const struct an3155_chip *an3155_chip_rows(size_t *n);

/* The page that holds the byte `at` of the flash. False: behind its end. */
bool an3155_chip_page(const struct an3155_chip *c, uint32_t at, struct an3155_page *out);

#endif
