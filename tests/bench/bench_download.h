/*
 * bench_download: a package fetched, verified and stored by the real gate, beside `curl -o` (which
 * does neither) and Debian's swupdate (which does the same).
 *
 * G1 how long it takes; G5 what a SIGKILL at half costs; what two broken connections cost; what of
 * a corrupt image reaches its target. One HTTP server on the loopback address serves all of them,
 * in turns.
 */
#ifndef SUBOTA_BENCH_DOWNLOAD_H
#define SUBOTA_BENCH_DOWNLOAD_H

#include "bench.h"

void bench_download(struct bench *b);

#endif
