/*
 * caught: see caught.h. A file and not a pipe, because nobody empties a pipe meanwhile.
 */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

#include "caught.h"

struct caught {
	int fd, saved, file;
	char *text;
};

struct caught *
caught_begin(int fd)
{
	struct caught *c = calloc(1, sizeof(*c));

	if (!c)
		abort();
	fflush(NULL);
	*c = (struct caught){.fd = fd,
	    .saved = fcntl(fd, F_DUPFD_CLOEXEC, 3),
	    .file = memfd_create("caught", MFD_CLOEXEC)};
	if (c->saved < 0 || c->file < 0 || dup2(c->file, fd) < 0)
		abort();
	return c;
}

const char *
caught_text(struct caught *c)
{
	fflush(NULL);
	off_t size = lseek(c->file, 0, SEEK_END);

	free(c->text);
	c->text = calloc(1, (size_t)size + 1);
	if (!c->text || pread(c->file, c->text, (size_t)size, 0) != (ssize_t)size)
		abort();
	return c->text;
}

void
caught_end(struct caught *c)
{
	if (!c)
		return;
	fflush(NULL);
	if (dup2(c->saved, c->fd) < 0)
		abort();
	close(c->saved);
	close(c->file);
	free(c->text);
	free(c);
}
