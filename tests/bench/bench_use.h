/*
 * bench_use: what a daemon and all it has started use: processor time and memory.
 */
#ifndef SUBOTA_BENCH_USE_H
#define SUBOTA_BENCH_USE_H

#include "house.h"

struct bench_use {
	double cpu_s;   /* user and system, of ended children, too */
	double pss_mib; /* 0 where it cannot be read */
	unsigned processes;
};

/* Of these parts of a house, each with its process group; those that do not run are nothing. */
struct bench_use bench_use_of(const struct house *h, const enum house_part *parts, size_t n);

/* One kind of memory ("Pss:") of a process in KiB; 0 when it is gone. */
double bench_use_memory(pid_t pid, const char *kind);

#endif
