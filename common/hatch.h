/*
 * hatch: hand one open descriptor to a process that runs already. Both ends are those of a
 * SOCK_SEQPACKET pair that serves for nothing else.
 */
#ifndef SUBOTA_HATCH_H
#define SUBOTA_HATCH_H

#include "auto.h"
#include "err.h"

enum err hatch_new(int pair[2]) MUST_CHECK;

/* `fd` is borrowed; the other side gets its own. Never blocks. ERR_CLOSED: nobody is there. */
enum err hatch_give(int hatch, int fd) MUST_CHECK;

/* Wait up to timeout_ms; *fd is the caller's. ERR_TIMEOUT; ERR_CLOSED: nothing will come;
 * ERR_MALFORMED: something else came than exactly one descriptor. */
enum err hatch_take(int hatch, int timeout_ms, int *fd) MUST_CHECK;

#endif
