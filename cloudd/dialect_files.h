/*
 * dialect_files: the order of the files of a 0113 (id 20): that of their indices (id 30). Pure.
 */
#ifndef SUBOTA_DIALECT_FILES_H
#define SUBOTA_DIALECT_FILES_H

#include "dialect.h"

/* The elements of `list` in their order: where each begins among the nodes. ERR_LIMIT (none, more
 * than five, no index), ERR_MALFORMED (no structs, an index twice), ERR_NOT_FOUND, with the
 * sentence in `why`. */
enum err dialect_files_sort(const struct ttlv *t, const struct ttlv_node *list,
    size_t at[DIALECT_FILES_MAX], size_t *n, char *why) MUST_CHECK;

#endif
