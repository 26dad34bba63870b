/*
 * nursery: the daemon's end; see nursery.h. The other end is nursery/main.c.
 */
#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>

#include "clock.h"
#include "log.h"
#include "nursery.h"
#include "rights.h"
#include "sandbox.h"

enum { PATIENCE_MS = 5000, FIXED_WORDS = 6 };

struct nursery {
	int fd;
	pid_t pid;
	uint32_t last_id;
};

/* --- start ------------------------------------------------------------------------------------ */

static char *
place_word(const struct place *p)
{
	char text[sizeof(p->path) + 40];

	snprintf(text, sizeof(text), "%.38s=%s", p->name, p->path);
	return strdup(text);
}

static char *
number_word(unsigned number)
{
	char text[16];

	snprintf(text, sizeof(text), "%u", number);
	return strdup(text);
}

void
nursery_free_argv(char **argv)
{
	for (size_t i = 0; argv && argv[i]; i++)
		free(argv[i]);
	free(argv);
}

char **
nursery_argv(const struct nursery_setup *s)
{
	size_t n = FIXED_WORDS + s->places->n;
	char **argv = calloc(n + 1, sizeof(*argv));

	if (!argv)
		return NULL;
	argv[0] = strdup("subota-nursery");
	argv[1] = strdup(s->parent);
	argv[2] = strdup(s->mode);
	argv[3] = number_word((unsigned)s->uid);
	argv[4] = number_word((unsigned)s->gid);
	argv[5] = number_word((unsigned)s->group);
	for (size_t i = FIXED_WORDS; i < n; i++)
		argv[i] = place_word(&s->places->list[i - FIXED_WORDS]);
	for (size_t i = 0; i < n; i++) {
		if (argv[i])
			continue;
		for (size_t k = 0; k < n; k++)
			free(argv[k]);
		free(argv);
		return NULL;
	}
	return argv;
}

enum err
nursery_start(const struct nursery_setup *s, struct nursery **out)
{
	char **argv = nursery_argv(s);
	struct nursery *n = calloc(1, sizeof(*n));
	int pair[2] = {-1, -1};
	enum err e = argv && n ? ERR_OK : ERR_NOMEM;

	if (e == ERR_OK && socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair) < 0)
		e = ERR_SYSTEM;
	if (e == ERR_OK) {
		e = sandbox_spawn(s->program, argv, &pair[1], 1, &n->pid);
		close(pair[1]);
		n->fd = pair[0];
	}
	nursery_free_argv(argv);
	if (e == ERR_OK)
		*out = n;
	else if (pair[0] >= 0)
		nursery_free(n);
	else
		free(n);
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
		log_error(NULL, "%s: expected a nursery: %s", path, strerror(errno));
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

/* --- requests --------------------------------------------------------------------------------- */

/* Not for ever: a nursery that hangs must not make its daemon hang. */
static enum err
send_patiently(const struct nursery *n, const struct msghdr *m)
{
	struct mono end = mono_after(clock_now(), PATIENCE_MS);
	struct pollfd p = {.fd = n->fd, .events = POLLOUT};

	while (sendmsg(n->fd, m, MSG_NOSIGNAL | MSG_DONTWAIT) < 0) {
		int64_t left = mono_between(clock_now(), end);

		if (errno == EPIPE || errno == ECONNRESET)
			return ERR_CLOSED;
		if (errno != EAGAIN && errno != EINTR)
			return ERR_SYSTEM;
		if (left <= 0)
			return ERR_AGAIN;
		(void)!poll(&p, 1, (int)left);
	}
	return ERR_OK;
}

/* The places behind a request, each with its NUL. */
static enum err
write_words(const struct places *places, char out[NURSERY_WORDS], size_t *len)
{
	*len = 0;
	for (size_t i = 0; places && i < places->n; i++) {
		size_t room = NURSERY_WORDS - *len;
		int n = snprintf(
		    out + *len, room, "%s=%s", places->list[i].name, places->list[i].path);

		if (n < 0 || (size_t)n >= room)
			return ERR_LIMIT;
		*len += (size_t)n + 1;
	}
	return ERR_OK;
}

enum err
nursery_spawn(struct nursery *n, const struct nursery_birth *b, uint32_t *id)
{
	union rights rights;
	struct nursery_request r = {NURSERY_SPAWN, n->last_id + 1, b->program};
	char words[NURSERY_WORDS];
	struct iovec iov[] = {{&r, sizeof(r)}, {words, 0}};
	struct msghdr m = {.msg_iov = iov, .msg_iovlen = 2};

	enum err e = b->n_fds >= 1 && b->n_fds <= NURSERY_FDS ? ERR_OK : ERR_INVALID;
	if (e == ERR_OK)
		e = write_words(b->places, words, &iov[1].iov_len);
	if (e != ERR_OK)
		return e;
	r.id += r.id == 0;
	rights_add(&m, &rights, b->fds, b->n_fds);
	e = send_patiently(n, &m);
	if (e == ERR_OK)
		*id = n->last_id = r.id;
	return e;
}

enum err
nursery_kill(struct nursery *n, uint32_t id)
{
	struct nursery_request r = {NURSERY_KILL, id, 0};
	struct iovec iov = {&r, sizeof(r)};
	struct msghdr m = {.msg_iov = &iov, .msg_iovlen = 1};

	return send_patiently(n, &m);
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
