/*
 * manifest_make: building a manifest, for `subotactl bundle` and for tests. Everything is on the
 * heap the way protobuf-c would have put it there, so manifest_free releases it.
 */
#ifndef SUBOTA_MANIFEST_MAKE_H
#define SUBOTA_MANIFEST_MAKE_H

#include "bundle_write.h"
#include "manifest.h"

/* An empty one with magic and format. */
enum err manifest_make_new(Tr__Manifest **out) MUST_CHECK;

/* Replace a text field. */
enum err manifest_make_text(char **field, const char *value) MUST_CHECK;
enum err manifest_make_bytes(ProtobufCBinaryData *field, const void *data, size_t len) MUST_CHECK;

/* Append to a repeated text field. */
enum err manifest_make_add_text(char ***list, size_t *n, const char *value) MUST_CHECK;

enum err manifest_make_target(
    Tr__Manifest *m, const char *vendor, const char *model, Tr__Target **out) MUST_CHECK;
enum err manifest_make_depends(
    Tr__Manifest *m, const char *component, Tr__Depends **out) MUST_CHECK;

/* Append a payload: name, sizes, digests and chunk digests from the source, which is read once. */
enum err manifest_make_payload(Tr__Manifest *m, const char *component,
    const struct bundle_source *source, uint32_t chunk_size, Tr__Payload **out) MUST_CHECK;
/* Set a driver hint, keeping keys ascending; the same key again replaces the value. */
enum err manifest_make_hint(Tr__Payload *p, const char *key, const char *value) MUST_CHECK;

/* Any document to its bytes. */
enum err manifest_make_pack(const ProtobufCMessage *m, struct bundle_bytes *out) MUST_CHECK;

#endif
