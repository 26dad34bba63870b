/*
 * nursery: the gate's end; see nursery.h. The other end is nursery/main.c.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>

#include "log.h"
#include "nursery.h"
#include "sandbox.h"

struct nursery {
	int fd;
	pid_t pid;
};

enum err
nursery_start(const struct nursery_setup *s, struct nursery **out)
{
	char uid_text[16], gid_text[16];
	char *argv[] = {(char *)(uintptr_t) "subota-nursery", (char *)(uintptr_t)s->courier,
	    uid_text, gid_text, (char *)(uintptr_t)s->mode, (char *)(uintptr_t)s->ca_file, NULL};
	struct nursery *n = calloc(1, sizeof(*n));
	int pair[2] = {-1, -1};

	if (!n)
		return ERR_NOMEM;
	snprintf(uid_text, sizeof(uid_text), "%u", (unsigned)s->uid);
	snprintf(gid_text, sizeof(gid_text), "%u", (unsigned)s->gid);
	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair) < 0) {
		free(n);
		return ERR_SYSTEM;
	}
	enum err e = sandbox_spawn(s->program, argv, &pair[1], 1, &n->pid);
	close(pair[1]);
	n->fd = pair[0];
	if (e == ERR_OK)
		*out = n;
	else
		nursery_free(n);
	return e;
}

enum err
nursery_connect(const char *path, struct nursery **out)
{
	struct sockaddr_un a = {.sun_family = AF_UNIX};
	AUTO(fd) int fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);

	if (strlen(path) >= sizeof(a.sun_path))
		return ERR_INVALID;
	memcpy(a.sun_path, path, strlen(path) + 1);
	if (fd < 0 || connect(fd, (struct sockaddr *)&a, sizeof(a)) != 0) {
		log_error(NULL, "%s: expected somebody who starts couriers: %s", path,
		    strerror(errno));
		return ERR_OFFLINE;
	}
	struct nursery *n = calloc(1, sizeof(*n));
	if (!n)
		return ERR_NOMEM;
	n->fd = hand_over_fd(&fd);
	*out = n;
	return ERR_OK;
}

void
nursery_free(struct nursery *n)
{
	if (!n)
		return;
	close(n->fd);
	free(n);
}

int
nursery_fd(const struct nursery *n)
{
	return n->fd;
}

pid_t
nursery_pid(const struct nursery *n)
{
	return n->pid;
}

static enum err
send_request(struct nursery *n, const struct nursery_request *r, const int *fds, size_t n_fds)
{
	union {
		struct cmsghdr head;
		char space[CMSG_SPACE(2 * sizeof(int))];
	} control = {0};
	struct iovec iov = {(void *)(uintptr_t)r, sizeof(*r)};
	struct msghdr m = {.msg_iov = &iov, .msg_iovlen = 1};

	if (n_fds) {
		m.msg_control = &control;
		m.msg_controllen = CMSG_SPACE(n_fds * sizeof(int));
		struct cmsghdr *c = CMSG_FIRSTHDR(&m);
		c->cmsg_level = SOL_SOCKET;
		c->cmsg_type = SCM_RIGHTS;
		c->cmsg_len = CMSG_LEN(n_fds * sizeof(int));
		memcpy(CMSG_DATA(c), fds, n_fds * sizeof(int));
	}
	if (sendmsg(n->fd, &m, MSG_NOSIGNAL | MSG_DONTWAIT) == (ssize_t)sizeof(*r))
		return ERR_OK;
	if (errno == EPIPE || errno == ECONNRESET)
		return ERR_CLOSED;
	return errno == EAGAIN ? ERR_AGAIN : ERR_SYSTEM;
}

enum err
nursery_spawn(struct nursery *n, uint32_t id, int chan_fd, int file_fd)
{
	struct nursery_request r = {NURSERY_SPAWN, id};
	int fds[2] = {chan_fd, file_fd};

	return send_request(n, &r, fds, 2);
}

enum err
nursery_kill(struct nursery *n, uint32_t id)
{
	struct nursery_request r = {NURSERY_KILL, id};

	return send_request(n, &r, NULL, 0);
}

enum err
nursery_read(struct nursery *n, struct nursery_note *out)
{
	ssize_t got = recv(n->fd, out, sizeof(*out), MSG_DONTWAIT);

	if (got == (ssize_t)sizeof(*out))
		return ERR_OK;
	if (got < 0 && (errno == EAGAIN || errno == EINTR))
		return ERR_AGAIN;
	return ERR_CLOSED;
}
