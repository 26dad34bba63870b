/*
 * dial: see dial.h.
 */
#include "dial.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "rights.h"
#include "sandbox.h"

enum { FIXED_WORDS = 4 };

struct dial {
	int fd;
	pid_t pid;
	uint32_t last_id;
	struct directory list;
};

/* --- start ------------------------------------------------------------------------------------ */

static void
free_words(char **argv)
{
	for (size_t i = 0; argv && argv[i]; i++)
		free(argv[i]);
	free(argv);
}

static char *
number_word(unsigned number)
{
	char text[16];

	snprintf(text, sizeof(text), "%u", number);
	return strdup(text);
}

/* The command line, NULL: no memory. */
static char **
make_words(const struct dial_setup *s, const struct directory *list)
{
	char **argv = calloc(FIXED_WORDS + list->n + 1, sizeof(*argv));
	char word[DIRECTORY_HOST + 8];
	bool fine = argv != NULL;

	if (!argv)
		return NULL;
	argv[0] = strdup("subota-dialer");
	argv[1] = strdup(s->mode);
	argv[2] = number_word((unsigned)s->uid);
	argv[3] = number_word((unsigned)s->gid);
	for (size_t i = 0; i < list->n; i++) {
		directory_format(&list->list[i], word);
		argv[FIXED_WORDS + i] = strdup(word);
	}
	for (size_t i = 0; i < FIXED_WORDS + list->n; i++)
		fine = fine && argv[i];
	if (fine)
		return argv;
	for (size_t i = 0; i < FIXED_WORDS + list->n; i++)
		free(argv[i]);
	free(argv);
	return NULL;
}

enum err
dial_new(int fd, struct directory *list, struct dial **out)
{
	struct dial *d = calloc(1, sizeof(*d));

	if (!d) {
		close(fd);
		directory_fini(list);
		return ERR_NOMEM;
	}
	*d = (struct dial){.fd = fd, .list = *list};
	*list = (struct directory){0};
	*out = d;
	return ERR_OK;
}

enum err
dial_start(const struct dial_setup *setup, struct directory *list, struct dial **out)
{
	char **argv = make_words(setup, list);
	int pair[2] = {-1, -1};
	pid_t pid = 0;
	enum err e = argv ? ERR_OK : ERR_NOMEM;

	if (e == ERR_OK && socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair) != 0)
		e = ERR_SYSTEM;
	if (e == ERR_OK) {
		e = sandbox_spawn(setup->program, argv, &pair[1], 1, &pid);
		close(pair[1]);
	}
	free_words(argv);
	if (e == ERR_OK)
		e = dial_new(hand_over_fd(&pair[0]), list, out);
	if (e == ERR_OK)
		(*out)->pid = pid;
	if (pair[0] >= 0)
		close(pair[0]);
	directory_fini(list);
	return e;
}

void
dial_free(struct dial *d)
{
	if (!d)
		return;
	close(d->fd);
	directory_fini(&d->list);
	free(d);
}

int
dial_fd(const struct dial *d)
{
	return d->fd;
}

pid_t
dial_pid(const struct dial *d)
{
	return d->pid;
}

/* --- requests --------------------------------------------------------------------------------- */

/* One that does not take a handful of small requests is as good as dead. */
static enum err
say(const struct dial *d, const struct dialer_request *r)
{
	ssize_t n = send(d->fd, r, sizeof(*r), MSG_NOSIGNAL | MSG_DONTWAIT);

	return n == (ssize_t)sizeof(*r) ? ERR_OK : ERR_DIALER;
}

enum err
dial_ask(struct dial *d, const char *host, uint16_t port, uint32_t *id)
{
	struct dialer_request r = {.verb = DIALER_ASK};
	enum err e = directory_find(&d->list, host, port, &r.place);

	if (e != ERR_OK)
		return e;
	d->last_id += d->last_id == UINT32_MAX ? 2 : 1;
	*id = r.id = d->last_id;
	return say(d, &r);
}

void
dial_cancel(struct dial *d, uint32_t id)
{
	const struct dialer_request r = {.verb = DIALER_CANCEL, .id = id};

	(void)!say(d, &r); /* whether it is there is seen by the next that ask */
}

enum err
dial_read(struct dial *d, struct dialer_note *note, int *fd)
{
	int fds[RIGHTS_MOST];
	union rights rights;
	struct iovec iov = {note, sizeof(*note)};
	struct msghdr m = {.msg_iov = &iov, .msg_iovlen = 1};

	*fd = -1;
	rights_expect(&m, &rights, 1);
	ssize_t got = recvmsg(d->fd, &m, MSG_CMSG_CLOEXEC | MSG_DONTWAIT);
	if (got < 0 && (errno == EAGAIN || errno == EINTR))
		return ERR_AGAIN;
	if (got < 0)
		return ERR_DIALER;
	if (rights_take(&m, fds) == 1)
		*fd = fds[0];
	if (got == (ssize_t)sizeof(*note)) {
		note->why[DIALER_WHY - 1] = '\0';
		return ERR_OK;
	}
	if (*fd >= 0)
		close(*fd);
	return ERR_DIALER;
}
