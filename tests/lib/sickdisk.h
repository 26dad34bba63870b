/*
 * sickdisk: an image file behind which a disk fails as a test wants: what is written, what is
 * flushed, what is read. It is served as one file of a FUSE file system; a loop device over that
 * file is a block device, and the file system on it meets the errors where it meets those of a real
 * disk: in its own cache, its journal, its flushes. The device mapper's targets would do the same,
 * where a kernel has them.
 *
 * What a write has lost is lost: the image has what was there before.
 *
 * Needs root, and /dev/fuse.
 */
#ifndef SUBOTA_TESTS_SICKDISK_H
#define SUBOTA_TESTS_SICKDISK_H

#include <stdbool.h>

struct sickdisk;

enum sickdisk_fault { SICKDISK_WRITE = 1, SICKDISK_FLUSH = 2, SICKDISK_READ = 4 };

/* `image` is served as DIR/disk.img, by a child; DIR is there already. NULL: not to be had. */
struct sickdisk *sickdisk_open(const char *dir, const char *image);
/* From now on these fail, a set of faults; 0: none, it is sound again. */
void sickdisk_fail(struct sickdisk *s, unsigned faults);
/* So many have failed since. */
unsigned sickdisk_failed(const struct sickdisk *s);
/* What is still mounted on it meets errors. May be NULL. */
void sickdisk_close(struct sickdisk *s);

#endif
