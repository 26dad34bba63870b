/*
 * auto: scope-bound ownership.
 *
 *     AUTO(fd) int fd = open(...);             closed when the scope ends
 *     AUTO(ttlv) struct ttlv *t = NULL;        ttlv_free()d when the scope ends
 *     *out = HAND_OVER(t);                     ... unless it was handed over
 *
 * AUTO(name) needs a function auto_name(TYPE *); the common ones are here, a module that exports
 * x_free() makes its own with AUTO_DEFINE in its header. Always initialise at the declaration.
 */
#ifndef SUBOTA_AUTO_H
#define SUBOTA_AUTO_H

#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#define AUTO(name) __attribute__((cleanup(auto_##name)))

/* Value of `var`, which is left NULL: the caller of this macro owns it from now on. Pointers only.
 */
#define HAND_OVER(var) \
	({ \
		__typeof__(var) given_ = (var); \
		(var) = NULL; \
		given_; \
	})

#define AUTO_DEFINE(name, type, free_fn) \
	static inline void auto_##name(type *p) \
	{ \
		if (*p) \
			free_fn(*p); \
	}

static inline void
auto_fd(int *fd)
{
	if (*fd >= 0)
		close(*fd);
}

/* HAND_OVER for a descriptor. */
static inline int
hand_over_fd(int *fd)
{
	int given = *fd;

	*fd = -1;
	return given;
}

static inline void
auto_mem(void *p)
{
	free(*(void **)p);
}

AUTO_DEFINE(file, FILE *, fclose)
AUTO_DEFINE(dir, DIR *, closedir)

#endif
