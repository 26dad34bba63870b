/*
 * root_make: building a root document, for `subotactl bundle root`. Heap as protobuf-c does it.
 */
#ifndef SUBOTA_ROOT_MAKE_H
#define SUBOTA_ROOT_MAKE_H

#include "root.h"

/* Version 1, nothing else in it. */
enum err root_make_new(Tr__Root **out) MUST_CHECK;

/* NAME:THRESHOLD:KEY.pub[,..][:V/M/C[,..]] in the place of a role of that name, or behind the
 * others; adds the keys to the document. */
enum err root_make_role(Tr__Root *doc, const char *text, char why[WHY_SIZE]) MUST_CHECK;

enum err root_make_revoke_key(Tr__Root *doc, const uint8_t id[MINISIG_KEY_ID]) MUST_CHECK;
enum err root_make_revoke_manifest(Tr__Root *doc, const uint8_t digest[32]) MUST_CHECK;

/* V/M/C:COUNTER:SEQUENCE */
enum err root_make_floor(Tr__Root *doc, const char *text, char why[WHY_SIZE]) MUST_CHECK;
void root_make_clear_floors(Tr__Root *doc);

/* Keys that no role names any more. */
void root_make_drop_unused_keys(Tr__Root *doc);

#endif
