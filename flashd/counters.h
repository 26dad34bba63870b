/*
 * counters: what has been confirmed on each device: the anti-rollback numbers.
 *
 * One row per component of a device *binding* (product key, device key and the hardware it is bound
 * to): another unit under the same name starts with the signed floors only. A row changes in the
 * transaction that records DONE, that is, after the device ran and confirmed the image, and at no
 * other time; the counter never goes down. A row that cannot be right is an error, not a zero: then
 * nothing is flashed on that device.
 */
#ifndef SUBOTA_COUNTERS_H
#define SUBOTA_COUNTERS_H

#include "record.h"
#include "rollback.h"

/* For the list of migrations of flashd's database. */
#define COUNTERS_SCHEMA \
	"CREATE TABLE confirmed(product_key TEXT, device_key TEXT, binding TEXT, component TEXT," \
	" counter INT, sequence INT, digest BLOB, generation INT, image_sha256 BLOB," \
	" version TEXT, PRIMARY KEY(product_key, device_key, binding, component)) WITHOUT ROWID;"

enum { COUNTERS_BINDING = 270, COUNTERS_VERSION = 65 };

struct counters_key {
	const char *product_key, *device_key;
	const char *binding; /* counters_binding() */
	const char *component;
};

struct counters_row {
	uint64_t counter, sequence;
	uint8_t digest[32]; /* of the manifest */
	uint32_t generation;
	uint8_t image_sha256[32];
	char version[COUNTERS_VERSION]; /* as the device says it */
};

/* "vendor/model/hw_revision", and "/unit" where that is known (unit.h), "" or NULL where not. */
void counters_binding(char out[COUNTERS_BINDING], const char *vendor, const char *model,
    const char *hw_revision, const char *unit);

/* ERR_NOT_FOUND: nothing was ever confirmed. ERR_CORRUPT: a row that makes no sense. */
enum err counters_get(
    struct record *r, const struct counters_key *k, struct counters_row *out) MUST_CHECK;

/* Note what was confirmed. Part of the caller's transaction. The counter is never lowered. */
enum err counters_raise(
    struct record *r, const struct counters_key *k, const struct counters_row *row) MUST_CHECK;

/* May this manifest replace what is confirmed? rollback_check with the stored state; also its
 * ERR_ALREADY. ERR_CORRUPT: the state cannot be trusted, nothing may be flashed. */
enum err counters_check(struct record *r, const struct counters_key *k,
    const struct rollback_rules *rules, const Tr__Manifest *m, const uint8_t digest[32],
    char why[WHY_SIZE]) MUST_CHECK;

#endif
