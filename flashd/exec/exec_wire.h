/*
 * exec_wire: what a session and subota-exec say to each other, in frames: kind, length (two bytes,
 * high first), data. Pure.
 *
 *     session                        subota-exec
 *     IMAGE bytes ... (once)         kept, sealed before the first program starts
 *     WORD argument ... , RUN        starts the program with these arguments
 *                                    OUTPUT bytes ... , EXIT status (as of waitpid, four bytes)
 *
 * The end of the socket ends the program, with all that it started.
 */
#ifndef SUBOTA_EXEC_WIRE_H
#define SUBOTA_EXEC_WIRE_H

#include <stddef.h>
#include <stdint.h>

enum exec_kind {
	EXEC_IMAGE = 'I',
	EXEC_WORD = 'W',
	EXEC_RUN = 'R',
	EXEC_OUTPUT = 'O',
	EXEC_EXIT = 'X'
};

enum { EXEC_WIRE_DATA = 1024, EXEC_WIRE_HEAD = 3, EXEC_WIRE_FRAME = 1024 + 3 };

/* Returns the length of the frame. `len` is at most EXEC_WIRE_DATA. */
size_t exec_wire_format(
    enum exec_kind kind, const void *data, size_t len, uint8_t out[EXEC_WIRE_FRAME]);

struct exec_gather {
	uint8_t data[EXEC_WIRE_FRAME];
	size_t len;
};

enum exec_got { EXEC_MORE, EXEC_FRAME, EXEC_NONSENSE };

/* One byte. FRAME: kind in g->data[0], data behind the head, *len of it; the next byte begins
 * another. NONSENSE: an unknown kind, or too long. */
enum exec_got exec_wire_gather(struct exec_gather *g, uint8_t byte, size_t *len);

#endif
