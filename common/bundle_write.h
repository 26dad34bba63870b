/*
 * bundle_write: a head and its payloads to the bytes of a bundle. The same input gives the same
 * bytes, on every machine; GNU tar with `--format=ustar --mtime=@0 --owner=0 --group=0
 * --numeric-owner --mode=0644 -b1` gives them too.
 */
#ifndef SUBOTA_BUNDLE_WRITE_H
#define SUBOTA_BUNDLE_WRITE_H

#include "bundle.h"

struct bundle_source {
	bundle_read *read;
	void *arg;
	uint64_t size;
};

/* Takes the next bytes of the file. */
typedef enum err bundle_put(void *arg, const void *data, size_t len);

/* Write everything through `put`; its first error, or a reader's, is returned. */
enum err bundle_write(bundle_put *put, void *arg, const struct bundle_head *head,
    const struct bundle_source *payloads, size_t n_payloads) MUST_CHECK;

/* A bundle_put for a descriptor: `arg` points to an int. */
enum err bundle_write_fd(void *arg, const void *data, size_t len) MUST_CHECK;

#endif
