/*
 * bundle_dir: the head of a bundle as files of a store entry, the way the gate hands it to flashd:
 * `manifest`, `manifest.sigN`, `root.N`, `root.N.sigM`. Other files are none of its business.
 *
 * The directory belongs to another process: each file is opened without following links and without
 * blocking, must be a regular file within its cap, and is copied into our own memory; what happens
 * to it afterwards has no effect. Loading checks nothing but that; trust_verify does the rest.
 */
#ifndef SUBOTA_BUNDLE_DIR_H
#define SUBOTA_BUNDLE_DIR_H

#include <sys/types.h>

#include "bundle.h"

/* Load from an open directory. ERR_NOT_FOUND without a manifest; ERR_FRAME for a file that is not
 * regular; ERR_LIMIT over a cap. */
enum err bundle_dir_load(int dirfd, struct bundle_head **out, char why[WHY_SIZE]) MUST_CHECK;

/* Write all files of the head with this mode, each synced, then the directory. ERR_EXISTS when one
 * is there already: write into a fresh directory, then rename that. ERR_FULL, ERR_SYSTEM. */
enum err bundle_dir_save(int dirfd, const struct bundle_head *h, mode_t mode) MUST_CHECK;

/* A regular file of at most `max` bytes as heap bytes (one NUL behind them, not counted); no link
 * is followed, nothing blocks. ERR_NOT_FOUND, ERR_FRAME (not regular), ERR_LIMIT, ERR_SYSTEM. */
enum err bundle_dir_read_file(
    int dirfd, const char *name, size_t max, struct bundle_bytes *out) MUST_CHECK;

/* One document and its signatures NAME.sigN, with the same rules. */
enum err bundle_dir_load_signed(int dirfd, const char *name, size_t max, struct bundle_signed *out,
    char why[WHY_SIZE]) MUST_CHECK;

/* Write both in the place of what is there: each file complete and synced before its name is
 * taken, the document last, then the directory. On an error the document is gone, the older one,
 * too: nobody may find under its name what is not durable. errno says what the disk did. */
enum err bundle_dir_replace_signed(
    int dirfd, const char *name, const struct bundle_signed *s, mode_t mode) MUST_CHECK;

#endif
