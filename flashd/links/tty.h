/*
 * tty: opens a serial line as a link: for us alone, raw, at any baud rate.
 *
 * Exclusive twice, because each way alone has holes: an advisory lock (flock) keeps other programs
 * that ask out, TIOCEXCL (not for pseudo-terminals) those that do not. Raw means: no echo, no line
 * editing, no flow control by characters, no signals, eight bits; HUPCL is off, because a falling
 * DTR resets many boards when a descriptor closes. Rates that have no name are set through
 * termios2. A pseudo-terminal takes rate and parity without using them, which is fine; a real line
 * that does not take them is an error.
 */
#ifndef SUBOTA_TTY_H
#define SUBOTA_TTY_H

#include <stdbool.h>
#include <stdint.h>

#include "err.h"
#include "why.h"

enum tty_parity { TTY_NONE, TTY_EVEN, TTY_ODD };

enum tty_flow { TTY_NO_FLOW, TTY_RTSCTS };

struct tty_settings {
	const char *path;
	uint32_t baud;
	enum tty_parity parity;
	enum tty_flow flow;
	bool two_stop_bits;
	bool may_hold_back; /* leave the driver's latency as it is */
};

bool tty_same(const struct tty_settings *a, const struct tty_settings *b);

/* ERR_LINK: not there, or not as wanted; ERR_BUSY: somebody else has it; ERR_DENIED; ERR_CONFIG: no
 * serial line. `why` names the path, what was expected and what came. The descriptor is the
 * caller's: non-blocking, close-on-exec, input flushed. */
enum err tty_open(const struct tty_settings *s, int *fd, char why[WHY_SIZE]) MUST_CHECK;

/* Set an open line up again, whoever changed it meanwhile; false: it does not take that. */
bool tty_renew(int fd, const struct tty_settings *s);

/* Throw away what has come in and was not read. */
void tty_flush(int fd);

#endif
