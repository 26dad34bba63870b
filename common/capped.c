/*
 * capped: see capped.h. The memory is malloc's own, hence a plain free() later.
 */
#include <stdlib.h>

#include "capped.h"

static void *
take(void *arg, size_t size)
{
	size_t *left = arg;

	if (size > *left)
		return NULL;
	*left -= size;
	return malloc(size);
}

static void
give(void *arg, void *p)
{
	(void)arg;
	free(p);
}

ProtobufCAllocator
capped_allocator(size_t *left)
{
	return (ProtobufCAllocator){take, give, left};
}
