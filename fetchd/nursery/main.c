/*
 * subota-nursery: starts couriers for the gate under the couriers' uid; see ../nursery.h.
 *
 * usage: subota-nursery COURIER [UID GID MODE] [CA_FILE], with the gate's socket as descriptor 3;
 *        subota-nursery --listen SOCKET COURIER [CA_FILE], one of the former for each connection;
 * MODE are the words of sandbox.h, CA_FILE is what couriers read before they lock themselves in,
 * where it is not below /etc/ssl/certs. Without UID it stays who it is: systemd started it for a
 * connection of the gate's (whose descriptor is 3, too) and changed its user.
 *
 * May: start COURIER with two descriptors that the gate passed, and kill it.
 * Must never: keep a privilege, open a file, link a network library, outlive the gate by more than
 * the seconds its couriers need to end by themselves.
 */
#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <string.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/wait.h>

#include "auto.h"
#include "clock.h"
#include "listen.h"
#include "log.h"
#include "nursery.h"
#include "resolver.h"
#include "sandbox.h"

enum { GATE_FD = 3, LAST_WORDS_MS = 5000 };

struct courier {
	uint32_t id;
	pid_t pid; /* 0 = free slot */
};

struct house {
	char *program, *mode;
	const char *ca_file; /* "": none */
	int signals;
	struct resolver resolver;
	struct courier couriers[NURSERY_COURIERS_MAX];
};

static void
tell(uint32_t id, pid_t pid, int status, enum err e)
{
	struct nursery_note n = {id, pid, status, (uint32_t)e};

	if (send(GATE_FD, &n, sizeof(n), MSG_NOSIGNAL) < 0)
		log_debug(NULL, "the gate does not hear: %s", strerror(errno));
}

static struct courier *
find(struct house *h, uint32_t id)
{
	for (size_t i = 0; i < NURSERY_COURIERS_MAX; i++)
		if (h->couriers[i].pid && h->couriers[i].id == id)
			return &h->couriers[i];
	return NULL;
}

static struct courier *
find_free(struct house *h)
{
	for (size_t i = 0; i < NURSERY_COURIERS_MAX; i++)
		if (!h->couriers[i].pid)
			return &h->couriers[i];
	return NULL;
}

static bool
has_couriers(const struct house *h)
{
	for (size_t i = 0; i < NURSERY_COURIERS_MAX; i++)
		if (h->couriers[i].pid)
			return true;
	return false;
}

static void
spawn(struct house *h, uint32_t id, const int fds[2])
{
	char name[] = "subota-courier";
	char *argv[] = {name, h->mode, NULL};
	struct courier *c = find_free(h);
	pid_t pid = 0;
	enum err e = c && !find(h, id) ? sandbox_spawn(h->program, argv, fds, 2, &pid) : ERR_LIMIT;

	if (e == ERR_OK)
		*c = (struct courier){id, pid};
	else
		tell(id, 0, 0, e);
}

/* No courier could resolve a name: let the gate and us be started again (resolver.h). */
static bool
is_useless(const struct house *h)
{
	if (has_couriers(h) || !resolver_is_lost(&h->resolver))
		return false;
	log_error(NULL, "%s has been replaced and is out of reach: restart needed",
	    h->resolver.path);
	return true;
}

/* The two descriptors of a SPAWN, or false; whatever else came is closed. */
static bool
take_descriptors(struct msghdr *m, int fds[2])
{
	struct cmsghdr *c = CMSG_FIRSTHDR(m);

	if (!c || c->cmsg_level != SOL_SOCKET || c->cmsg_type != SCM_RIGHTS)
		return false;
	size_t n = (c->cmsg_len - CMSG_LEN(0)) / sizeof(int);
	if (n == 2) {
		memcpy(fds, CMSG_DATA(c), 2 * sizeof(int));
		return true;
	}
	for (size_t i = 0; i < n && i < 2; i++) {
		int fd;

		memcpy(&fd, CMSG_DATA(c) + i * sizeof(int), sizeof(fd));
		close(fd);
	}
	return false;
}

/* One request; false when the gate is gone, or we should be. */
static bool
serve(struct house *h)
{
	union {
		struct cmsghdr head;
		char space[CMSG_SPACE(2 * sizeof(int))];
	} control = {0};
	struct nursery_request r = {0};
	struct iovec iov = {&r, sizeof(r)};
	struct msghdr m = {.msg_iov = &iov,
	    .msg_iovlen = 1,
	    .msg_control = &control,
	    .msg_controllen = sizeof(control)};
	ssize_t got = recvmsg(GATE_FD, &m, MSG_CMSG_CLOEXEC | MSG_DONTWAIT);

	if (got < 0)
		return errno == EAGAIN || errno == EINTR;
	if (got != (ssize_t)sizeof(r))
		return false;
	int fds[2] = {-1, -1};
	bool has_fds = take_descriptors(&m, fds);
	struct courier *c = find(h, r.id);

	if (r.verb == NURSERY_SPAWN && has_fds && !is_useless(h))
		spawn(h, r.id, fds);
	else if (r.verb == NURSERY_KILL && c)
		kill(c->pid, SIGKILL);
	if (has_fds) {
		close(fds[0]);
		close(fds[1]);
	}
	return r.verb != NURSERY_SPAWN || !is_useless(h);
}

