/*
 * resolver: see resolver.h.
 */
#include "resolver.h"

#include <errno.h>
#include <fcntl.h>

#include "auto.h"

/* Only opening asks Landlock; access(2) does not. */
static bool
is_denied(const char *path)
{
	AUTO(fd) int fd = open(path, O_RDONLY | O_CLOEXEC);

	return fd < 0 && errno == EACCES;
}

void
resolver_init(struct resolver *r, const char *path)
{
	*r = (struct resolver){path, is_denied(path)};
}

bool
resolver_is_lost(const struct resolver *r)
{
	return !r->denied && is_denied(r->path);
}
