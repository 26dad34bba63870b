/*
 * sub_pty: see sub_pty.h.
 */
#include "sub_pty.h"

#include <errno.h>
#include <fcntl.h>
#include <pty.h>
#include <stdio.h>
#include <termios.h>
#include <unistd.h>

static bool
link_to(const char *path, const char *name)
{
	char next[4096];
	int n = snprintf(next, sizeof(next), "%s.next", path);

	if (n < 0 || (size_t)n >= sizeof(next)) {
		errno = ENAMETOOLONG;
		return false;
	}
	unlink(next);
	return symlink(name, next) == 0 && rename(next, path) == 0;
}

bool
sub_pty_plug(struct sub_pty *p)
{
	char name[64];
	struct termios raw = {0};

	cfmakeraw(&raw);
	raw.c_cflag |= CREAD | CLOCAL;
	if (openpty(&p->master, &p->slave, name, &raw, NULL) != 0) {
		p->master = p->slave = -1;
		return false;
	}
	fcntl(p->slave, F_SETFD, FD_CLOEXEC);
	fcntl(p->master, F_SETFD, FD_CLOEXEC);
	if (fcntl(p->master, F_SETFL, O_RDWR | O_NONBLOCK) == 0 &&
	    (p->owner == (uid_t)-1 || fchown(p->slave, p->owner, (gid_t)-1) == 0) &&
	    link_to(p->path, name))
		return true;
	int number = errno;
	sub_pty_unplug(p);
	errno = number;
	return false;
}

void
sub_pty_unplug(struct sub_pty *p)
{
	if (p->master < 0)
		return;
	unlink(p->path);
	close(p->master);
	close(p->slave);
	p->master = p->slave = -1;
}
