/*
 * inject: make another process call the kernel, from outside, with ptrace. Nothing of the product
 * helps: it is the shipped program, jailed, in whatever state it is in, and its main thread is made
 * to execute one system call after the other with its own `syscall` instruction.
 *
 * x86-64 only (inject_works); needs root, because the programs cannot be dumped.
 */
#ifndef SUBOTA_ESCAPE_INJECT_H
#define SUBOTA_ESCAPE_INJECT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

enum inject_end {
	INJECT_RETURNED, /* result: what the kernel returned, negative errno */
	INJECT_KILLED,   /* the process was ended by SIGSYS: seccomp */
	INJECT_BECAME,   /* it is another program now */
	INJECT_LOST,     /* something else happened to it, or it could not be reached */
};

struct inject;

bool inject_works(void);

/* Stop the process where it waits in a system call; NULL when it cannot be reached. The caller must
 * not be its parent. */
struct inject *inject_begin(pid_t pid);
/* Put things back and let it run on; frees. */
void inject_finish(struct inject *in);

/* Copy bytes to its stack, for the calls to come; their address there, 0 when it fails. */
uint64_t inject_put(struct inject *in, const void *bytes, size_t n);
/* One call. A process that it starts is killed at once. */
enum inject_end inject_call(struct inject *in, long nr, const uint64_t args[6], long *result);

#endif
