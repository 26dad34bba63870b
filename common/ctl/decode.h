/*
 * decode: what bytes say, as JSON, by the daemons' own codecs, so that the tool and the daemons can
 * never read the same bytes in two ways. Judges the form only: no signature, no sender.
 */
#ifndef SUBOTA_DECODE_H
#define SUBOTA_DECODE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "bundle.h"

/* As words of the command line. */
enum decode_kind {
	DECODE_DP,
	DECODE_TTLV,
	DECODE_MQTT,
	DECODE_ENVELOPE,
	DECODE_SMP,
	DECODE_MODBUS,
	DECODE_AN3155,
	DECODE_BUNDLE,
	DECODE_KINDS
};

/* "dp", "ttlv", ..; and back, DECODE_KINDS for another word. */
const char *decode_name(enum decode_kind kind);
enum decode_kind decode_find(const char *name);

/* Most bytes that may be one of these; a bundle is read where it lies and has no limit here. */
size_t decode_limit(enum decode_kind kind);

/* One line of JSON on the heap, the caller's to free; `why` may stay empty. The errors are those of
 * the codec that refused. DECODE_BUNDLE reads `data` as a whole file. */
enum err decode_bytes(enum decode_kind kind, const uint8_t *data, size_t len, char **out,
    char why[WHY_SIZE]) MUST_CHECK;

/* A bundle of `size` bytes through a reader: its roots, manifest, signatures, and where its
 * payloads lie. The digests of payloads are compared with the manifest's. */
enum err decode_bundle(
    bundle_read *read, void *arg, uint64_t size, char **out, char why[WHY_SIZE]) MUST_CHECK;

/* Whether a text has nothing in it but hex digits, blanks and colons; "" is such a text. */
bool decode_is_hex(const char *text, size_t len);
/* The bytes of such a text; heap. ERR_MALFORMED: another character, or half a byte at the end. */
enum err decode_unhex(const char *text, size_t len, uint8_t **out, size_t *n) MUST_CHECK;

#endif