static void
reap(struct house *h)
{
	struct signalfd_siginfo info;
	int status = 0;
	pid_t pid;

	while (read(h->signals, &info, sizeof(info)) == (ssize_t)sizeof(info))
		;
	while ((pid = waitpid(-1, &status, WNOHANG)) > 0) {
		for (size_t i = 0; i < NURSERY_COURIERS_MAX; i++) {
			if (h->couriers[i].pid != pid)
				continue;
			tell(h->couriers[i].id, pid, status, ERR_OK);
			h->couriers[i].pid = 0;
		}
	}
}

static void
live(struct house *h)
{
	struct pollfd p[] = {
	    {.fd = GATE_FD, .events = POLLIN}, {.fd = h->signals, .events = POLLIN}};

	for (;;) {
		if (poll(p, 2, -1) < 0 && errno != EINTR)
			return;
		if (p[1].revents)
			reap(h);
		if (p[0].revents && !serve(h))
			return;
	}
}

/* The gate is gone. Couriers see their channel end, make durable what they have, and end. */
static void
let_end(struct house *h)
{
	struct mono until = mono_after(clock_now(), LAST_WORDS_MS);
	struct pollfd p = {.fd = h->signals, .events = POLLIN};

	while (has_couriers(h) && !mono_reached(clock_now(), until)) {
		(void)!poll(&p, 1, (int)mono_between(clock_now(), until));
		reap(h);
	}
	for (size_t i = 0; i < NURSERY_COURIERS_MAX; i++)
		if (h->couriers[i].pid)
			kill(h->couriers[i].pid, SIGKILL);
}

static bool
read_id(const char *text, uint32_t *out)
{
	char *end = NULL;
	unsigned long v = strtoul(text, &end, 10);

	*out = (uint32_t)v;
	return text[0] >= '0' && text[0] <= '9' && *end == '\0' && v < UINT32_MAX;
}

/* False: usage. */
static bool
read_arguments(int argc, char **argv, struct house *h, uint32_t *uid, uint32_t *gid)
{
	bool told = argc >= 5; /* who to be */

	if (argc < 2 || argc == 4 || argc > 6)
		return false;
	h->program = argv[1];
	h->mode = told ? argv[4] : (char *)(uintptr_t) "require";
	h->ca_file = argc == 3 || argc == 6 ? argv[argc - 1] : "";
	*uid = geteuid();
	*gid = getegid();
	return !told || (read_id(argv[2], uid) && read_id(argv[3], gid));
}

static enum err
lock_in(const struct house *h, uid_t uid, gid_t gid, const struct sandbox_mode *mode)
{
	const struct sandbox_promise *promise = promise_find("nursery");
	struct places places = {0};

	sandbox_tell_gaps(promise);
	places_add(&places, "$courier", "%s", h->program);
	if (h->ca_file[0])
		places_add(&places, "$ca", "%s", h->ca_file);
	enum err e = sandbox_enter(promise, uid, gid, 0);
	if (e == ERR_OK)
		e = sandbox_lock_files(promise, mode, &places);
	places_fini(&places);
	return e;
}

/* Of itself: what is fit for the nursery is fit for its door, but a door makes a file, so Landlock
 * has to wait for the nursery. argv[3] and [4] are what a nursery gets. */
static int
keep_the_door(char **argv)
{
	char *nursery[] = {argv[0], argv[3], argv[4], NULL};

	if (sandbox_enter(promise_find("nursery"), geteuid(), getegid(), 0) != ERR_OK)
		return 71;
	return listen_run(argv[2], nursery);
}

int
main(int argc, char **argv)
{
	struct sandbox_mode mode = {0};
	struct house h = {0};
	uint32_t uid = 0, gid = 0;
	sigset_t set;

	log_init("nursery", LOG_INFO);
	if ((argc == 4 || argc == 5) && strcmp(argv[1], "--listen") == 0)
		return keep_the_door(argv);
	if (!read_arguments(argc, argv, &h, &uid, &gid) ||
	    sandbox_mode_parse(h.mode, &mode) != ERR_OK) {
		fprintf(stderr, "subota-nursery is started by subota-fetchd or systemd only\n");
		return 64;
	}
	if (lock_in(&h, uid, gid, &mode) != ERR_OK)
		return 71;
	resolver_init(&h.resolver, RESOLVER_FILE);
	sigemptyset(&set);
	sigaddset(&set, SIGCHLD);
	/* a terminal's Ctrl-C reaches us, too: the gate decides when it ends */
	sigaddset(&set, SIGINT);
	if (sigprocmask(SIG_BLOCK, &set, NULL) < 0)
		return 71;
	sigdelset(&set, SIGINT);
	h.signals = signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
	if (h.signals < 0 || sandbox_lock_calls(promise_find("nursery"), &mode) != ERR_OK)
		return 71;
	live(&h);
	let_end(&h);
	return 0;
}
