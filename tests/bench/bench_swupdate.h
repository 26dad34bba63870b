/*
 * bench_swupdate: Debian's swupdate doing the same work: download an image, check its SHA-256 and
 * the signature over that (CMS, as Debian builds it), store it as a file (raw file handler).
 */
#ifndef SUBOTA_BENCH_SWUPDATE_H
#define SUBOTA_BENCH_SWUPDATE_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "bundle.h"

struct bench_swupdate {
	const char *dir;          /* borrowed; out.bin appears in it */
	char out[300];            /* path of that */
	struct bundle_bytes file; /* the .swu, heap */
};

/* Keys and a signed .swu around `payload`. False: swupdate or openssl is missing or refuses. */
bool bench_swupdate_init(
    struct bench_swupdate *s, const char *dir, const void *payload, size_t len);
void bench_swupdate_fini(struct bench_swupdate *s);

/* The parts: the image's SHA-256 as hexadecimal; key.pem and cert.pem in `dir`, false when openssl
 * or swupdate is missing; a .swu of a description and one file, signed with the keys in `dir`
 * (heap, caller frees). */
void bench_swupdate_sha256(const void *data, size_t len, char hex[65]);
bool bench_swupdate_keys(const char *dir);
bool bench_swupdate_pack(const char *dir, const char *text, const char *name, const void *payload,
    size_t len, struct bundle_bytes *out);
/* Start these words in `dir`, a group of processes of its own; its sockets are in `dir`/tmp. */
pid_t bench_swupdate_exec(const char *dir, const char *const argv[]);

/* Start one run. `retries`: how often it goes on after a broken connection. */
pid_t bench_swupdate_start(const struct bench_swupdate *s, const char *url, unsigned retries);
/* Wait for its end; true when it installed. */
bool bench_swupdate_wait(pid_t pid);
/* SIGKILL for it and its children. */
void bench_swupdate_kill(pid_t pid);

/* Bytes of the installed file. */
uint64_t bench_swupdate_written(const struct bench_swupdate *s);

#endif
