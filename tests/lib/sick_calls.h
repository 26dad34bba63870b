/*
 * sick_calls: system calls of this very process that fail as those on a sick disk do: in the test
 * program itself, and in the libraries that it uses. Where a disk of its own (sickdisk.h) would be
 * too much.
 */
#ifndef SUBOTA_TESTS_SICK_CALLS_H
#define SUBOTA_TESTS_SICK_CALLS_H

enum sick_call {
	SICK_READ,  /* pread, of what lies at `from` or behind */
	SICK_END,   /* pread finds the file's end at `from`, as when it was cut meanwhile */
	SICK_WRITE, /* pwrite, likewise */
	SICK_SHORT, /* pwrite of what reaches over `from` writes no further */
	SICK_SYNC,  /* fsync and fdatasync, from that call on, 0 is the next */
	SICK_CALLS
};

/* These fail with `error` (for SICK_END and SICK_SHORT any); 0: none. */
void sick_calls_fail(enum sick_call call, int error, long from);

#endif
