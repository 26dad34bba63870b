/*
 * seccomp: which system calls a process may make, as data, and the small assembler that makes a
 * filter of it. A call without a row ends the process (SIGSYS; the kernel logs its number); a row
 * with an error makes the call fail politely, for what libraries only try.
 *
 * Own assembler: libseccomp would be one more library in every process for a page of code, and its
 * rules are calls, not data that can be printed. Filters look at the lower 32 bits of arguments:
 * all that is compared here are ints to the kernel.
 */
#ifndef SUBOTA_SECCOMP_H
#define SUBOTA_SECCOMP_H

#include <linux/filter.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "err.h"

enum seccomp_test {
	SECCOMP_ALWAYS, /* no condition; ends the list of conditions */
	SECCOMP_EQUALS, /* argument == value */
	SECCOMP_LACKS,  /* (argument & value) == 0 */
	SECCOMP_HAS,    /* (argument & value) == value */
	SECCOMP_SELF,   /* argument == our pid */
};

struct seccomp_check {
	enum seccomp_test test;
	unsigned arg;
	uint32_t value;
};

struct seccomp_row {
	const char *name; /* of the call; NULL ends a set */
	int nr;
	int error;                      /* 0: allowed; else the call fails with this errno */
	struct seccomp_check checks[2]; /* all must hold */
};

struct seccomp_set {
	const char *name; /* for people: "bus", "serial line" */
	const struct seccomp_row *rows;
};

enum { SECCOMP_PROGRAM_MAX = 1024 };

/* The filter of all sets (ended by NULL) together: a call is allowed when any row allows it. `self`
 * is our pid. ERR_LIMIT when it does not fit, ERR_UNSUPPORTED on a machine that this file does not
 * know. */
enum err seccomp_program(const struct seccomp_set *const *sets, uint32_t self,
    struct sock_filter *out, size_t *n) MUST_CHECK;

/* Bind this process, all of its threads, to the sets. Needs no_new_privs. ERR_SYSTEM with errno. */
enum err seccomp_enter(const struct seccomp_set *const *sets) MUST_CHECK;

/* Whether this machine's and kernel's filters can be used. */
bool seccomp_works(void);

#endif
