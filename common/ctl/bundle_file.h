/*
 * bundle_file: a bundle on disk, opened for the commands that look at one or change its head.
 */
#ifndef SUBOTA_BUNDLE_FILE_H
#define SUBOTA_BUNDLE_FILE_H

#include "bundle_write.h"
#include "manifest.h"

struct bundle_file {
	int fd;
	uint64_t size;
	struct bundle_head *head;
	Tr__Manifest *manifest; /* well formed; signatures are somebody else's question */
	struct bundle_payload payloads[BUNDLE_PAYLOADS_MAX];
};

/* Open, read the head, parse the manifest, check the payloads' framing. */
enum err bundle_file_open(const char *path, struct bundle_file *out, char why[WHY_SIZE]) MUST_CHECK;
void bundle_file_close(struct bundle_file *f);

/* Stored digest and every chunk digest of payload i; ERR_DIGEST. */
enum err bundle_file_check_payload(
    const struct bundle_file *f, size_t i, char why[WHY_SIZE]) MUST_CHECK;

/* The same through any reader, for a payload that lies at `offset`. */
enum err bundle_file_check_stored(bundle_read *read, void *arg, uint64_t offset,
    const Tr__Payload *p, char why[WHY_SIZE]) MUST_CHECK;

/* Write head and payloads to `path` through a temporary file in the same directory. */
enum err bundle_file_save(const char *path, const struct bundle_head *head,
    const struct bundle_source *payloads, size_t n, char why[WHY_SIZE]) MUST_CHECK;
/* The same with the payloads of an open bundle. */
enum err bundle_file_resave(
    const char *path, const struct bundle_file *f, char why[WHY_SIZE]) MUST_CHECK;

/* Any small file, whole; and a new one (O_EXCL). */
enum err bundle_file_read(
    const char *path, size_t max, struct bundle_bytes *out, char why[WHY_SIZE]) MUST_CHECK;
enum err bundle_file_create(
    const char *path, const void *data, size_t len, char why[WHY_SIZE]) MUST_CHECK;

/* A document FILE with its FILE.sigN beside it. */
enum err bundle_file_read_signed(
    const char *path, struct bundle_signed *out, char why[WHY_SIZE]) MUST_CHECK;

#endif
