/*
 * hatch: hand open descriptors to a process that runs already. Both ends are those of a
 * SOCK_SEQPACKET pair that serves for nothing else.
 */
#ifndef SUBOTA_HATCH_H
#define SUBOTA_HATCH_H

#include <stddef.h>
#include <stdint.h>

#include "auto.h"
#include "err.h"

enum { HATCH_MOST = 4 }; /* descriptors at once */

enum err hatch_new(int pair[2]) MUST_CHECK;

/* `fd` is borrowed; the other side gets its own. Never blocks. ERR_CLOSED: nobody is there. */
enum err hatch_give(int hatch, int fd) MUST_CHECK;
/* One to HATCH_MOST of them in one message, with a byte that says what they are. ERR_AGAIN: the
 * other side does not take them as fast. */
enum err hatch_give_all(int hatch, uint8_t what, const int *fds, size_t n) MUST_CHECK;

/* Wait up to timeout_ms; *fd is the caller's. ERR_TIMEOUT; ERR_CLOSED: nothing will come;
 * ERR_MALFORMED: something else came than exactly one descriptor. */
enum err hatch_take(int hatch, int timeout_ms, int *fd) MUST_CHECK;
/* One message, whatever of one to HATCH_MOST is in it; all are the caller's. Errors as above. */
enum err hatch_take_all(
    int hatch, int timeout_ms, uint8_t *what, int fds[HATCH_MOST], size_t *n) MUST_CHECK;

#endif
