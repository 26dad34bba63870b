/*
 * processes: the running processes of one of our programs, and what /proc says of them. Of another
 * user's processes only root sees everything.
 */
#ifndef SUBOTA_PROCESSES_H
#define SUBOTA_PROCESSES_H

#include <stdbool.h>
#include <stdint.h>

#include "promise.h"

/* Call `fn` with the pid (as text) of each process that keeps this promise: whose executable has
 * that name, and of nurseries, which are one program, those that were started for that. */
void processes_each(
    const struct sandbox_promise *p, void (*fn)(void *arg, const char *pid), void *arg);

/* The value behind "Key:" in a process's status, "" when there is none. */
void processes_status(const char *pid, const char *key, char out[64]);

/* Its share of memory: PSS where we may know it, else RSS; bytes, 0 when it is gone. */
uint64_t processes_memory(const char *pid);
/* Processor time that it has used, in ms. */
uint64_t processes_cpu_ms(const char *pid);

#endif
