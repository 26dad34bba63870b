/*
 * dc_range: see dc_range.h.
 */
#include "dc_range.h"

#include <ctype.h>
#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

static bool
number(const char **at, uint64_t *out)
{
	char *end = NULL;

	if (!isdigit((unsigned char)**at))
		return false;
	errno = 0;
	*out = strtoull(*at, &end, 10);
	*at = end;
	return errno == 0;
}

enum dc_range
dc_range_parse(const char *header, uint64_t size, uint64_t *first, uint64_t *len)
{
	uint64_t a = 0, b = UINT64_MAX;

	*first = 0;
	*len = size;
	if (!header || strncmp(header, "bytes=", 6) != 0)
		return DC_RANGE_ALL;
	const char *at = header + 6;
	bool suffix = *at == '-';
	if (!suffix && !number(&at, &a))
		return DC_RANGE_ALL;
	if (*at++ != '-')
		return DC_RANGE_ALL;
	if ((*at || suffix) && !number(&at, &b))
		return DC_RANGE_ALL;
	if (*at || (!suffix && b < a))
		return DC_RANGE_ALL;
	if (suffix) {
		if (b == 0 || size == 0)
			return DC_RANGE_NONE;
		*len = b < size ? b : size;
		*first = size - *len;
		return DC_RANGE_PART;
	}
	if (a >= size)
		return DC_RANGE_NONE;
	*first = a;
	*len = (b < size ? b + 1 : size) - a;
	return DC_RANGE_PART;
}
