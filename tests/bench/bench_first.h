/*
 * bench_first: a package server that only looks at the clock: when did the first byte of a request
 * come? It answers 404 and closes.
 */
#ifndef SUBOTA_BENCH_FIRST_H
#define SUBOTA_BENCH_FIRST_H

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>

struct bench_first {
	int listener;
	unsigned port; /* on 127.0.0.1 */
	pthread_t thread;
	atomic_bool stop;
	_Atomic double at; /* wall clock, ms since 1970; 0 = nobody came yet */
};

bool bench_first_start(struct bench_first *f);
void bench_first_stop(struct bench_first *f);
/* Forget the last visitor. */
void bench_first_reset(struct bench_first *f);
/* When the first visitor since then came; waits up to `seconds`, then 0. */
double bench_first_wait(struct bench_first *f, double seconds);

#endif
