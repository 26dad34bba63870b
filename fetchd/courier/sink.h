/*
 * sink: the file a courier fills, hashed beside the write.
 *
 * The caller's thread only collects bytes and writes them in pieces of SINK_PIECE; a second thread
 * follows behind: it reads what was written (from the page cache), hashes it, and makes it durable
 * every `mark_bytes`. So receiving never waits for a hash or for the disk, a resumed file's prefix
 * is hashed while the rest arrives, and a courier that is killed loses less than one piece. A ring
 * of buffers between two threads was the alternative: no faster, and it loses what is queued.
 *
 * What is filled may begin anywhere in the file; all other numbers count from there. One sink per
 * process and per file; not thread-safe towards its caller.
 */
#ifndef SUBOTA_SINK_H
#define SUBOTA_SINK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "auto.h"
#include "err.h"

/* Larger pieces gain nothing measurable, smaller ones cost. Below 64 KiB because it is what a kill
 * loses. */
enum { SINK_PIECE = 48 * 1024 };

struct sink;

struct sink_setup {
	int fd;              /* borrowed; open for reading and writing */
	uint64_t base;       /* where in the file it begins: what is before it is not touched */
	uint64_t offset;     /* bytes already there; the rest of the file is cut off */
	uint64_t mark_bytes; /* durable at least this often; 0 = only at the end */
	bool md5, sha256;    /* wanted */
};

/* ERR_LIMIT when the file is shorter than `base` and `offset`. Caller frees. */
enum err sink_new(const struct sink_setup *setup, struct sink **out) MUST_CHECK;
/* Stops the thread; bytes that were not flushed are lost. */
void sink_free(struct sink *s);
AUTO_DEFINE(sink, struct sink *, sink_free)

/* Append; writes as soon as a piece is full. ERR_FULL, ERR_SYSTEM. */
enum err sink_put(struct sink *s, const void *data, size_t len) MUST_CHECK;
/* Write what is still in the buffer: called whenever the socket runs dry. */
enum err sink_flush(struct sink *s) MUST_CHECK;
/* Throw everything away and begin at zero. */
enum err sink_restart(struct sink *s) MUST_CHECK;
/* Flush and make durable, without waiting for the hashes: before an early end. */
enum err sink_settle(struct sink *s) MUST_CHECK;
/* Flush, hash the rest, make durable. The digests are of the whole file; zero if not wanted. */
enum err sink_finish(struct sink *s, uint8_t md5[16], uint8_t sha256[32]) MUST_CHECK;

uint64_t sink_size(const struct sink *s);    /* with what is still in the buffer */
uint64_t sink_written(const struct sink *s); /* in the file */
uint64_t sink_durable(struct sink *s);       /* on the disk, as far as the kernel knows */

#endif
