/*
 * store: packages on the disk: the ones being fetched and the ones that were verified.
 *
 *     STORE/                        02750 fetchd:flashd's group, made by the daemon skeleton
 *     STORE/incoming/               0700  the gate's alone
 *     STORE/incoming/<job>.part     0600  a courier appends to it through a descriptor
 *     STORE/<hex>/                  02750 hex = manifest digest (BLAKE2b-256, lower case, 64
 * digits) STORE/<hex>/bundle            0440  the package exactly as it was downloaded
 *
 * An entry holds one file, the whole bundle: root documents, manifest, signatures and payloads lie
 * in it as they were signed, and flashd reads head and payload from it (payload offsets come from
 * its own reading of the head). So a package is written to the disk once (goal G12); unpacking it
 * into one file per member, as first sketched in spec/trust.md 3.3, would write everything twice.
 *
 * An entry appears at once or not at all: the file is made durable and read-only, moved into a
 * directory of its own, which is made durable and then renamed into place. Nobody may believe that
 * an entry is good because it is here: the owner of a file can always change it.
 *
 * No policy in here: what is needed, and what goes first when room is short, the caller says.
 */
#ifndef SUBOTA_STORE_H
#define SUBOTA_STORE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "auto.h"
#include "err.h"

enum { STORE_DIGEST = 32, STORE_HEX = 2 * STORE_DIGEST };

struct store;

/* `quota`: bytes of everything below STORE together. Makes incoming/. Caller frees. */
enum err store_open(const char *dir, uint64_t quota, struct store **out) MUST_CHECK;
void store_close(struct store *s);
AUTO_DEFINE(store, struct store *, store_close)

/* The last error of store_incoming_open, store_incoming_sync and store_publish in a sentence: file,
 * directory, what the system said, what to do. */
const char *store_why(const struct store *s);

/* Open (and make) the incoming file of a job for reading and writing; *size is its length. The
 * descriptor is the caller's. */
enum err store_incoming_open(struct store *s, uint64_t job, int *fd, uint64_t *size) MUST_CHECK;
/* Bytes that it has; 0 where there is none. */
uint64_t store_incoming_length(const struct store *s, uint64_t job);
/* Make the names of all incoming files durable; a new one's is not when it is opened. */
enum err store_incoming_sync(struct store *s) MUST_CHECK;
void store_incoming_drop(struct store *s, uint64_t job);
/* Take the open file for one courier. The lock belongs to the open file, so it lives until the last
 * process that was given this descriptor is gone: ERR_BUSY tells a restarted gate that a courier of
 * its predecessor still writes. */
enum err store_incoming_lock(int fd) MUST_CHECK;

/* Make the incoming file of `job` the entry `digest`. An entry that is there already stays as it is
 * and the incoming file goes. Durable when it returns ERR_OK. */
enum err store_publish(
    struct store *s, uint64_t job, const uint8_t digest[STORE_DIGEST]) MUST_CHECK;
/* Open an entry's bundle for reading, without following links; ERR_NOT_FOUND, ERR_CORRUPT (not a
 * plain file). *size is its length. */
enum err store_bundle_open(struct store *s, const uint8_t digest[STORE_DIGEST], int *fd,
    uint64_t *size) MUST_CHECK;
void store_drop(struct store *s, const uint8_t digest[STORE_DIGEST]);

/* Is there room for `bytes` more? ERR_QUOTA: not within the quota; ERR_FULL: not on the disk. */
enum err store_room(struct store *s, uint64_t bytes) MUST_CHECK;
/* Bytes below STORE now. */
uint64_t store_used(struct store *s);

/* Remove what nobody knows: half-made entries, and incoming files and entries for which the answer
 * is no. Called at start, and while something is left that could not be removed. */
struct store_known {
	bool (*job)(void *arg, uint64_t job);
	bool (*entry)(void *arg, const uint8_t digest[STORE_DIGEST]);
	void *arg;
};
void store_sweep(struct store *s, const struct store_known *known);
/* Could something not be removed, since the last sweep, that should have been? */
bool store_left_something(const struct store *s);

/* Lower-case hex; `out` has STORE_HEX + 1 bytes. */
void store_hex(const uint8_t digest[STORE_DIGEST], char *out);
/* The other way round; false unless `text` is exactly 64 lower-case hex digits. */
bool store_unhex(const char *text, uint8_t digest[STORE_DIGEST]);

#endif
