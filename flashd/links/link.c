/*
 * link: see link.h.
 */
#include "link.h"

#include <arpa/inet.h>
#include <errno.h>
#include <string.h>

#include "auto.h"
#include "log.h"

static const struct link_kind *const networks[] = {&link_udp, &link_tcp};

enum { NETWORKS = sizeof(networks) / sizeof(networks[0]) };

/* --- a serial line ---------------------------------------------------------------------------- */

static enum err
open_tty(struct link *l, const struct tty_settings *s, char why[WHY_SIZE])
{
	return tty_open(s, &l->fd, why);
}

static void
close_tty(struct link *l)
{
	close(hand_over_fd(&l->fd));
}

static bool
refresh_tty(struct link *l)
{
	tty_flush(l->fd);
	return tty_renew(l->fd, &l->was);
}

const struct link_kind link_tty = {.open = open_tty, .close = close_tty, .refresh = refresh_tty};

/* --- where a port leads to -------------------------------------------------------------------- */

/* "192.0.2.7:1337" or "[2001:db8::7]:1337"; false when it is neither. */
static bool
split(const char *text, char host[INET6_ADDRSTRLEN], const char **port)
{
	bool six = text[0] == '[';
	const char *from = text + six, *end = six ? strchr(text, ']') : strchr(text, ':');
	size_t len = end ? (size_t)(end - from) : 0;

	if (len == 0 || len >= INET6_ADDRSTRLEN || (six && end[1] != ':'))
		return false;
	memcpy(host, from, len);
	host[len] = '\0';
	*port = end + 1 + six;
	return true;
}

static bool
parse_port(const char *text, uint16_t *out)
{
	unsigned v = 0;
	size_t i = 0;

	for (; text[i] >= '0' && text[i] <= '9' && i < 6; i++)
		v = v * 10 + (unsigned)(text[i] - '0');
	*out = (uint16_t)v;
	return i > 0 && text[i] == '\0' && v > 0 && v <= UINT16_MAX;
}

static bool
parse_address(const char *text, struct link_place *out)
{
	struct sockaddr_in *four = (struct sockaddr_in *)&out->to;
	struct sockaddr_in6 *six = (struct sockaddr_in6 *)&out->to;
	char host[INET6_ADDRSTRLEN];
	const char *digits = NULL;
	uint16_t port = 0;

	if (!split(text, host, &digits) || !parse_port(digits, &port))
		return false;
	out->port = port;
	if (text[0] == '[') {
		*six = (struct sockaddr_in6){.sin6_family = AF_INET6, .sin6_port = htons(port)};
		out->to_len = sizeof(*six);
		return inet_pton(AF_INET6, host, &six->sin6_addr) == 1;
	}
	*four = (struct sockaddr_in){.sin_family = AF_INET, .sin_port = htons(port)};
	out->to_len = sizeof(*four);
	return inet_pton(AF_INET, host, &four->sin_addr) == 1;
}

enum err
link_parse(const char *port, struct link_place *out, char why[WHY_SIZE])
{
	*out = (struct link_place){.kind = &link_tty};
	for (size_t i = 0; i < NETWORKS; i++) {
		size_t len = strlen(networks[i]->prefix);

		if (strncmp(port, networks[i]->prefix, len) != 0)
			continue;
		out->kind = networks[i];
		if (strlen(port) >= LINK_PORT_TEXT || !parse_address(port + len, out))
			return why_say(why, ERR_CONFIG,
			    "expected %sADDRESS:PORT in numbers, IPv6 in brackets, got %.80s",
			    networks[i]->prefix, port);
		if (networks[i]->type != SOCK_STREAM)
			out->port = 0;
	}
	return ERR_OK;
}

bool
link_is_network(const struct link_place *p)
{
	return p->kind->type != 0;
}

/* --- sockets ---------------------------------------------------------------------------------- */

int
link_sockets_find(const struct link_sockets *s, const char *port)
{
	for (size_t i = 0; i < s->n; i++)
		if (strcmp(s->list[i].port, port) == 0)
			return s->list[i].fd;
	return -1;
}

static enum err
make_socket(const struct link_place *p, const char *port, int *out)
{
	AUTO(fd) int fd = socket(p->to.ss_family, p->kind->type | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);

	if (fd < 0 || (p->kind->prepare && p->kind->prepare(fd) != ERR_OK)) {
		log_error(NULL,
		    "%s: expected a socket, got: %s (a service needs leave for it: "
		    "subota-flashd(8))",
		    port, strerror(errno));
		return errno == EACCES || errno == EAFNOSUPPORT ? ERR_DENIED : ERR_SYSTEM;
	}
	*out = hand_over_fd(&fd);
	return ERR_OK;
}

enum err
link_sockets_add(struct link_sockets *s, const char *port)
{
	struct link_place p;
	int fd = -1;
	enum err e = link_parse(port, &p, NULL);

	if (e != ERR_OK || !link_is_network(&p) || link_sockets_find(s, port) >= 0)
		return e;
	struct link_socket *list = reallocarray(s->list, s->n + 1, sizeof(*list));
	if (!list)
		return ERR_NOMEM;
	s->list = list;
	e = make_socket(&p, port, &fd);
	if (e != ERR_OK)
		return e;
	s->list[s->n].fd = fd;
	snprintf(s->list[s->n].port, LINK_PORT_TEXT, "%s", port);
	s->n++;
	return ERR_OK;
}

void
link_sockets_fini(struct link_sockets *s)
{
	for (size_t i = 0; i < s->n; i++)
		close(s->list[i].fd);
	free(s->list);
	*s = (struct link_sockets){0};
}

/* --- a link ----------------------------------------------------------------------------------- */

void
link_init(struct link *l, int socket)
{
	*l = (struct link){.fd = -1, .socket = socket};
}

enum err
link_open(struct link *l, const struct tty_settings *s, char why[WHY_SIZE])
{
	enum err e = l->kind ? ERR_OK : link_parse(s->path, &l->place, why);

	if (e != ERR_OK)
		return e;
	l->kind = l->place.kind;
	if (l->fd >= 0 && tty_same(&l->was, s) && l->kind->refresh(l))
		return ERR_OK;
	link_close(l);
	e = l->kind->open(l, s, why);
	if (e == ERR_OK)
		l->was = *s;
	return e;
}

void
link_close(struct link *l)
{
	if (l->fd >= 0)
		l->kind->close(l);
	l->fd = -1;
}

void
link_doubt(struct link *l)
{
	if (l->fd >= 0 && l->kind->doubtful)
		link_close(l);
}
