/*
 * exec_launch: keeps an image, starts a flasher program when told so, hands on what it says, and
 * ends it, with all that it started, when the session is gone.
 */
#ifndef SUBOTA_EXEC_LAUNCH_H
#define SUBOTA_EXEC_LAUNCH_H

#include "exec_argv.h"
#include "exec_wire.h"
#include "sandbox.h"

enum { EXEC_LAUNCH_BYTES = 8192 };

struct exec_launch {
	int link;                        /* to the session, borrowed */
	const struct sandbox_mode *mode; /* of the program's jail, borrowed */
	const struct places *places;
	struct exec_gather in;
	char words[EXEC_LAUNCH_BYTES]; /* one after the other, each with its NUL */
	size_t words_len, n_words;
	int image; /* -1: none */
	bool sealed;
	pid_t child; /* 0: none; leads a group of its own */
	int said;    /* what it says, -1 */
};

/* Until the session is gone or says what it must not. False: the latter. */
bool exec_launch_run(struct exec_launch *l);

#endif
