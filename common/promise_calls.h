/*
 * promise_calls: the sets of system calls that the promises (promise.h) are made of. Each set is
 * what one kind of work needs in its steady state, seen with strace and in spec/sandbox.md 2.2.
 */
#ifndef SUBOTA_PROMISE_CALLS_H
#define SUBOTA_PROMISE_CALLS_H

#include "seccomp.h"

extern const struct seccomp_set promise_calls_base;     /* memory, time, own descriptors, ending */
extern const struct seccomp_set promise_calls_channel;  /* a connected socket or pipe */
extern const struct seccomp_set promise_calls_bus;      /* ZeroMQ over unix sockets */
extern const struct seccomp_set promise_calls_reader;   /* open and read files, never write */
extern const struct seccomp_set promise_calls_files;    /* make, change and remove own files */
extern const struct seccomp_set promise_calls_network;  /* connect by TCP, ask a name server */
extern const struct seccomp_set promise_calls_threads;  /* start threads, never processes */
extern const struct seccomp_set promise_calls_courier;  /* write a file that is open */
extern const struct seccomp_set promise_calls_plug;     /* lines that appear */
extern const struct seccomp_set promise_calls_line;     /* a serial line that is open */
extern const struct seccomp_set promise_calls_flasher;  /* a program that writes devices */
extern const struct seccomp_set promise_calls_launcher; /* who starts it */
extern const struct seccomp_set promise_calls_births;   /* be given descriptors for a child */
extern const struct seccomp_set promise_calls_parent;   /* start and watch another program */

#endif
