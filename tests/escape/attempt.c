/*
 * attempt: one attempt, carried out. Each is made by a process of its own that traces the victim:
 * the victim's parent is who calls us, and must see its end as a parent does.
 */
#include "attempt.h"

#include <arpa/inet.h>
#include <dirent.h>
#include <errno.h>
#include <linux/netlink.h>
#include <netinet/in.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include "auto.h"

enum { PATIENCE_S = 120, OUTCOME_MS = 60000, ROOM = 512, NO_CALL = -1 };

/* "$state/x": the first path of $state, and "/x". */
static void
resolve(const struct places *places, const char *text, char *out, size_t size)
{
	size_t len = strcspn(text, "/");
	char name[40];

	snprintf(name, sizeof(name), "%.*s", (int)len, text);
	const char *path = text[0] == '$' ? places_find(places, name, 0) : NULL;
	snprintf(out, size, "%s%s", path ? path : "", path ? text + len : text);
}

static uint64_t
put_unix(struct inject *in, const char *path, bool abstract)
{
	struct sockaddr_un at = {.sun_family = AF_UNIX};

	memcpy(at.sun_path + (abstract ? 1 : 0), path, strnlen(path, sizeof(at.sun_path) - 2));
	return inject_put(in, &at, sizeof(at));
}

static uint64_t
put_tcp(struct inject *in, const char *port)
{
	struct sockaddr_in at = {.sin_family = AF_INET,
	    .sin_port = htons((uint16_t)strtoul(port, NULL, 10)),
	    .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};

	return inject_put(in, &at, sizeof(at));
}

static uint64_t
put_netlink(struct inject *in, long groups)
{
	struct sockaddr_nl at = {.nl_family = AF_NETLINK, .nl_groups = (uint32_t)groups};

	return inject_put(in, &at, sizeof(at));
}

static bool
is_stream(int pidfd, int number, int family)
{
	AUTO(fd) int fd = (int)syscall(SYS_pidfd_getfd, pidfd, number, 0);
	int domain = 0, type = 0;
	socklen_t len = sizeof(int);

	return fd >= 0 && getsockopt(fd, SOL_SOCKET, SO_DOMAIN, &domain, &len) == 0 &&
	       domain == family && getsockopt(fd, SOL_SOCKET, SO_TYPE, &type, &len) == 0 &&
	       type == SOCK_STREAM;
}

/* The number that a socket of it has; -1: it has none. */
static int
find_own(pid_t pid, int family)
{
	char path[40];

	snprintf(path, sizeof(path), "/proc/%d/fd", (int)pid);
	AUTO(dir) DIR *d = opendir(path);
	AUTO(fd) int pidfd = (int)syscall(SYS_pidfd_open, pid, 0);
	for (struct dirent *e = NULL; d && (e = readdir(d));) {
		int number = (int)strtol(e->d_name, NULL, 10);

		if (e->d_name[0] != '.' && is_stream(pidfd, number, family))
			return number;
	}
	return -1;
}

static uint64_t
make_arg(struct inject *in, pid_t pid, const struct attempt_arg *a, const struct places *places,
    long before)
{
	char text[300] = "", room[ROOM];

	if (a->text)
		resolve(places, a->text, text, sizeof(text));
	switch (a->kind) {
	case ATTEMPT_TEXT:
		return inject_put(in, text, sizeof(text)); /* zeroes follow it */
	case ATTEMPT_PID:
		return strtoul(text, NULL, 10);
	case ATTEMPT_TCP:
		return put_tcp(in, text);
	case ATTEMPT_UNIX:
		return put_unix(in, text, a->number != 0);
	case ATTEMPT_NETLINK:
		return put_netlink(in, a->number);
	case ATTEMPT_OWN:
		return (uint64_t)(int64_t)find_own(pid, (int)a->number);
	case ATTEMPT_RESULT:
		return (uint64_t)before;
	case ATTEMPT_ROOM:
		memset(room, (int)a->number, sizeof(room));
		return inject_put(in, room, sizeof(room));
	case ATTEMPT_NUMBER:
		break;
	}
	return (uint64_t)a->number;
}

