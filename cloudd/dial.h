/*
 * dial: cloudd's end of the dialer (dialer/dialer.h), which makes its connections.
 *
 * It cannot be started again: cloudd has locked itself in since. When it has died cloudd ends, too,
 * and whoever started that does so again.
 */
#ifndef SUBOTA_DIAL_H
#define SUBOTA_DIAL_H

#include <stdint.h>
#include <sys/types.h>

#include "auto.h"
#include "dialer.h"
#include "directory.h"
#include "err.h"

struct dial;

struct dial_setup {
	const char *program; /* path of subota-dialer */
	const char *mode;    /* of the sandbox, words of sandbox.h */
	uid_t uid;
	gid_t gid;
};

/* Start it; the list is handed over, also when that fails. It ends when we close, or die. */
enum err dial_start(
    const struct dial_setup *setup, struct directory *list, struct dial **out) MUST_CHECK;
/* For one that was started otherwise, at the other end of `fd`, which is handed over with the list.
 */
enum err dial_new(int fd, struct directory *list, struct dial **out) MUST_CHECK;
void dial_free(struct dial *d);
AUTO_DEFINE(dial, struct dial *, dial_free)

/* Readable when there is a note, or when it died. */
int dial_fd(const struct dial *d);
/* 0: it was started otherwise. */
pid_t dial_pid(const struct dial *d);

/* Ask for a connection; *id names it, never 0. ERR_DENIED: such a server is not listed; ERR_DIALER:
 * it died. */
enum err dial_ask(struct dial *d, const char *host, uint16_t port, uint32_t *id) MUST_CHECK;
/* Its answer is not wanted any more, and may come all the same. */
void dial_cancel(struct dial *d, uint32_t id);
/* The next note; a stream that comes with it is the caller's, *fd is -1 else. ERR_AGAIN: none now;
 * ERR_DIALER: it died. */
enum err dial_read(struct dial *d, struct dialer_note *note, int *fd) MUST_CHECK;

#endif
