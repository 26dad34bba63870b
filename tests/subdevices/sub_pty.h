/*
 * sub_pty: the serial line as others see it: a pseudo-terminal behind a symbolic link.
 */
#ifndef SUB_PTY_H
#define SUB_PTY_H

#include <stdbool.h>
#include <sys/types.h>

struct sub_pty {
	const char *path; /* borrowed */
	uid_t owner;      /* (uid_t)-1: leave it */
	int master;       /* does not block; -1 = unplugged */
	int slave;        /* held open, so that the line stands when nobody else has it */
};

/* False with errno. */
bool sub_pty_plug(struct sub_pty *p);
/* Link and terminal are gone; whoever has it open sees a hangup. */
void sub_pty_unplug(struct sub_pty *p);

#endif
