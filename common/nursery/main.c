/*
 * subota-nursery: starts programs for one daemon under a uid of their own; see ../nursery.h.
 *
 * usage: subota-nursery DAEMON MODE UID GID GROUP $NAME=PATH..., with the daemon's socket as
 *        descriptor 3;
 *        subota-nursery --listen SOCKET PROGRAM WORD..., which is started for each connection;
 * DAEMON is "fetchd" or "flashd", MODE are the words of sandbox.h, GROUP is one more group (0:
 * none) and the places are the programs and what they may reach (promise.c). Who is not root has to
 * be UID already: a daemon's own --nursery (daemon_nursery.h) started it for a service manager.
 *
 * May: start the programs of brood.c with the descriptors that the daemon passed, and kill them.
 * Must never: keep a privilege, open a file, link a network library, start what is not in its table
 * or give it what the nursery was not given itself, outlive the daemon by more than the seconds
 * that those it started need to end by themselves.
 */
#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <string.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/wait.h>

#include "auto.h"
#include "brood.h"
#include "clock.h"
#include "listen.h"
#include "log.h"
#include "resolver.h"
#include "rights.h"
#include "sandbox.h"

enum { DAEMON_FD = 3, FIXED_WORDS = 6, CHILD_WORDS = 64 };

struct child {
	uint32_t id;
	pid_t pid; /* 0 = free slot */
	const struct brood_program *program;
};

struct house {
	const struct brood *brood;
	char *mode;
	struct places places;
	int signals;
	struct resolver resolver;
	struct child *children; /* brood->max of them */
};

/* A request and what came with it; the descriptors are ours to close. */
struct visit {
	struct nursery_request request;
	char words[NURSERY_WORDS];
	size_t len;
	int fds[RIGHTS_MOST];
	size_t n_fds;
};

static void
tell(uint32_t id, pid_t pid, int status, enum err e)
{
	struct nursery_note n = {id, pid, status, (uint32_t)e};

	if (send(DAEMON_FD, &n, sizeof(n), MSG_NOSIGNAL) < 0)
		log_debug(NULL, "the daemon does not hear: %s", strerror(errno));
}

static struct child *
find(struct house *h, uint32_t id)
{
	for (size_t i = 0; i < h->brood->max; i++)
		if (h->children[i].pid && h->children[i].id == id)
			return &h->children[i];
	return NULL;
}

static struct child *
find_free(struct house *h)
{
	for (size_t i = 0; i < h->brood->max; i++)
		if (!h->children[i].pid)
			return &h->children[i];
	return NULL;
}

static bool
has_children(const struct house *h)
{
	for (size_t i = 0; i < h->brood->max; i++)
		if (h->children[i].pid)
			return true;
	return false;
}

/* --- starting --------------------------------------------------------------------------------- */

/* ERR_DENIED: it asks for more than there is in the table, or was given to us. */
static enum err
spawn(struct house *h, struct visit *v, struct child *c)
{
	const struct brood_program *p = brood_program(h->brood, v->request.program, v->n_fds);
	const char *path = p ? places_find(&h->places, p->place, 0) : NULL;
	char *argv[2 + CHILD_WORDS + 1] = {NULL};
	size_t n = 2;
	pid_t pid = 0;

	if (!path || (v->len > 0 && !p->is_told_places) ||
	    !brood_owns(&h->places, v->words, v->len))
		return ERR_DENIED;
	argv[0] = (char *)(uintptr_t)p->name;
	argv[1] = h->mode;
	for (size_t at = 0; at < v->len; at += strlen(v->words + at) + 1) {
		if (n == 2 + CHILD_WORDS)
			return ERR_LIMIT;
		argv[n++] = v->words + at;
	}
	enum err e = sandbox_spawn(path, argv, v->fds, v->n_fds, &pid);
	if (e == ERR_OK)
		*c = (struct child){v->request.id, pid, p};
	return e;
}

