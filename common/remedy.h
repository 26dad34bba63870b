/*
 * remedy: what a person can do about a file that cannot be used, to be put behind the system's own
 * word for it ("Read-only file system; ...").
 */
#ifndef SUBOTA_REMEDY_H
#define SUBOTA_REMEDY_H

/* Of an errno; "" where there is nothing to say. */
const char *remedy(int error);

#endif
