/*
 * house_proc: the process table, read from /proc.
 */
#ifndef SUBOTA_TESTS_HOUSE_PROC_H
#define SUBOTA_TESTS_HOUSE_PROC_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

struct house_proc {
	pid_t pid, parent, group;
	char state;
	char name[32];                /* at most 15 bytes of the program's */
	uint64_t cpu_ms, children_ms; /* used by it; by its ended and awaited children */
	uint64_t rss_kib;
};

/* From now on this process, and what it starts, has mounts of its own, which go with it. False: it
 * may not (root only). */
bool house_proc_own_mounts(void);

/* One process. False when there is none. */
bool house_proc_read(pid_t pid, struct house_proc *out);

/* The number behind `key` ("Pss:") in /proc/PID/FILE; `none` when it is not there. */
double house_proc_number(pid_t pid, const char *file, const char *key, double none);

/* How many descriptors it has open; 0 when it is gone. */
unsigned house_proc_descriptors(pid_t pid);

/* Call `fn` for each process. */
typedef void house_proc_on(void *arg, const struct house_proc *p);
void house_proc_each(house_proc_on *fn, void *arg);

/* How many descendants of `ancestor` run `program`, the dead ones not counted. */
unsigned house_proc_count(pid_t ancestor, const char *program);

/* A descendant of `ancestor` that runs `program`; 0: none. */
pid_t house_proc_find(pid_t ancestor, const char *program);

/* End what is left of the process group and take its remains; the caller must be a subreaper.
 * Returns how many there were that had to be killed. */
unsigned house_proc_end_group(pid_t group, int patience_ms);

#endif