/* Whoever asks cannot resolve a name any more: let the daemon and us be started again. */
static bool
is_useless(const struct house *h)
{
	if (!h->brood->has_names || has_children(h) || !resolver_is_lost(&h->resolver))
		return false;
	log_error(
	    NULL, "%s has been replaced and is out of reach: restart needed", h->resolver.path);
	return true;
}

/* False: we should end. */
static bool
carry_out(struct house *h, struct visit *v)
{
	struct child *c = find(h, v->request.id);

	if (v->request.verb == NURSERY_KILL) {
		if (c)
			kill(c->pid, SIGKILL);
		return true;
	}
	if (v->request.verb != NURSERY_SPAWN || is_useless(h))
		return v->request.verb != NURSERY_SPAWN;
	struct child *room = find_free(h);
	enum err e = room && !c ? spawn(h, v, room) : ERR_LIMIT;
	if (e != ERR_OK)
		tell(v->request.id, 0, 0, e);
	return true;
}

/* One request; false when the daemon is gone, or we should be. */
static bool
serve(struct house *h)
{
	union rights rights;
	struct visit v;
	struct iovec iov[] = {{&v.request, sizeof(v.request)}, {v.words, sizeof(v.words)}};
	struct msghdr m = {.msg_iov = iov, .msg_iovlen = 2};

	v.n_fds = 0;
	rights_expect(&m, &rights, NURSERY_FDS);
	ssize_t got = recvmsg(DAEMON_FD, &m, MSG_CMSG_CLOEXEC | MSG_DONTWAIT);
	if (got < 0)
		return errno == EAGAIN || errno == EINTR;
	v.n_fds = rights_take(&m, v.fds);
	bool fine = got >= (ssize_t)sizeof(v.request);
	if (fine) {
		v.len = (size_t)got - sizeof(v.request);
		fine = carry_out(h, &v);
	}
	for (size_t i = 0; i < v.n_fds; i++)
		close(v.fds[i]);
	return fine;
}

/* --- living ----------------------------------------------------------------------------------- */

static void
reap(struct house *h)
{
	struct signalfd_siginfo info;
	int status = 0;
	pid_t pid;

	while (read(h->signals, &info, sizeof(info)) == (ssize_t)sizeof(info))
		;
	while ((pid = waitpid(-1, &status, WNOHANG)) > 0) {
		for (size_t i = 0; i < h->brood->max; i++) {
			if (h->children[i].pid != pid)
				continue;
			tell(h->children[i].id, pid, status, ERR_OK);
			h->children[i].pid = 0;
		}
	}
}

static void
live(struct house *h)
{
	struct pollfd p[] = {
	    {.fd = DAEMON_FD, .events = POLLIN}, {.fd = h->signals, .events = POLLIN}};

	for (;;) {
		if (poll(p, 2, -1) < 0 && errno != EINTR)
			return;
		if (p[1].revents)
			reap(h);
		if (p[0].revents && !serve(h))
			return;
	}
}

/* Kill those who have had `ms` since the daemon went. How long the next ones have; 0: nobody. */
static int
end_those_who_had(struct house *h, int ms)
{
	int next = 0;

	for (size_t i = 0; i < h->brood->max; i++) {
		const struct child *c = &h->children[i];
		int last = c->pid ? c->program->last_words_ms : 0;

		if (c->pid && last <= ms)
			kill(c->pid, SIGKILL);
		else if (c->pid && (!next || last < next))
			next = last;
	}
	return next;
}

/* The daemon is gone. Whoever may see his channel end ends by himself; the others at once. */
static void
let_end(struct house *h)
{
	struct mono begin = clock_now();
	struct pollfd p = {.fd = h->signals, .events = POLLIN};

	for (int ms = end_those_who_had(h, 0); ms > 0; ms = end_those_who_had(h, ms)) {
		struct mono until = mono_after(begin, ms);

		while (has_children(h) && !mono_reached(clock_now(), until)) {
			(void)!poll(&p, 1, (int)mono_between(clock_now(), until));
			reap(h);
		}
	}
}

