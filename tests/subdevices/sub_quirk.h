/*
 * sub_quirk: what SMP servers of the field do differently, and what one does that was taken over;
 * each a bit, switched by name. Without any the device answers like a stock Zephyr.
 */
#ifndef SUB_QUIRK_H
#define SUB_QUIRK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum sub_quirk {
	SUB_QUIRK_ERASE_RC7 = 1 << 0,      /* erase works and says rc 7 */
	SUB_QUIRK_ERASE_FIRST = 1 << 1,    /* an upload is refused until slot 1 was erased */
	SUB_QUIRK_RC_ZERO = 1 << 2,        /* rc 0 in every good answer */
	SUB_QUIRK_COUNTED = 1 << 3,        /* maps and lists with their counts */
	SUB_QUIRK_ANSWER_V0 = 1 << 4,      /* headers of answers say version 0 */
	SUB_QUIRK_V0_REFUSES = 1 << 5,     /* version 1 is refused with rc 12 */
	SUB_QUIRK_V0_SILENT = 1 << 6,      /* version 1 is not answered */
	SUB_QUIRK_AT_ONCE = 1 << 7,        /* resets before its old image could say more */
	SUB_QUIRK_LINGERS = 1 << 8,        /* the old image goes on answering for two seconds */
	SUB_QUIRK_NO_MEMORY = 1 << 9,      /* no buffer: rc 2 instead of silence, also on a UART */
	SUB_QUIRK_NO_RESUME = 1 << 10,     /* offset 0 always begins anew */
	SUB_QUIRK_CHECKS = 1 << 11,        /* hash compared at the end (match), slot at the start */
	SUB_QUIRK_NO_PARAMS = 1 << 12,     /* rc 8 */
	SUB_QUIRK_PARAMS_LIE = 1 << 13,    /* 2048 bytes, 2 buffers, whatever it has */
	SUB_QUIRK_ALL_FLAGS = 1 << 14,     /* false flags are said, too */
	SUB_QUIRK_FOUR_PARTS = 1 << 15,    /* versions end in a build number, also when it is 0 */
	SUB_QUIRK_EMPTY_SLOTS = 1 << 16,   /* an empty slot is listed, as "<?\?\?>" */
	SUB_QUIRK_NO_SLOT_INFO = 1 << 17,  /* rc 8, as of a build without it */
	SUB_QUIRK_SLOTS_ONLY = 1 << 18,    /* slot info without the longest image */
	SUB_QUIRK_UNGUARDED = 1 << 26,     /* an upload or erasure may take the way back away */
	/* --- taken over */
	SUB_QUIRK_OFF_ZERO = 1 << 19,      /* always wants offset 0 */
	SUB_QUIRK_OFF_WANDERS = 1 << 20,   /* wants any offset but the next one */
	SUB_QUIRK_EVIL_VERSION = 1 << 21,  /* escape sequences and quotes in its versions */
	SUB_QUIRK_HUGE = 1 << 22,          /* answers announce more items than there are bytes */
	SUB_QUIRK_NESTED = 1 << 23,        /* answers are lists in lists in lists */
	SUB_QUIRK_GARBAGE = 1 << 24,       /* random bytes without end */
	SUB_QUIRK_ENDLESS = 1 << 25,       /* a line without end */
};

enum { SUB_QUIRK_TAKEN_OVER = SUB_QUIRK_OFF_ZERO };

struct sub_quirk_row {
	const char *name;
	unsigned bit;
};

/* The table; ends with a row without a name. */
const struct sub_quirk_row *sub_quirk_table(void);
/* "erase-rc7,counted"; false with the word that is none in *wrong. */
bool sub_quirk_parse(const char *text, unsigned *out, const char **wrong);

/* An open-ended map becomes a counted one, with all in it, in place. */
void sub_quirk_count(uint8_t *map, size_t *len);
/* Instead of an answer. Returns its length, at most `size`. */
size_t sub_quirk_evil_map(unsigned quirks, uint8_t *out, size_t size);
/* Bytes that nobody asked for; the length. */
size_t sub_quirk_babble(unsigned quirks, uint64_t *random, char *out, size_t size);

#endif
