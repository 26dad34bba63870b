/*
 * rom_line: a virtual STM32 as a process at a pseudo-terminal, in a scratch directory, and what its
 * flash holds. It dies with the test.
 */
#ifndef SUBOTA_TESTS_ROM_LINE_H
#define SUBOTA_TESTS_ROM_LINE_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

#include "auto.h"
#include "bundle.h"

struct rom_line {
	char *dir;
	char tty[300];
	pid_t pid;
};

/* An empty chip that waits in its boot loader; `more` ends with NULL, may be NULL. Waits until it
 * is there. */
struct rom_line *rom_line_new(const char *const more[]);
void rom_line_free(struct rom_line *l);
AUTO_DEFINE(rom_line, struct rom_line *, rom_line_free)

/* A number of its status, -1 when there is none. */
double rom_line_number(const struct rom_line *l, const char *key);
/* Until it runs that version; false after 20 s. */
bool rom_line_wait(const struct rom_line *l, const char *version);
/* Does its flash begin with these bytes? */
bool rom_line_holds(const struct rom_line *l, struct bundle_bytes image);
/* Tell the application to start the boot loader, and wait for that. */
bool rom_line_boot(const struct rom_line *l);
/* The line, for us alone. */
int rom_line_open(const struct rom_line *l);

#endif