/* --- start ------------------------------------------------------------------------------------ */

static bool
read_id(const char *text, uint32_t *out)
{
	char *end = NULL;
	unsigned long v = strtoul(text, &end, 10);

	*out = (uint32_t)v;
	return text[0] >= '0' && text[0] <= '9' && *end == '\0' && v < UINT32_MAX;
}

/* "$name=path"; the name is cut off in place. */
static bool
read_place(char *word, struct places *out)
{
	char *equals = strchr(word, '=');

	if (word[0] != '$' || !equals || !equals[1])
		return false;
	*equals = '\0';
	places_add(out, word, "%s", equals + 1);
	return true;
}

/* uid, gid, group in ids[]. False: usage. */
static bool
read_arguments(int argc, char **argv, struct house *h, uint32_t ids[3])
{
	bool fine = argc > FIXED_WORDS;

	h->brood = fine ? brood_find(argv[1]) : NULL;
	h->mode = fine ? argv[2] : NULL;
	for (int i = 0; fine && i < 3; i++)
		fine = read_id(argv[3 + i], &ids[i]);
	for (int i = FIXED_WORDS; fine && i < argc; i++)
		fine = read_place(argv[i], &h->places);
	return fine && h->brood;
}

static enum err
lock_in(const struct house *h, const uint32_t ids[3], const struct sandbox_mode *mode)
{
	const struct sandbox_promise *promise = promise_find(brood_promise(h->brood, &h->places));
	enum err e = sandbox_apart(promise, mode);

	sandbox_tell_gaps(promise);
	if (e == ERR_OK)
		e = sandbox_enter(promise, ids[0], ids[1], ids[2]);
	return e == ERR_OK ? sandbox_lock_files(promise, mode, &h->places) : e;
}

/* SIGCHLD by descriptor. A terminal's Ctrl-C reaches us, too: the daemon decides when it ends. */
static bool
open_signals(struct house *h)
{
	sigset_t set;

	sigemptyset(&set);
	sigaddset(&set, SIGCHLD);
	sigaddset(&set, SIGINT);
	if (sigprocmask(SIG_BLOCK, &set, NULL) < 0)
		return false;
	sigdelset(&set, SIGINT);
	h->signals = signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
	return h->signals >= 0;
}

/* What is fit for a nursery is fit for its door, but a door makes a file, so Landlock has to wait
 * for the nursery. */
static int
keep_the_door(char **argv)
{
	if (sandbox_enter(promise_find("fetchd-nursery"), geteuid(), getegid(), 0) != ERR_OK)
		return 71;
	return listen_run(argv[2], argv + 3);
}

int
main(int argc, char **argv)
{
	struct sandbox_mode mode = {0};
	struct house h = {0};
	uint32_t ids[3] = {0};

	log_init("nursery", LOG_INFO);
	if (argc >= 4 && strcmp(argv[1], "--listen") == 0)
		return keep_the_door(argv);
	if (!read_arguments(argc, argv, &h, ids) || sandbox_mode_parse(h.mode, &mode) != ERR_OK) {
		fprintf(stderr, "subota-nursery is started by subota-fetchd, subota-flashd or "
				"a service manager only\n");
		return 64;
	}
	h.children = calloc(h.brood->max, sizeof(*h.children));
	if (!h.children || lock_in(&h, ids, &mode) != ERR_OK)
		return 71;
	if (h.brood->has_names)
		resolver_init(&h.resolver, RESOLVER_FILE);
	const struct sandbox_promise *promise = promise_find(brood_promise(h.brood, &h.places));
	if (!open_signals(&h) || sandbox_lock_calls(promise, &mode) != ERR_OK)
		return 71;
	live(&h);
	let_end(&h);
	free(h.children);
	places_fini(&h.places);
	return 0;
}
