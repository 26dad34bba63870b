/*
 * subota-dialer: makes cloudd's connections to the platform. Started by cloudd, before it locks
 * itself in.
 *
 * usage: subota-dialer MODE UID GID "HOST PORT"..., with cloudd's socket as descriptor 3.
 *
 * MODE are the words of sandbox.h; the servers are those of the configuration (directory.h).
 *
 * May: resolve the names of its list, connect to them, carry bytes between them and cloudd.
 * Must never: look at those bytes, connect to what is not in its list, link a library beyond libc,
 * have a key or a file, outlive cloudd.
 */
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <string.h>
#include <sysexits.h>

#include "exchange.h"
#include "log.h"
#include "sandbox.h"

enum { CLOUDD_FD = 3, FIXED_WORDS = 4 };

static bool
read_id(const char *text, uint32_t *out)
{
	char *end = NULL;
	unsigned long v = strtoul(text, &end, 10);

	*out = (uint32_t)v;
	return text[0] >= '0' && text[0] <= '9' && *end == '\0' && v < UINT32_MAX;
}

/* uid, gid in ids[]. False: usage. */
static bool
read_arguments(
    int argc, char **argv, struct sandbox_mode *mode, uint32_t ids[2], struct directory *list)
{
	bool fine = argc > FIXED_WORDS && sandbox_mode_parse(argv[1], mode) == ERR_OK &&
		    read_id(argv[2], &ids[0]) && read_id(argv[3], &ids[1]);

	for (int i = FIXED_WORDS; fine && i < argc; i++)
		fine = directory_parse(list, argv[i]) == ERR_OK;
	return fine;
}

static enum err
lock_in(const struct sandbox_mode *mode, const uint32_t ids[2], const struct directory *list)
{
	const struct sandbox_promise *promise = promise_find("dialer");
	struct places places = {0};

	places_add(&places, "$port", "53"); /* a name server, when its answer is long */
	for (size_t i = 0; i < list->n; i++)
		places_add(&places, "$port", "%u", (unsigned)list->list[i].port);
	sandbox_tell_gaps(promise);
	enum err e = sandbox_enter(promise, ids[0], ids[1], 0);
	if (e == ERR_OK)
		e = sandbox_lock_files(promise, mode, &places);
	places_fini(&places);
	return e;
}

/* A resolver may wait for a minute, and cloudd's next life shall not find us. (The death signal
 * that cloudd asks for goes with the change of users, and Landlock's scope of signals may hold it
 * back.)
 */
static void
on_word_from_cloudd(int signal)
{
	struct pollfd p = {.fd = CLOUDD_FD};

	(void)signal;
	if (poll(&p, 1, 0) == 1 && (p.revents & POLLHUP))
		_exit(EX_OK);
}

static bool
listen_for_the_end(void)
{
	const struct sigaction act = {.sa_handler = on_word_from_cloudd, .sa_flags = SA_RESTART};

	return sigaction(SIGIO, &act, NULL) == 0 && fcntl(CLOUDD_FD, F_SETOWN, getpid()) == 0 &&
	       fcntl(CLOUDD_FD, F_SETFL, O_RDWR | O_ASYNC) == 0;
}

int
main(int argc, char **argv)
{
	AUTO(mem) struct exchange *x = calloc(1, sizeof(*x));
	struct sandbox_mode mode = {0};
	struct directory list = {0};
	uint32_t ids[2] = {0};

	log_init("dialer", LOG_INFO);
	signal(SIGPIPE, SIG_IGN);
	signal(SIGINT, SIG_IGN); /* a terminal's Ctrl-C: cloudd decides when it ends */
	sandbox_close_from(CLOUDD_FD + 1);
	if (!read_arguments(argc, argv, &mode, ids, &list) || fcntl(CLOUDD_FD, F_GETFD) < 0) {
		fprintf(stderr, "subota-dialer is started by subota-cloudd only\n");
		return EX_USAGE;
	}
	if (!x || lock_in(&mode, ids, &list) != ERR_OK || !listen_for_the_end())
		return EX_OSERR;
	x->fd = CLOUDD_FD;
	x->list = &list;
	resolver_init(&x->resolver, RESOLVER_FILE);
	enum err e = sandbox_lock_calls(promise_find("dialer"), &mode);
	if (e == ERR_OK)
		e = exchange_run(x);
	directory_fini(&list);
	return e == ERR_OK ? EX_OK : EX_OSERR;
}
