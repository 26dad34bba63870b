/*
 * keeper: who tidies up after a test whose process died.
 *
 * A child in a group of its own that holds the reading end of a pipe and nothing else. It is told
 * which process groups there are; when the pipe ends, for whatever reason, it kills them and
 * removes the directory. (A parent-death signal alone is not enough: the kernel forgets it when a
 * process changes its user.)
 */
#ifndef SUBOTA_TESTS_KEEPER_H
#define SUBOTA_TESTS_KEEPER_H

#include <sys/types.h>

#include "err.h"

struct keeper {
	pid_t pid; /* 0 = none */
	int fd;
};

/* `dir` is borrowed; it is a kit_scratch(). */
enum err keeper_start(struct keeper *k, const char *dir) MUST_CHECK;
/* `pid` leads a group of its own. */
void keeper_add(const struct keeper *k, pid_t pid);
void keeper_drop(const struct keeper *k, pid_t pid);
/* Let it tidy up, and wait until it has. Without a keeper the directory is removed here. */
void keeper_end(struct keeper *k, const char *dir);

#endif
