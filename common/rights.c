/*
 * rights: see rights.h.
 */
#include <string.h>

#include "rights.h"

void
rights_add(struct msghdr *m, union rights *r, const int *fds, size_t n)
{
	*r = (union rights){0};
	m->msg_control = r;
	m->msg_controllen = CMSG_SPACE(n * sizeof(int));
	struct cmsghdr *c = CMSG_FIRSTHDR(m);

	c->cmsg_level = SOL_SOCKET;
	c->cmsg_type = SCM_RIGHTS;
	c->cmsg_len = CMSG_LEN(n * sizeof(int));
	memcpy(CMSG_DATA(c), fds, n * sizeof(int));
}

void
rights_expect(struct msghdr *m, union rights *r, size_t most)
{
	*r = (union rights){0};
	m->msg_control = r; /* without padding, in which one more would fit */
	m->msg_controllen = CMSG_LEN(most * sizeof(int));
}

size_t
rights_take(struct msghdr *m, int *fds)
{
	struct cmsghdr *c = CMSG_FIRSTHDR(m);

	if (!c || c->cmsg_level != SOL_SOCKET || c->cmsg_type != SCM_RIGHTS)
		return 0;
	size_t n = (c->cmsg_len - CMSG_LEN(0)) / sizeof(int);

	n = n < RIGHTS_MOST ? n : RIGHTS_MOST;
	memcpy(fds, CMSG_DATA(c), n * sizeof(int));
	return n;
}
