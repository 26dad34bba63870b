/*
 * house_keeper: who tidies up after a house whose owner died.
 *
 * A child in a group of its own that holds the reading end of a pipe and nothing else. It is told
 * which process groups there are; when the pipe ends, for whatever reason, it kills them and
 * removes the directory. (A parent-death signal alone is not enough: the kernel forgets it when a
 * process changes its user.)
 */
#ifndef SUBOTA_TESTS_HOUSE_KEEPER_H
#define SUBOTA_TESTS_HOUSE_KEEPER_H

#include "house.h"

enum err house_keeper_start(struct house *h) MUST_CHECK;
void house_keeper_add(struct house *h, pid_t pid);
void house_keeper_drop(struct house *h, pid_t pid);
/* Let it tidy up, and wait until it has. Without a keeper the directory is removed here. */
void house_keeper_end(struct house *h);

#endif