/* What became of a connection by a socket of its own, as errno. Whoever made a socket counts for a
 * firewall, whoever uses it: a datagram from here is the victim's. */
static int
outcome(pid_t pid, int number)
{
	AUTO(fd) int pidfd = (int)syscall(SYS_pidfd_open, pid, 0);
	AUTO(fd) int fd = (int)syscall(SYS_pidfd_getfd, pidfd, number, 0);
	struct pollfd p = {.fd = fd, .events = POLLOUT};
	int type = 0, domain = 0, error = 0;
	socklen_t len = sizeof(int);

	if (fd < 0 || getsockopt(fd, SOL_SOCKET, SO_DOMAIN, &domain, &len) != 0 ||
	    getsockopt(fd, SOL_SOCKET, SO_TYPE, &type, &len) != 0)
		return EBADF;
	if (domain != AF_INET)
		return 0;
	if (type == SOCK_DGRAM)
		return send(fd, "", 0, MSG_DONTWAIT) == 0 ? 0 : errno;
	if (poll(&p, 1, OUTCOME_MS) != 1)
		return ETIMEDOUT;
	return getsockopt(fd, SOL_SOCKET, SO_ERROR, &error, &len) == 0 ? error : errno;
}

static struct attempt_result
carry_out(struct inject *in, pid_t pid, const struct attempt *a, const struct places *places)
{
	struct attempt_result r = {INJECT_LOST, 0};
	long result = 0, opened = -1;
	int socket = -1;

	for (size_t i = 0; i < 2 && a->calls[i].nr != NO_CALL; i++) {
		uint64_t args[6];

		for (size_t k = 0; k < 6; k++)
			args[k] = make_arg(in, pid, &a->calls[i].args[k], places, result);
		r.end = inject_call(in, a->calls[i].nr, args, &result);
		socket = a->calls[i].nr == SYS_connect ? (int)args[0] : -1;
		bool failed = r.end == INJECT_RETURNED && result < 0 && result > -4096;

		r.error = failed ? (int)-result : 0;
		if (r.end != INJECT_RETURNED || failed)
			break;
		if (i == 0 && result > 2 && result < 4096)
			opened = result;
	}
	if (socket >= 0 && attempt_succeeded(&r))
		r.error = outcome(pid, socket);
	if (opened > 2 && r.end == INJECT_RETURNED)
		(void)inject_call(in, SYS_close, (uint64_t[6]){(uint64_t)opened}, &result);
	return r;
}

struct attempt_result
attempt_run(const struct attempt *a, pid_t pid, const struct places *places)
{
	struct attempt_result r = {INJECT_LOST, 0};
	int pipes[2];

	if (pipe(pipes) != 0)
		return r;
	pid_t child = fork();
	if (child == 0) {
		alarm(PATIENCE_S);
		struct inject *in = inject_begin(pid);
		if (in)
			r = carry_out(in, pid, a, places);
		inject_finish(in);
		(void)!write(pipes[1], &r, sizeof(r));
		_exit(0);
	}
	close(pipes[1]);
	if (child < 0 || read(pipes[0], &r, sizeof(r)) != (ssize_t)sizeof(r))
		r = (struct attempt_result){INJECT_LOST, 0};
	close(pipes[0]);
	waitpid(child, NULL, 0);
	return r;
}

bool
attempt_succeeded(const struct attempt_result *r)
{
	/* a connection under way is one that nobody refused */
	return r->end == INJECT_BECAME ||
	       (r->end == INJECT_RETURNED && (r->error == 0 || r->error == EINPROGRESS));
}

const char *
attempt_text(const struct attempt_result *r)
{
	const char *name = strerrorname_np(r->error);

	if (attempt_succeeded(r))
		return "allowed";
	if (r->end == INJECT_KILLED)
		return "killed";
	return r->end == INJECT_LOST ? "lost" : name ? name : "?";
}
