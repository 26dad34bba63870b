/*
 * rights: descriptors that travel with a message over a unix socket (SCM_RIGHTS): the bytes that
 * unix(7) wants around them. Pure; sending and receiving are the caller's.
 */
#ifndef SUBOTA_RIGHTS_H
#define SUBOTA_RIGHTS_H

#include <stddef.h>
#include <sys/socket.h>

enum { RIGHTS_MOST = 5 }; /* descriptors with one message */

union rights {
	struct cmsghdr head;
	char space[CMSG_SPACE(RIGHTS_MOST * sizeof(int))];
};

/* Let 1 to RIGHTS_MOST descriptors, which stay the caller's, go with `m`; `r` outlives the sending.
 */
void rights_add(struct msghdr *m, union rights *r, const int *fds, size_t n);
/* Make room for `most` of them in `m`, before it is received. More than that are not delivered, and
 * msg_flags says MSG_CTRUNC. */
void rights_expect(struct msghdr *m, union rights *r, size_t most);
/* Those that came with `m`, at most RIGHTS_MOST, are the caller's from now on; returns how many. */
size_t rights_take(struct msghdr *m, int *fds);

#endif
