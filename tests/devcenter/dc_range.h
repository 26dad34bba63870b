/*
 * dc_range: the Range header of HTTP (RFC 9110, section 14), for one resource of a known size.
 * Pure.
 */
#ifndef DC_RANGE_H
#define DC_RANGE_H

#include <stdint.h>

enum dc_range {
	DC_RANGE_ALL,  /* no range, several ranges, or one that is not understood: 200 */
	DC_RANGE_PART, /* 206 */
	DC_RANGE_NONE, /* nothing of it exists: 416 */
};

/* `header` may be NULL. *first and *len are set for ALL and PART. */
enum dc_range dc_range_parse(const char *header, uint64_t size, uint64_t *first, uint64_t *len);

#endif
