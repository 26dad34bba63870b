/*
 * bench_line: one sender at one emulated line, either a session of ours or a program of somebody
 * else, and how fast it got on in the middle of its work.
 */
#ifndef SUBOTA_BENCH_LINE_H
#define SUBOTA_BENCH_LINE_H

#include <sys/types.h>

#include "sub_line.h"

/* How far it was, when. */
struct bench_point {
	double at, bytes;
};

struct bench_line {
	struct sub_line *line;     /* freed with this */
	struct bundle_bytes image; /* likewise */
	pid_t peer;                /* 0: our session */
	bool running, fine;
	double begin, end;
	struct bench_point from, to; /* at 5 and 95 % of the image */
	struct sub_line_end last;    /* of our session */
};

/* Start argv[0] in the line's directory with `fd` as its input and output (borrowed; -1: none). */
bool bench_line_peer(struct bench_line *l, const char *const argv[], int fd);

/* Watch `n` of them until all have ended or `seconds` are over. `bytes` says how much of the image
 * the device of a line has, less than 0: unknown now. */
void bench_line_watch(
    struct bench_line *const lines[], int n, double (*bytes)(struct bench_line *l), double seconds);

/* Image bytes a second between 5 and 95 %; 0 when it was too short or did not end well. */
double bench_line_rate(const struct bench_line *l);
/* Seconds for all of it, 0 likewise. */
double bench_line_took(const struct bench_line *l);
/* Why it did not end well. */
const char *bench_line_why(const struct bench_line *l);

void bench_line_close(struct bench_line *l);

#endif
